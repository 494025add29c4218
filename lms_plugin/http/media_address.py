"""Signed, short-lived addresses of films: each is for one person and one film, and names no path of the disk.

The signed part is `<user>.<playback session>.<flags>.<expires>.<film digest>.<signature>`: all that is granted can be
read from it, so that a web server without the database can check it. Where the service sends its films itself, the
signature is HMAC-SHA256 under the secret key; where another server sends them, it is what nginx's `secure_link_md5`
computes, under a key of its own. docs/adr/0008 says why.
"""

import hashlib
import hmac
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from lms_plugin.domain.errors import NotFound

LIFETIME_SECONDS = 12 * 3600
SERVED = frozenset({200, 206, 304})
"""Answers by which a player has the file it asked for: 304 says that it had it already."""

_NOBODYS = "-"
_RECORDED, _UNRECORDED = "r", "-"
_SIGNED = re.compile(
    r"(?P<granted>(?P<user>[1-9][0-9]{0,18})\.(?P<playback>[A-Za-z0-9_-]{1,32})\.(?P<flag>[r-])"
    r"\.(?P<expires>[0-9]{1,12})\.(?P<digest>[0-9a-f]{64}))\.(?P<signature>[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{43})"
)
_OUTSIDE_SIGNATURE_LENGTH = 22


@dataclass(frozen=True, slots=True)
class MediaGrant:
    """What an address lets its holder fetch.

    `record_deliveries` says that each media segment served is to be recorded for the playback session.
    `is_for_outside` says that the address is signed for the outside server.
    """

    user_id: int
    digest: str
    playback_session_id: str | None = None
    record_deliveries: bool = False
    is_for_outside: bool = False


class MediaAddresses:
    """Makes and checks the signed part of film addresses.

    `outside_key` is the key shared with the server that sends the films instead of the service; None where the
    service does. `clock` gives seconds since 1970.
    """

    def __init__(
        self, secret_key: str, *, outside_key: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = hmac.digest(secret_key.encode(), b"film addresses", "sha256")
        self._outside_key = outside_key
        self._clock = clock

    def grant(
        self,
        user_id: int,
        digest: str,
        *,
        playback_session_id: str | None = None,
        record_deliveries: bool = False,
    ) -> str:
        """The signed part for one person and the film package with this digest, good for LIFETIME_SECONDS from now.

        Raises:
            ValueError: deliveries are to be recorded for no playback session, or a value cannot stand in an address.
        """
        if record_deliveries and playback_session_id is None:
            raise ValueError("deliveries are recorded for a playback session")
        if playback_session_id == _NOBODYS:
            raise ValueError("this name means no playback session")
        granted = ".".join(
            (
                str(user_id),
                playback_session_id or _NOBODYS,
                _RECORDED if record_deliveries else _UNRECORDED,
                str(int(self._clock()) + LIFETIME_SECONDS),
                digest,
            )
        )
        signature = self._sign(granted) if self._outside_key is None else sign_outside(granted, self._outside_key)
        signed = f"{granted}.{signature}"
        if _SIGNED.fullmatch(signed) is None:
            raise ValueError("the film, person or playback session has a name that cannot stand in an address")
        return signed

    def check(self, signed: str) -> MediaGrant:
        """What a signed part grants at this moment.

        Raises:
            NotFound: it is forged, damaged or too old.
        """
        grant, expires = self._read(signed)
        if expires < self._clock():
            raise NotFound(what="film")
        return grant

    def check_past(self, signed: str) -> MediaGrant:
        """What a signed part granted when it was made, however long ago: for reading what was served before.

        Raises:
            NotFound: it is forged or damaged.
        """
        return self._read(signed)[0]

    def _read(self, signed: str) -> tuple[MediaGrant, int]:
        parts = _SIGNED.fullmatch(signed)
        if parts is None:
            raise NotFound(what="film")
        is_for_outside = len(parts["signature"]) == _OUTSIDE_SIGNATURE_LENGTH
        if not is_for_outside:
            expected = self._sign(parts["granted"])
        elif self._outside_key is not None:
            expected = sign_outside(parts["granted"], self._outside_key)
        else:
            raise NotFound(what="film")
        if not hmac.compare_digest(expected, parts["signature"]):
            raise NotFound(what="film")
        grant = MediaGrant(
            user_id=int(parts["user"]),
            digest=parts["digest"],
            playback_session_id=None if parts["playback"] == _NOBODYS else parts["playback"],
            record_deliveries=parts["flag"] == _RECORDED,
            is_for_outside=is_for_outside,
        )
        return grant, int(parts["expires"])

    def _sign(self, granted: str) -> str:
        return _in_address(hmac.digest(self._key, granted.encode(), "sha256"))


def sign_outside(granted: str, key: str) -> str:
    """The signature that nginx checks with `secure_link_md5 "$key $granted $key"`."""
    # MD5 is all that stock nginx has; the key on both sides is what keeps it sound (docs/adr/0008).
    return _in_address(hashlib.md5(f"{key} {granted} {key}".encode(), usedforsecurity=False).digest())


def _in_address(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
