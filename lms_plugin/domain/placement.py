"""Placements (影子教师、顶岗): their months, and from how many days present a month counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.programme import Window, months_after

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a placement, numbered from 1: half-open days."""

    number: int
    from_on: date
    to_on: date

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days

    @property
    def last_on(self) -> date:
        return self.to_on - timedelta(days=1)

    @property
    def weekdays(self) -> int:
        """Days of it from Monday to Friday."""
        days = (self.from_on + timedelta(days=one) for one in range(self.days))
        return sum(day.weekday() < _SATURDAY for day in days)


def months(starts_on: date, ends_on: date) -> tuple[Month, ...]:
    """The whole months of a placement from its first day to the day after its last; days beyond them are no month.

    Each is reckoned from the day the placement starts: one that starts on 31 January has its second month from the
    last day of February, and its third from 31 March.
    """
    found: list[Month] = []
    while (to_on := months_after(starts_on, len(found) + 1)) <= ends_on:
        found.append(Month(len(found) + 1, months_after(starts_on, len(found)), to_on))
    return tuple(found)


def least_days(month: Month, share: Fraction) -> int:
    """From how many days present a month counts, rounded up."""
    return -(-month.weekdays * share.numerator // share.denominator)


def fault_of(
    starts_on: date, ends_on: date, others: Iterable[tuple[date, date]], rule: StudyRule, window: Window
) -> str | None:
    """Why a placement cannot be, next to the same learner's others: a code, or None.

    Codes: `placement_ends_before_it_starts`, `placement_outside_window`, `placements_overlap`, `placement_too_short`,
    `placement_too_long`. All hosts together give the length, so that a change of host in the middle is no fault.
    """
    others = list(others)
    if ends_on <= starts_on:
        return "placement_ends_before_it_starts"
    if starts_on < window.opens_on or ends_on > window.closes_on:
        return "placement_outside_window"
    if any(start < ends_on and starts_on < end for start, end in others):
        return "placements_overlap"
    total = len(months(starts_on, ends_on)) + sum(len(months(start, end)) for start, end in others)
    if total < rule.least_months or not months(starts_on, ends_on):
        return "placement_too_short"
    return "placement_too_long" if total > rule.most_months else None
