"""Serve the test platform: `serve.py --port 0 --folder DIR` prints one JSON line when it is ready.

The line holds base_url, client_id and client_secret. The process ends when its standard input is closed, so that it
never outlives the test that started it; `--stay` is for use by hand.
"""

import argparse
import json
import logging
import os
import secrets
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

CLIENT_ID = "lms-plugin"
SERVICE_USER = "lms_plugin_service"


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


def prepare(client_secret: str) -> None:
    """Make the tables, the service's staff account and its OAuth2 client."""
    import django

    django.setup()
    from django.core.management import call_command
    from peer_site.control import register_client

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    register_client(CLIENT_ID, client_secret, SERVICE_USER, staff=True)


def leave_when_input_closes() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--stay", action="store_true")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ["PEER_FOLDER"] = str(options.folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "peer_site.settings"

    client_secret = secret_kept_in(options.folder, "client-secret")
    prepare(client_secret)
    from django.core.wsgi import get_wsgi_application
    from peer_site.faults import FaultyFront

    server = PeerServer(("127.0.0.1", options.port), PeerRequestHandler)
    server.set_app(FaultyFront(get_wsgi_application()))
    if not options.stay:
        threading.Thread(target=leave_when_input_closes, daemon=True).start()
    ready = {
        "base_url": f"http://127.0.0.1:{server.server_port}",
        "client_id": CLIENT_ID,
        "client_secret": client_secret,
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
