"""Handover: who stands in for a tutor of a class group, given and ended by its tutors or the office."""

from collections.abc import Mapping
from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, classgroups, substitutions
from lms_plugin.services.substitutions import NewSubstitution
from lms_plugin.web.numbers import as_id

FIELDS = ("login", "tutor_id", "first_on", "last_on", "note")


def for_tutor(class_group_id: int) -> ResponseReturnValue:
    """Substitutes in a class group that the tutor has; POST gives one, or ends one."""
    access.require_tutor(current_actor())
    return _handover(class_group_id, "pages.handover")


def for_office(class_group_id: int) -> ResponseReturnValue:
    """The same for an office admin who answers for all of the group's learners."""
    access.office_scope(current_actor())
    return _handover(class_group_id, "pages.office_handover")


def _handover(class_group_id: int, endpoint: str) -> ResponseReturnValue:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        substitutions.handed_group(store, actor, class_group_id)
    if request.method != "POST":
        return _page(class_group_id, endpoint, {}, {})
    form, now = {name: request.form.get(name, "") for name in FIELDS}, shared.clock()
    ended = as_id(request.form.get("substitution_id", ""))
    try:
        if ended is not None:
            shared.database.transact(lambda store: substitutions.end(store, actor, class_group_id, ended, now).id)
            flash(_("The substitution is ended."), "success")
        else:
            new = NewSubstitution(
                form["login"], as_id(form["tutor_id"]) or 0, _day(form["first_on"]), _day(form["last_on"]), form["note"]
            )
            shared.database.transact(lambda store: substitutions.give(store, actor, class_group_id, new, now).id)
            flash(_("The substitute, the tutors and the class group are told."), "success")
    except (Malformed, Conflict) as refusal:
        errors = {str(refusal.params.get("field", "note")): refusal_sentence(refusal)}
        return _page(class_group_id, endpoint, form, errors), 422
    return redirect(url_for(endpoint, class_group_id=class_group_id), 303)


def _page(class_group_id: int, endpoint: str, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        group = substitutions.handed_group(store, actor, class_group_id)
        tutors = classgroups.tutors_of(store, class_group_id)
        found = substitutions.of_group(store, class_group_id, shared.clock())
    own = str(actor.user_id) if any(one.id == actor.user_id for one in tutors) else ""
    return render_template(
        "handover.html",
        group=group,
        endpoint=endpoint,
        tutors=[(str(one.id), one.name) for one in tutors],
        substitutions=found,
        form={"tutor_id": own, **form},
        errors=errors,
        longest=substitutions.LONGEST_NOTE,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
