"""The worker that runs for months: its loop, its chores, and what does not end it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Unavailable
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import delivery
from lms_plugin.services.delivery import Rhythm
from lms_plugin.services.ports import CompletionMessage, DeliveryAnswer
from lms_plugin.services.sending import Pace
from lms_plugin.services.watch_desk import POST_AFTER
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeVersion
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE
from tests.builders import NOW, actor_for, enrol, make_programme, make_user, publish, video_of, watch
from tests.services.delivery_rig import DeliveryRig, MoodyLms
from tests.services.lti_rig import make_account, make_link, make_lti_platform
from tests.waiting import until

QUICK = Rhythm(look_every_seconds=0.01, chores_every_seconds=0.02)


@pytest.fixture
def rig(database: Database) -> DeliveryRig:
    return DeliveryRig(database)


@contextmanager
def running(rig: DeliveryRig, database: Database | None = None) -> Iterator[threading.Event]:
    """A worker in a thread; it has ended by itself, without an error, when this is left."""
    stop, faults = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            delivery.run_worker(
                database or rig.database,
                rig.reporter,
                stop,
                worker="worker",
                clock=rig.clock,
                draw=lambda: 0.5,
                pace=Pace(lanes=2),
                rhythm=QUICK,
            )
        except BaseException as fault:
            faults.append(fault)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert faults == []


class Announcing(MoodyLms):
    """Sets an event for each learner it hears of."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.heard = {name: threading.Event() for name in names}

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        answer = super().send(message)
        self.heard[message.username].set()
        return answer


def test_the_worker_delivers_what_is_owed_before_and_while_it_runs(rig: DeliveryRig) -> None:
    lms = rig.use(Announcing("li", "wang"))
    first, second = rig.learner("li"), rig.learner("wang")
    report_id = rig.owe(first, "0.5")
    with running(rig):
        assert lms.heard["li"].wait(20)
        rig.owe(second, "0.75")
        assert lms.heard["wang"].wait(20)
    assert rig.report(report_id).state == ACKNOWLEDGED
    assert (rig.stored(first), rig.stored(second)) == (Decimal("0.5"), Decimal("0.75"))


def test_the_worker_owes_once_more_what_appeared_some_minutes_ago(rig: DeliveryRig) -> None:
    with rig.database.writing() as session:
        platform = make_lti_platform(session)
        link = make_link(session, platform, rig.current)
        user = make_user(session, "li")
        account = make_account(session, platform, user)
        link.owe_again_at = account.owe_again_at = rig.clock()

    def left() -> int:
        with rig.database.reading() as session:
            rows = [*session.scalars(select(LtiLink)), *session.scalars(select(PlatformAccount))]
            return sum(one.owe_again_at is not None for one in rows)

    with running(rig):
        until(lambda: left() == 0, "still to be owed once more")


def test_a_worker_that_is_told_to_stop_records_what_is_in_the_air_and_gives_back_the_rest(rig: DeliveryRig) -> None:
    class Stopping(MoodyLms):
        stop: threading.Event | None = None

        def send(self, message: CompletionMessage) -> DeliveryAnswer:
            assert self.stop is not None
            self.stop.set()
            return super().send(message)

    lms = Stopping()
    rig.use(lms)
    for number in range(10):
        rig.owe(rig.learner(f"teacher{number}"), "0.5")
    stop = threading.Event()
    lms.stop = stop
    delivery.run_worker(
        rig.database, rig.reporter, stop, worker="worker", clock=rig.clock, pace=Pace(lanes=2), rhythm=QUICK
    )
    reports = rig.reports()
    assert 1 <= sum(report.state == ACKNOWLEDGED for report in reports) == len(lms.sent) <= 2
    assert {report.leased_by for report in reports} == {None}


def test_a_platform_that_hangs_holds_up_no_other(rig: DeliveryRig) -> None:
    let_go = threading.Event()

    class Hanging(MoodyLms):
        def send(self, message: CompletionMessage) -> DeliveryAnswer:
            assert let_go.wait(20)
            return super().send(message)

    other = rig.add_platform("other", Announcing("li", "wang"))
    assert isinstance(other, Announcing)
    rig.use(Hanging())
    first, second = rig.learner("li"), rig.learner("wang")
    rig.owe(first, "0.5")
    rig.owe(first, "0.5", platform="other")
    with running(rig):
        assert other.heard["li"].wait(20)
        rig.owe(second, "0.5", platform="other")
        assert other.heard["wang"].wait(20)
        let_go.set()
    assert rig.stored(second, lms=other) == Decimal("0.5")


def test_a_store_that_goes_away_and_comes_back_does_not_end_the_worker(rig: DeliveryRig) -> None:
    refused, is_away = threading.Event(), threading.Event()

    class Wavering(Database):
        @contextmanager
        def reading(self) -> Iterator[Session]:
            if is_away.is_set():
                refused.set()
                raise Unavailable(why="no answer")
            with super().reading() as session:
                yield session

    wavering = Wavering(rig.database.engine.url.render_as_string(hide_password=False))
    lms = rig.use(Announcing("li"))
    is_away.set()
    rig.owe(rig.learner("li"), "0.5")
    with running(rig, wavering):
        assert refused.wait(20)
        is_away.clear()
        assert lms.heard["li"].wait(20)
    wavering.dispose()


def test_a_reporter_that_raises_does_not_end_the_worker_nor_the_other_platforms(rig: DeliveryRig) -> None:
    raised = threading.Event()

    class Broken(MoodyLms):
        def send(self, message: CompletionMessage) -> DeliveryAnswer:
            raised.set()
            raise RuntimeError("a mistake in an adapter")

    other = rig.add_platform("other", Announcing("li"))
    assert isinstance(other, Announcing)
    rig.use(Broken())
    learner = rig.learner("li")
    report_id = rig.owe(learner, "0.5")
    with running(rig):
        assert raised.wait(20)
        rig.owe(learner, "0.5", platform="other")
        assert other.heard["li"].wait(20)
    assert rig.report(report_id).leased_by == "worker"  # comes back when the lease ends
    rig.use(MoodyLms()).enrol("li", COURSE)
    rig.clock.advance(seconds=rig.pace.lease_seconds)
    rig.deliver()
    assert rig.report(report_id).state == ACKNOWLEDGED


def test_the_worker_mends_times_of_a_clock_that_ran_ahead(rig: DeliveryRig) -> None:
    lms = rig.use(Announcing("li"))
    report_id = rig.owe(rig.learner("li"), "0.5")
    with rig.database.writing() as session:
        session.get_one(Report, report_id).next_attempt_at = rig.clock() + timedelta(days=400)
    with running(rig):
        assert lms.heard["li"].wait(20)


class TestWatchingThatNobodyAskedFor:
    def test_is_posted_after_a_while(self, database: Database) -> None:
        with database.writing() as session:
            current = publish(session)
            user = make_user(session)
            enrolment = enrol(session, user, current)
            last_beat_at = watch(
                session, actor_for(session, user), enrolment, video_of(session, current), 2 * MINUTE_MS
            )
        too_soon = last_beat_at + POST_AFTER - timedelta(seconds=1)
        assert delivery.settle_watching(database, too_soon) == 0
        assert delivery.settle_watching(database, last_beat_at + POST_AFTER) == 1
        assert delivery.settle_watching(database, last_beat_at + POST_AFTER) == 0
        with database.reading() as session:
            assert session.get_one(Enrolment, enrolment.id).counted_ms == 2 * MINUTE_MS

    def test_of_one_learner_that_cannot_be_posted_holds_up_nobody_else(self, database: Database) -> None:
        with database.writing() as session:
            for key in ("broken", "sound"):
                current = publish(session, make_programme(key))
                user = make_user(session, f"learner-{key}")
                enrolment = enrol(session, user, current)
                watch(session, actor_for(session, user), enrolment, video_of(session, current), 2 * MINUTE_MS)
                if key == "broken":
                    session.execute(delete(ProgrammeVersion).where(ProgrammeVersion.programme_id == current.id))
        assert delivery.settle_watching(database, NOW + timedelta(hours=1)) == 1
        with database.reading() as session:
            assert session.get_one(Enrolment, enrolment.id).counted_ms == 2 * MINUTE_MS

    def test_stops_when_it_is_told_to(self, database: Database) -> None:
        with database.writing() as session:
            current = publish(session)
            user = make_user(session)
            watch(
                session, actor_for(session, user), enrol(session, user, current), video_of(session, current), MINUTE_MS
            )
        stop = threading.Event()
        stop.set()
        assert delivery.settle_watching(database, NOW + timedelta(hours=1), stop) == 0

    def test_is_posted_by_the_worker_and_reaches_the_lms(self, rig: DeliveryRig) -> None:
        lms = rig.use(Announcing("li"))
        learner = rig.learner("li")
        with rig.database.writing() as session:
            enrolment = session.get_one(Enrolment, learner.enrolment_id)
            watch(
                session,
                actor_for(session, session.get_one(User, learner.user_id)),
                enrolment,
                video_of(session, rig.current),
                2 * MINUTE_MS,
            )
        rig.clock.advance(hours=1)
        with running(rig):
            assert lms.heard["li"].wait(20)
