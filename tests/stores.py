"""The two stores that tests run on: one migrated database of each in a test process, as new for every test.

Making a database takes longer than most tests do. So each process makes one on each store and keeps what the engine
has learned of the statements; between two tests the rows go, and a changed schema costs the whole database.
"""

import sqlite3
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database

STORES = ("sqlite", "postgresql")
ON_SQLITE, ON_POSTGRESQL = (pytest.mark.parametrize("database_url", [store], indirect=True) for store in STORES)
"""For what takes long and does not depend on the store."""

OPENED: dict[str, Database] = {}
"""The tests' databases by their URLs, for applications to share."""


class Store(Protocol):
    """A place for the tests' database."""

    database: Database
    url: str

    def renew(self) -> None:
        """Make the database what it is right after its migrations, whatever a test left in it."""

    def copy(self, name: str, folder: Path) -> str:
        """Another database, migrated and empty, for whoever keeps one for several tests; gives its URL."""


class SqliteStore:
    """A file, written anew for each test."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "lms.sqlite3"
        self.url = f"sqlite:///{self._file}"
        self.database = Database(self.url)
        migrating.upgrade(self.database)
        self._template = self._contents()
        self._filled: dict[str, tuple[bytes, dict[str, Any]]] = {}
        OPENED[self.url] = self.database

        @event.listens_for(self.database.engine, "connect")
        def spare_the_disk(connection: DBAPIConnection, _record: object) -> None:
            assert isinstance(connection, sqlite3.Connection)
            connection.execute("PRAGMA synchronous=OFF").close()

    def renew(self) -> None:
        self._put(self._template)

    def filled(self, name: str, fill: Callable[[Database], dict[str, Any]]) -> dict[str, Any]:
        """What `fill` says of what it writes into the empty database: once, and after that all of it is put back."""
        if name in self._filled:
            self._put(self._filled[name][0])
        else:
            told = fill(self.database)
            self._filled[name] = self._contents(), told
        return deepcopy(self._filled[name][1])

    def _contents(self) -> bytes:
        with self.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.dispose()
        return self._file.read_bytes()

    def _put(self, contents: bytes) -> None:
        self.database.dispose()
        for file in self._file.parent.glob(f"{self._file.name}*"):
            file.unlink()  # and not written over: a connection that was left open keeps the old file to itself
        self._file.write_bytes(contents)

    def close(self) -> None:
        self.database.dispose()

    def copy(self, name: str, folder: Path) -> str:
        path = folder / f"{name}.sqlite3"
        path.write_bytes(self._template)
        return f"sqlite:///{path}"


# What triggers guard is emptied too. Large tables are cut off, since what is deleted still takes its place.
_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT oid::regclass AS name, pg_relation_size(oid) > 400000 AS is_large FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
    LOOP
        IF one.is_large THEN
            EXECUTE 'TRUNCATE ' || one.name || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || one.name;
        END IF;
    END LOOP;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence;
END $$
"""
_LEFT_OPEN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# The youngest transaction that changed a definition (of a column, a key, a trigger, or what a trigger does), or what
# the schema says of its version.
_SCHEMA = """
SELECT count(*), max(xmin::text::bigint) FROM pg_attribute
UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_constraint
UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_trigger
UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_proc
UNION ALL SELECT count(*), max(xmin::text::bigint) FROM alembic_version
"""


class PostgresqlStore:
    """A database on this process's server, emptied for each test, or copied anew where that is not enough."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url).set(drivername="postgresql+psycopg")
        self._administrator = create_engine(self._server, isolation_level="AUTOCOMMIT")
        self._template = "template_lms"
        with self._administrator.connect() as connection:
            # No test pulls the plug of the machine: nothing need reach the disk.
            for setting in ("fsync", "full_page_writes"):
                connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
            connection.execute(text(f"CREATE DATABASE {self._template}"))
        template = Database(self._url_of(self._template))
        migrating.upgrade(template)
        template.dispose()
        self.url = self.copy("test")
        self.database = Database(self.url)
        self._schema = self._read_schema()
        OPENED[self.url] = self.database

    def renew(self) -> None:
        self.database.dispose()
        if self._read_schema() != self._schema:
            with self._administrator.connect() as connection:
                connection.execute(text("DROP DATABASE test WITH (FORCE)"))
            self.copy("test")
            self._schema = self._read_schema()
            return
        with self.database.engine.begin() as connection:
            connection.execute(text(_LEFT_OPEN))
            connection.exec_driver_sql(_EMPTY)

    def copy(self, name: str, folder: Path | None = None) -> str:
        with self._administrator.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {self._template}"))
        return self._url_of(name)

    def close(self) -> None:
        self.database.dispose()
        self._administrator.dispose()

    def _url_of(self, name: str) -> str:
        return self._server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def _read_schema(self) -> list[tuple[object, ...]]:
        with self.database.engine.connect() as connection:
            if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return []
            return [tuple(row) for row in connection.execute(text(_SCHEMA))]
