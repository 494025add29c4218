"""Questions to Q&A sessions: put and voted for by the learners, answered and merged by who runs the session."""

from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.meeting_shapes import (
    QuestionMergeRequest,
    QuestionNoteRequest,
    SessionQuestionAnswer,
    SessionQuestionRequest,
    SessionQuestionsAnswer,
)
from lms_plugin.api.reading import read_body
from lms_plugin.http.conditional import unless_known
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import meeting_questions


def questions_of(meeting_id: int) -> Response:
    """The questions of a session that the caller runs or may attend; with an ETag, for asking again cheaply."""
    with context().database.reading() as store:
        return unless_known(jsonify(_questions(store, meeting_id)))


def ask_at_meeting(meeting_id: int) -> tuple[Response, int]:
    """Put a question to a session of the caller's class group."""
    body = read_body(SessionQuestionRequest)
    return _written(meeting_id, lambda store: _ask(store, meeting_id, body.body)), 201


def vote_for_question(meeting_id: int, question_id: int) -> Response:
    """Vote for somebody else's question; again, it changes nothing."""
    return _written(meeting_id, lambda store: _vote(store, meeting_id, question_id, wanted=True))


def take_vote_back(meeting_id: int, question_id: int) -> Response:
    """Take one's vote for a question back."""
    return _written(meeting_id, lambda store: _vote(store, meeting_id, question_id, wanted=False))


def withdraw_question(meeting_id: int, question_id: int) -> Response:
    """Take an own question back that nobody has answered."""
    actor, now = current_actor(), context().clock()
    return _written(meeting_id, lambda store: meeting_questions.withdraw(store, actor, meeting_id, question_id, now))


def answer_at_meeting(meeting_id: int, question_id: int) -> Response:
    """Mark a question as answered, with a note for the learners."""
    actor, now, body = current_actor(), context().clock(), read_body(QuestionNoteRequest)
    return _written(
        meeting_id,
        lambda store: meeting_questions.answer(store, actor, meeting_id, question_id, note=body.note, now=now),
    )


def reopen_question(meeting_id: int, question_id: int) -> Response:
    """Let a question that was marked as answered be open again."""
    actor = current_actor()
    return _written(meeting_id, lambda store: meeting_questions.reopen(store, actor, meeting_id, question_id))


def merge_question(meeting_id: int, question_id: int) -> Response:
    """Make a question part of another one of the same session, with all who stand behind it."""
    actor, now, body = current_actor(), context().clock(), read_body(QuestionMergeRequest)
    return _written(
        meeting_id,
        lambda store: meeting_questions.merge(store, actor, meeting_id, question_id, into_id=body.into, now=now),
    )


def _ask(store: Session, meeting_id: int, body: str) -> None:
    meeting_questions.ask(store, current_actor(), meeting_id, body, context().clock())


def _vote(store: Session, meeting_id: int, question_id: int, *, wanted: bool) -> None:
    actor, now = current_actor(), context().clock()
    meeting_questions.vote(store, actor, meeting_id, question_id, wanted=wanted, now=now)


def _written(meeting_id: int, write: Callable[[Session], object]) -> Response:
    """Do it, and answer with the list as it is then."""

    def transaction(store: Session) -> dict[str, object]:
        write(store)
        return _questions(store, meeting_id)

    return jsonify(context().database.transact(transaction))


def _questions(store: Session, meeting_id: int) -> dict[str, object]:
    found = meeting_questions.listed(store, current_actor(), meeting_id, context().clock())
    answer = SessionQuestionsAnswer(
        open=found.is_open,
        questions=[
            SessionQuestionAnswer(
                id=one.id,
                body=one.body,
                author=one.author,
                asked_at=one.asked_at,
                votes=one.votes,
                answered=one.is_answered,
                note=one.note,
                own=one.is_own,
                voted=one.has_voted,
                also=list(one.also),
            )
            for one in found.questions
        ],
    )
    return answer.model_dump(mode="json")
