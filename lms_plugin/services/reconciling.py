"""Reconciling: comparing what an LMS is owed with what it holds, learner by learner, and repairing on request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound, Unavailable
from lms_plugin.domain.hours import Reached
from lms_plugin.services import outbox
from lms_plugin.services.ports import Concern, Held, HeldAnswer, LmsReporter, Refused, TryLater
from lms_plugin.services.sending import Clock, Reporters, utc_now
from lms_plugin.storage.lti import PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

READ_AT_ONCE = 500
SILENCES_ENDURED = 3
TOLERANCE = Decimal("0.0001")
"""Platforms that are told class hours reckon the ratio themselves, each with its own number of decimals."""


class Comparison(StrEnum):
    """How what an LMS holds for a block compares with what it is owed.

    agrees: the same, or what the hours that stand behind the ratio come to. on_its_way: less, and the report still
    waits or was refused, as the list of deliveries says. differs: less, although the LMS acknowledged it. missing:
    nothing at all, although acknowledged. ahead: more, put there by somebody else: never taken down. not_shown: the LMS
    shows this learner no such block, so nobody can tell and sending again would not help. unreadable: the LMS would not
    say (`words`).
    """

    AGREES = "agrees"
    ON_ITS_WAY = "on_its_way"
    DIFFERS = "differs"
    MISSING = "missing"
    AHEAD = "ahead"
    NOT_SHOWN = "not_shown"
    UNREADABLE = "unreadable"

    @property
    def can_be_repaired(self) -> bool:
        return self in (Comparison.DIFFERS, Comparison.MISSING)


@dataclass(frozen=True, slots=True)
class Finding:
    """One report held against the LMS; ratios 0..1. `is_repaired`: it was set waiting again."""

    report_id: int
    enrolment_id: int
    learner_login: str
    lms_username: str | None
    course_key: str
    block_key: str
    state: str
    owed: Decimal
    acknowledged: Decimal | None
    held: Decimal | None
    comparison: Comparison
    words: str = ""
    is_repaired: bool = False


class LmsUnreadable(Unavailable):
    """The LMS does not answer, or does not let us in: the rest was not compared; `params['words']` are its own."""

    code = "lms_unreadable"


@dataclass(frozen=True, slots=True)
class _Owed:
    report_id: int
    enrolment_id: int
    learner_login: str
    lms_username: str | None
    course_key: str
    block_key: str
    state: str
    ratio: Decimal
    acknowledged_ratio: Decimal | None
    revision: int
    reached: Reached | None

    def is_met_by(self, held: Decimal) -> bool:
        """Whether an LMS that shows this ratio holds what is owed; only what is finished may read 1."""
        if self.reached is None or self.reached.required <= 0:
            return held == self.ratio
        expected = self.reached.credited / self.reached.required
        return (held == 1) == (self.ratio == 1) and abs(held - expected) <= TOLERANCE


def reconcile(
    database: Database, reporters: Reporters, platform_key: str, *, repair: bool, clock: Clock = utc_now
) -> Iterator[Finding]:
    """Compare every report of a platform with what the LMS holds; with `repair`, set what it lacks waiting again.

    Findings come as they are found, ordered by enrolment. The LMS is asked outside of any transaction, and a repair
    is left out where the report has changed since it was read.

    Raises:
        NotFound: no platform has this key.
        LmsUnreadable: the LMS stays silent, or refuses everything.
        Unavailable: the store cannot be reached.
    """
    with database.reading() as session:
        is_registered = session.scalar(select(Platform.id).where(Platform.key == platform_key)) is not None
    reporter = reporters(platform_key) if is_registered else None
    if reporter is None:
        raise NotFound(what="platform", key=platform_key)
    silences = 0
    for batch in _batches(database, platform_key):
        for _, of_one_course in groupby(batch, key=lambda owed: (owed.enrolment_id, owed.course_key)):
            owed = list(of_one_course)
            answer = _ask(reporter, owed)
            if isinstance(answer, Refused) and answer.code.concern is Concern.PLATFORM:
                raise LmsUnreadable(words=answer.words, refusal=answer.code.value)
            silences = silences + 1 if isinstance(answer, TryLater) else 0
            if isinstance(answer, TryLater) and silences >= SILENCES_ENDURED:
                raise LmsUnreadable(words=answer.words)
            findings = [_compare(one, answer) for one in owed]
            yield from _repaired(database, owed, findings, clock) if repair else findings


def _batches(database: Database, platform_key: str) -> Iterator[Sequence[_Owed]]:
    """All reports of a platform, whole enrolments together."""
    after = 0
    while True:
        with database.reading() as session:
            enrolment_ids = session.scalars(
                select(Report.enrolment_id)
                .where(Report.platform_key == platform_key, Report.enrolment_id > after)
                .distinct()
                .order_by(Report.enrolment_id)
                .limit(READ_AT_ONCE)
            ).all()
            if not enrolment_ids:
                return
            rows = session.execute(
                select(Report, User, PlatformAccount.subject, Platform.kind)
                .join(Enrolment, Enrolment.id == Report.enrolment_id)
                .join(User, User.id == Enrolment.user_id)
                .join(Platform, Platform.key == Report.platform_key)
                .outerjoin(
                    PlatformAccount,
                    and_(PlatformAccount.platform_id == Platform.id, PlatformAccount.user_id == User.id),
                )
                .where(Report.platform_key == platform_key, Report.enrolment_id.in_(enrolment_ids))
                .order_by(Report.enrolment_id, Report.course_key, Report.id)
            ).all()
        after = enrolment_ids[-1]
        yield [
            _Owed(
                report_id=report.id,
                enrolment_id=report.enrolment_id,
                learner_login=user.login,
                lms_username=outbox.account(kind, user.lms_username, subject, user.login) or None,
                course_key=report.course_key,
                block_key=report.block_key,
                state=report.state,
                ratio=report.ratio,
                acknowledged_ratio=report.acknowledged_ratio,
                revision=report.revision,
                reached=outbox.reached(report),
            )
            for report, user, subject, kind in rows
        ]


def _ask(reporter: LmsReporter, owed: Sequence[_Owed]) -> HeldAnswer | None:
    """What the LMS holds for one learner in one course; None for a learner without an account there."""
    username = owed[0].lms_username
    if username is None:
        return None
    return reporter.held(username, owed[0].course_key, [one.block_key for one in owed])


def _compare(owed: _Owed, answer: HeldAnswer | None) -> Finding:
    held, words = None, ""
    match answer:
        case Held(ratios):
            held = ratios.get(owed.block_key)
            comparison = _comparison(owed, held)
        case Refused(code, words):
            comparison, words = Comparison.UNREADABLE, f"{code.value}: {words}"
        case TryLater(words):
            comparison = Comparison.UNREADABLE
        case None:
            comparison, words = Comparison.UNREADABLE, outbox.NO_LMS_ACCOUNT
    return Finding(
        report_id=owed.report_id,
        enrolment_id=owed.enrolment_id,
        learner_login=owed.learner_login,
        lms_username=owed.lms_username,
        course_key=owed.course_key,
        block_key=owed.block_key,
        state=owed.state,
        owed=owed.ratio,
        acknowledged=owed.acknowledged_ratio,
        held=held,
        comparison=comparison,
        words=words,
    )


def _comparison(owed: _Owed, held: Decimal | None) -> Comparison:
    if held is None:
        # A score that is graded in full is shown by every platform; of another some show nothing.
        is_lost = owed.reached is not None and owed.ratio == 1 and owed.state == ACKNOWLEDGED
        return Comparison.MISSING if is_lost else Comparison.NOT_SHOWN
    if owed.is_met_by(held):
        return Comparison.AGREES
    if held > owed.ratio:
        return Comparison.AHEAD
    if owed.state != ACKNOWLEDGED:
        return Comparison.ON_ITS_WAY
    return Comparison.DIFFERS if held > 0 else Comparison.MISSING


def _repaired(database: Database, owed: Sequence[_Owed], findings: Sequence[Finding], clock: Clock) -> list[Finding]:
    wanted = {
        one.report_id: one.revision
        for one, finding in zip(owed, findings, strict=True)
        if finding.comparison.can_be_repaired
    }
    if not wanted:
        return list(findings)
    repaired = database.transact(lambda session: _set_waiting(session, wanted, clock()))
    return [replace(finding, is_repaired=finding.report_id in repaired) for finding in findings]


def _set_waiting(session: Session, wanted: dict[int, int], now: datetime) -> set[int]:
    repaired = set()
    for report in session.scalars(select(Report).where(Report.id.in_(wanted)).with_for_update()):
        if report.state == ACKNOWLEDGED and report.revision == wanted[report.id]:
            # What it acknowledged is not there: it counts no more.
            report.acknowledged_ratio = report.acknowledged_at = None
            outbox.ask_again(report, now)
            repaired.add(report.id)
    return repaired
