"""Pages of placements: the host's months, and the office's list with new placements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.school_wording import month_state
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, placements
from lms_plugin.services.placements import NewPlacement
from lms_plugin.web.numbers import as_id, in_query

ROWS_ON_A_PAGE = 50
_FIELD_OF = {
    "candidate_unknown": "login",
    "enrolment_withdrawn": "login",
    "no_placement": "programme",
    "host_missing": "host",
    "host_too_long": "host",
    "host_account_unknown": "host_login",
    "host_is_learner": "host_login",
    "placement_outside_window": "starts_on",
    "placements_overlap": "starts_on",
    "placement_day_missing": "starts_on",
}


@dataclass(frozen=True, slots=True)
class TypedMonth:
    """What a host typed for a month, and why it was not taken."""

    placement_id: int = 0
    number: int = 0
    days_present: str = ""
    remark: str = ""
    error: str | None = None


def host_page() -> str:
    """The placements whose months the person confirms."""
    return _host_page(TypedMonth())


def month(placement_id: int, number: int) -> ResponseReturnValue:
    """POST confirms or refuses a month of a placement as its host; GET leads to where that form stands."""
    if request.method != "POST":
        return redirect(url_for("pages.placements"))
    actor, shared = current_actor(), context()
    now = shared.clock()
    typed = TypedMonth(
        placement_id, number, request.form.get("days_present", "").strip(), request.form.get("remark", "")
    )
    days = as_id(typed.days_present)
    decision = request.form.get("decision", "")
    refuses = decision == "refuse"
    try:
        if decision not in ("confirm", "refuse"):
            raise Malformed()
        if refuses:
            shared.database.transact(
                lambda store: (
                    placements.refuse(
                        store, actor, placement_id, number, days_present=days or 0, reason=typed.remark, now=now
                    ).number
                )
            )
        else:
            shared.database.transact(
                lambda store: (
                    placements.confirm(
                        store,
                        actor,
                        placement_id,
                        number,
                        days_present=-1 if days is None else days,
                        remark=typed.remark,
                        now=now,
                    ).number
                )
            )
    except (Malformed, Conflict) as refusal:
        error = refusal_sentence(refusal)
        return _host_page(TypedMonth(placement_id, number, typed.days_present, typed.remark, error)), 422
    flash(_("The month is refused.") if refuses else _("The month is confirmed."), "success")
    return redirect(url_for("pages.placements", _anchor=f"placement-{placement_id}"), 303)


def office_page() -> ResponseReturnValue:
    """The placements in the office's regions; POST makes a new one."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    form: dict[str, str] = {}
    if request.method != "POST":
        return _office_page(form, {})
    names = ("login", "programme", "host", "host_login", "mentor", "starts_on", "last_on")
    form = {name: request.form.get(name, "").strip() for name in names}
    now = shared.clock()
    try:
        starts_on, last_on = _day(form["starts_on"]), _day(form["last_on"])
        new = NewPlacement(form["host"], form["host_login"], starts_on, last_on + timedelta(days=1), form["mentor"])
        shared.database.transact(
            lambda store: (
                placements.place(
                    store,
                    actor,
                    placements.learner_of(store, actor, form["programme"], form["login"]),
                    new,
                    now,
                ).id
            )
        )
    except (Malformed, Conflict) as refusal:
        return _office_page(form, {_FIELD_OF.get(refusal.code, "last_on"): refusal_sentence(refusal)}), 422
    flash(_("The placement is there. Its host can confirm each month when it is over."), "success")
    return redirect(url_for("pages.office_placements"), 303)


def end(placement_id: int) -> ResponseReturnValue:
    """POST lets a placement end earlier; GET leads to the list."""
    if request.method != "POST":
        return redirect(url_for("pages.office_placements"))
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    try:
        last_on = _day(request.form.get("last_on", ""))
        shared.database.transact(
            lambda store: placements.end(store, actor, placement_id, last_on + timedelta(days=1)).id
        )
    except (Malformed, Conflict) as refusal:
        flash(refusal_sentence(refusal), "error")
    else:
        flash(_("The placement ends on that day now."), "success")
    return redirect(url_for("pages.office_placements"), 303)


def _host_page(typed: TypedMonth) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        found = placements.of_host(store, actor, shared.clock())
    return render_template(
        "placements.html",
        found=found,
        typed=typed,
        month_state=month_state,
        longest=placements.LONGEST_REMARK,
    )


def _office_page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    actor, shared = current_actor(), context()
    before = in_query("before", 0) or None
    now = shared.clock()
    with shared.database.reading() as store:
        found = placements.in_regions(store, actor, now, before=before, limit=ROWS_ON_A_PAGE + 1)
        programmes = placements.programmes_with_placement(store, now)
    return render_template(
        "office_placements.html",
        found=found[:ROWS_ON_A_PAGE],
        next_before=found[ROWS_ON_A_PAGE - 1].row.id if len(found) > ROWS_ON_A_PAGE else None,
        is_first=before is None,
        programmes=programmes,
        form=form,
        errors=errors,
        month_state=month_state,
    )


def _day(text: str) -> date:
    """The day that a form names.

    Raises:
        Malformed: it names none (`placement_day_missing`).
    """
    try:
        found = date.fromisoformat(text)
    except ValueError as fault:
        raise Malformed("placement_day_missing") from fault
    if not date(1970, 1, 1) <= found < date(9000, 1, 1):
        raise Malformed("placement_day_missing")
    return found
