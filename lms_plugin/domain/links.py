"""Links that people type: where one comes in from afar, and where a recording lies."""

from typing import Final
from urllib.parse import urlsplit

LONGEST_LINK: Final = 500


def is_safe_link(text: str) -> bool:
    """Whether a text is an https address of some host, and nothing that a browser could read as another one.

    Names and passwords before the host are refused: they are how an address is made to look like somebody else's.
    """
    if len(text) > LONGEST_LINK or "\\" in text or any(letter.isspace() or not letter.isprintable() for letter in text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and port != 0
