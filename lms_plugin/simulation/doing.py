"""What a simulated class group does in each mode of study, through the services that people's pages call."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.programme import MINUTE_MS, Component, months_after
from lms_plugin.services import (
    approvals,
    coursework,
    discussion,
    enrolments,
    examinations,
    meeting_confirming,
    meeting_planning,
    meeting_signing,
    placements,
    readings,
    school_activities,
)
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.services.placements import NewPlacement
from lms_plugin.services.school_activities import ActivityForm
from lms_plugin.simulation import behaviour, calendar
from lms_plugin.simulation.aims import unit_ms
from lms_plugin.simulation.calendar import Occasion
from lms_plugin.simulation.learners import Course, Learner
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import SchoolActivity

COMES_LATE, LEAVES_EARLY = 0.08, 0.05
SUPPER = time(20, 45)
ACTIVITY_BEGINS = time(15, 30)
EVIDENCE_CHARACTERS = 120
FIRST_TIME_PASSES = 0.9


def meet(database: Database, course: Course, occasion: Occasion) -> None:
    """One meeting: planned by the tutor, signed in by list, confirmed in the evening."""
    component, now = occasion.component, occasion.ends_at + timedelta(minutes=30)
    passed = course.passed(occasion.ends_at)
    coming = [
        one
        for one in course.learners
        if one.wants_ms(component, max(passed, 0.98)) > 0
        and course.chance.random() < one.habits.attends
        and one.habits.goes_on(passed)
        and not one.has_left
    ]
    if not coming:
        return
    late = component.study.late_minutes
    attendances = []
    for one in sorted(coming, key=lambda learner: learner.enrolment_id):
        draw = course.chance.random()
        came = occasion.starts_at - timedelta(minutes=course.chance.randint(1, 15))
        left = occasion.ends_at + timedelta(minutes=course.chance.randint(0, 5))
        if draw < COMES_LATE:
            came = occasion.starts_at + timedelta(minutes=late + course.chance.randint(1, 40))
        elif draw < COMES_LATE + LEAVES_EARLY:
            left = occasion.ends_at - timedelta(minutes=late + course.chance.randint(1, 40))
        attendances.append((one.enrolment_id, came, left))

    def hold(session: Session) -> dict[int, int]:
        new = NewMeeting(
            programme_id=course.current.id,
            component_key=component.key,
            title=f"{component.title.zh} {occasion.starts_at:%m-%d}",
            starts_at=occasion.starts_at,
            ends_at=occasion.ends_at,
            place="培训教室",
            group_ids=(course.group.class_group_id,),
            medium="satellite" if component.kind is ComponentKind.GROUP_VIEWING else "",
            most_minutes=occasion.most_minutes,
        )
        meeting = meeting_planning.plan(session, course.tutor, new, occasion.starts_at - timedelta(days=1))
        meeting_signing.sign_many(session, meeting.id, attendances, by_id=course.tutor.user_id, now=now)
        confirmed = meeting_confirming.confirm_list(session, meeting, by_id=course.tutor.user_id, now=now)
        return {one.enrolment_id: one.counted_ms for one in confirmed.recorded}

    counted = database.transact(hold)
    for one in coming:
        one.done_ms[component.key] += counted.get(one.enrolment_id, 0)


def write_posts(
    database: Database, course: Course, component: Component, now: datetime, threads: dict[int, int]
) -> None:
    """Whoever means to write posts does: one of each at a time, in the thread of the module they have come to."""
    passed, rule = course.passed(now), course.programme.discussion
    for turn in range(rule.max_per_day or 1):
        by_module: dict[int, list[Learner]] = defaultdict(list)
        for one in course.learners:
            if one.wants_ms(component, passed) > 0 and one.posts < len(course.module_ids):
                by_module[course.module_ids[one.posts]].append(one)
        for module_id, writing in sorted(by_module.items()):
            at = now + timedelta(minutes=30 * turn)
            bodies = [behaviour.post(course.chance, rule.min_characters) for _ in writing]
            counts, threads[module_id] = database.transact(
                partial(_write, module_id, threads.get(module_id), writing, bodies, at)
            )
            for one, is_counted in zip(writing, counts, strict=True):
                one.posts += 1
                one.done_ms[component.key] += rule.credit_ms if is_counted else 0


def _write(
    module_id: int,
    thread_id: int | None,
    writing: Sequence[Learner],
    bodies: Sequence[str],
    at: datetime,
    session: Session,
) -> tuple[list[bool], int]:
    """Which of the posts count, and their thread."""
    counts: list[bool] = []
    if thread_id is None:
        thread, first = discussion.start_thread(
            session, writing[0].actor, module_id, title="说说自己班上的事", body=bodies[0], now=at
        )
        thread_id, counts = thread.id, [first.counts]
    left = slice(len(counts), None)
    ids = [one.enrolment_id for one in writing[left]]
    mine = {one.id: one for one in session.scalars(select(Enrolment).where(Enrolment.id.in_(ids)))}
    replies = [
        discussion.Reply(one.actor, mine[one.enrolment_id], body)
        for one, body in zip(writing[left], bodies[left], strict=True)
    ]
    posts = discussion.reply_many(session, thread_id, replies, at)
    return counts + [post.counts for post in posts], thread_id


def study_at_school(
    database: Database, course: Course, component: Component, week_on: date, number: int, now: datetime
) -> None:
    """The week's school-based activities: handed in with a report, approved by school and county."""
    day = week_on + timedelta(days=2 + number % 2)
    begins = calendar.at(day, ACTIVITY_BEGINS, course.window)
    passed = course.passed(now)
    pace = component.pace
    usual_ms = course.programme.class_hour_ms * 2
    if pace is not None:
        usual_ms = int(pace.class_hours * course.programme.class_hour_ms)
    kinds = [one.kind for one in component.study.activities] or list(SchoolActivityKind)
    kind = kinds[number % len(kinds)]
    ends = begins + timedelta(milliseconds=usual_ms)
    if ends > now or begins < course.window.opens_at or ends > course.window.closes_at:
        return
    doing = [
        one
        for one in course.learners
        if not one.has_left
        and one.habits.goes_on(passed)
        and one.aims.of(component) * one.habits.zeal > one.done_ms[component.key]
        and course.chance.random() < one.habits.attends
    ]
    if not doing:
        return

    def hand_in(session: Session) -> list[int]:
        found = []
        for one in doing:
            form = ActivityForm(
                kind.value,
                f"第{number + 1}周校本研修",
                behaviour.post(course.chance, EVIDENCE_CHARACTERS),
                begins,
                ends,
            )
            row = school_activities.hand_in(session, one.actor, one.enrolment_id, form, now=now)
            found.append(row.id)
        session.flush()
        for _ in component.study.approvals:
            approvals.approve_many(session, course.office, found, now + timedelta(hours=1))
        states = [session.get_one(SchoolActivity, one, populate_existing=True).state for one in found]
        return [usual_ms if state == "approved" else 0 for state in states]

    for one, counted_ms in zip(doing, database.transact(hand_in), strict=True):
        one.done_ms[component.key] += counted_ms


def place(database: Database, course: Course, component: Component, now: datetime) -> dict[int, tuple[Learner, int]]:
    """Everybody who means to gets a placement of as many months as the aim asks for; gives them by placement."""
    unit = unit_ms(component, course.programme)
    months = -(-course.most_ms(component) // unit) if unit else 0
    if months == 0:
        return {}
    starts_on = course.window.day_of(now)
    months = min(months, component.study.most_months or months)
    while months and months_after(starts_on, months) > course.window.closes_on:
        months -= 1
    if months == 0:
        return {}

    def make(session: Session) -> dict[int, tuple[Learner, int]]:
        found = {}
        host = session.get_one(User, course.tutor.user_id).login
        for one in course.learners:
            new = NewPlacement("实习基地学校", host, starts_on, months_after(starts_on, months), "带教老师")
            row = placements.place(session, course.office, one.enrolment_id, new, now)
            found[row.id] = (one, months)
        return found

    return database.transact(make)


def confirm_month(
    database: Database,
    course: Course,
    component: Component,
    placed: dict[int, tuple[Learner, int]],
    number: int,
    now: datetime,
) -> None:
    """The host confirms a month of everybody who was there."""
    passed = course.passed(now)
    unit = unit_ms(component, course.programme)
    staying = [
        (placement_id, one)
        for placement_id, (one, months) in placed.items()
        if number <= months and one.habits.goes_on(passed) and not one.has_left
    ]

    def confirm(session: Session) -> None:
        for placement_id, _ in staying:
            placements.confirm(
                session,
                course.tutor,
                placement_id,
                number,
                days_present=course.chance.randint(25, 27),
                remark="出勤正常，跟班听课、上课、参加教研",
                now=now,
            )

    database.transact(confirm)
    for _, one in staying:
        one.done_ms[component.key] += unit


def do_homework(database: Database, course: Course, component: Component, piece: int, now: datetime) -> None:
    """A piece of homework: handed in, marked by the tutor, done again by whoever failed."""
    passed = course.passed(now)
    unit = unit_ms(component, course.programme)
    doing = [
        one
        for one in course.learners
        if one.habits.goes_on(passed) and not one.has_left and course.chance.random() < one.habits.attends + 0.04
    ]

    with database.writing() as session:
        at = now
        for one in doing:
            for attempt in range(2):
                at += timedelta(seconds=30)
                row = coursework.hand_in(
                    session,
                    one.actor,
                    one.enrolment_id,
                    component.key,
                    piece,
                    text=behaviour.post(course.chance, EVIDENCE_CHARACTERS),
                    now=at,
                )
                passes = attempt or course.chance.random() < FIRST_TIME_PASSES
                mark = (
                    course.chance.randint(component.study.pass_mark, 100) if passes else component.study.pass_mark - 8
                )
                coursework.mark(
                    session, course.tutor, row.id, mark=mark, remark="" if passes else "例子要写自己班上的", now=at
                )
                if passes:
                    one.done_ms[component.key] += unit
                    break


def sit_examination(database: Database, course: Course, component: Component, now: datetime) -> None:
    """The examination: marked by somebody who did not teach the class; a second attempt for whoever failed."""
    passed = course.passed(now)
    unit = unit_ms(component, course.programme)
    sitting = [one for one in course.learners if one.habits.goes_on(passed) and not one.has_left]

    with database.writing() as session:
        for one in sitting:
            passes = course.chance.random() < FIRST_TIME_PASSES
            mark = course.chance.randint(component.study.pass_mark, 98) if passes else component.study.pass_mark - 11
            examinations.enter(session, course.examiner, one.enrolment_id, mark=mark, now=now)
            if not passes and component.study.attempts > 1 and course.chance.random() < FIRST_TIME_PASSES:
                examinations.enter(
                    session,
                    course.examiner,
                    one.enrolment_id,
                    mark=component.study.pass_mark + 5,
                    now=now + timedelta(days=2),
                )
                passes = True
            one.done_ms[component.key] += unit if passes else 0


def leave(database: Database, course: Course, now: datetime) -> None:
    """Who has stopped and says so withdraws from the programme."""
    passed = course.passed(now)
    leaving = [
        one for one in course.learners if not one.habits.goes_on(passed) and one.habits.says_so and not one.has_left
    ]
    if not leaving:
        return

    def withdraw(session: Session) -> None:
        for one in leaving:
            enrolments.withdraw(session, course.office, one.enrolment_id, reason="学校工作安排，不能继续参加", now=now)

    database.transact(withdraw)
    for one in leaving:
        one.has_left = True


def read(database: Database, course: Course, component: Component, number: int, now: datetime) -> None:
    """The week's reading: opened at noon, read, and the question on it answered."""
    if number >= len(course.module_ids):
        return
    module_id, passed = course.module_ids[number], course.passed(now)
    reading = [one for one in course.learners if one.wants_ms(component, max(passed, 0.98)) > 0]

    def take(session: Session) -> dict[int, int]:
        counted = {}
        for one in reading:
            row = readings.open_reading(session, one.actor, one.enrolment_id, module_id, now)
            enrolment = session.get_one(Enrolment, one.enrolment_id)
            shown = readings.shown(session, course.current, enrolment, module_id, now)
            if shown is None or row.read_at is not None:
                continue
            over = now + timedelta(milliseconds=shown.nominal_ms + MINUTE_MS)
            choice = shown.question.answer if shown.question is not None else None
            result = readings.finish(session, one.actor, one.enrolment_id, module_id, choice=choice, now=over)
            if result.recorded is not None:
                counted[one.enrolment_id] = result.recorded.counted_ms
        return counted

    counted = database.transact(take)
    for one in reading:
        one.done_ms[component.key] += counted.get(one.enrolment_id, 0)
