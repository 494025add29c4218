"""Weekly pace: which weeks reach it, and what of a component's credit waits for that."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_UP

from lms_plugin.domain.modes import WeeklyPace

WEEK = timedelta(days=7)


def pace_ms(pace: WeeklyPace, class_hour_ms: int) -> int:
    """What a week must reach, in milliseconds."""
    return int((pace.class_hours * class_hour_ms).to_integral_value(rounding=ROUND_UP))


def is_reached(weeks: Mapping[date, int], week_on: date, pace: WeeklyPace, class_hour_ms: int) -> bool:
    """Whether a week reaches the pace: by itself, or with the weeks after it that may make it up.

    A week is made up when it and the first k weeks after it come to k + 1 times the pace, for some k of at most
    `make_up_weeks`. More hours in any week never make another one fall short.
    """
    wanted = pace_ms(pace, class_hour_ms)
    together = 0
    last = 0 if pace.make_up_weeks is None else pace.make_up_weeks
    for after in range(last + 1):
        together += weeks.get(week_on + after * WEEK, 0)
        if together >= (after + 1) * wanted:
            return True
    return False


def pending_ms(weeks: Mapping[date, int], pace: WeeklyPace | None, class_hour_ms: int) -> int:
    """What of the credit in these weeks (by their Mondays) does not count yet, since its week is short.

    Nothing waits where there is no pace, or where a short week may be made up at any time.
    """
    if pace is None or pace.make_up_weeks is None:
        return 0
    return sum(
        max(0, credited_ms)
        for week_on, credited_ms in weeks.items()
        if not is_reached(weeks, week_on, pace, class_hour_ms)
    )
