"""Batches of the state of watching, on each of the two stores in the way that suits it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, cast

import psycopg
from psycopg.types.numeric import Int8
from sqlalchemy import Connection, Integer, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from lms_plugin.storage.activity import PersonClock
from lms_plugin.storage.watch_core import CoreWatchStore
from lms_plugin.storage.watch_rows import (
    CLOCKS,
    PLAYS,
    TOKENS,
    Columns,
    clock_of,
    play_of,
)
from lms_plugin.storage.watching import ClockState, PlayKey, PlayState, WatchStore


def store_for(connection: Connection) -> WatchStore:
    """The statements for a connection's database."""
    return SqliteWatchStore(connection) if connection.dialect.name == "sqlite" else PostgresqlWatchStore(connection)


class SqliteWatchStore(CoreWatchStore):
    """On SQLite: the one writer there can be has locked the whole store when its transaction began.

    Statements go straight to the driver, with instants written and read as SQLAlchemy does it.
    """

    def tokens(self, digests: Sequence[str]) -> dict[str, tuple[int, int, datetime]]:
        rows = self._read(_LITE_TOKENS, "?", [(digest,) for digest in digests])
        return {row[0]: (row[1], row[2], _instant(row[3])) for row in rows}

    def lock_clocks(self, user_ids: Sequence[int]) -> list[ClockState]:
        rows = self._read(_LITE_CLOCKS, "?", [(user_id,) for user_id in user_ids])
        return [clock_of((*row[:11], _instant(row[11]) if row[11] else None, *row[12:])) for row in rows]

    def plays(self, keys: Sequence[PlayKey]) -> list[PlayState]:
        rows = self._read(_LITE_PLAYS, "(?, ?)", keys)
        return [play_of((*row[:7], *(_instant(one) if one else None for one in row[7:11]), *row[11:])) for row in rows]

    def _read(self, statement: str, place: str, wanted: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        if not wanted:
            return ()
        text = _lite_text(statement, place, len(wanted))
        return self._connection.exec_driver_sql(text, tuple(chain.from_iterable(wanted))).all()

    def _update(self, changes: Sequence[tuple[Columns, list[tuple[Any, ...]]]]) -> None:
        for columns, rows in changes:
            keys = len(columns.keys)
            written = [tuple(_written(value) for value in (*row[keys:], *row[:keys])) for row in rows]
            self._connection.exec_driver_sql(_lite_update(columns), written)


_WANTED = "/* wanted */"
_SQLITE = sqlite.dialect()
_LITE_TOKENS, _LITE_CLOCKS, _LITE_PLAYS = (
    str(statement.where(text(f"{names} IN ({_WANTED})")).compile(dialect=_SQLITE))
    for statement, names in (
        (TOKENS, "api_tokens.digest"),
        (CLOCKS, "person_clocks.user_id"),
        (PLAYS, "(playback_sessions.user_id, playback_sessions.id)"),
    )
)


@lru_cache(maxsize=1024)
def _lite_text(statement: str, place: str, size: int) -> str:
    values = "VALUES " if place.startswith("(") else ""
    return statement.replace(_WANTED, values + ", ".join([place] * size))


@lru_cache(maxsize=16)
def _lite_update(columns: Columns) -> str:
    """An UPDATE of one row: the new values, then what names the row."""
    changes = ", ".join(f"{name} = ?" for name in columns.values)
    conditions = " AND ".join(f"{name} = ?" for name in columns.keys)
    return " ".join(("UPDATE", columns.model.__tablename__, "SET", changes, "WHERE", conditions))


def _instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


class PostgresqlWatchStore(CoreWatchStore):
    """On PostgreSQL: a batch travels as one array for each column, straight through the driver.

    What SQLAlchemy does for a statement costs more than PostgreSQL takes to run it. Of its work only the faults remain
    to be done: they are raised as it would raise them.
    """

    def tokens(self, digests: Sequence[str]) -> dict[str, tuple[int, int, datetime]]:
        return {row[0]: (row[1], row[2], row[3]) for row in self._read(_PG_TOKENS, (list(digests),))}

    def lock_clocks(self, user_ids: Sequence[int]) -> list[ClockState]:
        if not user_ids:
            return []
        return [clock_of(row) for row in self._read(_PG_CLOCKS, ([Int8(user_id) for user_id in user_ids],))]

    def plays(self, keys: Sequence[PlayKey]) -> list[PlayState]:
        if not keys:
            return []
        values = [Int8(user_id) for user_id, _ in keys], [name for _, name in keys]
        return [play_of(row) for row in self._read(_PG_PLAYS, values)]

    def _read(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._driver() as driver:
            return driver.execute(statement, values, prepare=True).fetchall()

    def _update(self, changes: Sequence[tuple[Columns, list[tuple[Any, ...]]]]) -> None:
        # All in one go: nobody waits for one answer before the next question.
        with self._driver() as driver, driver.pipeline():
            for columns, rows in changes:
                arrays = tuple(
                    [Int8(value) for value in array] if kind is int else list(array)
                    for kind, array in zip(_pg_kinds(columns), zip(*rows, strict=True), strict=True)
                )
                driver.execute(_pg_update(columns), arrays, prepare=True)

    @contextmanager
    def _driver(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        driver = cast("psycopg.Connection[tuple[Any, ...]]", self._connection.connection.driver_connection)
        try:
            yield driver
        except psycopg.Error as fault:
            dialect: Any = self._connection.dialect
            gone = dialect.is_disconnect(fault, driver, None)
            if gone:
                self._connection.invalidate(fault)
            raised = DBAPIError.instance(None, None, fault, psycopg.Error, connection_invalidated=gone, dialect=dialect)
            raise raised from fault


@lru_cache(maxsize=16)
def _pg_kinds(columns: Columns) -> tuple[type, ...]:
    """What each column holds: int where every value is a number, so that it can travel as one of eight bytes."""
    table = columns.model.__table__
    return tuple(
        int if isinstance(table.c[name].type, Integer) and not table.c[name].nullable else object
        for name in columns.names
    )


@lru_cache(maxsize=16)
def _pg_update(columns: Columns) -> str:
    """An UPDATE of many rows from one array for each column: binary where no value can be missing."""
    table = columns.model.__table__
    arrays = ", ".join(
        f"%{'s' if table.c[name].nullable else 'b'}::{table.c[name].type.compile(dialect=_PSYCOPG)}[]"
        for name in columns.names
    )
    changes = ", ".join(f"{name} = new.{name}" for name in columns.values)
    conditions = " AND ".join(f"kept.{name} = new.{name}" for name in columns.keys)
    new = f"unnest({arrays}) AS new ({', '.join(columns.names)})"
    return " ".join(("UPDATE", columns.model.__tablename__, "AS kept SET", changes, "FROM", new, "WHERE", conditions))


_PSYCOPG = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
_PG_TOKENS = str(TOKENS.where(text("api_tokens.digest = ANY (%b::text[])")).compile(dialect=_PSYCOPG)).replace(
    "%%", "%"
)
_PG_CLOCKS = str(
    CLOCKS.where(text("person_clocks.user_id = ANY (%b::bigint[])"))
    .with_for_update(of=PersonClock)
    .compile(dialect=_PSYCOPG)
).replace("%%", "%")
_PG_PLAYS = str(
    PLAYS.where(
        text(
            "(playback_sessions.user_id, playback_sessions.id)"
            " IN (SELECT * FROM unnest(%b::bigint[], %b::text[]) AS wanted (user_id, id))"
        )
    ).compile(dialect=_PSYCOPG)
).replace("%%", "%")
