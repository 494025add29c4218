# It runs with the packages of .venv-peer, which are not here.
# mypy: ignore-errors
"""Serve the test record store: `serve.py --port 0 --folder DIR` prints one JSON line when it is ready.

The line holds base_url (the xAPI endpoint), origin, client_id and client_secret. The process ends when its standard
input is closed; `--stay` is for use by hand. Run it with the interpreter of .venv-peer.
"""

import argparse
import base64
import hmac
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from ralph_models import model_of
from store import Rejected, Statement, Store

from tests.peers.faults import Environ, FaultyFront, StartResponse, answer
from tests.peers.serving import (
    PeerRequestHandler,
    PeerServer,
    secret_kept_in,
    serve,
)

ENDPOINT = "/data/xAPI"
CLIENT_ID = "lms-plugin"
VERSION_HEADER = ("X-Experience-API-Version", "1.0.3")
QUERIES = frozenset(
    {"statementId", "agent", "verb", "activity", "since", "until", "limit", "ascending", "format", "from"}
)


class RecordStoreSite:
    """The store's addresses below ENDPOINT, and the test's own below /peer."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store = store
        self._secret = secret
        self._most_at_once = 1000
        self._page = 100
        self._lists_one = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            if path.startswith("/peer/"):
                return answer(start_response, 200, self._own(path, environ, body))
            serve: Callable[[], tuple[int, object]] | None = {
                ("GET", f"{ENDPOINT}/about"): lambda: (200, {"version": ["1.0.0", "1.0.3"]}),
                ("POST", f"{ENDPOINT}/statements"): lambda: self._post(environ, body),
                ("PUT", f"{ENDPOINT}/statements"): lambda: self._put(environ, body),
                ("GET", f"{ENDPOINT}/statements"): lambda: self._get(environ),
            }.get((method, path))
            if serve is None:
                raise Rejected(404, "there is nothing here")
            status, content = serve()
        except Rejected as refusal:
            status, content = refusal.status, {"error": str(refusal)}
        if status == 204:
            start_response("204 No Content", [VERSION_HEADER])
            return []
        return answer(start_response, status, content, [VERSION_HEADER])

    def _own(self, path: str, environ: Environ, body: bytes) -> object:
        if path == "/peer/state":
            return {"statements": self._store.all(), "requests": list(environ["peer.requests"])}
        if path == "/peer/reset":
            self._store.clear()
            environ["peer.requests"].clear()
            self._most_at_once, self._page, self._lists_one = 1000, 100, False
            return {}
        if path == "/peer/limits":
            limits = json.loads(body)
            self._most_at_once = limits.get("most_at_once", self._most_at_once)
            self._page = limits.get("page", self._page)
            self._lists_one = bool(limits.get("lists_one", self._lists_one))
            return {}
        raise Rejected(404, path)

    def _let_in(self, environ: Environ) -> None:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        wanted = base64.b64encode(f"{CLIENT_ID}:{self._secret}".encode()).decode()
        if scheme.lower() != "basic" or not hmac.compare_digest(given, wanted):
            raise Rejected(401, "the credentials are wrong")
        version = environ.get("HTTP_X_EXPERIENCE_API_VERSION", "")
        if not version.startswith("1.0"):
            raise Rejected(400, f"the version {version!r} is not served")

    def _post(self, environ: Environ, body: bytes) -> tuple[int, object]:
        self._let_in(environ)
        if environ.get("CONTENT_TYPE", "").partition(";")[0] != "application/json":
            raise Rejected(400, "statements come as application/json")
        given = _json(body)
        statements = given if isinstance(given, list) else [given]
        if len(statements) > self._most_at_once:
            raise Rejected(413, f"more than {self._most_at_once} statements")
        for statement in statements:
            _check(statement)
        return 200, self._store.put(statements)

    def _put(self, environ: Environ, body: bytes) -> tuple[int, object]:
        self._let_in(environ)
        name = dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("statementId")
        statement = _json(body)
        if not name or not isinstance(statement, dict) or statement.setdefault("id", name) != name:
            raise Rejected(400, "the statement's id is not the one it is put under")
        _check(statement)
        self._store.put([statement])
        return 204, None

    def _get(self, environ: Environ) -> tuple[int, object]:
        self._let_in(environ)
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if not query.keys() <= QUERIES:
            raise Rejected(400, f"unknown parameters: {sorted(query.keys() - QUERIES)}")
        if "statementId" in query:
            statement = self._store.get(query["statementId"])
            if statement is None:
                raise Rejected(404, "there is no such statement")
            return 200, {"statements": [statement]} if self._lists_one else statement
        found = self._store.found(query)
        at = int(query.pop("from", "0"))
        size = min(int(query.get("limit") or 0) or self._page, self._page)
        is_more = at + size < len(found)
        more = f"{ENDPOINT}/statements?{urlencode(query | {'from': at + size})}" if is_more else ""
        return 200, {"statements": found[at : at + size], "more": more}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as fault:
        raise Rejected(400, "the body is no JSON") from fault


def _check(statement: Statement) -> None:
    try:
        model_of(statement)
    except ValueError as fault:
        raise Rejected(400, f"no statement: {fault}") from fault


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--stay", action="store_true")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    secret = secret_kept_in(options.folder, "client-secret")
    server = PeerServer(("127.0.0.1", options.port), PeerRequestHandler)
    server.set_app(FaultyFront(RecordStoreSite(Store(options.folder / "statements.sqlite3"), secret)))
    origin = f"http://127.0.0.1:{server.server_port}"
    ready = {"base_url": f"{origin}{ENDPOINT}", "origin": origin, "client_id": CLIENT_ID, "client_secret": secret}
    serve(server, ready, stay=options.stay)


if __name__ == "__main__":
    main()
