"""The completion report of an office admin: by region, school and class group, or learner by learner; streamed.

It reads the roll-ups that the posting of credit writes, never raw evidence, so that it shows the ledger's hours
like every page. Callers bring the ledger up to date first (`settle`), then read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lms_plugin.domain import hours
from lms_plugin.domain.completion import ratio_of
from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.programme import Programme, Text, Variant
from lms_plugin.services import access, catalogue, standings
from lms_plugin.services.access import Actor
from lms_plugin.storage.ledger import ComponentTotal
from lms_plugin.storage.people import LEVELS, Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow
from lms_plugin.storage.session import Database

LEARNER, CLASS_GROUP = "learner", "class_group"
GROUPINGS = (*LEVELS, CLASS_GROUP, LEARNER)
FETCHED_AT_ONCE = 1000

Value = str | int | Decimal | bool | datetime | Text | None
Row = tuple[Value, ...]


class Kind(StrEnum):
    """What the values of a column are: str or Text; int; Decimal 0..1 with four decimals; Decimal with two; bool;
    an aware datetime in the programme's time zone. Any of them may be None."""

    TEXT = "text"
    COUNT = "count"
    RATIO = "ratio"
    CLASS_HOURS = "class_hours"
    YES_NO = "yes_no"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` is stable; a component's is `component.<its key>`, with the component's title."""

    key: str
    kind: Kind = Kind.TEXT
    title: Text | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Columns and the rows under them, read from the store as they are taken; the session must stay open meanwhile.

    Whoever does not take every row closes the report, or uses it in a `with`.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]
    close: Callable[[], None]

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Selection:
    """The enrolments a report is about, as conditions on Enrolment, and the programmes they can be of."""

    conditions: tuple[ColumnElement[bool], ...]
    programmes: dict[int, Programme]


_Region = aliased(Region)
_PLACES = {level: aliased(Region, name=level) for level in LEVELS}
_GROUP_FIGURES = (
    Column("enrolled", Kind.COUNT),
    Column("not_started", Kind.COUNT),
    Column("in_progress", Kind.COUNT),
    Column("completed", Kind.COUNT),
    Column("completed_ratio", Kind.RATIO),
    Column("total_class_hours", Kind.CLASS_HOURS),
    Column("mean_class_hours", Kind.CLASS_HOURS),
)
_LEARNER_FIGURES = (
    Column("total_class_hours", Kind.CLASS_HOURS),
    Column("completion_ratio", Kind.RATIO),
    Column("complete", Kind.YES_NO),
    Column("completed_at", Kind.INSTANT),
)


def completions(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    programme_key: str | None = None,
    region_code: str | None = None,
    group_by: Sequence[str] = (),
) -> Report:
    """The completion report of what an office admin answers for.

    Who has withdrawn is in no report: neither among those enrolled nor anywhere else, until they return. Every row
    begins with the programme. Without `group_by` there is one row per programme; with `learner` in it
    one per enrolment, with every column of region and class group whatever else is named. In a group, whoever has
    no counted hours and is not complete has not started. Sums and means are of exact milliseconds, rounded down.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme, or no such region in what the admin answers for.
        Malformed: `unknown_grouping` (grouping, known).
    """
    groups = known_groups(group_by, GROUPINGS)
    selected = select_enrolments(session, actor, now, programme_key=programme_key, region_code=region_code)
    return _by_learner(session, selected) if LEARNER in groups else _by_group(session, selected, groups)


def known_groups(group_by: Sequence[str], known: Sequence[str]) -> list[str]:
    """What is grouped by, each once and from the widest to the narrowest, as `known` names them.

    Raises:
        Malformed: `unknown_grouping` (grouping, known).
    """
    for one in group_by:
        if one not in known:
            raise Malformed("unknown_grouping", grouping=one, known=known)
    return [one for one in known if one in group_by]


def settle(
    database: Database,
    actor: Actor,
    now: datetime,
    *,
    programme_key: str | None = None,
    region_code: str | None = None,
) -> int:
    """Bring the ledger up to date for whom `completions` would report; gives how many learners had something.

    Raises:
        NotAllowed, NotFound: as `completions`.
    """
    with database.reading() as session:
        selected = select_enrolments(session, actor, now, programme_key=programme_key, region_code=region_code)
    return standings.settle(database, now, *selected.conditions)


def select_enrolments(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    programme_key: str | None = None,
    region_code: str | None = None,
) -> Selection:
    """The enrolments that an office admin may ask about, narrowed to a programme and a region.

    Raises:
        NotAllowed, NotFound: as `completions`.
    """
    scope = access.office_scope(actor)
    conditions = [access.in_scope(scope, Enrolment.region_id), Enrolment.state == "active"]
    if region_code is not None:
        region = session.scalar(select(Region).where(Region.code == region_code))
        if region is None or not scope.covers(region.lineage):
            raise NotFound(what="region", region_code=region_code)
        conditions.append(access.in_scope(access.Scope((region.id,)), Enrolment.region_id))
    if programme_key is None:
        current = catalogue.all_in_force(session, now)
    else:
        current = [catalogue.in_force(session, catalogue.programme_id_of(session, programme_key), now)]
        conditions.append(Enrolment.programme_id == current[0].id)
    return Selection(tuple(conditions), {one.id: one.programme for one in current})


def grouped(
    session: Session,
    selected: Selection,
    groups: Sequence[str],
    columns: Sequence[Column],
    sums: Sequence[ColumnElement[Any]],
    as_figures: Callable[[Programme, Sequence[int]], Row],
    *,
    beside: tuple[FromClause, ColumnElement[bool]] | None = None,
) -> Report:
    """A report with a row for each group of each programme: the programme, the group, and figures under `columns`.

    `sums` are what the store adds up in a group, `as_figures` makes the figures of them; `beside` is one more table
    to reckon with, and how it is joined.
    """
    keys, places = _grouping_columns(groups)
    query = (
        _places(select(Enrolment.programme_id, *keys))
        .add_columns(*sums)
        .where(*selected.conditions)
        .group_by(ProgrammeRow.key, Enrolment.programme_id, *keys)
        .order_by(ProgrammeRow.key, *_in_order(keys))
    )
    if beside is not None:
        query = query.join(*beside)
    width = len(keys)

    def as_row(found: Sequence[Any]) -> Row:
        programme = selected.programmes[found[0]]
        figures = as_figures(programme, [int(one) for one in found[width + 1 :]])
        return (programme.key, programme.title, *found[1 : width + 1], *figures)

    return _stream(session, query, (*_PROGRAMME, *places, *columns), as_row)


def _by_group(session: Session, selected: Selection, groups: Sequence[str]) -> Report:
    completed = Enrolment.completed_at.is_not(None)
    sums = (
        func.count(Enrolment.id),
        func.sum(case((and_(Enrolment.counted_ms == 0, ~completed), 1), else_=0)),
        func.sum(case((completed, 1), else_=0)),
        func.sum(Enrolment.counted_ms),
    )

    def as_figures(programme: Programme, found: Sequence[int]) -> Row:
        enrolled, not_started, complete, counted_ms = found
        return (
            enrolled,
            not_started,
            enrolled - not_started - complete,
            complete,
            ratio_of(complete, enrolled),
            hours.class_hours(counted_ms, programme.class_hour_ms, rounding=ROUND_DOWN),
            hours.class_hours(counted_ms, programme.class_hour_ms * enrolled, rounding=ROUND_DOWN),
        )

    return grouped(session, selected, groups, _GROUP_FIGURES, sums, as_figures)


def _by_learner(session: Session, selected: Selection) -> Report:
    keys, columns = _grouping_columns([*LEVELS, CLASS_GROUP])
    components = _components(selected.programmes.values())
    totals = {key: aliased(ComponentTotal) for key in components}
    query = _places(
        select(
            Enrolment.programme_id,
            User.login,
            User.name,
            Enrolment.counted_ms,
            Enrolment.completion_ratio,
            Enrolment.completed_at,
            Enrolment.variant,
            *keys,
        ).join(User, User.id == Enrolment.user_id)
    )
    for key, total in totals.items():
        query = query.add_columns(total.credited_ms, total.pending_ms).outerjoin(
            total, and_(total.enrolment_id == Enrolment.id, total.component_key == key)
        )
    query = query.where(*selected.conditions).order_by(ProgrammeRow.key, *_in_order(keys), User.login)
    zones = {one: ZoneInfo(programme.window.timezone) for one, programme in selected.programmes.items()}
    width = len(keys)

    @cache
    def taken(programme_id: int, variant: str) -> Programme:
        return selected.programmes[programme_id].taken_as(Variant.read(variant))

    def as_row(found: Sequence[Any]) -> Row:
        programme_id, login, name, counted_ms, ratio, completed_at, variant = found[:7]
        programme = taken(programme_id, variant)
        sums = found[7 + width :]
        credited_ms = {key: amount for key, amount in zip(totals, sums[::2], strict=True) if amount}
        pending_ms = {key: amount for key, amount in zip(totals, sums[1::2], strict=True) if amount}
        reckoned = hours.reckon(programme, credited_ms, pending_ms)
        shown = {one.component.key: one.credited_class_hours for one in reckoned.components if one.component}
        return (
            programme.key,
            programme.title,
            login,
            name,
            *found[7 : 7 + width],
            *(shown.get(key) for key in components),
            hours.class_hours(counted_ms, programme.class_hour_ms, rounding=ROUND_DOWN),
            ratio,
            completed_at is not None,
            completed_at.astimezone(zones[programme_id]) if completed_at is not None else None,
        )

    titled = tuple(Column(f"component.{key}", Kind.CLASS_HOURS, title) for key, title in components.items())
    people = (Column("login"), Column("name"))
    return _stream(session, query, (*_PROGRAMME, *people, *columns, *titled, *_LEARNER_FIGURES), as_row)


_PROGRAMME = (Column("programme_key"), Column("programme_title"))


def _grouping_columns(group_by: Sequence[str]) -> tuple[list[InstrumentedAttribute[Any]], list[Column]]:
    """The SQL columns that tell groups apart and the report columns that show them, in the same order."""
    keys: list[InstrumentedAttribute[Any]] = []
    columns: list[Column] = []
    for one in group_by:
        if one == CLASS_GROUP:
            keys.append(ClassGroup.name)
            columns.append(Column(CLASS_GROUP))
        else:
            keys += [_PLACES[one].code, _PLACES[one].name]
            columns += [Column(f"{one}_code"), Column(f"{one}_name")]
    return keys, columns


def _places(query: Select[Any]) -> Select[Any]:
    """Join what every report names: the programme, the class group, and the region of each level."""
    query = (
        query.select_from(Enrolment)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .outerjoin(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
        .outerjoin(_Region, _Region.id == Enrolment.region_id)
    )
    for level, place in _PLACES.items():
        if level == "school":
            query = query.outerjoin(place, and_(place.id == _Region.id, place.level == level))
        else:
            query = query.outerjoin(place, place.id == getattr(_Region, f"{level}_id"))
    return query


def _in_order(keys: Sequence[InstrumentedAttribute[Any]]) -> list[ColumnElement[Any]]:
    # The stores disagree on where NULL sorts: who has no such region comes last on both.
    codes = [key for key in keys if key.key == "code" or key is ClassGroup.name]
    return [part for key in codes for part in (case((key.is_(None), 1), else_=0), key.expression)]


def _components(programmes: Iterable[Programme]) -> dict[str, Text]:
    """Every component of some programmes: key -> title, that of the first programme where several share a key."""
    found: dict[str, Text] = {}
    for programme in programmes:
        for component in programme.components:
            found.setdefault(component.key, component.title)
    return found


def _stream(
    session: Session, query: Select[Any], columns: tuple[Column, ...], as_row: Callable[[Sequence[Any]], Row]
) -> Report:
    # Run at once, so that a store that cannot answer says so before the first row is promised. On PostgreSQL this
    # is a cursor of the server's: rows are fetched as they are asked for.
    found = session.execute(query, execution_options={"yield_per": FETCHED_AT_ONCE})
    return Report(columns, (as_row(row) for row in found), found.close)
