"""The rule of watching on cases one can follow by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import (
    Claim,
    Lease,
    Reason,
    Stretch,
    Verdict,
    budget_ms,
    end_lease,
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


def judge(
    *claims: tuple[int, int],
    now: datetime,
    held: Lease | None = None,
    covered: Segments = (),
    window: Window = WINDOW,
    rule: WatchingRule = RULE,
) -> Verdict:
    return judge_beat(
        [Claim(start, end) for start, end in claims],
        covered=covered,
        video_ms=FILM_MS,
        lease=held or lease(),
        window=window,
        rule=rule,
        now=now,
    )


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
    verdict = judge((0, 60_000), now=after(10), held=lease(max_rate=Fraction(max_rate)))
    assert verdict.credited == verdict.covered == ((0, credited_ms),)
    assert verdict.withheld == (Stretch(credited_ms, 60_000, Reason.TOO_FAST),)
    assert verdict.lease.spent_ms == verdict.credited_ms == credited_ms


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
    verdict = judge(*claims, now=after(100), covered=covered)
    assert verdict.credited == credited
    assert [(one.from_ms, one.to_ms, one.reason) for one in verdict.withheld] == withheld
    assert verdict.covered == intervals.merge(covered + credited)


def test_a_claim_that_could_not_be_read_is_withheld_as_malformed() -> None:
    verdict = judge_beat(
        [Claim(0, 0, well_formed=False), Claim(0, 1000)],
        covered=(),
        video_ms=FILM_MS,
        lease=lease(),
        window=WINDOW,
        rule=RULE,
        now=after(100),
    )
    assert verdict.withheld == (Stretch(0, 0, Reason.MALFORMED),)
    assert verdict.credited == ((0, 1000),)


def test_the_rate_a_client_names_decides_nothing() -> None:
    fast = [Claim(0, 60_000, rate_permille=rate) for rate in (0, 1000, 16_000)]
    verdicts = [
        judge_beat([one], covered=(), video_ms=FILM_MS, lease=lease(), window=WINDOW, rule=RULE, now=after(10))
        for one in fast
    ]
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
    verdict = judge(now=after(silence))
    assert verdict.lease_is_held is held
    assert verdict.lease.ended_at == (None if ended is None else after(ended))
    assert verdict.lease.last_contact_at == (after(silence) if held else OPENED)
    assert end_lease(lease(), after(silence), RULE).ended_at == (after(silence) if held else after(7_200))


def test_a_beat_after_the_end_draws_on_the_lease_as_long_as_it_was() -> None:
    ended = lease(ended_at=after(60), spent_ms=80_000)
    assert budget_ms(ended, after(59), WINDOW) == 8_500
    assert budget_ms(ended, after(60), WINDOW) == budget_ms(ended, after(90_000), WINDOW) == 10_000
    late = judge((0, 30_000), now=after(90_000), held=ended)
    assert late.credited_ms == 10_000
    assert late.lease.ended_at == after(60)
    assert late.lease.last_contact_at == OPENED


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
    beaten = judge((0, 15_000), now=after(10)).lease
    ended = end_lease(beaten, after(9), RULE)
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
