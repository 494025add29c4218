"""What becomes of a post: its author edits it or takes it back, its tutor marks it."""

from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.post_shapes import (
    ChangeAnswer,
    EditRequest,
    HistoryAnswer,
    PostMarkRequest,
    PostStateAnswer,
    VersionAnswer,
)
from lms_plugin.api.reading import read_body
from lms_plugin.api.shapes import JudgementAnswer
from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import judgement_sentence
from lms_plugin.services import catalogue, post_changes, post_edits, post_history, post_judging, post_marks
from lms_plugin.storage.activity import Post, Thread


def edit_post(post_id: int) -> Response:
    """Let one's own post say something else."""
    actor, now, body = current_actor(), context().clock(), read_body(EditRequest)
    return _written(lambda store: post_edits.edit(store, actor, post_id, body=body.body, now=now))


def take_back_post(post_id: int) -> tuple[str, int]:
    """Take one's own post back."""
    actor, now = current_actor(), context().clock()
    context().database.transact(lambda store: post_edits.take_back(store, actor, post_id, now).id)
    return "", 204


def mark_post(post_id: int) -> Response:
    """Mark a learner's post as excellent or void."""
    actor, now, body = current_actor(), context().clock(), read_body(PostMarkRequest)
    return _written(lambda store: post_marks.mark(store, actor, post_id, body.mark, reason=body.reason, now=now))


def withdraw_mark(post_id: int) -> Response:
    """Withdraw a mark, for a reason."""
    actor, now, body = current_actor(), context().clock(), read_body(PostMarkRequest)
    return _written(lambda store: post_marks.withdraw(store, actor, post_id, body.mark, reason=body.reason, now=now))


def history_of(post_id: int) -> Response:
    """What a post said before and what became of it, for its author and the tutors of the class group."""
    with context().database.reading() as store:
        found = post_history.read(store, current_actor(), post_id)
        programme = _programme(store, found.post)
    answer = HistoryAnswer(
        id=found.post.id,
        versions=[
            VersionAnswer(
                body=one.body, since=one.since, until=one.until, judgement=_judgement(one.judgement, programme)
            )
            for one in found.versions
        ],
        changes=[ChangeAnswer(kind=one.kind, by=one.by, at=one.at, reason=one.reason) for one in found.events],
    )
    return jsonify(answer.model_dump(mode="json"))


def _written(write: Callable[[Session], Post]) -> Response:
    def work(store: Session) -> tuple[Post, Programme]:
        post = write(store)
        return post, _programme(store, post)

    post, programme = context().database.transact(work)
    owed_ms = post_changes.due_ms(post)
    answer = PostStateAnswer(
        id=post.id,
        thread_id=post.thread_id,
        mark=post.mark,
        judgement=_judgement(post_judging.judgement_of(post), programme),
        credit_seconds=owed_ms // 1000,
        extra_seconds=post.extra_ms // 1000 if owed_ms else 0,
        edited_at=post.edited_at,
        taken_back_at=post.taken_back_at,
    )
    return jsonify(answer.model_dump(mode="json"))


def _programme(store: Session, post: Post) -> Programme:
    module_id = store.get_one(Thread, post.thread_id).module_id
    return catalogue.in_force_for_module(store, module_id, context().clock()).programme


def _judgement(judgement: Judgement, programme: Programme) -> JudgementAnswer:
    return JudgementAnswer(
        counts=judgement.counts,
        reason=judgement.reason.value,
        message=judgement_sentence(judgement, programme.discussion, programme.window.timezone),
    )
