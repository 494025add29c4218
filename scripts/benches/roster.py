"""The preview of a roster: 87,000 rows with 500 faulty ones, on both stores, every fault named and nothing written."""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from lms_plugin.services import importing, uploads
from lms_plugin.services.access import Scope
from lms_plugin.services.roster import plan_import
from lms_plugin.services.rosterfile import PEOPLE, read_table
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database
from scripts.benchmarking import rosters, stores
from scripts.benchmarking.outcome import Outcome, Table
from scripts.benchmarking.rosters import NOW, Roster, World

ROWS, FAULTY, SEED = 87_000, 500, 2026
QUICK_ROWS, QUICK_FAULTY = 8_700, 100
LONGEST_SECONDS = 60.0
Result = TypeVar("Result")
HEADINGS = ("file", "MB", "read s", "plan s", "preview s", "cpu s", "faulty rows", "faults", "missed", "made up")
SEAL = FileSeal("a secret key of the benchmark")


@dataclass(slots=True)
class _File:
    """A roster as a file, in a store of its own, and what was found with it."""

    form: str
    database: Database
    world: World
    roster: Roster
    line: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def content(self) -> bytes:
        return self.roster.as_csv() if self.form == "csv" else self.roster.as_xlsx()


@contextmanager
def _files(kind: str, quick: bool) -> Iterator[tuple[stores.Store, Iterator[_File]]]:
    """A store and, one after the other, the roster in each form with a fresh database."""
    rows, faulty = (QUICK_ROWS, QUICK_FAULTY) if quick else (ROWS, FAULTY)

    def each(store: stores.Store) -> Iterator[_File]:
        for form in ("csv", "xlsx"):
            url = store.create(form)
            database = Database(url)
            migrating.upgrade(database)
            world = rosters.prepare(database, known=rows // 50 + faulty + 10, closed=faulty)
            store.tidy(url)
            yield _File(form, database, world, rosters.draw(world, rows=rows, faulty=faulty, seed=SEED))
            database.dispose()

    with tempfile.TemporaryDirectory(prefix="bench-roster-") as name, stores.opened(kind, Path(name)) as store:
        yield store, each(store)


def _previews(kind: str, quick: bool) -> Outcome:
    lines: list[Sequence[str]] = [HEADINGS]
    faults: list[str] = []
    ratios: dict[str, float] = {}
    with _files(kind, quick) as (store, files):
        for one in files:
            _preview(one)
            lines.append(one.line)
            faults += (f"{one.form} on {kind}: {wrong}" for wrong in one.wrong)
            ratios[f"roster-{kind}/{one.form}"] = LONGEST_SECONDS / one.seconds
        notes = (
            store.durability(),
            f"{QUICK_ROWS if quick else ROWS:,} rows, seed {SEED}; the preview reads the file, plans it and keeps it,"
            " as after an upload; cpu is this process's processor time",
            f"RATIO: {LONGEST_SECONDS:.0f} s over the preview",
            f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors;"
            f" most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB",
        )
    return Outcome([Table(f"previews of a roster on {kind}", lines, notes)], ratios, faults)


def _preview(one: _File) -> None:
    content, before = one.content, rosters.digest_of(one.database)
    read, table = _timed(lambda: read_table(content, PEOPLE))
    with one.database.reading() as session:
        planned, _ = _timed(lambda: plan_import(session, table, Scope(None), NOW))
    one.seconds = _receive(one, content).wall
    cpu = read.cpu + planned.cpu
    faults = uploads.all_faults(one.database, one.world.admin, one.form, SEAL, NOW)
    found = {(noted.finding.row, noted.finding.column, noted.finding.code) for noted in faults}
    expected = one.roster.expected
    if found != expected:
        one.wrong.append(f"{len(expected - found)} faults missed, {len(found - expected)} made up")
    if rosters.digest_of(one.database) != before:
        one.wrong.append("the store was changed before anything was confirmed")
    if one.seconds >= LONGEST_SECONDS:
        one.wrong.append(f"the preview took {one.seconds:.1f} s")
    figures = (len({row for row, _, _ in expected}), len(expected), len(expected - found), len(found - expected))
    times = (len(content) / 1e6, read.wall, planned.wall, one.seconds, cpu)
    one.line = [one.form, *(f"{value:.1f}" for value in times), *map(str, figures)]


def _receive(one: _File, content: bytes) -> "_Time":
    time_taken, _ = _timed(
        lambda: uploads.receive(
            one.database,
            one.world.admin,
            kind="people",
            name=f"roster.{one.form}",
            content=content,
            seal=SEAL,
            new_id=one.form,
            now=NOW,
        )
    )
    return time_taken


def _carry_out(one: _File) -> importing.CarriedOut:
    seen = len({row for row, _, _ in one.roster.expected})
    return importing.carry_out(
        one.database, one.world.admin, one.form, only_good=True, seen_faulty_rows=seen, seal=SEAL, now=NOW
    )


def on_sqlite(quick: bool) -> Outcome:
    return _previews(stores.SQLITE, quick)


def on_postgresql(quick: bool) -> Outcome:
    return _previews(stores.POSTGRESQL, quick)


def importing_on_postgresql(quick: bool) -> Outcome:
    """The good rows carried out, with a drawn password for each new account."""
    lines: list[Sequence[str]] = [("file", "import s", "cpu s", "accounts", "enrolled")]
    with _files(stores.POSTGRESQL, quick) as (store, files):
        for one in files:
            _receive(one, one.content)
            taken, done = _timed(partial(_carry_out, one))
            figures = (done.figures["created"], done.figures["enrolled"])
            lines.append([one.form, f"{taken.wall:.1f}", f"{taken.cpu:.1f}", *map(str, figures)])
        notes = (store.durability(), "read, planned twice, passwords drawn and hashed, written in one transaction")
    return Outcome([Table("a roster carried out on postgresql", lines, notes)])


@dataclass(frozen=True, slots=True)
class _Time:
    """Seconds by the clock and of the processor."""

    wall: float
    cpu: float


def _timed(work: Callable[[], Result]) -> tuple[_Time, Result]:
    began, used = time.perf_counter(), time.process_time()
    result = work()
    return _Time(time.perf_counter() - began, time.process_time() - used), result


PARTS = {"sqlite": on_sqlite, "postgresql": on_postgresql, "import": importing_on_postgresql}
ON_REQUEST = ("import",)
