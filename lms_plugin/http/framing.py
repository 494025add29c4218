"""Who may show our pages in a frame: ourselves, and the LMS from whose course page somebody came.

The origins come from a registered platform: its address, and what its server signed (domain/handover.py).
"""

from collections.abc import Sequence

from flask import g, session

KEY = "framed_by"


def allow(by: Sequence[str]) -> None:
    """Let pages of these origins show this answer in a frame."""
    g.framed_by = tuple(by)


def allow_from_here_on(by: Sequence[str]) -> None:
    """Let pages of these origins show all pages of this sign-in in a frame."""
    allow(by)
    session[KEY] = list(by)


def origins() -> tuple[str, ...]:
    """The origins whose pages may show the answer to this request."""
    return tuple(g.get("framed_by") or session.get(KEY) or ())
