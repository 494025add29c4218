"""Who has withdrawn and comes back: nominated anew or taken back, with one place and never past those there are."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Refusal
from lms_plugin.domain.programme import Group, Text, Variant
from lms_plugin.services import classgroups, deciding, enrolments, quotas, roster, seats
from lms_plugin.services.access import Scope
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.deciding import Accepted
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.rosterfile import Table
from lms_plugin.services.rosterimport import apply_import, import_people
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.rosters import a_table
from tests.services.test_nominations import World, make_world, person
from tests.stores import ON_POSTGRESQL

LATER = NOW + timedelta(hours=2)
PHASES = (
    Group("lead", Text("骨干", "Lead"), closes_on=date(2026, 12, 1)),
    Group("class", Text("班主任", "Class"), opens_on=date(2026, 11, 20)),
)
TIERS = (Group("standard", Text("基础班", "Standard class")), Group("advanced", Text("提高班", "Advanced class")))


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database, places=10, phases=PHASES, tiers=TIERS)


def withdraw(world: World, enrolment_id: int | None) -> None:
    with world.database.writing() as session:
        enrolments.withdraw(session, world.office, enrolment_id or 0, reason="生病", now=NOW)


def nominated_again(world: World, code: str = "530102-001", phase: str = "", tier: str = "") -> tuple[int, Accepted]:
    """(the first enrolment, what accepting the second nomination of the same person did)."""
    first = world.accept(world.nominate(replace(person(1), phase="lead"))).enrolment_id
    withdraw(world, first)
    return first or 0, world.accept(world.nominate(replace(person(1, code), phase=phase, tier=tier)))


def free(world: World, code: str) -> tuple[int, int]:
    """(used, free) of a region's quota."""
    with world.database.reading() as session:
        (one,) = [one for one in quotas.quotas(session, world.office, world.current) if one.region.code == code]
    return one.used, one.free


def enrolment(world: World, enrolment_id: int) -> Enrolment:
    with world.database.reading() as session:
        return session.get_one(Enrolment, enrolment_id)


def kinds(world: World, enrolment_id: int) -> list[tuple[str, str, str]]:
    with world.database.reading() as session:
        found = enrolments.changes_of(session, enrolment_id)
    return [(one.kind, one.before, one.after) for one in found if one.kind.startswith(("moved", "returned"))]


def test_who_is_nominated_and_taken_again_has_one_place(world: World) -> None:
    world.quota("530102", 2)
    first, again = nominated_again(world)
    assert again.enrolment_id == first
    assert free(world, "530102") == (1, 1)
    assert world.accept(world.nominate(person(2))).enrolment_id is not None
    world.quota("530102", 2)


def test_the_place_of_who_comes_back_is_the_last_regions(world: World) -> None:
    world.quota("530102", 2)
    world.quota("530103", 2)
    first, _ = nominated_again(world, "530103-001")
    assert (free(world, "530102"), free(world, "530103")) == ((0, 2), (1, 1))
    found = enrolment(world, first)
    assert found.region_id == world.regions.other_school.id
    assert ("moved_school", "莲华小学 (530102-001)", "松华小学 (530103-001)") in kinds(world, first)
    with world.database.reading() as session:
        assert session.get_one(User, found.user_id).region_id == world.regions.other_school.id


def test_a_region_that_nominates_leaves_who_comes_back_at_their_school(world: World) -> None:
    first, _ = nominated_again(world, "530102")
    assert enrolment(world, first).region_id == world.regions.school.id
    assert kinds(world, first) == [("returned", "withdrawn", "active")]


def test_who_comes_back_is_in_the_phase_and_tier_of_the_last_nomination(world: World) -> None:
    first, _ = nominated_again(world, phase="class", tier="advanced")
    assert Variant.read(enrolment(world, first).variant) == Variant("class", "advanced")
    assert kinds(world, first) == [
        ("moved_tier", "standard", "advanced"),
        ("moved_phase", "lead", "class"),
        ("returned", "withdrawn", "active"),
    ]


def test_a_new_phase_begins_without_the_class_group_of_the_old_one(world: World) -> None:
    first = world.accept(world.nominate(replace(person(1), phase="lead"))).enrolment_id or 0
    with world.database.writing() as session:
        group = classgroups.create(session, world.office, world.current.id, "骨干一班")
        classgroups.move_group(session, world.office, first, group.id, reason="", now=NOW)
    withdraw(world, first)
    world.accept(world.nominate(replace(person(1), phase="class")))
    assert enrolment(world, first).class_group_id is None
    assert ("moved_group", "骨干一班", "") in kinds(world, first)


def credited(world: World) -> int:
    """Somebody with an hour in the phase "lead" who has withdrawn."""
    first = world.accept(world.nominate(replace(person(1), phase="lead"))).enrolment_id or 0
    with world.database.writing() as session:
        builders.credit(session, session.get_one(Enrolment, first), 45 * 60_000)
    withdraw(world, first)
    return first


def test_hours_stay_with_who_comes_back_in_another_tier(world: World) -> None:
    first = credited(world)
    world.accept(world.nominate(replace(person(1), phase="lead", tier="advanced")))
    found = enrolment(world, first)
    assert (Variant.read(found.variant).tier, found.counted_ms) == ("advanced", 45 * 60_000)


def test_who_has_hours_in_one_phase_does_not_come_back_in_another(world: World) -> None:
    first = credited(world)
    other = world.nominate(replace(person(1), phase="class"))
    with pytest.raises(Conflict, match="hours_in_other_phase") as refused:
        world.accept(other)
    assert refused.value.params == {"phase": "lead"}
    fits = world.nominate(person(2))
    with world.database.writing() as session:
        taken = deciding.accept_fitting(session, world.office, world.current.id, draws_password=False, now=NOW)
    assert [one.login for one in taken] == ["teacher2"], "who cannot be taken is left to be looked at"
    assert (world.state(other), world.state(fits)) == ("submitted", "accepted")
    assert enrolment(world, first).state == "withdrawn"


def taken_back(world: World, enrolment_id: int) -> Enrolment:
    with world.database.writing() as session:
        return enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=LATER)


def test_nobody_is_taken_back_into_a_place_that_was_given_away(world: World) -> None:
    world.quota("530102", 1)
    first = world.accept(world.nominate(person(1))).enrolment_id or 0
    withdraw(world, first)
    second = world.accept(world.nominate(person(2))).enrolment_id
    with pytest.raises(Conflict, match="no_place_to_return"):
        taken_back(world, first)
    assert (enrolment(world, first).state, free(world, "530102")) == ("withdrawn", (1, 0))
    withdraw(world, second)
    assert taken_back(world, first).state == "active"


def test_nobody_is_taken_back_past_the_places_of_the_programme(database: Database) -> None:
    world = make_world(database, places=1)
    first = world.accept(world.nominate(person(1))).enrolment_id or 0
    withdraw(world, first)
    world.accept(world.nominate(person(2)))
    with pytest.raises(Conflict, match="no_place_to_return"):
        taken_back(world, first)


def both(database: Database, *acts: Callable[[Session], object]) -> list[str]:
    """Do two things at the same moment; gives the codes of those that were refused."""
    start, refused, broken = threading.Barrier(len(acts)), list[str](), list[BaseException]()

    def run(act: Callable[[Session], object]) -> None:
        def work(session: Session) -> None:
            act(session)
            # Who is not kept out has counted by now, and not seen the other.
            time.sleep(0.3)

        start.wait()
        try:
            database.transact(work)
        except Refusal as refusal:
            refused.append(refusal.code)
        except BaseException as fault:
            broken.append(fault)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert broken == []
    return refused


def a_group_with_one_seat(world: World, current: InForce, *logins: str) -> tuple[ClassGroup, list[int]]:
    """A class group with room for one, and people who were in it before they withdrew."""
    with world.database.writing() as session:
        group = classgroups.create(session, world.office, current.id, "一班", 1)
        ids = []
        for login in logins:
            user = builders.make_user(session, login, region=world.regions.school)
            one = enrolments.enrol(session, current.id, NewLearner(user.id, user.region_id, group.id), NOW)
            enrolments.withdraw(session, world.office, one.id, reason="生病", now=NOW)
            ids.append(one.id)
    return group, ids


def in_group(database: Database, group: ClassGroup) -> int:
    with database.reading() as session:
        return seats.size_of(session, group.id)


@ON_POSTGRESQL
def test_of_two_taken_back_at_once_one_finds_the_group_full(database: Database) -> None:
    world = make_world(database)
    group, ids = a_group_with_one_seat(world, world.current, "a", "b")

    def back(enrolment_id: int) -> Callable[[Session], object]:
        return lambda session: enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=LATER)

    assert both(database, *map(back, ids)) == []
    assert in_group(database, group) == 1
    assert {enrolment(world, one).state for one in ids} == {"active"}


@ON_POSTGRESQL
def test_of_two_taken_back_at_once_one_finds_no_place(database: Database) -> None:
    world = make_world(database, places=1)
    _, ids = a_group_with_one_seat(world, world.current, "a", "b")

    def back(enrolment_id: int) -> Callable[[Session], object]:
        return lambda session: enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=LATER)

    assert both(database, *map(back, ids)) == ["no_place_to_return"]


@ON_POSTGRESQL
def test_a_seat_is_not_given_to_who_returns_and_who_moves(database: Database) -> None:
    world = make_world(database)
    group, (returning_id,) = a_group_with_one_seat(world, world.current, "a")
    with database.writing() as session:
        user = builders.make_user(session, "b", region=world.regions.school)
        moving = enrolments.enrol(session, world.current.id, NewLearner(user.id, user.region_id), NOW).id
    refused = both(
        database,
        lambda session: enrolments.take_back(session, world.office, returning_id, reason="康复", now=LATER),
        lambda session: classgroups.move_group(session, world.office, moving, group.id, reason="", now=LATER),
    )
    assert refused in ([], ["group_full"])
    assert in_group(database, group) == 1


@ON_POSTGRESQL
def test_two_rosters_at_once_do_not_overfill_a_group(database: Database) -> None:
    world = make_world(database)
    group, _ = a_group_with_one_seat(world, world.current)
    tables = [a_table("login|name|programme|class_group", f"{login}|甲|rural|一班") for login in ("a1", "b1")]
    outcomes: list[int] = []
    start = threading.Barrier(2)

    def run(table: Table) -> None:
        start.wait()
        _, done = import_people(database, table, Scope(None), only_good=True, now=NOW)
        outcomes.append(done.enrolled)

    threads = [threading.Thread(target=run, args=(one,)) for one in tables]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes) == [0, 1]
    assert in_group(database, group) == 1


@ON_POSTGRESQL
def test_a_roster_waits_for_who_takes_the_last_seat(database: Database) -> None:
    world = make_world(database)
    group, (returning_id,) = a_group_with_one_seat(world, world.current, "a")
    table = a_table("login|name|programme|class_group", "b1|甲|rural|一班")

    def read(session: Session) -> None:
        roster.lock_places(session, table)
        plan = roster.plan_import(session, table, Scope(None), NOW)
        apply_import(session, plan, only_good=True, now=NOW)

    both(
        database,
        lambda session: enrolments.take_back(session, world.office, returning_id, reason="康复", now=LATER),
        read,
    )
    assert in_group(database, group) == 1
