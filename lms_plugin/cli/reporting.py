"""Reports on the command line: the same rows as the office's page."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import click

from lms_plugin.app import create_app
from lms_plugin.cli.environment import CONSOLE_ACTOR, now, opened
from lms_plugin.http.wording import report_wording
from lms_plugin.services import reportfile, reports
from lms_plugin.services.access import actor_of
from lms_plugin.services.people import user_by_login


@click.group()
def report() -> None:
    """Completion reports."""


@report.command()
@click.option("--programme", help="Only this programme, by key.")
@click.option("--region", help="Only this region and all below it, by code.")
@click.option(
    "--group-by",
    default="",
    help="province, city, county, school, class_group or learner; several separated by commas.",
)
@click.option("--format", "kind", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output else.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the headings.")
@click.option("--as", "login", help="See only what this office admin may see.")
def completions(
    programme: str | None,
    region: str | None,
    group_by: str,
    kind: str,
    output: Path | None,
    language: str,
    login: str | None,
) -> None:
    """Who has completed, who is under way, who has not started."""
    if output is None and kind == "xlsx" and sys.stdout.isatty():
        raise click.UsageError("an XLSX file is not for the screen: name one with --output")
    with opened() as (settings, database):
        app = create_app(settings)
        with app.test_request_context(headers={"Accept-Language": language}):
            wording = report_wording(language)
        app.extensions["lms_plugin"].database.dispose()
        actor = CONSOLE_ACTOR
        if login is not None:
            with database.reading() as session:
                actor = actor_of(session, user_by_login(session, login).id)
        reports.settle(database, actor, now(), programme_key=programme, region_code=region)
        write = reportfile.csv_chunks if kind == "csv" else reportfile.xlsx_chunks
        with database.reading() as session, _target(output) as file:
            found = reports.completions(
                session,
                actor,
                now(),
                programme_key=programme,
                region_code=region,
                group_by=[one for one in group_by.split(",") if one],
            )
            for chunk in write(found, wording):
                file.write(chunk)
    if output is not None:
        click.echo(f"wrote {output}")


def _target(output: Path | None) -> "nullcontext[BinaryIO] | BinaryIO":
    return nullcontext(sys.stdout.buffer) if output is None else output.open("wb")
