"""What every test platform's process does: serve on loopback, and end with the test that started it."""

import json
import logging
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class PeerServer(ThreadingMixIn, WSGIServer):
    """One thread per request; the listening queue is long enough for a worker that sends in parallel."""

    daemon_threads = True
    request_queue_size = 128


class PeerRequestHandler(WSGIRequestHandler):
    """Hands the connection itself to the fault middleware, which may have to cut it."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "peer.connection": self.connection}

    def log_message(self, format: str, *args: object) -> None:
        logging.getLogger("peer.requests").info(format, *args)


def secret_kept_in(folder: Path, name: str) -> str:
    """A secret that stays the same when the process is started again on its folder."""
    path = folder / name
    if not path.exists():
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def serve(server: WSGIServer, ready: Mapping[str, object], *, stay: bool) -> None:
    """Say in one line of JSON that it is ready, and serve; until standard input is closed, or for ever to `stay`."""
    if not stay:
        end_with_standard_input()
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    server.serve_forever()


def end_with_standard_input() -> None:
    """End this process when its standard input is closed, so that it never outlives the test that started it."""
    threading.Thread(target=_leave_when_input_closes, daemon=True).start()


def _leave_when_input_closes() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)
