"""Whatever happens, in whatever order: in the end the LMS holds the highest standing of everybody, once."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lms_plugin.services import delivery_list
from lms_plugin.services.outbox import CONFIRM_AFTER, Claim
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.services.ports import CompletionMessage, DeliveryAnswer, TryLater
from lms_plugin.storage.outbox import ACKNOWLEDGED, WAITING
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, VIDEO_1, VIDEO_2
from tests.services.delivery_rig import LEASE_SECONDS, PLATFORM, DeliveryRig, Learner, MoodyLms

BLOCKS = (VIDEO_1, VIDEO_2)
NAMES = itertools.count(1)
LATEST = CONFIRM_AFTER - timedelta(seconds=1)
"""A message without an answer arrives before this, or never."""


@dataclass(frozen=True, slots=True)
class Straying:
    """A message on its way that may arrive at any moment until `until`, or never."""

    message: CompletionMessage
    until: datetime


class StrayingLms(MoodyLms):
    """Notes the messages that it neither stored nor answered: they may still be on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.unheard: list[CompletionMessage] = []

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        is_lost = self.up and self.lets_us_in and bool(self.troubles) and not self.troubles[0][1]
        if is_lost:
            self.unheard.append(message)
        return super().send(message)


class DeliveryMachine(RuleBasedStateMachine):
    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @initialize(learners=st.integers(1, 2))
    def begin(self, learners: int) -> None:
        self.lms = StrayingLms()
        self.rig = DeliveryRig(self.database, platform=f"{PLATFORM}-{next(NAMES)}", lms=self.lms)
        self.learners = [self.rig.learner(f"teacher{next(NAMES)}") for _ in range(learners)]
        self.highest: dict[tuple[str, str], Decimal] = {}
        self.straying: list[Straying] = []
        for learner in self.learners:
            self._owe(learner, VIDEO_1, Decimal("0.3"))

    @rule(data=st.data(), block_key=st.sampled_from(BLOCKS), ratio=st.decimals("0.01", 1, places=2, allow_nan=False))
    def a_standing_is_reckoned(self, data: st.DataObject, block_key: str, ratio: Decimal) -> None:
        learner = data.draw(st.sampled_from(self.learners))
        self._owe(learner, block_key, ratio)

    @rule(worker=st.sampled_from(["a", "b"]))
    def a_round_is_delivered(self, worker: str) -> None:
        self._deliver(worker)

    @rule(after_storing=st.booleans())
    def an_answer_will_be_lost(self, after_storing: bool) -> None:
        self.lms.answer_next(TryLater("lost"), after_storing=after_storing)

    @rule(sends=st.booleans())
    def a_worker_dies(self, sends: bool) -> None:
        claim = self.rig.claim("dying")
        if sends:
            self._stray(claim)

    @rule(
        seconds=st.sampled_from([0, LEASE_SECONDS, 900]),
        is_lost=st.booleans(),
        rises=st.booleans(),
        has_rival=st.booleans(),
    )
    def a_worker_is_slow(self, seconds: int, is_lost: bool, rises: bool, has_rival: bool) -> None:
        """It sends in time, with effect some seconds later; standings may rise meanwhile, and others deliver."""
        claim = self.rig.claim("slow")
        sent_at = self.rig.clock()
        answers: list[DeliveryAnswer] = []
        if is_lost:
            self._stray(claim)
            answers = [TryLater("lost") for _ in claim.sendings]
        self._go_on(seconds)
        if rises:
            for learner, block_key in itertools.product(self.learners, BLOCKS):
                highest = self.highest.get((learner.username, block_key), Decimal(0))
                self._owe(learner, block_key, ((highest + 1) / 2).quantize(Decimal("0.0001"), ROUND_UP))
        if has_rival:
            self._deliver("rival")
        if not is_lost:
            answers = [self.lms.send(sending.message) for sending in claim.sendings]
            self._note_unheard()
        for sending, answer in zip(claim.sendings, answers, strict=True):
            alone = Claim((sending,), 0)
            self.rig.record([*self.rig.outcomes(alone, answer, sent_at=sent_at)])

    @precondition(lambda self: self.straying)
    @rule(data=st.data())
    def a_straying_message_arrives(self, data: st.DataObject) -> None:
        one = self.straying.pop(data.draw(st.integers(0, len(self.straying) - 1)))
        self._arrive(one)

    @rule(seconds=st.sampled_from([1, 10, 60, LEASE_SECONDS, 300, 900, 7200]))
    def time_passes(self, seconds: int) -> None:
        self._go_on(seconds)

    @rule(condition=st.sampled_from(["well", "well", "down", "switched off", "locked out"]))
    def the_lms_is_in_another_condition(self, condition: str) -> None:
        self.lms.up = condition != "down"
        self.lms.tracking = condition != "switched off"
        self.lms.lets_us_in = condition != "locked out"

    @rule(data=st.data(), is_enrolled=st.booleans())
    def a_learner_is_enrolled_there_or_not(self, data: st.DataObject, is_enrolled: bool) -> None:
        learner = data.draw(st.sampled_from(self.learners))
        if is_enrolled:
            self.lms.enrol(learner.username, COURSE)
        else:
            self.lms.enrolments.discard((learner.username, COURSE))

    @rule()
    def an_admin_says_retry(self) -> None:
        with self.database.writing() as session:
            delivery_list.retry_refused(session, CONSOLE, self.rig.platform_key, self.rig.clock())

    @invariant()
    def what_is_owed_is_the_highest_standing(self) -> None:
        if not hasattr(self, "rig"):
            return
        names = {learner.enrolment_id: learner.username for learner in self.learners}
        for report in self.rig.reports():
            assert report.ratio == self.highest[names[report.enrolment_id], report.block_key]
            assert report.acknowledged_ratio is None or report.acknowledged_ratio <= report.ratio
            if report.state == WAITING:
                assert report.next_attempt_at is not None

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.lms.up = self.lms.tracking = self.lms.lets_us_in = True
        self.lms.troubles.clear()
        for learner in self.learners:
            self.lms.enrol(learner.username, COURSE)
        self.an_admin_says_retry()
        for _ in range(12):
            self._deliver("last")
            self._go_on(400)
        for report in self.rig.reports():
            assert (report.state, report.next_attempt_at, report.leased_by) == (ACKNOWLEDGED, None, None)
        assert self.lms.stored == self.highest

    def _owe(self, learner: Learner, block_key: str, ratio: Decimal) -> None:
        self.rig.owe(learner, str(ratio), block_key, platform=self.rig.platform_key)
        key = (learner.username, block_key)
        self.highest[key] = max(ratio, self.highest.get(key, Decimal(0)))

    def _deliver(self, worker: str) -> None:
        self.rig.deliver(worker)
        self._note_unheard()

    def _note_unheard(self) -> None:
        until = self.rig.clock() + LATEST
        self.straying += [Straying(message, until) for message in self.lms.unheard]
        self.lms.unheard.clear()

    def _stray(self, claim: Claim) -> None:
        until = self.rig.clock() + LATEST
        self.straying += [Straying(sending.message, until) for sending in claim.sendings]

    def _arrive(self, one: Straying) -> None:
        """It gets through to an LMS that takes it, whatever the moment's troubles with answers are."""
        troubles = list(self.lms.troubles)
        self.lms.troubles.clear()
        self.lms.send(one.message)
        self.lms.troubles.extend(troubles)

    def _go_on(self, seconds: float) -> None:
        self.rig.clock.advance(seconds=seconds)
        overdue: Sequence[Straying] = [one for one in self.straying if one.until <= self.rig.clock()]
        for one in overdue:
            self.straying.remove(one)
            self._arrive(one)


def test_whatever_happens_the_lms_ends_with_the_highest_standing_of_everybody(database: Database) -> None:
    class Machine(DeliveryMachine):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=120,
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking so many steps takes minutes
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
