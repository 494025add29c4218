"""Reckoning people's study records anew: after a correction, a revocation, a move, or film watched meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.services import watched_time
from lms_plugin.services.entering import enter_many
from lms_plugin.services.study_rules import WITH_PLACE, Place, Reckoned, Row, Rules, entering_of, reckon_rows
from lms_plugin.storage import batches
from lms_plugin.storage.among import among
from lms_plugin.storage.base import table_of
from lms_plugin.storage.people import User
from lms_plugin.storage.study import StudyRecord

_RECORDS = table_of(StudyRecord)


def reckon_again(session: Session, user_id: int, now: datetime) -> None:
    """Reckon a person's records anew, after film was posted that was watched while they were elsewhere, or a move."""
    settle(session, [user_id], now, None, {})


def with_records(session: Session, spans: Mapping[int, tuple[datetime, datetime]]) -> set[int]:
    """Who of these people (by user id, each with two moments) has records of the time between; all are locked."""
    lock_people(session, spans)
    first, last = min(one for one, _ in spans.values()), max(one for _, one in spans.values())
    rows = session.execute(
        select(_RECORDS.c.user_id, _RECORDS.c.starts_at, _RECORDS.c.ends_at).where(
            _RECORDS.c.user_id.in_(sorted(spans)), _RECORDS.c.starts_at < last, _RECORDS.c.ends_at > first
        )
    )
    return {
        row.user_id for row in rows if row.starts_at < spans[row.user_id][1] and row.ends_at > spans[row.user_id][0]
    }


def lock_people(session: Session, user_ids: Iterable[int]) -> None:
    """Hold these persons' rows, in one order for everybody; rows that refer to them can be written meanwhile."""
    people = select(User.id).where(among(User.id, sorted(set(user_ids)))).order_by(User.id)
    session.execute(people.with_for_update(key_share=True)).all()


def reckon_person(session: Session, user_id: int) -> Reckoned:
    """What each record of a person counts at present, by (enrolment, number)."""
    return _reckoned(session, Rules(session), user_id, _rows_of(session, user_id))


def _rows_of(session: Session, user_id: int) -> Sequence[Any]:
    mine = WITH_PLACE.where(_RECORDS.c.user_id == user_id)
    return session.execute(mine.order_by(_RECORDS.c.enrolment_id, _RECORDS.c.number)).all()


def _reckoned(session: Session, rules: Rules, user_id: int, rows: Sequence[Any]) -> Reckoned:
    def watched() -> Segments:
        timed = [row for row in rows if row.revoked_at is None and row.starts_at is not None]
        span = (min(row.starts_at for row in timed), max(row.ends_at for row in timed))
        return watched_time.watched(session, {user_id: span}).get(user_id, NOTHING)

    return reckon_rows(rows, lambda row: rules.study(Place.of(row), row), watched)


def settle(
    session: Session,
    user_ids: Iterable[int],
    now: datetime,
    decided_by_id: int | None,
    reasons: Mapping[tuple[int, int], str],
) -> Reckoned:
    """Reckon people's records anew and enter the differences; `reasons` says why for the records that were changed.

    What changes another record by that, as when a meeting is revoked that took the same hour, is entered too. Gives
    what each of these people's records counts now.
    """
    people = sorted(set(user_ids))
    lock_people(session, people)
    rules = Rules(session)
    found: Reckoned = {}
    entries, kept = [], []
    for user_id in people:
        rows = _rows_of(session, user_id)
        reckoned = _reckoned(session, rules, user_id, rows)
        found |= reckoned
        for row in rows:
            key = (row.enrolment_id, row.number)
            counted_ms, counted = reckoned[key]
            packed = intervals.pack(counted.counted)
            if (packed, counted_ms) == (row.counted, row.counted_ms):
                continue
            kept.append(
                {
                    "enrolment_id": row.enrolment_id,
                    "number": row.number,
                    "counted": packed,
                    "counted_ms": counted_ms,
                }
            )
            if counted_ms != row.counted_ms:
                now_counted = Row({**row._mapping, "counted": packed})
                by_id = decided_by_id if key in reasons else None
                difference_ms = counted_ms - row.counted_ms
                because = reasons.get(key, "")
                entries.append(entering_of(rules, Place.of(row), now_counted, difference_ms, by_id, because))
    batches.change(session, StudyRecord, ("enrolment_id", "number"), kept)
    enter_many(session, entries, now)
    for known in list(session.identity_map.values()):
        if isinstance(known, StudyRecord):
            session.expire(known)
    return found
