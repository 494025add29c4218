"""Readings: opening one starts the service's clock; "I have read it" counts the time since, after a right answer."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from lms_plugin.domain import reading
from lms_plugin.domain.errors import Conflict, NotFound, OutsideWindow
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Module, Programme, Question
from lms_plugin.services import access, catalogue, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import CatalogueModule, InForce
from lms_plugin.services.study_records import NewRecord, Recorded, ms_of
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Reading

_RANDOM = random.SystemRandom()


class Stage(StrEnum):
    """How far a learner is with a reading."""

    NOT_OPENED = "not_opened"
    OPEN = "open"
    READ = "read"


@dataclass(frozen=True, slots=True)
class ReadingShown:
    """A module's reading as a learner has it: what it takes, since when it is open, what is asked at its end.

    `missing_seconds` is what still has to pass before "I have read it" is taken. `tries_left` is of the question.
    """

    stage: Stage
    nominal_ms: int
    opened_at: datetime | None = None
    missing_seconds: int = 0
    question: Question | None = None
    tries_left: int = 0


class Outcome(StrEnum):
    """What became of "I have read it"."""

    READ = "read"
    TOO_SHORT = "too_short"
    WRONG = "wrong"
    BEGIN_AGAIN = "begin_again"
    """The last try was wrong: the clock starts anew."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome, with what is still missing (seconds) and what was recorded."""

    outcome: Outcome
    missing_seconds: int = 0
    recorded: Recorded | None = None


def source_of(module_id: int) -> str:
    """What a reading is called in study records."""
    return f"reading/{module_id}"


def shown(
    session: Session, current: InForce, enrolment: Enrolment, module_id: int, now: datetime
) -> ReadingShown | None:
    """A module's reading for its learner; None where reading it earns nothing."""
    with suppress(NotFound, Conflict):
        found, component = _place(session, current, enrolment, module_id)
        nominal = nominal_ms(found.module, component)
        row = session.get(Reading, (enrolment.id, module_id))
        if row is None:
            return ReadingShown(Stage.NOT_OPENED, nominal)
        if row.read_at is not None:
            return ReadingShown(Stage.READ, nominal, row.opened_at)
        if reading.is_stale(row.opened_at, now):
            return ReadingShown(Stage.NOT_OPENED, nominal)
        return ReadingShown(
            Stage.OPEN,
            nominal,
            row.opened_at,
            _missing_seconds(row, nominal, now),
            _question(found.module, row.question_key),
            _tries(current.programme) - row.tries,
        )
    return None


def nominal_ms(module: Module, component: Component) -> int:
    """How long a module's reading is reckoned to take, by its Chinese text (the other where there is none)."""
    text = module.reading
    if text is None:
        return 0
    return reading.nominal_ms(text.zh if text.zh.strip() else text.en, component.study.characters_per_minute)


def open_reading(session: Session, actor: Actor, enrolment_id: int, module_id: int, now: datetime) -> Reading:
    """Start the clock of a reading; one that is open already goes on.

    Raises:
        NotFound: the enrolment is not the actor's, or its programme has no such reading.
        Conflict: readings earn nothing in this programme (`no_reading_credit`).
        OutsideWindow: the programme is not open.
    """
    enrolment, _, found, _ = _own(session, actor, enrolment_id, module_id, now)
    row = session.get(Reading, (enrolment.id, module_id), with_for_update=True)
    if row is None:
        row = Reading(enrolment_id=enrolment.id, module_id=module_id, opened_at=now)
        session.add(row)
    elif row.read_at is not None or not reading.is_stale(row.opened_at, now):
        return row
    _begin(row, found.module, now)
    session.flush()
    return row


def finish(
    session: Session, actor: Actor, enrolment_id: int, module_id: int, *, choice: int | None, now: datetime
) -> Result:
    """Take "I have read it": after the time the reading takes, and a right answer where the module has questions.

    The time from opening counts, at most what the reading takes, once per module. `choice` is an index into the
    question's choices. A wrong answer brings another question; after the last try the clock starts anew.

    Raises:
        NotFound, Conflict, OutsideWindow: as for `open_reading`; `reading_not_open`, `reading_done`.
    """
    enrolment, current, found, component = _own(session, actor, enrolment_id, module_id, now)
    row = session.get(Reading, (enrolment.id, module_id), with_for_update=True)
    if row is None or (row.read_at is None and reading.is_stale(row.opened_at, now)):
        raise Conflict("reading_not_open")
    if row.read_at is not None:
        raise Conflict("reading_done")
    nominal = nominal_ms(found.module, component)
    missing_seconds = _missing_seconds(row, nominal, now)
    if missing_seconds:
        return Result(Outcome.TOO_SHORT, missing_seconds)
    question = _question(found.module, row.question_key)
    if question is not None and choice != question.answer:
        row.tries += 1
        if row.tries >= _tries(current.programme):
            row.opened_at, row.tries = now, 0
            row.question_key = _draw(found.module.questions, row.question_key)
            return Result(Outcome.BEGIN_AGAIN, -(-nominal // 1000))
        row.question_key = _draw(found.module.questions, row.question_key)
        return Result(Outcome.WRONG)
    row.read_at = now
    record = NewRecord(
        enrolment_id=enrolment.id,
        component_key=component.key,
        source=source_of(module_id),
        title=found.module.title.zh,
        at=row.opened_at,
        present=((ms_of(row.opened_at), ms_of(now)),),
        most_ms=nominal,
    )
    session.flush()
    (recorded,) = study_records.record_many(session, [record], confirmed_by_id=None, now=now)
    return Result(Outcome.READ, recorded=recorded)


def _own(
    session: Session, actor: Actor, enrolment_id: int, module_id: int, now: datetime
) -> tuple[Enrolment, InForce, CatalogueModule, Component]:
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    current = catalogue.for_enrolment(session, enrolment, now)
    found, component = _place(session, current, enrolment, module_id)
    if not current.programme.window.contains(now):
        raise OutsideWindow()
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    return enrolment, current, found, component


def _place(
    session: Session, current: InForce, enrolment: Enrolment, module_id: int
) -> tuple[CatalogueModule, Component]:
    modules = catalogue.modules_of(session, current, enrolment.id)
    found = next((one for one in modules if one.id == module_id), None)
    if found is None or found.module.reading is None:
        raise NotFound(what="reading")
    component = current.programme.component_of(ComponentKind.READING)
    if component is None:
        raise Conflict("no_reading_credit")
    return found, component


def _begin(row: Reading, module: Module, now: datetime) -> None:
    row.opened_at, row.tries = now, 0
    row.question_key = _draw(module.questions, row.question_key or "")


def _draw(questions: Sequence[Question], last: str) -> str:
    """The key of a question, another one than the last where there is one; empty where there are none."""
    keys = [one.key for one in questions if one.key != last] or [one.key for one in questions]
    return _RANDOM.choice(keys) if keys else ""


def _question(module: Module, key: str) -> Question | None:
    """The question that was drawn; the first one where it has left the module's bank since."""
    return next((one for one in module.questions if one.key == key), next(iter(module.questions), None))


def _tries(programme: Programme) -> int:
    return programme.watching.presence_tries


def _missing_seconds(row: Reading, nominal: int, now: datetime) -> int:
    missing = timedelta(milliseconds=nominal) - (now - row.opened_at)
    return max(0, -(-missing // timedelta(seconds=1)))
