"""Importing quotas from a file: every fault by row, and whole or not at all, since quotas hang together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import quota
from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.programme import Group
from lms_plugin.domain.quota import Overrun
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.portions import portions
from lms_plugin.services.quotas import MOST_PLACES, WHOLE, Draft, code_of, may_give
from lms_plugin.services.rosterfile import Table
from lms_plugin.storage.admission import Quota
from lms_plugin.storage.people import Region


@dataclass(frozen=True, slots=True)
class QuotaPlan:
    """What importing quotas would do: (region, phase) -> places, the faults by row, and how many stay as they are."""

    programme_id: int
    places: Mapping[tuple[int, str], int]
    new: int
    changed: int
    unchanged: int
    faults: tuple[Finding, ...]
    ignored_columns: tuple[str, ...] = ()


def plan_quotas(session: Session, actor: Actor, programme_id: int, table: Table, now: datetime) -> QuotaPlan:
    """Say what importing quotas would do, with every fault by row; regions that are not named keep theirs.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    current = catalogue.in_force(session, programme_id, now)
    codes = sorted({row.values["region_code"] for row in table.rows if "region_code" in row.values})
    regions = {
        one.code: one
        for some in portions(codes)
        for one in session.scalars(select(Region).where(Region.code.in_(some)))
    }
    plan = Draft(session, current, tuple(regions.values()))
    faults = list(table.faults)
    rows: dict[tuple[int, str], int] = {}
    before = {phase: dict(own) for phase, own in plan.places.quotas.items()}
    for row in table.rows:
        code, text = row.values.get("region_code", ""), row.values.get("places", "")
        phase, region = row.values.get("phase", WHOLE), regions.get(row.values.get("region_code", ""))
        found = _row_fault(row.number, code, region, text, phase, current.programme.phases, scope)
        if found is None and region is not None:
            key, places = (region.id, phase), int(text)
            used = plan.places.used.get(phase, {}).get(region.id, 0)
            if key in rows:
                found = Finding(row.number, "region_code", "region_twice", {"first_row": rows[key]})
            elif places < used:
                found = Finding(row.number, "places", "quota_below_used", {"used": used})
            else:
                rows[key] = row.number
                plan.set(region.id, phase, places)
        if found is not None:
            faults.append(found)
    for phase in dict.fromkeys(phase for _, phase in rows):
        for over in plan.overruns(phase):
            faults += _over_faults(plan, over, phase, rows)
    faults.sort(key=lambda fault: fault.row)
    wanted = {key: plan.places.quotas[key[1]][key[0]] for key in rows}
    old = {key: before.get(key[1], {}).get(key[0]) for key in rows}
    return QuotaPlan(
        programme_id,
        wanted,
        new=sum(old[key] is None for key in wanted),
        changed=sum(old[key] not in (None, places) for key, places in wanted.items()),
        unchanged=sum(old[key] == places for key, places in wanted.items()),
        faults=tuple(faults),
        ignored_columns=table.ignored_columns,
    )


def apply_quotas(session: Session, actor: Actor, plan: QuotaPlan, now: datetime) -> int:
    """Carry out a plan in the transaction it was made in, whole or not at all; gives how many quotas it set.

    Raises:
        Malformed: `import_has_faults` (faults: every Finding), and nothing was written.
    """
    if plan.faults:
        raise Malformed("import_has_faults", faults=plan.faults)
    for (region_id, phase), places in plan.places.items():
        session.merge(
            Quota(
                programme_id=plan.programme_id,
                region_id=region_id,
                phase=phase,
                places=places,
                set_by_id=actor.user_id,
                set_at=now,
            )
        )
    session.flush()
    return len(plan.places)


def _over_faults(plan: Draft, over: Overrun, phase: str, rows: Mapping[tuple[int, str], int]) -> list[Finding]:
    """The fault at every row that has a part in it: the region's own, or those below it."""
    lineages, own = plan.places.lineages, plan.places.quotas[phase]
    parts = [
        number
        for (region_id, of_phase), number in rows.items()
        if of_phase == phase
        and (region_id == over.region_id or quota.stands_below(lineages[region_id], own, region_id) == over.region_id)
    ]
    return [Finding(number, "places", code_of(over), plan.figures(over)) for number in parts]


def _row_fault(
    number: int, code: str, region: Region | None, text: str, phase: str, phases: Sequence[Group], scope: Scope
) -> Finding | None:
    if not code:
        return Finding(number, "region_code", "region_missing")
    if region is None:
        return Finding(number, "region_code", "region_unknown", {"value": code})
    if not may_give(scope, region):
        return Finding(number, "region_code", "region_outside_scope", {"value": code})
    if phase != WHOLE and all(one.key != phase for one in phases):
        return Finding(
            number, "phase", "phase_unknown", {"value": phase, "known": "、".join(one.key for one in phases) or "–"}
        )
    if not text:
        return Finding(number, "places", "places_missing")
    if not text.isascii() or not text.isdecimal() or len(text) > 8 or int(text) > MOST_PLACES:
        return Finding(number, "places", "places_malformed", {"value": text})
    return None
