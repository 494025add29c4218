"""LTI platforms: registering them by hand, changing them, their deployments; by whoever answers for every region.

What a platform is registered under follows LTI 1.3 core, 3.1.3 (issuer, client id, deployments) and the IMS Security
Framework 1.0, 5.1 (authorization address, key set). Every fault of a form is found at once, each with its field.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound, Refusal
from lms_plugin.services import access, platform_health
from lms_plugin.services.access import Actor
from lms_plugin.services.platforms import KEY, AddressCheck, Console
from lms_plugin.storage.lti import LtiDeployment, LtiPlatform, PlatformAccount
from lms_plugin.storage.lti_paths import LtiRegistration
from lms_plugin.storage.outbox import LTI, Platform

ISSUER_LIMIT, CLIENT_ID_LIMIT, ADDRESS_LIMIT, DEPLOYMENT_LIMIT = 300, 200, 500, 255
BASE_URL_LIMIT = 300
MOST_DEPLOYMENTS = 200
RESERVED_KEYS = frozenset({"new"})
"""Words that stand in an address of the office's pages where a key could stand."""
_VISIBLE = re.compile(r"[\x21-\x7e]+")
"""Identifiers of LTI are ASCII and case-sensitive (LTI 1.3 core, 3.1.3); a blank in one is a slip of copying."""


_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


class FieldFault(NamedTuple):
    """What is wrong with one field: `missing`, `too_long`, `unreadable`, `taken`, or why an address is refused."""

    field: str
    code: str


@dataclass(frozen=True, slots=True)
class LtiDetails:
    """What a platform is registered with, as it was typed; texts that may be left out are empty.

    `token_audience` is the `aud` of our assertion where it is another one than `token_url`.
    """

    issuer: str
    client_id: str
    authorization_url: str
    key_set_url: str
    token_url: str = ""
    token_audience: str = ""
    deployment_ids: tuple[str, ...] = ()

    def trimmed(self) -> "LtiDetails":
        """The same without the blanks around, and each deployment once."""
        ids = (one.strip() for one in self.deployment_ids)
        return LtiDetails(
            issuer=self.issuer.strip(),
            client_id=self.client_id.strip(),
            authorization_url=self.authorization_url.strip(),
            key_set_url=self.key_set_url.strip(),
            token_url=self.token_url.strip(),
            token_audience=self.token_audience.strip(),
            deployment_ids=tuple(dict.fromkeys(one for one in ids if one)),
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """That a platform came by dynamic registration and waits for an admin's word; as the platform told it."""

    product: str
    configuration_url: str
    deployment_id: str | None
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class LtiPlatformView:
    """A registered platform; `key_set_read_at` is when its public keys were last read. None waits that is confirmed."""

    platform_id: int
    key: str
    details: LtiDetails
    is_paused: bool
    paused_reason: str | None
    key_set_read_at: datetime | None
    has_people: bool
    waiting: Waiting | None


def register(
    session: Session, by: Actor | Console, check_address: AddressCheck, *, key: str, details: LtiDetails
) -> LtiPlatformView:
    """Register a platform under the key that reports and admins name it by.

    Without a deployment nothing can be launched from it yet.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        Malformed: `lti_platform_malformed`; `params['faults']` has `field` and `code` of each FieldFault.
    """
    require_right(by)
    details, key = details.trimmed(), key.strip()
    faults = faults_of_key(session, key) + faults_of(session, details, check_address, platform_id=None)
    if faults:
        raise malformed(faults)
    platform = Platform(
        key=key, base_url=_base_url(details), client_id=details.client_id, sealed_secret=b"", kind=LTI, failures=0
    )
    session.add(platform)
    session.flush()
    lti = LtiPlatform(platform_id=platform.id)
    _write(session, platform, lti, details)
    session.add(lti)
    session.flush()
    return _view(session, platform, lti)


def update(
    session: Session, by: Actor | Console, check_address: AddressCheck, *, key: str, details: LtiDetails
) -> LtiPlatformView:
    """Change everything about a platform but its key; a faulty connection is tried again at once.

    Its public keys are read anew where their address changed. The issuer stays once people are linked: their
    subjects are names that this issuer gave, and would stand for others under another one.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key.
        Malformed: as for `register`.
        Conflict: it waits to be confirmed first (`registration_waiting`).
    """
    require_right(by)
    platform, lti = _locked(session, key)
    if session.get(LtiRegistration, platform.id) is not None:
        raise Conflict("registration_waiting", key=key)
    details = details.trimmed()
    faults = faults_of(session, details, check_address, platform_id=platform.id)
    if details.issuer != lti.issuer and _has_people(session, platform.id):
        faults.append(FieldFault("issuer", "has_people"))
    if faults:
        raise malformed(faults)
    if (details.key_set_url, details.issuer) != (lti.key_set_url, lti.issuer):
        lti.key_set = lti.key_set_read_at = None
    _write(session, platform, lti, details)
    platform_health.try_at_once(platform)
    session.flush()
    return _view(session, platform, lti)


def remove_deployments(session: Session, by: Actor | Console, *, key: str, deployment_ids: Sequence[str]) -> None:
    """Take deployments out: nothing is launched from them any more, what was earned stays.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key, or it has no such deployment.
    """
    require_right(by)
    platform, _lti = _locked(session, key)
    for deployment_id in deployment_ids:
        deployment = session.get(LtiDeployment, (platform.id, deployment_id))
        if deployment is None:
            raise NotFound(what="deployment", deployment_id=deployment_id)
        session.delete(deployment)
    session.flush()


def listing(session: Session, by: Actor | Console) -> list[LtiPlatformView]:
    """All LTI platforms by key.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
    """
    require_right(by)
    rows = session.execute(
        select(Platform, LtiPlatform).join(LtiPlatform, LtiPlatform.platform_id == Platform.id).order_by(Platform.key)
    ).all()
    return [_view(session, platform, lti) for platform, lti in rows]


def get(session: Session, by: Actor | Console, key: str) -> LtiPlatformView:
    """One LTI platform.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key.
    """
    require_right(by)
    row = session.execute(
        select(Platform, LtiPlatform)
        .join(LtiPlatform, LtiPlatform.platform_id == Platform.id)
        .where(Platform.key == key)
    ).one_or_none()
    if row is None:
        raise NotFound(what="platform", key=key)
    return _view(session, row.Platform, row.LtiPlatform)


def malformed(faults: Sequence[FieldFault]) -> Malformed:
    """The refusal that names the fields at fault."""
    return Malformed("lti_platform_malformed", faults=[one._asdict() for one in faults])


def faults_of_key(session: Session, key: str) -> list[FieldFault]:
    """What is wrong with a key for a new platform, of any kind."""
    if not key:
        return [FieldFault("key", "missing")]
    if KEY.fullmatch(key) is None or key in RESERVED_KEYS:
        return [FieldFault("key", "key_form")]
    if session.scalar(select(Platform.id).where(Platform.key == key)) is not None:
        return [FieldFault("key", "taken")]
    return []


def faults_of(
    session: Session, details: LtiDetails, check_address: AddressCheck, *, platform_id: int | None
) -> list[FieldFault]:
    """What is wrong with the details of a platform, or of a new one (`platform_id` None)."""
    found = [
        _fault_of_name("issuer", details.issuer, ISSUER_LIMIT),
        _fault_of_name("client_id", details.client_id, CLIENT_ID_LIMIT),
        _fault_of_address("authorization_url", details.authorization_url, check_address),
        _fault_of_address("key_set_url", details.key_set_url, check_address),
        _fault_of_address("token_url", details.token_url, check_address) if details.token_url else None,
        _fault_of_audience(details),
        _fault_of_deployments(details.deployment_ids),
    ]
    faults = [one for one in found if one is not None]
    if not any(one.field in ("issuer", "client_id") for one in faults):
        same = select(LtiPlatform.platform_id).where(
            LtiPlatform.issuer == details.issuer, LtiPlatform.client_id == details.client_id
        )
        if session.scalar(same) not in (None, platform_id):
            faults.append(FieldFault("client_id", "taken"))
    return faults


def require_right(by: Actor | Console) -> None:
    """Platforms concern every region.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
    """
    if isinstance(by, Actor):
        access.require_whole_office(by)


def origin_of(address: str) -> str:
    """Scheme, host and port of an address; empty where it has none."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    # What is no host has no place in a header either.
    return f"{parts.scheme}://{host}{port}" if parts.scheme in ("http", "https") and _HOST.fullmatch(host) else ""


def _locked(session: Session, key: str) -> tuple[Platform, LtiPlatform]:
    platform = session.scalar(
        select(Platform)
        .where(Platform.key == key, Platform.kind == LTI)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if platform is None:
        raise NotFound(what="platform", key=key)
    return platform, session.get_one(LtiPlatform, platform.id, populate_existing=True)


def _write(session: Session, platform: Platform, lti: LtiPlatform, details: LtiDetails) -> None:
    platform.base_url, platform.client_id = _base_url(details), details.client_id
    lti.issuer, lti.client_id = details.issuer, details.client_id
    lti.authorization_url, lti.key_set_url = details.authorization_url, details.key_set_url
    lti.token_url, lti.token_audience = details.token_url or None, details.token_audience or None
    session.execute(
        delete(LtiDeployment).where(
            LtiDeployment.platform_id == platform.id, LtiDeployment.deployment_id.not_in(details.deployment_ids)
        )
    )
    known = set(_deployments(session, platform.id))
    session.add_all(
        LtiDeployment(platform_id=platform.id, deployment_id=one) for one in details.deployment_ids if one not in known
    )


def _base_url(details: LtiDetails) -> str:
    """The issuer where it is an address, else where the authorization address lies."""
    return details.issuer if origin_of(details.issuer) else origin_of(details.authorization_url)


def _deployments(session: Session, platform_id: int) -> list[str]:
    found = select(LtiDeployment.deployment_id).where(LtiDeployment.platform_id == platform_id)
    return list(session.scalars(found.order_by(LtiDeployment.deployment_id)))


def _has_people(session: Session, platform_id: int) -> bool:
    return bool(session.scalar(select(exists().where(PlatformAccount.platform_id == platform_id))))


def _fault_of_name(field: str, text: str, limit: int) -> FieldFault | None:
    if not text:
        return FieldFault(field, "missing")
    if len(text) > limit:
        return FieldFault(field, "too_long")
    return None if _VISIBLE.fullmatch(text) else FieldFault(field, "unreadable")


def _fault_of_address(field: str, address: str, check_address: AddressCheck) -> FieldFault | None:
    fault = _fault_of_name(field, address, ADDRESS_LIMIT)
    if fault is not None:
        return fault
    # Only a browser is ever sent to the authorization address: a query of its own does no harm there (RFC 6749, 3.1).
    path, _mark, query = address.partition("?")
    checked = path if field == "authorization_url" and "#" not in query else address
    if not origin_of(checked) or len(origin_of(checked)) > BASE_URL_LIMIT:
        return FieldFault(field, "malformed" if "://" in checked else "no_address")
    try:
        check_address(checked)
    except Refusal as refusal:
        return FieldFault(field, str(refusal.params.get("reason", "malformed")))
    return None


def _fault_of_audience(details: LtiDetails) -> FieldFault | None:
    if not details.token_audience:
        return None
    if not details.token_url:
        return FieldFault("token_audience", "without_token_url")
    return _fault_of_name("token_audience", details.token_audience, ADDRESS_LIMIT)


def _fault_of_deployments(deployment_ids: Sequence[str]) -> FieldFault | None:
    if len(deployment_ids) > MOST_DEPLOYMENTS:
        return FieldFault("deployment_ids", "too_many")
    for one in deployment_ids:
        fault = _fault_of_name("deployment_ids", one, DEPLOYMENT_LIMIT)
        if fault is not None:
            return fault
    return None


def _view(session: Session, platform: Platform, lti: LtiPlatform) -> LtiPlatformView:
    details = LtiDetails(
        issuer=lti.issuer,
        client_id=lti.client_id,
        authorization_url=lti.authorization_url,
        key_set_url=lti.key_set_url,
        token_url=lti.token_url or "",
        token_audience=lti.token_audience or "",
    )
    row = session.get(LtiRegistration, platform.id)
    return LtiPlatformView(
        platform_id=platform.id,
        key=platform.key,
        details=replace(details, deployment_ids=tuple(_deployments(session, platform.id))),
        is_paused=platform.is_paused,
        paused_reason=platform.paused_reason,
        key_set_read_at=lti.key_set_read_at,
        has_people=_has_people(session, platform.id),
        waiting=Waiting(row.product, row.configuration_url, row.deployment_id, row.registered_at) if row else None,
    )
