"""Turns at writing to one SQLite file: over threads and processes, and over processes that die."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lms_plugin.domain.errors import Unavailable
from lms_plugin.storage import turns
from lms_plugin.storage.session import Database
from lms_plugin.storage.turns import Turns
from tests.storage.counting import begin_counting, count_of, count_one, count_patiently

PROCESSES = 4
TIMES = 120
WAIT_SECONDS = 30
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOLDER = """
import sys, time
from pathlib import Path
from lms_plugin.storage.turns import Turns
with Turns(Path(sys.argv[1])).taken():
    print("held", flush=True)
    time.sleep(600)
"""
WRITER = """
import sys, time
from lms_plugin.storage.session import Database
from tests.storage.counting import count_one
def write(session):
    count_one(session)
    session.flush()
    print("held", flush=True)
    time.sleep(600)
Database(sys.argv[1]).transact(write)
"""


@contextmanager
def holding(program: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has got hold of it, and keeps it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, argument]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_processes_that_write_at_once_never_find_the_file_locked(database: Database, database_url: str) -> None:
    with database.writing() as session:
        begin_counting(session, "a")
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        waits = [pool.submit(count_patiently, database_url, TIMES) for _ in range(PROCESSES)]
        locked = sum(one.result(WAIT_SECONDS * 4) for one in waits)
    assert count_of(database) == PROCESSES * TIMES
    assert locked == 0


def test_the_turn_of_a_killed_process_is_free(database_url: str) -> None:
    path = file_of(database_url)
    mine, taken = Turns(path), threading.Event()

    def take() -> None:
        with mine.taken():
            taken.set()

    with holding(HOLDER, str(path)) as process:
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        assert not taken.wait(0.5), "two hold one turn"
        process.send_signal(signal.SIGKILL)
        assert taken.wait(WAIT_SECONDS), "a dead process keeps its turn"
        thread.join(WAIT_SECONDS)
    mine.close()


def test_a_process_killed_in_the_midst_of_writing_leaves_a_whole_store_and_its_turn(
    database: Database, database_url: str
) -> None:
    with database.writing() as session:
        begin_counting(session, "a")
    with holding(WRITER, database_url) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert database.transact(count_one) == 1
    assert count_of(database) == 1


def test_who_waits_too_long_is_told_and_holds_nobody_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.3)
    mine = Turns(file_of(database_url))
    holds, done = threading.Event(), threading.Event()

    def hold() -> None:
        with mine.taken():
            holds.set()
            done.wait(WAIT_SECONDS)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert holds.wait(WAIT_SECONDS)
    with pytest.raises(Unavailable), mine.taken():
        raise AssertionError("unreachable")
    done.set()
    thread.join(WAIT_SECONDS)
    with mine.taken():  # and the next one comes in at once
        pass
    mine.close()


def test_patience_has_an_end_with_another_process_too(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.3)
    path = file_of(database_url)
    mine = Turns(path)
    with holding(HOLDER, str(path)) as process:
        process.send_signal(signal.SIGSTOP)
        for _ in range(3):  # each waits no longer than its own time
            with pytest.raises(Unavailable), mine.taken():
                raise AssertionError("unreachable")
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Those who left give back what comes to them after all.
        monkeypatch.setattr(turns, "PATIENCE_SECONDS", WAIT_SECONDS)
        with mine.taken():
            pass
    mine.close()


def test_a_turn_comes_back_from_work_that_fails(database_url: str) -> None:
    mine = Turns(file_of(database_url))
    for _ in range(3):
        with pytest.raises(sqlite3.Error), mine.taken():
            raise sqlite3.OperationalError("no")
    with mine.taken():
        pass
    mine.close()


def test_a_child_that_is_forked_takes_turns_of_its_own(database_url: str) -> None:
    mine = Turns(file_of(database_url))
    with mine.taken():
        pass  # the lock file is open now, and inherited
    heard, says = os.pipe()
    child = os.fork()
    if child == 0:
        with mine.taken():
            os.write(says, b"taken ")
            time.sleep(0.3)
            os.write(says, b"given back")
        os._exit(0)
    assert os.read(heard, 6) == b"taken "
    os.set_blocking(heard, False)
    with mine.taken():
        assert os.read(heard, 10) == b"given back", "parent and child wrote at once"
    assert os.waitpid(child, 0)[1] == 0
    mine.close()
