"""Disputes as people see them: a learner's own, those of a tutor's groups, those of an admin's regions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Programme
from lms_plugin.services import access, catalogue, dispute_access
from lms_plugin.services.access import Actor
from lms_plugin.services.dispute_access import PROPOSED_WITHIN, UNDECIDED
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment


@dataclass(frozen=True, slots=True)
class ShownDispute:
    """A dispute with the names around it; `entry` is what it is about (None: something that is missing).

    `waits_until` says up to when the tutor alone has the word (None: no longer, or nobody to wait for).
    """

    row: Dispute
    entry: CreditEntryRow | None
    programme: Programme
    learner_name: str
    class_group_name: str | None
    proposed_by: str | None
    decided_by: str | None
    waits_until: datetime | None

    @property
    def is_undecided(self) -> bool:
        return self.row.state in UNDECIDED


def of_enrolment(session: Session, enrolment: Enrolment, now: datetime) -> list[ShownDispute]:
    """All disputes of an enrolment, newest first; the caller has checked who may see them."""
    rows = session.scalars(select(Dispute).where(Dispute.enrolment_id == enrolment.id).order_by(Dispute.id.desc()))
    return _shown(session, rows.all(), now)


def of_tutor(
    session: Session, actor: Actor, now: datetime, *, undecided: bool, beyond: int = 0, limit: int = 50
) -> list[ShownDispute]:
    """Disputes of the learners of a tutor's class groups: undecided ones oldest first, decided ones newest first.

    Those beyond the id `beyond` in that order (0: from the beginning), at most `limit`.

    Raises:
        NotAllowed: the person is no tutor.
    """
    groups = [one.id for one in access.tutored_groups(session, actor)]
    return _listed(session, Enrolment.class_group_id.in_(groups), now, undecided, beyond, limit)


def of_office(
    session: Session, actor: Actor, now: datetime, *, undecided: bool, beyond: int = 0, limit: int = 50
) -> list[ShownDispute]:
    """Disputes of the learners in an admin's regions, in the same order.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    return _listed(session, access.in_scope(scope, Enrolment.region_id), now, undecided, beyond, limit)


def shown(session: Session, dispute: Dispute, now: datetime) -> ShownDispute:
    """One dispute that the caller may show."""
    return _shown(session, [dispute], now)[0]


def open_numbers(session: Session, enrolment_id: int) -> set[int]:
    """The numbers of the entries of an enrolment that an undecided dispute is about."""
    found = select(Dispute.entry_number).where(
        Dispute.enrolment_id == enrolment_id, Dispute.state.in_(UNDECIDED), Dispute.entry_number.is_not(None)
    )
    return {one for one in session.scalars(found) if one is not None}


def _listed(
    session: Session, whose: ColumnElement[bool], now: datetime, undecided: bool, beyond: int, limit: int
) -> list[ShownDispute]:
    query = select(Dispute).join(Enrolment, Enrolment.id == Dispute.enrolment_id).where(whose)
    if undecided:
        query = query.where(Dispute.state.in_(UNDECIDED), Dispute.id > beyond).order_by(Dispute.id)
    else:
        query = query.where(Dispute.state.not_in(UNDECIDED)).order_by(Dispute.id.desc())
        if beyond:
            query = query.where(Dispute.id < beyond)
    return _shown(session, session.scalars(query.limit(limit)).all(), now)


def _shown(session: Session, rows: Sequence[Dispute], now: datetime) -> list[ShownDispute]:
    if not rows:
        return []
    enrolments = {
        one.id: one
        for one in session.scalars(select(Enrolment).where(Enrolment.id.in_({row.enrolment_id for row in rows})))
    }
    wanted = {one.user_id for one in enrolments.values()}
    wanted |= {one for row in rows for one in (row.proposed_by_id, row.decided_by_id) if one is not None}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(wanted))).tuples().all())
    groups = _groups(session, {one.class_group_id for one in enrolments.values()})
    tutored = _tutored(session, groups)
    programmes: dict[tuple[int, str], Programme] = {}
    found = []
    for row in rows:
        enrolment = enrolments[row.enrolment_id]
        taken = (enrolment.programme_id, enrolment.variant)
        if taken not in programmes:
            programmes[taken] = catalogue.for_enrolment(session, enrolment, now).programme
        waits = enrolment.class_group_id in tutored and dispute_access.is_tutors_turn(row, now)
        found.append(
            ShownDispute(
                row=row,
                entry=_entry(session, row),
                programme=programmes[taken],
                learner_name=names[enrolment.user_id],
                class_group_name=groups.get(enrolment.class_group_id or 0),
                proposed_by=names.get(row.proposed_by_id or 0),
                decided_by=names.get(row.decided_by_id or 0),
                waits_until=row.opened_at + PROPOSED_WITHIN if waits else None,
            )
        )
    return found


def _groups(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    wanted = [one for one in ids if one is not None]
    rows = session.execute(select(ClassGroup.id, ClassGroup.name).where(ClassGroup.id.in_(wanted)))
    return dict(rows.tuples().all())


def _tutored(session: Session, groups: Iterable[int]) -> set[int]:
    """Which of these class groups have a tutor."""
    rows = session.scalars(
        select(ClassGroupTutor.class_group_id)
        .join(User, User.id == ClassGroupTutor.user_id)
        .where(ClassGroupTutor.class_group_id.in_(list(groups)), User.is_active)
    )
    return set(rows)


def _entry(session: Session, row: Dispute) -> CreditEntryRow | None:
    return None if row.entry_number is None else session.get(CreditEntryRow, (row.enrolment_id, row.entry_number))
