"""Auditing what makes up for meetings: with the presence at the same meeting it is never more than the meeting."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.attendance import ms_of
from lms_plugin.domain.replay import Differs
from lms_plugin.services import meeting_makeups
from lms_plugin.services.audit_books import Books
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.services.meetings import CONFIRMED, makeup_source, source_of
from lms_plugin.storage.meeting_extras import MeetingMakeup
from lms_plugin.storage.study import Meeting

_PREFIX = makeup_source(0).removesuffix("0")


@dataclass(slots=True)
class MakeupAudit:
    """The audit of one person's records of making up; raises `Differs` at the first thing that does."""

    session: Session
    shared: Catalogue
    books: Books

    def check(self) -> None:
        """Every record gives at most what the list of its meeting leaves, by the share of the meeting's day."""
        known = {(row.enrolment_id, row.source): row for row in self.books.studies if row.revoked_at is None}
        for (enrolment_id, source), row in sorted(known.items()):
            if source.startswith(_PREFIX):
                self._check(row, known.get((enrolment_id, source_of(_meeting_id(source)))))

    def _check(self, row: Any, presence: Any) -> None:
        where = f"study record {row.number} of enrolment {row.enrolment_id} (study_records)"
        meeting_id = _meeting_id(row.source)
        meeting = self.session.get(Meeting, meeting_id)
        kept = self.session.get(MeetingMakeup, (row.enrolment_id, meeting_id))
        if meeting is None or meeting.state != CONFIRMED or kept is None or kept.read_at is None:
            raise Differs(f"{where} makes up for meeting {meeting_id} (meetings), which gives no right to that")
        enrolment = self.books.enrolments.get(row.enrolment_id)
        if enrolment is None or enrolment.programme_id != meeting.programme_id:
            raise Differs(f"{where} makes up for meeting {meeting_id} (meetings) of another programme")
        programme = self.shared.in_force(self.session, meeting.programme_id, meeting.starts_at, "").programme
        component = programme.component(meeting.component_key)
        present_ms = intervals.length(intervals.unpack(presence.present)) if presence is not None else 0
        share = component.study.makeup_share if component is not None else 0
        most_ms = min(kept.nominal_ms, meeting_makeups.most_for(meeting, present_ms, Fraction(share)))
        if row.most_ms != most_ms:
            raise Differs(f"{where} may give {row.most_ms} ms; what was missed of its meeting allows {most_ms} ms")
        if intervals.unpack(row.present) != ((ms_of(kept.opened_at), ms_of(kept.read_at)),):
            raise Differs(f"{where} is of another time than meeting_makeups has for meeting {meeting_id}")


def _meeting_id(source: str) -> int:
    number = source.removeprefix(_PREFIX)
    if not number.isdecimal() or len(number) > 18:
        raise Differs(f"a study record comes from {source} (study_records), which names no meeting")
    return int(number)
