"""The fake keeps the contract, so that tests of delivery may trust it."""

import itertools
from decimal import Decimal

import pytest

from lms_plugin.services.ports import TryLater
from tests.adapters.fake_lms import FakeLms
from tests.adapters.reporter_contract import COURSE, HIDDEN, LTI, UNIT, VIDEO_1, VIDEO_2, CompletionContract


class FakeRig:
    course, first, second, nothing = COURSE, VIDEO_1, VIDEO_2, Decimal(0)

    def __init__(self) -> None:
        self.reporter = self.hurried = FakeLms()
        self.reporter.add_course(COURSE, [VIDEO_1, VIDEO_2, LTI, UNIT], hidden=[HIDDEN])
        self._numbers = itertools.count(1)

    def learner(self, *, enrolled: bool = True) -> str:
        username = f"teacher{next(self._numbers)}"
        self.reporter.learners.add(username)
        if enrolled:
            self.reporter.enrol(username, COURSE)
        return username

    def stored(self, username: str) -> dict[str, float]:
        return {key: float(ratio) for (owner, key), ratio in self.reporter.stored.items() if owner == username}

    def switch_tracking(self, *, on: bool) -> None:
        self.reporter.tracking = on

    def break_credentials(self) -> None:
        self.reporter.lets_us_in = False

    def go_down(self) -> None:
        self.reporter.up = False

    def come_back(self) -> None:
        self.reporter.up = True

    def refuse_next(self, status: int, retry_after: str | None = None) -> None:
        self.reporter.answer_next(TryLater(f"HTTP {status}", int(retry_after) if retry_after else None))

    def answer_next_too_late(self) -> None:
        self.reporter.answer_next(TryLater("ReadTimeout"), after_storing=True)

    def lose_next_answer(self) -> None:
        self.reporter.answer_next(TryLater("Server disconnected"), after_storing=True)


class TestFakeLms(CompletionContract):
    @pytest.fixture
    def rig(self) -> FakeRig:
        return FakeRig()
