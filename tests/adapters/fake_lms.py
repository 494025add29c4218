"""An LMS in memory that answers as Open edX does; the contract suite holds it to the genuine one."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from lms_plugin.adapters.openedx.completion_api import sendable_ratio
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    DeliveryAnswer,
    Held,
    HeldAnswer,
    RefusalCode,
    Refused,
    TryLater,
)

GROUPING_TYPES = ("course", "chapter", "sequential", "vertical")


class FakeLms:
    """A platform that is up, lets us in and has its completion switch on, until a test says otherwise.

    `stored` maps (username, block key) to a ratio; `sent` lists every message that reached it; `troubles` are
    answers given in place of the next ones, stored or not before the answer is lost.
    """

    def __init__(self) -> None:
        self.learners: set[str] = set()
        self.enrolments: set[tuple[str, str]] = set()
        self.courses: dict[str, dict[str, bool]] = {}
        self.stored: dict[tuple[str, str], Decimal] = {}
        self.sent: list[CompletionMessage] = []
        self.tracking = True
        self.up = True
        self.lets_us_in = True
        self.troubles: deque[tuple[DeliveryAnswer, bool]] = deque()

    def add_course(self, course_key: str, blocks: Iterable[str], *, hidden: Iterable[str] = ()) -> None:
        self.courses[course_key] = dict.fromkeys(blocks, False) | dict.fromkeys(hidden, True)

    def enrol(self, username: str, course_key: str) -> None:
        self.learners.add(username)
        self.enrolments.add((username, course_key))

    def answer_next(self, answer: DeliveryAnswer, *, after_storing: bool = False) -> None:
        """Give this answer to the next message; `after_storing` is an answer that was lost on the way back."""
        self.troubles.append((answer, after_storing))

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        out_of_reach = self._out_of_reach()
        if out_of_reach is not None:
            return out_of_reach
        self.sent.append(message)
        if self.troubles:
            answer, after_storing = self.troubles.popleft()
            if after_storing:
                self._take(message)
            return answer
        return self._take(message)

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        out_of_reach = self._out_of_reach()
        if out_of_reach is not None:
            return out_of_reach
        if username not in self.learners:
            return Refused(RefusalCode.UNKNOWN_LEARNER, f"Requested user '{username}' does not exist.")
        if course_key not in self.courses:
            return Refused(RefusalCode.UNKNOWN_COURSE, f"Course not found: {course_key}")
        hidden = self.courses[course_key]
        return Held(
            {
                block_key: None
                if hidden.get(block_key, True) or any(f"type@{kind}+" in block_key for kind in GROUPING_TYPES)
                else self.stored.get((username, block_key), Decimal(0))
                for block_key in block_keys
            }
        )

    def probe(self) -> DeliveryAnswer:
        return self._out_of_reach() or self._switched_off() or Acknowledged()

    def _out_of_reach(self) -> Refused | TryLater | None:
        if not self.up:
            return TryLater("Connection refused")
        if not self.lets_us_in:
            return Refused(RefusalCode.BAD_CREDENTIALS, "invalid_client")
        return None

    def _switched_off(self) -> Refused | None:
        if self.tracking:
            return None
        return Refused(RefusalCode.TRACKING_DISABLED, "Completion should not be sent when the feature is disabled.")

    def _take(self, message: CompletionMessage) -> DeliveryAnswer:
        switched_off = self._switched_off()
        if switched_off is not None:
            return switched_off
        if message.username not in self.learners:
            return Refused(RefusalCode.UNKNOWN_LEARNER, "User matching query does not exist.")
        if (message.username, message.course_key) not in self.enrolments:
            return Refused(RefusalCode.NOT_ENROLLED, "User is not enrolled in course.")
        course_prefix = message.course_key.replace("course-v1:", "block-v1:") + "+"
        foreign = tuple(key for key in message.blocks if not key.startswith(course_prefix))
        for block_key, ratio in message.blocks.items():
            if block_key not in foreign:
                self.stored[message.username, block_key] = sendable_ratio(ratio)
        if not foreign:
            return Acknowledged()
        words = "; ".join(f"Block with key: '{key}' is not in context {message.course_key}" for key in foreign)
        return Refused(RefusalCode.UNKNOWN_BLOCK, words, () if len(foreign) == len(message.blocks) else foreign)
