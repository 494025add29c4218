"""What was done to a meeting, on the trail of every class group that it is for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import groups_of
from lms_plugin.services.trail import note_action
from lms_plugin.storage.study import Meeting


def note_deed(session: Session, actor: Actor, kind: str, meeting: Meeting, now: datetime, **params: object) -> None:
    """Write down what an actor did to a meeting, part of the caller's transaction; its title goes along."""
    groups: Sequence[int | None] = groups_of(session, meeting.id) or [None]
    for group_id in groups:
        about = f"meeting/{meeting.id}"
        note_action(
            session, actor, kind, about, None, now, class_group_id=group_id, **{"title": meeting.title} | params
        )
