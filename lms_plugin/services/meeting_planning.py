"""Planning meetings: a tutor for own class groups, an office for own regions, somebody of a school for its viewings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.links import LONGEST_LINK, is_safe_link
from lms_plugin.domain.modes import MEETING_KINDS, ComponentKind
from lms_plugin.domain.programme import MINUTE_MS, Component, Programme, Window
from lms_plugin.services import access, catalogue, meeting_notices, meetings, people
from lms_plugin.services.access import OFFICE, Actor
from lms_plugin.services.trail import MEETING_PLANNED, note_action
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ModuleRow, Video
from lms_plugin.storage.study import Meeting, MeetingGroup

MEDIA = ("satellite", "disc", "network")
LONGEST_TITLE = LONGEST_PLACE = 200
LONGEST = timedelta(hours=24)
LISTED_GROUPS = 200


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """A meeting about to be planned. `region_id` is where it takes place; without it, the least region that holds the
    learners of the groups. Without `leader_login` the planner leads it. `most_minutes` limits what it gives, `link` is
    where one comes in from afar.
    """

    programme_id: int
    component_key: str
    title: str
    starts_at: datetime
    ends_at: datetime
    place: str = ""
    group_ids: tuple[int, ...] = ()
    region_id: int | None = None
    module_id: int | None = None
    medium: str = ""
    leader_login: str = ""
    most_minutes: int | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a plan."""

    field: str
    code: str


def plan(session: Session, actor: Actor, new: NewMeeting, now: datetime) -> Meeting:
    """Plan a meeting: of class groups that the actor tutors, or in regions that the actor answers for.

    Raises:
        NotFound: a group, region or programme is not the actor's to plan for.
        Malformed: `meeting_malformed`, with `faults` that name every field and what is wrong with it.
    """
    if not new.group_ids and new.region_id is None and not _is_whole_office(actor):
        raise Malformed("meeting_malformed", faults=told([Fault("group_ids", "groups_missing")]))
    groups = [_group(session, actor, group_id, new.programme_id) for group_id in dict.fromkeys(new.group_ids)]
    if new.region_id is not None:
        _check_region(session, actor, new.region_id, of_groups=bool(groups))
    region_id = new.region_id
    if region_id is None and groups:
        region_id = _region_around(session, [one.id for one in groups])
    new = replace(new, group_ids=tuple(one.id for one in groups), region_id=region_id)
    return _kept(session, actor, new, _leader(session, actor, new), now)


def open_viewing(session: Session, actor: Actor, new: NewMeeting, now: datetime) -> Meeting:
    """Plan a group viewing for the learners of the actor's own school, led by the actor.

    Whoever teaches or works at the school may, and its office. `group_ids` and `leader_login` are not asked for.

    Raises:
        NotFound: the actor has no school, or nobody of it is enrolled in the programme.
        Malformed: `meeting_malformed`.
    """
    school_id = school_of(session, actor)
    enrolled = select(Enrolment.id).where(
        Enrolment.programme_id == new.programme_id, Enrolment.region_id == school_id, Enrolment.state == "active"
    )
    if school_id is None or session.scalar(enrolled.limit(1)) is None:
        raise NotFound(what="programme")
    new = replace(new, group_ids=(), region_id=school_id)
    return _kept(session, actor, new, session.get_one(User, actor.user_id), now, only=ComponentKind.GROUP_VIEWING)


def school_of(session: Session, actor: Actor) -> int | None:
    """The school where somebody teaches, works, or is the office; None where there is none."""
    offices = [one.region_id for one in actor.grants if one.role == OFFICE]
    for region_id in (session.get_one(User, actor.user_id).region_id, *offices):
        region = session.get(Region, region_id) if region_id is not None else None
        if region is not None and region.level == "school":
            return region.id
    return None


def viewing_programmes(session: Session, actor: Actor, now: datetime) -> list[catalogue.InForce]:
    """The programmes that the learners of the actor's school can view together."""
    school_id = school_of(session, actor)
    if school_id is None:
        return []
    taken = select(Enrolment.programme_id).where(Enrolment.region_id == school_id, Enrolment.state == "active")
    found = [catalogue.in_force(session, one, now) for one in sorted(set(session.scalars(taken.distinct())))]
    return [one for one in found if one.programme.component_of(ComponentKind.GROUP_VIEWING) is not None]


def groups_in_scope(session: Session, actor: Actor, programme_id: int) -> list[ClassGroup]:
    """The class groups of a programme, by name, whose learners are all in the regions an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    groups = select(ClassGroup).where(ClassGroup.programme_id == programme_id)
    if scope.region_ids is not None:
        learns = exists().where(Enrolment.class_group_id == ClassGroup.id, Enrolment.state == "active")
        inside = access.in_scope(scope, Enrolment.region_id)
        groups = groups.where(learns.where(inside), ~learns.where(or_(~inside, Enrolment.region_id.is_(None))))
    return list(session.scalars(groups.order_by(ClassGroup.name, ClassGroup.id).limit(LISTED_GROUPS)))


def _kept(
    session: Session,
    actor: Actor,
    new: NewMeeting,
    leader: User | None,
    now: datetime,
    *,
    only: ComponentKind | None = None,
) -> Meeting:
    programme = catalogue.in_force(session, new.programme_id, new.starts_at).programme
    component = programme.component(new.component_key)
    faults = faults_of(new, programme, component, only)
    if leader is None:
        faults.append(Fault("leader_login", "leader_unknown"))
    film_minutes = None
    if new.module_id is not None and component is not None and component.kind is ComponentKind.GROUP_VIEWING:
        module = session.get(ModuleRow, new.module_id)
        if module is None or module.programme_id != new.programme_id:
            faults.append(Fault("module_id", "module_unknown"))
        else:
            film_minutes = _film_minutes(session, programme, module)
    if faults or component is None or leader is None:
        raise Malformed("meeting_malformed", faults=told(faults))
    is_viewing = component.kind is ComponentKind.GROUP_VIEWING
    meeting = Meeting(
        programme_id=new.programme_id,
        component_key=component.key,
        kind=component.kind.value,
        medium=new.medium if is_viewing else "",
        title=new.title.strip(),
        place=new.place.strip(),
        link=new.link.strip(),
        region_id=new.region_id,
        module_id=new.module_id if is_viewing else None,
        leader_id=leader.id,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        # Nobody has seen more of a film than there is of it, however long the machine was being set up.
        most_minutes=film_minutes if new.most_minutes is None else new.most_minutes,
        created_by_id=actor.user_id,
        created_at=now,
    )
    session.add(meeting)
    session.flush()
    session.add_all(MeetingGroup(meeting_id=meeting.id, class_group_id=one) for one in new.group_ids)
    session.flush()
    for group_id in new.group_ids:
        about = meetings.source_of(meeting.id)
        note_action(session, actor, MEETING_PLANNED, about, None, now, class_group_id=group_id, title=meeting.title)
    meeting_notices.planned(session, meeting, by_id=actor.user_id, now=now)
    return meeting


def faults_of(
    new: NewMeeting, programme: Programme, component: Component | None, only: ComponentKind | None = None
) -> list[Fault]:
    """What is wrong with a plan, field by field, under the programme that is in force on its day."""
    faults = []
    if component is None or component.kind not in MEETING_KINDS or (only is not None and component.kind is not only):
        faults.append(Fault("component_key", "component_unknown"))
    if not new.title.strip():
        faults.append(Fault("title", "title_missing"))
    elif len(new.title.strip()) > LONGEST_TITLE:
        faults.append(Fault("title", "title_too_long"))
    if len(new.place.strip()) > LONGEST_PLACE:
        faults.append(Fault("place", "place_too_long"))
    elif not new.place.strip() and component is not None and component.kind is not ComponentKind.QNA:
        faults.append(Fault("place", "place_missing"))
    if new.link.strip() and not is_safe_link(new.link.strip()):
        too_long = len(new.link.strip()) > LONGEST_LINK
        faults.append(Fault("link", "link_too_long" if too_long else "link_malformed"))
    if new.ends_at <= new.starts_at:
        faults.append(Fault("ends_at", "ends_before_start"))
    elif new.ends_at - new.starts_at > LONGEST:
        faults.append(Fault("ends_at", "lasts_too_long"))
    elif not any(one.contains(new.starts_at) and new.ends_at <= one.closes_at for one in _windows(programme)):
        faults.append(Fault("starts_at", "outside_window"))
    if new.most_minutes is not None and not 1 <= new.most_minutes <= LONGEST // timedelta(minutes=1):
        faults.append(Fault("most_minutes", "most_minutes_malformed"))
    if component is not None and component.kind is ComponentKind.GROUP_VIEWING and new.medium not in MEDIA:
        faults.append(Fault("medium", "medium_unknown"))
    return faults


def _windows(programme: Programme) -> list[Window]:
    """The programme's window, and those of its phases and tiers that have their own."""
    whole = programme.window
    return [whole] + [
        Window(one.opens_on or whole.opens_on, one.closes_on or whole.closes_on, whole.timezone)
        for one in (*programme.phases, *programme.tiers)
    ]


def told(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as a refusal carries them."""
    return [{"field": one.field, "code": one.code} for one in faults]


def _group(session: Session, actor: Actor, group_id: int, programme_id: int) -> ClassGroup:
    group = session.get(ClassGroup, group_id)
    if group is not None and group.programme_id == programme_id:
        if access.tutors_group(session, actor, group.id):
            return group
        around = _region_around(session, [group.id])
        if _is_whole_office(actor) or (around is not None and _answers_for(session, actor, around)):
            return group
    raise NotFound(what="class_group")


def _check_region(session: Session, actor: Actor, region_id: int, *, of_groups: bool) -> None:
    """A meeting of class groups may take place anywhere; one for a region is planned by its office only."""
    known = session.get(Region, region_id) is not None
    if not known or not (of_groups or _answers_for(session, actor, region_id)):
        raise NotFound(what="region")


def _answers_for(session: Session, actor: Actor, region_id: int) -> bool:
    return actor.has(OFFICE) and access.office_scope(actor).covers(session.get_one(Region, region_id).lineage)


def _is_whole_office(actor: Actor) -> bool:
    return actor.has(OFFICE) and access.office_scope(actor).region_ids is None


def _region_around(session: Session, group_ids: Sequence[int]) -> int | None:
    """The least region that holds all learners of class groups; None where there is none, or nobody is in them."""
    regions = session.scalars(
        select(Region).where(
            Region.id.in_(
                select(Enrolment.region_id).where(Enrolment.class_group_id.in_(group_ids), Enrolment.state == "active")
            )
        )
    ).all()
    shared: list[int] = list(regions[0].lineage) if regions else []
    for region in regions[1:]:
        shared = [one for one in shared if one in region.lineage]
    return shared[-1] if shared else None


def _leader(session: Session, actor: Actor, new: NewMeeting) -> User | None:
    """Who is to lead a meeting: the planner, or a tutor or learner of its groups, or somebody in the planner's regions.

    Others are as unknown as logins that nobody has: a plan tells nobody who has an account.
    """
    if not new.leader_login.strip():
        return session.get_one(User, actor.user_id)
    try:
        leader = people.user_by_login(session, new.leader_login.strip())
    except NotFound:
        return None
    if leader.id == actor.user_id or leader.id in meetings.tutors_of(session, new.group_ids):
        return leader
    learns = select(Enrolment.id).where(Enrolment.user_id == leader.id, Enrolment.class_group_id.in_(new.group_ids))
    if session.scalar(learns.limit(1)) is not None:
        return leader
    if _is_whole_office(actor) or (leader.region_id is not None and _answers_for(session, actor, leader.region_id)):
        return leader
    return None


def _film_minutes(session: Session, programme: Programme, module: ModuleRow) -> int | None:
    length_ms = session.scalar(select(Video.duration_ms).where(Video.module_id == module.id, Video.is_current))
    if length_ms is not None:
        return -(-length_ms // MINUTE_MS)
    declared = next((one for one in programme.modules if one.key == module.key), None)
    return declared.awaited_minutes if declared is not None else None
