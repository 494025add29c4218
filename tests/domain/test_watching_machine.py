"""Players that reorder, repeat, delay and drop, over learners, films, sessions and devices: both rules say the same.

Films last some tens of milliseconds, so that the reference can ask each one for its fate. At the end of each sequence
the evidence that was written is read back and replayed.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lms_plugin.domain import intervals
from lms_plugin.domain.evidence import Outcome
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Stretch, Terms
from tests.domain.in_memory_desk import InMemoryDesk
from tests.domain.reference_watching import ALREADY, CREDITED, Fate, ReferencePerson

pytestmark = pytest.mark.long

WINDOW = Window(date(2028, 2, 29), date(2028, 3, 2), "Europe/Berlin")
FILM_MS = {1: 50, 2: 30}
ENROLMENTS = (1, 2)
MILLISECOND = timedelta(milliseconds=1)
MIDNIGHT = WINDOW.opens_at + timedelta(days=1)
STARTS = [
    MIDNIGHT - 600 * MILLISECOND,
    MIDNIGHT,
    MIDNIGHT - 40 * MILLISECOND,
    WINDOW.opens_at - 40 * MILLISECOND,
    WINDOW.closes_at - 1500 * MILLISECOND,
]
# Mostly as time goes on; now and then a step back, over a presence check's time, or over a whole late window.
MOVES_MS = [20, 0, 1, 7, 13, 30, 45, 60, 80, -25, 400, 1000]
LARGE = 2**20

rules = st.builds(
    WatchingRule,
    max_rate=st.sampled_from([Fraction(3, 2), Fraction(1), Fraction(2), Fraction(5, 4)]),
    late_window_seconds=st.sampled_from([7200, 7200, 7200, 1, 1, 0]),
    presence_check_minutes=st.sampled_from([15, 15, None]),
    presence_answer_seconds=st.just(1),
    presence_tries=st.sampled_from([2, 1]),
    daily_limit_class_hours=st.none() | st.just(Decimal(1)),
    skipping_ahead=st.booleans(),
    delivery_proof=st.sampled_from([False, False, True]),
)
terms = st.builds(lambda rule, limit_ms: Terms(WINDOW, rule, limit_ms), rules, st.sampled_from([None, None, 40, 18]))
chances = st.integers(0, LARGE - 1)


@dataclass
class Letter:
    """A beat on its way."""

    session: str
    seq: int
    claims: list[Claim]
    unanswered: int | None


class Learner:
    """The same person twice: as the rule has it, and as the reference."""

    def __init__(self, name: str, terms: dict[tuple[int, int], Terms]) -> None:
        self.desk = InMemoryDesk(FILM_MS, terms, lambda _: self.draw_ms, name=name, chunk_bytes=120)
        self.reference = ReferencePerson(FILM_MS, terms)
        self.desk.versions = dict.fromkeys(ENROLMENTS, 1)
        self.draw_ms = 1
        self.letters: list[Letter] = []
        self.seqs: Counter[str] = Counter()
        self.positions: Counter[str] = Counter()

    def agree(self) -> None:
        """Assert that the two are the same in everything."""
        desk, reference = self.desk, self.reference
        for one, other in zip(desk.plays.values(), reference.plays, strict=True):
            lease, play = one.play.lease, one.play
            assert (lease.opened_at, lease.ended_at) == (other.opened_at, other.ended_at)
            assert lease.spent_ms == len(other.charged)
            assert_same(play.unconfirmed, other.unconfirmed)
            assert_same(play.pending, other.pending)
            assert_same(play.waiting, other.waiting)
            assert_same(play.unposted, other.unposted)
            assert_same(play.retracted, other.retracted)
        for key, film in desk.films.items():
            other_film = reference.films[key]
            assert_same(film.covered, other_film.covered)
            assert_same(film.missed, other_film.missed)
            assert by_moment(film.withheld) == other_film.notes
            in_force = desk.terms[key[0], desk.versions[key[0]]]
            assert by_moment(desk.held(key)) == reference.held(key, in_force)
        presence = desk.presence
        assert (presence.next_in_ms, presence.is_blocked) == (reference.next_in_ms, reference.is_blocked)
        assert (presence.open_number or 0, presence.answer_by) == (reference.check, reference.answer_by)
        assert (presence.tries_left, desk.put) == (reference.tries_left, reference.put)
        for enrolment, days in desk.days.items():
            assert days.used_ms == reference.used_ms(enrolment)


def assert_same(segments: Segments, moments: set[int]) -> None:
    assert intervals.length(segments) == len(moments)
    assert all(moment in moments for start, end in segments for moment in range(start, end))


def by_moment(stretches: tuple[Stretch, ...]) -> dict[int, str]:
    return {moment: one.reason for one in stretches for moment in range(one.from_ms, one.to_ms)}


def fate_of(outcome: Outcome, claimed: list[Claim]) -> Fate:
    """What became of each claimed millisecond; whatever the answer does not name was covered already."""
    named = Counter[int]()
    fate: Fate = Counter()
    for one in (*outcome.withheld, *outcome.held):
        for moment in range(one.from_ms, one.to_ms):
            fate[moment, one.reason] += 1
            named[moment] += 1
    for start, end in outcome.credited:
        for moment in range(start, end):
            fate[moment, CREDITED] += 1
            named[moment] += 1
    asked = Counter(moment for claim in claimed for moment in range(claim.from_ms, claim.to_ms))
    for moment, times in (asked - named).items():
        fate[moment, ALREADY] = times
    return fate


class Watching(RuleBasedStateMachine):
    """Two learners, each enrolled in two programmes with rules of their own, which may change once."""

    now: datetime
    learners: list[Learner]

    @initialize(first=terms, second=terms, changed=terms, start=st.sampled_from(STARTS))
    def begin(self, first: Terms, second: Terms, changed: Terms, start: datetime) -> None:
        # A session's greatest rate is fixed when it is opened: the changed rules keep it.
        rates = [first.rule.max_rate, second.rule.max_rate]
        fields = {name: getattr(changed.rule, name) for name in WatchingRule.__dataclass_fields__ if name != "max_rate"}
        later = [Terms(WINDOW, WatchingRule(max_rate=rate, **fields), changed.daily_limit_ms) for rate in rates]
        rules = {(1, 1): first, (2, 1): second, (1, 2): later[0], (2, 2): later[1]}
        self.now = start
        self.learners = [Learner("ada", rules), Learner("bo", rules)]
        for one in self.learners:
            one.desk.open(1, 1, start)
            one.reference.open(1, 1, 1, start)

    def _someone(self, chance: int) -> Learner:
        return self.learners[chance % 4 == 0]

    @rule(chance=chances, moved=st.sampled_from(MOVES_MS))
    def open_a_session(self, chance: int, moved: int) -> None:
        one = self._someone(chance)
        self.now += moved * MILLISECOND
        enrolment, video = 1 + chance // 4 % 4 // 3, 1 + chance // 16 % 4 // 3
        one.desk.open(enrolment, video, self.now)
        one.reference.open(enrolment, one.desk.versions[enrolment], video, self.now)
        one.agree()

    @rule(chance=chances, length=st.integers(1, 24), moved=st.sampled_from(MOVES_MS))
    def play_and_report_at_once(self, chance: int, length: int, moved: int) -> None:
        one = self._someone(chance)
        self._write(one, chance, length)
        self._send(one, one.letters[-1], chance, moved)

    @rule(chance=chances, length=st.integers(1, 24))
    def play_and_report_later(self, chance: int, length: int) -> None:
        self._write(self._someone(chance), chance, length)

    @rule(chance=chances, start=st.integers(-3, 55), length=st.integers(-4, 55), moved=st.sampled_from(MOVES_MS))
    def claim_anything(self, chance: int, start: int, length: int, moved: int) -> None:
        one = self._someone(chance)
        plays = list(one.desk.plays)
        session = plays[chance // 4 % len(plays)]
        one.seqs[session] += 1 + chance // 64 % 2
        claims = [
            Claim(start, start + length, 16_000, well_formed=chance // 128 % 8 > 0),
            Claim(chance // 1024 % 40, chance // 1024 % 40 + 9),
        ]
        unanswered = one.desk.presence.open_number if chance // 16 % 3 == 0 else None
        one.letters.append(Letter(session, one.seqs[session], claims[: 1 + chance // 32 % 2], unanswered))
        self._send(one, one.letters[-1], chance, moved)

    @rule(chance=chances, moved=st.sampled_from(MOVES_MS))
    def deliver_a_letter_late_or_again(self, chance: int, moved: int) -> None:
        one = self._someone(chance)
        if one.letters:
            self._send(one, one.letters[chance // 4 % len(one.letters)], chance, moved)

    @rule(chance=chances)
    def lose_a_letter(self, chance: int) -> None:
        one = self._someone(chance)
        if one.letters:
            one.letters.pop(chance // 4 % len(one.letters))

    @rule(chance=chances, moved=st.sampled_from([0, 5, 50, 999, 1000]), draw_ms=st.integers(1, 30))
    def answer(self, chance: int, moved: int, draw_ms: int) -> None:
        one = max(self.learners, key=lambda one: one.desk.presence.open_number or 0)
        self.now += moved * MILLISECOND
        check = (one.desk.presence.open_number or 0) - (chance % 16 == 0)
        one.draw_ms = draw_ms
        is_right = chance // 16 % 3 > 0
        one.desk.answer(check, is_right, self.now)
        one.reference.answer(check, is_right, self.now, draw_ms=draw_ms)
        one.agree()

    @rule(chance=chances, moved=st.sampled_from([0, 1000]))
    def sweep_and_post(self, chance: int, moved: int) -> None:
        one = self._someone(chance)
        self.now += moved * MILLISECOND
        assert one.desk.sweep(self.now) == one.reference.sweep(self.now)
        if chance // 4 % 2:
            one.desk.post(self.now)
            one.reference.post()
        one.agree()
        one.desk.balance()

    @rule(chance=chances, start=st.integers(0, 40), length=st.integers(1, 30))
    def prove_or_release(self, chance: int, start: int, length: int) -> None:
        one = self._someone(chance)
        plays = list(one.desk.plays.values())
        number = chance // 4 % len(plays)
        play, segment = plays[number], (start, start + length)
        if chance // 64 % 3:
            one.desk.serve(play.id, (segment,))
            if chance // 256 % 2:
                one.desk.prove(play.id, self.now)
                one.reference.prove(number, moments_of(play.served))
        else:
            one.desk.release(*play.film_key, (segment,), self.now)
            one.reference.release(play.film_key, set(range(*segment)))
        one.agree()

    @rule(chance=chances)
    def change_the_rules(self, chance: int) -> None:
        if chance % 3 == 0:
            self._someone(chance // 3).desk.versions[1 + chance // 16 % 2] = 2

    def teardown(self) -> None:
        for one in getattr(self, "learners", []):
            one.desk.post(self.now)
            one.desk.prove_by_replay()

    def _write(self, one: Learner, chance: int, length: int) -> None:
        """Play on in one of the sessions, or from somewhere else in its film."""
        plays = list(one.desk.plays.values())
        play = plays[-1 - chance // 4 % min(2, len(plays))]
        start = chance // 16 % 40 if chance // 1024 % 5 == 0 else one.positions[play.id]
        one.seqs[play.id] += 1
        one.positions[play.id] = start + length if start + length < FILM_MS[play.video] else 0
        one.desk.serve(play.id, ((start, start + length),) if chance // 4096 % 4 else ())
        one.letters.append(Letter(play.id, one.seqs[play.id], [Claim(start, start + length)], None))

    def _send(self, one: Learner, letter: Letter, chance: int, moved: int) -> None:
        self.now += moved * MILLISECOND
        one.draw_ms = 1 + chance // 512 % 30
        play = one.desk.plays[letter.session]
        is_new = letter.seq not in play.taken
        before = play.taken.get(letter.seq), one.desk.head
        outcome = one.desk.beat(letter.session, letter.seq, letter.claims, self.now, unanswered=letter.unanswered)
        if is_new:
            fate = one.reference.beat(
                play.number - 1,
                one.desk.versions[play.enrolment],
                letter.claims,
                self.now,
                draw_ms=one.draw_ms,
                served=moments_of(play.served),
                unanswered=letter.unanswered,
            )
            assert fate_of(outcome, letter.claims) == fate
        else:
            assert before == (outcome, one.desk.head)
        one.agree()


def moments_of(segments: Segments) -> set[int]:
    return {moment for start, end in segments for moment in range(start, end)}


TestWatching = Watching.TestCase
TestWatching.settings = settings(max_examples=1000, stateful_step_count=40)
