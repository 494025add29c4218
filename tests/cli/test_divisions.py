"""The command for official divisions: all, some provinces, again, and looking one up."""

from pathlib import Path

from sqlalchemy import select

from lms_plugin.storage.people import Region
from lms_plugin.storage.session import Database
from tests.builders import make_region
from tests.cli.conftest import Run


def test_divisions_of_a_province_are_imported_and_again_nothing_happens(run: Run, database: Database) -> None:
    head = "official divisions as of 2025-12-31: 27\n"
    assert run("users", "divisions", "--province", "660000") == (
        0,
        f"{head}27 regions created, 0 renamed, 0 unchanged\n",
        "",
    )
    assert run("users", "divisions", "--province", "660000")[1] == (
        f"{head}0 regions created, 0 renamed, 27 unchanged\n"
    )
    with database.reading() as session:
        alaer = session.scalars(select(Region).where(Region.code == "659002")).one()
        assert (alaer.name, alaer.level, len(alaer.lineage)) == ("阿拉尔市", "county", 3)


def test_all_divisions_are_imported(run: Run) -> None:
    assert run("users", "divisions")[1].endswith("3227 regions created, 0 renamed, 0 unchanged\n")


def test_what_stands_elsewhere_is_named_and_can_be_left_out(run: Run, database: Database) -> None:
    with database.writing() as session:
        beijing = make_region(session, "110000", "province", "北京市")
        make_region(session, "110101", "county", "东城区", make_region(session, "110100", "city", "市辖区", beijing))
    status, _, err = run("users", "divisions", "--province", "110000")
    assert status == 1
    assert "parent_code: the region exists under another region" in err
    assert "nothing was written" in err
    assert "15 regions created" in run("users", "divisions", "--province", "110000", "--only-good")[1]


def test_an_unknown_province_is_refused(run: Run) -> None:
    assert run("users", "divisions", "--province", "999999") == (1, "", "lms-plugin: there is no province 999999\n")


def test_a_code_is_looked_up_without_a_store(run: Run, tmp_path: Path) -> None:
    assert run("users", "divisions", "--find", "昆明 五华") == (0, "530102  county    云南省昆明市五华区\n", "")
    assert run("users", "divisions", "--find", "nowhere") == (0, "", "")
    assert not (tmp_path / "data").exists()
