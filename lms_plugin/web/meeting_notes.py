"""The page of what was said at a meeting: published by who runs it, read by the learners, and made up for by some."""

from dataclasses import dataclass, field, replace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound, OutsideWindow
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.meeting_wording import fault_sentences, makeup_sentence
from lms_plugin.http.school_wording import time_left
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import catalogue, markup, meeting_access, meeting_makeups, meeting_notes, meetings
from lms_plugin.services.meeting_notes import MOST_QUESTIONS, NewNotes, NotesQuestion
from lms_plugin.services.readings import Outcome, Stage
from lms_plugin.storage.meeting_extras import MeetingNotes
from lms_plugin.web.numbers import as_id


@dataclass(frozen=True, slots=True)
class NotesForm:
    """What somebody typed as notes; a question's choices stand one on a line, the right one first."""

    body: str = ""
    link: str = ""
    module: str = ""
    asked: tuple[tuple[str, str], ...] = (("", ""),) * MOST_QUESTIONS
    errors: dict[str, str] = field(default_factory=dict)


def notes_page(meeting_id: int) -> ResponseReturnValue:
    """What is published of a meeting; POST publishes it, for who runs the meeting."""
    if request.method != "POST":
        return _page(meeting_id, None)
    actor, shared, form = current_actor(), context(), _typed()
    now = shared.clock()
    new = NewNotes(form.body, form.link, as_id(form.module), _questions(form))
    try:
        shared.database.transact(lambda store: meeting_notes.publish(store, actor, meeting_id, new, now))
    except Malformed as refusal:
        return _page(meeting_id, replace(form, errors=_errors(form, refusal))), 422
    except Conflict as refusal:
        return _page(meeting_id, replace(form, errors={"": refusal_sentence(refusal)})), 409
    flash(_("Published. Everybody invited can read it now."), "success")
    return redirect(url_for("pages.meeting_notes", meeting_id=meeting_id), 303)


def makeup(meeting_id: int) -> ResponseReturnValue:
    """Begin to make up for a meeting, or say that its notes are read."""
    actor, shared, step = current_actor(), context(), request.form.get("step", "")
    now, choice = shared.clock(), as_id(request.form.get("choice", ""))
    with shared.database.reading() as store:
        meeting_access.attended_meeting(store, actor, meeting_id)
    try:
        if step == "begin":
            shared.database.transact(lambda store: meeting_makeups.begin(store, actor, meeting_id, now))
        elif step == "finish":
            done = shared.database.transact(
                lambda store: meeting_makeups.finish(store, actor, meeting_id, choice=choice, now=now)
            )
            flash(makeup_sentence(done), "success" if done.outcome is Outcome.READ else "warning")
        else:
            raise Malformed
    except (Conflict, OutsideWindow) as refusal:
        flash(refusal_sentence(refusal), "error")
    return redirect(url_for("pages.meeting_notes", meeting_id=meeting_id), 303)


def _page(meeting_id: int, form: NotesForm | None) -> str:
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        runs = True
        try:
            found = meeting_access.run_meeting(store, actor, meeting_id)
        except NotFound:
            runs = False
            found, _enrolment = meeting_access.attended_meeting(store, actor, meeting_id)
        programme = meeting_access.programme_of(store, found)
        notes = meeting_notes.of_meeting(store, meeting_id)
        modules = catalogue.modules_of(store, catalogue.in_force(store, found.programme_id, now), None)
        to_make_up = meeting_makeups.shown(store, actor, meeting_id, now)
        enrolment_id = _own_enrolment(store, meeting_id)
    component = programme.component(found.component_key)
    film = next((one for one in modules if notes is not None and one.id == notes.recording_module_id), None)
    return render_template(
        "meeting_notes.html",
        meeting=found,
        programme=programme,
        runs=runs,
        notes=notes,
        html=markup.reading_html(notes.body) if notes is not None and notes.body else None,
        film=film,
        enrolment_id=enrolment_id,
        films=[one for one in modules if one.video is not None],
        form=form or _as_published(notes),
        can_publish=runs and found.state != meetings.CANCELLED and now >= found.starts_at,
        share=component.study.makeup_share if component is not None else 0,
        to_make_up=to_make_up,
        stages=Stage,
        time_left=time_left,
        longest=meeting_notes.LONGEST_BODY,
        now=now,
    )


def _own_enrolment(store: Session, meeting_id: int) -> int | None:
    try:
        return meeting_access.attended_meeting(store, current_actor(), meeting_id)[1].id
    except NotFound:
        return None


def _as_published(notes: MeetingNotes | None) -> NotesForm:
    if notes is None:
        return NotesForm()
    asked = [(one.text, "\n".join(_right_first(one))) for one in meeting_notes.questions_of(notes)]
    asked += [("", "")] * (MOST_QUESTIONS - len(asked))
    module = "" if notes.recording_module_id is None else str(notes.recording_module_id)
    return NotesForm(notes.body, notes.recording_link, module, tuple(asked))


def _right_first(question: NotesQuestion) -> list[str]:
    right = question.choices[question.answer]
    return [right, *(one for one in question.choices if one != right)]


def _questions(form: NotesForm) -> tuple[NotesQuestion, ...]:
    found = []
    for text, lines in form.asked:
        choices = tuple(line.strip() for line in lines.splitlines() if line.strip())
        if text.strip() or choices:
            found.append(NotesQuestion(text.strip(), choices, 0))
    return tuple(found)


def _errors(form: NotesForm, refusal: Malformed) -> dict[str, str]:
    """What is wrong, by field; questions are counted with those left out that are empty."""
    filled = [place for place, (text, lines) in enumerate(form.asked, 1) if text.strip() or lines.strip()]
    named = {f"question_{count}": f"question_{place}" for count, place in enumerate(filled, 1)}
    return {named.get(name, name): sentence for name, sentence in fault_sentences(refusal).items()}


def _typed() -> NotesForm:
    given = request.form.get
    return NotesForm(
        body=given("body", ""),
        link=given("link", ""),
        module=given("module", ""),
        asked=tuple((given(f"asked_{one}", ""), given(f"choices_{one}", "")) for one in range(1, MOST_QUESTIONS + 1)),
    )
