"""The commands, run in this process on a database of their own: what they do, print and refuse."""

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services import lti_keys, outbox
from lms_plugin.services.access import OFFICE
from lms_plugin.services.sign_in import verify
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.cli.conftest import Run
from tests.peers.process import OpenEdxPeer

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""Before the system's clock, which the commands go by."""

PASSWORD = "correct horse battery"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def regions(tmp_path: Path) -> Path:
    return write(
        tmp_path / "regions.csv",
        "code,level,name,parent_code",
        "530000,province,云南省,",
        "530600,city,昭通市,530000",
        "530621,county,鲁甸县,530600",
        "530621-1,school,文屏镇中心小学,530621",
    )


def test_the_schema_is_at_its_newest_and_says_so(run: Run) -> None:
    status, out, _ = run("db", "current")
    assert status == 0
    at, wanted = out.strip().removeprefix("at ").split(", wanted ")
    assert at == wanted
    assert run("db", "upgrade")[:2] == (0, f"the schema is at {at}\n")
    assert run("db", "downgrade", "base", "--yes")[:2] == (0, "the schema is at base\n")


def test_regions_and_people_come_from_files(run: Run, database: Database, regions: Path, tmp_path: Path) -> None:
    with database.writing() as session:
        builders.publish(session)
    assert run("users", "regions", regions) == (0, "4 regions created, 0 renamed, 0 unchanged\n", "")
    people = write(
        tmp_path / "people.csv",
        "login,name,role,region_code,lms_username,password,programme,class_group",
        f"t1,王丽,learner,530621-1,wangli,{PASSWORD},rural,一班",
        "t2,李强,tutor,530621,,another good password,rural,一班",
    )
    assert run("users", "import", people, "--dry-run")[1] == "2 would be created, 0 exist; nothing was written\n"
    status, out, err = run("users", "import", people)
    assert (status, err) == (0, "")
    assert out == "2 created, 0 updated, 0 unchanged; 1 enrolled, 0 moved, 1 tutors, 1 new class groups\n"
    with database.reading() as session:
        assert verify(session, "t1", PASSWORD).actor.name == "王丽"


def test_a_faulty_file_is_refused_whole_with_each_fault_by_row(run: Run, database: Database, tmp_path: Path) -> None:
    people = write(
        tmp_path / "people.csv",
        "login,name,role,password",
        f"good,王丽,learner,{PASSWORD}",
        f",李强,learner,{PASSWORD}",
        f"odd,赵明,emperor,{PASSWORD}",
    )
    status, out, err = run("users", "import", people)
    assert (status, out) == (1, "")
    assert "row 3, login: there is no login" in err
    assert "row 4, role: emperor is no role: learner, tutor, provider or office" in err
    assert "2 faulty rows: nothing was written" in err
    with database.reading() as session:
        assert session.query(User).count() == 0
    assert run("users", "import", people, "--only-good")[1].startswith("1 created")


def test_drawn_passwords_go_to_a_file_that_only_its_owner_reads(run: Run, database: Database, tmp_path: Path) -> None:
    people = write(tmp_path / "people.csv", "login,name,role", "t1,王丽,learner")
    status, _, err = run("users", "import", people)
    assert status == 1
    assert "--passwords" in err
    slips = tmp_path / "slips.csv"
    assert run("users", "import", people, "--passwords", slips)[0] == 0
    assert slips.stat().st_mode & 0o077 == 0
    drawn = slips.read_text(encoding="utf-8-sig").splitlines()[1].split(",")[2]
    with database.reading() as session:
        assert verify(session, "t1", drawn).actor.login == "t1"


def test_an_account_is_made_given_a_password_closed_and_opened(run: Run, database: Database, regions: Path) -> None:
    run("users", "regions", regions)
    made = run(
        "users", "add", "boss", "--name", "周敏", "--role", "office", "--region", "530621", "--password", PASSWORD
    )
    assert made == (0, "made the account boss\n", "")
    with database.reading() as session:
        actor = verify(session, "boss", PASSWORD).actor
    assert [grant.role for grant in actor.grants] == [OFFICE]
    assert actor.grants[0].region_id is not None
    assert run("users", "password", "boss", "--password", "a new good password")[0] == 0
    with database.reading() as session:
        assert verify(session, "boss", "a new good password").sign_in_epoch == 1
    assert run("users", "close", "boss")[0] == run("users", "reopen", "boss")[0] == 0
    status, _, err = run("users", "close", "nobody")
    assert (status, err.startswith("lms-plugin: ")) == (1, True)


def test_an_lti_platform_is_registered_and_told_what_to_enter(run: Run) -> None:
    lms = "https://lms.example.org"
    sound = [
        *("--issuer", lms, "--client-id", "c", "--authorization-url", f"{lms}/auth"),
        *("--key-set-url", f"{lms}/keys", "--token-url", f"{lms}/token", "--deployment", "1", "--deployment", "2"),
    ]
    status, out, _ = run("lms", "register-lti", "moodle", *sound)
    assert status == 0
    assert "/lti/login" in out
    assert "/lti/jwks.json" in out
    status, _, err = run("lms", "register-lti", "moodle", *sound, "--token-url", "ftp://x")
    assert (status, "key (taken), token_url (malformed), client_id (taken)" in err) == (1, True)
    assert "LTI platform" in run("lms", "update", "moodle", "--client-id", "d")[2]


def test_a_new_lms_name_sends_what_waited_for_it(run: Run, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        user = builders.make_user(session, "t1")
        current = builders.publish(session)
        enrolment = builders.enrol(session, user, current)
        course = LmsCourse("openedx", "course-v1:a+b+c")
        owed = outbox.owe(session, enrolment.id, course, "block", Decimal("0.5"), NOW)
        assert owed is not None
        owed.state, owed.next_attempt_at, owed.last_error_code = "refused", None, "no_lms_account"
    run("users", "import", write(tmp_path / "p.csv", "login,name,role,lms_username", "t1,王丽,learner,wangli"))
    status, out, _ = run("lms", "status")
    assert status == 0
    assert "waiting       1" in out


def test_platforms_are_registered_paused_and_listed(run: Run) -> None:
    assert run("lms", "status")[1] == "no platform is registered, and no report is owed\n"
    url = "http://127.0.0.1:9"
    assert run("lms", "register", "openedx", "--url", url, "--client-id", "c")[1] == f"registered openedx at {url}\n"
    assert run("lms", "register", "openedx", "--url", url, "--client-id", "c")[0] == 1
    assert run("lms", "register", "other", "--url", "ftp://x", "--client-id", "c")[0] == 1
    assert run("lms", "pause", "openedx", "--reason", "moving house")[0] == 0
    assert "moving house" in run("lms", "status")[1]
    assert run("lms", "resume", "openedx")[0] == 0
    assert run("lms", "update", "openedx", "--client-id", "d", "--secret")[0] == 0
    assert run("lms", "retry", "openedx")[1] == "0 reports will be sent again\n"


def test_the_worker_reports_and_reconciling_finds_no_difference(
    run: Run, database: Database, openedx_peer: OpenEdxPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, block = "course-v1:Cli+One+2026", "block-v1:Cli+One+2026+type@video+block@one"
    openedx_peer.seed(users=["wangli"], courses={course: [block]}, enrolments=[("wangli", course)])
    monkeypatch.setenv("LMS_PLUGIN_LMS_SECRET", openedx_peer.client_secret)
    run("lms", "register", "openedx", "--url", openedx_peer.base_url, "--client-id", openedx_peer.client_id)
    with database.writing() as session:
        user = builders.make_user(session, "t1", lms_username="wangli")
        enrolment = builders.enrol(session, user, builders.publish(session))
        outbox.owe(session, enrolment.id, LmsCourse("openedx", course), block, Decimal("0.5"), LONG_AGO)
    assert run("worker", "--once")[0] == 0
    assert "acknowledged       1" in run("lms", "status")[1]
    status, out, _ = run("lms", "reconcile", "openedx")
    assert (status, out.splitlines()[-1]) == (0, "1 agrees")


def test_the_worker_brings_roll_ups_in_line_with_rules_whose_day_has_come(run: Run, database: Database) -> None:
    milder = builders.make_programme(
        components=(builders.make_programme().components[0],), total_class_hours=Decimal(2)
    )
    with database.writing() as session:
        enrolment = builders.enrol(session, builders.make_user(session), builders.publish(session, now=LONG_AGO))
        builders.credit(session, enrolment, 90 * 60_000, now=LONG_AGO)
        builders.publish(session, milder, now=LONG_AGO + timedelta(days=1))
        assert enrolment.completed_at is None
    assert run("worker", "--once")[0] == 0
    with database.reading() as session:
        assert session.get_one(Enrolment, enrolment.id).completed_at is not None
        assert session.scalars(select(ProgrammeRow.rolled_up_version)).one() == 2


def test_the_completion_report_is_the_same_rows_as_a_file(run: Run, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        tree = builders.make_region_tree(session)
        user = builders.make_user(session, "t1", region=tree.school)
        builders.enrol(session, user, builders.publish(session))
        builders.make_user(session, "far", OFFICE, scope=tree.far_county)
    status, out, _ = run("report", "completions", "--group-by", "county", "--language", "en")
    assert status == 0
    heading, row = out.removeprefix("\ufeff").splitlines()
    assert heading.startswith("Programme key,Programme,County code,County,Enrolled,Not started")
    assert row.startswith("rural,Remote training of rural teachers,530102,五华区,1,1,0,0")
    target = tmp_path / "report.xlsx"
    assert run("report", "completions", "--format", "xlsx", "--output", target)[1] == f"wrote {target}\n"
    assert openpyxl.load_workbook(target).active["A2"].value == "rural"
    assert len(run("report", "completions", "--group-by", "learner", "--as", "far")[1].splitlines()) == 1
    assert run("report", "completions", "--programme", "none")[0] == 1


def test_content_is_checked_built_and_published(run: Run, database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "remote-study"
    shutil.copytree(Path(__file__).parents[2] / "course_content" / "remote-study", folder)
    declared = folder / "programme.toml"
    lesson = folder / "modules" / "first-steps" / "lesson.md"
    for other in ("slow-lines", "good-posts"):
        shutil.rmtree(folder / "modules" / other)
    text = declared.read_text(encoding="utf-8")
    text = text.replace('modules = ["first-steps", "slow-lines", "good-posts"]', 'modules = ["first-steps"]')
    declared.write_text(text.replace("required_class_hours = 0.09", "required_class_hours = x"), encoding="utf-8")
    status, out, err = run("content", "check", folder)
    assert status == 1
    assert out.startswith(f"{declared}:")
    assert "fault" in err
    declared.write_text(text, encoding="utf-8")
    slides = lesson.read_text(encoding="utf-8").split("\n---\n")
    lesson.write_text("\n---\n".join(slides[:2]) + "\n", encoding="utf-8")
    assert run("content", "check", folder)[:2] == (0, "1 programme(s) checked: no faults\n")
    status, out, _ = run("content", "build-lesson", folder / "modules" / "first-steps", "--output", tmp_path / "built")
    assert status == 0
    assert "captions" in out
    status, out, err = run("content", "publish", folder)
    assert status == 0, err
    assert "published remote-study: version 1, 1 films (1 new)" in out
    assert "version 1, unchanged, 1 films (0 new)" in run("content", "publish", folder)[1]
    longer = text.replace("closes_on = 2027-09-01", "closes_on = 2999-09-01")
    for version, rolled_up, changed in ((2, 2, longer), (3, 2, f"applies_from = 2999-01-01\n{longer}")):
        declared.write_text(changed, encoding="utf-8")
        assert f"version {version}, 1 films (0 new)" in run("content", "publish", folder)[1]
        with database.reading() as session:
            assert session.scalars(select(ProgrammeRow.rolled_up_version)).one() == rolled_up
    assert run("content", "publish", tmp_path / "built")[0] == 1
    assert run("content", "build-lesson", folder / "modules", "--output", tmp_path / "built")[0] == 1


def test_serving_is_refused_on_an_old_schema_and_a_busy_port(run: Run, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0'")
    status, _, err = run("serve", "--port", "9")
    assert status == 1
    assert "run `lms-plugin db upgrade` first" in err


def test_help_names_every_command(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    for name in ("content", "db", "hours", "lms", "media", "report", "serve", "users", "worker"):
        assert f"  {name} " in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("users", "close", "nobody"),                         "there is no user"),
        (("report", "completions", "--programme", "none"),     "there is no programme none"),
        (("report", "completions", "--group-by", "moon"),      "cannot group by moon: choose from province"),
        (("lms", "register", "x", "--url", "ftp://h", "--client-id", "c"), "is refused: https_required"),
        (("lms", "pause", "none", "--reason", "r"),            "there is no platform none"),
        (("users", "add", "a1", "--name", "n", "--role", "tutor", "--password", "short"), "the password is too short"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence(run: Run, arguments: tuple[str, ...], says: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("lms-plugin: ")
    assert says in err


def test_a_file_that_is_no_roster_is_refused_in_words(run: Run, tmp_path: Path) -> None:
    for name, content, says in (
        ("empty.csv", b"", "there is nothing in the file"),
        ("other.csv", b"a,b\n1,2\n", "the header has no column"),
        ("broken.xlsx", b"PK\x03\x04 not a workbook", "the file cannot be read"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert says in run("users", "import", path)[2], name


def test_a_new_key_for_lti_signs_at_once_and_the_old_one_stays_published(run: Run, database: Database) -> None:
    first, second = (run("lms", "rotate-key") for _ in range(2))

    kids = [out.split()[2].rstrip(";") for _status, out, _err in (first, second)]
    assert [status for status, _out, _err in (first, second)] == [0, 0]
    with database.reading() as session:
        published = lti_keys.key_set(session, datetime.now(UTC))["keys"]
    assert [key["kid"] for key in published] == kids[::-1]


def test_the_secret_of_hand_overs_is_shown_once_and_can_be_taken_back(run: Run, database: Database) -> None:
    assert run("lms", "register", "openedx", "--url", "http://127.0.0.1:9", "--client-id", "worker")[0] == 0
    status, secret, told = run("lms", "xblock-key", "openedx")
    assert (status, len(secret.strip()) >= 43) == (0, True)
    assert "never shown again" in told
    with database.reading() as session:
        kept = session.scalars(select(Platform)).one().sealed_handover_secret
    assert kept is not None
    assert secret.strip().encode() not in kept
    assert secret.strip() not in run("lms", "status")[1]
    assert run("lms", "xblock-key", "openedx", "--revoke")[0] == 0
    with database.reading() as session:
        assert session.scalars(select(Platform)).one().sealed_handover_secret is None
    assert run("lms", "xblock-key", "nobody")[0] == 1
