"""Threads and posts of a module, and whether a post counts."""

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.reading import read_body, read_query
from lms_plugin.api.shapes import (
    JudgementAnswer,
    PostAnswer,
    PostRequest,
    PostsAnswer,
    PostsQuery,
    PreviewRequest,
    ThreadAnswer,
    ThreadRequest,
    ThreadsAnswer,
    ThreadsQuery,
    WrittenAnswer,
)
from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import judgement_sentence
from lms_plugin.services import access, catalogue, discussion, post_judging
from lms_plugin.storage.activity import Post


def threads_of(module_id: int) -> Response:
    """Threads of a module that the person may see, newest first; those with an id below `before`."""
    query = read_query(ThreadsQuery)
    with context().database.reading() as store:
        found = discussion.threads(store, current_actor(), module_id, before=query.before, limit=query.limit)
    answer = ThreadsAnswer(
        threads=[
            ThreadAnswer(
                id=one.id,
                title=one.title,
                author=one.author_name,
                created_at=one.created_at,
                posts=one.posts,
                last_post_at=one.last_post_at,
            )
            for one in found
        ],
        next_before=found[-1].id if len(found) == query.limit else None,
    )
    return jsonify(answer.model_dump(mode="json"))


def start_thread(module_id: int) -> tuple[Response, int]:
    """Begin a thread with its first post."""
    actor, shared, body = current_actor(), context(), read_body(ThreadRequest)
    now = shared.clock()

    def write(store: Session) -> tuple[Post, Programme]:
        _, post = discussion.start_thread(
            store,
            actor,
            module_id,
            title=body.title,
            body=body.body,
            now=now,
            class_group_id=body.class_group_id,
        )
        return post, _programme(store, module_id)

    return _written(*shared.database.transact(write))


def posts_of(thread_id: int) -> Response:
    """The posts of a thread in order, those with an id above `after`."""
    actor, query = current_actor(), read_query(PostsQuery)
    with context().database.reading() as store:
        thread, found = discussion.posts(store, actor, thread_id, after=query.after, limit=query.limit)
        programme = _programme(store, thread.module_id)
    answer = PostsAnswer(
        thread_id=thread.id,
        title=thread.title,
        posts=[
            PostAnswer(
                id=one.id,
                author=one.author_name,
                is_tutor=one.is_tutor,
                body=one.body,
                reply_to=one.reply_to_id,
                created_at=one.created_at,
                judgement=_judgement(one.judgement, programme) if one.judgement is not None else None,
                mark=one.mark,
                edited_at=one.edited_at,
                taken_back_at=one.taken_back_at,
            )
            for one in found
        ],
        next_after=found[-1].id if len(found) == query.limit else None,
    )
    return jsonify(answer.model_dump(mode="json"))


def reply(thread_id: int) -> tuple[Response, int]:
    """Write a post in a thread."""
    actor, shared, body = current_actor(), context(), read_body(PostRequest)
    now = shared.clock()

    def write(store: Session) -> tuple[Post, Programme]:
        post = discussion.reply(store, actor, thread_id, body=body.body, reply_to_id=body.reply_to, now=now)
        thread, _ = access.visible_thread(store, actor, thread_id)
        return post, _programme(store, thread.module_id)

    return _written(*shared.database.transact(write))


def preview(module_id: int) -> Response:
    """What the rule would say of a post, before it is written."""
    actor, shared, body = current_actor(), context(), read_body(PreviewRequest)
    with shared.database.reading() as store:
        found = discussion.preview(
            store,
            actor,
            module_id,
            body=body.body,
            now=shared.clock(),
            thread_id=body.thread,
            reply_to_id=body.reply_to,
        )
        programme = _programme(store, module_id)
    return jsonify(_judgement(found, programme).model_dump(mode="json"))


def _programme(store: Session, module_id: int) -> Programme:
    return catalogue.in_force_for_module(store, module_id, context().clock()).programme


def _judgement(judgement: Judgement, programme: Programme) -> JudgementAnswer:
    return JudgementAnswer(
        counts=judgement.counts,
        reason=judgement.reason.value,
        message=judgement_sentence(judgement, programme.discussion, programme.window.timezone),
    )


def _written(post: Post, programme: Programme) -> tuple[Response, int]:
    judged = _judgement(post_judging.judgement_of(post), programme)
    answer = WrittenAnswer(id=post.id, thread_id=post.thread_id, **judged.model_dump())
    return jsonify(answer.model_dump(mode="json")), 201
