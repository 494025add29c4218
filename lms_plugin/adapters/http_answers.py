"""Reads what any platform answers over HTTP: its words, its wish for a pause, and which refusal a status stands for."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from lms_plugin.adapters.guarded_http import HttpAnswer
from lms_plugin.services.ports import WORDS_LIMIT, RefusalCode, Refused

LONGEST_PAUSE_SECONDS = 86_400
PASSING_STATUSES = frozenset({408, 425, 429})
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")

# Where platforms put their words: Django REST framework, Open edX, OAuth2 (RFC 6749, 5.2), and Canvas.
WORDS_NAMES = ("detail", "developer_message", "error_description", "error", "field_errors", "errors")


def on_one_line(text: str) -> str:
    """Words fit to be kept and shown: one line, no control characters, at most 500 characters."""
    return UNPRINTABLE.sub(" ", text).strip()[:WORDS_LIMIT]


def platform_words(answer: HttpAnswer) -> str:
    """What the platform said; the bare status where it said nothing a person could use."""
    said = answer.json_object()
    for name in WORDS_NAMES:
        words = _messages(said.get(name)) if name == "errors" else said.get(name)
        if words:
            return on_one_line(words if isinstance(words, str) else json.dumps(words, default=str))
    try:
        return f"HTTP {answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return f"HTTP {answer.status}"


def _messages(errors: object) -> object:
    """The messages in one error or several, as Canvas says them; else what stands there."""
    several = errors if isinstance(errors, list) else [errors]
    messages = [one.get("message") for one in several if isinstance(one, dict)]
    return "; ".join(one for one in messages if isinstance(one, str) and one) or errors


def is_passing(answer: HttpAnswer) -> bool:
    """Whether the same request may well be taken later: a fault of the server or its load, not of the request."""
    return answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in PASSING_STATUSES


def retry_after_seconds(header: str | None, now: datetime) -> int | None:
    """Read Retry-After (RFC 9110, 10.2.3: seconds or a date) as whole seconds from `now`, at most a day."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), LONGEST_PAUSE_SECONDS)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:  # a date that says "-0000" instead of "GMT"
        until = until.replace(tzinfo=UTC)
    return min(max(0, round((until - now).total_seconds())), LONGEST_PAUSE_SECONDS)


def refusal_of_any(answer: HttpAnswer) -> Refused:
    """Which refusal a status stands for at any address of the platform."""
    words = platform_words(answer)
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        target = answer.headers.get("location", "nowhere")
        return Refused(RefusalCode.BAD_ADDRESS, on_one_line(f"{words}: leads to {target}, not followed"))
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE):
        return Refused(RefusalCode.BAD_ADDRESS, words)
    if answer.status == HTTPStatus.FORBIDDEN:
        return Refused(RefusalCode.NOT_PERMITTED, words)
    return Refused(RefusalCode.REJECTED, words)
