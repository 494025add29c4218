"""Files of nominations and quotas: every fault by row before anything is written, and taken as they were seen."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.services import admission_list, admission_uploads
from lms_plugin.services.access import Actor
from lms_plugin.services.admission_uploads import Looked
from lms_plugin.services.sealing import FileSeal
from lms_plugin.services.uploads import MOST_WAITING
from lms_plugin.storage.admission import Nomination, Upload
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.rosters import as_csv
from tests.services.test_nominations import World, make_world, person

SEAL = FileSeal("a secret of the tests, long enough for them")
HEADER = ["账号", "姓名", "学校代码", "联系电话", "任教学科", "出生日期", "性别", "备注"]


def teacher(login: str, code: str = "530102-001", born_on: str = "1990-05-01") -> list[str]:
    return [login, "李老师", code, "13800000000", "体育", born_on, "女", "随便写"]


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def receive(world: World, rows: list[list[str]], kind: str = "nominations", actor: Actor | None = None) -> str:
    with world.database.writing() as session:
        new_id = f"upload{session.scalar(select(func.count()).select_from(Upload))}"
        admission_uploads.receive(
            session,
            actor or world.county,
            "rural",
            kind=kind,
            name="名单.csv",
            content=as_csv(rows),
            seal=SEAL,
            new_id=new_id,
            now=NOW,
        )
    return new_id


def look(world: World, upload_id: str, actor: Actor | None = None) -> Looked:
    with world.database.reading() as session:
        return admission_uploads.look(session, actor or world.county, upload_id, SEAL, NOW)


def take(world: World, upload_id: str, seen: int, actor: Actor | None = None) -> dict[str, int]:
    with world.database.writing() as session:
        return dict(
            admission_uploads.take(session, actor or world.county, upload_id, seen_faulty_rows=seen, seal=SEAL, now=NOW)
        )


def test_good_rows_are_taken_with_their_misfits_and_faulty_ones_are_named(world: World) -> None:
    world.nominate(person(1))
    rows = [
        HEADER,
        teacher("a1", born_on="1970-01-01"),
        teacher("a2"),
        teacher("a2"),
        teacher("elsewhere", "621202-001"),
        teacher("teacher1"),
        teacher("nowhere", ""),
    ]
    upload_id = receive(world, rows)
    seen = look(world, upload_id)
    assert [(one.row, one.column, one.code) for one in seen.faults] == [
        (4, "login", "login_twice"),
        (5, "region_code", "region_outside_scope"),
        (6, "login", "already_nominated"),
        (7, "region_code", "region_missing"),
    ]
    assert (seen.good_rows, seen.faulty_rows, seen.ignored_columns, seen.can_be_taken) == (2, 4, ("备注",), True)
    assert seen.figures == {"nominated": 2, "with_misfits": 2, "not_stated": 4, "over_age": 1}
    with pytest.raises(Conflict, match="import_changed"):
        take(world, upload_id, 3)
    assert take(world, upload_id, 4)["nominated"] == 2
    assert look(world, upload_id).figures["nominated"] == 2
    with world.database.reading() as session:
        found = admission_list.nominations(session, world.county, world.current.id)
        assert sorted(one.nomination.login for one in found) == ["a1", "a2", "teacher1"]
        assert session.get_one(Upload, upload_id).body == b""
    with pytest.raises(Conflict, match="upload_not_waiting"):
        take(world, upload_id, 4)


def test_a_file_without_a_good_row_cannot_be_taken(world: World) -> None:
    upload_id = receive(world, [HEADER, teacher("nowhere", "")])
    assert not look(world, upload_id).can_be_taken
    with pytest.raises(Malformed, match="import_has_faults"):
        take(world, upload_id, 1)


def test_a_file_is_its_owners_and_can_be_thrown_away(world: World) -> None:
    upload_id = receive(world, [HEADER, teacher("a1")])
    with pytest.raises(NotFound):
        look(world, upload_id, world.far)
    with world.database.writing() as session:
        assert admission_uploads.discard(session, world.county, upload_id, NOW) == "rural"
        with pytest.raises(Conflict, match="upload_not_waiting"):
            admission_uploads.discard(session, world.county, upload_id, NOW)
    assert look(world, upload_id).state == "discarded"
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Nomination)) == 0


def test_after_the_deadline_a_file_says_so(world: World) -> None:
    upload_id = receive(world, [HEADER, teacher("a1")])
    with world.database.reading() as session, pytest.raises(Conflict, match="nominations_closed"):
        admission_uploads.look(session, world.county, upload_id, SEAL, NOW + timedelta(days=30))


def test_only_so_many_files_wait_and_only_for_admins_and_known_kinds(world: World) -> None:
    with world.database.writing() as session:
        learner = builders.actor_for(session, builders.make_user(session, "learner"))
    with pytest.raises(NotAllowed):
        receive(world, [HEADER, teacher("a1")], actor=learner)
    with pytest.raises(NotFound):
        receive(world, [HEADER, teacher("a1")], kind="people")
    for _ in range(MOST_WAITING):
        receive(world, [HEADER, teacher("a1")])
    with pytest.raises(Conflict, match="too_many_uploads"):
        receive(world, [HEADER, teacher("a1")])


def test_quotas_of_a_file_are_taken_whole(world: World) -> None:
    good = receive(world, [["地区代码", "名额"], ["530000", "5"], ["530102", "5"]], "quotas", world.office)
    assert look(world, good, world.office).figures == {"new": 2, "changed": 0, "unchanged": 0}
    assert take(world, good, 0, world.office)["new"] == 2
    faulty = receive(world, [["地区代码", "名额"], ["530000", "6"], ["530103", "5"]], "quotas", world.office)
    seen = look(world, faulty, world.office)
    assert (seen.good_rows, seen.faulty_rows, seen.can_be_taken) == (2, 2, False)
    with pytest.raises(Malformed, match="import_has_faults"):
        take(world, faulty, 2, world.office)


def test_regions_with_too_few_from_the_countryside_are_named(world: World) -> None:
    for number in range(5):
        world.nominate(person(number))
    with world.database.reading() as session:
        assert admission_list.rural_shares(session, world.office, world.current) == []
    upload_id = receive(world, [HEADER, teacher("a1"), teacher("a2")])
    take(world, upload_id, 0)
    with world.database.reading() as session:
        ((name, share),) = admission_list.rural_shares(session, world.office, world.current)
        assert (name, share.rural, share.nominees, share.needed, share.not_stated) == ("云南省", 5, 7, 6, 2)
        assert [one for one, _ in admission_list.rural_shares(session, world.county, world.current)] == ["五华区"]
        schools = admission_list.schools(session, world.county)
    assert [code for code, _ in schools] == ["530102-001", "530102-002"]
