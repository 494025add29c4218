"""Beats a second: the whole rule, authenticated and durable, beside peers that keep beats some other way."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarking import audience, growth, profiling, rounds, stores
from scripts.benchmarking.completion_batch import CompletionBatch
from scripts.benchmarking.contenders import OURS, Contender, EmptyPost, Ours, RowPerBeat
from scripts.benchmarking.load import CONNECTIONS
from scripts.benchmarking.outcome import Outcome, Table
from scripts.benchmarking.rounds import Measured
from scripts.benchmarking.servers import GRANIAN, GUNICORN, Serving

CONTENDERS = (EmptyPost, RowPerBeat, CompletionBatch, Ours)


def _servings(contender: Contender, quick: bool) -> Sequence[Serving]:
    """What is tried for a contender: the best number of processes and threads is another for each."""
    if quick:
        # For the peers what full runs found; a hurried scan would rather find noise.
        return [Serving(GRANIAN, 1, threads) for threads in ((8, 32) if contender.name == OURS else (4,))]
    return [
        Serving(server, processes, threads)
        for server in (GRANIAN, GUNICORN)
        for processes in (1, 2)
        for threads in (4, 8, 24)
    ]


def _on_store(kind: str, quick: bool) -> Outcome:
    """All contenders on one store: a scan for the best server of each, then interleaved rounds."""
    count, seconds, scan_seconds = (2, 1.5, 1.0) if quick else (3, 10.0, 3.0)
    with tempfile.TemporaryDirectory(prefix="bench-beats-") as name, stores.opened(kind, Path(name)) as store:
        folder = Path(name)
        contenders: list[Contender] = [make(store, folder / "contenders") for make in CONTENDERS]
        entries: list[Measured] = []
        for one in contenders:
            entries += rounds.best_of(one, _servings(one, quick), scan_seconds)
        rounds.take_turns(entries, count, seconds)
        differences = {one.name: one.differences() for one in contenders}
        notes = (
            store.durability(),
            f"one page is safe on this disk after {stores.sync_milliseconds(folder):.2f} ms (fdatasync, median)",
            f"{CONNECTIONS} kept connections, {count} interleaved rounds of {seconds:.0f} s, rates are medians;"
            f" server, store and load share {os.cpu_count()} processors",
            f"differences between what was answered and what is stored: {differences}",
        )
    entries.sort(key=lambda one: one.rate, reverse=True)
    table = Table(f"beats on {kind}", [rounds.HEADINGS, *(one.row() for one in entries)], notes)
    faults = [
        f"{name} on {kind}: {number} answers differ from what is stored"
        for name, number in differences.items()
        if number
    ]
    return Outcome([table], rounds.ratios(kind, entries, OURS, GRANIAN), faults)


def on_postgresql(quick: bool) -> Outcome:
    return _on_store(stores.POSTGRESQL, quick)


def on_sqlite(quick: bool) -> Outcome:
    return _on_store(stores.SQLITE, quick)


def profile(quick: bool) -> Outcome:
    return profiling.profile(stores.POSTGRESQL, quick)


def profile_sqlite(quick: bool) -> Outcome:
    return profiling.profile(stores.SQLITE, quick)


PARTS = {
    "postgresql": on_postgresql,
    "sqlite": on_sqlite,
    "audience": audience.measure,
    "growth": growth.measure,
    "profile": profile,
    "profile-sqlite": profile_sqlite,
}
ON_REQUEST = ("profile", "profile-sqlite")
