"""The outbox's rows: what is owed, who may send it, and what an answer means for it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services import outbox
from lms_plugin.services.outbox import CONFIRM_AFTER, GIVE_UP_AFTER, ROW_PAUSE
from lms_plugin.services.pauses import GrowingPause
from lms_plugin.services.ports import Acknowledged, RefusalCode, Refused, TryLater
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING, Report
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, FOREIGN, OTHER_COURSE, VIDEO_1, VIDEO_2
from tests.services.delivery_rig import LEASE_SECONDS, PLATFORM, DeliveryRig

LOST = TryLater("ReadTimeout")
NOT_ENROLLED = Refused(RefusalCode.NOT_ENROLLED, "User is not enrolled in course.")


@pytest.fixture
def rig(database: Database) -> DeliveryRig:
    return DeliveryRig(database)


class TestOwing:
    def test_a_standing_of_zero_is_not_worth_a_first_report(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        with rig.database.writing() as session:
            owed = outbox.owe(
                session, learner.enrolment_id, LmsCourse(PLATFORM, COURSE), VIDEO_1, Decimal(0), rig.clock()
            )
        assert owed is None
        assert rig.reports() == []

    def test_what_is_owed_never_goes_down(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        for ratio in ("0.5", "0.9", "0.3", "0.9"):
            rig.owe(learner, ratio)
        (report,) = rig.reports()
        assert (report.ratio, report.revision) == (Decimal("0.9"), 2)

    def test_each_block_has_a_row_of_its_own(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        rig.owe(learner, "0.5", VIDEO_1)
        rig.owe(learner, "0.7", VIDEO_2)
        assert [(report.block_key, report.ratio) for report in rig.reports()] == [
            (VIDEO_1, Decimal("0.5")),
            (VIDEO_2, Decimal("0.7")),
        ]

    def test_a_programme_that_moves_to_another_course_owes_everything_there(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        rig.deliver()
        with rig.database.writing() as session:
            moved = LmsCourse(PLATFORM, OTHER_COURSE)
            outbox.owe(session, learner.enrolment_id, moved, VIDEO_1, Decimal("0.4"), rig.clock())
        report = rig.report(report_id)
        assert (report.state, report.course_key, report.ratio) == (WAITING, OTHER_COURSE, Decimal("0.5"))

    def test_a_higher_standing_lets_a_refused_report_wait_again(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        rig.record(rig.outcomes(rig.claim(), NOT_ENROLLED))
        assert rig.report(report_id).state == REFUSED
        rig.owe(learner, "0.6")
        assert rig.report(report_id).state == WAITING


class TestClaiming:
    def test_all_that_is_due_for_a_learner_goes_out_in_one_message(self, rig: DeliveryRig) -> None:
        first, second = rig.learner("li"), rig.learner("wang")
        rig.owe(first, "0.5", VIDEO_1)
        rig.clock.advance(seconds=1)
        rig.owe(second, "0.1", VIDEO_1)
        rig.clock.advance(seconds=1)
        rig.owe(first, "0.6", VIDEO_2)
        (sending,) = rig.claim(limit=1).sendings
        assert sending.message.username == "li"
        assert sending.message.blocks == {VIDEO_1: Decimal("0.5"), VIDEO_2: Decimal("0.6")}

    def test_what_one_worker_leased_another_does_not_get(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        assert len(rig.claim("worker-1").sendings) == 1
        assert rig.claim("worker-2").sendings == ()

    def test_a_dead_worker_s_rows_come_back_when_its_lease_ends(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.claim("worker-1")
        rig.clock.advance(seconds=LEASE_SECONDS - 1)
        assert rig.claim("worker-2").sendings == ()
        rig.clock.advance(seconds=1)
        assert len(rig.claim("worker-2").sendings) == 1
        report = rig.report(report_id)
        assert report.attempts == 1  # the dead worker may have sent it
        assert report.leased_by == "worker-2"

    def test_what_is_not_due_yet_is_left_alone(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        due_at = rig.report(report_id).next_attempt_at
        assert due_at is not None
        assert rig.claim().sendings == ()
        rig.clock.now = due_at
        assert len(rig.claim().sendings) == 1

    def test_a_learner_without_an_account_at_the_lms_is_refused(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li", has_account=False), "0.5")
        claim = rig.claim()
        assert (claim.sendings, claim.refused) == ((), 1)
        report = rig.report(report_id)
        assert (report.state, report.last_error_code, report.leased_by) == (REFUSED, "no_lms_account", None)

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
    def test_a_claim_that_another_transaction_is_making_is_passed_over(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        with rig.database.writing() as session:
            taken = outbox.claim(session, PLATFORM, worker="a", now=rig.clock(), limit=9, lease_seconds=60)
            assert rig.claim("b").sendings == ()
        assert len(taken.sendings) == 1
        assert rig.claim("b").sendings == ()


class TestRecording:
    def test_an_acknowledged_report_has_nothing_left_to_send(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        report = rig.report(report_id)
        assert (report.state, report.next_attempt_at, report.leased_by) == (ACKNOWLEDGED, None, None)
        assert (report.acknowledged_ratio, report.acknowledged_at, report.attempts) == (Decimal("0.5"), rig.clock(), 1)

    @pytest.mark.parametrize("answer", [Acknowledged(), NOT_ENROLLED, LOST], ids=lambda answer: type(answer).__name__)
    def test_a_standing_that_rose_meanwhile_stays_waiting(
        self, rig: DeliveryRig, answer: Acknowledged | Refused | TryLater
    ) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        claim = rig.claim()
        rig.owe(learner, "0.8")
        rig.record(rig.outcomes(claim, answer))
        report = rig.report(report_id)
        assert (report.state, report.next_attempt_at, report.attempts) == (WAITING, rig.clock(), 0)
        (sending,) = rig.claim().sendings
        assert sending.message.blocks == {VIDEO_1: Decimal("0.8")}

    def test_a_refusal_is_kept_with_the_platform_s_words_and_not_tried_again(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), NOT_ENROLLED))
        report = rig.report(report_id)
        assert (report.state, report.last_error_code) == (REFUSED, "not_enrolled")
        assert report.last_error_words == "User is not enrolled in course."
        rig.clock.advance(days=365)
        assert rig.claim().sendings == ()

    def test_a_refused_block_leaves_the_message_s_other_blocks_acknowledged(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        good, bad = rig.owe(learner, "0.5", VIDEO_1), rig.owe(learner, "0.5", FOREIGN)
        answer = Refused(RefusalCode.UNKNOWN_BLOCK, "not in this course", (FOREIGN,))
        rig.record(rig.outcomes(rig.claim(), answer))
        assert (rig.report(good).state, rig.report(bad).state) == (ACKNOWLEDGED, REFUSED)
        assert rig.report(bad).last_error_code == "unknown_block"

    def test_a_fault_of_the_platform_is_not_held_against_the_report(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), Refused(RefusalCode.BAD_CREDENTIALS, "invalid_client")))
        report = rig.report(report_id)
        assert (report.state, report.failing_since) == (WAITING, None)
        assert report.next_attempt_at is not None
        assert timedelta(0) < report.next_attempt_at - rig.clock() <= timedelta(seconds=5)

    def test_what_was_not_sent_is_given_back_untouched(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), None))
        assert rig.report(report_id).attempts == 0
        assert len(rig.claim("worker-2").sendings) == 1

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
    def test_recording_never_waits_for_a_learner_s_transaction_while_it_holds_rows(self, rig: DeliveryRig) -> None:
        first, second = rig.learner("li"), rig.learner("wang")
        for learner in (first, second):
            rig.owe(learner, "0.5")
        outcomes = rig.outcomes(rig.claim(), Acknowledged())
        with rig.database.writing() as learner_s:
            course = LmsCourse(PLATFORM, COURSE)
            outbox.owe(learner_s, first.enrolment_id, course, VIDEO_1, Decimal("0.9"), rig.clock())
            left = rig.database.transact(
                lambda session: outbox.record(session, outcomes, now=rig.clock(), draw=lambda: 0.5, wait=False)
            )
        assert [outcome.sending.username for outcome in left] == ["li"]
        rig.record(left)
        states = {report.enrolment_id: report.state for report in rig.reports()}
        assert states == {first.enrolment_id: WAITING, second.enrolment_id: ACKNOWLEDGED}


class TestPauses:
    def test_pauses_grow_to_a_quarter_of_an_hour(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        pauses = []
        for _ in range(10):
            rig.record(rig.outcomes(rig.claim(), LOST))
            due_at = rig.report(report_id).next_attempt_at
            assert due_at is not None
            pauses.append((due_at - rig.clock()).total_seconds())
            rig.clock.now = due_at
        assert pauses == [seconds * 0.875 for seconds in (5, 10, 20, 40, 80, 160, 320, 640, 900, 900)]

    @pytest.mark.parametrize(
        ("failures", "draw", "seconds"),
        [
            (1, 0.0, 3.75),
            (1, 1.0, 5.0),
            (3, 0.0, 15.0),
            (3, 1.0, 20.0),
            (9, 1.0, 900.0),
            (10**9, 1.0, 900.0),
            (0, 1.0, 5.0),
        ],
    )
    def test_a_pause_is_spread_over_its_last_quarter(self, failures: int, draw: float, seconds: float) -> None:
        assert GrowingPause(5, 900).after(failures, lambda: draw) == timedelta(seconds=seconds)

    def test_a_higher_standing_is_tried_at_once(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.owe(learner, "0.6")
        assert rig.report(report_id).next_attempt_at == rig.clock()


class TestUnansweredSendings:
    """An old request may land after a newer one and take the LMS's value down."""

    def test_an_acknowledgement_soon_after_a_lost_answer_is_followed_by_one_more_sending(
        self, rig: DeliveryRig
    ) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        lost_at = rig.clock()
        rig.clock.advance(seconds=30)
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        report = rig.report(report_id)
        assert (report.state, report.next_attempt_at) == (ACKNOWLEDGED, lost_at + CONFIRM_AFTER)
        assert rig.claim().sendings == ()
        rig.clock.now = lost_at + CONFIRM_AFTER
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        report = rig.report(report_id)
        assert (report.state, report.next_attempt_at, report.unanswered_at) == (ACKNOWLEDGED, None, None)

    def test_an_acknowledgement_long_after_a_lost_answer_is_final(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.clock.advance(seconds=CONFIRM_AFTER.total_seconds())
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        assert rig.report(report_id).next_attempt_at is None

    def test_what_counts_is_when_the_acknowledged_message_was_sent_not_when_it_was_answered(
        self, rig: DeliveryRig
    ) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.clock.advance(seconds=CONFIRM_AFTER.total_seconds() - 1)
        outcomes = rig.outcomes(rig.claim(), Acknowledged())
        rig.clock.advance(seconds=10)
        rig.record(outcomes)
        assert rig.report(report_id).next_attempt_at is not None

    def test_a_higher_standing_does_not_make_it_forgotten(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.owe(learner, "0.9")
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        assert rig.report(report_id).next_attempt_at == rig.clock() + CONFIRM_AFTER

    def test_a_dead_worker_s_message_may_still_be_on_its_way(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.claim("worker-1")
        rig.clock.advance(seconds=LEASE_SECONDS)
        ended_at = rig.clock()
        rig.record(rig.outcomes(rig.claim("worker-2"), Acknowledged()))
        assert rig.report(report_id).next_attempt_at == ended_at + CONFIRM_AFTER

    @pytest.mark.parametrize("answer", [Acknowledged(), LOST], ids=lambda answer: type(answer).__name__)
    def test_an_answer_after_the_end_of_its_lease_has_the_newer_one_sent_again(
        self, rig: DeliveryRig, answer: Acknowledged | TryLater
    ) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        slow = rig.claim("worker-1")
        rig.clock.advance(seconds=LEASE_SECONDS + CONFIRM_AFTER.total_seconds())
        rig.owe(learner, "0.9")
        rig.record(rig.outcomes(rig.claim("worker-2"), Acknowledged()))
        assert rig.report(report_id).next_attempt_at is None
        rig.record(rig.outcomes(slow, answer))
        report = rig.report(report_id)
        assert (report.state, report.acknowledged_ratio) == (ACKNOWLEDGED, Decimal("0.9"))
        assert report.next_attempt_at == rig.clock() + CONFIRM_AFTER

    def test_a_refusal_after_the_end_of_its_lease_says_nothing(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        slow = rig.claim("worker-1")
        rig.clock.advance(seconds=LEASE_SECONDS + CONFIRM_AFTER.total_seconds())
        rig.record(rig.outcomes(rig.claim("worker-2"), Acknowledged()))
        rig.record(rig.outcomes(slow, NOT_ENROLLED))
        report = rig.report(report_id)
        assert (report.state, report.next_attempt_at) == (ACKNOWLEDGED, None)

    def test_a_lost_answer_while_another_worker_sends_has_that_one_s_acknowledgement_confirmed(
        self, rig: DeliveryRig
    ) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        slow = rig.claim("worker-1")
        rig.clock.advance(seconds=LEASE_SECONDS)
        late = rig.claim("worker-2")
        rig.clock.advance(seconds=60)
        rig.record(rig.outcomes(slow, LOST))
        assert rig.report(report_id).leased_by == "worker-2"
        rig.record(rig.outcomes(late, Acknowledged()))
        assert rig.report(report_id).next_attempt_at == rig.clock() + CONFIRM_AFTER

    def test_a_lost_answer_to_the_confirming_message_leaves_the_report_acknowledged_and_is_made_good(
        self, rig: DeliveryRig
    ) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.clock.advance(seconds=30)
        rig.record(rig.outcomes(rig.claim(), Acknowledged()))
        rig.clock.advance(minutes=10)
        rig.record(rig.outcomes(rig.claim(), LOST))
        report = rig.report(report_id)
        assert report.state == ACKNOWLEDGED
        assert report.next_attempt_at == rig.clock() + ROW_PAUSE.after(3, lambda: 0.5)


class TestGivingUp:
    def test_a_report_that_fails_for_a_week_while_others_are_taken_is_given_up(self, rig: DeliveryRig) -> None:
        bad, good = rig.learner("bad"), rig.learner("good")
        report_id = rig.owe(bad, "0.5")
        rig.lms.fails_for = {"bad"}
        for day in range(8):
            assert rig.report(report_id).state == WAITING
            rig.owe(good, f"0.{day + 1}")
            for _ in range(3):
                rig.deliver()
                rig.clock.advance(hours=8)
        report = rig.report(report_id)
        assert (report.state, report.last_error_code, report.last_error_words) == (REFUSED, "gave_up", "HTTP 500")
        assert rig.stored(good) == Decimal("0.8")

    def test_a_platform_that_is_down_for_a_month_makes_nobody_give_up(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        for _ in range(30):
            rig.record(rig.outcomes(rig.claim(), LOST))
            rig.clock.advance(days=1)
        assert timedelta(days=30) > GIVE_UP_AFTER
        assert rig.report(report_id).state == WAITING
        rig.deliver()
        assert rig.stored(learner) == Decimal("0.5")


class TestWaking:
    def test_setting_the_account_heals_what_was_refused_for_want_of_one(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li", has_account=False)
        report_id = rig.owe(learner, "0.5")
        rig.deliver()
        assert rig.report(report_id).last_error_code == "no_lms_account"
        rig.set_username(learner, "li")
        rig.deliver()
        report = rig.report(report_id)
        assert (report.state, report.last_error_code) == (ACKNOWLEDGED, None)
        assert rig.stored(learner) == Decimal("0.5")

    def test_another_account_gets_all_that_the_first_one_got(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        rig.deliver()
        rig.lms.enrol("li2", COURSE)
        rig.set_username(learner, "li2")
        assert rig.report(report_id).acknowledged_ratio is None
        rig.deliver()
        assert rig.lms.stored["li2", VIDEO_1] == Decimal("0.5")

    def test_an_answer_about_the_old_account_does_not_count_for_the_new_one(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li")
        report_id = rig.owe(learner, "0.5")
        claim = rig.claim()
        rig.set_username(learner, "li2")
        rig.record(rig.outcomes(claim, Acknowledged()))
        assert rig.report(report_id).state == WAITING

    def test_other_people_s_reports_are_left_alone(self, rig: DeliveryRig) -> None:
        first, second = rig.learner("li"), rig.learner("wang")
        rig.owe(first, "0.5")
        other = rig.owe(second, "0.5")
        rig.deliver()
        rig.set_username(first, "li2")
        assert rig.report(other).state == ACKNOWLEDGED


class TestAClockThatRanAhead:
    def test_what_it_put_off_for_years_becomes_due_again(self, rig: DeliveryRig) -> None:
        honest = rig.clock.now
        rig.clock.advance(days=700)
        waiting = rig.owe(rig.learner("li"), "0.5")
        leased = rig.owe(rig.learner("wang"), "0.5")
        rig.claim(limit=2)
        with rig.database.writing() as session:
            session.execute(update(Report).where(Report.id == waiting).values(leased_by=None, leased_until=None))
        rig.clock.now = honest
        assert rig.claim().sendings == ()
        assert rig.database.transact(lambda session: outbox.mend_times(session, rig.clock())) == 2
        assert {entry.report_id for sending in rig.claim().sendings for entry in sending.entries} == {waiting, leased}

    def test_a_pause_that_the_platform_may_wish_for_is_respected(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        with rig.database.writing() as session:
            session.get_one(Report, report_id).next_attempt_at = rig.clock() + timedelta(days=1)
        assert rig.database.transact(lambda session: outbox.mend_times(session, rig.clock())) == 0

    def test_a_sending_in_its_future_is_confirmed_once_and_not_for_years(self, rig: DeliveryRig) -> None:
        honest = rig.clock.now
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.clock.advance(days=700)
        rig.record(rig.outcomes(rig.claim(), LOST))
        rig.clock.now = honest
        rig.database.transact(lambda session: outbox.mend_times(session, rig.clock()))
        for _ in range(2):
            rig.record(rig.outcomes(rig.claim(), Acknowledged()))
            rig.clock.advance(minutes=5)
        assert rig.report(report_id).next_attempt_at is None
