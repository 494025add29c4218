"""Reminders to the office: whose places are left when nominations are due, and whose word an activity waits for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.programme import Group, Programme, Text
from lms_plugin.services import enrolments, nominations, quotas, reminding
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import SchoolActivity
from tests import builders
from tests.builders import NOW
from tests.services.test_nominations import World, make_world, person
from tests.services.test_pace import PACED

A_WEEK_BEFORE = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""Nominations are taken until 30 November."""
PHASES = (Group("lead", Text("骨干", "Lead")), Group("all", Text("全员", "All")))
AT_SCHOOL, AT_SECOND, AT_COUNTY = "530102-001", "530102-002", "530102"


def told(database: Database, kind: str) -> dict[str, int]:
    """What each person was told of, last of all: places or activities, by login."""
    with database.reading() as session:
        rows = session.execute(
            select(User.login, Notice.params)
            .join(User, User.id == Notice.user_id)
            .where(Notice.kind == kind)
            .order_by(Notice.id)
        ).all()
    return {row.login: row.params.get("places", row.params.get("count")) for row in rows}


# --- places that are left ---------------------------------------------------------------------------------------------

# What else there is of three nominees and a quota of three of the county, and the places that are left by then.
PLACES: dict[str, tuple[Callable[[World], object], dict[str, int]]] = {
    "nobody": (lambda world: None, {"county": 3}),
    "two at schools": (lambda world: _nominate(world, AT_SCHOOL, AT_SECOND), {"county": 1}),
    "three at schools": (lambda world: _nominate(world, AT_SCHOOL, AT_SCHOOL, AT_SECOND), {}),
    "three of the county's own": (lambda world: _nominate(world, *[AT_COUNTY] * 3), {}),
    "five": (lambda world: _nominate(world, *[AT_SCHOOL] * 5), {}),
    "taken": (lambda world: [world.accept(one) for one in _nominate(world, AT_SCHOOL, AT_SECOND)], {"county": 1}),
    "came without": (lambda world: _enrol(world, world.regions.school), {"county": 2}),
    "withdrawn nomination": (lambda world: _take_back(world, *_nominate(world, AT_SCHOOL, AT_SCHOOL)), {"county": 3}),
    "left again": (lambda world: _leave(world, *_nominate(world, AT_SCHOOL, AT_SCHOOL)), {"county": 3}),
    "from elsewhere": (lambda world: _nominate(world, "621202-001"), {"county": 3}),
    # Of four at one school two have a place: the county's last is the other school's, and still free.
    "handed down": (
        lambda world: (
            world.quota(AT_SCHOOL, 2),
            world.quota(AT_SECOND, 1),
            _nominate(world, *[AT_SCHOOL] * 4),
        ),
        {"county": 1, "second": 1},
    ),
    "all is full above": (lambda world: (world.quota("530000", 3), _nominate(world, *["530103-001"] * 3)), {}),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_region_has_the_places_left_that_nobody_below_it_takes(database: Database, case: str) -> None:
    world = make_world(database)
    _school_admins(world)
    world.quota(AT_COUNTY, 3)
    act, expected = PLACES[case]
    act(world)
    reminding.remind(database, A_WEEK_BEFORE)
    assert told(database, "nominations_due") == expected


# Quotas of the programme and of its phases, nominees by phase, and the places that are left.
IN_PHASES: dict[str, tuple[dict[str, int], dict[str, int], dict[str, int]]] = {
    "of the whole": ({"": 5}, {"lead": 1, "all": 1}, {"county": 3}),
    "of both, and not twice": ({"": 5, "lead": 2, "all": 3}, {"lead": 1}, {"county": 4}),
    "less in phases than in all": ({"": 5, "lead": 2, "all": 1}, {"lead": 1}, {"county": 2}),
    "of one phase besides": ({"": 5, "lead": 2}, {"lead": 2}, {"county": 3}),
    "of one phase only": ({"lead": 2}, {"lead": 1, "all": 7}, {"county": 1}),
    "of phases only": ({"lead": 2, "all": 3}, {"lead": 2, "all": 1}, {"county": 2}),
    "one phase is over": ({"lead": 2, "all": 3}, {"lead": 4}, {"county": 3}),
}


@pytest.mark.parametrize("case", IN_PHASES)
def test_quotas_of_phases_are_a_part_of_those_of_the_programme(database: Database, case: str) -> None:
    world = make_world(database, phases=PHASES)
    given, sent, expected = IN_PHASES[case]
    with database.writing() as session:
        for phase, places in given.items():
            quotas.set_quota(session, world.office, world.current.id, AT_COUNTY, places, NOW, phase=phase)
    number = 0
    for phase, count in sent.items():
        for _ in range(count):
            number += 1
            world.nominate(replace(person(number), phase=phase, region_code=AT_SCHOOL))
    reminding.remind(database, A_WEEK_BEFORE)
    assert told(database, "nominations_due") == expected


def test_a_programme_that_is_full_has_no_places_left(database: Database) -> None:
    world = make_world(database, places=3)
    world.quota(AT_COUNTY, 3)
    for number in range(3):
        _enrol(world, world.regions.far_school, f"far.{number}")
    reminding.remind(database, A_WEEK_BEFORE)
    assert told(database, "nominations_due") == {}


def _nominate(world: World, *codes: str) -> list[nominations.Nomination]:
    return [world.nominate(replace(person(number), region_code=code)) for number, code in enumerate(codes)]


def _take_back(world: World, *some: nominations.Nomination) -> None:
    with world.database.writing() as session:
        for one in some:
            nominations.withdraw(session, world.office, one.id, reason="", now=NOW)


def _leave(world: World, *some: nominations.Nomination) -> None:
    for taken in [world.accept(one) for one in some]:
        with world.database.writing() as session:
            enrolments.withdraw(session, world.office, taken.enrolment_id or 0, reason="调离", now=NOW)


def _enrol(world: World, region: Region, login: str = "direct") -> None:
    with world.database.writing() as session:
        user = builders.make_user(session, login, region=region)
        enrolments.enrol(session, world.current.id, NewLearner(user.id, user.region_id), NOW)


def _school_admins(world: World) -> None:
    with world.database.writing() as session:
        builders.make_user(session, "school", "office", scope=world.regions.school)
        builders.make_user(session, "second", "office", scope=world.regions.second_school)


# --- activities that wait ---------------------------------------------------------------------------------------------

BOTH, SCHOOL_ONLY, COUNTY_ONLY = ("school", "county"), ("school",), ("county",)

# Who approves, the state of an activity, whether its school has an admin, and who is told.
APPROVERS = [
    (BOTH,        "submitted",       True,  "school"),
    (BOTH,        "submitted",       False, "county"),
    (BOTH,        "school_approved", True,  "county"),
    (BOTH,        "approved",        True,  None),
    (SCHOOL_ONLY, "submitted",       True,  "school"),
    (SCHOOL_ONLY, "submitted",       False, "county"),
    (COUNTY_ONLY, "submitted",       True,  "county"),
    (COUNTY_ONLY, "submitted",       False, "county"),
    (COUNTY_ONLY, "returned",        True,  None),
    ((),          "submitted",       True,  None),
]  # fmt: skip


def approved_by(*levels: str) -> Programme:
    (component,) = PACED.components
    return replace(PACED, components=(replace(component, study=StudyRule(approvals=levels)),))


@pytest.mark.parametrize(("levels", "state", "has_admin", "expected"), APPROVERS)
def test_who_can_approve_next_hears_that_an_activity_waits(
    database: Database, levels: tuple[str, ...], state: str, has_admin: bool, expected: str | None
) -> None:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        if has_admin:
            builders.make_user(session, "school", "office", scope=regions.school)
        builders.make_user(session, "county", "office", scope=regions.county)
        builders.make_user(session, "other", "office", scope=regions.other_county)
        learner = builders.make_user(session, "li", region=regions.school)
    _hand_in(database, learner, approved_by(*levels), state=state, region=regions.school)

    reminding.remind(database, A_WEEK_BEFORE)

    assert told(database, "approvals_wait") == ({} if expected is None else {expected: 1})


def test_nobody_is_told_to_approve_what_is_their_own(database: Database) -> None:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        head = builders.make_user(session, "school", "office", "learner", scope=regions.school, region=regions.school)
        builders.make_user(session, "county", "office", scope=regions.county)
    _hand_in(database, head, PACED, state="submitted", region=regions.school)

    reminding.remind(database, A_WEEK_BEFORE)

    assert told(database, "approvals_wait") == {"county": 1}


def test_each_activity_waits_for_whom_the_version_of_its_day_says(database: Database) -> None:
    later = datetime(2026, 11, 16, tzinfo=UTC)
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        builders.make_user(session, "school", "office", scope=regions.school)
        builders.make_user(session, "county", "office", scope=regions.county)
        learner = builders.make_user(session, "li", region=regions.school)
    _hand_in(
        database,
        learner,
        approved_by(*BOTH),
        later + timedelta(days=1),
        later - timedelta(days=1),
        region=regions.school,
    )
    with database.writing() as session:
        builders.publish(session, approved_by(*COUNTY_ONLY), durations_ms={}, now=later)

    reminding.remind(database, A_WEEK_BEFORE)

    assert told(database, "approvals_wait") == {"school": 1, "county": 1}


def _hand_in(
    database: Database,
    learner: User,
    programme: Programme,
    *moments: datetime,
    region: Region,
    state: str = "submitted",
) -> None:
    with database.writing() as session:
        current = builders.publish(session, programme, durations_ms={}, now=datetime(2026, 10, 1, tzinfo=UTC))
        enrolment = builders.enrol(session, learner, current, now=datetime(2026, 10, 20, tzinfo=UTC))
        for starts_at in moments or (datetime(2026, 11, 20, 8, tzinfo=UTC),):
            session.add(
                SchoolActivity(
                    enrolment_id=enrolment.id,
                    user_id=learner.id,
                    region_id=region.id,
                    component_key="school",
                    activity="lecture",
                    title="讲座",
                    text="",
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(hours=1),
                    state=state,
                    approvals={"by": []},
                    submitted_at=starts_at + timedelta(hours=2),
                )
            )
