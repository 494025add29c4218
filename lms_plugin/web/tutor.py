"""The tutor's pages: class groups with their learners, and the discussions of their modules."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.services import access, catalogue, markup, oversight, standings
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import CatalogueModule, InForce
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.web import discussion
from lms_plugin.web.drafts import Draft, written
from lms_plugin.web.numbers import in_query


def groups() -> str:
    """The tutor's class groups; one of them in full: every learner's standing, and the modules to discuss."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        own = access.tutored_groups(store, actor)
    if not own:
        return render_template("tutor.html", groups=[], shown=None)
    chosen = in_query("group", own[0].id)
    if chosen not in [one.id for one in own]:
        raise NotFound(what="class_group")
    standings.settle_class_group(shared.database, chosen, shared.clock())
    with shared.database.reading() as store:
        shown = oversight.group_overview(store, actor, chosen)
        current = catalogue.in_force(store, next(one.programme_id for one in own if one.id == chosen))
        modules = catalogue.modules_of(store, current, None)
        threads = {one.id: discussion.thread_list(store, actor, one.id) for one in modules}
        language = current_language()
        titles = {
            one: catalogue.in_force(store, one).programme.title.in_language(language)
            for one in {group.programme_id for group in own}
        }
    return render_template("tutor.html", groups=own, titles=titles, shown=shown, modules=modules, threads=threads)


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
    current = catalogue.in_force_for_module(store, module_id)
    modules = catalogue.modules_of(store, current, None)
    return current, next((one for one in modules if one.id == module_id), None)
