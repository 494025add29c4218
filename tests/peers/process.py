"""Starts, seeds, spoils and reads the test platforms from Python; needs no pytest."""

import fcntl
import json
import select
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
SERVE = ROOT / "tests" / "peers" / "openedx" / "serve.py"
PYTHON = ROOT / ".venv-peer" / "bin" / "python"
START_SECONDS = 60


def prepare_environment() -> Path:
    """Build .venv-peer where it is missing or stale, one process at a time, and return its interpreter."""
    setup = ROOT / "scripts" / "setup"
    with setup.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([sys.executable, str(setup), "peer"], check=True, stdout=sys.stderr)
    return PYTHON


class PeerProcess(ABC):
    """One platform process with its own folder; a context manager.

    The folder outlives `kill` and `restart`, as a platform's database does. Without a folder a temporary one is used.
    """

    base_url: str

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="peer-")
        self.folder = folder or Path(self._temporary.name if self._temporary else "")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.http = httpx.Client(trust_env=False, timeout=30)

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """What starts the process; `--port` and `--folder` are added."""

    def is_ready(self, ready: Mapping[str, Any]) -> None:
        """Take what the process says of itself once it serves."""
        self.base_url = ready["base_url"]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Serve on the folder; the address stays the same from the first start on."""
        if self._process is not None:
            raise RuntimeError("the platform is already running")
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [*self.command, "--port", str(self._port), "--folder", str(self.folder)]
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
        self._process = process
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if readable else b""
        if not line:
            self.kill()
            raise RuntimeError(f"the platform did not start:\n{self.log_path.read_text()[-2000:]}")
        self.is_ready(json.loads(line))
        self._port = httpx.URL(self.base_url).port or 0

    def kill(self) -> None:
        """End the process as a power cut would (SIGKILL)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def stop(self) -> None:
        """End the process as its admin does, by closing what it was started with."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        process.wait(START_SECONDS)
        self.kill()

    def restart(self) -> None:
        """Kill and serve again at the same address."""
        self.kill()
        self.start()

    def close(self) -> None:
        self.kill()
        self.http.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def post(self, path: str, body: object) -> Any:
        """Say something to the test's own addresses of the process."""
        answer = self.http.post(f"{self.base_url}{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{self.base_url}{path}")
        answer.raise_for_status()
        return answer.json()


class OpenEdxPeer(PeerProcess):
    """The Open edX test platform. What it knows outlives `restart`, but for tokens: those of before are not valid."""

    client_id: str
    client_secret: str
    lti: dict[str, str]
    """What an LTI tool must know of the platform; `client_id` there is another one."""

    @property
    def command(self) -> list[str]:
        return [str(PYTHON), "-B", str(SERVE)]

    def is_ready(self, ready: Mapping[str, Any]) -> None:
        super().is_ready(ready)
        self.client_id = ready["client_id"]
        self.client_secret = ready["client_secret"]
        self.lti = ready["lti"]

    def seed(
        self,
        *,
        reset: bool = False,
        tracking: bool | None = None,
        users: Sequence[str] = (),
        courses: Mapping[str, Sequence[str] | Mapping[str, bool]] | None = None,
        enrolments: Sequence[tuple[str, str]] = (),
        left: Sequence[tuple[str, str]] = (),
        clients: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """Put learners, courses and enrolments (username, course key) on the platform.

        `courses` maps a course key to its block keys, or to {block key: hidden from learners}. `tracking` is the
        platform's completion switch; a new platform has it off. `clients` are further OAuth2 clients:
        {client_id, client_secret, owner, staff}. Whoever has `left` is enrolled and not active any more. `reset` first
        removes everything but the clients, the log of requests included.
        """
        body: dict[str, object] = {
            "reset": reset,
            "users": list(users),
            "courses": {
                course: dict(blocks) if isinstance(blocks, Mapping) else dict.fromkeys(blocks, False)
                for course, blocks in (courses or {}).items()
            },
            "enrolments": [list(pair) for pair in enrolments],
            "left": [list(pair) for pair in left],
            "clients": [dict(client) for client in clients],
        }
        if tracking is not None:
            body["tracking"] = tracking
        self.post("/peer/seed", body)

    def state(self) -> dict[str, Any]:
        """{tracking, completions, enrolments, requests}: the package's tables and the latest requests."""
        held: dict[str, Any] = self.get("/peer/state")
        return held

    def completions(self) -> dict[tuple[str, str], float]:
        """What is stored, by (username, block key)."""
        return {(row["username"], row["block_key"]): row["completion"] for row in self.state()["completions"]}

    def faults(self, *faults: Mapping[str, object]) -> None:
        """Plan what happens to the next requests, in place of what was planned before; without any, end them.

        {"kind": "slow", "seconds": 3}, {"kind": "refuse", "status": 429, "retry_after": "7"}, {"kind": "lose_answer"}
        (served, then cut off; with "status": 502 answered so), {"kind": "redirect", "location": ...},
        {"kind": "flood", "size": ...}, {"kind": "page"}; each with "times" (1) and "path", a prefix ("/").
        """
        self.post("/peer/faults", [dict(fault) for fault in faults])
