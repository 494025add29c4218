"""Hours: appending credit entries to the ledger, and the one reading of it that everything else shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion, hours
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.ledger import GENESIS, CreditEntry
from lms_plugin.domain.programme import Programme
from lms_plugin.services import outbox
from lms_plugin.services.catalogue import InForce, in_force
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow, LedgerHead
from lms_plugin.storage.programmes import Enrolment


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit about to be entered: what for, how much, where from, and who decided where a person did."""

    component_key: str
    amount_ms: int
    source_kind: str
    source_id: str
    rule: str
    detail: Mapping[str, object]
    decided_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class HoursOfEnrolment:
    """An enrolment's hours with the decision on completion and the ledger's end they were read from."""

    programme: Programme
    hours: Hours
    completion: Completion
    as_of: datetime
    ledger_head: str
    ledger_length: int


def enter(session: Session, enrolment: Enrolment, current: InForce, credit: Credit, now: datetime) -> CreditEntryRow:
    """Append one credit entry and bring everything that depends on it up to date, in the caller's transaction.

    The enrolment's ledger head is locked, so that entries of one enrolment follow each other. The roll-up on
    the enrolment and the report owed to the LMS are written from the same reckoning that pages show.
    """
    head = session.get(LedgerHead, enrolment.id, with_for_update=True, populate_existing=True)
    # What was read before the lock may be old by now.
    session.refresh(enrolment, ["completed_at"])
    if head is None:
        head = LedgerHead(enrolment_id=enrolment.id, number=0, hash=GENESIS)
        session.add(head)
    entry = CreditEntry(
        enrolment_id=enrolment.id,
        number=head.number + 1,
        component_key=credit.component_key,
        amount_ms=credit.amount_ms,
        source_kind=credit.source_kind,
        source_id=credit.source_id,
        detail=dict(credit.detail),
        rule_version=f"{current.rule_version} {credit.rule}",
        decided_by_id=credit.decided_by_id,
        recorded_at=now,
        previous_hash=head.hash,
    )
    row = CreditEntryRow(
        enrolment_id=entry.enrolment_id,
        number=entry.number,
        component_key=entry.component_key,
        amount_ms=entry.amount_ms,
        source_kind=entry.source_kind,
        source_id=entry.source_id,
        detail=dict(entry.detail),
        rule_version=entry.rule_version,
        decided_by_id=entry.decided_by_id,
        recorded_at=entry.recorded_at,
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )
    session.add(row)
    head.number, head.hash = entry.number, entry.hash
    total = session.get(ComponentTotal, (enrolment.id, credit.component_key))
    if total is None:
        total = ComponentTotal(enrolment_id=enrolment.id, component_key=credit.component_key, credited_ms=0)
        session.add(total)
    total.credited_ms += credit.amount_ms
    session.flush()
    refresh_standing(session, enrolment, current, now)
    return row


def refresh_standing(session: Session, enrolment: Enrolment, current: InForce, now: datetime) -> Completion:
    """Write an enrolment's roll-up from its ledger's sums, and owe the LMS the new completion ratio.

    Once complete, an enrolment stays complete: a rule that is made stricter later takes nothing away.
    """
    reckoned = hours.reckon(current.programme, _totals(session, enrolment.id))
    decided = completion.decide(current.programme, reckoned)
    enrolment.counted_ms = reckoned.total.counted_ms
    enrolment.completion_ratio = decided.ratio
    if decided.complete and enrolment.completed_at is None:
        enrolment.completed_at = now
    course = current.programme.lms
    if course is not None and course.block_key is not None:
        outbox.owe(session, enrolment.id, course, course.block_key, decided.ratio, now)
    return decided


def read(session: Session, enrolment: Enrolment, now: datetime) -> HoursOfEnrolment:
    """The hours of an enrolment as the ledger has them now."""
    programme = in_force(session, enrolment.programme_id).programme
    reckoned = hours.reckon(programme, _totals(session, enrolment.id))
    head = session.get(LedgerHead, enrolment.id)
    return HoursOfEnrolment(
        programme=programme,
        hours=reckoned,
        completion=completion.decide(programme, reckoned),
        as_of=now,
        ledger_head=head.hash if head is not None else GENESIS,
        ledger_length=head.number if head is not None else 0,
    )


def entries(session: Session, enrolment_id: int, *, after: int = 0, limit: int = 100) -> list[CreditEntryRow]:
    """An enrolment's credit entries in order, those numbered above `after`."""
    return list(
        session.scalars(
            select(CreditEntryRow)
            .where(CreditEntryRow.enrolment_id == enrolment_id, CreditEntryRow.number > after)
            .order_by(CreditEntryRow.number)
            .limit(limit)
        )
    )


def module_ratio(covered_ms: int, duration_ms: int, programme: Programme) -> Decimal:
    """How far a module's film is for the LMS: 1 from the programme's completion threshold on."""
    threshold = programme.watching.completion_threshold
    if covered_ms * threshold.denominator >= duration_ms * threshold.numerator:
        return Decimal(1)
    return completion.ratio_of(covered_ms, duration_ms)


def _totals(session: Session, enrolment_id: int) -> dict[str, int]:
    rows = session.execute(
        select(ComponentTotal.component_key, ComponentTotal.credited_ms).where(
            ComponentTotal.enrolment_id == enrolment_id
        )
    )
    return {row.component_key: row.credited_ms for row in rows}
