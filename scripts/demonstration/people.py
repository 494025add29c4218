"""The people of the demo: regions and accounts from scripts/demo_data, imported by the real commands."""

import csv
import hashlib
import hmac
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
    the language of all accounts. A roster names nobody twice, so that there is one for each programme.
    """
    with (DATA / "users.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    accounts: dict[str, Account] = {}
    for programme in ("", *programmes):
        some = [row for row in rows if row["programme"] == programme]
        for row in some:
            login = row["login"]
            own = password if login in LOGINS else _own_password(installation, login)
            row["password"] = own if login not in accounts else ""
            row["language"] = language or row["language"]
            accounts.setdefault(login, Account(login, row["name"], row["lms_username"], own))
        if some:
            _import_rows(installation, some)
    return accounts


def _import_rows(installation: Installation, rows: list[dict[str, str]]) -> None:
    path = installation.folder / "people.csv"
    try:
        with open_private(path) as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        installation.command("users", "import", str(path))
    finally:
        path.unlink(missing_ok=True)


def _own_password(installation: Installation, login: str) -> str:
    """The same one whenever it is asked for, and known to nobody who does not know the installation's secret."""
    secret = installation.environment["LMS_PLUGIN_SECRET_KEY"].encode()
    return hmac.new(secret, f"demo {login}".encode(), hashlib.sha256).hexdigest()[:24]
