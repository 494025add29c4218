"""Waiting for what happens in another thread or process."""

import threading
import time
from collections.abc import Callable

GIVE_UP_SECONDS = 60


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something has happened; `what` says what did not."""
    give_up_at, pause = time.monotonic() + GIVE_UP_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < give_up_at, what
        pause.wait(0.05)
