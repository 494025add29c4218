"""The counterpart's presence checks: puts them, judges the answers, and says what is held for want of one."""

import time
from dataclasses import dataclass, field
from typing import Any

Interval = list[float]


@dataclass
class Check:
    """One question. It runs out by the service's own clock, of which the player hears only what is left."""

    id: str
    question: str
    choices: list[str]
    right: int
    within_seconds: float
    put_at: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        return self.within_seconds - (time.monotonic() - self.put_at)

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "question": self.question,
            "choices": self.choices,
            # Of another decade than the browser's clock: whoever reads it instead of the seconds left is wrong.
            "answer_by": "2019-01-05T11:00:00Z",
            "answer_within_seconds": max(0.0, self.seconds_left),
        }


class Questions:
    """What is open, what follows a wrong answer or an ask, and what was credited since the last sign of presence."""

    def __init__(self) -> None:
        self.open: Check | None = None
        self.further: list[Check] = []
        self.next_when_asked: Check | None = None
        self.answers: list[tuple[str, int]] = []
        self.since_sign: list[Interval] = []
        self.known: dict[str, Check] = {}

    def make(
        self,
        question: str = "课堂导入用了哪种方法？",
        choices: tuple[str, ...] = ("讲故事", "提问", "做实验"),
        right: int = 1,
        within_seconds: float = 120,
    ) -> Check:
        check = Check(f"c{len(self.known) + 1}", question, list(choices), right, within_seconds)
        self.known[check.id] = check
        return check

    def put(self, check: Check) -> Check:
        """Leave a check open: the next answer of any kind carries it."""
        check.put_at = time.monotonic()
        self.open = check
        return check

    def run_out(self) -> list[Interval]:
        """What becomes held now because the open check went unanswered."""
        if self.open is None or self.open.seconds_left > 0:
            return []
        self.open = None
        held, self.since_sign = self.since_sign, []
        return held

    def judge(self, check_id: str, answer: int) -> tuple[bool, bool]:
        """(passed, whether it was the open one)."""
        self.answers.append((check_id, answer))
        if self.open is None or self.open.id != check_id:
            return False, False
        passed = answer == self.open.right and self.open.seconds_left > 0
        self.open = None
        if passed:
            self.since_sign = []
        elif self.further:
            self.put(self.further.pop(0))
        return passed, True
