"""A module's FAQ: what tutors put into it and take out, and the record of it for the programme office."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, Refusal
from lms_plugin.domain.questions import headline
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, catalogue, questions_faq, questions_list
from lms_plugin.services.questions_access import tutors_in
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.numbers import id_in_query
from lms_plugin.web.questions import shown_entries

RECORDS_ON_A_PAGE = 50


def promote(question_id: int) -> ResponseReturnValue:
    """Edit a question and its answer for all class groups; POST puts them into the FAQ."""
    if request.method != "POST":
        return _promote_page(question_id, None, None)
    actor, draft, now = current_actor(), written(), context().clock()
    with context().database.reading() as store:
        questions_list.shown_to_tutor(store, actor, question_id)
    try:
        entry = context().database.transact(
            lambda store: questions_faq.promote(
                store, actor, question_id, question=draft.title, answer=draft.body, now=now
            )
        )
    except (Malformed, Conflict) as refusal:
        return _promote_page(question_id, draft, refusal), 422 if isinstance(refusal, Malformed) else 409
    flash(_("It is in the FAQ of the module now, for all class groups of the programme."), "success")
    return redirect(url_for("pages.tutor_faq", module_id=entry.module_id), 303)


def entries(module_id: int) -> str:
    """A module's FAQ for those who may take something out of it."""
    actor = current_actor()
    with context().database.reading() as store:
        tutors_in(store, actor, module_id)
        found = questions_faq.of_module(store, module_id)
        title = module_titles(store, {module_id})[module_id]
    return render_template("tutor_faq.html", title=title, entries=shown_entries(found, None))


def withdraw(entry_id: int) -> ResponseReturnValue:
    """Take an entry out of the FAQ, as a tutor of the programme or for the whole office."""
    actor, now = current_actor(), context().clock()
    entry = context().database.transact(lambda store: questions_faq.withdraw(store, actor, entry_id, now))
    flash(_("It is out of the FAQ now; the record of it stays."), "success")
    if actor.has(access.TUTOR):
        return redirect(url_for("pages.tutor_faq", module_id=entry.module_id), 303)
    return redirect(url_for("pages.office_faq"), 303)


def records() -> str:
    """All that was put into the FAQ of any module, and by whom, for the programme office."""
    actor, before, language = current_actor(), id_in_query("before"), current_language()
    with context().database.reading() as store:
        found = questions_faq.records(store, actor, before=before, limit=RECORDS_ON_A_PAGE + 1)
        shown = found[:RECORDS_ON_A_PAGE]
        titles = module_titles(store, {one.row.module_id for one in shown})
        programmes = {
            one: catalogue.in_force(store, one, context().clock()).programme.title.in_language(language)
            for one in {one.programme_id for one in shown}
        }
    scope = access.office_scope(actor)
    return render_template(
        "office_faq.html",
        found=shown,
        titles=titles,
        programmes=programmes,
        may_withdraw=scope.region_ids is None,
        is_first=before is None,
        next_before=shown[-1].row.id if len(found) > len(shown) else None,
    )


def module_titles(store: Session, module_ids: set[int]) -> dict[int, str]:
    """The titles of modules; the key of one that a new version has left out."""
    language, found = current_language(), {}
    for module_id in module_ids:
        row = store.get(ModuleRow, module_id)
        if row is None:
            continue
        programme = catalogue.in_force(store, row.programme_id, context().clock()).programme
        declared = next((one for one in programme.modules if one.key == row.key), None)
        found[module_id] = declared.title.in_language(language) if declared is not None else row.key
    return found


def _promote_page(question_id: int, draft: Draft | None, refusal: Refusal | None) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        shown = questions_list.shown_to_tutor(store, actor, question_id)
        title = module_titles(store, {shown.row.module_id})[shown.row.module_id]
    given = next((one.row.body for one in shown.replies if one.is_answer), "")
    names_in_title = refusal is not None and refusal.params.get("field") == "question"
    sentence = refusal_sentence(refusal) if refusal is not None else None
    return render_template(
        "tutor_promote.html",
        shown=shown,
        title=title,
        draft=draft or Draft(title=headline(shown.row.body, questions_faq.MAX_TITLE), body=given),
        longest_title=questions_faq.MAX_TITLE,
        errors={"title" if names_in_title else "body": sentence} if sentence is not None else {},
        headline=headline,
    )
