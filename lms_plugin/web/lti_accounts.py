"""Linking: whoever comes from a platform for the first time says which account here is theirs.

A link lets whoever is that subject on the platform in as that person from then on. So one click is enough only where
this very browser began the launch; where that is not known, the account's password is asked for.
"""

from typing import Any

import structlog
from flask import Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from lms_plugin.domain.errors import Conflict, NotAuthenticated
from lms_plugin.domain.lti_claims import LaunchRefused
from lms_plugin.http.context import context
from lms_plugin.http.identity import begin_page_session, check_password, current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import lti_accounts
from lms_plugin.services import lti_launching as launching
from lms_plugin.services.access import Actor
from lms_plugin.storage.outbox import Platform
from lms_plugin.web import lti_tokens
from lms_plugin.web.addresses import comes_from_here
from lms_plugin.web.lti_arrivals import SUBJECT_PURPOSE
from lms_plugin.web.lti_framing import platform_name, refused_page

_log = structlog.get_logger(__name__)


def account() -> ResponseReturnValue:
    """In a window of its own: is this you, or sign in once. Opened by the page in the platform's frame."""
    subject = _subject()
    if subject is None:
        return refused_page(LaunchRefused("lti_page_too_old"), 400)
    # Another site's page can have a browser send a subject of its own; what it says of the browser is not believed.
    proven = subject["bound"] or launching.is_right_secret(request.form.get("proof"), subject["browser"])
    subject["bound"] = bool(proven and comes_from_here())
    return _page(subject)


def link() -> ResponseReturnValue:
    """Link the subject with whoever is signed in, or with whoever's password was given, and go on."""
    subject = _subject()
    if subject is None:
        return refused_page(LaunchRefused("lti_page_too_old"), 400)
    if "password" not in request.form:
        if not subject["bound"]:
            return _page(subject)
        return _link(current_actor(), subject) or redirect(subject["target"], 303)
    try:
        verified = check_password(request.form.get("login", ""), request.form["password"])
    except NotAuthenticated as refusal:
        return _page(subject, error=refusal_sentence(refusal)), 401
    refused = _link(verified.actor, subject)
    if refused is not None:
        return refused
    begin_page_session(verified.actor, verified.sign_in_epoch)
    return redirect(subject["target"], 303)


def _link(actor: Actor, subject: dict[str, Any]) -> Response | None:
    """Link; gives the page of the refusal where it may not be."""
    shared = context()
    platform_id, now = int(subject["platform_id"]), shared.clock()
    try:
        shared.database.transact(lambda store: lti_accounts.link(store, actor, platform_id, subject["subject"], now))
    except Conflict as refusal:
        return refused_page(refusal, 409)
    _log.info("lti account linked", user_id=actor.user_id, platform_id=platform_id)
    return None


def _subject() -> dict[str, Any] | None:
    return lti_tokens.read(SUBJECT_PURPOSE, request.form.get("subject", ""), context().clock())


def _page(subject: dict[str, Any], *, error: str | None = None) -> str:
    with context().database.reading() as store:
        platform = store.get_one(Platform, int(subject["platform_id"]))
    return render_template(
        "lti_account.html",
        name=subject["name"],
        platform=platform_name(platform.base_url, platform.key),
        token=lti_tokens.sign(SUBJECT_PURPOSE, subject),
        asks=bool(subject["bound"] and current_user.is_authenticated and request.form.get("other") is None),
        login=request.form.get("login", ""),
        error=error,
    )
