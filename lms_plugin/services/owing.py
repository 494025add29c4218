"""What LTI platforms are owed all at once: when somebody is found to have an account there, and when a link appears.

Whatever is earned afterwards is owed along with the credit itself (entering.py, posting.py).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain import completion, hours
from lms_plugin.domain.hours import Reached
from lms_plugin.services import catalogue, links_owed, outbox
from lms_plugin.services.links_owed import Stand, stand_in_module, stand_in_programme
from lms_plugin.services.portions import portions
from lms_plugin.services.sums import sums_of
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.among import among
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, Platform, Report
from lms_plugin.storage.programmes import Enrolment, Video

AT_ONCE = 500
ONCE_MORE_AFTER = timedelta(minutes=5)
"""By then every transaction has ended that began before a link or an account was to be seen."""

HEALED = (outbox.NO_LMS_ACCOUNT, "unknown_learner", "not_enrolled")
"""Refusals that are over when the platform itself has shown that it knows the person."""

HEALED_BY_LAUNCH = (*HEALED, "unknown_block", "rejected", outbox.GAVE_UP)
"""Refusals of a link's report that are worth another sending when the person comes from this very link."""


def owe_account(session: Session, platform_id: int, user_id: int, now: datetime) -> None:
    """Owe a platform what a person has reached in everything that its links show; to be called once they are linked.

    Reports that were refused for want of an account heal by it, and what the platform acknowledged for another account,
    before this one was linked, is sent again. To call it again changes nothing.
    """
    linked_at = session.scalar(
        select(PlatformAccount.linked_at).where(
            PlatformAccount.platform_id == platform_id, PlatformAccount.user_id == user_id
        )
    )
    if linked_at is None:
        return
    shown = select(LtiLink.programme_id).where(LtiLink.platform_id == platform_id)
    mine = (Enrolment.user_id == user_id, Enrolment.programme_id.in_(shown))
    enrolments = session.scalars(select(Enrolment).where(*mine).order_by(Enrolment.id)).all()
    for one in enrolments:
        _owe(session, [one], None, now)
    reports = session.scalars(
        select(Report)
        .join(Platform, Platform.key == Report.platform_key)
        .where(Platform.id == platform_id, among(Report.enrolment_id, [one.id for one in enrolments]))
        .with_for_update(of=Report)
        .execution_options(populate_existing=True)
    )
    for report in reports:
        is_healed = report.state == REFUSED and report.last_error_code in HEALED
        is_another_s = report.acknowledged_at is not None and report.acknowledged_at < linked_at
        if is_healed or is_another_s:
            outbox.begin_again(report, now)


def owe_once_more(session: Session, now: datetime) -> bool:
    """Reckon once more what one link or account is owed that appeared some minutes ago; False where none is left.

    What was credited in a transaction that saw nothing of it yet, and was not seen by it either, is owed by this.
    """
    link = session.scalar(
        select(LtiLink)
        .where(LtiLink.owe_again_at <= now)
        .order_by(LtiLink.owe_again_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if link is not None:
        link.owe_again_at = None
        owe_link(session, link.id, now)
        return True
    account = session.scalar(
        select(PlatformAccount)
        .where(PlatformAccount.owe_again_at <= now)
        .order_by(PlatformAccount.owe_again_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if account is None:
        return False
    account.owe_again_at = None
    owe_account(session, account.platform_id, account.user_id, now)
    return True


def owe_launched(session: Session, link_id: int, user_id: int, now: datetime) -> None:
    """Owe a link once more what was refused there of a person who has just come from it: the platform knows both."""
    own = select(Enrolment.id).where(Enrolment.user_id == user_id)
    for report in _reports(session, link_id, Report.enrolment_id.in_(own), Report.state == REFUSED):
        if report.last_error_code in HEALED_BY_LAUNCH:
            outbox.begin_again(report, now)


def owe_shown(session: Session, link_id: int, now: datetime) -> None:
    """Set what a link is owed already to what it shows now, which may be less than what it showed before.

    A report goes on in its times, so that the platform takes the next score for a later one. Of who is not in the
    programme that is shown now, nothing is reached.
    """
    link = session.get_one(LtiLink, link_id)
    reports = _of_programme(session, link, _reports(session, link_id))
    if not reports:
        return
    shown_to = (
        select(Enrolment)
        .where(among(Enrolment.id, [one.enrolment_id for one in reports]), Enrolment.programme_id == link.programme_id)
        .order_by(Enrolment.id)
    )
    stands: dict[int, Stand] = {}
    for some in portions(session.scalars(shown_to).all(), AT_ONCE):
        stands |= {one.enrolment_id: one for one in _stands(session, some, now) if one.module_id == link.module_id}
    nothing = _nothing_reached(session, link, now)
    for report in reports:
        stand = stands.get(report.enrolment_id)
        report.ratio = stand.ratio if stand is not None else Decimal(0)
        reached = stand.reached if stand is not None else nothing
        report.credited_hours = reached.credited if reached is not None else None
        report.required_hours = reached.required if reached is not None else None
        report.updated_at = now
        outbox.begin_again(report, now)


def _of_programme(session: Session, link: LtiLink, reports: Sequence[Report]) -> list[Report]:
    """Reports of a link, each turned over to its person's enrolment in the programme that the link shows now.

    A person who has one of another programme and one of this keeps the one, in whose times both have gone on.
    """
    by_enrolment = {one.enrolment_id: one for one in reports}
    wanted = aliased(Enrolment)
    turned = dict(
        session.execute(
            select(Enrolment.id, wanted.id)
            .join(wanted, (wanted.user_id == Enrolment.user_id) & (wanted.programme_id == link.programme_id))
            .where(among(Enrolment.id, list(by_enrolment)), Enrolment.programme_id != link.programme_id)
        )
        .tuples()
        .all()
    )
    kept = []
    for report in reports:
        enrolment_id = turned.get(report.enrolment_id, report.enrolment_id)
        other = by_enrolment.get(enrolment_id)
        if other is None:
            report.enrolment_id = enrolment_id
            by_enrolment[enrolment_id] = report
        elif other is not report:
            other.stamped_at = _later(other.stamped_at, report.stamped_at)
            other.unanswered_at = _later(other.unanswered_at, report.unanswered_at)
            session.delete(report)
            continue
        kept.append(report)
    session.flush()
    return kept


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _nothing_reached(session: Session, link: LtiLink, now: datetime) -> Reached | None:
    """The hours of who has begun nothing of what a link shows; None where nobody can reckon them."""
    programme = catalogue.in_force(session, link.programme_id, now).programme
    if link.module_id is None:
        return Reached(Decimal(0), programme.total_class_hours)
    film = select(Video.duration_ms).where(Video.module_id == link.module_id, Video.is_current)
    duration_ms = session.scalar(film)
    return hours.reached(0, duration_ms, programme.class_hour_ms) if duration_ms is not None else None


def owe_line_item(session: Session, link_id: int, now: datetime, *, due_at: datetime | None = None) -> None:
    """Owe a link's new line item what its platform took for the one before, or refused for want of one.

    With `due_at` the one before may still be there and be sent to: nothing is sent earlier, and what is under way then
    counts no more.
    """
    for report in _reports(session, link_id):
        is_for_want_of_it = report.state == REFUSED and report.last_error_code == "unknown_block"
        is_under_way = due_at is not None and report.leased_until is not None
        if report.state == ACKNOWLEDGED or is_for_want_of_it or is_under_way:
            outbox.begin_again(report, now)
        if due_at is not None and report.next_attempt_at is not None:
            report.next_attempt_at = max(report.next_attempt_at, due_at)


def _reports(session: Session, link_id: int, *which: ColumnElement[bool]) -> Sequence[Report]:
    """A link's reports, locked."""
    link = session.get_one(LtiLink, link_id)
    return session.scalars(
        select(Report)
        .join(Platform, Platform.key == Report.platform_key)
        .where(Platform.id == link.platform_id, Report.block_key == links_owed.block_key_of(link_id), *which)
        .order_by(Report.id)
        .with_for_update(of=Report)
        .execution_options(populate_existing=True)
    ).all()


def owe_link(session: Session, link_id: int, now: datetime) -> None:
    """Owe a new link, or one that shows something else now, what everybody has reached whom its platform knows."""
    link = session.get_one(LtiLink, link_id)
    known = (
        select(Enrolment)
        .join(PlatformAccount, PlatformAccount.user_id == Enrolment.user_id)
        .where(PlatformAccount.platform_id == link.platform_id, Enrolment.programme_id == link.programme_id)
        .order_by(Enrolment.id)
    )
    for some in portions(session.scalars(known).all(), AT_ONCE):
        _owe(session, some, link.id, now)


def _owe(session: Session, enrolments: Sequence[Enrolment], link_id: int | None, now: datetime) -> None:
    """Owe the links of these enrolments' one programme what they have reached."""
    stands = _stands(session, enrolments, now)
    outbox.owe_many(session, links_owed.of_links(session, stands, link_id=link_id), now)


def _stands(session: Session, enrolments: Sequence[Enrolment], now: datetime) -> list[Stand]:
    """How far these enrolments are in their one programme, and in each of its modules whose film they began."""
    by_variant: dict[str, list[Enrolment]] = defaultdict(list)
    for one in enrolments:
        by_variant[one.variant].append(one)
    stands: list[Stand] = []
    for variant, some in by_variant.items():
        programme = catalogue.in_force(session, some[0].programme_id, now, variant).programme
        for enrolment_id, sums in sums_of(session, [one.id for one in some]).items():
            reckoned = sums.reckon(programme)
            stands.append(stand_in_programme(enrolment_id, reckoned, completion.decide(programme, reckoned)))
        films = (
            select(Coverage.enrolment_id, Video.module_id, Coverage.covered_ms, Video.duration_ms)
            .join(Video, Video.id == Coverage.video_id)
            .where(among(Coverage.enrolment_id, [one.id for one in some]))
        )
        stands += [
            stand_in_module(
                row.enrolment_id,
                row.module_id,
                completion.module_ratio(row.covered_ms, row.duration_ms, programme),
                row.covered_ms,
                row.duration_ms,
                programme.class_hour_ms,
            )
            for row in session.execute(films)
        ]
    return stands
