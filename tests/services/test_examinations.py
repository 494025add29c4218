"""Examinations: marks that somebody enters who did not teach, one by one or from a file, and what passing gives."""

import io
from datetime import date, timedelta

import pytest
import xlsxwriter

from lms_plugin.domain.errors import Conflict, Malformed, MarkerTaughtClass, NotAllowed, NotFound, TooLarge
from lms_plugin.services import access, classgroups, coursework, examination_marks, examinations, substitutions
from lms_plugin.services.access import Actor
from lms_plugin.services.substitutions import NewSubstitution
from lms_plugin.storage.people import RoleGrant
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting, MeetingGroup, SignIn
from tests.builders import NOW, actor_for, enrol, make_class_group, make_programme, make_user, publish
from tests.services.school_world import TEXT, World, ledger, make_world

LATER = NOW + timedelta(days=1)


def as_office(session: object, actor: Actor, world: World) -> Actor:
    """The same person, with the office's rights as well."""
    session.add(RoleGrant(user_id=actor.user_id, role="office", region_id=None))
    session.flush()
    return access.actor_of(session, actor.user_id)


def test_passing_gives_the_hours_once(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        first = examinations.enter(session, world.county, world.enrolment.id, mark=59, now=NOW)
        assert (first.state, first.piece) == ("failed", 1)
        second = examinations.enter(session, world.county, world.enrolment.id, mark=60, remark="补考", now=LATER)
        assert (second.state, second.piece) == ("passed", 2)
        source = f"coursework/{second.id}"
        assert ledger(session, world.enrolment) == [("examination", source, 180)]
        with pytest.raises(Conflict, match="examination_passed"):
            examinations.enter(session, world.county, world.enrolment.id, mark=90, now=LATER)
        assert [one.mark for one in examinations.of_enrolment(session, world.enrolment.id)] == [59, 60]


def test_attempts_are_limited(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        for _ in range(2):
            examinations.enter(session, world.county, world.enrolment.id, mark=10, now=NOW)
        with pytest.raises(Conflict, match="attempts_used_up"):
            examinations.enter(session, world.county, world.enrolment.id, mark=90, now=NOW)


def test_a_mark_that_was_sent_twice_uses_up_one_attempt(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        first, second = world.enrolment.id, world.other_enrolment.id
        examinations.enter(session, world.county, first, mark=45, attempts_seen=0, now=NOW)
        with pytest.raises(Conflict, match="mark_entered_meanwhile"):
            examinations.enter(session, world.county, first, mark=45, attempts_seen=0, now=NOW)
        examinations.enter(session, world.county, second, mark=90, attempts_seen=0, now=NOW)
        with pytest.raises(Conflict, match="mark_entered_meanwhile"):
            examinations.enter(session, world.county, second, mark=90, attempts_seen=0, now=NOW)
        assert [one.mark for one in examinations.of_enrolment(session, first)] == [45]
        assert examinations.enter(session, world.county, first, mark=61, attempts_seen=1, now=LATER).piece == 2


def test_a_tutor_of_the_class_enters_and_changes_no_mark(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = examinations.enter(session, world.office, world.enrolment.id, mark=50, now=NOW)
        tutor = as_office(session, world.tutor, world)
        with pytest.raises(MarkerTaughtClass):
            examinations.enter(session, tutor, world.enrolment.id, mark=90, now=NOW)
        with pytest.raises(MarkerTaughtClass):
            examinations.change(session, tutor, row.id, mark=90, reason="加分", now=NOW)
        # nor after the class group was given to somebody else and a meeting of it stays on record
        session.delete(session.get_one(ClassGroupTutor, (world.group.id, tutor.user_id)))
        meeting = make_meeting(session, world, tutor)
        session.add(MeetingGroup(meeting_id=meeting.id, class_group_id=world.group.id))
        session.flush()
        with pytest.raises(MarkerTaughtClass):
            examinations.enter(session, tutor, world.enrolment.id, mark=90, now=NOW)


def test_who_led_a_meeting_that_the_learner_was_at_does_not_examine(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        meeting = make_meeting(session, world, world.county)
        session.add(SignIn(enrolment_id=world.enrolment.id, meeting_id=meeting.id, changed_at=NOW))
        session.flush()
        with pytest.raises(MarkerTaughtClass):
            examinations.enter(session, world.county, world.enrolment.id, mark=90, now=NOW)
        assert examinations.enter(session, world.county, world.other_enrolment.id, mark=90, now=NOW).state == "passed"


def check_is_kept_out(session: object, actor: Actor, world: World, attempt_id: int) -> None:
    """That somebody neither enters a mark, nor changes one, nor sends one in a file, nor is offered to."""
    with pytest.raises(MarkerTaughtClass):
        examinations.enter(session, actor, world.enrolment.id, mark=90, now=LATER)
    with pytest.raises(MarkerTaughtClass):
        examinations.change(session, actor, attempt_id, mark=90, reason="加分", now=LATER)
    planned = examination_marks.plan(session, actor, "school", b"login,mark\nteacher,90\n", LATER)
    assert [one.code for one in planned.faults] == ["marker_taught_class"]
    assert examinations.candidates(session, actor, "school", search="teacher")[0].is_taught


def test_a_tutor_who_was_dismissed_has_taught_the_class(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = examinations.enter(session, world.office, world.enrolment.id, mark=50, now=NOW)
        tutor = as_office(session, world.tutor, world)
        for _ in range(2):
            classgroups.dismiss(session, tutor, world.group.id, tutor.user_id, NOW)
            assert classgroups.tutors_of(session, world.group.id) == []
            check_is_kept_out(session, tutor, world, row.id)
            classgroups.appoint(session, tutor, world.group.id, "tutor")
        check_is_kept_out(session, tutor, world, row.id)
        assert examinations.enter(session, world.county, world.enrolment.id, mark=90, now=LATER).state == "passed"


def test_tutors_of_a_class_group_that_the_learner_left_have_taught_them(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = examinations.enter(session, world.office, world.enrolment.id, mark=50, now=NOW)
        tutor = as_office(session, world.tutor, world)
        second = make_user(session, "second", "tutor", name="孙立")
        other = make_class_group(session, world.current, "二班", second)
        for group_id in (other.id, None, other.id):
            classgroups.move_group(session, tutor, world.enrolment.id, group_id, reason="调班", now=NOW)
            check_is_kept_out(session, tutor, world, row.id)
        classgroups.dismiss(session, tutor, world.group.id, tutor.user_id, NOW)
        check_is_kept_out(session, tutor, world, row.id)
        check_is_kept_out(session, as_office(session, actor_for(session, second), world), world, row.id)
        # whose group the learner never was in
        third = make_user(session, "third", "tutor", name="钱进")
        make_class_group(session, world.current, "三班", third)
        may = as_office(session, actor_for(session, third), world)
        assert examinations.enter(session, may, world.enrolment.id, mark=90, now=LATER).state == "passed"


def test_a_substitute_and_a_leader_of_the_group_before_have_taught_the_learner(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = examinations.enter(session, world.office, world.enrolment.id, mark=50, now=NOW)
        stood_in = as_office(session, actor_for(session, make_user(session, "stood-in", "tutor")), world)
        led = as_office(session, actor_for(session, make_user(session, "led", "tutor")), world)
        new = NewSubstitution("stood-in", world.tutor.user_id, date(2026, 11, 26), date(2026, 11, 26), "")
        substitutions.give(session, world.tutor, world.group.id, new, NOW)
        meeting = make_meeting(session, world, led)
        session.add(MeetingGroup(meeting_id=meeting.id, class_group_id=world.group.id))
        session.flush()
        classgroups.move_group(session, world.office, world.enrolment.id, None, reason="调班", now=LATER)
        check_is_kept_out(session, stood_in, world, row.id)
        check_is_kept_out(session, led, world, row.id)


def test_who_marked_the_homework_does_not_examine(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = examinations.enter(session, world.office, world.enrolment.id, mark=50, now=NOW)
        work = coursework.hand_in(session, world.teacher, world.enrolment.id, "homework", 1, text=TEXT, now=NOW)
        coursework.mark(session, world.tutor, work.id, mark=80, now=NOW)
        tutor = as_office(session, world.tutor, world)
        session.delete(session.get_one(ClassGroupTutor, (world.group.id, tutor.user_id)))
        session.flush()
        check_is_kept_out(session, tutor, world, row.id)
        # an attempt that somebody marked before is no teaching, and neither is homework of others
        assert examinations.change(session, world.office, row.id, mark=51, reason="复核", now=LATER).mark == 51
        assert examinations.enter(session, tutor, world.other_enrolment.id, mark=90, now=LATER).state == "passed"


def make_meeting(session: object, world: World, leader: Actor) -> Meeting:
    meeting = Meeting(
        programme_id=world.current.id,
        component_key="qna",
        kind="qna",
        title="答疑",
        leader_id=leader.user_id,
        starts_at=NOW,
        ends_at=LATER,
        created_by_id=leader.user_id,
        created_at=NOW,
    )
    session.add(meeting)
    session.flush()
    return meeting


def test_marks_are_the_offices_and_never_ones_own(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        for person in (world.teacher, world.tutor, world.host):
            with pytest.raises(NotAllowed):
                examinations.enter(session, person, world.enrolment.id, mark=90, now=NOW)
            with pytest.raises(NotAllowed):
                examinations.change(session, person, 999_999, mark=90, reason="x", now=NOW)
        with pytest.raises(NotFound):
            examinations.enter(session, world.far, world.enrolment.id, mark=90, now=NOW)
        with pytest.raises(NotFound):
            examinations.change(session, world.office, 999_999, mark=90, reason="x", now=NOW)
        teacher = as_office(session, world.teacher, world)
        with pytest.raises(NotAllowed, match="own_examination"):
            examinations.enter(session, teacher, world.enrolment.id, mark=90, now=NOW)
        with pytest.raises(Malformed, match="mark_out_of_range"):
            examinations.enter(session, world.county, world.enrolment.id, mark=-1, now=NOW)


def test_a_mark_changed_later_corrects_the_ledger_by_a_new_entry(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        first = examinations.enter(session, world.county, world.enrolment.id, mark=60, now=NOW)
        source = f"coursework/{first.id}"
        changed = examinations.change(session, world.county, first.id, mark=55, reason="复核扣分", now=LATER)
        assert (changed.state, changed.remark) == ("failed", "复核扣分")
        assert ledger(session, world.enrolment) == [("examination", source, 180), ("examination", source, -180)]
        second = examinations.enter(session, world.county, world.enrolment.id, mark=70, now=LATER)
        # now both would pass: the first counts, the second gives its hours back
        examinations.change(session, world.county, first.id, mark=61, reason="再次复核", now=LATER)
        assert sum(minutes for *_, minutes in ledger(session, world.enrolment)) == 180
        assert ledger(session, world.enrolment)[-1] == ("examination", source, 180)
        examinations.change(session, world.county, second.id, mark=72, reason="更正", now=LATER)
        assert sum(minutes for *_, minutes in ledger(session, world.enrolment)) == 180
        with pytest.raises(Malformed, match="decision_reason_missing"):
            examinations.change(session, world.county, first.id, mark=61, reason=" ", now=LATER)


def test_who_is_examined_is_found_by_region_and_name(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        examinations.enter(session, world.county, world.enrolment.id, mark=80, now=NOW)
        found = examinations.candidates(session, world.county, "school")
        assert [(one.name, one.has_passed, len(one.attempts), one.is_taught) for one in found] == [
            ("王丽", True, 1, False),
            ("张小梅", False, 0, False),
        ]
        assert examinations.candidates(session, world.far, "school") == []
        assert [one.login for one in examinations.candidates(session, world.county, "school", search="小梅")] == [
            "mate"
        ]
        assert [one.login for one in examinations.candidates(session, world.county, "school", search="mate")] == [
            "mate"
        ]
        assert [
            one.login for one in examinations.candidates(session, world.county, "school", after=world.enrolment.id)
        ] == ["mate"]
        assert [one.key for one in examinations.examined_programmes(session, NOW)] == ["school"]
        tutor = as_office(session, world.tutor, world)
        assert all(one.is_taught for one in examinations.candidates(session, tutor, "school"))


def test_who_has_withdrawn_or_takes_no_examination_gets_no_mark(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        user = make_user(session, "plain", region=world.regions.school)
        plain = enrol(session, user, publish(session, make_programme("plain")))
        with pytest.raises(Conflict, match="no_examination"):
            examinations.enter(session, world.county, plain.id, mark=90, now=NOW)
        world.enrolment.state = "withdrawn"
        session.flush()
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            examinations.enter(session, world.county, world.enrolment.id, mark=90, now=NOW)


def sheet(*rows: tuple[object, ...]) -> bytes:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written)
    page = book.add_worksheet()
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return written.getvalue()


@pytest.mark.parametrize("as_sheet", [False, True])
def test_marks_come_from_a_file_after_a_look_at_it(database: Database, as_sheet: bool) -> None:
    rows = [("账号", "姓名", "成绩", "备注", "座位"), ("teacher", "王丽", 88, "", 1), ("mate", "", 41, "缺考一科", 2)]
    content = sheet(*rows) if as_sheet else "\n".join(",".join(map(str, row)) for row in rows).encode("gb18030")
    with database.writing() as session:
        world = make_world(session)
        planned = examination_marks.plan(session, world.county, "school", content, NOW)
        assert planned.faults == ()
        assert planned.ignored_columns == ("座位",)
        assert [(one.row, one.name, one.mark, one.passes) for one in planned.marks] == [
            (2, "王丽", 88, True),
            (3, "张小梅", 41, False),
        ]
        assert examinations.of_enrolment(session, world.enrolment.id) == []
        again = examination_marks.plan(session, world.county, "school", planned.as_text.encode(), NOW)
        assert [(one.enrolment_id, one.mark, one.remark) for one in again.marks] == [
            (one.enrolment_id, one.mark, one.remark) for one in planned.marks
        ]
        assert examination_marks.enter(session, world.county, again, NOW) == 2
        assert [one.remark for one in examinations.of_enrolment(session, world.other_enrolment.id)] == ["缺考一科"]
        assert [minutes for *_, minutes in ledger(session, world.enrolment)] == [180]


def test_a_file_of_marks_that_was_sent_twice_uses_up_one_attempt(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        examinations.enter(session, world.county, world.enrolment.id, mark=20, now=NOW)
        planned = examination_marks.plan(session, world.county, "school", b"login,mark\nteacher,45\nmate,90\n", NOW)
        assert [one.attempts_seen for one in planned.marks] == [1, 0]
        confirmed = planned.as_text.encode()
        assert examination_marks.plan(session, world.county, "school", confirmed, NOW).marks == planned.marks
        examination_marks.enter(session, world.county, planned, NOW)
        with pytest.raises(Conflict, match="mark_entered_meanwhile"):
            examination_marks.enter(session, world.county, planned, NOW)
    with database.reading() as session:
        again = examination_marks.plan(session, world.county, "school", confirmed, LATER)
        assert again.faults == ()
    with database.writing() as session:
        with pytest.raises(Conflict, match="mark_entered_meanwhile"):
            examination_marks.enter(session, world.county, again, LATER)
        assert [len(one.attempts) for one in examinations.candidates(session, world.county, "school")] == [2, 1]
        seen = b"login,mark,attempts_seen\nmate,90,many\n"
        (fault,) = examination_marks.plan(session, world.county, "school", seen, LATER).faults
        assert fault.code == "examination_passed"


def test_every_fault_of_a_file_of_marks_is_named_and_nothing_is_entered(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        people = {
            login: enrol(session, make_user(session, login, region=world.regions.school), world.current)
            for login in ("passed", "failed", "left")
        }
        examinations.enter(session, world.county, people["passed"].id, mark=90, now=NOW)
        for _ in range(2):
            examinations.enter(session, world.county, people["failed"].id, mark=9, now=NOW)
        people["left"].state = "withdrawn"
        far = make_user(session, "far.teacher", region=world.regions.far_school)
        enrol(session, far, world.current)
        session.flush()
        content = "\n".join(
            [
                "login,name,mark,remark",
                "teacher,王莉,88,",
                "mate,,101,",
                "mate,,70,",
                ",,60,",
                "passed,,60,",
                "failed,,60,",
                "left,,60,",
                "far.teacher,,60,",
                "nobody,,,",
                f"teacher,,6.5,{'字' * 501}",
            ]
        ).encode()
        planned = examination_marks.plan(session, world.county, "school", content, NOW)
        assert [(one.row, one.column, one.code) for one in planned.faults] == [
            (2, "name", "candidate_name_differs"),
            (3, "mark", "mark_malformed"),
            (4, "login", "login_twice"),
            (5, "login", "login_missing"),
            (6, "mark", "examination_passed"),
            (7, "mark", "attempts_used_up"),
            (8, "login", "candidate_withdrawn"),
            (9, "login", "candidate_unknown"),
            (10, "mark", "mark_missing"),
            (10, "login", "candidate_unknown"),
            (11, "mark", "mark_malformed"),
            (11, "remark", "remark_too_long"),
            (11, "login", "login_twice"),
        ]
        assert all(str(one) for one in planned.faults)
        with pytest.raises(Conflict, match="marks_faulty"):
            examination_marks.enter(session, world.county, planned, NOW)
        with pytest.raises(NotAllowed):
            examination_marks.plan(session, world.tutor, "school", content, NOW)
        with pytest.raises(NotFound):
            examination_marks.plan(session, world.county, "no-such", content, NOW)


def test_a_file_of_marks_keeps_teachers_and_ones_own_out(database: Database) -> None:
    content = b"login,mark\nteacher,90\nmate,90\n"
    with database.writing() as session:
        world = make_world(session)
        tutor = as_office(session, world.tutor, world)
        planned = examination_marks.plan(session, tutor, "school", content, NOW)
        assert {one.code for one in planned.faults} == {"marker_taught_class"}
        teacher = as_office(session, world.teacher, world)
        planned = examination_marks.plan(session, teacher, "school", content, NOW)
        assert [one.code for one in planned.faults] == ["own_examination"]


def test_a_very_long_file_of_marks_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination_marks, "MOST_ROWS", 1)
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(TooLarge, match="too_many_rows"):
            examination_marks.plan(session, world.county, "school", b"login,mark\nteacher,90\nmate,90\n", NOW)
        assert session.get_one(Enrolment, world.enrolment.id).state == "active"
        assert actor_for(session, make_user(session, "x")).login == "x"
