"""Nominations: regions send people until the deadline, and take them back; the office decides in `deciding`.

Misfits are found when somebody is nominated and kept as they were found; they stop nothing: whoever takes somebody
with misfits says why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import nomination as rules
from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.nomination import Misfit, NominationRule
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.services import access, catalogue, enrolments
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.enrolments import checked_reason
from lms_plugin.services.nominees import NewNomination, faults_of
from lms_plugin.services.portions import portions
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment

SUBMITTED, WAITING, ACCEPTED, REFUSED, WITHDRAWN = "submitted", "waiting", "accepted", "refused", "withdrawn"
LIVE = (SUBMITTED, WAITING, ACCEPTED)


def nominate(session: Session, actor: Actor, programme_id: int, wanted: NewNomination, now: datetime) -> Nomination:
    """Nominate somebody of what an office admin answers for; misfits are found and kept.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such region in what they answer for, or the programme has no such phase or tier.
        Malformed: `nomination_malformed` (faults: every one, by field).
        Conflict: `nominations_closed` (deadline), or what `obstacle` finds.
    """
    faults = faults_of(wanted)
    if faults:
        raise Malformed(
            "nomination_malformed",
            faults=[{"field": one.field, "code": one.code, "value": one.value} for one in faults],
        )
    region = access.managed_region(session, actor, wanted.region_code)
    access.lock_programme(session, programme_id)
    programme = catalogue.in_force(session, programme_id, now).programme
    check_open(programme, now)
    people_known = known_people(session, programme_id, [wanted.login])
    known = people_known.get(wanted.login)
    code = obstacle(known, access.office_scope(actor))
    if code is not None:
        raise Conflict(code, login=wanted.login)
    made = as_row(programme_id, programme, wanted, region, known, actor, now)
    session.add(made)
    session.flush()
    return made


def check_open(programme: Programme, now: datetime) -> None:
    """Refuse what comes after the deadline.

    Raises:
        Conflict: `nominations_closed` (deadline: the instant from which none are taken).
    """
    if not rules.is_open(programme.nomination, programme.window.timezone, now):
        raise Conflict(
            "nominations_closed", deadline=rules.deadline_at(programme.nomination, programme.window.timezone)
        )


@dataclass(slots=True)
class KnownPerson:
    """What the store knows of a login: the account where there is one, and what they have to do with the programme."""

    user: User | None = None
    lineage: tuple[int, ...] = ()
    is_nominated: bool = False
    is_enrolled: bool = False
    tutors: bool = False


def known_people(session: Session, programme_id: int, logins: Sequence[str]) -> dict[str, KnownPerson]:
    """What is known of people by login, in few statements; logins nobody has and nobody nominated are left out."""
    found: dict[str, KnownPerson] = {}
    for some in portions(logins):
        _know(session, programme_id, some, found)
    return found


def _know(session: Session, programme_id: int, logins: Sequence[str], found: dict[str, KnownPerson]) -> None:
    users = session.execute(
        select(User, Region).outerjoin(Region, Region.id == User.region_id).where(User.login.in_(logins))
    )
    by_id: dict[int, KnownPerson] = {}
    for user, region in users:
        found[user.login] = by_id[user.id] = KnownPerson(user, region.lineage if region is not None else ())
    for login in session.scalars(
        select(Nomination.login).where(
            Nomination.programme_id == programme_id,
            Nomination.login.in_(logins),
            Nomination.state.in_((SUBMITTED, WAITING)),
        )
    ):
        found.setdefault(login, KnownPerson()).is_nominated = True
    for user_id in session.scalars(
        select(Enrolment.user_id).where(
            Enrolment.programme_id == programme_id, Enrolment.user_id.in_(by_id), Enrolment.state == enrolments.ACTIVE
        )
    ):
        by_id[user_id].is_enrolled = True
    for user_id in session.scalars(
        select(ClassGroupTutor.user_id)
        .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
        .where(ClassGroup.programme_id == programme_id, ClassGroupTutor.user_id.in_(by_id))
    ):
        by_id[user_id].tutors = True


def obstacle(known: KnownPerson | None, scope: Scope) -> str | None:
    """Why somebody cannot be nominated by who has this scope, or None.

    `login_taken` (by somebody elsewhere), `account_closed`, `learns_and_tutors`, `already_enrolled`,
    `already_nominated`.
    """
    if known is None:
        return None
    if known.user is not None and not scope.covers(known.lineage):
        return "login_taken"
    if known.is_nominated:
        return "already_nominated"
    if known.user is None:
        return None
    if known.is_enrolled:
        return "already_enrolled"
    if known.tutors:
        return "learns_and_tutors"
    return None if known.user.is_active else "account_closed"


def as_row(
    programme_id: int,
    programme: Programme,
    wanted: NewNomination,
    region: Region,
    known: KnownPerson | None,
    actor: Actor,
    now: datetime,
) -> Nomination:
    """The nomination with its misfits, not added to any session yet.

    Raises:
        NotFound: the programme has no such phase or tier.
    """
    variant = programme.variant_for(programme.window.day_of(now), phase=wanted.phase, tier=wanted.tier)
    opens_on = programme.taken_as(Variant(variant.phase, variant.tier)).window.opens_on
    found = rules.misfits(wanted.nominee, programme.nomination or NominationRule(), opens_on)
    if known is not None and known.user is not None and known.user.name != wanted.name:
        found = (*found, Misfit("name_differs", {"known": known.user.name}))
    return Nomination(
        programme_id=programme_id,
        region_id=region.id,
        school_id=region.id if region.level == "school" else None,
        phase=variant.phase,
        tier=variant.tier,
        login=wanted.login,
        name=wanted.name,
        email=wanted.email,
        phone=wanted.phone,
        subject=wanted.subject,
        degree=wanted.degree,
        title=wanted.title,
        teaching_years=wanted.teaching_years,
        born_on=wanted.born_on,
        sex=wanted.sex,
        is_rural=wanted.is_rural,
        warnings={"found": [{"code": one.code, "params": dict(one.params)} for one in found]},
        state=SUBMITTED,
        nominated_by_id=actor.user_id,
        nominated_at=now,
    )


def warnings_of(nomination: Nomination) -> tuple[Misfit, ...]:
    """The misfits as they were found when somebody was nominated."""
    kept: Iterable[Mapping[str, Any]] = nomination.warnings.get("found", ())
    return tuple(Misfit(one["code"], one["params"]) for one in kept)


def withdraw(session: Session, actor: Actor, nomination_id: int, *, reason: str, now: datetime) -> Nomination:
    """Take a nomination back that is not decided yet; who is enrolled already is withdrawn from the programme instead.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: it is another region's, or there is none.
        Malformed: the reason is too long.
        Conflict: `nomination_decided`.
    """
    one = access.managed_nomination(session, actor, nomination_id)
    access.lock_programme(session, one.programme_id)
    session.refresh(one, with_for_update=True)
    if one.state not in (SUBMITTED, WAITING):
        raise Conflict("nomination_decided")
    if reason.strip():
        one.reason = checked_reason(reason)
    one.state, one.decided_by_id, one.decided_at = WITHDRAWN, actor.user_id, now
    session.flush()
    return one


def count_by_state(session: Session, actor: Actor, programme_id: int) -> dict[str, int]:
    """How many nominations there are in each state, of what an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
    """
    inside = access.in_scope(access.office_scope(actor), Nomination.region_id)
    rows = session.execute(
        select(Nomination.state, func.count())
        .where(Nomination.programme_id == programme_id, inside)
        .group_by(Nomination.state)
    )
    return dict(rows.tuples().all())
