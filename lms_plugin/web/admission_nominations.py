"""Pages of nominations: a region's form and list, and the page where the office decides on one."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.nomination import DEGREES, TITLES
from lms_plugin.http import admission_wording as words
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, admission_list, catalogue, deciding, nominations, quotas
from lms_plugin.services.nominees import FIELDS, read_nomination
from lms_plugin.storage.programmes import ProgrammeRow
from lms_plugin.web import admission
from lms_plugin.web.numbers import id_in_query

ROWS_ON_A_PAGE = 50
ACTIONS = ("accept", "refuse", "withdraw")


def nomination_list(key: str) -> ResponseReturnValue:
    """Nominations with filter and form; POST nominates somebody."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method != "POST":
        return _list_page(key, {}, {})
    typed = {name: request.form.get(name, "") for name in FIELDS}
    wanted, faults = read_nomination(typed)
    errors = {one.field: words.field_fault(one.code) for one in reversed(faults)}
    now = shared.clock()
    with shared.database.reading() as store:
        programme_id = admission.in_force(store, key).id
    if errors:
        return _list_page(key, typed, errors), 422
    try:
        made = shared.database.transact(lambda store: nominations.nominate(store, actor, programme_id, wanted, now))
    except NotFound as refusal:
        what = str(refusal.params.get("what"))
        if what not in ("region", "phase", "tier"):
            raise
        field = "region_code" if what == "region" else what
        errors = {field: _("There is no such thing in what you answer for.")}
        return _list_page(key, typed, errors), 422
    except Conflict as refusal:
        field = "form" if refusal.code == "nominations_closed" else "login"
        return _list_page(key, typed, {field: refusal_sentence(refusal)}), 422
    found = nominations.warnings_of(made)
    if found:
        flash(
            _(
                "%(name)s is nominated, with points that the office will look at: %(points)s",
                name=made.name,
                points=" ".join(words.misfit_sentence(one) for one in found),
            ),
            "warning",
        )
    else:
        flash(_("%(name)s is nominated and fits in every point.", name=made.name), "success")
    return redirect(url_for("pages.admission_nominations", key=key), 303)


def nomination_page(nomination_id: int) -> ResponseReturnValue:
    """One nomination; POST takes the nominee, refuses or withdraws them, with a reason."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    with shared.database.reading() as store:
        one = access.managed_nomination(store, actor, nomination_id)
        key = store.scalars(select(ProgrammeRow.key).where(ProgrammeRow.id == one.programme_id)).one()
    if request.method != "POST":
        return _page(nomination_id, key, "", None)
    action, reason = request.form.get("action", ""), request.form.get("reason", "")
    draws, now = request.form.get("draws_password") == "yes", shared.clock()
    if action not in ACTIONS:
        raise Malformed()
    try:
        if action == "accept":
            taken = shared.database.transact(
                lambda store: deciding.accept(store, actor, nomination_id, reason=reason, draws_password=draws, now=now)
            )
            return admission.taken_page(key, [taken])
        decide = deciding.refuse if action == "refuse" else nominations.withdraw
        shared.database.transact(lambda store: decide(store, actor, nomination_id, reason=reason, now=now))
    except (Malformed, Conflict) as refusal:
        return _page(nomination_id, key, reason, refusal_sentence(refusal)), 422
    flash(_("The nomination was refused.") if action == "refuse" else _("The nomination was withdrawn."), "success")
    return redirect(url_for("pages.admission_nominations", key=key), 303)


def _page(nomination_id: int, key: str, reason: str, error: str | None) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        one = access.managed_nomination(store, actor, nomination_id)
        current = catalogue.in_force(store, one.programme_id, shared.clock())
        return render_template(
            "admission_nomination.html",
            programme=current.programme,
            key=key,
            one=admission_list.shown(store, one),
            free=quotas.places_of(store, current, one.region_id).free(one.region_id, one.phase, one.tier),
            is_whole=access.office_scope(actor).region_ids is None,
            states=words.nomination_states(),
            misfit=words.misfit_sentence,
            names=words.field_names(),
            degrees=words.degree_names(),
            titles=words.title_names(),
            sexes=words.sex_names(),
            reason=reason,
            error=error,
        )


def _list_page(key: str, typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    actor, shared = current_actor(), context()
    states = words.nomination_states()
    state = request.args.get("state") if request.args.get("state") in states else None
    region = request.args.get("region") or None
    with shared.database.reading() as store:
        current = admission.in_force(store, key)
        rows = admission_list.nominations(
            store,
            actor,
            current.id,
            state=state,
            region_code=region,
            before=id_in_query("before"),
            limit=ROWS_ON_A_PAGE + 1,
        )
        return render_template(
            "admission_nominations.html",
            programme=current.programme,
            rows=rows[:ROWS_ON_A_PAGE],
            next_before=rows[ROWS_ON_A_PAGE - 1].nomination.id if len(rows) > ROWS_ON_A_PAGE else None,
            is_first=id_in_query("before") is None,
            chosen={"state": state, "region": region},
            counts=nominations.count_by_state(store, actor, current.id),
            quotas=_own_quotas(store, current),
            typed=typed,
            errors=errors,
            states=states,
            misfit=words.misfit_sentence,
            choices=_choices(),
            places=admission_list.schools(store, actor),
            phases=admission.group_choices(current, "phase"),
            tiers=admission.group_choices(current, "tier"),
            is_whole=access.office_scope(actor).region_ids is None,
            **admission.deadline_values(current),
        )


def _own_quotas(store: Session, current: catalogue.InForce) -> list[quotas.QuotaShown]:
    """The quotas of the very regions that somebody answers for."""
    actor = current_actor()
    own = access.office_scope(actor).region_ids or ()
    return [one for one in quotas.quotas(store, actor, current) if one.region.id in own]


def _choices() -> dict[str, list[tuple[str, str]]]:
    nothing = ("", _("Not stated"))
    degrees, titles = words.degree_names(), words.title_names()
    return {
        "degree": [nothing, *((one, degrees[one]) for one in DEGREES)],
        "title": [nothing, *((one, titles[one]) for one in TITLES)],
        "sex": [nothing, *words.sex_names().items()],
        "is_rural": [nothing, ("yes", _("Yes")), ("no", _("No"))],
    }
