"""How many learners stand, at once: reckoned from the ledger's sums, and brought up to date before anybody reads."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain import completion
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.programme import Programme
from lms_plugin.services import catalogue, posting
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import lock_ledgers, refresh_many
from lms_plugin.services.portions import portions
from lms_plugin.services.sending import Clock
from lms_plugin.services.sums import Sums, sums_of
from lms_plugin.storage.activity import PlaybackSession
from lms_plugin.storage.among import among
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow
from lms_plugin.storage.session import Database

SETTLED_AT_ONCE = 20
"""Enrolments settled in one transaction: few, since each keeps its learner's player waiting until the commit."""

CHECKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """One enrolment's hours and what they decide: what `services.hours.read` gives for it."""

    hours: Hours
    completion: Completion


def standings(session: Session, current: InForce, enrolment_ids: Sequence[int]) -> dict[int, Standing]:
    """The standing of each of these enrolments of one programme, as each of them takes it."""
    sums: dict[int, Sums] = {}
    taken: dict[int, Programme] = {}
    for some in portions(enrolment_ids, CHECKED_AT_ONCE):
        sums |= sums_of(session, some)
        for enrolment_id, variant in session.execute(
            select(Enrolment.id, Enrolment.variant).where(among(Enrolment.id, some))
        ):
            taken[enrolment_id] = catalogue.taken_as(current, variant).programme
    found = {}
    for enrolment_id, of_one in sums.items():
        programme = taken.get(enrolment_id, current.programme)
        reckoned = of_one.reckon(programme)
        found[enrolment_id] = Standing(reckoned, completion.decide(programme, reckoned))
    return found


def settle(database: Database, now: datetime, *conditions: ColumnElement[bool]) -> int:
    """Post what was watched and is not in the ledger yet, for the enrolments that meet the conditions on Enrolment.

    Whoever is about to show hours of many learners calls this first. Each transaction is small, so that players
    wait for a few milliseconds at most. Gives how many enrolments had something; a learner who watches on
    meanwhile may have more.
    """
    waiting = (
        select(PlaybackSession.enrolment_id)
        .join(Enrolment, Enrolment.id == PlaybackSession.enrolment_id)
        .where(PlaybackSession.post_at.is_not(None), *conditions)
        .distinct()
        .order_by(PlaybackSession.enrolment_id)
    )
    with database.reading() as session:
        found = session.scalars(waiting).all()
    settled = 0
    for some in portions(found, SETTLED_AT_ONCE):

        def settle_some(session: Session, some: Sequence[int] = some) -> int:
            enrolments = session.scalars(select(Enrolment).where(among(Enrolment.id, some))).all()
            return posting.settle_some(session, enrolments, now)

        settled += database.transact(settle_some)
    return settled


def settle_programme(database: Database, programme_id: int, now: datetime) -> int:
    """`settle` for all learners of a programme."""
    return settle(database, now, Enrolment.programme_id == programme_id)


def settle_class_group(database: Database, class_group_id: int, now: datetime) -> int:
    """`settle` for all learners of a class group."""
    return settle(database, now, Enrolment.class_group_id == class_group_id)


def refresh_programme(database: Database, programme_id: int, clock: Clock, stop: threading.Event | None = None) -> int:
    """Bring the roll-ups of a programme's enrolments in line with the version in force; gives how many changed.

    To be run when a new version has come into force: a roll-up is else rewritten only with the learner's next credit,
    and until then reports would show the hours of the old rules. Each portion is a transaction and takes the version in
    force at its own moment, so that one that runs for long takes nothing back from a later one. The programme counts as
    brought in line when all are through: one that `stop` ended, or that died, is to be run again.

    Raises:
        Unavailable: the store cannot be reached.
        NotFound: there is no such programme.
    """
    with database.reading() as session:
        number = catalogue.in_force(session, programme_id, clock()).version
    after, changed = 0, 0
    while stop is None or not stop.is_set():
        with database.reading() as session:
            some = session.scalars(
                select(Enrolment.id)
                .where(Enrolment.programme_id == programme_id, Enrolment.id > after)
                .order_by(Enrolment.id)
                .limit(CHECKED_AT_ONCE)
            ).all()
        if not some:
            database.transact(lambda session: _note_rolled_up(session, programme_id, number))
            return changed
        after = some[-1]

        def refresh_some(session: Session, some: Sequence[int] = some) -> int:
            lock_ledgers(session, some)
            return refresh_many(session, some, clock())

        changed += database.transact(refresh_some)
    return changed


def _note_rolled_up(session: Session, programme_id: int, number: int) -> None:
    older = (ProgrammeRow.id == programme_id, ProgrammeRow.rolled_up_version < number)
    session.execute(update(ProgrammeRow).where(*older).values(rolled_up_version=number))
