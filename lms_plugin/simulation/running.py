"""Running a simulation: some class groups at a time, from their first day to their last, on all processors.

Learners meet only those of their class group, so that groups can be simulated apart. Those that are simulated together
share their evenings: what their players report at the same moment is taken together, as a service takes it.
"""

import gc
import multiprocessing
import random
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy import select

from lms_plugin.domain.modes import MEETING_KINDS, ComponentKind
from lms_plugin.domain.programme import MINUTE_MS, Component, months_after
from lms_plugin.services import standings
from lms_plugin.services.watch_desk import Versions
from lms_plugin.simulation import calendar, doing
from lms_plugin.simulation.behaviour import Kind
from lms_plugin.simulation.learners import Course, Learner, course_of
from lms_plugin.simulation.viewing import Sitting, watch
from lms_plugin.simulation.world import SimulatedGroup, World
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

GROUPS_AT_ONCE = 8
LONGEST_SITTING_MS = 90 * MINUTE_MS
LONGEST_WHEN_LATE_MS = 180 * MINUTE_MS
# Class groups in the making are millions of things that all are needed: looking through them for litter finds nothing.
THINGS_BETWEEN_LITTER = 50_000
SHORTEST_SITTING_MS = 60 * MINUTE_MS
FAST, USUAL = 1250, 1000

Step = tuple[datetime, Callable[[], object]]


@dataclass(slots=True)
class Tally:
    """What came of a simulation, or of some class groups: people by kind, who is complete, hours by component."""

    learners: Counter[str] = field(default_factory=Counter)
    complete: Counter[str] = field(default_factory=Counter)
    withdrawn: int = 0
    counted_ms: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.learners += other.learners
        self.complete += other.complete
        self.withdrawn += other.withdrawn
        self.counted_ms += other.counted_ms


@dataclass(frozen=True, slots=True)
class Pace:
    """How a simulation is run: how often players report, in how many processes, from which seed."""

    seed: int
    beat: timedelta
    processes: int


def run(url: str, world: World, pace: Pace) -> Iterator[Tally]:
    """Simulate all class groups of a world; gives what came of some of them as they are through."""
    portions = [world.groups[at : at + GROUPS_AT_ONCE] for at in range(0, len(world.groups), GROUPS_AT_ONCE)]
    if pace.processes == 1:
        for some in portions:
            yield run_some(url, world.programme_id, some, pace)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        pace.processes, mp_context=context, initializer=gc.set_threshold, initargs=(THINGS_BETWEEN_LITTER,)
    ) as pool:
        jobs = [pool.submit(run_some, url, world.programme_id, some, pace) for some in portions]
        for job in as_completed(jobs):
            yield job.result()


def run_some(url: str, programme_id: int, groups: Sequence[SimulatedGroup], pace: Pace) -> Tally:
    """Simulate some class groups in this process."""
    database = Database(url, pool_size=2)
    versions, tally = Versions(), Tally()
    try:
        with database.reading() as session:
            courses = [course_of(session, programme_id, group, pace.seed) for group in groups]
        steps = [step for course in courses for step in _steps(database, course)]
        steps += _evenings(database, courses, pace, versions)
        for _, work in sorted(steps, key=lambda step: step[0]):
            work()
        for course in courses:
            tally.add(_tally(database, course))
    finally:
        database.dispose()
    return tally


def _steps(database: Database, course: Course) -> Iterator[Step]:
    """Everything that a class group does by itself, with its moment; what is at the same moment keeps its order."""
    window = course.window
    threads: dict[int, int] = {}
    for component in course.programme.components:
        if component.kind in MEETING_KINDS:
            wanted = int(course.most_ms(component) * 1.1)
            for occasion in calendar.occasions(component, wanted, window, offset=course.group.class_group_id):
                yield occasion.starts_at, partial(doing.meet, database, course, occasion)
        elif component.kind is ComponentKind.PLACEMENT and course.most_ms(component):
            yield from _placement(database, course, component)
        elif component.kind is ComponentKind.HOMEWORK:
            for piece in range(1, component.study.pieces + 1):
                at = _moment(course, piece / (component.study.pieces + 1))
                yield at, partial(doing.do_homework, database, course, component, piece, at)
        elif component.kind is ComponentKind.EXAMINATION:
            at = _moment(course, 0.96)
            yield at, partial(doing.sit_examination, database, course, component, at)
    for number, week_on in enumerate(calendar.weeks(window)):
        for component in course.programme.components:
            if component.kind is ComponentKind.DISCUSSION and course.most_ms(component):
                at = calendar.at(week_on + 5 * calendar.DAY, time(10), window)
                if at < window.closes_at:
                    yield at, partial(doing.write_posts, database, course, component, at, threads)
            elif component.kind is ComponentKind.SCHOOL_BASED and course.most_ms(component):
                at = calendar.at(week_on + 6 * calendar.DAY, time(17), window)
                yield at, partial(doing.study_at_school, database, course, component, week_on, number, at)
            elif component.kind is ComponentKind.READING:
                at = calendar.at(week_on + calendar.DAY, time(12, 30), window)
                yield at, partial(doing.read, database, course, component, number, at)
        at = calendar.at(week_on, time(8), window)
        yield at, partial(doing.leave, database, course, at)


def _evenings(database: Database, courses: Sequence[Course], pace: Pace, versions: Versions) -> Iterator[Step]:
    """The evenings at the films, of all class groups that take the programme in the same way."""
    alike: dict[tuple[str, str], list[Course]] = defaultdict(list)
    for course in courses:
        alike[course.group.phase, course.group.tier].append(course)
    for some in alike.values():
        window = some[0].window
        for component in some[0].programme.components:
            if component.kind is not ComponentKind.VIDEO or not some[0].most_ms(component):
                continue
            for week_on in calendar.weeks(window):
                for evening in range(calendar.EVENINGS):
                    at = calendar.at(week_on + evening * calendar.DAY, doing.SUPPER, window)
                    if at < window.closes_at:
                        yield at, partial(_evening, database, some, component, at, pace, versions)


def _placement(database: Database, course: Course, component: Component) -> Iterator[Step]:
    placed: dict[int, tuple[Learner, int]] = {}
    begins = calendar.at(course.window.opens_on, time(9), course.window)
    yield begins, lambda: placed.update(doing.place(database, course, component, begins))
    for number in range(1, 25):
        over_on = months_after(course.window.opens_on, number)
        if over_on > course.window.closes_on:
            break
        at = calendar.at(over_on, time(9), course.window)
        yield at, partial(doing.confirm_month, database, course, component, placed, number, at)


def _moment(course: Course, passed: float) -> datetime:
    """The moment at which a share of the window has passed, at nine in the morning of its day."""
    whole = course.window.closes_at - course.window.opens_at
    return calendar.at(course.window.day_of(course.window.opens_at + passed * whole), time(9), course.window)


def _evening(
    database: Database,
    courses: Sequence[Course],
    component: Component,
    begins: datetime,
    pace: Pace,
    versions: Versions,
) -> None:
    """Whoever is behind their own plan watches on, one film at a time."""
    sittings = [(one, sitting) for course in courses for one, sitting in _sittings(course, component, begins)]
    watch(
        database,
        courses[0].programme,
        [sitting for _, sitting in sittings],
        begins,
        pace.beat,
        versions,
        random.Random(f"{begins.isoformat()} {courses[0].group.class_group_id} {pace.seed}"),
    )
    for one, sitting in sittings:
        one.done_ms[component.key] += sitting.to_ms - sitting.from_ms
        one.film_at_ms = sitting.to_ms
        if one.film_at_ms >= courses[0].films[one.film].duration_ms:
            one.film, one.film_at_ms = one.film + 1, 0


def _sittings(course: Course, component: Component, begins: datetime) -> Iterator[tuple[Learner, Sitting]]:
    """Who of a class group sits down to which film, and for how long."""
    passed = course.passed(begins)
    for one in course.learners:
        wanted_ms = one.wants_ms(component, passed)
        whole_ms = int(one.aims.of(component) * one.habits.zeal) - one.done_ms[component.key]
        if wanted_ms <= 0 or one.film >= len(course.films):
            continue
        if wanted_ms < min(SHORTEST_SITTING_MS, whole_ms) or course.chance.random() > one.habits.attends:
            continue
        film = course.films[one.film]
        # A little more than was planned, so that the evening is worth sitting down for.
        longest = LONGEST_SITTING_MS if wanted_ms <= LONGEST_SITTING_MS else LONGEST_WHEN_LATE_MS
        length = min(longest, max(wanted_ms, SHORTEST_SITTING_MS), film.duration_ms - one.film_at_ms)
        yield (
            one,
            Sitting(
                actor=one.actor,
                enrolment_id=one.enrolment_id,
                video_id=film.video_id,
                from_ms=one.film_at_ms,
                to_ms=one.film_at_ms + length,
                rate_permille=FAST if course.chance.random() < 0.2 else USUAL,
                has_bad_line=one.habits.kind is Kind.BAD_LINE,
                new_id=secrets.token_hex(12),
            ),
        )


def _tally(database: Database, course: Course) -> Tally:
    """What the ledger says of a class group at the end."""
    tally = Tally()
    ids = [one.enrolment_id for one in course.learners]
    with database.reading() as session:
        found = standings.standings(session, course.current, ids)
        enrolled = {one.id: one for one in session.scalars(select(Enrolment).where(Enrolment.id.in_(ids)))}
    for one in course.learners:
        kind = one.habits.kind.value
        enrolment = enrolled[one.enrolment_id]
        tally.learners[kind] += 1
        tally.complete[kind] += enrolment.completed_at is not None
        tally.withdrawn += enrolment.state == "withdrawn"
        for standing in found[one.enrolment_id].hours.components:
            if standing.component is not None:
                tally.counted_ms[standing.component.key] += standing.counted_ms
    return tally
