"""The real service, its film and its programmes, once for all tests of watching."""

from collections.abc import Callable, Iterator

import pytest

from scripts.demonstration.installation import Installation, free_port
from tests.browser.conftest import OpenPage
from tests.browser.watching.seat import Device
from tests.browser.watching.site import Learner, Site, publish_all

Join = Callable[[str], Learner]
OpenDevice = Callable[[Learner], Device]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("watching")
    installation = Installation(folder / "data", free_port(), settings={"LMS_PLUGIN_RATE_LIMITS": "0"})
    try:
        yield publish_all(installation, folder)
    finally:
        installation.stop()


@pytest.fixture
def join(site: Site) -> Iterator[Join]:
    """A fresh learner in one of the programmes."""
    joined: list[Learner] = []

    def add(programme: str) -> Learner:
        joined.append(site.add_learner(programme))
        return joined[-1]

    yield add
    for learner in joined:
        learner.api.close()


@pytest.fixture
def new_device(new_page: OpenPage) -> OpenDevice:
    """Another device of a learner's."""
    return lambda learner: Device(new_page(language="en"), learner)
