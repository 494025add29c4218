"""Disputes and people: whose one is, who may decide it. What is not allowed here is denied (services/access.py)."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotAllowed, NotFound
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment

OPEN, PROPOSED, ACCEPTED, REFUSED, WITHDRAWN = "open", "proposed", "accepted", "refused", "withdrawn"
UNDECIDED = (OPEN, PROPOSED)

PROPOSED_WITHIN = timedelta(days=7)
"""So long the tutor alone has the word; afterwards an admin may decide without it, so that nobody is stuck."""


def own_dispute(session: Session, actor: Actor, dispute_id: int, *, locked: bool = False) -> tuple[Dispute, Enrolment]:
    """A dispute that the actor opened.

    Raises:
        NotFound: somebody else did, or there is none.
    """
    dispute, enrolment = _dispute(session, dispute_id, locked)
    if enrolment.user_id != actor.user_id:
        raise NotFound(what="dispute")
    return dispute, enrolment


def tutored_dispute(
    session: Session, actor: Actor, dispute_id: int, *, locked: bool = False
) -> tuple[Dispute, Enrolment]:
    """A dispute of a learner whose class group the actor tutors.

    Raises:
        NotAllowed: the person is no tutor.
        NotFound: they don't, or there is none.
    """
    if not actor.has(access.TUTOR):
        raise NotAllowed(needs=access.TUTOR)
    dispute, enrolment = _dispute(session, dispute_id, locked)
    if not access.tutors_enrolment(session, actor, enrolment):
        raise NotFound(what="dispute")
    return dispute, enrolment


def office_dispute(
    session: Session, actor: Actor, dispute_id: int, *, locked: bool = False
) -> tuple[Dispute, Enrolment]:
    """A dispute of a learner in a region that the actor answers for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the region is not theirs, or there is no such dispute.
    """
    access.office_scope(actor)
    dispute, enrolment = _dispute(session, dispute_id, locked)
    if not access.answers_for(session, actor, enrolment.region_id):
        raise NotFound(what="dispute")
    return dispute, enrolment


def parties(session: Session, dispute: Dispute, enrolment: Enrolment) -> dict[int, str]:
    """Who is too close to a dispute to decide it, by user id, each with a code that says why.

    Not the learner, not who proposed, and nobody who judged the same thing before: who decided the entry in question,
    or an earlier dispute of it. An appeal that the same person decides again is none. An admin of any region above may.
    """
    found: dict[int, str] = {}
    if dispute.entry_number is not None:
        entry = session.get_one(CreditEntryRow, (dispute.enrolment_id, dispute.entry_number))
        earlier = select(Dispute.decided_by_id).where(
            Dispute.enrolment_id == dispute.enrolment_id,
            Dispute.entry_number == dispute.entry_number,
            Dispute.id != dispute.id,
        )
        judges = (entry.decided_by_id, *session.scalars(earlier))
        found = {one: "dispute_judged_by_you" for one in judges if one is not None}
    if dispute.proposed_by_id is not None:
        found[dispute.proposed_by_id] = "dispute_proposed_by_you"
    return found | {enrolment.user_id: "dispute_own"}


def waits_for_tutor(session: Session, dispute: Dispute, enrolment: Enrolment, now: datetime) -> bool:
    """Whether the tutor alone has the word: nothing is proposed, somebody could, and the time for it is not over."""
    if not is_tutors_turn(dispute, now):
        return False
    tutors = (
        select(ClassGroupTutor.user_id)
        .join(User, User.id == ClassGroupTutor.user_id)
        .where(ClassGroupTutor.class_group_id == enrolment.class_group_id, User.is_active)
    )
    return session.scalar(tutors.limit(1)) is not None


def is_tutors_turn(dispute: Dispute, now: datetime) -> bool:
    """Whether nothing is proposed yet and the time for it is not over."""
    return dispute.state == OPEN and now < dispute.opened_at + PROPOSED_WITHIN


def _dispute(session: Session, dispute_id: int, locked: bool) -> tuple[Dispute, Enrolment]:
    dispute = session.get(Dispute, dispute_id, with_for_update=locked or None, populate_existing=locked)
    if dispute is None:
        raise NotFound(what="dispute")
    return dispute, session.get_one(Enrolment, dispute.enrolment_id)
