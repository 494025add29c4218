"""What waits for a tutor in each class group, and since when: one statement or two for all groups together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.coursework import SUBMITTED
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import dispute_access, posts_to_mark, releases
from lms_plugin.services.meeting_signing import SIGNED
from lms_plugin.services.meetings import CANCELLED
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.questions import Question
from lms_plugin.storage.study import Coursework, Meeting, MeetingGroup, SignIn


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of one kind waits in a class group, and since when the oldest has (None: unknown)."""

    number: int
    oldest_at: datetime | None = None


Waits = Callable[[Session, Sequence[int], datetime], Mapping[int, Waiting]]
"""What waits of one kind, by the ids of class groups that the caller may see; where nothing does is left out."""


def learners_of(group_ids: Sequence[int]) -> ColumnElement[bool]:
    """An SQL condition: an enrolment is in one of these class groups; by way of the programme, as the index is."""
    programmes = select(ClassGroup.programme_id).where(ClassGroup.id.in_(group_ids))
    return and_(Enrolment.programme_id.in_(programmes), Enrolment.class_group_id.in_(group_ids))


def held_film(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Films with stretches that a tutor could let count; the oldest is the first presence check missed."""
    found = {}
    for group_id, held in releases.held_in_groups(session, group_ids, now).items():
        missed = [one.missed_at for one in held if one.missed_at is not None]
        found[group_id] = Waiting(len(held), min(missed, default=None))
    return found


def homework(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Pieces of homework to mark."""
    rows = session.execute(
        select(Enrolment.class_group_id, func.count(), func.min(Coursework.submitted_at))
        .join(Coursework, Coursework.enrolment_id == Enrolment.id)
        .where(learners_of(group_ids))
        .where(Coursework.kind == ComponentKind.HOMEWORK.value, Coursework.state == SUBMITTED)
        .group_by(Enrolment.class_group_id)
    )
    return {group_id: Waiting(number, oldest_at) for group_id, number, oldest_at in rows if group_id is not None}


def threads(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Threads in which learners had the last word: no tutor has answered since. A tutor's own thread is no question
    until somebody answers in it."""
    answer = select(func.coalesce(func.max(Post.id), 0)).where(Post.thread_id == Thread.id, Post.enrolment_id.is_(None))
    open_posts = (
        select(Thread.class_group_id, Thread.id, func.min(Post.created_at).label("since"))
        .join(Post, Post.thread_id == Thread.id)
        .where(Thread.class_group_id.in_(group_ids), Post.enrolment_id.is_not(None))
        .where(Post.id > answer.correlate(Thread).scalar_subquery())
        .group_by(Thread.class_group_id, Thread.id)
        .subquery()
    )
    rows = session.execute(
        select(open_posts.c.class_group_id, func.count(), func.min(open_posts.c.since)).group_by(
            open_posts.c.class_group_id
        )
    )
    return {group_id: Waiting(number, since) for group_id, number, since in rows}


def questions(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Questions to the tutors that nobody has answered."""
    rows = session.execute(
        select(Question.class_group_id, func.count(), func.min(Question.waiting_since))
        .where(Question.class_group_id.in_(group_ids), Question.state == QuestionState.OPEN.value)
        .group_by(Question.class_group_id)
    )
    return {group_id: Waiting(number, oldest_at) for group_id, number, oldest_at in rows}


def posts(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Learners' posts that no tutor has looked at as they are."""
    rows = session.execute(
        select(Enrolment.class_group_id, func.count(), func.min(func.coalesce(Post.edited_at, Post.created_at)))
        .join(Post, Post.enrolment_id == Enrolment.id)
        .where(learners_of(group_ids), posts_to_mark.unseen())
        .group_by(Enrolment.class_group_id)
    )
    return {group_id: Waiting(number, oldest_at) for group_id, number, oldest_at in rows if group_id is not None}


def disputes(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Disputes for which a tutor has yet to propose something."""
    rows = session.execute(
        select(Enrolment.class_group_id, func.count(), func.min(Dispute.opened_at))
        .join(Dispute, Dispute.enrolment_id == Enrolment.id)
        .where(learners_of(group_ids), Dispute.state == dispute_access.OPEN)
        .group_by(Enrolment.class_group_id)
    )
    return {group_id: Waiting(number, oldest_at) for group_id, number, oldest_at in rows if group_id is not None}


def attendance_lists(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, Waiting]:
    """Meetings that are over, with people on the list whom nobody has confirmed."""
    rows = session.execute(
        select(MeetingGroup.class_group_id, func.count(), func.min(Meeting.ends_at))
        .join(Meeting, Meeting.id == MeetingGroup.meeting_id)
        .where(MeetingGroup.class_group_id.in_(group_ids), Meeting.ends_at <= now, Meeting.state != CANCELLED)
        .where(exists().where(SignIn.meeting_id == Meeting.id, SignIn.state == SIGNED))
        .group_by(MeetingGroup.class_group_id)
    )
    return {group_id: Waiting(number, oldest_at) for group_id, number, oldest_at in rows}
