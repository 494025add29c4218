"""Reading and writing the state of watching: what both stores do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from lms_plugin.storage import batches
from lms_plugin.storage.activity import (
    Coverage,
    EvidenceChunk,
    PersonClock,
    PlaybackSession,
    PresenceCheck,
    WatchedDay,
)
from lms_plugin.storage.people import User
from lms_plugin.storage.watch_rows import (
    CHECKS,
    CHUNKS,
    CLOCK_ALL,
    CLOCK_REST,
    DAYS,
    FILM_ALL,
    FILM_REST,
    FILM_USUAL,
    FILMS_OF_KEYS,
    LOG,
    OF_FILM,
    OPEN_MATTERS,
    PLAY_ALL,
    PLAY_NEW,
    PLAY_REST,
    PLAY_USUAL,
    UNPOSTED,
    Columns,
    film_of,
    log_of,
    new_of_play,
    play_of,
    rest_of_clock,
    rest_of_film,
    rest_of_play,
    usual_of_film,
    usual_of_play,
)
from lms_plugin.storage.watching import ClockState, FilmKey, FilmState, PlayState

_CHECK, _OUTCOME = ("user_id", "number"), ("outcome", "answered_at", "answer")

State = TypeVar("State", ClockState, PlayState, FilmState)


class CoreWatchStore(ABC):
    """What both stores do alike."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def new_clock(self, user_id: int) -> ClockState:
        person = self._connection.execute(
            select(User.is_active, User.sign_in_epoch).where(User.id == user_id)
        ).one_or_none()
        is_active, epoch = (False, 0) if person is None else tuple(person)
        return ClockState(user_id, is_active=is_active, sign_in_epoch=epoch, is_new=True)

    def open_matters(self, user_ids: Sequence[int]) -> list[PlayState]:
        return self._plays(OPEN_MATTERS, user_ids=list(user_ids))

    def unposted(self, enrolment_ids: Sequence[int]) -> list[PlayState]:
        return self._plays(UNPOSTED, enrolment_ids=list(enrolment_ids))

    def of_film(self, enrolment_id: int, video_id: int) -> list[PlayState]:
        return self._plays(OF_FILM, enrolment_id=enrolment_id, video_id=video_id)

    def films(self, keys: Sequence[FilmKey]) -> list[FilmState]:
        return [film_of(row) for row in self._connection.execute(FILMS_OF_KEYS, {"keys": list(keys)})]

    def days(self, enrolment_ids: Sequence[int], first: date, last: date) -> dict[int, dict[date, int]]:
        found: dict[int, dict[date, int]] = {}
        values = {"enrolment_ids": list(enrolment_ids), "first": first, "last": last}
        for enrolment_id, day, used_ms in self._connection.execute(DAYS, values):
            found.setdefault(enrolment_id, {})[day] = used_ms
        return found

    def chunks(self, user_id: int, first: int) -> list[bytes]:
        return list(self._connection.scalars(CHUNKS, {"user_id": user_id, "first": first}))

    def checks(self, keys: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
        found = self._connection.execute(CHECKS, {"keys": list(keys)})
        return [dict(row._mapping) for row in found]

    def put_checks(self, rows: Sequence[dict[str, Any]]) -> None:
        batches.append(self._connection, PresenceCheck, rows)

    def change_checks(self, rows: Sequence[dict[str, Any]]) -> None:
        changes = [{name: row[name] for name in (*_CHECK, *_OUTCOME)} for row in rows]
        batches.change(self._connection, PresenceCheck, _CHECK, changes)

    def save(
        self,
        clocks: Iterable[ClockState],
        plays: Iterable[PlayState],
        films: Iterable[FilmState],
        days: Iterable[tuple[int, date, int]],
    ) -> None:
        clocks, plays, films = list(clocks), list(plays), list(films)
        batches.append(
            self._connection,
            PersonClock,
            [LOG.row(log_of(one)) | CLOCK_REST.row(rest_of_clock(one)) for one in clocks if one.is_new],
        )
        batches.append(
            self._connection,
            EvidenceChunk,
            [
                {"user_id": one.user_id, "number": number, "body": body, "head": head}
                for one in clocks
                for number, body, head in one.closed
            ],
        )
        batches.append(
            self._connection,
            PlaybackSession,
            [
                PLAY_NEW.row(new_of_play(one)) | PLAY_USUAL.row(usual_of_play(one)) | PLAY_REST.row(rest_of_play(one))
                for one in plays
                if one.is_new
            ],
        )
        batches.append(
            self._connection,
            Coverage,
            [FILM_USUAL.row(usual_of_film(one)) | FILM_REST.row(rest_of_film(one)) for one in films if one.is_new],
        )
        changes = chain(
            _changes(LOG, CLOCK_ALL, clocks, log_of, rest_of_clock),
            _changes(PLAY_USUAL, PLAY_ALL, plays, usual_of_play, rest_of_play),
            _changes(FILM_USUAL, FILM_ALL, films, usual_of_film, rest_of_film),
        )
        self._update([(columns, rows) for columns, rows in changes if rows])
        used = [{"enrolment_id": one, "day": day, "used_ms": used_ms} for one, day, used_ms in days]
        batches.put(self._connection, WatchedDay, ("enrolment_id", "day"), used)
        for clock in clocks:
            clock.is_new = False
            clock.closed.clear()
        for play in plays:
            play.is_new = False
        for film in films:
            film.is_new = False

    @abstractmethod
    def _update(self, changes: Sequence[tuple[Columns, list[tuple[Any, ...]]]]) -> None:
        """Update rows of some columns each, none of them without rows."""

    def _plays(self, statement: Any, **values: object) -> list[PlayState]:
        return [play_of(row) for row in self._connection.execute(statement, values)]


def _changes(
    usual: Columns,
    both: Columns,
    states: Sequence[State],
    usual_of: Callable[[State], tuple[Any, ...]],
    rest_of: Callable[[State], tuple[Any, ...]],
) -> list[tuple[Columns, list[tuple[Any, ...]]]]:
    """The updates of these states, each row once: few beats change more than the usual columns."""
    few, many = [], []
    for state in states:
        rest = rest_of(state)
        has_changed = rest != state.stored_rest
        state.stored_rest = rest
        if state.is_new:
            continue
        row = usual_of(state)
        if has_changed:
            many.append(both.as_stored(row + rest[len(both.keys) :]))
        else:
            few.append(row)
    return [(usual, few), (both, many)]
