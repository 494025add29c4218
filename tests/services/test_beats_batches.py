"""Beats taken many at once give what one at a time gives: answers, coverage, evidence."""

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import NotAuthenticated, NotFound, Unavailable
from lms_plugin.domain.programme import Programme, WatchingRule
from lms_plugin.domain.watching import Claim, Reason, Stretch
from lms_plugin.services import auditing, sign_in, viewing, watch_desk
from lms_plugin.services.access import Actor
from lms_plugin.services.beats import BeatSent, BeatTaker, Sender
from lms_plugin.services.viewing import BeatAnswer
from lms_plugin.storage.activity import Coverage, PlaybackSession, PresenceCheck
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, enrol, make_programme, make_user, publish, video_of
from tests.services.viewers import after

LEARNERS = 12
ROUNDS = 6
WAIT_SECONDS = 60

Told = BeatAnswer | Exception


@dataclass(frozen=True)
class Someone:
    """A learner with a token and a playback session opened at NOW."""

    actor: Actor
    token: str
    enrolment_id: int
    video_id: int
    name: str

    def sends(
        self, seq: int, at: float, *segments: tuple[int, int], name: str = "", unanswered: int | None = None
    ) -> BeatSent:
        claims = [Claim(start, end) for start, end in segments]
        return BeatSent(Sender.with_token(self.token), name or self.name, seq, claims, after(at), unanswered)


def make_learners(database: Database, programme: Programme, prefix: str, count: int = LEARNERS) -> list[Someone]:
    made = []
    with database.writing() as session:
        current = publish(session, programme)
        video_id = video_of(session, current).id
        for number in range(count):
            user = make_user(session, f"{prefix}{number}")
            enrolment = enrol(session, user, current)
            token, _ = sign_in.issue_token(session, user.id, NOW, timedelta(days=9))
            actor = actor_for(session, user)
            made.append(Someone(actor, token, enrolment.id, video_id, f"{prefix}{number}"))
    for one in made:
        open_session(database, one)
    return made


def open_session(database: Database, one: Someone, name: str = "", at: float = 0) -> None:
    database.transact(
        lambda session: viewing.open_session(
            session,
            one.actor,
            video_id=one.video_id,
            enrolment_id=one.enrolment_id,
            new_id=name or one.name,
            now=after(at),
        )
    )


class Together:
    """A taker whose first batch lasts until everybody else waits, so that the rest is one batch for certain."""

    def __init__(self, database: Database) -> None:
        self.taker = BeatTaker(database)
        self.sizes: list[int] = []
        self._work = self.taker._take_all
        self._go_on = threading.Event()
        self._arrived = threading.Event()
        self.taker._group._work = self._hold

    def _hold(self, batch: Sequence[BeatSent]) -> Sequence[BeatAnswer | BaseException]:
        self._arrived.set()
        assert self._go_on.wait(WAIT_SECONDS)
        self.sizes.append(len(batch))
        return self._work(batch)

    def take(self, batch: Sequence[BeatSent]) -> list[Told]:
        """All of them in one batch, in their order."""
        self._go_on.clear()
        self._arrived.clear()
        self.sizes.clear()
        nobody = BeatSent(Sender.with_token("nobody's"), "nothing", 1, (), NOW)
        with ThreadPoolExecutor(len(batch) + 1) as pool:
            leader = pool.submit(told, self.taker, nobody)
            assert self._arrived.wait(WAIT_SECONDS)
            waiting = []
            for number, one in enumerate(batch, start=1):
                waiting.append(pool.submit(told, self.taker, one))
                self._wait_for(number)
            self._go_on.set()
            assert isinstance(leader.result(WAIT_SECONDS), NotAuthenticated)
            answers = [one.result(WAIT_SECONDS) for one in waiting]
        assert self.sizes == [1, len(batch)]
        return answers

    def _wait_for(self, length: int) -> None:
        pause = threading.Event()
        for _ in range(10_000):
            if len(self.taker._group._queue) >= length:
                return
            pause.wait(0.002)
        raise AssertionError("a beat did not come to wait")


def told(taker: BeatTaker, one: BeatSent) -> Told:
    try:
        return taker.take(one)
    except Exception as fault:
        return fault


@pytest.fixture
def together(database: Database) -> Together:
    return Together(database)


@pytest.fixture(autouse=True)
def even_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presence checks come at the same place for everybody, so that two ways can be compared."""

    class Even(random.SystemRandom):
        def randint(self, a: int, b: int) -> int:
            return a

    monkeypatch.setattr(watch_desk, "_RANDOM", Even())


def books(database: Database, one: Someone) -> tuple[Any, ...]:
    """All that beats leave behind, but for names and numbers of the store."""
    with database.reading() as session:
        assert auditing.first_difference(session, one.actor.user_id) is None
        film = session.get(Coverage, (one.enrolment_id, one.video_id))
        plays = session.scalars(
            select(PlaybackSession).where(PlaybackSession.user_id == one.actor.user_id).order_by(PlaybackSession.number)
        ).all()
        checks = session.scalars(select(PresenceCheck).where(PresenceCheck.user_id == one.actor.user_id)).all()
        left_out = {"user_id", "id", "enrolment_id", "video_id", "module_id"}
        rows = [
            tuple(getattr(row, column.name) for column in row.__table__.columns if column.name not in left_out)
            for row in (*([film] if film is not None else []), *plays)
        ]
        return (*rows, *((check.number, check.issued_at, check.answer_by, check.outcome) for check in checks))


def assert_all_agree(database: Database) -> None:
    with database.reading() as session:
        for user_id in session.scalars(select(User.id)).all():
            assert auditing.first_difference(session, user_id) is None


def same(one: Told, other: Told) -> bool:
    """The same answer, whatever the draw made of a check's question."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return type(one) is type(other)
    return bare(one) == bare(other)


def bare(answer: BeatAnswer) -> tuple[Any, ...]:
    check = answer.check
    return (replace(answer, check=None), None if check is None else (check.number, check.answer_by))


PROGRAMMES = {
    "plain": make_programme("plain"),
    "checked": make_programme("checked", watching=WatchingRule(presence_check_minutes=2, presence_answer_seconds=60)),
    "limited": make_programme("limited", watching=WatchingRule(daily_limit_class_hours=Decimal("0.05"))),
    "ordered": make_programme("ordered", watching=WatchingRule(skipping_ahead=False)),
    "proven": make_programme("proven", watching=WatchingRule(delivery_proof=True)),
}


def evening(seed: int, one: Someone) -> Iterator[list[BeatSent]]:
    """What a learner sends, round by round: plain, overlapping, too much, out of order, repeated, odd."""
    chance = random.Random(seed)
    position, sent = 0, list[BeatSent]()
    for number in range(1, ROUNDS + 1):
        at = 40.0 * number
        end = position + chance.choice([20_000, 40_000, 60_000, 90_000])
        segments = [(position, end)]
        if chance.random() < 0.3:
            segments.append((chance.randrange(0, 900_000), 1_300_000))
        if chance.random() < 0.3:
            segments.insert(0, (5, 5))
        if chance.random() < 0.2:
            segments = []
        sent.append(one.sends(number, at, *segments, unanswered=1 if chance.random() < 0.3 else None))
        position = end + (10_000 if chance.random() < 0.3 else 0)
        now = [sent[-1]] if chance.random() > 0.2 else []
        if chance.random() < 0.4:
            now.append(replace(chance.choice(sent), received_at=after(at)))
        yield now


@pytest.mark.parametrize("key", PROGRAMMES)
def test_many_at_once_give_what_one_at_a_time_gives(database: Database, together: Together, key: str) -> None:
    programme = PROGRAMMES[key]
    many = make_learners(database, programme, "together")
    single = make_learners(database, programme, "alone")
    alone = BeatTaker(database)
    rounds = [list(zip(*(evening(seed, one) for seed, one in enumerate(side)), strict=True)) for side in (many, single)]
    for of_many, of_single in zip(*rounds, strict=True):
        batch = [one for several in of_many for one in several]
        in_turn = [one for several in of_single for one in several]
        answers = together.take(batch)
        expected = [told(alone, one) for one in in_turn]
        for found, wanted, one in zip(answers, expected, batch, strict=True):
            assert same(found, wanted), f"{one}\n{found}\n{wanted}"
    for one, other in zip(many, single, strict=True):
        assert books(database, one) == books(database, other)
    assert any(books(database, one)[0] for one in many)


def test_nobody_suffers_for_another_who_may_not(database: Database, together: Together) -> None:
    first, second, third = make_learners(database, PROGRAMMES["plain"], "t", 3)
    stale = replace(third, token="lmsp_forged")
    batch = [
        first.sends(1, 30, (0, 20_000)),
        stale.sends(1, 30, (0, 20_000)),
        second.sends(1, 30, (0, 20_000), name="nowhere"),
        second.sends(1, 30, (0, 20_000), name=first.name),
        BeatSent(Sender(page=(third.actor.user_id, 7)), third.name, 1, (), after(30)),
        BeatSent(Sender(page=(999_999, 0)), third.name, 1, (), after(30)),
        BeatSent(Sender(page=(2**62, 0)), third.name, 1, (), after(30)),
        BeatSent(Sender(page=(third.actor.user_id, 0)), third.name, 1, [Claim(0, 9_000)], after(30)),
        second.sends(1, 30, (0, 20_000)),
    ]
    answers = together.take(batch)
    kinds = [type(one) for one in answers]
    assert kinds == [
        *(BeatAnswer, NotAuthenticated, NotFound, NotFound),
        *(NotAuthenticated, NotAuthenticated, NotAuthenticated, BeatAnswer, BeatAnswer),
    ]
    assert [one.covered_ms for one in answers if isinstance(one, BeatAnswer)] == [20_000, 9_000, 20_000]
    assert_all_agree(database)


def test_one_that_cannot_be_dealt_with_harms_nobody_else(
    database: Database, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners = make_learners(database, PROGRAMMES["plain"], "t", 5)
    real = viewing.beat_at

    def fails_for_one(desk: Any, user_id: int, *rest: Any, **more: Any) -> BeatAnswer:
        answer = real(desk, user_id, *rest, **more)
        if user_id == learners[2].actor.user_id:
            raise ZeroDivisionError
        return answer

    monkeypatch.setattr("lms_plugin.services.beats.beat_at", fails_for_one)
    answers = together.take([one.sends(1, 30, (0, 20_000)) for one in learners])
    assert [type(one) for one in answers] == [BeatAnswer] * 2 + [ZeroDivisionError] + [BeatAnswer] * 2
    monkeypatch.undo()
    again = together.take([one.sends(1, 35, (0, 20_000)) for one in learners])
    for number, (before, now) in enumerate(zip(answers, again, strict=True)):
        assert isinstance(now, BeatAnswer)
        assert now.credited == ((0, 20_000),)
        assert number == 2 or before == now
    assert_all_agree(database)


def test_a_store_that_is_gone_is_told_to_all_of_a_batch_and_takes_nothing(
    database: Database, together: Together
) -> None:
    learners = make_learners(database, PROGRAMMES["plain"], "t", 3)
    with pulled(together):
        answers = together.take([one.sends(1, 30, (0, 20_000)) for one in learners])
    assert [type(one) for one in answers] == [Unavailable] * 3
    answers = together.take([one.sends(1, 31, (0, 20_000)) for one in learners])
    assert [one.credited for one in answers if isinstance(one, BeatAnswer)] == [((0, 20_000),)] * 3


@contextmanager
def pulled(together: Together) -> Iterator[None]:
    gone = Database("postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    kept, work = together.taker._database, together._work

    def without_store(batch: Sequence[BeatSent]) -> Sequence[BeatAnswer | BaseException]:
        if len(batch) > 1:
            together.taker._database = gone
        return work(batch)

    together._work = without_store
    yield
    together.taker._database, together._work = kept, work
    gone.dispose()


def test_repeats_inside_one_batch_get_the_first_ones_answer(database: Database, together: Together) -> None:
    one, other = make_learners(database, PROGRAMMES["plain"], "t", 2)
    beat = one.sends(1, 30, (0, 60_000))
    answers = together.take([beat, other.sends(1, 30), beat, replace(beat, claims=[Claim(0, 1)]), beat])
    first = answers[0]
    assert isinstance(first, BeatAnswer)
    assert (first.credited, first.withheld) == (((0, 45_000),), (Stretch(45_000, 60_000, Reason.TOO_FAST),))
    assert answers[2:] == [first] * 3
    assert_all_agree(database)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_beats_of_one_session_in_one_batch_count_in_either_order(
    database: Database, together: Together, order: tuple[int, int]
) -> None:
    (one,) = make_learners(database, PROGRAMMES["plain"], "t", 1)
    beats = {1: one.sends(1, 60, (0, 30_000)), 2: one.sends(2, 60, (30_000, 75_000))}
    answers = together.take([beats[seq] for seq in order])
    assert [one.credited for one in answers if isinstance(one, BeatAnswer)] == [
        {1: ((0, 30_000),), 2: ((30_000, 75_000),)}[seq] for seq in order
    ]
    assert [one.covered_ms for one in answers if isinstance(one, BeatAnswer)][-1] == 75_000
    assert together.take([beats[1], beats[2]]) == sorted(answers, key=lambda one: one.credited)
    assert_all_agree(database)


def test_together_they_get_no_more_than_their_session_has_room_for(database: Database, together: Together) -> None:
    (one,) = make_learners(database, PROGRAMMES["plain"], "t", 1)
    answers = together.take([one.sends(seq, 20, (seq * 100_000, seq * 100_000 + 25_000)) for seq in (1, 2, 3)])
    assert [one.credited for one in answers if isinstance(one, BeatAnswer)] == [
        ((100_000, 125_000),),
        ((200_000, 205_000),),
        (),
    ]
    assert_all_agree(database)


def test_two_sessions_of_one_person_in_one_batch(database: Database, together: Together) -> None:
    (one,) = make_learners(database, PROGRAMMES["plain"], "t", 1)
    open_session(database, one, "later", at=20)
    answers = together.take(
        [
            one.sends(1, 40, (20_000, 40_000), name="later"),
            one.sends(1, 40, (0, 20_000)),
            one.sends(2, 40, (40_000, 50_000), name="later"),
            one.sends(2, 40, (10_000, 30_000)),
        ]
    )
    told_of = [(one.credited, one.lease_is_held) for one in answers if isinstance(one, BeatAnswer)]
    assert told_of == [
        (((20_000, 40_000),), True),
        (((0, 20_000),), False),
        (((40_000, 50_000),), True),
        ((), False),
    ]
    assert answers[-1].covered_ms == 50_000
    assert_all_agree(database)


def test_a_check_that_one_beat_of_a_batch_brings_is_open_for_the_next(database: Database, together: Together) -> None:
    (one,) = make_learners(database, PROGRAMMES["checked"], "t", 1)
    answers = together.take(
        [one.sends(1, 60, (0, 65_000)), one.sends(2, 60, (65_000, 80_000)), one.sends(1, 60, (0, 65_000))]
    )
    checks = [one.check for one in answers if isinstance(one, BeatAnswer)]
    assert [check.number if check else None for check in checks] == [1, 1, 1]
    later = together.take([one.sends(3, 130, unanswered=1), one.sends(4, 130, (80_000, 90_000), unanswered=1)])
    first, second = (one for one in later if isinstance(one, BeatAnswer))
    assert first.film_changed
    assert first.check is not None
    assert first.check.number == 2
    assert second.held == (Stretch(80_000, 90_000, Reason.PRESENCE_PENDING),)
    assert_all_agree(database)


def test_an_audience_that_sends_all_at_once_is_credited_whole(database: Database) -> None:
    taker = BeatTaker(database)
    learners = make_learners(database, PROGRAMMES["plain"], "t", 24)
    wrong: list[Told] = []

    def run(one: Someone) -> None:
        for seq in range(1, 9):
            answer = told(taker, one.sends(seq, 30 * seq, ((seq - 1) * 30_000, seq * 30_000)))
            if not isinstance(answer, BeatAnswer) or answer.covered_ms != seq * 30_000:
                wrong.append(answer)

    with ThreadPoolExecutor(len(learners)) as pool:
        list(pool.map(run, learners))
    assert wrong == []
    assert_all_agree(database)
