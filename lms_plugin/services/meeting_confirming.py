"""Marking and correcting a meeting's list, and confirming it: what somebody attended becomes a study record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import meeting_access, meeting_makeups, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import run_meeting
from lms_plugin.services.meeting_list import presence_of, study_rule
from lms_plugin.services.meeting_signing import BY_LIST, REFUSED, SETTLED, SIGNED, sign_many
from lms_plugin.services.meeting_trail import note_deed
from lms_plugin.services.meetings import CANCELLED, CONFIRMED, checked_reason, source_of
from lms_plugin.services.study_records import NewRecord, Recorded
from lms_plugin.services.trail import LIST_CONFIRMED, MARKED_ABSENT, MARKED_PRESENT, note_each
from lms_plugin.storage.among import among
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting, SignIn

OWN, NO_COMPONENT, WITHDRAWN = "own", "component", "withdrawn"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What confirming did: records by learner, and who was passed over and why: a `Standing`, `own`,
    `component` (their way of taking the programme has none of it) or `withdrawn`."""

    recorded: tuple[Recorded, ...]
    passed_over: Mapping[int, str]


def mark_present(
    session: Session,
    actor: Actor,
    meeting_id: int,
    enrolment_ids: Sequence[int],
    *,
    now: datetime,
    in_at: datetime | None = None,
    out_at: datetime | None = None,
    reason: str = "",
) -> None:
    """Put learners on the list as having come and gone at these times.

    A time that is not given stays what it is where it is known, and is the meeting's beginning or end where it is not.
    Of a meeting that is confirmed, it corrects what these learners were given; the ledger keeps the reason.

    Raises:
        NotFound: the actor does not run the meeting, or it is not for one of the learners.
        Malformed: `ends_before_start` (they would have gone before they came), `outside_meeting`, `reason_too_long`.
        Conflict: `meeting_settled` (cancelled), or it is the actor's `own_attendance`.
    """
    reason = checked_reason(reason) if reason.strip() else ""
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    _check_learners(session, actor, meeting, enrolment_ids)
    known = {
        one.enrolment_id: one
        for one in session.scalars(
            select(SignIn).where(SignIn.meeting_id == meeting.id, among(SignIn.enrolment_id, enrolment_ids))
        )
    }
    attendances = []
    for enrolment_id in dict.fromkeys(enrolment_ids):
        row = known.get(enrolment_id)
        came = in_at or (row.in_at if row is not None else None) or meeting.starts_at
        went = out_at or (row.out_at if row is not None else None) or meeting.ends_at
        if went <= came:
            raise Malformed("ends_before_start")
        if came >= meeting.ends_at or went <= meeting.starts_at:
            raise Malformed("outside_meeting")
        attendances.append((enrolment_id, came, went))
    sign_many(session, meeting.id, attendances, by=BY_LIST, by_id=actor.user_id, now=now)
    if meeting.state == CONFIRMED:
        _record(session, meeting, actor.user_id, now, only=enrolment_ids, because=reason)
    about = source_of(meeting.id)
    note_each(session, actor, MARKED_PRESENT, about, enrolment_ids, now, title=meeting.title, reason=reason)


def mark_absent(
    session: Session, actor: Actor, meeting_id: int, enrolment_ids: Sequence[int], *, reason: str, now: datetime
) -> None:
    """Put learners on the list as not having been there, for a reason they can read; what it gave them goes.

    Raises:
        NotFound: the actor does not run the meeting, or it is not for one of the learners.
        Malformed: there is no reason, or a very long one.
        Conflict: `meeting_settled`, `own_attendance`.
    """
    reason = checked_reason(reason)
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    _check_learners(session, actor, meeting, enrolment_ids)
    for enrolment_id in sorted(set(enrolment_ids)):
        row = session.get(SignIn, (enrolment_id, meeting.id), with_for_update=True, populate_existing=True)
        if row is None:
            row = SignIn(enrolment_id=enrolment_id, meeting_id=meeting.id)
            session.add(row)
        elif row.state == SETTLED:
            study_records.revoke(
                session, enrolment_id, source_of(meeting.id), by_id=actor.user_id, reason=reason, now=now
            )
        row.state, row.reason, row.changed_by_id, row.changed_at = REFUSED, reason, actor.user_id, now
    session.flush()
    meeting_makeups.follow_list(session, meeting, enrolment_ids, by_id=actor.user_id, now=now)
    about = source_of(meeting.id)
    note_each(session, actor, MARKED_ABSENT, about, enrolment_ids, now, title=meeting.title, reason=reason)


def confirm(session: Session, actor: Actor, meeting_id: int, now: datetime) -> Confirmed:
    """Confirm the list: whoever came and went gets a study record. What changes afterwards corrects it.

    Who has not signed out where both ends are asked for stays signed, and is passed over until the list says when they
    went. Nobody confirms their own attendance.

    Raises:
        NotFound: the actor does not run the meeting.
        Conflict: `meeting_not_over`, `meeting_settled` (cancelled).
    """
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    confirmed = confirm_list(session, meeting, by_id=actor.user_id, now=now)
    note_deed(session, actor, LIST_CONFIRMED, meeting, now, number=len(confirmed.recorded))
    return confirmed


def confirm_list(session: Session, meeting: Meeting, *, by_id: int, now: datetime) -> Confirmed:
    """As `confirm`, of a meeting that the caller may confirm and holds."""
    if meeting.state == CANCELLED:
        raise Conflict("meeting_settled")
    if now < meeting.ends_at:
        raise Conflict("meeting_not_over")
    meeting.state, meeting.code_secret = CONFIRMED, b""
    meeting.confirmed_by_id, meeting.confirmed_at = by_id, now
    return _record(session, meeting, by_id, now)


def _record(
    session: Session,
    meeting: Meeting,
    by_id: int,
    now: datetime,
    *,
    only: Sequence[int] | None = None,
    because: str = "",
) -> Confirmed:
    """Make study records of the list, or set them anew for `only` these enrolments."""
    study = study_rule(session, meeting)
    programme = meeting_access.programme_of(session, meeting)
    listed = (
        select(SignIn, Enrolment)
        .join(Enrolment, Enrolment.id == SignIn.enrolment_id)
        .where(SignIn.meeting_id == meeting.id)
        .order_by(SignIn.enrolment_id)
    )
    if only is None:
        listed = listed.where(SignIn.state == SIGNED)
    else:
        listed = listed.where(among(SignIn.enrolment_id, only), SignIn.state != REFUSED)
    records, passed_over = [], {}
    for sign_in, enrolment in session.execute(listed).all():
        presence = presence_of(meeting, study, sign_in)
        if enrolment.user_id == by_id:
            passed_over[enrolment.id] = OWN
        elif not presence.present:
            passed_over[enrolment.id] = presence.standing.value
        elif not meeting_access.is_for(enrolment, programme, meeting.component_key):
            passed_over[enrolment.id] = NO_COMPONENT
        else:
            records.append(
                NewRecord(
                    enrolment_id=enrolment.id,
                    component_key=meeting.component_key,
                    source=source_of(meeting.id),
                    title=meeting.title,
                    at=meeting.starts_at,
                    present=presence.present,
                    most_ms=None if meeting.most_minutes is None else meeting.most_minutes * MINUTE_MS,
                )
            )
    became = study_records.record_many(session, records, confirmed_by_id=by_id, now=now, because=because)
    recorded = [one for one in became if one.number]
    passed_over |= {one.enrolment_id: WITHDRAWN for one in became if not one.number}
    settled = [one.enrolment_id for one in recorded]
    if settled:
        session.execute(
            update(SignIn)
            .where(SignIn.meeting_id == meeting.id, among(SignIn.enrolment_id, settled))
            .values(state=SETTLED, changed_by_id=by_id, changed_at=now)
            .execution_options(synchronize_session=False)
        )
        for sign_in in [one for one in session.identity_map.values() if isinstance(one, SignIn)]:
            session.expire(sign_in)
        meeting_makeups.follow_list(session, meeting, settled, by_id=by_id, now=now)
    return Confirmed(tuple(recorded), passed_over)


def _check_learners(session: Session, actor: Actor, meeting: Meeting, enrolment_ids: Sequence[int]) -> None:
    if meeting.state == CANCELLED:
        raise Conflict("meeting_settled")
    wanted = set(enrolment_ids)
    rows = session.execute(
        select(Enrolment.id, Enrolment.user_id)
        .outerjoin(SignIn, and_(SignIn.enrolment_id == Enrolment.id, SignIn.meeting_id == meeting.id))
        .where(among(Enrolment.id, sorted(wanted)))
        .where(or_(SignIn.meeting_id.is_not(None), meeting_access.takes_part(session, meeting)))
    ).all()
    if {row.id for row in rows} != wanted:
        raise NotFound(what="enrolment")
    if any(row.user_id == actor.user_id for row in rows):
        raise Conflict("own_attendance")
