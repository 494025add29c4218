"""Whoever stands in may what the tutor may, on these days and in this group only, and in the tutor's name."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.services import (
    access,
    classgroups,
    coursework,
    examinations,
    notices,
    people,
    substitutions,
    tutor_notes,
    waiting,
)
from lms_plugin.services.substitutions import NewSubstitution
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from lms_plugin.storage.tutoring import TrailEntry
from tests import builders
from tests.services.tutored import NOW, Tutored, make_tutored

FIRST, LAST = date(2026, 11, 26), date(2026, 11, 28)
# Midnight in Shanghai.
BEGINS = NOW.replace(day=25, hour=16)
ENDS = NOW.replace(day=28, hour=16)
MOMENT = timedelta(microseconds=1)


def world_of(database: Database) -> Tutored:
    with database.writing() as session:
        return make_tutored(session, ("late",))


def give(database: Database, world: Tutored, by: str = "tutor", **changes: object) -> int:
    with database.writing() as session:
        new = {
            "login": "other",
            "tutor_id": world.people["tutor"],
            "first_on": FIRST,
            "last_on": LAST,
            "note": "late 需要电话联系",
        } | changes
        actor = world.actor(session, by)
        return substitutions.give(session, actor, world.group_id, NewSubstitution(**new), NOW).id


def may(database: Database, world: Tutored, at: object, login: str = "other") -> bool:
    with database.reading() as session:
        actor = world.actor(session, login, at)
        try:
            access.tutored_enrolment(session, actor, world.enrolments["late"])
        except NotFound:
            return False
        return world.group_id in [one.id for one in access.tutored_groups(session, actor)]


# the moment, whether the substitute may
MOMENTS = [
    (NOW, False),
    (BEGINS - MOMENT, False),
    (BEGINS, True),
    (BEGINS + timedelta(days=1), True),
    (ENDS - MOMENT, True),
    (ENDS, False),
    (ENDS + timedelta(days=300), False),
]


def test_access_begins_and_ends_with_the_days(database: Database) -> None:
    world = world_of(database)
    give(database, world)

    assert [may(database, world, at) for at, _ in MOMENTS] == [allowed for _, allowed in MOMENTS]
    assert all(may(database, world, at, "tutor") for at, _ in MOMENTS), "who is away stays tutor"
    assert not any(may(database, world, at, "late") for at, _ in MOMENTS)
    with database.reading() as session:
        without_moment = access.actor_of(session, world.people["other"])
        with pytest.raises(NotFound):
            access.tutored_group(session, without_moment, world.group_id)


def test_access_is_allowed_exactly_inside_the_days(database: Database) -> None:
    world = world_of(database)
    give(database, world)

    @settings(max_examples=30)
    @given(seconds=st.integers(-10 * 86_400, 10 * 86_400))
    def at_any_moment(seconds: int) -> None:
        at = BEGINS + timedelta(seconds=seconds)
        assert may(database, world, at) == (BEGINS <= at < ENDS)

    at_any_moment()


def test_a_substitution_ends_when_it_is_ended_or_its_tutor_is_none_any_more(database: Database) -> None:
    world = world_of(database)
    given_id = give(database, world)
    during = BEGINS + timedelta(hours=1)
    with database.writing() as session:
        classgroups.dismiss(session, world.actor(session, "office"), world.group_id, world.people["tutor"], NOW)
    assert not may(database, world, during)
    with database.writing() as session:
        classgroups.appoint(session, world.actor(session, "office"), world.group_id, "tutor")
    assert may(database, world, during)
    with database.writing() as session:
        substitutions.end(session, world.actor(session, "second"), world.group_id, given_id, during)
    assert not may(database, world, during)
    with database.writing() as session, pytest.raises(Conflict, match="substitution_is_over"):
        substitutions.end(session, world.actor(session, "tutor"), world.group_id, given_id, during)
    give(database, world)
    assert may(database, world, during)


def test_what_a_substitute_does_is_done_on_the_tutors_behalf_and_counted_as_teaching(database: Database) -> None:
    world = world_of(database)
    give(database, world)
    during = BEGINS + timedelta(hours=1)
    with database.writing() as session:
        late = world.actor(session, "late")
        coursework.hand_in(session, late, world.enrolments["late"], "homework", 1, text="教案" * 50, now=during)
        substitute = world.actor(session, "other", during)
        assert waiting.homework(session, substitute) == 1
        assert access.standing_in(session, world.group_id, during) == [world.people["other"]]
        assert access.standing_in(session, world.group_id, ENDS) == []
        assert waiting.homework(session, world.actor(session, "other", ENDS)) == 0
        (work,) = coursework.to_mark(session, substitute, during)
        coursework.mark(session, substitute, work.row.id, mark=80, now=during)
        tutor_notes.write(session, substitute, world.enrolments["late"], "已通话", during)
        tutor_notes.write(session, world.actor(session, "tutor"), world.enrolments["late"], "谢谢", during)
    with database.reading() as session:
        rows = session.execute(
            select(TrailEntry.kind, TrailEntry.actor_id, TrailEntry.on_behalf_of_id).order_by(TrailEntry.id)
        ).all()
        other, tutor = world.people["other"], world.people["tutor"]
        assert [tuple(row) for row in rows] == [
            ("substitute_given", tutor, None),
            ("homework_marked", other, tutor),
            ("note_written", other, tutor),
            ("note_written", tutor, None),
        ]
        taught = examinations.taught_by(session, [world.enrolment(session, "late")])
        assert other in taught[world.enrolments["late"]]


def test_both_tutors_the_substitute_and_the_group_are_told_once(database: Database) -> None:
    world = world_of(database)
    give(database, world)
    with database.reading() as session:
        for login, address in (
            ("tutor", f"/tutor?group={world.group_id}"),
            ("second", f"/tutor?group={world.group_id}"),
            ("other", "/tutor"),
            ("late", f"/enrolments/{world.enrolments['late']}"),
        ):
            (told,) = notices.latest(session, world.actor(session, login))
            assert (told.kind, told.address) == ("substitute_given", address)
            assert told.params["ends_on"] == "2026-11-29"
        assert notices.latest(session, world.actor(session, "stranger")) == []
        shown = substitutions.current_of(session, world.actor(session, "other", BEGINS), world.group_id, BEGINS)
        assert shown is not None
        assert (shown.row.note, shown.tutor_name) == ("late 需要电话联系", "李建国")
        assert substitutions.current_of(session, world.actor(session, "second", BEGINS), world.group_id, BEGINS) is None


FAULTY = [
    ({"login": "nobody"}, "substitute_unknown"),
    ({"login": "late"}, "substitute_unknown"),
    ({"login": "county"}, "substitute_unknown"),
    ({"login": "second"}, "substitute_is_tutor"),
    ({"tutor_id": 0}, "tutor_unknown"),
    ({"first_on": None}, "first_day_missing"),
    ({"last_on": None}, "last_day_missing"),
    ({"first_on": LAST, "last_on": FIRST}, "days_reversed"),
    ({"first_on": date(2026, 11, 1), "last_on": date(2026, 11, 23)}, "days_past"),
    ({"last_on": FIRST + timedelta(days=92)}, "too_many_days"),
    ({"note": "好" * 2001}, "handover_note_too_long"),
]


@pytest.mark.parametrize(("changes", "code"), FAULTY)
def test_what_cannot_be_is_refused_with_its_reason(database: Database, changes: dict[str, object], code: str) -> None:
    world = world_of(database)

    with pytest.raises((Malformed, Conflict), match=code):
        give(database, world, "tutor", **changes)


def test_nobody_stands_in_twice_and_no_learner_for_their_tutor(database: Database) -> None:
    world = world_of(database)
    give(database, world)
    with pytest.raises(Conflict, match="substitute_overlaps"):
        give(database, world, first_on=LAST, last_on=LAST + timedelta(days=3))
    give(database, world, first_on=LAST + timedelta(days=1), last_on=LAST + timedelta(days=3))
    give(database, world, tutor_id=world.people["second"])
    with database.writing() as session:
        people.grant_role(session, world.people["stranger"], access.Grant(access.TUTOR, None))
    with pytest.raises(Conflict, match="learns_and_tutors"):
        give(database, world, login="stranger", first_on=date(2026, 12, 5), last_on=date(2026, 12, 5))
    with database.writing() as session:
        session.get_one(User, world.people["other"]).is_active = False
    with pytest.raises(Malformed, match="substitute_unknown"):
        give(database, world, first_on=date(2026, 12, 5), last_on=date(2026, 12, 5))


def test_only_the_groups_tutors_and_its_office_hand_over(database: Database) -> None:
    world = world_of(database)
    give(database, world, "county")
    with database.reading() as session:
        # A substitute hands nothing on.
        with pytest.raises(NotFound):
            substitutions.handed_group(session, world.actor(session, "other", BEGINS), world.group_id)
        for login in ("far", "late", "stranger"):
            with pytest.raises((NotFound, NotAllowed)):
                substitutions.handed_group(session, world.actor(session, login), world.group_id)
    with database.writing() as session:
        outside = builders.make_user(session, "outside", "tutor")
        actor = builders.actor_for(session, outside)
        with pytest.raises(NotFound):
            substitutions.end(session, actor, world.group_id, 1, NOW)
