"""Somebody's calendar: the meetings of their programmes and those they lead, and the address that only they know."""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.programme import Programme
from lms_plugin.services import access, meeting_access, meetings
from lms_plugin.services.access import TUTOR, Actor
from lms_plugin.storage.meeting_extras import CalendarAddress
from lms_plugin.storage.people import User
from lms_plugin.storage.study import Meeting

KEPT = timedelta(days=366)
"""What was so long ago leaves the calendar."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A meeting in somebody's calendar, with who leads it."""

    meeting: Meeting
    programme: Programme
    leader_name: str

    @property
    def uid(self) -> str:
        return uid_of(self.meeting)

    @property
    def stamp(self) -> datetime:
        """When the plan was changed last."""
        return self.meeting.changed_at or self.meeting.created_at


def uid_of(meeting: Meeting) -> str:
    """A name that the meeting keeps wherever the service moves, and that no other service gives (RFC 7986)."""
    named = f"lms-plugin meeting {meeting.id} {meeting.created_at.isoformat()}"
    return str(uuid.uuid5(uuid.NAMESPACE_OID, named))


def appointments(session: Session, actor: Actor, now: datetime) -> list[Appointment]:
    """All meetings of the actor's own programmes, those they lead, and those of class groups they tutor, by time."""
    found: dict[int, Appointment] = {}
    for own in meetings.own_meetings(session, actor):
        if own.enrolment.state == "active" or own.sign_in is not None:
            found[own.meeting.id] = Appointment(own.meeting, own.programme, own.leader_name)
    led = [*meetings.led_by(session, actor), *(meetings.of_tutor(session, actor) if actor.has(TUTOR) else ())]
    for one in led:
        found[one.meeting.id] = Appointment(one.meeting, one.programme, one.leader_name)
    kept = [one for one in found.values() if one.meeting.ends_at > now - KEPT]
    return sorted(kept, key=lambda one: (one.meeting.starts_at, one.meeting.id))


def appointment(session: Session, actor: Actor, meeting_id: int) -> Appointment:
    """One meeting that the actor runs or may attend.

    Raises:
        NotFound: neither, or there is none.
    """
    try:
        meeting = meeting_access.run_meeting(session, actor, meeting_id)
    except NotFound:
        meeting, _ = meeting_access.attended_meeting(session, actor, meeting_id)
    leader = session.get_one(User, meeting.leader_id)
    return Appointment(meeting, meeting_access.programme_of(session, meeting), leader.name)


def draw_of(session: Session, user_id: int) -> str | None:
    """What the present calendar address of a person was drawn with; None before the first."""
    return session.scalar(select(CalendarAddress.draw).where(CalendarAddress.user_id == user_id))


def draw_anew(session: Session, actor: Actor, now: datetime) -> str:
    """Draw the actor another calendar address; the one before leads nowhere any more."""
    row = session.get(CalendarAddress, actor.user_id, with_for_update=True)
    if row is None:
        row = CalendarAddress(user_id=actor.user_id)
        session.add(row)
    row.draw, row.drawn_at = secrets.token_urlsafe(16), now
    session.flush()
    return row.draw


def owner_of(session: Session, user_id: int, draw: str) -> Actor:
    """Who a calendar address belongs to.

    Raises:
        NotFound: it was drawn anew since, or the account is closed.
    """
    known = draw_of(session, user_id)
    user = session.get(User, user_id)
    if known is None or user is None or not user.is_active or not hmac.compare_digest(known, draw):
        raise NotFound(what="calendar")
    return access.actor_of(session, user_id)
