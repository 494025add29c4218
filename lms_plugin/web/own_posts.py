"""An author's pages of a post: editing it, taking it back, and what it said before."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.post_wording import change_words, credit_words
from lms_plugin.http.wording import judgement_sentence, refusal_sentence
from lms_plugin.services import (
    catalogue,
    discussion,
    markup,
    post_access,
    post_changes,
    post_edits,
    post_history,
    post_judging,
)
from lms_plugin.services.access import Place
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.web.discussion import POSTS_ON_A_PAGE
from lms_plugin.web.drafts import Draft, written


def edit_post(post_id: int) -> ResponseReturnValue:
    """A form with what a post says; POST lets it say something else."""
    if request.method != "POST":
        return _edit_page(post_id, None, {})
    actor, draft, now = current_actor(), written(), context().clock()

    def write(store: Session) -> tuple[Post, Programme, str]:
        post = post_edits.edit(store, actor, post_id, body=draft.body, now=now)
        _, thread, place = post_access.own_post(store, actor, post_id)
        return post, _programme(store, thread), _address(store, post, place)

    try:
        post, programme, address = context().database.transact(write)
    except Malformed as refusal:
        return _edit_page(post_id, draft, {"body": refusal_sentence(refusal)}), 422
    except Conflict as refusal:
        return _edit_page(post_id, draft, {"body": refusal_sentence(refusal)}), 409
    judgement = post_judging.judgement_of(post)
    sentence = judgement_sentence(judgement, programme.discussion, programme.window.timezone)
    flash(_("Your post was changed. %(judgement)s", judgement=sentence), "success" if judgement.counts else "info")
    return redirect(address, 303)


def remove_post(post_id: int) -> ResponseReturnValue:
    """What taking a post back means for the hours; POST takes it back."""
    actor, now = current_actor(), context().clock()
    if request.method != "POST":
        with context().database.reading() as store:
            post, thread, place = post_access.own_post(store, actor, post_id)
            owed_ms = post_changes.due_ms(post)
            address = _address(store, post, place)
        return render_template(
            "post_removal.html",
            post=post,
            thread=thread,
            html=markup.post_html(post.body),
            address=address,
            author=actor.name,
            credit=credit_words(owed_ms) if owed_ms else None,
        )

    def write(store: Session) -> str:
        post = post_edits.take_back(store, actor, post_id, now)
        return _address(store, post, post_access.own_post(store, actor, post_id)[2])

    address = context().database.transact(write)
    flash(_("Your post was taken back. Others no longer see what it said."), "success")
    return redirect(address, 303)


def history(post_id: int) -> str:
    """What a post said before and what became of it, for its author."""
    actor = current_actor()
    with context().database.reading() as store:
        post, thread, place = post_access.own_post(store, actor, post_id)
        found = post_history.of(store, post)
        address = _address(store, post, place)
    return render_template(
        "post_history.html",
        thread=thread,
        found=found,
        address=address,
        author=actor.name,
        post_html=markup.post_html,
        change_words=change_words,
    )


def _edit_page(post_id: int, draft: Draft | None, errors: dict[str, str]) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        post, thread, place = post_access.own_post(store, actor, post_id)
        can_edit = post_edits.may_edit(store, post, place, context().clock())
        address = _address(store, post, place)
    return render_template(
        "post_edit.html",
        post=post,
        thread=thread,
        draft=Draft(body=post.body) if draft is None else draft,
        errors=errors,
        # What was typed stays where it can be copied, also when it came too late.
        shows_form=can_edit or draft is not None,
        earns=place.enrolment is not None,
        address=address,
    )


def _programme(store: Session, thread: Thread) -> Programme:
    return catalogue.in_force_for_module(store, thread.module_id, context().clock()).programme


def _address(store: Session, post: Post, place: Place) -> str:
    """The page of the thread that shows a post, as its author sees it."""
    first = discussion.posts(store, current_actor(), post.thread_id, limit=POSTS_ON_A_PAGE)[1]
    after = None if any(one.id == post.id for one in first) else post.id - 1
    anchor = f"post-{post.id}"
    if place.enrolment is None:
        return url_for("pages.tutor_thread", thread_id=post.thread_id, after=after, _anchor=anchor)
    return url_for(
        "pages.thread", enrolment_id=place.enrolment.id, thread_id=post.thread_id, after=after, _anchor=anchor
    )
