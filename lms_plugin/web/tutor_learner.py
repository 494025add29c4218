"""One learner for their tutor and office: hours with their evidence, pace, films, posts, meetings, work, notes."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Malformed
from lms_plugin.http.context import context
from lms_plugin.http.entry_wording import source_sentence
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.school_wording import work_state
from lms_plugin.http.trail_wording import deed_sentence
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, catalogue, hours, study, tutor_notes, tutored_learner
from lms_plugin.web import pace
from lms_plugin.web.standing import standing_of
from lms_plugin.web.stretches import all_not_counted, not_counted, spans

ENTRIES_SHOWN = 20


def page(enrolment_id: int) -> ResponseReturnValue:
    """A learner's page; POST writes a note that tutors and the office see."""
    if request.method != "POST":
        return _page(enrolment_id, "", None)
    actor, shared, text = current_actor(), context(), request.form.get("body", "")
    try:
        shared.database.transact(lambda store: tutor_notes.write(store, actor, enrolment_id, text, shared.clock()).id)
    except Malformed as refusal:
        return _page(enrolment_id, text, refusal_sentence(refusal)), 422
    flash(_("Saved."), "success")
    return redirect(url_for("pages.tutor_learner", enrolment_id=enrolment_id, _anchor="notes"), 303)


def _page(enrolment_id: int, note: str, error: str | None) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.guided_enrolment(store, actor, enrolment_id)
    standing = standing_of(enrolment_id)
    enrolment, now, language = standing.enrolment, shared.clock(), current_language()
    with shared.database.reading() as store:
        found = tutored_learner.file_of(store, actor, enrolment_id, now)
        modules = study.modules(store, catalogue.for_enrolment(store, enrolment, now), enrolment)
        where = study.who_and_where(store, enrolment)
        is_tutor = access.tutors_enrolment(store, actor, enrolment)
        last = max(0, standing.hours.ledger_length - ENTRIES_SHOWN)
        entries = hours.entries(store, enrolment_id, after=last, limit=ENTRIES_SHOWN)
    programme = standing.hours.programme
    return render_template(
        "tutor_learner.html",
        standing=standing,
        telling=pace.told(standing),
        where=where,
        is_tutor=is_tutor,
        file=found,
        films=[(one, not_counted(one, enrolment_id, is_own=False)) for one in modules if one.video is not None],
        spans=spans,
        held=all_not_counted(modules, enrolment_id, is_own=False),
        entries=[(one, source_sentence(one, programme, language)) for one in reversed(entries)],
        titles={one.key: one.title.in_language(language) for one in programme.components},
        work_state=work_state,
        sentence=deed_sentence,
        note=note,
        error=error,
        longest=tutor_notes.LONGEST_NOTE,
    )
