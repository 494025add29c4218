"""A class group of thirty teachers in the middle of their course, so that the tutor's pages have something to show.

Everything is done by the services that pages call, at moments of the last four weeks: nothing is written past them.
"""

import csv
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Programme
from lms_plugin.services import (
    access,
    catalogue,
    classgroups,
    coursework,
    discussion,
    enrolments,
    meeting_confirming,
    meeting_notes,
    meeting_planning,
    meeting_questions,
    meeting_signing,
    people,
    post_marks,
    questions,
    questions_answering,
    questions_faq,
    tutor_messages,
    tutor_notes,
)
from lms_plugin.services.access import LEARNER, Actor, Grant
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.discussion import Reply
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.meeting_notes import NewNotes
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.services.people import NewPerson
from lms_plugin.services.registering import register_many
from lms_plugin.services.tutor_messages import NewMessage
from lms_plugin.services.watch_desk import Versions
from lms_plugin.simulation.calendar import at
from lms_plugin.simulation.viewing import Sitting, watch
from lms_plugin.storage.people import Region
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow, Video
from lms_plugin.storage.session import Database
from scripts.demonstration import posts
from scripts.demonstration.installation import Installation
from scripts.demonstration.people import DATA

PROGRAMME, GROUP, TUTOR = "rural-maths", "昭通二班", "tutor"
DAY = timedelta(days=1)
BEAT = timedelta(seconds=30)
AFTER_SCHOOL, SUPPER, NOON = time(16, 30), time(19, 30), time(12, 20)


@dataclass(frozen=True, slots=True)
class Teacher:
    """One of the class: how many films, posts and Q&A sessions, how the homework stands, and what else there is."""

    actor: Actor
    enrolment_id: int
    films: float
    posts: int
    sessions: int
    homework: str
    remark: str


@dataclass(frozen=True, slots=True)
class Classroom:
    """The class as its programme has it now, its tutor, and its teachers."""

    current: InForce
    group_id: int
    tutor: Actor
    teachers: tuple[Teacher, ...]
    now: datetime

    @property
    def programme(self) -> Programme:
        return self.current.programme

    def on(self, days_ago: int, clock: time) -> datetime:
        """A time of day, so many days ago."""
        day = self.programme.window.day_of(self.now) - days_ago * DAY
        return at(day, clock, self.programme.window)

    def component(self, kind: ComponentKind) -> Component:
        found = self.programme.component_of(kind)
        if found is None:
            raise LookupError(f"{PROGRAMME} has no component {kind}")
        return found


def fill(installation: Installation) -> int:
    """Make the class in an installation, once; gives how many teachers were added."""
    database = Database(installation.database_url)
    try:
        return make(database, datetime.now(UTC))
    finally:
        database.dispose()


def make(database: Database, now: datetime) -> int:
    """Make the class as it is at a moment, unless it is there; gives how many teachers were added."""
    with database.reading() as session:
        if session.scalar(select(ClassGroup.id).where(ClassGroup.name == GROUP)) is not None:
            return 0
    room = database.transact(lambda session: _enrol(session, now))
    _watch(database, room)
    for step in (_discuss, _meet, _hand_in, _ask, _write_to, _leave):
        database.transact(partial(step, room))
    return len(room.teachers)


def _enrol(session: Session, now: datetime) -> Classroom:
    began = now - 28 * DAY
    programme_id = session.scalars(select(ProgrammeRow.id).where(ProgrammeRow.key == PROGRAMME)).one()
    tutor = access.actor_of(session, people.user_by_login(session, TUTOR).id)
    group = classgroups.create(session, _office(session), programme_id, GROUP)
    classgroups.appoint(session, _office(session), group.id, TUTOR)
    with (DATA / "class_in_progress.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    regions = dict(session.execute(select(Region.code, Region.id)).tuples().all())
    newcomers = [
        NewPerson(
            login=row["login"],
            name=row["name"],
            grants=(Grant(LEARNER, None),),
            email=f"{row['login']}@demo.example",
            region_id=regions[row["region_code"]],
        )
        for row in rows
    ]
    user_ids = people.create_many(session, newcomers, began)
    learners = [
        NewLearner(user_id, person.region_id, group.id) for user_id, person in zip(user_ids, newcomers, strict=True)
    ]
    enrolment_ids = enrolments.enrol_many(session, programme_id, learners, began)
    register_many(session, enrolment_ids, began, by_id=None)
    teachers = tuple(
        Teacher(
            access.actor_of(session, user_id),
            enrolment_id,
            float(row["films"]),
            int(row["posts"]),
            int(row["sessions"]),
            row["homework"],
            row["remark"],
        )
        for user_id, enrolment_id, row in zip(user_ids, enrolment_ids, rows, strict=True)
    )
    return Classroom(catalogue.in_force(session, programme_id, now), group.id, tutor, teachers, now)


def _office(session: Session) -> Actor:
    return access.actor_of(session, people.user_by_login(session, "admin").id)


def _watch(database: Database, room: Classroom) -> None:
    """The films one after the other, each on an evening; who is `away` has left the film running when it asks."""
    with database.reading() as session:
        modules = catalogue.modules_of(session, room.current, None)
    films = [one.video for one in modules if isinstance(one.video, Video)]
    versions, chance = Versions(), random.Random(f"classroom {room.group_id}")
    for number, film in enumerate(films):
        sittings = []
        for teacher in room.teachers:
            share = min(1.0, max(0.0, teacher.films - number))
            if not share:
                continue
            sittings.append(
                Sitting(
                    actor=teacher.actor,
                    enrolment_id=teacher.enrolment_id,
                    video_id=film.id,
                    from_ms=0,
                    to_ms=int(film.duration_ms * share),
                    rate_permille=1000,
                    has_bad_line=False,
                    new_id=secrets.token_hex(12),
                    answers=teacher.remark != "away",
                )
            )
        begins = room.on(25 - 5 * number, SUPPER)
        watch(database, room.programme, sittings, begins, BEAT, versions, chance)


def _discuss(room: Classroom, session: Session) -> None:
    """A thread in each module, begun by whoever writes first there."""
    modules = catalogue.modules_of(session, room.current, None)
    for number, (module, (title, bodies)) in enumerate(zip(modules, posts.BY_THE_CLASS, strict=False)):
        first, *others = [teacher for teacher in room.teachers if teacher.posts > number]
        moment = room.on(22 - 5 * number, AFTER_SCHOOL)
        thread, _ = discussion.start_thread(session, first.actor, module.id, title=title, body=bodies[0], now=moment)
        for place, (one, body) in enumerate(zip(others, bodies[1:], strict=True), start=1):
            reply = Reply(one.actor, session.get_one(Enrolment, one.enrolment_id), body)
            (post,) = discussion.reply_many(session, thread.id, [reply], moment + timedelta(minutes=15 * place))
            if place == 1:
                reason = "把做法和学生的反应都写出来了，值得大家看。"
                post_marks.mark(session, room.tutor, post.id, "excellent", reason=reason, now=moment + DAY)


def _meet(room: Classroom, session: Session) -> None:
    """Two sessions that were held, one that waits to be confirmed, and one that comes."""
    held = [(16, True), (9, True), (1, False)]
    for number, (days_ago, is_confirmed) in enumerate(held):
        begins = room.on(days_ago, SUPPER)
        meeting_id = _plan(session, room, f"第{number + 1}次集中答疑", begins)
        coming = [one for one in room.teachers if one.sessions > number or (number == 2 and one.sessions == 1)]
        attendances = [
            (one.enrolment_id, begins + timedelta(minutes=place % 4 * 5 - 6), begins + timedelta(minutes=61))
            for place, one in enumerate(coming)
        ]
        over = begins + timedelta(minutes=65)
        meeting_signing.sign_many(session, meeting_id, attendances, by_id=room.tutor.user_id, now=over)
        if is_confirmed:
            meeting_confirming.confirm(session, room.tutor, meeting_id, over)
            notes = NewNotes(body=posts.NOTES[number])
            meeting_notes.publish(session, room.tutor, meeting_id, notes, over + timedelta(hours=1))
    coming_id = _plan(session, room, "第4次集中答疑", room.on(-2, SUPPER))
    asking = room.teachers[: len(posts.FOR_THE_SESSION)]
    for place, (one, body) in enumerate(zip(asking, posts.FOR_THE_SESSION, strict=True)):
        asked = meeting_questions.ask(session, one.actor, coming_id, body, room.on(1, NOON))
        for other in room.teachers[5 : 12 - 3 * place]:
            meeting_questions.vote(session, other.actor, coming_id, asked.id, wanted=True, now=room.on(1, SUPPER))


def _plan(session: Session, room: Classroom, title: str, begins: datetime) -> int:
    new = NewMeeting(
        programme_id=room.current.id,
        component_key=room.component(ComponentKind.QNA).key,
        title=title,
        starts_at=begins,
        ends_at=begins + timedelta(minutes=60),
        place="县教师进修学校 203 教室",
        group_ids=(room.group_id,),
    )
    return meeting_planning.plan(session, room.tutor, new, min(begins, room.now) - 3 * DAY).id


def _hand_in(room: Classroom, session: Session) -> None:
    """Homework that waits for its mark, that was sent back, and that has passed."""
    key = room.component(ComponentKind.HOMEWORK).key
    handing_in = [one for one in room.teachers if one.homework]
    for place, one in enumerate(handing_in):
        handed_in_at = room.on(6 - place % 4, NOON) + timedelta(minutes=7 * place)
        text = posts.HOMEWORK[place % len(posts.HOMEWORK)]
        row = coursework.hand_in(session, one.actor, one.enrolment_id, key, 1, text=text, now=handed_in_at)
        if one.homework == "waiting":
            continue
        passes = one.homework == "passed"
        coursework.mark(
            session,
            room.tutor,
            row.id,
            mark=86 + place if passes else 52,
            remark="步骤清楚，例子是自己班上的。" if passes else "请补上学生的原话和您当时怎么接的，再交一次。",
            now=min(room.now, handed_in_at + DAY),
        )


def _ask(room: Classroom, session: Session) -> None:
    """Questions from seconds of the films: some answered and one of those in the FAQ, some that wait."""
    modules = catalogue.modules_of(session, room.current, None)
    for place, (number, at_seconds, body, answer) in enumerate(posts.QUESTIONS):
        moment = room.on(8 - place, NOON)
        one = room.teachers[3 * place]
        asked = questions.ask(
            session,
            one.actor,
            modules[number].id,
            body=body,
            at_seconds=at_seconds,
            is_private=False,
            asked_as=f"question-{place}",
            now=moment,
        )
        if not answer:
            continue
        questions_answering.answer(session, room.tutor, asked.id, body=answer, now=moment + timedelta(hours=7))
        if place == 0:
            questions_faq.promote(session, room.tutor, asked.id, question=body, answer=answer, now=moment + DAY)


def _write_to(room: Classroom, session: Session) -> None:
    """A message to those who have not begun, and a note on one who had said why."""
    silent = [one.enrolment_id for one in room.teachers if not one.films and not one.remark]
    message = NewMessage(posts.MESSAGE[0], posts.MESSAGE[1], once="classroom")
    tutor_messages.send(session, room.tutor, room.group_id, silent, message, room.on(4, NOON))
    tutor_notes.write(session, room.tutor, silent[0], posts.NOTE, room.on(4, AFTER_SCHOOL))


def _leave(room: Classroom, session: Session) -> None:
    leaving: Sequence[Teacher] = [one for one in room.teachers if one.remark == "left"]
    for one in leaving:
        enrolments.withdraw(
            session, _office(session), one.enrolment_id, reason="调到别的学校，下一期再学", now=room.on(5, NOON)
        )
