"""Which posts count: a post's own text, long enough, not a repeat of anybody's in the programme, within the caps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from lms_plugin.domain.own_text import OwnText, own_words
from lms_plugin.domain.programme import DiscussionRule, Window
from lms_plugin.domain.repeats import repeat_of

RULE = "own-words/2"
"""Name and version of this rule; every credit entry that it causes carries it."""

FIRST_RULE = "own-words/1"
"""The rule before it, by which entries are still audited: it compared a post with its author's own only, as copies,
and measured greetings like any other words."""


class PostReason(StrEnum):
    """Why a post counts or does not."""

    COUNTS = "counts"
    TOO_SHORT = "too_short"
    REPEATS_OWN_POST = "repeats_own_post"
    REPEATS_ANOTHERS_POST = "repeats_anothers_post"
    REPLIES_EARN_NOTHING = "replies_earn_nothing"
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
class OthersPost:
    """A post that somebody else, learner or tutor, wrote before in this programme."""

    id: int
    body: str
    posted_at: datetime
    version: int = 0
    """How often it had been edited."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a post counts, and the figures behind the sentence that says why.

    `characters` and `words` measure the post's own text. For a repeat, `repeats_at` names the earlier post and
    `similarity_percent` says how much of this one stands in it; for a cap, `cap` is its number. `compared_with` are
    the posts of others that it was compared with, each with how often it had been edited, so that it can be judged
    again.
    """

    counts: bool
    reason: PostReason
    characters: int = 0
    words: int = 0
    similarity_percent: int | None = None
    repeats_at: datetime | None = None
    cap: int | None = None
    is_reply: bool = False
    compared_with: tuple[tuple[int, int], ...] = ()


def judge_post(
    body: str,
    *,
    module_key: str,
    earlier: Sequence[EarlierPost],
    others: Sequence[OthersPost] = (),
    is_reply: bool = False,
    rule: DiscussionRule,
    window: Window,
    now: datetime,
    by: str = RULE,
) -> Judgement:
    """Whether a learner's post counts, given all the posts the same author wrote before in the programme.

    `others` are posts of other people that may share text with it; `is_reply` says that it answers somebody else; `by`
    is the rule it is judged by. The first obstacle decides, in the order in which an author could do something about
    it: the window, the kind of post, the length, a repeat, then the caps of the module, the day and the programme.
    """
    is_first = by == FIRST_RULE
    left_out = None if is_first else rule.set_phrases
    own = own_words(body, left_out)
    is_enough = partial(_is_long_enough, rule=rule)
    judged = partial(
        Judgement,
        characters=own.characters,
        words=own.others,
        is_reply=is_reply,
        compared_with=tuple((one.id, one.version) for one in others),
    )
    if not window.contains(now):
        return judged(False, PostReason.OUTSIDE_WINDOW)
    if is_reply and rule.reply_minutes == 0:
        return judged(False, PostReason.REPLIES_EARN_NOTHING)
    if not is_enough(own):
        return judged(False, PostReason.TOO_SHORT)
    # A remark such as "I see it the same way" is no text that could be repeated: it stands in many an honest post.
    before: list[EarlierPost | OthersPost] = [*earlier, *others]
    said = [(text, post) for post in before if is_enough(text := own_words(post.body, left_out))]
    repeat = repeat_of(own, [text for text, _ in said], rule.duplicate_ratio, is_enough, only_copies=is_first)
    if repeat is not None:
        post = said[repeat.place][1]
        reason = PostReason.REPEATS_OWN_POST if isinstance(post, EarlierPost) else PostReason.REPEATS_ANOTHERS_POST
        return judged(False, reason, similarity_percent=repeat.percent, repeats_at=post.posted_at)
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
            return judged(False, reason, cap=cap)
    return judged(True, PostReason.COUNTS)


def _is_long_enough(text: OwnText, rule: DiscussionRule) -> bool:
    """Whether both shares of what is asked for, in characters and in other words, come to a whole together."""
    whole = rule.min_characters * rule.min_words
    return text.characters * rule.min_words + text.others * rule.min_characters >= whole
