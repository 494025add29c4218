"""What a mark means, and that whoever teaches does not examine."""

from decimal import Decimal

import pytest

from lms_plugin.domain.coursework import check_examiner, check_mark, credit_ms, next_attempt, state_after
from lms_plugin.domain.errors import Conflict, Malformed, MarkerTaughtClass
from lms_plugin.domain.modes import ComponentKind, StudyRule
from lms_plugin.domain.programme import Component, Text

HOUR_MS = 45 * 60_000
HOMEWORK, EXAMINATION, PLACEMENT = ComponentKind.HOMEWORK, ComponentKind.EXAMINATION, ComponentKind.PLACEMENT


def component(kind: ComponentKind, required: int = 6, **study: object) -> Component:
    return Component("x", kind, Text("作业", "Homework"), Decimal(required), study=StudyRule(**study))


@pytest.mark.parametrize(
    ("kind", "mark", "pass_mark", "expected"),
    [
        (HOMEWORK,    60, 60, "passed"),
        (HOMEWORK,    59, 60, "returned"),
        (HOMEWORK,    79, 80, "returned"),
        (EXAMINATION, 60, 60, "passed"),
        (EXAMINATION, 59, 60, "failed"),
        (EXAMINATION,  0,  0, "passed"),
    ],
)  # fmt: skip
def test_the_pass_mark_itself_passes(kind: ComponentKind, mark: int, pass_mark: int, expected: str) -> None:
    assert state_after(mark, component(kind, pass_mark=pass_mark)) == expected


@pytest.mark.parametrize("mark", [-1, 101])
def test_marks_are_0_to_100(mark: int) -> None:
    check_mark(0)
    check_mark(100)
    with pytest.raises(Malformed, match="mark_out_of_range"):
        check_mark(mark)


def test_whoever_taught_does_not_examine() -> None:
    check_examiner(1, frozenset({2, 3}))
    with pytest.raises(MarkerTaughtClass):
        check_examiner(2, frozenset({2, 3}))


def test_attempts_are_limited_and_end_with_passing() -> None:
    assert next_attempt([], 2) == 1
    assert next_attempt(["failed"], 2) == 2
    with pytest.raises(Conflict, match="attempts_used_up"):
        next_attempt(["failed", "failed"], 2)
    with pytest.raises(Conflict, match="examination_passed"):
        next_attempt(["failed", "passed"], 3)


@pytest.mark.parametrize("sat", [["failed"], ["passed"], ["failed", "failed"]])
def test_a_mark_is_entered_for_the_attempt_that_the_examiner_saw_to_come(sat: list[str]) -> None:
    assert next_attempt(["failed"], 2, seen=1) == 2
    with pytest.raises(Conflict, match="mark_entered_meanwhile"):
        next_attempt(sat, 2, seen=0)


@pytest.mark.parametrize(
    ("kind", "required", "study", "class_hours"),
    [
        (HOMEWORK,    6, {"credit_class_hours": Decimal(2)},            "2"),
        (HOMEWORK,    6, {"pieces": 4},                               "1.5"),
        (EXAMINATION, 6, {},                                            "6"),
        (EXAMINATION, 6, {"credit_class_hours": Decimal("0.5")},      "0.5"),
        (PLACEMENT,  60, {"least_months": 3},                          "20"),
        (PLACEMENT,  60, {"credit_class_hours": Decimal(40)},          "40"),
    ],
)  # fmt: skip
def test_each_part_gives_what_the_programme_says_or_its_share(
    kind: ComponentKind, required: int, study: dict[str, object], class_hours: str
) -> None:
    assert credit_ms(component(kind, required, **study), HOUR_MS) == Decimal(class_hours) * HOUR_MS


def test_shares_that_do_not_divide_are_rounded_up_so_that_all_of_them_suffice() -> None:
    assert 3 * credit_ms(component(HOMEWORK, 10, pieces=3), 50 * 1000 + 1) >= 10 * (50 * 1000 + 1)
