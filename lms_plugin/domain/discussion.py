"""Which posts count: a post's own text, long enough, not a repeat of one's own, within the caps."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from lms_plugin.domain.programme import DiscussionRule, Window

RULE = "own-words/1"
"""Name and version of this rule; every credit entry that it causes carries it."""

# Whatever stands here runs on what strangers write: no pattern may look further than to its own next delimiter.
_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:['’-][^\W\d_{_CJK}]+)*")
_CHARACTER = re.compile(rf"[{_CJK}]")
_LINE_END = re.compile(r"\r\n?|\n")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})")
_QUOTED_LINE = re.compile(r"[ \t]{0,3}>")
_DEFINED_LINK = re.compile(r""" {0,3}\[[^\[\]]+\]:[ \t]*\S+(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*\Z""")
_LINK = re.compile(r"(?P<image>!)?\[(?P<words>[^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
# Only what an address can be made of: Chinese goes on right behind an address, without a space.
_ADDRESS = re.compile(r"https?://[!-;=?-~]+", re.IGNORECASE)
# Within a word these make no other word: accents and vowel signs, zero-width signs, letters that show nothing.
_UNSEEN_KINDS = {"Mn", "Me", "Mc", "Cf"}
_UNSEEN_LETTERS = "\u115f\u1160\u3164"
_CLAUSE_END = re.compile(r"[,.:;!?。、…\n]+")
_LONGEST_UNIT = 6
_ECHO = 5
_RUN = 3


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

    `characters` and `words` measure the post's own text. For a repeat, `repeats_at` names the earlier post and
    `similarity_percent` says how much of this one stands in it; for a cap, `cap` is its number.
    """

    counts: bool
    reason: PostReason
    characters: int = 0
    words: int = 0
    similarity_percent: int | None = None
    repeats_at: datetime | None = None
    cap: int | None = None


def own_text(body: str) -> str:
    """What the author added: plain, in lower case, with nothing but words.

    Left out are quotes, code, images, addresses, and whatever repeats itself within the post: runs such as
    哈哈哈哈, clauses said before, and from their fifth word (or Chinese character) on, phrases said before.
    """
    # Words keep a space between them, so that the text gives the same words again.
    return re.sub(rf"(?<=[{_CJK}]) | (?=[{_CJK}])", "", " ".join(_own(body).words))


def measure(text: str) -> tuple[int, int]:
    """(Chinese characters, words of an alphabetic language) in a text."""
    return _measure(_words(text))


def similarity(text: str, earlier: str) -> Fraction:
    """How much of one text stands in the other (0..1), for whichever it is more.

    A word or Chinese character stands in the other text where it is part of a run of three in both.
    """
    return _similarity(_text(_words(text.casefold())), _text(_words(earlier.casefold())))


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
    own = _own(body)
    characters, words = own.characters, own.others
    if not window.contains(now):
        return Judgement(False, PostReason.OUTSIDE_WINDOW, characters, words)
    if not _is_long_enough(own, rule):
        return Judgement(False, PostReason.TOO_SHORT, characters, words)
    # A remark such as "thank you" is no text that could be repeated: it stands in many an honest post.
    said = [(before, post) for post in earlier if _is_long_enough(before := _own(post.body), rule)]
    alike = [(_similarity(own, before), before, post) for before, post in said]
    closest = max(alike, key=lambda one: one[0], default=None)
    if closest is not None and closest[0] >= rule.duplicate_ratio:
        _, before, post = closest
        # Who takes up an earlier post and adds enough to make a post of its own repeats nothing.
        if not _is_long_enough(_new_words(own, [one for one, _ in said]), rule):
            percent = int(_share(own, before) * 100)
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


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of a text; how many are Chinese characters, and how many others."""

    words: tuple[str, ...]
    characters: int
    others: int


def _text(words: tuple[str, ...]) -> _Text:
    return _Text(words, *_measure(words))


@lru_cache(maxsize=8192)
def _own(body: str) -> _Text:
    """What the author of a post added."""
    clauses = dict.fromkeys(_without_runs(_words(clause)) for clause in _CLAUSE_END.split(_visible_text(body)))
    return _text(tuple(_without_echoes(word for clause in clauses for word in clause)))


def _measure(words: Sequence[str]) -> tuple[int, int]:
    characters = sum(_CHARACTER.match(word) is not None for word in words)
    return characters, len(words) - characters


def _is_long_enough(text: _Text, rule: DiscussionRule) -> bool:
    """Whether both shares of what is asked for, in characters and in other words, come to a whole together."""
    whole = rule.min_characters * rule.min_words
    return text.characters * rule.min_words + text.others * rule.min_characters >= whole


def _similarity(text: _Text, other: _Text) -> Fraction:
    return max(_share(text, other), _share(other, text))


def _visible_text(body: str) -> str:
    """A post's Markdown without quotes, code and addresses; letters in their plain forms, in lower case."""
    text = "\n".join(_own_lines(body))
    text = _LINK.sub(lambda match: "" if match["image"] else match["words"], text)
    text = html.unescape(_ADDRESS.sub(" ", text))
    # Plain forms come last: they make ASCII of full-width signs, which mean nothing to Markdown.
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", text).casefold()
        if unicodedata.category(character) not in _UNSEEN_KINDS and character not in _UNSEEN_LETTERS
    )


def _own_lines(body: str) -> Iterator[str]:
    fence = None
    for line in _LINE_END.split(body):
        mark = _FENCE.match(line)
        if fence is not None:
            if mark is not None and mark["fence"].startswith(fence) and mark["fence"] == line.strip():
                fence = None
        elif mark is not None:
            fence = mark["fence"]
        elif _QUOTED_LINE.match(line) is None and _DEFINED_LINK.match(line) is None:
            yield line


def _words(text: str) -> tuple[str, ...]:
    """The words of a text; each Chinese character is one, and signs for numbers (½, 𐄇) are none."""
    letters = "".join(" " if one.isnumeric() and not one.isalpha() else one for one in text)
    return tuple(_WORD.findall(letters))


def _without_runs(words: tuple[str, ...]) -> tuple[str, ...]:
    """Three or more of the same word or short phrase in a row are one."""
    if len(set(words)) == len(words):
        return words
    kept: list[str] = []
    at = 0
    while at < len(words):
        size, end = _run_at(words, at)
        kept.extend(words[at : at + size])
        at = end
    return tuple(kept)


def _run_at(words: tuple[str, ...], at: int) -> tuple[int, int]:
    """(Length of the unit that begins here, where its repetitions end)."""
    for size in range(1, _LONGEST_UNIT + 1):
        if words[at + size : at + size + 1] != words[at : at + 1]:
            continue
        unit, end = words[at : at + size], at + size
        while words[end : end + size] == unit:
            end += size
        if end - at >= 3 * size:
            return size, end
    return 1, at + 1


def _without_echoes(words: Iterable[str]) -> Iterator[str]:
    """Words are left out where the run that they end stood in the post before."""
    seen: set[tuple[str, ...]] = set()
    run: tuple[str, ...] = ()
    for word in words:
        run = (*run[1 - _ECHO :], word)
        if run not in seen:
            yield word
        if len(run) == _ECHO:
            seen.add(run)


def _share(text: _Text, other: _Text) -> Fraction:
    """How much of a text stands in another."""
    return Fraction(sum(_standing(text.words, _runs(other.words))), len(text.words)) if text.words else Fraction(0)


def _new_words(text: _Text, before: Iterable[_Text]) -> _Text:
    """The words that stand in none of the texts before."""
    known = frozenset[tuple[str, ...]]().union(*(_runs(other.words) for other in before))
    standing = zip(text.words, _standing(text.words, known), strict=True)
    return _text(tuple(word for word, stands in standing if not stands))


def _standing(words: tuple[str, ...], known: frozenset[tuple[str, ...]]) -> list[bool]:
    """For each word, whether it is part of a run of three that is known."""
    stands = [False] * len(words)
    for at in range(max(1, len(words) - _RUN + 1)):
        if words[at : at + _RUN] in known:
            stands[at : at + _RUN] = [True] * len(words[at : at + _RUN])
    return stands


def _runs(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """All runs of three words; a shorter text is one run."""
    return frozenset(words[at : at + _RUN] for at in range(max(1, len(words) - _RUN + 1)))
