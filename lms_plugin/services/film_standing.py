"""A film's standing: what its player or a page is told of it, and what comes to count once it is proved delivered.

Whatever concerns one playback session locks the person's clock first (services/watch_desk.py), as watching itself does
(services/viewing.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.evidence import Delivered
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Stretch, Terms
from lms_plugin.services import presence
from lms_plugin.services.access import Actor
from lms_plugin.services.deliveries import Owner
from lms_plugin.services.portions import portions
from lms_plugin.services.presence import CheckShown
from lms_plugin.services.watch_desk import Desk, RulesOfVersion
from lms_plugin.storage.activity import PlaybackSession
from lms_plugin.storage.watching import ClockState, PlayState

NEAR_THE_END_MS = 3_000


@dataclass(frozen=True, slots=True)
class FilmShown:
    """A film's standing as its player and page show it; times in milliseconds of the film."""

    covered: Segments
    held: tuple[Stretch, ...]
    withheld: tuple[Stretch, ...]
    lease_is_held: bool
    check: CheckShown | None
    position_ms: int = 0
    """Where the learner stopped."""

    @property
    def covered_ms(self) -> int:
        return intervals.length(self.covered)


def film_shown(session: Session, actor: Actor, playback_session_id: str, now: datetime) -> FilmShown:
    """The whole standing of a session's film.

    Raises:
        NotFound: the playback session is not the actor's, or there is none.
    """
    desk = Desk(session.connection())
    desk.lock([actor.user_id])
    desk.fetch([(actor.user_id, playback_session_id)])
    one = desk.plays.get((actor.user_id, playback_session_id))
    if one is None:
        raise NotFound(what="playback_session")
    return shown_to(desk, desk.clocks[actor.user_id], one, desk.rules(one.of, now))


def standing_of(session: Session, enrolment_id: int, video_id: int, terms: Terms) -> FilmShown | None:
    """What a page shows of a film before its player opens a session; None where it was not begun."""
    desk = Desk(session.connection())
    film = desk.film(enrolment_id, video_id)
    if film is None:
        return None
    plays = [one.play for one in desk.store.of_film(enrolment_id, video_id)]
    held = watching.held_stretches(film.film, plays, terms)
    return FilmShown(film.film.covered, held, film.film.withheld, False, None, film.position_ms)


def in_order_of_opening(session: Session, owners: Collection[Owner]) -> list[Owner]:
    """Playback sessions by person, each one's as they were opened: what a later one played may wait for an earlier."""
    number_of: dict[Owner, int] = {}
    for some in portions(sorted(owners)):
        rows = session.execute(
            select(PlaybackSession.user_id, PlaybackSession.id, PlaybackSession.number).where(
                tuple_(PlaybackSession.user_id, PlaybackSession.id).in_(some)
            )
        )
        number_of |= {(row.user_id, row.id): row.number for row in rows}
    return sorted(owners, key=lambda owner: (owner[0], number_of.get(owner, 0), owner[1]))


def redeem_delivered(session: Session, user_id: int, playback_session_id: str, now: datetime) -> bool:
    """Let count what waited for proof that has come in since the session's last beat; True where something does."""
    desk = Desk(session.connection())
    desk.lock([user_id])
    desk.fetch([(user_id, playback_session_id)])
    one = desk.plays.get((user_id, playback_session_id))
    if one is None or not one.play.waiting:
        return False
    terms = desk.rules_of_play(one).terms
    clock = desk.clocks[user_id]
    new = desk.prove(one, terms)
    if not new:
        return False
    counts = watching.redeem(one.of.film, one.play, clock.presence, terms)
    desk.record(clock, Delivered(now, one.number, new))
    desk.touch(one)
    desk.save()
    return bool(counts)


def resume_at(position_ms: int, covered: Segments, duration_ms: int) -> int:
    """Where to go on: where the learner stopped; after the end, the first stretch not yet counted, else the start."""
    if position_ms < duration_ms - NEAR_THE_END_MS:
        return position_ms
    gaps = intervals.subtract(((0, duration_ms),), covered)
    return next((start for start, end in gaps if end - start >= NEAR_THE_END_MS), 0)


def shown_to(desk: Desk, clock: ClockState, one: PlayState, rules: RulesOfVersion) -> FilmShown:
    """What the player of a session at a desk is told of its film."""
    plays = [*(other.play for other in desk.siblings(one)), one.play]
    return FilmShown(
        covered=one.of.film.covered,
        held=watching.held_stretches(one.of.film, plays, rules.terms),
        withheld=one.of.film.withheld,
        lease_is_held=clock.playback_session_id == one.id and one.play.lease.ended_at is None,
        check=presence.shown(desk, clock, one),
    )
