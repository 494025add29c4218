"""The tutor's pages: class groups with who needs the tutor and what waits, and the discussions of their modules."""

from dataclasses import dataclass, replace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.intervals import Segment, Segments
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.tutoring_wording import concern_sentence
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, catalogue, markup, releases, standings, substitutions, tutoring
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import CatalogueModule, InForce
from lms_plugin.services.releases import HeldFilm
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.web import discussion, showing, tutor_waits
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.numbers import as_id, in_query
from lms_plugin.web.pace import Keepers


@dataclass(frozen=True, slots=True)
class Release:
    """A tutor's form that lets held film count; `error` says why it was not taken."""

    enrolment_id: int = 0
    video_id: int = 0
    segments: Segments = ()
    reason: str = ""
    error: str | None = None

    def is_for(self, held: HeldFilm) -> bool:
        return (self.enrolment_id, self.video_id) == (held.enrolment_id, held.video_id)

    def leaves_out(self, segment: Segment) -> bool:
        """Whether a stretch was left out of what was sent."""
        return bool(self.segments) and not intervals.intersect((segment,), self.segments)


def groups() -> str:
    """The tutor's class groups; one of them in full: what waits, every learner with the most urgent first, what is
    held, the modules to discuss."""
    actor = current_actor()
    with context().database.reading() as store:
        own = access.tutored_groups(store, actor)
    if not own:
        return render_template("tutor.html", groups=[], shown=None)
    return _group_page(own, in_query("group", own[0].id), Release())


def release(enrolment_id: int) -> ResponseReturnValue:
    """POST lets held stretches of a learner's film count, for a reason; GET leads to where that form stands."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.tutored_enrolment(store, actor, enrolment_id)
        own = access.tutored_groups(store, actor)
    group_id = enrolment.class_group_id or 0
    if request.method != "POST":
        return redirect(url_for("pages.tutor", group=group_id, _anchor="held"))
    form = Release(
        enrolment_id,
        as_id(request.form.get("video_id", "")) or 0,
        _segments(request.form.getlist("segment")),
        request.form.get("reason", ""),
    )
    now = shared.clock()

    def write(store: Session) -> tuple[int, str, str]:
        released_ms = releases.release(
            store, actor, enrolment_id, form.video_id, form.segments, reason=form.reason, now=now
        )
        title, name = releases.whose_film(store, enrolment_id, form.video_id, now)
        return released_ms, title.in_language(current_language()), name

    try:
        released_ms, title, name = shared.database.transact(write)
    except Malformed as refusal:
        return _group_page(own, group_id, replace(form, error=refusal_sentence(refusal))), 422
    if released_ms:
        flash(
            _(
                "%(time)s of “%(module)s” counts for %(name)s now.",
                time=showing.clock(released_ms),
                module=title,
                name=name,
            ),
            "success",
        )
    else:
        flash(_("Nothing of it is on hold any more."), "info")
    return redirect(url_for("pages.tutor", group=group_id, _anchor="held"), 303)


def module(module_id: int) -> ResponseReturnValue:
    """A module's discussion in all the tutor's groups of its programme; POST begins a thread in one of them."""
    if request.method != "POST":
        return _module_page(module_id, Draft(), {})
    actor, draft = current_actor(), written()
    with context().database.reading() as store:
        _groups_in(store, actor, module_id)
    try:
        thread_id = discussion.start_thread(actor, module_id, draft)
    except Malformed as refusal:
        return _module_page(module_id, draft, discussion.field_errors(refusal)), 422
    return redirect(url_for("pages.tutor_thread", thread_id=thread_id), 303)


def thread(thread_id: int) -> ResponseReturnValue:
    """A thread of a group the tutor has; POST writes an answer."""
    if request.method != "POST":
        return _thread_page(thread_id, None, {})
    actor, draft = current_actor(), written()
    with context().database.reading() as store:
        _check_thread(store, actor, thread_id)
    try:
        post_id, after = discussion.reply(actor, thread_id, draft)
    except Malformed as refusal:
        return _thread_page(thread_id, draft, discussion.field_errors(refusal)), 422
    return redirect(url_for("pages.tutor_thread", thread_id=thread_id, after=after, _anchor=f"post-{post_id}"), 303)


def _group_page(own: list[ClassGroup], chosen: int, form: Release) -> str:
    actor, shared = current_actor(), context()
    group = next((one for one in own if one.id == chosen), None)
    if group is None:
        raise NotFound(what="class_group")
    now = shared.clock()
    standings.settle_class_group(shared.database, chosen, now)
    with shared.database.reading() as store:
        found = tutoring.group_of(store, actor, chosen, now)
        current = catalogue.in_force(store, group.programme_id, now)
        modules = catalogue.modules_of(store, current, None)
        standing_in = substitutions.current_of(store, actor, chosen, now)
        tasks = tutor_waits.tasks(store, [one.id for one in own], now)
        language = current_language()
        titles = {
            one: catalogue.in_force(store, one, now).programme.title.in_language(language)
            for one in {group.programme_id for group in own}
        }
    keepers = Keepers(found.overview, request.args.get("pace", ""))
    wanted = {one.enrolment_id for one in keepers.learners}
    return render_template(
        "tutor.html",
        groups=own,
        titles=titles,
        shown=found.overview,
        needs=[one for one in found.needs if one.learner.enrolment_id in wanted],
        concern=concern_sentence,
        tasks=tasks,
        waits={key: tutor_waits.number(some) for key, some in tasks.items()},
        next_meeting=found.next_meeting,
        standing_in=standing_in,
        modules=modules,
        threads=found.threads,
        held=found.held,
        checks_presence=current.programme.watching.presence_check_minutes is not None,
        module_titles={one.key: one.title.in_language(language) for one in current.programme.modules},
        form=form,
        keepers=keepers,
        longest_reason=releases.LONGEST_REASON,
    )


def _segments(texts: list[str]) -> Segments:
    """The stretches of a form: FROM-TO in milliseconds; whatever is none is left out."""
    found = []
    for text in texts:
        start, end = (as_id(part) for part in (text.partition("-")[0], text.partition("-")[2]))
        if start is not None and end is not None and start < end:
            found.append((start, end))
    return intervals.merge(found)


def _module_page(module_id: int, draft: Draft, errors: dict[str, str]) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        own = _groups_in(store, actor, module_id)
        current, found = _module(store, module_id)
        threads = discussion.thread_list(store, actor, module_id)
    if found is None:
        raise NotFound(what="module")
    reading = found.module.reading
    return render_template(
        "tutor_module.html",
        programme=current.programme,
        groups=own,
        module=found,
        threads=threads,
        reading=markup.reading_html(reading.in_language(current_language())) if reading else None,
        draft=draft,
        errors=errors,
    )


def _thread_page(thread_id: int, draft: Draft | None, errors: dict[str, str]) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        group = _check_thread(store, actor, thread_id)
        shown = discussion.shown_thread(store, actor, thread_id, draft)
        found = _module(store, shown.thread.module_id)[1]
    return render_template("tutor_thread.html", group=group, shown=shown, module=found, errors=errors)


def _groups_in(store: Session, actor: Actor, module_id: int) -> list[ClassGroup]:
    """The tutor's groups in a module's programme; who has none there learns nothing of the module."""
    own = access.tutored_groups(store, actor)
    place = access.place_in_module(store, actor, module_id)
    found = [one for one in own if one.id in place.class_group_ids]
    if place.enrolment is not None or not found:
        raise NotFound(what="module")
    return found


def _check_thread(store: Session, actor: Actor, thread_id: int) -> ClassGroup:
    """The group of a thread that the tutor may answer in."""
    own = {one.id: one for one in access.tutored_groups(store, actor)}
    found, place = access.visible_thread(store, actor, thread_id)
    if place.enrolment is not None or found.class_group_id not in own:
        raise NotFound(what="thread")
    return own[found.class_group_id]


def _module(store: Session, module_id: int) -> tuple[InForce, CatalogueModule | None]:
    current = catalogue.in_force_for_module(store, module_id, context().clock())
    modules = catalogue.modules_of(store, current, None)
    return current, next((one for one in modules if one.id == module_id), None)
