"""Fixtures that every folder may use: an empty, migrated database on each of the two stores."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from lms_plugin.storage.session import Database
from tests.peers.fixtures import (
    lti_platform,
    openedx_lti_platform,
    openedx_peer,
    openedx_process,
    own_lti_platform,
    own_lti_process,
)
from tests.peers.xapi.fixtures import record_store, record_store_process
from tests.postgresql import own_server
from tests.stores import OPENED, STORES, PostgresqlStore, SqliteStore, Store

__all__ = [
    "lti_platform",
    "openedx_lti_platform",
    "openedx_peer",
    "openedx_process",
    "own_lti_platform",
    "own_lti_process",
    "record_store",
    "record_store_process",
]

# How long an example takes says more about the machine than about the code. Where a change is judged, every run
# tries the same examples; at a desk each run looks for new ones.
hypothesis.settings.register_profile("lms-plugin", deadline=None, print_blob=True, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("lms-plugin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what coverage, which makes everything twice as slow, would tell nothing new of."""
    for item in items:
        cases = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        if "postgresql" in cases:
            item.add_marker("postgresql")
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder == "browser":
            item.add_marker("browser")
        elif folder == "journeys":  # what they try runs in processes of its own
            item.add_marker("long")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server for all tests of this process."""
    with own_server() as server:
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgresql_store(postgresql_url: str) -> Iterator[PostgresqlStore]:
    store = PostgresqlStore(postgresql_url)
    yield store
    store.close()


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path_factory.mktemp("store"))
    yield store
    store.close()


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with nothing in it but its schema; the test runs once on each store."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    store.renew()
    return store.url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, opened."""
    opened = OPENED[database_url]
    yield opened
    opened.dispose()
