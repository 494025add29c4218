"""Files that wait: whose they are, what they would do, carrying them out whole or in part, and passwords seen once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.services import importing, sign_in, uploads
from lms_plugin.services.access import Actor
from lms_plugin.services.importing import CarriedOut
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.admission import EnrolmentChange, Upload
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, make_region_tree, make_user, publish
from tests.services.rosters import as_csv

SEAL = FileSeal("a secret key of the tests")
HEADER = ["login", "name", "region_code", "programme", "password"]
GOOD = ["a1", "甲", "530102-001", "rural", ""]
FAULTY = ["b 2", "乙", "999999", "rural", ""]


@pytest.fixture
def admin(database: Database) -> Actor:
    with database.writing() as session:
        make_region_tree(session)
        publish(session)
        return actor_for(session, make_user(session, "admin", "office"))


def county_admin(database: Database, login: str = "county", code: str = "530102") -> Actor:
    with database.writing() as session:
        region = session.scalars(select(Region).where(Region.code == code)).one()
        return actor_for(session, make_user(session, login, "office", scope=region))


def receive(database: Database, actor: Actor, *rows: list[str], kind: str = "people", new_id: str = "u1") -> str:
    header = HEADER if kind == "people" else ["code", "level", "name", "parent_code"]
    content = as_csv([header, *rows])
    uploads.receive(database, actor, kind=kind, name="名册.csv", content=content, seal=SEAL, new_id=new_id, now=NOW)
    return new_id


def carry_out(database: Database, actor: Actor, *, only_good: bool = True, seen: int = 0) -> CarriedOut:
    return importing.carry_out(database, actor, "u1", only_good=only_good, seen_faulty_rows=seen, seal=SEAL, now=NOW)


def people(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def body_of(database: Database, upload_id: str = "u1") -> bytes:
    with database.reading() as session:
        return session.get_one(Upload, upload_id).body


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refusal:
        work()
    return refusal.value.code


def test_a_file_waits_with_what_it_would_do_and_writes_nothing(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD, FAULTY)
    with database.reading() as session:
        (one,), done = uploads.own_uploads(session, admin)
    assert (one.id, one.kind, one.name, one.state, done) == ("u1", "people", "名册.csv", "waiting", [])
    preview = one.preview
    assert preview is not None
    assert (preview.at, preview.good_rows, preview.faulty_rows, preview.fault_count) == (NOW, 1, 1, 2)
    assert preview.figures == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "enrolled": 1,
        "moved": 0,
        "tutors": 0,
        "class_groups": 0,
    }
    assert [(noted.finding.row, noted.finding.column, noted.value) for noted in preview.faults] == [
        (3, "region_code", "999999"),
        (3, "login", "b 2"),
    ]
    assert people(database) == 1


def test_a_file_and_the_passwords_in_it_cannot_be_read_in_the_store(database: Database, admin: Actor) -> None:
    receive(database, admin, [*GOOD[:4], "Grüne-Berge-49"], ["c3", "丙", "", "", "kurz"])
    with database.reading() as session:
        row = session.get_one(Upload, "u1")
        assert b"Berge" not in row.body
        assert "kurz" not in str(row.outcome)
        preview = uploads.look(session, admin, "u1").preview
    assert preview is not None
    assert [(noted.finding.code, noted.value) for noted in preview.faults] == [("password_too_short", "")]
    other = FileSeal("another secret key")
    assert refused(lambda: uploads.check_again(database, admin, "u1", other, NOW)) == "upload_unreadable"


def test_a_file_that_is_no_roster_is_not_kept(database: Database, admin: Actor) -> None:
    for kind, content, code in (
        ("people", b"", "file_empty"),
        ("people", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old workbook", "file_is_old_excel"),
        ("people", b"PK\x03\x04 nothing", "file_unreadable"),
        ("people", b"a,b\n1,2\n", "columns_missing"),
        ("grades", b"login,name\na1,x\n", "unknown_kind"),
    ):
        with pytest.raises(Malformed) as refusal:
            uploads.receive(database, admin, kind=kind, name="x", content=content, seal=SEAL, new_id="x", now=NOW)
        assert refusal.value.code == code
    with database.reading() as session:
        assert uploads.own_uploads(session, admin) == ([], [])


def test_nobody_else_has_anything_of_a_file(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD)
    other = county_admin(database)
    with database.writing() as session:
        learner = actor_for(session, make_user(session, "learner"))
        assert uploads.own_uploads(session, other) == ([], [])
        for stranger, error in ((other, NotFound), (learner, NotAllowed)):
            with pytest.raises(error):
                uploads.look(session, stranger, "u1")
            with pytest.raises(error):
                uploads.discard(session, stranger, "u1", NOW)
            with pytest.raises(error):
                importing.fetch_slips(session, stranger, "u1", "")
    with pytest.raises(NotFound):
        carry_out(database, other)
    with pytest.raises(NotAllowed):
        receive(database, learner, GOOD, new_id="u2")


def test_good_rows_are_imported_and_the_drawn_passwords_come_once(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD, FAULTY, ["c3", "丙", "", "", "Steile-Pfade-7"])
    assert refused(lambda: carry_out(database, admin, only_good=False, seen=1)) == "import_has_faults"
    assert refused(lambda: carry_out(database, admin, seen=0)) == "import_changed"
    assert people(database) == 1

    done = carry_out(database, admin, seen=1)
    assert (done.figures["created"], done.figures["enrolled"], done.slips) == (2, 1, 1)
    assert done.slips_key is not None
    key = done.slips_key
    with database.writing() as session:
        change = session.scalars(select(EnrolmentChange)).one()
        assert (change.number, change.kind, change.changed_by_id) == (1, "enrolled", admin.user_id)
        assert uploads.look(session, admin, "u1").has_slips
        assert refused(lambda: importing.fetch_slips(session, admin, "u1", "not the key")) == "key_wrong"
    with database.writing() as session:
        (slip,) = importing.fetch_slips(session, admin, "u1", key)
    with database.writing() as session:
        assert (slip.login, slip.name) == ("a1", "甲")
        assert sign_in.sign_in(session, "a1", slip.password, NOW).login == "a1"
        assert sign_in.sign_in(session, "c3", "Steile-Pfade-7", NOW).login == "c3"
        assert refused(lambda: importing.fetch_slips(session, admin, "u1", key)) == "slips_gone"
        shown = uploads.look(session, admin, "u1")
        assert (shown.state, shown.has_slips, shown.preview, shown.figures["created"]) == ("done", False, None, 2)
        assert uploads.own_uploads(session, admin) == ([], [shown])
    assert refused(lambda: carry_out(database, admin, seen=1)) == "upload_not_waiting"
    assert body_of(database) == b""


def test_what_has_changed_since_it_was_seen_is_not_imported(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD)
    with database.writing() as session:
        make_user(session, "a1", is_active=False)
    assert refused(lambda: carry_out(database, admin, only_good=False)) == "import_has_faults"
    assert refused(lambda: carry_out(database, admin)) == "import_changed"
    uploads.check_again(database, admin, "u1", SEAL, NOW + timedelta(hours=1))
    with database.reading() as session:
        preview = uploads.look(session, admin, "u1").preview
    assert preview is not None
    assert (preview.at, [noted.finding.code for noted in preview.faults]) == (
        NOW + timedelta(hours=1),
        ["account_closed"],
    )


def test_of_a_discarded_file_nothing_is_left(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD)
    with database.writing() as session:
        uploads.discard(session, admin, "u1", NOW)
    with database.reading() as session:
        row = session.get_one(Upload, "u1")
        assert (row.state, row.body, row.outcome) == ("discarded", b"", {})
        assert uploads.own_uploads(session, admin) == ([], [])
    assert refused(lambda: carry_out(database, admin)) == "upload_not_waiting"


def test_files_do_not_pile_up(database: Database, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_WAITING", 2)
    for new_id in ("u1", "u2"):
        receive(database, admin, GOOD, new_id=new_id)
    with pytest.raises(Conflict, match="too_many_uploads"):
        receive(database, admin, GOOD, new_id="u3")
    with database.writing() as session:
        session.get_one(Upload, "u1").created_at = NOW - timedelta(days=31)
    receive(database, admin, GOOD, new_id="u3")
    assert body_of(database) == b""
    with database.reading() as session:
        waiting, _ = uploads.own_uploads(session, admin)
        assert {one.id for one in waiting} == {"u2", "u3"}


def test_passwords_that_nobody_fetches_are_wiped_in_the_end(database: Database, admin: Actor) -> None:
    receive(database, admin, GOOD)
    assert carry_out(database, admin).slips == 1
    receive(database, admin, GOOD, new_id="u2")
    assert body_of(database) != b""
    with database.writing() as session:
        session.get_one(Upload, "u1").done_at = NOW - timedelta(days=31)
    receive(database, admin, GOOD, new_id="u3")
    assert body_of(database) == b""


def test_a_long_list_of_faults_is_kept_in_part_and_found_whole(
    database: Database, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "FINDINGS_KEPT", 3)
    receive(database, admin, *([f"a{number}", "", "", "", ""] for number in range(5)))
    with database.reading() as session:
        preview = uploads.look(session, admin, "u1").preview
    assert preview is not None
    assert (len(preview.faults), preview.fault_count) == (3, 5)
    found = uploads.all_faults(database, admin, "u1", SEAL, NOW)
    assert [noted.finding.row for noted in found] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (["530102-009", "school", "新萌小学", "530102"], None),
        (["530102-001", "school", "莲华小学", "530102"], None),
        (["530102-001", "school", "莲华一小", "530102"], None),
        (["530103-009", "school", "松华二小", "530103"], ("parent_code", "region_outside_scope")),
        (["530103-001", "school", "松华一小", "530103"], ("parent_code", "region_outside_scope")),
        (["530102", "county", "五华新区", "530100"],     ("parent_code", "region_outside_scope")),
        (["990000", "province", "新省", ""],             ("code", "province_outside_scope")),
        (["1.5E+5", "school", "", "530102"],             ("code", "number_in_scientific_notation")),
    ],
)  # fmt: skip
def test_a_county_adds_and_renames_its_own_schools_only(
    database: Database, admin: Actor, row: list[str], fault: tuple[str, str] | None
) -> None:
    county = county_admin(database)
    receive(database, county, row, kind="regions")
    with database.reading() as session:
        preview = uploads.look(session, county, "u1").preview
    assert preview is not None
    first = next(((noted.finding.column, noted.finding.code) for noted in preview.faults), None)
    assert first == fault
    if fault is None:
        done = carry_out(database, county, only_good=False)
        assert (sum(done.figures.values()), done.slips_key) == (1, None)


def test_a_county_imports_people_into_its_own_schools_only(database: Database, admin: Actor) -> None:
    county = county_admin(database)
    receive(database, county, GOOD, ["b2", "乙", "621202-001", "rural", ""])
    done = carry_out(database, county, seen=1)
    assert done.figures["created"] == 1
