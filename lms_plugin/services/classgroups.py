"""Class groups: making them, who is in them, who tutors them, and putting a region's learners into groups at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain import class_groups
from lms_plugin.domain.class_groups import Unassigned
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.services import access, catalogue, people
from lms_plugin.services.access import Actor, Grant, Scope
from lms_plugin.services.enrolments import ACTIVE, WITHDRAWN, Change, checked_reason, note, note_many
from lms_plugin.services.portions import portions
from lms_plugin.services.seats import lock_groups, size_limit, size_of
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, FormerTutor

LONGEST_NAME = 120
LARGEST = 10_000
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class GroupShown:
    """A class group in the office's list: `limit` None means any number, `tutors` are their names."""

    id: int
    name: str
    learners: int
    limit: int | None
    tutors: tuple[str, ...]

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.learners >= self.limit


@dataclass(frozen=True, slots=True)
class Assigned:
    """What putting learners into groups did."""

    learners: int
    new_groups: int


def groups_of(session: Session, actor: Actor, programme_id: int, now: datetime) -> list[GroupShown]:
    """The class groups of a programme that an office admin may work with, by name.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    programme = catalogue.in_force(session, programme_id, now).programme
    learners = (
        select(Enrolment.class_group_id, func.count().label("learners"))
        .where(Enrolment.programme_id == programme_id, Enrolment.state == ACTIVE)
        .group_by(Enrolment.class_group_id)
        .subquery()
    )
    rows = session.execute(
        select(ClassGroup, func.coalesce(learners.c.learners, 0))
        .outerjoin(learners, learners.c.class_group_id == ClassGroup.id)
        .where(ClassGroup.programme_id == programme_id)
        .order_by(ClassGroup.name, ClassGroup.id)
    ).all()
    foreign = _foreign(session, scope, programme_id)
    tutors: dict[int, list[str]] = defaultdict(list)
    for group_id, name in session.execute(
        select(ClassGroupTutor.class_group_id, User.name)
        .join(User, User.id == ClassGroupTutor.user_id)
        .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
        .where(ClassGroup.programme_id == programme_id)
        .order_by(User.name)
    ):
        tutors[group_id].append(name)
    return [
        GroupShown(group.id, group.name, count, size_limit(group, programme), tuple(tutors[group.id]))
        for group, count in rows
        if group.id not in foreign
    ]


def managed_group(session: Session, actor: Actor, class_group_id: int) -> ClassGroup:
    """A class group whose learners an office admin answers for, every one of them.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: it has learners elsewhere, or there is none.
    """
    scope = access.office_scope(actor)
    group = session.get(ClassGroup, class_group_id)
    if group is None or group.id in _foreign(session, scope, group.programme_id, group.id):
        raise NotFound(what="class_group")
    return group


def create(session: Session, actor: Actor, programme_id: int, name: str, limit: int | None = None) -> ClassGroup:
    """Make a class group; without a limit of its own it has the programme's.

    Raises:
        NotAllowed: the person is no office admin.
        Malformed: `group_name_missing`, `group_name_too_long` (longest), `size_malformed` (most).
        Conflict: `group_name_taken`.
    """
    access.office_scope(actor)
    name = " ".join(name.split())
    if not name:
        raise Malformed("group_name_missing")
    if len(name) > LONGEST_NAME:
        raise Malformed("group_name_too_long", longest=LONGEST_NAME)
    if limit is not None and not 1 <= limit <= LARGEST:
        raise Malformed("size_malformed", most=LARGEST)
    known = select(ClassGroup.id).where(ClassGroup.programme_id == programme_id, ClassGroup.name == name)
    if session.scalar(known) is not None:
        raise Conflict("group_name_taken", name=name)
    group = ClassGroup(programme_id=programme_id, name=name, size_limit=limit)
    session.add(group)
    session.flush()
    return group


def move_group(
    session: Session, actor: Actor, enrolment_id: int, class_group_id: int | None, *, reason: str, now: datetime
) -> Enrolment:
    """Put a learner into a class group, or another one (None: into none), with all hours and posts.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: learner or group are not the actor's to manage, or not of one programme.
        Malformed: no reason is given for leaving a group, or one that is too long.
        Conflict: `already_there`, `group_full` (limit), `enrolment_withdrawn`.
    """
    enrolment = access.managed_enrolment(session, actor, enrolment_id)
    if enrolment.class_group_id is not None or reason.strip():
        reason = checked_reason(reason)
    group = None
    if class_group_id is not None:
        group = managed_group(session, actor, class_group_id)
        lock_groups(session, [group.id])
    session.refresh(enrolment, with_for_update={"key_share": True})
    if group is not None and group.programme_id != enrolment.programme_id:
        raise NotFound(what="class_group")
    if enrolment.state == WITHDRAWN:
        raise Conflict("enrolment_withdrawn")
    if enrolment.class_group_id == class_group_id:
        raise Conflict("already_there")
    if group is not None:
        limit = size_limit(group, catalogue.for_enrolment(session, enrolment, now).programme)
        if limit is not None and size_of(session, group.id) >= limit:
            raise Conflict("group_full", limit=limit)
    before = session.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
    enrolment.class_group_id = class_group_id
    change = Change(enrolment.id, "moved_group", _name(before), _name(group))
    note(session, change, now, by_id=actor.user_id, reason=reason)
    return enrolment


def assign(
    session: Session,
    actor: Actor,
    programme_id: int,
    now: datetime,
    *,
    region_code: str | None = None,
    limit: int | None = None,
) -> Assigned:
    """Put learners without a class group into groups by county, then school; new groups are made as needed.

    A county's learners of one phase and tier stay together, in groups named after it ("五华区1班"); those that have
    room are filled first. `limit` is for programmes that name no class size, or smaller groups than they allow.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such region in what they answer for.
        Malformed: `size_missing` where neither the programme nor the caller names a size; `size_malformed` (most).
    """
    scope = access.office_scope(actor)
    conditions = [access.in_scope(scope, Enrolment.region_id)]
    if region_code is not None:
        region = access.managed_region(session, actor, region_code)
        conditions.append(access.in_scope(Scope((region.id,)), Enrolment.region_id))
    if limit is not None and not 1 <= limit <= LARGEST:
        raise Malformed("size_malformed", most=LARGEST)
    programme = catalogue.in_force(session, programme_id, now).programme
    lock_groups(session, session.scalars(select(ClassGroup.id).where(ClassGroup.programme_id == programme_id)).all())
    place, county = aliased(Region), aliased(Region)
    rows = session.execute(
        select(Enrolment.id, Enrolment.variant, place.code, county.code, county.name)
        .outerjoin(place, place.id == Enrolment.region_id)
        .outerjoin(county, county.id == func.coalesce(place.county_id, place.city_id, place.province_id))
        .where(
            Enrolment.programme_id == programme_id,
            Enrolment.class_group_id.is_(None),
            Enrolment.state == ACTIVE,
            *conditions,
        )
        .order_by(Enrolment.id)
        .with_for_update(of=Enrolment, key_share=True)
    ).all()
    kinds: dict[tuple[str, str], list[Unassigned]] = defaultdict(list)
    names = {county_code or "": county_name or "" for _, _, _, county_code, county_name in rows}
    for enrolment_id, variant, school, county_code, _ in rows:
        taken = Variant.read(variant)
        kinds[taken.phase, taken.tier].append(Unassigned(enrolment_id, county_code or "", school or ""))
    done = Assigned(0, 0)
    for (phase, tier), learners in sorted(kinds.items()):
        most = _limit(programme, phase, tier, limit)
        part = _titles(programme, phase, tier)
        found = _assign(
            session, actor, programme_id, learners, most, {one: name + part for one, name in names.items()}, now
        )
        done = Assigned(done.learners + found.learners, done.new_groups + found.new_groups)
    return done


def appoint(session: Session, actor: Actor, class_group_id: int, login: str) -> User:
    """Make somebody tutor of a class group; the role is given where they do not have it.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the group is not the actor's to manage, or there is no such account in what they answer for.
        Conflict: `learns_and_tutors`, `already_there`, `account_closed`.
    """
    group = managed_group(session, actor, class_group_id)
    user = people.user_by_login(session, login)
    region = session.get(Region, user.region_id) if user.region_id is not None else None
    if not access.office_scope(actor).covers(region.lineage if region is not None else ()):
        raise NotFound(what="user", login=login)
    if not user.is_active:
        raise Conflict("account_closed")
    learns = select(Enrolment.id).where(Enrolment.user_id == user.id, Enrolment.programme_id == group.programme_id)
    if session.scalar(learns) is not None:
        raise Conflict("learns_and_tutors")
    if session.get(ClassGroupTutor, (group.id, user.id)) is not None:
        raise Conflict("already_there")
    people.grant_role(session, user.id, Grant(access.TUTOR, None))
    session.add(ClassGroupTutor(class_group_id=group.id, user_id=user.id))
    session.flush()
    return user


def dismiss(session: Session, actor: Actor, class_group_id: int, user_id: int, now: datetime) -> None:
    """End somebody's being tutor of a class group; what they decided stays, and that they taught it.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the group is not the actor's to manage, or has no such tutor.
    """
    group = managed_group(session, actor, class_group_id)
    tutor = session.get(ClassGroupTutor, (group.id, user_id), with_for_update=True)
    if tutor is None:
        raise NotFound(what="user")
    session.delete(tutor)
    session.merge(FormerTutor(class_group_id=group.id, user_id=user_id, ended_at=now))
    session.flush()


def tutors_of(session: Session, class_group_id: int) -> list[User]:
    """The tutors of a class group, by name."""
    return list(
        session.scalars(
            select(User)
            .join(ClassGroupTutor, ClassGroupTutor.user_id == User.id)
            .where(ClassGroupTutor.class_group_id == class_group_id)
            .order_by(User.name, User.login)
        )
    )


def _assign(
    session: Session,
    actor: Actor,
    programme_id: int,
    learners: Sequence[Unassigned],
    limit: int,
    names: dict[str, str],
    now: datetime,
) -> Assigned:
    known = {
        group.name: group
        for group in session.scalars(
            select(ClassGroup)
            .where(ClassGroup.programme_id == programme_id)
            .order_by(ClassGroup.id)
            .with_for_update(key_share=True)
        )
    }
    room = []
    for county in {one.county for one in learners}:
        for number in range(1, len(known) + 1):
            group = known.get(_numbered(names[county], number))
            if group is None:
                break
            most = limit if group.size_limit is None else min(limit, group.size_limit)
            room.append((group.id, county, most - size_of(session, group.id)))
    by_id = {group.id: group for group in known.values()}
    moved: list[dict[str, int]] = []
    changes: list[Change] = []
    new_groups = 0
    for share in class_groups.shares(learners, limit, room):
        if share.group_id is not None:
            group = by_id[share.group_id]
        else:
            number = 1
            while _numbered(names[share.county], number) in known:
                number += 1
            group = ClassGroup(programme_id=programme_id, name=_numbered(names[share.county], number), size_limit=None)
            session.add(group)
            session.flush()
            known[group.name] = group
            new_groups += 1
        moved += [{"id": one, "class_group_id": group.id} for one in share.enrolment_ids]
        changes += [Change(one, "moved_group", after=group.name) for one in share.enrolment_ids]
    for some in portions(moved, AT_ONCE):
        session.execute(update(Enrolment), some)
    note_many(session, changes, now, by_id=actor.user_id)
    session.expire_all()
    return Assigned(len(moved), new_groups)


def _limit(programme: Programme, phase: str, tier: str, wanted: int | None) -> int:
    own = programme.taken_as(Variant(phase, tier)).class_size
    stated = [one for one in (own, wanted) if one is not None]
    if not stated:
        raise Malformed("size_missing")
    return min(stated)


def _titles(programme: Programme, phase: str, tier: str) -> str:
    """What tells the groups of a phase and tier from others, as a part of their names."""
    in_tier = programme.tier(tier) if len(programme.tiers) > 1 else None
    in_phase = programme.phase(phase) if len(programme.phases) > 1 else None
    return "".join(one.title.zh for one in (in_phase, in_tier) if one is not None)


def _numbered(name: str, number: int) -> str:
    ending = f"{number}班"
    return name[: LONGEST_NAME - len(ending)] + ending


def _name(group: ClassGroup | None) -> str:
    return group.name if group is not None else ""


def _foreign(session: Session, scope: Scope, programme_id: int, class_group_id: int | None = None) -> set[int]:
    """Class groups with learners outside of a scope."""
    if scope.region_ids is None:
        return set()
    outside = select(Enrolment.class_group_id).where(
        Enrolment.programme_id == programme_id,
        Enrolment.class_group_id.is_not(None),
        Enrolment.region_id.is_(None) | ~access.in_scope(scope, Enrolment.region_id),
    )
    if class_group_id is not None:
        outside = outside.where(Enrolment.class_group_id == class_group_id)
    return {one for one in session.scalars(outside.distinct()) if one is not None}
