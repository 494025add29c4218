"""The test's own addresses: what is put on the platform beforehand, and what its tables hold."""

import hashlib
import json
from typing import Any

from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.grades import gradebook
from tests.peers.lti.site.launch import DEPLOYMENT, Launches, line_item_url
from tests.peers.lti.site.pages import framed
from tests.peers.lti.site.registration import Registration
from tests.peers.lti.site.store import SETTINGS, Store
from tests.peers.lti.site.web import answer

CLIENT_ID = "tool-1"


def subject_of(username: str) -> str:
    """The `sub`: stable, and telling nothing of the person."""
    return hashlib.sha256(username.encode()).hexdigest()[:16]


class Control:
    def __init__(self, store: Store, issuer: str, launches: Launches, registration: Registration) -> None:
        self._store = store
        self._issuer = issuer
        self._launches = launches
        self._registration = registration

    def handle(self, request: Request) -> Response:
        what = request.path.removeprefix("/peer/").replace("-", "_")
        if request.method == "GET" and what == "frame":
            return self._frame(request)
        body = request.get_json() if request.method == "POST" else {}
        return answer(getattr(self, f"do_{what}")(request, **body))

    def do_seed(
        self, request: Request, *, reset: bool, users: list[Any], links: list[Any], settings: dict[str, Any]
    ) -> dict[str, Any]:
        with self._store.lock:
            if reset:
                self._store.empty()
                request.environ["peer.requests"].clear()
            for name, value in settings.items():
                if name not in SETTINGS:
                    raise KeyError(name)
                self._store.set(name, value)
            self.do_members(request, people=users)
            for link in links:
                self._link(link)
        return {}

    def do_members(self, _: Request, *, people: list[Any], status: str = "Active") -> dict[str, Any]:
        for person in people:
            self._store.run(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(person["username"], subject_of(person["username"]), person["name"] or person["username"]),
                *(person["role"], person["email"], status, self._store.change()),
            )
        return {}

    def do_status(self, _: Request, *, usernames: list[str], status: str) -> dict[str, Any]:
        for username in usernames:
            self._store.run(
                "UPDATE members SET status = ?, changed = ? WHERE username = ?", status, self._store.change(), username
            )
        return {}

    def do_tool(
        self, _: Request, *, launch_url: str, login_url: str, key_set_url: str, public_key: str
    ) -> dict[str, Any]:
        self._store.run(
            "INSERT OR REPLACE INTO tools VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(CLIENT_ID, DEPLOYMENT, launch_url, login_url, json.dumps([launch_url]), key_set_url, public_key),
        )
        return {}

    def do_login(self, _: Request, **wanted: Any) -> dict[str, Any]:
        login_url, parameters = self._launches.login(wanted.pop("user"), wanted.pop("link"), **wanted)
        return {"login_url": login_url, "parameters": parameters}

    def do_rotate(self, _: Request, *, keep_old: bool) -> dict[str, Any]:
        with self._store.lock:
            self._store.make_key()
            if not keep_old:
                self._store.run("DELETE FROM keys WHERE kid <> ?", self._store.key_rows()[0]["kid"])
        return {}

    def do_set(self, _: Request, **settings: Any) -> dict[str, Any]:
        for name, value in settings.items():
            self._store.set(name, value)
        return {}

    def do_sign(self, _: Request, *, claims: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
        return {"token": self._launches.sign(claims, headers)}

    def do_registration(self, _: Request) -> dict[str, Any]:
        return self._registration.request()

    def do_end_tokens(self, _: Request) -> dict[str, Any]:
        self._store.run("DELETE FROM tokens")
        return {}

    def do_state(self, request: Request) -> dict[str, Any]:
        def listed(statement: str) -> list[dict[str, Any]]:
            return [dict(row) for row in self._store.rows(statement)]

        items = listed("SELECT * FROM line_items ORDER BY id")
        return {
            "tools": listed("SELECT * FROM tools"),
            "members": listed("SELECT * FROM members ORDER BY username"),
            "links": listed("SELECT * FROM links ORDER BY rowid"),
            "line_items": [{**item, "url": line_item_url(self._issuer, item["id"])} for item in items],
            "scores": [
                {**score, "url": line_item_url(self._issuer, score["line_item"])}
                for score in listed("SELECT * FROM scores ORDER BY line_item, subject")
            ],
            "content_items": [json.loads(row["item"]) for row in listed("SELECT * FROM content_items ORDER BY id")],
            "gradebook": gradebook(self._store),
            "requests": list(request.environ["peer.requests"]),
        }

    def _link(self, link: dict[str, Any]) -> None:
        resource_link_id = f"link-{hashlib.sha256(link['name'].encode()).hexdigest()[:12]}"
        self._store.run(
            "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?)",
            *(link["name"], resource_link_id, link["title"] or link["name"], link["target_link_uri"]),
            json.dumps(link["custom"]),
        )
        known = self._store.row("SELECT 1 FROM line_items WHERE resource_link_id = ?", resource_link_id)
        if self._store.setting("declarative") and known is None:
            self._store.run(
                "INSERT INTO line_items (client_id, label, maximum, resource_link_id, declared) VALUES (?, ?, ?, ?, 1)",
                *(CLIENT_ID, link["title"] or link["name"], link["maximum"], resource_link_id),
            )

    def _frame(self, request: Request) -> Response:
        login_url, parameters = self._launches.login(request.args["user"], request.args["link"], client_id=CLIENT_ID)
        return framed(login_url, parameters, request.args["link"], storage=request.args.get("storage") == "1")
