"""The invariants of the watching rule, over sequences nobody would think of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import (
    MOST_WITHHELD,
    Claim,
    Days,
    Film,
    Lease,
    Play,
    Presence,
    Terms,
    Verdict,
    budget_ms,
    end_lease,
    judge_beat,
    next_opening,
)
from tests.domain.in_memory_desk import InMemoryDesk
from tests.domain.reference_watching import Fate, ReferencePerson

WINDOW = Window(date(2028, 2, 29), date(2028, 3, 1))
FILMS = {"a": 60, "b": 35}
VIDEOS = {"a": 1, "b": 2}
RATES = [Fraction(1), Fraction(5, 4), Fraction(3, 2), Fraction(2), Fraction(4, 3)]
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Person:
    """One learner under the rule as it is: leases one after the other, coverage per film."""

    rule: WatchingRule
    window: Window
    film_ms: dict[str, int]
    standing: dict[str, Film] = field(default_factory=dict)
    plays: list[Play] = field(default_factory=list)
    films: list[str] = field(default_factory=list)

    @property
    def covered(self) -> dict[str, Segments]:
        return {name: film.covered for name, film in self.standing.items()}

    @property
    def leases(self) -> list[Lease]:
        return [play.lease for play in self.plays]

    def open(self, film: str, now: datetime) -> None:
        opened_at = now
        if self.plays:
            last = self.plays[-1]
            last.lease = end_lease(last.lease, now, self.rule)
            opened_at = next_opening(last.lease, now)
        self.plays.append(Play(Lease(opened_at=opened_at, last_contact_at=opened_at, max_rate=self.rule.max_rate)))
        self.films.append(film)
        self.standing.setdefault(film, Film(self.film_ms[film]))

    def beat(self, number: int, claims: Sequence[Claim], now: datetime) -> Verdict:
        return judge_beat(
            claims,
            film=self.standing[self.films[number]],
            play=self.plays[number],
            presence=Presence(),
            days=Days(),
            terms=Terms(self.window, self.rule),
            now=now,
            draw_ms=1,
        )


claims = st.builds(
    Claim,
    st.integers(-3, 70),
    st.integers(-3, 70),
    st.sampled_from([0, 1000, 16_000]),
    st.sampled_from([True] * 9 + [False]),
)
# (milliseconds the clock moves, back now and then; a film to open, or the lease and claims of a beat)
steps = st.tuples(
    st.one_of(st.integers(0, 40), st.integers(-60, 90)),
    st.one_of(st.sampled_from(sorted(FILMS)), st.tuples(st.integers(0, 9), st.lists(claims, max_size=4))),
)
# instants near the window's opening, its close, and well inside of it
starts = st.sampled_from(
    [WINDOW.opens_at - 50 * MILLISECOND, WINDOW.closes_at - 200 * MILLISECOND, WINDOW.opens_at + timedelta(hours=9)]
)
histories = st.lists(steps, max_size=25)
rates = st.sampled_from(RATES)
# The rule counts in whole seconds; a window of none makes every lease lapse at once.
late_windows = st.sampled_from([0, 7200])


def fate_of(verdict: Verdict, claimed: Sequence[Claim]) -> Fate:
    """What became of each claimed millisecond, as the verdict has it; whatever it does not name was covered already."""
    fate: Fate = Counter()
    for one in verdict.withheld:
        fate.update((moment, one.reason.value) for moment in range(one.from_ms, one.to_ms))
    fate.update((moment, "credited") for start, end in verdict.credited for moment in range(start, end))
    named = Counter(moment for (moment, _), times in fate.items() for _ in range(times))
    asked = Counter(moment for claim in claimed for moment in range(claim.from_ms, claim.to_ms))
    for moment, times in (asked - named).items():
        fate[moment, "already"] = times
    return fate


@settings(max_examples=300)
@given(histories, rates, late_windows, starts)
def test_the_rule_agrees_with_the_obvious_one(
    history: list[tuple[int, str | tuple[int, list[Claim]]]], max_rate: Fraction, late_window: int, now: datetime
) -> None:
    rule = WatchingRule(max_rate=max_rate, late_window_seconds=late_window)
    film_ms = {VIDEOS[name]: length for name, length in FILMS.items()}
    person, reference = Person(rule, WINDOW, FILMS), ReferencePerson(film_ms, {(1, 1): Terms(WINDOW, rule)})
    for moved_ms, step in [(0, "a"), *history]:
        now += moved_ms * MILLISECOND
        if isinstance(step, str):
            person.open(step, now)
            reference.open(1, 1, VIDEOS[step], now)
        else:
            number, claimed = step[0] % len(person.leases), step[1]
            verdict = person.beat(number, claimed, now)
            fate = reference.beat(number, 1, claimed, now, draw_ms=1, served=set())
            assert fate_of(verdict, claimed) == fate
        assert [(lease.opened_at, lease.ended_at) for lease in person.leases] == [
            (lease.opened_at, lease.ended_at) for lease in reference.plays
        ]


@settings(max_examples=300)
@given(histories, rates, late_windows, starts)
def test_nothing_gains_more_than_time_and_film_allow(
    history: list[tuple[int, str | tuple[int, list[Claim]]]], max_rate: Fraction, late_window: int, now: datetime
) -> None:
    person = Person(WatchingRule(max_rate=max_rate, late_window_seconds=late_window), WINDOW, FILMS)
    latest = now
    for moved_ms, step in [(0, "a"), *history]:
        now += moved_ms * MILLISECOND
        latest = max(latest, now)
        before = person.covered
        if isinstance(step, str):
            person.open(step, now)
        else:
            number, claimed = step[0] % len(person.leases), step[1]
            verdict = person.beat(number, claimed, now)
            withheld = sum(one.to_ms - one.from_ms for one in verdict.withheld)
            assert verdict.credited_ms + withheld + verdict.already_covered_ms == verdict.claimed_ms
            assert verdict.claimed_ms == sum(max(0, claim.to_ms - claim.from_ms) for claim in claimed)
            assert verdict.held == ()
            assert intervals.intersect(verdict.credited, before[person.films[number]]) == ()
        for film, covered in person.covered.items():
            assert intervals.length(covered) <= FILMS[film]
            assert covered == () or (covered[0][0] >= 0 and covered[-1][1] <= FILMS[film])
            assert intervals.subtract(before.get(film, ()), covered) == ()
        for lease, following in zip(person.leases, person.leases[1:], strict=False):
            assert lease.ended_at is not None
            assert lease.opened_at <= lease.ended_at <= following.opened_at
        for lease in person.leases:
            length_so_far = min(latest, lease.ended_at or latest) - lease.opened_at
            assert lease.spent_ms <= max_rate * max(0, length_so_far // timedelta(microseconds=1)) / 1000
        assert sum(lease.spent_ms for lease in person.leases) == sum(map(intervals.length, person.covered.values()))


# An honest teacher: plays for a while at some rate up to the greatest, rests, seeks, changes the device or the film.
honest_steps = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(1, 50), st.sampled_from([Fraction(1, 2), *RATES])),
        st.tuples(st.just("rest"), st.integers(1, 50), st.none()),
        st.tuples(st.just("seek"), st.integers(0, 59), st.none()),
        st.tuples(st.just("beat"), st.none(), st.none()),
        st.tuples(st.just("switch"), st.sampled_from(sorted(FILMS)), st.none()),
    ),
    max_size=25,
)


@dataclass
class Letter:
    """A beat on its way: what was played under which lease, and since when it can be sent."""

    lease: int
    segments: list[Claim]
    sent_at: datetime


@settings(max_examples=300)
@given(honest_steps, rates, st.data())
def test_an_honest_player_is_credited_whole_whenever_and_however_often_its_beats_arrive(
    script: list[tuple[str, object, Fraction | None]], max_rate: Fraction, data: st.DataObject
) -> None:
    now = WINDOW.opens_at + timedelta(hours=9)
    openings: list[tuple[datetime, str]] = [(now, "a")]
    letters: list[Letter] = []
    played: dict[str, list[tuple[int, int]]] = {"a": []}
    position, waiting = 0, list[Claim]()
    for kind, amount, rate in [*script, ("beat", None, None)]:
        film = openings[-1][1]
        if kind == "play" and isinstance(amount, int) and rate is not None:
            end = min(FILMS[film], position + int(amount * min(rate, max_rate)))
            now += amount * MILLISECOND
            if position < end:
                waiting.append(Claim(position, end))
                played[film].append((position, end))
            position = end
        elif kind == "rest" and isinstance(amount, int):
            now += amount * MILLISECOND
        elif kind == "seek" and isinstance(amount, int):
            position = min(amount, FILMS[film])
        else:
            letters.append(Letter(len(openings) - 1, waiting, now))
            waiting = []
        if kind == "switch" and isinstance(amount, str):
            openings.append((now, amount))
            played.setdefault(amount, [])
            position = 0
    # Each letter arrives once or more, at once or as late as the window allows, in any order.
    arrivals = [
        (letter.sent_at + data.draw(st.integers(0, 7_000_000)) * MILLISECOND, letter)
        for letter in letters
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    person = Person(WatchingRule(max_rate=max_rate), WINDOW, FILMS)
    events: list[tuple[datetime, int, Letter | str]] = [(at, 0, film) for at, film in openings]
    events += [(at, 1, letter) for at, letter in arrivals]
    for at, _, event in sorted(events, key=lambda event: event[:2]):
        if isinstance(event, str):
            person.open(event, at)
        else:
            assert person.beat(event.lease, event.segments, at).withheld == ()
    assert person.covered == {film: intervals.merge(segments) for film, segments in played.items()}


@given(st.lists(claims, max_size=6), st.lists(claims, max_size=6), rates)
def test_more_claims_never_lower_the_credit(first: list[Claim], more: list[Claim], max_rate: Fraction) -> None:
    now = WINDOW.opens_at + timedelta(hours=9)
    results = []
    for claimed in (first, first + more):
        person = Person(WatchingRule(max_rate=max_rate), WINDOW, FILMS)
        person.open("a", now)
        person.beat(0, claimed, now + 30 * MILLISECOND)
        results.append(person.covered["a"])
    assert intervals.subtract(results[0], results[1]) == ()


@given(st.lists(claims, max_size=6), rates)
def test_a_beat_judged_again_changes_nothing(claimed: list[Claim], max_rate: Fraction) -> None:
    now = WINDOW.opens_at + timedelta(hours=9)
    person = Person(WatchingRule(max_rate=max_rate), WINDOW, FILMS)
    person.open("a", now)
    person.beat(0, claimed, now + 30 * MILLISECOND)
    before = person.covered, person.leases[0]
    again = person.beat(0, claimed, now + 30 * MILLISECOND)
    assert again.credited_ms == 0
    assert (person.covered, person.leases[0]) == before


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 3_000)), min_size=1, max_size=20), rates)
def test_many_leases_together_have_the_budget_of_one(changes: list[tuple[int, int]], max_rate: Fraction) -> None:
    opened = now = WINDOW.opens_at + timedelta(hours=9)
    person = Person(WatchingRule(max_rate=max_rate), WINDOW, FILMS)
    person.open("a", now)
    for moved_us, _ in changes:
        now += timedelta(microseconds=moved_us)
        person.open("b", now)
    total = sum(budget_ms(lease, now, WINDOW) for lease in person.leases)
    assert total <= max_rate * ((now - opened) // timedelta(microseconds=1)) / 1000


# --- all the rules together -------------------------------------------------------------------------------------------

MIDNIGHT = WINDOW.opens_at + timedelta(days=1)
every_rule = st.builds(
    WatchingRule,
    max_rate=rates,
    late_window_seconds=st.sampled_from([7200, 7200, 1]),
    presence_check_minutes=st.sampled_from([None, 15]),
    presence_answer_seconds=st.just(1),
    skipping_ahead=st.booleans(),
    delivery_proof=st.booleans(),
)
LONGER = Window(date(2028, 2, 29), date(2028, 3, 2))
every_terms = st.builds(lambda rule, limit: Terms(LONGER, rule, limit), every_rule, st.sampled_from([None, 20, 50]))

Step = tuple[str, int, int, int]
any_steps = st.lists(
    st.tuples(
        st.sampled_from(["play", "play", "play", "claim", "open", "answer", "serve", "sweep", "wait"]),
        st.integers(-2, 60),
        st.integers(-2, 40),
        st.integers(0, 50),
    ),
    max_size=25,
)


class Anybody:
    """A person at the desk who does anything at all; `latest` is the latest instant there was."""

    def __init__(self, terms: Terms) -> None:
        self.desk = InMemoryDesk({1: 60, 2: 35}, {(1, 1): terms}, draw=lambda _: 12)
        self.now = self.latest = MIDNIGHT - 100 * MILLISECOND
        self.desk.open(1, 1, self.now)
        self.seq = self.position = 0

    def do(self, step: Step) -> None:
        kind, first, second, moved_ms = step
        self.now += (moved_ms if first % 7 else -moved_ms) * MILLISECOND
        self.latest = max(self.latest, self.now)
        sessions = list(self.desk.plays)
        if kind == "open":
            self.desk.open(1, 1 + first % 2, self.now)
        elif kind == "answer":
            self.desk.answer(self.desk.presence.open_number or 1, second % 3 > 0, self.now)
        elif kind == "serve":
            self.desk.serve(sessions[-1], intervals.merge([(max(0, first), max(0, first) + second)]))
            self.desk.prove(sessions[-1], self.now)
        elif kind == "sweep":
            self.desk.sweep(self.now)
        elif kind == "wait":
            self.now += timedelta(seconds=1)
            self.latest = max(self.latest, self.now)
        else:
            self.seq += 1
            session = sessions[-1 - first % min(2, len(sessions))]
            start = first if kind == "claim" else self.position
            self.position = max(0, start + second)
            unanswered = self.desk.presence.open_number if second % 5 == 0 else None
            self.desk.beat(session, self.seq, [Claim(start, start + second)], self.now, unanswered=unanswered)


@settings(max_examples=300)
@given(every_terms, any_steps)
def test_under_every_rule_nothing_gains_more_than_time_film_and_day_allow(terms: Terms, script: list[Step]) -> None:
    one = Anybody(terms)
    desk = one.desk
    for step in script:
        before = {key: film.covered for key, film in desk.films.items()}
        asked_of_presence = desk.presence.open_number
        one.do(step)
        leases = [play.play.lease for play in desk.plays.values()]
        for lease, following in pairwise(leases):
            assert lease.ended_at is not None
            assert lease.opened_at <= lease.ended_at <= following.opened_at
        for lease in leases:
            length_so_far = min(one.latest, lease.ended_at or one.latest) - lease.opened_at
            assert lease.spent_ms <= lease.max_rate * max(0, length_so_far // timedelta(microseconds=1)) / 1000
        for key, film in desk.films.items():
            assert intervals.subtract(film.covered, ((0, film.video_ms),)) == ()
            held = desk.held(key)
            assert len(film.withheld) <= MOST_WITHHELD
            # What counts is in nothing else that is shown, and no stretch is held twice.
            shown = [(stretch.from_ms, stretch.to_ms) for stretch in held]
            assert intervals.length(intervals.merge([*film.covered, *shown])) == intervals.length(film.covered) + sum(
                end - start for start, end in shown
            )
            if not asked_of_presence:
                assert intervals.subtract(before.get(key, ()), film.covered) == ()
        charged = sum(lease.spent_ms for lease in leases)
        assert desk.covered_ms <= charged
        if terms.daily_limit_ms is not None:
            used = desk.days[1].used_ms if 1 in desk.days else {}
            assert all(day_ms <= terms.daily_limit_ms for day_ms in used.values())
            assert sum(used.values()) == charged
    desk.balance()
    desk.post(one.now)
    desk.prove_by_replay()


# beats of an honest player: (from, to) played one after the other; (session, arrival) of each, shuffled
orders = st.permutations(list(range(8)))


@settings(max_examples=300)
@given(orders, st.lists(st.integers(0, 3), min_size=8, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_film_played_in_order_counts_whole_in_whatever_order_its_beats_arrive(
    order: list[int], cuts: list[int], again: list[bool]
) -> None:
    # Up to four sessions play the film one after the other, each from where the one before it stopped.
    rule = WatchingRule(skipping_ahead=False, delivery_proof=True, presence_check_minutes=15)
    desk = InMemoryDesk({1: 80}, {(1, 1): Terms(LONGER, rule)}, draw=lambda _: 25)
    now = MIDNIGHT - 100 * MILLISECOND
    beats: list[tuple[str, int, Claim]] = []
    session = desk.open(1, 1, now).id
    for number in range(8):
        if cuts[number] == 0:
            session = desk.open(1, 1, now).id
        now += 10 * MILLISECOND
        desk.serve(session, ((number * 10, number * 10 + 10),))
        beats.append((session, number + 1, Claim(number * 10, number * 10 + 10)))
    for number in order:
        for _ in range(1 + again[number]):
            now += MILLISECOND
            outcome = desk.beat(*beats[number][:2], [beats[number][2]], now)
            assert outcome.withheld == ()
    # Whoever is asked late answers late: whatever waited for it comes back.
    if desk.presence.is_wanted:
        desk.open(1, 1, now)
    if desk.presence.open_number is not None:
        desk.answer(desk.presence.open_number, True, now)
    assert desk.films[1, 1].covered == ((0, 80),)
    assert desk.held((1, 1)) == ()
    desk.post(now)
    desk.prove_by_replay()


@settings(max_examples=300)
@given(every_terms.filter(lambda terms: not terms.checks_presence), any_steps)
def test_without_presence_checks_no_step_ever_lowers_the_credit(terms: Terms, script: list[Step]) -> None:
    one = Anybody(terms)
    for step in script:
        before = {key: film.covered for key, film in one.desk.films.items()}
        one.do(step)
        for key, covered in before.items():
            assert intervals.subtract(covered, one.desk.films[key].covered) == ()
