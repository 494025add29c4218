"""The world of a simulation: places, people, class groups and enrolments, made by the services in great numbers."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.programme import MINUTE_MS, Group, Module, Programme
from lms_plugin.services import catalogue, divisions, people, regionimport
from lms_plugin.services.access import LEARNER, OFFICE, TUTOR, Grant
from lms_plugin.services.catalogue import EncodedFilm
from lms_plugin.services.enrolments import NewLearner, enrol_many
from lms_plugin.services.people import NewPerson
from lms_plugin.services.registering import register_many
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.simulation import behaviour
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor
from lms_plugin.storage.session import Database

MARK = "sim-"
"""What every simulated login begins with."""

USUAL_GROUP = 100
USUAL_FILM_MINUTES = 45
LEARNERS_PER_SCHOOL = 35
SCHOOLS_PER_COUNTY = 5
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class SimulatedGroup:
    """A class group of the simulation: whose class it is, and in which phase and tier its learners are."""

    class_group_id: int
    tutor_id: int
    office_id: int
    examiner_id: int
    phase: str
    tier: str


@dataclass(frozen=True, slots=True)
class World:
    """Where a simulation plays: the programme, its office, and all class groups."""

    programme_id: int
    programme_key: str
    groups: tuple[SimulatedGroup, ...]
    learners: int


def make(
    database: Database,
    programme: Programme,
    learners: int,
    seed: int,
    told: Callable[[int], object] = lambda made: None,
) -> World:
    """Make the world in portions; `told` hears how many learners there are after each.

    Raises:
        Conflict: the store has people of another kind (`store_in_use`), or the programme's simulation already.
    """
    chance = random.Random(f"world {programme.key} {seed}")
    begins = _begins(programme)

    def prepare(session: Session) -> tuple[int, int, int, list[int]]:
        _check_store(session, programme.key)
        programme_id = catalogue.publish(session, programme, films_of(programme), begins).programme_id
        schools = _make_places(session, programme.key, learners, chance)
        office = people.create_user(session, _person(programme.key, "office", OFFICE), None, begins).id
        examiner = people.create_user(session, _person(programme.key, "examiner", OFFICE), None, begins).id
        return programme_id, office, examiner, schools

    programme_id, office_id, examiner_id, schools = database.transact(prepare)
    groups: list[SimulatedGroup] = []
    made = 0
    for phase, tier, size, count in _parts(programme, learners):
        left = count
        while left > 0:
            portion = min(left, max(size, AT_ONCE // size * size))

            some = _Portion(programme_id, programme.key, office_id, examiner_id, phase, tier, size, made, portion)
            groups += database.transact(partial(_enrol, some, schools, chance, begins))
            made += portion
            left -= portion
            told(made)
    return World(programme_id, programme.key, tuple(groups), made)


def films_of(programme: Programme) -> dict[str, EncodedFilm]:
    """A film for each module that awaits one, without media: players report seconds, and nobody looks."""
    return {module.key: _film(programme.key, module) for module in programme.modules if module.awaited_minutes}


def head_count(programme: Programme) -> int | None:
    """How many learners a programme takes: what its phases take together, else its places."""
    if programme.phases and all(one.places is not None for one in programme.phases):
        return sum(one.places or 0 for one in programme.phases)
    return programme.places


@dataclass(frozen=True, slots=True)
class _Portion:
    """Some learners that are enrolled together."""

    programme_id: int
    key: str
    office_id: int
    examiner_id: int
    phase: str
    tier: str
    size: int
    first: int
    count: int


def _film(key: str, module: Module) -> EncodedFilm:
    minutes = module.awaited_minutes or USUAL_FILM_MINUTES
    return EncodedFilm(hashlib.sha256(f"{key}/{module.key}".encode()).hexdigest(), minutes * MINUTE_MS, {})


def _begins(programme: Programme) -> datetime:
    """When people are enrolled: on the morning on which the programme opens, so that personal windows begin there."""
    return programme.window.opens_at.astimezone(UTC) + timedelta(hours=1)


def _check_store(session: Session, key: str) -> None:
    others = select(func.count()).select_from(User).where(~User.login.startswith(MARK, autoescape=True))
    if session.scalar(others):
        raise Conflict("store_in_use")
    if session.scalar(select(User.id).where(User.login == f"{MARK}{key}-office")) is not None:
        raise Conflict("already_simulated", key=key)


def _person(key: str, name: str, role: str) -> NewPerson:
    return NewPerson(f"{MARK}{key}-{name}", f"模拟 {name}", (Grant(role, None),))


def _make_places(session: Session, key: str, learners: int, chance: random.Random) -> list[int]:
    """Counties of the official divisions, as many as the learners need, with schools; gives the schools' ids."""
    counties = [one for one in divisions.by_code().values() if one.level == "county"]
    wanted = max(1, min(len(counties), learners // (LEARNERS_PER_SCHOOL * SCHOOLS_PER_COUNTY)))
    chosen = sorted(chance.sample(counties, wanted), key=lambda one: one.code)
    known, codes = divisions.by_code(), dict[str, None]()
    for one in chosen:
        above = [one.code]
        while parent := known[above[-1]].parent_code:
            above.append(parent)
        codes |= dict.fromkeys(reversed(above))
    rows = [
        TableRow(number, {"code": one.code, "level": one.level, "name": one.name, "parent_code": one.parent_code or ""})
        for number, one in enumerate((known[code] for code in codes), start=2)
    ]
    schools = [
        TableRow(
            len(rows) + number,
            {
                "code": f"{one.code}-{key}-{school}",
                "level": "school",
                "name": f"{one.name}第{school}学校",
                "parent_code": one.code,
            },
        )
        for number, (one, school) in enumerate(
            ((one, school) for one in chosen for school in range(1, SCHOOLS_PER_COUNTY + 1)), start=2
        )
    ]
    rows = [TableRow(row.number, {name: value for name, value in row.values.items() if value}) for row in rows]
    regionimport.import_regions(session, Table(tuple(rows + schools)))
    made = select(Region.id).where(Region.code.contains(f"-{key}-", autoescape=True)).order_by(Region.code)
    return list(session.scalars(made))


def _parts(programme: Programme, learners: int) -> list[tuple[str, str, int, int]]:
    """(phase, tier, size of a class group, learners) of each part; phases share by their places, tiers alike."""
    phases: Sequence[Group | None] = programme.phases or [None]
    tiers: Sequence[Group | None] = programme.tiers or [None]
    places = [one.places or 1 if one is not None else 1 for one in phases]
    found = []
    left = learners
    for index, (phase, weight) in enumerate(zip(phases, places, strict=True)):
        share = left if index == len(phases) - 1 else max(1, learners * weight // sum(places))
        left -= share
        for position, tier in enumerate(tiers):
            count = share // len(tiers) + (position < share % len(tiers))
            sizes = [one.class_size for one in (tier, phase) if one is not None and one.class_size]
            size = sizes[0] if sizes else programme.class_size or USUAL_GROUP
            if count > 0:
                found.append((phase.key if phase else "", tier.key if tier else "", size, count))
    return found


def _enrol(
    portion: _Portion, schools: Sequence[int], chance: random.Random, begins: datetime, session: Session
) -> list[SimulatedGroup]:
    """Accounts, class groups with their tutors, enrolments and registration numbers of some learners."""
    newcomers = [
        NewPerson(
            login=f"{MARK}{portion.key}-{number:06d}",
            name=behaviour.name(chance),
            grants=(Grant(LEARNER, None),),
            # Colleagues of a school are in one class group, as offices put them.
            region_id=schools[number // LEARNERS_PER_SCHOOL % len(schools)],
        )
        for number in range(portion.first, portion.first + portion.count)
    ]
    users = people.create_many(session, newcomers, begins)
    starts = range(0, portion.count, portion.size)
    tutors = people.create_many(
        session,
        [
            NewPerson(
                f"{MARK}{portion.key}-tutor-{portion.first + start:06d}",
                behaviour.name(chance),
                (Grant(TUTOR, None),),
            )
            for start in starts
        ],
        begins,
    )
    named = [
        {
            "programme_id": portion.programme_id,
            "name": f"{portion.phase or portion.tier or '班'} {portion.first + start:06d}",
            "size_limit": portion.size,
        }
        for start in starts
    ]
    group_ids = list(session.scalars(insert(ClassGroup).returning(ClassGroup.id, sort_by_parameter_order=True), named))
    session.execute(
        insert(ClassGroupTutor),
        [{"class_group_id": one, "user_id": tutor} for one, tutor in zip(group_ids, tutors, strict=True)],
    )
    learners = [
        NewLearner(
            users[index], newcomers[index].region_id, group_ids[index // portion.size], portion.phase, portion.tier
        )
        for index in range(portion.count)
    ]
    enrolled = enrol_many(session, portion.programme_id, learners, begins, by_id=portion.office_id)
    register_many(session, enrolled, begins, by_id=portion.office_id)
    return [
        SimulatedGroup(one, tutor, portion.office_id, portion.examiner_id, portion.phase, portion.tier)
        for one, tutor in zip(group_ids, tutors, strict=True)
    ]
