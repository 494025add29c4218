"""One-time tickets: going on as somebody in a window of its own, from a frame in which no cookie of ours is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal
from lms_plugin.storage.lti import Ticket as TicketRow

LIFETIME = timedelta(seconds=120)
KEPT = timedelta(days=1)
"""How long a ticket that ran out is known as one, so that its page can say so."""

_SECRET_BYTES = 32
_TARGET_LIMIT = 500


class TicketRefused(Refusal):
    """`ticket_unknown`, `ticket_used` or `ticket_expired`.

    Of a ticket that was used or ran out, `user_id` and `target` still say whose it was: whoever is signed in as that
    person anyway needs none.
    """

    code = "ticket_unknown"
    kind = "forbidden"

    def __init__(self, code: str, *, user_id: int | None = None, target: str | None = None) -> None:
        super().__init__(code)
        self.user_id = user_id
        self.target = target


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who goes on, and where: a path on this service."""

    user_id: int
    target: str


def issue(session: Session, user_id: int, target: str, now: datetime, *, lifetime: timedelta = LIFETIME) -> str:
    """A new ticket's secret; only its SHA-256 is kept. The caller has made sure who the person is.

    Raises:
        ValueError: the target is no path on this service.
    """
    if not target.startswith("/") or target.startswith("//") or len(target) > _TARGET_LIMIT:
        raise ValueError(f"not a path on this service: {target!r}")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    session.execute(delete(TicketRow).where(TicketRow.user_id == user_id, TicketRow.expires_at <= now - KEPT))
    session.add(TicketRow(digest=_digest(secret), user_id=user_id, target=target, expires_at=now + lifetime))
    session.flush()
    return secret


def look_at(session: Session, secret: str, now: datetime) -> Ticket:
    """Whom a ticket is for, without using it.

    Raises:
        TicketRefused: it would not be taken.
    """
    row = session.get(TicketRow, _digest(secret), populate_existing=True)
    if row is None:
        raise TicketRefused("ticket_unknown")
    if row.used_at is not None:
        raise TicketRefused("ticket_used", user_id=row.user_id, target=row.target)
    if row.expires_at <= now:
        raise TicketRefused("ticket_expired", user_id=row.user_id, target=row.target)
    return Ticket(row.user_id, row.target)


def redeem(session: Session, secret: str, now: datetime) -> Ticket:
    """Use a ticket up.

    Raises:
        TicketRefused: it is not known, was used before, or ran out.
    """
    ticket = look_at(session, secret, now)
    # Of two that come at once, one finds it unused.
    unused = update(TicketRow).where(TicketRow.digest == _digest(secret), TicketRow.used_at.is_(None))
    taken = session.execute(unused.values(used_at=now).returning(TicketRow.digest))
    if taken.one_or_none() is None:
        raise TicketRefused("ticket_used", user_id=ticket.user_id, target=ticket.target)
    return ticket


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
