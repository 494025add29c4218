"""The test record store as a pytest fixture: one process for each test process, emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.peers.process import prepare_environment
from tests.peers.xapi.process import RecordStorePeer


@pytest.fixture(scope="session")
def record_store_process() -> Iterator[RecordStorePeer]:
    """A running record store; builds its environment where that is missing."""
    prepare_environment()
    with RecordStorePeer() as peer:
        yield peer


@pytest.fixture
def record_store(record_store_process: RecordStorePeer) -> Iterator[RecordStorePeer]:
    """A running record store with nothing in it."""
    if not record_store_process.running:
        record_store_process.start()
    record_store_process.reset()
    yield record_store_process
    if record_store_process.running:
        record_store_process.faults()  # lets go whoever still waits in a slow answer
