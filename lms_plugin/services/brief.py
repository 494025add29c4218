"""The brief (简报): by region or class group, who is through, on track, behind, or has not begun.

One pass over the enrolments, whatever their number. Each way of taking a programme (a version in force and a variant)
has one completion ratio from which on somebody is on track on this day; the roll-up on the enrolment is compared with
it in the database. The roll-up has four decimals: who is short of a week's worth by less than a ten-thousandth of the
whole still counts as on track. What was watched in the last quarter of an hour may not be posted yet.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CTE, Integer, Numeric, String, and_, case, column, func, select, values
from sqlalchemy.orm import Session

from lms_plugin.domain import pace
from lms_plugin.domain.completion import ratio_of
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.services import reports
from lms_plugin.services.access import Actor
from lms_plugin.services.reports import CLASS_GROUP, Column, Kind, Report, Row, Selection
from lms_plugin.storage.people import LEVELS
from lms_plugin.storage.programmes import Enrolment

GROUPINGS = (*LEVELS, CLASS_GROUP)
_FIGURES = (
    Column("enrolled", Kind.COUNT),
    Column("completed", Kind.COUNT),
    Column("on_track", Kind.COUNT),
    Column("behind", Kind.COUNT),
    Column("not_started", Kind.COUNT),
    Column("behind_ratio", Kind.RATIO),
)


def brief(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    programme_key: str | None = None,
    region_code: str | None = None,
    group_by: Sequence[str] = (),
) -> Report:
    """How the learners that an office admin answers for keep up; who has withdrawn is left out.

    Every row begins with the programme; `group_by` names levels of region, or class_group. `behind_ratio` is the share
    of those who are behind or have not begun.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme, or no such region in what the admin answers for.
        Malformed: `unknown_grouping` (grouping, known).
    """
    groups = reports.known_groups(group_by, GROUPINGS)
    selected = reports.select_enrolments(session, actor, now, programme_key=programme_key, region_code=region_code)
    thresholds = _least_ratios(session, selected, now)
    through = Enrolment.completed_at.is_not(None)
    begun = and_(~through, Enrolment.counted_ms > 0)
    behind = and_(begun, Enrolment.completion_ratio < thresholds.c.least)
    sums = (
        func.count(Enrolment.id),
        func.sum(case((through, 1), else_=0)),
        func.sum(case((begun, 1), else_=0)),
        func.sum(case((behind, 1), else_=0)),
    )
    same = and_(thresholds.c.programme_id == Enrolment.programme_id, thresholds.c.variant == Enrolment.variant)
    return reports.grouped(session, selected, groups, _FIGURES, sums, _figures, beside=(thresholds, same))


def _figures(_programme: Programme, found: Sequence[int]) -> Row:
    enrolled, complete, started, late = found
    not_started = enrolled - complete - started
    lagging = late + not_started
    return (
        enrolled,
        complete,
        started - late,
        late,
        not_started,
        ratio_of(lagging, enrolled) if lagging else Decimal(0),
    )


def _least_ratios(session: Session, selected: Selection, now: datetime) -> CTE:
    """A table of (programme_id, variant, least): the completion ratio from which on one is on track now."""
    variants = session.execute(
        select(Enrolment.programme_id, Enrolment.variant)
        .where(Enrolment.programme_id.in_(selected.programmes))
        .distinct()
    )
    rows = []
    for programme_id, variant in variants:
        programme = selected.programmes[programme_id].taken_as(Variant.read(variant))
        rows.append((programme_id, variant, pace.least_ratio(programme, programme.window.day_of(now))))
    return (
        values(column("programme_id", Integer), column("variant", String), column("least", Numeric(5, 4)))
        .data(rows or [(0, "", Decimal(0))])
        .cte("least_ratios")
    )
