"""Pace: how one learner keeps up, a whole class group, and every learner an office answers for.

The state is decided from the roll-up of the ledger on the enrolment, everywhere in the same way (domain.pace): a page
about one learner and a brief about 250,000 never disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import pace
from lms_plugin.domain.completion import reached_of_whole
from lms_plugin.domain.hours import Hours, milliseconds_of
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.pace import Forecast, Pace, PacedWeek, PaceState, Week, WeekState
from lms_plugin.domain.programme import Component, Programme
from lms_plugin.services import catalogue
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import day_of_entry
from lms_plugin.services.hours import HoursOfEnrolment
from lms_plugin.services.standings import Standing, standings
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment

MOST_WEEKLY_HOURS = 168


@dataclass(frozen=True, slots=True)
class PacedComponent:
    """A component with a weekly pace and what became of its weeks."""

    component: Component
    weeks: tuple[PacedWeek, ...]

    @property
    def to_make_up(self) -> tuple[PacedWeek, ...]:
        """Weeks that were missed and can still be made up."""
        return tuple(one for one in self.weeks if one.state is WeekState.OPEN)


@dataclass(frozen=True, slots=True)
class LearnerPace:
    """How one learner keeps up on a day: all lengths in milliseconds.

    `asked_ms` of what is required are asked for by now, `reached_ms` are reached, `remaining_ms` are missing to the
    whole. `needed_weekly_ms` a week finish in time (None: no day is left).
    """

    on: date
    programme: Programme
    state: PaceState
    asked_ms: int
    reached_ms: int
    remaining_ms: int
    weeks: tuple[Week, ...]
    paced: tuple[PacedComponent, ...]
    present: Pace
    forecast: Forecast
    needed_weekly_ms: int | None

    @property
    def short_ms(self) -> int:
        """How much of what is asked for by now is missing."""
        return max(0, self.asked_ms - self.reached_ms)

    @property
    def is_open(self) -> bool:
        return self.programme.window.opens_on <= self.on < self.programme.window.closes_on

    @property
    def is_over(self) -> bool:
        return self.on >= self.programme.window.closes_on

    @property
    def this_week(self) -> Week | None:
        """The week of this day; None outside of the window."""
        return self.weeks[-1] if self.is_open and self.weeks else None

    def at_weekly(self, weekly_ms: int) -> Forecast:
        """What if so much is studied every week from now on."""
        return pace.at_weekly(self.programme.window, self.remaining_ms, weekly_ms, self.on)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How one learner of many keeps up: the state, and how much of what is asked for by now is missing."""

    state: PaceState
    short_ms: int


def of_enrolment(session: Session, enrolment: Enrolment, found: HoursOfEnrolment) -> LearnerPace:
    """How a learner keeps up with the hours that were found; callers settle what was watched before they read them."""
    programme, window = found.programme, found.programme.window
    on = window.day_of(found.as_of)
    by_day = _credited_by_day(session, enrolment.id, programme)
    in_total = {one.key for one in programme.components if one.in_total}
    total_by_day = _summed(by_day, in_total)
    is_complete = enrolment.completed_at is not None or found.completion.complete
    reached, whole = reached_of_whole(found.hours)
    remaining = 0 if is_complete else whole - reached
    present = pace.present_pace(window, total_by_day, on, since=window.day_of(enrolment.enrolled_at))
    return LearnerPace(
        on=on,
        programme=programme,
        state=_state(programme, found.hours, found.completion.ratio, on, is_complete=is_complete),
        asked_ms=pace.asked_ms(programme, on),
        reached_ms=reached,
        remaining_ms=remaining,
        weeks=pace.weeks_of(programme, _by_week(total_by_day), on),
        paced=tuple(
            PacedComponent(
                one, pace.paced_weeks(programme, one, _by_week(_summed(by_day, {one.key})), min(on, window.closes_on))
            )
            for one in programme.components
            if one.pace is not None
        ),
        present=present,
        forecast=pace.finish(window, remaining, present, on),
        needed_weekly_ms=pace.needed_weekly_ms(window, remaining, on),
    )


def of_many(session: Session, current: InForce, enrolment_ids: Sequence[int], now: datetime) -> dict[int, Keeping]:
    """How learners of one programme keep up, in a number of statements that does not grow with a class group."""
    rows = session.execute(
        select(Enrolment.id, Enrolment.variant, Enrolment.completed_at).where(Enrolment.id.in_(enrolment_ids))
    ).all()
    reckoned = standings(session, current, [row.id for row in rows])
    return {
        row.id: of_standing(
            catalogue.taken_as(current, row.variant).programme,
            reckoned[row.id],
            now,
            is_complete=row.completed_at is not None or reckoned[row.id].completion.complete,
        )
        for row in rows
    }


def of_standing(programme: Programme, standing: Standing, now: datetime, *, is_complete: bool) -> Keeping:
    """How one learner of many keeps up; `programme` is as that learner takes it."""
    on = programme.window.day_of(now)
    reached, _ = reached_of_whole(standing.hours)
    return Keeping(
        _state(programme, standing.hours, standing.completion.ratio, on, is_complete=is_complete),
        0 if is_complete else max(0, pace.asked_ms(programme, on) - reached),
    )


def weekly_ms_of(text: str, class_hour_ms: int) -> int | None:
    """The milliseconds a week that somebody typed in class hours; None where it is no number from 0.01 to 168."""
    plain = text.strip().replace("，", ".").replace(",", ".")
    if not plain.isascii() or len(plain) > 8 or not plain.replace(".", "", 1).isdecimal():
        return None
    typed = Decimal(plain)
    if not Decimal("0.01") <= typed <= MOST_WEEKLY_HOURS:
        return None
    return milliseconds_of(typed, class_hour_ms)


def _state(programme: Programme, found: Hours, ratio: Decimal, on: date, *, is_complete: bool) -> PaceState:
    least = pace.least_ratio(programme, on)
    return pace.state_of(is_complete=is_complete, counted_ms=found.total.counted_ms, ratio=ratio, least=least)


def _credited_by_day(session: Session, enrolment_id: int, programme: Programme) -> dict[str, dict[date, int]]:
    """Credit by component and by the day that it was earned on."""
    rows = session.execute(
        select(
            CreditEntryRow.component_key, CreditEntryRow.amount_ms, CreditEntryRow.detail, CreditEntryRow.recorded_at
        ).where(CreditEntryRow.enrolment_id == enrolment_id)
    )
    found: dict[str, dict[date, int]] = {}
    for row in rows:
        days = found.setdefault(row.component_key, {})
        day = day_of_entry(programme, row.detail, row.recorded_at)
        days[day] = days.get(day, 0) + row.amount_ms
    return found


def _summed(by_day: Mapping[str, Mapping[date, int]], keys: set[str]) -> dict[date, int]:
    sums: dict[date, int] = {}
    for key in keys & by_day.keys():
        for day, amount in by_day[key].items():
            sums[day] = sums.get(day, 0) + amount
    return sums


def _by_week(by_day: Mapping[date, int]) -> dict[date, int]:
    sums: dict[date, int] = {}
    for day, amount in by_day.items():
        sums[week_of(day)] = sums.get(week_of(day), 0) + amount
    return sums
