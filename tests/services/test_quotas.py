"""Quotas: set by the office, handed down by regions, imported whole or not at all, and never more than there are."""

from datetime import date

import pytest

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.domain.programme import Group, Text
from lms_plugin.services import enrolments, quotaimport, quotas
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.rosterfile import QUOTAS
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.rosters import a_table
from tests.services.test_nominations import World, make_world, person

PHASES = (
    Group("lead", Text("骨干", "Lead"), places=100),
    Group("all", Text("全员", "All"), opens_on=date(2026, 11, 20)),
)


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database, places=592, phases=PHASES)


def shown(world: World, phase: str = "") -> dict[str, tuple[int, int, int, int]]:
    with world.database.reading() as session:
        found = quotas.quotas(session, world.office, world.current, phase)
    return {one.region.code: (one.places, one.used, one.free, one.kept) for one in found}


def test_places_are_handed_down_used_and_left(world: World) -> None:
    world.quota("530000", 10)
    world.quota("530102", 3, world.province)
    world.quota("530103", 2, world.province)
    world.accept(world.nominate(person(1)))
    with world.database.writing() as session:
        direct = builders.make_user(session, "direct", region=world.regions.other_school)
        enrolments.enrol(session, world.current.id, NewLearner(direct.id, direct.region_id), NOW)
    assert shown(world) == {"530000": (10, 2, 8, 5), "530102": (3, 1, 2, 3), "530103": (2, 1, 1, 2)}


def test_a_place_stays_with_the_region_that_sent_whoever_moves(world: World) -> None:
    world.quota("530102", 3)
    world.quota("621202", 3)
    taken = world.accept(world.nominate(person(1)))
    with world.database.writing() as session:
        enrolments.move_school(session, world.office, taken.enrolment_id or 0, "621202-001", reason="调动", now=NOW)
    assert shown(world) == {"530102": (3, 1, 2, 3), "621202": (3, 0, 3, 3)}


def test_a_regional_office_sees_and_gives_below_itself_only(world: World) -> None:
    world.quota("530000", 10)
    world.quota("620000", 10)
    with world.database.reading() as session:
        found = quotas.quotas(session, world.province, world.current)
        assert [one.region.code for one in found] == ["530000"]
    with pytest.raises(NotAllowed):
        world.quota("530000", 11, world.province)
    with pytest.raises(NotFound):
        world.quota("621202", 1, world.province)


REFUSED = [
    ("530102", 9, "quota_over", {"name": "云南省", "places": 10, "given": 11}),
    ("530000", 1, "quota_over", {"name": "云南省", "places": 1, "given": 2}),
    ("620000", 583, "quota_over_programme", {"places": 592, "given": 593}),
    ("530103", 0, "quota_below_used", {"used": 1}),
    ("530103", -1, "places_malformed", {"value": -1}),
    ("530103", 10_000_001, "places_malformed", {"value": 10_000_001}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "places", "refusal", "figures"), REFUSED)
def test_no_more_places_are_given_than_there_are(
    world: World, code: str, places: int, refusal: str, figures: dict[str, object]
) -> None:
    world.quota("530000", 10)
    world.quota("530103", 2)
    world.accept(world.nominate(person(1, "530103-001")))
    with pytest.raises(Refusal) as refused:
        world.quota(code, places)
    assert (refused.value.code, refused.value.params) == (refusal, figures)


def test_a_quota_can_be_taken_away_again(world: World) -> None:
    world.quota("530102", 3)
    world.quota("530102", None)
    world.quota("530102", None)
    assert shown(world) == {}


def test_a_phase_has_quotas_of_its_own(world: World) -> None:
    with world.database.writing() as session:
        quotas.set_quota(session, world.office, world.current.id, "530000", 4, NOW, phase="lead")
        with pytest.raises(Conflict, match="quota_over_programme"):
            quotas.set_quota(session, world.office, world.current.id, "620000", 97, NOW, phase="lead")
        with pytest.raises(NotFound):
            quotas.set_quota(session, world.office, world.current.id, "620000", 1, NOW, phase="none-such")
    world.accept(world.nominate(person(1)))
    assert shown(world, "lead") == {"530000": (4, 1, 3, 4)}


def test_a_table_of_quotas_is_taken_whole(world: World) -> None:
    world.quota("530102", 3)
    table = a_table("地区代码|名额|阶段", "530000|10|", "530102|4|", "530103|6|", "620000|9|lead", layout=QUOTAS)
    with world.database.writing() as session:
        plan = quotaimport.plan_quotas(session, world.office, world.current.id, table, NOW)
        assert (plan.new, plan.changed, plan.unchanged, plan.faults) == (3, 1, 0, ())
        assert quotaimport.apply_quotas(session, world.office, plan, NOW) == 4
        again = quotaimport.plan_quotas(session, world.office, world.current.id, table, NOW)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 4)
    assert shown(world) == {"530000": (10, 0, 10, 0), "530102": (4, 0, 4, 4), "530103": (6, 0, 6, 6)}


def test_every_faulty_row_of_quotas_is_named_and_nothing_is_written(world: World) -> None:
    world.quota("530000", 10)
    world.accept(world.nominate(person(1)))
    table = a_table(
        "地区代码|名额|阶段",
        "|5|", "999999|5|", "530102||", "530102|many|", "530102|0|", "530102|6|", "530102|6|", "530103|5|",
        "621202|1|x",
        layout=QUOTAS,
    )  # fmt: skip
    with world.database.writing() as session:
        plan = quotaimport.plan_quotas(session, world.office, world.current.id, table, NOW)
        assert [(one.row, one.code) for one in plan.faults] == [
            (2, "region_missing"),
            (3, "region_unknown"),
            (4, "places_missing"),
            (5, "places_malformed"),
            (6, "quota_below_used"),
            (7, "quota_over"),
            (8, "region_twice"),
            (9, "quota_over"),
            (10, "phase_unknown"),
        ]
        assert all(str(one) for one in plan.faults)
        with pytest.raises(Malformed, match="import_has_faults"):
            quotaimport.apply_quotas(session, world.office, plan, NOW)
        regional = quotaimport.plan_quotas(session, world.province, world.current.id, table, NOW)
        assert (10, "region_outside_scope") in [(one.row, one.code) for one in regional.faults]
    assert shown(world) == {"530000": (10, 1, 9, 10)}
