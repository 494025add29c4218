"""Enrolling people, one or many thousands at once, and what changes of an enrolment afterwards; hours always stay.

Whatever is changed leaves one row of `enrolment_changes`: what, by whom and why. Who has withdrawn keeps all hours and
earns none, and stands in no report until they return.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.programme import Variant
from lms_plugin.services import access, catalogue, posting, quotas, returning, study_reckoning
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolment_changes import ACTIVE as ACTIVE
from lms_plugin.services.enrolment_changes import LONGEST_REASON as LONGEST_REASON
from lms_plugin.services.enrolment_changes import WITHDRAWN as WITHDRAWN
from lms_plugin.services.enrolment_changes import Change as Change
from lms_plugin.services.enrolment_changes import changes_of as changes_of
from lms_plugin.services.enrolment_changes import checked_reason as checked_reason
from lms_plugin.services.enrolment_changes import note as note
from lms_plugin.services.enrolment_changes import note_many as note_many
from lms_plugin.services.enrolment_changes import place_words
from lms_plugin.services.entering import refresh_many
from lms_plugin.services.portions import portions
from lms_plugin.services.seats import lock_groups
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import Enrolment

AT_ONCE = 5_000


class NewLearner(NamedTuple):
    """Somebody about to be enrolled: where they teach, in which class group, phase and tier (empty: the first)."""

    user_id: int
    region_id: int | None = None
    class_group_id: int | None = None
    phase: str = ""
    tier: str = ""


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
    """Enrol one person, or take one back who had withdrawn: then in the region, phase and tier that are named.

    Places and quotas are for the caller to mind, with the programme locked.

    Raises:
        NotFound: as `enrol_many`.
        Conflict: `already_enrolled`; `hours_in_other_phase` (phase) that who comes back has earned before.
    """
    known = session.scalar(
        select(Enrolment).where(Enrolment.user_id == learner.user_id, Enrolment.programme_id == programme_id)
    )
    if known is None:
        (new_id,) = enrol_many(session, programme_id, [learner], now, by_id=by_id, reason=reason)
        return session.get_one(Enrolment, new_id)
    lock_groups(session, [known.class_group_id])
    if _locked(session, known).state == ACTIVE:
        raise Conflict("already_enrolled")
    by = returning.By(by_id, reason, now)
    returning.come_back(session, known, by, region_id=learner.region_id, phase=learner.phase, tier=learner.tier)
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

    They need a place as whoever is new does: what they gave back may be somebody else's by now.

    Raises:
        NotFound, Malformed: as `withdraw`.
        Conflict: `enrolment_active`, `no_place_to_return`.
    """
    reason = checked_reason(reason)
    enrolment = access.managed_enrolment(session, actor, enrolment_id)
    access.lock_programme(session, enrolment.programme_id)
    session.refresh(enrolment)
    if enrolment.state == ACTIVE:
        raise Conflict("enrolment_active")
    # Of one who has withdrawn nobody changes the class group past the programme's lock.
    lock_groups(session, [enrolment.class_group_id])
    _locked(session, enrolment)
    sender, variant = quotas.sender_of(session, enrolment), Variant.read(enrolment.variant)
    places = quotas.places_of(session, catalogue.in_force(session, enrolment.programme_id, now), sender)
    if places.free(sender, variant.phase, variant.tier) == 0:
        raise Conflict("no_place_to_return")
    returning.come_back(session, enrolment, returning.By(actor.user_id, reason, now))
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
    change = Change(enrolment.id, "moved_school", place_words(before), place_words(target))
    note(session, change, now, by_id=actor.user_id, reason=reason)
    return enrolment


def move_tier(session: Session, actor: Actor, enrolment_id: int, tier: str, *, reason: str, now: datetime) -> Enrolment:
    """Move a learner to another tier, with all hours; what that one requires decides from now on.

    Study records count within the limits of that tier, and entries say what counts more or less by that: of study
    completed elsewhere a share of the hours required counts. Where the tiers have dates of their own the learner may
    study within those of either, so that nothing which counted falls outside.

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
    enrolment.variant = returning.in_tier(programme, before, tier).write()
    session.flush()
    study_reckoning.reckon_again(session, enrolment.user_id, now)
    refresh_many(session, [enrolment.id], now)
    change = Change(enrolment.id, "moved_tier", before.tier, tier)
    note(session, change, now, by_id=actor.user_id, reason=reason)
    return enrolment


def _locked(session: Session, enrolment: Enrolment) -> Enrolment:
    """The enrolment as it is now, kept from other changes until the commit."""
    session.refresh(enrolment, with_for_update={"key_share": True})
    return enrolment
