"""Comparing what an LMS is owed with what it holds, and repairing it."""

from decimal import Decimal

import pytest

from lms_plugin.domain.errors import NotFound
from lms_plugin.services import reconciling
from lms_plugin.services.ports import Held, HeldAnswer, RefusalCode, Refused, TryLater
from lms_plugin.services.reconciling import Comparison, Finding, LmsUnreadable
from lms_plugin.storage.outbox import ACKNOWLEDGED, WAITING
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, HIDDEN, VIDEO_1, VIDEO_2
from tests.services.delivery_rig import PLATFORM, DeliveryRig, MoodyLms


@pytest.fixture
def rig(database: Database) -> DeliveryRig:
    return DeliveryRig(database)


def reconcile(rig: DeliveryRig, *, repair: bool = False, key: str = PLATFORM) -> list[Finding]:
    return list(reconciling.reconcile(rig.database, rig.reporter, key, repair=repair, clock=rig.clock))


def test_what_arrived_agrees(rig: DeliveryRig) -> None:
    rig.owe(rig.learner("li"), "0.5")
    rig.deliver()
    (finding,) = reconcile(rig)
    assert (finding.comparison, finding.owed, finding.acknowledged, finding.held) == (
        Comparison.AGREES,
        Decimal("0.5"),
        Decimal("0.5"),
        Decimal("0.5"),
    )
    assert (finding.learner_login, finding.block_key) == ("login.li", VIDEO_1)


def test_what_still_waits_is_on_its_way(rig: DeliveryRig) -> None:
    learner = rig.learner("li")
    rig.owe(learner, "0.5")
    rig.deliver()
    rig.owe(learner, "0.75")
    (finding,) = reconcile(rig, repair=True)
    assert (finding.comparison, finding.held, finding.is_repaired) == (Comparison.ON_ITS_WAY, Decimal("0.5"), False)


def test_what_went_down_at_the_lms_differs_and_is_repaired(rig: DeliveryRig) -> None:
    learner = rig.learner("li")
    report_id = rig.owe(learner, "1")
    rig.deliver()
    rig.lms.stored["li", VIDEO_1] = Decimal("0.4")
    (finding,) = reconcile(rig)
    assert (finding.comparison, finding.held, finding.is_repaired) == (Comparison.DIFFERS, Decimal("0.4"), False)
    assert rig.report(report_id).state == ACKNOWLEDGED
    (finding,) = reconcile(rig, repair=True)
    assert finding.is_repaired
    assert rig.report(report_id).state == WAITING
    rig.deliver()
    assert rig.stored(learner) == Decimal(1)


def test_what_the_lms_lost_is_missing_and_is_repaired(rig: DeliveryRig) -> None:
    learner = rig.learner("li")
    rig.owe(learner, "1", VIDEO_1)
    rig.owe(learner, "0.5", VIDEO_2)
    rig.deliver()
    rig.lms.stored.clear()
    assert [one.comparison for one in reconcile(rig, repair=True)] == [Comparison.MISSING] * 2
    rig.deliver()
    assert [one.comparison for one in reconcile(rig)] == [Comparison.AGREES] * 2


def test_what_somebody_raised_at_the_lms_is_ahead_and_never_taken_down(rig: DeliveryRig) -> None:
    learner = rig.learner("li")
    rig.owe(learner, "0.5")
    rig.deliver()
    rig.lms.stored["li", VIDEO_1] = Decimal(1)
    (finding,) = reconcile(rig, repair=True)
    assert (finding.comparison, finding.is_repaired) == (Comparison.AHEAD, False)
    rig.deliver()
    assert rig.stored(learner) == Decimal(1)


def test_a_block_that_learners_are_not_shown_cannot_be_compared(rig: DeliveryRig) -> None:
    rig.owe(rig.learner("li"), "0.5", HIDDEN)
    rig.deliver()
    (finding,) = reconcile(rig, repair=True)
    assert (finding.comparison, finding.held, finding.is_repaired) == (Comparison.NOT_SHOWN, None, False)


def test_a_learner_whom_the_lms_does_not_know_is_listed_with_its_words(rig: DeliveryRig) -> None:
    rig.owe(rig.learner("stranger", at_lms=False), "0.5")
    rig.owe(rig.learner("nobody", has_account=False), "0.5")
    rig.deliver()
    stranger, nobody = reconcile(rig)
    assert stranger.comparison is nobody.comparison is Comparison.UNREADABLE
    assert stranger.words == "unknown_learner: Requested user 'stranger' does not exist."
    assert nobody.words == "no_lms_account"


def test_a_report_that_changed_while_it_was_compared_is_left_alone(rig: DeliveryRig) -> None:
    learner = rig.learner("li")
    report_id = rig.owe(learner, "0.5")
    rig.deliver()

    class Meanwhile(MoodyLms):
        def held(self, username: str, course_key: str, block_keys: object) -> Held:
            rig.owe(learner, "0.75")
            return Held({VIDEO_1: Decimal("0.1")})

    rig.use(Meanwhile())
    (finding,) = reconcile(rig, repair=True)
    assert (finding.comparison, finding.is_repaired) == (Comparison.DIFFERS, False)
    assert rig.report(report_id).ratio == Decimal("0.75")


def test_one_silence_is_endured_and_listed(rig: DeliveryRig) -> None:
    class OnceSilent(MoodyLms):
        def held(self, username: str, course_key: str, block_keys: object) -> HeldAnswer:
            if username == "first":
                return TryLater("ReadTimeout")
            return Held({VIDEO_1: Decimal("0.5")})

    for name in ("first", "second"):
        rig.owe(rig.learner(name), "0.5")
    rig.deliver()
    rig.use(OnceSilent())
    assert [(one.comparison, one.words) for one in reconcile(rig)] == [
        (Comparison.UNREADABLE, "ReadTimeout"),
        (Comparison.AGREES, ""),
    ]


def test_a_platform_that_stays_silent_ends_it(rig: DeliveryRig) -> None:
    for number in range(10):
        rig.owe(rig.learner(f"teacher{number}"), "0.5")
    rig.deliver()
    rig.lms.up = False
    with pytest.raises(LmsUnreadable) as refused:
        reconcile(rig)
    assert refused.value.params["words"] == "Connection refused"


def test_a_platform_that_lets_nobody_in_ends_it_at_once(rig: DeliveryRig) -> None:
    class LockedOut(MoodyLms):
        asked = 0

        def held(self, username: str, course_key: str, block_keys: object) -> HeldAnswer:
            self.asked += 1
            return Refused(RefusalCode.NOT_PERMITTED, "You do not have permission.")

    for name in ("first", "second"):
        rig.owe(rig.learner(name), "0.5")
    rig.deliver()
    locked = rig.use(LockedOut())
    with pytest.raises(LmsUnreadable) as refused:
        reconcile(rig)
    assert refused.value.params["refusal"] == "not_permitted"
    assert locked.asked == 1


def test_a_platform_that_nobody_registered_is_not_found(rig: DeliveryRig) -> None:
    with pytest.raises(NotFound):
        reconcile(rig, key="canvas")


def test_every_learner_is_asked_for_once_however_many_there_are(
    rig: DeliveryRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "READ_AT_ONCE", 3)
    learners = [rig.learner(f"teacher{number}") for number in range(8)]
    for learner in learners:
        rig.owe(learner, "0.5", VIDEO_1)
        rig.owe(learner, "0.25", VIDEO_2)
    rig.deliver_all()
    findings = reconcile(rig)
    assert [one.enrolment_id for one in findings] == [one.enrolment_id for one in learners for _ in range(2)]
    assert {one.comparison for one in findings} == {Comparison.AGREES}
    assert {one.course_key for one in findings} == {COURSE}
