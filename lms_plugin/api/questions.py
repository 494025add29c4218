"""Questions to the tutor, their answers, and the FAQ of a module. Nothing here earns hours."""

from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from sqlalchemy.orm import Session

from lms_plugin.api import question_shapes as shapes
from lms_plugin.api.reading import read_body, read_query
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import (
    access,
    questions,
    questions_alike,
    questions_answering,
    questions_faq,
    questions_list,
    questions_queue,
)
from lms_plugin.services.questions_list import ListedQuestion, ShownQuestion, ShownReply
from lms_plugin.storage.questions import FaqEntry


def questions_of_module(module_id: int) -> Response:
    """Questions of a module that the person may read, newest first; `own` for those that they asked."""
    query = read_query(shapes.QuestionsQuery)
    with context().database.reading() as store:
        found = questions_list.of_module(
            store, current_actor(), module_id, own=query.own, before=query.before, limit=query.limit
        )
    answer = shapes.QuestionsAnswer(
        questions=[shapes.QuestionAnswer(**_values(one)) for one in found],
        next_before=found[-1].row.id if len(found) == query.limit else None,
    )
    return _sent(answer)


def ask_question(module_id: int) -> tuple[Response, int]:
    """Ask the tutors of one's class group, at a second of the film or about the module."""
    actor, shared, body = current_actor(), context(), read_body(shapes.QuestionRequest)
    now, key = shared.clock(), body.key or shared.new_id()

    def write(store: Session) -> ListedQuestion:
        asked = questions.ask(
            store,
            actor,
            module_id,
            body=body.body,
            at_seconds=int(body.at_seconds) if body.at_seconds is not None else None,
            is_private=body.is_private,
            asked_as=key,
            now=now,
        )
        return questions_list.shown(store, actor, asked.id)[0].listed

    return _sent(shapes.QuestionAnswer(**_values(shared.database.transact(write)))), 201


def alike_questions(module_id: int) -> Response:
    """What is like a question that is being typed, and was answered already."""
    actor, body = current_actor(), read_body(shapes.AlikeRequest)
    with context().database.reading() as store:
        found = questions_alike.answered_already(store, actor, module_id, body.body[: questions.MAX_QUESTION])
    return _sent(
        shapes.AlikeAnswers(
            alike=[
                shapes.AlikeAnswer(
                    answered_in=one.answered_in.value,
                    id=one.id,
                    question=one.question,
                    answer=one.answer,
                    at_seconds=one.at_seconds,
                )
                for one in found
            ]
        )
    )


def faq_of(module_id: int) -> Response:
    """A module's FAQ, in the order of the film."""
    with context().database.reading() as store:
        access.place_in_module(store, current_actor(), module_id)
        found = questions_faq.of_module(store, module_id)
    return _sent(shapes.FaqAnswer(entries=[_entry(one) for one in found]))


def open_questions() -> Response:
    """Open questions of the tutor's class groups, whoever waits longest first; of one module or group where named."""
    actor, query, now = current_actor(), read_query(shapes.OpenQuery), context().clock()
    with context().database.reading() as store:
        found = questions_queue.open_questions(
            store, actor, now, module_id=query.module, class_group_id=query.class_group, limit=query.limit
        )
        count, oldest_at = questions_queue.waiting_questions(store, actor)
    listed = [
        shapes.OpenQuestionAnswer(**_values(one.listed), waiting_seconds=one.waiting_seconds, waits_long=one.waits_long)
        for one in found
    ]
    return _sent(shapes.OpenAnswer(questions=listed, waiting=count, oldest_at=oldest_at))


def question_of(question_id: int) -> Response:
    """A question with all that was written to it."""
    with context().database.reading() as store:
        found, _place = questions_list.shown(store, current_actor(), question_id)
    return _sent(_whole(found))


def reply_to_question(question_id: int) -> tuple[Response, int]:
    """A learner writes to a question; the asker's own word makes an answered one wait again."""
    actor, now, body = current_actor(), context().clock(), read_body(shapes.ReplyRequest)

    def write(store: Session) -> ShownReply:
        written = questions.reply(store, actor, question_id, body=body.body, now=now)
        return _written(questions_list.shown(store, actor, question_id)[0], written.id)

    return _sent(_reply(context().database.transact(write))), 201


def answer_question(question_id: int) -> tuple[Response, int]:
    """The tutor answers a question, and with it those that are alike; everybody who asked is told."""
    actor, now, body = current_actor(), context().clock(), read_body(shapes.AnswerRequest)

    def write(store: Session) -> ShownReply:
        written = questions_answering.answer(store, actor, question_id, body=body.body, also=body.also, now=now)
        return _written(questions_list.shown_to_tutor(store, actor, question_id), written.id)

    return _sent(_reply(context().database.transact(write))), 201


def mark_reply(question_id: int, reply_id: int) -> Response:
    """The tutor makes what a colleague wrote the answer."""
    actor, now = current_actor(), context().clock()

    def write(store: Session) -> ShownReply:
        questions_answering.mark(store, actor, question_id, reply_id, now)
        return _written(questions_list.shown_to_tutor(store, actor, question_id), reply_id)

    return _sent(_reply(context().database.transact(write)))


def merge_questions(question_id: int) -> Response:
    """The tutor merges questions that are alike into this one, whose answer is theirs too."""
    actor, now, body = current_actor(), context().clock(), read_body(shapes.MergeRequest)

    def write(store: Session) -> ShownQuestion:
        questions_answering.merge(store, actor, question_id, body.questions, now)
        return questions_list.shown_to_tutor(store, actor, question_id)

    return _sent(_whole(context().database.transact(write)))


def promote_to_faq(question_id: int) -> tuple[Response, int]:
    """The tutor puts an answered question, edited for everybody, into the module's FAQ."""
    actor, now, body = current_actor(), context().clock(), read_body(shapes.FaqRequest)
    entry = context().database.transact(
        lambda store: questions_faq.promote(
            store, actor, question_id, question=body.question, answer=body.answer, now=now
        )
    )
    return _sent(_entry(entry)), 201


def withdraw_from_faq(entry_id: int) -> Response:
    """Take an entry out of the FAQ: a tutor of the programme, or the whole programme office."""
    actor, now = current_actor(), context().clock()
    return _sent(_entry(context().database.transact(lambda store: questions_faq.withdraw(store, actor, entry_id, now))))


def _sent(answer: BaseModel) -> Response:
    return jsonify(answer.model_dump(mode="json"))


def _values(one: ListedQuestion) -> dict[str, Any]:
    row = one.row
    return {
        "id": row.id,
        "module_id": row.module_id,
        "class_group": one.class_group_name,
        "author": one.author_name,
        "body": row.body,
        "at_seconds": row.at_seconds,
        "is_private": row.is_private,
        "state": row.state,
        "asked_at": row.asked_at,
        "waiting_since": row.waiting_since,
        "replies": one.replies,
    }


def _whole(found: ShownQuestion) -> shapes.WholeQuestionAnswer:
    return shapes.WholeQuestionAnswer(
        **_values(found.listed),
        merged_into=found.merged_into,
        merged_answer=found.merged_answer.body if found.merged_answer is not None else None,
        merged_here=found.merged_here,
        written=[_reply(one) for one in found.replies],
    )


def _written(found: ShownQuestion, reply_id: int) -> ShownReply:
    return next(one for one in found.replies if one.row.id == reply_id)


def _reply(one: ShownReply) -> shapes.ReplyAnswer:
    return shapes.ReplyAnswer(
        id=one.row.id,
        question_id=one.row.question_id,
        author=one.author_name,
        is_tutor=one.is_tutor,
        is_asker=one.is_asker,
        is_answer=one.is_answer,
        marked_by=one.marked_by,
        body=one.row.body,
        written_at=one.row.written_at,
    )


def _entry(row: FaqEntry) -> shapes.FaqEntryAnswer:
    return shapes.FaqEntryAnswer(
        id=row.id,
        module_id=row.module_id,
        question=row.question,
        answer=row.answer,
        at_seconds=row.at_seconds,
        promoted_at=row.promoted_at,
        withdrawn_at=row.withdrawn_at,
    )
