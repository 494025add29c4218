"""The key sets of platforms (RFC 7517): kept as last read, and read anew only where a launch asks for an unknown key.

This is all that a request of a person ever waits for at a platform (docs/adr/0022).
"""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.lti_claims import ALGORITHM, LaunchRefused
from lms_plugin.storage.lti import LtiPlatform
from lms_plugin.storage.session import Database

READ_A_MINUTE = 3
"""How often a key set is read at most, so that made-up key ids cost a platform little; and yet at once where a platform
has changed its key a moment after it was read."""
MINUTE = timedelta(minutes=1)
READ_AT_LEAST_EVERY = timedelta(hours=1)
"""A key that the platform withdrew is believed no longer than this after it."""
LEAST_KEY_BITS = 2048
MOST_KEYS = 100

log = structlog.get_logger(__name__)


class KeySetUnread(Refusal):
    """No key set came back; `params['words']` says why."""

    code = "lti_key_set_unread"
    kind = "unavailable"


class KeySets(Protocol):
    """Reads key sets over the network."""

    def read(self, url: str) -> Mapping[str, Any]:
        """The key set at an address.

        Raises:
            KeySetUnread: it cannot be had.
        """
        ...


@dataclass(slots=True)
class PlatformKeys:
    """The keys of all platforms for one process; safe to share between threads."""

    database: Database
    key_sets: KeySets
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _reading: defaultdict[int, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    _read_at: defaultdict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def key(self, platform_id: int, kid: str, now: datetime) -> RSAPublicKey:
        """The platform's key with this id.

        Its key set is read anew where the key is unknown or the set was read long ago, at most READ_A_MINUTE times a
        minute in each process; where that fails, what was read before still holds.

        Raises:
            LaunchRefused: `lti_kid_unknown`, or `lti_key_unfit` for a key that is not one to check RS256 with.
        """
        found = self._known(platform_id, kid, now)
        if found is None:
            with self._guard:
                reading = self._reading[platform_id]
            with reading:  # whoever comes meanwhile waits for the same answer
                found = self._known(platform_id, kid, now) or find_key(self._read_anew(platform_id, now), kid)
        if found is None:
            raise LaunchRefused("lti_kid_unknown", kid=kid[:100])
        return public_key(found)

    def _known(self, platform_id: int, kid: str, now: datetime) -> Mapping[str, Any] | None:
        """The key as it was read lately."""
        platform = self._kept(platform_id)
        is_old = _is_before(platform.key_set_read_at, now - READ_AT_LEAST_EVERY)
        return None if is_old else find_key(platform.key_set, kid)

    def _read_anew(self, platform_id: int, now: datetime) -> Mapping[str, Any] | None:
        platform, lately = self._kept(platform_id), self._read_at[platform_id]
        lately[:] = [at for at in lately if at > now - MINUTE]
        if len(lately) >= READ_A_MINUTE:
            return platform.key_set
        lately.append(now)
        key_set: dict[str, Any] | None = None
        try:
            key_set = kept_of(self.key_sets.read(platform.key_set_url))
        except Refusal as refusal:
            words = str(refusal.params.get("words") or refusal)
            log.warning("key set unread", platform_id=platform_id, url=platform.key_set_url, why=words)

        def keep(session: Session) -> None:
            row = session.get_one(LtiPlatform, platform_id)
            row.key_set_read_at = now
            if key_set is not None and row.key_set_url == platform.key_set_url:
                row.key_set = key_set

        self.database.transact(keep)
        return key_set if key_set is not None else platform.key_set

    def _kept(self, platform_id: int) -> LtiPlatform:
        with self.database.reading() as session:
            return session.get_one(LtiPlatform, platform_id)


def kept_of(key_set: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a key set: public parts of its RSA keys, so that nothing else can be mistaken for one.

    Raises:
        KeySetUnread: it is none.
    """
    keys = key_set.get("keys")
    if not isinstance(keys, list):
        raise KeySetUnread(words="the answer is no key set: it has no list of keys")
    wanted = ("kty", "kid", "use", "alg", "n", "e")
    kept = [
        {name: key[name] for name in wanted if isinstance(key.get(name), str)}
        for key in keys[:MOST_KEYS]
        if isinstance(key, Mapping) and key.get("kty") == "RSA"
    ]
    return {"keys": kept}


def find_key(key_set: Mapping[str, Any] | None, kid: str) -> Mapping[str, Any] | None:
    """The key with an id in a key set."""
    keys = (key_set or {}).get("keys")
    named = [key for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    return next((key for key in named if key.get("kid") == kid), None)


def public_key(key: Mapping[str, Any]) -> RSAPublicKey:
    """A key of a key set, ready to check signatures with.

    Raises:
        LaunchRefused: `lti_key_unfit`: it is for something else, malformed, or too short.
    """
    if key.get("kty") != "RSA" or key.get("use", "sig") != "sig" or key.get("alg", ALGORITHM) != ALGORITHM:
        raise LaunchRefused("lti_key_unfit", why="not for RS256")
    try:
        made = jwt.PyJWK({name: key[name] for name in ("kty", "n", "e")}, algorithm=ALGORITHM).key
    except (KeyError, ValueError, TypeError, jwt.PyJWTError) as fault:
        raise LaunchRefused("lti_key_unfit", why="malformed") from fault
    if not isinstance(made, RSAPublicKey) or made.key_size < LEAST_KEY_BITS:
        raise LaunchRefused("lti_key_unfit", why="too short")
    return made


def _is_before(moment: datetime | None, limit: datetime) -> bool:
    return moment is None or moment <= limit
