"""Importing nominations from a file: every fault by row before anything is written, misfits as remarks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.programme import Group, Programme
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.nominations import KnownPerson, as_row, check_open, known_people, obstacle, warnings_of
from lms_plugin.services.nominees import NewNomination, read_nomination
from lms_plugin.services.portions import portions
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.people import Region


@dataclass(frozen=True, slots=True)
class NominationPlan:
    """What importing nominations would do: the good rows as they would stand, every fault of the others by row, and
    how often each misfit was found among the good ones."""

    good: tuple[Nomination, ...]
    faults: tuple[Finding, ...]
    misfits: Mapping[str, int]
    with_misfits: int
    ignored_columns: tuple[str, ...]


def plan_nominations(session: Session, actor: Actor, programme_id: int, table: Table, now: datetime) -> NominationPlan:
    """Say what importing a table of nominations would do, without doing anything.

    Raises:
        NotAllowed: the person is no office admin.
        Conflict: `nominations_closed` (deadline).
    """
    scope = access.office_scope(actor)
    programme = catalogue.in_force(session, programme_id, now).programme
    check_open(programme, now)
    read = [(row, *read_nomination(row.values)) for row in table.rows]
    regions = _regions(session, sorted({wanted.region_code for _, wanted, _ in read}))
    known = known_people(session, programme_id, sorted({wanted.login for _, wanted, _ in read}))
    faults = list(table.faults)
    good: list[Nomination] = []
    first_rows: dict[str, int] = {}
    for row, wanted, wrong in read:
        found = [Finding(row.number, one.field, one.code, {"value": one.value} if one.value else {}) for one in wrong]
        found += _row_faults(row, wanted, regions.get(wanted.region_code), known.get(wanted.login), programme, scope)
        first_row = first_rows.setdefault(wanted.login, row.number)
        if wanted.login and first_row != row.number:
            found.append(Finding(row.number, "login", "login_twice", {"first_row": first_row}))
        if found:
            faults += found
        else:
            region = regions[wanted.region_code]
            good.append(as_row(programme_id, programme, wanted, region, known.get(wanted.login), actor, now))
    faults.sort(key=lambda fault: fault.row)
    misfits = [warnings_of(one) for one in good]
    return NominationPlan(
        good=tuple(good),
        faults=tuple(faults),
        misfits=Counter(one.code for some in misfits for one in some),
        with_misfits=sum(bool(some) for some in misfits),
        ignored_columns=table.ignored_columns,
    )


def apply_nominations(session: Session, plan: NominationPlan) -> int:
    """Nominate the good rows of a plan, in the transaction it was made in, with the programme locked; gives how many.

    Raises:
        Malformed: `import_has_faults` (faults: every Finding) where no row is good.
    """
    if not plan.good:
        raise Malformed("import_has_faults", faults=plan.faults)
    session.add_all(plan.good)
    session.flush()
    return len(plan.good)


def _regions(session: Session, codes: Sequence[str]) -> dict[str, Region]:
    return {
        one.code: one
        for some in portions(codes)
        for one in session.scalars(select(Region).where(Region.code.in_(some)))
    }


def _row_faults(
    row: TableRow,
    wanted: NewNomination,
    region: Region | None,
    known: KnownPerson | None,
    programme: Programme,
    scope: Scope,
) -> list[Finding]:
    """What is wrong with a row whose cells can be read."""
    faults = []
    if wanted.region_code and region is None:
        faults.append(Finding(row.number, "region_code", "region_unknown", {"value": wanted.region_code}))
    elif region is not None and not scope.covers(region.lineage):
        faults.append(Finding(row.number, "region_code", "region_outside_scope", {"value": wanted.region_code}))
    for column, key, groups in (("phase", wanted.phase, programme.phases), ("tier", wanted.tier, programme.tiers)):
        if key and all(one.key != key for one in groups):
            faults.append(Finding(row.number, column, f"{column}_unknown", {"value": key, "known": _keys(groups)}))
    code = obstacle(known, scope)
    if code is not None:
        faults.append(Finding(row.number, "login", code))
    return faults


def _keys(groups: Sequence[Group]) -> str:
    return ", ".join(one.key for one in groups) or "–"
