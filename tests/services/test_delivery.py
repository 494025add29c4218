"""Rounds of delivery: what goes out when a platform is well, failing, faulty, paused or unknown."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from lms_plugin.domain.errors import Unavailable
from lms_plugin.services import delivery, platform_health, platforms
from lms_plugin.services.platforms import CONSOLE, SealBroken
from lms_plugin.services.ports import (
    CompletionMessage,
    DeliveryAnswer,
    LmsReporter,
    RefusalCode,
    Refused,
    TryLater,
)
from lms_plugin.services.sending import DeliveryRound, Pace
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, FOREIGN, VIDEO_1, VIDEO_2
from tests.services.delivery_rig import PLATFORM, SEAL, DeliveryRig, MoodyLms


@pytest.fixture
def rig(database: Database) -> DeliveryRig:
    return DeliveryRig(database)


class TestAPlatformThatIsWell:
    def test_gets_what_is_owed_one_message_for_each_learner(self, rig: DeliveryRig) -> None:
        first, second = rig.learner("li"), rig.learner("wang")
        rig.owe(first, "0.5", VIDEO_1)
        rig.owe(first, "1", VIDEO_2)
        rig.owe(second, "0.25")
        assert rig.deliver() == DeliveryRound(acknowledged=3)
        assert [(one.username, one.course_key, one.blocks) for one in rig.lms.sent] == [
            ("li", COURSE, {VIDEO_1: Decimal("0.5"), VIDEO_2: Decimal(1)}),
            ("wang", COURSE, {VIDEO_1: Decimal("0.25")}),
        ]
        assert rig.platform().acknowledged_at == rig.clock()

    def test_gets_nothing_twice(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        rig.deliver()
        rig.clock.advance(days=30)
        assert rig.deliver() == DeliveryRound()
        assert len(rig.lms.sent) == 1

    def test_is_not_probed(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        rig.deliver()
        assert rig.lms.probes == 0

    def test_gets_a_backlog_in_rounds_and_lanes_each_report_once(self, rig: DeliveryRig) -> None:
        rig.pace = Pace(learners=10, lanes=4)
        learners = [rig.learner(f"teacher{number}") for number in range(37)]
        for learner in learners:
            rig.owe(learner, "0.5")
        assert rig.deliver_all() == DeliveryRound(acknowledged=37)
        assert sorted(message.username for message in rig.lms.sent) == sorted(one.username for one in learners)

    def test_refuses_one_learner_and_takes_the_others(self, rig: DeliveryRig) -> None:
        stranger, learner = rig.learner("stranger", at_lms=False), rig.learner("li")
        refused, taken = rig.owe(stranger, "0.5"), rig.owe(learner, "0.5")
        assert rig.deliver() == DeliveryRound(acknowledged=1, refused=1)
        assert rig.report(refused).last_error_code == "unknown_learner"
        assert rig.report(taken).state == ACKNOWLEDGED
        assert rig.platform().failures == 0

    def test_refuses_a_block_of_another_course_and_takes_the_learner_s_others(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        good, bad = rig.owe(learner, "0.5", VIDEO_1), rig.owe(learner, "0.5", FOREIGN)
        assert rig.deliver() == DeliveryRound(acknowledged=1, refused=1)
        assert (rig.report(good).state, rig.report(bad).state) == (ACKNOWLEDGED, REFUSED)

    def test_learners_without_an_account_hold_nobody_up(self, rig: DeliveryRig) -> None:
        rig.pace = Pace(learners=2, lanes=1)
        for number in range(7):
            rig.owe(rig.learner(f"nobody{number}", has_account=False), "0.5")
        rig.clock.advance(seconds=1)
        rig.owe(rig.learner("li"), "0.5")
        assert rig.deliver() == DeliveryRound(acknowledged=1, refused=7)

    def test_what_cannot_be_sent_in_the_first_half_of_its_lease_is_given_back(self, rig: DeliveryRig) -> None:
        class Sluggish(MoodyLms):
            def send(self, message: CompletionMessage) -> DeliveryAnswer:
                rig.clock.advance(seconds=rig.pace.lease_seconds / 2)
                return super().send(message)

        slow = rig.use(Sluggish())
        for name in ("li", "wang"):
            rig.owe(rig.learner(name), "0.5")
        assert rig.deliver() == DeliveryRound(acknowledged=1, unsent=1)
        assert rig.deliver() == DeliveryRound(acknowledged=1)
        assert [message.username for message in slow.sent] == ["li", "wang"]


class TestAPlatformThatIsDown:
    def test_gets_no_further_message_of_the_round(self, rig: DeliveryRig) -> None:
        for number in range(5):
            rig.owe(rig.learner(f"teacher{number}"), "0.5")
        rig.lms.up = False
        assert rig.deliver() == DeliveryRound(unanswered=1, unsent=4, is_troubled=True)
        assert [report.attempts for report in rig.reports()] == [1, 0, 0, 0, 0]
        assert {report.leased_by for report in rig.reports()} == {None}

    def test_gets_one_probe_after_each_pause_and_pauses_grow_to_two_minutes(self, rig: DeliveryRig) -> None:
        for name in ("li", "wang"):
            rig.owe(rig.learner(name), "0.5")
        rig.lms.up = False
        rig.deliver()
        pauses = []
        for _ in range(9):
            due_at = rig.platform().next_attempt_at
            assert due_at is not None
            pauses.append((due_at - rig.clock()).total_seconds() / 0.875)
            probes = rig.lms.probes
            rig.deliver()
            assert rig.lms.probes == probes
            rig.clock.now = due_at
            assert rig.deliver().is_troubled
            assert rig.lms.probes == probes + 1
        assert pauses == [2, 4, 8, 16, 32, 64, 120, 120, 120]
        assert rig.lms.sent == []

    def test_gets_everything_within_minutes_of_coming_back_after_a_day(self, rig: DeliveryRig) -> None:
        learners = [rig.learner(f"teacher{number}") for number in range(60)]
        for learner in learners:
            rig.owe(learner, "0.5")
        rig.lms.up = False
        down_until = rig.clock().timestamp() + 86_400
        while rig.clock().timestamp() < down_until:
            rig.deliver()
            rig.clock.advance(seconds=100)
        rig.lms.up = True
        back_at = rig.clock()
        while any(report.state == WAITING for report in rig.reports()):
            rig.deliver_all()
            rig.clock.advance(seconds=1)
        assert (rig.clock() - back_at).total_seconds() < 180
        assert all(rig.stored(learner) == Decimal("0.5") for learner in learners)
        assert {report.state for report in rig.reports()} == {ACKNOWLEDGED}

    def test_is_sent_one_message_first_when_it_is_back(self, rig: DeliveryRig) -> None:
        for number in range(5):
            rig.owe(rig.learner(f"teacher{number}"), "0.5")
        rig.lms.up = False
        rig.deliver()
        rig.lms.up = True
        rig.clock.advance(minutes=3)
        assert rig.deliver() == DeliveryRound(acknowledged=1)
        assert rig.deliver() == DeliveryRound(acknowledged=4)
        assert rig.platform().failures == 0

    def test_a_wish_for_a_pause_is_honoured(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        rig.owe(learner, "0.5")
        rig.lms.answer_next(TryLater("HTTP 429", 3600))
        rig.deliver()
        assert rig.lms.probes == 0
        rig.clock.advance(seconds=3600)
        assert rig.deliver() == DeliveryRound()
        rig.clock.advance(seconds=2)
        assert rig.deliver() == DeliveryRound(acknowledged=1)
        assert rig.stored(learner) == Decimal("0.5")

    def test_holds_up_no_other_platform(self, rig: DeliveryRig) -> None:
        other = rig.add_platform("moodle")
        learner = rig.learner("li")
        rig.owe(learner, "0.5")
        rig.owe(learner, "0.5", platform="moodle")
        rig.lms.up = False
        assert rig.deliver() == DeliveryRound(acknowledged=1, unanswered=1, is_troubled=True)
        assert rig.stored(learner, lms=other) == Decimal("0.5")

    def test_that_waits_for_its_slow_answer_holds_up_no_other_platform(self, rig: DeliveryRig) -> None:
        """The slow one answers only after the other one has been served."""
        served = threading.Event()

        class Waiting(MoodyLms):
            def send(self, message: CompletionMessage) -> DeliveryAnswer:
                assert served.wait(20)
                return super().send(message)

        class Announcing(MoodyLms):
            def send(self, message: CompletionMessage) -> DeliveryAnswer:
                answer = super().send(message)
                served.set()
                return answer

        rig.add_platform("a-first", Announcing())
        rig.use(Waiting())
        learner = rig.learner("li")
        rig.owe(learner, "0.5")
        rig.owe(learner, "0.5", platform="a-first")
        assert rig.deliver() == DeliveryRound(acknowledged=2)


class TestALearnerTheLmsFailsOn:
    def test_holds_up_nobody_for_long(self, rig: DeliveryRig) -> None:
        poisoned = {f"poison{number}" for number in range(20)}
        for name in sorted(poisoned):
            rig.owe(rig.learner(name), "0.5")
        rig.clock.advance(seconds=1)
        good = rig.learner("li")
        rig.owe(good, "0.5")
        rig.lms.fails_for = poisoned
        began_at = rig.clock()
        while rig.stored(good) is None:
            rig.deliver()
            rig.clock.advance(seconds=1)
        assert (rig.clock() - began_at).total_seconds() < 300

    def test_is_tried_less_and_less_often(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("poison"), "0.5")
        rig.lms.fails_for = {"poison"}
        for _ in range(3600):
            rig.deliver()
            rig.clock.advance(seconds=10)
        assert 40 <= rig.report(report_id).attempts <= 60  # in ten hours

    def test_is_told_apart_from_a_platform_that_is_down_by_a_probe(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("poison"), "0.5")
        rig.lms.fails_for = {"poison"}
        rig.deliver()
        due_at = rig.platform().next_attempt_at
        assert due_at is not None
        assert (due_at - rig.clock()).total_seconds() <= 1


class TestAFaultyPlatform:
    @pytest.mark.parametrize("code", ["tracking_disabled", "bad_credentials"])
    def test_is_paused_with_its_reason_and_resumes_by_itself(self, rig: DeliveryRig, code: str) -> None:
        learners = [rig.learner(f"teacher{number}") for number in range(3)]
        for learner in learners:
            rig.owe(learner, "0.5")
        set_right = self._spoil(rig, code)
        since = rig.clock()
        assert rig.deliver() == DeliveryRound(unsent=2, is_troubled=True)
        platform = rig.platform()
        assert (platform.fault_code, platform.fault_since, platform.is_paused) == (code, since, False)
        assert platform.fault_words
        assert {report.state for report in rig.reports()} == {WAITING}
        set_right()
        rig.clock.advance(minutes=1)
        assert rig.deliver_all() == DeliveryRound(acknowledged=3)
        platform = rig.platform()
        assert (platform.fault_code, platform.fault_words, platform.fault_since) == (None, None, None)

    def test_is_probed_with_pauses_that_grow_from_a_minute_to_a_quarter_of_an_hour(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        self._spoil(rig, "bad_credentials")
        rig.deliver()
        pauses = []
        for _ in range(6):
            due_at = rig.platform().next_attempt_at
            assert due_at is not None
            pauses.append((due_at - rig.clock()).total_seconds() / 0.875)
            rig.clock.now = due_at
            rig.deliver()
        assert pauses == [60, 120, 240, 480, 900, 900]
        assert rig.lms.probes == 6
        assert rig.reports()[0].attempts == 1

    def test_is_probed_even_when_nothing_waits_for_it(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        rig.owe(learner, "0.5")
        set_right = self._spoil(rig, "tracking_disabled")
        rig.deliver()
        rig.set_username(learner, None)
        rig.clock.advance(minutes=1)
        set_right()
        rig.deliver()
        assert rig.platform().fault_code is None

    def test_has_its_new_fault_shown_when_one_follows_another(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        self._spoil(rig, "bad_credentials")
        since = rig.clock()
        rig.deliver()
        rig.lms.lets_us_in = True
        self._spoil(rig, "tracking_disabled")
        rig.clock.advance(minutes=1)
        rig.deliver()
        platform = rig.platform()
        assert (platform.fault_code, platform.fault_since) == ("tracking_disabled", since)

    def test_new_credentials_are_tried_at_once(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        rig.owe(learner, "0.5")
        set_right = self._spoil(rig, "bad_credentials")
        rig.deliver()
        set_right()
        assert rig.deliver() == DeliveryRound()
        with rig.database.writing() as session:
            platforms.update(session, CONSOLE, SEAL, lambda _: None, key=PLATFORM, client_secret="the right one")
        rig.deliver()
        assert rig.platform().fault_code is None
        rig.clock.advance(seconds=5)
        assert rig.deliver() == DeliveryRound(acknowledged=1)

    def test_is_left_to_whoever_probes_it_first(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        self._spoil(rig, "bad_credentials")
        rig.deliver()
        rig.clock.advance(minutes=1)
        approaches = [
            rig.database.transact(lambda session: platform_health.approach(session, PLATFORM, rig.clock()))
            for _ in range(2)
        ]
        assert [one is not None and one.must_probe for one in approaches] == [True, False]
        rig.clock.advance(seconds=platform_health.PROBE_LEASE.total_seconds())
        assert rig.database.transact(lambda session: platform_health.approach(session, PLATFORM, rig.clock()))

    def test_an_acknowledgement_that_comes_in_late_does_not_lift_a_fault(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        self._spoil(rig, "bad_credentials")
        rig.deliver()
        rig.database.transact(
            lambda session: platform_health.note_taken(session, PLATFORM, acknowledged=True, now=rig.clock())
        )
        assert rig.platform().fault_code == "bad_credentials"

    @staticmethod
    def _spoil(rig: DeliveryRig, code: str) -> Callable[[], None]:
        def set_right() -> None:
            rig.lms.tracking = rig.lms.lets_us_in = True

        if code == "tracking_disabled":
            rig.lms.tracking = False
        else:
            rig.lms.lets_us_in = False
        return set_right


class TestALearnerWhoseCourseRefusesTheKey:
    def test_stops_nobody_behind(self, rig: DeliveryRig) -> None:
        """The platform is well, as its probe shows; only for one learner it answers as if nobody were let in."""

        class Removed(MoodyLms):
            def send(self, message: CompletionMessage) -> DeliveryAnswer:
                if message.username == "removed":
                    self.sent.append(message)
                    return Refused(RefusalCode.BAD_CREDENTIALS, "HTTP 401 Unauthorized")
                return super().send(message)

        rig.use(Removed())
        first = rig.owe(rig.learner("removed"), "0.5")
        rig.clock.advance(seconds=1)
        others = [rig.learner(f"teacher{number}") for number in range(3)]
        for other in others:
            rig.owe(other, "0.5")
        for _ in range(10):
            rig.deliver()
            rig.clock.advance(minutes=2)
        assert [rig.stored(other) for other in others] == [Decimal("0.5")] * 3
        assert rig.report(first).state == WAITING


class TestAnAdminsPause:
    def test_stops_everything_and_the_worker_never_lifts_it(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        with rig.database.writing() as session:
            platforms.pause(session, CONSOLE, key=PLATFORM, reason="moving house")
        for _ in range(5):
            assert rig.deliver() == DeliveryRound()
            rig.clock.advance(hours=1)
        assert (rig.lms.sent, rig.lms.probes) == ([], 0)
        assert rig.platform().is_paused

    def test_and_a_fault_are_kept_apart(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        rig.lms.tracking = False
        rig.deliver()
        with rig.database.writing() as session:
            platforms.pause(session, CONSOLE, key=PLATFORM, reason="until the switch is on")
        rig.lms.tracking = True
        rig.clock.advance(hours=1)
        rig.deliver()
        platform = rig.platform()
        assert (platform.is_paused, platform.fault_code) == (True, "tracking_disabled")
        with rig.database.writing() as session:
            platforms.resume(session, CONSOLE, key=PLATFORM)
        assert rig.deliver() == DeliveryRound(acknowledged=1)
        platform = rig.platform()
        assert (platform.is_paused, platform.fault_code) == (False, None)


class TestAPlatformThatCannotBeReachedFromHere:
    def test_reports_for_one_that_nobody_registered_wait(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5", platform="canvas")
        assert rig.deliver() == DeliveryRound()
        assert (rig.report(report_id).state, rig.report(report_id).attempts) == (WAITING, 0)
        lms = rig.add_platform("canvas")
        lms.enrol("li", COURSE)
        assert rig.deliver() == DeliveryRound(acknowledged=1)

    def test_one_without_a_reporter_is_shown_as_faulty(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.use(None)
        assert rig.deliver().is_troubled
        assert (rig.platform().fault_code, rig.report(report_id).state) == ("no_connection", WAITING)
        rig.use(rig.lms)
        rig.clock.advance(minutes=1)
        assert rig.deliver() == DeliveryRound(acknowledged=1)

    def test_one_whose_secret_cannot_be_opened_says_so(self, rig: DeliveryRig) -> None:
        def broken(_: str) -> LmsReporter | None:
            raise SealBroken()

        rig.owe(rig.learner("li"), "0.5")
        assert delivery.deliver_once(rig.database, broken, "worker-1", rig.clock).is_troubled
        assert rig.platform().fault_words == "seal_broken"

    def test_a_store_that_is_away_is_no_fault_of_the_platform(self, rig: DeliveryRig) -> None:
        def away(_: str) -> LmsReporter | None:
            raise Unavailable(why="no answer")

        rig.owe(rig.learner("li"), "0.5")
        with pytest.raises(Unavailable):
            delivery.deliver_once(rig.database, away, "worker-1", rig.clock)
        assert rig.platform().fault_code is None


class TestALateRequest:
    def test_that_takes_a_completion_down_is_made_good_by_the_confirming_message(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        rig.owe(learner, "0.4")
        rig.lms.answer_next(TryLater("ReadTimeout"))
        rig.deliver()
        late = rig.lms.sent[-1]
        rig.clock.advance(seconds=40)
        rig.owe(learner, "1")
        rig.deliver()
        assert rig.stored(learner) == Decimal(1)
        rig.lms.send(late)  # the old request gets through at last
        assert rig.stored(learner) == Decimal("0.4")
        rig.clock.advance(minutes=5)
        rig.deliver()
        assert rig.stored(learner) == Decimal(1)
        rig.clock.advance(days=1)
        assert rig.deliver() == DeliveryRound()
