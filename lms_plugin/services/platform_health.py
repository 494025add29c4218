"""How a platform is doing, as its answers show: whether to send now, to probe first, or to leave it alone.

What concerns the platform is decided once for all of its reports, so that a platform that is down or wrongly set up
gets one small question now and then instead of everybody's message:

- A refusal that concerns the platform (wrong credentials, tracking switched off) is a fault. It is shown, and lifted
  when the platform acknowledges a probe; probes come FAULT_PAUSE apart.
- After no answer to a message, a probe tells whether the platform is there at all. If not, probes follow
  DOWN_PAUSE apart and messages start again, one at first, when one is acknowledged. If it is, the message was at
  fault or the trouble was passing: only a short pause, so that a few such messages cannot hold up the others.
- A platform's own wish (Retry-After) is honoured.

An admin's own pause is never touched here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from lms_plugin.services.outbox import LONGEST_PAUSE
from lms_plugin.services.pauses import Draw, GrowingPause
from lms_plugin.services.ports import Acknowledged, DeliveryAnswer, Refused, TryLater
from lms_plugin.storage.outbox import Platform, Report

FAULT_PAUSE = GrowingPause(first_seconds=60, longest_seconds=900)
DOWN_PAUSE = GrowingPause(first_seconds=2, longest_seconds=120)
ALIVE_PAUSE = GrowingPause(first_seconds=1, longest_seconds=10)
PROBE_LEASE = timedelta(seconds=120)
"""While one worker probes, the others wait; if it dies, they take over after this."""

NO_CONNECTION = "no_connection"


@dataclass(frozen=True, slots=True)
class Approach:
    """How to go near a platform now: with a probe first, and with one message first, after failures."""

    must_probe: bool
    is_careful: bool


def approach(session: Session, key: str, now: datetime) -> Approach | None:
    """Ask for leave to send to a platform; None: not now. Who must probe has the platform to themselves meanwhile."""
    platform = _locked(session, key)
    if platform is None or platform.is_paused or not _is_due(platform, now):
        return None
    must_probe = platform.fault_code is not None or platform.failures > 0
    if must_probe:
        platform.next_attempt_at = now + PROBE_LEASE
    return Approach(must_probe, is_careful=must_probe)


def note_probe(session: Session, key: str, answer: DeliveryAnswer, *, now: datetime, draw: Draw) -> None:
    """Keep the answer to a probe that was made because the platform had failed or was faulty."""
    platform = _locked(session, key)
    if platform is None:
        return
    match answer:
        case Acknowledged():
            if platform.fault_code is not None:
                platform.failures = 0
            _lift_fault(platform)
            platform.next_attempt_at = None
        case Refused(code, words):
            _fault(platform, code.value, words, now, draw)
        case TryLater(words, retry_after_seconds):
            platform.next_attempt_at = None
            _fail(platform, words, retry_after_seconds, DOWN_PAUSE, now, draw)


def note_no_connection(session: Session, key: str, words: str, *, now: datetime, draw: Draw) -> None:
    """The service itself has no way to the platform, such as a secret it cannot read: a fault like any other."""
    platform = _locked(session, key)
    if platform is not None:
        _fault(platform, NO_CONNECTION, words, now, draw)


def note_taken(session: Session, key: str, *, acknowledged: bool, now: datetime) -> None:
    """The platform acknowledged a message, or refused one for the message's own sake: either way it is well.

    A fault and a pause that somebody else has just found out about stay: only a probe lifts the one, time the other.
    """
    platform = _locked(session, key)
    if platform is None:
        return
    if acknowledged:
        platform.acknowledged_at = now
    if platform.fault_code is None:
        platform.failures, platform.last_failure_words = 0, None


def note_trouble(
    session: Session, key: str, answer: Refused | TryLater, *, is_alive: bool, now: datetime, draw: Draw
) -> None:
    """Keep an answer to a message that concerns the platform; `is_alive` says that a probe was acknowledged since."""
    platform = _locked(session, key)
    if platform is None:
        return
    match answer:
        case Refused(code, words):
            _fault(platform, code.value, words, now, draw)
        case TryLater(words, retry_after_seconds):
            pause = ALIVE_PAUSE if is_alive else DOWN_PAUSE
            _fail(platform, words, retry_after_seconds, pause, now, draw)


def try_at_once(platform: Platform) -> None:
    """Forget a pause, but not the fault itself: a probe has to show first that it is mended."""
    platform.next_attempt_at = None
    platform.failures = 1 if platform.failures or platform.fault_code is not None else 0


def due_platforms(session: Session, now: datetime) -> list[str]:
    """Keys of the platforms that something could be sent to now, or that are due for a probe of a fault."""
    something_due = exists().where(
        Report.platform_key == Platform.key,
        Report.next_attempt_at <= now,
        or_(Report.leased_until.is_(None), Report.leased_until <= now),
    )
    query = select(Platform.key).where(
        ~Platform.is_paused,
        or_(
            Platform.next_attempt_at.is_(None),
            Platform.next_attempt_at <= now,
            Platform.next_attempt_at > now + LONGEST_PAUSE,
        ),
        or_(Platform.fault_code.is_not(None), something_due),
    )
    return list(session.scalars(query.order_by(Platform.key)))


def _is_due(platform: Platform, now: datetime) -> bool:
    # A time beyond any honest pause was set by a clock that ran ahead.
    at = platform.next_attempt_at
    return at is None or at <= now or at > now + LONGEST_PAUSE


def _fault(platform: Platform, code: str, words: str, now: datetime, draw: Draw) -> None:
    if platform.fault_code is None:
        platform.fault_since, platform.failures = now, 0
    platform.fault_code, platform.fault_words = code, words
    platform.failures += 1
    platform.next_attempt_at = now + FAULT_PAUSE.after(platform.failures, draw)


def _lift_fault(platform: Platform) -> None:
    platform.fault_code = platform.fault_words = platform.fault_since = None


def _fail(
    platform: Platform, words: str, retry_after_seconds: int | None, pause: GrowingPause, now: datetime, draw: Draw
) -> None:
    platform.failures += 1
    platform.last_failure_words = words
    at = now + pause.after(platform.failures, draw)
    if retry_after_seconds is not None:
        wished = timedelta(seconds=retry_after_seconds)
        # Never earlier than wished; a little later for each, so that workers do not all come back at once.
        at = now + wished + pause.after(1, draw)
    platform.next_attempt_at = max(at, platform.next_attempt_at or at)


def _locked(session: Session, key: str) -> Platform | None:
    return session.scalar(
        select(Platform).where(Platform.key == key).with_for_update().execution_options(populate_existing=True)
    )
