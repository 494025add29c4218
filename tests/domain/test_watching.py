"""The rule of watching on cases one can follow by hand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import Component, ComponentKind, Programme, Text, WatchingRule, Window
from lms_plugin.domain.watching import (
    MOST_WITHHELD,
    Claim,
    Days,
    Film,
    Lease,
    Play,
    Presence,
    Reason,
    Stretch,
    Terms,
    Verdict,
    budget_ms,
    end_lease,
    held_stretches,
    judge_beat,
    next_opening,
    settle_lease,
)

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
RULE = WatchingRule()
OPENED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FILM_MS = 1_200_000


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def after(seconds: float) -> datetime:
    return OPENED + timedelta(seconds=seconds)


def lease(opened_at: datetime = OPENED, max_rate: Fraction = Fraction(3, 2), **fields: Any) -> Lease:
    return replace(Lease(opened_at, opened_at, max_rate), **fields)


@dataclass
class World:
    """One film under one session, with rules that can be named."""

    held: Lease = field(default_factory=lease)
    covered: Segments = ()
    window: Window = WINDOW
    rule: WatchingRule = RULE
    limit_ms: int | None = None
    days: Days = field(default_factory=Days)
    presence: Presence = field(default_factory=Presence)

    def __post_init__(self) -> None:
        self.film = Film(FILM_MS, self.covered)
        self.play = Play(self.held)

    @property
    def terms(self) -> Terms:
        return Terms(self.window, self.rule, self.limit_ms)

    @property
    def lease(self) -> Lease:
        return self.play.lease

    def judge(
        self, *claims: tuple[int, int] | Claim, now: datetime, play: Play | None = None, siblings: tuple[Play, ...] = ()
    ) -> Verdict:
        return judge_beat(
            [one if isinstance(one, Claim) else Claim(*one) for one in claims],
            film=self.film,
            play=play or self.play,
            siblings=siblings,
            presence=self.presence,
            days=self.days,
            terms=self.terms,
            now=now,
            draw_ms=1_000,
        )


def judge(*claims: tuple[int, int] | Claim, now: datetime, **fields: Any) -> Verdict:
    return World(**fields).judge(*claims, now=now)


def plain(stretches: tuple[Stretch, ...]) -> list[tuple[int, int, Reason]]:
    return [(one.from_ms, one.to_ms, one.reason) for one in stretches]


# 60 s of film claimed 10 s after the lease began: what fits at each rate
RATES = [
    ("1",   10_000),
    ("5/4", 12_500),
    ("3/2", 15_000),
    ("2",   20_000),
    ("4/3", 13_333),
]  # fmt: skip


@pytest.mark.parametrize(("max_rate", "credited_ms"), RATES)
def test_no_more_than_the_rate_allows_is_credited(max_rate: str, credited_ms: int) -> None:
    world = World(lease(max_rate=Fraction(max_rate)))
    verdict = world.judge((0, 60_000), now=after(10))
    assert verdict.credited == world.film.covered == ((0, credited_ms),)
    assert verdict.withheld == world.film.withheld == (Stretch(credited_ms, 60_000, Reason.TOO_FAST),)
    assert world.lease.spent_ms == verdict.credited_ms == credited_ms


FAST, BEYOND, MALFORMED = Reason.TOO_FAST, Reason.BEYOND_THE_END, Reason.MALFORMED
Withheld = list[tuple[int, int, Reason]]

# segments claimed; covered before; credited; withheld. 100 s after the lease began: 150 s of film fit.
BEATS: list[tuple[list[tuple[int, int]], Segments, Segments, Withheld]] = [
    ([],                                 (),                  (),                                  []),
    ([(0, 30_000)],                      (),                  ((0, 30_000),),                      []),
    ([(0, 30_000), (20_000, 50_000)],    (),                  ((0, 50_000),),                      []),
    ([(50_000, 60_000), (0, 10_000)],    (),                  ((0, 10_000), (50_000, 60_000)),     []),
    ([(0, 30_000)],                      ((0, 30_000),),      (),                                  []),
    ([(0, 30_000)],                      ((10_000, 20_000),), ((0, 10_000), (20_000, 30_000)),     []),
    ([(0, 150_000)],                     (),                  ((0, 150_000),),                     []),
    ([(0, 150_001)],                     (),                  ((0, 150_000),),      [(150_000, 150_001, FAST)]),
    ([(0, 200_000)],                     ((0, 100_000),),     ((100_000, 200_000),),               []),
    ([(200_000, 300_000), (0, 90_000)],  (),  ((0, 50_000), (200_000, 300_000)),    [(50_000, 90_000, FAST)]),
    ([(1_190_000, 1_210_000)],           (),  ((1_190_000, FILM_MS),),              [(FILM_MS, 1_210_000, BEYOND)]),
    ([(1_300_000, 1_400_000)],           (),  (),                                   [(1_300_000, 1_400_000, BEYOND)]),
    ([(-5, 10)],                         (),  (),                                   [(-5, 10, MALFORMED)]),
    ([(10, 10), (0, 20)],                (),  ((0, 20),),                           [(10, 10, MALFORMED)]),
    ([(20, 10), (0, 20)],                (),  ((0, 20),),                           [(20, 20, MALFORMED)]),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "covered", "credited", "withheld"), BEATS)
def test_a_bad_part_never_takes_a_good_one_down(
    claims: list[tuple[int, int]], covered: Segments, credited: Segments, withheld: Withheld
) -> None:
    world = World(covered=covered)
    verdict = world.judge(*claims, now=after(100))
    assert verdict.credited == world.play.unposted == credited
    assert plain(verdict.withheld) == withheld
    assert world.film.covered == intervals.merge(covered + credited)


def test_a_claim_that_could_not_be_read_is_withheld_as_malformed() -> None:
    verdict = judge(Claim(0, 0, well_formed=False), (0, 1000), now=after(100))
    assert verdict.withheld == (Stretch(0, 0, Reason.MALFORMED),)
    assert verdict.credited == ((0, 1000),)


def test_the_rate_a_client_names_decides_nothing() -> None:
    fast = [Claim(0, 60_000, rate_permille=rate) for rate in (0, 1000, 16_000)]
    verdicts = [judge(one, now=after(10)) for one in fast]
    assert {verdict.credited for verdict in verdicts} == {((0, 15_000),)}


def test_dragging_to_the_end_earns_only_what_was_played() -> None:
    assert judge((0, 4_000), (1_190_000, FILM_MS), now=after(14)).credited_ms == 14_000
    assert judge((FILM_MS - 1, FILM_MS), now=after(14)).credited_ms == 1


def test_a_night_away_earns_nothing_to_spend() -> None:
    slept = judge((0, 600_000), now=after(12 * 3600), rule=WatchingRule(late_window_seconds=60))
    assert slept.credited_ms == 90_000  # the lease ended after a minute of silence
    assert not slept.lease_is_held


def test_a_tablet_left_on_earns_no_more_than_the_film_it_shows() -> None:
    verdict = judge((0, FILM_MS), (0, FILM_MS), (0, FILM_MS), now=after(1.5 * 3600))
    assert (verdict.credited_ms, verdict.already_covered_ms, verdict.claimed_ms) == (FILM_MS, 2 * FILM_MS, 3 * FILM_MS)


# seconds since the last contact, at late_window 7200 s; whether the lease is still held; when it ended
SILENCES = [
    (0,            True,  None),
    (7_199.999999, True,  None),
    (7_200,        False, 7_200),
    (7_200.000001, False, 7_200),
    (1_000_000,    False, 7_200),
]  # fmt: skip


@pytest.mark.parametrize(("silence", "held", "ended"), SILENCES)
def test_a_lease_without_contact_ends_with_the_late_window(silence: float, held: bool, ended: float | None) -> None:
    world = World()
    assert world.judge(now=after(silence)).lease_is_held is held
    assert world.lease.ended_at == (None if ended is None else after(ended))
    assert world.lease.last_contact_at == (after(silence) if held else OPENED)
    assert end_lease(lease(), after(silence), RULE).ended_at == (after(silence) if held else after(7_200))


def test_a_beat_after_the_end_draws_on_the_lease_as_long_as_it_was() -> None:
    ended = lease(ended_at=after(60), spent_ms=80_000)
    assert budget_ms(ended, after(59), WINDOW) == 8_500
    assert budget_ms(ended, after(60), WINDOW) == budget_ms(ended, after(90_000), WINDOW) == 10_000
    world = World(ended)
    assert world.judge((0, 30_000), now=after(90_000)).credited_ms == 10_000
    assert world.lease.ended_at == after(60)
    assert world.lease.last_contact_at == OPENED


def test_an_earlier_end_stays() -> None:
    ended = lease(ended_at=after(60))
    assert end_lease(ended, after(90), RULE) == settle_lease(ended, after(9_000), RULE) == ended


# the one before (None: there is none), now; when the next lease begins
OPENINGS = [
    (None,                          after(0),   after(0)),
    (lease(ended_at=after(60)),     after(60),  after(60)),
    (lease(ended_at=after(60)),     after(90),  after(90)),
    (lease(ended_at=after(60)),     after(30),  after(60)),  # the clock stepped back
    (lease(),                       after(30),  after(30)),
]  # fmt: skip


@pytest.mark.parametrize(("previous", "now", "opens_at"), OPENINGS)
def test_a_lease_begins_no_earlier_than_the_one_before_ended(
    previous: Lease | None, now: datetime, opens_at: datetime
) -> None:
    assert next_opening(previous, now) == opens_at


def test_a_clock_that_steps_back_ends_no_lease_before_it_began() -> None:
    ended = end_lease(lease(), after(-30), RULE)
    assert ended.ended_at == OPENED
    assert budget_ms(ended, after(500), WINDOW) == 0


def test_a_lease_ends_no_earlier_than_the_contact_its_credit_was_measured_by() -> None:
    # A takeover that read its clock a second before the beat, but came to the person's lock after it.
    world = World()
    world.judge((0, 15_000), now=after(10))
    ended = end_lease(world.lease, after(9), RULE)
    assert ended.ended_at == after(10)
    assert next_opening(ended, after(9)) == after(10)
    assert ended.spent_ms <= 1500 * (after(10) - OPENED).total_seconds()


# Window edges: Shanghai midnight is 16:00 UTC; 29 February 2028; the 23-hour day of Berlin
EDGES = [
    (Window(date(2026, 11, 1), date(2026, 12, 16)),                 "2026-10-31T16:00", "2026-12-15T16:00"),
    (Window(date(2028, 2, 29), date(2028, 3, 1)),                   "2028-02-28T16:00", "2028-02-29T16:00"),
    (Window(date(2027, 12, 31), date(2028, 1, 1)),                  "2027-12-30T16:00", "2027-12-31T16:00"),
    (Window(date(2026, 3, 29), date(2026, 3, 30), "Europe/Berlin"), "2026-03-28T23:00", "2026-03-29T22:00"),
    (Window(date(2026, 10, 25), date(2026, 10, 26), "Europe/Berlin"), "2026-10-24T22:00", "2026-10-25T23:00"),
    (Window(date(2026, 4, 24), date(2026, 4, 25), "Africa/Cairo"),  "2026-04-23T22:00", "2026-04-24T21:00"),
    (Window(date(2026, 11, 1), date(2026, 12, 16), "UTC"),          "2026-11-01T00:00", "2026-12-16T00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("window", "opens_at", "closes_at"), EDGES)
def test_credit_begins_at_the_first_midnight_and_ends_at_the_last(
    window: Window, opens_at: str, closes_at: str
) -> None:
    opens, closes, moment = utc(opens_at), utc(closes_at), timedelta(microseconds=1)
    for now, is_open in ((opens - moment, False), (opens, True), (closes - moment, True), (closes, False)):
        assert window.contains(now) is is_open
        verdict = judge((0, 1000), now=now, held=lease(now - timedelta(seconds=3)), window=window)
        reason = Reason.TOO_FAST if is_open else Reason.OUTSIDE_WINDOW
        assert all(one.reason is reason for one in verdict.withheld)
    assert window.day_of(opens) == window.opens_on
    assert window.day_of(opens - moment) == window.opens_on - timedelta(days=1)
    assert window.day_of(closes) == window.closes_on


@pytest.mark.parametrize(("window", "opens_at", "closes_at"), EDGES)
def test_a_budget_counts_the_real_time_inside_the_window(window: Window, opens_at: str, closes_at: str) -> None:
    opens, closes = utc(opens_at), utc(closes_at)
    through = lease(
        opens - timedelta(hours=1), Fraction(1), last_contact_at=closes, ended_at=closes + timedelta(hours=1)
    )
    assert budget_ms(through, opens, window) == 0
    assert budget_ms(through, opens + timedelta(hours=1), window) == 3_600_000
    assert budget_ms(through, closes + timedelta(days=1), window) == (closes - opens) // timedelta(milliseconds=1)


def test_what_was_played_before_the_window_opened_draws_on_no_budget() -> None:
    opens = WINDOW.opens_at
    early = lease(opens - timedelta(minutes=10))
    assert judge((0, 60_000), now=opens + timedelta(seconds=20), held=early).credited_ms == 30_000


def test_a_fraction_of_a_millisecond_is_no_millisecond() -> None:
    assert budget_ms(lease(), OPENED + timedelta(microseconds=666), WINDOW) == 0
    assert budget_ms(lease(), OPENED + timedelta(microseconds=667), WINDOW) == 1


# --- the day's limit --------------------------------------------------------------------------------------------------

SHANGHAI = WINDOW
BERLIN = Window(date(2026, 3, 1), date(2026, 11, 1), "Europe/Berlin")
LEAP = Window(date(2028, 2, 1), date(2028, 4, 1), "UTC")
MINUTE = 60_000

# the window; opened, ended (None: held), now; used before by day; what 40 minutes of film are charged to by day, of a
# limit of 30 minutes a day
DAYS: list[tuple[Window, str, str | None, str, dict[str, int], dict[str, int]]] = [
    # within one day
    (SHANGHAI, "2026-11-24T12:00", None, "2026-11-24T14:00", {}, {"2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T12:00", None, "2026-11-24T14:00", {"2026-11-24": 20}, {"2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T12:00", None, "2026-11-24T14:00", {"2026-11-24": 30}, {"2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T12:00", None, "2026-11-24T14:00", {"2026-11-23": 30}, {"2026-11-23": 30, "2026-11-24": 30}),
    # over midnight, which in Shanghai is at 16:00 UTC: the later day first
    (SHANGHAI, "2026-11-24T15:00", None, "2026-11-24T16:30", {}, {"2026-11-25": 30, "2026-11-24": 10}),
    (SHANGHAI, "2026-11-24T15:00", None, "2026-11-24T16:30", {"2026-11-25": 25}, {"2026-11-25": 30, "2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T15:00", None, "2026-11-24T15:59", {}, {"2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T15:00", None, "2026-11-24T16:00", {}, {"2026-11-25": 30, "2026-11-24": 10}),
    # a late beat belongs to the days of its session, not to the one it arrives on
    (SHANGHAI, "2026-11-24T12:00", "2026-11-24T14:00", "2026-11-27T09:00", {}, {"2026-11-24": 30}),
    (SHANGHAI, "2026-11-24T15:00", "2026-11-24T17:00", "2026-11-27T09:00", {}, {"2026-11-25": 30, "2026-11-24": 10}),
    # 29 February is a day
    (LEAP, "2028-02-28T23:00", None, "2028-03-01T00:10", {}, {"2028-03-01": 30, "2028-02-29": 10}),
    (LEAP, "2028-02-28T23:00", None, "2028-02-29T01:00", {}, {"2028-02-29": 30, "2028-02-28": 10}),
    # in Berlin the clocks go forward on 29 March: midnight is 23:00 UTC before and 22:00 UTC after
    (BERLIN, "2026-03-28T22:30", None, "2026-03-28T23:30", {}, {"2026-03-29": 30, "2026-03-28": 10}),
    (BERLIN, "2026-03-29T21:00", None, "2026-03-29T21:59", {}, {"2026-03-29": 30}),
    (BERLIN, "2026-03-29T21:00", None, "2026-03-29T22:30", {}, {"2026-03-30": 30, "2026-03-29": 10}),
    # and back on 25 October, a day of 25 hours
    (BERLIN, "2026-10-25T21:30", None, "2026-10-25T22:59", {}, {"2026-10-25": 30}),
    (BERLIN, "2026-10-25T21:30", None, "2026-10-25T23:00", {}, {"2026-10-26": 30, "2026-10-25": 10}),
    # the day before the window opened gives nothing
    (SHANGHAI, "2026-10-31T15:00", None, "2026-10-31T17:00", {}, {"2026-11-01": 30}),
    # a clock that stepped back to the day before the session began
    (SHANGHAI, "2026-11-24T16:10", "2026-11-24T17:00", "2026-11-24T15:00", {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("window", "opened", "ended", "now", "used", "charged"), DAYS)
def test_a_day_takes_no_more_than_its_limit_the_latest_first(
    window: Window, opened: str, ended: str | None, now: str, used: dict[str, int], charged: dict[str, int]
) -> None:
    held = lease(utc(opened), last_contact_at=utc(ended or now), ended_at=None if ended is None else utc(ended))
    before = Days({date.fromisoformat(day): minutes * MINUTE for day, minutes in used.items()})
    world = World(held, window=window, limit_ms=30 * MINUTE, days=before)
    world.film.video_ms = 40 * MINUTE
    verdict = world.judge((0, 40 * MINUTE), now=utc(now))
    assert world.days.used_ms == {date.fromisoformat(day): minutes * MINUTE for day, minutes in charged.items()}
    fits = (sum(charged.values()) - sum(used.values())) * MINUTE
    assert verdict.credited_ms == world.lease.spent_ms == fits
    too_early = utc(now) < utc(opened)
    reason = Reason.TOO_FAST if too_early else Reason.DAILY_LIMIT
    assert plain(verdict.withheld) == ([(fits, 40 * MINUTE, reason)] if fits < 40 * MINUTE else [])


def test_what_is_over_the_days_limit_costs_no_budget_and_counts_the_day_after() -> None:
    world = World(limit_ms=10_000)
    assert plain(world.judge((0, 15_000), now=after(10)).withheld) == [(10_000, 15_000, Reason.DAILY_LIMIT)]
    assert world.lease.spent_ms == 10_000
    assert world.judge((10_000, 15_000), now=after(4 * 3600 - 1)).credited_ms == 0
    world.play = Play(lease(after(4 * 3600)))
    assert world.judge((10_000, 15_000), now=after(4 * 3600 + 60)).credited == ((10_000, 15_000),)
    assert world.film.withheld == ()


# class hours a day, minutes of a class hour; milliseconds of film
LIMITS = [
    (None,            45, None),
    (Decimal(4),      45, 4 * 45 * 60_000),
    (Decimal("0.5"),  45, 1_350_000),
    (Decimal(8),      40, 8 * 40 * 60_000),
    (Decimal("0.01"), 45, 27_000),
]  # fmt: skip


@pytest.mark.parametrize(("class_hours", "minutes", "limit_ms"), LIMITS)
def test_the_days_limit_is_in_class_hours_of_the_programme(
    class_hours: Decimal | None, minutes: int, limit_ms: int | None
) -> None:
    text = Text("", "")
    component = Component("video", ComponentKind.VIDEO, text, Decimal(1))
    rule = WatchingRule(daily_limit_class_hours=class_hours)
    programme = Programme("p", text, text, WINDOW, (component,), Decimal(1), class_hour_minutes=minutes, watching=rule)
    assert Terms.of(programme) == Terms(WINDOW, rule, limit_ms)
    assert not Terms.of(programme).checks_presence


# --- films in order ---------------------------------------------------------------------------------------------------

IN_ORDER = WatchingRule(skipping_ahead=False)
SKIPPED = Reason.SKIPPED_AHEAD

# beats of one session, at 100 s and later; what is covered after all of them, and what is held
ORDERS: list[tuple[list[list[tuple[int, int]]], Segments, Withheld]] = [
    ([[(0, 10)]],                                   ((0, 10),),             []),
    ([[(5, 10)]],                                   (),                     [(5, 10, SKIPPED)]),
    ([[(5, 10)], [(0, 5)]],                         ((0, 10),),             []),
    ([[(5, 10), (0, 5)]],                           ((0, 10),),             []),
    ([[(5, 10)], [(0, 4)]],                         ((0, 4),),              [(5, 10, SKIPPED)]),
    ([[(20, 30)], [(10, 20)], [(0, 10)]],           ((0, 30),),             []),
    ([[(0, 10), (10, 20), (30, 40)]],               ((0, 20),),             [(30, 40, SKIPPED)]),
    ([[(0, 10)], [(0, 15), (20, 30)], [(15, 19)]],  ((0, 19),),             [(20, 30, SKIPPED)]),
    ([[(20, 30)], [(15, 35)], [(0, 15)]],           ((0, 35),),             []),
]  # fmt: skip


@pytest.mark.parametrize(("beats", "covered", "held"), ORDERS)
def test_without_skipping_a_film_counts_as_far_as_all_before_does(
    beats: list[list[tuple[int, int]]], covered: Segments, held: Withheld
) -> None:
    world = World(rule=IN_ORDER)
    for number, claims in enumerate(beats):
        assert world.judge(*claims, now=after(100 + number)).withheld == ()
    assert world.film.covered == world.play.unposted == covered
    assert plain(held_stretches(world.film, [world.play], world.terms)) == held
    asked = intervals.merge(claim for claims in beats for claim in claims)
    assert world.lease.spent_ms == intervals.length(asked)


def test_a_gap_filled_under_one_session_lets_count_what_others_played_behind_it() -> None:
    world = World(rule=IN_ORDER)
    first, second = Play(lease()), Play(lease())
    world.judge((20, 30), now=after(100), play=first)
    world.judge((10, 20), now=after(100), play=second, siblings=(first,))
    assert plain(held_stretches(world.film, [first, second], world.terms)) == [(10, 20, SKIPPED), (20, 30, SKIPPED)]
    # The first one's turn is before the second one's, whose film it needs: it is asked again.
    verdict = world.judge((0, 10), (30, 40), now=after(100), siblings=(first, second))
    assert verdict.credited == ((0, 10),)
    assert verdict.redeemed == ((10, 40),)
    assert world.film.covered == ((0, 40),)
    assert (first.unposted, second.unposted) == (((20, 30),), ((10, 20),))
    assert [one.has_open_matters for one in (first, second, world.play)] == [False] * 3


def test_what_was_missed_is_no_gap_before_the_rest() -> None:
    world = World(rule=IN_ORDER, covered=((0, 10), (20, 25)))
    world.film.missed = ((10, 20), (25, 30))
    assert world.judge((30, 40), now=after(100)).credited == ((30, 40),)
    assert world.judge((41, 50), now=after(100)).held == (Stretch(41, 50, SKIPPED),)


# --- proof of delivery ------------------------------------------------------------------------------------------------

PROVEN = WatchingRule(delivery_proof=True)


def test_what_was_not_served_is_held_and_comes_back_with_the_proof() -> None:
    world = World(rule=PROVEN)
    world.play.delivered = ((0, 6_000), (12_000, 18_000))
    verdict = world.judge((0, 15_000), now=after(100))
    assert verdict.credited == ((0, 6_000), (12_000, 15_000))
    assert plain(verdict.held) == [(6_000, 12_000, Reason.NOT_DELIVERED)]
    assert held_stretches(world.film, [world.play], world.terms) == verdict.held
    assert world.lease.spent_ms == 15_000
    world.play.delivered = ((0, 18_000),)
    later = world.judge(now=after(101))
    assert (later.credited, later.redeemed) == ((), ((6_000, 12_000),))
    assert world.film.covered == ((0, 15_000),)
    assert world.lease.spent_ms == 15_000


def test_a_held_stretch_that_is_claimed_again_costs_nothing_again() -> None:
    world = World(rule=PROVEN)
    for seconds in (10, 11):
        assert plain(world.judge((0, 15_000), now=after(seconds)).held) == [(0, 15_000, Reason.NOT_DELIVERED)]
    assert world.lease.spent_ms == 15_000
    world.play.delivered = ((0, 15_000),)
    assert world.judge((0, 15_000), now=after(12)).credited == ((0, 15_000),)
    assert world.lease.spent_ms == 15_000


def test_what_is_served_to_one_session_proves_nothing_for_another() -> None:
    world = World(rule=PROVEN)
    other = Play(lease(), delivered=((0, 15_000),))
    assert world.judge((0, 15_000), now=after(10), siblings=(other,)).credited == ()


def test_a_film_in_order_and_proven_waits_for_both() -> None:
    world = World(rule=replace(PROVEN, skipping_ahead=False))
    world.play.delivered = ((0, 10), (20, 30))
    assert world.judge((0, 30), now=after(100)).credited == ((0, 10),)
    held = [(10, 20, Reason.NOT_DELIVERED), (20, 30, SKIPPED)]
    assert plain(held_stretches(world.film, [world.play], world.terms)) == held
    world.play.delivered = ((0, 30),)
    assert world.judge(now=after(100)).redeemed == ((10, 30),)


# --- what is remembered as withheld -----------------------------------------------------------------------------------


def test_the_latest_reason_is_the_one_that_is_told() -> None:
    world = World(limit_ms=60_000)
    world.judge((0, 40_000), now=after(10))
    assert plain(world.film.withheld) == [(15_000, 40_000, FAST)]
    world.days.used_ms = {WINDOW.day_of(OPENED): 60_000}
    world.judge((20_000, 30_000), now=after(100))
    limit = Reason.DAILY_LIMIT
    assert plain(world.film.withheld) == [(15_000, 20_000, FAST), (20_000, 30_000, limit), (30_000, 40_000, FAST)]
    world.days.used_ms = {}
    world.judge((15_000, 35_000), now=after(100))
    assert plain(world.film.withheld) == [(35_000, 40_000, FAST)]


def test_stretches_withheld_for_one_reason_are_told_as_one() -> None:
    world = World()
    world.judge((0, 10), (10, 20), (15, 30), now=after(0))
    assert plain(world.film.withheld) == [(0, 30, FAST)]


def test_what_is_not_on_the_film_cannot_be_watched_again_and_is_not_remembered() -> None:
    world = World()
    world.judge((-5, 10), (FILM_MS, FILM_MS + 10), now=after(100))
    assert world.film.withheld == ()


def test_no_more_is_remembered_than_can_be_shown_and_the_latest_of_it() -> None:
    world = World()
    scattered = [(place * 20, place * 20 + 10) for place in range(1, MOST_WITHHELD + 50)]
    world.judge(*scattered, now=after(0))
    assert len(world.film.withheld) == MOST_WITHHELD
    world.judge((0, 5), now=after(0))
    assert len(world.film.withheld) == MOST_WITHHELD
    assert world.film.withheld[0] == Stretch(0, 5, FAST)
