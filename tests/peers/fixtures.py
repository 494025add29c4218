"""The test platforms as pytest fixtures: one process of each for each test process, emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.peers.lti.interface import LtiTestPlatform
from tests.peers.lti.openedx import OpenEdxLti
from tests.peers.lti.platform import LtiPlatform
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


@pytest.fixture(scope="session")
def own_lti_process() -> Iterator[LtiPlatform]:
    with LtiPlatform() as platform:
        yield platform


@pytest.fixture
def own_lti_platform(own_lti_process: LtiPlatform) -> Iterator[LtiPlatform]:
    """Our own LTI platform with nothing on it but its keys."""
    if not own_lti_process.running:
        own_lti_process.start()
    own_lti_process.faults()
    own_lti_process.seed(reset=True)
    yield own_lti_process
    if own_lti_process.running:
        own_lti_process.faults()


@pytest.fixture
def openedx_lti_platform(openedx_peer: OpenEdxPeer) -> OpenEdxLti:
    """Open edX as an LTI platform, with an empty course."""
    return OpenEdxLti(openedx_peer)


@pytest.fixture(params=["own", "openedx"])
def lti_platform(request: pytest.FixtureRequest) -> LtiTestPlatform:
    """An LTI Advantage platform; the test runs once on each of those there are."""
    platform: LtiTestPlatform = request.getfixturevalue(f"{request.param}_lti_platform")
    return platform
