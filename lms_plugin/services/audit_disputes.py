"""Auditing disputes: every entry that a decision wrote has its accepted dispute, word for word, and the other way."""

from typing import Any

from lms_plugin.domain.replay import Differs
from lms_plugin.services import disputes
from lms_plugin.services.audit_books import Books, entry_named
from lms_plugin.services.dispute_access import ACCEPTED


def check(books: Books, enrolment: Any) -> None:
    """The disputes of one enrolment and the entries of them say the same; raises `Differs` at the first that don't."""
    known = {str(row.id): row for row in books.disputes[enrolment.id]}
    left = {key for key, row in known.items() if row.state == ACCEPTED}
    for entry in books.entries[enrolment.id]:
        if entry.source_kind != disputes.SOURCE_KIND:
            continue
        where = entry_named(enrolment.id, entry.number)
        if entry.source_id not in left:
            fault = "which is not accepted or has its entry already" if entry.source_id in known else "of which none is"
            raise Differs(f"{where} was written for dispute {entry.source_id} (disputes), {fault}")
        left.discard(entry.source_id)
        row = known[entry.source_id]
        for name, entered, stored in _pairs(entry, row):
            if entered != stored:
                raise Differs(f"{where} has the {name} {entered}, dispute {row.id} (disputes) has {stored}")
        if row.decided_by_id in (enrolment.user_id, row.proposed_by_id):
            raise Differs(f"dispute {row.id} (disputes) was decided by the learner or by who proposed it")
    if left:
        raise Differs(f"dispute {min(left, key=int)} (disputes) is accepted and has no credit entry")


def _pairs(entry: Any, row: Any) -> tuple[tuple[str, object, object], ...]:
    """What both say: a name, the entry's, the dispute's."""
    detail = entry.detail
    return (
        ("number", entry.number, row.entry_after),
        ("amount", entry.amount_ms, row.decided_ms),
        ("component", entry.component_key, row.component_key),
        ("decider", entry.decided_by_id, row.decided_by_id),
        ("time", entry.recorded_at, row.decided_at),
        ("day", detail.get("on"), row.happened_on.isoformat()),
        ("entry in question", detail.get("entry"), row.entry_number),
        ("reason", detail.get("reason"), row.decided_reason),
        ("digest of the learner's words", detail.get("account"), disputes.digest_of(row.reason)),
        ("proposer", detail.get("proposed_by"), row.proposed_by_id),
        ("proposal", detail.get("proposed_ms"), row.proposed_ms),
        ("proposal's reason", detail.get("proposed_because", ""), row.proposed_reason),
    )
