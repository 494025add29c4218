"""Delivery proof: recording which media segments were served to which playback session, and reading it back.

A row says that a segment was handed out under an address that only that session's player was given. It cannot say
that the segment was looked at.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain.intervals import NOTHING, Segment, Segments, merge
from lms_plugin.storage.deliveries import SegmentDelivery
from lms_plugin.storage.session import Database

Owner = tuple[int, str]
"""(user id, playback session id)."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """One media segment served to a playback session: [from_ms, to_ms) of the film, in milliseconds."""

    user_id: int
    playback_session_id: str
    from_ms: int
    to_ms: int

    @property
    def owner(self) -> Owner:
        return self.user_id, self.playback_session_id


def record(session: Session, deliveries: Collection[Delivery]) -> list[Owner]:
    """Record what was served, in the caller's transaction; what is recorded already stays as it is.

    Gives the owner of each row that is new. At most some thousand deliveries at once.
    """
    if not deliveries:
        return []
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    rows = [
        {
            "user_id": one.user_id,
            "playback_session_id": one.playback_session_id,
            "from_ms": one.from_ms,
            "to_ms": one.to_ms,
        }
        # In one order for everybody, so that two writers never wait for each other.
        for one in sorted(set(deliveries))
    ]
    new = session.execute(
        insert(SegmentDelivery)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(SegmentDelivery.user_id, SegmentDelivery.playback_session_id)
    )
    return [(user_id, playback_session_id) for user_id, playback_session_id in new]


def recorded_for(database: Database, deliveries: Iterable[Delivery]) -> dict[Owner, int]:
    """Record any number of deliveries, some hundred to a transaction; how many rows are new for each owner.

    These are the sessions whose earlier claims may count by now. Recording the same again gives an empty answer.

    Raises:
        Unavailable: the store cannot be reached; what was recorded up to then stays.
    """
    new: dict[Owner, int] = {}
    for batch in _batches(deliveries):
        for owner in database.transact(partial(record, deliveries=batch)):
            new[owner] = new.get(owner, 0) + 1
    return new


def delivered(session: Session, user_id: int, playback_session_id: str) -> Segments:
    """What of the film was served to a playback session, merged, in milliseconds; nothing for an unknown session."""
    return delivered_to(session, [(user_id, playback_session_id)]).get((user_id, playback_session_id), NOTHING)


def delivered_to(session: Session, owners: Collection[Owner]) -> dict[Owner, Segments]:
    """`delivered` for many playback sessions in one query; owners to whom nothing was served are left out."""
    found: dict[Owner, list[Segment]] = {}
    if owners:
        query = select(
            SegmentDelivery.user_id, SegmentDelivery.playback_session_id, SegmentDelivery.from_ms, SegmentDelivery.to_ms
        ).where(tuple_(SegmentDelivery.user_id, SegmentDelivery.playback_session_id).in_(sorted(set(owners))))
        for user_id, playback_session_id, from_ms, to_ms in session.execute(query):
            found.setdefault((user_id, playback_session_id), []).append((from_ms, to_ms))
    return {owner: merge(segments) for owner, segments in found.items()}


def _batches(deliveries: Iterable[Delivery]) -> Iterator[list[Delivery]]:
    left = iter(deliveries)
    while batch := list(islice(left, _AT_ONCE)):
        yield batch
