"""One learner as their tutor sees them, besides the hours: posts, meetings, homework, messages, notes, the trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from lms_plugin.services import access, coursework, meeting_access, trail, tutor_messages, tutor_notes
from lms_plugin.services.access import Actor
from lms_plugin.services.meetings import CANCELLED
from lms_plugin.services.trail import Deed
from lms_plugin.services.tutor_messages import ReceivedMessage
from lms_plugin.services.tutor_notes import NoteShown
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Coursework, Meeting, MeetingGroup, SignIn

LISTED = 50


@dataclass(frozen=True, slots=True)
class PostLine:
    """A post of the learner and the thread it stands in."""

    row: Post
    thread_id: int
    thread_title: str


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A meeting of the learner's class group, or one they came to, and what its list says of them (None: nothing)."""

    meeting: Meeting
    sign_in: SignIn | None

    @property
    def state(self) -> str:
        """attended, refused, signed (not confirmed yet), missed, or to_come (nothing is confirmed yet)."""
        if self.sign_in is not None:
            return {"confirmed": "attended"}.get(self.sign_in.state, self.sign_in.state)
        return "missed" if self.meeting.state == "confirmed" else "to_come"


@dataclass(frozen=True, slots=True)
class LearnerFile:
    """What the tutors of a learner and the office see of them."""

    posts: Sequence[PostLine]
    sessions: Sequence[SessionLine]
    work: Sequence[Coursework]
    messages: Sequence[ReceivedMessage]
    notes: Sequence[NoteShown]
    deeds: Sequence[Deed]


def file_of(session: Session, actor: Actor, enrolment_id: int, now: datetime) -> LearnerFile:
    """What is known of a learner, of each kind the latest first.

    Raises:
        NotFound: the actor neither tutors nor answers for the learner.
    """
    enrolment = access.guided_enrolment(session, actor, enrolment_id)
    return LearnerFile(
        posts=_posts(session, enrolment_id),
        sessions=_sessions(session, enrolment, now),
        work=coursework.of_enrolment(session, enrolment_id),
        messages=tutor_messages.of_enrolment(session, enrolment_id),
        notes=tutor_notes.of_enrolment(session, actor, enrolment_id),
        deeds=trail.of_enrolment(session, enrolment_id),
    )


def _posts(session: Session, enrolment_id: int) -> list[PostLine]:
    rows = session.execute(
        select(Post, Thread.id, Thread.title)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.enrolment_id == enrolment_id)
        .order_by(Post.id.desc())
        .limit(LISTED)
    )
    return [PostLine(*row) for row in rows]


def _sessions(session: Session, enrolment: Enrolment, now: datetime) -> list[SessionLine]:
    in_group = select(MeetingGroup.meeting_id).where(MeetingGroup.class_group_id == enrolment.class_group_id)
    rows = session.execute(
        select(Meeting, SignIn)
        .outerjoin(SignIn, and_(SignIn.meeting_id == Meeting.id, SignIn.enrolment_id == enrolment.id))
        .where(Meeting.programme_id == enrolment.programme_id, Meeting.starts_at <= now, Meeting.state != CANCELLED)
        .where(SignIn.meeting_id.is_not(None) | Meeting.id.in_(in_group))
        .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
        .limit(LISTED)
    ).all()
    return [
        SessionLine(meeting, sign_in)
        for meeting, sign_in in rows
        if sign_in is not None
        or (
            enrolment.enrolled_at <= meeting.starts_at
            and meeting_access.is_for(enrolment, meeting_access.programme_of(session, meeting), meeting.component_key)
        )
    ]
