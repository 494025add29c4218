"""Starts, spoils and reads the test record store, and asks ralph's models about statements; needs no pytest."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.peers.process import PYTHON, ROOT, PeerProcess

FOLDER = ROOT / "tests" / "peers" / "xapi"

Statement = dict[str, Any]


class RecordStorePeer(PeerProcess):
    """One record store. `base_url` is the xAPI endpoint, `origin` the server's own address."""

    origin: str
    client_id: str
    client_secret: str

    @property
    def command(self) -> list[str]:
        return [str(PYTHON), "-B", str(FOLDER / "serve.py")]

    def is_ready(self, ready: Mapping[str, Any]) -> None:
        super().is_ready(ready)
        self.origin, self.client_id, self.client_secret = (
            ready[name] for name in ("origin", "client_id", "client_secret")
        )

    def reset(self) -> None:
        """Forget all statements, requests, limits and faults."""
        self.faults()
        self._tell("/peer/reset", {})

    def limits(self, **limits: int) -> None:
        """`most_at_once`: statements in one request (413 above); `page`: statements in one answer; `lists_one`: 1 for
        a store that answers with a list when it is asked for one statement, as Ralph does."""
        self._tell("/peer/limits", limits)

    def faults(self, *faults: Mapping[str, object]) -> None:
        """As tests.peers.process.OpenEdxPeer.faults."""
        self._tell("/peer/faults", [dict(fault) for fault in faults])

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
        answer = self.http.post(
            f"{self.base_url}/statements",
            json=statement,
            auth=(self.client_id, self.client_secret),
            headers={"X-Experience-API-Version": "1.0.3"},
        )
        answer.raise_for_status()

    def _state(self) -> Any:
        answer = self.http.get(f"{self.origin}/peer/state")
        answer.raise_for_status()
        return answer.json()

    def _tell(self, path: str, body: object) -> None:
        self.http.post(f"{self.origin}{path}", json=body).raise_for_status()


def models_of(statements: Sequence[Statement]) -> list[str]:
    """The name of ralph's model that takes each statement; fails with its words where none does."""
    command = [str(PYTHON), "-B", str(FOLDER / "validate.py")]
    done = subprocess.run(command, input=json.dumps(statements).encode(), capture_output=True, check=True, cwd=ROOT)
    judged = json.loads(done.stdout)
    faults = [(statement, one["fault"]) for statement, one in zip(statements, judged, strict=True) if "fault" in one]
    assert not faults, faults[0]
    return [one["model"] for one in judged]
