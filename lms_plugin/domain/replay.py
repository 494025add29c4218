"""Replaying a person's log of evidence: the same steps again, compared with what was answered at the time.

The state that comes out is what the store must hold, and the entries that come out are what the ledger must hold.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.evidence import (
    Answered,
    Beaten,
    Delivered,
    Event,
    Opened,
    Outcome,
    Posted,
    Released,
    Ruled,
    Swept,
)
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watcher import Watcher
from lms_plugin.domain.watching import Days, Film, Lease, Play, Presence, Terms


class Differs(Exception):
    """What is recorded is not what the rule gives; the message says what, in words."""


@dataclass(slots=True)
class ReplayedPlay:
    """A session as the log has it."""

    number: int
    session_id: str
    enrolment_id: int
    video_id: int
    version: int
    max_rate_permille: int
    play: Play
    last_seq: int = 0


@dataclass(frozen=True, slots=True)
class ReplayedEntry:
    """A credit entry that the log says was written for `segments` of a film."""

    enrolment_id: int
    entry: int
    video_id: int
    source_id: str
    amount_ms: int
    segments: Segments
    evidence: bytes
    decided_by_id: int | None = None


@dataclass(slots=True)
class Replay:
    """One person's watching, made again from events.

    `film_ms` gives a video's length, `terms` the rules of an enrolment under a version of its programme.
    """

    film_ms: Callable[[int], int]
    terms: Callable[[int, int], Terms]
    presence: Presence = field(default_factory=Presence)
    put: int = 0
    first_play: int = 0
    """How many sessions there were before the log's beginning, where it was cut."""
    holder: int = 0
    plays: dict[int, ReplayedPlay] = field(default_factory=dict)
    films: dict[tuple[int, int], Film] = field(default_factory=dict)
    days: dict[int, Days] = field(default_factory=dict)
    entries: list[ReplayedEntry] = field(default_factory=list)
    checks: dict[int, Answered | None] = field(default_factory=dict)

    def take(self, event: Event, head: bytes) -> None:
        """One event; `head` is the log's head before it.

        Raises:
            Differs: it does not follow from what came before.
        """
        if isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, Beaten):
            self._beat(event)
        elif isinstance(event, Answered):
            self._answer(event)
        elif isinstance(event, Swept):
            if not self._watcher().pass_time(event.at):
                raise Differs(f"a presence check was given up at {_when(event.at)} that was not overdue")
        elif isinstance(event, Ruled):
            self._play(event.play).version = event.version
        elif isinstance(event, Posted):
            self._post(event, head)
        elif isinstance(event, Delivered):
            one = self._play(event.play)
            one.play.delivered = intervals.union(one.play.delivered, event.segments)
            watching.redeem(self._film(one), one.play, self.presence, self._terms(one))
        else:
            self._release(event, head)

    def terms_of(self, one: ReplayedPlay) -> Terms:
        return self._terms(one)

    def _open(self, event: Opened) -> None:
        number = self.first_play + len(self.plays) + 1
        if event.play != number:
            raise Differs(f"playback session {event.session_id} is number {event.play}, not {number}")
        opened_at = event.at
        if self.holder:
            previous = self.plays[self.holder]
            previous.play.lease = watching.end_lease(previous.play.lease, event.at, self._terms(previous).rule)
            opened_at = watching.next_opening(previous.play.lease, event.at)
        if opened_at != event.opened_at:
            raise Differs(f"the lease of {event.session_id} began at {_when(opened_at)}, not {_when(event.opened_at)}")
        lease = Lease(opened_at, opened_at, Fraction(event.max_rate_permille, 1000))
        one = ReplayedPlay(
            number=event.play,
            session_id=event.session_id,
            enrolment_id=event.enrolment_id,
            video_id=event.video_id,
            version=event.version,
            max_rate_permille=event.max_rate_permille,
            play=Play(lease),
        )
        terms = self._terms(one)
        if int(terms.rule.max_rate * 1000) != event.max_rate_permille:
            raise Differs(f"the greatest rate of {event.session_id} is not its programme's")
        self.plays[one.number] = one
        self.holder = one.number
        key = (event.enrolment_id, event.video_id)
        if key not in self.films:
            self.films[key] = Film(self.film_ms(event.video_id))
        watcher = self._watcher()
        check = watcher.open(one.play, terms, event.at)
        self._put(watcher, check, event.check, f"the opening of {event.session_id}")

    def _beat(self, event: Beaten) -> None:
        one = self._play(event.play)
        where = f"beat {event.seq} of playback session {one.session_id}"
        one.play.delivered = intervals.union(one.play.delivered, event.delivered)
        terms, film = self._terms(one), self._film(one)
        siblings = () if terms.rule.skipping_ahead else self._siblings(one)
        watcher = self._watcher()
        taken = watcher.beat(
            event.claims,
            film=film,
            play=one.play,
            siblings=siblings,
            days=self.days.setdefault(one.enrolment_id, Days()),
            terms=terms,
            now=event.at,
            draw_ms=event.draw_ms,
            holds_lease=self.holder == one.number,
            unanswered=event.unanswered,
        )
        verdict = taken.verdict
        given = Outcome(
            credited=verdict.credited,
            withheld=verdict.withheld,
            held=verdict.held,
            covered_ms=intervals.length(film.covered),
            lease_is_held=verdict.lease_is_held,
            film_changed=taken.film_changed,
            check=taken.check,
        )
        if given != event.outcome:
            raise Differs(f"{where} was answered otherwise than the rule gives: {_first_apart(event.outcome, given)}")
        if verdict.used_draw != bool(event.draw_ms):
            raise Differs(f"{where} drew a presence check where none was due, or none where one was")
        one.last_seq = max(one.last_seq, event.seq)
        self._put(watcher, taken.check, event.outcome.check, where)

    def _answer(self, event: Answered) -> None:
        if self.presence.open_number != event.check or self.presence.is_overdue(event.at):
            raise Differs(f"presence check {event.check} was not open at {_when(event.at)}")
        watcher = self._watcher()
        marked = watcher.answer(event.is_right, draw_ms=event.draw_ms)
        self.checks[event.check] = event
        self._put(watcher, marked.check, event.next_check, f"the answer to presence check {event.check}")

    def _post(self, event: Posted, head: bytes) -> None:
        one = self._play(event.play)
        segments = one.play.unposted if event.amount_ms > 0 else one.play.retracted
        amount_ms = intervals.length(segments) * (1 if event.amount_ms > 0 else -1)
        if amount_ms != event.amount_ms:
            raise Differs(
                f"{event.amount_ms} ms of playback session {one.session_id} were posted, the evidence gives"
                f" {amount_ms} ms"
            )
        if event.entry:
            self.entries.append(
                ReplayedEntry(one.enrolment_id, event.entry, one.video_id, one.session_id, amount_ms, segments, head)
            )
        if event.amount_ms > 0:
            one.play.unposted = intervals.NOTHING
        else:
            one.play.retracted = intervals.NOTHING

    def _release(self, event: Released, head: bytes) -> None:
        key = (event.enrolment_id, event.video_id)
        film = self.films.get(key)
        plays = [one.play for one in self.plays.values() if (one.enrolment_id, one.video_id) == key]
        if film is None or watching.release(event.segments, film, plays) != event.segments:
            raise Differs(f"something of video {event.video_id} was released at {_when(event.at)} that was not held")
        if event.entry:
            self.entries.append(
                ReplayedEntry(
                    event.enrolment_id,
                    event.entry,
                    event.video_id,
                    str(event.video_id),
                    intervals.length(event.segments),
                    event.segments,
                    head,
                    event.decided_by_id,
                )
            )

    def _put(self, watcher: Watcher, check: int, recorded: int, where: str) -> None:
        if check != recorded:
            raise Differs(f"with {where} presence check {recorded} was put, the rule gives {check} (0: none)")
        self.put = watcher.put
        if check:
            self.checks[check] = None

    def _watcher(self) -> Watcher:
        return Watcher(self.presence, self.put, self._watched)

    def _watched(self) -> list[tuple[Film, Play, Terms]]:
        return [
            (self._film(one), one.play, self._terms(one))
            for _, one in sorted(self.plays.items())
            if one.play.has_open_matters
        ]

    def _siblings(self, one: ReplayedPlay) -> list[Play]:
        return [
            other.play
            for _, other in sorted(self.plays.items())
            if other is not one
            and (other.enrolment_id, other.video_id) == (one.enrolment_id, one.video_id)
            and other.play.has_open_matters
        ]

    def _play(self, number: int) -> ReplayedPlay:
        found = self.plays.get(number)
        if found is None:
            raise Differs(
                f"something is recorded of a playback session with the number {number}, which was never opened"
            )
        return found

    def _film(self, one: ReplayedPlay) -> Film:
        return self.films[one.enrolment_id, one.video_id]

    def _terms(self, one: ReplayedPlay) -> Terms:
        return self.terms(one.enrolment_id, one.version)


def _when(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


def _first_apart(recorded: Outcome, given: Outcome) -> str:
    names = ("credited", "withheld", "held", "covered_ms", "lease_is_held", "film_changed", "check")
    name = next(name for name in names if getattr(recorded, name) != getattr(given, name))
    return f"{name} {_plainly(getattr(recorded, name))} instead of {_plainly(getattr(given, name))}"


def _plainly(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    parts = [
        f"{one.from_ms}-{one.to_ms} {one.reason.value}" if isinstance(one, watching.Stretch) else f"{one[0]}-{one[1]}"
        for one in value
    ]
    return f"[{', '.join(parts)}]"
