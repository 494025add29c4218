"""Who may show our pages in a frame: ourselves, and the LMS from whose course page somebody came.

The origins come from a registered platform: its address, and what its server signed (domain/handover.py).
"""

from collections.abc import Sequence

from flask import g, session

KEY = "framed_by"
ANCESTORS = "frame-ancestors 'self'"


def allow(origins: Sequence[str]) -> None:
    """Let pages of these origins show this answer in a frame."""
    g.framed_by = tuple(origins)


def allow_from_here_on(origins: Sequence[str]) -> None:
    """Let pages of these origins show all pages of this sign-in in a frame."""
    allow(origins)
    session[KEY] = list(origins)


def policy_for_this_answer(policy: str) -> str:
    """The Content-Security-Policy with the frames that are allowed around the answer to this request."""
    origins = g.get("framed_by") or session.get(KEY)
    return policy.replace(ANCESTORS, f"{ANCESTORS} {' '.join(origins)}") if origins else policy
