"""The rules that study records are judged by, and what a record's row stands for."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import attendance, elsewhere, intervals
from lms_plugin.domain.attendance import Counted, LeftOut, Limits, Reason, Study
from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.modes import SchoolActivityKind
from lms_plugin.services import catalogue
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering
from lms_plugin.storage.base import table_of
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import StudyRecord


@dataclass(frozen=True, slots=True)
class Place:
    """An enrolment that records are of."""

    id: int
    user_id: int
    programme_id: int
    variant: str
    state: str

    @classmethod
    def of(cls, row: Any) -> "Place":
        """The enrolment of a record that was read with its enrolment's columns (`WITH_PLACE`)."""
        return cls(row.enrolment_id, row.user_id, row.programme_id, row.variant, row.state)


_RECORDS = table_of(StudyRecord)
WITH_PLACE = select(*_RECORDS.c, Enrolment.programme_id, Enrolment.variant, Enrolment.state).join(
    Enrolment, Enrolment.id == _RECORDS.c.enrolment_id
)
"""Records with what `Place.of` needs."""


class Rules:
    """The components that records are judged under, looked up once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[int, int, str], InForce] = {}
        self._schedules: dict[int, list[tuple[int, datetime]]] = {}
        self._limits: dict[tuple[int, int, str, str, str], Limits] = {}

    def at(self, place: Place, at: datetime) -> InForce:
        if place.programme_id not in self._schedules:
            self._schedules[place.programme_id] = catalogue.schedule(self._session, place.programme_id)
        number = catalogue.number_in_force(self._schedules[place.programme_id], at)
        return self.version(place, number)

    def version(self, place: Place, number: int) -> InForce:
        key = (place.programme_id, number, place.variant)
        if key not in self._known:
            self._known[key] = catalogue.version_of(self._session, *key)
        return self._known[key]

    def study(self, place: Place, row: Any) -> Study:
        """The value that a record's row stands for, under the version it is judged by."""
        key = (place.programme_id, row.rule_version, place.variant, row.component_key, row.activity)
        if key not in self._limits:
            version = self.version(place, row.rule_version)
            self._limits[key] = limits_of(version, row.component_key, row.activity)
        return study_of(row, self._limits[key])


def limits_of(current: InForce, component_key: str, activity: str) -> Limits:
    """What a programme version says of study for one of its components."""
    programme = current.programme
    component = programme.component(component_key)
    if component is None:
        return Limits(programme.window)
    study = component.study
    if activity == ELSEWHERE:
        most_ms = elsewhere.most_ms(study.elsewhere_share, component.required_class_hours, programme.class_hour_ms)
        return Limits(programme.window, activity_ms=most_ms)
    daily = study.daily_limit_class_hours
    rule = study.activity(SchoolActivityKind(activity)) if activity else None
    most = rule.max_class_hours if rule is not None else None
    return Limits(
        programme.window,
        None if daily is None else milliseconds_of(daily, programme.class_hour_ms),
        None if most is None else milliseconds_of(most, programme.class_hour_ms),
    )


def study_of(row: Any, limits: Limits) -> Study:
    """The value that a record's row stands for."""
    return Study(
        key=(row.enrolment_id, row.number),
        component=(row.enrolment_id, row.component_key),
        activity=row.activity,
        title=row.title,
        present=intervals.unpack(row.present),
        most_ms=row.most_ms,
        limits=limits,
    )


def given_by(row: Any) -> int:
    """What whole study gives."""
    return int(row.given_ms if row.most_ms is None else min(row.given_ms, row.most_ms))


def in_order(rows: Iterable[Any]) -> list[Any]:
    """Records in the order in which they were confirmed first."""
    return sorted(rows, key=lambda row: (row.confirmed_at, row.enrolment_id, row.number))


Reckoned = dict[tuple[int, int], tuple[int, Counted]]
"""(milliseconds that count, which of the time and why not the rest) by (enrolment, number)."""


def reckon_rows(rows: Sequence[Any], study: Callable[[Any], Study], watched: Callable[[], Segments]) -> Reckoned:
    """What each of one person's records counts; `study` is the value of a timed one or of one from elsewhere,
    `watched` the film meanwhile."""
    found: Reckoned = {}
    timed, from_elsewhere = [], []
    for row in rows:
        if row.revoked_at is not None:
            found[row.enrolment_id, row.number] = 0, Counted(NOTHING, ())
        elif row.kind == ELSEWHERE:
            from_elsewhere.append(row)
        elif row.starts_at is None:
            found[row.enrolment_id, row.number] = given_by(row), Counted(NOTHING, ())
        else:
            timed.append(row)
    found |= reckon_elsewhere(in_order(from_elsewhere), study)
    if timed:
        studies = [study(row) for row in in_order(timed)]
        reckoned = attendance.reckon(studies, watched())
        for row in timed:
            counted = reckoned[row.enrolment_id, row.number]
            found[row.enrolment_id, row.number] = counted.counted_ms, counted
    return found


def reckon_elsewhere(
    rows: Iterable[Any], study: Callable[[Any], Study], used_ms: Mapping[Hashable, int] | None = None
) -> Reckoned:
    """What records of study completed elsewhere count, in this order, each component of an enrolment up to its limit.

    `used_ms` is what others took of a component's limit before, by `Study.component`.
    """
    used, found = dict(used_ms or {}), {}
    for row in rows:
        one = study(row)
        most_ms = (one.limits.activity_ms or 0) - used.get(one.component, 0)
        (counted_ms,) = elsewhere.taken([given_by(row)], most_ms)
        used[one.component] = used.get(one.component, 0) + counted_ms
        left_out = (LeftOut(0, 0, Reason.ELSEWHERE_LIMIT),) if counted_ms < given_by(row) else ()
        found[row.enrolment_id, row.number] = counted_ms, Counted(NOTHING, left_out)
    return found


class Row:
    """A record's values under the names of its columns."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)


def entering_of(
    rules: Rules, place: Place, row: Any, amount_ms: int, decided_by_id: int | None, because: str = ""
) -> Entering:
    """An entry of the ledger for what a record gives, or for the difference that a correction makes."""
    current = rules.version(place, row.rule_version)
    counted = intervals.unpack(row.counted)
    detail: dict[str, object] = {"record": row.number, "title": row.title}
    if row.activity:
        detail["activity"] = row.activity
    if row.starts_at is not None:
        detail |= {"present": _pairs(intervals.unpack(row.present)), "counted": _pairs(counted)}
    if because:
        detail["because"] = because
    return Entering(
        place.id,
        current,
        Credit(
            component_key=row.component_key,
            amount_ms=amount_ms,
            source_kind=row.kind,
            source_id=row.source,
            rule=elsewhere.RULE if row.kind == ELSEWHERE else attendance.RULE,
            detail=detail,
            decided_by_id=decided_by_id,
            on=current.programme.window.day_of(row.starts_at) if row.starts_at is not None else None,
        ),
    )


def _pairs(segments: Segments) -> list[list[int]]:
    return [list(segment) for segment in segments]
