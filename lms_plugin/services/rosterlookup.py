"""What the store knows of the people, regions, programmes and class groups that a roster names; looked up in bulk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lms_plugin.domain.programme import Variant
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Grant, Scope
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.portions import portions
from lms_plugin.services.seats import lock_groups
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, ProgrammeRow

"""Values in one IN (...): both stores allow several times as many."""


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


@dataclass(frozen=True, slots=True)
class KnownEnrolment:
    id: int
    class_group_id: int | None
    variant: str
    is_active: bool


@dataclass(slots=True)
class KnownGroup:
    """A class group; `learners` are those who have not withdrawn, `size_limit` None means the programme's rule holds.

    `is_foreign`: it has members outside the scope of whoever imports.
    """

    id: int
    size_limit: int | None
    learners: int = 0
    is_foreign: bool = False


@dataclass(slots=True)
class Known:
    """Look-ups by what a row says."""

    regions: dict[str, KnownRegion] = field(default_factory=dict)
    programmes: dict[str, InForce] = field(default_factory=dict)
    users: dict[str, KnownUser] = field(default_factory=dict)
    lms_usernames: dict[str, int] = field(default_factory=dict)
    """LMS user name -> the account that has it."""
    groups: dict[tuple[int, str], KnownGroup] = field(default_factory=dict)
    """(programme, name) -> class group."""
    enrolments: dict[tuple[int, int], KnownEnrolment] = field(default_factory=dict)
    """(user, programme) -> enrolment."""
    tutors: set[tuple[int, int]] = field(default_factory=set)
    """(class group, user)."""
    tutored_programmes: set[tuple[int, int]] = field(default_factory=set)
    """(user, programme)."""
    _group_sizes: dict[tuple[int, Variant], int | None] = field(default_factory=dict)

    def group_size(self, current: InForce, variant: Variant) -> int | None:
        """How many learners the programme allows in a class group, taken like that; reckoned once."""
        key = (current.id, variant)
        if key not in self._group_sizes:
            self._group_sizes[key] = current.programme.taken_as(variant).class_size
        return self._group_sizes[key]


def look_up(
    session: Session,
    scope: Scope,
    *,
    logins: Iterable[str],
    region_codes: Iterable[str],
    programme_keys: Iterable[str],
    class_groups: Iterable[str],
    lms_usernames: Iterable[str],
    now: datetime,
) -> Known:
    """Everything a roster with these logins, codes, keys and group names needs to know."""
    known = Known()
    for some in portions(sorted(set(region_codes))):
        for region in session.scalars(select(Region).where(Region.code.in_(some))):
            known.regions[region.code] = KnownRegion(region.id, region.lineage)
    for key, programme_id in session.execute(
        select(ProgrammeRow.key, ProgrammeRow.id).where(ProgrammeRow.key.in_(sorted(set(programme_keys))))
    ):
        known.programmes[key] = catalogue.in_force(session, programme_id, now)
    for some in portions(sorted(set(lms_usernames))):
        owners = select(User.lms_username, User.id).where(User.lms_username.in_(some))
        known.lms_usernames |= {name: user_id for name, user_id in session.execute(owners) if name is not None}
    _look_up_users(session, scope, known, sorted(set(logins)))
    _look_up_groups(session, scope, known, sorted(set(class_groups)))
    return known


def lock_named(session: Session, *, programme_keys: Iterable[str], class_groups: Iterable[str]) -> None:
    """Lock the programmes with these keys, and those of their class groups that are named so."""
    keys = sorted(set(programme_keys))
    programme_ids = session.scalars(select(ProgrammeRow.id).where(ProgrammeRow.key.in_(keys))).all()
    for one in sorted(programme_ids):
        access.lock_programme(session, one)
    named: list[int] = []
    for some in portions(sorted(set(class_groups))):
        named += session.scalars(
            select(ClassGroup.id).where(ClassGroup.programme_id.in_(programme_ids), ClassGroup.name.in_(some))
        )
    lock_groups(session, named)


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
    programme_ids = sorted(one.id for one in known.programmes.values())
    for ids in portions(sorted(by_id)):
        grants = select(RoleGrant, Region).outerjoin(Region, Region.id == RoleGrant.region_id)
        for grant, region in session.execute(grants.where(RoleGrant.user_id.in_(ids))):
            by_id[grant.user_id].grants.add(Grant(grant.role, grant.region_id))
            # Somebody with power beyond the scope is not to be edited from inside it.
            if grant.role in (access.OFFICE, access.PROVIDER):
                by_id[grant.user_id].is_in_scope &= scope.covers(region.lineage if region is not None else ())
        for one in session.execute(
            select(
                Enrolment.user_id,
                Enrolment.programme_id,
                Enrolment.id,
                Enrolment.class_group_id,
                Enrolment.variant,
                Enrolment.state,
            ).where(Enrolment.user_id.in_(ids), Enrolment.programme_id.in_(programme_ids))
        ):
            known.enrolments[one.user_id, one.programme_id] = KnownEnrolment(
                one.id, one.class_group_id, one.variant, one.state == "active"
            )
        for group_id, user_id, programme_id in session.execute(
            select(ClassGroupTutor.class_group_id, ClassGroupTutor.user_id, ClassGroup.programme_id)
            .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
            .where(ClassGroupTutor.user_id.in_(ids))
        ):
            known.tutors.add((group_id, user_id))
            known.tutored_programmes.add((user_id, programme_id))


def _look_up_groups(session: Session, scope: Scope, known: Known, names: Sequence[str]) -> None:
    programme_ids = sorted(one.id for one in known.programmes.values())
    by_id: dict[int, KnownGroup] = {}
    for some in portions(names):
        for group_id, programme_id, name, size_limit in session.execute(
            select(ClassGroup.id, ClassGroup.programme_id, ClassGroup.name, ClassGroup.size_limit).where(
                ClassGroup.programme_id.in_(programme_ids), ClassGroup.name.in_(some)
            )
        ):
            known.groups[programme_id, name] = by_id[group_id] = KnownGroup(group_id, size_limit)
    for ids in portions(sorted(by_id)):
        learners = select(Enrolment.class_group_id, func.count()).where(Enrolment.class_group_id.in_(ids))
        active = learners.where(Enrolment.state == "active").group_by(Enrolment.class_group_id)
        for group_id, count in session.execute(active).tuples():
            if group_id is not None:
                by_id[group_id].learners = count
        if scope.region_ids is not None:
            for group_id in _foreign(session, scope, ids):
                by_id[group_id].is_foreign = True


def _foreign(session: Session, scope: Scope, group_ids: Sequence[int]) -> set[int]:
    """Those of some class groups that have members outside the scope."""
    learners = select(Enrolment.class_group_id).where(Enrolment.class_group_id.in_(group_ids)).distinct()
    has_learners = set(session.scalars(learners))
    outside = set(session.scalars(learners.where(_outside(scope, Enrolment.region_id))))
    tutors = (
        select(ClassGroupTutor.class_group_id)
        .join(User, User.id == ClassGroupTutor.user_id)
        .where(ClassGroupTutor.class_group_id.in_(group_ids), _outside(scope, User.region_id))
    )
    # A group that waits for its learners belongs to whoever gave it a tutor.
    outside |= set(session.scalars(tutors)) - has_learners
    return {group_id for group_id in outside if group_id is not None}


def _outside(scope: Scope, region_id: InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
    return or_(region_id.is_(None), ~access.in_scope(scope, region_id))
