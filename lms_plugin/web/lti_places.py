"""The addresses that links of platforms name: a programme or a module, wherever the visitor has it."""

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from lms_plugin.domain.lti_claims import LaunchRefused, Place
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, lti_links


def programme(key: str) -> ResponseReturnValue:
    """A programme."""
    return _place(Place(key))


def module(key: str, module_key: str) -> ResponseReturnValue:
    """A module of a programme."""
    return _place(Place(key, module_key))


def _place(named: Place) -> ResponseReturnValue:
    """Lead learners to their own page of it, tutors and the office to theirs."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        place = lti_links.place(store, named, shared.clock())
        enrolment = lti_links.own_enrolment(store, actor.user_id, place.programme_id)
        groups = access.tutored_groups(store, actor) if actor.has(access.TUTOR) else []
    if enrolment is not None:
        if place.module_id is None:
            return redirect(url_for("pages.programme", enrolment_id=enrolment.id))
        return redirect(url_for("pages.module", enrolment_id=enrolment.id, module_id=place.module_id))
    if any(group.programme_id == place.programme_id for group in groups):
        if place.module_id is None:
            return redirect(url_for("pages.tutor"))
        return redirect(url_for("pages.tutor_module", module_id=place.module_id))
    if actor.has(access.OFFICE):
        return redirect(url_for("pages.admission", key=place.programme_key))
    raise LaunchRefused("lti_not_enrolled", programme=place.programme_title)
