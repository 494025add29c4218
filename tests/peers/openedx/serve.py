"""Serve the test platform: `serve.py --port 0 --folder DIR` prints one JSON line when it is ready.

The line holds base_url, client_id and client_secret, and under `lti` what a tool must know of the platform. The process
ends when its standard input is closed, so that it never outlives the test that started it; `--stay` is for use by hand.
"""

import argparse
import os
import sys
from pathlib import Path

# The platform's interpreter knows nothing of this project; what all test platforms share is found from the root.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from tests.peers.serving import PeerRequestHandler, PeerServer, secret_kept_in, serve

CLIENT_ID = "lms-plugin"
SERVICE_USER = "lms_plugin_service"


def prepare(client_secret: str) -> dict[str, str]:
    """Make the tables, the service's staff account and its OAuth2 client; gives what an LTI tool must know."""
    import django

    django.setup()
    from django.core.management import call_command
    from peer_site import clock
    from peer_site.control import register_client
    from peer_site.lti.control import information

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    register_client(CLIENT_ID, client_secret, SERVICE_USER, staff=True)
    clock.install()
    return information()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--stay", action="store_true")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ["PEER_FOLDER"] = str(options.folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "peer_site.settings"
    # The settings name this address (it is the LTI issuer), so it is taken before they are read.
    server = PeerServer(("127.0.0.1", options.port), PeerRequestHandler)
    base_url = f"http://127.0.0.1:{server.server_port}"
    os.environ["PEER_BASE_URL"] = base_url

    client_secret = secret_kept_in(options.folder, "client-secret")
    lti = prepare(client_secret)
    from django.core.wsgi import get_wsgi_application

    from tests.peers.faults import FaultyFront

    server.set_app(FaultyFront(get_wsgi_application()))
    ready = {"base_url": base_url, "client_id": CLIENT_ID, "client_secret": client_secret, "lti": lti}
    serve(server, ready, stay=options.stay)


if __name__ == "__main__":
    main()
