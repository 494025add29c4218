"""What a post is worth at present: its credit while it counts, and what an excellent one earns besides."""

from datetime import datetime, timedelta
from enum import StrEnum

from lms_plugin.domain.discussion import PostReason
from lms_plugin.domain.programme import DiscussionRule, Window

RULE = "post-change/1"
"""Name and version of this rule; every credit entry that an edit, a mark or a taking back causes carries it."""

CAPS = (PostReason.MODULE_CAP, PostReason.DAY_CAP, PostReason.TOTAL_CAP)


class Mark(StrEnum):
    """What a tutor made of a post."""

    NONE = ""
    EXCELLENT = "excellent"
    VOID = "void"


def earns(*, counts: bool, mark: str, is_taken_back: bool) -> bool:
    """Whether a post has its credit and its place within the caps."""
    return counts and mark != Mark.VOID and not is_taken_back


def due_ms(*, counts: bool, mark: str, is_taken_back: bool, credit_ms: int, extra_ms: int) -> int:
    """What the ledger owes for a post, all in all."""
    if not earns(counts=counts, mark=mark, is_taken_back=is_taken_back):
        return 0
    return credit_ms + (extra_ms if mark == Mark.EXCELLENT else 0)


def judged_at(*, counted: bool, judged_before_at: datetime, now: datetime) -> datetime:
    """The moment whose day an edited post belongs to.

    One that counted keeps its day, or mending a slip of the pen would take a place of another day's cap; one that did
    not belongs to the day of the edit, or a post could be put down for every day and written in the last.
    """
    return judged_before_at if counted else now


def extra_ms(rule: DiscussionRule, *, earning: bool, others: int) -> int:
    """What the mark of excellence adds to a post, given how many others of the learner have something added."""
    if not earning or (rule.max_excellent is not None and others >= rule.max_excellent):
        return 0
    return rule.excellent_ms


def can_be_edited(rule: DiscussionRule, window: Window, *, written_at: datetime, now: datetime) -> bool:
    """Whether a learner may still edit a post: while the programme is open, and in time."""
    if not window.contains(now):
        return False
    return rule.edit_within_hours is None or now < written_at + timedelta(hours=rule.edit_within_hours)


def taken_ms(wanted_ms: int, credited_ms: int) -> int:
    """The amount of an entry that should change a component's ledger by so much; it never comes to less than nothing.

    An admin's decision on a dispute can have taken the credit of a post before.
    """
    return max(wanted_ms, -max(0, credited_ms)) if wanted_ms < 0 else wanted_ms
