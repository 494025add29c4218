"""The service with one of everybody, on a fresh database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_plugin.storage.session import Database
from tests.stores import SqliteStore
from tests.web.stage import Stage, open_stage


@pytest.fixture
def database_url(sqlite_store: SqliteStore) -> str:
    """Pages are tried on one store; what differs between the stores is below them and tried there."""
    sqlite_store.renew()
    return sqlite_store.url


@pytest.fixture
def rate_limits() -> bool:
    """Whether sign-ins are throttled; a test that is about it says so."""
    return False


@pytest.fixture
def stage(sqlite_store: SqliteStore, database: Database, tmp_path: Path, rate_limits: bool) -> Iterator[Stage]:
    with open_stage(sqlite_store, tmp_path, rate_limits=rate_limits) as opened:
        yield opened
