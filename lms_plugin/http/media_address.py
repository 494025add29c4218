"""Signed, short-lived addresses of films: each is for one person and one film, and names no path of the disk."""

from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from lms_plugin.domain.errors import NotFound

LIFETIME_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class MediaGrant:
    """What an address lets its holder fetch."""

    user_id: int
    digest: str


class MediaAddresses:
    """Makes and checks the signed part of film addresses."""

    def __init__(self, secret_key: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret_key, salt="film-address")

    def grant(self, user_id: int, digest: str) -> str:
        """The signed part for one person and the film package with this digest."""
        return self._serializer.dumps([user_id, digest])

    def check(self, signed: str) -> MediaGrant:
        """What a signed part grants.

        Raises:
            NotFound: it is forged, damaged or too old.
        """
        try:
            user_id, digest = self._serializer.loads(signed, max_age=LIFETIME_SECONDS)
        except BadSignature as fault:
            raise NotFound(what="film") from fault
        return MediaGrant(user_id, digest)
