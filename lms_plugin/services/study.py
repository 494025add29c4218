"""Studying: what a learner's pages show of an enrolment besides its hours."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import Module
from lms_plugin.domain.watching import Stretch, Terms
from lms_plugin.services import catalogue, film_standing
from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, Video


@dataclass(frozen=True, slots=True)
class StudyModule:
    """A module as one learner has it: the film they get and what of it is counted; milliseconds of the film."""

    id: int
    module: Module
    video: Video | None
    covered: Segments = ()
    resume_at_ms: int = 0
    held: tuple[Stretch, ...] = ()
    withheld: tuple[Stretch, ...] = ()

    @property
    def covered_ms(self) -> int:
        return intervals.length(self.covered)

    @property
    def only_withheld(self) -> tuple[Stretch, ...]:
        """What is withheld and not held as well: each stretch has one reason."""
        held = intervals.merge((one.from_ms, one.to_ms) for one in self.held)
        return tuple(
            Stretch(start, end, one.reason)
            for one in self.withheld
            for start, end in intervals.subtract(((one.from_ms, one.to_ms),), held)
        )

    @property
    def is_whole(self) -> bool:
        return self.video is not None and self.covered_ms >= self.video.duration_ms


def modules(session: Session, current: InForce, enrolment: Enrolment) -> list[StudyModule]:
    """The modules of an enrolment in the programme's order."""
    terms = Terms.of(current.programme)
    found = []
    for one in catalogue.modules_of(session, current, enrolment.id):
        video = one.video
        begun = film_standing.standing_of(session, enrolment.id, video.id, terms) if video is not None else None
        if video is None or begun is None:
            found.append(StudyModule(one.id, one.module, video))
            continue
        resume_at_ms = film_standing.resume_at(begun.position_ms, begun.covered, video.duration_ms)
        found.append(StudyModule(one.id, one.module, video, begun.covered, resume_at_ms, begun.held, begun.withheld))
    return found


def module(session: Session, current: InForce, enrolment: Enrolment, module_id: int) -> StudyModule:
    """One module of an enrolment.

    Raises:
        NotFound: the programme has no such module, or no longer.
    """
    found = next((one for one in modules(session, current, enrolment) if one.id == module_id), None)
    if found is None:
        raise NotFound(what="module")
    return found


@dataclass(frozen=True, slots=True)
class WhoAndWhere:
    """Whose enrolment it is, and in which class group (None without one)."""

    learner_name: str
    class_group_name: str | None


def who_and_where(session: Session, enrolment: Enrolment) -> WhoAndWhere:
    """The names that stand above an enrolment's hours."""
    group = session.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
    return WhoAndWhere(session.get_one(User, enrolment.user_id).name, group.name if group is not None else None)
