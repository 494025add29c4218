"""What the tests may ask of an LTI Advantage platform, whichever it is.

Words are LTI 1.3's. A test names people by `username` and resource links by a short name of its own; the platform's
own identifiers (`sub`, resource link id, line item URL) come from `subject`, `resource_link_id` and `line_item`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

Role = Literal["Learner", "Instructor"]
Service = Literal["token", "scores", "results", "line_items", "memberships", "key_set", "authorization", "any"]


class PlatformRefused(Exception):
    """The platform answered a browser's request with a refusal."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}")
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Person:
    """A user of the platform who is a member of the seeded context."""

    username: str
    name: str = ""
    role: Role = "Learner"
    email: str = ""


@dataclass(frozen=True)
class Link:
    """A resource link in the context; without a `target_link_uri` it opens the tool's launch URL.

    `maximum` is the line item's scoreMaximum where the platform declares one.
    """

    name: str
    title: str = ""
    target_link_uri: str = ""
    custom: Mapping[str, str] = field(default_factory=dict)
    maximum: float = 100


@dataclass(frozen=True)
class HeldScore:
    """A row of the platform's own table of scores: one per line item and user."""

    given: float | None
    maximum: float | None
    activity_progress: str
    grading_progress: str
    timestamp: str
    comment: str


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests to a service."""

    on: Service
    kind: Literal["refuse", "lose_answer", "slow"]
    times: int = 1
    status: int = 0
    retry_after: str | None = None
    seconds: float = 0.0

    @classmethod
    def refused(cls, on: Service, status: int, *, times: int = 1, retry_after: str | None = None) -> Self:
        """Answered with `status` and nothing stored: 500, 429 with Retry-After, a token refused with 400 or 401."""
        return cls(on, "refuse", times, status, retry_after)

    @classmethod
    def stored_yet_refused(cls, on: Service, status: int = 500, *, times: int = 1) -> Self:
        """Served and stored, then answered with `status`."""
        return cls(on, "lose_answer", times, status)

    @classmethod
    def answer_lost(cls, on: Service, *, times: int = 1) -> Self:
        """Served and stored, then the connection is cut."""
        return cls(on, "lose_answer", times)

    @classmethod
    def slow(cls, on: Service, seconds: float, *, times: int = 1) -> Self:
        """Served after `seconds`."""
        return cls(on, "slow", times, seconds=seconds)


class LtiTestPlatform(Protocol):
    """A platform in a process of its own on 127.0.0.1; what it holds outlives `kill` and `restart`."""

    base_url: str
    issuer: str
    client_id: str
    deployment_id: str
    authorization_url: str
    token_url: str
    key_set_url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def restart(self) -> None: ...

    @property
    def running(self) -> bool: ...

    def seed(
        self,
        *,
        users: Sequence[Person] = (),
        links: Sequence[Link] = (),
        context_title: str = "Remote training",
        declarative: bool = True,
        personal_data: bool = True,
        reset: bool = False,
    ) -> None:
        """Put people and resource links into the context.

        Declarative: each link has a line item that the platform made, and the tool may make none. Otherwise the tool
        makes its own. Without `personal_data` neither launches nor the roster tell names and e-mail addresses.
        `reset` first forgets everything but the registration of the tool and the keys.
        """

    def set_tool(self, *, launch_url: str, login_url: str, key_set_url: str = "", public_key: str = "") -> None:
        """Register the tool, with the address of its key set or one public key (PEM); deep links use `launch_url`."""

    def subject(self, username: str) -> str:
        """The `sub` the tool knows this person by."""

    @property
    def context_id(self) -> str: ...

    def resource_link_id(self, link: str) -> str: ...

    def line_item(self, link: str) -> str | None:
        """The address of the line item that belongs to a link, whoever made it."""

    def login_request(self, user: str, link: str) -> dict[str, str]:
        """The parameters of the third-party-initiated login that a click on the link sends to the tool's login URL."""

    def deep_link_request(self, user: str) -> dict[str, str]:
        """The same for a deep linking request, for the link the platform keeps for it."""

    def launch_page(self, user: str, link: str) -> str:
        """The address of a page that shows the link in an iframe, for a browser."""

    def authorize(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Send an authentication request as a browser does; the form (id_token, state) the platform would post to us.

        Raises:
            PlatformRefused: the platform answers with an error.
        """

    def receive_deep_link(self, jwt: str, return_url: str) -> list[dict[str, Any]]:
        """Post a deep linking response as the browser does; the content items the platform then holds.

        Raises:
            PlatformRefused: the platform does not accept it.
        """

    def rotate_keys(self, *, keep_old: bool = True) -> None:
        """Sign with a new key from now on; the old one stays in the key set only if `keep_old`."""

    def set_clock(self, minutes: float) -> None:
        """Let the platform's clock be that many minutes ahead of ours (negative: behind)."""

    def faults(self, *faults: Fault) -> None:
        """Plan what goes wrong, in place of what was planned before; without any, end all."""

    def enrol(self, *people: Person) -> None:
        """Add members to the context, or change them."""

    def remove(self, *usernames: str) -> None:
        """End people's membership of the context."""

    def scores(self) -> dict[tuple[str, str], HeldScore]:
        """The platform's own table of scores, by (line item URL, subject)."""

    def gradebook(self) -> dict[tuple[str, str], float]:
        """The grades the platform shows, 0..1, by (link, username)."""

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests: method, path, fault, status."""
