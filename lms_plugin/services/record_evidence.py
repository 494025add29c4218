"""What credit entries of confirmed study rest on: the study record, and the meeting, activity, month, work or reading
that it comes from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.modes import MEETING_KINDS, TIMED_KINDS, WHOLE_KINDS
from lms_plugin.services import elsewhere, study_records
from lms_plugin.services.elsewhere import Vouched
from lms_plugin.services.study_records import RecordShown
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.meeting_extras import MeetingMakeup
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Coursework, Meeting, Placement, PlacementMonth, Reading, SchoolActivity, SignIn

KINDS = frozenset({ELSEWHERE, *(kind.value for kind in (*MEETING_KINDS, *TIMED_KINDS, *WHOLE_KINDS))})
"""Kinds of credit entries that come from study records."""

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved an activity, as what, and when."""

    level: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """What a record comes from; at most one of the first five, or `vouched`, is there, and none where it was deleted.
    A meeting has `makeup` where the record is of making up for it."""

    meeting: Meeting | None = None
    activity: SchoolActivity | None = None
    placement: Placement | None = None
    work: Coursework | None = None
    reading: Reading | None = None
    leader: str | None = None
    sign_in: SignIn | None = None
    month: PlacementMonth | None = None
    approvals: tuple[Approval, ...] = ()
    makeup: MeetingMakeup | None = None
    vouched: Vouched | None = None


@dataclass(frozen=True, slots=True)
class RecordBehind:
    """The record of an entry, as it stands now, with what the entry itself says of it.

    `present` and `counted` are the entry's, milliseconds since 1970. `others` are the numbers of the record's other
    entries; where the entry `is_latest`, the record's left out times are those of the entry. An entry that is not the
    first of its record `is_correction`, because of what somebody said, or (`because` empty) of what else there is.
    """

    record: RecordShown
    source: Source
    present: Segments
    counted: Segments
    others: tuple[int, ...]
    is_latest: bool
    is_correction: bool
    because: str


def behind(session: Session, enrolment: Enrolment, rows: Sequence[CreditEntryRow]) -> dict[int, RecordBehind]:
    """What those of an enrolment's entries rest on that come from study records, by their numbers."""
    wanted = [row for row in rows if row.source_kind in KINDS]
    if not wanted:
        return {}
    records = {one.row.source: one for one in study_records.records_of(session, enrolment.id)}
    numbers = _numbers(session, enrolment.id, {row.source_id for row in wanted})
    sources: dict[str, Source] = {}
    found = {}
    for row in wanted:
        record = records.get(row.source_id)
        if record is None:
            continue
        if row.source_kind == ELSEWHERE or row.source_id not in sources:
            sources[row.source_id] = source_of(session, enrolment.id, row.source_id, row.recorded_at)
        known, detail = numbers[row.source_id], row.detail
        found[row.number] = RecordBehind(
            record=record,
            source=sources[row.source_id],
            present=_segments(detail.get("present")),
            counted=_segments(detail.get("counted")),
            others=tuple(one for one in known if one != row.number),
            is_latest=row.number == known[-1],
            is_correction=row.number != known[0],
            because=str(detail.get("because", "")),
        )
    return found


def of_day(session: Session, enrolment: Enrolment, component_key: str, day: date, timezone: str) -> list[RecordBehind]:
    """The records of a component that took place, or were confirmed, on a day in a time zone; with what is left out."""
    zone = ZoneInfo(timezone)
    found = []
    for one in study_records.records_of(session, enrolment.id):
        row = one.row
        first, last = row.starts_at or row.confirmed_at, row.ends_at or row.confirmed_at
        if row.component_key == component_key and first.astimezone(zone).date() <= day <= last.astimezone(zone).date():
            found.append(
                RecordBehind(
                    record=one,
                    source=source_of(session, enrolment.id, row.source),
                    present=intervals.unpack(row.present),
                    counted=intervals.unpack(row.counted),
                    others=(),
                    is_latest=True,
                    is_correction=False,
                    because="",
                )
            )
    return found


def source_of(session: Session, enrolment_id: int, source: str, until: datetime | None = None) -> Source:
    """What a record's source names, as "meeting/12"; vouchers as they stood at a moment (None: the last one)."""
    kind, _, rest = source.partition("/")
    ids = [int(one) for one in rest.split("/") if one.isdecimal() and int(one) <= _LARGEST_ID]
    if len(ids) != rest.count("/") + 1:
        return Source()
    if kind == "meeting":
        meeting = session.get(Meeting, ids[0])
        leader = session.get(User, meeting.leader_id) if meeting is not None else None
        return Source(
            meeting=meeting,
            leader=leader.name if leader is not None else None,
            sign_in=session.get(SignIn, (enrolment_id, ids[0])),
        )
    if kind == "makeup":
        return Source(
            meeting=session.get(Meeting, ids[0]),
            makeup=session.get(MeetingMakeup, (enrolment_id, ids[0])),
        )
    if kind == "activity":
        activity = session.get(SchoolActivity, ids[0])
        return Source(activity=activity, approvals=_approvals(session, activity))
    if kind == "placement" and len(ids) > 1:
        return Source(placement=session.get(Placement, ids[0]), month=session.get(PlacementMonth, (ids[0], ids[1])))
    if kind == "coursework":
        return Source(work=session.get(Coursework, ids[0]))
    if kind == "reading":
        return Source(reading=session.get(Reading, (enrolment_id, ids[0])))
    if kind == ELSEWHERE:
        return Source(vouched=elsewhere.vouched(session, ids[0], until))
    return Source()


def _numbers(session: Session, enrolment_id: int, sources: set[str]) -> dict[str, list[int]]:
    """The numbers of all entries of these sources, in order."""
    rows = session.execute(
        select(CreditEntryRow.source_id, CreditEntryRow.number)
        .where(CreditEntryRow.enrolment_id == enrolment_id, CreditEntryRow.source_kind.in_(KINDS))
        .order_by(CreditEntryRow.number)
    )
    found: dict[str, list[int]] = defaultdict(list)
    for source, number in rows:
        if source in sources:
            found[source].append(number)
    return found


def _segments(pairs: Any) -> Segments:
    return intervals.merge((start, end) for start, end in pairs or ())


def _approvals(session: Session, activity: SchoolActivity | None) -> tuple[Approval, ...]:
    given = activity.approvals.get("by", ()) if activity is not None else ()
    found = []
    for one in given:
        user = session.get(User, one["by"])
        if user is not None:
            found.append(Approval(str(one["level"]), user.name, datetime.fromisoformat(one["at"])))
    return tuple(found)
