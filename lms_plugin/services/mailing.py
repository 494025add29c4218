"""E-mail: what waits for a person goes out as one letter, at a decent hour, from one worker at a time.

SMTP cannot say whether a letter that was cut off at its very end was taken. So before a letter goes out it is written
down which notices it holds (`letter_up_to`) and that somebody is sending it (a lease). Whoever finds that lease run out
sends the same letter again under the same Message-ID, once: a person gets a letter twice at the most, and only when a
line or a worker broke in that moment (docs/adr/0013).
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import and_, exists, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.services import notices, reminding
from lms_plugin.services.notices import DAILY, EACH, NEVER, NO_MAIL, TO_MAIL
from lms_plugin.services.pauses import Draw, GrowingPause
from lms_plugin.services.ports import Letter, MailAnswer, Mailer, MailLater, MailRefused, MailServerDown, MailTaken
from lms_plugin.services.sending import Clock, utc_now
from lms_plugin.storage.notices import MailState, Notice
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database

SENT, FAILED = "sent", "failed"
BETWEEN_DIGESTS = timedelta(hours=20)
"""Less than a day, so that a digest comes each morning although a round takes its time."""

STALE_AFTER = timedelta(days=7)
"""What is older is read in the page only: nobody gets last month's reminders when e-mail is set up at last."""

MOST_UNSURE = 2
MOST_FAILURES = 12
LETTER_PAUSE = GrowingPause(first_seconds=300, longest_seconds=6 * 3600)
SERVER_PAUSE = GrowingPause(first_seconds=30, longest_seconds=900)
WORDS_LIMIT = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a letter is for."""

    user_id: int
    name: str
    address: str
    language: str


Write = Callable[[Recipient, Sequence[Notice], str], Letter]
"""Makes a letter of a person's notices, with this Message-ID."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When nobody is written to: from `quiet_from` in the evening to `quiet_until`, in the service's time zone."""

    timezone: str = "Asia/Shanghai"
    quiet_from: time = time(21)
    quiet_until: time = time(8)

    def are_quiet(self, now: datetime) -> bool:
        at = now.astimezone(ZoneInfo(self.timezone)).time()
        return at >= self.quiet_from or at < self.quiet_until


@dataclass(frozen=True, slots=True)
class Postman:
    """Who sends, and with what. `domain` ends the Message-IDs; a lease is longer than twice what a letter may take."""

    database: Database
    mailer: Mailer
    write: Write
    domain: str
    hours: Hours = field(default_factory=Hours)
    clock: Clock = utc_now
    draw: Draw = random.random
    lease_seconds: float = 300
    letters: int = 100
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter that one worker may send until half of its lease is over."""

    recipient: Recipient
    notices: tuple[Notice, ...]
    up_to: int
    until: datetime


@dataclass(frozen=True, slots=True)
class MailRound:
    """What one round did, in letters. `trouble` is what the server said when none could be sent."""

    sent: int = 0
    refused: int = 0
    put_off: int = 0
    trouble: str | None = None


def send_due(postman: Postman) -> MailRound:
    """One round: claim what is due, send it, and record each answer at once.

    Raises:
        Unavailable: the store cannot be reached; a letter that was sent meanwhile may be sent once more.
    """
    if postman.hours.are_quiet(postman.clock()):
        return MailRound()
    claimed = postman.database.transact(lambda session: claim(session, postman))
    left, sent, refused, put_off = deque(claimed), 0, 0, 0
    trouble = None
    try:
        while left and trouble is None:
            now = postman.clock()
            too_late = now >= left[0].until - timedelta(seconds=postman.lease_seconds / 2)
            if too_late or postman.stop.is_set() or postman.hours.are_quiet(now):
                break
            one = left.popleft()
            message_id = f"notices.{one.recipient.user_id}.{one.up_to}@{postman.domain}"
            answer = postman.mailer.send(postman.write(one.recipient, one.notices, message_id))
            _record(postman, one, answer)
            sent += isinstance(answer, MailTaken)
            refused += isinstance(answer, MailRefused)
            put_off += isinstance(answer, MailLater)
            if isinstance(answer, MailServerDown):
                trouble = answer.words
    finally:
        # Whatever broke, broke one letter: the others never left.
        for one in left:
            _record(postman, one, None)
        postman.mailer.close()
    if claimed:
        log.info("mail_round", sent=sent, refused=refused, put_off=put_off, trouble=trouble)
    return MailRound(sent, refused, put_off, trouble)


def claim(session: Session, postman: Postman) -> list[Claimed]:
    """Lease the letters that are due, at most `postman.letters`; what another worker has is passed over."""
    now = postman.clock()
    notices.mail_not(session, Notice.created_at < now - STALE_AFTER)
    _begin_states(session)
    has_waiting = exists().where(Notice.user_id == MailState.user_id, Notice.mail_state == TO_MAIL)
    due = (
        select(MailState, User)
        .join(User, User.id == MailState.user_id)
        .where(
            has_waiting,
            or_(MailState.claimed_until.is_(None), MailState.claimed_until <= now),
            or_(MailState.next_attempt_at.is_(None), MailState.next_attempt_at <= now),
            or_(
                MailState.digest == EACH,
                MailState.last_mailed_at.is_(None),
                MailState.last_mailed_at <= now - BETWEEN_DIGESTS,
                MailState.letter_up_to.is_not(None),
            ),
        )
        .order_by(MailState.user_id)
        .limit(postman.letters)
        .with_for_update(of=MailState, skip_locked=True)
    )
    claimed = []
    for state, user in session.execute(due).tuples().all():
        if state.claimed_until is not None:
            # Its worker died, or the store was away when the answer came: nobody knows whether the letter went out.
            state.unsure += 1
        if state.unsure >= MOST_UNSURE:
            _give_up(session, state, "nobody knows whether it arrived")
            continue
        address = user.email or ""
        if not (address and user.is_active and state.digest != NEVER) or address == state.refused_address:
            _leave_all(session, state)
            continue
        told = _of_letter(session, state, now)
        if not told:
            state.letter_up_to = state.claimed_until = None
            continue
        state.letter_up_to = told[-1].id
        state.claimed_until = now + timedelta(seconds=postman.lease_seconds)
        recipient = Recipient(user.id, user.name, address, user.language)
        claimed.append(Claimed(recipient, tuple(told), state.letter_up_to, state.claimed_until))
    return claimed


def record(session: Session, claimed: Claimed, answer: MailAnswer | None, *, now: datetime, draw: Draw) -> None:
    """Write down what became of a letter; None: it was not sent. An answer that comes after the lease counts only where
    it says that the letter was taken."""
    state = session.scalars(
        select(MailState).where(MailState.user_id == claimed.recipient.user_id).with_for_update()
    ).one()
    if isinstance(answer, MailTaken):
        _mark(session, state.user_id, claimed.up_to, SENT, now)
        state.last_mailed_at, state.last_error = now, ""
        _clear(state)
        return
    if state.claimed_until != claimed.until:
        return
    state.claimed_until = None
    if isinstance(answer, MailRefused):
        state.refused_address = claimed.recipient.address
        _give_up(session, state, answer.words)
        _leave_all(session, state)
    elif isinstance(answer, MailLater):
        state.last_error = answer.words[:WORDS_LIMIT]
        state.failures += 1
        state.unsure += answer.unsure
        state.next_attempt_at = now + LETTER_PAUSE.after(state.failures, draw)
        if state.unsure >= MOST_UNSURE or state.failures >= MOST_FAILURES:
            _give_up(session, state, answer.words)
    elif state.unsure == 0:
        # It never left: what has come since may go along with it.
        state.letter_up_to = None


def _record(postman: Postman, claimed: Claimed, answer: MailAnswer | None) -> None:
    postman.database.transact(lambda session: record(session, claimed, answer, now=postman.clock(), draw=postman.draw))
    if isinstance(answer, MailRefused):
        log.warning("mail_refused", user=claimed.recipient.user_id)


def _of_letter(session: Session, state: MailState, now: datetime) -> list[Notice]:
    """What a person's letter holds: the notices written down for it, else all that wait and are still true."""
    waiting = select(Notice).where(Notice.user_id == state.user_id, Notice.mail_state == TO_MAIL).order_by(Notice.id)
    if state.letter_up_to is not None:
        return list(session.scalars(waiting.where(Notice.id <= state.letter_up_to)))
    told = list(session.scalars(waiting))
    outdated = reminding.outdated(session, told, now)
    for one in told:
        if one.id in outdated:
            one.mail_state = NO_MAIL
    return [one for one in told if one.id not in outdated]


def _give_up(session: Session, state: MailState, words: str) -> None:
    if state.letter_up_to is not None:
        _mark(session, state.user_id, state.letter_up_to, FAILED, None)
    state.last_error = words[:WORDS_LIMIT]
    _clear(state)


def _clear(state: MailState) -> None:
    state.failures = state.unsure = 0
    state.next_attempt_at = state.letter_up_to = state.claimed_until = None


def _leave_all(session: Session, state: MailState) -> None:
    """Nothing goes out to this person at present: it is read in the page."""
    session.flush()
    notices.mail_not(session, Notice.user_id == state.user_id)
    state.letter_up_to = state.claimed_until = None
    state.unsure = 0


def _mark(session: Session, user_id: int, up_to: int, mail_state: str, mailed_at: datetime | None) -> None:
    session.execute(
        update(Notice)
        .where(Notice.user_id == user_id, Notice.id <= up_to, Notice.mail_state == TO_MAIL)
        .values(mail_state=mail_state, mailed_at=mailed_at)
        .execution_options(synchronize_session=False)
    )


def _begin_states(session: Session) -> None:
    """A state for everybody who is to be written to for the first time."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = (
        select(Notice.user_id, literal(DAILY), literal(0), literal(""), literal(0), literal(""))
        .where(
            and_(Notice.mail_state == TO_MAIL, ~exists().where(MailState.user_id == Notice.user_id)),
        )
        .group_by(Notice.user_id)
    )
    columns = ["user_id", "digest", "failures", "last_error", "unsure", "refused_address"]
    session.execute(dialect.insert(MailState).from_select(columns, first).on_conflict_do_nothing())
