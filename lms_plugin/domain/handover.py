"""A hand-over: what an LMS's server says, signed, of a learner who comes to us from one of its course pages.

The signature is checked elsewhere (services/handovers.py); here is what must stand under it (RFC 7519, 4.1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from lms_plugin.domain.errors import Refusal

LIFETIME = timedelta(seconds=120)
"""No hand-over is valid for longer than this: who asks for more is refused."""
SKEW = timedelta(minutes=5)
"""How far an LMS's clock may be from ours."""
KEPT_FOR = LIFETIME + 2 * SKEW
"""How long a `jti` is remembered from when it came: longer than any hand-over that bears it can be taken."""
ORIGINS_LIMIT = 5
LIMITS = {"sub": 255, "jti": 64, "name": 255, "username": 150, "course_key": 255, "usage_key": 255, "module_key": 130}
"""Characters of each claim."""

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?", re.ASCII)
_MODULE = re.compile(r"([a-z0-9][a-z0-9_-]*)/([a-z0-9][a-z0-9_-]*)", re.ASCII)


class Purpose(StrEnum):
    """What a hand-over is for (its `aud`); one for another purpose is refused."""

    OPEN = "lms-plugin:open"
    STANDING = "lms-plugin:standing"
    MODULES = "lms-plugin:modules"


class HandoverRefused(Refusal):
    """It is not what its platform's server signed for this purpose; `why` is for the log, not for the person."""

    code = "handover_refused"
    kind = "forbidden"


class HandoverExpired(HandoverRefused):
    """It was signed too long ago."""

    code = "handover_expired"


class HandoverRepeated(HandoverRefused):
    """It has been used: each serves once."""

    code = "handover_repeated"


@dataclass(frozen=True, slots=True)
class Handover:
    """The claims of a hand-over that holds. Without a learner (`subject` empty) it may only list modules.

    `frame_origins` are the origins of the LMS's own pages around ours, `module` is (programme key, module key).
    """

    jti: str
    subject: str
    username: str
    name: str
    course_key: str
    usage_key: str
    module: tuple[str, str] | None
    language: str
    frame_origins: tuple[str, ...]


def read_claims(claims: Mapping[str, object], purpose: Purpose, now: datetime) -> Handover:
    """The claims under a good signature, as a hand-over for a purpose.

    Raises:
        HandoverExpired: its time is over.
        HandoverRefused: a claim is missing, of the wrong form, for another purpose or another time.
    """
    if claims.get("aud") != purpose:
        raise HandoverRefused(why="aud")
    _check_times(claims, now)
    texts = {name: _text(claims, name) for name in LIMITS}
    if len(texts["jti"]) < 16:
        raise HandoverRefused(why="jti")
    module = _MODULE.fullmatch(texts["module_key"])
    if purpose is not Purpose.MODULES:
        if not texts["sub"]:
            raise HandoverRefused(why="sub")
        if module is None:
            raise HandoverRefused(why="module_key")
    return Handover(
        jti=texts["jti"],
        subject=texts["sub"],
        username=texts["username"],
        name=texts["name"],
        course_key=texts["course_key"],
        usage_key=texts["usage_key"],
        module=(module[1], module[2]) if module is not None else None,
        language="en" if str(claims.get("locale") or "").lower().startswith("en") else "zh",
        frame_origins=_origins(claims.get("frame_origins", [])),
    )


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    issued_at, expires_at = _instant(claims, "iat"), _instant(claims, "exp")
    if not timedelta(0) < expires_at - issued_at <= LIFETIME:
        raise HandoverRefused(why="exp")
    if issued_at > now + SKEW:
        raise HandoverRefused(why="iat")
    if now >= expires_at + SKEW:
        raise HandoverExpired(why="exp")


def _instant(claims: Mapping[str, object], name: str) -> datetime:
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise HandoverRefused(why=name)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as fault:
        raise HandoverRefused(why=name) from fault


def _text(claims: Mapping[str, object], name: str) -> str:
    found = claims.get(name, "")
    if not isinstance(found, str) or len(found) > LIMITS[name] or "\x00" in found:
        raise HandoverRefused(why=name)
    return found


def _origins(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > ORIGINS_LIMIT:
        raise HandoverRefused(why="frame_origins")
    for one in found:
        if not isinstance(one, str) or not _ORIGIN.fullmatch(one):
            raise HandoverRefused(why="frame_origins")
    return tuple(found)
