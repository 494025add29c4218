"""Starting the servers under test: granian or gunicorn, with so many processes and threads."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from scripts.demonstration.installation import ROOT, CommandFailed, free_port

GRANIAN, GUNICORN = "granian", "gunicorn"
PATIENCE_SECONDS = 60
STOP_SECONDS = 20
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Serving:
    """How an application is served."""

    server: str
    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.server} {self.processes}x{self.threads}"


@dataclass(frozen=True, slots=True)
class Application:
    """A WSGI application: the factory `module:name`, run by the interpreter `python` with `environment`."""

    factory: str
    environment: Mapping[str, str]
    python: Path = Path(sys.executable)

    def command(self, serving: Serving, port: int) -> Sequence[str]:
        """The command line that serves it on 127.0.0.1; nothing is logged but faults."""
        program = str(self.python.parent / serving.server)
        if serving.server == GRANIAN:
            return [
                *(program, "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--factory"),
                *("--workers", str(serving.processes), "--blocking-threads", str(serving.threads)),
                *("--no-ws", "--no-access-log", "--log-level", "error", self.factory),
            ]
        return [
            *(program, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--keep-alive", "75"),
            *("--workers", str(serving.processes), "--threads", str(serving.threads)),
            *("--backlog", "1024", "--log-level", "error", f"{self.factory}()"),
        ]


class Running:
    """A server process on a free port, with a process group of its own; a context manager that ends it.

    Raises:
        CommandFailed: it ended, or did not answer in time.
    """

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str], log: Path) -> None:
        self.port = port
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end; what is still there after a while is killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def _wait_until_it_answers(self) -> None:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends_at and self._process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                time.sleep(_PAUSE_SECONDS)  # nobody listens yet
            else:
                return
            finally:
                connection.close()
        said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise CommandFailed(f"the server did not start:\n{said}")


def start(application: Application, serving: Serving, log: Path) -> Running:
    """Serve an application; it answers by the time this returns."""
    port = free_port()
    return Running(application.command(serving, port), port, application.environment, log)
