"""Where an LTI link's scores go: what is known of its line item, and the address of one that was made (AGS 2.0)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.services import catalogue, owing
from lms_plugin.storage.lti import LtiLink
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.session import Database

LABEL_LIMIT = 255
KNOWN_SECONDS = 60.0
"""How long a reporter takes a link to be as it read it; a launch may have told of another line item since."""


@dataclass(frozen=True, slots=True)
class ScoredLink:
    """A resource link as its scores need it.

    `line_item_url` is None while there is no line item yet; `line_items_url` is None where this tool may make none.
    `label` and `resource_id` are for one that is made: the title of what the link shows, and its keys.
    """

    id: int
    resource_link_id: str
    line_item_url: str | None
    line_items_url: str | None
    label: str
    resource_id: str


class ScoredLinks(Protocol):
    """The links of one platform, as an adapter asks for them."""

    def find(self, link_id: int) -> ScoredLink | None:
        """A link of the platform, None where it has none such."""
        ...

    def keep(self, link_id: int, line_item_url: str, *, instead_of: str | None) -> str:
        """Keep a line item's address unless somebody else kept another one meanwhile; gives the one that stands.

        What the link's other reports had stored in the one before is owed to this one.
        """
        ...

    def any_list(self) -> str | None:
        """An address below which some link's line items stand."""
        ...


class StoredLinks:
    """The ScoredLinks of a platform that the store holds."""

    def __init__(
        self, database: Database, platform_key: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._platform_key = platform_key
        self._now = now

    def find(self, link_id: int) -> ScoredLink | None:
        with self._database.reading() as session:
            link = session.scalar(
                select(LtiLink)
                .join(Platform, Platform.id == LtiLink.platform_id)
                .where(LtiLink.id == link_id, Platform.key == self._platform_key)
            )
            return _scored(session, link, self._now()) if link is not None else None

    def keep(self, link_id: int, line_item_url: str, *, instead_of: str | None) -> str:
        def keep(session: Session) -> str:
            link = session.get_one(LtiLink, link_id, with_for_update=True)
            if link.line_item_url != line_item_url and link.line_item_url in (None, instead_of):
                link.line_item_url = line_item_url
                session.flush()
                owing.owe_line_item(session, link.id, self._now())
            return str(link.line_item_url)

        return self._database.transact(keep)

    def any_list(self) -> str | None:
        with self._database.reading() as session:
            return session.scalar(
                select(LtiLink.line_items_url)
                .join(Platform, Platform.id == LtiLink.platform_id)
                .where(Platform.key == self._platform_key, LtiLink.line_items_url.is_not(None))
                .order_by(LtiLink.seen_at.desc(), LtiLink.id.desc())
                .limit(1)
            )


def _scored(session: Session, link: LtiLink, now: datetime) -> ScoredLink:
    programme = catalogue.in_force(session, link.programme_id, now).programme
    title, resource_id = programme.title.zh, programme.key
    if link.module_id is not None:
        key = session.get_one(ModuleRow, link.module_id).key
        module = next((one for one in programme.modules if one.key == key), None)
        title, resource_id = module.title.zh if module is not None else key, f"{programme.key}/{key}"
    return ScoredLink(
        link.id, link.resource_link_id, link.line_item_url, link.line_items_url, title[:LABEL_LIMIT], resource_id
    )
