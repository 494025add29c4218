"""Changing a plan: title, times, place and link of a meeting that has not begun, with everybody told what is new."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.services import catalogue, meeting_notices, meeting_planning
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import groups_of, run_meeting
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.services.meeting_trail import note_deed
from lms_plugin.services.meetings import PLANNED
from lms_plugin.services.trail import MEETING_CHANGED
from lms_plugin.storage.study import Meeting

TITLE, TIME, PLACE, LINK = "title", "time", "place", "link"
_TOLD_AS = {"title": TITLE, "starts_at": TIME, "ends_at": TIME, "place": PLACE, "link": LINK}


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan says from now on."""

    title: str
    starts_at: datetime
    ends_at: datetime
    place: str = ""
    link: str = ""


def change(session: Session, actor: Actor, meeting_id: int, to: Change, now: datetime) -> Meeting:
    """Change a meeting that is planned; what is the same as before changes nothing, and nobody is told.

    Raises:
        NotFound: the actor does not run it.
        Conflict: `meeting_begun`: it was opened, closed, confirmed or called off.
        Malformed: `meeting_malformed`, with `faults` by field.
    """
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    if meeting.state != PLANNED:
        raise Conflict("meeting_begun")
    programme = catalogue.in_force(session, meeting.programme_id, to.starts_at).programme
    asked = NewMeeting(
        programme_id=meeting.programme_id,
        component_key=meeting.component_key,
        title=to.title,
        starts_at=to.starts_at,
        ends_at=to.ends_at,
        place=to.place,
        link=to.link,
        group_ids=tuple(groups_of(session, meeting.id)),
        region_id=meeting.region_id,
        module_id=meeting.module_id,
        medium=meeting.medium,
        most_minutes=meeting.most_minutes,
    )
    faults = meeting_planning.faults_of(asked, programme, programme.component(meeting.component_key))
    if faults:
        raise Malformed("meeting_malformed", faults=meeting_planning.told(faults))
    values = {
        "title": to.title.strip(),
        "starts_at": to.starts_at,
        "ends_at": to.ends_at,
        "place": to.place.strip(),
        "link": to.link.strip(),
    }
    new = {name: value for name, value in values.items() if getattr(meeting, name) != value}
    if new:
        for name, value in new.items():
            setattr(meeting, name, value)
        meeting.sequence, meeting.changed_at = meeting.sequence + 1, now
        session.flush()
        fields = list(dict.fromkeys(_TOLD_AS[name] for name in new))
        note_deed(session, actor, MEETING_CHANGED, meeting, now)
        if meeting.ends_at > now:
            meeting_notices.changed(session, meeting, fields, by_id=actor.user_id, now=now)
    return meeting
