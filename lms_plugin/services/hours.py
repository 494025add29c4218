"""Hours: appending credit entries to the ledger, and the one reading of it that everything else shows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.completion import is_whole as is_whole
from lms_plugin.domain.completion import module_ratio as module_ratio
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.ledger import GENESIS
from lms_plugin.domain.programme import Programme
from lms_plugin.services.catalogue import InForce, for_enrolment
from lms_plugin.services.entering import Credit as Credit
from lms_plugin.services.entering import Entering, enter_many
from lms_plugin.services.sums import sums_of
from lms_plugin.storage.ledger import CreditEntryRow, LedgerHead
from lms_plugin.storage.programmes import Enrolment


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
    """Append one credit entry and bring everything that depends on it up to date, in the caller's transaction."""
    (number,) = enter_many(session, [Entering(enrolment.id, current, credit)], now)
    return session.get_one(CreditEntryRow, (enrolment.id, number))


def read(session: Session, enrolment: Enrolment, now: datetime) -> HoursOfEnrolment:
    """The hours of an enrolment as the ledger has them now."""
    programme = for_enrolment(session, enrolment, now).programme
    reckoned = sums_of(session, [enrolment.id])[enrolment.id].reckon(programme)
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
