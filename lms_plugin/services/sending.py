"""Sending what is owed to one LMS platform: claiming it, sending it, and recording the answers.

One transaction claims, messages are sent outside of any, and others record; whatever dies in between, the leases end
and the reports are sent again, with one effect. The rules of a report are in outbox.py, those of a platform in
platform_health.py.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal, Unavailable
from lms_plugin.services import outbox, platform_health
from lms_plugin.services.outbox import Claim, Outcome, Sending
from lms_plugin.services.pauses import Draw
from lms_plugin.services.ports import Acknowledged, Concern, DeliveryAnswer, LmsReporter, Refused, TryLater
from lms_plugin.storage.session import Database

Clock = Callable[[], datetime]
Reporters = Callable[[str], LmsReporter | None]
"""The reporter for a platform's key, safe to share between threads; None, or a Refusal raised, where there is none."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is taken at once: learners in a round, messages in the air to one platform, seconds of a lease.

    No message is sent in the second half of its lease: a lease must be longer than twice what a message may take.
    """

    learners: int = 200
    lanes: int = 8
    lease_seconds: float = 120


@dataclass(frozen=True, slots=True)
class DeliveryRound:
    """What one round did, in reports. `is_troubled`: a platform had to be left alone before it was through."""

    acknowledged: int = 0
    refused: int = 0
    unanswered: int = 0
    unsent: int = 0
    is_troubled: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing was delivered, so that another round at once would be no use."""
        return not (self.acknowledged or self.refused)

    def __add__(self, other: "DeliveryRound") -> "DeliveryRound":
        return DeliveryRound(
            self.acknowledged + other.acknowledged,
            self.refused + other.refused,
            self.unanswered + other.unanswered,
            self.unsent + other.unsent,
            self.is_troubled or other.is_troubled,
        )


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Courier:
    """Who delivers, and with what: one for each worker process.

    `worker` is a name nobody else has, at most 80 characters; `stop`, once set, lets no further message be sent.
    """

    database: Database
    reporters: Reporters
    worker: str
    clock: Clock = utc_now
    draw: Draw = random.random
    pace: Pace = field(default_factory=Pace)
    stop: threading.Event = field(default_factory=threading.Event)


def deliver_to(courier: Courier, platform_key: str) -> DeliveryRound:
    """One round for one platform: a probe where it had failed, then its longest-owed reports.

    Raises:
        Unavailable: the store cannot be reached; what was sent meanwhile is sent again later.
    """
    database, clock, draw = courier.database, courier.clock, courier.draw
    leave = database.transact(lambda session: platform_health.approach(session, platform_key, clock()))
    if leave is None:
        return DeliveryRound()
    reporter, why_not = _reporter_for(courier, platform_key)
    if reporter is None:
        database.transact(
            lambda session: platform_health.note_no_connection(session, platform_key, why_not, now=clock(), draw=draw)
        )
        log.error("lms_connection_missing", platform=platform_key, why=why_not)
        return DeliveryRound(is_troubled=True)
    if leave.must_probe:
        answer = reporter.probe()
        database.transact(
            lambda session: platform_health.note_probe(session, platform_key, answer, now=clock(), draw=draw)
        )
        log.info("lms_probed", platform=platform_key, answer=_name_of(answer))
        if not isinstance(answer, Acknowledged):
            return DeliveryRound(is_troubled=True)
    without_account = 0
    while not courier.stop.is_set():
        claim = _claim(courier, platform_key, 1 if leave.is_careful else courier.pace.learners)
        without_account += claim.refused
        if claim.sendings:
            done = _deliver_all(courier, platform_key, reporter, claim.sendings)
            return done + DeliveryRound(refused=without_account)
        if not claim.refused:
            break
    return DeliveryRound(refused=without_account)


def _claim(courier: Courier, platform_key: str, learners: int) -> Claim:
    return courier.database.transact(
        lambda session: outbox.claim(
            session,
            platform_key,
            worker=courier.worker,
            now=courier.clock(),
            limit=learners,
            lease_seconds=courier.pace.lease_seconds,
        )
    )


def _deliver_all(
    courier: Courier, platform_key: str, reporter: LmsReporter, sendings: Sequence[Sending]
) -> DeliveryRound:
    """Send what was claimed and draw the conclusions for the platform."""
    outcomes = _send_all(courier, reporter, sendings)
    answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
    trouble = _worst([answer for answer in answers if _concerns_the_platform(answer)])
    was_taken = any(not _concerns_the_platform(answer) for answer in answers)
    acknowledged = any(isinstance(answer, Acknowledged) for answer in answers)
    is_unexplained = isinstance(trouble, TryLater) and trouble.retry_after_seconds is None
    is_alive = is_unexplained and isinstance(reporter.probe(), Acknowledged)

    def note(session: Session) -> None:
        now = courier.clock()
        if was_taken:
            platform_health.note_taken(session, platform_key, acknowledged=acknowledged, now=now)
        if isinstance(trouble, Refused | TryLater):
            platform_health.note_trouble(session, platform_key, trouble, is_alive=is_alive, now=now, draw=courier.draw)

    courier.database.transact(note)
    done = DeliveryRound(
        acknowledged=sum(isinstance(answer, Acknowledged) for answer in answers),
        refused=sum(isinstance(answer, Refused) and not _concerns_the_platform(answer) for answer in answers),
        unanswered=sum(isinstance(answer, TryLater) for answer in answers),
        unsent=len(outcomes) - len(answers),
        is_troubled=trouble is not None,
    )
    log.info(
        "lms_delivered",
        platform=platform_key,
        acknowledged=done.acknowledged,
        refused=done.refused,
        unanswered=done.unanswered,
        unsent=done.unsent,
        trouble=_name_of(trouble) if trouble is not None else None,
        alive=is_alive if is_unexplained else None,
    )
    return done


def _send_all(courier: Courier, reporter: LmsReporter, sendings: Sequence[Sending]) -> list[Outcome]:
    """Send message after message, a few at a time; the first answer that concerns the platform ends it.

    Each answer is recorded as soon as it is there, and what was not sent is given back at the end.
    """
    latest_start = sendings[0].leased_until - timedelta(seconds=courier.pace.lease_seconds / 2)
    waiting, outcomes, is_well = deque(sendings), list[Outcome](), True
    flying: dict[Future[DeliveryAnswer], tuple[Sending, datetime]] = {}
    with ThreadPoolExecutor(courier.pace.lanes, thread_name_prefix="lane") as lanes:
        while True:
            while waiting and is_well and len(flying) < courier.pace.lanes:
                now = courier.clock()
                if courier.stop.is_set() or now >= latest_start:
                    break
                sending = waiting.popleft()
                flying[lanes.submit(reporter.send, sending.message)] = (sending, now)
            if not flying:
                break
            landed: list[Outcome] = []
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                sending, sent_at = flying.pop(future)
                answer = future.result()
                is_well = is_well and not _concerns_the_platform(answer)
                landed += outbox.outcomes_of(sending, answer, sent_at)
            _record(courier, landed)
            outcomes += landed
    given_back = [one for sending in waiting for one in outbox.outcomes_of(sending, None, courier.clock())]
    _record(courier, given_back)
    return outcomes + given_back


def _record(courier: Courier, outcomes: Sequence[Outcome]) -> None:
    def write(some: Sequence[Outcome], *, wait_for_lock: bool) -> list[Outcome]:
        return courier.database.transact(
            lambda session: outbox.record(session, some, now=courier.clock(), draw=courier.draw, wait=wait_for_lock)
        )

    if outcomes:
        for left in write(outcomes, wait_for_lock=False):
            write([left], wait_for_lock=True)
    for outcome in outcomes:
        if isinstance(outcome.answer, Refused):
            log.warning(
                "lms_refused",
                platform=outcome.sending.platform_key,
                report=outcome.entry.report_id,
                enrolment=outcome.sending.enrolment_id,
                code=outcome.answer.code.value,
            )


def _reporter_for(courier: Courier, platform_key: str) -> tuple[LmsReporter | None, str]:
    """The platform's reporter, or why there is none."""
    try:
        reporter = courier.reporters(platform_key)
    except Unavailable:
        raise
    except Refusal as fault:
        return None, str(fault)
    return reporter, "" if reporter is not None else "not configured"


def _concerns_the_platform(answer: DeliveryAnswer) -> bool:
    match answer:
        case Acknowledged():
            return False
        case Refused(code):
            return code.concern is Concern.PLATFORM
        case TryLater():
            return True


def _worst(troubles: Sequence[DeliveryAnswer]) -> DeliveryAnswer | None:
    """The answer that says most: a fault, else the longest pause wished for."""

    def weight(answer: DeliveryAnswer) -> float:
        if isinstance(answer, TryLater):
            return -1 if answer.retry_after_seconds is None else answer.retry_after_seconds
        return float("inf")

    return max(troubles, key=weight, default=None)


def _name_of(answer: DeliveryAnswer) -> str:
    """For the log: what kind of answer it is, without the platform's words, which may name a person."""
    return answer.code.value if isinstance(answer, Refused) else type(answer).__name__
