"""Headers of every answer, the CSRF rule, and the throttling of sign-ins."""

from collections.abc import Callable, Mapping

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect

from lms_plugin.http.identity import bearer_token

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
View = Callable[..., ResponseReturnValue]
_SAFE = {"GET", "HEAD", "OPTIONS"}


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


def account_tried() -> str:
    """The account a sign-in is tried for."""
    body = request.get_json(silent=True) if request.is_json else request.form
    login = body.get("login", "") if isinstance(body, Mapping) else ""
    return f"account:{str(login).strip().lower()[:80]}"


def _was_wrong(response: Response) -> bool:
    return response.status_code == 401


def install(app: Flask) -> None:
    """Check CSRF where a cookie speaks for the person, and set the security headers."""
    csrf = CSRFProtect()
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.config["WTF_CSRF_SSL_STRICT"] = False
    csrf.init_app(app)

    @app.before_request
    def check_csrf() -> None:
        if request.method in _SAFE:
            return
        is_page = not request.path.startswith("/api/")
        # An API call is forgeable only where the browser's cookie is what signs it in.
        if is_page or (bearer_token(request) is None and current_user.is_authenticated):
            csrf.protect()

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if app.config["SESSION_COOKIE_SECURE"]:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.path.startswith("/static/vendor/") and response.status_code == 200:
            # Their addresses carry the version; everything else under /static is asked for again (ETag).
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if not request.path.startswith(("/static/", "/media/")):
            headers.setdefault("Cache-Control", "no-store")
        return response
