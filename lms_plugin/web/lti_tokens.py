"""What pages in a frame carry instead of a session: signed, readable, and good for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from lms_plugin.http.context import context

LIFETIME = timedelta(hours=1)
_EXPIRES = "expires"


def sign(purpose: str, content: Mapping[str, Any], *, lifetime: timedelta = LIFETIME) -> str:
    """A token that only this service can have made, for one purpose."""
    expires = int((context().clock() + lifetime).timestamp())
    return str(_serializer(purpose).dumps({**content, _EXPIRES: expires}))


def read(purpose: str, token: str, now: datetime) -> dict[str, Any] | None:
    """What `sign` was given; None for a token that was changed, is for another purpose, or ran out."""
    try:
        content = _serializer(purpose).loads(token)
    except BadSignature:
        return None
    return content if isinstance(content, dict) and content[_EXPIRES] > now.timestamp() else None


def _serializer(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"lms-plugin: {purpose}")
