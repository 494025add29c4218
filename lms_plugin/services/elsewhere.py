"""Study completed elsewhere: entered with who vouches for it, corrected, taken back; each thing counts once.

A completion is known by the institution's own reference. It is one study record; what is vouched for stands in numbered
vouchers that are only ever added, so that each credit entry can show the one it rests on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, String, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.programme import Programme, Window
from lms_plugin.services import access, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import checked_reason
from lms_plugin.services.portions import portions
from lms_plugin.services.study_reckoning import lock_people
from lms_plugin.services.study_records import NewRecord
from lms_plugin.storage.elsewhere import Completion, Voucher
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import StudyRecord


@dataclass(frozen=True, slots=True)
class Claim:
    """What is vouched for of one enrolment; `given_ms` is its time, `reason` why it differs from what was entered."""

    enrolment_id: int
    institution: str
    reference: str
    component_key: str
    given_ms: int
    completed_on: date
    title: str
    person: str
    reason: str = ""

    @property
    def key(self) -> tuple[int, str, str]:
        return self.enrolment_id, self.institution, self.reference


@dataclass(frozen=True, slots=True)
class Vouched:
    """A completion as it was vouched for at some moment, and its record; `entered_by` is a name."""

    completion: Completion
    voucher: Voucher
    record: StudyRecord
    entered_by: str

    @property
    def is_revoked(self) -> bool:
        return self.record.revoked_at is not None

    def says(self, claim: Claim) -> bool:
        """Whether a claim says the same."""
        mine = self.voucher
        said = (mine.component_key, mine.given_ms, mine.completed_on, mine.title, mine.person)
        return said == (claim.component_key, claim.given_ms, claim.completed_on, claim.title, claim.person)


@dataclass(frozen=True, slots=True)
class CompletionShown:
    """A completion in the office's list, with its learner."""

    vouched: Vouched
    login: str
    name: str


def source_of(completion_id: int | str) -> str:
    """How the study record of a completion is called."""
    return f"{ELSEWHERE}/{completion_id}"


def moment_of(programme: Programme, day: date) -> datetime:
    """The moment whose programme version judges what was completed on a day."""
    return Window(day, day, programme.window.timezone).opens_at


def known(session: Session, enrolment_ids: Sequence[int]) -> dict[tuple[int, str, str], Vouched]:
    """The completions of enrolments as they are vouched for now, by enrolment, institution and reference."""
    found = {}
    for some in portions(sorted(set(enrolment_ids))):
        for one, _, _ in _rows(session, Completion.enrolment_id.in_(some)):
            found[one.completion.enrolment_id, one.completion.institution, one.completion.reference] = one
    return found


def vouched(session: Session, completion_id: int, until: datetime | None = None) -> Vouched | None:
    """A completion as it was vouched for at a moment (None: now); None where there is none."""
    rows = _rows(session, Completion.id == completion_id, until=until)
    return rows[0][0] if rows else None


def enter_many(session: Session, actor: Actor, programme: Programme, claims: Sequence[Claim], now: datetime) -> int:
    """Enter completions that are new or differ from what was entered; gives how many. One that says the same is left.

    Whoever calls answers for the enrolments and has checked the claims (`elsewhere_files.plan`).

    Raises:
        NotFound: there is no such enrolment.
        Conflict: `import_changed`, a claim differs from what somebody else entered meanwhile, and gives no reason, or
            is for another component than what counts; `record_twice`, one is there twice.
    """
    enrolment_ids = sorted({one.enrolment_id for one in claims})
    lock_people(session, _people(session, enrolment_ids))
    there = known(session, enrolment_ids)
    first, changed = [], []
    for claim in claims:
        before = there.get(claim.key)
        if before is None:
            completion = Completion(
                enrolment_id=claim.enrolment_id, institution=claim.institution, reference=claim.reference
            )
            session.add(completion)
            first.append((claim, completion, 1))
        elif before.is_revoked or not before.says(claim):
            if not claim.reason or not (before.is_revoked or before.voucher.component_key == claim.component_key):
                raise Conflict("import_changed")
            changed.append((claim, before.completion, before.voucher.number + 1))
    session.flush()
    for claim, completion, number in (*first, *changed):
        session.add(_voucher(claim, completion, number, actor, now))
    session.flush()
    study_records.record_many(
        session,
        [_record(programme, claim, completion) for claim, completion, _ in first],
        confirmed_by_id=actor.user_id,
        now=now,
    )
    # Each correction says its own reason in the ledger.
    by_reason: dict[str, list[NewRecord]] = {}
    for claim, completion, _ in changed:
        by_reason.setdefault(claim.reason, []).append(_record(programme, claim, completion))
    for reason, records in sorted(by_reason.items()):
        study_records.record_many(session, records, confirmed_by_id=actor.user_id, now=now, because=reason)
    return len(first) + len(changed)


def take_back(session: Session, actor: Actor, completion_id: int, *, reason: str, now: datetime) -> None:
    """Let a completion count nothing any more, by a new entry.

    Raises:
        NotAllowed, NotFound: the learner is not one the actor answers for, or there is no such completion.
        Malformed: no reason is given, or one that is too long.
        Conflict: `elsewhere_own`, it is the actor's own; `elsewhere_taken_back` already.
    """
    reason = checked_reason(reason)
    completion = session.get(Completion, completion_id)
    if completion is None:
        raise NotFound(what="completion")
    enrolment = access.office_enrolment(session, actor, completion.enrolment_id)
    if enrolment.user_id == actor.user_id:
        raise Conflict("elsewhere_own")
    lock_people(session, [enrolment.user_id])
    try:
        study_records.revoke(
            session, enrolment.id, source_of(completion.id), by_id=actor.user_id, reason=reason, now=now
        )
    except NotFound:
        raise Conflict("elsewhere_taken_back") from None


def listing(
    session: Session, actor: Actor, programme_id: int, *, before: int | None = None, limit: int = 50
) -> list[CompletionShown]:
    """Completions of a programme's learners whom an office admin answers for, the latest first.

    Raises:
        NotAllowed: the person is no office admin.
    """
    conditions = [
        Enrolment.programme_id == programme_id,
        access.in_scope(access.office_scope(actor), Enrolment.region_id),
    ]
    if before is not None:
        conditions.append(Completion.id < before)
    return [CompletionShown(*row) for row in _rows(session, *conditions, limit=limit)]


def of_programme(session: Session, completion_id: int) -> int:
    """The id of the programme that a completion is entered in.

    Raises:
        NotFound: there is no such completion.
    """
    found = session.scalar(
        select(Enrolment.programme_id)
        .join(Completion, Completion.enrolment_id == Enrolment.id)
        .where(Completion.id == completion_id)
    )
    if found is None:
        raise NotFound(what="completion")
    return found


def _people(session: Session, enrolment_ids: Sequence[int]) -> list[int]:
    found: list[int] = []
    for some in portions(enrolment_ids):
        found += session.scalars(select(Enrolment.user_id).where(Enrolment.id.in_(some)))
    return found


def _voucher(claim: Claim, completion: Completion, number: int, actor: Actor, now: datetime) -> Voucher:
    return Voucher(
        completion_id=completion.id,
        number=number,
        component_key=claim.component_key,
        given_ms=claim.given_ms,
        completed_on=claim.completed_on,
        title=claim.title,
        person=claim.person,
        reason=claim.reason if number > 1 else "",
        entered_by_id=actor.user_id,
        entered_at=now,
    )


def _record(programme: Programme, claim: Claim, completion: Completion) -> NewRecord:
    return NewRecord(
        enrolment_id=claim.enrolment_id,
        component_key=claim.component_key,
        source=source_of(completion.id),
        title=claim.title,
        at=moment_of(programme, claim.completed_on),
        activity=ELSEWHERE,
        given_ms=claim.given_ms,
    )


def _rows(
    session: Session, *conditions: ColumnElement[bool], until: datetime | None = None, limit: int | None = None
) -> list[tuple[Vouched, str, str]]:
    """Completions with their last voucher (of a moment), the latest first, and their learners' login and name."""
    any_of = aliased(Voucher)
    latest = select(func.max(any_of.number)).where(any_of.completion_id == Completion.id)
    if until is not None:
        latest = latest.where(any_of.entered_at <= until)
    last = latest.correlate(Completion).scalar_subquery()
    learner = select(User.login, User.name, User.id.label("user_id")).subquery()
    rows = session.execute(
        select(Completion, Voucher, StudyRecord, User.name, learner.c.login, learner.c.name)
        .join(Enrolment, Enrolment.id == Completion.enrolment_id)
        .join(learner, learner.c.user_id == Enrolment.user_id)
        .join(Voucher, (Voucher.completion_id == Completion.id) & (Voucher.number == last))
        .join(User, User.id == Voucher.entered_by_id)
        .join(
            StudyRecord,
            (StudyRecord.enrolment_id == Completion.enrolment_id)
            & (StudyRecord.kind == ELSEWHERE)
            & (StudyRecord.source == literal(source_of("")) + cast(Completion.id, String)),
        )
        .where(*conditions)
        .order_by(Completion.id.desc())
        .limit(limit)
    )
    return [(Vouched(one, voucher, record, by), login, name) for one, voucher, record, by, login, name in rows]
