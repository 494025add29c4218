"""Auditing study records: what of each counts is reckoned anew, and is what its row and its credit entries say."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.attendance import Study
from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.modes import TIMED_KINDS, WHOLE_KINDS
from lms_plugin.domain.replay import Differs
from lms_plugin.services import study_rules, watched_time
from lms_plugin.services.audit_books import FROM_WATCHING, Books, entry_named
from lms_plugin.services.evidence_log import Catalogue

KINDS = {ELSEWHERE, *(kind.value for kind in (*TIMED_KINDS, *WHOLE_KINDS))}
"""Kinds of credit entries that come from study records."""


@dataclass(slots=True)
class StudyAudit:
    """The audit of one person's study records; raises `Differs` at the first thing that does."""

    session: Session
    shared: Catalogue
    books: Books

    def check(self) -> None:
        """Every record counts what the rule of its time gives, and its entries add up to that."""
        entered = self._entered()
        counted = self._reckoned()
        for row in self.books.studies:
            where = _named(row)
            packed, counted_ms = counted[row.enrolment_id, row.number]
            if (row.counted, row.counted_ms) != (packed, counted_ms):
                raise Differs(f"{where} counts {row.counted_ms} ms; reckoned anew it gives {counted_ms} ms")
            amount_ms = entered.pop((row.enrolment_id, row.source), 0)
            if amount_ms != row.counted_ms:
                raise Differs(f"{where} counts {row.counted_ms} ms, its credit entries add up to {amount_ms} ms")
        for enrolment_id, source in entered:
            raise Differs(
                f"credit entries of enrolment {enrolment_id} (credit_entries) were written for {source}, of which there"
                " is no study record (study_records)"
            )

    def _entered(self) -> dict[tuple[int, str], int]:
        """What the ledgers say of each source."""
        kinds = {(row.enrolment_id, row.source): row for row in self.books.studies}
        found: dict[tuple[int, str], int] = defaultdict(int)
        for enrolment_id, rows in self.books.entries.items():
            for row in rows:
                if row.source_kind not in KINDS:
                    continue
                record = kinds.get((enrolment_id, row.source_id))
                if record is not None and row.detail.get("record") != record.number:
                    raise Differs(f"{entry_named(enrolment_id, row.number)} does not name {_named(record)}")
                found[enrolment_id, row.source_id] += row.amount_ms
        return found

    def _reckoned(self) -> dict[tuple[int, int], tuple[bytes, int]]:
        """(packed segments, milliseconds) that each record gives."""
        rows = self.books.studies
        found = {}
        if self.books.cut is not None:
            # What was watched when is not known any more: what counts must still be part of what was attended.
            for row in rows:
                if row.revoked_at is None and row.starts_at is not None:
                    counted = intervals.unpack(row.counted)
                    attended_ms = intervals.length(intervals.intersect(counted, intervals.unpack(row.present)))
                    found[row.enrolment_id, row.number] = row.counted, attended_ms
            rows = [row for row in rows if (row.enrolment_id, row.number) not in found]
        for key, (counted_ms, parts) in study_rules.reckon_rows(rows, self._study, self._watched).items():
            found[key] = intervals.pack(parts.counted), counted_ms
        return found

    def _study(self, row: Any) -> Study:
        enrolment = self.books.enrolments.get(row.enrolment_id)
        if enrolment is None or enrolment.user_id != row.user_id:
            raise Differs(f"{_named(row)} is of an enrolment (enrolments) that is not this person's")
        version = self.shared.version(self.session, enrolment.programme_id, row.rule_version, enrolment.variant)
        limits = study_rules.limits_of(version, row.component_key, row.activity)
        return study_rules.study_of(row, limits)

    def _watched(self) -> Segments:
        if self.books.log is None:
            return NOTHING
        entries: list[Any] = [
            row for rows in self.books.entries.values() for row in rows if row.source_kind in FROM_WATCHING
        ]
        return watched_time.times_of(self.books.log, self.books.sessions, entries)


def _named(row: Any) -> str:
    """A study record as an auditor finds it in the tables."""
    return f"study record {row.number} of enrolment {row.enrolment_id} (study_records)"
