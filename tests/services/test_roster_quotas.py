"""Rosters and places: a regional admin imports within quotas, the whole office within the programme's places."""

import pytest

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.programme import Group, Text
from lms_plugin.services import rosterimport
from lms_plugin.services.access import Scope
from lms_plugin.services.roster import ImportPlan, plan_import
from lms_plugin.services.rosterfile import Table
from lms_plugin.services.rosterimport import Credential, import_people
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.rosters import a_table
from tests.services.test_nominations import World, make_world, person

HEADER = "login|name|region_code|programme|phase"
PHASES = (Group("lead", Text("骨干", "Lead"), places=1), Group("all", Text("全员", "All")))
WHOLE = Scope(None)


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database, places=5)


def county(world: World) -> Scope:
    return Scope((world.regions.county.id,))


def rows(*people: int, code: str = "530102-001", phase: str = "") -> Table:
    return a_table(HEADER, *(f"new{one}|教师{one}|{code}|rural|{phase}" for one in people))


def planned(world: World, table: Table, scope: Scope) -> ImportPlan:
    with world.database.reading() as session:
        return plan_import(session, table, scope, NOW)


def said(plan: ImportPlan) -> list[tuple[int, str | None, str]]:
    return [(one.row, one.column, one.code) for one in (*plan.faults, *plan.notices)]


def full(code: str, *numbers: int) -> list[tuple[int, str | None, str]]:
    return [(number, "programme", code) for number in numbers]


def test_a_region_imports_no_more_than_its_quota_leaves(world: World) -> None:
    world.quota("530102", 3)
    world.accept(world.nominate(person(1)))
    plan = planned(world, rows(1, 2, 3, 4), county(world))
    assert said(plan) == full("quota_used_up", 4, 5)
    assert (plan.enrolled, plan.created) == (2, 2)
    assert all(str(one) for one in plan.faults)


def test_what_a_region_imports_is_of_the_quota_above_it_too(world: World) -> None:
    world.quota("530000", 2)
    world.quota("530102", 2)
    world.accept(world.nominate(person(1, "530102-002")))
    assert said(planned(world, rows(1, 2), county(world))) == full("quota_used_up", 3)
    # Whom a quota above feeds as well: a school of another county, imported by the province.
    province = Scope((world.regions.province.id,))
    assert said(planned(world, rows(1, 2, code="530103-001"), province)) == full("quota_used_up", 3)


def test_a_region_without_a_quota_imports_nobody_where_others_have_one(world: World) -> None:
    world.quota("621202", 2)
    assert said(planned(world, rows(1), county(world))) == full("quota_used_up", 2)


def test_a_region_imports_no_more_than_the_programme_has_places(world: World) -> None:
    assert said(planned(world, rows(*range(7)), county(world))) == full("programme_full", 7, 8)


def test_the_whole_office_imports_past_quotas_and_not_past_the_places(world: World) -> None:
    world.quota("530102", 1)
    assert said(planned(world, rows(*range(5)), WHOLE)) == []
    assert said(planned(world, rows(*range(7)), WHOLE)) == full("programme_full", 7, 8)


def test_a_phase_has_places_of_its_own(database: Database) -> None:
    world = make_world(database, phases=PHASES)
    table = a_table(HEADER, *(f"new{at}|教师|530102-001|rural|{phase}" for at, phase in enumerate(["", "lead", "all"])))
    for scope in (WHOLE, county(world)):
        assert said(planned(world, table, scope)) == full("programme_full", 3)


def test_who_is_in_the_programme_already_and_who_is_faulty_need_no_place(world: World) -> None:
    world.quota("530102", 2)
    with world.database.writing() as session:
        user = builders.make_user(session, "known", region=world.regions.school)
        builders.enrol(session, user, world.current)
    table = a_table(
        "login|name|region_code|programme|email",
        "known|教师|530102-001|rural|known@example.org",
        "bad|教师|530102-001|rural|x@",
        "new1|教师|530102-001|rural|",
    )
    assert said(planned(world, table, county(world))) == [(3, "email", "email_malformed")]


def test_without_places_and_quotas_everybody_is_enrolled(database: Database) -> None:
    world = make_world(database)
    assert planned(world, rows(*range(30)), county(world)).enrolled == 30


def test_what_has_no_place_is_looked_at_again_when_it_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.quota("530102", 1)
    table = rows(1)
    assert said(planned(world, table, county(world))) == []
    make = rosterimport.make_credentials

    def somebody_is_faster(plan: ImportPlan) -> dict[str, Credential]:
        world.accept(world.nominate(person(1)))
        return make(plan)

    monkeypatch.setattr(rosterimport, "make_credentials", somebody_is_faster)
    with pytest.raises(Malformed, match="import_has_faults"):
        import_people(world.database, table, county(world), only_good=False, now=NOW)
    with world.database.reading() as session:
        assert session.query(User).filter_by(login="new1").one_or_none() is None
