"""Placements: where a learner is placed, and the months that the host confirms or refuses."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import coursework, placement
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.placement import Month
from lms_plugin.domain.programme import Component, Programme, Text, Window
from lms_plugin.services import access, catalogue, study_reckoning, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.study_records import NewRecord
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow
from lms_plugin.storage.study import Placement, PlacementMonth

LONGEST_NAME = 120
LONGEST_HOST = 200
LONGEST_REMARK = 500
CONFIRMED, REFUSED = "confirmed", "refused"


@dataclass(frozen=True, slots=True)
class NewPlacement:
    """A placement about to be made: half-open days; `host_login` is the account of who confirms its months."""

    host: str
    host_login: str
    starts_on: date
    ends_on: date
    mentor: str = ""


@dataclass(frozen=True, slots=True)
class MonthShown:
    """A month with what the host said of it, and whether it is over, so that something can be said.

    `least_days` is from how many days present it counts.
    """

    month: Month
    is_over: bool
    least_days: int
    report: PlacementMonth | None


@dataclass(frozen=True, slots=True)
class PlacementShown:
    """A placement with its months and the people in it."""

    row: Placement
    learner_name: str
    host_name: str
    programme_title: Text
    timezone: str
    months: tuple[MonthShown, ...]

    @property
    def last_on(self) -> date:
        return placement.Month(0, self.row.starts_on, self.row.ends_on).last_on


def place(session: Session, actor: Actor, enrolment_id: int, new: NewPlacement, now: datetime) -> Placement:
    """Place a learner with a host; a change of host is another placement, after the one before was ended.

    Raises:
        NotAllowed: the actor is no office admin.
        NotFound: the learner is not in a region of theirs.
        Malformed: `host_missing`, `host_too_long`, `host_account_unknown`, `host_is_learner`, or why the days do not
            fit (domain.placement.fault_of).
        Conflict: the programme has no placement (`no_placement`), or the learner has withdrawn (`enrolment_withdrawn`).
    """
    enrolment = access.office_enrolment(session, actor, enrolment_id)
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    study_reckoning.lock_people(session, [enrolment.user_id])
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    component = programme.component_of(ComponentKind.PLACEMENT)
    if component is None:
        raise Conflict("no_placement")
    host, mentor = new.host.strip(), new.mentor.strip()
    if not host:
        raise Malformed("host_missing")
    if len(host) > LONGEST_HOST or len(mentor) > LONGEST_NAME:
        raise Malformed("host_too_long", longest=LONGEST_HOST)
    host_user = session.scalar(select(User).where(User.login == new.host_login.strip(), User.is_active))
    if host_user is None:
        raise Malformed("host_account_unknown", login=new.host_login.strip())
    if host_user.id == enrolment.user_id:
        raise Malformed("host_is_learner")
    others = [(one.starts_on, one.ends_on) for one in _rows_of(session, enrolment.id)]
    fault = placement.fault_of(new.starts_on, new.ends_on, others, component.study, programme.window)
    if fault is not None:
        raise Malformed(fault, least=component.study.least_months, most=component.study.most_months)
    row = Placement(
        enrolment_id=enrolment.id,
        component_key=component.key,
        host=host,
        host_user_id=host_user.id,
        mentor=mentor,
        starts_on=new.starts_on,
        ends_on=new.ends_on,
        created_by_id=actor.user_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def end(session: Session, actor: Actor, placement_id: int, ends_on: date) -> Placement:
    """Let a placement end earlier, on the day before `ends_on`, so that the learner can go on elsewhere.

    Raises:
        NotAllowed, NotFound: the learner is not in a region that the actor answers for.
        Malformed: `placement_end_not_earlier`.
        Conflict: a month that is confirmed would be cut short (`placement_month_confirmed`).
    """
    row = session.get(Placement, placement_id, with_for_update=True)
    if row is None:
        access.office_scope(actor)
        raise NotFound(what="placement")
    access.office_enrolment(session, actor, row.enrolment_id)
    if not row.starts_on < ends_on < row.ends_on:
        raise Malformed("placement_end_not_earlier")
    left = len(placement.months(row.starts_on, ends_on))
    if any(one.state == CONFIRMED and one.number > left for one in _reports_of(session, [row.id])[row.id]):
        raise Conflict("placement_month_confirmed")
    row.ends_on = ends_on
    session.flush()
    return row


def confirm(
    session: Session, actor: Actor, placement_id: int, number: int, *, days_present: int, remark: str, now: datetime
) -> PlacementMonth:
    """Confirm a month as its host: it gives what the programme says.

    Raises:
        NotFound: the actor is not the host, or there is no such month.
        Conflict: the month is not over (`month_not_over`).
        Malformed: `days_out_of_range` (most), `too_few_days` (least), `remark_too_long`.
    """
    row, month, component, programme = _month_for_host(session, actor, placement_id, number, now)
    _check_days(month, days_present)
    least = placement.least_days(month, component.study.least_presence)
    if days_present < least:
        raise Malformed("too_few_days", least=least)
    report = _report(session, row, number, CONFIRMED, days_present, remark, actor, now)
    enrolment = session.get_one(Enrolment, row.enrolment_id)
    record = NewRecord(
        enrolment_id=enrolment.id,
        component_key=row.component_key,
        source=source_of(row.id, number),
        title=row.host,
        at=Window(month.last_on, month.to_on, programme.window.timezone).opens_at,
        given_ms=coursework.credit_ms(component, programme.class_hour_ms),
    )
    study_records.record_many(session, [record], confirmed_by_id=actor.user_id, now=now, because=remark.strip())
    return report


def refuse(
    session: Session, actor: Actor, placement_id: int, number: int, *, days_present: int, reason: str, now: datetime
) -> PlacementMonth:
    """Refuse a month as its host, with a reason; what it gave before is taken back.

    Raises:
        NotFound: the actor is not the host, or there is no such month.
        Conflict: the month is not over (`month_not_over`).
        Malformed: `decision_reason_missing`, `remark_too_long`, `days_out_of_range`.
    """
    row, month, _, _ = _month_for_host(session, actor, placement_id, number, now)
    _check_days(month, days_present)
    if not reason.strip():
        raise Malformed("decision_reason_missing")
    report = _report(session, row, number, REFUSED, days_present, reason, actor, now)
    # Of a month that was never confirmed there is no record.
    with suppress(NotFound):
        study_records.revoke(
            session,
            row.enrolment_id,
            source_of(row.id, number),
            by_id=actor.user_id,
            reason=reason.strip(),
            now=now,
        )
    return report


def source_of(placement_id: int, number: int) -> str:
    """What a month is called in study records."""
    return f"placement/{placement_id}/{number}"


def of_enrolment(session: Session, enrolment_id: int, now: datetime) -> list[PlacementShown]:
    """The placements of an enrolment by their days; the caller has checked who may see them."""
    return _shown(session, _rows_of(session, enrolment_id), now)


def of_host(session: Session, actor: Actor, now: datetime) -> list[PlacementShown]:
    """The placements whose months the actor confirms, those that end last first."""
    rows = session.scalars(
        select(Placement)
        .where(Placement.host_user_id == actor.user_id)
        .order_by(Placement.ends_on.desc(), Placement.id.desc())
    ).all()
    return _shown(session, rows, now)


def is_host(session: Session, user_id: int) -> bool:
    """Whether somebody confirms the months of any placement."""
    return session.scalar(select(Placement.id).where(Placement.host_user_id == user_id).limit(1)) is not None


def in_regions(
    session: Session, actor: Actor, now: datetime, *, before: int | None, limit: int
) -> list[PlacementShown]:
    """The placements of learners in the actor's regions, newest first, those with an id below `before`.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    wanted = (
        select(Placement)
        .join(Enrolment, Enrolment.id == Placement.enrolment_id)
        .where(access.in_scope(scope, Enrolment.region_id))
        .order_by(Placement.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(Placement.id < before)
    return _shown(session, session.scalars(wanted).all(), now)


def learner_of(session: Session, actor: Actor, programme_key: str, login: str) -> int:
    """The enrolment of a learner of the actor's regions, by programme and account.

    Raises:
        NotAllowed: the person is no office admin.
        Malformed: there is no such learner that they answer for (`candidate_unknown`).
    """
    scope = access.office_scope(actor)
    found = session.scalar(
        select(Enrolment.id)
        .join(User, User.id == Enrolment.user_id)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .where(ProgrammeRow.key == programme_key, User.login == login)
        .where(access.in_scope(scope, Enrolment.region_id))
    )
    if found is None:
        raise Malformed("candidate_unknown", login=login)
    return found


def programmes_with_placement(session: Session, now: datetime) -> list[tuple[str, Text]]:
    """(key, title) of the programmes that have placements."""
    return [
        (one.programme.key, one.programme.title)
        for one in catalogue.all_in_force(session, now)
        if one.programme.component_of(ComponentKind.PLACEMENT) is not None
    ]


def _rows_of(session: Session, enrolment_id: int) -> Sequence[Placement]:
    return session.scalars(
        select(Placement).where(Placement.enrolment_id == enrolment_id).order_by(Placement.starts_on, Placement.id)
    ).all()


def _reports_of(session: Session, placement_ids: Sequence[int]) -> dict[int, list[PlacementMonth]]:
    found: dict[int, list[PlacementMonth]] = {one: [] for one in placement_ids}
    rows = select(PlacementMonth).where(PlacementMonth.placement_id.in_(placement_ids)).order_by(PlacementMonth.number)
    for row in session.scalars(rows):
        found[row.placement_id].append(row)
    return found


def _shown(session: Session, rows: Sequence[Placement], now: datetime) -> list[PlacementShown]:
    reports = _reports_of(session, [row.id for row in rows])
    shown = []
    for row in rows:
        enrolment = session.get_one(Enrolment, row.enrolment_id)
        programme = catalogue.for_enrolment(session, enrolment, now).programme
        component = programme.component(row.component_key)
        share = component.study.least_presence if component is not None else Fraction(0)
        by_number = {one.number: one for one in reports[row.id]}
        months = tuple(
            MonthShown(
                month,
                programme.window.day_of(now) >= month.to_on,
                placement.least_days(month, share),
                by_number.get(month.number),
            )
            for month in placement.months(row.starts_on, row.ends_on)
        )
        shown.append(
            PlacementShown(
                row,
                session.get_one(User, enrolment.user_id).name,
                session.get_one(User, row.host_user_id).name,
                programme.title,
                programme.window.timezone,
                months,
            )
        )
    return shown


def _month_for_host(
    session: Session, actor: Actor, placement_id: int, number: int, now: datetime
) -> tuple[Placement, Month, Component, Programme]:
    row = session.get(Placement, placement_id, with_for_update=True)
    if row is None or row.host_user_id != actor.user_id:
        raise NotFound(what="placement")
    enrolment = session.get_one(Enrolment, row.enrolment_id)
    months = placement.months(row.starts_on, row.ends_on)
    month = next((one for one in months if one.number == number), None)
    if month is None:
        raise NotFound(what="placement_month")
    timezone = catalogue.for_enrolment(session, enrolment, now).programme.window.timezone
    over_at = Window(month.last_on, month.to_on, timezone)
    if now < over_at.closes_at:
        raise Conflict("month_not_over", last_on=month.last_on)
    programme = catalogue.for_enrolment(session, enrolment, over_at.opens_at).programme
    component = programme.component(row.component_key)
    if component is None:
        raise Conflict("no_placement")
    return row, month, component, programme


def _check_days(month: Month, days_present: int) -> None:
    if not 0 <= days_present <= month.days:
        raise Malformed("days_out_of_range", most=month.days)


def _report(
    session: Session,
    row: Placement,
    number: int,
    state: str,
    days_present: int,
    remark: str,
    actor: Actor,
    now: datetime,
) -> PlacementMonth:
    remark = remark.strip()
    if len(remark) > LONGEST_REMARK:
        raise Malformed("remark_too_long", longest=LONGEST_REMARK)
    report = session.get(PlacementMonth, (row.id, number))
    if report is None:
        report = PlacementMonth(placement_id=row.id, number=number)
        session.add(report)
    report.state, report.days_present, report.remark = state, days_present, remark
    report.decided_by_id, report.decided_at = actor.user_id, now
    session.flush()
    return report
