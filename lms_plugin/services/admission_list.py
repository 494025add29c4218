"""What the pages of admission list: nominations, the rural share of regions, learners of a programme."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain.nomination import Misfit, RuralShare, rural_share
from lms_plugin.domain.programme import Variant
from lms_plugin.services import access
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.nominations import LIVE, warnings_of
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment

STATES = ("submitted", "waiting", "accepted", "refused", "withdrawn")


@dataclass(frozen=True, slots=True)
class NominationShown:
    """A nomination in a list, with the name of where the nominee teaches and of who nominated them."""

    nomination: Nomination
    region: str
    nominated_by: str
    misfits: tuple[Misfit, ...]


@dataclass(frozen=True, slots=True)
class LearnerShown:
    """A learner of a programme in the office's list."""

    enrolment_id: int
    login: str
    name: str
    region: str | None
    class_group: str | None
    tier: str
    state: str
    registration_number: str | None
    completed_at: datetime | None


def nominations(
    session: Session,
    actor: Actor,
    programme_id: int,
    *,
    state: str | None = None,
    region_code: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[NominationShown]:
    """Nominations of what an office admin answers for, the latest first; those with an id below `before`.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such region in what they answer for.
    """
    query = _nominations(session, actor, programme_id, region_code)
    if state is not None:
        query.append(Nomination.state == state)
    if before is not None:
        query.append(Nomination.id < before)
    by = aliased(User)
    rows = session.execute(
        select(Nomination, Region.name, by.name)
        .join(Region, Region.id == Nomination.region_id)
        .join(by, by.id == Nomination.nominated_by_id)
        .where(*query)
        .order_by(Nomination.id.desc())
        .limit(limit)
    )
    return [NominationShown(one, region, name, warnings_of(one)) for one, region, name in rows]


def shown(session: Session, nomination: Nomination) -> NominationShown:
    """One nomination as the list shows it."""
    region = session.get_one(Region, nomination.region_id)
    by = session.get_one(User, nomination.nominated_by_id)
    return NominationShown(nomination, region.name, by.name, warnings_of(nomination))


def rural_shares(session: Session, actor: Actor, current: InForce) -> list[tuple[str, RuralShare]]:
    """The regions whose live nominations have too few from the countryside, by code: provinces for the whole office,
    else what the admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
    """
    rule = current.programme.nomination
    if rule is None or rule.least_rural_percent is None:
        return []
    scope = access.office_scope(actor)
    found = []
    for region in _tops(session, scope):
        inside = access.in_scope(Scope((region.id,)), Nomination.region_id)
        counts = session.execute(
            select(Nomination.is_rural, func.count())
            .where(Nomination.programme_id == current.id, Nomination.state.in_(LIVE), inside)
            .group_by(Nomination.is_rural)
        )
        share = rural_share([known for known, count in counts for _ in range(count)], rule.least_rural_percent)
        if share.is_short:
            found.append((region.name, share))
    return found


def learners(
    session: Session,
    actor: Actor,
    programme_id: int,
    *,
    sought: str = "",
    class_group_id: int | None = None,
    state: str | None = None,
    without_group: bool = False,
    after: int = 0,
    limit: int = 50,
) -> list[LearnerShown]:
    """Learners of a programme whom an office admin answers for, those who have withdrawn too, in the order of ids.

    `sought` is a part of the name or account, or a registration number.

    Raises:
        NotAllowed: the person is no office admin.
    """
    conditions: list[ColumnElement[bool]] = [
        Enrolment.programme_id == programme_id,
        Enrolment.id > after,
        access.in_scope(access.office_scope(actor), Enrolment.region_id),
    ]
    if sought.strip():
        part = sought.strip()
        conditions.append(
            or_(
                User.name.contains(part, autoescape=True),
                User.login.contains(part.lower(), autoescape=True),
                Enrolment.registration_number == part,
            )
        )
    if class_group_id is not None:
        conditions.append(Enrolment.class_group_id == class_group_id)
    if without_group:
        conditions.append(Enrolment.class_group_id.is_(None))
    if state is not None:
        conditions.append(Enrolment.state == state)
    rows = session.execute(
        select(Enrolment, User.login, User.name, Region.name, ClassGroup.name)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Region, Region.id == Enrolment.region_id)
        .outerjoin(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
        .where(*conditions)
        .order_by(Enrolment.id)
        .limit(limit)
    )
    return [
        LearnerShown(
            enrolment_id=one.id,
            login=login,
            name=name,
            region=region,
            class_group=group,
            tier=Variant.read(one.variant).tier,
            state=one.state,
            registration_number=one.registration_number,
            completed_at=one.completed_at,
        )
        for one, login, name, region, group in rows
    ]


def count_learners(session: Session, actor: Actor, programme_id: int) -> tuple[int, int]:
    """(learners, those of them without a class group) whom an office admin answers for; withdrawn ones left out.

    Raises:
        NotAllowed: the person is no office admin.
    """
    inside = access.in_scope(access.office_scope(actor), Enrolment.region_id)
    row = session.execute(
        select(func.count(), func.count(Enrolment.class_group_id)).where(
            Enrolment.programme_id == programme_id, Enrolment.state == "active", inside
        )
    ).one()
    return row[0], row[0] - row[1]


def schools(session: Session, actor: Actor, most: int = 300) -> list[tuple[str, str]]:
    """(code, name) of the schools that a regional admin answers for, to choose from; none where they are too many.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    if scope.region_ids is None:
        return []
    rows = session.execute(
        select(Region.code, Region.name)
        .where(Region.level == "school", or_(Region.id.in_(scope.region_ids), Region.county_id.in_(scope.region_ids)))
        .order_by(Region.code)
        .limit(most + 1)
    ).all()
    return [(code, name) for code, name in rows] if len(rows) <= most else []


def _nominations(
    session: Session, actor: Actor, programme_id: int, region_code: str | None
) -> list[ColumnElement[bool]]:
    inside = access.in_scope(access.office_scope(actor), Nomination.region_id)
    conditions = [Nomination.programme_id == programme_id, inside]
    if region_code is not None:
        region = access.managed_region(session, actor, region_code)
        conditions.append(access.in_scope(Scope((region.id,)), Nomination.region_id))
    return conditions


def _tops(session: Session, scope: Scope) -> list[Region]:
    top = Region.level == "province" if scope.region_ids is None else Region.id.in_(scope.region_ids)
    return list(session.scalars(select(Region).where(top).order_by(Region.code)))
