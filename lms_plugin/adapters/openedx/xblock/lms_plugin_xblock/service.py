"""The service behind the block: where it is, what is signed for it, and what it answers to this server."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

LIFETIME_SECONDS = 60
TIMEOUT_SECONDS = 5
LONGEST_ANSWER = 1_000_000
ALGORITHM = "HS256"

OPEN, STANDING, MODULES = "lms-plugin:open", "lms-plugin:standing", "lms-plugin:modules"
"""What a hand-over is for: its `aud`."""


class NotConfigured(Exception):
    """The server's settings do not say where the service is, or with what to sign."""


class Away(Exception):
    """The service cannot be reached, or gives no answer that makes sense."""


class Refused(Exception):
    """The service says no; the text is its own, in the language that was asked for."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Learner:
    """Who is in front of the page, as this server knows them. `subject` never changes for one person."""

    subject: str
    username: str = ""
    name: str = ""


NOBODY = Learner("")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which course the block is."""

    course_key: str
    usage_key: str


@dataclass(frozen=True, slots=True)
class Service:
    """The service and the secret shared with it; the secret never leaves this server."""

    address: str
    platform_key: str
    secret: str = field(repr=False)
    frame_origins: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], frame_origins: tuple[str, ...] = ()) -> "Service":
        """The service that server settings name.

        Raises:
            NotConfigured: something is missing, or the address is none.
        """
        address, key, secret = (str(settings.get(name) or "") for name in ("SERVICE_URL", "PLATFORM_KEY", "SECRET"))
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or not key or not secret:
            raise NotConfigured
        own = tuple(str(one) for one in settings.get("FRAME_ORIGINS") or ())
        return cls(address.rstrip("/"), key, secret, tuple(dict.fromkeys((*own, *frame_origins)))[:5])

    @property
    def open_address(self) -> str:
        """Where a browser posts a hand-over to."""
        return f"{self.address}/xblock/open"

    def hand_over(
        self, purpose: str, language: str, now: float, *, place: Place, learner: Learner = NOBODY, module_key: str = ""
    ) -> str:
        """A signed hand-over (a JWT, RFC 7519) that serves once, for a minute from `now` (seconds since 1970)."""
        claims: dict[str, Any] = {
            "aud": purpose,
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
            "jti": uuid.uuid4().hex,
            "sub": learner.subject,
            "username": learner.username,
            "name": learner.name[:255],
            "course_key": place.course_key[:255],
            "usage_key": place.usage_key[:255],
            "module_key": module_key,
            "locale": language,
            "frame_origins": list(self.frame_origins),
        }
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM, headers={"kid": self.platform_key})

    def standing(self, language: str, now: float, *, place: Place, learner: Learner, module_key: str) -> Any:
        """How a learner stands in a module.

        Raises:
            Away, Refused
        """
        token = self.hand_over(STANDING, language, now, place=place, learner=learner, module_key=module_key)
        return self._get("/api/v1/xblock/standing", token, language)

    def modules(self, words: str, language: str, now: float, *, place: Place) -> list[Any]:
        """The modules with all these words in their titles or keys.

        Raises:
            Away, Refused
        """
        token = self.hand_over(MODULES, language, now, place=place)
        found = self._get(f"/api/v1/xblock/modules?{urlencode({'q': words[:200]})}", token, language)
        return list(found["modules"])

    def _get(self, path: str, token: str, language: str) -> Any:
        """The service's answer. A redirect is none: what is signed goes to the service alone."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Language": language}
        parts = urlsplit(self.address + path)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read(LONGEST_ANSWER + 1)
        except (OSError, HTTPException) as fault:
            raise Away(str(fault)) from fault
        finally:
            connection.close()
        if 400 <= status < 500:
            said = _json(content)
            raise Refused(str(said.get("code", "")), str(said.get("detail", "")))
        if status != 200:
            raise Away(f"status {status}")
        return _json(content)


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content) if len(content) <= LONGEST_ANSWER else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Away("no JSON object")
    return found
