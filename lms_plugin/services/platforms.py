"""LMS platforms: registering them, and stopping and resuming delivery, by whoever answers for every region.

The platform's own condition, which the worker keeps, is in platform_health.py.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import access, platform_health
from lms_plugin.services.access import Actor
from lms_plugin.services.ports import WORDS_LIMIT
from lms_plugin.storage.lti import LtiPlatform
from lms_plugin.storage.lti_paths import LtiRegistration
from lms_plugin.storage.outbox import LRS, LTI, Platform

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
ADDRESS_LIMIT, CLIENT_ID_LIMIT, SECRET_LIMIT = 300, 200, 500

SEAL_PURPOSE = b"lms-plugin: client secrets of LMS platforms, 1"

AddressCheck = Callable[[str], None]
"""Raises a Refusal for an address that must not be registered; the rules belong to the adapter that will use it."""


class SealBroken(Conflict):
    """A sealed value cannot be opened: it was sealed with another secret key, or was changed."""

    code = "seal_broken"


class Seal:
    """Seals texts with a key of its own, derived from the service's secret key (HKDF-SHA256, RFC 5869; Fernet)."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=SEAL_PURPOSE).derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def close(self, text: str) -> bytes:
        """The text, unreadable and unchangeable; never the same twice."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text that was sealed.

        Raises:
            SealBroken: it was not sealed with this secret key.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as fault:
            raise SealBroken() from fault


@dataclass(frozen=True, slots=True)
class Console:
    """The operator at the server's own console, who could change the store anyway: needs no role."""


CONSOLE = Console()


@dataclass(frozen=True, slots=True)
class PlatformView:
    """A platform as an admin sees it; its secret is not shown to anybody.

    `is_paused` is an admin's own doing. `fault_code` names what is wrong with the connection since `fault_since`:
    nothing is sent until the platform's answer to a probe shows that it is mended. `failures` counts attempts in a
    row that got no answer; `next_attempt_at` is when the next one is made, None for at once.
    """

    key: str
    base_url: str
    client_id: str
    is_paused: bool
    paused_reason: str | None
    fault_code: str | None
    fault_words: str | None
    fault_since: datetime | None
    failures: int
    last_failure_words: str | None
    next_attempt_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Connection:
    """What a reporter needs to reach a platform; equal as long as nothing about it was changed."""

    key: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)


def register(
    session: Session,
    by: Actor | Console,
    seal: Seal,
    check_address: AddressCheck,
    *,
    key: str,
    base_url: str,
    client_id: str,
    client_secret: str,
) -> PlatformView:
    """Register a platform under the key that programmes name it by; reports that wait for it become due.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        Malformed: a part is missing or too long (`params['faults']` names them), or the address is refused.
        Conflict: the key is taken (`platform_exists`).
    """
    _require_right(by)
    faults = [] if KEY.fullmatch(key) else ["key"]
    faults += _faults_of(base_url, client_id, client_secret)
    if faults:
        raise Malformed("platform_malformed", faults=faults)
    check_address(base_url)
    if session.scalar(select(Platform.id).where(Platform.key == key)) is not None:
        raise Conflict("platform_exists", key=key)
    platform = Platform(
        key=key,
        base_url=base_url,
        client_id=client_id,
        sealed_secret=seal.close(client_secret),
        is_paused=False,
        failures=0,
    )
    session.add(platform)
    session.flush()
    return _view(platform)


def update(
    session: Session,
    by: Actor | Console,
    seal: Seal,
    check_address: AddressCheck,
    *,
    key: str,
    base_url: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
) -> PlatformView:
    """Change a platform's address or credentials (None keeps a part); a faulty connection is tried again at once.

    A new address needs the secret anew: nobody who can't read it may have it sent somewhere else.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
        Malformed: as for `register`, or the secret is needed (`platform_secret_needed`).
        Conflict: it is an LTI platform (`platform_is_lti`), see lti_platforms.py.
    """
    _require_right(by)
    platform = _locked(session, key)
    if platform.kind == LTI:
        raise Conflict("platform_is_lti", key=key)
    faults = _faults_of(
        platform.base_url if base_url is None else base_url,
        platform.client_id if client_id is None else client_id,
        "kept" if client_secret is None else client_secret,
    )
    if faults:
        raise Malformed("platform_malformed", faults=faults)
    if base_url is not None and base_url != platform.base_url:
        check_address(base_url)
        if client_secret is None:
            raise Malformed("platform_secret_needed", key=key)
        platform.base_url = base_url
    if client_id is not None:
        platform.client_id = client_id
    if client_secret is not None:
        platform.sealed_secret = seal.close(client_secret)
    platform_health.try_at_once(platform)
    session.flush()
    return _view(platform)


def pause(session: Session, by: Actor | Console, *, key: str, reason: str) -> PlatformView:
    """Stop delivery to a platform until somebody resumes it; reports go on waiting.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
    """
    _require_right(by)
    platform = _locked(session, key)
    platform.is_paused, platform.paused_reason = True, reason.strip()[:WORDS_LIMIT] or None
    session.flush()
    return _view(platform)


def resume(session: Session, by: Actor | Console, *, key: str) -> PlatformView:
    """Lift an admin's pause; a platform that failed or was faulty is tried again at once.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
        Conflict: it waits to be confirmed (`registration_waiting`), see lti_registration.py.
    """
    _require_right(by)
    platform = _locked(session, key)
    if session.get(LtiRegistration, platform.id) is not None:
        raise Conflict("registration_waiting", key=key)
    platform.is_paused, platform.paused_reason = False, None
    platform_health.try_at_once(platform)
    session.flush()
    return _view(platform)


def listing(session: Session, by: Actor | Console) -> list[PlatformView]:
    """All platforms by key.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
    """
    _require_right(by)
    return [_view(platform) for platform in session.scalars(select(Platform).order_by(Platform.key))]


def base_url_of(session: Session, by: Actor | Console, key: str) -> str:
    """The address that a platform is registered with.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no platform has this key.
    """
    _require_right(by)
    found = session.scalar(select(Platform.base_url).where(Platform.key == key))
    if found is None:
        raise NotFound(what="platform", key=key)
    return found


def connection(session: Session, seal: Seal, key: str) -> Connection | None:
    """How to reach a platform, for the worker's reporter; None where no platform has this key.

    Raises:
        SealBroken: the secret was sealed with another secret key of the service.
    """
    platform = session.scalar(select(Platform).where(Platform.key == key))
    if platform is None:
        return None
    return Connection(platform.key, platform.base_url, platform.client_id, seal.open(platform.sealed_secret))


def addresses(session: Session) -> list[str]:
    """The addresses of all platforms, where their pages are: for telling whether a request was sent by one of them."""
    reached = select(LtiPlatform.issuer, LtiPlatform.authorization_url)
    lti = [address for row in session.execute(reached) for address in row]
    return [*session.scalars(select(Platform.base_url).where(Platform.kind != LRS)), *lti]


def _require_right(by: Actor | Console) -> None:
    if isinstance(by, Actor):
        access.require_whole_office(by)


def _locked(session: Session, key: str) -> Platform:
    platform = session.scalar(
        select(Platform).where(Platform.key == key).with_for_update().execution_options(populate_existing=True)
    )
    if platform is None:
        raise NotFound(what="platform", key=key)
    return platform


def _faults_of(base_url: str, client_id: str, client_secret: str) -> list[str]:
    limits = {
        "base_url": (base_url, ADDRESS_LIMIT),
        "client_id": (client_id, CLIENT_ID_LIMIT),
        "client_secret": (client_secret, SECRET_LIMIT),
    }
    return [name for name, (text, limit) in limits.items() if not text.strip() or len(text) > limit]


def _view(platform: Platform) -> PlatformView:
    return PlatformView(
        key=platform.key,
        base_url=platform.base_url,
        client_id=platform.client_id,
        is_paused=platform.is_paused,
        paused_reason=platform.paused_reason,
        fault_code=platform.fault_code,
        fault_words=platform.fault_words,
        fault_since=platform.fault_since,
        failures=platform.failures,
        last_failure_words=platform.last_failure_words,
        next_attempt_at=platform.next_attempt_at,
        acknowledged_at=platform.acknowledged_at,
    )
