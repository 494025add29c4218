"""Study records: what somebody confirms becomes a record, what of it counts is reckoned, and the ledger follows.

Whoever writes records holds the persons' rows, in the order of their ids, before the heads of the ledgers: so two
meetings confirmed at the same moment see each other, and so does watched film that is posted meanwhile.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.attendance import Counted, LeftOut, Reckoning
from lms_plugin.domain.attendance import Reason as Reason
from lms_plugin.domain.attendance import instant_of as instant_of
from lms_plugin.domain.attendance import ms_of as ms_of
from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.services import watched_time
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import enter_many
from lms_plugin.services.study_reckoning import lock_people, reckon_person, settle
from lms_plugin.services.study_rules import (
    WITH_PLACE,
    Place,
    Reckoned,
    Row,
    Rules,
    entering_of,
    given_by,
    reckon_elsewhere,
)
from lms_plugin.storage import batches
from lms_plugin.storage.among import among
from lms_plugin.storage.base import table_of
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import StudyRecord

AT_ONCE = 500
_RECORDS = table_of(StudyRecord)
NEXT = timedelta(microseconds=1)
"""What is confirmed after something else is so by at least this much."""
_NEIGHBOURS = timedelta(days=2)
"""Limits of a day reach so far around a study, whatever the time zones."""


@dataclass(frozen=True, slots=True)
class NewRecord:
    """Study of one enrolment that is confirmed; `source` says what it comes from, as "meeting/12".

    Timed study has `present`, half-open segments in milliseconds since 1970; whole study has `given_ms` instead.
    `most_ms` is the most it may give; `at` is when it took place: the programme version of that moment judges it.
    Whole study of the `activity` "elsewhere" is given by its component up to the share that may come from elsewhere.
    """

    enrolment_id: int
    component_key: str
    source: str
    title: str
    at: datetime
    activity: str = ""
    present: Segments = NOTHING
    given_ms: int = 0
    most_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a record. `number` is 0 where there is none, since the learner has withdrawn."""

    enrolment_id: int
    number: int
    counted_ms: int
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordShown:
    """A record as pages show it, with the name of who confirmed it (None: the service itself)."""

    row: StudyRecord
    left_out: tuple[LeftOut, ...]
    confirmed_by: str | None

    @property
    def is_revoked(self) -> bool:
        return self.row.revoked_at is not None


def record_many(
    session: Session, records: Sequence[NewRecord], *, confirmed_by_id: int | None, now: datetime, because: str = ""
) -> list[Recorded]:
    """Confirm study: set what each (enrolment, source) was present, and let the ledger follow.

    A second call for the same source corrects it: the ledger gets the difference as a new entry, with `because` as its
    reason. Gives what became of each record, in the same order.

    Raises:
        NotFound: there is no such enrolment.
        Conflict: the programme of that moment has no such component (`component_unknown`), or one source was given
            twice for an enrolment (`record_twice`).
    """
    keys = [(one.enrolment_id, one.source) for one in records]
    if len(set(keys)) != len(keys):
        raise Conflict("record_twice")
    session.flush()
    places = _places(session, {one.enrolment_id for one in records})
    # All of them before the first ledger: whoever else confirms waits here, and never in a circle.
    lock_people(session, [one.user_id for one in places.values()])
    recording = _Recording(session, Rules(session), places, confirmed_by_id, now, because)
    found: list[Recorded] = []
    for at in range(0, len(records), AT_ONCE):
        found += _record_some(recording, records[at : at + AT_ONCE])
    return found


def revoke(session: Session, enrolment_id: int, source: str, *, by_id: int, reason: str, now: datetime) -> None:
    """Let a record count nothing any more; what it had counted goes by a new entry, and others may take its place.

    Raises:
        NotFound: there is no such record, or it was revoked before.
    """
    row = session.scalar(
        select(StudyRecord).where(
            StudyRecord.enrolment_id == enrolment_id, StudyRecord.source == source, StudyRecord.revoked_at.is_(None)
        )
    )
    if row is None:
        raise NotFound(what="study_record")
    row.revoked_at, row.revoked_by_id, row.revoked_because = now, by_id, reason
    session.flush()
    settle(session, [row.user_id], now, by_id, {(enrolment_id, row.number): reason})


def records_of(session: Session, enrolment_id: int) -> list[RecordShown]:
    """The records of an enrolment in the order of their numbers, with what of them is left out at present and why."""
    user_id = session.scalar(select(Enrolment.user_id).where(Enrolment.id == enrolment_id))
    rows = session.execute(
        select(StudyRecord, User.name)
        .outerjoin(User, User.id == StudyRecord.confirmed_by_id)
        .where(StudyRecord.enrolment_id == enrolment_id)
        .order_by(StudyRecord.number)
    ).all()
    if user_id is None or not rows:
        return []
    reckoned = reckon_person(session, user_id)
    return [RecordShown(row, reckoned[row.enrolment_id, row.number][1].left_out, name) for row, name in rows]


# --- recording --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Recording:
    """What the records of one call have in common; the people are locked."""

    session: Session
    rules: Rules
    places: Mapping[int, Place]
    confirmed_by_id: int | None
    now: datetime
    because: str


def _record_some(recording: _Recording, records: Sequence[NewRecord]) -> list[Recorded]:
    session, rules, places = recording.session, recording.rules, recording.places
    enrolment_ids = sorted({one.enrolment_id for one in records})
    known = _known(session, enrolment_ids, {one.source for one in records})
    last = _last_numbers(session, enrolment_ids)
    turns = _turns(session, {places[one].user_id for one in enrolment_ids}, recording.now)
    new: list[dict[str, Any]] = []
    corrected: dict[tuple[int, int], str] = {}
    numbers: dict[int, int] = {}
    for at, one in enumerate(records):
        place = places[one.enrolment_id]
        values = _values(one, place, rules.at(place, one.at), recording)
        number = known.get((one.enrolment_id, one.source))
        if number is not None:
            numbers[at] = number
            corrected[one.enrolment_id, number] = recording.because
            _correct(session, one.enrolment_id, number, values)
        elif place.state == "active":
            last[one.enrolment_id] += 1
            numbers[at] = values["number"] = last[one.enrolment_id]
            values["confirmed_at"] = turns[place.user_id]
            new.append(values)
    counted = _count_new(recording, new)
    if new:
        batches.append(session, StudyRecord, new)
        _enter_new(recording, new)
    if corrected:
        people = [places[enrolment_id].user_id for enrolment_id, _ in corrected]
        counted |= settle(session, people, recording.now, recording.confirmed_by_id, corrected)
    return [_became(one, numbers.get(at), counted) for at, one in enumerate(records)]


def _became(one: NewRecord, number: int | None, counted: Reckoned) -> Recorded:
    if number is None:
        left_out = (LeftOut(start, end, Reason.WITHDRAWN) for start, end in intervals.merge(one.present))
        return Recorded(one.enrolment_id, 0, 0, tuple(left_out))
    counted_ms, parts = counted[one.enrolment_id, number]
    return Recorded(one.enrolment_id, number, counted_ms, parts.left_out)


def _correct(session: Session, enrolment_id: int, number: int, values: Mapping[str, Any]) -> None:
    """Set a record anew; one that was revoked counts again."""
    session.execute(
        update(_RECORDS)
        .where(_RECORDS.c.enrolment_id == enrolment_id, _RECORDS.c.number == number)
        .values(
            **{name: values[name] for name in _CORRECTED}, revoked_at=None, revoked_by_id=None, revoked_because=None
        )
    )


_CORRECTED = ("component_key", "kind", "activity", "title", "starts_at", "ends_at", "present", "given_ms", "most_ms")


def _places(session: Session, wanted: set[int]) -> dict[int, Place]:
    rows = session.execute(
        select(Enrolment.id, Enrolment.user_id, Enrolment.programme_id, Enrolment.variant, Enrolment.state).where(
            among(Enrolment.id, sorted(wanted))
        )
    )
    found = {row.id: Place(*row) for row in rows}
    if len(found) < len(wanted):
        raise NotFound(what="enrolment")
    return found


def _known(session: Session, enrolment_ids: Sequence[int], sources: set[str]) -> dict[tuple[int, str], int]:
    """The numbers of the records that there are of these sources."""
    rows = session.execute(
        select(StudyRecord.enrolment_id, StudyRecord.source, StudyRecord.number).where(
            among(StudyRecord.enrolment_id, enrolment_ids), StudyRecord.source.in_(sorted(sources))
        )
    )
    return {(row.enrolment_id, row.source): row.number for row in rows}


def _last_numbers(session: Session, enrolment_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(StudyRecord.enrolment_id, func.max(StudyRecord.number))
        .where(among(StudyRecord.enrolment_id, enrolment_ids))
        .group_by(StudyRecord.enrolment_id)
    )
    return dict.fromkeys(enrolment_ids, 0) | dict(rows.tuples().all())


def _turns(session: Session, user_ids: set[int], now: datetime) -> dict[int, datetime]:
    """When what people have now is said to be confirmed: after all that they have, by however little.

    Between records what was confirmed first comes first. It was counted by those that were there, so that no slower
    clock of another server may put it before them.
    """
    latest = (
        select(StudyRecord.user_id, func.max(StudyRecord.confirmed_at))
        .where(among(StudyRecord.user_id, sorted(user_ids)))
        .group_by(StudyRecord.user_id)
    )
    later = {user_id: last + NEXT for user_id, last in session.execute(latest).tuples() if last >= now}
    return dict.fromkeys(user_ids, now) | later


def _values(one: NewRecord, place: Place, current: InForce, recording: _Recording) -> dict[str, Any]:
    component = current.programme.component(one.component_key)
    if component is None:
        raise Conflict("component_unknown", component=one.component_key)
    present = intervals.merge(one.present)
    return {
        "enrolment_id": one.enrolment_id,
        "user_id": place.user_id,
        "component_key": one.component_key,
        "kind": ELSEWHERE if one.activity == ELSEWHERE else component.kind.value,
        "activity": one.activity,
        "source": one.source,
        "title": one.title,
        "starts_at": instant_of(present[0][0]) if present else None,
        "ends_at": instant_of(present[-1][1]) if present else None,
        "present": intervals.pack(present),
        "given_ms": one.given_ms,
        "most_ms": one.most_ms,
        "rule_version": current.version,
        "confirmed_by_id": recording.confirmed_by_id,
        "revoked_by_id": None,
        "revoked_at": None,
        "revoked_because": None,
    }


def _count_new(recording: _Recording, new: Sequence[dict[str, Any]]) -> Reckoned:
    """Work out what of new records counts after all that these people have, and note it in their values."""
    found: Reckoned = {}
    timed, from_elsewhere = [], []
    for values in new:
        if values["kind"] == ELSEWHERE:
            from_elsewhere.append(values)
        elif values["starts_at"] is None:
            found[values["enrolment_id"], values["number"]] = given_by(Row(values)), Counted(NOTHING, ())
        else:
            timed.append(values)
    if from_elsewhere:
        found |= _count_elsewhere(recording, from_elsewhere)
    if timed:
        found |= _count_timed(recording, timed)
    for values in new:
        counted_ms, counted = found[values["enrolment_id"], values["number"]]
        values["counted"], values["counted_ms"] = intervals.pack(counted.counted), counted_ms
    return found


def _count_elsewhere(recording: _Recording, new: Sequence[dict[str, Any]]) -> Reckoned:
    used: dict[Hashable, int] = {
        (enrolment_id, key): counted_ms
        for enrolment_id, key, counted_ms in recording.session.execute(
            select(StudyRecord.enrolment_id, StudyRecord.component_key, func.sum(StudyRecord.counted_ms))
            .where(among(StudyRecord.enrolment_id, sorted({values["enrolment_id"] for values in new})))
            .where(StudyRecord.kind == ELSEWHERE, StudyRecord.revoked_at.is_(None))
            .group_by(StudyRecord.enrolment_id, StudyRecord.component_key)
        )
    }
    rows = map(Row, sorted(new, key=lambda values: (values["enrolment_id"], values["number"])))
    places, rules = recording.places, recording.rules
    return reckon_elsewhere(rows, lambda row: rules.study(places[row.enrolment_id], row), used)


def _count_timed(recording: _Recording, timed: Sequence[dict[str, Any]]) -> Reckoned:
    session, rules = recording.session, recording.rules
    hulls: dict[int, tuple[datetime, datetime]] = {}
    for values in timed:
        first, last = hulls.get(values["user_id"], (values["starts_at"], values["ends_at"]))
        hulls[values["user_id"]] = (min(first, values["starts_at"]), max(last, values["ends_at"]))
    around = {user_id: (first - _NEIGHBOURS, last + _NEIGHBOURS) for user_id, (first, last) in hulls.items()}
    watched = watched_time.watched(session, hulls)
    reckonings = {user_id: Reckoning(watched.get(user_id, NOTHING)) for user_id in hulls}
    _put_known(session, rules, reckonings, around)
    found: Reckoned = {}
    told = set()
    for values in sorted(timed, key=lambda one: (one["enrolment_id"], one["number"])):
        reckoning = reckonings[values["user_id"]]
        study = rules.study(recording.places[values["enrolment_id"]], Row(values))
        shared = (study.component, study.activity)
        if study.limits.activity_ms is not None and shared not in told:
            told.add(shared)
            reckoning.use(study, _used_elsewhere(session, values, around[values["user_id"]]))
        counted = reckoning.take(study)
        found[values["enrolment_id"], values["number"]] = counted.counted_ms, counted
    return found


def _put_known(
    session: Session,
    rules: Rules,
    reckonings: Mapping[int, Reckoning],
    spans: Mapping[int, tuple[datetime, datetime]],
) -> None:
    first, last = min(one for one, _ in spans.values()), max(one for _, one in spans.values())
    rows = session.execute(
        WITH_PLACE.where(
            among(_RECORDS.c.user_id, sorted(spans)),
            _RECORDS.c.starts_at < last,
            _RECORDS.c.ends_at > first,
            _RECORDS.c.revoked_at.is_(None),
        )
    ).all()
    for row in rows:
        span = spans[row.user_id]
        if row.starts_at < span[1] and row.ends_at > span[0]:
            reckonings[row.user_id].put(rules.study(Place.of(row), row), intervals.unpack(row.counted))


def _used_elsewhere(session: Session, values: Mapping[str, Any], span: tuple[datetime, datetime]) -> int:
    """What a record's activity was given outside of the days that are looked at."""
    used = session.scalar(
        select(func.coalesce(func.sum(StudyRecord.counted_ms), 0)).where(
            StudyRecord.enrolment_id == values["enrolment_id"],
            StudyRecord.component_key == values["component_key"],
            StudyRecord.activity == values["activity"],
            StudyRecord.revoked_at.is_(None),
            (StudyRecord.starts_at >= span[1]) | (StudyRecord.ends_at <= span[0]),
        )
    )
    return int(used or 0)


def _enter_new(recording: _Recording, new: Sequence[dict[str, Any]]) -> None:
    entries = [
        entering_of(
            recording.rules,
            recording.places[values["enrolment_id"]],
            Row(values),
            values["counted_ms"],
            recording.confirmed_by_id,
        )
        for values in new
        if values["counted_ms"]
    ]
    enter_many(recording.session, entries, recording.now)
