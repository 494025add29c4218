"""The learner's pages: home, programme, module, thread."""

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.notice_wording import notice_sentence
from lms_plugin.http.school_wording import time_left
from lms_plugin.services import access, catalogue, markup, meetings, notices, oversight, readings, study
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web import discussion, pace, questions
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.media import film_of
from lms_plugin.web.standing import Standing, standing_of
from lms_plugin.web.stretches import not_counted, spans

NOTICES_SHOWN = 3
"""How many unread notices the first page shows; the bell leads to all of them."""


@dataclass(frozen=True, slots=True)
class Mine:
    """One of the learner's programmes on the first page: its hours, and the pace while it is being studied."""

    standing: Standing
    telling: pace.Telling | None


def home() -> ResponseReturnValue:
    """The learner's programmes; tutors and the office, who have none, go on to their own first page."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolments = oversight.own_enrolments(store, actor)
    if not enrolments and not actor.has(access.LEARNER):
        for role, endpoint in (
            (access.TUTOR, "pages.tutor"),
            (access.OFFICE, "pages.office"),
            (access.PROVIDER, "pages.placements"),
        ):
            if actor.has(role):
                return redirect(url_for(endpoint))
    mine = [_mine(standing_of(one.id)) for one in enrolments]
    with shared.database.reading() as store:
        coming = meetings.next_of(store, actor, shared.clock())
        told = notices.latest(store, actor, limit=NOTICES_SHOWN, unread_only=True)
    language = current_language()
    return render_template(
        "home.html",
        mine=mine,
        coming=coming,
        takes_codes=coming is not None and meetings.takes_codes(coming.meeting, shared.clock()),
        notices=[(one, notice_sentence(one.kind, one.params, language)) for one in told],
    )


def programme(enrolment_id: int) -> ResponseReturnValue:
    """One programme: the hours in short, and the modules with what of their films is counted."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.own_enrolment(store, actor, enrolment_id)
    standing = standing_of(enrolment_id)
    with shared.database.reading() as store:
        current = catalogue.for_enrolment(store, standing.enrolment, shared.clock())
        modules = study.modules(store, current, standing.enrolment)
        where = study.who_and_where(store, standing.enrolment)
    found = [not_counted(one, enrolment_id, is_own=True) for one in modules]
    return render_template(
        "programme.html", standing=standing, modules=found, spans=spans, where=where, telling=pace.told(standing)
    )


def module(enrolment_id: int, module_id: int) -> ResponseReturnValue:
    """One module: film, reading, discussion; POST begins a thread."""
    if request.method != "POST":
        return _module_page(enrolment_id, module_id, Draft(), {})
    actor, draft = current_actor(), written()
    with context().database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        study.module(store, catalogue.for_enrolment(store, enrolment, context().clock()), enrolment, module_id)
    try:
        thread_id = discussion.start_thread(actor, module_id, draft)
    except Malformed as refusal:
        return _module_page(enrolment_id, module_id, draft, discussion.field_errors(refusal)), 422
    return redirect(url_for("pages.thread", enrolment_id=enrolment_id, thread_id=thread_id), 303)


def thread(enrolment_id: int, thread_id: int) -> ResponseReturnValue:
    """One thread; POST writes a reply."""
    if request.method != "POST":
        return _thread_page(enrolment_id, thread_id, None, {})
    actor, draft = current_actor(), written()
    with context().database.reading() as store:
        _of_programme(store, access.own_enrolment(store, actor, enrolment_id), thread_id)
    try:
        post_id, after = discussion.reply(actor, thread_id, draft)
    except Malformed as refusal:
        return _thread_page(enrolment_id, thread_id, draft, discussion.field_errors(refusal)), 422
    address = url_for(
        "pages.thread", enrolment_id=enrolment_id, thread_id=thread_id, after=after, _anchor=f"post-{post_id}"
    )
    return redirect(address, 303)


def _mine(standing: Standing) -> Mine:
    is_studied = standing.enrolment.state == "active" and not standing.hours.completion.complete
    return Mine(standing, pace.told(standing) if is_studied else None)


def _module_page(enrolment_id: int, module_id: int, draft: Draft, errors: dict[str, str]) -> str:
    actor, shared, language = current_actor(), context(), current_language()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        current = catalogue.for_enrolment(store, enrolment, shared.clock())
        modules = study.modules(store, current, enrolment)
        found = next((one for one in modules if one.id == module_id), None)
        if found is None:
            raise NotFound(what="module")
        threads = discussion.thread_list(store, actor, module_id)
        to_read = readings.shown(store, current, enrolment, module_id, shared.clock())
        asking = questions.asking_of(store, enrolment, found)
    declared = found.module
    title = declared.title.in_language(language)
    return render_template(
        "module.html",
        enrolment=enrolment,
        programme=current.programme,
        modules=modules,
        module=found,
        counted=discussion.earns_hours(current.programme),
        title=title,
        film=film_of(found, title, actor.user_id),
        reading=markup.reading_html(declared.reading.in_language(language)) if declared.reading else None,
        to_read=to_read,
        time_left=time_left,
        threads=threads,
        asking=asking,
        draft=draft,
        errors=errors,
    )


def _thread_page(enrolment_id: int, thread_id: int, draft: Draft | None, errors: dict[str, str]) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        _of_programme(store, enrolment, thread_id)
        shown = discussion.shown_thread(store, actor, thread_id, draft)
        modules = study.modules(store, catalogue.for_enrolment(store, enrolment, shared.clock()), enrolment)
    # A thread stays readable when its module has left the programme.
    module = next((one for one in modules if one.id == shown.thread.module_id), None)
    return render_template("thread.html", enrolment=enrolment, shown=shown, module=module, errors=errors)


def _of_programme(store: Session, enrolment: Enrolment, thread_id: int) -> None:
    """Refuse a thread that is another programme's: an address holds together or leads nowhere."""
    place = access.visible_thread(store, current_actor(), thread_id)[1]
    if place.module.programme_id != enrolment.programme_id:
        raise NotFound(what="thread")
