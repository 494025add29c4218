"""A programme simulated from enrolment to completion, with as many teachers as it has in real life."""

import time
from datetime import timedelta
from decimal import ROUND_DOWN
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import func, select

from lms_plugin.cli.environment import opened
from lms_plugin.config import Settings
from lms_plugin.content.loader import load_programme
from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Programme
from lms_plugin.simulation import running, world
from lms_plugin.simulation.running import Pace, Tally
from lms_plugin.simulation.world import World
from lms_plugin.storage import migrating
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

CONTENT = Path("course_content")


@click.command()
@click.argument("programme")
@click.option("--learners", type=click.IntRange(1), help="So many; else as many as the programme takes.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same people and habits.")
@click.option("--beat-minutes", default=15, show_default=True, type=click.IntRange(1, 60), help="Between reports.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1, 64))
def simulate(programme: str, learners: int | None, seed: int, beat_minutes: int, processes: int) -> None:
    """Drive PROGRAMME (a key of course_content, or a folder) from enrolment to completion, through the services.

    Only for a store of its own: one that has other people than simulated ones is refused. What came of it is printed:
    who completed, hours by component, entries a second. The ledger can be audited afterwards like any other.
    """
    declared = load_programme(_folder(programme)).programme
    count = learners or world.head_count(declared)
    if count is None:
        raise click.UsageError(f"{declared.key} has no number of places: say how many with --learners")
    with opened() as (settings, database):
        migrating.upgrade(database)
        started = time.monotonic()
        with _progress() as bar:
            made = _make(database, declared, count, seed, bar)
            enrolled = time.monotonic()
            tally = _run(settings, made, Pace(seed, timedelta(minutes=beat_minutes), processes), bar)
        _tell(database, declared, made, tally, enrolled - started, time.monotonic() - enrolled, processes)


def _folder(programme: str) -> Path:
    for folder in (Path(programme), CONTENT / programme):
        if (folder / "programme.toml").is_file():
            return folder
    raise click.UsageError(f"there is no programme {programme}: neither a folder nor a key of {CONTENT}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _make(database: Database, programme: Programme, count: int, seed: int, bar: Progress) -> World:
    task = bar.add_task("enrolling", total=count)
    return world.make(database, programme, count, seed, lambda made: bar.update(task, completed=made))


def _run(settings: Settings, made: World, pace: Pace, bar: Progress) -> Tally:
    task = bar.add_task("studying", total=made.learners)
    whole = Tally()
    for tally in running.run(settings.database_url, made, pace):
        whole.add(tally)
        bar.advance(task, sum(tally.learners.values()))
    return whole


def _tell(
    database: Database,
    programme: Programme,
    made: World,
    tally: Tally,
    enrolling_seconds: float,
    studying_seconds: float,
    processes: int,
) -> None:
    with database.reading() as session:
        entries = session.scalar(
            select(func.count())
            .select_from(CreditEntryRow)
            .join(Enrolment, Enrolment.id == CreditEntryRow.enrolment_id)
            .where(Enrolment.programme_id == made.programme_id)
        )
    whole, complete = sum(tally.learners.values()), sum(tally.complete.values())
    console = Console()
    kinds = Table("kind", "learners", "complete", "share")
    for kind, count in sorted(tally.learners.items()):
        done = tally.complete[kind]
        kinds.add_row(kind, f"{count:,}", f"{done:,}", f"{done / count:.1%}")
    kinds.add_row("all", f"{whole:,}", f"{complete:,}", f"{complete / whole:.1%}")
    hours = Table("component", "class hours", "a learner")
    for component in programme.components:
        counted_ms = tally.counted_ms[component.key]
        total = class_hours(counted_ms, programme.class_hour_ms, rounding=ROUND_DOWN)
        mean = class_hours(counted_ms, programme.class_hour_ms * whole, rounding=ROUND_DOWN)
        hours.add_row(component.key, f"{total:,}", f"{mean:,}")
    console.print(f"{programme.key}: {programme.title.zh} / {programme.title.en}")
    console.print(kinds)
    console.print(hours)
    seconds = enrolling_seconds + studying_seconds
    console.print(
        f"{whole:,} learners in {len(made.groups):,} class groups, {tally.withdrawn:,} withdrew;"
        f" {entries or 0:,} credit entries"
    )
    console.print(
        f"{seconds:,.0f} s with {processes} processes (enrolling {enrolling_seconds:,.0f} s):"
        f" {whole / seconds:,.0f} learners/s, {(entries or 0) / max(studying_seconds, 0.001):,.0f} entries/s"
    )
