"""Which posts count: a post's own text, long enough, not a repeat of one's own, within the caps."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from lms_plugin.domain.programme import DiscussionRule, Window

RULE = "own-words/1"
"""Name and version of this rule; every credit entry that it causes carries it."""

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FENCE = re.compile(r"^(?P<fence>```+|~~~+).*?(?:^(?P=fence)[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
_QUOTED_LINE = re.compile(r"^[ \t]{0,3}>.*$", re.MULTILINE)
_LINK = re.compile(r"!?\[(?P<words>[^\]]*)\]\([^)]*\)|<?https?://\S+>?")
_MARKS = re.compile(r"[*_`#~|]+|^\s*(?:[-+]|\d+[.)])\s", re.MULTILINE)
_SENTENCE_END = re.compile(r"[。！？!?；;…\n]+|(?<=[A-Za-z])\.(?=\s|$)")
_RUN = re.compile(r"(?P<unit>\S{1,6}?)(?P=unit){2,}")
_SHINGLE = 3


class PostReason(StrEnum):
    """Why a post counts or does not."""

    COUNTS = "counts"
    TOO_SHORT = "too_short"
    REPEATS_OWN_POST = "repeats_own_post"
    MODULE_CAP = "module_cap"
    DAY_CAP = "day_cap"
    TOTAL_CAP = "total_cap"
    OUTSIDE_WINDOW = "outside_window"
    NOT_A_LEARNER = "not_a_learner"
    NO_CREDIT_HERE = "no_credit_here"


@dataclass(frozen=True, slots=True)
class EarlierPost:
    """A post the same author wrote before in this programme."""

    body: str
    module_key: str
    posted_at: datetime
    counted: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a post counts, and the figures behind the sentence that says why.

    `characters` and `words` measure the post's own text. For a repeat, `similarity_percent` and `repeats_at`
    name the earlier post; for a cap, `cap` is its number.
    """

    counts: bool
    reason: PostReason
    characters: int = 0
    words: int = 0
    similarity_percent: int | None = None
    repeats_at: datetime | None = None
    cap: int | None = None


def own_text(body: str) -> str:
    """What the author added: without quotes, code, links' addresses, Markdown marks, repeated runs and sentences."""
    text = unicodedata.normalize("NFKC", body)
    text = _FENCE.sub("\n", text)
    text = _QUOTED_LINE.sub("\n", text)
    text = _LINK.sub(lambda match: match["words"] or "", text)
    text = _MARKS.sub(" ", text)
    kept: dict[str, str] = {}
    for sentence in _SENTENCE_END.split(text):
        plain = _RUN.sub(lambda match: match["unit"], sentence)
        letters = _letters(plain)
        if letters:
            kept.setdefault(letters, " ".join(plain.split()))
    return "\n".join(kept.values())


def measure(text: str) -> tuple[int, int]:
    """(Chinese characters, words of an alphabetic language) in a text."""
    characters = len(_CJK.findall(text))
    return characters, len(_WORD.findall(_CJK.sub(" ", text)))


def similarity(text: str, earlier: str) -> Fraction:
    """How much of the shorter of two own texts stands in the other: 0..1, over runs of three letters."""
    shingles, others = _shingles(text), _shingles(earlier)
    smaller = min(len(shingles), len(others))
    return Fraction(len(shingles & others), smaller) if smaller else Fraction(0)


def judge_post(
    body: str,
    *,
    module_key: str,
    earlier: Sequence[EarlierPost],
    rule: DiscussionRule,
    window: Window,
    now: datetime,
) -> Judgement:
    """Whether a learner's post counts, given all the posts the same author wrote before in the programme.

    The first obstacle decides, in the order in which an author could do something about it: the window, the
    length, a repeat, then the caps of the module, the day and the programme.
    """
    text = own_text(body)
    characters, words = measure(text)
    if not window.contains(now):
        return Judgement(False, PostReason.OUTSIDE_WINDOW, characters, words)
    if Fraction(characters, rule.min_characters) + Fraction(words, rule.min_words) < 1:
        return Judgement(False, PostReason.TOO_SHORT, characters, words)
    alike = [(similarity(text, own_text(post.body)), post) for post in earlier]
    closest = max(alike, key=lambda pair: pair[0], default=None)
    if closest is not None and closest[0] >= rule.duplicate_ratio:
        ratio, post = closest
        percent = int(ratio * 100)
        return Judgement(False, PostReason.REPEATS_OWN_POST, characters, words, percent, post.posted_at)
    counted = [post for post in earlier if post.counted]
    today = window.day_of(now)
    caps = (
        (PostReason.MODULE_CAP, rule.max_per_module, sum(post.module_key == module_key for post in counted)),
        (
            PostReason.DAY_CAP,
            rule.max_per_day,
            sum(window.day_of(post.posted_at) == today for post in counted),
        ),
        (PostReason.TOTAL_CAP, rule.max_total, len(counted)),
    )
    for reason, cap, used in caps:
        if cap is not None and used >= cap:
            return Judgement(False, reason, characters, words, cap=cap)
    return Judgement(True, PostReason.COUNTS, characters, words)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _shingles(text: str) -> frozenset[str]:
    letters = _letters(text)
    return frozenset(letters[at : at + _SHINGLE] for at in range(max(1, len(letters) - _SHINGLE + 1)) if letters)
