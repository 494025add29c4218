"""Admission pages of a programme: what it takes, quotas by region, and what the office does with many at once."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.nomination import deadline_at, is_open
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import (
    access,
    admission_list,
    catalogue,
    classgroups,
    deciding,
    nominations,
    quotas,
    registering,
)
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.deciding import Accepted
from lms_plugin.web.admission_rules import rule_lines


@dataclass(frozen=True, slots=True)
class QuotaForm:
    """The form that gives a region places; `error` says why it was not taken."""

    region: str = ""
    places: str = ""
    phase: str = ""
    error: str | None = None


def programmes() -> str:
    """Every programme there is, with its way to admission."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    now = shared.clock()
    with shared.database.reading() as store:
        rows = [
            (
                one.programme,
                admission_list.count_learners(store, actor, one.id)[0],
                nominations.count_by_state(store, actor, one.id),
                deadline_at(one.programme.nomination, one.programme.window.timezone),
            )
            for one in catalogue.all_in_force(store, now)
        ]
    return render_template("admission_programmes.html", rows=rows, now=now)


def overview(key: str) -> str:
    """A programme for the office: its rules, places, nominations, waiting list and class groups in short."""
    actor, shared = current_actor(), context()
    scope = access.office_scope(actor)
    now = shared.clock()
    with shared.database.reading() as store:
        current = in_force(store, key)
        waiting = admission_list.nominations(store, actor, current.id, state="waiting", limit=200)
        learners, without_group = admission_list.count_learners(store, actor, current.id)
        return render_template(
            "admission.html",
            programme=current.programme,
            lines=rule_lines(current.programme, current_language()),
            left=quotas.places_of(store, current).left("", ""),
            quotas=quotas.quotas(store, actor, current)[:8],
            counts=nominations.count_by_state(store, actor, current.id),
            waiting=sorted(waiting, key=lambda one: (one.nomination.waiting_since or now, one.nomination.id)),
            shares=admission_list.rural_shares(store, actor, current),
            groups=classgroups.groups_of(store, actor, current.id, now),
            learners=learners,
            without_group=without_group,
            unregistered=registering.count_unregistered(store, current.id) if scope.region_ids is None else 0,
            is_whole=scope.region_ids is None,
            **deadline_values(current),
        )


def quota_page(key: str) -> ResponseReturnValue:
    """The quotas by region; POST gives a region places, or takes its quota away where none are named."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method != "POST":
        return _quota_page(key, QuotaForm(phase=request.args.get("phase", "")))
    get = request.form.get
    form = QuotaForm(get("region", "").strip(), get("places", "").strip(), get("phase", ""))
    now = shared.clock()
    try:
        places = _whole(form.places)
        with shared.database.reading() as store:
            programme_id = in_force(store, key).id
        shared.database.transact(
            lambda store: quotas.set_quota(store, actor, programme_id, form.region, places, now, phase=form.phase)
        )
    except NotFound as refusal:
        if refusal.params.get("what") != "region":
            raise
        error = _("There is no region with this code in what you answer for.")
        return _quota_page(key, QuotaForm(form.region, form.places, form.phase, error)), 422
    except NotAllowed:
        error = _("The places of this region come from above; you hand them down to the regions below it.")
        return _quota_page(key, QuotaForm(form.region, form.places, form.phase, error)), 422
    except (Malformed, Conflict) as refusal:
        return _quota_page(key, QuotaForm(form.region, form.places, form.phase, refusal_sentence(refusal))), 422
    flash(_("The places were noted."), "success")
    return redirect(url_for("pages.admission_quotas", key=key, phase=form.phase or None), 303)


def decide_many(key: str) -> ResponseReturnValue:
    """What the office does with many at once: take all who fit, take the next who waits, register everybody."""
    actor, shared = current_actor(), context()
    access.require_whole_office(actor)
    now, action = shared.clock(), request.form.get("action", "")
    draws = request.form.get("draws_password") == "yes"
    with shared.database.reading() as store:
        programme_id = in_force(store, key).id
    back = redirect(url_for("pages.admission", key=key), 303)
    try:
        if action == "register":
            count = shared.database.transact(lambda store: registering.register_programme(store, actor, key, now))
            flash(ngettext("%(num)s learner was registered.", "%(num)s learners were registered.", count), "success")
            return back
        if action == "promote":
            taken = [
                shared.database.transact(
                    lambda store: deciding.promote(store, actor, programme_id, draws_password=draws, now=now)
                )
            ]
        else:
            taken = shared.database.transact(
                lambda store: deciding.accept_fitting(store, actor, programme_id, draws_password=draws, now=now)
            )
    except Conflict as refusal:
        flash(refusal_sentence(refusal), "warning")
        return back
    if not taken:
        flash(_("There is nobody who fits in every point and waits for a decision."), "info")
        return back
    return taken_page(key, taken)


def taken_page(key: str, taken: list[Accepted]) -> ResponseReturnValue:
    """Who was taken; drawn passwords are on this page only and in no cache."""
    with context().database.reading() as store:
        programme = in_force(store, key).programme
    page = render_template("admission_taken.html", programme=programme, taken=taken)
    return page, 200, {"Cache-Control": "no-store"}


def in_force(store: Session, key: str) -> InForce:
    """The version in force of the programme with a key."""
    return catalogue.in_force(store, catalogue.programme_id_of(store, key), context().clock())


def deadline_values(current: InForce) -> dict[str, object]:
    """What the banner about the deadline needs."""
    rule, timezone, now = current.programme.nomination, current.programme.window.timezone, context().clock()
    return {"deadline": deadline_at(rule, timezone), "is_open": is_open(rule, timezone, now), "now": now}


def group_choices(current: InForce, what: str) -> list[tuple[str, str]]:
    """The phases or tiers of a programme for a form."""
    groups = current.programme.phases if what == "phase" else current.programme.tiers
    return [(one.key, one.title.in_language(current_language())) for one in groups]


def _quota_page(key: str, form: QuotaForm) -> str:
    actor = current_actor()
    with context().database.reading() as store:
        current = in_force(store, key)
        return render_template(
            "admission_quotas.html",
            programme=current.programme,
            rows=quotas.quotas(store, actor, current, form.phase),
            form=form,
            phases=group_choices(current, "phase"),
            left=quotas.places_of(store, current).left(form.phase, ""),
            is_whole=_is_whole(actor),
        )


def _is_whole(actor: Actor) -> bool:
    return access.office_scope(actor).region_ids is None


def _whole(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 8:
        raise Malformed("places_malformed", value=text)
    return int(text)
