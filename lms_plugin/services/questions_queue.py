"""A tutor's queue: the open questions of all own class groups, whoever waits longest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.questions import WAITS_LONG, QuestionState
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.services.questions import waiting_of
from lms_plugin.services.questions_list import ListedQuestion, listed
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroupTutor
from lms_plugin.storage.questions import Question

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question in the queue: how long it has waited, and whether that is longer than it should."""

    listed: ListedQuestion
    waiting_seconds: int
    waits_long: bool


@dataclass(frozen=True, slots=True)
class LongWaiting:
    """What waits too long for one tutor."""

    user_id: int
    count: int
    oldest_at: datetime


def open_questions(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    module_id: int | None = None,
    class_group_id: int | None = None,
    limit: int = MOST_SHOWN,
) -> list[OpenQuestion]:
    """Open questions of the tutor's class groups, whoever waits longest first; of one module or group where named.

    Raises:
        NotAllowed: the person is no tutor.
    """
    conditions = _open_to(session, actor)
    if module_id is not None:
        conditions.append(Question.module_id == module_id)
    if class_group_id is not None:
        conditions.append(Question.class_group_id == class_group_id)
    found = listed(session, conditions, [Question.waiting_since.asc(), Question.id.asc()], limit)
    return [
        OpenQuestion(
            one,
            int((now - (one.row.waiting_since or now)).total_seconds()),
            waiting_of(one.row).is_long(now),
        )
        for one in found
    ]


def waiting_questions(session: Session, actor: Actor) -> tuple[int, datetime | None]:
    """How many questions wait for the tutor, and since when the one that waits longest does.

    Raises:
        NotAllowed: the person is no tutor.
    """
    query = select(func.count(), func.min(Question.waiting_since)).where(*_open_to(session, actor))
    count, oldest_at = session.execute(query).one()
    return count, oldest_at


def modules_with_open(session: Session, actor: Actor) -> list[int]:
    """The modules in which questions wait for the tutor.

    Raises:
        NotAllowed: the person is no tutor.
    """
    return list(session.scalars(select(Question.module_id).where(*_open_to(session, actor)).distinct()))


def waiting_long(
    session: Session, now: datetime, limit: timedelta = WAITS_LONG, *, user_ids: Collection[int] | None = None
) -> Sequence[LongWaiting]:
    """Tutors (of these people) for whom questions wait for as long as the limit, or longer."""
    query = (
        select(ClassGroupTutor.user_id, func.count(), func.min(Question.waiting_since))
        .join(Question, Question.class_group_id == ClassGroupTutor.class_group_id)
        .join(User, User.id == ClassGroupTutor.user_id)
        .where(User.is_active, Question.state == QuestionState.OPEN.value, Question.waiting_since <= now - limit)
        .group_by(ClassGroupTutor.user_id)
        .order_by(ClassGroupTutor.user_id)
    )
    if user_ids is not None:
        query = query.where(ClassGroupTutor.user_id.in_(user_ids))
    return [LongWaiting(user_id, count, oldest_at) for user_id, count, oldest_at in session.execute(query)]


def _open_to(session: Session, actor: Actor) -> list[ColumnElement[bool]]:
    groups = [one.id for one in access.tutored_groups(session, actor)]
    return [Question.class_group_id.in_(groups), Question.state == QuestionState.OPEN.value]
