"""Serve the platform: `python -m tests.peers.lti.site.serve --port 0 --folder DIR` prints one JSON line when ready.

The process ends when its standard input is closed; `--stay` is for use by hand.
"""

import argparse
import logging
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from tests.peers.faults import FaultyFront
from tests.peers.lti.site.control import Control
from tests.peers.lti.site.deep_links import DeepLinks
from tests.peers.lti.site.grades import Grades
from tests.peers.lti.site.launch import CONTEXT_ID, Launches
from tests.peers.lti.site.registration import Registration
from tests.peers.lti.site.roster import Roster
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.tokens import Tokens, ToolKeys
from tests.peers.lti.site.web import Refusal, answer
from tests.peers.serving import PeerRequestHandler, PeerServer, serve


class Site:
    """The platform as a WSGI application."""

    def __init__(self, folder: Path, issuer: str) -> None:
        store = Store(folder)
        keys = ToolKeys()
        tokens = Tokens(store, issuer, keys)
        launches = Launches(store, issuer)
        grades = Grades(store, issuer, tokens)
        registration = Registration(store, issuer)
        course = f"/courses/{CONTEXT_ID}"
        handlers: dict[str, tuple[str, list[str], Callable[..., Response]]] = {
            "key_set": ("/keys", ["GET"], launches.key_set),
            "authorize": ("/authorize", ["GET", "POST"], launches.authorize),
            "token": ("/token", ["POST"], tokens.issue),
            "line_items": (f"{course}/lineitems", ["GET", "POST"], grades.line_items),
            "line_item": (f"{course}/lineitems/<int:number>/lineitem", ["GET", "PUT", "DELETE"], grades.line_item),
            "score": (f"{course}/lineitems/<int:number>/lineitem/scores", ["POST"], grades.score),
            "results": (f"{course}/lineitems/<int:number>/lineitem/results", ["GET"], grades.results),
            "memberships": (f"{course}/memberships", ["GET"], Roster(store, issuer, tokens).memberships),
            "deep_links": ("/deep-links", ["POST"], DeepLinks(store, issuer, keys).receive),
            "configuration": ("/.well-known/openid-configuration", ["GET"], registration.configuration),
            "register": ("/register", ["POST"], registration.register),
        }
        self._handlers = {name: handler for name, (_, _, handler) in handlers.items()}
        self._addresses = Map([Rule(path, endpoint=name, methods=ways) for name, (path, ways, _) in handlers.items()])
        self._control = Control(store, issuer, launches, registration)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            if request.path.startswith("/peer/"):
                return self._control.handle(request)
            name, values = self._addresses.bind_to_environ(request.environ).match()
            return self._handlers[name](request, **values)
        except Refusal as refusal:
            return refusal.response
        except HTTPException as error:
            return answer({"error": "not_found", "error_description": error.description}, status=error.code or 500)
        except Exception:
            traceback.print_exc()
            return answer({"error": "server_error"}, status=500)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--stay", action="store_true")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING)
    server = PeerServer(("127.0.0.1", options.port), PeerRequestHandler)
    base_url = f"http://127.0.0.1:{server.server_port}"
    server.set_app(FaultyFront(Site(options.folder, base_url)))
    serve(server, {"base_url": base_url}, stay=options.stay)


if __name__ == "__main__":
    main()
