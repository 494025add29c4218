"""How much waits for somebody, for small figures beside links: one statement each, and no more than `MOST` counted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import ComponentKind
from lms_plugin.domain.school_activities import SCHOOL_APPROVED, SUBMITTED
from lms_plugin.services import access, dispute_access
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_signing import SIGNED
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment
from lms_plugin.storage.study import Coursework, Meeting, MeetingGroup, SchoolActivity, SignIn

MOST = 100
"""Whoever has this much to do need not know how much more there is."""


def homework(session: Session, actor: Actor) -> int:
    """Pieces of homework that a tutor has to mark."""
    return _count(
        session,
        select(Coursework.id)
        .join(Enrolment, Enrolment.id == Coursework.enrolment_id)
        .where(access.in_tutored_group(actor, Enrolment.class_group_id))
        .where(Coursework.kind == ComponentKind.HOMEWORK.value, Coursework.state == SUBMITTED),
    )


def proposals(session: Session, actor: Actor) -> int:
    """Disputes for which a tutor has yet to propose something."""
    return _count(
        session,
        select(Dispute.id)
        .join(Enrolment, Enrolment.id == Dispute.enrolment_id)
        .where(access.in_tutored_group(actor, Enrolment.class_group_id), Dispute.state == dispute_access.OPEN),
    )


def attendance_lists(session: Session, actor: Actor, now: datetime) -> int:
    """Meetings of a tutor that are over, with people on the list whom nobody has confirmed."""
    in_own_group = exists().where(
        MeetingGroup.meeting_id == Meeting.id, access.in_tutored_group(actor, MeetingGroup.class_group_id)
    )
    return _count(
        session,
        select(Meeting.id)
        .where(or_(Meeting.leader_id == actor.user_id, in_own_group))
        .where(Meeting.ends_at <= now, Meeting.state != "cancelled")
        .where(exists().where(SignIn.meeting_id == Meeting.id, SignIn.state == SIGNED)),
    )


def approvals(session: Session, actor: Actor) -> int:
    """School-based activities that an office admin can decide on next.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    as_county: ColumnElement[bool] = true()
    if scope.region_ids is not None:
        wanted = scope.region_ids
        below = or_(Region.province_id.in_(wanted), Region.city_id.in_(wanted), Region.county_id.in_(wanted))
        as_county = SchoolActivity.region_id.in_(select(Region.id).where(below))
    return _count(
        session,
        select(SchoolActivity.id)
        .where(
            or_(
                SchoolActivity.state == SUBMITTED,
                and_(SchoolActivity.state == SCHOOL_APPROVED, as_county),
            )
        )
        .where(access.in_scope(scope, SchoolActivity.region_id), SchoolActivity.user_id != actor.user_id),
    )


def nominations(session: Session) -> int:
    """Nominations that the whole programme office has to decide on."""
    return _count(session, select(Nomination.id).where(Nomination.state == "submitted"))


def decisions(session: Session, actor: Actor, now: datetime) -> int:
    """Disputes that an office admin can decide: proposed ones, and those whose tutor has no word, or no longer.

    Raises:
        NotAllowed: the person is no office admin.
    """
    tutored = exists().where(
        ClassGroupTutor.class_group_id == Enrolment.class_group_id,
        ClassGroupTutor.user_id == User.id,
        User.is_active,
    )
    without_tutor = and_(
        Dispute.state == dispute_access.OPEN,
        or_(Dispute.opened_at <= now - dispute_access.PROPOSED_WITHIN, ~tutored),
    )
    by_another = or_(Dispute.proposed_by_id.is_(None), Dispute.proposed_by_id != actor.user_id)
    return _count(
        session,
        select(Dispute.id)
        .join(Enrolment, Enrolment.id == Dispute.enrolment_id)
        .where(or_(Dispute.state == dispute_access.PROPOSED, without_tutor), by_another)
        .where(access.in_scope(access.office_scope(actor), Enrolment.region_id), Enrolment.user_id != actor.user_id),
    )


def _count(session: Session, waiting: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(waiting.distinct().limit(MOST).subquery())) or 0
