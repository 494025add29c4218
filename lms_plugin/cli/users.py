"""People and regions: imported from files, or one at a time."""

import csv
from collections.abc import Sequence
from pathlib import Path

import click

from lms_plugin.cli.environment import now, opened
from lms_plugin.domain.errors import Malformed
from lms_plugin.services import divisions, people, regionimport, roster, rosterimport, sign_in
from lms_plugin.services.access import ROLES, Grant, Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.people import NewPerson
from lms_plugin.services.rosterfile import PEOPLE, REGIONS, Table, read_table

EVERYWHERE = Scope(None)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def users() -> None:
    """People, their roles and their regions."""


@users.command("import")
@click.argument("file", type=FILE)
@click.option("--only-good", is_flag=True, help="Take the rows without faults, instead of refusing the whole file.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
@click.option(
    "--passwords",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file that takes the drawn passwords, for handing out; it must not exist yet.",
)
def import_users(file: Path, only_good: bool, dry_run: bool, passwords: Path | None) -> None:
    """Import people from a CSV or XLSX FILE: accounts, roles, enrolments, class groups."""
    table = read_table(file.read_bytes(), PEOPLE)
    with opened() as (_, database):
        with database.reading() as session:
            plan = roster.plan_import(session, table, EVERYWHERE, now())
        _tell(plan.faults)
        _tell(plan.notices)
        if plan.ignored_columns:
            click.echo(f"ignored columns: {', '.join(plan.ignored_columns)}", err=True)
        if dry_run:
            click.echo(f"{plan.created} would be created, {len(plan.people) - plan.created} exist; nothing was written")
            return
        _refuse(plan.faults, only_good=only_good)
        needs_slips = any(person.is_new and person.password is None for person in plan.people)
        if needs_slips and passwords is None:
            raise click.ClickException(
                "some new people have no password in the file: name a file for the drawn ones with --passwords"
            )
        if passwords is not None:
            passwords.touch(mode=0o600, exist_ok=False)
        _, done = rosterimport.import_people(database, table, EVERYWHERE, only_good=only_good, now=now())
    if passwords is not None:
        with passwords.open("w", newline="", encoding="utf-8-sig") as written:
            writer = csv.writer(written)
            writer.writerow(["login", "name", "password"])
            writer.writerows((slip.login, slip.name, slip.password) for slip in done.slips)
        click.echo(f"{len(done.slips)} drawn passwords in {passwords}")
    click.echo(
        f"{done.created} created, {done.updated} updated, {done.unchanged} unchanged; {done.enrolled} enrolled,"
        f" {done.moved} moved, {done.tutors} tutors, {done.class_groups} new class groups"
    )


@users.command()
@click.argument("file", type=FILE)
@click.option("--only-good", is_flag=True, help="Take the rows without faults, instead of refusing the whole file.")
def regions(file: Path, only_good: bool) -> None:
    """Import regions from a CSV or XLSX FILE: code, level, name, parent_code."""
    _import_regions(read_table(file.read_bytes(), REGIONS), only_good=only_good)


@users.command("divisions")
@click.option("--province", "provinces", multiple=True, metavar="CODE", help="Only this province; may be given again.")
@click.option("--find", "words", metavar="WORDS", help="Only look up a code or name in the data set; writes nothing.")
@click.option("--only-good", is_flag=True, help="Leave out what stands elsewhere here, instead of refusing everything.")
def import_divisions(provinces: Sequence[str], words: str | None, only_good: bool) -> None:
    """Import the official divisions of China, province to county, and the Xinjiang Production and Construction Corps.

    They are part of this package; importing them again brings names up to date and changes nothing else.
    """
    if words is not None:
        for one in divisions.find(words):
            click.echo(f"{one.code}  {one.level:<8}  {divisions.path_of(one.code)}")
        return
    table = divisions.as_table(provinces)
    click.echo(f"official divisions as of {divisions.AS_OF}: {len(table.rows)}")
    _import_regions(table, only_good=only_good)


@users.command()
@click.argument("login")
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES))
@click.option("--region", help="Code of the region: where a learner teaches, what an office admin answers for.")
@click.option("--email")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--lms-username")
@click.password_option("--password", help="Asked for where it is not given.")
def add(
    login: str,
    name: str,
    roles: Sequence[str],
    region: str | None,
    email: str | None,
    language: str,
    lms_username: str | None,
    password: str,
) -> None:
    """Make one account, such as the first office admin."""
    with opened() as (_, database), database.writing() as session:
        place = people.region_by_code(session, region).id if region is not None else None
        scoped = ("office", "provider")
        person = NewPerson(
            login=login,
            name=name,
            grants=tuple(Grant(role, place if role in scoped else None) for role in roles),
            email=email,
            language=language,
            region_id=place,
            lms_username=lms_username,
        )
        faults = people.faults_of(person)
        if faults:
            raise Malformed(faults=faults)
        people.create_user(session, person, password, now())
    click.echo(f"made the account {login}")


@users.command()
@click.argument("login")
@click.password_option("--password", help="Asked for where it is not given.")
def password(login: str, password: str) -> None:
    """Give somebody a new password; every sign-in and token they have ends."""
    with opened() as (_, database), database.writing() as session:
        sign_in.set_password(session, people.user_by_login(session, login).id, password)
    click.echo(f"changed the password of {login}")


@users.command()
@click.argument("login")
def close(login: str) -> None:
    """Close an account: nobody signs in with it any more; hours and posts stay."""
    with opened() as (_, database), database.writing() as session:
        people.close_account(session, people.user_by_login(session, login).id)
    click.echo(f"closed the account {login}")


@users.command()
@click.argument("login")
def reopen(login: str) -> None:
    """Open a closed account again."""
    with opened() as (_, database), database.writing() as session:
        people.reopen_account(session, people.user_by_login(session, login).id)
    click.echo(f"opened the account {login} again")


def _import_regions(table: Table, *, only_good: bool) -> None:
    with opened() as (_, database):
        with database.reading() as session:
            faults = regionimport.plan_regions(session, table).faults
        _tell(faults)
        _refuse(faults, only_good=only_good)
        done = database.transact(lambda session: regionimport.import_regions(session, table, only_good=only_good))
    click.echo(f"{done.created} regions created, {done.renamed} renamed, {done.unchanged} unchanged")


def _tell(findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(str(finding), err=True)


def _refuse(faults: Sequence[Finding], *, only_good: bool) -> None:
    if faults and not only_good:
        rows = len({fault.row for fault in faults})
        raise click.ClickException(
            f"{rows} faulty row{'s' if rows > 1 else ''}: nothing was written; mend the file, or take the good rows"
            " with --only-good"
        )
