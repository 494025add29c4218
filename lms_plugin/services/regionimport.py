"""Importing regions from a file: provinces down to schools, each under one above it; whole or not at all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.services.access import Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.people import LONGEST_NAME
from lms_plugin.services.portions import portions
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.storage.people import LEVELS, Region

WRITTEN_AT_ONCE = 1000
EVERYWHERE = Scope(None)

_CODE = re.compile(r"[\w.-]{1,40}")
_LEVEL_NAMES = {
    "province": ("province", "省", "省份", "省级", "自治区", "直辖市"),
    "city": ("city", "市", "地市", "地级市", "市级", "州", "盟"),
    "county": ("county", "县", "区", "区县", "县区", "县级", "旗"),
    "school": ("school", "学校", "校"),
}
_LEVEL_OF = {name: level for level, names in _LEVEL_NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class PlannedRegion:
    """A good row; `parent_code` None for a province."""

    row: int
    code: str
    level: str
    name: str
    parent_code: str | None


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """What an import of regions would do; a region whose parent is faulty is faulty too."""

    new: tuple[PlannedRegion, ...]
    renamed: tuple[PlannedRegion, ...]
    unchanged: int
    faults: tuple[Finding, ...]
    ignored_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionOutcome:
    created: int
    renamed: int
    unchanged: int
    faults: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A region of the store with its ancestors by level."""

    id: int
    level: str
    name: str
    parent_code: str | None
    above: Mapping[str, int | None]


def import_regions(
    session: Session, table: Table, *, only_good: bool = False, scope: Scope = EVERYWHERE
) -> RegionOutcome:
    """Plan and carry out in the caller's transaction; `scope` is what the importing admin answers for.

    Raises:
        Malformed: `import_has_faults` (faults: every Finding), unless `only_good`; nothing was written.
    """
    plan = plan_regions(session, table, scope)
    if plan.faults and not only_good:
        raise Malformed("import_has_faults", faults=plan.faults)
    return apply_regions(session, plan)


def plan_regions(session: Session, table: Table, scope: Scope = EVERYWHERE) -> RegionPlan:
    """Say what importing a table of regions would do, with every fault by row.

    Names of regions that exist are brought up to date; their level and place stay as they are. An admin of some regions
    adds and renames what lies below them.
    """
    known = _look_up(session, table)
    faults = list(table.faults)
    rows: dict[str, PlannedRegion] = {}
    unreadable: dict[int, set[str | None]] = {}
    for damage in table.faults:
        unreadable.setdefault(damage.row, set()).add(damage.column)
    for row in table.damaged:
        found: list[Finding] = []
        _read(row, known, found)
        # Of a cell that cannot be read, the reader has said what there is to say.
        faults += (fault for fault in found if fault.column not in unreadable[row.number])
    for row in table.rows:
        planned = _read(row, known, faults)
        if planned is None:
            continue
        if planned.code in rows:
            faults.append(Finding(row.number, "code", "code_twice", {"first_row": rows[planned.code].row}))
        else:
            rows[planned.code] = planned
    good: dict[str, PlannedRegion] = {}
    faulty = {row.values.get("code") for row in (*table.rows, *table.damaged)} - set(rows)
    # From the top down, so that a region's parent is judged before it.
    for one in sorted(rows.values(), key=lambda region: LEVELS.index(region.level)):
        fault = _place_fault(one, good, faulty, known) or _scope_fault(one, known, scope)
        if fault is None:
            good[one.code] = one
        else:
            faults.append(fault)
            faulty.add(one.code)
    faults.sort(key=lambda fault: fault.row)
    new = tuple(one for one in good.values() if one.code not in known)
    renamed = tuple(one for one in good.values() if one.code in known and one.name != known[one.code].name)
    return RegionPlan(new, renamed, len(good) - len(new) - len(renamed), tuple(faults), table.ignored_columns)


def apply_regions(session: Session, plan: RegionPlan) -> RegionOutcome:
    """Carry out a plan in the transaction it was made in; its faulty rows are left out."""
    codes = {one.code for one in (*plan.new, *plan.renamed)} | {one.parent_code for one in plan.new}
    known = _by_code(session, [code for code in codes if code is not None])
    names = [{"id": known[one.code].id, "name": one.name} for one in plan.renamed]
    for some_names in portions(names, WRITTEN_AT_ONCE):
        session.execute(update(Region), some_names)
    for level in LEVELS:
        at_level = [one for one in plan.new if one.level == level]
        for some in portions(at_level, WRITTEN_AT_ONCE):
            known |= _create(session, level, some, known)
    session.expire_all()
    return RegionOutcome(len(plan.new), len(plan.renamed), plan.unchanged, plan.faults)


def _read(row: TableRow, known: Mapping[str, _Known], faults: list[Finding]) -> PlannedRegion | None:
    """The row as a region, or None with its faults of form added."""
    get = row.values.get
    before = len(faults)

    def fault(column: str, code: str, **params: object) -> None:
        faults.append(Finding(row.number, column, code, params))

    code, level_name, name = get("code", ""), get("level", ""), get("name", "")
    if not code:
        fault("code", "code_missing")
    elif not _CODE.fullmatch(code):
        fault("code", "code_malformed", value=code)
    level = _LEVEL_OF.get(level_name.lower(), "")
    if not level_name:
        fault("level", "level_missing")
    elif not level:
        fault("level", "level_unknown", value=level_name)
    if not name:
        fault("name", "name_missing")
    elif len(name) > LONGEST_NAME or not name.isprintable():
        fault("name", "name_malformed")
    present = known.get(code)
    parent_code = get("parent_code") or (present.parent_code if present is not None else None)
    if len(faults) > before:
        return None
    return PlannedRegion(row.number, code, level, name, parent_code)


def _place_fault(
    one: PlannedRegion, good: Mapping[str, PlannedRegion], faulty: set[str | None], known: Mapping[str, _Known]
) -> Finding | None:
    """What is wrong with where a region stands, or None."""

    def fault(column: str, code: str, **params: object) -> Finding:
        return Finding(one.row, column, code, params)

    present = known.get(one.code)
    if present is not None and (present.level, present.parent_code) != (one.level, one.parent_code):
        return fault("parent_code", "region_moves")
    if one.level == LEVELS[0]:
        return None if one.parent_code is None else fault("parent_code", "parent_not_allowed")
    if one.parent_code is None:
        return fault("parent_code", "parent_missing", level=one.level)
    above = good.get(one.parent_code) or known.get(one.parent_code)
    if above is None:
        code = "parent_faulty" if one.parent_code in faulty else "parent_unknown"
        return fault("parent_code", code, value=one.parent_code)
    if LEVELS.index(above.level) >= LEVELS.index(one.level):
        return fault(
            "parent_code", "parent_not_above", value=one.parent_code, parent_level=above.level, level=one.level
        )
    return None


def _scope_fault(one: PlannedRegion, known: Mapping[str, _Known], scope: Scope) -> Finding | None:
    """What keeps an admin of some regions from adding or renaming this one, or None.

    A parent that is new itself was judged before: what is under it is where it is.
    """
    present = known.get(one.code)
    if scope.region_ids is None or (present is not None and present.name == one.name):
        return None
    if one.parent_code is None:
        return Finding(one.row, "code", "province_outside_scope")
    above = known.get(one.parent_code)
    if above is not None and not scope.covers([region for region in (*above.above.values(), above.id) if region]):
        return Finding(one.row, "parent_code", "region_outside_scope", {"value": one.parent_code})
    return None


def _look_up(session: Session, table: Table) -> dict[str, _Known]:
    named = {row.values.get(key) for row in table.rows for key in ("code", "parent_code")}
    return _by_code(session, [code for code in named if code is not None])


def _by_code(session: Session, codes: Sequence[str]) -> dict[str, _Known]:
    found: dict[str, Region] = {}
    for some in portions(sorted(codes)):
        found |= {one.code: one for one in session.scalars(select(Region).where(Region.code.in_(some)))}
    parents = sorted({one.parent_id for one in found.values() if one.parent_id is not None})
    code_of: dict[int, str] = {}
    for ids in portions(parents):
        code_of |= dict(session.execute(select(Region.id, Region.code).where(Region.id.in_(ids))).tuples().all())
    return {
        code: _Known(
            id=one.id,
            level=one.level,
            name=one.name,
            parent_code=code_of.get(one.parent_id) if one.parent_id is not None else None,
            above={level: getattr(one, f"{level}_id") for level in LEVELS[:-1]},
        )
        for code, one in found.items()
    }


def _create(
    session: Session, level: str, some: Sequence[PlannedRegion], known: Mapping[str, _Known]
) -> dict[str, _Known]:
    """Insert regions of one level, whose parents are known, with their ancestors' columns and their own."""
    above: dict[str, dict[str, int | None]] = {}
    values = []
    for one in some:
        parent = known.get(one.parent_code) if one.parent_code is not None else None
        above[one.code] = dict(parent.above) if parent is not None else dict.fromkeys(LEVELS[:-1])
        values.append(
            {
                "code": one.code,
                "level": level,
                "name": one.name,
                "parent_id": parent.id if parent is not None else None,
                **{f"{name}_id": region_id for name, region_id in above[one.code].items()},
            }
        )
    ids = dict(session.execute(insert(Region).returning(Region.code, Region.id), values).tuples().all())
    if level != "school":
        session.execute(update(Region), [{"id": region_id, f"{level}_id": region_id} for region_id in ids.values()])
        for code, region_id in ids.items():
            above[code][level] = region_id
    return {one.code: _Known(ids[one.code], level, one.name, one.parent_code, above[one.code]) for one in some}
