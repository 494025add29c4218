"""Signing in with a password, bearer tokens, and who a signed-in page belongs to."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotAuthenticated
from lms_plugin.services import access, passwords
from lms_plugin.services.access import Actor
from lms_plugin.storage.people import ApiToken, User

MARK = "lmsp_"
"""What every token begins with, so that scanners for leaked secrets can tell one."""

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Verified:
    """Somebody whose password was right; `has_stale_hash` where `strengthen` should follow."""

    actor: Actor
    sign_in_epoch: int
    has_stale_hash: bool


def sign_in(session: Session, login: str, password: str, now: datetime) -> Actor:
    """The person with this login and password; a hash with old parameters is renewed in the caller's transaction.

    Raises:
        NotAuthenticated: `wrong_login`, whether the login is unknown, the account closed or without a password, or
            the password wrong: the same answer after the same time.
    """
    verified = verify(session, login, password)
    if verified.has_stale_hash:
        strengthen(session, verified.actor.user_id, password)
    return verified.actor


def verify(session: Session, login: str, password: str) -> Verified:
    """The reading half of `sign_in`, for callers that hold no write lock while a password is checked.

    Raises:
        NotAuthenticated: as `sign_in`.
    """
    user = session.scalar(select(User).where(User.login == passwords.normal_login(login)))
    stored_hash = user.password_hash if user is not None and user.is_active else None
    if not passwords.is_right(stored_hash, password) or user is None or stored_hash is None:
        raise NotAuthenticated("wrong_login")
    return Verified(access.actor_of(session, user.id), user.sign_in_epoch, passwords.is_stale(stored_hash))


def strengthen(session: Session, user_id: int, password: str) -> None:
    """Hash a password that was just found right once more, with today's parameters; ends no sign-in.

    One that is no longer the person's password (another request changed it) is left alone.
    """
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is not None and passwords.is_right(user.password_hash, password):
        user.password_hash = passwords.hash_password(password)


def set_password(session: Session, user_id: int, password: str) -> int:
    """Give somebody a new password and end every sign-in and token they have; gives the new sign-in epoch.

    Raises:
        Malformed: the password breaks a rule, see `passwords.check_rules`.
        NotAuthenticated: there is no such account.
    """
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotAuthenticated
    passwords.check_rules(password, user.login)
    user.password_hash = passwords.hash_password(password)
    user.sign_in_epoch += 1
    session.execute(delete(ApiToken).where(ApiToken.user_id == user.id))
    session.flush()
    return user.sign_in_epoch


def change_password(session: Session, user_id: int, *, old: str, new: str) -> int:
    """`set_password` for somebody who knows the present one; gives the new sign-in epoch.

    Raises:
        NotAuthenticated: `wrong_password`.
        Malformed: as `set_password`.
    """
    user = session.get(User, user_id)
    if not passwords.is_right(user.password_hash if user is not None and user.is_active else None, old):
        raise NotAuthenticated("wrong_password")
    return set_password(session, user_id, new)


def user_for_page_session(session: Session, user_id: int, epoch: int, now: datetime | None = None) -> Actor | None:
    """The person a signed-in page belongs to, from what its cookie says, as they are `now`.

    None where that sign-in has ended: the account was closed or is gone, or the password changed since.
    """
    user = session.get(User, user_id)
    if user is None or not user.is_active or user.sign_in_epoch != epoch:
        return None
    return access.actor_of(session, user_id, now)


def sign_in_epoch(session: Session, user_id: int) -> int:
    """The epoch a page's cookie must carry, for callers that made a person known some other way (an LTI launch).

    Raises:
        NotAuthenticated: there is no such account.
    """
    epoch = session.scalar(select(User.sign_in_epoch).where(User.id == user_id))
    if epoch is None:
        raise NotAuthenticated
    return epoch


def issue_token(session: Session, actor_user_id: int, now: datetime, lifetime: timedelta) -> tuple[str, datetime]:
    """A new bearer token and the instant from which it is worth nothing; only its SHA-256 is kept.

    Raises:
        NotAuthenticated: there is no such account, or it is closed.
    """
    user = session.get(User, actor_user_id)
    if user is None or not user.is_active:
        raise NotAuthenticated
    token = MARK + secrets.token_urlsafe(_TOKEN_BYTES)
    expires_at = now + lifetime
    session.execute(delete(ApiToken).where(ApiToken.user_id == user.id, ApiToken.expires_at <= now))
    session.add(
        ApiToken(
            digest=digest_of(token),
            user_id=user.id,
            sign_in_epoch=user.sign_in_epoch,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return token, expires_at


def actor_for_token(session: Session, token: str, now: datetime) -> Actor:
    """The person a bearer token stands for.

    Raises:
        NotAuthenticated: `token_invalid`: unknown, expired, revoked, or of an earlier sign-in epoch, or the account
            is closed.
    """
    found = session.execute(
        select(ApiToken, User).join(User, User.id == ApiToken.user_id).where(ApiToken.digest == digest_of(token))
    ).one_or_none()
    if found is not None:
        kept, user = found
        if now < kept.expires_at and kept.sign_in_epoch == user.sign_in_epoch and user.is_active:
            return access.actor_of(session, user.id, now)
    raise NotAuthenticated("token_invalid")


def revoke_token(session: Session, token: str) -> None:
    """End a bearer token; one that is unknown or ended already changes nothing."""
    session.execute(delete(ApiToken).where(ApiToken.digest == digest_of(token)))


def digest_of(token: str) -> str:
    """What is kept of a bearer token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
