"""One person's watching in memory: the steps of the service's desk, and their evidence in bytes, without a store.

It owns the person's films, sessions and presence checks, and knows a beat that it has taken before by (session, seq).
Other tests drive it with whatever players they think of; `proven` replays what it wrote.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from lms_plugin.domain import evidence, intervals, watching
from lms_plugin.domain.evidence import (
    NO_HEAD,
    Answered,
    Beaten,
    Context,
    Delivered,
    Event,
    Opened,
    Outcome,
    Posted,
    Released,
    Ruled,
    Swept,
)
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.replay import Replay, ReplayedEntry
from lms_plugin.domain.watcher import Marked, Watcher
from lms_plugin.domain.watching import Claim, Days, Film, Lease, Play, Presence, Stretch, Terms

FilmKey = tuple[int, int]
"""(enrolment, video)"""


class NoSuchSession(LookupError):
    """A playback session that this person never opened."""


@dataclass(slots=True)
class PlayAtDesk:
    """A playback session; `served` is what was delivered to it, whether its programme asks or not."""

    number: int
    id: str
    enrolment: int
    video: int
    version: int
    play: Play
    served: Segments = NOTHING
    taken: dict[int, Outcome] = field(default_factory=dict)

    @property
    def film_key(self) -> FilmKey:
        return self.enrolment, self.video


@dataclass(slots=True)
class InMemoryDesk:
    """One person's desk.

    `film_ms` has the length of each video, `terms` the rules of each (enrolment, version), `draw` gives the distance
    to the next presence check.
    """

    film_ms: Mapping[int, int]
    terms: Mapping[tuple[int, int], Terms]
    draw: Callable[[Terms], int] = lambda terms: 1
    name: str = "somebody"
    chunk_bytes: int = evidence.CHUNK_BYTES
    presence: Presence = field(default_factory=Presence)
    put: int = 0
    versions: dict[int, int] = field(default_factory=dict)
    plays: dict[str, PlayAtDesk] = field(default_factory=dict)
    films: dict[FilmKey, Film] = field(default_factory=dict)
    days: dict[int, Days] = field(default_factory=dict)
    entries: list[ReplayedEntry] = field(default_factory=list)
    holder: PlayAtDesk | None = None
    closed: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    context: bytes = b""
    head: bytes = NO_HEAD

    # --- the steps

    def open(self, enrolment: int, video: int, now: datetime) -> PlayAtDesk:
        """Open a playback session; the lease passes to it."""
        self.sweep(now)
        opened_at = now
        if self.holder is not None:
            previous = self.holder.play
            previous.lease = watching.end_lease(previous.lease, now, self.terms_of(self.holder).rule)
            opened_at = watching.next_opening(previous.lease, now)
        number = len(self.plays) + 1
        version = self.versions.setdefault(enrolment, 1)
        rate_permille = int(self.terms[enrolment, version].rule.max_rate * 1000)
        lease = Lease(opened_at, opened_at, Fraction(rate_permille, 1000))
        one = PlayAtDesk(number, f"{self.name}-{number}", enrolment, video, version, Play(lease))
        self.plays[one.id] = self.holder = one
        self.films.setdefault(one.film_key, Film(self.film_ms[video]))
        watcher = self._watcher()
        check = watcher.open(one.play, self.terms_of(one), now)
        self.put = watcher.put
        self._record(Opened(now, number, one.id, enrolment, video, version, rate_permille, opened_at, check))
        return one

    def beat(
        self, session: str, seq: int, claims: Sequence[Claim], now: datetime, *, unanswered: int | None = None
    ) -> Outcome:
        """Take one beat; a repeated one gets its first answer again and changes nothing.

        Raises:
            NoSuchSession: the session is not this person's.
        """
        one = self._find(session)
        if seq in one.taken:
            return one.taken[seq]
        self._rule(one, now)
        terms = self.terms_of(one)
        delivered = NOTHING
        if terms.rule.delivery_proof:
            delivered = intervals.subtract(one.served, one.play.delivered)
            one.play.delivered = intervals.union(one.play.delivered, delivered)
        says_unanswered = unanswered is not None and unanswered == self.presence.open_number
        draw_ms = self.draw(terms) if terms.checks_presence else 0
        watcher = self._watcher()
        taken = watcher.beat(
            claims,
            film=self.film_of(one),
            play=one.play,
            siblings=() if terms.rule.skipping_ahead else self._siblings(one),
            days=self.days.setdefault(one.enrolment, Days()),
            terms=terms,
            now=now,
            draw_ms=draw_ms,
            holds_lease=one is self.holder,
            unanswered=says_unanswered,
        )
        self.put = watcher.put
        verdict = taken.verdict
        outcome = one.taken[seq] = Outcome(
            credited=verdict.credited,
            withheld=verdict.withheld,
            held=verdict.held,
            covered_ms=intervals.length(self.film_of(one).covered),
            lease_is_held=verdict.lease_is_held,
            film_changed=taken.film_changed,
            check=taken.check,
        )
        drawn_ms = draw_ms if verdict.used_draw else 0
        self._record(Beaten(now, one.number, seq, tuple(claims), outcome, says_unanswered, drawn_ms, delivered))
        self._conserve(claims, outcome, verdict.already_covered_ms)
        return outcome

    def answer(self, check: int, is_right: bool, now: datetime, choice: int = 0) -> Marked | None:
        """Take an answer; None where the check is not open (any more)."""
        if self.presence.open_number != check or self.sweep(now):
            return None
        holder = self.holder
        if holder is None:
            raise AssertionError("a check without a player")
        draw_ms = self.draw(self.terms_of(holder))
        watcher = self._watcher()
        marked = watcher.answer(is_right, draw_ms=draw_ms)
        self.put = watcher.put
        self._record(Answered(now, check, choice, is_right, draw_ms, marked.check))
        return marked

    def sweep(self, now: datetime) -> bool:
        """Deal with a check whose time is up."""
        overdue = self._watcher().pass_time(now)
        if overdue:
            self._record(Swept(now))
        return overdue

    def serve(self, session: str, segments: Segments) -> None:
        """Deliver some of the film to a session; its next beat takes the proof up, or `prove`."""
        one = self._find(session)
        one.served = intervals.union(one.served, segments)

    def prove(self, session: str, now: datetime) -> bool:
        """Let count what waited for proof that came in since the session's last beat."""
        one = self._find(session)
        terms = self.terms_of(one)
        new = intervals.subtract(one.served, one.play.delivered) if terms.rule.delivery_proof else NOTHING
        if not one.play.waiting or not new:
            return False
        one.play.delivered = intervals.union(one.play.delivered, new)
        counts = watching.redeem(self.film_of(one), one.play, self.presence, terms)
        self._record(Delivered(now, one.number, new))
        return bool(counts)

    def post(self, now: datetime) -> None:
        """Write to the ledger all that waits for it: first what is taken back, then what is new."""
        for sign in (-1, 1):
            for one in self.plays.values():
                segments = one.play.retracted if sign < 0 else one.play.unposted
                if not segments:
                    continue
                number, amount_ms = len(self.entries) + 1, sign * intervals.length(segments)
                entry = ReplayedEntry(one.enrolment, number, one.video, one.id, amount_ms, segments, self.head)
                self.entries.append(entry)
                self._record(Posted(now, one.number, number, amount_ms))
                if sign < 0:
                    one.play.retracted = NOTHING
                else:
                    one.play.unposted = NOTHING

    def release(self, enrolment: int, video: int, wanted: Segments, now: datetime, tutor: int = 7) -> int:
        """Let stretches that are missed or pending count by a tutor's decision."""
        film = self.films.get((enrolment, video))
        plays = [one.play for one in self.plays.values() if one.film_key == (enrolment, video)]
        released = NOTHING if film is None else watching.release(wanted, film, plays)
        if not released:
            return 0
        number, amount_ms = len(self.entries) + 1, intervals.length(released)
        self.entries.append(
            ReplayedEntry(enrolment, number, video, str(video), amount_ms, released, self.head, decided_by_id=tutor)
        )
        self._record(Released(now, enrolment, video, released, tutor, number))
        return amount_ms

    # --- what stands

    def terms_of(self, one: PlayAtDesk) -> Terms:
        return self.terms[one.enrolment, one.version]

    def film_of(self, one: PlayAtDesk) -> Film:
        return self.films[one.film_key]

    def held(self, key: FilmKey) -> tuple[Stretch, ...]:
        """What of a film is held, under the rules in force."""
        plays = [one.play for one in self.plays.values() if one.film_key == key and one.play.has_open_matters]
        return watching.held_stretches(self.films[key], plays, self.terms[key[0], self.versions[key[0]]])

    @property
    def covered_ms(self) -> int:
        """Film that counts, of all films together."""
        return sum(intervals.length(film.covered) for film in self.films.values())

    @property
    def log_bytes(self) -> int:
        return sum(len(body) for body, _ in self.closed) + len(self.body)

    def events(self) -> Iterator[tuple[Event, bytes]]:
        """All that is written, each with the head before it; every chunk read alone, every head checked."""
        head = NO_HEAD
        for body, kept in [*self.closed, (self.body, self.head)]:
            for event, written in evidence.read(body):
                yield event, head
                head = evidence.next_head(head, written)
            assert head == kept

    def replayed(self) -> Replay:
        """The state that the written bytes give.

        Raises:
            Differs: they do not follow from each other.
        """
        again = Replay(self.film_ms.__getitem__, lambda enrolment, version: self.terms[enrolment, version])
        for event, head in self.events():
            again.take(event, head)
        return again

    def prove_by_replay(self) -> None:
        """Assert that the evidence gives the state and the ledger's entries again."""
        again = self.replayed()
        assert {number: one.play for number, one in again.plays.items()} == {
            one.number: one.play for one in self.plays.values()
        }
        assert again.films == self.films
        assert again.days == self.days
        assert again.presence == self.presence
        assert again.put == self.put
        assert again.entries == self.entries
        self.balance()

    def balance(self) -> None:
        """Assert that the ledger, with what waits for it, is what is covered."""
        for key, film in self.films.items():
            posted = sum(one.amount_ms for one in self.entries if (one.enrolment_id, one.video_id) == key)
            for one in self.plays.values():
                if one.film_key == key:
                    posted += intervals.length(one.play.unposted) - intervals.length(one.play.retracted)
            assert posted == intervals.length(film.covered)

    # --- within

    def _find(self, session: str) -> PlayAtDesk:
        found = self.plays.get(session)
        if found is None:
            raise NoSuchSession(session)
        return found

    def _rule(self, one: PlayAtDesk, now: datetime) -> None:
        if one.version != self.versions[one.enrolment]:
            one.version = self.versions[one.enrolment]
            self._record(Ruled(now, one.number, one.version))

    def _siblings(self, one: PlayAtDesk) -> list[Play]:
        return [
            other.play
            for other in self.plays.values()
            if other is not one and other.film_key == one.film_key and other.play.has_open_matters
        ]

    def _watcher(self) -> Watcher:
        return Watcher(self.presence, self.put, self._watched)

    def _watched(self) -> list[tuple[Film, Play, Terms]]:
        return [
            (self.film_of(one), one.play, self.terms_of(one))
            for one in self.plays.values()
            if one.play.has_open_matters
        ]

    def _record(self, event: Event) -> None:
        if len(self.body) >= self.chunk_bytes:
            self.closed.append((self.body, self.head))
            self.body = self.context = b""
        context = Context.unpack(self.context)
        written = evidence.write(event, context)
        self.body += written
        self.context = context.pack()
        self.head = evidence.next_head(self.head, written)

    @staticmethod
    def _conserve(claims: Sequence[Claim], outcome: Outcome, already_ms: int) -> None:
        told = sum(one.to_ms - one.from_ms for one in (*outcome.withheld, *outcome.held))
        told += intervals.length(outcome.credited) + already_ms
        assert told == sum(one.length_ms for one in claims)
