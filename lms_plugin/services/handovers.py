"""Hand-overs of an LMS's server (the XBlock): whether one holds, and who comes with it.

A hand-over is a JWT (RFC 7519) signed by HS256 (RFC 7515, RFC 7518 3.2) with the secret of the platform that its `kid`
names. The algorithm is ours to say, never the token's. A platform whose delivery is paused hands over all the same:
a pause stops what we send, and keeps no learner out.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import jwt
from jwt.types import Options
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.handover import KEPT_FOR, Handover, HandoverRefused, HandoverRepeated, Purpose, read_claims
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import LtiNonce, PlatformAccount
from lms_plugin.storage.outbox import COMPLETION, Platform
from lms_plugin.storage.people import User

ALGORITHM = "HS256"
LONGEST = 4096
"""Characters of a hand-over."""
CLEARED_AT_ONCE = 100
# read_claims does it, by our clock.
_BY_OURSELVES: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class UnknownLearner(Refusal):
    """The LMS vouches for somebody of whom nobody here is known to be the same person."""

    code = "handover_unknown_learner"
    kind = "forbidden"


class LinkedOtherwise(Refusal):
    """Whoever has this user name here came from another account of the same LMS before: nobody takes that over."""

    code = "handover_linked_otherwise"
    kind = "forbidden"


class Suspended(Refusal):
    """The account here is closed."""

    code = "handover_suspended"
    kind = "forbidden"


@dataclass(frozen=True, slots=True)
class Verified:
    """A hand-over that holds, and whose it is. `frame_origins` are what may show our pages in a frame."""

    platform_id: int
    handover: Handover
    frame_origins: tuple[str, ...]


def verify(session: Session, seal: Seal, token: str, purpose: Purpose, now: datetime) -> Verified:
    """What a token says, which from here on is used; to be called in a transaction of its own that is kept.

    Raises:
        HandoverRefused: the platform's server did not sign this, not for this purpose, or not for now; a
            HandoverExpired where it comes too late, a HandoverRepeated where it came before.
        SealBroken: the service's secret key was changed since the platform got its secret.
    """
    platform = _platform_named(session, token)
    secret = seal.open(platform.sealed_handover_secret or b"")
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM], options=_BY_OURSELVES)
    except jwt.InvalidTokenError as fault:
        raise HandoverRefused(why=type(fault).__name__, platform=platform.key) from fault
    handover = read_claims(claims, purpose, now)
    _use(session, platform.id, handover.jti, now)
    own = urlsplit(platform.base_url)
    origins = (f"{own.scheme}://{own.netloc}", *handover.frame_origins)
    # A page that came over TLS is shown by such pages only.
    origins = tuple(dict.fromkeys(one for one in origins if one.startswith(f"{own.scheme}://")))
    return Verified(platform.id, handover, origins)


def learner_of(session: Session, verified: Verified, now: datetime) -> User:
    """The person that a hand-over is of, linked from here on: by their account on the platform, else by the user name
    there that stands in their account here. Never by name or e-mail.

    Raises:
        UnknownLearner: there is nobody.
        LinkedOtherwise: the user name's owner is linked with another account there.
        Suspended: the account here is closed.
    """
    handover = verified.handover
    account = session.get(PlatformAccount, (verified.platform_id, handover.subject))
    if account is not None:
        return _open(session.get_one(User, account.user_id))
    named = session.scalars(select(User).where(User.lms_username == handover.username).limit(2)).all()
    if not handover.username or len(named) != 1:
        raise UnknownLearner(username=handover.username)
    user = _open(named[0])
    other = select(PlatformAccount.subject).where(
        PlatformAccount.platform_id == verified.platform_id, PlatformAccount.user_id == user.id
    )
    if session.scalar(other) is not None:
        raise LinkedOtherwise(username=handover.username)
    session.add(
        PlatformAccount(
            platform_id=verified.platform_id,
            subject=handover.subject,
            user_id=user.id,
            origin="launch",
            linked_at=now,
        )
    )
    session.flush()
    return user


def _platform_named(session: Session, token: str) -> Platform:
    """The platform that a token's `kid` names, whoever wrote that."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= LONGEST else {}
    except jwt.InvalidTokenError as fault:
        raise HandoverRefused(why="not a JWT") from fault
    key = header.get("kid")
    if not isinstance(key, str) or header.get("alg") != ALGORITHM:
        raise HandoverRefused(why="header")
    platform = session.scalar(select(Platform).where(Platform.key == key[:60], Platform.kind == COMPLETION))
    if platform is None or platform.sealed_handover_secret is None:
        raise HandoverRefused(why="kid")
    return platform


def _use(session: Session, platform_id: int, jti: str, now: datetime) -> None:
    """Note that a hand-over was used, and forget some of those that could not be used again anyway."""
    digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).hexdigest()
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    first = session.execute(
        dialect.insert(LtiNonce)
        .values(platform_id=platform_id, nonce_digest=digest, expires_at=now + KEPT_FOR)
        .on_conflict_do_nothing()
        .returning(LtiNonce.platform_id)
    ).first()
    if first is None:
        raise HandoverRepeated(why="jti")
    past = (
        select(LtiNonce.nonce_digest)
        .where(LtiNonce.platform_id == platform_id, LtiNonce.expires_at <= now)
        .limit(CLEARED_AT_ONCE)
    )
    session.execute(
        delete(LtiNonce).where(LtiNonce.platform_id == platform_id, LtiNonce.nonce_digest.in_(past.scalar_subquery()))
    )


def _open(user: User) -> User:
    if not user.is_active:
        raise Suspended()
    return user
