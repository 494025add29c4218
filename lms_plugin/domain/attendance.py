"""Attendance and other confirmed study: from who was there when, to what of it counts, and why the rest does not.

All times are half-open segments in milliseconds since 1970 (domain.intervals). One minute of a person's life counts
once, whatever programme and mode it is claimed for: film that was watched at the same time comes first, then whatever
was confirmed first.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segment, Segments
from lms_plugin.domain.programme import Window

RULE = "attendance/1"
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Reason(StrEnum):
    """Why time that was attended does not count."""

    OUTSIDE_WINDOW = "outside_window"
    OVERLAPS_WATCHING = "overlaps_watching"
    OVERLAPS_STUDY = "overlaps_study"
    OVER_MOST = "over_most"
    """It is more than its meeting gives."""
    DAILY_LIMIT = "daily_limit"
    ACTIVITY_LIMIT = "activity_limit"
    WITHDRAWN = "withdrawn"
    ELSEWHERE_LIMIT = "elsewhere_limit"
    """It is more than the component takes from elsewhere."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Attended time that does not count, and why; `other_title` names what it counts for instead, where it does."""

    from_ms: int
    to_ms: int
    reason: Reason
    other_title: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a programme says of one component: its window, and the most a day and an activity give (None: no limit).

    For study completed elsewhere `activity_ms` is the most of it that the component takes.
    """

    window: Window
    daily_ms: int | None = None
    activity_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """Time that somebody was present at something. `component` names the component of one enrolment, `activity` the
    kind of school-based study; limits of days and activities are shared by all study of the same."""

    key: Hashable
    component: Hashable
    activity: str
    title: str
    present: Segments
    most_ms: int | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class Counted:
    """What of a study counts; with what is left out it adds up to what was present."""

    counted: Segments
    left_out: tuple[LeftOut, ...]

    @property
    def counted_ms(self) -> int:
        return intervals.length(self.counted)


@dataclass(slots=True)
class Reckoning:
    """One person's confirmed study, taken one after the other in the order in which it was confirmed."""

    watched: Segments = NOTHING
    _taken: list[tuple[Segments, str]] = field(default_factory=list)
    _days: dict[tuple[Hashable, date], int] = field(default_factory=lambda: defaultdict(int))
    _activities: dict[tuple[Hashable, str], int] = field(default_factory=lambda: defaultdict(int))

    def put(self, study: Study, counted: Segments) -> None:
        """Take a study whose reckoning is known."""
        if not counted:
            return
        self._taken.append((counted, study.title))
        if study.limits.daily_ms is not None:
            for day, segment in by_day(counted, study.limits.window):
                self._days[study.component, day] += segment[1] - segment[0]
        self._activities[study.component, study.activity] += intervals.length(counted)

    def use(self, study: Study, counted_ms: int) -> None:
        """So much of a study's activity was used up before, by study that is not looked at otherwise."""
        self._activities[study.component, study.activity] += counted_ms

    def take(self, study: Study) -> Counted:
        """What of a study counts after all that was taken before it."""
        left_out: list[LeftOut] = []
        inside = _inside(study.present, study.limits.window)
        rest = _without(study.present, intervals.subtract(study.present, inside), Reason.OUTSIDE_WINDOW, left_out)
        rest = _without(rest, self.watched, Reason.OVERLAPS_WATCHING, left_out)
        for taken, title in self._taken:
            rest = _without(rest, taken, Reason.OVERLAPS_STUDY, left_out, title)
        if study.most_ms is not None:
            rest = _first(rest, study.most_ms, Reason.OVER_MOST, left_out)
        rest = self._within_days(study, rest, left_out)
        if study.limits.activity_ms is not None:
            used = self._activities[study.component, study.activity]
            rest = _first(rest, study.limits.activity_ms - used, Reason.ACTIVITY_LIMIT, left_out)
        self.put(study, rest)
        left_out.sort(key=lambda one: (one.from_ms, one.to_ms))
        return Counted(rest, tuple(left_out))

    def _within_days(self, study: Study, rest: Segments, left_out: list[LeftOut]) -> Segments:
        daily_ms = study.limits.daily_ms
        if daily_ms is None:
            return rest
        kept: list[Segment] = []
        spent: dict[date, int] = {}
        for day, segment in by_day(rest, study.limits.window):
            left = daily_ms - self._days[study.component, day] - spent.get(day, 0)
            within = _first((segment,), left, Reason.DAILY_LIMIT, left_out)
            spent[day] = spent.get(day, 0) + intervals.length(within)
            kept.extend(within)
        return intervals.merge(kept)


def reckon(studies: Iterable[Study], watched: Segments = NOTHING) -> dict[Hashable, Counted]:
    """What of each of one person's studies counts, in the order in which they were confirmed."""
    reckoning = Reckoning(watched)
    return {study.key: reckoning.take(study) for study in studies}


def ms_of(instant: datetime) -> int:
    """An aware instant as milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def instant_of(ms: int) -> datetime:
    """Milliseconds since 1970 as an instant in UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def by_day(segments: Segments, window: Window) -> Iterator[tuple[date, Segment]]:
    """Segments cut at every midnight of the window's time zone, each with its day."""
    for start, end in segments:
        while start < end:
            day = window.day_of(instant_of(start))
            midnight = ms_of(Window(day + timedelta(days=1), day + timedelta(days=1), window.timezone).opens_at)
            cut = min(end, midnight)
            yield day, (start, cut)
            start = cut


@dataclass(frozen=True, slots=True)
class Played:
    """A message of a player: when it came, when its playback session was opened, and what it says was played.

    One that came after the session had ended is of before its end. `fastest_permille` is the fastest that counts in the
    session; `pieces` are (from, to, rate in permille) of the film, in the order of playing.
    """

    at_ms: int
    opened_ms: int
    fastest_permille: int
    pieces: tuple[tuple[int, int, int], ...]


def watched_times(messages: Sequence[Played], counted: Segments) -> Segments:
    """The time of day that film took which counts (`counted`, in milliseconds of the film), for one playback session.

    A player says what was played, not when: each piece stands in the latest time before its message that no other
    piece of the session has, and not before the session was opened. Nor does what it says of its rate decide how short
    that time was: no film took less than at the fastest that counts.
    """
    taken: Segments = NOTHING
    seen: Segments = NOTHING
    for message in messages:
        for start, end, rate_permille in reversed(message.pieces):
            new = intervals.subtract(intervals.intersect(((start, end),), counted), seen)
            seen = intervals.union(seen, new)
            needed = -(-intervals.length(new) * 1000 // max(1, min(rate_permille, message.fastest_permille)))
            free = intervals.subtract(((message.opened_ms, message.at_ms),), taken)
            taken = intervals.union(taken, _last(free, needed))
    return taken


def _inside(segments: Segments, window: Window) -> Segments:
    opens, closes = ms_of(window.opens_at), ms_of(window.closes_at)
    return intervals.intersect(segments, ((opens, closes),)) if opens < closes else NOTHING


def _without(segments: Segments, taken: Segments, reason: Reason, left_out: list[LeftOut], title: str = "") -> Segments:
    lost = intervals.intersect(segments, taken)
    left_out.extend(LeftOut(start, end, reason, title) for start, end in lost)
    return intervals.subtract(segments, lost)


def _first(segments: Segments, most_ms: int, reason: Reason, left_out: list[LeftOut]) -> Segments:
    kept, lost = intervals.split_after(segments, most_ms)
    left_out.extend(LeftOut(start, end, reason) for start, end in lost)
    return kept


def _last(segments: Segments, wanted_ms: int) -> Segments:
    """The last so many milliseconds of a set, all of it where it has fewer."""
    return intervals.split_after(segments, intervals.length(segments) - wanted_ms)[1]
