"""The desk at which watching is dealt with: the state of some people in one transaction, their steps, their evidence.

Every change goes three ways at once: into the state, into the log of evidence, and (with `save`) into the store. The
persons' clocks are locked when they come to the desk, so that a person's messages are dealt with one after the
other in any number of processes.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.evidence import Beaten, Context, Event
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.presence import draw_range_ms
from lms_plugin.domain.programme import Programme
from lms_plugin.domain.watcher import Watcher
from lms_plugin.domain.watching import Days, Film, Play, Terms
from lms_plugin.services import deliveries
from lms_plugin.services.catalogue import InForce, number_in_force, schedule, version_of
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.watch_stores import store_for
from lms_plugin.storage.watching import ClockState, FilmKey, FilmState, PlayKey, PlayState, WatchStore

POST_AFTER = timedelta(minutes=15)
"""Watched time goes to the ledger in entries of about this size while a session goes on; sooner when it ends, when its
film is covered, and whenever somebody asks for the hours."""

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RulesOfVersion:
    """A programme version with its terms of watching, worked out once."""

    current: InForce
    terms: Terms

    @property
    def programme(self) -> Programme:
        return self.current.programme


@dataclass(slots=True)
class Versions:
    """Programme versions by (programme id, number, variant), kept for as long as a process lives: they never change.

    Neither do the moments from which those up to a latest one apply: `schedules` by (programme id, latest number).
    """

    known: dict[tuple[int, int, str], RulesOfVersion] = field(default_factory=dict)
    schedules: dict[tuple[int, int], list[tuple[int, datetime]]] = field(default_factory=dict)
    modules: dict[int, tuple[int, str]] = field(default_factory=dict)
    """(programme id, key) of modules by their ids."""

    def get(self, connection: Connection, programme_id: int, number: int, variant: str) -> RulesOfVersion:
        found = self.known.get((programme_id, number, variant))
        if found is None:
            current = version_of(Session(connection), programme_id, number, variant)
            found = self.known[programme_id, number, variant] = RulesOfVersion(current, Terms.of(current.programme))
        return found

    def in_force(
        self, connection: Connection, programme_id: int, latest: int, variant: str, now: datetime
    ) -> RulesOfVersion:
        versions = self.schedules.get((programme_id, latest))
        if versions is None:
            versions = self.schedules[programme_id, latest] = schedule(Session(connection), programme_id)
        return self.get(connection, programme_id, number_in_force(versions, now), variant)


class Desk:
    """The state of some people's watching in one transaction."""

    def __init__(self, connection: Connection, versions: Versions | None = None) -> None:
        self.connection = connection
        self.store: WatchStore = store_for(connection)
        self.clocks: dict[int, ClockState] = {}
        self.plays: dict[PlayKey, PlayState] = {}
        self.films: dict[FilmKey, FilmState] = {}
        self._versions = versions or Versions()
        self._days: dict[int, Days] = {}
        self._known_days: dict[int, dict[date, int]] = {}
        self._touched_clocks: dict[int, ClockState] = {}
        self._touched_plays: dict[PlayKey, PlayState] = {}
        self._touched_films: dict[FilmKey, FilmState] = {}
        self._with_matters: set[int] = set()
        self._checks: dict[tuple[int, int], dict[str, Any] | None] = {}
        self._new_checks: list[dict[str, Any]] = []
        self._changed_checks: dict[tuple[int, int], dict[str, Any]] = {}
        self._latest_at: datetime | None = None

    # --- coming to the desk

    def lock(self, user_ids: Sequence[int]) -> None:
        """Lock these persons' clocks, in one order for everybody, and read them; who has none yet gets one."""
        for clock in self.store.lock_clocks(sorted(set(user_ids))):
            self.clocks[clock.user_id] = clock
        for user_id in user_ids:
            if user_id not in self.clocks:
                self.clocks[user_id] = self.store.new_clock(user_id)

    def fetch(self, keys: Sequence[PlayKey]) -> None:
        """Read these playback sessions, those of them that there are."""
        missing = [key for key in keys if key not in self.plays]
        for one in self.store.plays(missing) if missing else ():
            self.keep(one)

    def keep(self, one: PlayState) -> PlayState:
        """A session that was read, or the one that is at the desk already: there is one of each."""
        known = self.plays.get(one.key)
        if known is not None:
            return known
        one.of = self.films.setdefault(one.of.key, one.of)
        self.plays[one.key] = one
        return one

    def film(self, enrolment_id: int, video_id: int) -> FilmState | None:
        """An enrolment's coverage of a video, read once."""
        self.fetch_films([(enrolment_id, video_id)])
        return self.films.get((enrolment_id, video_id))

    def fetch_films(self, keys: Sequence[FilmKey]) -> None:
        """Read the coverage of these films, those of them that were begun."""
        missing = [key for key in keys if key not in self.films]
        for film in self.store.films(missing) if missing else ():
            self.films[film.key] = film

    def fetch_matters(self, user_ids: Sequence[int]) -> None:
        """Read the sessions of these people whose credit may still change by itself."""
        for one in self.store.open_matters(user_ids):
            self.keep(one)
        self._with_matters.update(user_ids)

    def fetch_days(self, plays: Sequence[PlayState], now: datetime) -> None:
        """Read what the enrolments of these sessions were charged on the days that they can reach."""
        wanted: dict[int, tuple[date, date]] = {}
        for one in plays:
            terms = self.rules(one.of, now).terms
            if terms.daily_limit_ms is not None:
                wanted[one.of.enrolment_id] = _reach(one, terms, now)
        if not wanted:
            return
        first, last = min(day for day, _ in wanted.values()), max(day for _, day in wanted.values())
        read = self.store.days(sorted(wanted), first, last)
        for enrolment_id in wanted:
            self._know_days(enrolment_id, first, last, read.get(enrolment_id, {}))

    def fetch_checks(self, keys: Sequence[tuple[int, int]]) -> None:
        """Read these presence checks, by (user id, number)."""
        missing = [key for key in keys if key not in self._checks]
        self._checks |= dict.fromkeys(missing)
        for row in self.store.checks(missing) if missing else ():
            self._checks[row["user_id"], row["number"]] = row

    def check(self, user_id: int, number: int) -> dict[str, Any] | None:
        """A presence check as it stands, None where there is none."""
        if (user_id, number) not in self._checks:
            self.fetch_checks([(user_id, number)])
        return self._checks[user_id, number]

    def module(self, module_id: int) -> tuple[int, str] | None:
        """(programme id, key) of a module."""
        known = self._versions.modules
        if module_id not in known:
            row = self.connection.execute(
                select(ModuleRow.programme_id, ModuleRow.key).where(ModuleRow.id == module_id)
            ).one_or_none()
            if row is None:
                return None
            known[module_id] = (row.programme_id, row.key)
        return known[module_id]

    # --- what is needed for a step

    def rules(self, film: FilmState, now: datetime) -> RulesOfVersion:
        """The version of its programme that is in force."""
        return self._versions.in_force(self.connection, film.programme_id, film.programme_version, film.variant, now)

    def rules_of(self, programme_id: int, version: int, variant: str = "") -> RulesOfVersion:
        """A version of a programme, in force or not."""
        return self._versions.get(self.connection, programme_id, version, variant)

    def rules_of_play(self, one: PlayState) -> RulesOfVersion:
        """The version that a session stands under."""
        return self.rules_of(one.of.programme_id, one.rule_version, one.of.variant)

    def days(self, one: PlayState, terms: Terms, now: datetime) -> Days:
        """What the enrolment was charged on each day that the session can reach."""
        enrolment_id = one.of.enrolment_id
        if terms.daily_limit_ms is None:
            return Days()
        days = self._days.setdefault(enrolment_id, Days())
        first, last = _reach(one, terms, now)
        known = self._known_days.setdefault(enrolment_id, {})
        if any(first + number * timedelta(days=1) not in known for number in range((last - first).days + 1)):
            read = self.store.days([enrolment_id], first, last)
            self._know_days(enrolment_id, first, last, read.get(enrolment_id, {}))
        return days

    def _know_days(self, enrolment_id: int, first: date, last: date, read: dict[date, int]) -> None:
        known = self._known_days.setdefault(enrolment_id, {})
        days = self._days.setdefault(enrolment_id, Days())
        for number in range((last - first).days + 1):
            day = first + number * timedelta(days=1)
            if day not in known:
                known[day] = read.get(day, 0)
                days.used_ms.setdefault(day, known[day])

    def prove(self, one: PlayState, terms: Terms) -> Segments:
        """Take up what was served to a session, where its programme wants proof; gives what is new."""
        if not terms.rule.delivery_proof:
            return intervals.NOTHING
        served = deliveries.delivered(Session(self.connection), one.user_id, one.id)
        new = intervals.subtract(served, one.play.delivered)
        if new:
            one.play.delivered = intervals.union(one.play.delivered, new)
        return new

    def siblings(self, one: PlayState) -> list[PlayState]:
        """The other sessions of the same film with open matters, by number."""
        if not one.of.is_new and one.user_id not in self._with_matters:
            self._fetch_matters_of(one.of)
        return [other for other in self._matters_of(one.of) if other is not one]

    def matters_of(self, film: FilmState) -> list[PlayState]:
        """The sessions of a film with open matters, by number."""
        self._fetch_matters_of(film)
        return self._matters_of(film)

    def _fetch_matters_of(self, film: FilmState) -> None:
        for one in self.store.of_film(*film.key):
            self.keep(one)

    def _matters_of(self, film: FilmState) -> list[PlayState]:
        found = [one for one in self.plays.values() if one.of is film and one.play.has_open_matters]
        return sorted(found, key=lambda one: one.number)

    def watcher(self, clock: ClockState) -> Watcher:
        """The person's steps; whatever they change is written with `save`."""
        return Watcher(clock.presence, clock.checks, lambda: self._watched(clock.user_id))

    def draw_ms(self, terms: Terms) -> int:
        """A fresh random distance to the next presence check."""
        if not terms.checks_presence:
            return 0
        first, last = draw_range_ms(terms.rule)
        return _RANDOM.randint(first, last)

    def _watched(self, user_id: int) -> list[tuple[Film, Play, Terms]]:
        if user_id not in self._with_matters:
            self.fetch_matters([user_id])
        mine = [one for one in self.plays.values() if one.user_id == user_id and one.play.has_open_matters]
        mine.sort(key=lambda one: one.number)
        for one in mine:
            self.touch(one)
        return [(one.of.film, one.play, self.rules_of_play(one).terms) for one in mine]

    # --- what came of it

    def touch(self, one: PlayState) -> None:
        """The session and its film have changed."""
        self._touched_plays[one.key] = one
        self._touched_films[one.of.key] = one.of

    def touch_film(self, film: FilmState) -> None:
        self._touched_films[film.key] = film

    def put_check(self, row: dict[str, Any]) -> None:
        """A presence check was put; the row is inserted with `save`."""
        self._new_checks.append(row)
        self._checks[row["user_id"], row["number"]] = row

    def change_check(self, user_id: int, number: int, **values: Any) -> None:
        """Something became of a presence check; the row is updated with `save`."""
        row = self.check(user_id, number)
        if row is not None:
            row |= values
            self._changed_checks[user_id, number] = row

    def record(self, clock: ClockState, event: Event) -> None:
        """Append one event to the person's log of evidence."""
        self._latest_at = event.at
        self._touched_clocks[clock.user_id] = clock
        if len(clock.log_body) >= evidence.CHUNK_BYTES:
            clock.log_chunks += 1
            clock.closed.append((clock.log_chunks, clock.log_body, clock.log_head))
            clock.log_body = clock.log_context = b""
        context = Context.unpack(clock.log_context)
        written = evidence.write(event, context)
        clock.log_body += written
        clock.log_context = context.pack()
        clock.log_head = evidence.next_head(clock.log_head, written)

    def beat_of(self, clock: ClockState, one: PlayState, seq: int) -> Beaten | None:
        """The evidence of a beat that was taken before, or None."""
        closed = [body for number, body, _ in clock.closed if number >= one.first_chunk]
        kept = self.store.chunks(clock.user_id, one.first_chunk) if clock.log_chunks >= one.first_chunk else []
        for body in reversed([*kept, *closed, clock.log_body]):
            for event, _ in evidence.read(body):
                if isinstance(event, Beaten) and event.play == one.number and event.seq == seq:
                    return event
        return None

    def save(self) -> None:
        """Write everything that has changed, in the transaction that the desk stands in."""
        for one in self._touched_plays.values():
            if not (one.play.unposted or one.play.retracted):
                one.post_at = None
            elif one.post_at is None and self._latest_at is not None:
                one.post_at = self._latest_at + POST_AFTER
        changed_days = [
            (enrolment_id, day, used_ms)
            for enrolment_id, days in self._days.items()
            for day, used_ms in days.used_ms.items()
            if used_ms != self._known_days[enrolment_id].get(day, 0)
        ]
        self.store.save(
            self._touched_clocks.values(), self._touched_plays.values(), self._touched_films.values(), changed_days
        )
        self.store.put_checks(self._new_checks)
        self.store.change_checks(list(self._changed_checks.values()))
        for enrolment_id, day, used_ms in changed_days:
            self._known_days[enrolment_id][day] = used_ms
        self._new_checks, self._changed_checks = [], {}
        self._touched_clocks, self._touched_plays, self._touched_films = {}, {}, {}


def _reach(one: PlayState, terms: Terms, now: datetime) -> tuple[date, date]:
    """The first and the last day that a session can be charged to."""
    opened_on = terms.window.day_of(one.play.lease.opened_at)
    last = max(terms.window.day_of(now), opened_on)
    return min(opened_on, last), last
