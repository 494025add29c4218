"""A film, the service it is reported to, and somebody who watches it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from werkzeug.serving import make_server

from tests.browser.player.counterpart import Service, encode, make_app
from tests.browser.player.viewer import Viewer


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    encode(folder)
    return folder


@pytest.fixture
def service(film: Path) -> Service:
    return Service(film)


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    """The base address at which the counterpart serves."""
    server = make_server("127.0.0.1", 0, make_app(service), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def viewer(page: Page, address: str) -> Viewer:
    return Viewer(page, address)


@pytest.fixture
def phone_viewer(phone: Page, address: str) -> Viewer:
    return Viewer(phone, address)
