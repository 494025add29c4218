"""Auditing the ledger: its chain of hashes, the rules it was written by, its sums, and the roll-up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import attendance, discussion, hours, post_credit, watching, weeks
from lms_plugin.domain.completion import Completion, decide
from lms_plugin.domain.ledger import GENESIS, CreditEntry
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.domain.replay import Differs
from lms_plugin.services import disputes
from lms_plugin.services.audit_books import FROM_WATCHING, Books, entry_named
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import day_of_entry
from lms_plugin.services.evidence_log import Catalogue

POST = "post"
SEEN = {*FROM_WATCHING, POST}
"""What the service sees by itself, judged when it happens."""
RULES = {
    watching.RULE,
    discussion.RULE,
    discussion.FIRST_RULE,
    post_credit.RULE,
    attendance.RULE,
    disputes.RULE,
}
Weeks = defaultdict[str, defaultdict[date, int]]
"""Milliseconds by component and week."""

_ENTRY_FIELDS = tuple(one.name for one in fields(CreditEntry))


class CannotReplay(Differs):
    """Something was judged by a rule that this version of the service does not know any more, or not yet."""


def entry_of(row: Mapping[str, Any]) -> CreditEntry:
    """The value that a row of the ledger stands for."""
    return CreditEntry(**{name: row[name] for name in _ENTRY_FIELDS})


@dataclass(slots=True)
class LedgerAudit:
    """The audit of one person's ledger; every method raises `Differs` at the first thing that does."""

    session: Session
    shared: Catalogue
    books: Books

    def check_chain(self, enrolment: Any) -> None:
        """Every entry follows from the one before it, up to the stored end."""
        try:
            Variant.read(enrolment.variant)
        except ValueError as fault:
            raise Differs(f"enrolment {enrolment.id} (enrolments) has a variant that cannot be read") from fault
        rows, head = self.books.entries[enrolment.id], self.books.heads.get(enrolment.id)
        where = f"the ledger's end of enrolment {enrolment.id} (ledger_heads)"
        previous, number = GENESIS, 0
        for row in rows:
            number += 1
            if row.number > number:
                raise Differs(f"{entry_named(enrolment.id, number)} is missing")
            if row.number < number or row.previous_hash != previous or entry_of(row._mapping).hash != row.hash:
                raise Differs(f"{entry_named(enrolment.id, row.number)} does not fit the chain")
            if head is not None and row.number > head.number and _has(rows, head):
                raise Differs(
                    f"{entry_named(enrolment.id, row.number)} stands after {where}, which is entry {head.number}"
                )
            previous = row.hash
        if head is None:
            if rows:
                raise Differs(f"{where} is missing")
            return
        if not rows and head.number == 0:
            raise Differs(f"{where} is one that no credit entry was written for")
        if head.number > number and head.hash != previous:
            raise Differs(f"{entry_named(enrolment.id, number + 1)} is missing: {where} is entry {head.number}")
        if (head.number, head.hash) != (number, previous):
            raise Differs(f"{where} is entry {head.number} with {head.hash}; the entries end with {number}, {previous}")

    def check_rules(self, enrolment: Any) -> None:
        """Every entry was judged by a rule that is known, under a version of its programme."""
        for row in self.books.entries[enrolment.id]:
            where = entry_named(enrolment.id, row.number)
            _, rule = _rule_of(row)
            if rule not in RULES and any(rule.startswith(one.partition("/")[0] + "/") for one in RULES):
                raise CannotReplay(f"{where} was judged by {rule}, a rule this version cannot replay")
            if row.source_kind not in FROM_WATCHING and row.source_kind != POST:
                continue
            version = self._version_of(enrolment, row)
            if version is None:
                raise Differs(
                    f"{where} was judged by {row.rule_version}; enrolment {enrolment.id} (enrolments) is in no such"
                    " programme"
                )

    def _version_of(self, enrolment: Any, row: Any) -> InForce | None:
        """The version of its programme that an entry was written under."""
        key, _, number = _rule_of(row)[0].rpartition("@")
        if not number.isdecimal():
            return None
        found = self.shared.version(self.session, enrolment.programme_id, int(number), enrolment.variant)
        return found if found.programme.key == key else None

    def _decided_by(self, enrolment: Any, row: Any) -> InForce:
        """The version that the roll-up was reckoned with when an entry was written.

        What somebody confirms afterwards was judged by the version of its own day.
        """
        own = self._version_of(enrolment, row)
        if own is not None and row.source_kind in SEEN:
            return own
        return self.shared.in_force(self.session, enrolment.programme_id, row.recorded_at, enrolment.variant)

    def _week(self, enrolment: Any, row: Any) -> date | None:
        """The week that an entry counts in, where its component has a pace."""
        programme = self._decided_by(enrolment, row).programme
        component = programme.component(row.component_key)
        if component is None or component.pace is None:
            return None
        return week_of(day_of_entry(programme, row.detail, row.recorded_at))

    def _weeks(self, enrolment: Any, until: datetime | None = None) -> Weeks:
        """What the entries (those up to a moment) of components with a pace add up to, by week."""
        found: Weeks = defaultdict(lambda: defaultdict(int))
        for row in self.books.entries[enrolment.id]:
            week_on = self._week(enrolment, row) if until is None or row.recorded_at <= until else None
            if week_on is not None:
                found[row.component_key][week_on] += row.amount_ms
        return found

    def check_weeks(self, enrolment: Any) -> None:
        """The stored sums of weeks are what the entries add up to."""
        entered = {(key, week_on): ms for key, known in self._weeks(enrolment).items() for week_on, ms in known.items()}
        stored = {(one.component_key, one.week_on): one.credited_ms for one in self.books.weeks[enrolment.id]}
        for key, week_on in sorted(entered.keys() | stored.keys()):
            if entered.get((key, week_on)) != stored.get((key, week_on)):
                raise Differs(
                    f"the week of {week_on} of {key} of enrolment {enrolment.id} (component_weeks) is"
                    f" {stored.get((key, week_on))} ms, its entries add up to {entered.get((key, week_on))} ms"
                )

    def check_sums(self, enrolment_id: int) -> None:
        """The stored sums are what the entries add up to."""
        sums = _sums(self.books.entries[enrolment_id])
        for total in self.books.totals[enrolment_id]:
            where = f"the sum of {total.component_key} of enrolment {enrolment_id} (component_totals)"
            entered = sums.pop(total.component_key, None)
            if entered is None:
                raise Differs(f"{where} is one that no credit entry was written for")
            if entered != total.credited_ms:
                raise Differs(f"{where} is {total.credited_ms} ms, its entries add up to {entered} ms")
        if sums:
            raise Differs(f"the sum of {min(sums)} of enrolment {enrolment_id} (component_totals) is missing")

    def check_roll_up(self, enrolment: Any) -> None:
        """What stands on the enrolment is what its entries give."""
        rows = self.books.entries[enrolment.id]
        where = f"enrolment {enrolment.id} (enrolments)"
        # Between the publishing of a version and the next refresh the one of the last entry still stands.
        possible = self._since_last(enrolment)
        sums, known = _sums(rows), self._weeks(enrolment)
        given = [_rolled_up(one.programme, sums, known) for one in possible]
        if (enrolment.counted_ms, enrolment.completion_ratio) not in given + [(0, Decimal(0))] * (not rows):
            counted_ms, ratio = given[0]
            raise Differs(
                f"{where} is rolled up as {enrolment.counted_ms} ms, ratio {enrolment.completion_ratio}; its ledger"
                f" gives {counted_ms} ms, ratio {ratio}"
            )
        self._check_pending(enrolment.id, [_pending(one.programme, known) for one in possible])
        first = self._first_complete(enrolment)
        if enrolment.completed_at is None:
            if first is not None:
                raise Differs(f"{where} has no completed_at; its ledger gives {first.isoformat()}")
        elif enrolment.completed_at != first and (
            (first is not None and enrolment.completed_at > first)
            or not self._was_complete(enrolment, enrolment.completed_at)
        ):
            ought = first.isoformat() if first is not None else "none"
            raise Differs(f"{where} has completed_at {enrolment.completed_at.isoformat()}; its ledger gives {ought}")

    def _check_pending(self, enrolment_id: int, possible: Sequence[Mapping[str, int]]) -> None:
        """What is said to wait for its week is what the weeks give."""
        for total in self.books.totals[enrolment_id]:
            given = [one.get(total.component_key, 0) for one in possible]
            if total.pending_ms not in given:
                raise Differs(
                    f"the sum of {total.component_key} of enrolment {enrolment_id} (component_totals) says that"
                    f" {total.pending_ms} ms wait for their week, its weeks give {given[0]} ms"
                )

    def _first_complete(self, enrolment: Any) -> datetime | None:
        """Since when the entries have met the requirements of the versions in force when they were written."""
        sums: dict[str, int] = defaultdict(int)
        known: Weeks = defaultdict(lambda: defaultdict(int))
        since: datetime | None = None
        for row in self.books.entries[enrolment.id]:
            sums[row.component_key] += row.amount_ms
            week_on = self._week(enrolment, row)
            if week_on is not None:
                known[row.component_key][week_on] += row.amount_ms
            complete = _decided(self._decided_by(enrolment, row).programme, sums, known).complete
            if complete and since is None:
                since = row.recorded_at
            elif row.amount_ms < 0 and not complete:
                since = None
        return since

    def _was_complete(self, enrolment: Any, at: datetime) -> bool:
        """Whether a version published by then was met by the credit there was: publishing refreshes the roll-up."""
        sums = _sums(row for row in self.books.entries[enrolment.id] if row.recorded_at <= at)
        versions = self.shared.schedule(self.session, enrolment.programme_id)
        known = self._weeks(enrolment, at)
        return any(
            _decided(
                self.shared.version(self.session, enrolment.programme_id, number, enrolment.variant).programme,
                sums,
                known,
            ).complete
            for number, applies_at in versions[1:]
            if applies_at <= at
        )

    def _since_last(self, enrolment: Any) -> list[InForce]:
        """The versions that the roll-up can be reckoned with: that of the last entry, and all after it."""
        rows = self.books.entries[enrolment.id]
        last = self._version_of(enrolment, rows[-1]) if rows else None
        return [
            self.shared.version(self.session, enrolment.programme_id, number, enrolment.variant)
            for number, _ in reversed(self.shared.schedule(self.session, enrolment.programme_id))
            if last is None or number >= last.version
        ]


def _has(rows: Sequence[Any], head: Any) -> bool:
    return any((row.number, row.hash) == (head.number, head.hash) for row in rows)


def _rule_of(row: Any) -> tuple[str, str]:
    """(programme@version, rule) of an entry."""
    version, _, rule = row.rule_version.partition(" ")
    return version, rule


def _sums(rows: Iterable[Any]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.component_key] += row.amount_ms
    return dict(sums)


def _pending(programme: Programme, known: Mapping[str, Mapping[date, int]]) -> dict[str, int]:
    return {
        one.key: weeks.pending_ms(known.get(one.key, {}), one.pace, programme.class_hour_ms)
        for one in programme.components
    }


def _decided(programme: Programme, sums: Mapping[str, int], known: Mapping[str, Mapping[date, int]]) -> Completion:
    return decide(programme, hours.reckon(programme, sums, _pending(programme, known)))


def _rolled_up(
    programme: Programme, sums: Mapping[str, int], known: Mapping[str, Mapping[date, int]]
) -> tuple[int, Decimal]:
    standing = hours.reckon(programme, sums, _pending(programme, known))
    return standing.total.counted_ms, decide(programme, standing).ratio
