"""The database: one engine, sessions that read, and transactions that are tried again when the store asks for it."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Unavailable
from lms_plugin.storage.turns import Turns

Outcome = TypeVar("Outcome")

# Two instants of one local zone would be subtracted as if its clocks never changed.
IN_UTC = {"options": "-c timezone=UTC"}
TRIES = 4
FIRST_PAUSE_SECONDS = 0.05
# PostgreSQL: serialization failure, deadlock, lock not available. Another try can succeed at once.
_RETRY_STATES = {"40001", "40P01", "55P03"}


class Database:
    """Access to the store; safe to share between threads, to be made anew in each process.

    On SQLite a writing transaction takes the write lock when it begins (BEGIN IMMEDIATE), so that it never
    fails half-way because another one wrote in between, and every commit reaches the disk (synchronous=FULL).
    """

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turns: Turns | None = None
        if self.is_sqlite:
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
                self._turns = Turns(Path(parsed.database))
            self.engine = create_engine(parsed, pool_size=pool_size, connect_args={"timeout": 30})
            _prepare_sqlite(self.engine)
        else:
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = create_engine(
                parsed,
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_pre_ping=True,
                connect_args=IN_UTC,
            )
        self._writer = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._plain: Engine = self._writer
        if not self.is_sqlite:
            # Few, kept busy, and not asked before each use whether they are still there: a lost one is tried again.
            self._plain = create_engine(
                parsed, pool_size=2, max_overflow=pool_size, pool_use_lifo=True, connect_args=IN_UTC
            )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reads; whatever it changed is rolled back.

        Raises:
            Unavailable: the store cannot be reached.
        """
        with _refused_as_unavailable(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, committed at the end; for callers that cannot be run twice, such as commands.

        Raises:
            Unavailable: the store cannot be reached, is full, or is locked for too long.
        """
        with _refused_as_unavailable(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def transact(self, work: Callable[[Session], Outcome]) -> Outcome:
        """Run `work` in one transaction and commit; tried again on deadlocks and lost serialization races.

        `work` may run several times, each time on a clean session: it must not keep state outside of it.

        Raises:
            Unavailable: the store cannot be reached, is full, or stays locked.
        """

        def once() -> Outcome:
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                return work(session)

        return self._tried_again(once)

    def transact_plainly(self, work: Callable[[Connection], Outcome]) -> Outcome:
        """As `transact`, with a bare connection: for paths that cannot afford the ORM."""

        def once() -> Outcome:
            with self._plain.begin() as connection:
                return work(connection)

        return self._tried_again(once)

    def _tried_again(self, once: Callable[[], Outcome]) -> Outcome:
        pause = FIRST_PAUSE_SECONDS
        with _refused_as_unavailable():
            for last in [False] * (TRIES - 1) + [True]:
                try:
                    with self._turns.taken() if self._turns is not None else nullcontext():
                        return once()
                except DBAPIError as fault:
                    if last or not _is_worth_another_try(fault):
                        raise
                    time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
                    pause *= 2
        raise AssertionError("unreachable")

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Everything that connects: one engine, or two where bare transactions keep connections of their own."""
        return (self.engine,) if self.is_sqlite else (self.engine, self._plain)

    def dispose(self) -> None:
        for engine in self.engines:
            engine.dispose()
        if self._turns is not None:
            self._turns.close()


def _is_worth_another_try(fault: DBAPIError) -> bool:
    if fault.connection_invalidated:
        return True
    state = getattr(fault.orig, "sqlstate", None)
    # Two first rows of the same key at the same moment: the second try finds the row.
    return state in _RETRY_STATES or isinstance(fault, IntegrityError) or "database is locked" in str(fault.orig)


@contextmanager
def _refused_as_unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as fault:
        raise Unavailable(why=str(fault.orig).splitlines()[0] if str(fault.orig) else "no answer") from fault


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions by itself: `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
