"""Where the time of a beat goes: our application under load with a sampler inside, and what each process used."""

import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx

from scripts.benchmarking import rounds, stores
from scripts.benchmarking.contenders import Ours
from scripts.benchmarking.load import send
from scripts.benchmarking.outcome import Outcome, Table
from scripts.benchmarking.rounds import Measured
from scripts.benchmarking.servers import GRANIAN, Application, Serving, start

THREADS = (1, 8, 32, 64)
_ROWS = 24
_WIDTH = 110


def profile(kind: str, quick: bool) -> Outcome:
    """Our own rate with several numbers of threads, undisturbed; then the best of them with a sampler."""
    seconds = 3.0 if quick else 10.0
    with tempfile.TemporaryDirectory(prefix="bench-profile-") as name, stores.opened(kind, Path(name)) as store:
        ours = Ours(store, Path(name) / "contenders")
        measured = []
        for threads in THREADS:
            one = Measured(ours, Serving(GRANIAN, 1, threads))
            with ours.serve(one.serving) as running:
                send_warm(one, running.port)
                one.run(running, seconds)
            measured.append(one)
        best = max(measured, key=lambda one: one.rate)
        application = Application("scripts.benchmarking.sampling:application", ours.installation.environment)
        with (
            start(application, best.serving, ours.log) as running,
            httpx.Client(base_url=f"http://127.0.0.1:{running.port}", trust_env=False, timeout=30) as client,
        ):
            send_warm(best, running.port)
            client.get("/profile")
            found = send(ours.players, running.port, seconds)
            seen = client.get("/profile").raise_for_status().json()
            ours.take(found)
        differences = ours.differences()
    beats = sum(map(len, found.answers))
    tables = [
        Table(f"ours on {kind}, one process", [rounds.HEADINGS, *(one.row() for one in measured)]),
        *_tables(seen, beats, f"{best.serving}, sampled: {beats / seconds:.0f} beats a second"),
    ]
    return Outcome(tables, faults=[f"{differences} answers differ from what is stored"] if differences else [])


def send_warm(one: Measured, port: int) -> None:
    one.contender.take(send(one.contender.players, port, 1.0))


def _tables(seen: dict[str, Any], beats: int, title: str) -> list[Table]:
    """`seen` is what the sampler reports; shares are of all samples in which a thread was at work for us."""
    total = sum(count for _, _, count in seen["stacks"]) or 1
    a_sample_ms = seen["seconds"] * 1000 / max(seen["rounds"], 1)
    by_doing: Counter[str] = Counter()
    by_function: dict[str, Counter[str]] = defaultdict(Counter)
    for where, doing, count in seen["stacks"]:
        kind = "store" if doing.startswith("store") else doing
        by_function[where][kind] += count
        by_doing[doing] += count

    def per_beat(count: float) -> str:
        return f"{count * a_sample_ms / max(beats, 1):.3f}"

    doing_rows = [(doing, f"{count / total:.1%}", per_beat(count)) for doing, count in by_doing.most_common()]
    largest = sorted(by_function.items(), key=lambda one: -one[1].total())[:_ROWS]
    function_rows = [
        (
            where,
            f"{kinds.total() / total:.1%}",
            *(f"{kinds[kind] / total:.1%}" for kind in ("python", "store", "waiting")),
            per_beat(kinds.total()),
        )
        for where, kinds in largest
    ]
    within_rows = [(where, f"{count / total:.1%}", per_beat(count)) for where, count in seen["within"][:_ROWS]]
    statement_rows = [
        (" ".join(text.split())[:_WIDTH], f"{count / max(beats, 1):.3f}", f"{spent * 1000 / count:.2f}")
        for text, count, spent in seen["statements"][:_ROWS]
    ]
    thread_rows = [
        (name, f"{spent:.2f}") for name, spent in sorted(seen["threads"].items(), key=lambda one: -one[1])[:_ROWS]
    ]
    return [
        Table(title, [("a thread of ours is at", "share", "ms a beat"), *doing_rows]),
        Table(
            "by our deepest function",
            [("function", "share", "python", "store", "waiting", "ms a beat"), *function_rows],
            ["python includes waiting for the interpreter's lock"],
        ),
        Table("by function, with all it calls", [("function", "share", "ms a beat"), *within_rows]),
        Table("statements through SQLAlchemy", [("statement", "a beat", "ms each"), *statement_rows]),
        Table("processor seconds of the server's threads since its start", [("thread", "seconds"), *thread_rows]),
    ]
