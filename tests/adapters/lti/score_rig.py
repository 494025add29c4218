"""What tests of scores stand on: the genuine adapter and a test platform, with links kept in memory."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric import rsa

from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.ags import ScoreService
from lms_plugin.adapters.origin_clients import OriginClients
from lms_plugin.domain.hours import Reached
from lms_plugin.services.line_items import ScoredLink
from tests.peers.lti.interface import Fault, Link, LtiTestPlatform, Person
from tests.peers.lti.site.names import GRADES_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer

HURRIED_SECONDS = 1.5
TOO_LONG_SECONDS = 60


class LinksInMemory:
    """The ScoredLinks of a platform, as a dictionary."""

    def __init__(self) -> None:
        self.links: dict[int, ScoredLink] = {}
        self.list_url: str | None = None

    def find(self, link_id: int) -> ScoredLink | None:
        return self.links.get(link_id)

    def keep(self, link_id: int, line_item_url: str, *, instead_of: str | None) -> str:
        link = self.links[link_id]
        if link.line_item_url in (None, instead_of):
            self.links[link_id] = replace(link, line_item_url=line_item_url)
        return self.links[link_id].line_item_url or ""

    def any_list(self) -> str | None:
        return self.list_url


class ScoreRig:
    """A course with two links on a platform; `declarative`: the platform has made their line items itself."""

    first, second, nothing = "link:1", "link:2", None

    def __init__(self, platform: LtiTestPlatform, keys: KeySetServer, *, declarative: bool = True) -> None:
        self.platform = platform
        self._numbers = itertools.count(1)
        self._clients = [OriginClients(allow_loopback=True)]
        self._clients.append(OriginClients(allow_loopback=True, read_seconds=HURRIED_SECONDS))
        self.tool = HandMadeTool(platform, keys)
        platform.seed(
            users=[Person("author", role="Instructor")], links=[Link("one"), Link("two")], declarative=declarative
        )
        self.links = LinksInMemory()
        for number, name in ((1, "one"), (2, "two")):
            told = self.tool.launch(platform.login_request("author", name))[GRADES_CLAIM]
            self.links.links[number] = ScoredLink(
                number,
                platform.resource_link_id(name),
                told.get("lineitem"),
                told.get("lineitems"),
                f"模块 {name}",
                f"rural/{name}",
            )
            self.links.list_url = told.get("lineitems")
        self.reporter, self.hurried = (self.made(client) for client in self._clients)

    @property
    def course(self) -> str:
        return self.platform.context_id

    def made(self, clients: OriginClients, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> ScoreService:
        """A reporter with nothing known yet, as after a restart."""
        tokens = AccessTokens(
            token_url=self.platform.token_url,
            client_id=self.platform.client_id,
            audience=self.platform.token_url,
            sign=self.tool.signed,
            client_for=clients,
            now=now,
        )
        return ScoreService(tokens, self.links, comment_in, now=now)

    def restart(self) -> None:
        """Report from a process that has just begun."""
        self.reporter = self.made(self._clients[0])

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def learner(self) -> str:
        username = f"teacher{next(self._numbers)}"
        self.platform.seed(users=[Person(username)])
        # Open edX has a subject for whoever has launched, or stands in a roster that was read.
        self.tool.launch(self.platform.login_request(username, "one"))
        return self.platform.subject(username)

    def stored(self, username: str) -> dict[str, float]:
        block_keys = {link.line_item_url: f"link:{link.id}" for link in self.links.links.values()}
        return {
            block_keys[url]: round(row.given / row.maximum, 6)
            for (url, subject), row in self.platform.scores().items()
            if subject == username and row.given is not None and row.maximum
        }

    def break_credentials(self) -> None:
        self.tool.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.restart()

    def go_down(self) -> None:
        self.platform.kill()

    def come_back(self) -> None:
        self.platform.start()

    def refuse_next(self, status: int, retry_after: str | None = None) -> None:
        self.platform.faults(Fault.refused("scores", status, retry_after=retry_after))

    def answer_next_too_late(self) -> None:
        self.platform.faults(Fault.slow("scores", TOO_LONG_SECONDS))

    def lose_next_answer(self) -> None:
        self.platform.faults(Fault.answer_lost("scores"))


def comment_in(language: str, hours: Reached) -> str:
    return f"{language}: {hours.credited.normalize():f} of {hours.required.normalize():f}"


def hours(credited: str, required: str) -> Reached:
    return Reached(Decimal(credited), Decimal(required))
