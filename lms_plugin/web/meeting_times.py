"""Days and times of meetings as forms send them."""

from datetime import date, datetime, time, timedelta

from lms_plugin.domain import meetings as rules
from lms_plugin.domain.errors import Malformed


def times_of(day: str, starts: str, ends: str, timezone: str) -> tuple[datetime, datetime]:
    """The beginning and end as instants; an end at midnight is that of the day after.

    Raises:
        Malformed: `meeting_malformed`.
    """
    found: list[datetime] = []
    faults = []
    for name, text in (("starts_at", starts), ("ends_at", ends)):
        try:
            wall = datetime.combine(_day(day), clock_time(text))
            if found and wall.time() == datetime.min.time():
                wall += timedelta(days=1)
            found.append(rules.instant_of(wall, timezone))
        except Malformed as refusal:
            faults.append({"field": name, "code": refusal.code})
    if faults:
        raise Malformed("meeting_malformed", faults=faults)
    return found[0], found[1]


def clock_time(text: str) -> time:
    """A time of day as forms send it.

    Raises:
        Malformed: `time_malformed`.
    """
    try:
        return time.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError as fault:
        raise Malformed("time_malformed") from fault


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as fault:
        raise Malformed("time_malformed") from fault
