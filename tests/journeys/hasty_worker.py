"""The worker as `lms-plugin worker` runs it, with leases of seconds: what a killed one had taken is free soon."""

import os
import signal
import socket
import threading
from types import FrameType

from lms_plugin.adapters.openedx.reporters import Reporters
from lms_plugin.app import configure_logging
from lms_plugin.cli.environment import now, opened
from lms_plugin.services import delivery
from lms_plugin.services.platforms import Seal
from lms_plugin.services.sending import Pace

LEASE_SECONDS = 8


def main() -> None:
    configure_logging()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    with (
        opened() as (settings, database),
        Reporters(database, Seal(settings.secret_key), allow_loopback=settings.lms_allow_loopback) as reporters,
    ):
        name = f"{socket.gethostname()}:{os.getpid()}"
        pace = Pace(lease_seconds=LEASE_SECONDS)
        delivery.run_worker(database, reporters, stop, worker=name, clock=now, pace=pace)


if __name__ == "__main__":
    main()
