"""Launches from LTI platforms (IMS Security Framework 1.0, 5.1.1): begun here, answered by the platform, believed once.

The steps of a launch, each in a transaction of its own, so that no lock is held while a key set is read:
`begin` (third-party initiated login), `take_login` (the state comes back and is used up, whatever follows),
`believe` (signature and claims), `arrive` (the nonce is used up; who it is, and where they want to go).
"""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jwt
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms_plugin.domain import lti_claims
from lms_plugin.domain.lti_claims import ALGORITHM, DEEP_LINKING_REQUEST, LEEWAY, Expectation, Launch, LaunchRefused
from lms_plugin.services import lti_accounts, lti_links
from lms_plugin.services.lti_key_sets import PlatformKeys
from lms_plugin.services.lti_links import LinkPlace
from lms_plugin.storage.lti import LtiDeployment, LtiLogin, LtiNonce, LtiPlatform

LOGIN_LIFETIME = timedelta(minutes=10)
KEPT = timedelta(hours=1)
"""How long a login that ran out is known as one, so that its page can say so."""
LAUNCH_PATH = "/lti/launch"

_SECRET_BYTES = 32
_BROWSER_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_TOKEN_LIMIT = 100_000
_ORIGIN_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_TARGET_LIMIT = 500
_SWEPT_AT_ONCE = 200
_NO_CHECKS_BUT_THE_SIGNATURE: Any = {
    "verify_signature": True,
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}
"""domain/lti_claims.py checks the claims, with a name for each rule that is broken."""


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A third-party initiated login (IMS Security Framework 1.0, 5.1.1.1), as it came."""

    issuer: str
    login_hint: str
    target_link_uri: str
    client_id: str | None = None
    deployment_id: str | None = None
    message_hint: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun. `browser_secret` is for this browser to keep, `state` comes back from the platform."""

    platform_id: int
    redirect_to: str
    authorization_url: str
    state: str = field(repr=False)
    browser_secret: str = field(repr=False)

    @property
    def storage_key(self) -> str:
        """The name under which the platform's storage keeps `browser_secret` for this login."""
        return storage_key(self.state)


@dataclass(frozen=True, slots=True)
class Login:
    """A login whose state came back."""

    platform_id: int
    nonce: str = field(repr=False)
    deployment_id: str | None
    browser_digest: str | None

    def is_of_browser(self, secret: str | None) -> bool:
        """Whether a browser holds what the one was given that began this login."""
        return is_right_secret(secret, self.browser_digest)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A launch that is believed: who it is here (None for somebody not known yet), and what the link shows.

    `link` is None for a link that names no programme, and for deep linking.
    """

    platform_id: int
    launch: Launch
    user_id: int | None
    link: LinkPlace | None


def begin(
    session: Session, request: LoginRequest, base_url: str, now: datetime, *, browser_secret: str | None = None
) -> Begun:
    """Begin a launch: where to send the browser, with a state and nonce that are good for `LOGIN_LIFETIME`.

    `browser_secret` is what the browser was given with an earlier login and still holds, where it does.

    Raises:
        LaunchRefused: a part is missing, the platform is not registered, or the target link is not ours.
    """
    if not request.issuer or not request.login_hint or not request.target_link_uri:
        raise LaunchRefused("lti_login_incomplete")
    target = request.target_link_uri
    if len(target) > _TARGET_LIMIT or not lti_claims.is_below(target, base_url):
        raise LaunchRefused("lti_target_elsewhere", target=target[:200])
    platform = _named(session, request)
    state, nonce, fresh = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
    held = browser_secret if browser_secret and _BROWSER_SECRET.fullmatch(browser_secret) else fresh
    session.add(
        LtiLogin(
            state_digest=digest_of(state),
            platform_id=platform.platform_id,
            nonce=nonce,
            deployment_id=request.deployment_id or None,
            target_link_uri=target,
            browser_digest=digest_of(held),
            expires_at=now + LOGIN_LIFETIME,
        )
    )
    session.flush()
    asked = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": base_url + LAUNCH_PATH,
        "login_hint": request.login_hint,
        "state": state,
        "nonce": nonce,
    }
    if request.message_hint is not None:
        asked["lti_message_hint"] = request.message_hint
    return Begun(
        platform_id=platform.platform_id,
        redirect_to=_with_query(platform.authorization_url, asked),
        authorization_url=platform.authorization_url,
        state=state,
        browser_secret=held,
    )


def take_login(session: Session, state: str, now: datetime) -> Login:
    """Use up the state of a login: it serves once, whatever becomes of the launch. Commit before going on.

    Raises:
        LaunchRefused: `lti_state_missing`, `lti_state_unknown`, `lti_state_used` or `lti_state_expired`.
    """
    if not state:
        raise LaunchRefused("lti_state_missing")
    row = session.get(LtiLogin, digest_of(state), with_for_update=True, populate_existing=True)
    if row is None:
        raise LaunchRefused("lti_state_unknown")
    if row.used_at is not None:
        raise LaunchRefused("lti_state_used")
    if row.expires_at <= now:
        raise LaunchRefused("lti_state_expired")
    row.used_at = now
    session.flush()
    return Login(row.platform_id, row.nonce, row.deployment_id, row.browser_digest)


def believe(keys: PlatformKeys, login: Login, token: str, base_url: str, now: datetime) -> Launch:
    """Check an id_token's signature with the key set of the platform that the login was for, and its claims.

    Raises:
        LaunchRefused: a rule is broken; one code for each.
    """
    if not token:
        raise LaunchRefused("lti_token_missing")
    if len(token) > _TOKEN_LIMIT:
        raise LaunchRefused("lti_token_unreadable")
    kid = lti_claims.check_header(_header_of(token))
    key = keys.key(login.platform_id, kid, now)
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=_NO_CHECKS_BUT_THE_SIGNATURE)
    except jwt.InvalidSignatureError as fault:
        raise LaunchRefused("lti_signature_wrong") from fault
    except (jwt.PyJWTError, ValueError, RecursionError) as fault:
        raise LaunchRefused("lti_token_unreadable") from fault
    with keys.database.reading() as session:
        platform = session.get_one(LtiPlatform, login.platform_id)
        deployed = select(LtiDeployment.deployment_id).where(LtiDeployment.platform_id == login.platform_id)
        expected = Expectation(
            issuer=platform.issuer,
            client_id=platform.client_id,
            deployment_ids=frozenset(session.scalars(deployed)),
            deployment_id=login.deployment_id,
            nonce=login.nonce,
            base_url=base_url,
            now=now,
        )
    return lti_claims.check_claims(claims, expected)


def arrive(session: Session, platform_id: int, launch: Launch, nonce: str, now: datetime) -> Arrival:
    """Use the nonce up, find out who it is here, and note what the link shows.

    Raises:
        LaunchRefused: `lti_nonce_used`; `lti_account_suspended`; or the link names a programme that is not here.
    """
    digest = digest_of(nonce)
    if session.get(LtiNonce, (platform_id, digest)) is not None:
        raise LaunchRefused("lti_nonce_used")
    kept_until = max(launch.expires_at, now) + 2 * LEEWAY
    session.add(LtiNonce(platform_id=platform_id, nonce_digest=digest, expires_at=kept_until))
    session.flush()
    user_id = lti_accounts.person_at(session, platform_id, launch.subject)
    link = None
    if launch.message_type != DEEP_LINKING_REQUEST:
        link = lti_links.note(session, platform_id, launch, now, user_id=user_id)
    return Arrival(platform_id, launch, user_id, link)


def origins(session: Session, platform_id: int) -> tuple[str, ...]:
    """The origins of a platform's registered addresses: where its pages are, as far as is known here."""
    platform = session.get_one(LtiPlatform, platform_id)
    addresses = (platform.issuer, platform.authorization_url, platform.token_url)
    return origins_of(*(one for one in addresses if one))


def authorization_url(session: Session, platform_id: int) -> str:
    """Where a platform is asked who it is that launches."""
    return session.get_one(LtiPlatform, platform_id).authorization_url


def origins_of(*addresses: str) -> tuple[str, ...]:
    """The origins of addresses on the web, each once; an issuer need not be one."""
    found = []
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and _ORIGIN_HOST.fullmatch(parts.netloc):
            found.append(f"{parts.scheme}://{parts.netloc}")
    return tuple(dict.fromkeys(found))


def platforms_named(session: Session, issuer: str) -> list[int]:
    """The platforms registered with an issuer, by id."""
    named = select(LtiPlatform.platform_id).where(LtiPlatform.issuer == issuer).order_by(LtiPlatform.platform_id)
    return list(session.scalars(named.limit(20)))


def issuer_said(token: str) -> str:
    """The issuer that a token names, believed or not: good for nothing but to show a refusal where it came from."""
    try:
        said = jwt.decode(token[:_TOKEN_LIMIT], options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


def forget_expired(session: Session, now: datetime) -> int:
    """Delete some logins and nonces that are worth nothing any more; gives how many."""
    old_logins = select(LtiLogin.state_digest).where(LtiLogin.expires_at <= now - KEPT).limit(_SWEPT_AT_ONCE)
    digests = list(session.scalars(old_logins))
    session.execute(delete(LtiLogin).where(LtiLogin.state_digest.in_(digests)))
    old_nonces = select(LtiNonce.nonce_digest).where(LtiNonce.expires_at <= now).limit(_SWEPT_AT_ONCE)
    nonces = list(session.scalars(old_nonces))
    session.execute(delete(LtiNonce).where(LtiNonce.nonce_digest.in_(nonces), LtiNonce.expires_at <= now))
    return len(digests) + len(nonces)


def storage_key(state: str) -> str:
    """The name of a login's `browser_secret` in the platform's storage (LTI client side postMessages 1.0)."""
    return f"lms_plugin_{digest_of(state)[:16]}"


def digest_of(secret: str) -> str:
    """What is kept of a state, a nonce or a browser's secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_right_secret(secret: str | None, digest: str | None) -> bool:
    """Whether a secret is the one that a digest was kept of."""
    return bool(secret) and digest is not None and secrets.compare_digest(digest_of(str(secret)), digest)


def _header_of(token: str) -> dict[str, object]:
    """The header of a token in the compact form (RFC 7515, 3.1), believed in nothing yet."""
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as fault:
        raise LaunchRefused("lti_token_unreadable") from fault
    if not isinstance(header, dict):
        raise LaunchRefused("lti_token_unreadable")
    return header


def _named(session: Session, request: LoginRequest) -> LtiPlatform:
    """The platform a login request names: by issuer and client id; by its deployment where an issuer has several.

    Raises:
        LaunchRefused: `lti_platform_unknown`, or `lti_platform_ambiguous` where the request fits several.
    """
    wanted = select(LtiPlatform).where(LtiPlatform.issuer == request.issuer)
    if request.client_id:
        wanted = wanted.where(LtiPlatform.client_id == request.client_id)
    found = list(session.scalars(wanted.limit(50)))
    if len(found) > 1 and request.deployment_id:
        found = [one for one in found if session.get(LtiDeployment, (one.platform_id, request.deployment_id))]
    if not found:
        raise LaunchRefused("lti_platform_unknown", iss=request.issuer[:200], client_id=(request.client_id or "")[:200])
    if len(found) > 1:
        raise LaunchRefused("lti_platform_ambiguous", iss=request.issuer[:200])
    return found[0]


def _with_query(url: str, asked: dict[str, str]) -> str:
    """An address with more in its query; what it has already stays."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *asked.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
