"""The ledger, checked."""

import click

from lms_plugin.cli.environment import opened
from lms_plugin.services import auditing
from lms_plugin.storage.programmes import Enrolment


@click.group()
def hours() -> None:
    """The ledger behind every figure."""


@hours.command()
@click.option("--programme", help="Only this programme, by key.")
def audit(programme: str | None) -> None:
    """Check every chain, every sum and every watched millisecond; name the first that differs and exit with 1."""
    checked = 0
    with opened() as (_, database):
        with database.reading() as session:
            enrolment_ids = session.scalars(auditing.enrolments(programme)).all()
        for enrolment_id in enrolment_ids:
            with database.reading() as session:
                difference = auditing.first_difference(session, session.get_one(Enrolment, enrolment_id))
            if difference is not None:
                raise click.ClickException(f"enrolment {enrolment_id}: {difference}")
            checked += 1
    click.echo(f"{checked} enrolments agree with their ledger")
