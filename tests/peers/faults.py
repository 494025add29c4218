"""Faults in front of the genuine application: slow, refusing, and answers that are lost on the way back."""

import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

KEPT_REQUESTS = 2000


@dataclass
class Fault:
    """What happens to the next `times` requests whose path starts with `path` and matches `pattern`.

    kind `slow` waits `seconds` and then serves; `refuse` answers `status` without serving; `lose_answer` serves and
    then cuts the connection, or answers `status` where one is given; `redirect` sends the caller to `location`;
    `flood` answers 200 with `size` bytes; `page` answers 200 with a web page, as a proxy under maintenance does.
    """

    kind: str
    path: str = "/"
    pattern: str = ""
    method: str = ""
    times: int = 1
    seconds: float = 0.0
    status: int = 0
    retry_after: str | None = None
    location: str = ""
    size: int = 0

    def meets(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and self.method in {"", method} and re.search(self.pattern, path) is not None


class FaultyFront:
    """WSGI middleware; POST /peer/faults takes a list of faults, and an empty list ends them all."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._faults: list[Fault] = []
        self._requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
        self._guard = threading.Lock()
        self._cleared = threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/peer/faults":
            return self._plan(environ, start_response)
        if path.startswith("/peer/"):
            environ["peer.requests"] = self._requests
            return self._application(environ, start_response)
        fault = self._next_fault(environ["REQUEST_METHOD"], path)
        entry: dict[str, Any] = {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "fault": fault.kind if fault else None,
            "status": None,
        }
        self._requests.append(entry)

        def start_and_note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            entry["status"] = int(status.split()[0])
            return start_response(status, headers, *rest)

        if fault is None:
            return self._application(environ, start_and_note)
        return self._spoil(fault, environ, start_and_note)

    def _plan(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        planned = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with self._guard:
            self._faults = [Fault(**fault) for fault in planned]
            self._cleared.set()  # whoever still waits in an earlier slow fault goes on at once
            self._cleared = threading.Event()
        return answer(start_response, 200, {"planned": len(planned)})

    def _next_fault(self, method: str, path: str) -> Fault | None:
        with self._guard:
            for fault in self._faults:
                if fault.times > 0 and fault.meets(method, path):
                    fault.times -= 1
                    return fault
        return None

    def _spoil(self, fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if fault.kind == "slow":
            self._cleared.wait(fault.seconds)
            return self._application(environ, start_response)
        if fault.kind == "lose_answer":
            return self._serve_and_lose(fault, environ, start_response)
        # Unread, the body would make the system reset the connection before the answer has got through.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if fault.kind == "refuse":
            extra = [("Retry-After", fault.retry_after)] if fault.retry_after is not None else []
            return answer(start_response, fault.status, {"detail": HTTPStatus(fault.status).phrase}, extra)
        if fault.kind == "redirect":
            return answer(start_response, fault.status or 302, {}, [("Location", fault.location)])
        if fault.kind == "flood":
            return answer(start_response, 200, {"detail": "x" * fault.size})
        if fault.kind == "page":
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<html><title>Back soon</title></html>"]
        raise ValueError(f"unknown fault {fault.kind!r}")

    def _serve_and_lose(self, fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        served = self._application(environ, lambda *_: None)
        try:
            for _ in served:
                pass
        finally:
            close = getattr(served, "close", None)
            if close is not None:
                close()
        if fault.status:
            return answer(start_response, fault.status, {"detail": HTTPStatus(fault.status).phrase})
        environ["peer.connection"].shutdown(socket.SHUT_RDWR)
        return answer(start_response, 200, {})


def answer(
    start_response: StartResponse, status: int, body: object, extra: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    content = json.dumps(body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content))), *(extra or [])]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [content]
