"""Enrolling people, one or many thousands at once, and what changes of an enrolment afterwards; hours always stay.

Whatever is changed leaves one row of `enrolment_changes`: what, by whom and why. Who has withdrawn keeps all hours and
earns none, and stands in no report until they return.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.services import access, catalogue, posting
from lms_plugin.services.access import Actor
from lms_plugin.services.entering import refresh_many
from lms_plugin.services.portions import portions
from lms_plugin.storage.admission import EnrolmentChange
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment

ACTIVE, WITHDRAWN = "active", "withdrawn"
AT_ONCE = 5_000
LONGEST_REASON = 500


class NewLearner(NamedTuple):
    """Somebody about to be enrolled: where they teach, in which class group, phase and tier (empty: the first)."""

    user_id: int
    region_id: int | None = None
    class_group_id: int | None = None
    phase: str = ""
    tier: str = ""


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


def enrol_many(
    session: Session,
    programme_id: int,
    learners: Sequence[NewLearner | tuple[int, int | None, int | None, str, str]],
    now: datetime,
    *,
    by_id: int | None = None,
    reason: str = "",
) -> list[int]:
    """Enrol people who are not in the programme yet; gives the enrolments' ids in the same order.

    Places and quotas are for the caller to mind. The number of statements hardly grows with the people.

    Raises:
        NotFound: there is no such programme, or it has no such phase or tier.
    """
    programme = catalogue.in_force(session, programme_id, now).programme
    enrolled_on = programme.window.day_of(now)
    variants: dict[tuple[str, str], str] = {}
    rows: list[dict[str, Any]] = []
    for one in map(NewLearner._make, learners):
        key = (one.phase, one.tier)
        if key not in variants:
            variants[key] = programme.variant_for(enrolled_on, phase=one.phase, tier=one.tier).write()
        rows.append(
            {
                "user_id": one.user_id,
                "programme_id": programme_id,
                "class_group_id": one.class_group_id,
                "region_id": one.region_id,
                "enrolled_at": now,
                "variant": variants[key],
            }
        )
    made: dict[int, int] = {}
    # By user, not in the order of the rows: SQLite would insert them one by one to keep it.
    adding = insert(Enrolment).returning(Enrolment.user_id, Enrolment.id)
    for some in portions(rows, AT_ONCE):
        made |= dict(session.execute(adding, some).tuples().all())
    ids = [made[one.user_id] for one in map(NewLearner._make, learners)]
    changes = [Change(one, "enrolled", after=row["variant"]) for one, row in zip(ids, rows, strict=True)]
    note_many(session, changes, now, by_id=by_id, reason=reason, are_new=True)
    return ids


def enrol(
    session: Session,
    programme_id: int,
    learner: NewLearner,
    now: datetime,
    *,
    by_id: int | None = None,
    reason: str = "",
) -> Enrolment:
    """Enrol one person, or take one back who had withdrawn.

    Raises:
        NotFound: as `enrol_many`.
        Conflict: `already_enrolled`.
    """
    known = session.scalar(
        select(Enrolment).where(Enrolment.user_id == learner.user_id, Enrolment.programme_id == programme_id)
    )
    if known is None:
        (new_id,) = enrol_many(session, programme_id, [learner], now, by_id=by_id, reason=reason)
        return session.get_one(Enrolment, new_id)
    if known.state == ACTIVE:
        raise Conflict("already_enrolled")
    _take_back(session, known, now, by_id=by_id, reason=reason)
    return known


def withdraw(session: Session, actor: Actor, enrolment_id: int, *, reason: str, now: datetime) -> Enrolment:
    """Let a learner leave the programme: all hours stay, what was watched so far included, and none are earned.

    Raises:
        NotFound: the actor does not answer for the enrolment, or there is none.
        Malformed: no reason is given, or one that is too long.
        Conflict: `enrolment_withdrawn` already, or `enrolment_completed`.
    """
    reason = checked_reason(reason)
    enrolment = _locked(session, access.managed_enrolment(session, actor, enrolment_id))
    if enrolment.state == WITHDRAWN:
        raise Conflict("enrolment_withdrawn")
    posting.settle(session, enrolment, now)
    if enrolment.completed_at is not None:
        raise Conflict("enrolment_completed")
    enrolment.state = WITHDRAWN
    note(session, Change(enrolment.id, "withdrawn", ACTIVE, WITHDRAWN), now, by_id=actor.user_id, reason=reason)
    return enrolment


def take_back(session: Session, actor: Actor, enrolment_id: int, *, reason: str, now: datetime) -> Enrolment:
    """Let a learner who had withdrawn return, with all hours of before; without a class group where theirs is full.

    Raises:
        NotFound, Malformed: as `withdraw`.
        Conflict: `enrolment_active`.
    """
    reason = checked_reason(reason)
    enrolment = _locked(session, access.managed_enrolment(session, actor, enrolment_id))
    if enrolment.state == ACTIVE:
        raise Conflict("enrolment_active")
    _take_back(session, enrolment, now, by_id=actor.user_id, reason=reason)
    return enrolment


def move_school(
    session: Session, actor: Actor, enrolment_id: int, region_code: str, *, reason: str, now: datetime
) -> Enrolment:
    """Move a learner to another school (or region); reports count all the hours there from now on.

    The account moves along where it stood at the same school. The quota that the place was taken from stays.

    Raises:
        NotFound: the actor does not answer for the enrolment, or there is no such region in what they answer for.
        Malformed: no reason is given, or one that is too long.
        Conflict: `already_there`.
    """
    reason = checked_reason(reason)
    enrolment = _locked(session, access.managed_enrolment(session, actor, enrolment_id))
    target = access.managed_region(session, actor, region_code)
    if target.id == enrolment.region_id:
        raise Conflict("already_there")
    before = session.get(Region, enrolment.region_id) if enrolment.region_id is not None else None
    user = session.get_one(User, enrolment.user_id)
    if user.region_id == enrolment.region_id:
        user.region_id = target.id
    enrolment.region_id = target.id
    change = Change(enrolment.id, "moved_school", _place(before), _place(target))
    note(session, change, now, by_id=actor.user_id, reason=reason)
    return enrolment


def move_tier(session: Session, actor: Actor, enrolment_id: int, tier: str, *, reason: str, now: datetime) -> Enrolment:
    """Move a learner to another tier, with all hours; what that one requires decides from now on.

    Where the tiers have dates of their own the learner may study within those of either, so that nothing which counted
    falls outside.

    Raises:
        NotFound: the actor does not answer for the enrolment, or the programme has no such tier.
        Malformed: no reason is given, or one that is too long.
        Conflict: `already_there`, `enrolment_withdrawn`.
    """
    reason = checked_reason(reason)
    enrolment = _locked(session, access.managed_enrolment(session, actor, enrolment_id))
    if enrolment.state == WITHDRAWN:
        raise Conflict("enrolment_withdrawn")
    programme = catalogue.in_force(session, enrolment.programme_id, now).programme
    before = Variant.read(enrolment.variant)
    if programme.tier(tier) is None:
        raise NotFound(what="tier", key=tier)
    if before.tier == tier:
        raise Conflict("already_there")
    posting.settle(session, enrolment, now)
    enrolment.variant = _in_tier(programme, before, tier).write()
    session.flush()
    refresh_many(session, [enrolment.id], now)
    change = Change(enrolment.id, "moved_tier", before.tier, tier)
    note(session, change, now, by_id=actor.user_id, reason=reason)
    return enrolment


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


def size_limit(group: ClassGroup, programme: Programme) -> int | None:
    """How many learners a class group holds at most: its own limit, else the programme's; None for any number."""
    return group.size_limit if group.size_limit is not None else programme.class_size


def size_of(session: Session, class_group_id: int) -> int:
    """How many learners a class group has; those who have withdrawn leave their places to others."""
    learners = select(func.count()).where(Enrolment.class_group_id == class_group_id, Enrolment.state == ACTIVE)
    return session.scalar(learners) or 0


def _take_back(session: Session, enrolment: Enrolment, now: datetime, *, by_id: int | None, reason: str) -> None:
    group = session.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
    note(session, Change(enrolment.id, "returned", WITHDRAWN, ACTIVE), now, by_id=by_id, reason=reason)
    if group is not None:
        programme = catalogue.for_enrolment(session, enrolment, now).programme
        limit = size_limit(group, programme)
        if limit is not None and size_of(session, group.id) >= limit:
            enrolment.class_group_id = None
            note(session, Change(enrolment.id, "moved_group", group.name, ""), now, by_id=by_id, reason=reason)
    enrolment.state = ACTIVE
    session.flush()


def _locked(session: Session, enrolment: Enrolment) -> Enrolment:
    """The enrolment as it is now, kept from other changes until the commit."""
    session.refresh(enrolment, with_for_update={"key_share": True})
    return enrolment


def _in_tier(programme: Programme, before: Variant, tier: str) -> Variant:
    after = replace(before, tier=tier)
    here, there = programme.taken_as(before).window, programme.taken_as(after).window
    if (here.opens_on, here.closes_on) == (there.opens_on, there.closes_on):
        return after
    return replace(after, opens_on=min(here.opens_on, there.opens_on), closes_on=max(here.closes_on, there.closes_on))


def _place(region: Region | None) -> str:
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
