"""Forgers of many kinds, a hundred of each: none gains more than clocks, day, proof and presence checks allow.

Each technique is a function that does its worst at a desk; what it may have gained is worked out from the leases, from
what was served and from the checks that were passed, never from what the rule says of itself.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from lms_plugin.domain import intervals
from lms_plugin.domain.evidence import Outcome
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.presence import draw_range_ms
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Reason, Terms
from tests.domain.in_memory_desk import InMemoryDesk, NoSuchSession, PlayAtDesk

pytestmark = pytest.mark.long

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
BEFORE_MIDNIGHT = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
FILMS = {number: (20 + 5 * number) * MINUTE_MS for number in range(1, 9)}
SEEDS = range(100)
CHOICES = 4


class Forger:
    """Somebody who wants hours; every step is held to what time and film allow."""

    def __init__(self, seed: int, **rule: Any) -> None:
        self.chance = random.Random(seed)
        limit_ms = rule.pop("limit_ms", self.chance.choice([None, None, 90 * MINUTE_MS]))
        usual = {
            "max_rate": self.chance.choice([Fraction(1), Fraction(3, 2), Fraction(2)]),
            "skipping_ahead": self.chance.random() < 0.5,
            "delivery_proof": self.chance.random() < 0.3,
            "presence_check_minutes": self.chance.choice([None, 5, 15]),
        }
        self.terms = Terms(WINDOW, WatchingRule(**(usual | rule)), limit_ms)
        # Three programmes: two with these rules, one with the usual ones and nothing switched on.
        both = {(1, 1): self.terms, (2, 1): self.terms, (3, 1): Terms(WINDOW, WatchingRule())}
        first, last = draw_range_ms(self.terms.rule)
        self.desk = InMemoryDesk(FILMS, both, draw=lambda _: self.chance.randint(first, last))
        self.now = self.began = self.latest = BEFORE_MIDNIGHT
        self.seq = 0
        self.passed = 0
        self.claimed: dict[str, list[tuple[int, int]]] = {}
        self.longest_charge_ms = 0

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.latest = max(self.latest, self.now)
        self.desk.sweep(self.now)

    def open(self, video: int = 1, enrolment: int = 1) -> PlayAtDesk:
        return self.desk.open(enrolment, video, self.now)

    def serve_all(self, one: PlayAtDesk) -> None:
        self.desk.serve(one.id, ((0, FILMS[one.video]),))

    def beat(
        self, one: PlayAtDesk, *claims: tuple[int, int] | Claim, seq: int | None = None, unanswered: int | None = None
    ) -> Outcome:
        self.seq += 1
        made = [claim if isinstance(claim, Claim) else Claim(*claim, 16_000) for claim in claims]
        self.claimed.setdefault(one.id, []).extend((claim.from_ms, claim.to_ms) for claim in made)
        before, was_blocked = one.play.lease.spent_ms, self.desk.presence.is_blocked
        is_new = (self.seq if seq is None else seq) not in one.taken
        outcome = self.desk.beat(one.id, self.seq if seq is None else seq, made, self.now, unanswered=unanswered)
        self.longest_charge_ms = max(self.longest_charge_ms, one.play.lease.spent_ms - before)
        self.hold_to_time()
        if was_blocked and is_new and self.desk.terms_of(one).checks_presence:
            assert outcome.credited == ()
        return outcome

    def guess(self) -> bool:
        """Answer the open check at random; True where it was passed."""
        number = self.desk.presence.open_number
        if number is None:
            return False
        is_right = self.chance.randrange(CHOICES) == 0
        marked = self.desk.answer(number, is_right, self.now)
        passed = marked is not None and marked.passed
        self.passed += passed
        return passed

    # --- what may have come of it

    def hold_to_time(self) -> None:
        """Leases are disjoint, and under each no more was charged than its length allows; nor does more count."""
        plays = [one.play for one in self.desk.plays.values()]
        leases = [one.lease for one in plays]
        for lease, following in pairwise(leases):
            assert lease.ended_at is not None
            assert lease.opened_at <= lease.ended_at <= following.opened_at
        for lease in leases:
            lasted = min(self.latest, lease.ended_at or self.latest) - lease.opened_at
            assert lease.spent_ms <= lease.max_rate * (max(timedelta(0), lasted) // timedelta(microseconds=1)) / 1000
        fastest = max(lease.max_rate for lease in leases)
        ran = (self.latest - self.began) // timedelta(microseconds=1)
        assert self.desk.covered_ms <= sum(lease.spent_ms for lease in leases) <= fastest * ran / 1000

    def hold_to_everything(self, *, answered: bool) -> None:
        """Everything that is promised, once nobody writes any more and open checks have run out."""
        self.wait(self.terms.rule.presence_answer_seconds + 1)
        self.hold_to_time()
        desk, rule = self.desk, self.terms.rule
        for (enrolment, video), film in desk.films.items():
            assert intervals.subtract(film.covered, ((0, FILMS[video]),)) == ()
            if enrolment == 3:
                continue
            mine = [one for one in desk.plays.values() if one.film_key == (enrolment, video)]
            real = [clipped(self.claimed.get(one.id, ()), one, proven=rule.delivery_proof) for one in mine]
            assert intervals.subtract(film.covered, intervals.merge(part for one in real for part in one)) == ()
            if not rule.skipping_ahead and film.covered:
                pending = [part for one in mine for part in one.play.pending]
                seen = intervals.merge([*film.covered, *film.missed, *pending])
                assert seen[0][0] == 0
                assert film.covered[-1][1] <= seen[0][1]
        for enrolment in (1, 2):
            if self.terms.daily_limit_ms is not None and enrolment in desk.days:
                used = desk.days[enrolment].used_ms
                assert all(day_ms <= self.terms.daily_limit_ms for day_ms in used.values())
                first, last = WINDOW.day_of(self.began), WINDOW.day_of(self.latest)
                assert set(used) <= {first + timedelta(days=number) for number in range((last - first).days + 1)}
                assert self._covered_of(enrolment) <= sum(used.values())
        if self.terms.checks_presence:
            # Each sign of presence is worth a distance, what was played until the check could be put, and what was
            # played while it was open; and so is the beginning, before the first check.
            _, farthest = draw_range_ms(rule)
            while_open = int(rule.max_rate * rule.presence_answer_seconds * 1000)
            worth = farthest + while_open + self.longest_charge_ms
            checked = self._covered_of(1) + self._covered_of(2)
            if not answered:
                assert self.passed == 0
                assert checked <= farthest + self.longest_charge_ms
            else:
                assert checked <= (self.passed + 1) * worth
        desk.balance()
        desk.post(self.now)
        desk.prove_by_replay()

    def _covered_of(self, enrolment: int) -> int:
        films = self.desk.films.items()
        return sum(intervals.length(film.covered) for (owner, _), film in films if owner == enrolment)


def clipped(claimed: Sequence[tuple[int, int]], one: PlayAtDesk, *, proven: bool) -> Segments:
    """What was claimed under a session that the film has, and was served to it where that has to be proven."""
    on_film = intervals.merge((start, min(end, FILMS[one.video])) for start, end in claimed if start >= 0)
    return intervals.intersect(on_film, one.served) if proven else on_film


Technique = Callable[[int], Forger]
TECHNIQUES: list[Technique] = []


def technique(played: Technique) -> Technique:
    TECHNIQUES.append(played)
    return played


@technique
def posts_totals_to_the_address(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    for percent in (100, *range(0, 101, 10)):
        forger.wait(forger.chance.uniform(0, 5))
        forger.beat(one, (0, FILMS[1] * percent // 100))
    return forger


@technique
def sends_the_same_beats_again_and_again(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    for number in range(10):
        forger.wait(30)
        first = forger.beat(one, (number * 30_000, number * 30_000 + 30_000), seq=number + 1)
        before = forger.desk.covered_ms, forger.desk.head
        for _ in range(3):
            assert forger.beat(one, (number * 30_000, number * 30_000 + 30_000), seq=number + 1) == first
            # The same number with other film in it is the same beat.
            assert forger.desk.beat(one.id, number + 1, [Claim(0, FILMS[1])], forger.now) == first
        assert (forger.desk.covered_ms, forger.desk.head) == before
    return forger


@technique
def plays_in_many_tabs(seed: int) -> Forger:
    forger = Forger(seed)
    tabs = [forger.open() for _ in range(8)]
    for number in range(40):
        forger.wait(forger.chance.uniform(1, 10))
        tab = forger.chance.choice(tabs)
        forger.serve_all(tab)
        forger.beat(tab, (number * 30_000, number * 30_000 + 30_000))
    assert all(tab.play.lease.spent_ms == 0 for tab in tabs[:-1])
    return forger


@technique
def plays_many_films_on_many_devices(seed: int) -> Forger:
    forger = Forger(seed)
    for number in range(12):
        opened = [forger.open(video) for video in FILMS]
        forger.wait(forger.chance.uniform(1, 60))
        for one in opened:
            forger.serve_all(one)
            forger.beat(one, (number * 60_000, number * 60_000 + 60_000))
    return forger


@technique
def plays_many_programmes_at_once(seed: int) -> Forger:
    forger = Forger(seed)
    opened: list[PlayAtDesk] = []
    for number in range(30):
        opened.append(forger.open(1 + number % 3, 1 + number % 3))
        forger.serve_all(opened[-1])
        forger.wait(forger.chance.uniform(1, 40))
        for one in opened[-3:]:
            forger.beat(one, (number * 40_000, number * 40_000 + 40_000))
    return forger


@technique
def plays_at_sixteen_times_the_speed(seed: int) -> Forger:
    forger = Forger(seed)
    one, place, speed = forger.open(), 0, forger.chance.choice([8, 16])
    forger.serve_all(one)
    for _ in range(60):
        forger.wait(10)
        forger.beat(one, (place, place + speed * 10_000))
        place = (place + speed * 10_000) % FILMS[1]
    return forger


@technique
def lets_films_advance_by_themselves_at_eight_times_the_speed(seed: int) -> Forger:
    forger = Forger(seed)
    for video in FILMS:
        one = forger.open(video)
        forger.serve_all(one)
        for start in range(0, FILMS[video], 480_000):
            forger.wait(60)
            forger.beat(one, (start, start + 480_000))
    return forger


@technique
def makes_up_a_long_offline_buffer(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.wait(forger.chance.choice([600, 7_300, 40_000, 400_000]))
    if forger.chance.random() < 0.5:
        forger.serve_all(one)
    step = forger.chance.choice([30_000, 300_000, FILMS[1]])
    for start in range(0, FILMS[1], step):
        forger.beat(one, (start, start + step))
    return forger


@technique
def hops_between_sessions_so_that_no_check_can_be_put(seed: int) -> Forger:
    # Leases are kept alive by empty beats; all film comes when the last of them has ended.
    forger = Forger(seed, presence_check_minutes=5)
    kept = []
    for video in FILMS:
        one = forger.open(video)
        forger.serve_all(one)
        kept.append(one)
        for _ in range(6):
            forger.wait(600)
            forger.beat(one)
    forger.open(1, forger.chance.choice([1, 2, 3]))
    for one in kept:
        for start in range(0, FILMS[one.video], 240_000):
            forger.beat(one, (start, start + 240_000))
    return forger


@technique
def opens_another_session_whenever_a_check_is_near(seed: int) -> Forger:
    forger = Forger(seed, presence_check_minutes=5)
    for number in range(30):
        one = forger.open(1 + number % 8)
        forger.serve_all(one)
        forger.wait(120)
        forger.beat(one, (number // 8 * 120_000, number // 8 * 120_000 + 120_000))
    return forger


@technique
def ignores_the_checks(seed: int) -> Forger:
    forger = Forger(seed, presence_check_minutes=forger_minutes(seed))
    for video in (1, 2, 3):
        one = forger.open(video)
        forger.serve_all(one)
        for start in range(0, FILMS[video], 30_000):
            forger.wait(30)
            forger.beat(one, (start, start + 30_000))
    return forger


@technique
def says_honestly_that_nobody_answered_and_watches_on(seed: int) -> Forger:
    forger = Forger(seed, presence_check_minutes=5)
    one = forger.open(8)
    forger.serve_all(one)
    for start in range(0, FILMS[8], 30_000):
        forger.wait(30)
        forger.beat(one, (start, start + 30_000), unanswered=forger.desk.presence.open_number)
    return forger


@technique
def answers_at_random(seed: int) -> Forger:
    forger = Forger(seed, presence_check_minutes=5)
    for video in (1, 2, 3):
        one = forger.open(video)
        forger.serve_all(one)
        for start in range(0, FILMS[video], 30_000):
            forger.wait(30)
            forger.beat(one, (start, start + 30_000))
            while forger.desk.presence.open_number is not None:
                forger.guess()
    return forger


@technique
def guesses_once_and_falls_silent_to_be_asked_anew(seed: int) -> Forger:
    forger = Forger(seed, presence_check_minutes=5, presence_tries=2, limit_ms=None)
    one, wrong = forger.open(8), 0
    forger.serve_all(one)
    for start in range(0, FILMS[8], 60_000):
        forger.wait(60)
        forger.beat(one, (start, start + 60_000))
        if forger.desk.presence.open_number is not None:
            wrong = 0 if forger.guess() else wrong + 1
            if wrong < 2:
                forger.wait(181)
            else:
                # Both tries are used up, in whatever number of checks: what was held is missed.
                assert forger.desk.films[1, 8].missed
                assert one.play.pending == ()
                wrong = 0
    return forger


@technique
def asks_for_the_sessions_of_others(seed: int) -> Forger:
    forger, other = Forger(seed), Forger(seed + 1)
    other.desk.name = "other"
    mine, theirs = forger.open(), other.open()
    forger.serve_all(mine)
    for number in range(10):
        forger.wait(30)
        other.wait(30)
        with pytest.raises(NoSuchSession):
            forger.desk.beat(theirs.id, number + 1, [Claim(0, FILMS[1])], forger.now)
        other.beat(theirs, (number * 30_000, number * 30_000 + 30_000))
    assert forger.desk.covered_ms == 0
    other.hold_to_everything(answered=False)
    return forger


@technique
def sends_for_sessions_that_ended_long_ago(seed: int) -> Forger:
    forger = Forger(seed)
    old = [forger.open(1 + number % 8) for number in range(6)]
    for _ in range(30):
        forger.wait(forger.chance.uniform(60, 7_200))
        one = forger.chance.choice(old)
        forger.serve_all(one)
        start = forger.chance.randrange(FILMS[one.video])
        forger.beat(one, (0, start), (start, FILMS[one.video]))
    assert all(one.play.lease.spent_ms == 0 for one in old[:-1])
    return forger


@technique
def plays_with_the_numbers_of_beats(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    numbers = [2**53, 1, 2**31, 0, 7, 7, 6, 5, 2**53, 4, 3, 2, 1, *range(100, 120)]
    for number in numbers:
        forger.wait(forger.chance.uniform(0, 30))
        start = forger.chance.randrange(FILMS[1])
        forger.beat(one, (start, start + 60_000), seq=number)
    return forger


@technique
def overlaps_its_segments(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    for number in range(20):
        forger.wait(15)
        base = number * 20_000
        nested = [(base + step * 500, base + 30_000 - step * 500) for step in range(20)]
        forger.chance.shuffle(nested)
        forger.beat(one, *nested, *nested, (base, base + 30_000))
    return forger


@technique
def sends_segments_that_make_no_sense(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    odd = [(-FILMS[1], FILMS[1]), (FILMS[1], 0), (5, 5), (-2, -1), (10**9, -(10**9)), (-1, 1)]
    for _ in range(20):
        forger.wait(10)
        start = forger.chance.randrange(FILMS[1])
        outcome = forger.beat(one, *odd, Claim(0, FILMS[1], well_formed=False), (start, start + 5_000))
        assert sum(stretch.reason is Reason.MALFORMED for stretch in outcome.withheld) == len(odd) + 1
    return forger


@technique
def cuts_film_into_slivers(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    for number in range(5):
        forger.wait(1)
        width = forger.chance.randrange(1, 50)
        slivers = [(place, place + width) for place in range(number, FILMS[1], FILMS[1] // 300)]
        forger.beat(one, *slivers)
    return forger


@technique
def claims_beyond_the_end(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.serve_all(one)
    for _ in range(20):
        forger.wait(60)
        start = FILMS[1] - forger.chance.randrange(60_000)
        outcome = forger.beat(one, (start, start + 10 * HOUR_MS), (FILMS[1], FILMS[1] + HOUR_MS))
        beyond = sum(one.to_ms - one.from_ms for one in outcome.withheld if one.reason is Reason.BEYOND_THE_END)
        assert beyond == start + 11 * HOUR_MS - FILMS[1]
    return forger


@technique
def has_a_clock_of_its_own(seed: int) -> Forger:
    # What a player says of its speed decides nothing, and the server's clock may step while it says it.
    forger = Forger(seed)
    one = forger.open()
    for number in range(40):
        forger.wait(forger.chance.choice([30, 30, -45, 0, 90]))
        if number % 10 == 9:
            one = forger.open(1 + number // 10)
        forger.serve_all(one)
        rate = forger.chance.choice([0, -1_000, 1, 2**40])
        forger.beat(one, Claim(number * 30_000, number * 30_000 + 60_000, rate))
    return forger


@technique
def claims_what_was_never_served(seed: int) -> Forger:
    forger = Forger(seed, delivery_proof=True, skipping_ahead=True)
    first, second = forger.open(), forger.open()
    # The film was served, but to the session of another tab.
    forger.serve_all(first)
    served_to = forger.chance.randrange(60_000)
    forger.desk.serve(second.id, ((0, served_to),))
    for start in range(0, FILMS[1], 30_000):
        forger.wait(30)
        forger.beat(second, (start, start + 30_000))
        forger.desk.prove(second.id, forger.now)
    assert forger.desk.covered_ms <= served_to
    return forger


@technique
def skips_ahead(seed: int) -> Forger:
    forger = Forger(seed, skipping_ahead=False, presence_check_minutes=None, delivery_proof=False)
    one = forger.open()
    hole = forger.chance.randrange(30_000, FILMS[1] - 30_000)
    for start in [*range(hole + 1, FILMS[1], 30_000), *range(0, hole, 30_000)]:
        forger.wait(30)
        forger.beat(one, (start, min(start + 30_000, hole if start < hole else FILMS[1])))
    assert forger.desk.covered_ms <= hole
    return forger


@technique
def spreads_a_day_over_midnight(seed: int) -> Forger:
    forger = Forger(seed, limit_ms=10 * MINUTE_MS, presence_check_minutes=None)
    one = forger.open()
    for number in range(60):
        forger.wait(60)
        if number % 7 == 0:
            one = forger.open(1 + number // 7 % 8)
        forger.serve_all(one)
        forger.beat(one, (number * 60_000 % FILMS[one.video], number * 60_000 % FILMS[one.video] + 90_000))
    assert len(forger.desk.days[1].used_ms) <= 2
    assert forger.desk.covered_ms <= 2 * 10 * MINUTE_MS
    return forger


@technique
def keeps_one_session_over_days_to_spend_their_limits_at_once(seed: int) -> Forger:
    forger = Forger(seed, limit_ms=5 * MINUTE_MS, presence_check_minutes=None)
    one = forger.open()
    forger.serve_all(one)
    days = forger.chance.randrange(1, 4)
    for _ in range(days * 24):
        forger.wait(3_600)
        forger.beat(one)
    forger.beat(one, (0, FILMS[1]))
    assert forger.desk.covered_ms <= (days + 1) * 5 * MINUTE_MS
    return forger


@technique
def lets_its_sessions_work_together(seed: int) -> Forger:
    # One claims what lies ahead, one what was not served to it, one fills the gaps, all at once.
    forger = Forger(seed, skipping_ahead=False, delivery_proof=True)
    team = [forger.open() for _ in range(3)]
    for _ in range(40):
        forger.wait(forger.chance.uniform(5, 20))
        one = forger.chance.choice(team)
        start = forger.chance.randrange(0, 600_000, 20_000)
        forger.desk.serve(forger.chance.choice(team).id, ((start, start + 20_000),))
        forger.beat(one, (start, start + 20_000))
        forger.desk.prove(one.id, forger.now)
        if forger.chance.random() < 0.1:
            team = [*team[1:], forger.open()]
    return forger


@technique
def asks_a_tutor_to_release_what_was_never_held(seed: int) -> Forger:
    forger = Forger(seed)
    one = forger.open()
    forger.wait(10)
    forger.beat(one, (0, FILMS[1]))
    assert forger.desk.release(1, 1, ((0, FILMS[1]),), forger.now) == 0
    assert forger.desk.release(2, 1, ((0, FILMS[1]),), forger.now) == 0
    return forger


ANSWERING = [answers_at_random, guesses_once_and_falls_silent_to_be_asked_anew]


def forger_minutes(seed: int) -> int:
    return (5, 10, 15)[seed % 3]


@pytest.mark.parametrize("forge", TECHNIQUES, ids=lambda forge: forge.__name__)
def test_nobody_gains_by_it(forge: Technique) -> None:
    for seed in SEEDS:
        forger = forge(seed)
        forger.hold_to_everything(answered=forge in ANSWERING)


def test_there_are_enough_kinds_of_forgers() -> None:
    assert len(TECHNIQUES) >= 12
