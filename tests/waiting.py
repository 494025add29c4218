"""Waiting for what happens in another thread or process."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import text

from lms_plugin.storage.session import Database

GIVE_UP_SECONDS = 60


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something has happened; `what` says what did not."""
    give_up_at, pause = time.monotonic() + GIVE_UP_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < give_up_at, what
        pause.wait(0.05)


def is_lock_waited_for(database: Database) -> bool:
    """Whether some transaction on PostgreSQL waits for what another one holds."""
    with database.reading() as session:
        return session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) != 0
