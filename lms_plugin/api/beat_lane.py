"""A lane of its own for beats: what a whole audience sends every half minute does not queue at the front desk.

A plain beat (small, well-formed, of somebody signed in, with nothing unusual in its answer) is taken and answered here,
in front of the web framework. Everything else goes on to the application as if it had never been looked at: a beat that
was refused changed nothing, and one that was taken gets its answer again, so asking twice is safe. Both ways use the
same reading, the same service and the same rendering.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hmac import compare_digest
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer
from prometheus_client import CollectorRegistry, Histogram

from lms_plugin.api.description import PREFIX
from lms_plugin.api.playback import page_sender, read_beat, read_unanswered, rendered
from lms_plugin.domain.errors import Malformed, Refusal
from lms_plugin.http.security import SIGNED_IN
from lms_plugin.services.beats import BeatSent, BeatTaker, Sender

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_BODY = 16 * 1024
_ADDRESS = re.compile(re.escape(PREFIX) + r"/playback-sessions/([A-Za-z0-9_-]{1,32})/beats")
_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class BeatLane:
    """WSGI middleware in front of the application."""

    def __init__(
        self,
        app: Flask,
        behind: "WSGIApplication",
        beats: BeatTaker,
        clock: Callable[[], datetime],
        *,
        headers: Sequence[tuple[str, str]],
        registry: CollectorRegistry,
    ) -> None:
        self._behind = behind
        self._beats = beats
        self._clock = clock
        self._cookie_name = f"{app.config['SESSION_COOKIE_NAME']}="
        self._max_age = int(app.permanent_session_lifetime.total_seconds())
        interface = app.session_interface
        signed = interface if isinstance(interface, SecureCookieSessionInterface) else None
        cookies = signed.get_signing_serializer(app) if signed is not None else None
        if cookies is None:
            raise TypeError("sessions are not kept in a signed cookie")
        self._cookies = cookies
        self._csrf = URLSafeTimedSerializer(app.secret_key or "", salt="wtf-csrf-token")
        always = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Vary", "Cookie")]
        self._headers = [*always, *headers]
        self._seconds = Histogram(
            "lms_beat_seconds",
            "From a plain beat's arrival to its answer",
            buckets=_BUCKETS,
            registry=registry,
        )

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            found = _ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
            if found is not None:
                began = perf_counter()
                answer = self._answer(environ, found[1])
                if answer is not None:
                    start_response("200 OK", [*self._headers, ("Content-Length", str(len(answer)))])
                    self._seconds.observe(perf_counter() - began)
                    return [answer]
        return self._behind(environ, start_response)

    def _answer(self, environ: "WSGIEnvironment", playback_session_id: str) -> bytes | None:
        """The answer to a plain beat; None for whatever the application has to look at."""
        length = environ.get("CONTENT_LENGTH", "")
        if not length.isdecimal() or not 0 < int(length) <= LARGEST_BODY:
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        sender = self._sender(environ)
        if sender is None or len(body) < int(length):
            return None
        try:
            content = json.loads(body)
            seq, claims = read_beat(content)
            sent = BeatSent(sender, playback_session_id, seq, claims, self._clock(), read_unanswered(content))
            found = self._beats.take(sent)
        except (ValueError, RecursionError, Malformed, Refusal):
            return None
        return None if found.check is not None else rendered(found, None)

    def _sender(self, environ: "WSGIEnvironment") -> Sender | None:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme:
            return Sender.with_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
        for part in environ.get("HTTP_COOKIE", "").split(";"):
            name = part.strip()
            if name.startswith(self._cookie_name):
                return self._page(name[len(self._cookie_name) :], environ.get("HTTP_X_CSRFTOKEN", ""))
        return None

    def _page(self, cookie: str, token: str) -> Sender | None:
        """Whose page sent a beat, where its cookie is ours and its CSRF token is the cookie's."""
        try:
            kept: dict[str, Any] = self._cookies.loads(cookie, max_age=self._max_age)
            ours = self._csrf.loads(token)
        except BadSignature:
            return None
        theirs = kept.get("csrf_token")
        if not isinstance(ours, str) or not isinstance(theirs, str) or not compare_digest(ours, theirs):
            return None
        return page_sender(str(kept.get(SIGNED_IN, "")))
