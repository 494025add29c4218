"""Errors, mapped once: a refusal becomes problem details (RFC 9457) on the JSON side and a page elsewhere."""

from typing import Any

import structlog
from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from lms_plugin.domain.errors import Malformed, NotAuthenticated, Refusal, Throttled, Unavailable
from lms_plugin.http.identity import leave_unknown
from lms_plugin.http.wording import refusal_sentence

API = "/api/"
STATUS = {
    "malformed": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "missing": 404,
    "conflict": 409,
    "too_large": 413,
    "throttled": 429,
    "unavailable": 503,
}
RETRY_AFTER_SECONDS = 10
_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
}
_log = structlog.get_logger(__name__)


def install(app: Flask) -> None:
    """Answer every refusal and HTTP error of the application."""
    app.register_error_handler(Refusal, _on_refusal)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(RateLimitExceeded, _on_limit)
    app.register_error_handler(Exception, _on_fault)


def problem(
    status: int, code: str, detail: str, *, faults: list[Any] | None = None, retry_after: int | None = None
) -> Response:
    """An application/problem+json answer with a stable code and a sentence in the person's language."""
    body: dict[str, Any] = {"type": "about:blank", "status": status, "code": code, "title": detail, "detail": detail}
    if faults:
        body["faults"] = faults
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _on_refusal(refusal: Refusal) -> ResponseReturnValue:
    status = STATUS[refusal.kind]
    retry_after = None
    if isinstance(refusal, Unavailable):
        # The answer is made without the store: whoever asks for the person now would fail like the request did.
        leave_unknown()
        _log.warning("unavailable", **{name: str(value) for name, value in refusal.params.items()})
        retry_after = RETRY_AFTER_SECONDS
    if isinstance(refusal, Throttled):
        retry_after = int(str(refusal.params.get("retry_after_seconds", RETRY_AFTER_SECONDS)))
    faults = refusal.params.get("faults") if isinstance(refusal, Malformed) else None
    if isinstance(refusal, NotAuthenticated) and not _is_for_programs() and request.endpoint != "pages.login":
        return redirect(url_for("pages.login", next=request.full_path.rstrip("?")))
    return _answer(
        status,
        refusal.code,
        refusal_sentence(refusal),
        faults=list(faults) if isinstance(faults, list | tuple) else None,
        retry_after=retry_after,
    )


def _on_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response
    status = error.code or 500
    if status < 400:
        return error.get_response()
    return _answer(status, _CODES.get(status, "error"), _sentence_for(status))


def _on_limit(error: RateLimitExceeded) -> ResponseReturnValue:
    return _answer(429, "throttled", _sentence_for(429), retry_after=60)


def _on_fault(error: Exception) -> ResponseReturnValue:
    _log.error("request failed", path=request.path, exc_info=error)
    return _answer(500, "internal_error", _sentence_for(500))


def _answer(
    status: int, code: str, detail: str, *, faults: list[Any] | None = None, retry_after: int | None = None
) -> ResponseReturnValue:
    if _is_for_programs():
        return problem(status, code, detail, faults=faults, retry_after=retry_after)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return render_template("error.html", status=status, code=code, detail=detail), status, headers


def _is_for_programs() -> bool:
    return request.path.startswith(API)


def _sentence_for(status: int) -> str:
    sentences = {
        400: _("The request could not be understood."),
        401: _("Please sign in."),
        403: _("You may not do this."),
        404: _("There is nothing at this address, or it is not yours to see."),
        405: _("This address does not take that kind of request."),
        413: _("What you sent is too large."),
        415: _("This kind of content is not accepted here."),
        429: _("Too many attempts. Please wait a minute and try again."),
        503: _("The service is not available at the moment. Nothing was lost; please try again soon."),
    }
    return sentences.get(status, _("Something went wrong on our side. It has been noted; please try again."))
