"""A small LTI 1.3 platform of our own, written from the specifications and strict where they are."""

import html
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.peers.lti.interface import Fault, HeldScore, Link, Person, PlatformRefused
from tests.peers.lti.site.control import CLIENT_ID, subject_of
from tests.peers.lti.site.launch import CONTEXT_ID, DEPLOYMENT
from tests.peers.process import PeerProcess

SERVICES = {
    "any": "",
    "token": r"^/token$",
    "scores": r"/scores$",
    "results": r"/results$",
    "line_items": r"/lineitems$",
    "memberships": r"/memberships$",
    "key_set": r"^/keys$",
    "authorization": r"^/authorize$",
}


def form_of(answer: httpx.Response) -> dict[str, str]:
    """The fields of the form that a platform lets a browser post to the tool.

    Raises:
        PlatformRefused: it is no such form.
    """
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", answer.text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in attributes:
            fields[html.unescape(attributes["name"])] = html.unescape(attributes.get("value", ""))
    if answer.status_code != 200 or "id_token" not in fields:
        raise PlatformRefused(answer.status_code, answer.text)
    return {name: fields[name] for name in ("id_token", "state") if name in fields}


class LtiPlatform(PeerProcess):
    """Beyond `LtiTestPlatform`: dynamic registration, odd claims, and members who are deleted or inactive."""

    client_id = CLIENT_ID
    deployment_id = DEPLOYMENT
    context_id = CONTEXT_ID

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-B", "-m", "tests.peers.lti.site.serve"]

    def is_ready(self, ready: Mapping[str, Any]) -> None:
        super().is_ready(ready)
        self.issuer = self.base_url
        self.authorization_url = f"{self.base_url}/authorize"
        self.token_url = f"{self.base_url}/token"
        self.key_set_url = f"{self.base_url}/keys"

    def seed(
        self,
        *,
        users: Sequence[Person] = (),
        links: Sequence[Link] = (),
        context_title: str | None = None,
        declarative: bool | None = None,
        personal_data: bool | None = None,
        page_size: int | None = None,
        pending_results: bool | None = None,
        whole_seconds: bool | None = None,
        reset: bool = False,
    ) -> None:
        """As `LtiTestPlatform.seed`; what is None stays as it was.

        `page_size` is that of every list. Without `pending_results` a result shows only what is fully graded, and with
        `whole_seconds` fractions of a second in timestamps are not read: Moodle does both.
        """
        settings = {
            "context_title": context_title,
            "declarative": declarative,
            "personal_data": personal_data,
            "page_size": page_size,
            "pending_results": pending_results,
            "whole_seconds": whole_seconds,
        }
        body = {
            "reset": reset,
            "users": [asdict(person) for person in users],
            "links": [{**asdict(link), "custom": dict(link.custom)} for link in links],
            "settings": {name: value for name, value in settings.items() if value is not None},
        }
        self.post("/peer/seed", body)

    def set_tool(self, *, launch_url: str, login_url: str, key_set_url: str = "", public_key: str = "") -> None:
        body = {"launch_url": launch_url, "login_url": login_url, "key_set_url": key_set_url, "public_key": public_key}
        self.post("/peer/tool", body)

    def subject(self, username: str) -> str:
        return subject_of(username)

    def resource_link_id(self, link: str) -> str:
        return next(str(row["resource_link_id"]) for row in self.state()["links"] if row["name"] == link)

    def line_item(self, link: str) -> str | None:
        state = self.state()
        wanted = next(row["resource_link_id"] for row in state["links"] if row["name"] == link)
        found = [str(row["url"]) for row in state["line_items"] if row["resource_link_id"] == wanted]
        return found[0] if found else None

    def login_request(
        self, user: str, link: str, *, client_id: str = CLIENT_ID, deployment_id: str = ""
    ) -> dict[str, str]:
        """As `LtiTestPlatform.login_request`; also for a tool registered dynamically, or from another deployment."""
        return self._login(user=user, link=link, client_id=client_id, deployment_id=deployment_id)

    def deep_link_request(self, user: str, *, client_id: str = CLIENT_ID) -> dict[str, str]:
        return self._login(user=user, link="", client_id=client_id, message="LtiDeepLinkingRequest")

    def launch_page(self, user: str, link: str, *, storage: bool = False) -> str:
        """A page with the link in an iframe; with `storage` the page keeps values for the tool (postMessage)."""
        return f"{self.base_url}/peer/frame?{urlencode({'user': user, 'link': link, 'storage': int(storage)})}"

    def authorize(self, parameters: Mapping[str, str], *, claims: Mapping[str, Any] | None = None) -> dict[str, str]:
        """As `LtiTestPlatform.authorize`; `claims` changes what the token says ({name: value}, None takes away)."""
        if claims is not None:
            self.post("/peer/set", {"claims": dict(claims)})
        return form_of(self.http.post(self.authorization_url, data=dict(parameters)))

    def sign(self, claims: Mapping[str, Any], headers: Mapping[str, Any] | None = None) -> str:
        """Any claims, signed with the platform's present key."""
        return str(self.post("/peer/sign", {"claims": dict(claims), "headers": dict(headers or {})})["token"])

    def receive_deep_link(self, jwt: str, return_url: str) -> list[dict[str, Any]]:
        answer = self.http.post(return_url, data={"JWT": jwt})
        if answer.status_code != 200:
            raise PlatformRefused(answer.status_code, answer.text)
        return list(self.state()["content_items"])

    def registration_request(self) -> dict[str, str]:
        """What the platform adds to the tool's registration address: openid_configuration, registration_token."""
        return dict(self.post("/peer/registration", {}))

    def rotate_keys(self, *, keep_old: bool = True) -> None:
        self.post("/peer/rotate", {"keep_old": keep_old})

    def set_clock(self, minutes: float) -> None:
        self.post("/peer/set", {"clock_minutes": minutes})

    def end_tokens(self) -> None:
        """Let every access token given so far be invalid."""
        self.post("/peer/end-tokens", {})

    def faults(self, *faults: Fault) -> None:
        planned = []
        for fault in faults:
            entry = {**asdict(fault), "pattern": SERVICES[fault.on]}
            del entry["on"]
            planned.append(entry)
        self.post("/peer/faults", planned)

    def enrol(self, *people: Person) -> None:
        self.post("/peer/members", {"people": [asdict(person) for person in people]})

    def remove(self, *usernames: str) -> None:
        """They are in the roster no more, and `Deleted` in its differences."""
        self.post("/peer/status", {"usernames": usernames, "status": "Deleted"})

    def deactivate(self, *usernames: str) -> None:
        """They are `Inactive` in the roster, and cannot launch."""
        self.post("/peer/status", {"usernames": usernames, "status": "Inactive"})

    def scores(self) -> dict[tuple[str, str], HeldScore]:
        return {
            (row["url"], row["subject"]): HeldScore(
                row["given"], row["maximum"], row["activity"], row["grading"], row["timestamp"], row["comment"]
            )
            for row in self.state()["scores"]
        }

    def times_stored(self) -> dict[tuple[str, str], int]:
        """How many scores were stored, by (line item URL, subject)."""
        return {(row["url"], row["subject"]): row["stored"] for row in self.state()["scores"]}

    def gradebook(self) -> dict[tuple[str, str], float]:
        return {(link, username): grade for link, username, grade in self.state()["gradebook"]}

    def requests(self) -> list[dict[str, Any]]:
        return list(self.state()["requests"])

    def state(self) -> dict[str, Any]:
        """Everything the platform's tables hold."""
        return dict(self.get("/peer/state"))

    def _login(self, **wanted: Any) -> dict[str, str]:
        answer = self.http.post(f"{self.base_url}/peer/login", json=wanted)
        if answer.status_code != 200:
            raise PlatformRefused(answer.status_code, answer.text)
        return dict(answer.json()["parameters"])
