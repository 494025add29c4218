"""Substitutes: who stands in for a tutor of a class group, from which day to which, with what to know.

What a substitute may do, and when, services/access.py decides; here it is written down, ended and told.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Window
from lms_plugin.services import access, catalogue, classgroups, notices, passwords
from lms_plugin.services.access import Actor
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.trail import SUBSTITUTE_ENDED, SUBSTITUTE_GIVEN, note_action
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment
from lms_plugin.storage.tutoring import Substitution

LONGEST_NOTE = 2000
MOST_DAYS = 92
GIVEN, ENDED = "substitute_given", "substitute_ended"

_Tutor = aliased(User, name="tutor")


@dataclass(frozen=True, slots=True)
class NewSubstitution:
    """Who is to stand in for whom, the first and the last day, and what to know."""

    login: str
    tutor_id: int
    first_on: date | None
    last_on: date | None
    note: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A substitution with its names; `state` is to_come, current, over or ended."""

    row: Substitution
    substitute_name: str
    tutor_name: str
    state: str

    @property
    def last_on(self) -> date:
        return self.row.ends_on - timedelta(days=1)


def handed_group(session: Session, actor: Actor, class_group_id: int) -> ClassGroup:
    """A class group whose handover the actor decides on: its own tutor's, or the office's. A substitute hands on
    nothing.

    Raises:
        NotFound: neither holds, or there is none.
    """
    group = session.get(ClassGroup, class_group_id)
    appointed = session.get(ClassGroupTutor, (class_group_id, actor.user_id)) is not None
    if group is not None and actor.has(access.TUTOR) and appointed:
        return group
    if actor.has(access.OFFICE):
        return classgroups.managed_group(session, actor, class_group_id)
    raise NotFound(what="class_group")


def give(session: Session, actor: Actor, class_group_id: int, new: NewSubstitution, now: datetime) -> Substitution:
    """Let somebody stand in for a tutor; tells both, the group's other tutors, and its learners.

    Raises:
        NotFound: the group is not the actor's to hand over.
        Malformed: `substitute_unknown` (no active account that tutors somewhere), `tutor_unknown` (not of the group),
            `first_day_missing`, `last_day_missing`, `days_reversed`, `days_past`, `too_many_days` (most),
            `handover_note_too_long` (longest).
        Conflict: `substitute_is_tutor` of the group already, `learns_and_tutors`, `substitute_overlaps`.
    """
    group = handed_group(session, actor, class_group_id)
    window = catalogue.in_force(session, group.programme_id, now).programme.window
    starts_on, ends_on = _days(new, window, now)
    note = new.note.strip()
    if len(note) > LONGEST_NOTE:
        raise Malformed("handover_note_too_long", field="note", longest=LONGEST_NOTE)
    # Two who name a substitute at the same moment must see each other.
    session.refresh(group, with_for_update={"key_share": True})
    if session.get(ClassGroupTutor, (group.id, new.tutor_id)) is None:
        raise Malformed("tutor_unknown", field="tutor_id")
    substitute = _substitute(session, new.login)
    if session.get(ClassGroupTutor, (group.id, substitute.id)) is not None:
        raise Conflict("substitute_is_tutor", field="login")
    learns = select(Enrolment.id).where(
        Enrolment.user_id == substitute.id, Enrolment.programme_id == group.programme_id
    )
    if session.scalar(learns) is not None:
        raise Conflict("learns_and_tutors", field="login")
    days = Window(starts_on, ends_on, window.timezone)
    same_days = select(Substitution.id).where(
        Substitution.class_group_id == group.id,
        Substitution.tutor_id == new.tutor_id,
        Substitution.ended_at.is_(None),
        Substitution.starts_at < days.closes_at,
        Substitution.ends_at > days.opens_at,
    )
    if session.scalar(same_days.limit(1)) is not None:
        raise Conflict("substitute_overlaps", field="first_on")
    row = Substitution(
        class_group_id=group.id,
        substitute_id=substitute.id,
        tutor_id=new.tutor_id,
        starts_on=starts_on,
        ends_on=ends_on,
        starts_at=days.opens_at,
        ends_at=days.closes_at,
        note=note,
        given_by_id=actor.user_id,
        given_at=now,
    )
    session.add(row)
    session.flush()
    _tell(session, group, row, GIVEN, now)
    note_action(
        session,
        actor,
        SUBSTITUTE_GIVEN,
        f"substitution/{row.id}",
        None,
        now,
        class_group_id=group.id,
        **_figures(session, row),
    )
    return row


def end(session: Session, actor: Actor, class_group_id: int, substitution_id: int, now: datetime) -> Substitution:
    """End a substitution before its time; from this moment on nothing is allowed by it.

    Raises:
        NotFound: the group is not the actor's to hand over, or has no such substitution.
        Conflict: `substitution_is_over`.
    """
    group = handed_group(session, actor, class_group_id)
    row = session.get(Substitution, substitution_id, with_for_update=True, populate_existing=True)
    if row is None or row.class_group_id != group.id:
        raise NotFound(what="substitution")
    if row.ended_at is not None or row.ends_at <= now:
        raise Conflict("substitution_is_over")
    row.ended_at, row.ended_by_id = now, actor.user_id
    session.flush()
    _tell(session, group, row, ENDED, now)
    note_action(
        session,
        actor,
        SUBSTITUTE_ENDED,
        f"substitution/{row.id}",
        None,
        now,
        class_group_id=group.id,
        **_figures(session, row),
    )
    return row


def of_group(session: Session, class_group_id: int, now: datetime) -> list[Shown]:
    """The substitutions of a class group, the latest first; the caller has checked who may see them."""
    rows = session.execute(
        select(Substitution, User.name, _Tutor.name)
        .join(User, User.id == Substitution.substitute_id)
        .join(_Tutor, _Tutor.id == Substitution.tutor_id)
        .where(Substitution.class_group_id == class_group_id)
        .order_by(Substitution.starts_at.desc(), Substitution.id.desc())
    )
    return [Shown(row, substitute, tutor, _state(row, now)) for row, substitute, tutor in rows]


def current_of(session: Session, actor: Actor, class_group_id: int, now: datetime) -> Shown | None:
    """The substitution by which the actor tutors a class group at this moment, with what to know; None where there is
    none."""
    if actor.stands_in_for(class_group_id) is None:
        return None
    mine = (one for one in of_group(session, class_group_id, now) if one.row.substitute_id == actor.user_id)
    return next((one for one in mine if one.state == "current"), None)


def _state(row: Substitution, now: datetime) -> str:
    if row.ended_at is not None:
        return "ended"
    if now < row.starts_at:
        return "to_come"
    return "current" if now < row.ends_at else "over"


def _days(new: NewSubstitution, window: Window, now: datetime) -> tuple[date, date]:
    if new.first_on is None:
        raise Malformed("first_day_missing", field="first_on")
    if new.last_on is None:
        raise Malformed("last_day_missing", field="last_on")
    if new.last_on < new.first_on:
        raise Malformed("days_reversed", field="last_on")
    if new.last_on < window.day_of(now):
        raise Malformed("days_past", field="last_on")
    if (new.last_on - new.first_on).days >= MOST_DAYS:
        raise Malformed("too_many_days", field="last_on", most=MOST_DAYS)
    return new.first_on, new.last_on + timedelta(days=1)


def _substitute(session: Session, login: str) -> User:
    """Somebody who tutors somewhere; others are as unknown as logins that nobody has."""
    tutors = select(RoleGrant.user_id).where(RoleGrant.role == access.TUTOR)
    wanted = User.login == passwords.normal_login(login)
    user = session.scalar(select(User).where(wanted, User.is_active, User.id.in_(tutors)))
    if user is None:
        raise Malformed("substitute_unknown", field="login")
    return user


def _figures(session: Session, row: Substitution) -> dict[str, object]:
    return {
        "substitute": session.get_one(User, row.substitute_id).name,
        "tutor": session.get_one(User, row.tutor_id).name,
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
    }


def _tell(session: Session, group: ClassGroup, row: Substitution, kind: str, now: datetime) -> None:
    """Tell the substitute, every tutor of the group, and its learners."""
    about = f"substitution/{row.id}"
    params = {**_figures(session, row), "group": group.name}
    tutors = set(session.scalars(select(ClassGroupTutor.user_id).where(ClassGroupTutor.class_group_id == group.id)))
    told = [NewNotice(one, kind, about, params, f"/tutor?group={group.id}") for one in sorted(tutors)]
    told.append(NewNotice(row.substitute_id, kind, about, params, "/tutor"))
    learners = session.execute(
        select(Enrolment.user_id, Enrolment.id)
        .where(Enrolment.class_group_id == group.id, Enrolment.state == "active")
        .order_by(Enrolment.user_id)
    )
    told += [NewNotice(user_id, kind, about, params, f"/enrolments/{one}") for user_id, one in learners]
    notices.tell_many(session, told, now)
