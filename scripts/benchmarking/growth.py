"""How the cost of a beat grows: with learners, films, segments in a beat, and stretches of a torn coverage."""

import contextlib
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lms_plugin.domain.intervals import Segments
from scripts.benchmarking import stores
from scripts.benchmarking.contenders import Ours
from scripts.benchmarking.load import send
from scripts.benchmarking.outcome import Outcome, Table
from scripts.benchmarking.usage import cpu_seconds

OPENED_SECONDS_AGO = 3600.0
"""Long enough for whatever the cases claim: here it is the cost that counts, not the pace."""

STRETCH_MS, GAP_MS, TORN_FROM_MS = 10_000, 10_000, 12 * 3600 * 1000
STEP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """What one measurement varies; the first case of CASES is what the others are compared with."""

    name: str
    learners: int = 1_000
    films: int = 1
    segments: int = 1
    stretches: int = 0

    @property
    def covered(self) -> Segments:
        """So many stretches, far behind where the learners play."""
        starts = (TORN_FROM_MS + number * (STRETCH_MS + GAP_MS) for number in range(self.stretches))
        return tuple((start, start + STRETCH_MS) for start in starts)


CASES = (
    Case("1,000 learners"),
    Case("10,000 learners", learners=10_000),
    Case("87,000 learners", learners=87_000),
    Case("10 films each", films=10),
    Case("50 films each", films=50),
    Case("10 segments a beat", segments=10),
    Case("100 segments a beat", segments=100),
    Case("coverage in 50 stretches", stretches=50),
    Case("coverage in 500 stretches", stretches=500),
)
QUICK = ("1,000 learners", "10,000 learners", "100 segments a beat")


def measure(quick: bool) -> Outcome:
    """Interleaved rounds of all cases, each with a database and a server of its own; on PostgreSQL."""
    cases = [case for case in CASES if not quick or case.name in QUICK]
    count, seconds = (2, 0.7) if quick else (5, 3.0)
    rates: dict[str, list[float]] = {case.name: [] for case in cases}
    milliseconds: dict[str, list[float]] = {case.name: [] for case in cases}
    costs: dict[str, list[float]] = {case.name: [] for case in cases}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-growth-")))
        store = stack.enter_context(stores.opened(stores.POSTGRESQL, folder))
        contenders = [_contender(case, store, folder) for case in cases]
        servers = [stack.enter_context(one.serve()) for one in contenders]
        for ours, running in zip(contenders, servers, strict=True):
            ours.take(send(ours.players, running.port, 1.0))
        for _ in range(count):
            for case, ours, running in zip(cases, contenders, servers, strict=True):
                before = cpu_seconds(running.pid) + cpu_seconds(store.pid)
                found = send(ours.players, running.port, seconds)
                used = cpu_seconds(running.pid) + cpu_seconds(store.pid) - before
                ours.take(found)
                rates[case.name].append(found.rate)
                milliseconds[case.name] += found.milliseconds()
                costs[case.name].append(used * 1000 / sum(map(len, found.answers)))
        differences = sum(one.differences() for one in contenders)
    usual = statistics.median(costs[cases[0].name])
    rows = [("one thing varied", "answers/s", "p50 ms", "p99 ms", "cpu ms a beat", "times")]
    for case in cases:
        cuts, cost = statistics.quantiles(milliseconds[case.name], n=100), statistics.median(costs[case.name])
        rate = statistics.median(rates[case.name])
        figures = (f"{rate:.0f}", f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{cost:.2f}", f"{cost / usual:.2f}")
        rows.append((case.name, *figures))
    notes = (
        "processor time is the server's and PostgreSQL's; times is beside the first row",
        f"differences between what was answered and what is stored: {differences}",
    )
    faults = [f"{differences} answers differ from what is stored"] if differences else []
    return Outcome([Table("how the cost of a beat grows", rows, notes)], faults=faults)


def _contender(case: Case, store: stores.Store, folder: Path) -> Ours:
    name = case.name.replace(" ", "-").replace(",", "")
    ours = Ours(
        store,
        folder / name,
        case.learners,
        opened_seconds_ago=OPENED_SECONDS_AGO,
        films=case.films,
        covered=case.covered,
        database=name,
    )
    for player in ours.players:
        player.segments, player.step_seconds = case.segments, STEP_SECONDS
    return ours
