"""A counter in the store, for tests that many write to at once; importable by the processes that they start."""

import sqlite3

from sqlalchemy import event, select, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session

from lms_plugin.storage import migrating
from lms_plugin.storage.people import Region
from lms_plugin.storage.session import Database


def begin_counting(session: Session, *codes: str) -> None:
    """A region per counter: its name is the count, so that no test needs tables of its own."""
    session.add_all(Region(code=code, level="province", name="0") for code in codes)


def count_one(session: Session, code: str = "a") -> int:
    """Read, add one, write; what two do at once must not get lost."""
    region = session.scalars(select(Region).where(Region.code == code).with_for_update()).one()
    region.name = str(int(region.name) + 1)
    return int(region.name)


def count_of(database: Database, code: str = "a") -> int:
    with database.reading() as session:
        return int(session.scalars(select(Region.name).where(Region.code == code)).one())


def count_in_a_process(url: str, times: int) -> int:
    """What a process of its own does; gives the last count it saw."""
    database = Database(url)
    last = 0
    for _ in range(times):
        last = database.transact(count_one)
        with database.reading() as session:
            session.execute(text("SELECT count(*) FROM regions")).one()
    database.dispose()
    return last


def migrate_in_a_process(url: str) -> bool:
    database = Database(url)
    migrating.upgrade(database)
    current = migrating.is_current(database)
    database.dispose()
    return current


def count_patiently(url: str, times: int) -> int:
    """What a process of its own does whose connections SQLite lets wait for nobody; gives how often it was locked."""
    database = Database(url)
    locked = 0

    @event.listens_for(database.engine, "connect")
    def wait_for_nobody(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=0")

    @event.listens_for(database.engine, "handle_error")
    def note(context: ExceptionContext) -> None:
        nonlocal locked
        locked += "locked" in str(context.original_exception)

    for _ in range(times):
        database.transact(count_one)
    database.dispose()
    return locked
