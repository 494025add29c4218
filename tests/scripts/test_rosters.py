"""Faults that are known beforehand: each is named by row and column, no other one is, and nothing is written."""

import pytest
from sqlalchemy import func, select

from lms_plugin.services import importing, uploads
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from scripts.benchmarking import rosters
from scripts.benchmarking.rosters import NOW

ROWS, FAULTY = 3_000, 60
SEAL = FileSeal("a secret key of the tests")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_exactly_the_faults_that_are_there_are_named_and_the_store_stays_as_it_was(
    database: Database, form: str
) -> None:
    world = rosters.prepare(database, known=ROWS // 50 + FAULTY + 10, closed=FAULTY)
    roster = rosters.draw(world, rows=ROWS, faulty=FAULTY, seed=5)
    before = rosters.digest_of(database)
    uploads.receive(
        database,
        world.admin,
        kind="people",
        name=f"名册.{form}",
        content=roster.as_csv() if form == "csv" else roster.as_xlsx(),
        seal=SEAL,
        new_id="roster",
        now=NOW,
    )

    found = {
        (one.finding.row, one.finding.column, one.finding.code)
        for one in uploads.all_faults(database, world.admin, "roster", SEAL, NOW)
    }
    assert found == roster.expected
    assert len({row for row, _, _ in found}) == FAULTY
    assert rosters.digest_of(database) == before
    with database.reading() as session:
        preview = uploads.look(session, world.admin, "roster").preview
    assert preview is not None
    assert (preview.good_rows, preview.faulty_rows) == (ROWS - FAULTY, FAULTY)

    done = importing.carry_out(
        database, world.admin, "roster", only_good=True, seen_faulty_rows=FAULTY, seal=SEAL, now=NOW
    )
    assert done.figures == preview.figures
    assert done.slips == done.figures["created"]
    with database.reading() as session:
        # one was there before
        assert session.scalar(select(func.count()).select_from(Enrolment)) == done.figures["enrolled"] + 1


def test_the_same_seed_draws_the_same_roster(database: Database) -> None:
    world = rosters.prepare(database, known=60, closed=40)
    drawn = [rosters.draw(world, rows=400, faulty=40, seed=seed) for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1]
    assert drawn[0].expected != drawn[2].expected
    assert len({code for _, _, code in drawn[0].expected}) > 25
