"""What journeys begin with: a real installation on each store, and the real Open edX peer."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from scripts.demonstration import lms_peer
from scripts.demonstration.installation import Installation, free_port
from tests.journeys.course import COURSE, PROGRAMME_BLOCK, Course, write_people, write_regions
from tests.peers.process import OpenEdxPeer

Begin = Callable[[Course, Sequence[str]], None]


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation on a migrated store, with nothing running."""
    settings = {"LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1", "LMS_PLUGIN_RATE_LIMITS": "0"}
    made = Installation(tmp_path / "data", free_port(), database_url=database_url, settings=settings)
    yield made
    made.stop()


@pytest.fixture
def begin(installation: Installation, openedx_peer: OpenEdxPeer, tmp_path: Path) -> Begin:
    """Publish a course, import learners with their tutor and office, register the LMS, and start the server."""

    def run(course: Course, learners: Sequence[str]) -> None:
        installation.command("users", "regions", str(write_regions(tmp_path)))
        installation.command("content", "publish", str(course.folder))
        installation.command("users", "import", str(write_people(tmp_path, learners)))
        openedx_peer.seed(
            users=learners,
            courses={COURSE: [PROGRAMME_BLOCK, *course.blocks.values()]},
            enrolments=[(login, COURSE) for login in learners],
        )
        lms_peer.register(installation, openedx_peer)
        installation.start_server()

    return run
