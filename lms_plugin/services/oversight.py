"""What a person sees first: a learner the enrolments and how far each film is, a tutor how each class group does."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.hours import Hours
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import Module, Programme, Window
from lms_plugin.services import access, catalogue, hours, pace
from lms_plugin.services.access import Actor
from lms_plugin.services.pace import Keeping
from lms_plugin.services.standings import standings
from lms_plugin.storage.activity import Coverage, PlaybackSession, Post
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow, Video


class WindowState(StrEnum):
    """Where the present lies, seen from a programme's window."""

    NOT_OPEN = "not_open"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ModuleProgress:
    """A module and how far its film is: `covered_ratio` 0..1, four decimals; None without a film."""

    id: int
    module: Module
    video: Video | None
    covered_ms: int
    covered_ratio: Decimal | None


@dataclass(frozen=True, slots=True)
class EnrolmentOverview:
    """One of a learner's enrolments. `is_complete` holds for good once the requirements were met."""

    id: int
    programme: Programme
    window_state: WindowState
    class_group_id: int | None
    class_group_name: str | None
    modules: tuple[ModuleProgress, ...]
    hours: Hours
    completion: Completion
    completed_at: datetime | None

    @property
    def window(self) -> Window:
        return self.programme.window

    @property
    def completion_ratio(self) -> Decimal:
        return self.completion.ratio

    @property
    def is_complete(self) -> bool:
        return self.completed_at is not None or self.completion.complete


@dataclass(frozen=True, slots=True)
class LearnerOverview:
    """A learner as the tutor sees one. `last_activity_at` is the last word from the player or the last post."""

    enrolment_id: int
    user_id: int
    login: str
    name: str
    region_name: str | None
    hours: Hours
    completion_ratio: Decimal
    completed_at: datetime | None
    is_complete: bool
    keeping: Keeping
    last_activity_at: datetime | None
    posts: int
    counting_posts: int

    @property
    def class_hours(self) -> Decimal:
        return self.hours.total.credited_class_hours

    @property
    def has_started(self) -> bool:
        """Whether anything counts yet: the same line that reports draw."""
        return self.is_complete or self.hours.total.counted_ms > 0


@dataclass(frozen=True, slots=True)
class GroupOverview:
    """A class group with its learners, by name."""

    id: int
    name: str
    programme: Programme
    learners: tuple[LearnerOverview, ...]

    @property
    def not_started(self) -> tuple[LearnerOverview, ...]:
        return tuple(learner for learner in self.learners if not learner.has_started)

    @property
    def complete(self) -> tuple[LearnerOverview, ...]:
        return tuple(learner for learner in self.learners if learner.is_complete)


def own_enrolments(session: Session, actor: Actor) -> list[Enrolment]:
    """The actor's own enrolments, by programme key."""
    return list(
        session.scalars(
            select(Enrolment)
            .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
            .where(Enrolment.user_id == actor.user_id)
            .order_by(ProgrammeRow.key)
        )
    )


def enrolments_of(session: Session, actor: Actor, now: datetime) -> list[EnrolmentOverview]:
    """The actor's own enrolments with their modules and films, by programme key."""
    return [_overview(session, enrolment, now) for enrolment in own_enrolments(session, actor)]


def group_overview(session: Session, actor: Actor, class_group_id: int, now: datetime) -> GroupOverview:
    """A class group that the actor tutors, with how each of its learners does; whoever has withdrawn is left out.

    Callers settle what was watched first (`standings.settle_class_group`), so that no minute is missing.

    Raises:
        NotFound: the actor does not tutor the group, or there is none.
    """
    group = access.tutored_group(session, actor, class_group_id)
    current = catalogue.in_force(session, group.programme_id, now)
    rows = session.execute(
        select(
            Enrolment.id,
            Enrolment.user_id,
            Enrolment.variant,
            Enrolment.completed_at,
            User.login,
            User.name,
            Region.name,
        )
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Region, Region.id == Enrolment.region_id)
        .where(
            Enrolment.programme_id == group.programme_id,
            Enrolment.class_group_id == group.id,
            Enrolment.state == "active",
        )
        .order_by(User.name, User.login)
    ).all()
    reckoned = standings(session, current, [row[0] for row in rows])
    played = _last_played(session, group)
    wrote = _posts(session, group)
    learners = []
    for enrolment_id, user_id, variant, completed_at, login, name, region_name in rows:
        standing = reckoned[enrolment_id]
        is_complete = completed_at is not None or standing.completion.complete
        posts, counting_posts, last_post_at = wrote.get(enrolment_id, (0, 0, None))
        instants = [at for at in (played.get(enrolment_id), last_post_at) if at is not None]
        learners.append(
            LearnerOverview(
                enrolment_id=enrolment_id,
                user_id=user_id,
                login=login,
                name=name,
                region_name=region_name,
                hours=standing.hours,
                completion_ratio=standing.completion.ratio,
                completed_at=completed_at,
                is_complete=is_complete,
                keeping=pace.of_standing(
                    catalogue.taken_as(current, variant).programme, standing, now, is_complete=is_complete
                ),
                last_activity_at=max(instants, default=None),
                posts=posts,
                counting_posts=counting_posts,
            )
        )
    return GroupOverview(group.id, group.name, current.programme, tuple(learners))


def _overview(session: Session, enrolment: Enrolment, now: datetime) -> EnrolmentOverview:
    current = catalogue.for_enrolment(session, enrolment, now)
    found = hours.read(session, enrolment, now)
    group = session.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
    covered = dict(
        session.execute(select(Coverage.video_id, Coverage.covered_ms).where(Coverage.enrolment_id == enrolment.id))
        .tuples()
        .all()
    )
    modules = []
    for one in catalogue.modules_of(session, current, enrolment.id):
        covered_ms = covered.get(one.video.id, 0) if one.video is not None else 0
        ratio = completion.ratio_of(covered_ms, one.video.duration_ms) if one.video is not None else None
        modules.append(ModuleProgress(one.id, one.module, one.video, covered_ms, ratio))
    return EnrolmentOverview(
        id=enrolment.id,
        programme=current.programme,
        window_state=_window_state(current.programme.window, now),
        class_group_id=enrolment.class_group_id,
        class_group_name=group.name if group is not None else None,
        modules=tuple(modules),
        hours=found.hours,
        completion=found.completion,
        completed_at=enrolment.completed_at,
    )


def _window_state(window: Window, now: datetime) -> WindowState:
    if now < window.opens_at:
        return WindowState.NOT_OPEN
    return WindowState.OPEN if now < window.closes_at else WindowState.CLOSED


def _last_played(session: Session, group: ClassGroup) -> dict[int, datetime]:
    rows = session.execute(
        select(PlaybackSession.enrolment_id, func.max(PlaybackSession.last_contact_at))
        .join(Enrolment, Enrolment.id == PlaybackSession.enrolment_id)
        .where(Enrolment.programme_id == group.programme_id, Enrolment.class_group_id == group.id)
        .group_by(PlaybackSession.enrolment_id)
    )
    return dict(rows.tuples().all())


def _posts(session: Session, group: ClassGroup) -> dict[int, tuple[int, int, datetime]]:
    """(posts, counting posts, instant of the last one) by enrolment."""
    rows = session.execute(
        select(
            Enrolment.id,
            func.count(),
            func.sum(case((and_(Post.counts, Post.mark != Mark.VOID), 1), else_=0)),
            func.max(Post.created_at),
        )
        .join(Post, and_(Post.enrolment_id == Enrolment.id, Post.taken_back_at.is_(None)))
        .where(Enrolment.programme_id == group.programme_id, Enrolment.class_group_id == group.id)
        .group_by(Enrolment.id)
    )
    return {enrolment_id: (posts, int(counting), last_at) for enrolment_id, posts, counting, last_at in rows}
