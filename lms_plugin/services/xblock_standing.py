"""What an LMS's course page shows of a module: the modules there are to choose, and how a learner stands in one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound, Refusal
from lms_plugin.domain.programme import Module, Programme
from lms_plugin.services import catalogue, hours, posting, readings, study
from lms_plugin.services.hours import HoursOfEnrolment
from lms_plugin.services.readings import Stage
from lms_plugin.services.study import StudyModule
from lms_plugin.storage.programmes import Enrolment

LISTED_AT_ONCE = 200


class NotEnrolled(Refusal):
    """The learner takes no part in the module's programme."""

    code = "handover_not_enrolled"
    kind = "forbidden"


@dataclass(frozen=True, slots=True)
class ListedModule:
    """A module that an author can choose. `film_ms` is None for one without a film."""

    programme: Programme
    module: Module
    film_ms: int | None

    @property
    def key(self) -> str:
        return f"{self.programme.key}/{self.module.key}"


@dataclass(frozen=True, slots=True)
class ModuleStanding:
    """How a learner stands in a module and in its programme.

    `ratio` (0..1) is how far the module is done; None for one in which there is nothing to count.
    """

    module: StudyModule
    hours: HoursOfEnrolment
    ratio: Decimal | None


def listing(session: Session, words: str, now: datetime) -> list[ListedModule]:
    """The modules of all programmes in force, those with all the words in title or key; not more than 200."""
    wanted = words.casefold().split()
    found = []
    for current in catalogue.all_in_force(session, now):
        programme = current.programme
        for one in catalogue.modules_of(session, current, None):
            texts = (programme.key, one.module.key, programme.title, one.module.title)
            searched = " ".join(
                text if isinstance(text, str) else f"{text.in_language('zh')} {text.in_language('en')}"
                for text in texts
            ).casefold()
            if all(word in searched for word in wanted):
                film_ms = one.video.duration_ms if one.video is not None else None
                found.append(ListedModule(programme, one.module, film_ms))
    return found[:LISTED_AT_ONCE]


def place_of(session: Session, user_id: int, module: tuple[str, str], now: datetime) -> tuple[Enrolment, int]:
    """A learner's enrolment in the programme of (programme key, module key), and the module's id.

    Raises:
        NotFound: there is no such module.
        NotEnrolled: the learner takes no part in its programme.
    """
    programme_id = catalogue.programme_id_of(session, module[0])
    enrolment = session.scalar(
        select(Enrolment).where(Enrolment.user_id == user_id, Enrolment.programme_id == programme_id)
    )
    current = (
        catalogue.for_enrolment(session, enrolment, now)
        if enrolment is not None
        else catalogue.in_force(session, programme_id, now)
    )
    found = next((one for one in catalogue.modules_of(session, current, None) if one.module.key == module[1]), None)
    if found is None:
        raise NotFound(what="module")
    if enrolment is None:
        raise NotEnrolled(programme=current.programme.key)
    return enrolment, found.id


def settle(session: Session, enrolment: Enrolment, now: datetime) -> None:
    """Let everything watched so far stand in the ledger, so that the standing is that of this moment."""
    posting.settle(session, enrolment, now)


def standing(session: Session, enrolment: Enrolment, module_id: int, now: datetime) -> ModuleStanding:
    """How the learner of an enrolment stands in one of its modules.

    Raises:
        NotFound: the programme has no such module, or no longer.
    """
    current = catalogue.for_enrolment(session, enrolment, now)
    found = study.module(session, current, enrolment, module_id)
    if found.video is not None:
        ratio: Decimal | None = hours.module_ratio(found.covered_ms, found.video.duration_ms, current.programme)
    else:
        to_read = readings.shown(session, current, enrolment, module_id, now)
        ratio = None if to_read is None else Decimal(int(to_read.stage is Stage.READ))
    return ModuleStanding(found, hours.read(session, enrolment, now), ratio)
