"""The ledger: audited, explained, its ends written down, its evidence kept as long as it must be."""

import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lms_plugin.app import create_app
from lms_plugin.cli.environment import now, opened
from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.http.explanation import explanation_lines
from lms_plugin.services import auditing, chain_heads, explaining, posting, retention
from lms_plugin.services.auditing import Audited
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.services.people import user_by_login
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database


@click.group()
def hours() -> None:
    """The ledger behind every figure."""


@hours.command()
@click.option("--learner", metavar="LOGIN", help="Only this learner, in every programme.")
@click.option("--programme", metavar="KEY", help="Only the learners of this programme, by key.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only so many learners, drawn at random.")
@click.option("--seed", type=int, help="Draw the same learners as an earlier --sample that printed this number.")
@click.option("--all", "every", is_flag=True, help="Print each learner's first difference, not only the very first.")
def audit(learner: str | None, programme: str | None, sample: int | None, seed: int | None, *, every: bool) -> None:
    """Work every hour out again from the evidence and compare to the millisecond.

    Checks both chains of hashes, every sum, every watched millisecond and every post by the rule of its time; names
    the first row that differs and exits with 1.
    """
    if seed is not None and sample is None:
        raise click.UsageError("--seed says which learners --sample draws: give both")
    drawn = secrets.randbelow(1_000_000) if seed is None else seed
    with opened() as (_, database):
        with database.reading() as session:
            user_ids = auditing.chosen(session, programme_key=programme, login=learner, sample=sample, seed=drawn)
        if sample is not None:
            click.echo(f"{len(user_ids)} learners drawn; the same ones again with --sample {sample} --seed {drawn}")
        found = Findings(every=every)
        for one in _audited(database, user_ids):
            found.take(one)
            if one.difference is not None and not every:
                break
    found.report(len(user_ids))


@hours.command()
@click.argument("learner")
@click.option("--programme", metavar="KEY", help="Only this programme, by key.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the sentences.")
def explain(learner: str, programme: str | None, language: str) -> None:
    """Say in words what the hours of LEARNER are made of, and why what does not count does not.

    What was watched and not posted yet is posted first, as it is when a page shows hours: the sums are the same.
    """
    with opened() as (settings, database):
        with database.reading() as session:
            user = user_by_login(session, learner)
            enrolment_ids = explaining.enrolments_of(session, user.id, programme)
        if not enrolment_ids:
            raise NotFound(what="enrolment of", key=learner)
        instant = now()
        app = create_app(settings)
        try:
            for number, enrolment_id in enumerate(enrolment_ids):
                _settle(database, enrolment_id, instant)
                with database.reading() as session:
                    auditing.hold_still(session)
                    told = explaining.explain(session, enrolment_id, instant)
                with app.test_request_context(headers={"Accept-Language": language}):
                    click.echo("\n" * (number > 0) + "\n".join(explanation_lines(told, language)))
        finally:
            app.extensions["lms_plugin"].database.dispose()


def _settle(database: Database, enrolment_id: int, instant: datetime) -> None:
    database.transact(lambda session: posting.settle(session, session.get_one(Enrolment, enrolment_id), instant))


@hours.command("export-heads")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--programme", metavar="KEY", help="Only this programme, by key.")
def export_heads(file: str, programme: str | None) -> None:
    """Write the ends of all chains to FILE (- is standard output), to be printed or signed and kept elsewhere.

    What is written down cannot be changed together with the database: check-heads compares the two.
    """
    with opened() as (_, database), database.reading() as session:
        auditing.hold_still(session)
        lines = list(chain_heads.written(session, now(), programme))
    if file == "-":
        click.echo("\n".join(lines))
        return
    with Path(file).open("w", encoding="utf-8", newline="\n") as target:
        target.writelines(f"{line}\n" for line in lines)
    click.echo(f"wrote the heads of {len(lines) - 4} enrolments to {file}; its digest, to be kept apart from it:")
    click.echo(lines[-1])


@hours.command("check-heads")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def check_heads(file: str) -> None:
    """Check that every head in FILE is still in its chain; name what is gone and exit with 1."""
    try:
        with click.open_file(file, encoding="utf-8") as source:
            heads, digest = chain_heads.read(source)
    except UnicodeDecodeError as fault:
        raise Malformed("heads_unreadable", why="it is no text") from fault
    gone, cut = 0, 0
    with opened() as (_, database), _bar("checking", len(heads)) as bar:
        for at in range(0, len(heads), auditing.AT_ONCE):
            with database.reading() as session:
                auditing.hold_still(session)
                for one in chain_heads.check(session, heads[at : at + auditing.AT_ONCE]):
                    bar.advance(bar.task_ids[0])
                    cut += one.evidence_was_cut
                    if one.gone is not None:
                        gone += 1
                        bar.console.print(
                            f"{one.head.login}, {one.head.programme}: {one.gone}",
                            soft_wrap=True,
                            markup=False,
                            highlight=False,
                        )
    click.echo(f"sha256 {digest}: is it the one that was kept apart from the file?")
    if cut:
        click.echo(f"of {cut} enrolments the evidence was removed when its time was over (hours retain)")
    if gone:
        raise click.ClickException(f"{gone} of {len(heads)} heads are no longer in their chains")
    click.echo(f"all {len(heads)} heads are still in their chains")


@hours.command()
@click.option("--closed-before", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="YYYY-MM-DD.")
@click.option("--dry-run", is_flag=True, help="Only say whose evidence it would be.")
def retain(closed_before: datetime, *, dry_run: bool) -> None:
    """Delete the evidence of people all of whose programmes closed before DATE; the ledger stays.

    Each person is audited first: evidence that does not agree with the hours is left where it is, and named.
    """
    day = closed_before.date()
    if day > now().date():
        raise Malformed("retained_from_the_future", day=day)
    with opened() as (_, database):
        with database.reading() as session:
            user_ids = retention.candidates(session, day, now())
            if dry_run:
                size = sum(retention.size_bytes(session, user_id) for user_id in user_ids)
                click.echo(f"{len(user_ids)} people, {size} bytes of evidence; nothing was deleted")
                return
        people, size, left = 0, 0, []
        with _bar("deleting", len(user_ids)) as bar:
            for one in retention.cut_all(database, user_ids, day, now()):
                bar.advance(bar.task_ids[0])
                people += one.freed_bytes > 0
                size += one.freed_bytes
                if one.difference is not None:
                    left.append(one.difference)
    click.echo(f"deleted the evidence of {people} people, {size} bytes; their ledgers stay")
    for difference in left:
        click.echo(f"left alone, for it does not agree: {difference}", err=True)
    if left:
        raise click.ClickException(f"the evidence of {len(left)} people was left where it is")


class Findings:
    """What an audit found so far, counted and said."""

    def __init__(self, *, every: bool) -> None:
        self._every = every
        self._began = time.monotonic()
        self._learners = self._entries = self._bytes = self._cut = 0
        self._differences: list[str] = []
        self._not_replayable = 0

    def take(self, one: Audited) -> None:
        self._learners += 1
        self._entries += one.entries
        self._bytes += one.evidence_bytes
        self._cut += one.is_cut
        if one.difference is not None:
            self._differences.append(one.difference)
            self._not_replayable += not one.is_replayable

    def report(self, chosen: int) -> None:
        """Say how it went.

        Raises:
            ClickException: something differs, or could not be judged.
        """
        seconds = max(time.monotonic() - self._began, 0.001)
        agree = self._learners - len(self._differences)
        if chosen == 0:
            click.echo("nobody is enrolled: there is nothing to audit")
            return
        if not self._differences:
            click.echo(f"{agree} learners' hours agree with their evidence")
        click.echo(
            f"{self._entries} credit entries and {self._bytes} bytes of evidence read, {self._learners} learners in"
            f" {seconds:.1f} s: {self._learners / seconds:.0f} learners a second"
        )
        if self._cut:
            click.echo(
                f"of {self._cut} of them the evidence was removed when its time was over (hours retain): their ledger"
                " was checked, and what they watched since"
            )
        if not self._differences:
            return
        if not self._every:
            raise click.ClickException(self._differences[0])
        for difference in self._differences:
            click.echo(f"differs: {difference}", err=True)
        differ = len(self._differences) - self._not_replayable
        unknown = f", {self._not_replayable} cannot be replayed" if self._not_replayable else ""
        raise click.ClickException(f"{agree} learners agree, {differ} differ{unknown}")


def _audited(database: Database, user_ids: Sequence[int]) -> Iterator[Audited]:
    shared = Catalogue()
    with _bar("auditing", len(user_ids)) as bar:
        for at in range(0, len(user_ids), auditing.AT_ONCE):
            some = user_ids[at : at + auditing.AT_ONCE]
            with database.reading() as session:
                auditing.hold_still(session)
                for one in auditing.audit(session, some, shared):
                    yield one
                    bar.advance(bar.task_ids[0])


@contextmanager
def _bar(what: str, total: int) -> Iterator[Progress]:
    """A progress bar, where standard error is a terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task(what, total=total)
        yield bar
