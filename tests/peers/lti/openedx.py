"""Open edX as an LTI platform: the genuine lti-consumer-xblock in the Open edX test platform's process."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.peers.lti.interface import Fault, HeldScore, Link, Person, PlatformRefused
from tests.peers.lti.platform import form_of
from tests.peers.process import OpenEdxPeer

SUBJECTS = uuid.uuid5(uuid.NAMESPACE_DNS, "peer.example.org")
SERVICES = {
    "any": "",
    "token": r"/lti_consumer/v1/token/",
    "scores": r"/scores$",
    "results": r"/results",
    "line_items": r"/lti-ags$",
    "memberships": r"/memberships$",
    "key_set": r"/public_keysets/",
    "authorization": r"/lti_consumer/v1/launch/",
}


class OpenEdxLti:
    """An `LtiTestPlatform`; the same process answers the completion API (`peer`).

    As the package has it: every block has line items of its own address, all share one client id and one token
    address; the roster is paged only where the tool asks for a `limit`; hints of launches are lost with the process.
    """

    def __init__(self, peer: OpenEdxPeer) -> None:
        self.peer = peer
        self._author = ""

    @property
    def base_url(self) -> str:
        return self.peer.base_url

    @property
    def issuer(self) -> str:
        return self.peer.lti["issuer"]

    @property
    def client_id(self) -> str:
        return self.peer.lti["client_id"]

    @property
    def deployment_id(self) -> str:
        return self.peer.lti["deployment_id"]

    @property
    def authorization_url(self) -> str:
        return self.peer.lti["authorization_url"]

    @property
    def token_url(self) -> str:
        return self.peer.lti["token_url"]

    @property
    def key_set_url(self) -> str:
        return self.peer.lti["key_set_url"]

    @property
    def context_id(self) -> str:
        return self.peer.lti["context_id"]

    @property
    def running(self) -> bool:
        return self.peer.running

    def start(self) -> None:
        self.peer.start()

    def stop(self) -> None:
        self.peer.stop()

    def kill(self) -> None:
        self.peer.kill()

    def restart(self) -> None:
        self.peer.restart()

    def seed(
        self,
        *,
        users: Sequence[Person] = (),
        links: Sequence[Link] = (),
        context_title: str | None = None,
        declarative: bool | None = None,
        personal_data: bool | None = None,
        reset: bool = False,
    ) -> None:
        """As `LtiTestPlatform.seed`; what is None stays as it was. Seed after `set_tool`, as an author does."""
        if reset:
            self.peer.seed(reset=True, tracking=True)
        body = {
            "users": [asdict(person) for person in users],
            "links": [{**asdict(link), "custom": dict(link.custom)} for link in links],
            "context_title": context_title,
            "declarative": declarative,
            "personal_data": personal_data,
        }
        self.peer.post("/peer/lti/seed", body)

    def set_tool(self, *, launch_url: str, login_url: str, key_set_url: str = "", public_key: str = "") -> None:
        body = {"launch_url": launch_url, "login_url": login_url, "key_set_url": key_set_url, "public_key": public_key}
        self.peer.post("/peer/lti/tool", body)

    def subject(self, username: str) -> str:
        return str(uuid.uuid5(SUBJECTS, username))

    def resource_link_id(self, link: str) -> str:
        return str(self.state()["links"][link])

    def line_item(self, link: str) -> str | None:
        state = self.state()
        wanted = state["links"][link]
        found = [str(row["url"]) for row in state["line_items"] if row["resource_link_id"] == wanted]
        return found[0] if found else None

    def login_request(self, user: str, link: str) -> dict[str, str]:
        return self._login(user, link, deep_link=False)

    def deep_link_request(self, user: str) -> dict[str, str]:
        self._author = user
        return self._login(user, "", deep_link=True)

    def launch_page(self, user: str, link: str) -> str:
        return f"{self.base_url}/peer/lti/frame?{urlencode({'user': user, 'link': link})}"

    def authorize(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return form_of(self.peer.http.post(self.authorization_url, data=dict(parameters)))

    def receive_deep_link(self, jwt: str, return_url: str) -> list[dict[str, Any]]:
        """The browser is signed in as whoever asked for the deep link last."""
        signed_in = self.peer.http.get(self.launch_page(self._author, "chooser"))
        cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
        # The session's cookie is for https only, as Open edX wants it where tools stand in frames.
        answer = httpx.post(return_url, data={"JWT": jwt}, headers={"Cookie": cookie}, trust_env=False)
        if answer.status_code != 200:
            raise PlatformRefused(answer.status_code, answer.text)
        return list(self.state()["content_items"])

    def rotate_keys(self, *, keep_old: bool = True) -> None:
        self.peer.post("/peer/lti/rotate", {"keep_old": keep_old})

    def set_clock(self, minutes: float) -> None:
        self.peer.post("/peer/lti/clock", {"minutes": minutes})

    def faults(self, *faults: Fault) -> None:
        planned = []
        for fault in faults:
            entry = {**asdict(fault), "pattern": SERVICES[fault.on]}
            del entry["on"]
            planned.append(entry)
        self.peer.faults(*planned)

    def enrol(self, *people: Person) -> None:
        self.peer.post("/peer/lti/members", {"people": [asdict(person) for person in people]})

    def remove(self, *usernames: str) -> None:
        self.peer.post("/peer/lti/remove", {"usernames": usernames})

    def scores(self) -> dict[tuple[str, str], HeldScore]:
        return {
            (row["url"], row["subject"]): HeldScore(
                row["given"], row["maximum"], row["activity"], row["grading"], row["timestamp"], row["comment"]
            )
            for row in self.state()["scores"]
        }

    def gradebook(self) -> dict[tuple[str, str], float]:
        return {(link, username): grade for link, username, grade, _ in self.state()["gradebook"]}

    def times_graded(self) -> dict[tuple[str, str], int]:
        """How often a grade was published, by (link, username)."""
        return {(link, username): times for link, username, _, times in self.state()["gradebook"]}

    def requests(self) -> list[dict[str, Any]]:
        return list(self.state()["requests"])

    def state(self) -> dict[str, Any]:
        """Everything the package's tables hold."""
        return dict(self.peer.get("/peer/lti/state"))

    def _login(self, user: str, link: str, *, deep_link: bool) -> dict[str, str]:
        answer = self.peer.post("/peer/lti/login", {"user": user, "link": link, "deep_link": deep_link})
        return dict(answer["parameters"])
