"""What learners earn reaches the genuine completion API, whatever happens on the way: nothing lost, one effect.

Everything is real here but the course: the store, the worker, the adapter, and the published edx-completion package
behind tokens of django-oauth-toolkit, with faults in front of it.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.openedx.completion_api import BATCH_PATH, CompletionApi
from lms_plugin.adapters.openedx.service_account import OAUTH_PATH
from lms_plugin.domain.programme import MINUTE_MS, LmsCourse, Module, Text
from lms_plugin.services import delivery, outbox, platforms, reconciling
from lms_plugin.services.delivery import Rhythm
from lms_plugin.services.outbox import CONFIRM_AFTER
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.services.ports import LmsReporter
from lms_plugin.services.reconciling import Comparison
from lms_plugin.services.sending import DeliveryRound, Pace, utc_now
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING, Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, LTI, VIDEO_1, VIDEO_2
from tests.builders import NOW, actor_for, credit, enrol, make_programme, make_user, publish, video_of, watch
from tests.peers.process import ROOT, OpenEdxPeer
from tests.stores import ON_POSTGRESQL
from tests.waiting import GIVE_UP_SECONDS, until

pytestmark = ON_POSTGRESQL  # what differs between the stores is below, and tried there

PLATFORM = "openedx"
SECRET_KEY = "a secret key of a test, long enough to be one"
HURRIED_SECONDS = 1.5
TOO_LONG_SECONDS = 60
OUTAGE_HOURS = 6
COMPLETIONS = int(os.environ.get("OUTAGE_COMPLETIONS", "120"))
"""How many complete while the platform is down; 10,000 take some minutes."""


class ShiftedClock:
    """The real clock, put forward by `shift` when a test has no time to wait."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.shift


class Journey:
    """A programme of two films that reports to a course on the platform, and learners who take part in both."""

    def __init__(self, database: Database, peer: OpenEdxPeer) -> None:
        self.database = database
        self.peer = peer
        self.clock = ShiftedClock()
        self.client_secret = peer.client_secret
        self.read_seconds = 15.0
        self._clients: list[GuardedClient] = []
        self._reporter: LmsReporter | None = None
        peer.seed(courses={COURSE: [VIDEO_1, VIDEO_2, LTI]})
        modules = (
            Module("reading", Text("读懂学生", "Understanding pupils"), block_key=VIDEO_1),
            Module("teaching", Text("上好一课", "Teaching a lesson well"), block_key=VIDEO_2),
        )
        with database.writing() as session:
            programme = make_programme("journey", modules=modules, lms=LmsCourse(PLATFORM, COURSE, LTI))
            self.current = publish(session, programme)
            platforms.register(
                session,
                CONSOLE,
                Seal(SECRET_KEY),
                lambda address: GuardedClient(address, allow_loopback=True).close(),
                key=PLATFORM,
                base_url=peer.base_url,
                client_id=peer.client_id,
                client_secret=peer.client_secret,
            )

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def learners(self, count: int, *, name: str = "teacher") -> list[int]:
        """Enrolment ids of learners named teacher0, teacher1, ... here and there."""
        names = [f"{name}{number}" for number in range(count)]
        self.peer.seed(users=names, enrolments=[(one, COURSE) for one in names])
        with self.database.writing() as session:
            users = [make_user(session, one, lms_username=one) for one in names]
            return [enrol(session, user, self.current).id for user in users]

    def owe(self, enrolment_ids: list[int], ratio: str, block_key: str = VIDEO_1) -> None:
        with self.database.writing() as session:
            for enrolment_id in enrolment_ids:
                course = LmsCourse(PLATFORM, COURSE)
                outbox.owe(session, enrolment_id, course, block_key, Decimal(ratio), self.clock())

    def reporter(self, _key: str) -> LmsReporter:
        if self._reporter is None:
            client = GuardedClient(self.peer.base_url, allow_loopback=True, read_seconds=self.read_seconds)
            self._clients.append(client)
            self._reporter = CompletionApi(client, self.peer.client_id, self.client_secret)
        return self._reporter

    def reconnect(self, *, client_secret: str | None = None, read_seconds: float = 15.0) -> None:
        """From now on with these credentials and this patience."""
        self.client_secret, self.read_seconds = client_secret or self.peer.client_secret, read_seconds
        self._reporter = None

    def deliver(self, *, lanes: int = 1) -> DeliveryRound:
        pace = Pace(lanes=lanes)
        return delivery.deliver_once(self.database, self.reporter, "worker", self.clock, pace=pace)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker in a thread, as `lms-plugin worker` runs it."""
        stop = threading.Event()
        thread = threading.Thread(
            target=delivery.run_worker,
            args=(self.database, self.reporter, stop),
            kwargs={"worker": "thread", "clock": self.clock, "rhythm": Rhythm(look_every_seconds=0.05)},
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(GIVE_UP_SECONDS)
        assert not thread.is_alive()

    def states(self) -> dict[str, int]:
        with self.database.reading() as session:
            counted = session.execute(select(Report.state, func.count()).group_by(Report.state))
            return dict(counted.tuples().all())

    def reports(self) -> list[Report]:
        with self.database.reading() as session:
            return list(session.scalars(select(Report).order_by(Report.id)))

    def platform(self) -> Platform:
        with self.database.reading() as session:
            return session.scalars(select(Platform)).one()

    def batches(self) -> list[int | None]:
        """The statuses of all batches that reached the platform."""
        return [entry["status"] for entry in self.peer.state()["requests"] if entry["path"] == BATCH_PATH]


def expected(count: int, ratio: float, *blocks: str, name: str = "teacher") -> dict[tuple[str, str], float]:
    return {(f"{name}{number}", block): ratio for number in range(count) for block in blocks}


@pytest.fixture
def journey(database: Database, openedx_peer: OpenEdxPeer) -> Iterator[Journey]:
    begun = Journey(database, openedx_peer)
    yield begun
    begun.close()


def test_what_a_learner_watches_is_what_the_course_shows(journey: Journey) -> None:
    (enrolment_id,) = journey.learners(1)
    journey.clock.shift = NOW + timedelta(hours=2) - utc_now()
    with journey.database.writing() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        actor = actor_for(session, session.get_one(User, enrolment.user_id))
        watch(session, actor, enrolment, video_of(session, journey.current), 4 * MINUTE_MS)
    assert delivery.settle_watching(journey.database, journey.clock()) == 1
    journey.deliver()
    held = journey.peer.completions()
    assert held["teacher0", VIDEO_1] == 0.2
    with journey.database.reading() as session:
        assert held["teacher0", LTI] == float(session.get_one(Enrolment, enrolment_id).completion_ratio) > 0
    with journey.database.writing() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        credit(session, enrolment, 2 * 45 * MINUTE_MS, "video")
        credit(session, enrolment, 45 * MINUTE_MS, "discussion", source_id="2")
    journey.deliver()
    assert journey.peer.completions()["teacher0", LTI] == 1.0
    findings = list(reconciling.reconcile(journey.database, journey.reporter, PLATFORM, repair=False))
    assert {finding.comparison for finding in findings} == {Comparison.AGREES}


def test_a_platform_that_is_down_loses_nothing_and_gets_all_when_it_is_back(journey: Journey) -> None:
    learners = journey.learners(30)
    journey.owe(learners, "0.5")
    journey.peer.kill()
    with journey.worker():
        until(lambda: journey.platform().failures >= 2, "the worker never found out")
        journey.owe(learners, "0.75")
        journey.peer.start()
        until(lambda: journey.states() == {ACKNOWLEDGED: 30}, "not all arrived")
    assert journey.peer.completions() == expected(30, 0.75, VIDEO_1)


@pytest.mark.timeout(3600)  # with as many as one likes
def test_six_hours_without_a_platform_leave_no_difference(journey: Journey) -> None:
    learners = journey.learners(COMPLETIONS)
    journey.peer.kill()
    each_hour = COMPLETIONS // OUTAGE_HOURS + 1
    for hour in range(OUTAGE_HOURS):
        journey.owe(learners[hour * each_hour : (hour + 1) * each_hour], "1")
        for _ in range(4):
            assert journey.deliver().acknowledged == 0
            journey.clock.shift += timedelta(minutes=15)
    assert journey.states() == {WAITING: COMPLETIONS}
    journey.peer.start()
    journey.clock.shift += timedelta(minutes=15)
    while journey.states() != {ACKNOWLEDGED: COMPLETIONS}:
        assert journey.deliver(lanes=4).acknowledged > 0
    assert journey.peer.completions() == expected(COMPLETIONS, 1.0, VIDEO_1)
    findings = list(reconciling.reconcile(journey.database, journey.reporter, PLATFORM, repair=False))
    assert len(findings) == COMPLETIONS
    assert {finding.comparison for finding in findings} == {Comparison.AGREES}


def test_a_platform_that_dies_in_the_middle_of_a_round_loses_nothing(journey: Journey) -> None:
    journey.owe(journey.learners(60), "0.5")
    with journey.worker():
        until(lambda: journey.states().get(ACKNOWLEDGED, 0) >= 5, "nothing arrived")
        journey.peer.restart()
        until(lambda: journey.states() == {ACKNOWLEDGED: 60}, "not all arrived")
    assert journey.peer.completions() == expected(60, 0.5, VIDEO_1)


def test_an_answer_lost_after_storing_is_made_good_with_one_effect(journey: Journey) -> None:
    journey.owe(journey.learners(3), "0.5")
    journey.peer.faults({"kind": "lose_answer", "path": BATCH_PATH})
    assert journey.deliver() == DeliveryRound(unanswered=1, unsent=2, is_troubled=True)
    assert journey.peer.completions() == expected(1, 0.5, VIDEO_1)
    with journey.worker():
        until(lambda: journey.states() == {ACKNOWLEDGED: 3}, "not all arrived")
    assert journey.peer.completions() == expected(3, 0.5, VIDEO_1)


def test_too_many_requests_are_answered_with_the_pause_that_was_wished_for(journey: Journey) -> None:
    journey.owe(journey.learners(5), "0.5")
    journey.peer.faults({"kind": "refuse", "status": 429, "retry_after": "3", "path": BATCH_PATH})
    asked_at = time.monotonic()
    with journey.worker():
        until(lambda: journey.states() == {ACKNOWLEDGED: 5}, "not all arrived")
    assert time.monotonic() - asked_at >= 3
    refused, *later = journey.batches()
    assert refused == 429
    # One lane sent while the others were in the air; whoever came after the wish was known kept to it.
    assert set(later) <= {200, 400}
    assert journey.peer.completions() == expected(5, 0.5, VIDEO_1)


def test_a_slow_request_that_lands_after_a_newer_one_is_made_good(journey: Journey) -> None:
    learners = journey.learners(1)
    journey.owe(learners, "0.5")
    journey.reconnect(read_seconds=HURRIED_SECONDS)
    journey.peer.faults({"kind": "slow", "seconds": TOO_LONG_SECONDS, "path": BATCH_PATH})
    assert journey.deliver() == DeliveryRound(unanswered=1, is_troubled=True)
    journey.reconnect()
    journey.owe(learners, "1")
    journey.clock.shift += timedelta(seconds=10)
    assert journey.deliver() == DeliveryRound(acknowledged=1)
    assert journey.peer.completions() == expected(1, 1.0, VIDEO_1)
    journey.peer.faults()  # the slow request goes on now
    until(lambda: journey.peer.completions() == expected(1, 0.5, VIDEO_1), "the late request never landed")
    journey.clock.shift += CONFIRM_AFTER
    assert journey.deliver() == DeliveryRound(acknowledged=1)
    assert journey.peer.completions() == expected(1, 1.0, VIDEO_1)
    journey.clock.shift += timedelta(days=1)
    assert journey.deliver() == DeliveryRound()


def test_one_learner_s_refusal_is_shown_and_does_not_hold_up_the_others(journey: Journey) -> None:
    journey.owe(journey.learners(3), "0.5")
    journey.peer.seed(users=["stranger0"])
    with journey.database.writing() as session:
        stranger = enrol(session, make_user(session, "stranger0", lms_username="stranger0"), journey.current).id
    journey.owe([stranger], "0.5")
    assert journey.deliver() == DeliveryRound(acknowledged=3, refused=1)
    (refused,) = [report for report in journey.reports() if report.state == REFUSED]
    assert (refused.last_error_code, refused.last_error_words) == ("not_enrolled", "User is not enrolled in course.")
    journey.clock.shift += timedelta(days=1)
    assert journey.deliver() == DeliveryRound()
    journey.peer.seed(enrolments=[("stranger0", COURSE)])
    journey.owe([stranger], "0.75")
    assert journey.deliver() == DeliveryRound(acknowledged=1)


def test_a_switch_that_is_off_pauses_the_platform_until_it_is_on(journey: Journey) -> None:
    journey.peer.seed(tracking=False)
    journey.owe(journey.learners(5), "0.5")
    assert journey.deliver().is_troubled
    platform = journey.platform()
    assert platform.fault_code == "tracking_disabled"
    assert "feature is disabled" in (platform.fault_words or "")
    asked = len(journey.batches())
    assert journey.deliver() == DeliveryRound()
    assert len(journey.batches()) == asked
    journey.peer.seed(tracking=True)
    journey.clock.shift += timedelta(minutes=1)
    assert journey.deliver() == DeliveryRound(acknowledged=1)
    assert journey.deliver() == DeliveryRound(acknowledged=4)
    assert journey.platform().fault_code is None


def test_wrong_credentials_are_shown_and_not_hammered(journey: Journey) -> None:
    journey.owe(journey.learners(5), "0.5")
    journey.reconnect(client_secret="not the secret")
    assert journey.deliver().is_troubled
    assert (journey.platform().fault_code, journey.states()) == ("bad_credentials", {WAITING: 5})
    tokens = [entry for entry in journey.peer.state()["requests"] if entry["path"] == OAUTH_PATH]
    assert len(tokens) == 1
    journey.reconnect()
    with journey.database.writing() as session:
        platforms.resume(session, CONSOLE, key=PLATFORM)
    journey.clock.shift += timedelta(seconds=5)  # the one that met the fault is put off for so long
    assert journey.deliver() == DeliveryRound(acknowledged=1)
    assert journey.deliver() == DeliveryRound(acknowledged=4)


def test_what_the_platform_lost_is_found_and_repaired(journey: Journey) -> None:
    journey.owe(journey.learners(3), "0.5")
    journey.deliver()
    journey.peer.seed(reset=True, users=[f"teacher{number}" for number in range(3)], courses={COURSE: [VIDEO_1]})
    journey.peer.seed(enrolments=[(f"teacher{number}", COURSE) for number in range(3)])
    findings = list(reconciling.reconcile(journey.database, journey.reporter, PLATFORM, repair=True))
    assert [(one.comparison, one.is_repaired) for one in findings] == [(Comparison.MISSING, True)] * 3
    assert journey.deliver() == DeliveryRound(acknowledged=3)
    assert journey.peer.completions() == expected(3, 0.5, VIDEO_1)


class WorkerProcess:
    """`lms-plugin worker` as a process of its own."""

    def __init__(self, database_url: str, folder: Path) -> None:
        settings = {
            "LMS_PLUGIN_DATABASE_URL": database_url,
            "LMS_PLUGIN_DATA_DIR": str(folder),
            "LMS_PLUGIN_SECRET_KEY": SECRET_KEY,
            "LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1",
        }
        command = [str(Path(sys.executable).with_name("lms-plugin")), "worker", "--lease-seconds", "8"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)} | settings, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait()


def test_a_worker_killed_in_the_middle_of_a_round_loses_nothing_and_counts_nothing_twice(
    journey: Journey, database_url: str, tmp_path: Path
) -> None:
    learners = journey.learners(40)
    journey.owe(learners, "0.5", VIDEO_1)
    journey.owe(learners, "0.25", VIDEO_2)
    # Five are stored; the next eight hang at the platform with the worker waiting for their answers.
    journey.peer.faults(
        {"kind": "slow", "seconds": 0, "path": BATCH_PATH, "times": 5},
        {"kind": "slow", "seconds": TOO_LONG_SECONDS, "path": BATCH_PATH, "times": 8},
    )
    killed = WorkerProcess(database_url, tmp_path)
    until(lambda: journey.batches().count(None) == 8, "the worker never got that far")
    until(lambda: journey.states().get(ACKNOWLEDGED, 0) == 10, "the first ones were never recorded")
    killed.kill()
    assert {report.leased_by is not None for report in journey.reports() if report.state == WAITING} == {True}
    journey.owe(learners, "1", VIDEO_1)
    journey.peer.faults()  # what the dead worker sent gets through only now
    second = WorkerProcess(database_url, tmp_path)
    until(lambda: journey.states() == {ACKNOWLEDGED: 80}, "the second worker never finished")
    second.kill()
    until(lambda: None not in journey.batches(), "the platform is still busy")
    # What the dead worker sent may have replaced newer values; each such report is confirmed in a while.
    doubtful = [report for report in journey.reports() if report.next_attempt_at is not None]
    assert {report.enrolment_id for report in doubtful} < set(learners)
    journey.clock.shift = CONFIRM_AFTER + timedelta(minutes=1)
    journey.deliver(lanes=4)
    assert journey.peer.completions() == expected(40, 1.0, VIDEO_1) | expected(40, 0.25, VIDEO_2)
    assert {(report.state, report.next_attempt_at, report.leased_by) for report in journey.reports()} == {
        (ACKNOWLEDGED, None, None)
    }
    assert len(journey.peer.state()["completions"]) == 80
