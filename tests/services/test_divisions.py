"""The packaged division codes: what must be in them, how they hang together, and importing them."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.services import divisions
from lms_plugin.services.divisions import CORPS
from lms_plugin.services.regionimport import RegionOutcome, import_regions
from lms_plugin.storage.people import LEVELS, Region
from lms_plugin.storage.session import Database
from tests.builders import make_region

MUNICIPALITIES = {"110000": 16, "120000": 16, "310000": 16, "500000": 37}
GOVERNED_BY_PROVINCES = {"410000": 1, "420000": 4, "460000": 15}
WITHOUT_COUNTIES = {"441900": "东莞市", "442000": "中山市", "460400": "儋州市", "620200": "嘉峪关市"}


def children(code: str) -> list[divisions.Division]:
    return [one for one in divisions.by_code().values() if one.parent_code == code]


def test_there_are_as_many_of_each_level_as_the_ministry_counts() -> None:
    counted = Counter(one.level for one in divisions.by_code().values())

    # 33 that the ministry codes, Taiwan and the Corps; 333 and the Corps' 14 divisions; 2,845
    assert counted == {"province": 35, "city": 347, "county": 2845}


def test_every_division_stands_under_one_that_is_above_it() -> None:
    known = divisions.by_code()
    for one in known.values():
        assert (len(one.code), one.code.isdecimal(), bool(one.name)) == (6, True, True), one
        if one.level == "province":
            assert (one.parent_code, one.code[2:]) == ("", "0000"), one
        else:
            assert LEVELS.index(known[one.parent_code].level) < LEVELS.index(one.level), one


def test_a_code_begins_like_that_of_its_parent_but_for_the_cities_of_the_corps() -> None:
    odd = [
        one.code
        for one in divisions.by_code().values()
        if one.parent_code and not one.code.startswith(one.parent_code.rstrip("0").ljust(2, "0"))
    ]

    assert odd == [f"6590{number:02}" for number in range(1, 13)]


@pytest.mark.parametrize(("code", "districts"), MUNICIPALITIES.items())
def test_districts_of_a_municipality_stand_under_it_without_a_city_between(code: str, districts: int) -> None:
    assert Counter(one.level for one in children(code)) == {"county": districts}


@pytest.mark.parametrize(("code", "counties"), GOVERNED_BY_PROVINCES.items())
def test_a_county_governed_by_its_province_stands_under_the_province(code: str, counties: int) -> None:
    assert Counter(one.level for one in children(code))["county"] == counties


def test_four_cities_have_no_counties() -> None:
    cities = [one for one in divisions.by_code().values() if one.level == "city" and not children(one.code)]

    # Of the Corps, the 11th and 12th divisions have no city of their own.
    assert {one.code: one.name for one in cities if one.parent_code != CORPS} == WITHOUT_COUNTIES
    assert [one.code for one in cities if one.parent_code == CORPS] == ["661100", "661200"]


def test_the_corps_stands_beside_the_provinces_with_its_divisions_and_cities() -> None:
    assert divisions.by_code()[CORPS].name == "新疆生产建设兵团"
    assert [one.code for one in children(CORPS)] == [f"66{number:02}00" for number in range(1, 15)]
    assert divisions.path_of("659002") == "新疆生产建设兵团新疆生产建设兵团第一师阿拉尔市"
    assert [one.name for one in children("660800")] == ["石河子市"]
    assert [one.name for one in children("660900")] == ["白杨市"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("五华区", ["530102"]),
        ("昆明 五华", ["530102"]),
        ("6590", [f"6590{number:02}" for number in range(1, 13)]),
        ("朝阳区", ["110105", "220104"]),
        ("没有这个地方", []),
    ],
)
def test_a_division_is_found_by_code_or_name_without_a_store(words: str, codes: list[str]) -> None:
    assert [one.code for one in divisions.find(words)] == codes


def test_all_divisions_are_imported_once_and_then_nothing_changes(database: Database) -> None:
    with database.writing() as session:
        assert import_regions(session, divisions.as_table()) == RegionOutcome(3227, 0, 0, ())
    with database.writing() as session:
        assert import_regions(session, divisions.as_table()) == RegionOutcome(0, 0, 3227, ())
        by_level = select(Region.level, func.count()).group_by(Region.level)
        assert dict(session.execute(by_level).tuples().all()) == {"province": 35, "city": 347, "county": 2845}
        alaer = session.scalars(select(Region).where(Region.code == "659002")).one()
        corps = session.scalars(select(Region).where(Region.code == CORPS)).one()
        assert (corps.id in alaer.lineage, len(alaer.lineage)) == (True, 3)


def test_single_provinces_are_imported_and_an_unknown_one_is_refused(database: Database) -> None:
    with database.writing() as session:
        assert import_regions(session, divisions.as_table([CORPS, "110000"])).created == 27 + 17
        # Xinjiang comes without the Corps' cities, which are here already.
        assert import_regions(session, divisions.as_table(["650000"])).created == 1 + 14 + 98
    for code in ("530100", "990000"):
        with pytest.raises(NotFound):
            divisions.as_table([code])


def test_what_stands_elsewhere_is_a_fault_and_not_moved(database: Database) -> None:
    with database.writing() as session:
        beijing = make_region(session, "110000", "province", "北京市")
        districts = make_region(session, "110100", "city", "市辖区", beijing)
        make_region(session, "110101", "county", "东城区", districts)
        with pytest.raises(Malformed) as refused:
            import_regions(session, divisions.as_table(["110000"]))
        faults = refused.value.params["faults"]
        assert isinstance(faults, tuple)
        assert [fault.code for fault in faults] == ["region_moves"]
        assert import_regions(session, divisions.as_table(["110000"]), only_good=True).created == 15
