"""A score as a platform gets it (AGS 2.0, 3.4), and whether a result that it shows is that score's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Decimal

from lms_plugin.domain.hours import Reached

FOUR_PLACES = Decimal("0.0001")
TOLERANCE = Decimal("0.0001")
"""Platforms rescale scores to a line item's own maximum, and keep a few decimals of them."""

Comment = Callable[[str, Reached], str]
"""What people read beside a score, in a language (zh or en)."""


@dataclass(frozen=True, slots=True)
class Score:
    """Class hours given of those required; met only when all are given."""

    hours: Reached
    is_met: bool

    @property
    def ratio(self) -> Decimal:
        return self.hours.credited / self.hours.required

    @property
    def line_item_maximum(self) -> int:
        """What a line item is made with: some platforms take whole numbers only."""
        return int(self.hours.required.to_integral_value(ROUND_CEILING))

    def is_shown_by(self, held: Decimal) -> bool:
        """Whether a platform that shows this ratio holds this score."""
        return (held == 1) == self.is_met and abs(held - self.ratio) <= TOLERANCE

    def written(self, user_id: str, as_of: datetime, comment: str) -> dict[str, object]:
        """The score as JSON: graded in full only when it is met, since platforms publish what is."""
        return {
            "userId": user_id,
            "scoreGiven": float(self.hours.credited),
            "scoreMaximum": float(self.hours.required),
            "comment": comment,
            "timestamp": as_of.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "activityProgress": "Completed" if self.is_met else "InProgress",
            "gradingProgress": "FullyGraded" if self.is_met else "Pending",
        }


def score_of(ratio: Decimal, hours: Reached | None) -> Score:
    """The score for a ratio and the hours behind it; of one hour where nobody has reckoned any."""
    is_met = ratio >= 1
    if hours is None or hours.required <= 0:
        given = min(max(ratio, Decimal(0)), Decimal(1)).quantize(FOUR_PLACES, ROUND_DOWN)
        return Score(Reached(given, Decimal(1)), is_met)
    most = hours.required if is_met else hours.required - FOUR_PLACES
    given = hours.required if is_met else min(max(hours.credited, Decimal(0)), most)
    return Score(Reached(given, hours.required), is_met)


def ratio_shown(result: Mapping[str, object]) -> Decimal | None:
    """The ratio that a result (3.3) shows, None where it shows none; 1 only for a full one."""
    score, maximum = result.get("resultScore"), result.get("resultMaximum", 1)
    if not (_is_number(score) and _is_number(maximum)):
        return None
    given, whole = Decimal(str(score)), Decimal(str(maximum))
    if whole <= 0:
        return None
    ratio = (given / whole).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return ratio.quantize(FOUR_PLACES, ROUND_HALF_UP if ratio >= 1 else ROUND_DOWN)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
