"""The line item of each link: the one that a launch told of, one that is found, or one that is made (AGS 2.0, 3.2)."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.lti.services import GradeServices, refusal_of_address
from lms_plugin.services.line_items import KNOWN_SECONDS, ScoredLink, ScoredLinks
from lms_plugin.services.ports import RefusalCode, Refused, TryLater

TAG = "class-hours"


@dataclass(slots=True)
class _Known:
    link: ScoredLink
    until: float


class LineItems:
    """The line items of one platform's links; safe to share between threads."""

    def __init__(
        self, services: GradeServices, links: ScoredLinks, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._services = services
        self._links = links
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._known: dict[int, _Known] = {}
        self._making: dict[int, threading.Lock] = {}

    def link(self, link_id: int) -> ScoredLink | None:
        """A link, read once in a while."""
        with self._guard:
            known = self._known.get(link_id)
            if known is not None and self._monotonic() < known.until:
                return known.link
        link = self._links.find(link_id)
        if link is not None:
            self._know(link)
        return link

    def address(self, link_id: int, maximum: int) -> str:
        """Where a link's scores go; a line item is made, with this scoreMaximum, where there is none.

        Raises:
            Undelivered: there is no such link, it has no line item and none can be made, or the platform fails.
        """
        link = self._found(link_id)
        if link.line_item_url is not None:
            return link.line_item_url
        return self._fixed(link_id, None, maximum)

    def anew(self, link_id: int, gone: str, maximum: int) -> str:
        """As `address`, where the line item at `gone` is no more.

        Raises:
            Undelivered: as for `address`.
        """
        return self._fixed(link_id, gone, maximum)

    def _fixed(self, link_id: int, gone: str | None, maximum: int) -> str:
        with self._guard:
            making = self._making.setdefault(link_id, threading.Lock())
        with making:
            with self._guard:
                self._known.pop(link_id, None)
            link = self._found(link_id)
            if link.line_item_url is not None and link.line_item_url != gone:
                return link.line_item_url
            if link.line_items_url is None:
                raise Undelivered(Refused(RefusalCode.UNKNOWN_BLOCK, "the platform gave this link no line item"))
            url = self._looked_for(link, link.line_items_url, gone) or self._made(link, link.line_items_url, maximum)
            url = self._links.keep(link_id, url, instead_of=gone)
            self._know(replace(link, line_item_url=url))
            return url

    def _looked_for(self, link: ScoredLink, line_items_url: str, gone: str | None) -> str | None:
        """This tool's line item of the link, else any of the link's; one whose making got no answer is found here."""
        query = {"resource_link_id": link.resource_link_id}
        fitting: list[tuple[bool, str]] = []
        for one in self._services.line_items(line_items_url, query):
            url = one.get("id")
            if one.get("resourceLinkId") == link.resource_link_id and isinstance(url, str) and url != gone:
                is_ours = (one.get("resourceId"), one.get("tag")) == (link.resource_id, TAG)
                fitting.append((not is_ours, url))
        return min(fitting)[1] if fitting else None

    def _made(self, link: ScoredLink, line_items_url: str, maximum: int) -> str:
        """A new line item; without `resourceLinkId` platforms take scores for it and show no grade."""
        answer = self._services.make_line_item(
            line_items_url,
            {
                "label": link.label,
                "scoreMaximum": maximum,
                "resourceId": link.resource_id,
                "tag": TAG,
                "resourceLinkId": link.resource_link_id,
            },
        )
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise Undelivered(refusal_of_address(answer), answer.status)
        url = answer.json_object().get("id")
        if not isinstance(url, str) or not url:
            raise Undelivered(TryLater("the answer is not the platform's: the new line item has no address"))
        return url

    def _found(self, link_id: int) -> ScoredLink:
        link = self.link(link_id)
        if link is None:
            raise Undelivered(Refused(RefusalCode.UNKNOWN_BLOCK, f"there is no link {link_id} any more"))
        return link

    def _know(self, link: ScoredLink) -> None:
        with self._guard:
            self._known[link.id] = _Known(link, self._monotonic() + KNOWN_SECONDS)
