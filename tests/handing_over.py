"""Hand-overs as an LMS's server signs them, right ones and forged ones."""

import uuid
from datetime import datetime, timedelta

import jwt

from lms_plugin.domain.handover import Purpose
from lms_plugin.services import handover_keys
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.storage.outbox import COMPLETION, Platform
from lms_plugin.storage.session import Database

MODULE = "rural/reading"
ORIGIN = "https://lms.example.org"


def add_platform(database: Database, seal: Seal, key: str = "openedx", kind: str = COMPLETION) -> str:
    """A platform that may hand over; gives its secret."""
    with database.writing() as session:
        session.add(Platform(key=key, base_url=ORIGIN, client_id="worker", sealed_secret=b"", kind=kind))
        session.flush()
        return handover_keys.draw(session, CONSOLE, seal, key) if kind == COMPLETION else ""


def claims_at(now: datetime, purpose: Purpose = Purpose.OPEN, **changes: object) -> dict[str, object]:
    """Claims that hold at a moment; `changes` replace some, None leaves one out."""
    claims: dict[str, object] = {
        "aud": purpose,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=60)).timestamp()),
        "jti": str(uuid.uuid4()),
        "sub": "42",
        "name": "王丽",
        "username": "wang.li",
        "course_key": "course-v1:A+B+2026",
        "usage_key": "block-v1:A+B+2026+type@lms_plugin+block@one",
        "module_key": MODULE,
        "locale": "en",
        "frame_origins": [],
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def sign(secret: str, claims: dict[str, object], *, kid: str | None = "openedx", algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": kid} if kid is not None else None)
