"""What stands beside a score."""

from decimal import Decimal

import pytest

from lms_plugin.domain.hours import Reached
from lms_plugin.http.score_comments import score_comment


@pytest.mark.parametrize(
    ("language", "credited", "required", "words"),
    [
        ("en", "5.2500", "6.0000", "5.25 of 6 class hours"),
        ("zh", "5.2500", "6.0000", "已获 5.25 学时，应修 6 学时"),
        ("en", "5.9999", "6.0000", "5.99 of 6 class hours"),
        ("en", "0.4445", "0.4445", "0.45 of 0.45 class hours"),
        ("en", "0.0000", "20.0000", "0 of 20 class hours"),
    ],
)
def test_a_comment_is_in_the_learner_s_language_and_never_rounds_up_to_the_requirement(
    language: str, credited: str, required: str, words: str
) -> None:
    assert score_comment(language, Reached(Decimal(credited), Decimal(required))) == words
