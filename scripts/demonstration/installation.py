"""One installation of the service on this machine: its settings, its commands, its server and its worker."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "lms-plugin"
START_SECONDS = 60
STOP_SECONDS = 15
_PAUSE_SECONDS = 0.05


class CommandFailed(Exception):
    """A command ended badly, or a process did not start; the text holds the last of what it said."""


class Installation:
    """A data folder with everything of one installation; commands and processes run on it with its settings.

    Settings of the surrounding environment don't get in. Without a `database_url` the store is SQLite in the
    folder. The secret key is drawn once and kept there, readable by its owner only.
    """

    def __init__(
        self, folder: Path, port: int, *, database_url: str | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True)
        own = {
            "LMS_PLUGIN_DATA_DIR": str(folder),
            "LMS_PLUGIN_SECRET_KEY": kept_secret(folder / "secret-key"),
            "LMS_PLUGIN_BASE_URL": self.base_url,
            "PYTHONUTF8": "1",
            **({"LMS_PLUGIN_DATABASE_URL": database_url} if database_url else {}),
            **(settings or {}),
        }
        outer = {name: value for name, value in os.environ.items() if not name.startswith("LMS_PLUGIN_")}
        self.environment = outer | own
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def database_url(self) -> str:
        """Where the store is, as the settings say."""
        return self.environment.get("LMS_PLUGIN_DATABASE_URL") or f"sqlite:///{self.folder / 'lms-plugin.sqlite3'}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def command(self, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
        """Run `lms-plugin ARGUMENTS` to its end and give what it printed.

        Raises:
            CommandFailed: it ended with another status than 0.
        """
        done = subprocess.run(
            [str(COMMAND), *arguments],
            env=self.environment | dict(settings or {}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise CommandFailed(f"lms-plugin {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout.strip()

    def start(self, name: str, *arguments: str, program: Sequence[str] = (str(COMMAND),)) -> subprocess.Popen[bytes]:
        """Start `lms-plugin ARGUMENTS` (or another program) as a process of its own, its output in the log `name`.

        It gets a process group of its own, so that Ctrl-C reaches this process alone, which then stops all in order.
        """
        self.logs.mkdir(exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*program, *arguments],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_server(self) -> None:
        """Start the server and wait until it says that it is ready.

        Raises:
            CommandFailed: it ended, or was not ready in time.
        """
        process = self.start("server", "serve", "--host", "127.0.0.1", "--port", str(self.port))
        ends_at = time.monotonic() + START_SECONDS
        with httpx.Client(trust_env=False, timeout=5) as client:
            while time.monotonic() < ends_at and process.poll() is None:
                try:
                    if client.get(f"{self.base_url}/readyz").status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass  # nobody listens yet
                time.sleep(_PAUSE_SECONDS)
        raise CommandFailed(f"the server did not start:\n{self.log_tail('server')}")

    def start_worker(self) -> None:
        self.start("worker", "worker")

    def kill(self, name: str) -> None:
        """End a process and all that it started as a power cut would (SIGKILL)."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all processes in order: asked first, killed when they don't end."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()

    def log_tail(self, name: str, length: int = 3000) -> str:
        path = self.logs / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace")[-length:] if path.exists() else ""


def kept_secret(path: Path, draw: str | None = None) -> str:
    """A secret kept in a file that only its owner can read; drawn (or set to `draw`) where there is none yet."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(draw or secrets.token_urlsafe(48))
    return path.read_text().strip()


def open_private(path: Path) -> IO[str]:
    """A file for writing that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def packages_in(folder: Path) -> Sequence[Path]:
    """The folders of encoded films under an installation's folder."""
    return sorted(manifest.parent for manifest in (folder / "media").glob("[0-9a-f]*/package.json"))
