"""A tutor's pages of posts: those that wait to be looked at, and one with its history and its marks."""

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.post_wording import change_words, credit_words, mark_badge
from lms_plugin.http.wording import judgement_sentence, refusal_sentence
from lms_plugin.services import (
    access,
    catalogue,
    markup,
    post_access,
    post_changes,
    post_history,
    post_marks,
    posts_to_mark,
    study,
)
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.people import User
from lms_plugin.web.numbers import as_id, in_query

EXCELLENT, VOID, WITHDRAW, FINE = "excellent", "void", "withdraw", "fine"
LAST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Marking:
    """A tutor's form as it was typed; `error` says why it was not taken, and beside which action."""

    action: str = ""
    reason: str = ""
    error: str | None = None

    def reason_for(self, action: str) -> str:
        return self.reason if self.action == action else ""

    def error_for(self, action: str) -> str | None:
        return self.error if self.action == action else None


def waiting() -> ResponseReturnValue:
    """Posts of the tutor's groups that nobody has looked at; POST says that some of them are fine."""
    actor, shared = current_actor(), context()
    order = request.args.get("order", posts_to_mark.NEWEST)
    if order not in posts_to_mark.ORDERS:
        order = posts_to_mark.NEWEST
    if request.method == "POST":
        return _say_fine(order)
    page, on_a_page = min(in_query("page", 1, least=1), LAST_PAGE), posts_to_mark.ON_A_PAGE
    with shared.database.reading() as store:
        found = posts_to_mark.posts_to_mark(
            store, actor, order=order, first=(page - 1) * on_a_page, limit=on_a_page + 1
        )
        shown = found[:on_a_page]
        sentences = {one.id: _sentence(one.judgement, _programme(store, one.thread_id)) for one in shown}
        count = posts_to_mark.waiting_posts(store, actor)
        visible = {one.thread_id for one in shown if _sees_thread(store, one.thread_id)}
    return render_template(
        "tutor_posts.html",
        posts=shown,
        visible=visible,
        count=count,
        most=posts_to_mark.MOST,
        order=order,
        orders=[
            (posts_to_mark.NEWEST, _("Newest first")),
            (posts_to_mark.LONGEST_WAITING, _("Longest waiting first")),
        ],
        page=page,
        has_more=len(found) > len(shown),
        post_html=markup.post_html,
        sentences=sentences,
        mark_badge=mark_badge,
        shown_at=shared.clock().isoformat(),
    )


def tutor_post(post_id: int) -> ResponseReturnValue:
    """A learner's post with its history; POST marks it, or withdraws a mark."""
    actor, shared, now = current_actor(), context(), context().clock()
    if request.method != "POST":
        return _post_page(post_id, Marking())
    form = Marking(request.form.get("action", ""), request.form.get("reason", ""))

    def write(store: Session) -> None:
        if form.action == FINE:
            post_access.tutored_post(store, actor, post_id)
            posts_to_mark.mark_looked_at(store, actor, [post_id], shown_at=_instant("shown_at"), now=now)
        elif form.action == WITHDRAW:
            post_marks.withdraw(store, actor, post_id, request.form.get("mark", ""), reason=form.reason, now=now)
        else:
            post_marks.mark(store, actor, post_id, form.action, reason=form.reason, now=now)

    try:
        shared.database.transact(write)
    except Malformed as refusal:
        return _post_page(post_id, Marking(form.action, form.reason, refusal_sentence(refusal))), 422
    except Conflict as refusal:
        return _post_page(post_id, Marking(form.action, form.reason, refusal_sentence(refusal))), 409
    said = {
        EXCELLENT: _("The post is marked as excellent."),
        VOID: _("The post is void, and its author is told why."),
        WITHDRAW: _("The mark is withdrawn."),
        FINE: _("The post is off your list."),
    }
    flash(said[form.action], "success")
    return redirect(url_for("pages.tutor_post", post_id=post_id), 303)


def _say_fine(order: str) -> ResponseReturnValue:
    actor, now = current_actor(), context().clock()
    chosen = [one for one in map(as_id, request.form.getlist("post")) if one is not None][: posts_to_mark.MOST]
    changed = context().database.transact(
        lambda store: posts_to_mark.mark_looked_at(store, actor, chosen, shown_at=_instant("shown_at"), now=now)
    )
    if changed:
        flash(ngettext("%(num)s post is off your list.", "%(num)s posts are off your list.", changed), "success")
    else:
        flash(_("Nothing was chosen, or it has changed since you looked."), "info")
    return redirect(url_for("pages.tutor_posts", order=order), 303)


def _post_page(post_id: int, form: Marking) -> str:
    actor, now = current_actor(), context().clock()
    with context().database.reading() as store:
        post, enrolment = post_access.tutored_post(store, actor, post_id)
        thread, author = store.get_one(Thread, post.thread_id), store.get_one(User, post.author_id)
        found = post_history.of(store, post)
        sentence = _state_sentence(post, found.versions[-1].judgement, _programme(store, thread.id))
        extra_ms, owed_ms = post_marks.extra_left(store, post, enrolment, now), post_changes.due_ms(post)
        where = study.who_and_where(store, enrolment)
        sees_thread = _sees_thread(store, thread.id)
    return render_template(
        "tutor_post.html",
        post=post,
        thread=thread,
        sees_thread=sees_thread,
        author=author,
        where=where,
        counts=owed_ms > 0,
        sentence=sentence,
        badge_of=mark_badge(post.mark),
        extra=credit_words(extra_ms) if extra_ms else None,
        credit=credit_words(owed_ms) if owed_ms else None,
        history=found,
        post_html=markup.post_html,
        change_words=change_words,
        form=form,
        longest_reason=post_marks.LONGEST_REASON,
        shown_at=now.isoformat(),
    )


def _state_sentence(post: Post, judgement: Judgement, programme: Programme) -> str:
    if post.taken_back_at is not None:
        return str(_("Its author has taken this post back; others no longer see it."))
    if post.mark == VOID:
        return str(_("Void: its credit was taken back."))
    return _sentence(judgement, programme)


def _sentence(judgement: Judgement, programme: Programme) -> str:
    return judgement_sentence(judgement, programme.discussion, programme.window.timezone)


def _programme(store: Session, thread_id: int) -> Programme:
    module_id = store.get_one(Thread, thread_id).module_id
    return catalogue.in_force_for_module(store, module_id, context().clock()).programme


def _sees_thread(store: Session, thread_id: int) -> bool:
    """Whether the tutor's group still is that of the thread: learners move, and their threads stay."""
    try:
        access.visible_thread(store, current_actor(), thread_id)
    except NotFound:
        return False
    return True


def _instant(name: str) -> datetime | None:
    """An instant that a form carries along; None where it is none."""
    try:
        found = datetime.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
