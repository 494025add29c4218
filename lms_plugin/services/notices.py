"""Notices: what people are told in the page and by e-mail, each thing once.

Whoever has something to tell calls `tell_many` inside the transaction that makes it true. What is told again (the same
person, kind and `about`) changes nothing. A kind's sentence is in http/notice_wording.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.services.access import Actor
from lms_plugin.services.portions import portions
from lms_plugin.storage.among import among
from lms_plugin.storage.notices import MailState, Notice
from lms_plugin.storage.people import User

AT_ONCE = 1000
EACH, DAILY, NEVER = "each", "daily", "never"
DIGESTS = (EACH, DAILY, NEVER)
NO_MAIL, TO_MAIL = "none", "waiting"
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Something to tell one person.

    `kind` (at most 40 characters) and `params` (values of JSON) make the sentence; `about` (at most 120) says what it
    is about, as "dispute/12"; `address` is the path of the page it leads to.
    """

    user_id: int
    kind: str
    about: str
    params: dict[str, Any] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class MailChoice:
    """How somebody gets e-mail: to which address (None: they have none), how often, and which address refused it."""

    address: str | None
    digest: str
    refused: bool
    last_error: str


def tell(session: Session, notice: NewNotice, now: datetime) -> bool:
    """`tell_many` of one; whether it is new."""
    return tell_many(session, [notice], now) == 1


def tell_many(session: Session, notices: Sequence[NewNotice], now: datetime) -> int:
    """Tell people things, part of the caller's transaction; gives how many are new.

    It goes out by e-mail too where the person has an address that takes it and wants e-mail at all.
    """
    told = 0
    for some in portions(notices, AT_ONCE):
        mailed = _takes_mail(session, {one.user_id for one in some})
        rows = [
            {
                "user_id": one.user_id,
                "kind": one.kind,
                "about": one.about,
                "params": dict(one.params),
                "address": one.address,
                "created_at": now,
                "mail_state": TO_MAIL if one.user_id in mailed else NO_MAIL,
            }
            for one in some
        ]
        told += len(session.execute(_new(session), rows).all())
    return told


def known(session: Session, user_ids: Iterable[int], kinds: Sequence[str]) -> set[tuple[int, str, str]]:
    """(user_id, kind, about) of what these people were told of these kinds already."""
    found: set[tuple[int, str, str]] = set()
    for some in portions(sorted(set(user_ids)), AT_ONCE):
        rows = select(Notice.user_id, Notice.kind, Notice.about).where(
            among(Notice.user_id, some), Notice.kind.in_(kinds)
        )
        found.update((row.user_id, row.kind, row.about) for row in session.execute(rows))
    return found


def unread(session: Session, user_id: int) -> int:
    """How many notices a person has not read."""
    query = select(func.count()).where(Notice.user_id == user_id, Notice.read_at.is_(None))
    return session.scalar(query) or 0


def latest(
    session: Session, actor: Actor, *, before: int | None = None, limit: int = MOST_SHOWN, unread_only: bool = False
) -> list[Notice]:
    """A person's notices, the newest first: those with ids below `before`, or unread ones only."""
    query = select(Notice).where(Notice.user_id == actor.user_id).order_by(Notice.id.desc()).limit(limit)
    if unread_only:
        query = query.where(Notice.read_at.is_(None))
    return list(session.scalars(query if before is None else query.where(Notice.id < before)))


def own(session: Session, actor: Actor, notice_id: int) -> Notice:
    """One of the actor's notices.

    Raises:
        NotFound: it is another's, or there is none.
    """
    notice = session.get(Notice, notice_id)
    if notice is None or notice.user_id != actor.user_id:
        raise NotFound(what="notice")
    return notice


def mark_read(session: Session, actor: Actor, now: datetime, *, notice_id: int | None = None) -> None:
    """Note that a person has read one notice, or all there are.

    Raises:
        NotFound: the notice is another's, or there is none.
    """
    mine = update(Notice).where(Notice.user_id == actor.user_id, Notice.read_at.is_(None)).values(read_at=now)
    if notice_id is not None:
        own(session, actor, notice_id)
        mine = mine.where(Notice.id == notice_id)
    session.execute(mine)


def mail_choice(session: Session, user_id: int) -> MailChoice:
    """How a person gets e-mail."""
    user, state = session.get_one(User, user_id), session.get(MailState, user_id)
    if state is None:
        return MailChoice(user.email, DAILY, refused=False, last_error="")
    refused = bool(user.email) and state.refused_address == user.email
    return MailChoice(user.email, state.digest, refused=refused, last_error=state.last_error)


def choose_digest(session: Session, user_id: int, digest: str) -> None:
    """How often a person wants e-mail from now on: each notice at once, a digest once a day, or never.

    What waits for somebody who wants none is not sent any more; an address that refused is tried again.

    Raises:
        Malformed: `unknown_digest`.
    """
    if digest not in DIGESTS:
        raise Malformed("unknown_digest", digest=digest, known=DIGESTS)
    state = session.get(MailState, user_id, with_for_update=True)
    if state is None:
        state = MailState(user_id=user_id)
        session.add(state)
    state.digest, state.refused_address, state.last_error = digest, "", ""
    state.failures, state.next_attempt_at = 0, None
    if digest == NEVER:
        mail_not(session, Notice.user_id == user_id)


def mail_not(session: Session, *conditions: ColumnElement[bool]) -> None:
    """What waits to be mailed and meets the conditions on Notice is not: it is read in the page only."""
    session.execute(
        update(Notice)
        .where(Notice.mail_state == TO_MAIL, *conditions)
        .values(mail_state=NO_MAIL)
        .execution_options(synchronize_session=False)
    )


def _takes_mail(session: Session, user_ids: set[int]) -> set[int]:
    """Who of these people has an address that takes e-mail, and wants it."""
    query = (
        select(User.id, User.email, MailState.digest, MailState.refused_address)
        .outerjoin(MailState, MailState.user_id == User.id)
        .where(among(User.id, user_ids), User.email.is_not(None), User.email != "", User.is_active)
    )
    return {
        row.id for row in session.execute(query) if row.digest != NEVER and row.email != (row.refused_address or "")
    }


def _new(session: Session) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(Notice).on_conflict_do_nothing().returning(Notice.id)
