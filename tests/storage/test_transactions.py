"""Transactions are whole, and tried again when the store says that another try can succeed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Unavailable
from lms_plugin.storage.people import Region
from lms_plugin.storage.session import TRIES, Database
from tests.storage.counting import begin_counting, count_of, count_one

WAIT_SECONDS = 20
# What only a server with many writers can do to a transaction; SQLite lets one write at a time.
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def counters(database: Database) -> Database:
    with database.writing() as session:
        begin_counting(session, "a", "b")
    return database


def test_what_work_gives_is_given_back_and_kept(counters: Database) -> None:
    assert counters.transact(count_one) == 1
    assert count_of(counters) == 1


def test_a_refusal_undoes_everything_and_is_not_tried_again(counters: Database) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(count_one(session))
        session.flush()
        raise Conflict("no")

    with pytest.raises(Conflict):
        counters.transact(work)
    with pytest.raises(Conflict), counters.writing() as session:
        work(session)
    assert tries == [1, 1]
    assert count_of(counters) == 0


def test_what_a_reading_session_changes_is_dropped(counters: Database) -> None:
    with counters.reading() as session:
        count_one(session)
        session.flush()
    assert count_of(counters) == 0


def test_two_first_rows_of_one_key_become_one(counters: Database) -> None:
    tries: list[Region | None] = []

    def find_or_add(session: Session) -> int:
        found = session.scalars(select(Region).where(Region.code == "new")).one_or_none()
        if not tries:
            found = None  # as if another had added it after the look
        tries.append(found)
        if found is None:
            found = Region(code="new", level="province", name="0")
            session.add(found)
            session.flush()
        return found.id

    with counters.writing() as session:
        first = Region(code="new", level="province", name="0")
        session.add(first)
        session.flush()
        first_id = first.id
    assert counters.transact(find_or_add) == first_id
    assert len(tries) == 2


def test_what_breaks_a_rule_every_time_is_told_as_it_is(counters: Database) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        begin_counting(session, "a")

    with pytest.raises(IntegrityError):
        counters.transact(work)
    assert len(tries) == TRIES


def test_nothing_gets_lost_between_threads(counters: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: counters.transact(count_one), range(40)))
    assert sorted(seen) == list(range(1, 41))
    assert count_of(counters) == 40


def test_two_that_lock_each_other_out_both_get_through(counters: Database) -> None:
    # On PostgreSQL a deadlock, which the server breaks after a second; on SQLite the second waits to begin.
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def work_in(first: str, second: str) -> None:
        def work(session: Session) -> None:
            tries.append(first)
            count_one(session, first)
            session.flush()
            if not counters.is_sqlite and len(tries) <= 2:
                both_hold_one.wait(WAIT_SECONDS)
            count_one(session, second)

        counters.transact(work)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work_in, "a", "b"), pool.submit(work_in, "b", "a")]:
            done.result(WAIT_SECONDS)
    assert (count_of(counters, "a"), count_of(counters, "b")) == (2, 2)
    assert len(tries) == (2 if counters.is_sqlite else 3)


@on_postgresql
def test_a_lost_race_of_snapshots_is_run_again(counters: Database) -> None:
    tries = []

    def work(session: Session) -> int:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        count_of_before = session.scalars(select(Region.name).where(Region.code == "b")).one()
        tries.append(count_of_before)
        if len(tries) == 1:
            counters.transact(lambda other: count_one(other, "b"))
        return count_one(session, "b")

    assert counters.transact(work) == 2
    assert tries == ["0", "1"]


@on_postgresql
def test_a_lock_that_stays_is_unavailable(counters: Database) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.scalars(select(Region).with_for_update(nowait=True)).all()

    with counters.writing() as holder:
        count_one(holder)
        holder.flush()
        with pytest.raises(Unavailable, match="lock"):
            counters.transact(work)
    assert len(tries) == TRIES
    counters.transact(work)


@on_postgresql
def test_a_lost_connection_is_replaced_and_the_work_done_once(counters: Database) -> None:
    tries = []

    def work(session: Session) -> int:
        counted = count_one(session)
        session.flush()
        tries.append(counted)
        if len(tries) == 1:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            with counters.reading() as administrator:
                administrator.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        return count_one(session, "b")

    assert counters.transact(work) == 1
    assert tries == [1, 1]
    assert (count_of(counters, "a"), count_of(counters, "b")) == (1, 1)


@on_postgresql
def test_connections_that_died_while_they_rested_are_not_noticed(counters: Database) -> None:
    counters.transact(count_one)
    administrator = Database(counters.engine.url.render_as_string(hide_password=False))
    with administrator.reading() as session:
        killed = session.scalars(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    administrator.dispose()
    assert killed
    assert all(killed)
    assert count_of(counters) == 1
    assert counters.transact(count_one) == 2
