"""Threads and posts as both learners and tutors see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.post_credit import Mark, can_be_edited
from lms_plugin.domain.programme import ComponentKind, Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.post_wording import credit_words, mark_badge
from lms_plugin.http.wording import judgement_sentence, refusal_sentence
from lms_plugin.services import access, catalogue, discussion, markup, post_history, post_judging
from lms_plugin.services.access import Actor
from lms_plugin.services.discussion import PostView, ThreadSummary
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.web.drafts import Draft
from lms_plugin.web.numbers import id_in_query, in_query

THREADS_ON_A_PAGE = 20
POSTS_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class ThreadList:
    """A page of a module's threads; `next_before` is the cursor of the page with older ones."""

    threads: Sequence[ThreadSummary]
    next_before: int | None
    is_first: bool


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post as a page shows it; `counts` and `reason` are None where they are not the reader's business.

    `said` is why a tutor marked it. `is_own`, `can_edit` and `can_mark` say what the reader may do with it.
    """

    post: PostView
    html: str
    counts: bool | None
    reason: str | None
    answered_name: str | None
    said: str = ""
    is_own: bool = False
    can_edit: bool = False
    can_mark: bool = False

    @property
    def badges(self) -> list[tuple[str, str]]:
        """Who wrote it, the tutor's mark, and that it was edited."""
        found = [("info", _("Tutor"))] if self.post.is_tutor else []
        mark = mark_badge(self.post.mark)
        found += [mark] if mark is not None else []
        return found + ([("info", _("Edited"))] if self.post.edited_at is not None else [])


@dataclass(frozen=True, slots=True)
class ShownThread:
    """A thread with a page of its posts; `next_after` is the cursor of the page with later ones."""

    thread: Thread
    posts: Sequence[ShownPost]
    programme: Programme
    next_after: int | None
    is_first: bool
    draft: Draft

    @property
    def counted(self) -> bool:
        return earns_hours(self.programme)


def earns_hours(programme: Programme) -> bool:
    """Whether posts can earn anything in a programme."""
    return programme.component_of(ComponentKind.DISCUSSION) is not None


def thread_list(store: Session, actor: Actor, module_id: int) -> ThreadList:
    """The page of a module's threads that the request's `before` asks for."""
    before = id_in_query("before")
    found = discussion.threads(store, actor, module_id, before=before, limit=THREADS_ON_A_PAGE + 1)
    shown = found[:THREADS_ON_A_PAGE]
    return ThreadList(shown, shown[-1].id if len(found) > len(shown) else None, before is None)


def shown_thread(store: Session, actor: Actor, thread_id: int, draft: Draft | None) -> ShownThread:
    """A thread with the page of posts that the request's `after` asks for; `quote` prepares a reply to a post."""
    after = in_query("after", 0)
    thread, found = discussion.posts(store, actor, thread_id, after=after, limit=POSTS_ON_A_PAGE + 1)
    programme = catalogue.in_force_for_module(store, thread.module_id, context().clock()).programme
    shown = found[:POSTS_ON_A_PAGE]
    names = {post.id: post.author_name for post in shown}
    place = access.place_in_module(store, actor, thread.module_id)
    reasons = post_history.last_reasons(store, [post.id for post in shown if post.mark and post.judgement is not None])
    reader = _Reader(actor.user_id, place.enrolment is None, context().clock(), reasons)
    quote = id_in_query("quote")
    if draft is None and quote is not None:
        draft = _quoting(store, actor, thread_id, quote)
    return ShownThread(
        thread=thread,
        posts=[_shown(post, programme, names, reader) for post in shown],
        programme=programme,
        next_after=shown[-1].id if len(found) > len(shown) else None,
        is_first=after == 0,
        draft=draft or Draft(),
    )


def start_thread(actor: Actor, module_id: int, draft: Draft) -> int:
    """Write a new thread and say whether it counts; gives its id.

    Raises:
        Malformed: title or body is empty or too long.
        NotFound: the actor has no place in the module, or does not tutor the group.
    """
    now = context().clock()

    def write(store: Session) -> tuple[Post, Programme]:
        _thread, post = discussion.start_thread(
            store,
            actor,
            module_id,
            title=draft.title,
            body=draft.body,
            now=now,
            class_group_id=draft.class_group_id,
        )
        return post, catalogue.in_force_for_module(store, module_id, context().clock()).programme

    post, programme = context().database.transact(write)
    _say_written(post_judging.judgement_of(post), programme)
    return post.thread_id


def reply(actor: Actor, thread_id: int, draft: Draft) -> tuple[int, int | None]:
    """Write a reply and say whether it counts; gives its id, and the cursor of a page that shows it.

    Raises:
        Malformed: the body is empty or too long.
        NotFound: the actor may not see the thread, or the post answered is not in it.
    """
    now = context().clock()

    def write(store: Session) -> tuple[Post, Programme, bool]:
        post = discussion.reply(store, actor, thread_id, body=draft.body, reply_to_id=draft.reply_to_id, now=now)
        thread, first = discussion.posts(store, actor, thread_id, limit=POSTS_ON_A_PAGE)
        programme = catalogue.in_force_for_module(store, thread.module_id, context().clock()).programme
        return post, programme, any(one.id == post.id for one in first)

    post, programme, is_on_first_page = context().database.transact(write)
    _say_written(post_judging.judgement_of(post), programme)
    return post.id, None if is_on_first_page else post.id - 1


def preview(module_id: int) -> str:
    """A line that says whether the text typed so far would count."""
    actor, shared = current_actor(), context()
    body = request.form.get("body", "")
    if not body.strip():
        return ""
    try:
        with shared.database.reading() as store:
            judgement = discussion.preview(
                store,
                actor,
                module_id,
                body=body,
                now=shared.clock(),
                thread_id=id_in_query("thread"),
                reply_to_id=id_in_query("reply_to"),
            )
            programme = catalogue.in_force_for_module(store, module_id, context().clock()).programme
    except Malformed as refusal:
        return preview_note(refusal_sentence(refusal))
    sentence = _sentence(judgement, programme)
    return render_template("_counts.html", counts=judgement.counts, reason=sentence)


def preview_note(text: str) -> str:
    """A line in place of a preview."""
    return render_template("_counts.html", counts=None, reason=text)


def field_errors(refusal: Malformed) -> dict[str, str]:
    """A refused form's sentence under the name of the field it is about."""
    field = "title" if refusal.code.startswith("title_") else "body"
    return {field: refusal_sentence(refusal)}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads a thread, whether as a tutor, and when; and why posts were marked, as far as it is their business."""

    user_id: int
    is_tutor: bool
    now: datetime
    reasons: dict[int, str]

    def may_edit(self, post: PostView, programme: Programme) -> bool:
        if post.author_id != self.user_id or post.taken_back_at is not None or post.mark == Mark.VOID:
            return False
        rule, window = programme.discussion, programme.window
        return post.is_tutor or can_be_edited(rule, window, written_at=post.created_at, now=self.now)


def _shown(post: PostView, programme: Programme, names: dict[int, str], reader: _Reader) -> ShownPost:
    counts, reason = None, None
    if post.judgement is not None and post.taken_back_at is None:
        counts, reason = post.judgement.counts, _sentence(post.judgement, programme)
        if post.mark == Mark.VOID:
            counts, reason = False, _("Void: its credit was taken back.")
        elif counts and post.extra_ms:
            reason += " " + _("Excellent: %(credit)s more.", credit=credit_words(post.extra_ms))
    is_own = post.author_id == reader.user_id
    return ShownPost(
        post=post,
        html=markup.post_html(post.body),
        counts=counts,
        reason=reason,
        answered_name=names.get(post.reply_to_id) if post.reply_to_id is not None else None,
        said=reader.reasons.get(post.id, ""),
        is_own=is_own,
        can_edit=reader.may_edit(post, programme),
        can_mark=reader.is_tutor and not post.is_tutor and not is_own,
    )


def _quoting(store: Session, actor: Actor, thread_id: int, post_id: int) -> Draft:
    found = discussion.posts(store, actor, thread_id, after=post_id - 1, limit=1)[1]
    if not found or found[0].id != post_id or found[0].taken_back_at is not None:
        raise NotFound(what="post")
    return Draft(body=markup.quoted(found[0].body, found[0].author_name), reply_to=str(post_id))


def _sentence(judgement: Judgement, programme: Programme) -> str:
    return judgement_sentence(judgement, programme.discussion, programme.window.timezone)


def _say_written(judgement: Judgement, programme: Programme) -> None:
    text = _("Your post is there. %(judgement)s", judgement=_sentence(judgement, programme))
    flash(text, "success" if judgement.counts else "info")
