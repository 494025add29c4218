"""Questions as people read them: those of a module, and one with all that was written to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import access
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.questions_access import tutored_question, visible_question, visible_to
from lms_plugin.services.questions_answering import latest_answer
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.storage.questions import Question, QuestionReply


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """A question in a list, with its asker and class group, and how many replies it has."""

    row: Question
    author_name: str
    class_group_name: str
    replies: int

    @property
    def state(self) -> QuestionState:
        return QuestionState(self.row.state)


@dataclass(frozen=True, slots=True)
class ShownReply:
    """Something written to a question; `is_answer` for the one that is its answer now."""

    row: QuestionReply
    author_name: str
    is_tutor: bool
    is_asker: bool
    is_answer: bool
    marked_by: str | None


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """A question with what was written to it.

    Of one that was merged, `merged_answer` is the answer of the other question (None: it still waits), and
    `merged_into` that question's id where the reader may read it.
    """

    listed: ListedQuestion
    replies: Sequence[ShownReply]
    merged_into: int | None
    merged_answer: QuestionReply | None
    merged_here: int

    @property
    def row(self) -> Question:
        return self.listed.row


def of_module(
    session: Session,
    actor: Actor,
    module_id: int,
    *,
    own: bool = False,
    before: int | None = None,
    limit: int = 20,
) -> list[ListedQuestion]:
    """Questions of a module that the actor may read (or has asked), newest first; those with an id below `before`.

    Raises:
        NotFound: the actor has no place in the module.
    """
    place = access.place_in_module(session, actor, module_id)
    conditions: list[ColumnElement[bool]] = [Question.module_id == module_id, visible_to(actor, place)]
    if own:
        conditions.append(Question.author_id == actor.user_id)
    if before is not None:
        conditions.append(Question.id < before)
    return listed(session, conditions, [Question.id.desc()], limit)


def shown(session: Session, actor: Actor, question_id: int) -> tuple[ShownQuestion, Place]:
    """A question that the actor may read, and where in its programme they are.

    Raises:
        NotFound: they may not, or there is none.
    """
    question, place = visible_question(session, actor, question_id)
    return _shown(session, question, visible_to(actor, place)), place


def shown_to_tutor(session: Session, actor: Actor, question_id: int) -> ShownQuestion:
    """A question of a class group that the actor tutors.

    Raises:
        NotAllowed, NotFound: they don't, or there is none.
    """
    question = tutored_question(session, actor, question_id)
    groups = [one.id for one in access.tutored_groups(session, actor)]
    return _shown(session, question, Question.class_group_id.in_(groups))


def listed(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
    limit: int,
) -> list[ListedQuestion]:
    """Questions that meet the conditions, with the names around them; the caller has checked who may read them."""
    replies = select(func.count()).where(QuestionReply.question_id == Question.id).correlate(Question).scalar_subquery()
    rows = session.execute(
        select(Question, User.name, ClassGroup.name, replies)
        .join(User, User.id == Question.author_id)
        .join(ClassGroup, ClassGroup.id == Question.class_group_id)
        .where(*conditions)
        .order_by(*order)
        .limit(limit)
    )
    return [ListedQuestion(row, name, group, int(count or 0)) for row, name, group, count in rows]


def _shown(session: Session, question: Question, readable: ColumnElement[bool]) -> ShownQuestion:
    (one,) = listed(session, [Question.id == question.id], [Question.id.asc()], 1)
    is_merged = question.state == QuestionState.MERGED.value and question.merged_into_id is not None
    into = session.get(Question, question.merged_into_id) if is_merged and question.merged_into_id else None
    can_read = into is not None and session.scalar(select(Question.id).where(Question.id == into.id, readable))
    is_given = into is not None and into.state == QuestionState.ANSWERED.value
    here = select(func.count()).where(
        Question.merged_into_id == question.id, Question.state == QuestionState.MERGED.value
    )
    return ShownQuestion(
        listed=one,
        replies=_replies(session, question),
        merged_into=into.id if into is not None and can_read else None,
        merged_answer=latest_answer(session, into.id) if into is not None and is_given else None,
        merged_here=session.scalar(here) or 0,
    )


def _replies(session: Session, question: Question) -> list[ShownReply]:
    rows = session.scalars(
        select(QuestionReply).where(QuestionReply.question_id == question.id).order_by(QuestionReply.id)
    ).all()
    people = {one.author_id for one in rows} | {one.marked_by_id for one in rows if one.marked_by_id is not None}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(people))).tuples().all())
    given = latest_answer(session, question.id)
    return [
        ShownReply(
            row=one,
            author_name=names[one.author_id],
            is_tutor=one.enrolment_id is None,
            is_asker=one.author_id == question.author_id,
            is_answer=given is not None and one.id == given.id,
            marked_by=names.get(one.marked_by_id) if one.marked_by_id is not None else None,
        )
        for one in rows
    ]
