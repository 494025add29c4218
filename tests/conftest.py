"""Fixtures that every folder may use: an empty, migrated database on each of the two stores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, text

from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database
from tests.peers.fixtures import openedx_peer, openedx_process
from tests.postgresql import own_server

__all__ = ["openedx_peer", "openedx_process"]

# How long an example takes says more about the machine than about the code. Where a change is judged, every run
# tries the same examples; at a desk each run looks for new ones.
hypothesis.settings.register_profile("lms-plugin", deadline=None, print_blob=True, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("lms-plugin")

STORES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server for all tests of this process."""
    with own_server() as server:
        _spare_the_disk(server.get_uri())
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    """A migrated database that each test's own is copied from."""
    administrator = create_engine(_with_driver(postgresql_url), isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text("CREATE DATABASE template_lms"))
    administrator.dispose()
    database = Database(_named(postgresql_url, "template_lms"))
    migrating.upgrade(database)
    database.dispose()
    return "template_lms"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that each test's own is copied from."""
    path = tmp_path_factory.mktemp("template") / "lms.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrating.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, migrated database; the test runs once on each store."""
    with fresh_database(request, request.param, tmp_path) as url:
        yield url


@contextmanager
def fresh_database(request: pytest.FixtureRequest, store: str, folder: Path) -> Iterator[str]:
    """The URL of a fresh, migrated database on one of the stores."""
    if store == "sqlite":
        path = folder / "lms.sqlite3"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    url, template = request.getfixturevalue("postgresql_url"), request.getfixturevalue("postgresql_template")
    administrator = create_engine(_with_driver(url), isolation_level="AUTOCOMMIT")
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _named(url, name)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administrator.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


def _spare_the_disk(url: str) -> None:
    """No test pulls the plug of the machine, and each makes a database of its own: nothing need reach the disk."""
    administrator = create_engine(_with_driver(url), isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    administrator.dispose()


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _named(url: str, name: str) -> str:
    head, _, tail = url.partition("/postgres?")
    return f"{head}/{name}?{tail}"
