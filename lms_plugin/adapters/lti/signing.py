"""Signs what this tool says to platforms with its present key (IMS Security Framework 1.0, 5.1.1 and 6.3)."""

from collections.abc import Callable
from datetime import UTC, datetime

import jwt

from lms_plugin.services import lti_keys
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.session import Database


class Signer:
    """Makes RS256 tokens of claims; the key is read anew each time, so that a rotation applies at once."""

    def __init__(
        self, database: Database, seal: Seal, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._seal = seal
        self._now = now

    def __call__(self, claims: dict[str, object]) -> str:
        """A signed JWT that names its key.

        Raises:
            SealBroken: the key was sealed with another secret key of the service.
            Unavailable: the store cannot be reached.
        """
        key = self._database.transact(lambda session: lti_keys.signing_key(session, self._seal, self._now()))
        return jwt.encode(claims, key.private_key_pem, algorithm="RS256", headers={"kid": key.kid})
