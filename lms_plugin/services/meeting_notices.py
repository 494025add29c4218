"""What the people of a meeting are told: that it is planned, changed, called off, near, or that its notes are there.

The notice is written in the transaction that makes it true; each thing is said once, whatever is done again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.services import meeting_access, notices
from lms_plugin.services.notices import NewNotice
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting

PLANNED, CHANGED, CANCELLED, NOTES = "meeting_planned", "meeting_changed", "meeting_cancelled", "meeting_notes"
DAY_BEFORE, HOUR_BEFORE = "meeting_day_before", "meeting_hour_before"
BEFORE_IT_BEGINS = (PLANNED, CHANGED, DAY_BEFORE, HOUR_BEFORE)
"""Kinds that nobody needs to be sent once the meeting is over, or is called off."""

_REMINDERS = ((HOUR_BEFORE, timedelta(hours=1)), (DAY_BEFORE, timedelta(days=1)))
"""From near to far: of those that are due only the nearest is told."""


def planned(session: Session, meeting: Meeting, *, by_id: int, now: datetime) -> int:
    """Tell everybody of a meeting to come; of one that is entered afterwards nobody needs to hear."""
    if meeting.ends_at <= now:
        return 0
    return _tell(session, meeting, PLANNED, "planned", by_id=by_id, now=now)


def changed(session: Session, meeting: Meeting, fields: Sequence[str], *, by_id: int, now: datetime) -> int:
    """Tell everybody what of the plan is another now: "title", "time", "place", "link"."""
    more = {"changed": list(fields)}
    return _tell(session, meeting, CHANGED, f"changed/{meeting.sequence}", by_id=by_id, now=now, more=more)


def cancelled(session: Session, meeting: Meeting, *, by_id: int, now: datetime) -> int:
    """Tell everybody that a meeting is called off, and why."""
    more = {"reason": meeting.cancelled_because or ""}
    return _tell(session, meeting, CANCELLED, "cancelled", by_id=by_id, now=now, more=more)


def notes_published(session: Session, meeting: Meeting, *, by_id: int, now: datetime) -> int:
    """Tell everybody that notes or a recording are there."""
    return _tell(session, meeting, NOTES, "notes", by_id=by_id, now=now, page="notes")


def coming(session: Session, now: datetime) -> list[int]:
    """The ids of the meetings that begin within a day."""
    query = (
        select(Meeting.id)
        .where(Meeting.starts_at > now, Meeting.starts_at <= now + _REMINDERS[-1][1])
        .where(Meeting.state.in_(("planned", "open")))
        .order_by(Meeting.id)
    )
    return list(session.scalars(query))


def remind(session: Session, meeting_id: int, now: datetime) -> int:
    """Remind the people of a meeting that begins within a day, or within an hour; gives how many reminders are new."""
    meeting = session.get_one(Meeting, meeting_id)
    kind, before = next((kind, before) for kind, before in _REMINDERS if meeting.starts_at - now <= before)
    # Who heard of its plan or of a change within that time has just been told when it is.
    if meeting.state == "cancelled" or (meeting.changed_at or meeting.created_at) >= meeting.starts_at - before:
        return 0
    about = f"{kind.removeprefix('meeting_')}/{meeting.starts_at:%Y%m%dT%H%M}"
    return _tell(session, meeting, kind, about, by_id=None, now=now, is_round=True)


def outdated(session: Session, told: Sequence[Notice], now: datetime) -> set[int]:
    """Which of these notices (by id) need not be sent any more, since their meeting is over or called off."""
    about = {one.id: one.params.get("meeting") for one in told if one.kind in BEFORE_IT_BEGINS}
    wanted = {one for one in about.values() if isinstance(one, int)}
    if not wanted:
        return set()
    held = set(
        session.scalars(
            select(Meeting.id).where(Meeting.id.in_(wanted), Meeting.ends_at > now, Meeting.state != "cancelled")
        )
    )
    return {notice_id for notice_id, meeting_id in about.items() if meeting_id not in held}


def invited(session: Session, meeting: Meeting) -> set[int]:
    """The ids of the people whom a meeting is for, and of who leads it."""
    learners = select(Enrolment.user_id).where(meeting_access.takes_part(session, meeting))
    return {meeting.leader_id, *session.scalars(learners)}


def _tell(
    session: Session,
    meeting: Meeting,
    kind: str,
    about: str,
    *,
    by_id: int | None,
    now: datetime,
    more: dict[str, Any] | None = None,
    page: str = "",
    is_round: bool = False,
) -> int:
    zone = meeting_access.programme_of(session, meeting).window.timezone
    params: dict[str, Any] = {
        "meeting": meeting.id,
        "title": meeting.title,
        "starts_at": meeting.starts_at.isoformat(),
        "ends_at": meeting.ends_at.isoformat(),
        "zone": zone,
        "place": meeting.place,
        **(more or {}),
    }
    address = f"/meetings/{meeting.id}" + (f"/{page}" if page else "")
    people = invited(session, meeting) - {by_id}
    about = f"meeting/{meeting.id}/{about}"
    if is_round:
        # Every few minutes nearly all of them have been told: they are looked up rather than written in vain.
        people -= {user_id for user_id, _, known in notices.known(session, people, (kind,)) if known == about}
    return notices.tell_many(session, [NewNotice(one, kind, about, params, address) for one in sorted(people)], now)
