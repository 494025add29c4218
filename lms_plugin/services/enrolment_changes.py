"""What was changed of enrolments, by whom and why: numbered, and never changed afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.services.portions import portions
from lms_plugin.storage.admission import EnrolmentChange
from lms_plugin.storage.people import Region, User

ACTIVE, WITHDRAWN = "active", "withdrawn"
AT_ONCE = 5_000
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed of an enrolment, for `note_many`."""

    enrolment_id: int
    kind: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """One change as pages show it; `by` is the name of who made it, None where it was the service itself."""

    number: int
    kind: str
    before: str
    after: str
    reason: str
    by: str | None
    at: datetime


def changes_of(session: Session, enrolment_id: int) -> list[ChangeShown]:
    """All changes of an enrolment, the latest first."""
    rows = session.execute(
        select(EnrolmentChange, User.name)
        .outerjoin(User, User.id == EnrolmentChange.changed_by_id)
        .where(EnrolmentChange.enrolment_id == enrolment_id)
        .order_by(EnrolmentChange.number.desc())
    )
    return [
        ChangeShown(one.number, one.kind, one.before, one.after, one.reason, name, one.changed_at) for one, name in rows
    ]


def note(session: Session, change: Change, now: datetime, *, by_id: int | None, reason: str) -> None:
    """Keep one change of an enrolment."""
    note_many(session, [change], now, by_id=by_id, reason=reason)


def note_many(
    session: Session,
    changes: Sequence[Change],
    now: datetime,
    *,
    by_id: int | None,
    reason: str = "",
    are_new: bool = False,
) -> None:
    """Keep changes, each of another enrolment; `are_new` where these enrolments have no changes yet."""
    last = {} if are_new else _last_numbers(session, [one.enrolment_id for one in changes])
    rows = [
        {
            "enrolment_id": one.enrolment_id,
            "number": last.get(one.enrolment_id, 0) + 1,
            "kind": one.kind,
            "before": one.before,
            "after": one.after,
            "reason": reason,
            "changed_by_id": by_id,
            "changed_at": now,
        }
        for one in changes
    ]
    session.flush()
    for some in portions(rows, AT_ONCE):
        session.execute(insert(EnrolmentChange), some)


def checked_reason(reason: str) -> str:
    """A reason without blanks around it.

    Raises:
        Malformed: `why_missing`, or `reason_too_long` (longest).
    """
    reason = reason.strip()
    if not reason:
        raise Malformed("why_missing")
    if len(reason) > LONGEST_REASON:
        raise Malformed("reason_too_long", longest=LONGEST_REASON)
    return reason


def place_words(region: Region | None) -> str:
    """A school or region in words of a change; empty for none."""
    return f"{region.name} ({region.code})" if region is not None else ""


def _last_numbers(session: Session, enrolment_ids: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in portions(sorted(set(enrolment_ids)), AT_ONCE):
        rows = session.execute(
            select(EnrolmentChange.enrolment_id, func.max(EnrolmentChange.number))
            .where(EnrolmentChange.enrolment_id.in_(some))
            .group_by(EnrolmentChange.enrolment_id)
        )
        found |= dict(rows.tuples().all())
    return found
