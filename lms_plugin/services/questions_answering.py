"""What tutors do with questions: answer one, mark a colleague's reply as the answer, merge alike ones."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import questions
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import questions_notices
from lms_plugin.services.access import Actor
from lms_plugin.services.questions import MAX_REPLY, checked, put
from lms_plugin.services.questions_access import tutored_question
from lms_plugin.services.trail import QUESTION_ANSWERED, QUESTIONS_MERGED, note_action
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.questions import Question, QuestionReply

MOST_MERGED = 100


def answer(
    session: Session, actor: Actor, question_id: int, *, body: str, also: Sequence[int] = (), now: datetime
) -> QuestionReply:
    """Answer a question, and with it the alike ones in `also`, which are merged into it; everybody who asked is told.

    Raises:
        NotAllowed, NotFound: the actor does not tutor the class group of one of them, or there is none.
        Malformed: the text is empty or too long; as `merge`.
        Conflict: `question_is_merged`; as `merge`.
    """
    text = checked(body, "body", MAX_REPLY)
    question = _merged(session, actor, question_id, also)[0] if also else _answerable(session, actor, question_id)
    written = QuestionReply(
        question_id=question.id,
        author_id=actor.user_id,
        body=text,
        written_at=now,
        marked_by_id=actor.user_id,
        marked_at=now,
    )
    session.add(written)
    put(question, questions.answered())
    session.flush()
    questions_notices.answered(session, question, written, now)
    _note(session, actor, QUESTION_ANSWERED, question, now)
    return written


def mark(session: Session, actor: Actor, question_id: int, reply_id: int, now: datetime) -> QuestionReply:
    """Make what somebody wrote to a question its answer; everybody who asked is told.

    Raises:
        NotAllowed, NotFound: the actor does not tutor the class group; no such reply was written to the question.
        Conflict: `question_is_merged`.
    """
    question = _answerable(session, actor, question_id)
    reply = session.get(QuestionReply, reply_id)
    if reply is None or reply.question_id != question.id:
        raise NotFound(what="reply")
    reply.marked_by_id, reply.marked_at = actor.user_id, now
    put(question, questions.answered())
    session.flush()
    questions_notices.answered(session, question, reply, now)
    _note(session, actor, QUESTION_ANSWERED, question, now)
    return reply


def merge(session: Session, actor: Actor, into_id: int, question_ids: Sequence[int], now: datetime) -> Question:
    """Merge alike questions into one, whose answer is theirs too; their askers are told of it.

    What had been merged into one of them goes along.

    Raises:
        NotAllowed, NotFound: the actor does not tutor the class group of one of them, or there is none.
        Malformed: none or too many are named, or the same one, or one of another module.
        Conflict: `question_is_merged`: that one points to another itself; `question_is_private`: others would not be
            allowed to read that one.
    """
    into, moved = _merged(session, actor, into_id, question_ids)
    session.flush()
    given = latest_answer(session, into.id) if into.state == QuestionState.ANSWERED.value else None
    if given is not None:
        questions_notices.tell_answered(session, moved, given, now)
    else:
        questions_notices.merged(session, moved, into, now)
    _note(session, actor, QUESTIONS_MERGED, into, now, number=len(moved))
    return into


def latest_answer(session: Session, question_id: int) -> QuestionReply | None:
    """The answer of a question: what was marked as one last."""
    return session.scalar(
        select(QuestionReply)
        .where(QuestionReply.question_id == question_id, QuestionReply.marked_at.is_not(None))
        .order_by(QuestionReply.marked_at.desc(), QuestionReply.id.desc())
        .limit(1)
    )


def _note(session: Session, actor: Actor, kind: str, question: Question, now: datetime, number: int = 1) -> None:
    about, asked_in = f"question/{question.id}", session.get_one(ModuleRow, question.module_id).key
    note_action(session, actor, kind, about, question.enrolment_id, now, module=asked_in, number=number)


def _answerable(session: Session, actor: Actor, question_id: int) -> Question:
    question = tutored_question(session, actor, question_id, locked=True)
    if question.state == QuestionState.MERGED.value:
        raise Conflict("question_is_merged")
    return question


def _merged(
    session: Session, actor: Actor, into_id: int, question_ids: Sequence[int]
) -> tuple[Question, list[Question]]:
    """Point these questions, and those that point to them, to another one; gives that one and all that were moved."""
    named = sorted(set(question_ids))
    if not named or len(named) > MOST_MERGED or into_id in named:
        raise Malformed("merge_needs_others", field="questions")
    _lock(session, [into_id, *named])
    into = tutored_question(session, actor, into_id)
    if into.state == QuestionState.MERGED.value:
        raise Conflict("question_is_merged")
    if into.is_private:
        raise Conflict("question_is_private")
    chosen = [tutored_question(session, actor, one) for one in named]
    if any(one.module_id != into.module_id for one in chosen):
        raise Malformed("merge_of_other_module", field="questions")
    followers = session.scalars(
        select(Question).where(
            Question.merged_into_id.in_(named),
            Question.state == QuestionState.MERGED.value,
            Question.id.not_in(named),
        )
    )
    moved = [one for one in (*chosen, *followers) if one.merged_into_id != into.id or one.state != "merged"]
    for one in moved:
        one.merged_into_id = into.id
        put(one, questions.merged())
    return into, moved


def _lock(session: Session, ids: Iterable[int]) -> None:
    """Keep everybody else from these questions and from what points to them, in the order of their ids."""
    wanted = list(ids)
    rows = select(Question).where(Question.id.in_(wanted) | Question.merged_into_id.in_(wanted))
    session.execute(rows.order_by(Question.id).with_for_update().execution_options(populate_existing=True)).all()
