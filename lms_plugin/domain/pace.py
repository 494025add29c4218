"""Pace: what a programme asks for by when, whether somebody keeps up with it, and when they will be through.

Everything is reckoned in whole days and whole weeks (Monday to Sunday) of the programme's time zone. A day that the
clocks make longer or shorter is one day, and so is the 29th of February.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from lms_plugin.domain import weeks
from lms_plugin.domain.completion import FOUR_PLACES
from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.programme import Component, Programme, Window
from lms_plugin.domain.weeks import WEEK

DAY = timedelta(days=1)
DAYS_OF_PACE = 28
"""The present pace is that of the last four weeks."""
FURTHEST_DAYS = 100 * 366
"""Whoever would need longer than a century never gets there."""


class PaceState(StrEnum):
    """How somebody keeps up: through; at most a week's worth short of what is asked for; more than that; or nothing
    counts yet."""

    COMPLETE = "complete"
    ON_TRACK = "on_track"
    BEHIND = "behind"
    NOT_STARTED = "not_started"


class WeekState(StrEnum):
    """What became of one week of a component with a weekly pace.

    reached: by itself; made_up: by weeks after it; current: it is not over; open: short, and can still be made up;
    missed: short for good; unasked: it asks for nothing (the window covers only a part of it, or the weeks before ask
    for everything) and no hours of it wait. A week whose hours wait is short, whatever it asks for.
    """

    REACHED = "reached"
    MADE_UP = "made_up"
    CURRENT = "current"
    OPEN = "open"
    MISSED = "missed"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Week:
    """One week, named by its Monday: what it asks for and what was credited in it, in milliseconds."""

    week_on: date
    asked_ms: int
    got_ms: int


@dataclass(frozen=True, slots=True)
class PacedWeek:
    """A week of a component with a weekly pace.

    Where it is open, `make_up_ms` more credited by the end of the present week make up for it, and it can be made up
    before `make_up_before` (the first day that is too late).
    """

    week_on: date
    asked_ms: int
    got_ms: int
    state: WeekState
    make_up_ms: int = 0
    make_up_before: date | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """So much credit (milliseconds) in so many days."""

    credited_ms: int
    days: int

    @property
    def weekly_ms(self) -> int:
        """What that makes a week, rounded down."""
        return max(0, self.credited_ms) * 7 // self.days if self.days else 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """When somebody is through: `finish_on` is the day on which the last hour comes in, None for never.

    `in_time`: that day lies in the window.
    """

    finish_on: date | None
    in_time: bool


def whole_ms(programme: Programme) -> int:
    """All that a programme requires: what its completion ratio is a share of."""
    return sum(_required_ms(programme, one) for one in programme.components) + _free_ms(programme)


def asked_ms(programme: Programme, on: date) -> int:
    """What is asked for by the beginning of a day.

    A component with a weekly pace asks for its pace in each whole week of the window, where that comes to all it
    requires; every other one, and what the total asks for on top, for as much as the share of the window's days that
    are over (rounded down). What adds nothing to the total, such as an examination, is asked for at the end.
    """
    window = programme.window
    if on >= window.closes_on:
        return whole_ms(programme)
    return _in_line(window, _free_ms(programme), on) + sum(
        component_asked_ms(programme, one, on) for one in programme.components if one.in_total
    )


def component_asked_ms(programme: Programme, component: Component, on: date) -> int:
    """What one component asks for by the beginning of a day; see `asked_ms`."""
    window = programme.window
    required = _required_ms(programme, component)
    weekly = _weekly_ms(programme, component)
    if weekly is None or on >= window.closes_on:
        return _in_line(window, required, on)
    return min(required, weekly * whole_weeks(window, on))


def whole_weeks(window: Window, on: date) -> int:
    """How many weeks, Monday to Sunday, lie in the window and are over at the beginning of a day."""
    first = week_of(window.opens_on + 6 * DAY)
    last = week_of(min(on, window.closes_on))
    return max(0, (last - first).days // 7)


def week_ms(programme: Programme) -> int:
    """A week's worth: what the busiest week asks for, rounded up. Who is short by no more is on track."""
    window = programme.window
    days = max(1, (window.closes_on - window.opens_on).days)
    lines, paced = _free_ms(programme), 0
    for one in programme.components:
        required = _required_ms(programme, one)
        weekly = _weekly_ms(programme, one)
        if one.in_total and weekly is not None:
            paced += min(weekly, required)
        elif one.in_total:
            lines += required
    return paced + min(lines, -(-lines * 7 // days))


def least_ratio(programme: Programme, on: date) -> Decimal:
    """The completion ratio from which on somebody is on track on a day (four decimals, rounded down); 1 at the end."""
    if on >= programme.window.closes_on:
        return Decimal(1)
    whole, least = whole_ms(programme), asked_ms(programme, on) - week_ms(programme)
    if whole == 0 or least <= 0:
        return Decimal(0)
    return (Decimal(least) / Decimal(whole)).quantize(FOUR_PLACES, rounding=ROUND_DOWN)


def state_of(*, is_complete: bool, counted_ms: int, ratio: Decimal, least: Decimal) -> PaceState:
    """How somebody keeps up, from the roll-up of their ledger and what `least_ratio` gives for their programme."""
    if is_complete:
        return PaceState.COMPLETE
    if counted_ms <= 0:
        return PaceState.NOT_STARTED
    return PaceState.BEHIND if ratio < least else PaceState.ON_TRACK


def weeks_of(programme: Programme, credited: Mapping[date, int], on: date) -> tuple[Week, ...]:
    """Every week of the window up to the one with this day: what it asks for, and what was credited in it.

    `credited` maps Mondays to milliseconds.
    """
    window = programme.window
    found = []
    week_on = week_of(window.opens_on)
    while week_on <= on and week_on < window.closes_on:
        asked = asked_ms(programme, min(week_on + WEEK, window.closes_on)) - asked_ms(programme, week_on)
        found.append(Week(week_on, asked, credited.get(week_on, 0)))
        week_on += WEEK
    return tuple(found)


def paced_weeks(
    programme: Programme, component: Component, credited: Mapping[date, int], on: date
) -> tuple[PacedWeek, ...]:
    """Every week of a component with a weekly pace up to the one with this day, and what became of each.

    `credited` maps Mondays to this component's milliseconds. Empty where the component has no pace.
    """
    pace = component.pace
    if pace is None:
        return ()
    window, wanted = programme.window, weeks.pace_ms(pace, programme.class_hour_ms)
    required = _required_ms(programme, component)
    this_week, last_week = week_of(on), week_of(window.closes_on - DAY)
    is_through = sum(credited.values()) - weeks.pending_ms(credited, pace, programme.class_hour_ms) >= required
    found, before = [], 0
    week_on = week_of(window.opens_on)
    while week_on <= min(this_week, last_week):
        got = credited.get(week_on, 0)
        is_whole = week_on >= window.opens_on and week_on + WEEK <= window.closes_on
        asked = min(wanted, max(0, required - before)) if is_whole else 0
        before += asked
        # Where any later week may fill it, those up to the last of the window can.
        furthest = (last_week - week_on).days // 7
        reach = furthest if pace.make_up_weeks is None else min(pace.make_up_weeks, furthest)
        made_up = replace(pace, make_up_weeks=reach)
        is_settled = is_through or weeks.is_reached(credited, week_on, made_up, programme.class_hour_ms)
        # Hours of a short week wait for the whole pace, also where less is asked for, or nothing.
        waits = pace.make_up_weeks is not None and got > 0 and not is_settled
        if asked == 0 and not waits:
            found.append(PacedWeek(week_on, asked, got, WeekState.UNASKED))
        elif got >= asked and not waits:
            found.append(PacedWeek(week_on, asked, got, WeekState.REACHED))
        elif is_settled:
            found.append(PacedWeek(week_on, asked, got, WeekState.MADE_UP))
        elif week_on == this_week and on < window.closes_on:
            needed = (asked if pace.make_up_weeks is None else wanted) - got
            before_day = min(week_on + WEEK, window.closes_on)
            found.append(PacedWeek(week_on, asked, got, WeekState.CURRENT, needed, before_day))
        else:
            since = (this_week - week_on).days // 7
            if since > reach or on >= window.closes_on:
                found.append(PacedWeek(week_on, asked, got, WeekState.MISSED))
            else:
                together = sum(credited.get(week_on + n * WEEK, 0) for n in range(since + 1))
                before_day = min(week_on + (reach + 1) * WEEK, window.closes_on)
                needed = (since + 1) * wanted - together
                found.append(PacedWeek(week_on, asked, got, WeekState.OPEN, needed, before_day))
        week_on += WEEK
    return tuple(found)


def present_pace(window: Window, credited_by_day: Mapping[date, int], on: date, *, since: date | None = None) -> Pace:
    """The pace of the four weeks up to a day, or since the start where that is later; this day included.

    The start is the opening of the window, or `since` where somebody came later.
    """
    start = max(window.opens_on, since or window.opens_on, on - (DAYS_OF_PACE - 1) * DAY)
    credited = sum(amount for day, amount in credited_by_day.items() if start <= day <= on)
    return Pace(credited, max(1, (on - start).days + 1))


def finish(window: Window, remaining_ms: int, pace: Pace, on: date) -> Forecast:
    """When somebody is through who goes on at a pace from this day on, or from the opening where that is later.

    Credit comes in evenly, this day's included. Nothing counts after the window: a day after it says how late.
    """
    start = max(on, window.opens_on)
    if remaining_ms <= 0:
        return Forecast(on, True)
    if pace.credited_ms <= 0:
        return Forecast(None, False)
    days = -(-remaining_ms * pace.days // pace.credited_ms)
    if days > FURTHEST_DAYS:
        return Forecast(None, False)
    finish_on = start + (days - 1) * DAY
    return Forecast(finish_on, finish_on < window.closes_on)


def at_weekly(window: Window, remaining_ms: int, weekly_ms: int, on: date) -> Forecast:
    """When somebody is through who studies so much every week from this day on."""
    return finish(window, remaining_ms, Pace(weekly_ms, 7), on)


def needed_weekly_ms(window: Window, remaining_ms: int, on: date) -> int | None:
    """The least a week that still finishes in time; None where no day is left.

    `at_weekly` with this is in time, and with a millisecond less it is not.
    """
    if remaining_ms <= 0:
        return 0
    days = (window.closes_on - max(on, window.opens_on)).days
    return -(-remaining_ms * 7 // days) if days > 0 else None


def _required_ms(programme: Programme, component: Component) -> int:
    return milliseconds_of(component.required_class_hours, programme.class_hour_ms)


def _free_ms(programme: Programme) -> int:
    """What the total asks for on top of the components."""
    in_total = sum(_required_ms(programme, one) for one in programme.components if one.in_total)
    return max(0, milliseconds_of(programme.total_class_hours, programme.class_hour_ms) - in_total)


def _weekly_ms(programme: Programme, component: Component) -> int | None:
    """A component's pace, where keeping it in each whole week of the window reaches what it requires."""
    if component.pace is None:
        return None
    weekly = weeks.pace_ms(component.pace, programme.class_hour_ms)
    required = _required_ms(programme, component)
    in_all = weekly * whole_weeks(programme.window, programme.window.closes_on)
    return weekly if in_all >= required else None


def _in_line(window: Window, required_ms: int, on: date) -> int:
    days = (window.closes_on - window.opens_on).days
    over = min(max(0, (on - window.opens_on).days), days)
    return required_ms if on >= window.closes_on or days <= 0 else required_ms * over // days
