"""Meetings and people: who runs one, whom it is for. What is not allowed here is denied, as in services/access.py."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.modes import MEETING_KINDS
from lms_plugin.domain.programme import Component, Programme, Variant
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import OFFICE, TUTOR, Actor, Scope
from lms_plugin.storage.people import Region
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.study import Meeting, MeetingGroup


def run_meeting(session: Session, actor: Actor, meeting_id: int, *, locked: bool = False) -> Meeting:
    """A meeting that the actor runs: as leader, as tutor of every class group it is for, or as office of its region.

    It is read anew and held where it is asked for `locked`.

    Raises:
        NotFound: none of these holds, or there is no such meeting.
    """
    meeting = session.get(Meeting, meeting_id, with_for_update=locked or None, populate_existing=locked)
    if meeting is not None and (
        meeting.leader_id == actor.user_id
        or _tutors_all(session, actor, meeting)
        or _answers_for(session, actor, meeting)
    ):
        return meeting
    raise NotFound(what="meeting")


def attended_meeting(
    session: Session, actor: Actor, meeting_id: int, *, shared: bool = False
) -> tuple[Meeting, Enrolment]:
    """A meeting that the actor may attend, with the enrolment it is for.

    It is read anew and held in share where it is asked for `shared`: whoever changes it or its list waits, others who
    attend do not.

    Raises:
        NotFound: it is not for them, or there is none.
    """
    held = {"read": True} if shared else None
    meeting = session.get(Meeting, meeting_id, with_for_update=held, populate_existing=shared)
    if meeting is not None:
        enrolment = session.scalar(
            select(Enrolment).where(Enrolment.user_id == actor.user_id, takes_part(session, meeting))
        )
        if enrolment is not None:
            return meeting, enrolment
    raise NotFound(what="meeting")


def takes_part(session: Session, meeting: Meeting) -> ColumnElement[bool]:
    """An SQL condition: an enrolment is one of those that a meeting is for."""
    groups = groups_of(session, meeting.id)
    place: ColumnElement[bool] = true()
    if groups:
        place = Enrolment.class_group_id.in_(groups)
    elif meeting.region_id is not None:
        place = access.in_scope(Scope((meeting.region_id,)), Enrolment.region_id)
    component = component_of(session, meeting)
    return and_(
        Enrolment.programme_id == meeting.programme_id,
        Enrolment.state == "active",
        place,
        in_phases(component.for_phases if component is not None else ()),
    )


def in_phases(phases: Sequence[str]) -> ColumnElement[bool]:
    """An SQL condition: an enrolment is in one of these phases, or in none; no phases stand for every one."""
    if not phases:
        return true()
    without = (Enrolment.variant == "", Enrolment.variant.startswith("|"))
    return or_(*without, *(Enrolment.variant.startswith(f"{phase}|", autoescape=True) for phase in phases))


def groups_of(session: Session, meeting_id: int) -> list[int]:
    """The ids of the class groups that a meeting is for; none where it is for a region."""
    return list(
        session.scalars(
            select(MeetingGroup.class_group_id)
            .where(MeetingGroup.meeting_id == meeting_id)
            .order_by(MeetingGroup.class_group_id)
        )
    )


def programme_of(session: Session, meeting: Meeting) -> Programme:
    """The programme as it is in force when the meeting begins: the rules that judge it."""
    return catalogue.in_force(session, meeting.programme_id, meeting.starts_at).programme


def component_of(session: Session, meeting: Meeting) -> Component | None:
    """The component that a meeting counts for; None where the programme of its day has it no longer."""
    return programme_of(session, meeting).component(meeting.component_key)


def meeting_components(programme: Programme) -> list[Component]:
    """The components of a programme whose hours come from meetings."""
    return [one for one in programme.components if one.kind in MEETING_KINDS]


def is_for(enrolment: Enrolment, programme: Programme, component_key: str) -> bool:
    """Whether an enrolment's way of taking the programme has a component."""
    return programme.taken_as(Variant.read(enrolment.variant)).component(component_key) is not None


def _tutors_all(session: Session, actor: Actor, meeting: Meeting) -> bool:
    if not actor.has(TUTOR):
        return False
    groups = groups_of(session, meeting.id)
    tutored = select(func.count()).where(access.in_tutored_group(actor, ClassGroup.id), ClassGroup.id.in_(groups))
    return bool(groups) and session.scalar(tutored) == len(groups)


def _answers_for(session: Session, actor: Actor, meeting: Meeting) -> bool:
    if not actor.has(OFFICE):
        return False
    scope = access.office_scope(actor)
    if scope.region_ids is None:
        return True
    region = session.get(Region, meeting.region_id) if meeting.region_id is not None else None
    return region is not None and scope.covers(region.lineage)
