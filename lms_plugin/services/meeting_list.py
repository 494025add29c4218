"""The leader's list of a meeting: whom it is for, who came and went, and what that amounts to so far."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain import meetings as rules
from lms_plugin.domain.meetings import Presence, Standing
from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import meeting_access, meetings, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import run_meeting
from lms_plugin.services.meeting_signing import REFUSED, SETTLED, SIGNED
from lms_plugin.services.meetings import ListedMeeting
from lms_plugin.services.study_records import ms_of
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting, SignIn


@dataclass(frozen=True, slots=True)
class Attendee:
    """One learner of a meeting's list: how late they came and how early they left, where that costs them something;
    `shares_with` names others who signed on the same device."""

    enrolment_id: int
    user_id: int
    name: str
    login: str
    school_name: str | None
    sign_in: SignIn | None
    presence: Presence
    most_ms: int
    late_minutes: int
    early_minutes: int
    shares_with: tuple[str, ...]

    @property
    def is_late(self) -> bool:
        return self.late_minutes > 0

    @property
    def state(self) -> str:
        """signed, confirmed, refused, or "" for who has not come."""
        return self.sign_in.state if self.sign_in is not None else ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many a meeting is for, and what is known of them."""

    expected: int
    came: int
    went: int
    late: int
    confirmed: int
    absent: int


@dataclass(frozen=True, slots=True)
class SharedDevice:
    """Several people who signed on one device."""

    names: tuple[str, ...]


def attendees(
    session: Session, actor: Actor, meeting_id: int, *, first: int = 0, limit: int | None = None
) -> list[Attendee]:
    """The list of a meeting by name: all it is for, and who has come besides.

    Raises:
        NotFound: the actor does not run it.
    """
    meeting = run_meeting(session, actor, meeting_id)
    study = study_rule(session, meeting)
    rows = session.execute(
        select(Enrolment.id, Enrolment.user_id, User.name, User.login, Region.name, SignIn)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Region, Region.id == Enrolment.region_id)
        .outerjoin(SignIn, and_(SignIn.enrolment_id == Enrolment.id, SignIn.meeting_id == meeting.id))
        .where(or_(SignIn.meeting_id.is_not(None), meeting_access.takes_part(session, meeting)))
        .order_by(User.name, User.login, Enrolment.id)
        .offset(first)
        .limit(limit)
    ).all()
    together = _on_one_device(session, meeting.id)
    found = []
    for enrolment_id, user_id, name, login, school, sign_in in rows:
        presence = presence_of(meeting, study, sign_in)
        others = together.get(sign_in.device, ()) if sign_in is not None else ()
        found.append(
            Attendee(
                enrolment_id=enrolment_id,
                user_id=user_id,
                name=name,
                login=login,
                school_name=school,
                sign_in=sign_in,
                presence=presence,
                most_ms=presence.most_ms(meeting.most_minutes),
                late_minutes=_late_minutes(meeting, study, sign_in),
                early_minutes=_early_minutes(meeting, study, sign_in),
                shares_with=tuple(other for other_id, other in others if other_id != enrolment_id),
            )
        )
    return found


def tally(session: Session, actor: Actor, meeting_id: int) -> Tally:
    """A meeting's list in figures.

    Raises:
        NotFound: the actor does not run it.
    """
    meeting = run_meeting(session, actor, meeting_id)
    late_from = study_records.instant_of(
        ms_of(meeting.starts_at) + study_rule(session, meeting).late_minutes * MINUTE_MS
    )

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    there = SignIn.state != REFUSED
    row = session.execute(
        select(
            number(there & SignIn.in_at.is_not(None)),
            number(there & SignIn.out_at.is_not(None)),
            number(there & (SignIn.in_at > late_from)),
            number(SignIn.state == SETTLED),
            number(SignIn.state == REFUSED),
        ).where(SignIn.meeting_id == meeting.id)
    ).one()
    expected = session.scalar(
        select(func.count())
        .select_from(Enrolment)
        .outerjoin(SignIn, and_(SignIn.enrolment_id == Enrolment.id, SignIn.meeting_id == meeting.id))
        .where(or_(SignIn.meeting_id.is_not(None), meeting_access.takes_part(session, meeting)))
    )
    return Tally(expected or 0, *row)


def latest(session: Session, actor: Actor, meeting_id: int, *, limit: int = 8) -> list[tuple[str, datetime]]:
    """Who signed last, by name, with the moment.

    Raises:
        NotFound: the actor does not run it.
    """
    meeting = run_meeting(session, actor, meeting_id)
    rows = session.execute(
        select(User.name, SignIn.changed_at)
        .join(Enrolment, Enrolment.id == SignIn.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(SignIn.meeting_id == meeting.id, SignIn.state == SIGNED)
        .order_by(SignIn.changed_at.desc(), SignIn.enrolment_id)
        .limit(limit)
    )
    return [(name, at) for name, at in rows]


def shared_devices(session: Session, actor: Actor, meeting_id: int) -> list[SharedDevice]:
    """Devices that several people signed on.

    Raises:
        NotFound: the actor does not run it.
    """
    together = _on_one_device(session, run_meeting(session, actor, meeting_id).id)
    return [SharedDevice(tuple(name for _, name in people)) for people in together.values()]


def next_session(session: Session, actor: Actor, now: datetime) -> ListedMeeting | None:
    """The meeting that a tutor leads, or that a class group of theirs has, which is on or comes next; None without one.

    Raises:
        NotAllowed: the person is no tutor.
    """
    to_come = [
        one
        for one in meetings.of_tutor(session, actor)
        if one.meeting.ends_at > now and one.meeting.state not in (meetings.CANCELLED, meetings.CONFIRMED)
    ]
    return to_come[-1] if to_come else None


def presence_of(meeting: Meeting, study: StudyRule, sign_in: SignIn | None) -> Presence:
    """The part of a meeting that a learner was there for, by what is known of their coming and going."""
    if sign_in is None or sign_in.state == REFUSED:
        return Presence((), Standing.NOT_THERE)
    return rules.presence(
        ms_of(meeting.starts_at),
        ms_of(meeting.ends_at),
        ms_of(sign_in.in_at) if sign_in.in_at is not None else None,
        ms_of(sign_in.out_at) if sign_in.out_at is not None else None,
        both_ends=study.both_ends,
        late_minutes=study.late_minutes,
    )


def study_rule(session: Session, meeting: Meeting) -> StudyRule:
    """What the programme of a meeting's day says of its component."""
    component = meeting_access.component_of(session, meeting)
    return component.study if component is not None else StudyRule()


def _late_minutes(meeting: Meeting, study: StudyRule, sign_in: SignIn | None) -> int:
    if sign_in is None or sign_in.in_at is None:
        return 0
    return rules.minutes_late(ms_of(meeting.starts_at), ms_of(sign_in.in_at), study.late_minutes)


def _early_minutes(meeting: Meeting, study: StudyRule, sign_in: SignIn | None) -> int:
    if sign_in is None or sign_in.out_at is None:
        return 0
    return rules.minutes_early(ms_of(meeting.ends_at), ms_of(sign_in.out_at), study.late_minutes)


def _on_one_device(session: Session, meeting_id: int) -> dict[str, tuple[tuple[int, str], ...]]:
    """Who shared a device, by its hash: (enrolment, name) of all on it, where there are several."""
    other = aliased(SignIn)
    several = (
        select(other.device)
        .where(other.meeting_id == meeting_id, other.device != "")
        .group_by(other.device)
        .having(func.count() > 1)
    )
    rows = session.execute(
        select(SignIn.device, SignIn.enrolment_id, User.name)
        .join(Enrolment, Enrolment.id == SignIn.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(SignIn.meeting_id == meeting_id, SignIn.device.in_(several))
        .order_by(SignIn.device, User.name, SignIn.enrolment_id)
    )
    found: dict[str, tuple[tuple[int, str], ...]] = {}
    for device, enrolment_id, name in rows:
        found[device] = (*found.get(device, ()), (enrolment_id, name))
    return found
