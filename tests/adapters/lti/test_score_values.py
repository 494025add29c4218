"""How hours become a score, and whether a result that a platform shows is that score's."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.adapters.lti.scores import ratio_shown, score_of
from lms_plugin.adapters.lti.services import below
from lms_plugin.domain import completion, hours
from lms_plugin.domain.hours import Reached

HOUR_MS = 45 * 60 * 1000
AT = datetime(2026, 3, 1, 8, 0, 0, 123_456, tzinfo=UTC)


def shown(given: float, maximum: float, scale: float, places: str) -> Decimal | None:
    """The ratio of a result from a platform that rescales scores and keeps some decimals."""
    kept = (Decimal(str(given)) / Decimal(str(maximum)) * Decimal(str(scale))).quantize(Decimal(places), ROUND_HALF_UP)
    return ratio_shown({"resultScore": kept, "resultMaximum": Decimal(str(scale))})


@given(st.integers(0, 400 * HOUR_MS), st.integers(60_000, 400 * HOUR_MS), st.sampled_from([1, 6, 100]))
def test_a_score_is_full_exactly_when_it_is_met_and_is_known_again(part_ms: int, whole_ms: int, scale: int) -> None:
    reached = hours.reached(part_ms, whole_ms, HOUR_MS)
    score = score_of(completion.ratio_of(part_ms, whole_ms), reached)
    written = score.written("sub", AT, "words")
    assert 0 <= float(str(written["scoreGiven"])) <= float(str(written["scoreMaximum"]))
    assert (written["scoreGiven"] == written["scoreMaximum"]) == (part_ms >= whole_ms) == score.is_met
    assert (written["gradingProgress"] == "FullyGraded") == score.is_met
    held = shown(float(score.hours.credited), float(score.hours.required), scale, "0.00001")
    assert held is not None
    if scale != 1 or score.is_met or score.ratio < Decimal("0.9999"):
        assert score.is_shown_by(held)


@pytest.mark.parametrize(
    ("ratio", "reached", "given", "maximum"),
    [
        ("0.875", Reached(Decimal("5.25"), Decimal(6)), 5.25, 6),
        ("1", Reached(Decimal(6), Decimal(6)), 6, 6),
        ("1", Reached(Decimal("5.9"), Decimal(6)), 6, 6),  # met once, by an easier rule
        ("0.9999", Reached(Decimal(6), Decimal(6)), 5.9999, 6),
        ("0.5", None, 0.5, 1),
        ("0.5", Reached(Decimal(0), Decimal(0)), 0.5, 1),
        ("7", None, 1, 1),
        ("-1", None, 0, 1),
    ],
)
def test_a_score_says_hours_of_hours(ratio: str, reached: Reached | None, given: float, maximum: float) -> None:
    written = score_of(Decimal(ratio), reached).written("sub", AT, "words")
    assert (written["scoreGiven"], written["scoreMaximum"]) == (given, maximum)
    assert written["timestamp"] == "2026-03-01T08:00:00.123Z"


@pytest.mark.parametrize(
    ("result", "ratio"),
    [
        ({"resultScore": Decimal("5.25"), "resultMaximum": 6}, "0.8750"),
        ({"resultScore": 1}, "1.0000"),
        ({"resultScore": Decimal("99.99999999"), "resultMaximum": 100}, "1.0000"),
        ({"resultScore": Decimal("99.99"), "resultMaximum": 100}, "0.9999"),
        ({"resultScore": 7, "resultMaximum": 6}, "1.1667"),
        ({"resultScore": None, "resultMaximum": 6}, None),
        ({"resultScore": "5", "resultMaximum": 6}, None),
        ({"resultScore": True}, None),
        ({"resultScore": 1, "resultMaximum": 0}, None),
        ({}, None),
    ],
)
def test_a_result_shows_a_ratio_or_nothing(result: dict[str, object], ratio: str | None) -> None:
    assert ratio_shown(result) == (Decimal(ratio) if ratio is not None else None)


@pytest.mark.parametrize(
    ("line_item", "scores"),
    [
        ("https://lms.example.org/items/1", "https://lms.example.org/items/1/scores"),
        (
            "https://lms.example.org/items/1/lineitem?type_id=1",
            "https://lms.example.org/items/1/lineitem/scores?type_id=1",
        ),
        ("https://lms.example.org/items/1/", "https://lms.example.org/items/1/scores"),
    ],
)
def test_scores_stand_below_the_line_item_s_path(line_item: str, scores: str) -> None:
    assert below(line_item, "scores") == scores
