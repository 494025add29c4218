"""China's official division codes, province to county, from the packaged data set; see data/README.md for its date."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final

from lms_plugin.domain.errors import NotFound
from lms_plugin.services.rosterfile import Table, TableRow

AS_OF: Final = date(2025, 12, 31)
CORPS: Final = "660000"
"""新疆生产建设兵团: beside the provinces, though Xinjiang's codes stand for its cities."""

_FILE = files("lms_plugin.services") / "data" / "divisions.csv"


@dataclass(frozen=True, slots=True)
class Division:
    """One division; `parent_code` is empty for a province."""

    code: str
    level: str
    name: str
    parent_code: str


@lru_cache(maxsize=1)
def by_code() -> Mapping[str, Division]:
    """All divisions, in the order of their codes."""
    with _FILE.open(encoding="utf-8") as file:
        return {row["code"]: Division(**row) for row in csv.DictReader(file)}


def path_of(code: str) -> str:
    """A division's name behind those of all above it, such as 云南省昆明市五华区.

    Raises:
        KeyError: it is no code of the data set.
    """
    division = by_code()[code]
    return (path_of(division.parent_code) if division.parent_code else "") + division.name


def find(words: str, *, at_most: int = 50) -> list[Division]:
    """Divisions by the beginning of their code or by a part of their full name, such as 昆明 五华; needs no store."""
    wanted = words.split()
    found = []
    for division in by_code().values():
        path = path_of(division.code)
        if all(division.code.startswith(word) or word in path for word in wanted):
            found.append(division)
    # Whose own name was meant comes before what lies in it.
    found.sort(key=lambda one: not any(word in one.name for word in wanted))
    return found[:at_most]


def as_table(provinces: Collection[str] = ()) -> Table:
    """The data set as a table that regions are imported from; with codes of provinces, only those and all below.

    Raises:
        NotFound: one of them is no province of the data set.
    """
    known = by_code()
    for code in provinces:
        if code not in known or known[code].level != "province":
            raise NotFound(what="province", key=code)
    rows = []
    for number, one in enumerate(known.values(), start=2):
        if not provinces or _province_of(one) in provinces:
            values = {"code": one.code, "level": one.level, "name": one.name, "parent_code": one.parent_code}
            rows.append(TableRow(number, {key: value for key, value in values.items() if value}))
    return Table(tuple(rows))


def _province_of(division: Division) -> str:
    return _province_of(by_code()[division.parent_code]) if division.parent_code else division.code
