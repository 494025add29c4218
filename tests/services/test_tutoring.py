"""A tutor's group at a glance: the most urgent first, with reasons; what waits; few statements however many learn."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.tutoring import Concern
from lms_plugin.services import (
    coursework,
    discussion,
    disputes,
    meeting_confirming,
    meeting_planning,
    meetings,
    tutored_learner,
    tutoring,
    tutoring_waits,
)
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.session import Database
from tests import builders
from tests.services.tutored import HOUR, NOW, Tutored, credit, make_tutored

TEXT = "上周我带学生到操场量花坛的边，同一条边量出来的数不一样，学生自己提出要用一样长的东西来量。"


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that the store is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    for engine in database.engines:
        event.listen(engine, "before_cursor_execute", note)
    yield asked
    for engine in database.engines:
        event.remove(engine, "before_cursor_execute", note)


def hold(session: Session, world: Tutored, login: str, to_ms: int) -> None:
    """Film of a learner that is held for want of a sign of presence."""
    video = builders.video_of(session, world.current)
    session.add(Coverage(enrolment_id=world.enrolments[login], video_id=video.id, missed=intervals.pack(((0, to_ms),))))
    session.flush()


def meet(session: Session, world: Tutored, present: list[str]) -> int:
    """A Q&A session of the group that is over and confirmed, with these learners on its list."""
    tutor = world.actor(session, "tutor")
    starts_at = NOW - timedelta(days=2)
    new = NewMeeting(
        world.current.id, "qna", "答疑", starts_at, starts_at + timedelta(hours=1), group_ids=(world.group_id,)
    )
    meeting = meeting_planning.plan(session, tutor, new, starts_at - timedelta(days=1))
    meetings.open_meeting(session, tutor, meeting.id, starts_at)
    meeting_confirming.mark_present(
        session, tutor, meeting.id, [world.enrolments[one] for one in present], now=NOW, reason="纸质签到"
    )
    meeting_confirming.confirm(session, tutor, meeting.id, NOW)
    return meeting.id


def send_back(session: Session, world: Tutored, login: str) -> None:
    learner = world.actor(session, login)
    row = coursework.hand_in(session, learner, world.enrolments[login], "homework", 1, text=TEXT, now=NOW)
    coursework.mark(session, world.actor(session, "tutor"), row.id, mark=40, remark="再想想", now=NOW)


def test_learners_come_with_their_reasons_and_the_most_urgent_first(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session, ("late", "idle", "steady", "busy"))
        credit(session, world, "late", 5)
        credit(session, world, "steady", 25)
        credit(session, world, "busy", 24)
        hold(session, world, "late", 2 * 60_000)
        meet(session, world, ["late", "steady", "idle"])
        send_back(session, world, "busy")
    with database.reading() as session:
        found = tutoring.group_of(session, world.actor(session, "tutor"), world.group_id, NOW)

    assert [(one.learner.login, one.concerns) for one in found.needs] == [
        ("idle", (Concern.BEHIND,)),
        ("late", (Concern.BEHIND, Concern.HELD)),
        ("busy", (Concern.MISSED_SESSIONS, Concern.HOMEWORK_RETURNED)),
        ("steady", ()),
    ]
    assert [one.facts.held_ms for one in found.needs] == [0, 120_000, 0, 0]
    assert found.next_meeting is None


def test_who_has_not_begun_is_named_as_that(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session, ("idle",))
    with database.reading() as session:
        found = tutoring.group_of(session, world.actor(session, "tutor"), world.group_id, NOW)

    assert found.needs[0].concerns == (Concern.NOT_STARTED,)
    assert found.needs[0].facts.short_ms > 20 * HOUR


def test_the_page_asks_as_often_for_many_learners_as_for_few(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session, ("a", "b"))
        for login in ("a", "b"):
            credit(session, world, login, 3)
            hold(session, world, login, 60_000)
        meet(session, world, ["a"])

    def asked() -> int:
        with counted(database) as statements, database.reading() as session:
            tutoring.group_of(session, world.actor(session, "tutor"), world.group_id, NOW)
            for waits in (tutoring_waits.held_film, tutoring_waits.homework, tutoring_waits.threads):
                waits(session, [world.group_id, world.other_group_id], NOW)
        return len(statements)

    few = asked()
    with database.writing() as session:
        for number in range(10):
            user = builders.make_user(session, f"more{number}")
            more = builders.enrol(session, user, world.current)
            more.class_group_id = world.group_id
            world.enrolments[user.login] = more.id
            world.people[user.login] = user.id
            credit(session, world, user.login, 2)
            hold(session, world, user.login, 60_000)

    assert asked() == few


def test_only_who_tutors_the_group_sees_it(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session)
    with database.reading() as session:
        for login in ("other", "office", "late"):
            with pytest.raises(NotFound):
                tutoring.group_of(session, world.actor(session, login), world.group_id, NOW)
        tutoring.group_of(session, world.actor(session, "second"), world.group_id, NOW)


def test_what_waits_is_counted_by_group_with_its_age(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session)
        late, tutor = world.actor(session, "late"), world.actor(session, "tutor")
        module_id = builders.video_of(session, world.current).module_id
        asked_at = NOW - timedelta(days=3)
        thread, _ = discussion.start_thread(session, late, module_id, title="怎么量", body=TEXT, now=asked_at)
        discussion.start_thread(session, tutor, module_id, title="通知", body="请看", now=NOW)
        coursework.hand_in(session, late, world.enrolments["late"], "homework", 1, text=TEXT, now=asked_at)
        disputes.dispute_missing(
            session, late, world.enrolments["late"], "video", asked_at.date(), account="漏记", now=asked_at
        )
        hold(session, world, "late", 60_000)
    groups = [world.group_id, world.other_group_id]
    kinds = (tutoring_waits.threads, tutoring_waits.homework, tutoring_waits.disputes)
    with database.reading() as session:
        for kind in kinds:
            assert kind(session, groups, NOW) == {world.group_id: tutoring_waits.Waiting(1, asked_at)}, kind
        assert tutoring_waits.held_film(session, groups, NOW) == {world.group_id: tutoring_waits.Waiting(1, None)}
        assert tutoring_waits.attendance_lists(session, groups, NOW) == {}
    with database.writing() as session:
        discussion.reply(session, tutor, thread.id, body="用铅笔", reply_to_id=None, now=NOW)
    with database.reading() as session:
        assert tutoring_waits.threads(session, groups, NOW) == {}
    with database.writing() as session:
        discussion.reply(session, late, thread.id, body="谢谢，还有一个问题", reply_to_id=None, now=NOW)
    with database.reading() as session:
        assert tutoring_waits.threads(session, groups, NOW) == {world.group_id: tutoring_waits.Waiting(1, NOW)}


def test_a_learners_file_holds_everything_for_tutor_and_office_and_nothing_for_the_learner(database: Database) -> None:
    with database.writing() as session:
        world = make_tutored(session, ("late", "steady"))
        meet(session, world, ["steady"])
        send_back(session, world, "late")
        late = world.enrolments["late"]
        module_id = builders.video_of(session, world.current).module_id
        discussion.start_thread(session, world.actor(session, "late"), module_id, title="怎么量", body=TEXT, now=NOW)
    with database.reading() as session:
        for login in ("tutor", "second", "county", "office"):
            found = tutored_learner.file_of(session, world.actor(session, login), late, NOW)
            assert [one.state for one in found.sessions] == ["missed"]
            assert [one.state for one in found.work] == ["returned"]
            assert [one.thread_title for one in found.posts] == ["怎么量"]
            assert [one.row.kind for one in found.deeds] == ["homework_marked"]
        steady = tutored_learner.file_of(session, world.actor(session, "tutor"), world.enrolments["steady"], NOW)
        assert [one.state for one in steady.sessions] == ["attended"]
        for login in ("late", "steady", "other", "far"):
            with pytest.raises(NotFound):
                tutored_learner.file_of(session, world.actor(session, login), late, NOW)
