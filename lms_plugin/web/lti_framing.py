"""What the pages of launches share: who may show them in a frame, where a request comes from, and refusals."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import structlog
from flask import Response, make_response, render_template, request

from lms_plugin.domain.errors import Refusal
from lms_plugin.http.context import context
from lms_plugin.http.security import framed_by, policy
from lms_plugin.http.wording import refusal_sentence

_log = structlog.get_logger(__name__)


def in_frames_of(response: Response, origins: Iterable[str]) -> Response:
    """Let pages of these origins show the answer in a frame; every other answer of the service lets none."""
    response.headers["Content-Security-Policy"] = framed_by(policy(context().media_base_url), dict.fromkeys(origins))
    return response


def sender_origin() -> str | None:
    """The origin of the page that sent the request, as far as the browser says."""
    sender = request.headers.get("Origin") or request.headers.get("Referer")
    if sender is None or sender == "null":
        return None
    try:
        parts = urlsplit(sender)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else None


def fills_a_window() -> bool:
    """Whether the browser says that the answer fills a window of its own, and not a frame in another page."""
    return request.headers.get("Sec-Fetch-Dest") == "document"


def refused_page(refusal: Refusal, status: int, origins: Iterable[str] = ()) -> Response:
    """The one page of a refused launch or ticket, with its reason in the log; `origins` may show it in a frame."""
    details = {name: str(value) for name, value in refusal.params.items()}
    _log.warning("lti launch refused", reason=refusal.code, address=request.remote_addr, **details)
    page = render_template("lti_refused.html", code=refusal.code, sentence=refusal_sentence(refusal))
    return in_frames_of(make_response(page, status), origins)


def platform_name(base_url: str, key: str) -> str:
    """What people may know a platform by: its host."""
    return urlsplit(base_url).hostname or key
