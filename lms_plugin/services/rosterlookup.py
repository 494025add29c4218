"""What the store knows of the people, regions, programmes and class groups that a roster names; looked up in bulk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lms_plugin.services import access
from lms_plugin.services.access import Grant, Scope
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, ProgrammeRow

ASKED_AT_ONCE = 5_000
"""Values in one IN (...): both stores allow several times as many."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class KnownRegion:
    id: int
    lineage: tuple[int, ...]


@dataclass(slots=True)
class KnownUser:
    """An account. `is_in_scope`: whoever imports answers for where the person teaches and for all they may do."""

    id: int
    login: str
    name: str
    email: str | None
    language: str
    region_id: int | None
    lms_username: str | None
    is_active: bool
    is_in_scope: bool
    grants: set[Grant] = field(default_factory=set)


@dataclass(slots=True)
class Known:
    """Look-ups by what a row says. `foreign_groups` are class groups with learners outside the scope."""

    regions: dict[str, KnownRegion] = field(default_factory=dict)
    programmes: dict[str, int] = field(default_factory=dict)
    users: dict[str, KnownUser] = field(default_factory=dict)
    lms_usernames: dict[str, int] = field(default_factory=dict)
    """LMS user name -> the account that has it."""
    groups: dict[tuple[int, str], int] = field(default_factory=dict)
    foreign_groups: set[int] = field(default_factory=set)
    enrolments: dict[tuple[int, int], tuple[int, int | None]] = field(default_factory=dict)
    """(user, programme) -> (enrolment, class group)."""
    tutors: set[tuple[int, int]] = field(default_factory=set)
    """(class group, user)."""
    tutored_programmes: set[tuple[int, int]] = field(default_factory=set)
    """(user, programme)."""


def look_up(
    session: Session,
    scope: Scope,
    *,
    logins: Iterable[str],
    region_codes: Iterable[str],
    programme_keys: Iterable[str],
    class_groups: Iterable[str],
    lms_usernames: Iterable[str],
) -> Known:
    """Everything a roster with these logins, codes, keys and group names needs to know."""
    known = Known()
    for some in portions(sorted(set(region_codes))):
        for region in session.scalars(select(Region).where(Region.code.in_(some))):
            known.regions[region.code] = KnownRegion(region.id, region.lineage)
    for key, programme_id in session.execute(
        select(ProgrammeRow.key, ProgrammeRow.id).where(ProgrammeRow.key.in_(sorted(set(programme_keys))))
    ):
        known.programmes[key] = programme_id
    for some in portions(sorted(set(lms_usernames))):
        owners = select(User.lms_username, User.id).where(User.lms_username.in_(some))
        known.lms_usernames |= {name: user_id for name, user_id in session.execute(owners) if name is not None}
    _look_up_users(session, scope, known, sorted(set(logins)))
    _look_up_groups(session, scope, known, sorted(set(class_groups)))
    return known


def portions(items: Sequence[Item], size: int = ASKED_AT_ONCE) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _look_up_users(session: Session, scope: Scope, known: Known, logins: Sequence[str]) -> None:
    by_id: dict[int, KnownUser] = {}
    for some in portions(logins):
        # Columns, not objects: a roster can name every account there is.
        columns = (User.id, User.login, User.name, User.email, User.language, User.region_id, User.lms_username)
        rows = session.execute(
            select(*columns, User.is_active, Region)
            .outerjoin(Region, Region.id == User.region_id)
            .where(User.login.in_(some))
        )
        for user_id, login, name, email, language, region_id, lms_username, is_active, region in rows:
            known.users[login] = by_id[user_id] = KnownUser(
                id=user_id,
                login=login,
                name=name,
                email=email,
                language=language,
                region_id=region_id,
                lms_username=lms_username,
                is_active=is_active,
                is_in_scope=scope.covers(region.lineage if region is not None else ()),
            )
    programme_ids = sorted(known.programmes.values())
    for ids in portions(sorted(by_id)):
        grants = select(RoleGrant, Region).outerjoin(Region, Region.id == RoleGrant.region_id)
        for grant, region in session.execute(grants.where(RoleGrant.user_id.in_(ids))):
            by_id[grant.user_id].grants.add(Grant(grant.role, grant.region_id))
            # Somebody with power beyond the scope is not to be edited from inside it.
            if grant.role in (access.OFFICE, access.PROVIDER):
                by_id[grant.user_id].is_in_scope &= scope.covers(region.lineage if region is not None else ())
        for one in session.execute(
            select(Enrolment.user_id, Enrolment.programme_id, Enrolment.id, Enrolment.class_group_id).where(
                Enrolment.user_id.in_(ids), Enrolment.programme_id.in_(programme_ids)
            )
        ):
            known.enrolments[one.user_id, one.programme_id] = (one.id, one.class_group_id)
        for group_id, user_id, programme_id in session.execute(
            select(ClassGroupTutor.class_group_id, ClassGroupTutor.user_id, ClassGroup.programme_id)
            .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
            .where(ClassGroupTutor.user_id.in_(ids))
        ):
            known.tutors.add((group_id, user_id))
            known.tutored_programmes.add((user_id, programme_id))


def _look_up_groups(session: Session, scope: Scope, known: Known, names: Sequence[str]) -> None:
    programme_ids = sorted(known.programmes.values())
    for some in portions(names):
        for group_id, programme_id, name in session.execute(
            select(ClassGroup.id, ClassGroup.programme_id, ClassGroup.name).where(
                ClassGroup.programme_id.in_(programme_ids), ClassGroup.name.in_(some)
            )
        ):
            known.groups[programme_id, name] = group_id
    if scope.region_ids is None:
        return
    for ids in portions(sorted(known.groups.values())):
        learners = select(Enrolment.class_group_id).where(Enrolment.class_group_id.in_(ids)).distinct()
        has_learners = set(session.scalars(learners))
        outside = set(session.scalars(learners.where(_outside(scope, Enrolment.region_id))))
        tutors = (
            select(ClassGroupTutor.class_group_id)
            .join(User, User.id == ClassGroupTutor.user_id)
            .where(ClassGroupTutor.class_group_id.in_(ids), _outside(scope, User.region_id))
        )
        # A group that waits for its learners belongs to whoever gave it a tutor.
        outside |= set(session.scalars(tutors)) - has_learners
        known.foreign_groups |= {group_id for group_id in outside if group_id is not None}


def _outside(scope: Scope, region_id: InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
    return or_(region_id.is_(None), ~access.in_scope(scope, region_id))
