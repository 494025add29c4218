"""Starts, spoils and reads the test record store, and asks ralph's models about statements; needs no pytest."""

import json
import select
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.peers.process import PYTHON, ROOT

FOLDER = ROOT / "tests" / "peers" / "xapi"
START_SECONDS = 60

Statement = dict[str, Any]


class RecordStorePeer:
    """One record store in a process and a folder of its own, which outlives `kill`; a context manager.

    `base_url` is the xAPI endpoint, `origin` the server's own address.
    """

    base_url: str
    origin: str
    client_id: str
    client_secret: str

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="record-store-")
        self.folder = Path(self._temporary.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._http = httpx.Client(trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._http.close()
        self._temporary.cleanup()

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Serve on the folder; the address stays the same from the first start on."""
        command = [str(PYTHON), "-B", str(FOLDER / "serve.py"), "--port", str(self._port), "--folder", str(self.folder)]
        log_path = self.folder / "log.txt"
        with log_path.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
        self._process = process
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if readable else b""
        if not line:
            self.kill()
            raise RuntimeError(f"the record store did not start:\n{log_path.read_text()[-2000:]}")
        ready = json.loads(line)
        self.base_url, self.origin = ready["base_url"], ready["origin"]
        self.client_id, self.client_secret = ready["client_id"], ready["client_secret"]
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

    def reset(self) -> None:
        """Forget all statements, requests, limits and faults."""
        self.faults()
        self._post("/peer/reset", {})

    def limits(self, **limits: int) -> None:
        """`most_at_once`: statements in one request (413 above); `page`: statements in one answer; `lists_one`: 1 for
        a store that answers with a list when it is asked for one statement, as Ralph does."""
        self._post("/peer/limits", limits)

    def faults(self, *faults: Mapping[str, object]) -> None:
        """As tests.peers.process.OpenEdxPeer.faults."""
        self._post("/peer/faults", [dict(fault) for fault in faults])

    def statements(self, login: str | None = None) -> list[Statement]:
        """What is stored, in the order it came; of one person, or of everybody."""
        found: list[Statement] = self._state()["statements"]
        return [one for one in found if login is None or one["actor"]["account"]["name"] == login]

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path below the endpoint and status of the latest requests."""
        below = len(httpx.URL(self.base_url).path)
        return [(one["method"], one["path"][below:], one["status"]) for one in self._state()["requests"]]

    def put(self, statement: Statement) -> None:
        """Store a statement as somebody else's program would."""
        answer = self._http.post(
            f"{self.base_url}/statements",
            json=statement,
            auth=(self.client_id, self.client_secret),
            headers={"X-Experience-API-Version": "1.0.3"},
        )
        answer.raise_for_status()

    def _state(self) -> Any:
        answer = self._http.get(f"{self.origin}/peer/state")
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: object) -> None:
        self._http.post(f"{self.origin}{path}", json=body).raise_for_status()


def models_of(statements: Sequence[Statement]) -> list[str]:
    """The name of ralph's model that takes each statement; fails with its words where none does."""
    command = [str(PYTHON), "-B", str(FOLDER / "validate.py")]
    done = subprocess.run(command, input=json.dumps(statements).encode(), capture_output=True, check=True, cwd=ROOT)
    judged = json.loads(done.stdout)
    faults = [(statement, one["fault"]) for statement, one in zip(statements, judged, strict=True) if "fault" in one]
    assert not faults, faults[0]
    return [one["model"] for one in judged]
