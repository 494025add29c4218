"""Completions earned elsewhere from a CSV or XLSX file: every row looked at before anything is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.programme import Programme
from lms_plugin.services import access, catalogue, elsewhere, study_records, study_rules
from lms_plugin.services.access import Actor
from lms_plugin.services.elsewhere import Claim, Vouched
from lms_plugin.services.elsewhere_rows import Learner, claim_of
from lms_plugin.services.findings import Finding
from lms_plugin.services.portions import portions
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.services.study_rules import Place, Row, Rules
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import StudyRecord

_AT_ONCE = 500
_AFTER_ALL = 1_000_000_000
"""Rows that are new stand behind all records there are, in the order of the file."""


@dataclass(frozen=True, slots=True)
class PlannedCompletion:
    """A row that can be entered. `before` is what was entered of the same, None where it is new.

    `counts_ms` of its time counts within what its component takes from elsewhere.
    """

    row: int
    claim: Claim
    login: str
    name: str
    before: Vouched | None
    counts_ms: int

    @property
    def state(self) -> str:
        """new, corrected or unchanged."""
        if self.before is None:
            return "new"
        return "unchanged" if self.before.says(self.claim) and not self.before.is_revoked else "corrected"


@dataclass(frozen=True, slots=True)
class CompletionsPlan:
    """What a file would do: the rows that can be entered, and every fault of the others by row."""

    programme: Programme
    good: tuple[PlannedCompletion, ...]
    faults: tuple[Finding, ...]
    ignored_columns: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, int]:
        """How many are new, corrected and unchanged, and of how many some is over what may come from elsewhere."""
        counts = dict.fromkeys(("new", "corrected", "unchanged", "over"), 0)
        for one in self.good:
            counts[one.state] += 1
            counts["over"] += one.counts_ms < one.claim.given_ms
        return counts


def plan(session: Session, actor: Actor, programme_id: int, table: Table, now: datetime) -> CompletionsPlan:
    """Say what entering a table of completions would do, without doing anything.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme.
    """
    programme = catalogue.in_force(session, programme_id, now).programme
    learners = _Learners(session, actor, programme_id, table)
    rules = Rules(session)
    faults = list(table.faults)
    read: list[tuple[TableRow, Claim, Learner]] = []
    first_rows: dict[tuple[int, str, str], int] = {}
    for row in table.rows:
        learner, wrong = learners.of(row)
        claim, found = claim_of(row, learner, rules, programme, actor, now)
        wrong += found
        if claim is not None:
            first_row = first_rows.setdefault(claim.key, row.number)
            if first_row != row.number:
                wrong.append(Finding(row.number, "reference", "reference_twice", {"first_row": first_row}))
        if wrong or claim is None or learner is None:
            faults += wrong
        else:
            read.append((row, claim, learner))
    there = elsewhere.known(session, [claim.enrolment_id for _, claim, _ in read])
    good = []
    for row, claim, learner in read:
        before = there.get(claim.key)
        wrong = list(_faults_of_change(row, claim, before))
        faults += wrong
        if not wrong:
            good.append(PlannedCompletion(row.number, claim, learner.login, learner.name, before, 0))
    places = {learner.enrolment.id: learner.place for _, _, learner in read}
    counts = _counts(session, rules, places, programme, good, now)
    return CompletionsPlan(
        programme,
        tuple(replace(one, counts_ms=counts[one.row]) for one in good),
        tuple(sorted(faults, key=lambda one: one.row)),
        table.ignored_columns,
    )


def enter(session: Session, actor: Actor, wanted: CompletionsPlan, now: datetime) -> int:
    """Enter the good rows of a plan, in the transaction it was made in; gives how many were new or corrected.

    Raises:
        Conflict: `import_changed`, as `elsewhere.enter_many`.
    """
    return elsewhere.enter_many(session, actor, wanted.programme, [one.claim for one in wanted.good], now)


class _Learners:
    """The learners that a table names by account or registration number, inside of what the actor answers for."""

    def __init__(self, session: Session, actor: Actor, programme_id: int, table: Table) -> None:
        scope = access.office_scope(actor)
        self._by_login: dict[str, Learner] = {}
        self._by_number: dict[str, Learner] = {}
        mine = (Enrolment.programme_id == programme_id, access.in_scope(scope, Enrolment.region_id))
        logins = sorted({row.values["login"] for row in table.rows if "login" in row.values})
        numbers = sorted({row.values["registration_number"] for row in table.rows if _has_number(row)})
        for some in portions(logins, _AT_ONCE):
            for one in self._read(session, *mine, User.login.in_(some)):
                self._by_login[one.login] = one
        for some in portions(numbers, _AT_ONCE):
            for one in self._read(session, *mine, Enrolment.registration_number.in_(some)):
                self._by_number[one.enrolment.registration_number or ""] = one

    def _read(self, session: Session, *conditions: ColumnElement[bool]) -> Iterator[Learner]:
        rows = session.execute(
            select(Enrolment, User.login, User.name).join(User, User.id == Enrolment.user_id).where(*conditions)
        )
        return (Learner(*row) for row in rows)

    def of(self, row: TableRow) -> tuple[Learner | None, list[Finding]]:
        """The learner of a row, or why there is none."""
        login, number = row.values.get("login", ""), row.values.get("registration_number", "")
        if not login and not number:
            return None, [Finding(row.number, "login", "learner_missing")]
        by_login, by_number = self._by_login.get(login), self._by_number.get(number)
        if login and by_login is None:
            return None, [Finding(row.number, "login", "candidate_unknown", {"value": login})]
        if number and by_number is None:
            return None, [Finding(row.number, "registration_number", "registration_unknown", {"value": number})]
        if by_login is not None and by_number is not None and by_login != by_number:
            return None, [Finding(row.number, "registration_number", "registration_of_another", {"value": number})]
        return by_login or by_number, []


def _has_number(row: TableRow) -> bool:
    return "registration_number" in row.values


def _faults_of_change(row: TableRow, claim: Claim, before: Vouched | None) -> Iterator[Finding]:
    if before is None or (before.says(claim) and not before.is_revoked):
        return
    if not claim.reason:
        yield Finding(row.number, "reason", "change_needs_reason", {"value": claim.reference})
    if not before.is_revoked and before.voucher.component_key != claim.component_key:
        yield Finding(row.number, "component", "component_stays", {"value": before.voucher.component_key})


def _counts(
    session: Session,
    rules: Rules,
    places: Mapping[int, Place],
    programme: Programme,
    good: Sequence[PlannedCompletion],
    now: datetime,
) -> dict[int, int]:
    """How much of each row would count, by row: reckoned as the ledger will be, with what was entered before."""
    number_of: dict[int, int] = {}
    rows: list[Row | StudyRecord] = []
    after = now  # as it will be entered: after all that there is, also what another server's clock has dated later
    changed = {one.before.record.source: one for one in good if one.before is not None}
    for some in portions(sorted(places), _AT_ONCE):
        mine = select(StudyRecord).where(StudyRecord.enrolment_id.in_(some), StudyRecord.kind == ELSEWHERE)
        for record in session.scalars(mine):
            after = max(after, record.confirmed_at + study_records.NEXT)
            one = changed.get(record.source)
            if one is not None:
                number_of[one.row] = record.number
                rows.append(_as_row(one.claim, record.number, record.rule_version, record.confirmed_at))
            elif record.revoked_at is None:
                rows.append(record)
    for one in good:
        if one.before is None:
            number_of[one.row] = _AFTER_ALL + one.row
            moment = elsewhere.moment_of(programme, one.claim.completed_on)
            version = rules.at(places[one.claim.enrolment_id], moment).version
            rows.append(_as_row(one.claim, number_of[one.row], version, after))
    reckoned = study_rules.reckon_elsewhere(
        study_rules.in_order(rows), lambda row: rules.study(places[row.enrolment_id], row)
    )
    return {one.row: reckoned[one.claim.enrolment_id, number_of[one.row]][0] for one in good}


def _as_row(claim: Claim, number: int, version: int, confirmed_at: datetime) -> Row:
    """The study record that a claim would become."""
    return Row(
        {
            "enrolment_id": claim.enrolment_id,
            "number": number,
            "component_key": claim.component_key,
            "activity": ELSEWHERE,
            "title": claim.title,
            "present": b"",
            "most_ms": None,
            "given_ms": claim.given_ms,
            "rule_version": version,
            "confirmed_at": confirmed_at,
        }
    )
