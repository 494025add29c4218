"""Finding each contender's best server, and measuring all of them in turns."""

import contextlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.benchmarking.contenders import Contender
from scripts.benchmarking.load import send
from scripts.benchmarking.servers import Running, Serving
from scripts.benchmarking.usage import cpu_seconds, finished_children_seconds


@dataclass(slots=True)
class Measured:
    """A contender on one server, and its rounds: answers a second, latencies, processors kept busy."""

    contender: Contender
    serving: Serving
    rates: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    busy: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def server(self) -> str:
        return self.serving.server

    def run(self, running: Running, seconds: float) -> None:
        """One round; `busy` is how many processors the server, the store and the load kept busy."""
        store = self.contender.store
        before = cpu_seconds(running.pid), cpu_seconds(store.pid), finished_children_seconds()
        found = send(self.contender.players, running.port, seconds)
        after = cpu_seconds(running.pid), cpu_seconds(store.pid), finished_children_seconds()
        self.contender.take(found)
        self.rates.append(found.rate)
        self.milliseconds += found.milliseconds()
        server, stored, load = ((late - early) / seconds for early, late in zip(before, after, strict=True))
        self.busy.append((server, stored, load))

    def row(self) -> tuple[str, ...]:
        cuts = statistics.quantiles(self.milliseconds, n=100)
        busy = [statistics.median(column) for column in zip(*self.busy, strict=True)]
        return (
            self.contender.name,
            str(self.serving),
            f"{self.rate:.0f}",
            *(f"{cuts[point - 1]:.1f}" for point in (50, 95, 99)),
            *(f"{one:.2f}" for one in busy),
        )


HEADINGS = ("contender", "server", "answers/s", "p50 ms", "p95 ms", "p99 ms", "cpu server", "cpu store", "cpu load")


def best_of(contender: Contender, servings: Sequence[Serving], seconds: float) -> list[Measured]:
    """A short scan: the best number of processes and threads for each kind of server."""
    if len(servings) == 1:
        return [Measured(contender, servings[0])]
    best: dict[str, Measured] = {}
    for serving in servings:
        one = Measured(contender, serving)
        with contender.serve(serving) as running:
            one.run(running, seconds)
        print(
            f"  scan {contender.store.kind} {contender.name} {serving}: {one.rate:.0f}/s", file=sys.stderr, flush=True
        )
        if serving.server not in best or one.rate > best[serving.server].rate:
            best[serving.server] = one
    return [Measured(contender, one.serving) for one in best.values()]


def take_turns(entries: Sequence[Measured], rounds: int, seconds: float) -> None:
    """Interleaved rounds of all, each on a server that has been warmed up and keeps running."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(one.contender.serve(one.serving)) for one in entries]
        for one, running in zip(entries, servers, strict=True):
            Measured(one.contender, one.serving).run(running, 1.0)
        for _ in range(rounds):
            for one, running in zip(entries, servers, strict=True):
                one.run(running, seconds)


def ratios(kind: str, entries: Sequence[Measured], ours: str, ships_with: str) -> dict[str, float]:
    """The ratios of what was measured on one kind of store, see `compare`."""
    rates: dict[str, dict[str, float]] = {}
    for one in entries:
        rates.setdefault(one.contender.name, {})[one.server] = one.rate
    return compare(kind, rates, ours, ships_with)


def compare(kind: str, rates: Mapping[str, Mapping[str, float]], ours: str, ships_with: str) -> dict[str, float]:
    """Ours over each peer, from rates by contender and server.

    A plain name is ours on the server it ships with over the peer's best on any; NAME@SERVER is both on that server.
    """
    found = {}
    own = rates[ours]
    for name, of_peer in rates.items():
        if name == ours:
            continue
        found[f"beats-{kind}/{name}"] = own[ships_with] / max(of_peer.values())
        for server in of_peer.keys() & own.keys():
            found[f"beats-{kind}/{name}@{server}"] = own[server] / of_peer[server]
    return dict(sorted(found.items()))
