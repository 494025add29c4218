"""Homework: handing in, marking, doing it again, and what it gives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, OutsideWindow
from lms_plugin.services import attachments, coursework, notices
from lms_plugin.services.access import TUTOR
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Coursework
from tests.builders import NOW, actor_for, make_class_group, make_user
from tests.services.school_world import JPEG, TEXT, World, folder, ledger, make_world

LATER = NOW + timedelta(hours=2)


def handed_in(session: object, world: World, piece: int = 1, text: str = TEXT, now: datetime = NOW) -> Coursework:
    return coursework.hand_in(
        session,
        world.teacher,
        world.enrolment.id,
        "homework",
        piece,
        text=text,
        now=now,
    )


def test_a_piece_that_passes_gives_its_hours(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        ids = [handed_in(session, world, piece).id for piece in (1, 2, 3)]
        for one in ids:
            assert coursework.mark(session, world.tutor, one, mark=60, now=LATER).state == "passed"
        # two class hours each: 90 minutes
        assert ledger(session, world.enrolment) == [("homework", f"coursework/{one}", 90) for one in ids]
        pieces = coursework.pieces_of(session, world.enrolment, world.current.programme)
        assert [(one.number, one.row.mark) for one in pieces if one.row is not None] == [(1, 60), (2, 60), (3, 60)]


def test_a_piece_below_the_pass_mark_goes_back_and_is_done_again(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = handed_in(session, world)
        with pytest.raises(Malformed, match="remark_missing"):
            coursework.mark(session, world.tutor, row.id, mark=59, now=LATER)
        back = coursework.mark(session, world.tutor, row.id, mark=59, remark="缺教学反思", now=LATER)
        assert (back.state, back.mark, back.text) == ("returned", 59, TEXT)
        (told,) = notices.latest(session, world.teacher)
        assert (told.kind, told.address) == (
            "homework_returned",
            f"/enrolments/{world.enrolment.id}/homework/homework/1",
        )
        again = handed_in(session, world, text="补写了教学反思。", now=LATER)
        # what the tutor said stays in sight until the piece is marked anew
        assert (again.id, again.state, again.remark) == (row.id, "submitted", "缺教学反思")
        with pytest.raises(Conflict, match="handed_in_again"):
            coursework.mark(session, world.tutor, row.id, mark=80, seen_at=NOW, now=LATER)
        coursework.mark(session, world.tutor, row.id, mark=80, seen_at=LATER, now=LATER)
        assert ledger(session, world.enrolment) == [("homework", f"coursework/{row.id}", 90)]
        with pytest.raises(Conflict, match="coursework_passed"):
            handed_in(session, world)


def test_a_mark_changed_later_corrects_the_ledger_by_a_new_entry(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = handed_in(session, world)
        for mark in (90, 50, 75, 95):
            coursework.mark(session, world.tutor, row.id, mark=mark, remark="复核", now=LATER)
        assert [minutes for _, _, minutes in ledger(session, world.enrolment)] == [90, -90, 90]


def test_homework_is_marked_by_a_tutor_of_the_class_group_only(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        other = actor_for(session, make_user(session, "other.tutor", TUTOR, name="周敏"))
        make_class_group(session, world.current, "二班")
        row = handed_in(session, world)
        for person in (world.teacher, world.mate, other, world.office, world.county):
            with pytest.raises(NotFound):
                coursework.mark(session, person, row.id, mark=90, now=LATER)
        with pytest.raises(NotFound):
            coursework.mark(session, world.tutor, 999_999, mark=90, now=LATER)
        with pytest.raises(Malformed, match="mark_out_of_range"):
            coursework.mark(session, world.tutor, row.id, mark=101, now=LATER)
        with pytest.raises(Malformed, match="remark_too_long"):
            coursework.mark(session, world.tutor, row.id, mark=90, remark="字" * 501, now=LATER)
        (shown,) = coursework.to_mark(session, world.tutor, LATER)
        assert (shown.learner_name, shown.class_group_name, shown.pass_mark) == ("王丽", "一班", 60)
        assert coursework.to_mark(session, other, LATER) == []
        assert coursework.to_mark(session, world.tutor, LATER, state="returned") == []
        with pytest.raises(NotAllowed):
            coursework.to_mark(session, world.teacher, LATER)


def test_there_must_be_something_to_mark(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(Malformed) as refused:
            handed_in(session, world, text="  ")
        assert refused.value.params["faults"] == [{"field": "text", "code": "work_missing"}]
        with pytest.raises(Malformed, match="work_faulty"):
            handed_in(session, world, text="字" * 50_001)
        row = coursework.hand_in(
            session,
            world.teacher,
            world.enrolment.id,
            "homework",
            1,
            text="",
            files=[JPEG],
            folder=folder(tmp_path),
            now=NOW,
        )
        (file,) = attachments.of_owner(session, f"coursework/{row.id}")
        with pytest.raises(Malformed, match="work_faulty"):
            coursework.hand_in(
                session, world.teacher, world.enrolment.id, "homework", 1, text="", without=[file.id], now=NOW
            )
        assert handed_in(session, world, text="").id == row.id


@pytest.mark.parametrize(("key", "piece"), [("homework", 0), ("homework", 4), ("examination", 1), ("nothing", 1)])
def test_only_pieces_that_the_programme_asks_for_are_taken(database: Database, key: str, piece: int) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(NotFound):
            coursework.hand_in(session, world.teacher, world.enrolment.id, key, piece, text=TEXT, now=NOW)


def test_homework_is_taken_inside_the_window_from_who_takes_part(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(OutsideWindow):
            handed_in(session, world, now=datetime(2027, 8, 31, 16, tzinfo=UTC))
        world.enrolment.state = "withdrawn"
        session.flush()
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            handed_in(session, world)
        with pytest.raises(NotFound):
            coursework.hand_in(session, world.mate, world.enrolment.id, "homework", 1, text=TEXT, now=NOW)


def test_homework_marked_after_the_window_counts_by_the_day_it_was_handed_in(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = handed_in(session, world, now=datetime(2027, 8, 31, 15, 59, tzinfo=UTC))
        coursework.mark(session, world.tutor, row.id, mark=88, now=datetime(2027, 9, 10, tzinfo=UTC))
        assert [minutes for _, _, minutes in ledger(session, world.enrolment)] == [90]
