"""The addresses that LTI platforms send browsers to: login, launch, and our key set.

A launch arrives in a frame of the platform's page, where no cookie of ours may be kept. Nothing here depends on one:
what a cookie or the platform's storage adds is to know that the browser that ends a launch is the one that began it.
"""

from flask import Response, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from lms_plugin.domain.lti_claims import LaunchRefused
from lms_plugin.http.context import context
from lms_plugin.services import lti_keys
from lms_plugin.services import lti_launching as launching
from lms_plugin.services.lti_launching import Begun, LoginRequest
from lms_plugin.web import lti_arrivals
from lms_plugin.web.lti_framing import in_frames_of, refused_page, sender_origin

BROWSER_COOKIE = "lti_browser"
BROWSER_COOKIE_SECONDS = 86_400
KEY_SET_SECONDS = 600
_INCOMPLETE = {"lti_login_incomplete", "lti_state_missing", "lti_token_missing", "lti_token_unreadable"}


def login() -> ResponseReturnValue:
    """Third-party initiated login (GET or POST): send the browser back to its platform, to be told who it is."""
    shared, values = context(), request.values
    wanted = LoginRequest(
        issuer=values.get("iss", ""),
        login_hint=values.get("login_hint", ""),
        target_link_uri=values.get("target_link_uri", ""),
        client_id=values.get("client_id"),
        deployment_id=values.get("lti_deployment_id"),
        message_hint=values.get("lti_message_hint"),
    )
    held, now = request.cookies.get(BROWSER_COOKIE), shared.clock()
    try:
        begun = shared.database.transact(
            lambda store: launching.begin(store, wanted, shared.base_url, now, browser_secret=held)
        )
    except LaunchRefused as refusal:
        return _refused(refusal, wanted.issuer)
    response = _on_to_platform(begun, values.get("lti_storage_target", ""))
    _keep_in_browser(response, begun)
    return response


def launch() -> ResponseReturnValue:
    """The platform's answer: an id_token is believed or refused, and whoever it is goes on from here."""
    shared, form = context(), request.form
    now, token = shared.clock(), form.get("id_token", "")
    try:
        began = shared.database.transact(lambda store: launching.take_login(store, form.get("state", ""), now))
        if "error" in form:
            said = f"{form['error'][:100]} {form.get('error_description', '')[:300]}"
            raise LaunchRefused("lti_platform_refused", said=said.strip())
        believed = launching.believe(shared.platform_keys, began, token, shared.base_url, now)
        arrival = shared.database.transact(
            lambda store: launching.arrive(store, began.platform_id, believed, began.nonce, now)
        )
    except LaunchRefused as refusal:
        return _refused(refusal, launching.issuer_said(token))
    is_bound = began.is_of_browser(request.cookies.get(BROWSER_COOKIE))
    return lti_arrivals.answer(arrival, is_bound=is_bound, browser_digest=began.browser_digest)


def key_set() -> ResponseReturnValue:
    """The public keys that platforms check our signatures with (RFC 7517)."""
    shared = context()
    now = shared.clock()
    with shared.database.reading() as store:
        found = lti_keys.key_set(store, now)
    if not found["keys"]:
        # The first to ask: a platform reads the set when it is registered, before anything was signed.
        shared.database.transact(lambda store: lti_keys.signing_key(store, shared.seal, now))
        with shared.database.reading() as store:
            found = lti_keys.key_set(store, now)
    response = jsonify(found)
    response.headers["Cache-Control"] = f"public, max-age={KEY_SET_SECONDS}"
    return response


def _on_to_platform(begun: Begun, storage_target: str) -> Response:
    """Send the browser on; by way of a page that leaves a secret in the platform's storage, where it offers one.

    That page has to be shown in the platform's frame: where the frame seems to be of another origin than those
    registered, the browser is sent on at once.
    """
    shared = context()
    if storage_target:
        with shared.database.reading() as store:
            known = launching.origins(store, begun.platform_id)
        if sender_origin() in known:
            (origin,) = launching.origins_of(begun.authorization_url)
            page = render_template("lti_begin.html", begun=begun, storage_target=storage_target[:100], origin=origin)
            return in_frames_of(make_response(page), known)
    return make_response(redirect(begun.redirect_to))


def _keep_in_browser(response: Response, begun: Begun) -> None:
    """Give the browser something to be known by when it comes back; in a frame it may keep it per platform (CHIPS)."""
    is_https = context().base_url.startswith("https://")
    response.set_cookie(
        BROWSER_COOKIE,
        begun.browser_secret,
        max_age=BROWSER_COOKIE_SECONDS,
        path="/lti",
        httponly=True,
        secure=is_https,
        samesite="None" if is_https else "Lax",
        partitioned=is_https,
    )


def _refused(refusal: LaunchRefused, issuer: str) -> ResponseReturnValue:
    """The page of a refusal, shown where the launch says that it came from, where that is a registered platform."""
    with context().database.reading() as store:
        platforms = launching.platforms_named(store, issuer)
        origins = [origin for one in platforms for origin in launching.origins(store, one)]
    return refused_page(refusal, 400 if refusal.code in _INCOMPLETE else 403, origins)
