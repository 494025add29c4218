"""Who may see and do what: the one place where it is decided. What is not allowed here is denied.

Every object is reached through its owner: a function gives the object to a person who may have it, and raises
NotFound for one who may not, so that an id tells nobody anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, defer

from lms_plugin.domain.errors import NotAllowed, NotAuthenticated, NotFound
from lms_plugin.storage.activity import Thread
from lms_plugin.storage.admission import Nomination, Upload
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, ModuleRow, ProgrammeRow
from lms_plugin.storage.tutoring import Substitution

LEARNER, TUTOR, PROVIDER, OFFICE = "learner", "tutor", "provider", "office"
ROLES = (LEARNER, TUTOR, PROVIDER, OFFICE)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a region and all below it; `region_id` None means everywhere."""

    role: str
    region_id: int | None


@dataclass(frozen=True, slots=True)
class StandIn:
    """A class group in which somebody stands in for one of its tutors at this moment."""

    class_group_id: int
    tutor_id: int


@dataclass(frozen=True, slots=True)
class Actor:
    """The person a request or command acts for, at one moment: `stand_ins` are those of that moment."""

    user_id: int
    login: str
    name: str
    language: str
    grants: tuple[Grant, ...]
    stand_ins: tuple[StandIn, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(role for role in ROLES if any(grant.role == role for grant in self.grants))

    def has(self, role: str) -> bool:
        return any(grant.role == role for grant in self.grants)

    def stands_in_for(self, class_group_id: int | None) -> int | None:
        """The tutor of a class group whom the actor stands in for; None where they do not."""
        return next((one.tutor_id for one in self.stand_ins if one.class_group_id == class_group_id), None)


@dataclass(frozen=True, slots=True)
class Scope:
    """The regions an office admin answers for; `region_ids` None means all of them."""

    region_ids: tuple[int, ...] | None

    def covers(self, lineage: Sequence[int]) -> bool:
        """Whether a region with these ancestors (itself included) is inside."""
        return self.region_ids is None or any(one in self.region_ids for one in lineage)


def actor_of(session: Session, user_id: int, now: datetime | None = None) -> Actor:
    """The actor for a user, with the class groups in which they stand in for a tutor `now` (None: in none).

    Raises:
        NotAuthenticated: there is no such user, or the account is closed.
    """
    user = session.get(User, user_id)
    if user is None or not user.is_active:
        raise NotAuthenticated()
    grants = session.scalars(select(RoleGrant).where(RoleGrant.user_id == user_id).order_by(RoleGrant.id)).all()
    return Actor(
        user_id=user.id,
        login=user.login,
        name=user.name,
        language=user.language,
        grants=tuple(Grant(grant.role, grant.region_id) for grant in grants),
        stand_ins=_stand_ins(session, user_id, now) if any(grant.role == TUTOR for grant in grants) else (),
    )


def office_scope(actor: Actor) -> Scope:
    """What an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
    """
    regions = [grant.region_id for grant in actor.grants if grant.role == OFFICE]
    if not regions:
        raise NotAllowed(needs=OFFICE)
    return Scope(None if None in regions else tuple(region for region in regions if region is not None))


def require_whole_office(actor: Actor) -> None:
    """For what concerns every region at once, such as the LMS platforms.

    Raises:
        NotAllowed: the person is no office admin without limits of region.
    """
    if office_scope(actor).region_ids is not None:
        raise NotAllowed(needs=OFFICE)


def in_scope(scope: Scope, region_id: InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
    """An SQL condition: the region in this column is inside the scope."""
    if scope.region_ids is None:
        return true()
    wanted = scope.region_ids
    inside = select(Region.id).where(
        or_(
            Region.id.in_(wanted),
            Region.province_id.in_(wanted),
            Region.city_id.in_(wanted),
            Region.county_id.in_(wanted),
        )
    )
    return region_id.in_(inside)


def require_tutor(actor: Actor) -> None:
    """For what concerns any tutor.

    Raises:
        NotAllowed: the person is no tutor.
    """
    if not actor.has(TUTOR):
        raise NotAllowed(needs=TUTOR)


def in_tutored_group(actor: Actor, class_group_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """An SQL condition: the class group in this column is one that the actor tutors, or stands in for a tutor of."""
    if not actor.has(TUTOR):
        return false()
    own = select(ClassGroupTutor.class_group_id).where(ClassGroupTutor.user_id == actor.user_id)
    return or_(class_group_id.in_(own), class_group_id.in_([one.class_group_id for one in actor.stand_ins]))


def own_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """The actor's own enrolment.

    Raises:
        NotFound: it is not theirs, or there is none.
    """
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is None or enrolment.user_id != actor.user_id:
        raise NotFound(what="enrolment")
    return enrolment


def visible_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """An enrolment whose hours the actor may see: the learner's own, a tutor's learner, one in an admin's region.

    Raises:
        NotFound: none of these holds, or there is none.
    """
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is not None and (
        enrolment.user_id == actor.user_id
        or _tutors(session, actor, enrolment.class_group_id)
        or _answers_for(session, actor, enrolment.region_id)
    ):
        return enrolment
    raise NotFound(what="enrolment")


def tutored_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """An enrolment of a learner whose class group the actor tutors.

    Raises:
        NotFound: they don't, or there is none.
    """
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is None or not _tutors(session, actor, enrolment.class_group_id):
        raise NotFound(what="enrolment")
    return enrolment


def guided_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """An enrolment of a learner whom the actor tutors or answers for: with what the learner does not see of it.

    Raises:
        NotFound: they do neither, it is their own, or there is none.
    """
    enrolment = session.get(Enrolment, enrolment_id)
    if (
        enrolment is not None
        and enrolment.user_id != actor.user_id
        and (_tutors(session, actor, enrolment.class_group_id) or _answers_for(session, actor, enrolment.region_id))
    ):
        return enrolment
    raise NotFound(what="enrolment")


def office_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """An enrolment of a learner in a region the actor answers for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the region is not theirs, or there is no such enrolment.
    """
    office_scope(actor)
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is None or not _answers_for(session, actor, enrolment.region_id):
        raise NotFound(what="enrolment")
    return enrolment


def answers_for(session: Session, actor: Actor, region_id: int | None) -> bool:
    """Whether the actor is an office admin of a region or of anything above it; None is everywhere's own."""
    return _answers_for(session, actor, region_id)


def managed_enrolment(session: Session, actor: Actor, enrolment_id: int) -> Enrolment:
    """An enrolment that an office admin may change: of a learner in what they answer for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: the learner is elsewhere, or there is no such enrolment.
    """
    office_scope(actor)
    enrolment = session.get(Enrolment, enrolment_id)
    if enrolment is None or not _answers_for(session, actor, enrolment.region_id):
        raise NotFound(what="enrolment")
    return enrolment


def managed_region(session: Session, actor: Actor, code: str) -> Region:
    """The region with a code, where it is inside of what an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: it is elsewhere, or there is none.
    """
    scope = office_scope(actor)
    region = session.scalar(select(Region).where(Region.code == code))
    if region is None or not scope.covers(region.lineage):
        raise NotFound(what="region", region_code=code)
    return region


def managed_nomination(session: Session, actor: Actor, nomination_id: int) -> Nomination:
    """A nomination of a region that an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: it is another region's, or there is none.
    """
    office_scope(actor)
    nomination = session.get(Nomination, nomination_id)
    if nomination is None or not _answers_for(session, actor, nomination.region_id):
        raise NotFound(what="nomination")
    return nomination


def lock_programme(session: Session, programme_id: int) -> None:
    """Keep everybody else from deciding on a programme's places until the commit; learners notice nothing of it.

    Raises:
        NotFound: there is no such programme.
    """
    locked = select(ProgrammeRow.id).where(ProgrammeRow.id == programme_id).with_for_update(key_share=True)
    if session.scalar(locked) is None:
        raise NotFound(what="programme")


def tutors_enrolment(session: Session, actor: Actor, enrolment: Enrolment) -> bool:
    """Whether the actor tutors the class group of an enrolment."""
    return _tutors(session, actor, enrolment.class_group_id)


def standing_in(session: Session, class_group_id: int | None, now: datetime) -> list[int]:
    """Who stands in for a tutor of a class group at a moment, by id."""
    rows = session.execute(_at(now).where(Substitution.class_group_id == class_group_id))
    return [substitute_id for _group, _tutor, substitute_id in rows]


def tutors_group(session: Session, actor: Actor, class_group_id: int) -> bool:
    """Whether the actor tutors a class group, or stands in for a tutor of it."""
    return _tutors(session, actor, class_group_id)


def tutored_group(session: Session, actor: Actor, class_group_id: int) -> ClassGroup:
    """A class group the actor tutors.

    Raises:
        NotFound: they don't, or there is none.
    """
    group = session.get(ClassGroup, class_group_id)
    if group is None or not _tutors(session, actor, class_group_id):
        raise NotFound(what="class_group")
    return group


def tutored_groups(session: Session, actor: Actor) -> list[ClassGroup]:
    """All class groups the actor tutors, or stands in for a tutor of, by name.

    Raises:
        NotAllowed: the person is no tutor.
    """
    require_tutor(actor)
    own = in_tutored_group(actor, ClassGroup.id)
    return list(session.scalars(select(ClassGroup).where(own).order_by(ClassGroup.name, ClassGroup.id)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a programme somebody takes part: as a learner (with an enrolment) or as tutor of some groups."""

    module: ModuleRow
    enrolment: Enrolment | None
    class_group_ids: tuple[int | None, ...]
    """The groups whose threads the person sees; (None,) for a learner without a group."""


def place_in_module(session: Session, actor: Actor, module_id: int) -> Place:
    """The actor's place in a module.

    Raises:
        NotFound: the actor neither learns nor tutors in its programme, or there is none.
    """
    module = session.get(ModuleRow, module_id)
    if module is not None:
        enrolment = session.scalar(
            select(Enrolment).where(Enrolment.user_id == actor.user_id, Enrolment.programme_id == module.programme_id)
        )
        if enrolment is not None:
            return Place(module, enrolment, (enrolment.class_group_id,))
        if actor.has(TUTOR):
            groups = [one.id for one in tutored_groups(session, actor) if one.programme_id == module.programme_id]
            if groups:
                return Place(module, None, tuple(groups))
    raise NotFound(what="module")


def visible_thread(session: Session, actor: Actor, thread_id: int) -> tuple[Thread, Place]:
    """A thread the actor may read and write in: one of their own class group, or of a group they tutor.

    Raises:
        NotFound: it is another group's, or there is none.
    """
    thread = session.get(Thread, thread_id)
    if thread is not None:
        place = place_in_module(session, actor, thread.module_id)
        if thread.class_group_id in place.class_group_ids:
            return thread, place
    raise NotFound(what="thread")


def own_upload(session: Session, actor: Actor, upload_id: str) -> Upload:
    """A file that the actor uploaded, as an office admin that they still are.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: it is not theirs, or there is none.
    """
    office_scope(actor)
    # What it holds can be large, and most who look want to know what became of it only.
    upload = session.get(Upload, upload_id, options=[defer(Upload.body)])
    if upload is None or upload.user_id != actor.user_id:
        raise NotFound(what="upload")
    return upload


def _tutors(session: Session, actor: Actor, class_group_id: int | None) -> bool:
    if class_group_id is None or not actor.has(TUTOR):
        return False
    if actor.stands_in_for(class_group_id) is not None:
        return True
    return session.get(ClassGroupTutor, (class_group_id, actor.user_id)) is not None


def _stand_ins(session: Session, user_id: int, now: datetime | None) -> tuple[StandIn, ...]:
    """Where somebody stands in for a tutor at this moment."""
    if now is None:
        return ()
    rows = session.execute(_at(now).where(Substitution.substitute_id == user_id))
    return tuple(StandIn(group_id, tutor_id) for group_id, tutor_id, _substitute in rows)


def _at(now: datetime) -> Select[tuple[int, int, int]]:
    """(class group, tutor, substitute) of the substitutions of a moment; never for one who is no tutor any more."""
    still_tutors = and_(
        ClassGroupTutor.class_group_id == Substitution.class_group_id, ClassGroupTutor.user_id == Substitution.tutor_id
    )
    return (
        select(Substitution.class_group_id, Substitution.tutor_id, Substitution.substitute_id)
        .join(ClassGroupTutor, still_tutors)
        .where(Substitution.ended_at.is_(None), Substitution.starts_at <= now, Substitution.ends_at > now)
        .order_by(Substitution.id)
    )


def _answers_for(session: Session, actor: Actor, region_id: int | None) -> bool:
    if not actor.has(OFFICE):
        return False
    scope = office_scope(actor)
    if scope.region_ids is None:
        return True
    region = session.get(Region, region_id) if region_id is not None else None
    return region is not None and scope.covers(region.lineage)
