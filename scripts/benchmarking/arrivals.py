"""An open-loop load: requests go out at a constant rate, whatever becomes of the ones before.

Run as `python -m scripts.benchmarking.arrivals PLAN OUTPUT`; the plan is JSON {port, rate, connections,
patience_seconds, requests: [[path, token, body], ...]}. Latency is measured from the moment at which a request was
meant to be sent, so that a server that falls behind cannot hide it. The output has one line for each request:
its number, the status (0 where no answer came), the latency in milliseconds and the answer's body.

One thread and one epoll: at 3,000 requests a second it must leave the processors to the server beside it.
"""

import gc
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
_TAIL = "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
_LONGEST_PAUSE_SECONDS = 0.05


@dataclass(slots=True)
class Connection:
    """A kept connection; `number` is the request under way on it."""

    socket: socket.socket
    number: int = -1
    received: bytes = b""


@dataclass(slots=True)
class Load:
    """The requests and what became of them; instants in seconds of the monotonic clock, 0 where it did not happen."""

    port: int
    requests: list[bytes]
    rate: float
    patience_seconds: float
    connections: int
    status: list[int] = field(default_factory=list)
    done_at: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    began: float = 0.0

    def run(self) -> None:
        """Send everything, and wait for the answers no longer than the patience lasts after the last arrival."""
        total = len(self.requests)
        self.status, self.done_at, self.bodies = [0] * total, [0.0] * total, [b""] * total
        poll = select.epoll()
        by_descriptor = {}
        for _ in range(self.connections):
            one = Connection(socket.create_connection(("127.0.0.1", self.port)))
            one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poll.register(one.socket.fileno(), select.EPOLLIN)
            by_descriptor[one.socket.fileno()] = one
        free = list(by_descriptor.values())
        clock, interval = time.monotonic, 1 / self.rate
        self.began = clock() + _LONGEST_PAUSE_SECONDS
        ends_at = self.began + total * interval + self.patience_seconds
        number = answered = 0
        while answered < total:
            now = clock()
            if now > ends_at:
                break
            while number < total and free and self.began + number * interval <= now:
                one = free.pop()
                one.number = number
                one.socket.sendall(self.requests[number])
                number += 1
            pause = _LONGEST_PAUSE_SECONDS
            if free and number < total:
                pause = min(pause, max(0.0, self.began + number * interval - clock()))
            for descriptor, _ in poll.poll(pause):
                one = by_descriptor[descriptor]
                if self._receive(one):
                    answered += 1
                    free.append(one)
        for one in by_descriptor.values():
            one.socket.close()

    def _receive(self, one: Connection) -> bool:
        """Read what has come; whether the answer is whole."""
        chunk = one.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        one.received += chunk
        head, blank, body = one.received.partition(b"\r\n\r\n")
        if not blank:
            return False
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) < int(after.split(b"\r\n", 1)[0]):
            return False
        self.done_at[one.number] = time.monotonic()
        self.status[one.number] = int(head[9:12])
        self.bodies[one.number] = body
        one.received = b""
        return True


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    requests = [
        (_HEAD.format(path=path, token=token) + _TAIL.format(length=len(body), body=body)).encode()
        for path, token, body in plan["requests"]
    ]
    load = Load(plan["port"], requests, plan["rate"], plan["patience_seconds"], plan["connections"])
    gc.disable()
    load.run()
    with Path(sys.argv[2]).open("wb") as output:
        for number, (status, done_at, body) in enumerate(zip(load.status, load.done_at, load.bodies, strict=True)):
            late = (done_at - load.began - number / load.rate) * 1000 if status else 0.0
            output.write(b"%d\t%d\t%.3f\t%s\n" % (number, status, late, b" ".join(body.split())))


if __name__ == "__main__":
    main()
