"""How the state of watching stands in the tables: what is selected, how a row becomes a state, and a state a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.watching import Film, Lease, Play, Presence, Stretch
from lms_plugin.storage.activity import (
    Coverage,
    EvidenceChunk,
    PersonClock,
    PlaybackSession,
    PresenceCheck,
    WatchedDay,
)
from lms_plugin.storage.among import among, among_pairs
from lms_plugin.storage.base import Base
from lms_plugin.storage.people import ApiToken, User
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow, Video
from lms_plugin.storage.watching import ClockState, FilmState, PlayState

_CLOCK = (
    PersonClock.user_id,
    PersonClock.playback_session_id,
    PersonClock.plays,
    PersonClock.log_chunks,
    PersonClock.log_body,
    PersonClock.log_context,
    PersonClock.log_head,
    PersonClock.checks,
    PersonClock.next_check_in_ms,
    PersonClock.is_blocked,
    PersonClock.open_check,
    PersonClock.answer_by,
    PersonClock.tries_left,
    User.is_active,
    User.sign_in_epoch,
)
_FILM = (
    Coverage.enrolment_id,
    Coverage.video_id,
    Video.module_id,
    ModuleRow.programme_id,
    ProgrammeRow.version,
    Coverage.position_ms,
    Video.duration_ms,
    Coverage.covered,
    Coverage.missed,
    Coverage.withheld,
    Enrolment.variant,
    Enrolment.state,
)
_PLAY = (
    PlaybackSession.user_id,
    PlaybackSession.id,
    PlaybackSession.number,
    PlaybackSession.rule_version,
    PlaybackSession.max_rate_permille,
    PlaybackSession.last_seq,
    PlaybackSession.first_chunk,
    PlaybackSession.post_at,
    PlaybackSession.opened_at,
    PlaybackSession.last_contact_at,
    PlaybackSession.ended_at,
    PlaybackSession.spent_ms,
    PlaybackSession.unconfirmed,
    PlaybackSession.pending,
    PlaybackSession.waiting,
    PlaybackSession.delivered,
    PlaybackSession.unposted,
    PlaybackSession.retracted,
)
FILMS = (
    select(*_FILM)
    .join(Video, Video.id == Coverage.video_id)
    .join(ModuleRow, ModuleRow.id == Video.module_id)
    .join(ProgrammeRow, ProgrammeRow.id == ModuleRow.programme_id)
    .join(Enrolment, Enrolment.id == Coverage.enrolment_id)
)
PLAYS = (
    select(*_PLAY, *_FILM)
    .join(
        Coverage,
        (Coverage.enrolment_id == PlaybackSession.enrolment_id) & (Coverage.video_id == PlaybackSession.video_id),
    )
    .join(Video, Video.id == PlaybackSession.video_id)
    .join(ModuleRow, ModuleRow.id == Video.module_id)
    .join(ProgrammeRow, ProgrammeRow.id == ModuleRow.programme_id)
    .join(Enrolment, Enrolment.id == Coverage.enrolment_id)
)
TOKENS = select(ApiToken.digest, ApiToken.user_id, ApiToken.sign_in_epoch, ApiToken.expires_at)
CLOCKS = select(*_CLOCK).join(User, User.id == PersonClock.user_id).order_by(PersonClock.user_id)
OPEN_MATTERS = PLAYS.where(among(PlaybackSession.user_id, "user_ids"), PlaybackSession.has_open_matters).order_by(
    PlaybackSession.user_id, PlaybackSession.number
)
UNPOSTED = PLAYS.where(
    among(PlaybackSession.enrolment_id, "enrolment_ids"), PlaybackSession.post_at.is_not(None)
).order_by(PlaybackSession.user_id, PlaybackSession.number)
OF_FILM = PLAYS.where(
    PlaybackSession.enrolment_id == bindparam("enrolment_id"),
    PlaybackSession.video_id == bindparam("video_id"),
    PlaybackSession.has_open_matters,
).order_by(PlaybackSession.number)
FILMS_OF_KEYS = FILMS.where(among_pairs(Coverage.enrolment_id, Coverage.video_id, "keys"))
DAYS = select(WatchedDay.enrolment_id, WatchedDay.day, WatchedDay.used_ms).where(
    among(WatchedDay.enrolment_id, "enrolment_ids"),
    WatchedDay.day.between(bindparam("first"), bindparam("last")),
)
_CHECKS: Any = PresenceCheck.__table__
CHECKS = select(_CHECKS).where(among_pairs(_CHECKS.c.user_id, _CHECKS.c.number, "keys"))
CHUNKS = (
    select(EvidenceChunk.body)
    .where(EvidenceChunk.user_id == bindparam("user_id"), EvidenceChunk.number >= bindparam("first"))
    .order_by(EvidenceChunk.number)
)


def clock_of(row: Any) -> ClockState:
    clock = ClockState(
        user_id=row[0],
        playback_session_id=row[1],
        plays=row[2],
        log_chunks=row[3],
        log_body=row[4],
        log_context=row[5],
        log_head=row[6],
        checks=row[7],
        presence=Presence(row[8], row[9], row[10], row[11], row[12]),
        is_active=row[13],
        sign_in_epoch=row[14],
    )
    clock.stored_rest = rest_of_clock(clock)
    return clock


def film_of(row: Any) -> FilmState:
    film = Film(row[6], intervals.unpack(row[7]), intervals.unpack(row[8]), evidence.unpack_stretches(row[9]))
    state = FilmState(row[0], row[1], row[2], row[3], row[4], row[5], film, row[10], row[11] != "active")
    state.stored_rest = rest_of_film(state)
    return state


def play_of(row: Any) -> PlayState:
    play = Play(
        Lease(row[8], row[9], _rate(row[4]), row[11], row[10]),
        *(intervals.unpack(packed) if packed else intervals.NOTHING for packed in row[12:18]),
    )
    state = PlayState(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], play, film_of(row[18:]))
    state.stored_rest = rest_of_play(state)
    return state


@lru_cache(maxsize=64)
def _rate(permille: int) -> Fraction:
    return Fraction(permille, 1000)


def _packed(value: Any) -> bytes:
    return evidence.pack_stretches(value) if value and isinstance(value[0], Stretch) else intervals.pack(value)


@dataclass(frozen=True)
class Columns:
    """Some columns of a table that are written together: the keys name a row."""

    model: type[Base]
    keys: tuple[str, ...]
    values: tuple[str, ...]

    packed: tuple[str, ...] = ()
    """Columns that hold packed segments, given as sets."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.keys + self.values

    def with_more(self, others: "Columns") -> "Columns":
        """These and others of the same rows."""
        return Columns(self.model, self.keys, self.values + others.values, self.packed + others.packed)

    def row(self, values: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.names, self.as_stored(values), strict=True))

    def as_stored(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            _packed(value) if name in self.packed else value for name, value in zip(self.names, values, strict=True)
        )

    def __hash__(self) -> int:
        return id(self)


# What every beat writes, what few do, and both.
LOG = Columns(PersonClock, ("user_id",), ("log_body", "log_context", "log_head"))
CLOCK_REST = Columns(
    PersonClock,
    ("user_id",),
    (
        *("playback_session_id", "plays", "log_chunks", "checks"),
        *("next_check_in_ms", "is_blocked", "open_check", "answer_by", "tries_left"),
    ),
)
PLAY_USUAL = Columns(PlaybackSession, ("user_id", "id"), ("last_seq", "last_contact_at", "spent_ms", "unposted"))
PLAY_REST = Columns(
    PlaybackSession,
    ("user_id", "id"),
    (
        *("rule_version", "ended_at", "post_at", "has_open_matters"),
        *("retracted", "unconfirmed", "pending", "waiting", "delivered"),
    ),
    packed=("retracted", "unconfirmed", "pending", "waiting", "delivered"),
)
PLAY_NEW = Columns(
    PlaybackSession,
    ("user_id", "id"),
    ("number", "enrolment_id", "video_id", "max_rate_permille", "opened_at", "first_chunk"),
)
FILM_USUAL = Columns(Coverage, ("enrolment_id", "video_id"), ("covered", "covered_ms", "position_ms"))
FILM_REST = Columns(Coverage, ("enrolment_id", "video_id"), ("missed", "withheld"), packed=("missed", "withheld"))

CLOCK_ALL, PLAY_ALL, FILM_ALL = (
    usual.with_more(rest) for usual, rest in ((LOG, CLOCK_REST), (PLAY_USUAL, PLAY_REST), (FILM_USUAL, FILM_REST))
)


def log_of(clock: ClockState) -> tuple[Any, ...]:
    return clock.user_id, clock.log_body, clock.log_context, clock.log_head


def rest_of_clock(clock: ClockState) -> tuple[Any, ...]:
    presence = clock.presence
    return (
        clock.user_id,
        clock.playback_session_id,
        clock.plays,
        clock.log_chunks,
        clock.checks,
        presence.next_in_ms,
        presence.is_blocked,
        presence.open_number,
        presence.answer_by,
        presence.tries_left,
    )


def usual_of_play(one: PlayState) -> tuple[Any, ...]:
    lease = one.play.lease
    return (
        one.user_id,
        one.id,
        one.last_seq,
        lease.last_contact_at,
        lease.spent_ms,
        intervals.pack(one.play.unposted),
    )


def rest_of_play(one: PlayState) -> tuple[Any, ...]:
    play = one.play
    return (
        one.user_id,
        one.id,
        one.rule_version,
        play.lease.ended_at,
        one.post_at,
        play.has_open_matters,
        play.retracted,
        play.unconfirmed,
        play.pending,
        play.waiting,
        play.delivered,
    )


def new_of_play(one: PlayState) -> tuple[Any, ...]:
    return (
        one.user_id,
        one.id,
        one.number,
        one.of.enrolment_id,
        one.of.video_id,
        one.max_rate_permille,
        one.play.lease.opened_at,
        one.first_chunk,
    )


def usual_of_film(one: FilmState) -> tuple[Any, ...]:
    film = one.film
    return (
        one.enrolment_id,
        one.video_id,
        intervals.pack(film.covered),
        intervals.length(film.covered),
        one.position_ms,
    )


def rest_of_film(one: FilmState) -> tuple[Any, ...]:
    return one.enrolment_id, one.video_id, one.film.missed, one.film.withheld
