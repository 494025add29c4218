"""Enrolments of an Open edX course compared with a programme's: matched by LMS user name only, then written."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import Conflict, NotAllowed, NotFound
from lms_plugin.services import enrolments, lms_enrolments
from lms_plugin.services.access import OFFICE, TUTOR
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.services.roster_ports import PlatformEnrolment
from lms_plugin.storage.admission import EnrolmentChange
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW

THERE = [
    PlatformEnrolment("wang.li", is_active=True),
    PlatformEnrolment("Wang.Li", is_active=True),
    PlatformEnrolment("zhao", is_active=True),
    PlatformEnrolment("closed", is_active=True),
    PlatformEnrolment("here", is_active=True),
    PlatformEnrolment("gone", is_active=False),
    PlatformEnrolment("left-both", is_active=False),
    PlatformEnrolment("withdrew", is_active=True),
    PlatformEnrolment("two", is_active=True),
    PlatformEnrolment("teacher@example.org", is_active=True),
    PlatformEnrolment("stranger", is_active=False),
]


@pytest.fixture
def world(database: Database) -> Database:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        current = builders.publish(session, builders.make_programme("rural"))

        def account(login: str, lms_username: str | None, **changes: object) -> User:
            user = builders.make_user(session, login, region=regions.school)
            user.lms_username = lms_username
            for name, value in changes.items():
                setattr(user, name, value)
            return user

        account("new", "wang.li")
        account("shut", "closed", is_active=False)
        builders.enrol(session, account("here", "here"), current)
        builders.enrol(session, account("gone", "gone"), current)
        builders.enrol(session, account("withdrew", "withdrew"), current).state = "withdrawn"
        account("one", "two")
        account("other", "two")
        account("mailed", None, email="teacher@example.org")
        tutor = builders.make_user(session, "tutor", TUTOR)
        tutor.lms_username = "zhao"
        builders.make_class_group(session, current, "一班", tutor)
        builders.make_user(session, "county", OFFICE, scope=regions.county)
    return database


def test_everybody_there_stands_in_the_list_that_says_what_would_become_of_them(world: Database) -> None:
    with world.reading() as session:
        found = lms_enrolments.compare(session, CONSOLE, "rural", THERE)
    assert [one.login for one in found.new] == ["new"]
    assert [one.login for one in found.enrolled] == ["here"]
    assert [one.login for one in found.withdrawn] == ["withdrew"]
    assert [one.login for one in found.closed] == ["shut"]
    assert [one.login for one in found.tutors] == ["tutor"]
    assert [one.login for one in found.inactive_there] == ["gone"]
    # Neither letters of another case nor an e-mail address say who somebody is.
    assert found.unknown == ("Wang.Li", "teacher@example.org")
    assert found.ambiguous == ("two",)


def test_only_who_is_new_is_enrolled_and_the_history_says_where_from(world: Database) -> None:
    with world.writing() as session:
        found = lms_enrolments.take_over(session, CONSOLE, "rural", THERE, origin="openedx: course-v1:A+B+C", now=NOW)
        assert [one.login for one in found.new] == ["new"]
    with world.reading() as session:
        enrolment = session.scalars(
            select(Enrolment).join(User, User.id == Enrolment.user_id).where(User.login == "new")
        ).one()
        (change,) = enrolments.changes_of(session, enrolment.id)
        assert (change.kind, change.reason, change.by) == ("enrolled", "openedx: course-v1:A+B+C", None)
        user = session.get_one(User, enrolment.user_id)
        assert enrolment.region_id == user.region_id
        assert len(session.scalars(select(EnrolmentChange)).all()) == 1
    with world.writing() as session:
        again = lms_enrolments.take_over(session, CONSOLE, "rural", THERE, origin="again", now=NOW)
        assert again.new == ()
        assert lms_enrolments.figures(again)["enrolled"] == 2


def test_nobody_is_enrolled_where_places_are_missing(world: Database) -> None:
    with world.writing() as session:
        builders.publish(session, replace(builders.make_programme("rural"), places=2))
    with world.writing() as session, pytest.raises(Conflict, match="too_few_places"):
        lms_enrolments.take_over(session, CONSOLE, "rural", THERE, origin="o", now=NOW)


def test_platforms_are_a_matter_of_the_whole_office(world: Database) -> None:
    with world.reading() as session:
        county = builders.actor_for(session, session.scalars(select(User).where(User.login == "county")).one())
        with pytest.raises(NotAllowed):
            lms_enrolments.compare(session, county, "rural", THERE)
        with pytest.raises(NotFound):
            lms_enrolments.compare(session, CONSOLE, "none", THERE)
