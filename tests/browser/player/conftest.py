"""A film, the service it is reported to, and somebody who watches it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import served
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
    with served(make_app(service)) as found:
        yield found


@pytest.fixture
def viewer(page: Page, address: str) -> Viewer:
    return Viewer(page, address)


@pytest.fixture
def phone_viewer(phone: Page, address: str) -> Viewer:
    return Viewer(phone, address)
