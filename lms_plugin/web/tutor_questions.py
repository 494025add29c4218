"""Questions as tutors see them: the queue, and one to answer, together with those that are alike."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound, Refusal
from lms_plugin.domain.questions import QuestionState, headline
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.question_wording import state_badge, waiting_time
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import (
    access,
    markup,
    questions_alike,
    questions_answering,
    questions_faq,
    questions_list,
    questions_queue,
)
from lms_plugin.services.questions_list import ListedQuestion
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.faq import module_titles
from lms_plugin.web.numbers import as_id, id_in_query


def queue() -> str:
    """The open questions of all own class groups, whoever waits longest first; `module` and `group` narrow it."""
    actor, now = current_actor(), context().clock()
    module_id, group_id = id_in_query("module"), id_in_query("group")
    with context().database.reading() as store:
        groups = access.tutored_groups(store, actor)
        found = questions_queue.open_questions(store, actor, now, module_id=module_id, class_group_id=group_id)
        count, _oldest_at = questions_queue.waiting_questions(store, actor)
        shown = {one.listed.row.module_id for one in found} | set(questions_queue.modules_with_open(store, actor))
        if module_id is not None:
            # The choice stays when its last question is answered; of a module elsewhere nobody learns anything here.
            shown |= {module_id} if _is_in(store, module_id, {one.programme_id for one in groups}) else set()
        titles = module_titles(store, shown)
    return render_template(
        "tutor_questions.html",
        found=found,
        count=count,
        groups=[(one.id, one.name) for one in groups],
        modules=sorted(titles.items(), key=lambda one: one[1]),
        titles=titles,
        module_id=module_id,
        group_id=group_id,
        headline=headline,
        waiting_time=waiting_time,
    )


def question(question_id: int) -> ResponseReturnValue:
    """One question for its tutor; POST answers it, and those that are alike in one go."""
    if request.method != "POST":
        return _one_page(question_id, Draft(), None)
    actor, draft, now = current_actor(), written(), context().clock()
    with context().database.reading() as store:
        questions_list.shown_to_tutor(store, actor, question_id)
    also = _ids("also")
    try:
        context().database.transact(
            lambda store: questions_answering.answer(store, actor, question_id, body=draft.body, also=also, now=now)
        )
    except (Malformed, Conflict) as refusal:
        return _one_page(question_id, draft, refusal, also), 422 if isinstance(refusal, Malformed) else 409
    flash(_("Answered. Everybody who asked is told."), "success")
    return redirect(url_for("pages.tutor_question", question_id=question_id), 303)


def mark(question_id: int) -> ResponseReturnValue:
    """Make a colleague's reply the answer."""
    actor, now, reply_id = current_actor(), context().clock(), as_id(request.form.get("reply", ""))
    if reply_id is None:
        raise NotFound(what="reply")
    return _changed(
        question_id,
        lambda store: questions_answering.mark(store, actor, question_id, reply_id, now),
        _("This reply is the answer now. Everybody who asked is told."),
    )


def merge(question_id: int) -> ResponseReturnValue:
    """Point a question to another one, whose answer is its answer too."""
    actor, now, into = current_actor(), context().clock(), as_id(request.form.get("into", ""))
    if into is None:
        raise NotFound(what="question")
    return _changed(
        question_id,
        lambda store: questions_answering.merge(store, actor, into, [question_id], now),
        _("The question is answered together with the other one. Whoever asked is told."),
    )


def _changed(question_id: int, write: Callable[[Session], Any], said: str) -> ResponseReturnValue:
    try:
        context().database.transact(write)
    except (Malformed, Conflict) as refusal:
        flash(refusal_sentence(refusal), "error")
    else:
        flash(said, "success")
    return redirect(url_for("pages.tutor_question", question_id=question_id), 303)


def _one_page(question_id: int, draft: Draft, refusal: Refusal | None, also: list[int] | None = None) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        shown = questions_list.shown_to_tutor(store, actor, question_id)
        is_open = shown.listed.state is QuestionState.OPEN
        alike_open: Sequence[ListedQuestion] = ()
        answered: Sequence[ListedQuestion] = ()
        if shown.listed.state is not QuestionState.MERGED and not shown.row.is_private:
            alike_open = questions_alike.alike_of(store, actor, question_id, state=QuestionState.OPEN)
        if is_open:
            answered = questions_alike.alike_of(store, actor, question_id, state=QuestionState.ANSWERED)
        entry = questions_faq.entry_of(store, question_id)
        title = module_titles(store, {shown.row.module_id})[shown.row.module_id]
    return render_template(
        "tutor_question.html",
        shown=shown,
        title=title,
        alike_open=alike_open,
        answered=answered,
        entry=entry,
        also=also or [],
        draft=draft,
        error=refusal_sentence(refusal) if refusal is not None else None,
        post_html=markup.post_html,
        headline=headline,
        state_badge=state_badge,
    )


def _is_in(store: Session, module_id: int, programme_ids: set[int]) -> bool:
    module = store.get(ModuleRow, module_id)
    return module is not None and module.programme_id in programme_ids


def _ids(name: str) -> list[int]:
    return [one for one in (as_id(text) for text in request.form.getlist(name)) if one is not None]
