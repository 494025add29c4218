"""Auditing study completed elsewhere: a record gives what is vouched for, and nothing is vouched for twice."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.replay import Differs
from lms_plugin.services import elsewhere
from lms_plugin.services.audit_books import Books
from lms_plugin.services.elsewhere import Vouched
from lms_plugin.storage.elsewhere import Voucher


def check(session: Session, books: Books) -> None:
    """Every record from elsewhere stands on its last voucher, whose numbers have no gap.

    Raises:
        Differs: at the first that does not.
    """
    records = {row.source: row for row in books.studies if row.kind == ELSEWHERE}
    if not records:
        return
    known = {
        elsewhere.source_of(one.completion.id): one
        for one in elsewhere.known(session, sorted({row.enrolment_id for row in records.values()})).values()
    }
    for source, row in sorted(records.items()):
        _check(session, row, known.get(source))


def _check(session: Session, row: Any, vouched: Vouched | None) -> None:
    where = f"study record {row.number} of enrolment {row.enrolment_id} (study_records)"
    if vouched is None or vouched.completion.enrolment_id != row.enrolment_id:
        raise Differs(f"{where} comes from {row.source}, for which nobody vouches (elsewhere_vouchers)")
    said = vouched.voucher
    if (row.component_key, row.given_ms) != (said.component_key, said.given_ms):
        raise Differs(
            f"{where} gives {row.given_ms} ms for {row.component_key}; its last voucher says {said.given_ms} ms for"
            f" {said.component_key} (elsewhere_vouchers)"
        )
    numbers = select(Voucher.number).where(Voucher.completion_id == said.completion_id).order_by(Voucher.number)
    if list(session.scalars(numbers)) != list(range(1, said.number + 1)):
        raise Differs(f"{where} comes from {row.source}, of whose vouchers some are missing (elsewhere_vouchers)")
