"""Signing in this tool's name: deep linking answers, and assertions for access tokens."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import jwt
from sqlalchemy.orm import Session

from lms_plugin.services import lti_keys
from lms_plugin.services.platforms import Seal

Sign = Callable[[dict[str, Any]], str]
"""A JWT (RS256) of these claims, signed with this tool's key."""


def signer(session: Session, seal: Seal, now: datetime) -> Sign:
    """Signs with the key of the moment, which platforms find in our key set by its `kid`."""
    key = lti_keys.signing_key(session, seal, now)

    def sign(claims: dict[str, Any]) -> str:
        return jwt.encode(claims, key.private_key_pem, algorithm="RS256", headers={"kid": key.kid})

    return sign
