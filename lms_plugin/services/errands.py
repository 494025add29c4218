"""A worker's errands beside delivery: reminders, of meetings every few minutes, and e-mail for whom some waits."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from lms_plugin.domain.errors import Unavailable
from lms_plugin.services import lti_launching, mailing, reminding
from lms_plugin.services.mailing import SERVER_PAUSE, Postman
from lms_plugin.services.pauses import Draw, GrowingPause
from lms_plugin.services.sending import Clock
from lms_plugin.storage.session import Database

STORE_PAUSE = GrowingPause(first_seconds=1, longest_seconds=60)
AFTER_A_BUG_SECONDS = 300.0

Errand = Callable[[], float]
"""Does one round; gives after how many seconds it wishes to do another."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often who is to be reminded is looked for, what is to be mailed, and launches that ran out; in seconds."""

    reminders_every_seconds: float = 3600.0
    meetings_every_seconds: float = 300.0
    mail_every_seconds: float = 60.0
    launches_every_seconds: float = 600.0


def run_once(database: Database, postman: Postman | None, clock: Clock) -> None:
    """One round of reminders, and of e-mail where there is a server for it.

    Raises:
        Unavailable: the store cannot be reached.
    """
    _remind(database, clock)
    if postman is not None:
        _send_all(postman)


def run(
    database: Database,
    postman: Postman | None,
    stop: threading.Event,
    *,
    clock: Clock,
    draw: Draw = random.random,
    rounds: Rounds | None = None,
) -> None:
    """Remind and mail until `stop` is set. Nothing that the store or the mail server does ends it."""
    rounds = rounds or Rounds()

    def remind() -> float:
        _remind(database, clock, stop)
        return rounds.reminders_every_seconds

    def remind_of_meetings() -> float:
        told = reminding.remind_of_meetings(database, clock())
        if told:
            log.info("reminded_of_meetings", notices=told)
        return rounds.meetings_every_seconds

    troubles = 0

    def mail(postman: Postman) -> float:
        nonlocal troubles
        trouble = _send_all(postman)
        troubles = troubles + 1 if trouble is not None else 0
        if trouble is None:
            return rounds.mail_every_seconds
        log.warning("mail_server_down", words=trouble)
        return max(rounds.mail_every_seconds, SERVER_PAUSE.after(troubles, draw).total_seconds())

    def forget_launches() -> float:
        # A login is a row that anybody may cause: what ran out goes, however many there were.
        while not stop.is_set() and database.transact(lambda session: lti_launching.forget_expired(session, clock())):
            pass
        return rounds.launches_every_seconds

    errands: dict[str, Errand] = {
        "reminders": remind,
        "meetings": remind_of_meetings,
        "launches": forget_launches,
    }
    if postman is not None:
        errands["mail"] = lambda: mail(postman)
    attend(errands, stop, after_a_bug_seconds=AFTER_A_BUG_SECONDS, draw=draw)


def attend(
    errands: Mapping[str, Errand],
    stop: threading.Event,
    *,
    after_a_bug_seconds: float,
    draw: Draw = random.random,
) -> None:
    """Run errands by name, each again when it wishes, until `stop` is set; nothing that one of them meets ends it."""
    not_before, failures = dict.fromkeys(errands, 0.0), dict.fromkeys(errands, 0)
    while not stop.is_set():
        for name, errand in errands.items():
            if stop.is_set() or time.monotonic() < not_before[name]:
                continue
            try:
                pause_seconds = errand()
                failures[name] = 0
            except Unavailable as fault:
                failures[name] += 1
                log.warning("store_unavailable", errand=name, why=str(fault))
                pause_seconds = STORE_PAUSE.after(failures[name], draw).total_seconds()
            except Exception as fault:
                log.error("errand_failed", errand=name, exc_info=fault)
                pause_seconds = after_a_bug_seconds
            not_before[name] = time.monotonic() + pause_seconds
        stop.wait(max(0.05, min(not_before.values()) - time.monotonic()))


def _remind(database: Database, clock: Clock, stop: threading.Event | None = None) -> None:
    told = reminding.remind(database, clock(), stop=stop)
    if told:
        log.info("reminded", notices=told)


def _send_all(postman: Postman) -> str | None:
    """Round after round until nothing is due; gives what the server said when no letter could be sent."""
    while True:
        done = mailing.send_due(postman)
        if done.trouble is not None or not (done.sent or done.refused):
            return done.trouble
