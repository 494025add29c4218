"""Questions as learners see them: those of a module, one with its answer, and what the module's page shows of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.questions import headline
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.question_wording import state_badge
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import (
    access,
    catalogue,
    markup,
    questions,
    questions_alike,
    questions_faq,
    questions_list,
    study,
)
from lms_plugin.services.study import StudyModule
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.questions import FaqEntry
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.numbers import as_id, id_in_query, in_query

QUESTIONS_ON_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry of the FAQ as a page shows it; `plays_from` is its second where the reader has that film."""

    row: FaqEntry
    html: str
    plays_from: int | None


@dataclass(frozen=True, slots=True)
class Asking:
    """What a page needs to show a module's FAQ and the form for a question.

    `refused` says why nobody can ask here (None: one can); `at_seconds` is the second that the form begins with.
    """

    enrolment_id: int
    module_id: int
    film_id: int | None
    faq: Sequence[ShownEntry]
    refused: str | None
    key: str
    body: str = ""
    at_seconds: int | None = None
    is_private: bool = False
    error: str | None = None

    @property
    def longest(self) -> int:
        return questions.MAX_QUESTION


def asking_of(
    store: Session, enrolment: Enrolment, module: StudyModule, draft: Draft | None = None, error: str | None = None
) -> Asking:
    """A module's FAQ and the form for a question of this learner, with what a refused form held."""
    typed = dict(draft.others) if draft is not None else {}
    film_id = module.video.id if module.video is not None else None
    refused = None
    if enrolment.class_group_id is None:
        refused = refusal_sentence(Conflict("no_class_group"))
    elif enrolment.state != "active":
        refused = refusal_sentence(Conflict("enrolment_withdrawn"))
    return Asking(
        enrolment_id=enrolment.id,
        module_id=module.id,
        film_id=film_id,
        faq=shown_entries(questions_faq.of_module(store, module.id), film_id),
        refused=refused,
        key=typed.get("key") or context().new_id(),
        body=draft.body if draft is not None else "",
        at_seconds=as_id(typed.get("at_seconds", "")),
        is_private=bool(typed.get("is_private")),
        error=error,
    )


def shown_entries(rows: Sequence[FaqEntry], film_id: int | None) -> list[ShownEntry]:
    """Entries of the FAQ for a page whose reader has this film."""
    return [
        ShownEntry(one, markup.post_html(one.answer), one.at_seconds if one.video_id == film_id else None)
        for one in rows
    ]


def module_questions(enrolment_id: int, module_id: int) -> ResponseReturnValue:
    """A module's FAQ and questions; POST asks one."""
    if request.method != "POST":
        return _list_page(enrolment_id, module_id, None, None)
    actor, draft, now = current_actor(), written(), context().clock()
    typed = dict(draft.others)
    with context().database.reading() as store:
        _studied(store, enrolment_id, module_id)
    try:
        asked = context().database.transact(
            lambda store: (
                questions.ask(
                    store,
                    actor,
                    module_id,
                    body=draft.body,
                    at_seconds=as_id(typed.get("at_seconds", "")),
                    is_private=bool(typed.get("is_private")),
                    asked_as=typed.get("key", "") or context().new_id(),
                    now=now,
                ).id
            )
        )
    except Malformed as refusal:
        return _list_page(enrolment_id, module_id, draft, refusal_sentence(refusal)), 422
    flash(
        _("Your question is with the tutors of your class group. You will be told when there is an answer."), "success"
    )
    return redirect(url_for("pages.question", enrolment_id=enrolment_id, question_id=asked), 303)


def question(enrolment_id: int, question_id: int) -> ResponseReturnValue:
    """One question with what was written to it; POST writes a reply, or a follow-up to one's own."""
    if request.method != "POST":
        return _one_page(enrolment_id, question_id, Draft(), None)
    actor, draft, now = current_actor(), written(), context().clock()
    with context().database.reading() as store:
        _readable(store, enrolment_id, question_id)
    try:
        reply_id = context().database.transact(
            lambda store: questions.reply(store, actor, question_id, body=draft.body, now=now).id
        )
    except Malformed as refusal:
        return _one_page(enrolment_id, question_id, draft, refusal_sentence(refusal)), 422
    address = url_for("pages.question", enrolment_id=enrolment_id, question_id=question_id, _anchor=f"reply-{reply_id}")
    return redirect(address, 303)


def alike(module_id: int) -> str:
    """What is like the question typed so far and was answered already."""
    actor, body = current_actor(), request.form.get("question", "")
    with context().database.reading() as store:
        found = questions_alike.answered_already(store, actor, module_id, body[: questions.MAX_QUESTION])
    return render_template(
        "_alike.html", found=[(one, headline(one.question), markup.post_html(one.answer)) for one in found]
    )


def _list_page(enrolment_id: int, module_id: int, draft: Draft | None, error: str | None) -> str:
    actor, before, own = current_actor(), id_in_query("before"), in_query("own", 0) == 1
    with context().database.reading() as store:
        enrolment, module = _studied(store, enrolment_id, module_id)
        programme = catalogue.for_enrolment(store, enrolment, context().clock()).programme
        found = questions_list.of_module(store, actor, module_id, own=own, before=before, limit=QUESTIONS_ON_A_PAGE + 1)
        asking = asking_of(store, enrolment, module, draft, error)
    shown = found[:QUESTIONS_ON_A_PAGE]
    return render_template(
        "questions.html",
        enrolment=enrolment,
        programme=programme,
        module=module,
        title=module.module.title.in_language(current_language()),
        asking=asking,
        questions=shown,
        own=own,
        is_first=before is None,
        next_before=shown[-1].row.id if len(found) > len(shown) else None,
        headline=headline,
        state_badge=state_badge,
    )


def _one_page(enrolment_id: int, question_id: int, draft: Draft, error: str | None) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        enrolment = _readable(store, enrolment_id, question_id)
        shown, _place = questions_list.shown(store, actor, question_id)
        current = catalogue.for_enrolment(store, enrolment, context().clock())
        modules = study.modules(store, current, enrolment)
    # A question stays readable when its module has left the programme.
    module = next((one for one in modules if one.id == shown.row.module_id), None)
    film_id = module.video.id if module is not None and module.video is not None else None
    return render_template(
        "question.html",
        enrolment=enrolment,
        programme=current.programme,
        module=module,
        shown=shown,
        plays_from=shown.row.at_seconds if shown.row.video_id == film_id else None,
        is_own=shown.row.author_id == actor.user_id,
        can_write=enrolment.state == "active",
        post_html=markup.post_html,
        headline=headline,
        state_badge=state_badge,
        draft=draft,
        error=error,
    )


def _studied(store: Session, enrolment_id: int, module_id: int) -> tuple[Enrolment, StudyModule]:
    """The learner's own enrolment and a module of it: an address holds together or leads nowhere."""
    enrolment = access.own_enrolment(store, current_actor(), enrolment_id)
    current = catalogue.for_enrolment(store, enrolment, context().clock())
    return enrolment, study.module(store, current, enrolment, module_id)


def _readable(store: Session, enrolment_id: int, question_id: int) -> Enrolment:
    """The learner's own enrolment, where it is the one of the question's programme."""
    enrolment = access.own_enrolment(store, current_actor(), enrolment_id)
    _shown, place = questions_list.shown(store, current_actor(), question_id)
    if place.enrolment is None or place.enrolment.id != enrolment.id:
        raise NotFound(what="question")
    return enrolment
