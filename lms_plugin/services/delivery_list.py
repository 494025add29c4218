"""What admins see of delivery, and their word to try again: the reports of the regions they answer for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.services import access, outbox
from lms_plugin.services.access import Actor
from lms_plugin.services.platforms import Console
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.lti_paths import LtiRegistration
from lms_plugin.storage.outbox import ACKNOWLEDGED, LRS, LTI, REFUSED, WAITING, Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow

RETRIED_AT_ONCE = 10_000
LINK = "link:"
"""How the block key of a report to an LTI platform begins; the link's id follows."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One report and how far its delivery is; `error_...` are the last answer that was no acknowledgement.

    `next_attempt_at` is None when nothing is to be sent any more; an acknowledged report that has one is sent once
    more, because an earlier sending of it got no answer.
    """

    id: int
    platform_key: str
    programme_key: str
    enrolment_id: int
    learner_id: int
    learner_login: str
    learner_name: str
    lms_username: str | None
    account: str | None
    """By what name the platform knows the learner; None where that is not known yet."""
    course_key: str
    block_key: str
    state: str
    ratio: Decimal
    acknowledged_ratio: Decimal | None
    acknowledged_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    error_code: str | None
    error_words: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedFor:
    """How many reports a platform refused with the same code and words."""

    code: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class PlatformSummary:
    """How delivery to one platform stands, in reports; `oldest_waiting_at` is since when the longest-owed waits.

    `is_registered` is false for a platform that programmes name and nobody has registered: its reports wait.
    `condition` is `unregistered`, `unconfirmed` (an LTI platform that registered by itself), `paused` (by an admin),
    `faulty`, `failing` (no answers at present) or `well`. `kind` is None where nobody has registered it. Of those that
    are `waiting`, `unanswered` were sent, and nobody knows yet whether the platform took them.
    """

    key: str
    kind: str | None
    condition: str
    waiting: int
    unanswered: int
    acknowledged: int
    refused: int
    oldest_waiting_at: datetime | None
    paused_reason: str | None
    fault_code: str | None
    fault_words: str | None
    fault_since: datetime | None
    failures: int
    last_failure_words: str | None
    next_attempt_at: datetime | None
    acknowledged_at: datetime | None

    @property
    def is_registered(self) -> bool:
        return self.condition != "unregistered"


def deliveries(
    session: Session,
    by: Actor | Console,
    *,
    platform_key: str | None = None,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Delivery]:
    """Reports in the order in which they were first owed, those with an id above `after`, at most `limit`.

    Raises:
        NotAllowed: `by` is no office admin.
    """
    query = (
        select(Report, Enrolment.user_id, User, ProgrammeRow.key, Platform.kind, PlatformAccount.subject)
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .outerjoin(Platform, Platform.key == Report.platform_key)
        .outerjoin(
            PlatformAccount,
            and_(PlatformAccount.platform_id == Platform.id, PlatformAccount.user_id == Enrolment.user_id),
        )
        .where(Report.id > after, _visible_to(by))
        .order_by(Report.id)
        .limit(limit)
    )
    if platform_key is not None:
        query = query.where(Report.platform_key == platform_key)
    if state is not None:
        query = query.where(Report.state == state)
    return [
        Delivery(
            id=report.id,
            platform_key=report.platform_key,
            programme_key=programme_key,
            enrolment_id=report.enrolment_id,
            learner_id=user_id,
            learner_login=user.login,
            learner_name=user.name,
            lms_username=user.lms_username,
            account={LTI: subject, LRS: user.login}.get(kind, user.lms_username),
            course_key=report.course_key,
            block_key=report.block_key,
            state=report.state,
            ratio=report.ratio,
            acknowledged_ratio=report.acknowledged_ratio,
            acknowledged_at=report.acknowledged_at,
            attempts=report.attempts,
            next_attempt_at=report.next_attempt_at,
            error_code=report.last_error_code,
            error_words=report.last_error_words,
            updated_at=report.updated_at,
        )
        for report, user_id, user, programme_key, kind, subject in session.execute(query)
    ]


def summaries(session: Session, by: Actor | Console) -> list[PlatformSummary]:
    """Every platform that is registered or owed something, by key; counts are of what `by` may see.

    Raises:
        NotAllowed: `by` is no office admin.
    """
    counted = session.execute(
        select(
            Report.platform_key,
            Report.state,
            func.count(),
            func.min(Report.updated_at),
            func.count(Report.unanswered_at),
        )
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .where(_visible_to(by))
        .group_by(Report.platform_key, Report.state)
    ).all()
    counts = {(key, state): count for key, state, count, _at, _unanswered in counted}
    counts |= {(key, "unanswered"): unanswered for key, state, _, _at, unanswered in counted if state == WAITING}
    oldest = {key: at for key, state, _, at, _unanswered in counted if state == WAITING}
    platforms = {platform.key: platform for platform in session.scalars(select(Platform))}
    unconfirmed = set(session.scalars(select(LtiRegistration.platform_id)))
    return [
        _summary(key, platforms.get(key), counts, oldest.get(key), unconfirmed)
        for key in sorted(platforms.keys() | {key for key, _ in counts})
    ]


def refusals(session: Session, by: Actor | Console, most: int = 5) -> dict[str, list[RefusedFor]]:
    """By platform, what it refused reports for and how often, the most frequent `most` of each platform.

    Raises:
        NotAllowed: `by` is no office admin.
    """
    counted = session.execute(
        select(Report.platform_key, Report.last_error_code, Report.last_error_words, func.count())
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .where(Report.state == REFUSED, _visible_to(by))
        .group_by(Report.platform_key, Report.last_error_code, Report.last_error_words)
        .order_by(func.count().desc(), Report.last_error_code, Report.last_error_words)
    )
    found: dict[str, list[RefusedFor]] = {}
    for key, code, words, count in counted:
        of_platform = found.setdefault(key, [])
        if len(of_platform) < most:
            of_platform.append(RefusedFor(code or "", words or "", count))
    return found


def link_titles(session: Session, by: Actor | Console, rows: Sequence[Delivery]) -> dict[str, str]:
    """What courses the links of LTI platforms stand in, by the block keys of these reports.

    Raises:
        NotAllowed: `by` is no office admin.
    """
    _visible_to(by)
    ids = {
        int(one.block_key[len(LINK) :])
        for one in rows
        if one.block_key.startswith(LINK) and one.block_key[5:].isdigit()
    }
    found = session.execute(select(LtiLink.id, LtiLink.context_title).where(LtiLink.id.in_(ids)))
    return {f"{LINK}{link_id}": title for link_id, title in found}


def retry(session: Session, by: Actor | Console, report_id: int, now: datetime) -> None:
    """Let one refused report be sent again.

    Raises:
        NotAllowed: `by` is no office admin.
        NotFound: there is no such report, or none in a region `by` answers for.
        Conflict: it is not refused (`report_not_refused`).
    """
    visible = _visible_to(by)
    report = session.scalar(
        select(Report)
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .where(Report.id == report_id, visible)
        .with_for_update(of=Report)
        .execution_options(populate_existing=True)
    )
    if report is None:
        raise NotFound(what="report")
    if report.state != REFUSED:
        raise Conflict("report_not_refused")
    outbox.ask_again(report, now)


def retry_refused(
    session: Session, by: Actor | Console, platform_key: str, now: datetime, *, code: str | None = None
) -> int:
    """Let the refused reports of a platform be sent again (those refused with `code`, where given).

    At most RETRIED_AT_ONCE in one call; gives how many.

    Raises:
        NotAllowed: `by` is no office admin.
    """
    query = (
        select(Report)
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .where(Report.platform_key == platform_key, Report.state == REFUSED, _visible_to(by))
        .order_by(Report.id)
        .limit(RETRIED_AT_ONCE)
        .with_for_update(of=Report)
        .execution_options(populate_existing=True)
    )
    if code is not None:
        query = query.where(Report.last_error_code == code)
    reports = session.scalars(query).all()
    for report in reports:
        outbox.ask_again(report, now)
    return len(reports)


def _visible_to(by: Actor | Console) -> ColumnElement[bool]:
    if isinstance(by, Console):
        return true()
    return access.in_scope(access.office_scope(by), Enrolment.region_id)


def _summary(
    key: str,
    platform: Platform | None,
    counts: dict[tuple[str, str], int],
    oldest_waiting_at: datetime | None,
    unconfirmed: Collection[int],
) -> PlatformSummary:
    return PlatformSummary(
        key=key,
        kind=platform.kind if platform else None,
        condition=_condition(platform, unconfirmed),
        waiting=counts.get((key, WAITING), 0),
        unanswered=counts.get((key, "unanswered"), 0),
        acknowledged=counts.get((key, ACKNOWLEDGED), 0),
        refused=counts.get((key, REFUSED), 0),
        oldest_waiting_at=oldest_waiting_at,
        paused_reason=platform.paused_reason if platform else None,
        fault_code=platform.fault_code if platform else None,
        fault_words=platform.fault_words if platform else None,
        fault_since=platform.fault_since if platform else None,
        failures=platform.failures if platform else 0,
        last_failure_words=platform.last_failure_words if platform else None,
        next_attempt_at=platform.next_attempt_at if platform else None,
        acknowledged_at=platform.acknowledged_at if platform else None,
    )


def _condition(platform: Platform | None, unconfirmed: Collection[int]) -> str:
    if platform is None:
        return "unregistered"
    if platform.id in unconfirmed:
        return "unconfirmed"
    if platform.is_paused:
        return "paused"
    if platform.fault_code is not None:
        return "faulty"
    return "failing" if platform.failures else "well"
