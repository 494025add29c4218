"""How many learners stand, at once: reckoned from the ledger's sums, and brought up to date before anybody reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion, hours
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.programme import Programme
from lms_plugin.services import catalogue, viewing
from lms_plugin.services.hours import refresh_standing
from lms_plugin.storage.activity import PlaybackSession
from lms_plugin.storage.ledger import ComponentTotal, LedgerHead
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

SETTLED_AT_ONCE = 20
"""Enrolments settled in one transaction: few, since each keeps its learner's player waiting until the commit."""

CHECKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """One enrolment's hours and what they decide: what `services.hours.read` gives for it."""

    hours: Hours
    completion: Completion


def standings(session: Session, programme: Programme, enrolment_ids: Sequence[int]) -> dict[int, Standing]:
    """The standing of each of these enrolments of one programme."""
    sums: dict[int, dict[str, int]] = {enrolment_id: {} for enrolment_id in enrolment_ids}
    for some in _in_portions(enrolment_ids, CHECKED_AT_ONCE):
        totals = select(ComponentTotal.enrolment_id, ComponentTotal.component_key, ComponentTotal.credited_ms)
        for enrolment_id, key, credited_ms in session.execute(totals.where(ComponentTotal.enrolment_id.in_(some))):
            sums[enrolment_id][key] = credited_ms
    reckoned = {enrolment_id: hours.reckon(programme, of_one) for enrolment_id, of_one in sums.items()}
    return {
        enrolment_id: Standing(of_one, completion.decide(programme, of_one))
        for enrolment_id, of_one in reckoned.items()
    }


def settle(database: Database, now: datetime, *conditions: ColumnElement[bool]) -> int:
    """Post what was watched and is not in the ledger yet, for the enrolments that meet the conditions on Enrolment.

    Whoever is about to show hours of many learners calls this first. Each transaction is small, so that players
    wait for a few milliseconds at most. Gives how many enrolments had something; a learner who watches on
    meanwhile may have more.
    """
    waiting = (
        select(PlaybackSession.enrolment_id)
        .join(Enrolment, Enrolment.id == PlaybackSession.enrolment_id)
        .where(PlaybackSession.unposted_ms > 0, *conditions)
        .distinct()
        .order_by(PlaybackSession.enrolment_id)
    )
    with database.reading() as session:
        found = session.scalars(waiting).all()
    settled = 0
    for some in _in_portions(found, SETTLED_AT_ONCE):

        def settle_some(session: Session, some: Sequence[int] = some) -> int:
            return sum(viewing.settle(session, session.get_one(Enrolment, one), now) for one in some)

        settled += database.transact(settle_some)
    return settled


def settle_programme(database: Database, programme_id: int, now: datetime) -> int:
    """`settle` for all learners of a programme."""
    return settle(database, now, Enrolment.programme_id == programme_id)


def settle_class_group(database: Database, class_group_id: int, now: datetime) -> int:
    """`settle` for all learners of a class group."""
    return settle(database, now, Enrolment.class_group_id == class_group_id)


def refresh_programme(database: Database, programme_id: int, now: datetime) -> int:
    """Bring the roll-ups of a programme's enrolments in line with the version in force; gives how many changed.

    To be run after a new version was published: a roll-up is else rewritten only with the learner's next credit,
    and until then reports would show the hours of the old rules.
    """
    after, changed = 0, 0
    while True:
        with database.reading() as session:
            some = session.scalars(
                select(Enrolment.id)
                .where(Enrolment.programme_id == programme_id, Enrolment.id > after)
                .order_by(Enrolment.id)
                .limit(CHECKED_AT_ONCE)
            ).all()
        if not some:
            return changed
        after = some[-1]

        def refresh_some(session: Session, some: Sequence[int] = some) -> int:
            return _refresh(session, programme_id, some, now)

        changed += database.transact(refresh_some)


def _refresh(session: Session, programme_id: int, enrolment_ids: Sequence[int], now: datetime) -> int:
    # Whoever enters credit holds the ledger's head: nothing is added between the reading and the writing below.
    heads = select(LedgerHead).where(LedgerHead.enrolment_id.in_(enrolment_ids)).order_by(LedgerHead.enrolment_id)
    session.scalars(heads.with_for_update()).all()
    current = catalogue.in_force(session, programme_id)
    reckoned = standings(session, current.programme, enrolment_ids)
    changed = 0
    for enrolment in session.scalars(select(Enrolment).where(Enrolment.id.in_(enrolment_ids)).order_by(Enrolment.id)):
        standing = reckoned[enrolment.id]
        rolled_up = (enrolment.counted_ms, enrolment.completion_ratio)
        becomes_complete = standing.completion.complete and enrolment.completed_at is None
        if becomes_complete or rolled_up != (standing.hours.total.counted_ms, standing.completion.ratio):
            refresh_standing(session, enrolment, current, now)
            changed += 1
    session.flush()
    return changed


def _in_portions(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), size):
        yield ids[at : at + size]
