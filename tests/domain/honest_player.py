"""An honest teacher on a bad line: two devices, their players and outboxes, and a person who watches and answers.

Everything is simulated, the clock too; `simulate(seed)` is the same for the same seed. `python -m
tests.domain.honest_player [SESSIONS]` prints how much was lost.
"""

import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.presence import draw_range_ms
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Reason, Terms
from tests.domain.in_memory_desk import InMemoryDesk, PlayAtDesk

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
EVENING = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
STEP = 10.0
"""Seconds between two looks at a device."""

SEGMENT_MS = 4_000
LONGEST_CUT = 3_600.0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one session of watching: film really played, what of it counts, and what else was said."""

    seed: int
    played_ms: int
    lost_ms: int
    withheld_whole: int
    beats: int
    repeated: int
    checks: int
    lapsed: int
    reasons: frozenset[Reason]

    @property
    def loss(self) -> float:
        return self.lost_ms / self.played_ms if self.played_ms else 0.0


class Line:
    """A line that is up and down by turns; and while it is up, messages are lost now and then."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._is_good = False
        self._changes: list[float] = [0.0]
        self.loses = chance.choice([0.0, 0.05, 0.2])
        self._mean_up = chance.choice([300.0, 1_200.0, 6_000.0])

    def is_up(self, at: float) -> bool:
        if self._is_good:
            return True
        while self._changes[-1] <= at:
            up = len(self._changes) % 2 == 1
            length = self._chance.expovariate(1 / self._mean_up) if up else self._cut()
            self._changes.append(self._changes[-1] + length)
        return sum(1 for change in self._changes if change <= at) % 2 == 1

    def mend(self) -> None:
        """From here on nothing is cut and nothing lost."""
        self.loses, self._is_good = 0.0, True

    def _cut(self) -> float:
        return min(LONGEST_CUT, self._chance.expovariate(1 / self._chance.choice([20.0, 300.0, 2_400.0])))


@dataclass(slots=True)
class Letter:
    """A beat, or an answer to a presence check, on its way."""

    session: str
    seq: int = 0
    claims: list[Claim] = field(default_factory=list)
    check: int = 0
    is_right: bool = True


@dataclass(slots=True)
class Person:
    """Who watches: their films in order, how far they are, and everything they really saw."""

    chance: random.Random
    films: dict[int, int]
    video: int = 1
    position_ms: float = 0.0
    rate: float = 1.0
    seen: dict[int, Segments] = field(default_factory=dict)

    def saw(self, start: int, end: int) -> None:
        self.seen[self.video] = intervals.union(self.seen.get(self.video, ()), ((start, end),))


class Device:
    """A player with its outbox; it plays what it has loaded, reports it, and sends in order, again and again."""

    def __init__(self, desk: InMemoryDesk, person: Person, chance: random.Random) -> None:
        self.desk, self.person, self._chance = desk, person, chance
        self.line = Line(chance)
        self.outbox: list[Letter] = []
        self.session: PlayAtDesk | None = None
        self._buffer_ms = chance.choice([30_000, 120_000, 1_200_000])
        self._loaded_to = 0
        self._seq = 0
        self._open_claims: list[list[int]] = []
        self._last_beat = self._next_try = self._plays_from = 0.0
        self._wait = 1.0
        self._asked: tuple[int, float] | None = None
        self._answered = 0
        # A computer's clock, by which films are played, is good to some parts in a million.
        self._drift = 1 + chance.uniform(-50, 50) / 1_000_000
        self.repeated = 0
        self.withheld_whole = 0

    def now(self, at: float) -> datetime:
        return EVENING + timedelta(seconds=at, microseconds=self._chance.randrange(1_000))

    # --- playing

    def play(self, at: float, seconds: float) -> None:
        """Play on for some seconds that end now, as far as there is a session and something loaded."""
        if self.session is None or self.session.video != self.person.video:
            self._open(at)
            return
        film_ms, start = self.person.films[self.person.video], self.person.position_ms
        self._load(at)
        seconds = min(seconds, max(0.0, at - self._plays_from))
        end = min(start + seconds * 1000 * self.person.rate * self._drift, self._loaded_to, film_ms)
        if int(end) > int(start):
            self._claim(int(start), int(end))
        self.person.position_ms = max(start, end)
        if at - self._last_beat >= 30:
            self.beat(at)
        if end >= film_ms:
            self.stop(at)
            self._next_film()

    def stop(self, at: float) -> None:
        """Pause: what was played so far is reported."""
        if self._open_claims:
            self.beat(at)

    def seek(self, back_ms: float) -> None:
        self.person.position_ms = max(0.0, self.person.position_ms - back_ms)

    def beat(self, at: float) -> None:
        self._last_beat = at
        if self.session is not None:
            self._seq += 1
            claims = [Claim(start, end, int(self.person.rate * 1000)) for start, end in self._open_claims]
            self._open_claims = []
            self.outbox.append(Letter(self.session.id, self._seq, claims))

    def _claim(self, start: int, end: int) -> None:
        self.person.saw(start, end)
        if self._open_claims and self._open_claims[-1][1] == start:
            self._open_claims[-1][1] = end
        else:
            self._open_claims.append([start, end])

    def _load(self, at: float) -> None:
        if self.session is None or not self.line.is_up(at):
            return
        start = int(self.person.position_ms) // SEGMENT_MS * SEGMENT_MS
        to = min(self.person.films[self.person.video], start + max(self._buffer_ms, 3 * SEGMENT_MS * 10))
        self.desk.serve(self.session.id, ((start, to),))
        self._loaded_to = to

    def _next_film(self) -> None:
        if self.person.video < len(self.person.films):
            self.person.video += 1
            self.person.position_ms = 0.0
        self.session = None

    def _open(self, at: float) -> None:
        """Open a session, where the line lets it through; an answer that is lost leaves one that nobody uses."""
        if not self._gets_through(at):
            return
        session = self.desk.open(1, self.person.video, self.now(at))
        if self._is_lost():
            return
        self.session, self._seq, self._last_beat, self._loaded_to = session, 0, at, 0
        # The first picture is there when the answer, the playlist and the first segment are.
        self._plays_from = at + self._chance.uniform(0.2, 2)
        self._see_check(at)
        if not self.desk.terms_of(session).rule.skipping_ahead:
            self.person.position_ms = min(self.person.position_ms, self._known_to())

    def _known_to(self) -> int:
        """How far this player may go in a film that goes in order: what the service told, and what it reported."""
        key = (1, self.person.video)
        held = [(one.from_ms, one.to_ms) for one in self.desk.held(key)]
        mine = [(one.from_ms, one.to_ms) for letter in self.outbox for one in letter.claims if self._is_of_film(letter)]
        known = intervals.merge([*self.desk.films[key].covered, *held, *mine])
        return known[0][1] if known and known[0][0] == 0 else 0

    def _is_of_film(self, letter: Letter) -> bool:
        return self.desk.plays[letter.session].video == self.person.video

    # --- reporting

    def report(self, at: float) -> None:
        """Send what waits, the oldest first, until something gets no answer."""
        if self._asked is not None and at >= self._asked[1]:
            self._answer(self._asked[0])
        while self.outbox and at >= self._next_try:
            if self._sent(self.outbox[0], at):
                self.outbox.pop(0)
                self._wait = 1.0
            else:
                self._next_try = at + self._wait * self._chance.uniform(0.5, 1)
                self._wait = min(60.0, self._wait * 2)

    def send_all(self, at: float) -> None:
        """The page is hidden: everything is sent at once, in any order, and no answer is waited for."""
        beats = [letter for letter in self.outbox if not letter.check]
        self._chance.shuffle(beats)
        for letter in beats:
            if self._gets_through(at):
                self._take(letter, at)

    def _answer(self, check: int) -> None:
        self._asked, self._answered = None, check
        if self.session is not None:
            # One in twenty questions is misunderstood at first; another try is left.
            is_right = self._chance.random() > 0.05 or self.desk.presence.tries_left == 1
            self.outbox.append(Letter(self.session.id, check=check, is_right=is_right))

    def _sent(self, letter: Letter, at: float) -> bool:
        if not self._gets_through(at):
            return False
        self._take(letter, at)
        if self._chance.random() < 0.03:
            self._take(letter, at)
        if self._is_lost():
            return False
        if self.session is not None and letter.session == self.session.id:
            if self.desk.holder is not self.session or self.session.play.lease.ended_at is not None:
                self.stop(at)
                self.session = None
            else:
                self._see_check(at)
        return True

    def _take(self, letter: Letter, at: float) -> None:
        if letter.check:
            self.desk.answer(letter.check, letter.is_right, self.now(at))
            return
        self.repeated += letter.seq in self.desk.plays[letter.session].taken
        outcome = self.desk.beat(letter.session, letter.seq, letter.claims, self.now(at))
        asked = sum(one.length_ms for one in letter.claims)
        self.withheld_whole += 0 < asked == sum(one.to_ms - one.from_ms for one in outcome.withheld)

    def _see_check(self, at: float) -> None:
        number = self.desk.presence.open_number
        if number is not None and number != self._answered and (self._asked is None or self._asked[0] != number):
            self._asked = number, at + self._chance.uniform(3, 60)

    def _gets_through(self, at: float) -> bool:
        return self.line.is_up(at) and not self._is_lost()

    def _is_lost(self) -> bool:
        return self._chance.random() < self.line.loses


def programme(chance: random.Random) -> Terms:
    """Rules as programmes have them, each switched on now and then."""
    rule = WatchingRule(
        max_rate=chance.choice([Fraction(1), Fraction(3, 2), Fraction(2)]),
        presence_check_minutes=chance.choice([None, 5, 15]),
        skipping_ahead=chance.random() < 0.6,
        delivery_proof=chance.random() < 0.4,
    )
    return Terms(WINDOW, rule, chance.choice([None, 6 * 45 * 60_000]))


def simulate(seed: int) -> Result:
    """One evening, or a few, of one teacher; then a moment on a good line, and what has come of it all."""
    chance = random.Random(seed)
    terms = programme(chance)
    films = {1: chance.randrange(8, 40) * 60_000 + chance.randrange(1_000), 2: chance.randrange(8, 40) * 60_000}
    first, last = draw_range_ms(terms.rule)
    desk = InMemoryDesk(films, {(1, 1): terms}, draw=lambda _: chance.randint(first, last))
    person = Person(chance, films)
    person.rate = 1.0 if chance.random() < 0.6 else float(terms.rule.max_rate)
    devices = [Device(desk, person, chance), Device(desk, person, chance)]
    used, at = devices[0], chance.choice([0.0, 4.9 * 3600])
    lapsed = 0
    for _ in range(chance.randrange(3, 9)):
        activity = chance.choice(["watch", "watch", "pause", "sleep", "switch", "back", "hide"])
        seconds = chance.uniform(60, 1_500)
        if activity == "sleep":
            used.stop(at)
            at += chance.uniform(60, 3 * 3600)
        elif activity == "switch":
            used.stop(at)
            used = devices[1 - devices.index(used)]
        elif activity == "back":
            used.stop(at)
            used.seek(seconds * 100)
        elif activity == "hide":
            used.stop(at)
            used.send_all(at)
        until = at + (seconds if activity != "pause" else seconds / 2)
        while at < until:
            at += STEP
            if activity != "pause":
                used.play(at, STEP)
            for device in devices:
                device.report(at)
            lapsed += desk.sweep(used.now(at))
        used.stop(at)
    _settle(desk, devices, used, at)
    played = sum(map(intervals.length, person.seen.values()))
    lost = {video: intervals.subtract(seen, desk.films[1, video].covered) for video, seen in person.seen.items()}
    reasons = {one.reason for play in desk.plays.values() for taken in play.taken.values() for one in taken.withheld}
    if seed % 10 == 0:
        desk.prove_by_replay()
    return Result(
        seed=seed,
        played_ms=played,
        lost_ms=sum(map(intervals.length, lost.values())),
        withheld_whole=sum(device.withheld_whole for device in devices),
        beats=sum(len(play.taken) for play in desk.plays.values()),
        repeated=sum(device.repeated for device in devices),
        checks=desk.put,
        lapsed=lapsed,
        reasons=frozenset(reasons),
    )


def _settle(desk: InMemoryDesk, devices: Sequence[Device], used: Device, at: float) -> None:
    """The line is good again: everything is sent, the player says a word, and a question is answered."""
    for device in devices:
        device.line.mend()
    for _ in range(40):
        at += 30
        for device in devices:
            device.report(at)
        desk.sweep(used.now(at))
        held = [one for key in desk.films for one in desk.held(key)]
        if not held and not any(device.outbox for device in devices):
            return
        if used.session is None:
            used.play(at, 0)
        used.beat(at)


def summary(results: Sequence[Result]) -> str:
    """One line of figures."""
    losses = sorted(one.loss for one in results)
    hours = sum(one.played_ms for one in results) / 3_600_000
    return (
        f"{len(results)} honest sessions, {hours:.0f} h of film, {sum(one.beats for one in results)} beats"
        f" ({sum(one.repeated for one in results)} repeated), {sum(one.checks for one in results)} presence checks"
        f" ({sum(one.lapsed for one in results)} lapsed): worst loss {losses[-1]:.4%},"
        f" median {statistics.median(losses):.4%}, withheld whole {sum(one.withheld_whole for one in results)}"
    )


if __name__ == "__main__":
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    sys.stdout.write(summary([simulate(seed) for seed in range(sessions)]) + "\n")
