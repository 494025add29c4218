"""What tests of scores stand on: an LTI platform as the store knows one, its links, and its people here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.lti import LtiLink, LtiPlatform, PlatformAccount
from lms_plugin.storage.outbox import LTI, Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ModuleRow
from tests.builders import NOW


@dataclass(frozen=True, slots=True)
class Named:
    """A platform's addresses, all below one origin unless a test says otherwise."""

    origin: str = "https://school.example.org"
    client_id: str = "tool-1"


def make_lti_platform(
    session: Session, key: str = "school", *, named: Named | None = None, token_url: str | None = None
) -> Platform:
    """A registered platform of the kind `lti`."""
    named = named or Named()
    platform = Platform(
        key=key,
        base_url=named.origin,
        client_id=named.client_id,
        sealed_secret=b"",
        kind=LTI,
        is_paused=False,
        failures=0,
    )
    session.add(platform)
    session.flush()
    session.add(
        LtiPlatform(
            platform_id=platform.id,
            issuer=f"{named.origin}/{key}",
            client_id=named.client_id,
            authorization_url=f"{named.origin}/auth",
            token_url=token_url or f"{named.origin}/token",
            key_set_url=f"{named.origin}/jwks",
        )
    )
    session.flush()
    return platform


def make_link(
    session: Session,
    platform: Platform,
    current: InForce,
    module_key: str | None = None,
    *,
    name: str = "link-1",
    context_id: str = "course-7",
    line_item_url: str | None = None,
    line_items_url: str | None = None,
) -> LtiLink:
    """A resource link that shows a programme, or a module of it."""
    module_id = None
    if module_key is not None:
        module_id = session.scalars(
            select(ModuleRow.id).where(ModuleRow.programme_id == current.id, ModuleRow.key == module_key)
        ).one()
    link = LtiLink(
        platform_id=platform.id,
        deployment_id="1",
        context_id=context_id,
        resource_link_id=name,
        programme_id=current.id,
        module_id=module_id,
        line_item_url=line_item_url,
        line_items_url=line_items_url,
        seen_at=NOW,
    )
    session.add(link)
    session.flush()
    return link


def make_account(
    session: Session, platform: Platform, user: User, subject: str | None = None, *, now: datetime = NOW
) -> PlatformAccount:
    """Who somebody is on the platform."""
    account = PlatformAccount(
        platform_id=platform.id,
        subject=subject or f"sub-{user.login}",
        user_id=user.id,
        origin="launch",
        linked_at=now,
    )
    session.add(account)
    session.flush()
    return account


def reports_of(session: Session, platform: Platform) -> dict[str, Report]:
    """The reports of one learner's platform by block key."""
    rows = session.scalars(select(Report).where(Report.platform_key == platform.key).order_by(Report.id))
    return {row.block_key: row for row in rows}
