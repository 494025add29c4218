"""The people of the demo: regions and accounts from scripts/demo_data, imported by the real commands."""

import csv
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from scripts.demonstration.installation import ROOT, Installation, open_private

DATA = ROOT / "scripts" / "demo_data"
LOGINS = ("teacher", "tutor", "admin")


@dataclass(frozen=True, slots=True)
class Account:
    """A demo account with the password it was imported with."""

    login: str
    name: str
    lms_username: str
    password: str


def draw_password() -> str:
    return secrets.token_urlsafe(12)


def import_regions(installation: Installation) -> str:
    return installation.command("users", "regions", str(DATA / "regions.csv"))


def import_people(
    installation: Installation, password: str, programmes: Collection[str], *, language: str | None = None
) -> dict[str, Account]:
    """Import everybody who takes part in `programmes` (and who takes part in none); gives the accounts by login.

    The three demo logins get `password`, everybody else one of their own that nobody is told. `language` replaces
    the language of all accounts.
    """
    with (DATA / "users.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["programme"] in {"", *programmes}]
    accounts: dict[str, Account] = {}
    for row in rows:
        login = row["login"]
        if login not in accounts:
            own = password if login in LOGINS else draw_password()
            accounts[login] = Account(login, row["name"], row["lms_username"], own)
        row["password"] = accounts[login].password
        row["language"] = language or row["language"]
    path = installation.folder / "people.csv"
    try:
        with open_private(path) as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        installation.command("users", "import", str(path))
    finally:
        path.unlink(missing_ok=True)
    return accounts
