"""Coming back to a programme after a withdrawal: with all hours, as the last nomination says where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.services import catalogue, study_reckoning
from lms_plugin.services.enrolment_changes import ACTIVE, WITHDRAWN, Change, note, place_words
from lms_plugin.services.entering import refresh_many
from lms_plugin.services.portions import portions
from lms_plugin.services.seats import size_limit, size_of
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment


@dataclass(frozen=True, slots=True)
class By:
    """Who brings somebody back (None: the service itself), why, and when."""

    user_id: int | None
    reason: str
    at: datetime


def come_back(
    session: Session, enrolment: Enrolment, by: By, *, region_id: int | None = None, phase: str = "", tier: str = ""
) -> None:
    """Make a withdrawn enrolment an active one, where somebody is wanted anew; what is empty stays as it was.

    Another tier keeps all hours, as a move does. Another phase is begun anew, without the class group of the old one,
    and only by who has no hours: there they might count for nothing. Within the region that is named the school stays.
    Whose class group is full comes back without one. Places and quotas are for the caller to mind.

    Raises:
        NotFound: the programme has no such phase or tier.
        Conflict: `hours_in_other_phase` (phase).
    """
    _note(session, enrolment, by, "returned", WITHDRAWN, ACTIVE)
    _take_as_wanted(session, enrolment, by, phase, tier)
    if region_id is not None:
        _move(session, enrolment, session.get_one(Region, region_id), by)
    group = session.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
    if group is not None:
        limit = size_limit(group, catalogue.for_enrolment(session, enrolment, by.at).programme)
        if limit is not None and size_of(session, group.id) >= limit:
            _leave_group(session, enrolment, group, by)
    enrolment.state = ACTIVE
    session.flush()


def kept_phases(session: Session, programme_id: int, user_ids: Sequence[int]) -> dict[int, str]:
    """The phase in which each of these people has earned hours before they withdrew, by user; those who have none are
    left out."""
    found: dict[int, str] = {}
    for some in portions(user_ids):
        rows = session.execute(
            select(Enrolment.user_id, Enrolment.variant).where(
                Enrolment.programme_id == programme_id,
                Enrolment.user_id.in_(some),
                Enrolment.state == WITHDRAWN,
                exists().where(CreditEntryRow.enrolment_id == Enrolment.id),
            )
        )
        found |= {user_id: Variant.read(variant).phase for user_id, variant in rows}
    return found


def in_tier(programme: Programme, before: Variant, tier: str) -> Variant:
    """In another tier; where it has dates of its own, within those of either, so that nothing counted falls outside."""
    after = replace(before, tier=tier)
    here, there = programme.taken_as(before).window, programme.taken_as(after).window
    if (here.opens_on, here.closes_on) == (there.opens_on, there.closes_on):
        return after
    return replace(after, opens_on=min(here.opens_on, there.opens_on), closes_on=max(here.closes_on, there.closes_on))


def _take_as_wanted(session: Session, enrolment: Enrolment, by: By, phase: str, tier: str) -> None:
    before = Variant.read(enrolment.variant)
    programme = catalogue.in_force(session, enrolment.programme_id, by.at).programme
    if phase and phase != before.phase:
        if kept_phases(session, enrolment.programme_id, [enrolment.user_id]):
            raise Conflict("hours_in_other_phase", phase=before.phase)
        after = programme.variant_for(programme.window.day_of(by.at), phase=phase, tier=tier or before.tier)
        _note(session, enrolment, by, "moved_phase", before.phase, after.phase)
        if enrolment.class_group_id is not None:
            _leave_group(session, enrolment, session.get_one(ClassGroup, enrolment.class_group_id), by)
    elif tier and tier != before.tier:
        if programme.tier(tier) is None:
            raise NotFound(what="tier", key=tier)
        after = in_tier(programme, before, tier)
    else:
        after = before
    if after.tier != before.tier:
        _note(session, enrolment, by, "moved_tier", before.tier, after.tier)
    if after != before:
        enrolment.variant = after.write()
        session.flush()
        study_reckoning.reckon_again(session, enrolment.user_id, by.at)
        refresh_many(session, [enrolment.id], by.at)


def _move(session: Session, enrolment: Enrolment, target: Region, by: By) -> None:
    """Count who comes back where they teach now; the account moves along where it stood at the same school."""
    before = session.get(Region, enrolment.region_id) if enrolment.region_id is not None else None
    if before is not None and target.id in before.lineage:
        return
    user = session.get_one(User, enrolment.user_id)
    if user.region_id == enrolment.region_id:
        user.region_id = target.id
    enrolment.region_id = target.id
    _note(session, enrolment, by, "moved_school", place_words(before), place_words(target))


def _leave_group(session: Session, enrolment: Enrolment, group: ClassGroup, by: By) -> None:
    enrolment.class_group_id = None
    _note(session, enrolment, by, "moved_group", group.name, "")


def _note(session: Session, enrolment: Enrolment, by: By, kind: str, before: str, after: str) -> None:
    note(session, Change(enrolment.id, kind, before, after), by.at, by_id=by.user_id, reason=by.reason)
