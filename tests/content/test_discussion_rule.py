"""What a programme says of marks and edits: left out it is as before, and nonsense is refused."""

import pytest
from pydantic import ValidationError

from lms_plugin.content.rule_shapes import DiscussionTable
from lms_plugin.domain.programme import DiscussionRule


def test_marks_and_edits_are_programme_data() -> None:
    table = DiscussionTable.model_validate({"excellent_minutes": 5, "max_excellent": 3, "edit_within_hours": 48})
    assert table.value() == DiscussionRule(excellent_minutes=5, max_excellent=3, edit_within_hours=48)
    assert DiscussionTable.model_validate({"max_excellent": "none"}).value() == DiscussionRule()
    assert DiscussionTable.model_validate({}).value() == DiscussionRule()


@pytest.mark.parametrize(
    "given",
    [
        {"excellent_minutes": -1},
        {"excellent_minutes": 601},
        {"max_excellent": 0},
        {"edit_within_hours": 0},
        {"edit_within_hours": "1"},
    ],
)
def test_nonsense_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiscussionTable.model_validate(given)
