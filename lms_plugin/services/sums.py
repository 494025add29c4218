"""The ledger's sums of enrolments, and what they reckon to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import hours
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.programme import Programme
from lms_plugin.storage.among import among
from lms_plugin.storage.ledger import ComponentTotal


@dataclass(slots=True)
class Sums:
    """The credit of one enrolment by component, and what of it waits for its week; milliseconds."""

    credited_ms: dict[str, int] = field(default_factory=dict)
    pending_ms: dict[str, int] = field(default_factory=dict)

    def reckon(self, programme: Programme) -> Hours:
        """The hours under a programme, as the enrolment takes it."""
        return hours.reckon(programme, self.credited_ms, self.pending_ms)


def sums_of(session: Session, enrolment_ids: Sequence[int]) -> dict[int, Sums]:
    """The sums of each of these enrolments, read with one statement."""
    found = {one: Sums() for one in enrolment_ids}
    totals = select(
        ComponentTotal.enrolment_id,
        ComponentTotal.component_key,
        ComponentTotal.credited_ms,
        ComponentTotal.pending_ms,
    ).where(among(ComponentTotal.enrolment_id, enrolment_ids))
    for enrolment_id, key, credited_ms, pending_ms in session.execute(totals):
        found[enrolment_id].credited_ms[key] = credited_ms
        found[enrolment_id].pending_ms[key] = pending_ms
    return found
