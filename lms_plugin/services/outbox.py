"""The outbox's rows: owing, claiming, and recording what an LMS answered.

There is one row per (enrolment, platform, block); it always says what is owed now, so that sending it any number of
times has one effect. Four rules keep the LMS from ending below what is owed:

- A claimed row is leased. A worker that dies loses its lease, and another sends the row again.
- What is recorded counts only while the row still has the revision that was sent: a standing that rose in the
  meantime stays waiting.
- A sending that nobody answered may take effect at any time, also after a later one, and an LMS lets the lower ratio
  of an old request replace the higher one of a new request. An acknowledgement is therefore final only when it was
  sent CONFIRM_AFTER later than the last unanswered sending; an earlier one is sent once more when that time has
  passed. An expired lease and an answer that comes after its lease has ended count as unanswered sendings too.
- Locks are never waited for while others are held, so that recording cannot deadlock with a learner's request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain.hours import Reached
from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services.pauses import Draw, GrowingPause
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    Concern,
    DeliveryAnswer,
    Refused,
    Standing,
    TryLater,
)
from lms_plugin.storage.lti import PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, COMPLETION, LRS, LTI, REFUSED, WAITING, Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment

CONFIRM_AFTER = timedelta(minutes=5)
"""By then a request that got no answer has arrived or never will: longer than a platform lets a request run."""

OWED_AT_ONCE = 1000
GIVE_UP_AFTER = timedelta(days=7)
ROW_PAUSE = GrowingPause(first_seconds=5, longest_seconds=900)
LONGEST_PAUSE = timedelta(days=1, minutes=15)
"""No honest pause is longer (a platform's wish counts for a day at most): a later time comes from a wrong clock."""

STAMPS_APART = timedelta(seconds=1)
"""Between the times of two messages about one report: some platforms keep whole seconds."""

NO_LMS_ACCOUNT, GAVE_UP, TRY_LATER = "no_lms_account", "gave_up", "try_later"


@dataclass(frozen=True, slots=True)
class Entry:
    """One leased report as it is sent."""

    report_id: int
    block_key: str
    ratio: Decimal
    revision: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Sending:
    """All that one learner is owed now in one course, leased by one worker."""

    platform_key: str
    enrolment_id: int
    username: str
    course_key: str
    leased_by: str
    leased_until: datetime
    entries: tuple[Entry, ...]
    language: str

    @property
    def message(self) -> CompletionMessage:
        blocks = {entry.block_key: entry.ratio for entry in self.entries}
        standings = {entry.block_key: entry.standing for entry in self.entries}
        return CompletionMessage(self.username, self.course_key, blocks, standings, self.language)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker may send now, and how many reports it had to refuse because the learner has no account there."""

    sendings: tuple[Sending, ...]
    refused: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry: the LMS's answer to this very block, or None where it was not sent."""

    sending: Sending
    entry: Entry
    answer: DeliveryAnswer | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Owed:
    """A completion ratio (0..1) of one block that the LMS is to have for an enrolment, with the hours behind it."""

    enrolment_id: int
    course: LmsCourse
    block_key: str
    ratio: Decimal
    hours: Reached | None = None


def owe(
    session: Session, enrolment_id: int, course: LmsCourse, block_key: str, ratio: Decimal, now: datetime
) -> Report | None:
    """`owe_many` of one; gives its row, None where there is nothing to report yet."""
    owe_many(session, [Owed(enrolment_id, course, block_key, ratio)], now)
    return session.scalar(
        select(Report).where(
            Report.enrolment_id == enrolment_id,
            Report.platform_key == course.platform,
            Report.block_key == block_key,
        )
    )


def owe_many(session: Session, owed: Sequence[Owed], now: datetime) -> None:
    """Owe the LMS completion ratios, each one block of an enrolment; the rows are part of the caller's transaction.

    The ratio an LMS is told never goes down: one that is not above what is owed already changes nothing. A
    standing of zero is not worth a first report.
    """
    for at in range(0, len(owed), OWED_AT_ONCE):
        some = {(one.enrolment_id, one.course.platform, one.block_key): one for one in owed[at : at + OWED_AT_ONCE]}
        rows = session.scalars(
            select(Report)
            .where(
                Report.enrolment_id.in_(sorted({one.enrolment_id for one in some.values()})),
                Report.platform_key.in_(sorted({one.course.platform for one in some.values()})),
                Report.block_key.in_(sorted({one.block_key for one in some.values()})),
            )
            .order_by(Report.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        known = {(row.enrolment_id, row.platform_key, row.block_key): row for row in rows}
        for key, one in some.items():
            report = known.get(key)
            if report is None:
                if one.ratio > 0:
                    session.add(_new(one, now))
            elif one.ratio > report.ratio or report.course_key != one.course.course_key:
                if one.ratio > report.ratio:
                    report.ratio = one.ratio
                    report.credited_hours, report.required_hours = _hours_of(one)
                report.course_key = one.course.course_key
                report.revision += 1
                report.updated_at = now
                ask_again(report, now)
        session.flush()


def _hours_of(one: Owed) -> tuple[Decimal | None, Decimal | None]:
    return (one.hours.credited, one.hours.required) if one.hours is not None else (None, None)


def _new(one: Owed, now: datetime) -> Report:
    credited_hours, required_hours = _hours_of(one)
    return Report(
        enrolment_id=one.enrolment_id,
        platform_key=one.course.platform,
        course_key=one.course.course_key,
        block_key=one.block_key,
        ratio=one.ratio,
        credited_hours=credited_hours,
        required_hours=required_hours,
        revision=1,
        state=WAITING,
        attempts=0,
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )


def ask_again(report: Report, now: datetime) -> None:
    """Let a report wait for delivery as if it had never been tried; its last error stays until the next answer."""
    report.state = WAITING
    report.attempts = 0
    report.next_attempt_at = now
    report.failing_since = None


def wake(session: Session, user_id: int, now: datetime) -> int:
    """Send everything owed for a person again, because their `lms_username` was set or is another one now.

    Platforms that know the person by another account (owing.owe_account) are not concerned. Reports that were refused
    for want of an account heal by this; what another account acknowledged counts no more, and neither does the answer
    to what is under way. Gives the number of reports.
    """
    enrolments = select(Enrolment.id).where(Enrolment.user_id == user_id)
    elsewhere = select(Platform.key).where(Platform.kind != COMPLETION)
    concerned = select(Report).where(Report.enrolment_id.in_(enrolments), Report.platform_key.not_in(elsewhere))
    reports = session.scalars(concerned.with_for_update()).all()
    for report in reports:
        begin_again(report, now)
    return len(reports)


def begin_again(report: Report, now: datetime) -> None:
    """Send a report to another account or place than before: what that one acknowledged, or may yet, counts no more."""
    report.revision += 1
    report.acknowledged_ratio = report.acknowledged_at = None
    ask_again(report, now)


def claim(
    session: Session, platform_key: str, *, worker: str, now: datetime, limit: int, lease_seconds: float
) -> Claim:
    """Lease what is due at one platform: at most `limit` learners, each with everything that is due for them.

    The longest due comes first; what another worker has leased or is claiming at this moment is passed over. Who the
    learner is there depends on the platform's kind (`account`); one without an account is refused (`no_lms_account`).
    """
    due = and_(
        Report.platform_key == platform_key,
        Report.next_attempt_at <= now,
        or_(Report.leased_until.is_(None), Report.leased_until <= now),
    )
    by_age = (Report.next_attempt_at, Report.id)
    longest_due = select(Report.enrolment_id).where(due).order_by(*by_age).limit(limit)
    enrolment_ids = set(session.scalars(longest_due.with_for_update(skip_locked=True)))
    rows = session.execute(
        select(Report, User, PlatformAccount.subject, Platform.kind)
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Platform, Platform.key == Report.platform_key)
        .outerjoin(
            PlatformAccount, and_(PlatformAccount.platform_id == Platform.id, PlatformAccount.user_id == User.id)
        )
        .where(due, Report.enrolment_id.in_(enrolment_ids))
        .order_by(*by_age)
        .with_for_update(of=Report, skip_locked=True)
    ).all()
    leased_until = now + timedelta(seconds=lease_seconds)
    messages: dict[tuple[int, str, str, str], list[Entry]] = {}
    refused = 0
    for report, user, subject, kind in rows:
        username = account(kind, user.lms_username, subject, user.login)
        if report.leased_until is not None:
            report.attempts += 1
            report.unanswered_at = max(report.unanswered_at or report.leased_until, report.leased_until)
        if not username:
            report.leased_by = report.leased_until = None
            _refuse(report, NO_LMS_ACCOUNT, "")
            refused += 1
            continue
        report.leased_by, report.leased_until = worker, leased_until
        report.stamped_at = _stamp(report.stamped_at, now)
        may_be_held = report.unanswered_at is not None
        standing = Standing(reached(report), report.updated_at, report.stamped_at, may_be_held, report.attempts)
        entry = Entry(report.id, report.block_key, report.ratio, report.revision, standing)
        messages.setdefault((report.enrolment_id, username, report.course_key, user.language), []).append(entry)
    sendings = (
        Sending(platform_key, enrolment_id, username, course_key, worker, leased_until, tuple(entries), language)
        for (enrolment_id, username, course_key, language), entries in messages.items()
    )
    return Claim(tuple(sendings), refused)


def account(kind: str | None, lms_username: str | None, subject: str | None, login: str) -> str:
    """Who a person is on a platform of a kind, "" for nobody: the name that it knows its user by."""
    if kind == LTI:
        return subject or ""
    return login if kind == LRS else (lms_username or "").strip()


def _stamp(last: datetime | None, now: datetime) -> datetime:
    """A time for a message, in whole milliseconds: now, and later than the last by what any platform can tell."""
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return at if last is None else max(at, last + STAMPS_APART)


def reached(report: Report) -> Reached | None:
    """The class hours behind a report's ratio, None where nobody has reckoned them."""
    if report.credited_hours is None or report.required_hours is None:
        return None
    return Reached(report.credited_hours, report.required_hours)


def outcomes_of(sending: Sending, answer: DeliveryAnswer | None, sent_at: datetime) -> list[Outcome]:
    """What an answer to a message means for each of its entries; None where the message was not sent at all."""
    if isinstance(answer, Refused) and answer.block_keys and answer.code.concern is not Concern.PLATFORM:
        stored = Acknowledged()
        return [
            Outcome(sending, entry, answer if entry.block_key in answer.block_keys else stored, sent_at)
            for entry in sending.entries
        ]
    return [Outcome(sending, entry, answer, sent_at) for entry in sending.entries]


def record(session: Session, outcomes: Sequence[Outcome], *, now: datetime, draw: Draw, wait: bool) -> list[Outcome]:
    """Write down what became of one platform's leased reports (at least one) and end their leases.

    Gives the outcomes still to be recorded. Rows that somebody else has locked are passed over and given back, unless
    `wait`: that is for one outcome alone in a transaction of its own.
    """
    ids = [outcome.entry.report_id for outcome in outcomes]
    locked = select(Report).where(Report.id.in_(ids)).with_for_update(skip_locked=not wait)
    reports = {report.id: report for report in session.scalars(locked)}
    took_at = session.scalar(select(Platform.acknowledged_at).where(Platform.key == outcomes[0].sending.platform_key))
    left = []
    for outcome in outcomes:
        report = reports.get(outcome.entry.report_id)
        if report is None:
            left.append(outcome)
        elif (report.leased_by, report.leased_until) != (outcome.sending.leased_by, outcome.sending.leased_until):
            _doubt(report, outcome, now)
        else:
            report.leased_by = report.leased_until = None
            _apply(report, outcome, now, draw, took_at)
    return [] if wait else left


def mend_times(session: Session, now: datetime) -> int:
    """Make due what a clock that ran ahead put off beyond any honest pause; gives the number of reports."""
    late = now + LONGEST_PAUSE
    due_some_day = Report.next_attempt_at.is_not(None)
    put_off = select(Report).where(due_some_day, or_(Report.next_attempt_at > late, Report.leased_until > late))
    reports = session.scalars(put_off.limit(1000).with_for_update(skip_locked=True)).all()
    for report in reports:
        report.next_attempt_at = now
        if report.leased_until is not None:
            report.leased_until = min(report.leased_until, now)
    return len(reports)


def _apply(report: Report, outcome: Outcome, now: datetime, draw: Draw, platform_took_at: datetime | None) -> None:
    is_current = report.revision == outcome.entry.revision
    match outcome.answer:
        case None:
            return
        case Acknowledged():
            report.acknowledged_ratio, report.acknowledged_at = outcome.entry.ratio, now
            report.last_error_code = report.last_error_words = None
            if is_current:
                report.attempts += 1
                report.state = ACKNOWLEDGED
                report.failing_since = None
                _confirm_or_finish(report, outcome.sent_at, now)
        case Refused(code, words):
            report.last_error_code, report.last_error_words = code.value, words
            if is_current:
                report.attempts += 1
                if code.concern is Concern.PLATFORM:
                    # Whoever meets a fault again and again stands in nobody's way once a probe has lifted it.
                    report.next_attempt_at = now + ROW_PAUSE.after(report.attempts, draw)
                else:
                    _refuse(report, code.value, words)
        case TryLater(words, is_untaken=is_untaken):
            report.unanswered_at = report.unanswered_at if is_untaken else now
            report.last_error_code, report.last_error_words = TRY_LATER, words
            if is_current:
                report.attempts += 1
                report.failing_since = report.failing_since or now
                report.next_attempt_at = now + ROW_PAUSE.after(report.attempts, draw)
                if _is_beyond_hope(report, platform_took_at, now):
                    _refuse(report, GAVE_UP, words)


def _confirm_or_finish(report: Report, sent_at: datetime, now: datetime) -> None:
    if report.unanswered_at is not None:
        report.unanswered_at = min(report.unanswered_at, now)
        sure_from = report.unanswered_at + CONFIRM_AFTER
        if sent_at < sure_from:
            report.next_attempt_at = sure_from
            return
    report.unanswered_at = report.next_attempt_at = None


def _doubt(report: Report, outcome: Outcome, now: datetime) -> None:
    """An answer came after its lease had ended: what was sent may have replaced what another worker sent."""
    if outcome.answer is None or isinstance(outcome.answer, Refused):
        return
    if isinstance(outcome.answer, TryLater) and outcome.answer.is_untaken:
        return
    report.unanswered_at = now
    if report.leased_by is None and report.state == ACKNOWLEDGED:
        report.next_attempt_at = now + CONFIRM_AFTER


def _is_beyond_hope(report: Report, platform_took_at: datetime | None, now: datetime) -> bool:
    """A platform that is down makes nothing hopeless: only a report that fails for days while others are taken."""
    since = report.failing_since
    if since is None or now < since + GIVE_UP_AFTER:
        return False
    return platform_took_at is not None and platform_took_at > since


def _refuse(report: Report, code: str, words: str) -> None:
    report.state = REFUSED
    report.last_error_code, report.last_error_words = code, words
    report.next_attempt_at = report.failing_since = None
