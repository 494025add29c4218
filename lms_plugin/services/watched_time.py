"""The time of day that watching took, from the evidence: so that no minute counts for a film and a meeting at once.

Only film that stands in the ledger is looked at: what is not posted yet comes when it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.attendance import Played, ms_of, watched_times
from lms_plugin.domain.evidence import Beaten
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.services import evidence_log
from lms_plugin.services.evidence_log import EvidenceLog
from lms_plugin.storage.activity import PlaybackSession
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment

WATCHED, TAKEN_BACK, RELEASED = "playback_session", "presence_check", "release"
"""Kinds of credit entries: what was watched, what a presence check took back, and what a tutor let count after all."""


def watched(session: Session, spans: Mapping[int, tuple[datetime, datetime]]) -> dict[int, Segments]:
    """The time that watching took of these people, at least inside their spans (first, last), by user id."""
    if not spans:
        return {}
    lasted_until = func.coalesce(PlaybackSession.ended_at, PlaybackSession.last_contact_at)
    columns = select(PlaybackSession.user_id, PlaybackSession.opened_at, lasted_until.label("lasted_until")).where(
        PlaybackSession.user_id.in_(sorted(spans)),
        PlaybackSession.opened_at < max(last for _, last in spans.values()),
        lasted_until > min(first for first, _ in spans.values()),
    )
    concerned = {
        row.user_id
        for row in session.execute(columns)
        if row.opened_at < spans[row.user_id][1] and row.lasted_until > spans[row.user_id][0]
    }
    return {user_id: _of(session, user_id) for user_id in sorted(concerned)}


def _of(session: Session, user_id: int) -> Segments:
    log = evidence_log.read(session, user_id)
    if log is None:
        return NOTHING
    plays = session.execute(
        select(
            PlaybackSession.id,
            PlaybackSession.number,
            PlaybackSession.opened_at,
            PlaybackSession.last_contact_at,
            PlaybackSession.ended_at,
            PlaybackSession.max_rate_permille,
            PlaybackSession.enrolment_id,
            PlaybackSession.video_id,
        ).where(PlaybackSession.user_id == user_id)
    ).all()
    entries = session.execute(
        select(
            CreditEntryRow.enrolment_id,
            CreditEntryRow.source_kind,
            CreditEntryRow.source_id,
            CreditEntryRow.detail,
        )
        .join(Enrolment, Enrolment.id == CreditEntryRow.enrolment_id)
        .where(Enrolment.user_id == user_id, CreditEntryRow.source_kind.in_((WATCHED, TAKEN_BACK, RELEASED)))
        .order_by(CreditEntryRow.enrolment_id, CreditEntryRow.number)
    ).all()
    return times_of(log, plays, entries)


def times_of(log: EvidenceLog, plays: Iterable[Any], entries: Sequence[Any]) -> Segments:
    """The same from rows that are read already; entries are those of watching, in the order of their ledgers."""
    counted: dict[str, Segments] = defaultdict(lambda: NOTHING)
    released: dict[tuple[int, str], Segments] = defaultdict(lambda: NOTHING)
    for entry in entries:
        segments = intervals.merge((start, end) for start, end in entry.detail.get("segments", ()))
        if entry.source_kind == RELEASED:
            key = (entry.enrolment_id, entry.source_id)
            released[key] = intervals.union(released[key], segments)
        elif entry.source_kind == WATCHED:
            counted[entry.source_id] = intervals.union(counted[entry.source_id], segments)
        elif entry.source_kind == TAKEN_BACK:
            counted[entry.source_id] = intervals.subtract(counted[entry.source_id], segments)
    messages: dict[int, list[Beaten]] = defaultdict(list)
    for logged in log.events():
        if isinstance(logged.event, Beaten):
            messages[logged.event.play].append(logged.event)
    found: Segments = NOTHING
    for play in plays:
        opened_ms = ms_of(play.opened_at)
        played = [
            Played(
                ms_of(beat.at if play.ended_at is None else min(beat.at, play.ended_at)),
                opened_ms,
                play.max_rate_permille,
                tuple((one.from_ms, one.to_ms, one.rate_permille) for one in beat.claims if one.is_sound),
            )
            for beat in messages.get(play.number, ())
        ]
        film = intervals.union(counted[play.id], released[play.enrolment_id, str(play.video_id)])
        if not played and counted[play.id]:
            # Its reports were deleted when their time was over: the film stands before the last of them.
            pieces = tuple((start, end, 1000) for start, end in counted[play.id])
            played = [Played(ms_of(play.last_contact_at), opened_ms, play.max_rate_permille, pieces)]
        found = intervals.union(found, watched_times(played, film))
    return found
