"""What the programme office decides on nominations: who is taken, who waits for a place, who is not taken.

Everything here locks the programme first, so that no place is given twice, and nobody is taken past others who wait for
the same place.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.services import access, catalogue, enrolments, passwords, people, registering, returning
from lms_plugin.services.access import Actor, Grant
from lms_plugin.services.enrolments import NewLearner, checked_reason
from lms_plugin.services.nominations import (
    ACCEPTED,
    REFUSED,
    SUBMITTED,
    WAITING,
    KnownPerson,
    known_people,
    warnings_of,
)
from lms_plugin.services.people import NewPerson
from lms_plugin.services.quotas import Places, places_of
from lms_plugin.services.waiting_list import is_next, next_waiting
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.people import User

ACCEPTED_AT_ONCE = 200
"""Accounts are made meanwhile, and nobody else decides."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What accepting somebody did. `enrolment_id` is None where there was no place and they wait for one.

    `password` was drawn for a new account: it is shown once, to whoever accepted, and kept nowhere.
    """

    nomination_id: int
    login: str
    name: str
    enrolment_id: int | None = None
    registration_number: str | None = None
    password: str | None = None


def accept(
    session: Session, actor: Actor, nomination_id: int, *, reason: str, draws_password: bool, now: datetime
) -> Accepted:
    """Take somebody: account, enrolment and registration number where there is a place, else the waiting list.

    Nobody is taken past others who wait for the same place.

    Raises:
        NotAllowed: the actor is no admin of the whole programme office.
        NotFound: there is no such nomination.
        Malformed: `why_missing` where there are misfits and no reason, or the reason is too long.
        Conflict: `nomination_decided`, `no_place_free` or `not_next` for somebody who waits, `account_closed`,
            `learns_and_tutors`, `already_enrolled`, `hours_in_other_phase` (phase) of somebody who comes back.
    """
    one = _decidable(session, actor, nomination_id)
    if reason.strip() or (one.state == SUBMITTED and warnings_of(one)):
        one.reason = checked_reason(reason)
    current = catalogue.in_force(session, one.programme_id, now)
    places = places_of(session, current, one.region_id)
    if one.state == WAITING:
        if not _has_place(places, one):
            raise Conflict("no_place_free")
        if not is_next(session, one, places):
            raise Conflict("not_next")
    return _accept(session, actor, one, places, draws_password=draws_password, now=now)


def accept_fitting(
    session: Session,
    actor: Actor,
    programme_id: int,
    *,
    draws_password: bool,
    now: datetime,
    limit: int = ACCEPTED_AT_ONCE,
) -> list[Accepted]:
    """Take everybody who was nominated without a misfit, in the order of nomination, up to `limit` of them.

    Raises:
        NotAllowed: the actor is no admin of the whole programme office.
        NotFound: there is no such programme.
    """
    access.require_whole_office(actor)
    access.lock_programme(session, programme_id)
    current = catalogue.in_force(session, programme_id, now)
    waiting = session.scalars(
        select(Nomination)
        .where(Nomination.programme_id == programme_id, Nomination.state == SUBMITTED)
        .order_by(Nomination.nominated_at, Nomination.id)
    )
    some = [one for one in waiting if not warnings_of(one)][:limit]
    places = places_of(session, current, *(one.region_id for one in some))
    known = known_people(session, programme_id, [one.login for one in some])
    kept = returning.kept_phases(session, programme_id, [one.user.id for one in known.values() if one.user is not None])
    taken = []
    for one in some:
        person = known.get(one.login, KnownPerson())
        # Whoever cannot be taken as things stand now is left to be looked at.
        if person.user is None or (
            person.user.is_active
            and not person.is_enrolled
            and not person.tutors
            and kept.get(person.user.id, one.phase) == one.phase
        ):
            taken.append(_accept(session, actor, one, places, draws_password=draws_password, now=now))
    return taken


def promote(session: Session, actor: Actor, programme_id: int, *, draws_password: bool, now: datetime) -> Accepted:
    """Take who is next on the waiting list and has a place.

    Raises:
        NotAllowed: the actor is no admin of the whole programme office.
        NotFound: there is no such programme.
        Conflict: `no_place_free` for anybody who waits, or as `accept`.
    """
    access.require_whole_office(actor)
    access.lock_programme(session, programme_id)
    places = places_of(session, catalogue.in_force(session, programme_id, now))
    one = next_waiting(session, programme_id, places)
    if one is None:
        raise Conflict("no_place_free")
    return _accept(session, actor, one, places, draws_password=draws_password, now=now)


def refuse(session: Session, actor: Actor, nomination_id: int, *, reason: str, now: datetime) -> Nomination:
    """Refuse somebody, for a reason that the region reads.

    Raises:
        NotAllowed, NotFound: as `accept`.
        Malformed: `why_missing`, or the reason is too long.
        Conflict: `nomination_decided`.
    """
    one = _decidable(session, actor, nomination_id)
    one.reason = checked_reason(reason)
    one.state, one.decided_by_id, one.decided_at = REFUSED, actor.user_id, now
    session.flush()
    return one


def _decidable(session: Session, actor: Actor, nomination_id: int) -> Nomination:
    """A nomination that is still to be decided, locked with its programme."""
    access.require_whole_office(actor)
    one = access.managed_nomination(session, actor, nomination_id)
    access.lock_programme(session, one.programme_id)
    session.refresh(one, with_for_update=True)
    if one.state not in (SUBMITTED, WAITING):
        raise Conflict("nomination_decided")
    return one


def _accept(
    session: Session, actor: Actor, one: Nomination, places: Places, *, draws_password: bool, now: datetime
) -> Accepted:
    one.decided_by_id, one.decided_at = actor.user_id, now
    if one.state == SUBMITTED and (not _has_place(places, one) or not is_next(session, one, places)):
        one.state, one.waiting_since = WAITING, now
        session.flush()
        return Accepted(one.id, one.login, one.name)
    user, password = _account(session, one, draws_password=draws_password, now=now)
    learner = NewLearner(user.id, one.school_id or one.region_id, None, one.phase, one.tier)
    enrolment = enrolments.enrol(session, one.programme_id, learner, now, by_id=actor.user_id, reason=one.reason)
    numbers = registering.register_many(session, [enrolment.id], now, by_id=actor.user_id)
    places.take(one.region_id, one.phase, one.tier)
    one.state, one.enrolment_id = ACCEPTED, enrolment.id
    session.flush()
    number = numbers.get(enrolment.id) or enrolment.registration_number
    return Accepted(one.id, user.login, user.name, enrolment.id, number, password)


def _account(session: Session, one: Nomination, *, draws_password: bool, now: datetime) -> tuple[User, str | None]:
    """The nominee's account, made where there is none, and the password drawn for a new one."""
    learner = Grant(access.LEARNER, None)
    person = known_people(session, one.programme_id, [one.login]).get(one.login, KnownPerson())
    if person.user is None:
        region_id = one.school_id or one.region_id
        new = NewPerson(login=one.login, name=one.name, grants=(learner,), email=one.email, region_id=region_id)
        user = people.create_user(session, new, None, now)
        if not draws_password:
            return user, None
        drawn = passwords.draw()
        user.password_hash = passwords.hash_drawn(drawn)
        return user, drawn
    if not person.user.is_active:
        raise Conflict("account_closed")
    if person.tutors:
        raise Conflict("learns_and_tutors")
    people.grant_role(session, person.user.id, learner)
    return person.user, None


def _has_place(places: Places, one: Nomination) -> bool:
    return places.free(one.region_id, one.phase, one.tier) != 0
