"""Reminders: who is to be told that a window closes, that they fell behind, or that something waits for them.

A round may be run as often as one likes, by any number of workers: every reminder has a name (`about`) that is the
same in each round, and nobody is told twice of the same one. A round reads enrolments in portions by id and writes what
is new, each portion in a transaction of its own; one that is cut short leaves the rest to the next.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from lms_plugin.domain import pace
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.pace import WeekState
from lms_plugin.domain.programme import Component, Programme
from lms_plugin.domain.questions import WAITS_LONG
from lms_plugin.domain.school_activities import SCHOOL, SCHOOL_APPROVED, SUBMITTED, next_level
from lms_plugin.domain.weeks import WEEK, pace_ms
from lms_plugin.services import catalogue, meeting_notices, notices, questions_queue, quotas
from lms_plugin.services import pace as keeping
from lms_plugin.services.access import OFFICE
from lms_plugin.services.approvals import Levels
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.notices import NewNotice
from lms_plugin.storage.ledger import ComponentWeek
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import SchoolActivity

PORTION = 5000
DAYS_BEFORE_CLOSING = (2, 7, 14)
"""So many days before a window closes, from near to far: of those that have come only the nearest is told."""
DAYS_BEFORE_DEADLINE = (2, 7)

WINDOW_CLOSES, FELL_BEHIND, WEEK_SHORT, WEEK_LOST = "window_closes", "fell_behind", "week_short", "week_lost"
NOMINATIONS_DUE, APPROVALS_WAIT = "nominations_due", "approvals_wait"
QUESTIONS_WAIT = "questions_wait"
TO_LEARNERS = (WINDOW_CLOSES, FELL_BEHIND, WEEK_SHORT, WEEK_LOST)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a day asks of everybody who takes a programme in the same way."""

    programme: Programme
    on: date
    least: Decimal
    closing: tuple[int, ...]
    paced: tuple[tuple[Component, dict[date, int]], ...]
    """Components with a weekly pace, with the weeks that letters tell of and what each asks for, in milliseconds."""

    @property
    def days_left(self) -> int:
        return (self.programme.window.closes_on - self.on).days


def remind(
    database: Database,
    now: datetime,
    *,
    portion: int = PORTION,
    stop: threading.Event | None = None,
    question_limit: timedelta = WAITS_LONG,
) -> int:
    """One round: tell everybody who is to be reminded, until `stop` is set; gives how many reminders are new.

    Tutors hear of questions that wait for as long as `question_limit`, or longer.

    Raises:
        Unavailable: the store cannot be reached.
    """
    told = 0
    with database.reading() as session:
        programmes = catalogue.all_in_force(session, now)
    for current in programmes:
        after: int | None = 0
        while after is not None and not (stop is not None and stop.is_set()):
            done, after = database.transact(
                partial(_portion, current=current, after=after, size=portion, now=now),
            )
            told += done
    told += database.transact(
        lambda session: notices.tell_many(session, list(_nominations(session, programmes, now)), now)
    )
    told += database.transact(
        lambda session: notices.tell_many(session, list(_questions(session, now, question_limit)), now)
    )
    told += database.transact(lambda session: notices.tell_many(session, list(_approvals(session, now)), now))
    return told + remind_of_meetings(database, now)


def remind_of_meetings(database: Database, now: datetime) -> int:
    """A round for meetings alone, which are reminded of to the hour; gives how many reminders are new.

    Raises:
        Unavailable: the store cannot be reached.
    """
    with database.reading() as session:
        coming = meeting_notices.coming(session, now)
    return sum(database.transact(partial(meeting_notices.remind, meeting_id=one, now=now)) for one in coming)


def outdated(session: Session, told: Sequence[Notice], now: datetime) -> set[int]:
    """Which of these notices (by id) need not be sent any more: reminders of somebody who is through, or has withdrawn,
    or is on track again; of a tutor whose questions are answered by now; and what was said before a meeting that is
    over."""
    about = {one.id: one.params.get("enrolment") for one in told if one.kind in TO_LEARNERS}
    rows = session.execute(
        select(
            Enrolment.id,
            Enrolment.programme_id,
            Enrolment.variant,
            Enrolment.state,
            Enrolment.completed_at,
            Enrolment.completion_ratio,
        ).where(Enrolment.id.in_({one for one in about.values() if isinstance(one, int)}))
    )
    over, steady = set(), set()
    for row in rows:
        programme = catalogue.in_force(session, row.programme_id, now, row.variant).programme
        if row.completed_at is not None or row.state != "active" or now >= programme.window.closes_at:
            over.add(row.id)
        elif row.completion_ratio >= pace.least_ratio(programme, programme.window.day_of(now)):
            steady.add(row.id)
    asked = {one.user_id for one in told if one.kind == QUESTIONS_WAIT}
    if asked:
        # Whatever waits still, for however short a time, is worth the letter.
        asked -= {one.user_id for one in questions_queue.waiting_long(session, now, timedelta(0), user_ids=asked)}
    return (
        {one.id for one in told if one.kind == QUESTIONS_WAIT and one.user_id in asked}
        | {
            one.id
            for one in told
            if one.id in about and (about[one.id] in over or (one.kind == FELL_BEHIND and about[one.id] in steady))
        }
        | meeting_notices.outdated(session, told, now)
    )


def _portion(session: Session, *, current: InForce, after: int, size: int, now: datetime) -> tuple[int, int | None]:
    """Remind the next learners of a programme; gives how many reminders are new, and their last id, None at the end."""
    rows = session.execute(
        select(Enrolment.id, Enrolment.user_id, Enrolment.variant, Enrolment.completion_ratio)
        .where(
            Enrolment.programme_id == current.id,
            Enrolment.id > after,
            Enrolment.state == "active",
            Enrolment.completed_at.is_(None),
        )
        .order_by(Enrolment.id)
        .limit(size)
    ).all()
    lines: dict[str, _Line] = {}
    for row in rows:
        if row.variant not in lines:
            lines[row.variant] = _line(catalogue.taken_as(current, row.variant).programme, now)
    due = [one for row in rows for one in _due(row, lines[row.variant])]
    due += _short_weeks(session, [(row, lines[row.variant]) for row in rows if lines[row.variant].paced])
    already = notices.known(session, (one.user_id for one in due), TO_LEARNERS)
    new = [one for one in due if (one.user_id, one.kind, one.about) not in already]
    # To the millisecond for these few, as their page will say it: the roll-up has four decimals only.
    behind = [one.params["enrolment"] for one in new if one.kind == FELL_BEHIND]
    short = keeping.of_many(session, current, behind, now) if behind else {}
    for one in new:
        if one.kind == FELL_BEHIND:
            one.params["short_ms"] = short[one.params["enrolment"]].short_ms
    return notices.tell_many(session, new, now), rows[-1].id if len(rows) == size else None


def _line(programme: Programme, now: datetime) -> _Line:
    window = programme.window
    on = window.day_of(now)
    is_open = window.opens_on <= on < window.closes_on
    left = (window.closes_on - on).days
    return _Line(
        programme,
        on,
        pace.least_ratio(programme, on) if is_open else Decimal(0),
        tuple(days for days in DAYS_BEFORE_CLOSING if left <= days) if is_open else (),
        tuple((one, _weeks_to_tell_of(programme, one, on)) for one in programme.components if one.pace is not None)
        if is_open
        else (),
    )


def _weeks_to_tell_of(programme: Programme, component: Component, on: date) -> dict[date, int]:
    """The week before this one; and those that ask for nothing and can be made up, whose hours may be entered late."""
    last = week_of(on) - WEEK
    reach = component.pace.make_up_weeks if component.pace is not None else None
    return {
        one.week_on: one.asked_ms
        for one in pace.paced_weeks(programme, component, {}, on)
        if one.week_on == last or (one.asked_ms == 0 and last - ((reach or 0) - 1) * WEEK <= one.week_on < last)
    }


def _due(row: Row[Any], line: _Line) -> Iterator[NewNotice]:
    window, page = line.programme.window, f"/enrolments/{row.id}"
    if line.closing:
        yield NewNotice(
            row.user_id,
            WINDOW_CLOSES,
            f"enrolment/{row.id}/closes/{window.closes_on}/{line.closing[0]}",
            {**_named(row.id, line), "days": line.days_left, "closes_on": window.closes_on.isoformat()},
            page,
        )
    if row.completion_ratio < line.least:
        yield NewNotice(
            row.user_id,
            FELL_BEHIND,
            f"enrolment/{row.id}/behind/{week_of(line.on)}",
            _named(row.id, line),
            f"{page}/pace",
        )


def _short_weeks(session: Session, learners: Sequence[tuple[Row[Any], _Line]]) -> Iterator[NewNotice]:
    """Weeks that fell short of a component's pace: what they ask for is missing, or the hours they have wait."""
    if not learners:
        return
    weeks_on = {week_on for _, line in learners for _, asked in line.paced for week_on in asked}
    credited = _weeks(session, [row.id for row, _ in learners], ComponentWeek.week_on.in_(weeks_on))
    short = []
    for row, line in learners:
        for component, asked in line.paced:
            wanted, of_weeks = _pace_ms(component, line), credited.get((row.id, component.key), {})
            for week_on, asked_ms in asked.items():
                if of_weeks.get(week_on, 0) < wanted and (asked_ms > 0 or of_weeks.get(week_on, 0) > 0):
                    short.append((row, line, component, week_on, f"enrolment/{row.id}/{component.key}/{week_on}"))
    already = notices.known(session, (row.user_id for row, *_ in short), (WEEK_SHORT, WEEK_LOST))
    told = {(user_id, about) for user_id, _, about in already}
    short = [one for one in short if (one[0].user_id, one[4]) not in told]
    # Only for these few every week is looked at: some have all of it, or made up for it already.
    credited = _weeks(session, sorted({row.id for row, *_ in short}))
    for row, line, component, week_on, about in short:
        found = pace.paced_weeks(line.programme, component, credited.get((row.id, component.key), {}), line.on)
        week = next(one for one in found if one.week_on == week_on)
        if week.state in (WeekState.OPEN, WeekState.MISSED):
            can_be_made_up = week.state is WeekState.OPEN
            yield NewNotice(
                row.user_id,
                WEEK_SHORT if can_be_made_up else WEEK_LOST,
                about,
                {
                    **_named(row.id, line),
                    "component": asdict(component.title),
                    "week_on": week_on.isoformat(),
                    "asked_ms": week.asked_ms,
                    "pace_ms": _pace_ms(component, line),
                    "got_ms": week.got_ms,
                    "make_up_ms": week.make_up_ms,
                    "make_up_before": week.make_up_before.isoformat() if week.make_up_before else None,
                },
                f"/enrolments/{row.id}/pace",
            )


def _pace_ms(component: Component, line: _Line) -> int:
    return pace_ms(component.pace, line.programme.class_hour_ms) if component.pace is not None else 0


def _weeks(
    session: Session, enrolment_ids: Sequence[int], *conditions: ColumnElement[bool]
) -> dict[tuple[int, str], dict[date, int]]:
    """Credit by week, of each enrolment and component."""
    query = select(
        ComponentWeek.enrolment_id, ComponentWeek.component_key, ComponentWeek.week_on, ComponentWeek.credited_ms
    ).where(ComponentWeek.enrolment_id.in_(enrolment_ids), *conditions)
    found: dict[tuple[int, str], dict[date, int]] = {}
    for one in session.execute(query):
        found.setdefault((one.enrolment_id, one.component_key), {})[one.week_on] = one.credited_ms
    return found


def _named(enrolment_id: int, line: _Line) -> dict[str, Any]:
    return {
        "enrolment": enrolment_id,
        "programme": asdict(line.programme.title),
        "class_hour_ms": line.programme.class_hour_ms,
    }


def _nominations(session: Session, programmes: Sequence[InForce], now: datetime) -> Iterator[NewNotice]:
    """To the admins of regions that have places left when the deadline for nominations is near."""
    for current in programmes:
        rule, window = current.programme.nomination, current.programme.window
        if rule is None or rule.deadline_on is None:
            continue
        left = (rule.deadline_on - window.day_of(now)).days
        reached = [days for days in DAYS_BEFORE_DEADLINE if 0 < left <= days]
        if not reached:
            continue
        places = quotas.places_if_all_are_taken(session, current)
        named = {one for by_region in places.quotas.values() for one in by_region}
        free = {one: left for one in named if (left := places.left_of_quotas(one))}
        for region_id, user_ids in _admins(session, free).items():
            for user_id in user_ids:
                yield NewNotice(
                    user_id,
                    NOMINATIONS_DUE,
                    f"programme/{current.id}/{region_id}/{rule.deadline_on}/{reached[0]}",
                    {
                        "programme": asdict(current.programme.title),
                        "places": free[region_id],
                        "deadline_on": rule.deadline_on.isoformat(),
                    },
                    f"/office/programmes/{current.programme.key}/nominations",
                )


def _approvals(session: Session, now: datetime) -> Iterator[NewNotice]:
    """To who can approve next, of the school or of the county, what school-based activities wait; once a week."""
    rows = session.execute(
        select(
            SchoolActivity.region_id,
            Region.county_id,
            SchoolActivity.user_id,
            SchoolActivity.state,
            SchoolActivity.starts_at,
            SchoolActivity.component_key,
            Enrolment.programme_id,
            Enrolment.variant,
        )
        .join(Region, Region.id == SchoolActivity.region_id)
        .join(Enrolment, Enrolment.id == SchoolActivity.enrolment_id)
        .where(SchoolActivity.state.in_((SUBMITTED, SCHOOL_APPROVED)))
    ).all()
    admins = _admins(session, {one for row in rows for one in row[:2] if one is not None})
    levels = Levels(session)
    waiting: dict[int, int] = {}
    for row in rows:
        needed = levels.of(row.programme_id, row.variant, row.starts_at, row.component_key)
        for user_id in _deciders(admins, row, next_level(row.state, needed)):
            waiting[user_id] = waiting.get(user_id, 0) + 1
    week_on = week_of(now.date())
    for user_id, count in sorted(waiting.items()):
        yield NewNotice(user_id, APPROVALS_WAIT, f"approvals/{week_on}", {"count": count}, "/office/approvals")


def _deciders(admins: dict[int, list[int]], row: Row[Any], level: str | None) -> list[int]:
    """Who decides on an activity at a level: nobody on their own, and the county where its school has nobody else."""
    of_school, of_county = (
        [one for one in admins.get(region_id, ()) if one != row.user_id] for region_id in (row.region_id, row.county_id)
    )
    if level is None:
        return []
    return (of_school if level == SCHOOL else None) or of_county


def _questions(session: Session, now: datetime, limit: timedelta) -> Iterator[NewNotice]:
    """To the tutors of class groups in which questions wait for too long, once a day."""
    for one in questions_queue.waiting_long(session, now, limit):
        params = {"count": one.count, "hours": int((now - one.oldest_at).total_seconds()) // 3600}
        yield NewNotice(one.user_id, QUESTIONS_WAIT, f"questions/{now.date()}", params, "/tutor/questions")


def _admins(session: Session, region_ids: Iterable[int]) -> dict[int, list[int]]:
    """Who answers for each of these regions itself: office admins by region."""
    rows = session.execute(
        select(RoleGrant.region_id, RoleGrant.user_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(RoleGrant.role == OFFICE, User.is_active, RoleGrant.region_id.in_(list(region_ids)))
        .order_by(RoleGrant.user_id)
    )
    found: dict[int, list[int]] = {}
    for region_id, user_id in rows:
        if region_id is not None:
            found.setdefault(region_id, []).append(user_id)
    return found
