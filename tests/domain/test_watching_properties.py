"""The invariants of the watching rule, over sequences nobody would think of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Lease, Verdict, budget_ms, end_lease, judge_beat, next_opening
from tests.domain.reference_watching import Fate, ReferencePerson

WINDOW = Window(date(2028, 2, 29), date(2028, 3, 1))
FILMS = {"a": 60, "b": 35}
RATES = [Fraction(1), Fraction(5, 4), Fraction(3, 2), Fraction(2), Fraction(4, 3)]
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Person:
    """One learner under the rule as it is: leases one after the other, coverage per film."""

    rule: WatchingRule
    window: Window
    film_ms: dict[str, int]
    covered: dict[str, Segments] = field(default_factory=dict)
    leases: list[Lease] = field(default_factory=list)
    films: list[str] = field(default_factory=list)

    def open(self, film: str, now: datetime) -> None:
        opened_at = now
        if self.leases:
            self.leases[-1] = end_lease(self.leases[-1], now, self.rule)
            opened_at = next_opening(self.leases[-1], now)
        self.leases.append(Lease(opened_at=opened_at, last_contact_at=opened_at, max_rate=self.rule.max_rate))
        self.films.append(film)
        self.covered.setdefault(film, ())

    def beat(self, number: int, claims: Sequence[Claim], now: datetime) -> Verdict:
        film = self.films[number]
        verdict = judge_beat(
            claims,
            covered=self.covered[film],
            video_ms=self.film_ms[film],
            lease=self.leases[number],
            window=self.window,
            rule=self.rule,
            now=now,
        )
        self.covered[film], self.leases[number] = verdict.covered, verdict.lease
        return verdict


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
    person, reference = Person(rule, WINDOW, FILMS), ReferencePerson(rule, WINDOW, FILMS)
    for moved_ms, step in [(0, "a"), *history]:
        now += moved_ms * MILLISECOND
        if isinstance(step, str):
            person.open(step, now)
            reference.open(step, now)
        else:
            number, claimed = step[0] % len(person.leases), step[1]
            verdict = person.beat(number, claimed, now)
            assert fate_of(verdict, claimed) == reference.beat(number, claimed, now)
        assert [(lease.opened_at, lease.ended_at) for lease in person.leases] == [
            (lease.opened_at, lease.ended_at) for lease in reference.leases
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
        before = dict(person.covered)
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
    before = dict(person.covered), person.leases[0]
    again = person.beat(0, claimed, now + 30 * MILLISECOND)
    assert again.credited_ms == 0
    assert (dict(person.covered), person.leases[0]) == before


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
