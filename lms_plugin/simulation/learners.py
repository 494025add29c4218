"""The learners of a simulated class group: who they are, how they study, and how far each has come."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Component, Programme, Variant, Window
from lms_plugin.services import catalogue
from lms_plugin.services.access import LEARNER, OFFICE, TUTOR, Actor, Grant
from lms_plugin.services.catalogue import InForce
from lms_plugin.simulation import behaviour
from lms_plugin.simulation.aims import Aims, aims_of
from lms_plugin.simulation.behaviour import Habits
from lms_plugin.simulation.world import SimulatedGroup
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, Video


@dataclass(slots=True)
class Learner:
    """One learner; `done_ms` is what counts of each component, as far as the learner knows."""

    actor: Actor
    enrolment_id: int
    habits: Habits
    aims: Aims
    done_ms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    film: int = 0
    film_at_ms: int = 0
    posts: int = 0
    has_left: bool = False

    def wants_ms(self, component: Component, passed: float) -> int:
        """What the learner still means to do of a component when a share of the time has passed."""
        if self.has_left or not self.habits.goes_on(passed):
            return 0
        aim = self.aims.of(component)
        if component.study.credit_class_hours is None:
            aim = int(aim * self.habits.zeal)
        return max(0, int(aim * self.habits.share_by(passed)) - self.done_ms[component.key])


@dataclass(frozen=True, slots=True)
class Film:
    """A film of the programme, in its order."""

    module_id: int
    video_id: int
    duration_ms: int


@dataclass(slots=True)
class Course:
    """A class group on its way through a programme."""

    group: SimulatedGroup
    current: InForce
    learners: list[Learner]
    films: list[Film]
    module_ids: list[int]
    aims: dict[bool, Aims]
    chance: random.Random
    tutor: Actor
    office: Actor
    examiner: Actor

    @property
    def programme(self) -> Programme:
        """The programme as these learners take it."""
        return self.current.programme

    @property
    def window(self) -> Window:
        return self.programme.window

    def most_ms(self, component: Component) -> int:
        """The most that anybody aims at."""
        return max(one.of(component) for one in self.aims.values())

    def passed(self, now: datetime) -> float:
        """What share of the window has passed, 0 to 1."""
        whole = (self.window.closes_at - self.window.opens_at).total_seconds()
        return min(1.0, max(0.0, (now - self.window.opens_at).total_seconds() / whole))


def course_of(session: Session, programme_id: int, group: SimulatedGroup, seed: int) -> Course:
    """A class group with its learners as they were enrolled; habits follow from the seed and the group."""
    rows = session.execute(
        select(Enrolment.id, Enrolment.enrolled_at, Enrolment.variant, User.id, User.login, User.name)
        .join(User, User.id == Enrolment.user_id)
        .where(Enrolment.programme_id == programme_id, Enrolment.class_group_id == group.class_group_id)
        .order_by(Enrolment.id)
    ).all()
    _, enrolled_at, variant, *_ = rows[0]
    plain = catalogue.in_force(session, programme_id, enrolled_at)
    current = InForce(plain.id, plain.version, plain.programme.taken_as(Variant.read(variant)), variant)
    modules = catalogue.modules_of(session, current, None)
    films = [Film(one.id, one.video.id, one.video.duration_ms) for one in modules if isinstance(one.video, Video)]
    chance = random.Random(f"{current.programme.key} {group.class_group_id} {seed}")
    films_ms = sum(one.duration_ms for one in films)
    aims = {has_line: aims_of(current.programme, films_ms, has_line=has_line) for has_line in (True, False)}
    learners = []
    for enrolment_id, _, _, user_id, login, name in rows:
        habits = behaviour.draw(chance)
        actor = Actor(user_id, login, name, "zh", (Grant(LEARNER, None),))
        learners.append(Learner(actor, enrolment_id, habits, aims[habits.has_line]))
    return Course(
        group=group,
        current=current,
        learners=learners,
        films=films,
        module_ids=[one.id for one in modules],
        aims=aims,
        chance=chance,
        tutor=_somebody(group.tutor_id, TUTOR),
        office=_somebody(group.office_id, OFFICE),
        examiner=_somebody(group.examiner_id, OFFICE),
    )


def _somebody(user_id: int, role: str) -> Actor:
    return Actor(user_id, f"#{user_id}", f"#{user_id}", "zh", (Grant(role, None),))
