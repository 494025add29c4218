"""Months of a placement, and from how many days present one counts."""

import itertools
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.placement import Month, fault_of, least_days, months
from lms_plugin.domain.programme import Window

WINDOW = Window(date(2026, 9, 1), date(2027, 9, 1))
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "firsts"),
    [
        # the second month begins on the last day of February, the third on 31 March again
        (date(2027, 1, 31), date(2027, 4, 30), [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]),
        # a leap day
        (date(2028, 1, 31), date(2028, 3, 31), [date(2028, 1, 31), date(2028, 2, 29)]),
        (date(2028, 2, 29), date(2028, 4, 29), [date(2028, 2, 29), date(2028, 3, 29)]),
        # over the end of a year
        (date(2026, 11, 15), date(2027, 2, 15), [date(2026, 11, 15), date(2026, 12, 15), date(2027, 1, 15)]),
        # days that make no whole month are none
        (date(2026, 9, 1), date(2026, 11, 20), [date(2026, 9, 1), date(2026, 10, 1)]),
        (date(2026, 9, 1), date(2026, 9, 30), []),
    ],
)
def test_months_are_reckoned_from_the_day_a_placement_starts(
    starts_on: date, ends_on: date, firsts: list[date]
) -> None:
    found = months(starts_on, ends_on)

    assert [one.from_on for one in found] == firsts
    assert [one.number for one in found] == list(range(1, len(firsts) + 1))


@given(DAYS, st.integers(1, 400))
def test_months_follow_each_other_without_gap_or_overlap(starts_on: date, days: int) -> None:
    found = months(starts_on, starts_on + timedelta(days=days))

    assert all(one.to_on == after.from_on for one, after in itertools.pairwise(found))
    assert all(28 <= one.days <= 31 for one in found)
    assert not found or (found[0].from_on == starts_on and found[-1].to_on <= starts_on + timedelta(days=days))


def test_a_month_counts_from_three_fifths_of_its_weekdays() -> None:
    september = Month(1, date(2026, 9, 1), date(2026, 10, 1))

    assert (september.weekdays, september.last_on) == (22, date(2026, 9, 30))
    assert least_days(september, Fraction(3, 5)) == 14
    assert least_days(september, Fraction(1)) == 22
    assert least_days(september, Fraction(0)) == 0


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "others", "expected"),
    [
        (date(2026, 9, 1), date(2026, 12, 1), [], None),  # 3 months
        (date(2026, 9, 1), date(2027, 3, 1), [], None),  # 6 months
        (date(2026, 9, 1), date(2026, 11, 30), [], "placement_too_short"),
        (date(2026, 9, 1), date(2027, 4, 1), [], "placement_too_long"),
        (date(2026, 9, 1), date(2026, 9, 1), [], "placement_ends_before_it_starts"),
        (date(2026, 8, 31), date(2026, 12, 1), [], "placement_outside_window"),
        (date(2027, 7, 1), date(2027, 9, 2), [], "placement_outside_window"),
        # a change of host: two months there, one here
        (date(2026, 11, 1), date(2026, 12, 1), [(date(2026, 9, 1), date(2026, 11, 1))], None),
        (date(2026, 10, 31), date(2026, 12, 1), [(date(2026, 9, 1), date(2026, 11, 1))], "placements_overlap"),
        (date(2026, 11, 1), date(2026, 11, 20), [(date(2026, 9, 1), date(2026, 11, 1))], "placement_too_short"),
        (date(2026, 12, 1), date(2027, 4, 1), [(date(2026, 9, 1), date(2026, 12, 1))], "placement_too_long"),
    ],
)
def test_a_placement_is_three_to_six_months_at_all_hosts_together(
    starts_on: date, ends_on: date, others: list[tuple[date, date]], expected: str | None
) -> None:
    assert fault_of(starts_on, ends_on, others, StudyRule(), WINDOW) == expected
