"""Signing in and out at meetings: by the rotating code, one by one, or by a list, many at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from lms_plugin.domain import meetings as rules
from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import attended_meeting
from lms_plugin.services.meetings import takes_codes
from lms_plugin.storage.base import UTCDateTime
from lms_plugin.storage.study import SignIn

IN, OUT = "in", "out"
WAYS = (IN, OUT)
BY_CODE, BY_LIST = "code", "list"
SIGNED, SETTLED, REFUSED = "signed", "confirmed", "refused"
NOT_OUT_BEFORE = timedelta(minutes=10)
"""Who gives the code again so soon after coming, without saying which way, has only been impatient."""

_KEEP = text(
    "INSERT INTO sign_ins (enrolment_id, meeting_id, in_at, in_by, out_at, out_by, device, state, reason,"
    " changed_by_id, changed_at)"
    " VALUES (:enrolment_id, :meeting_id, :in_at, :in_by, :out_at, :out_by, '', 'signed', '', :by_id, :now)"
    " ON CONFLICT (enrolment_id, meeting_id) DO UPDATE SET"
    " in_by = CASE WHEN sign_ins.in_at = excluded.in_at THEN sign_ins.in_by ELSE excluded.in_by END,"
    " out_by = CASE WHEN sign_ins.out_at = excluded.out_at THEN sign_ins.out_by ELSE excluded.out_by END,"
    " in_at = excluded.in_at, out_at = excluded.out_at, reason = '',"
    " changed_by_id = excluded.changed_by_id, changed_at = excluded.changed_at,"
    " state = CASE WHEN sign_ins.state = 'confirmed' THEN 'confirmed' ELSE 'signed' END"
).bindparams(*(bindparam(name, type_=UTCDateTime()) for name in ("in_at", "out_at", "now")))

Attendance = tuple[int, datetime | None, datetime | None]
"""An enrolment's id, when the learner came and when they went."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What giving the code did: which way, and when the learner came and went so far."""

    way: str
    in_at: datetime | None
    out_at: datetime | None


def sign(
    session: Session, actor: Actor, meeting_id: int, typed: str, *, device: str, now: datetime, way: str | None = None
) -> Signed:
    """Sign the actor in or out with the code; without `way`, in at first and out later.

    Of several sign-ins the first holds, of several sign-outs the last. `device` is a hash of the device it comes from.

    Raises:
        NotFound: the meeting is not for the actor.
        Conflict: `meeting_not_open`, or the leader has decided already (`attendance_settled`).
        Malformed: `code_wrong`, `way_unknown`.
    """
    if way is not None and way not in WAYS:
        raise Malformed("way_unknown")
    meeting, enrolment = attended_meeting(session, actor, meeting_id)
    if not takes_codes(meeting, now):
        raise Conflict("meeting_not_open")
    if not rules.is_right(meeting.code_secret, typed, now):
        raise Malformed("code_wrong")
    row = session.get(SignIn, (enrolment.id, meeting.id), with_for_update=True, populate_existing=True)
    if row is None:
        row = SignIn(enrolment_id=enrolment.id, meeting_id=meeting.id, state=SIGNED, changed_at=now)
        session.add(row)
    if row.state != SIGNED:
        raise Conflict("attendance_settled")
    if way is None:
        way = IN if row.in_at is None or now < row.in_at + NOT_OUT_BEFORE else OUT
    if way == IN and row.in_at is None:
        row.in_at, row.in_by = now, BY_CODE
    elif way == OUT:
        row.out_at, row.out_by = now, BY_CODE
    row.device, row.changed_by_id, row.changed_at = device or row.device or "", actor.user_id, now
    session.flush()
    return Signed(way, row.in_at, row.out_at)


def device_mark(device: str, meeting_id: int) -> str:
    """What is kept of a device: it tells who shares one at a meeting, and leads from no meeting to another."""
    if not device:
        return ""
    return hashlib.sha256(f"{meeting_id} {device}".encode()).hexdigest()[:16]


def sign_many(
    session: Session,
    meeting_id: int,
    attendances: Sequence[Attendance],
    *,
    by: str = BY_LIST,
    by_id: int | None,
    now: datetime,
) -> None:
    """Set when learners came and went, of any number of them in one statement; the caller has checked who may.

    A time that stays as it was is still known the way it was. Who was marked absent is present again; who was
    confirmed stays so, and is confirmed anew by the caller.
    """
    if not attendances:
        return
    session.flush()
    rows: list[dict[str, Any]] = [
        {
            "enrolment_id": enrolment_id,
            "meeting_id": meeting_id,
            "in_at": in_at,
            "in_by": by if in_at is not None else "",
            "out_at": out_at,
            "out_by": by if out_at is not None else "",
            "by_id": by_id,
            "now": now,
        }
        for enrolment_id, in_at, out_at in sorted(attendances, key=lambda one: one[0])
    ]
    session.execute(_KEEP, rows)
    for known in list(session.identity_map.values()):
        if isinstance(known, SignIn):
            session.expire(known)
