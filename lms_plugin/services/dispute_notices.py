"""Who is told what of a dispute: the tutors of the class group, the nearest office, and the learner."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.services import access, notices
from lms_plugin.services.access import OFFICE
from lms_plugin.services.dispute_access import parties
from lms_plugin.services.notices import NewNotice
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment


def opened(session: Session, dispute: Dispute, enrolment: Enrolment, now: datetime) -> None:
    """Tell the tutors, and who stands in for one of them; the office where there are none."""
    tutors = tutors_of(session, enrolment)
    if tutors:
        substitutes = access.standing_in(session, enrolment.class_group_id, now)
        _tell(session, [*tutors, *substitutes], "dispute_opened", dispute, _tutor(dispute), now)
    else:
        _tell(session, nearest_office(session, dispute, enrolment), "dispute_opened", dispute, _office(dispute), now)


def proposed(session: Session, dispute: Dispute, enrolment: Enrolment, now: datetime) -> None:
    """Tell the learner, and the office that it can decide."""
    _tell(session, [enrolment.user_id], "dispute_proposed", dispute, _own(dispute), now)
    _tell(session, nearest_office(session, dispute, enrolment), "dispute_to_decide", dispute, _office(dispute), now)


def decided(session: Session, dispute: Dispute, enrolment: Enrolment, now: datetime) -> None:
    """Tell the learner and the tutors."""
    kind = f"dispute_{dispute.state}"
    _tell(session, [enrolment.user_id], kind, dispute, _own(dispute), now)
    _tell(session, tutors_of(session, enrolment), kind, dispute, _tutor(dispute), now)


def withdrawn(session: Session, dispute: Dispute, enrolment: Enrolment, now: datetime) -> None:
    """Tell those who had been told of it."""
    _tell(session, tutors_of(session, enrolment), "dispute_withdrawn", dispute, _tutor(dispute), now)
    if dispute.proposed_at is not None:
        _tell(session, nearest_office(session, dispute, enrolment), "dispute_withdrawn", dispute, _office(dispute), now)


def tutors_of(session: Session, enrolment: Enrolment) -> list[int]:
    """Who tutors a learner's class group."""
    return list(
        session.scalars(
            select(ClassGroupTutor.user_id)
            .join(User, User.id == ClassGroupTutor.user_id)
            .where(ClassGroupTutor.class_group_id == enrolment.class_group_id, User.is_active)
            .order_by(ClassGroupTutor.user_id)
        )
    )


def nearest_office(session: Session, dispute: Dispute, enrolment: Enrolment) -> list[int]:
    """The admins of the smallest region around a learner that has any who may decide: everybody above could as well,
    and a whole province told of every dispute would soon read none."""
    without = parties(session, dispute, enrolment)
    region = session.get(Region, enrolment.region_id) if enrolment.region_id is not None else None
    lineage: Sequence[int | None] = (*reversed(region.lineage), None) if region is not None else (None,)
    rows = session.execute(
        select(RoleGrant.region_id, RoleGrant.user_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(RoleGrant.role == OFFICE, User.is_active)
        .where(RoleGrant.region_id.in_([one for one in lineage if one is not None]) | RoleGrant.region_id.is_(None))
        .order_by(RoleGrant.user_id)
    ).all()
    for wanted in lineage:
        found = [user_id for region_id, user_id in rows if region_id == wanted and user_id not in without]
        if found:
            return found
    return []


def _own(dispute: Dispute) -> str:
    return f"/enrolments/{dispute.enrolment_id}/disputes"


def _tutor(dispute: Dispute) -> str:
    return f"/tutor/disputes/{dispute.id}"


def _office(dispute: Dispute) -> str:
    return f"/office/disputes/{dispute.id}"


def _tell(session: Session, user_ids: Sequence[int], kind: str, dispute: Dispute, address: str, now: datetime) -> None:
    about = f"dispute/{dispute.id}"
    notices.tell_many(session, [NewNotice(one, kind, about, address=address) for one in user_ids], now)
