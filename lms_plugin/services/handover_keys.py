"""The secrets that LMS servers sign hand-overs with: one for each platform that may, kept sealed, shown once."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.services.platforms import Console, Seal
from lms_plugin.storage.outbox import COMPLETION, Platform

SECRET_BYTES = 48


def draw(session: Session, by: Actor | Console, seal: Seal, key: str) -> str:
    """A new secret for a platform, which is shown this once; the one before it is worth nothing from here on.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
        Conflict: `platform_hands_over_otherwise`, it is an LTI platform, which launches, or an LRS.
    """
    platform = _locked(session, by, key)
    if platform.kind != COMPLETION:
        raise Conflict("platform_hands_over_otherwise", key=key)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    platform.sealed_handover_secret = seal.close(secret)
    session.flush()
    return secret


def revoke(session: Session, by: Actor | Console, key: str) -> None:
    """Take the right to hand over from a platform.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
    """
    _locked(session, by, key).sealed_handover_secret = None
    session.flush()


def _locked(session: Session, by: Actor | Console, key: str) -> Platform:
    if isinstance(by, Actor):
        access.require_whole_office(by)
    platform = session.scalar(select(Platform).where(Platform.key == key).with_for_update())
    if platform is None:
        raise NotFound(what="platform", key=key)
    return platform
