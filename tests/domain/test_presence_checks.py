"""Presence checks on cases one can follow by hand: when one is put, and what its answer, or none, does to the film."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import presence as checks
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watcher import Watcher
from lms_plugin.domain.watching import Claim, Days, Film, Lease, Play, Presence, Reason, Terms
from tests.domain.in_memory_desk import InMemoryDesk, PlayAtDesk

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
RULE = WatchingRule(presence_check_minutes=15)
OPENED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FILM_MS = 1_200_000
PENDING, MISSED = Reason.PRESENCE_PENDING, Reason.PRESENCE_UNANSWERED


def after(seconds: float) -> datetime:
    return OPENED + timedelta(seconds=seconds)


class Evening:
    """A person who plays a film second by second; each check is drawn 60 s of new film after the last answer."""

    def __init__(self, rule: WatchingRule = RULE, films: dict[int, int] | None = None, **terms: Any) -> None:
        both = {(1, 1): Terms(WINDOW, rule, **terms), (2, 1): Terms(WINDOW, WatchingRule())}
        self.desk = InMemoryDesk(films or {1: FILM_MS, 2: FILM_MS}, both, draw=lambda _: 60_000)
        self.one = self.desk.open(1, 1, OPENED)
        self.seq = 0

    def play(
        self, start: int, end: int, at: float, *, one: PlayAtDesk | None = None, unanswered: int | None = None
    ) -> int:
        """Report some seconds of film at a moment; gives the number of a check that is put with it."""
        self.seq += 1
        claims = [Claim(start * 1000, end * 1000)] if start < end else []
        return self.desk.beat((one or self.one).id, self.seq, claims, after(at), unanswered=unanswered).check

    @property
    def covered(self) -> list[tuple[int, int]]:
        return in_seconds(self.desk.films[1, 1].covered)

    @property
    def held(self) -> list[tuple[int, int, Reason]]:
        return [(one.from_ms // 1000, one.to_ms // 1000, one.reason) for one in self.desk.held((1, 1))]

    @property
    def ledger(self) -> list[int]:
        """The entries' seconds, after posting all that waits."""
        self.desk.post(after(90_000))
        self.desk.prove_by_replay()
        return [one.amount_ms // 1000 for one in self.desk.entries]


def in_seconds(segments: Segments) -> list[tuple[int, int]]:
    return [(start // 1000, end // 1000) for start, end in segments]


# minutes between checks; the least and the greatest distance in milliseconds of new film
DRAWS = [
    (None, (0, 0)),
    (1,    (30_000, 90_000)),
    (15,   (450_000, 1_350_000)),
    (20,   (600_000, 1_800_000)),
    (240,  (7_200_000, 21_600_000)),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "distances"), DRAWS)
def test_the_next_check_is_drawn_around_the_mean(minutes: int | None, distances: tuple[int, int]) -> None:
    assert checks.draw_range_ms(WatchingRule(presence_check_minutes=minutes)) == distances


INSIDE, BEFORE, AFTER = OPENED, WINDOW.opens_at - timedelta(seconds=1), WINDOW.closes_at
DUE, ON_THE_WAY, BLOCKED = Presence(next_in_ms=0), Presence(next_in_ms=1), Presence(next_in_ms=9, is_blocked=True)

# presence; whether the session is the latest, its lease's end, when; whether the programme checks; whether one is put
PUT: list[tuple[Presence, bool, datetime | None, datetime, bool, bool]] = [
    (DUE,         True,  None,   INSIDE, True,  True),
    (BLOCKED,     True,  None,   INSIDE, True,  True),
    (ON_THE_WAY,  True,  None,   INSIDE, True,  False),
    (Presence(),  True,  None,   INSIDE, True,  False),
    (DUE,         False, None,   INSIDE, True,  False),
    (BLOCKED,     False, None,   INSIDE, True,  False),
    (DUE,         True,  INSIDE, INSIDE, True,  False),
    (DUE,         True,  None,   BEFORE, True,  False),
    (DUE,         True,  None,   AFTER,  True,  False),
    (DUE,         True,  None,   INSIDE, False, False),
    (BLOCKED,     True,  None,   INSIDE, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("presence", "is_latest", "ended_at", "now", "checked", "is_put"), PUT)
def test_a_check_is_put_only_to_the_player_that_holds_the_lease_inside_the_window(
    presence: Presence, is_latest: bool, ended_at: datetime | None, now: datetime, checked: bool, is_put: bool
) -> None:
    mine = Presence(presence.next_in_ms, presence.is_blocked)
    rule = RULE if checked else WatchingRule()
    play = Play(Lease(now, now, rule.max_rate, ended_at=ended_at))
    watcher = Watcher(mine, 4, lambda: ())
    taken = watcher.beat(
        [],
        film=Film(FILM_MS),
        play=play,
        days=Days(),
        terms=Terms(WINDOW, rule),
        now=now,
        draw_ms=60_000,
        holds_lease=is_latest,
    )
    assert taken.check == (5 if is_put else 0)
    assert watcher.put == 4 + is_put
    expected = (5, now + timedelta(seconds=180), 2) if is_put else (None, None, 0)
    assert (mine.open_number, mine.answer_by, mine.tries_left) == expected


def test_a_check_comes_after_its_distance_of_new_film_and_holds_nothing_while_it_is_open() -> None:
    evening = Evening()
    assert [evening.play(start, start + 20, start + 20) for start in (0, 20, 40, 60)] == [0, 0, 1, 0]
    assert evening.covered == [(0, 80)]
    assert evening.held == []
    assert evening.ledger == [80]


def test_film_that_counts_already_brings_no_check_nearer() -> None:
    evening = Evening()
    assert [evening.play(0, 59, 60 + number) for number in range(5)] == [0] * 5
    assert evening.play(59, 60, 70) == 1


def test_a_right_answer_is_a_sign_of_presence_and_the_next_check_is_drawn_anew() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    marked = evening.desk.answer(1, True, after(70))
    assert marked is not None
    assert (marked.passed, marked.film_changed, marked.check) == (True, False, 0)
    assert evening.play(60, 119, 120) == 0
    assert evening.play(119, 120, 121) == 2
    # What was watched before the last sign is safe from the next check.
    evening.desk.sweep(after(400))
    assert evening.covered == [(0, 60)]
    assert evening.held == [(60, 120, PENDING)]


def test_a_wrong_answer_leaves_another_try_within_the_same_time() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    marked = evening.desk.answer(1, False, after(70))
    assert marked is not None
    assert (marked.passed, marked.film_changed, marked.check) == (False, False, 2)
    assert evening.desk.presence.answer_by == after(240)
    assert evening.desk.answer(1, True, after(71)) is None
    assert evening.desk.answer(2, True, after(72)) is not None
    assert evening.covered == [(0, 60)]
    assert evening.ledger == [60]


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_wrong_to_the_end_is_missed(tries: int) -> None:
    evening = Evening(WatchingRule(presence_check_minutes=15, presence_tries=tries))
    number = evening.play(0, 60, 60)
    for left in reversed(range(tries)):
        marked = evening.desk.answer(number, False, after(70))
        assert marked is not None
        assert marked.film_changed is (left == 0)
        number = marked.check
    assert number == 0
    assert evening.covered == []
    assert evening.held == [(0, 60, MISSED)]


# when a player says that nobody answered check 1, or 9, which there is not; what is covered then, and held
REPORTS: list[tuple[float, int, list[tuple[int, int]], list[tuple[int, int, Reason]]]] = [
    (239,    1, [(0, 60)], []),
    (240,    1, [],        [(0, 60, MISSED)]),
    (1_000,  1, [],        [(0, 60, MISSED)]),
    (239,    9, [(0, 60)], []),
    (240,    9, [],        [(0, 60, PENDING)]),
]  # fmt: skip


@pytest.mark.parametrize(("at", "number", "covered", "held"), REPORTS)
def test_a_player_that_says_nobody_answered_is_believed_once_the_time_is_up(
    at: float, number: int, covered: list[tuple[int, int]], held: list[tuple[int, int, Reason]]
) -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    evening.play(0, 0, at, unanswered=number)
    assert evening.covered == covered
    assert evening.held == held


def test_silence_makes_a_check_lapse_and_the_next_right_answer_brings_everything_back() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    assert not evening.desk.sweep(after(239))
    assert evening.desk.sweep(after(240))
    assert not evening.desk.sweep(after(241))
    assert evening.covered == []
    assert evening.held == [(0, 60, PENDING)]
    # Nothing new counts until somebody answers; the next check comes with the next word of the player.
    assert evening.play(60, 90, 300) == 2
    assert evening.play(90, 120, 330) == 0
    assert evening.covered == []
    assert evening.held == [(0, 120, PENDING)]
    marked = evening.desk.answer(2, True, after(340))
    assert marked is not None
    assert marked.film_changed
    assert evening.covered == [(0, 120)]
    assert evening.held == []
    assert evening.ledger == [120]


def test_silence_after_a_wrong_answer_gives_no_new_tries() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    evening.desk.answer(1, False, after(70))
    evening.desk.sweep(after(240))
    assert evening.held == [(0, 60, PENDING)]
    check = evening.play(60, 90, 250)
    assert evening.desk.presence.tries_left == 1
    evening.desk.answer(check, False, after(260))
    assert evening.held == [(0, 90, MISSED)]
    # What is missed is settled: the check after it has all its tries.
    evening.play(90, 100, 270)
    assert evening.desk.presence.tries_left == 2


# tries in the rules when the first check was put, wrong answers to it, tries in the rules by then; tries that are left
TRIES = [
    (2, 0, 2, 2),
    (3, 1, 3, 2),
    (3, 2, 3, 1),
    (3, 0, 1, 1),
    (1, 0, 3, 1),
]  # fmt: skip


@pytest.mark.parametrize(("first", "wrong", "later", "left"), TRIES)
def test_a_check_after_a_lapsed_one_has_the_tries_that_were_left(first: int, wrong: int, later: int, left: int) -> None:
    presence = Presence()
    checks.put(presence, 1, WatchingRule(presence_tries=first), OPENED)
    for _ in range(wrong):
        assert checks.answer_wrongly(presence, [])
    checks.lapse(presence, [])
    assert (presence.open_number, presence.answer_by, presence.is_blocked) == (None, None, True)
    checks.put(presence, 2, WatchingRule(presence_tries=later), after(300))
    assert presence.tries_left == left


def test_however_often_checks_lapse_an_answer_brings_all_of_it_back() -> None:
    evening = Evening()
    at = 0.0
    for start in range(0, 300, 60):
        at += 200
        evening.play(start, start + 60, at)
    assert evening.covered == []
    assert evening.desk.put > 2
    evening.desk.answer(evening.desk.presence.open_number or 0, True, after(at + 1))
    assert evening.covered == [(0, 300)]


def test_what_is_missed_comes_back_when_it_is_watched_again_after_an_answer() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    evening.play(0, 0, 240, unanswered=1)
    assert evening.desk.presence.open_number == 2
    evening.play(0, 30, 260)
    assert evening.held == [(0, 30, PENDING), (30, 60, MISSED)]
    evening.desk.answer(2, True, after(270))
    assert evening.covered == [(0, 30)]
    assert evening.held == [(30, 60, MISSED)]
    evening.play(30, 60, 300)
    assert evening.covered == [(0, 60)]
    assert evening.held == []
    assert evening.ledger == [60]


def test_what_is_pending_is_missed_where_the_next_check_is() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    evening.desk.sweep(after(240))
    evening.play(60, 80, 250)
    evening.play(0, 0, 430, unanswered=2)
    assert evening.held == [(0, 80, MISSED)]
    assert evening.ledger == []


def test_a_tutor_releases_what_is_missed_or_pending_and_nothing_else() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    evening.play(0, 0, 240, unanswered=1)
    evening.play(60, 80, 260)
    assert evening.desk.release(1, 1, ((10_000, 30_000), (60_000, 100_000)), after(300)) == 40_000
    assert evening.desk.release(1, 1, ((10_000, 30_000),), after(301)) == 0
    assert evening.desk.release(1, 2, ((0, 1),), after(301)) == 0
    assert evening.covered == [(10, 30), (60, 80)]
    assert evening.held == [(0, 10, MISSED), (30, 60, MISSED)]
    assert evening.ledger == [40]
    assert evening.desk.entries[0].decided_by_id == 7


# whether posted before the check and after it; how the ledger runs when it is missed, and when it lapsed and came back
LEDGERS = [
    (False, False, [],        [60]),
    (True,  False, [60, -60], [60]),
    (False, True,  [],        [60]),
    (True,  True,  [60, -60], [60, -60, 60]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "between", "missed", "lapsed"), LEDGERS)
def test_the_ledger_takes_back_only_what_it_had(
    before: bool, between: bool, missed: list[int], lapsed: list[int]
) -> None:
    for is_missed, ledger in ((True, missed), (False, lapsed)):
        evening = Evening()
        evening.play(0, 60, 60)
        if before:
            evening.desk.post(after(61))
        evening.play(0, 0, 240, unanswered=1 if is_missed else None)
        evening.desk.balance()
        if between:
            evening.desk.post(after(241))
        evening.desk.answer(2, True, after(250))
        assert evening.covered == ([] if is_missed else [(0, 60)])
        assert evening.ledger == ledger


def test_an_answer_brings_back_what_waited_behind_it_in_films_that_go_in_order() -> None:
    evening = Evening(WatchingRule(presence_check_minutes=15, skipping_ahead=False))
    first = evening.one
    evening.play(60, 100, 60)
    second = evening.desk.open(1, 1, after(70))
    evening.play(0, 60, 130, one=second)
    assert evening.covered == [(0, 100)]
    evening.desk.sweep(after(500))
    assert evening.covered == []
    assert first.play.pending == ((60_000, 100_000),)
    check = evening.play(100, 101, 501, one=second)
    # The first session's turn comes first, though what it has lies behind the second one's.
    evening.desk.answer(check, True, after(502))
    assert evening.covered == [(0, 101)]
    assert evening.held == []
    assert evening.ledger == [40, 61]


def test_what_waits_for_its_proof_still_does_after_an_answer() -> None:
    evening = Evening(WatchingRule(presence_check_minutes=15, delivery_proof=True))
    evening.desk.serve(evening.one.id, ((0, 50_000),))
    evening.play(0, 60, 60)
    assert evening.covered == [(0, 50)]
    evening.desk.sweep(after(240))
    check = evening.play(0, 0, 250)
    assert evening.held == [(0, 60, PENDING)]
    evening.desk.answer(check, True, after(251))
    assert evening.covered == [(0, 50)]
    assert evening.held == [(50, 60, Reason.NOT_DELIVERED)]


def test_a_check_is_the_persons_and_holds_the_films_of_all_their_programmes_that_ask() -> None:
    evening = Evening(films={1: FILM_MS, 2: FILM_MS})
    first = evening.one
    evening.play(0, 30, 30)
    second = evening.desk.open(1, 2, after(40))
    assert evening.play(0, 30, 70, one=second) == 1
    third = evening.desk.open(2, 1, after(80))
    evening.play(0, 20, 100, one=third)
    evening.desk.sweep(after(250))
    assert in_seconds(evening.desk.films[1, 1].covered) == in_seconds(evening.desk.films[1, 2].covered) == []
    assert (first.play.pending, second.play.pending) == (((0, 30_000),), ((0, 30_000),))
    # A programme without checks knows nothing of them, nor does it put one.
    assert evening.play(20, 40, 260, one=third) == 0
    assert in_seconds(evening.desk.films[2, 1].covered) == [(0, 40)]
    assert evening.desk.open(1, 1, after(300)).number == 4
    assert evening.desk.presence.open_number == 2
    evening.desk.answer(2, True, after(301))
    assert evening.covered == in_seconds(evening.desk.films[1, 2].covered) == [(0, 30)]


def test_a_check_that_nobody_could_be_shown_holds_what_comes_after_it() -> None:
    # Everything is sent under a session that has ended, and the one that holds the lease never says a word.
    evening = Evening()
    first = evening.one
    evening.desk.open(1, 2, after(600))
    assert evening.play(0, 60, 601, one=first) == 0
    assert evening.play(60, 300, 602, one=first) == 0
    assert evening.play(300, 600, 603, one=first) == 0
    assert evening.covered == [(0, 60)]
    assert evening.held == [(60, 600, PENDING)]
    # An honest teacher is asked as soon as a player is there, and loses nothing.
    evening.desk.open(1, 1, after(700))
    evening.desk.answer(1, True, after(701))
    assert evening.covered == [(0, 600)]
    assert evening.ledger == [600]


def test_an_answer_that_comes_late_counts_as_none() -> None:
    evening = Evening()
    evening.play(0, 60, 60)
    assert evening.desk.answer(1, True, after(240)) is None
    assert evening.held == [(0, 60, PENDING)]
    assert evening.desk.answer(1, True, after(241)) is None


SCRIPTS = st.lists(st.sampled_from(["play", "right", "wrong", "silence", "report", "post", "again"]), max_size=30)


@given(SCRIPTS)
def test_while_nobody_answers_nothing_new_counts(script: list[str]) -> None:
    evening = Evening()
    at, place = 0.0, 0
    desk = evening.desk
    for step in script:
        blocked, before = desk.presence.is_blocked, desk.films[1, 1].covered
        number = desk.presence.open_number
        at += 25
        if step in ("right", "wrong") and number is not None:
            desk.answer(number, step == "right", after(at))
        elif step == "silence":
            at += 200
            desk.sweep(after(at))
        elif step == "report":
            at += 200
            evening.play(0, 0, at, unanswered=number)
        elif step == "post":
            desk.post(after(at))
        elif step in ("play", "again"):
            place = min(1_100, place + 20) if step == "play" else 0
            evening.play(place, place + 20, at)
        if blocked and desk.presence.is_blocked:
            assert desk.films[1, 1].covered == before
        if not desk.presence.is_blocked and desk.presence.open_number is None:
            assert all(one.reason is not PENDING for one in desk.held((1, 1)))
        desk.balance()
    assert sum(evening.ledger) == desk.covered_ms // 1000


@given(SCRIPTS)
def test_whoever_answers_every_check_rightly_loses_nothing(script: list[str]) -> None:
    evening = Evening()
    at, place = 0.0, 0
    for step in script:
        at += 25
        if step == "silence":
            at += 200
            evening.desk.sweep(after(at))
        elif step == "play" and place < 1_100:
            place += 20
            evening.play(place - 20, place, at)
        elif step == "right" and evening.desk.presence.open_number is not None:
            evening.desk.answer(evening.desk.presence.open_number, True, after(at))
    evening.play(0, 0, at + 300)
    if evening.desk.presence.open_number is not None:
        evening.desk.answer(evening.desk.presence.open_number, True, after(at + 301))
    assert evening.covered == ([(0, place)] if place else [])
    assert evening.held == []
