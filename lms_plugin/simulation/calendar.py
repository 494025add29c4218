"""When things take place: weeks of a window, evenings to watch in, and the dates of meetings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Window

DAY = timedelta(days=1)
EVENINGS = 7
HOLIDAY_BLOCK = 5


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a meeting of a component takes place, and what it gives at most (None: its whole length)."""

    component: Component
    starts_at: datetime
    ends_at: datetime
    most_minutes: int | None

    @property
    def gives_minutes(self) -> int:
        length = int((self.ends_at - self.starts_at).total_seconds() // 60)
        return length if self.most_minutes is None else min(length, self.most_minutes)


@dataclass(frozen=True, slots=True)
class _Length:
    """From and to which time of the day, how much it gives, on which days of the week (0: Monday)."""

    begins: time
    ends: time
    most_minutes: int | None
    weekdays: tuple[int, ...]


_LENGTHS = {
    # A day of eight class hours, with a break at noon.
    ComponentKind.FACE_TO_FACE: _Length(time(8, 30), time(17, 30), 360, (0, 1, 2, 3, 4)),
    ComponentKind.GROUP_VIEWING: _Length(time(14, 0), time(17, 0), None, (2, 5)),
    ComponentKind.QNA: _Length(time(19, 0), time(20, 30), None, (1, 3)),
}


def at(day: date, clock: time, window: Window) -> datetime:
    """A time of a day in the window's time zone."""
    return datetime.combine(day, clock, ZoneInfo(window.timezone)).astimezone(UTC)


def weeks(window: Window) -> Iterator[date]:
    """The days on which each week of a window begins, counted from its first day."""
    day = window.opens_on
    while day < window.closes_on:
        yield day
        day += 7 * DAY


def occasions(component: Component, wanted_ms: int, window: Window, *, offset: int) -> list[Occasion]:
    """The meetings that give what is wanted of a component, and some more for whoever misses one.

    Days of a course stand in blocks of a working week, spread over a long window; other meetings are spread evenly.
    `offset` moves them by some days, so that not every class group meets on the same.
    """
    length = _LENGTHS[component.kind]
    one = Occasion(
        component,
        at(window.opens_on, length.begins, window),
        at(window.opens_on, length.ends, window),
        length.most_minutes,
    )
    needed = -(-wanted_ms // (one.gives_minutes * 60_000))
    if needed == 0:
        return []
    count = needed + max(1, needed // 6)
    days = [
        day
        for day in (window.opens_on + number * DAY for number in range((window.closes_on - window.opens_on).days))
        if day.weekday() in length.weekdays
    ]
    return [
        Occasion(component, at(day, length.begins, window), at(day, length.ends, window), length.most_minutes)
        for day in _spread(days, count, component.kind, offset)
    ]


def _spread(days: list[date], count: int, kind: ComponentKind, offset: int) -> list[date]:
    if count >= len(days):
        return days
    if kind is ComponentKind.FACE_TO_FACE:
        blocks = -(-count // HOLIDAY_BLOCK)
        chosen: list[date] = []
        for block in range(blocks):
            first = (len(days) - HOLIDAY_BLOCK) * (block * 2 + 1) // (blocks * 2)
            first = max(0, min(len(days) - HOLIDAY_BLOCK, first + offset % 5))
            chosen += days[first : first + HOLIDAY_BLOCK]
        return sorted(dict.fromkeys(chosen))[:count] if len(set(chosen)) >= count else days[:count]
    step = len(days) / count
    return sorted(
        {days[min(len(days) - 1, int(number * step + offset % max(1, int(step))))] for number in range(count)}
    )
