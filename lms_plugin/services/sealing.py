"""Sealing bytes that wait in the store: with a key of the service, or with one that only a single page gets to see."""

import base64
import zlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lms_plugin.domain.errors import Conflict

UPLOADS_PURPOSE = b"lms-plugin: files that wait to be imported, 1"


class FileSeal:
    """Seals files with a key derived from the service's secret key (HKDF-SHA256, RFC 5869; Fernet)."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=UPLOADS_PURPOSE).derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def close(self, content: bytes) -> bytes:
        return self._fernet.encrypt(zlib.compress(content, 1))

    def open(self, sealed: bytes) -> bytes:
        """The content that was sealed.

        Raises:
            Conflict: `upload_unreadable`, it was sealed with another secret key of the service.
        """
        try:
            return zlib.decompress(self._fernet.decrypt(sealed))
        except InvalidToken as fault:
            raise Conflict("upload_unreadable") from fault


def seal_for_once(content: bytes) -> tuple[str, bytes]:
    """(a fresh key, the content sealed with it); whoever loses the key has lost the content."""
    key = Fernet.generate_key()
    return key.decode(), Fernet(key).encrypt(zlib.compress(content))


def open_with(key: str, sealed: bytes) -> bytes:
    """What `seal_for_once` sealed.

    Raises:
        Conflict: `key_wrong`.
    """
    try:
        return zlib.decompress(Fernet(key.encode()).decrypt(sealed))
    except (InvalidToken, ValueError) as fault:
        raise Conflict("key_wrong") from fault
