"""Who has withdrawn and comes back: nominated anew or taken back, with one place and never past those there are."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.programme import Group, Text, Variant
from lms_plugin.services import classgroups, deciding, enrolments, quotas
from lms_plugin.services.deciding import Accepted
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.test_nominations import World, make_world, person

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
