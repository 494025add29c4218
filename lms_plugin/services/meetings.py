"""Meetings: planning them, opening them for signing in, the code, closing and cancelling, and lists of them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from lms_plugin.domain import meetings
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Programme
from lms_plugin.services import access, meeting_access, meeting_notices, study_records, trail
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import run_meeting
from lms_plugin.services.meeting_trail import note_deed
from lms_plugin.storage.meeting_extras import MeetingMakeup
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment
from lms_plugin.storage.study import Meeting, MeetingGroup, SignIn, StudyRecord

PLANNED, OPEN, CLOSED, CONFIRMED, CANCELLED = "planned", "open", "closed", "confirmed", "cancelled"
OPENS_BEFORE = timedelta(hours=2)
"""People come before a meeting begins."""
STAYS_OPEN = timedelta(hours=2)
"""A meeting that nobody closes takes codes for so long after its end, and no longer."""
LONGEST_REASON = 500
LISTED = 200
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The code to show, and in how many seconds it changes."""

    code: str
    seconds_left: int


@dataclass(frozen=True, slots=True)
class ListedMeeting:
    """A meeting in a list, with the name of who leads it. `waiting` is how many signed and are not confirmed."""

    meeting: Meeting
    leader_name: str
    programme: Programme
    waiting: int

    @property
    def kind(self) -> str:
        return self.meeting.kind


@dataclass(frozen=True, slots=True)
class OwnMeeting:
    """A meeting of a learner's own: the enrolment it is for, what is known of their coming and going."""

    meeting: Meeting
    enrolment: Enrolment
    sign_in: SignIn | None
    programme: Programme
    leader_name: str


def source_of(meeting_id: int) -> str:
    """What study records of a meeting name as their source."""
    return f"meeting/{meeting_id}"


def makeup_source(meeting_id: int) -> str:
    """What study records of making up for a meeting name as their source."""
    return f"makeup/{meeting_id}"


def takes_codes(meeting: Meeting, now: datetime) -> bool:
    """Whether one can sign in with the code at this moment."""
    return meeting.state == OPEN and now < meeting.ends_at + STAYS_OPEN


def open_meeting(session: Session, actor: Actor, meeting_id: int, now: datetime) -> Meeting:
    """Let people sign in, with a code that nobody has seen before; one that is open already stays as it is.

    Raises:
        NotFound: the actor does not run it.
        Conflict: `meeting_too_early`, `meeting_over`, or it is confirmed or cancelled (`meeting_settled`).
    """
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    if meeting.state in (CONFIRMED, CANCELLED):
        raise Conflict("meeting_settled")
    if now < meeting.starts_at - OPENS_BEFORE:
        raise Conflict("meeting_too_early")
    if now >= meeting.ends_at + STAYS_OPEN:
        raise Conflict("meeting_over")
    if meeting.state != OPEN:
        meeting.state, meeting.code_secret = OPEN, secrets.token_bytes(_SECRET_BYTES)
        session.flush()
    return meeting


def close_meeting(session: Session, actor: Actor, meeting_id: int) -> Meeting:
    """Let nobody sign in any more; what is not open is left as it is.

    Raises:
        NotFound: the actor does not run it.
    """
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    if meeting.state == OPEN:
        meeting.state, meeting.code_secret = CLOSED, b""
        session.flush()
    return meeting


def cancel_meeting(session: Session, actor: Actor, meeting_id: int, *, reason: str, now: datetime) -> Meeting:
    """Call a meeting off: whatever it had given counts nothing any more, for a reason that learners can read.

    Raises:
        NotFound: the actor does not run it.
        Malformed: there is no reason, or a very long one.
        Conflict: it is cancelled already (`meeting_settled`).
    """
    reason = checked_reason(reason)
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    if meeting.state == CANCELLED:
        raise Conflict("meeting_settled")
    for enrolment_id, source in _given_by(session, meeting):
        study_records.revoke(session, enrolment_id, source, by_id=actor.user_id, reason=reason, now=now)
    meeting.state, meeting.code_secret, meeting.cancelled_because = CANCELLED, b"", reason
    meeting.sequence, meeting.changed_at = meeting.sequence + 1, now
    session.flush()
    meeting_notices.cancelled(session, meeting, by_id=actor.user_id, now=now)
    note_deed(session, actor, trail.MEETING_CANCELLED, meeting, now, reason=reason)
    return meeting


def shown_code(session: Session, actor: Actor, meeting_id: int, now: datetime) -> ShownCode:
    """The code of this moment, for who runs the meeting.

    Raises:
        NotFound: the actor does not run it.
        Conflict: `meeting_not_open`.
    """
    meeting = run_meeting(session, actor, meeting_id)
    if not takes_codes(meeting, now):
        raise Conflict("meeting_not_open")
    return ShownCode(meetings.code_at(meeting.code_secret, now), meetings.seconds_left(now))


def checked_reason(reason: str) -> str:
    """A reason without blanks around it.

    Raises:
        Malformed: `reason_needed`, `reason_too_long`.
    """
    reason = reason.strip()
    if not reason:
        raise Malformed("reason_needed")
    if len(reason) > LONGEST_REASON:
        raise Malformed("reason_too_long", longest=LONGEST_REASON)
    return reason


def of_tutor(session: Session, actor: Actor) -> list[ListedMeeting]:
    """The meetings of the tutor's class groups, and those the tutor leads, latest first.

    Raises:
        NotAllowed: the person is no tutor.
    """
    groups = [one.id for one in access.tutored_groups(session, actor)]
    in_groups = exists().where(MeetingGroup.meeting_id == Meeting.id, MeetingGroup.class_group_id.in_(groups))
    return _listed(session, or_(Meeting.leader_id == actor.user_id, in_groups))


def of_office(session: Session, actor: Actor) -> list[ListedMeeting]:
    """The meetings in the regions an office admin answers for, latest first.

    Raises:
        NotAllowed: the person is no office admin.
    """
    return _listed(session, access.in_scope(access.office_scope(actor), Meeting.region_id))


def led_by(session: Session, actor: Actor) -> list[ListedMeeting]:
    """The meetings somebody leads, latest first."""
    return _listed(session, Meeting.leader_id == actor.user_id)


def own_meeting(session: Session, actor: Actor, meeting_id: int) -> OwnMeeting:
    """One meeting of the actor's own enrolments.

    Raises:
        NotFound: it is not for them, or there is none.
    """
    found = own_meetings(session, actor, only=meeting_id)
    if not found:
        raise NotFound(what="meeting")
    return found[0]


def own_meetings(session: Session, actor: Actor, *, only: int | None = None) -> list[OwnMeeting]:
    """The meetings of the actor's own enrolments, latest first; those of the last `LISTED` that have begun or will.
    `only` asks for a single one."""
    found: list[OwnMeeting] = []
    wanted = Meeting.id == only if only is not None else true()
    enrolments = session.scalars(
        select(Enrolment).where(Enrolment.user_id == actor.user_id).order_by(Enrolment.id)
    ).all()
    for enrolment in enrolments:
        rows = session.execute(
            select(Meeting, SignIn, User.name)
            .join(User, User.id == Meeting.leader_id)
            .outerjoin(SignIn, and_(SignIn.meeting_id == Meeting.id, SignIn.enrolment_id == enrolment.id))
            .where(Meeting.programme_id == enrolment.programme_id, wanted)
            .where(or_(SignIn.meeting_id.is_not(None), _meant_for(session, enrolment)))
            .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
            .limit(LISTED)
        ).all()
        for meeting, sign_in, leader_name in rows:
            programme = meeting_access.programme_of(session, meeting)
            if sign_in is not None or meeting_access.is_for(enrolment, programme, meeting.component_key):
                found.append(OwnMeeting(meeting, enrolment, sign_in, programme, leader_name))
    return sorted(found, key=lambda one: (one.meeting.starts_at, one.meeting.id), reverse=True)


def next_of(session: Session, actor: Actor, now: datetime) -> OwnMeeting | None:
    """The meeting of the actor's enrolments that is on, or comes next; those that are called off are left out."""
    to_come = [one for one in own_meetings(session, actor) if one.meeting.ends_at > now]
    wanted = [one for one in to_come if one.meeting.state != CANCELLED and one.enrolment.state == "active"]
    return wanted[-1] if wanted else None


def _given_by(session: Session, meeting: Meeting) -> list[tuple[int, str]]:
    """(enrolment, source) of the records that a meeting gave, by presence and by making up for it."""
    came = select(SignIn.enrolment_id).where(SignIn.meeting_id == meeting.id)
    made_up = select(MeetingMakeup.enrolment_id).where(MeetingMakeup.meeting_id == meeting.id)
    rows = session.execute(
        select(StudyRecord.enrolment_id, StudyRecord.source)
        .where(StudyRecord.enrolment_id.in_(came.union(made_up)), StudyRecord.revoked_at.is_(None))
        .where(StudyRecord.source.in_((source_of(meeting.id), makeup_source(meeting.id))))
        .order_by(StudyRecord.enrolment_id, StudyRecord.number)
    )
    return [(row.enrolment_id, row.source) for row in rows]


def _meant_for(session: Session, enrolment: Enrolment) -> ColumnElement[bool]:
    in_group = exists().where(
        MeetingGroup.meeting_id == Meeting.id, MeetingGroup.class_group_id == enrolment.class_group_id
    )
    for_groups = exists().where(MeetingGroup.meeting_id == Meeting.id)
    region = session.get(Region, enrolment.region_id) if enrolment.region_id is not None else None
    around = region.lineage if region is not None else ()
    return or_(in_group, and_(~for_groups, or_(Meeting.region_id.is_(None), Meeting.region_id.in_(around))))


def _listed(session: Session, condition: ColumnElement[bool]) -> list[ListedMeeting]:
    rows = session.execute(
        select(Meeting, User.name)
        .join(User, User.id == Meeting.leader_id)
        .where(condition)
        .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
        .limit(LISTED)
    ).all()
    waiting: dict[int, int] = dict(
        session.execute(
            select(SignIn.meeting_id, func.count())
            .where(SignIn.meeting_id.in_([one.id for one, _ in rows]), SignIn.state == "signed")
            .group_by(SignIn.meeting_id)
        )
        .tuples()
        .all()
    )
    return [
        ListedMeeting(one, name, meeting_access.programme_of(session, one), waiting.get(one.id, 0))
        for one, name in rows
    ]


def tutors_of(session: Session, group_ids: Sequence[int]) -> set[int]:
    """The ids of the tutors of class groups."""
    return set(session.scalars(select(ClassGroupTutor.user_id).where(ClassGroupTutor.class_group_id.in_(group_ids))))
