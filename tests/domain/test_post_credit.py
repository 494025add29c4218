"""What a post is worth: credit, extra credit, and what may be taken back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import post_credit
from lms_plugin.domain.programme import MINUTE_MS, DiscussionRule, Window

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 1))
WRITTEN = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)

# counts, mark, taken back: what is due of 15 minutes and 5 for excellence
DUE = [
    (True,  "",          False, 15),
    (True,  "excellent", False, 20),
    (True,  "void",      False, 0),
    (True,  "",          True,  0),
    (True,  "excellent", True,  0),
    (True,  "void",      True,  0),
    (False, "",          False, 0),
    (False, "excellent", False, 0),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "mark", "is_taken_back", "minutes"), DUE)
def test_what_is_due(counts: bool, mark: str, is_taken_back: bool, minutes: int) -> None:
    assert (
        post_credit.due_ms(counts=counts, mark=mark, is_taken_back=is_taken_back, credit_ms=15, extra_ms=5) == minutes
    )


# minutes of the rule, at most so many, whether the post earns, others that earn more: what is added
EXTRA = [
    (0, None, True,  0, 0),
    (5, None, True,  9, 5),
    (5, None, False, 0, 0),
    (5, 2,    True,  1, 5),
    (5, 2,    True,  2, 0),
    (5, 2,    True,  3, 0),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "most", "earning", "others", "added"), EXTRA)
def test_what_excellence_adds(minutes: int, most: int | None, earning: bool, others: int, added: int) -> None:
    rule = DiscussionRule(excellent_minutes=minutes, max_excellent=most)
    assert post_credit.extra_ms(rule, earning=earning, others=others) == added * MINUTE_MS


# hours of the rule, after so many minutes
EDITABLE = [
    (None, 0,            True),
    (None, 10 * 24 * 60, True),
    (None, 20 * 24 * 60, False),
    (1,    0,            True),
    (1,    59,           True),
    (1,    60,           False),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "minutes", "can"), EDITABLE)
def test_how_long_a_post_can_be_edited(hours: int | None, minutes: int, can: bool) -> None:
    rule = replace(DiscussionRule(), edit_within_hours=hours)
    now = WRITTEN + timedelta(minutes=minutes)
    assert post_credit.can_be_edited(rule, WINDOW, written_at=WRITTEN, now=now) is can


def test_a_post_that_counted_keeps_its_day_and_another_takes_that_of_the_edit() -> None:
    later = WRITTEN + timedelta(days=3)
    assert post_credit.judged_at(counted=True, judged_before_at=WRITTEN, now=later) == WRITTEN
    assert post_credit.judged_at(counted=False, judged_before_at=WRITTEN, now=later) == later


@given(st.integers(-10_000, 10_000), st.integers(0, 10_000))
def test_a_component_never_comes_to_less_than_nothing(wanted_ms: int, credited_ms: int) -> None:
    amount_ms = post_credit.taken_ms(wanted_ms, credited_ms)
    assert credited_ms + amount_ms >= 0
    assert amount_ms == wanted_ms or (wanted_ms < amount_ms <= 0 and credited_ms + amount_ms == 0)
