"""This tool's own keys (IMS Security Framework 1.0, 6.3): what it signs with, and the key set that platforms read.

After a rotation the new key signs at once. The one before it stays published for as long as anything that it signed can
still be on its way, and for platforms that read the key set seldom.
"""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import LtiKey

KEY_BITS, PUBLIC_EXPONENT = 2048, 65537
PUBLISHED_AFTER = timedelta(days=7)
"""How long a key that signs no more stays in the key set."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs at present; the private half as PEM (PKCS #8)."""

    kid: str
    private_key_pem: str = field(repr=False)


def signing_key(session: Session, seal: Seal, now: datetime) -> SigningKey:
    """The key to sign with; the first one is made where there is none.

    Raises:
        SealBroken: it was sealed with another secret key of the service.
    """
    row = session.scalar(_signing(now).limit(1))
    if row is None:
        row = _make(session, seal, now)
    return SigningKey(row.kid, seal.open(row.sealed_private_key))


def rotate(session: Session, seal: Seal, now: datetime) -> SigningKey:
    """Make a new key that signs at once; the ones before it sign no more and stay published for `PUBLISHED_AFTER`."""
    session.execute(
        update(LtiKey)
        .where(or_(LtiKey.retires_at.is_(None), LtiKey.retires_at > now))
        .values(retires_at=now, ends_at=now + PUBLISHED_AFTER)
    )
    session.execute(delete(LtiKey).where(LtiKey.ends_at <= now))
    row = _make(session, seal, now)
    return SigningKey(row.kid, seal.open(row.sealed_private_key))


def key_set(session: Session, now: datetime) -> dict[str, Any]:
    """The public keys (RFC 7517) that whatever this tool signed can be checked with, the newest first."""
    published = select(LtiKey).where(or_(LtiKey.ends_at.is_(None), LtiKey.ends_at > now))
    rows = session.scalars(published.order_by(LtiKey.created_at.desc(), LtiKey.kid))
    return {"keys": [row.public_key for row in rows]}


def _signing(now: datetime) -> Any:
    unretired = or_(LtiKey.retires_at.is_(None), LtiKey.retires_at > now)
    return select(LtiKey).where(unretired).order_by(LtiKey.created_at.desc(), LtiKey.kid)


def _make(session: Session, seal: Seal, now: datetime) -> LtiKey:
    private = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = {
        name: value
        for name, value in json.loads(RSAAlgorithm.to_jwk(private.public_key())).items()
        if name in ("kty", "n", "e")
    }
    kid = secrets.token_urlsafe(16)
    row = LtiKey(
        kid=kid,
        sealed_private_key=seal.close(pem),
        public_key={**public, "kid": kid, "alg": "RS256", "use": "sig"},
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row
