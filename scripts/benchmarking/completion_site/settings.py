"""The test platform's settings, on the store of the benchmark and with a signing key that all its processes share."""

import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from jwt.algorithms import RSAAlgorithm
from peer_site import settings as platform

globals().update({name: getattr(platform, name) for name in dir(platform) if name.isupper()})

SIGNING_KEY_FILE = Path(os.environ["PEER_FOLDER"]) / "signing-key.pem"
if not SIGNING_KEY_FILE.exists():
    SIGNING_KEY_FILE.write_bytes(
        platform.JWT_KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
JWT_KEY = serialization.load_pem_private_key(SIGNING_KEY_FILE.read_bytes(), password=None)
JWT_AUTH = {
    **platform.JWT_AUTH,
    "JWT_PUBLIC_SIGNING_JWK_SET": json.dumps(
        {"keys": [{**RSAAlgorithm.to_jwk(JWT_KEY.public_key(), as_dict=True), "kid": "peer"}]}
    ),
}


def database(url: str) -> dict[str, object]:
    """The store as Django wants it: one connection for each thread, kept open; commits reach the disk."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path[1:],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username,
        "HOST": parse_qs(parts.query)["host"][0],
        "CONN_MAX_AGE": None,
    }


DATABASES = {"default": database(os.environ["COMPLETION_SITE_DATABASE_URL"])}
