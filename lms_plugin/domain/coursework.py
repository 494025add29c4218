"""Homework and examinations: what a mark means, what passing gives, and that whoever teaches does not examine."""

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import ceil
from typing import Final

from lms_plugin.domain.errors import Conflict, Malformed, MarkerTaughtClass
from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component

BEST: Final = 100
LONGEST_TEXT: Final = 50_000

SUBMITTED, RETURNED, PASSED, FAILED = "submitted", "returned", "passed", "failed"


def check_mark(mark: int) -> None:
    """Take a mark of 0 to 100.

    Raises:
        Malformed: `mark_out_of_range`.
    """
    if not 0 <= mark <= BEST:
        raise Malformed("mark_out_of_range", best=BEST)


def state_after(mark: int, component: Component) -> str:
    """What becomes of work with this mark: homework that falls short is returned, an examination is failed."""
    if mark >= component.study.pass_mark:
        return PASSED
    return RETURNED if component.kind is ComponentKind.HOMEWORK else FAILED


def check_examiner(examiner_id: int, taught_by: Collection[int]) -> None:
    """Teaching and examining are separate (教考分离).

    Raises:
        MarkerTaughtClass: the examiner is among those who taught the learner.
    """
    if examiner_id in taught_by:
        raise MarkerTaughtClass()


def next_attempt(states: Sequence[str], most: int, seen: int | None = None) -> int:
    """The number of the attempt that comes after those that were sat; `seen` is how many the examiner knew of.

    Raises:
        Conflict: another was sat since (`mark_entered_meanwhile`), one was passed (`examination_passed`), or none is
            left (`attempts_used_up`).
    """
    if seen is not None and seen != len(states):
        raise Conflict("mark_entered_meanwhile")
    if PASSED in states:
        raise Conflict("examination_passed")
    if len(states) >= most:
        raise Conflict("attempts_used_up", most=most)
    return len(states) + 1


def credit_ms(component: Component, class_hour_ms: int) -> int:
    """What one month of placement, one piece of homework or the examination gives; milliseconds, rounded up.

    Where the programme does not say, the required hours are spread: over the least months, over the pieces, or all of
    them for the examination.
    """
    each = component.study.credit_class_hours
    if each is not None:
        return milliseconds_of(each, class_hour_ms)
    parts = {ComponentKind.PLACEMENT: component.study.least_months, ComponentKind.HOMEWORK: component.study.pieces}
    return ceil(Fraction(component.required_class_hours) * class_hour_ms / parts.get(component.kind, 1))
