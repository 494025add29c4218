"""Delivery: what is owed to the LMS platforms goes out, and watched time that nobody has asked for is posted.

The sending itself is in sending.py, the rules of a report in outbox.py, those of a platform in platform_health.py.
"""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal, Unavailable
from lms_plugin.services import outbox, owing, platform_health, posting, presence, sending
from lms_plugin.services.pauses import Draw, GrowingPause
from lms_plugin.services.sending import Clock, Courier, DeliveryRound, Pace, Reporters
from lms_plugin.storage.activity import PersonClock, PlaybackSession
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

PLATFORMS_AT_ONCE = 64
STORE_PAUSE = GrowingPause(first_seconds=1, longest_seconds=30)
AFTER_A_BUG_SECONDS = 60.0
SWEPT_AFTER = timedelta(minutes=5)
"""A presence check whose time was up for this long, and whose person did not write, is dealt with by a worker."""

SETTLED_AT_ONCE = 500
POSTED_TOGETHER = 20
"""Enrolments posted in one transaction: few, since each keeps its learner's player waiting until the commit."""

CHORES = ""
"""Stands among the platforms' keys for what is done beside delivery."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a worker looks for something to deliver, and how often it does its chores; in seconds."""

    look_every_seconds: float = 1.0
    chores_every_seconds: float = 60.0


def deliver_once(
    database: Database,
    reporters: Reporters,
    worker: str,
    clock: Clock,
    *,
    draw: Draw = random.random,
    pace: Pace | None = None,
) -> DeliveryRound:
    """One round for every platform that something is due for, side by side, so that none waits for another.

    `worker` is a name that no other process has, at most 80 characters.

    Raises:
        Unavailable: the store cannot be reached; what was sent meanwhile is sent again later.
    """
    with database.reading() as session:
        keys = platform_health.due_platforms(session, clock())
    if not keys:
        return DeliveryRound()
    courier = Courier(database, reporters, worker, clock, draw, pace or Pace())
    with ThreadPoolExecutor(len(keys), thread_name_prefix="platform") as platforms:
        rounds = list(platforms.map(partial(sending.deliver_to, courier), keys))
    return sum(rounds, DeliveryRound())


def run_worker(
    database: Database,
    reporters: Reporters,
    stop: threading.Event,
    *,
    worker: str,
    clock: Clock,
    draw: Draw = random.random,
    pace: Pace | None = None,
    rhythm: Rhythm | None = None,
) -> None:
    """Deliver, and do chores, until `stop` is set; then wait for what is in the air, and return.

    Each platform is served by a thread of its own, so that a slow one holds up no other. Nothing that a platform or
    the store does ends the worker: it goes on when they are well again. `worker` is a name that no other process
    has, at most 80 characters.
    """
    courier = Courier(database, reporters, worker, clock, draw, pace or Pace(), stop)
    rhythm = rhythm or Rhythm()
    running: dict[str, Future[None]] = {}
    not_before: dict[str, float] = {}
    log.info("worker_started", worker=worker)
    with ThreadPoolExecutor(PLATFORMS_AT_ONCE, thread_name_prefix="platform") as pool:
        store_failures = 0
        while not stop.is_set():
            for name in [name for name, task in running.items() if task.done()]:
                pause_seconds = _pause_after(name, running.pop(name), rhythm)
                not_before[name] = time.monotonic() + pause_seconds
            try:
                with database.reading() as session:
                    due = platform_health.due_platforms(session, clock())
            except Unavailable as fault:
                store_failures += 1
                log.warning("store_unavailable", why=str(fault))
                stop.wait(STORE_PAUSE.after(store_failures, draw).total_seconds())
                continue
            store_failures = 0
            for name in [CHORES, *due]:
                if name not in running and time.monotonic() >= not_before.get(name, 0.0):
                    work = _do_chores if name == CHORES else _serve
                    running[name] = pool.submit(work, courier, name)
            stop.wait(rhythm.look_every_seconds)
    log.info("worker_stopped", worker=worker)


def settle_watching(database: Database, now: datetime, stop: threading.Event | None = None) -> int:
    """Post what was watched and is due to be posted; gives the number of enrolments.

    Few to a transaction, so that no learner waits for long; at most SETTLED_AT_ONCE, until `stop` is set. One that
    cannot be settled is logged and left.

    Raises:
        Unavailable: the store cannot be reached.
    """
    due = (
        select(PlaybackSession.enrolment_id)
        .where(PlaybackSession.post_at <= now)
        .group_by(PlaybackSession.enrolment_id)
        .order_by(func.min(PlaybackSession.post_at))
        .limit(SETTLED_AT_ONCE)
    )
    with database.reading() as session:
        enrolment_ids = session.scalars(due).all()
    settled = 0
    for at in range(0, len(enrolment_ids), POSTED_TOGETHER):
        if stop is not None and stop.is_set():
            break
        some = enrolment_ids[at : at + POSTED_TOGETHER]
        try:
            settled += _settle(database, some, now)
        except (Refusal, SQLAlchemyError) as fault:
            if isinstance(fault, Unavailable):
                raise
            settled += sum(_settle_alone(database, one, now) for one in some)
    return settled


def sweep_presence(database: Database, now: datetime) -> int:
    """Deal with presence checks that nobody answered and nobody wrote after; gives their number.

    Raises:
        Unavailable: the store cannot be reached.
    """
    overdue = select(PersonClock.user_id).where(PersonClock.answer_by <= now - SWEPT_AFTER).limit(SETTLED_AT_ONCE)
    with database.reading() as session:
        user_ids = session.scalars(overdue).all()
    return sum(database.transact_plainly(partial(presence.sweep, user_id=user_id, now=now)) for user_id in user_ids)


def _settle(database: Database, enrolment_ids: Sequence[int], now: datetime) -> int:
    def settle(session: Session) -> int:
        enrolments = session.scalars(select(Enrolment).where(Enrolment.id.in_(enrolment_ids))).all()
        return posting.settle_some(session, enrolments, now)

    return database.transact(settle)


def _settle_alone(database: Database, enrolment_id: int, now: datetime) -> int:
    try:
        return _settle(database, [enrolment_id], now)
    except Unavailable:
        raise
    except (Refusal, SQLAlchemyError) as fault:
        log.error("settling_failed", enrolment=enrolment_id, why=type(fault).__name__)
        return 0


def _serve(courier: Courier, platform_key: str) -> None:
    """Round after round until nothing is due, or the platform wants to be left alone."""
    while not courier.stop.is_set():
        done = sending.deliver_to(courier, platform_key)
        if done.is_troubled or done.is_idle:
            return


def _do_chores(courier: Courier, _name: str) -> None:
    mended = courier.database.transact(lambda session: outbox.mend_times(session, courier.clock()))
    swept = sweep_presence(courier.database, courier.clock())
    settled = some = settle_watching(courier.database, courier.clock(), courier.stop)
    while some == SETTLED_AT_ONCE and not courier.stop.is_set():
        some = settle_watching(courier.database, courier.clock(), courier.stop)
        settled += some
    owed = 0
    while not courier.stop.is_set() and courier.database.transact(partial(owing.owe_once_more, now=courier.clock())):
        owed += 1
    if mended or swept or settled or owed:
        log.info(
            "chores_done",
            reports_mended=mended,
            checks_swept=swept,
            enrolments_settled=settled,
            links_and_accounts_owed=owed,
        )


def _pause_after(name: str, task: Future[None], rhythm: Rhythm) -> float:
    """How long a task that has ended is left alone, in seconds; what ended it is logged."""
    fault = task.exception()
    if isinstance(fault, Unavailable):
        log.warning("store_unavailable", why=str(fault))
    elif fault is not None:
        log.error("worker_task_failed", task=name or "chores", exc_info=fault)
        return AFTER_A_BUG_SECONDS
    return rhythm.chores_every_seconds if name == CHORES else 0.0
