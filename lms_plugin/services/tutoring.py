"""A tutor's class group at a glance: who needs the tutor and why, what comes next, the latest words.

The number of statements does not grow with the learners: the page is read for 100 as it is for ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.coursework import RETURNED
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.tutoring import Concern, Facts, concerns_of, urgency
from lms_plugin.services import meeting_access, oversight, releases
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_signing import SETTLED
from lms_plugin.services.meetings import CANCELLED, CONFIRMED
from lms_plugin.services.oversight import GroupOverview, LearnerOverview
from lms_plugin.services.releases import HeldFilm
from lms_plugin.services.tutoring_waits import learners_of
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.study import Coursework, Meeting, MeetingGroup, SignIn

LATEST_THREADS = 3


@dataclass(frozen=True, slots=True)
class Need:
    """A learner with what is known of them, and why they need their tutor (nothing: they do not)."""

    learner: LearnerOverview
    facts: Facts
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One of a module's latest threads."""

    id: int
    title: str
    author_name: str
    posts: int
    last_post_at: datetime


@dataclass(frozen=True, slots=True)
class TutoredGroup:
    """A class group as its tutor sees it, the most urgent learners first."""

    overview: GroupOverview
    needs: tuple[Need, ...]
    held: tuple[HeldFilm, ...]
    next_meeting: Meeting | None
    threads: Mapping[int, Sequence[ThreadLine]]
    """By module."""


def group_of(session: Session, actor: Actor, class_group_id: int, now: datetime) -> TutoredGroup:
    """A class group that the actor tutors; callers settle what was watched first, as for `oversight.group_overview`.

    Raises:
        NotFound: they do not, or there is none.
    """
    overview = oversight.group_overview(session, actor, class_group_id, now)
    group = session.get_one(ClassGroup, class_group_id)
    held = releases.held_in_group(session, group, now)
    held_ms: dict[int, int] = {}
    for one in held:
        held_ms[one.enrolment_id] = held_ms.get(one.enrolment_id, 0) + one.held_ms
    missed = missed_sessions(session, class_group_id)
    returned = _returned(session, class_group_id)
    needs = []
    for learner in overview.learners:
        facts = Facts(
            learner.keeping.state,
            learner.keeping.short_ms,
            held_ms.get(learner.enrolment_id, 0),
            len(missed.get(learner.enrolment_id, ())),
            returned.get(learner.enrolment_id, 0),
        )
        needs.append(Need(learner, facts, concerns_of(facts)))
    needs.sort(key=lambda one: urgency(one.facts))
    return TutoredGroup(
        overview, tuple(needs), tuple(held), _next_meeting(session, class_group_id, now), _latest(session, group)
    )


def missed_sessions(session: Session, class_group_id: int) -> dict[int, list[Meeting]]:
    """The meetings of a class group whose list is confirmed, by each learner who is not on it; what a learner was not
    enrolled for yet, or takes no part in, is none of theirs."""
    meetings = session.scalars(
        select(Meeting)
        .join(MeetingGroup, MeetingGroup.meeting_id == Meeting.id)
        .where(MeetingGroup.class_group_id == class_group_id, Meeting.state == CONFIRMED)
        .order_by(Meeting.starts_at, Meeting.id)
    ).all()
    if not meetings:
        return {}
    learners = session.scalars(
        select(Enrolment).where(learners_of([class_group_id]), Enrolment.state == "active")
    ).all()
    came = set(
        session.execute(
            select(SignIn.enrolment_id, SignIn.meeting_id).where(
                SignIn.meeting_id.in_([one.id for one in meetings]), SignIn.state == SETTLED
            )
        )
        .tuples()
        .all()
    )
    found: dict[int, list[Meeting]] = {}
    for meeting in meetings:
        programme = meeting_access.programme_of(session, meeting)
        takes_part: dict[str, bool] = {}
        for one in learners:
            if (one.id, meeting.id) in came or one.enrolled_at > meeting.starts_at:
                continue
            if one.variant not in takes_part:
                takes_part[one.variant] = meeting_access.is_for(one, programme, meeting.component_key)
            if takes_part[one.variant]:
                found.setdefault(one.id, []).append(meeting)
    return found


def _returned(session: Session, class_group_id: int) -> dict[int, int]:
    """How many pieces of homework went back to each learner and have not come again."""
    rows = session.execute(
        select(Coursework.enrolment_id, func.count())
        .join(Enrolment, Enrolment.id == Coursework.enrolment_id)
        .where(learners_of([class_group_id]))
        .where(Coursework.kind == ComponentKind.HOMEWORK.value, Coursework.state == RETURNED)
        .group_by(Coursework.enrolment_id)
    )
    return dict(rows.tuples().all())


def _next_meeting(session: Session, class_group_id: int, now: datetime) -> Meeting | None:
    """The meeting that is on, or comes next."""
    return session.scalar(
        select(Meeting)
        .join(MeetingGroup, MeetingGroup.meeting_id == Meeting.id)
        .where(MeetingGroup.class_group_id == class_group_id)
        .where(Meeting.ends_at > now, Meeting.state != CANCELLED)
        .order_by(Meeting.starts_at, Meeting.id)
        .limit(1)
    )


def _latest(session: Session, group: ClassGroup) -> dict[int, list[ThreadLine]]:
    """The latest threads of every module, the newest first."""
    numbered = (
        select(
            Thread.id,
            Thread.module_id,
            func.row_number().over(partition_by=Thread.module_id, order_by=Thread.id.desc()).label("place"),
        )
        .where(Thread.class_group_id == group.id)
        .subquery()
    )
    rows = session.execute(
        select(Thread.module_id, Thread.id, Thread.title, User.name, func.count(Post.id), func.max(Post.created_at))
        .join(numbered, numbered.c.id == Thread.id)
        .join(User, User.id == Thread.author_id)
        .join(Post, Post.thread_id == Thread.id)
        .where(numbered.c.place <= LATEST_THREADS)
        .group_by(Thread.id, Thread.module_id, Thread.title, User.name)
        .order_by(Thread.id.desc())
    )
    found: dict[int, list[ThreadLine]] = {}
    for module_id, *line in rows:
        found.setdefault(module_id, []).append(ThreadLine(*line))
    return found
