"""What every LmsReporter promises, as one suite; the fake and the genuine platforms all run it.

`CompletionContract` is what an Open edX completion API promises beyond that.
"""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    Held,
    LmsReporter,
    RefusalCode,
    Refused,
    Standing,
    TryLater,
)

COURSE = "course-v1:Gansu+PD101+2024"
OTHER_COURSE = "course-v1:Gansu+PD102+2024"
VIDEO_1 = "block-v1:Gansu+PD101+2024+type@video+block@module1"
VIDEO_2 = "block-v1:Gansu+PD101+2024+type@video+block@module2"
LTI = "block-v1:Gansu+PD101+2024+type@lti_consumer+block@programme"
HIDDEN = "block-v1:Gansu+PD101+2024+type@video+block@hidden"
UNIT = "block-v1:Gansu+PD101+2024+type@vertical+block@unit1"
FOREIGN = "block-v1:Gansu+PD102+2024+type@video+block@module1"
NONSENSE = "module one"


_AS_OF = (datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(seconds=number) for number in itertools.count())
"""Times for messages, each later than the one before."""


class Rig(Protocol):
    """One LMS under test with a course of two blocks on it, its reporter, and the hands to spoil it.

    `hurried` reports to the same LMS and waits for an answer a short time only. `nothing` is what reads where nothing
    was ever reported.
    """

    reporter: LmsReporter
    hurried: LmsReporter
    course: str
    first: str
    second: str
    nothing: Decimal | None

    def learner(self, *, enrolled: bool = True) -> str:
        """A new learner's username."""
        ...

    def stored(self, username: str) -> dict[str, float]:
        """What the LMS itself holds, by block key."""
        ...

    def break_credentials(self) -> None: ...

    def go_down(self) -> None: ...

    def come_back(self) -> None: ...

    def refuse_next(self, status: int, retry_after: str | None = None) -> None: ...

    def answer_next_too_late(self) -> None: ...

    def lose_next_answer(self) -> None:
        """The next message is stored and its answer never arrives."""
        ...


class CompletionRig(Rig, Protocol):
    """An LMS with Open edX's completion API, and COURSE on it."""

    def switch_tracking(self, *, on: bool) -> None: ...


def said_by(rig: Rig, username: str, first: str | None = None, second: str | None = None) -> CompletionMessage:
    """A message about one or both blocks of the rig's course, of a later time than the one before."""
    ratios = {rig.first: first, rig.second: second}
    blocks = {key: Decimal(ratio) for key, ratio in ratios.items() if ratio is not None}
    at = next(_AS_OF)
    return CompletionMessage(username, rig.course, blocks, dict.fromkeys(blocks, Standing(None, at, at)), "en")


def message(username: str, **ratios: str) -> CompletionMessage:
    """A message about module1=..., module2=... of COURSE."""
    blocks = {f"block-v1:Gansu+PD101+2024+type@video+block@{name}": Decimal(ratio) for name, ratio in ratios.items()}
    return CompletionMessage(username, COURSE, blocks)


class ReporterContract:
    def test_an_acknowledged_ratio_is_stored(self, rig: Rig) -> None:
        learner = rig.learner()
        assert rig.reporter.send(said_by(rig, learner, "0.5")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 0.5}

    def test_several_blocks_are_stored_together(self, rig: Rig) -> None:
        learner = rig.learner()
        assert rig.reporter.send(said_by(rig, learner, "1", "0.25")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 1.0, rig.second: 0.25}

    def test_sending_twice_has_one_effect(self, rig: Rig) -> None:
        learner = rig.learner()
        for _ in range(2):
            assert rig.reporter.send(said_by(rig, learner, "0.75")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 0.75}

    def test_one_learner_s_ratio_leaves_another_s_alone(self, rig: Rig) -> None:
        first, second = rig.learner(), rig.learner()
        rig.reporter.send(said_by(rig, first, "0.5"))
        rig.reporter.send(said_by(rig, second, "1"))
        assert (rig.stored(first), rig.stored(second)) == ({rig.first: 0.5}, {rig.first: 1.0})

    def test_a_lower_ratio_replaces_a_higher_one_so_the_sender_must_keep_the_maximum(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.reporter.send(said_by(rig, learner, "0.9"))
        assert rig.reporter.send(said_by(rig, learner, "0.2")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 0.2}

    @pytest.mark.parametrize(
        ("ratio", "stored"),
        [
            ("7", 1.0),
            ("1.0000001", 1.0),
            ("1", 1.0),
            ("0.99999999999999999999", 0.9999),
            ("0.33333", 0.3333),
            ("0", 0.0),
            ("-0.5", 0.0),
        ],
    )
    def test_ratios_stay_between_0_and_1_and_only_the_finished_read_1(
        self, rig: Rig, ratio: str, stored: float
    ) -> None:
        learner = rig.learner()
        assert rig.reporter.send(said_by(rig, learner, ratio)) == Acknowledged()
        assert rig.stored(learner) == {rig.first: stored}

    def test_a_wrong_secret_is_a_matter_of_configuration(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.break_credentials()
        answer = rig.reporter.send(said_by(rig, learner, "1"))
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.BAD_CREDENTIALS
        assert rig.stored(learner) == {}

    def test_a_platform_that_is_down_is_tried_later(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.go_down()
        assert isinstance(rig.reporter.send(said_by(rig, learner, "1")), TryLater)
        assert isinstance(rig.reporter.held(learner, rig.course, [rig.first]), TryLater)
        assert isinstance(rig.reporter.probe(), TryLater)
        rig.come_back()
        assert rig.reporter.send(said_by(rig, learner, "1")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 1.0}

    def test_a_platform_that_is_too_slow_is_tried_later_with_one_effect(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.answer_next_too_late()
        answer = rig.hurried.send(said_by(rig, learner, "0.5"))
        assert isinstance(answer, TryLater)
        assert answer.retry_after_seconds is None
        assert rig.reporter.send(said_by(rig, learner, "0.5")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 0.5}

    def test_an_answer_lost_after_storing_is_sent_again_with_one_effect(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.lose_next_answer()
        assert isinstance(rig.reporter.send(said_by(rig, learner, "0.5")), TryLater)
        assert rig.stored(learner) == {rig.first: 0.5}
        assert rig.reporter.send(said_by(rig, learner, "0.5")) == Acknowledged()
        assert rig.stored(learner) == {rig.first: 0.5}

    @pytest.mark.parametrize(
        ("status", "retry_after", "seconds"),
        [(429, "7", 7), (503, "120", 120), (503, None, None), (500, None, None), (502, None, None)],
    )
    def test_a_passing_fault_is_tried_later_when_the_platform_wishes(
        self, rig: Rig, status: int, retry_after: str | None, seconds: int | None
    ) -> None:
        learner = rig.learner()
        rig.refuse_next(status, retry_after)
        answer = rig.reporter.send(said_by(rig, learner, "1"))
        assert isinstance(answer, TryLater)
        assert answer.retry_after_seconds == seconds
        assert rig.stored(learner) == {}
        assert rig.reporter.send(said_by(rig, learner, "1")) == Acknowledged()

    def test_what_was_stored_can_be_read_back(self, rig: Rig) -> None:
        learner = rig.learner()
        rig.reporter.send(said_by(rig, learner, "0.3333"))
        answer = rig.reporter.held(learner, rig.course, [rig.first, rig.second])
        assert answer == Held({rig.first: Decimal("0.3333"), rig.second: rig.nothing})

    def test_a_probe_tells_whether_we_are_let_in_and_stores_nothing(self, rig: Rig) -> None:
        learner = rig.learner()
        assert rig.reporter.probe() == Acknowledged()
        rig.break_credentials()
        answer = rig.reporter.probe()
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.BAD_CREDENTIALS
        assert rig.stored(learner) == {}


class CompletionContract(ReporterContract):
    def test_a_learner_who_is_not_enrolled_is_refused(self, rig: CompletionRig) -> None:
        learner = rig.learner(enrolled=False)
        answer = rig.reporter.send(message(learner, module1="1", module2="1"))
        assert answer == Refused(RefusalCode.NOT_ENROLLED, "User is not enrolled in course.")
        assert rig.stored(learner) == {}

    def test_an_unknown_learner_is_refused(self, rig: CompletionRig) -> None:
        answer = rig.reporter.send(message("nobody", module1="1"))
        assert answer == Refused(RefusalCode.UNKNOWN_LEARNER, "User matching query does not exist.")

    def test_a_platform_with_its_switch_off_says_so(self, rig: CompletionRig) -> None:
        learner = rig.learner()
        rig.switch_tracking(on=False)
        answer = rig.reporter.send(message(learner, module1="1"))
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.TRACKING_DISABLED
        assert "feature is disabled" in answer.words
        assert rig.stored(learner) == {}
        rig.switch_tracking(on=True)
        assert rig.reporter.send(message(learner, module1="1")) == Acknowledged()

    @pytest.mark.parametrize("block_key", [FOREIGN, NONSENSE])
    def test_a_block_of_another_course_or_none_is_refused(self, rig: CompletionRig, block_key: str) -> None:
        learner = rig.learner()
        answer = rig.reporter.send(CompletionMessage(learner, COURSE, {block_key: Decimal(1)}))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.block_keys) == (RefusalCode.UNKNOWN_BLOCK, ())
        assert block_key in answer.words
        assert rig.stored(learner) == {}

    def test_a_bad_block_is_named_and_the_good_ones_are_stored(self, rig: CompletionRig) -> None:
        learner = rig.learner()
        blocks = {VIDEO_1: Decimal(1), FOREIGN: Decimal(1), VIDEO_2: Decimal("0.5")}
        answer = rig.reporter.send(CompletionMessage(learner, COURSE, blocks))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.block_keys) == (RefusalCode.UNKNOWN_BLOCK, (FOREIGN,))
        assert rig.stored(learner) == {VIDEO_1: 1.0, VIDEO_2: 0.5}

    def test_a_message_of_bad_blocks_only_is_refused_as_a_whole(self, rig: CompletionRig) -> None:
        learner = rig.learner()
        blocks = {FOREIGN: Decimal(1), NONSENSE: Decimal(1)}
        answer = rig.reporter.send(CompletionMessage(learner, COURSE, blocks))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.block_keys) == (RefusalCode.UNKNOWN_BLOCK, ())
        assert rig.stored(learner) == {}

    def test_blocks_that_show_no_completion_read_as_nothing(self, rig: CompletionRig) -> None:
        learner = rig.learner()
        blocks = dict.fromkeys((LTI, HIDDEN), Decimal(1))
        assert rig.reporter.send(CompletionMessage(learner, COURSE, blocks)) == Acknowledged()
        answer = rig.reporter.held(learner, COURSE, [LTI, HIDDEN, UNIT, FOREIGN, NONSENSE])
        assert answer == Held({LTI: Decimal(1), HIDDEN: None, UNIT: None, FOREIGN: None, NONSENSE: None})

    def test_reading_back_an_unknown_learner_or_course_is_refused(self, rig: CompletionRig) -> None:
        for username, course_key, code in [
            ("nobody", COURSE, RefusalCode.UNKNOWN_LEARNER),
            (rig.learner(), OTHER_COURSE, RefusalCode.UNKNOWN_COURSE),
        ]:
            answer = rig.reporter.held(username, course_key, [VIDEO_1])
            assert isinstance(answer, Refused)
            assert answer.code is code

    def test_a_probe_tells_what_is_wrong_and_stores_nothing(self, rig: CompletionRig) -> None:
        learner = rig.learner()
        assert rig.reporter.probe() == Acknowledged()
        rig.switch_tracking(on=False)
        switched_off = rig.reporter.probe()
        assert isinstance(switched_off, Refused)
        assert switched_off.code is RefusalCode.TRACKING_DISABLED
        rig.switch_tracking(on=True)
        rig.break_credentials()
        assert rig.reporter.probe() == Refused(RefusalCode.BAD_CREDENTIALS, "invalid_client")
        assert rig.stored(learner) == {}
