"""Approvals of school-based activities: what the school and the county decide, and the record an activity becomes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain import school_activities
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.school_activities import APPROVED, COUNTY, REFUSED, RETURNED, SCHOOL_APPROVED, SUBMITTED
from lms_plugin.services import access, attachments, catalogue, notices, study_records
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.portions import portions
from lms_plugin.services.study_records import NewRecord, ms_of
from lms_plugin.storage.base import table_of
from lms_plugin.storage.people import Region
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import SchoolActivity

LONGEST_REASON = 500
AT_ONCE = 500
_ROWS = table_of(SchoolActivity)
_KEEP_DECISION = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("of_activity"))
    .values(state=bindparam("to_state"), approvals=bindparam("to_approvals"), decided_at=bindparam("to_decided_at"))
)


@dataclass(frozen=True, slots=True)
class Approvals:
    """What approving many did: how many went a step on, how many of them count by it, and which stay as they are.

    `handed_in_again` has the titles of those that stay because their learner changed them meanwhile, by id.
    """

    approved: int
    counted: int
    left: tuple[int, ...] = ()
    handed_in_again: Mapping[int, str] = field(default_factory=dict)


def source_of(activity_id: int) -> str:
    """What an activity is called in study records, and as the owner of its files."""
    return f"{attachments.ACTIVITY}/{activity_id}"


def activity_for_office(session: Session, actor: Actor, activity_id: int, *, lock: bool = False) -> SchoolActivity:
    """An activity of a region that the actor answers for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the region is not theirs, or there is no such activity.
    """
    access.office_scope(actor)
    row = session.get(SchoolActivity, activity_id, with_for_update=lock or None)
    if row is None or not access.answers_for(session, actor, row.region_id):
        raise NotFound(what="activity")
    return row


def levels_of(session: Session, row: SchoolActivity) -> tuple[str, ...]:
    """Who approves an activity, in order, as the version of its time says."""
    enrolment = session.get_one(Enrolment, row.enrolment_id)
    return Levels(session).of(enrolment.programme_id, enrolment.variant, row.starts_at, row.component_key)


def may_decide(session: Session, actor: Actor, row: SchoolActivity) -> bool:
    """Whether the actor is who decides on an activity next."""
    level = school_activities.next_level(row.state, levels_of(session, row))
    if level is None or row.user_id == actor.user_id:
        return False
    return _decides(session, actor, row.region_id, level)


def approve(
    session: Session, actor: Actor, activity_id: int, now: datetime, *, seen_at: datetime | None = None
) -> SchoolActivity:
    """Approve an activity as the school or the county; with the last approval it counts.

    `seen_at` is when what the office read was handed in.

    Raises:
        NotAllowed: the person is no office admin, it is their own (`own_activity`), or the county decides now
            (`county_decides`).
        NotFound: the region is not theirs.
        Conflict: it waits for nobody (`activity_not_waiting`), or its learner changed it meanwhile
            (`handed_in_again`).
    """
    row = _for_decision(session, actor, activity_id, seen_at)
    approve_many(session, actor, [row.id], now)
    return session.get_one(SchoolActivity, activity_id, populate_existing=True)


def approve_many(
    session: Session,
    actor: Actor,
    activity_ids: Sequence[int],
    now: datetime,
    *,
    seen: Mapping[int, datetime] | None = None,
) -> Approvals:
    """Approve many activities, each one step further; what is not the actor's to approve is left as it is.

    `seen` says, by id, when what the office read was handed in: what its learner changed meanwhile is left too.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    session.flush()
    levels = Levels(session)
    approved = counted = 0
    taken: set[int] = set()
    again: dict[int, str] = {}
    for some in portions(sorted(set(activity_ids)), AT_ONCE):
        rows = session.execute(
            select(*_ROWS.c, Enrolment.programme_id, Enrolment.variant)
            .join(Enrolment, Enrolment.id == _ROWS.c.enrolment_id)
            .where(_ROWS.c.id.in_(some), _ROWS.c.user_id != actor.user_id)
            .where(_ROWS.c.state.in_((SUBMITTED, SCHOOL_APPROVED)))
            .order_by(_ROWS.c.id)
            .with_for_update(of=_ROWS)
        ).all()
        able = powers(session, scope, {row.region_id for row in rows})
        kept, records = [], []
        for row in rows:
            needed = levels.of(row.programme_id, row.variant, row.starts_at, row.component_key)
            level = school_activities.next_level(row.state, needed)
            if level is None or level not in able[row.region_id]:
                continue
            if seen is not None and seen.get(row.id, row.submitted_at) != row.submitted_at:
                again[row.id] = row.title
                continue
            state = school_activities.after_approval(row.state, needed)
            decision = {"level": level, "by": actor.user_id, "at": now.isoformat()}
            kept.append(
                {
                    "of_activity": row.id,
                    "to_state": state,
                    "to_approvals": {"by": [*row.approvals["by"], decision]},
                    "to_decided_at": now if state == APPROVED else None,
                }
            )
            if state == APPROVED:
                records.append(_record(row))
        if kept:
            session.execute(_KEEP_DECISION, kept)
            study_records.record_many(session, records, confirmed_by_id=actor.user_id, now=now)
        approved += len(kept)
        counted += len(records)
        taken.update(one["of_activity"] for one in kept)
    session.expire_all()
    return Approvals(approved, counted, tuple(one for one in activity_ids if one not in taken), again)


def send_back(
    session: Session,
    actor: Actor,
    activity_id: int,
    *,
    reason: str,
    seen_at: datetime | None = None,
    now: datetime,
) -> SchoolActivity:
    """Return an activity to its learner with a reason: it can be changed and handed in again.

    Raises:
        Malformed: there is no reason, or a very long one.
        NotAllowed, NotFound, Conflict: as for `approve`.
    """
    return _decide(session, actor, activity_id, RETURNED, reason, seen_at, now)


def refuse(
    session: Session,
    actor: Actor,
    activity_id: int,
    *,
    reason: str,
    seen_at: datetime | None = None,
    now: datetime,
) -> SchoolActivity:
    """Refuse an activity for good, with a reason.

    Raises:
        Malformed: there is no reason, or a very long one.
        NotAllowed, NotFound, Conflict: as for `approve`.
    """
    return _decide(session, actor, activity_id, REFUSED, reason, seen_at, now)


def revoke(session: Session, actor: Actor, activity_id: int, *, reason: str, now: datetime) -> SchoolActivity:
    """Take back the approval of an activity that counts: its hours go by a new entry of the ledger.

    Only who could have given the last approval can.

    Raises:
        Malformed: there is no reason, or a very long one.
        NotAllowed: the person is no office admin, it is their own, or not theirs to take back.
        NotFound: the region is not theirs.
        Conflict: it is not approved (`activity_not_approved`).
    """
    reason = checked_reason(reason)
    row = activity_for_office(session, actor, activity_id, lock=True)
    if row.state != APPROVED:
        raise Conflict("activity_not_approved")
    last = (levels_of(session, row) or (COUNTY,))[-1]
    _check_decider(session, actor, row, last)
    row.state, row.reason, row.decided_at = REFUSED, reason, now
    session.flush()
    _tell(session, row, now)
    enrolment_id = row.enrolment_id
    # Of who had withdrawn when it was approved there is no record.
    with suppress(NotFound):
        study_records.revoke(session, enrolment_id, source_of(activity_id), by_id=actor.user_id, reason=reason, now=now)
    return session.get_one(SchoolActivity, activity_id)


def checked_reason(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        Malformed: `decision_reason_missing`, `reason_too_long`.
    """
    reason = reason.strip()
    if not reason:
        raise Malformed("decision_reason_missing")
    if len(reason) > LONGEST_REASON:
        raise Malformed("reason_too_long", longest=LONGEST_REASON)
    return reason


def _decide(
    session: Session,
    actor: Actor,
    activity_id: int,
    state: str,
    reason: str,
    seen_at: datetime | None,
    now: datetime,
) -> SchoolActivity:
    reason = checked_reason(reason)
    row = _for_decision(session, actor, activity_id, seen_at)
    row.state, row.reason, row.decided_at = state, reason, now
    session.flush()
    _tell(session, row, now)
    return row


def _tell(session: Session, row: SchoolActivity, now: datetime) -> None:
    """Tell the learner that an activity came back or does not count; that one counts is no news."""
    address = f"/enrolments/{row.enrolment_id}/activities/{row.id}"
    about = f"{source_of(row.id)} {now.isoformat()}"
    notices.tell(session, NewNotice(row.user_id, f"activity_{row.state}", about, {"title": row.title}, address), now)


def _for_decision(session: Session, actor: Actor, activity_id: int, seen_at: datetime | None) -> SchoolActivity:
    row = activity_for_office(session, actor, activity_id, lock=True)
    level = school_activities.next_level(row.state, levels_of(session, row))
    if level is None:
        raise Conflict("activity_not_waiting")
    _check_decider(session, actor, row, level)
    if seen_at is not None and row.submitted_at != seen_at:
        raise Conflict("handed_in_again")
    return row


def _check_decider(session: Session, actor: Actor, row: SchoolActivity, level: str) -> None:
    if row.user_id == actor.user_id:
        raise NotAllowed("own_activity")
    if not _decides(session, actor, row.region_id, level):
        raise NotAllowed("county_decides")


def _decides(session: Session, actor: Actor, region_id: int | None, level: str) -> bool:
    return level in powers(session, access.office_scope(actor), {region_id})[region_id]


def powers(session: Session, scope: Scope, region_ids: set[int | None]) -> dict[int | None, tuple[str, ...]]:
    """The levels that an office admin can approve for, by region."""
    both = (school_activities.SCHOOL, COUNTY)
    if scope.region_ids is None:
        return dict.fromkeys(region_ids, both)
    found: dict[int | None, tuple[str, ...]] = dict.fromkeys(region_ids, ())
    wanted = [one for one in region_ids if one is not None]
    for region in session.scalars(select(Region).where(Region.id.in_(wanted))):
        if scope.covers([one for one in (region.province_id, region.city_id, region.county_id) if one is not None]):
            found[region.id] = both
        elif scope.covers(region.lineage):
            found[region.id] = (school_activities.SCHOOL,)
    return found


class Levels:
    """Who approves, by programme version, looked up once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._schedules: dict[int, list[tuple[int, datetime]]] = {}
        self._known: dict[tuple[int, int, str, str], tuple[str, ...]] = {}

    def of(self, programme_id: int, variant: str, at: datetime, component_key: str) -> tuple[str, ...]:
        if programme_id not in self._schedules:
            self._schedules[programme_id] = catalogue.schedule(self._session, programme_id)
        number = catalogue.number_in_force(self._schedules[programme_id], at)
        key = (programme_id, number, variant, component_key)
        if key not in self._known:
            programme = catalogue.version_of(self._session, programme_id, number, variant).programme
            component = programme.component(component_key)
            self._known[key] = component.study.approvals if component is not None else ()
        return self._known[key]


def _record(row: Any) -> NewRecord:
    return NewRecord(
        enrolment_id=row.enrolment_id,
        component_key=row.component_key,
        source=source_of(row.id),
        title=row.title,
        at=row.starts_at,
        activity=row.activity,
        present=((ms_of(row.starts_at), ms_of(row.ends_at)),),
    )
