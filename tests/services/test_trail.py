"""The trail: written with each deed, never changed, read by who did it and by the office that answers for it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotAllowed
from lms_plugin.services import (
    coursework,
    discussion,
    disputes,
    meeting_confirming,
    meeting_planning,
    trail,
    tutor_briefs,
    tutor_messages,
    tutor_notes,
)
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.services.trail import Sought
from lms_plugin.services.tutor_briefs import NewBrief
from lms_plugin.services.tutor_messages import NewMessage
from lms_plugin.storage.session import Database
from tests import builders
from tests.services.tutored import NOW, Tutored, make_tutored

TEXT = "上周我带学生到操场量花坛的边，同一条边量出来的数不一样。"


def busy_world(database: Database) -> Tutored:
    """The tutor did one of everything."""
    with database.writing() as session:
        world = make_tutored(session, ("late",))
        tutor, late, enrolment_id = (
            world.actor(session, "tutor"),
            world.actor(session, "late"),
            world.enrolments["late"],
        )
        begun = NOW.replace(hour=1)
        row = coursework.hand_in(session, late, enrolment_id, "homework", 1, text=TEXT, now=NOW)
        coursework.mark(session, tutor, row.id, mark=90, now=NOW)
        dispute = disputes.dispute_missing(session, late, enrolment_id, "video", NOW.date(), account="漏记", now=NOW)
        disputes.propose(session, tutor, dispute.id, minutes=10, reason="属实", now=NOW)
        module_id = builders.video_of(session, world.current).module_id
        discussion.start_thread(session, tutor, module_id, title="通知", body="请看", now=NOW)
        new = NewMeeting(world.current.id, "qna", "答疑", begun, begun.replace(hour=2), group_ids=(world.group_id,))
        meeting = meeting_planning.plan(session, tutor, new, begun)
        meeting_confirming.mark_present(session, tutor, meeting.id, [enrolment_id], now=NOW)
        meeting_confirming.confirm(session, tutor, meeting.id, NOW)
        meeting_confirming.mark_absent(session, tutor, meeting.id, [enrolment_id], reason="代签", now=NOW)
        tutor_notes.write(session, tutor, enrolment_id, "需要关注", NOW)
        message = NewMessage("t", "b", "1")
        tutor_messages.send(session, tutor, world.group_id, [enrolment_id], message, NOW)
        brief = NewBrief(tutor_briefs.TO_OFFICE, "简报", "Brief", "文", "text", "1")
        tutor_briefs.send(session, tutor, world.group_id, brief, NOW)
        return world


DEEDS = [
    "homework_marked",
    "dispute_proposed",
    "post_written",
    "meeting_planned",
    "marked_present",
    "list_confirmed",
    "marked_absent",
    "note_written",
    "message_sent",
    "brief_sent",
]


def kinds(database: Database, world: Tutored, login: str, sought: Sought | None = None) -> list[str]:
    with database.reading() as session:
        read = trail.own if login in ("tutor", "second", "other") else trail.for_office
        found = list(read(session, world.actor(session, login), sought or Sought()))
        return [one.row.kind for one in reversed(found)]


def test_everything_a_tutor_did_is_there_once(database: Database) -> None:
    world = busy_world(database)

    assert kinds(database, world, "tutor") == DEEDS
    assert kinds(database, world, "second") == []
    assert kinds(database, world, "office") == DEEDS
    assert kinds(database, world, "county") == DEEDS
    assert kinds(database, world, "far") == []
    with database.reading() as session:
        first = list(trail.own(session, world.actor(session, "tutor"), Sought()))[-1]
        assert (first.actor_name, first.learner_name, first.group_name) == ("李建国", "学员late", "一班")
        for login in ("late", "office"):
            with pytest.raises(NotAllowed):
                trail.own(session, world.actor(session, login), Sought())
        with pytest.raises(NotAllowed):
            trail.for_office(session, world.actor(session, "tutor"), Sought())


def test_a_group_with_a_learner_elsewhere_is_no_countys(database: Database) -> None:
    world = busy_world(database)
    with database.writing() as session:
        world.enrolment(session, "stranger").class_group_id = world.group_id

    about_the_learner = ["homework_marked", "dispute_proposed", "marked_present", "marked_absent", "note_written"]
    assert kinds(database, world, "county") == about_the_learner
    assert kinds(database, world, "far") == []
    assert kinds(database, world, "office") == DEEDS


# what is sought, what is found
SOUGHT = [
    (Sought(kind="note_written"), ["note_written"]),
    (Sought(login="second"), []),
    (Sought(login="tutor", kind="post_written"), ["post_written"]),
    (Sought(since=NOW), [one for one in DEEDS if one != "meeting_planned"]),
    (Sought(before=NOW), ["meeting_planned"]),
]


@pytest.mark.parametrize(("sought", "expected"), SOUGHT)
def test_the_trail_is_narrowed(database: Database, sought: Sought, expected: list[str]) -> None:
    assert kinds(database, busy_world(database), "office", sought) == expected


def test_what_is_refused_leaves_no_trace(database: Database) -> None:
    world = busy_world(database)

    def write_twice(session: Session) -> None:
        for note in ("一", " "):
            tutor_notes.write(session, world.actor(session, "tutor"), world.enrolments["late"], note, NOW)

    with pytest.raises(Malformed):
        database.transact(write_twice)

    assert kinds(database, world, "tutor") == DEEDS


CHANGES = [
    "UPDATE trail_entries SET kind = 'x'",
    "DELETE FROM trail_entries",
    "DELETE FROM trail_entries WHERE id = 1",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_store_refuses_to_change_the_trail(database: Database, statement: str) -> None:
    world = busy_world(database)

    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(statement))

    assert kinds(database, world, "tutor") == DEEDS
