"""The values that pass between delivery and an LMS."""

from decimal import Decimal

import pytest

from lms_plugin.services.ports import CompletionMessage, Concern, RefusalCode


def test_a_message_names_at_least_one_block() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        CompletionMessage("teacher1", "course-v1:A+B+C", {})


@pytest.mark.parametrize("ratio", ["NaN", "Infinity", "-Infinity"])
def test_a_ratio_is_a_number(ratio: str) -> None:
    with pytest.raises(ValueError, match="the ratio of block"):
        CompletionMessage("teacher1", "course-v1:A+B+C", {"block": Decimal(ratio)})


@pytest.mark.parametrize(
    ("code", "concern"),
    [
        (RefusalCode.NOT_ENROLLED, Concern.MESSAGE),
        (RefusalCode.UNKNOWN_LEARNER, Concern.MESSAGE),
        (RefusalCode.UNKNOWN_COURSE, Concern.MESSAGE),
        (RefusalCode.REJECTED, Concern.MESSAGE),
        (RefusalCode.UNKNOWN_BLOCK, Concern.BLOCK),
        (RefusalCode.TRACKING_DISABLED, Concern.PLATFORM),
        (RefusalCode.BAD_CREDENTIALS, Concern.PLATFORM),
        (RefusalCode.NOT_PERMITTED, Concern.PLATFORM),
        (RefusalCode.BAD_ADDRESS, Concern.PLATFORM),
    ],
)
def test_each_refusal_says_what_else_it_affects(code: RefusalCode, concern: Concern) -> None:
    assert code.concern is concern


def test_no_refusal_is_left_out_of_the_table_above() -> None:
    assert len(RefusalCode) == 9
