"""Headers of every answer, the CSRF rule, and the throttling of sign-ins."""

from collections.abc import Callable, Iterable, Mapping

from flask import Flask, Response, request, session
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, validate_csrf
from wtforms.validators import ValidationError

from lms_plugin.http import framing
from lms_plugin.http.identity import bearer_token
from lms_plugin.services.attachments import MAX_REQUEST_BYTES

POLICY = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; worker-src 'self' blob:; style-src 'self';"
    " script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'self'"
)
# One address trying one account is stopped soon; an account as a whole only when many addresses try it, so that a
# neighbour's guesses do not keep its owner out.
ACCOUNT_FROM_ADDRESS_LIMIT = "10 per minute; 60 per hour"
ACCOUNT_LIMIT = "300 per hour"
ADDRESS_LIMIT = "60 per minute"
MEETING_CODE_LIMIT = "10 per 5 minutes; 60 per hour"
"""Wrong codes of one person at one meeting: two codes of a million are right at a time."""
QUESTION_LIMIT = "20 per 10 minutes; 100 per day"
"""Questions and replies to questions that one learner writes; only what is taken counts."""
LAUNCH_LIMIT = "600 per minute"
"""Launches begun from one address: a whole school, or all schools behind one line, may be a single one."""
REFUSED_LAUNCH_LIMIT = "60 per minute; 600 per hour"
View = Callable[..., ResponseReturnValue]
SIGNED_IN = "_user_id"
"""Where Flask-Login keeps who is signed in. Whether that is still true is for the view to find out."""

TAKES_FILES = frozenset({"pages.new_activity", "pages.activity", "pages.homework"})
"""Endpoints where signed-in people hand in files: more may be sent there than elsewhere."""

_SAFE = {"GET", "HEAD", "OPTIONS"}
_FROM_PLATFORMS = {
    *("pages.lti_login", "pages.lti_launch", "pages.lti_account", "pages.continue_with_ticket"),
    "pages.xblock_open",
}
"""Sent by a platform's page, or by ours in a frame without cookies. What they carry allows them: a state, a signed
token, a ticket; and none does more than show a page where another site may have made the browser send it."""
_SIGNED_ADDRESSES = {"pages.unsubscribe", "pages.lti_picker"}
"""A secret in the address allows it, whoever asks: a mail program that ends e-mail has no token (RFC 8058), and a page
in a frame of another site keeps no cookie that a token could be compared with."""


def make_limiter(*, enabled: bool) -> Limiter:
    return Limiter(get_remote_address, enabled=enabled, storage_uri="memory://", headers_enabled=False)


def throttle_sign_in(limiter: Limiter, view: View) -> View:
    """The view that signs people in, throttled per account and per address; only wrong passwords count."""
    for limit, key in (
        (ACCOUNT_FROM_ADDRESS_LIMIT, lambda: f"{account_tried()} {get_remote_address()}"),
        (ACCOUNT_LIMIT, account_tried),
        (ADDRESS_LIMIT, get_remote_address),
    ):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_was_wrong)(view)
    return view


def throttle_codes(limiter: Limiter, view: View) -> View:
    """A view that takes the code of a meeting, throttled per person and meeting; only wrong codes count."""
    limited: View = limiter.shared_limit(
        MEETING_CODE_LIMIT,
        scope="meeting_codes",
        key_func=_person_at_meeting,
        methods=["POST"],
        deduct_when=lambda response: response.status_code == 422,
    )(view)
    return limited


def throttle_questions(limiter: Limiter, view: View) -> View:
    """A view that takes a learner's question or reply to one, throttled per person; only what is taken counts."""
    limited: View = limiter.shared_limit(
        QUESTION_LIMIT,
        scope="questions",
        key_func=_person,
        methods=["POST"],
        deduct_when=lambda response: response.status_code in (201, 303),
    )(view)
    return limited


def throttle_launches(limiter: Limiter, view: View) -> View:
    """A view that begins launches, throttled per address."""
    limited: View = limiter.limit(LAUNCH_LIMIT, key_func=get_remote_address)(view)
    return limited


def throttle_refused_launches(limiter: Limiter, view: View) -> View:
    """A view that ends launches, throttled per address; only refused ones count."""
    limited: View = limiter.limit(
        REFUSED_LAUNCH_LIMIT, key_func=get_remote_address, deduct_when=lambda response: response.status_code >= 400
    )(view)
    return limited


def _person() -> str:
    return f"person {current_user.user_id}" if current_user.is_authenticated else str(get_remote_address())


def _person_at_meeting() -> str:
    person = current_user.user_id if current_user.is_authenticated else get_remote_address()
    return f"meeting:{(request.view_args or {}).get('meeting_id')} {person}"


def _check_token(csrf: CSRFProtect) -> None:
    """Check the CSRF token of the request's form or header; of its JSON, where a page that is going left a beacon."""
    content = request.get_json(silent=True) if request.is_json and "X-CSRFToken" not in request.headers else None
    token = content.get("csrf_token") if isinstance(content, Mapping) else None
    if token is None:
        csrf.protect()
        return
    try:
        validate_csrf(token)
    except ValidationError as fault:
        raise CSRFError(str(fault)) from fault


def account_tried() -> str:
    """The account a sign-in is tried for."""
    body = request.get_json(silent=True) if request.is_json else request.form
    login = body.get("login", "") if isinstance(body, Mapping) else ""
    return f"account:{str(login).strip().lower()[:80]}"


def _was_wrong(response: Response) -> bool:
    return response.status_code == 401


def policy(media_base_url: str | None) -> str:
    """The Content-Security-Policy; `media_base_url` is the origin films come from, None for the service itself."""
    if media_base_url is None:
        return POLICY
    return POLICY.replace("media-src 'self'", f"media-src 'self' {media_base_url}").replace(
        "connect-src 'self'", f"connect-src 'self' {media_base_url}"
    )


def framed_by(policy: str, origins: Iterable[str]) -> str:
    """A policy that lets pages of other origins show this one in a frame."""
    return policy.replace("frame-ancestors 'self'", " ".join(("frame-ancestors 'self'", *origins)))


def sending_to(policy: str, origins: Iterable[str]) -> str:
    """A policy that lets the page's forms be sent to other origins."""
    return policy.replace("form-action 'self'", " ".join(("form-action 'self'", *origins)))


def guarding_headers(app: Flask, media_base_url: str | None = None) -> list[tuple[str, str]]:
    """The security headers that every answer has."""
    headers = [
        ("Content-Security-Policy", policy(media_base_url)),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ]
    if app.config["SESSION_COOKIE_SECURE"]:
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    return headers


def install(app: Flask, *, media_base_url: str | None = None) -> None:
    """Check CSRF where a cookie speaks for the person, and set the security headers."""
    csrf = CSRFProtect()
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.config["WTF_CSRF_SSL_STRICT"] = False
    csrf.init_app(app)

    @app.before_request
    def check_csrf() -> None:
        if request.method in _SAFE or request.endpoint in _SIGNED_ADDRESSES | _FROM_PLATFORMS:
            return
        if request.endpoint in TAKES_FILES and SIGNED_IN in session:
            request.max_content_length = MAX_REQUEST_BYTES
        is_page = not request.path.startswith("/api/")
        # An API call is forgeable only where the browser's cookie is what signs it in.
        if is_page or (bearer_token(request) is None and SIGNED_IN in session):
            _check_token(csrf)

    guards = guarding_headers(app, media_base_url)

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        for name, value in guards:
            headers.setdefault(name, value)
        if response.mimetype == "text/html" and (origins := framing.origins()):
            headers["Content-Security-Policy"] = framed_by(headers["Content-Security-Policy"], origins)
        if request.path.startswith("/static/vendor/") and response.status_code == 200:
            # Their addresses carry the version; everything else under /static is asked for again (ETag).
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if not request.path.startswith(("/static/", "/media/")):
            headers.setdefault("Cache-Control", "no-store")
        return response
