"""The LMS platforms, for the whole programme office: which there are, registering and trying LTI ones, pausing any."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.http import platform_wording
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import (
    access,
    delivery_list,
    lti_platforms,
    lti_registration,
    lti_rosters,
    platform_trial,
    platforms,
)
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_platforms import LtiDetails, LtiPlatformView
from lms_plugin.services.lti_registration import OurAddresses
from lms_plugin.services.lti_signing import signer
from lms_plugin.services.platform_trial import Finding
from lms_plugin.storage.outbox import LTI
from lms_plugin.web.deliveries import condition_words, error_words

FIELDS = (
    "key",
    "issuer",
    "client_id",
    "deployment_ids",
    "authorization_url",
    "key_set_url",
    "token_url",
    "token_audience",
)


def platform_list() -> str:
    """All platforms of any kind, with their condition."""
    actor, shared = whole_office(), context()
    with shared.database.reading() as store:
        found = delivery_list.summaries(store, actor)
    return render_template(
        "platforms.html",
        platforms=found,
        condition_words=condition_words,
        error_words=error_words,
        kind_words=kind_words,
        registration_address=OurAddresses(shared.base_url).registration,
    )


def new_platform() -> ResponseReturnValue:
    """Register an LTI platform by hand; whatever is wrong comes back with all that was typed."""
    actor, shared = whole_office(), context()
    if request.method != "POST":
        return _form_page({}, {})
    form = _typed()

    def register(store: Session) -> str:
        return lti_platforms.register(
            store, actor, shared.check_lms_address, key=form["key"], details=_details(form)
        ).key

    try:
        key = shared.database.transact(register)
    except Malformed as refusal:
        return _form_page(form, platform_wording.field_errors(refusal)), 422
    flash(_("The platform is registered. Enter our addresses there, then test the connection."), "success")
    return redirect(url_for("pages.platform", platform_key=key), 303)


def platform(platform_key: str) -> ResponseReturnValue:
    """One platform; POST changes what an LTI platform is registered with."""
    actor, shared = whole_office(), context()
    if request.method != "POST":
        return _page(actor, platform_key)
    form = {**_typed(), "key": platform_key}
    try:
        shared.database.transact(
            lambda store: lti_platforms.update(
                store, actor, shared.check_lms_address, key=platform_key, details=_details(form)
            )
        )
    except Malformed as refusal:
        return _page(actor, platform_key, form=form, errors=platform_wording.field_errors(refusal)), 422
    flash(_("The changes are saved."), "success")
    return redirect(url_for("pages.platform", platform_key=platform_key), 303)


def try_platform(platform_key: str) -> ResponseReturnValue:
    """Test the connection, step by step; nothing is stored here nor there."""
    actor, shared = whole_office(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        subject = platform_trial.subject_of(store, actor, platform_key)
    # The first key of our own is made here where there is none yet.
    sign = shared.database.transact(lambda store: signer(store, shared.seal, now))
    return _page(actor, platform_key, findings=shared.platform_trial(subject, sign))


def pause_platform(platform_key: str) -> ResponseReturnValue:
    """Send nothing to a platform until somebody resumes it, for a reason that everybody sees."""
    actor, shared = whole_office(), context()
    reason = request.form.get("reason", "").strip()
    if not reason:
        flash(refusal_sentence(Malformed("pause_reason_missing")), "error")
    else:
        shared.database.transact(lambda store: platforms.pause(store, actor, key=platform_key, reason=reason))
        flash(_("%(platform)s is paused. What it is owed waits.", platform=platform_key), "success")
    return redirect(_back(platform_key), 303)


def resume_platform(platform_key: str) -> ResponseReturnValue:
    """Send to a platform again, beginning at once."""
    actor, shared = whole_office(), context()
    shared.database.transact(lambda store: platforms.resume(store, actor, key=platform_key))
    flash(_("%(platform)s is served again, beginning now.", platform=platform_key), "success")
    return redirect(_back(platform_key), 303)


def confirm_platform(platform_key: str) -> ResponseReturnValue:
    """Confirm or discard what a platform has registered by itself; then its own window may be closed."""
    actor, shared = whole_office(), context()
    discarded = request.form.get("action") == "discard"
    if discarded:
        shared.database.transact(lambda store: lti_registration.discard(store, actor, platform_key))
        flash(_("The registration is discarded. Remove the tool in the platform as well."), "success")
    else:
        shared.database.transact(lambda store: lti_registration.confirm(store, actor, platform_key))
        flash(_("The registration is confirmed."), "success")
    if request.form.get("closing"):
        return render_template("lti_registered.html", platform_key=platform_key, discarded=discarded)
    if discarded:
        return redirect(url_for("pages.platforms"), 303)
    return redirect(url_for("pages.platform", platform_key=platform_key), 303)


def kind_words(kind: str | None) -> str:
    """How a platform hears of completions."""
    kinds = {
        "completion": _("Open edX completion"),
        "lti": "LTI 1.3",
        "lrs": "xAPI",
    }
    return str(kinds.get(kind or "", "–"))


def whole_office() -> Actor:
    """The actor, where it is somebody of the office who answers for every region: platforms concern all of them."""
    actor = current_actor()
    access.require_whole_office(actor)
    return actor


def _page(
    actor: Actor,
    platform_key: str,
    *,
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    findings: tuple[Finding, ...] = (),
) -> str:
    shared = context()
    with shared.database.reading() as store:
        summary = next(
            (one for one in delivery_list.summaries(store, actor) if one.key == platform_key and one.is_registered),
            None,
        )
        if summary is None:
            raise NotFound(what="platform", key=platform_key)
        lti = lti_platforms.get(store, actor, platform_key) if summary.kind == LTI else None
        base_url = platforms.base_url_of(store, actor, platform_key)
        has_rosters = platform_key in lti_rosters.platforms_with_rosters(store, actor)
    return render_template(
        "platform.html",
        platform=summary,
        base_url=base_url,
        has_rosters=has_rosters,
        lti=lti,
        form=form or (_form_of(lti) if lti else {}),
        errors=errors or {},
        findings=findings,
        ours=OurAddresses(shared.base_url),
        closing=bool(request.args.get("closing")),
        condition_words=condition_words,
        error_words=error_words,
        kind_words=kind_words,
        lti_words=platform_wording,
        limits=lti_platforms,
    )


def _form_page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "platform_new.html",
        form={name: form.get(name, "") for name in FIELDS},
        errors=errors,
        ours=OurAddresses(context().base_url),
        limits=lti_platforms,
    )


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in FIELDS}


def _details(form: Mapping[str, str]) -> LtiDetails:
    return LtiDetails(
        issuer=form["issuer"],
        client_id=form["client_id"],
        authorization_url=form["authorization_url"],
        key_set_url=form["key_set_url"],
        token_url=form["token_url"],
        token_audience=form["token_audience"],
        deployment_ids=tuple(form["deployment_ids"].splitlines()),
    )


def _form_of(platform: LtiPlatformView) -> dict[str, str]:
    details = platform.details
    return {
        "key": platform.key,
        "issuer": details.issuer,
        "client_id": details.client_id,
        "deployment_ids": "\n".join(details.deployment_ids),
        "authorization_url": details.authorization_url,
        "key_set_url": details.key_set_url,
        "token_url": details.token_url,
        "token_audience": details.token_audience,
    }


def _back(platform_key: str) -> str:
    """Where the button stood: on the list of deliveries, or on the platform's own page."""
    if request.form.get("from") == "deliveries":
        return url_for("pages.deliveries")
    return url_for("pages.platform", platform_key=platform_key)
