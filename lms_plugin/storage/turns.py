"""Taking turns at writing to an SQLite file, over threads and processes.

SQLite has one writer at a time, and whoever finds another at work sleeps and tries again, for longer and longer: some
wait for half a second while others pass them by. Here the
kernel keeps a queue, and a process that dies gives up its place. Nobody can leave that queue in time; so a thread of
its own stands in it, and is left standing where it takes too long.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lms_plugin.domain.errors import Unavailable

PATIENCE_SECONDS = 30.0


class Turns:
    """The queue of one process's threads, and through a lock file beside the database that of all processes."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.turn")
        self._here = threading.Lock()
        self._file: int | None = None
        self._opened_by = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and keep it.

        Raises:
            Unavailable: it did not come in time.
        """
        ends_at = time.monotonic() + PATIENCE_SECONDS
        if not self._here.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable(why="no turn at writing")
        try:
            file = self._lock_file()
            if not _lock(file, ends_at):
                self._file = None  # whoever stands in the queue closes it
                raise Unavailable(why="no turn at writing")
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            self._here.release()

    def close(self) -> None:
        if self._file is not None and self._opened_by == os.getpid():
            os.close(self._file)
        self._file = None

    def _lock_file(self) -> int:
        # A lock belongs to an open file: one inherited from a parent process would be the parent's.
        if self._file is None or self._opened_by != os.getpid():
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._opened_by = os.getpid()
        return self._file


def _lock(file: int, ends_at: float) -> bool:
    """Lock the file for this process; False where others kept it until `ends_at`, and the file is not ours any more."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Place(file).waited(ends_at)
    return True


class _Place:
    """A place in the kernel's queue, with a thread standing there."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._reached = threading.Event()
        self._is_left = False
        threading.Thread(target=self._stand, name="turn", daemon=True).start()

    def waited(self, ends_at: float) -> bool:
        """Whether the turn came in time; else the place is left."""
        self._reached.wait(max(0.0, ends_at - time.monotonic()))
        with self._mutex:
            self._is_left = not self._reached.is_set()
            return not self._is_left

    def _stand(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._mutex:
            if self._is_left:
                os.close(self._file)
            else:
                self._reached.set()
