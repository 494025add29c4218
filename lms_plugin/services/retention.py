"""Retention: the evidence of programmes that are over is deleted; the ledger, and what it is anchored in, stays.

A person's log is cut where all of it belongs to programmes whose windows closed before a day. First everything is
settled, as it would be by itself; then the person is audited, for evidence that does not agree is not deleted; then
the chunks go, and the cut keeps what a later log has to go on from (`evidence_log.kept_at_cut`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain import watching
from lms_plugin.domain.evidence import Swept
from lms_plugin.domain.replay import Replay
from lms_plugin.domain.watching import Presence
from lms_plugin.services import auditing, catalogue, evidence_log, posting, presence
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.services.watch_desk import Desk
from lms_plugin.storage.activity import EvidenceChunk, PersonClock, PlaybackSession
from lms_plugin.storage.evidence import EvidenceCut
from lms_plugin.storage.ledger import LedgerHead
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database


@dataclass(frozen=True, slots=True)
class Cut:
    """What was done with one person's log: so many bytes deleted, or why it was left alone (`difference`)."""

    user_id: int
    freed_bytes: int = 0
    difference: str | None = None


def candidates(session: Session, closed_before: date, now: datetime, *, only: int | None = None) -> list[int]:
    """Everybody (or `only` one) with evidence, nothing of whose programmes counts any more from a day on."""
    several = catalogue.all_in_force(session, now)
    still_open = [one.id for one in several if one.programme.window.closes_on > closed_before]
    going_on = select(Enrolment.user_id).where(Enrolment.programme_id.in_(still_open))
    has_chunks = select(EvidenceChunk.number).where(EvidenceChunk.user_id == PersonClock.user_id).exists()
    query = select(PersonClock.user_id).where(
        PersonClock.user_id.not_in(going_on), (PersonClock.log_body != b"") | has_chunks
    )
    if only is not None:
        query = query.where(PersonClock.user_id == only)
    return list(session.scalars(query.order_by(PersonClock.user_id)))


def size_bytes(session: Session, user_id: int) -> int:
    """What a person's log takes."""
    log = evidence_log.read(session, user_id)
    return log.size_bytes if log is not None else 0


def cut_all(database: Database, user_ids: list[int], closed_before: date, now: datetime) -> Iterator[Cut]:
    """Cut the logs of these people, each in a transaction of its own; gives what became of each."""
    shared = Catalogue()
    for user_id in user_ids:

        def work(session: Session, user_id: int = user_id) -> Cut:
            return cut(session, user_id, closed_before, now, shared)

        yield database.transact(work)


def cut(session: Session, user_id: int, closed_before: date, now: datetime, shared: Catalogue | None = None) -> Cut:
    """Delete a person's log up to now; whoever's evidence does not agree with their hours keeps it."""
    found = next(auditing.audit(session, [user_id], shared))
    if found.difference is not None:
        return Cut(user_id, difference=found.difference)
    _close(session, user_id, now)
    # Read anew: only now it is locked, and a programme may have been prolonged meanwhile.
    if not candidates(session, closed_before, now, only=user_id):
        return Cut(user_id)
    log = evidence_log.read(session, user_id)
    if log is None:
        raise AssertionError("unreachable")
    again = evidence_log.replay(session, log, catalogue=shared).again
    _end_lease(session, user_id, again, now)
    ends = session.execute(
        select(LedgerHead.enrolment_id, LedgerHead.number)
        .join(Enrolment, Enrolment.id == LedgerHead.enrolment_id)
        .where(Enrolment.user_id == user_id)
    )
    kept = evidence_log.kept_at_cut(again, {row.enrolment_id: row.number for row in ends})
    chunks = log.closed_chunks + (1 if log.open_body else 0)
    row = session.get(EvidenceCut, user_id) or EvidenceCut(user_id=user_id)
    row.cut_at, row.chunks, row.plays, row.checks = now, chunks, len(again.plays), again.put
    row.head, row.kept = log.head, kept
    session.add(row)
    session.execute(delete(EvidenceChunk).where(EvidenceChunk.user_id == user_id))
    start = Presence()
    session.execute(
        update(PersonClock)
        .where(PersonClock.user_id == user_id)
        .values(
            playback_session_id=None,
            log_chunks=chunks,
            log_body=b"",
            log_context=b"",
            next_check_in_ms=start.next_in_ms,
            is_blocked=start.is_blocked,
            open_check=start.open_number,
            answer_by=start.answer_by,
            tries_left=start.tries_left,
        )
    )
    # A session that began in what is gone is looked up in what follows.
    session.execute(update(PlaybackSession).where(PlaybackSession.user_id == user_id).values(first_chunk=chunks + 1))
    session.flush()
    return Cut(user_id, freed_bytes=log.size_bytes)


def _end_lease(session: Session, user_id: int, again: Replay, now: datetime) -> None:
    """End the lease that the person holds, so that the next one begins after it."""
    holder = again.plays.get(again.holder)
    if holder is None:
        return
    holder.play.lease = watching.end_lease(holder.play.lease, now, again.terms_of(holder).rule)
    session.execute(
        update(PlaybackSession)
        .where(PlaybackSession.user_id == user_id, PlaybackSession.id == holder.session_id)
        .values(ended_at=holder.play.lease.ended_at)
    )


def _close(session: Session, user_id: int, now: datetime) -> None:
    """End what the person left open, as time would: a check nobody answered, the lease, credit not posted yet."""
    desk = Desk(session.connection())
    desk.lock([user_id])
    clock = desk.clocks[user_id]
    number = clock.presence.open_number
    if desk.watcher(clock).pass_time(now):
        desk.record(clock, Swept(now))
        presence.close_unanswered(desk, clock, number)
        desk.save()
    enrolments = session.scalars(select(Enrolment).where(Enrolment.user_id == user_id).order_by(Enrolment.id))
    for enrolment in enrolments.all():
        posting.settle(session, enrolment, now)
