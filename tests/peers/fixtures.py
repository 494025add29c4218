"""The Open edX test platform as a pytest fixture: one process for each test process, emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.peers.process import OpenEdxPeer, prepare_environment


@pytest.fixture(scope="session")
def openedx_process() -> Iterator[OpenEdxPeer]:
    """A running platform; builds its environment where that is missing."""
    prepare_environment()
    with OpenEdxPeer() as peer:
        yield peer


@pytest.fixture
def openedx_peer(openedx_process: OpenEdxPeer) -> Iterator[OpenEdxPeer]:
    """A running platform with its completion switch on, and nothing else on it."""
    if not openedx_process.running:
        openedx_process.start()
    openedx_process.faults()
    openedx_process.seed(reset=True, tracking=True)
    yield openedx_process
    if openedx_process.running:
        openedx_process.faults()  # lets go whoever still waits in a slow answer
