"""The commands about hours, run in this process: what they find, say and refuse."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from lms_plugin.domain import watching
from lms_plugin.domain.programme import Window
from lms_plugin.services import audit_ledger
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.cli.conftest import Run
from tests.services.viewers import Viewer, make_viewer


@pytest.fixture
def viewer(database: Database) -> Viewer:
    """A learner with a minute of film in the ledger, one entry of discussion, and half a minute not posted yet."""
    viewer = make_viewer(database, "t1")
    viewer.open("morning", 0)
    viewer.beat("morning", 1, 60, (0, 60_000))
    viewer.settle(60)
    viewer.beat("morning", 2, 90, (60_000, 90_000))
    with database.writing() as session:
        builders.credit(session, session.get_one(Enrolment, viewer.enrolment_id), 900_000, "discussion")
    return viewer


def change(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement))


def test_the_audit_says_that_everything_agrees_and_how_fast(run: Run, viewer: Viewer) -> None:
    status, out, err = run("hours", "audit")
    assert (status, err) == (0, "")
    first, second = out.splitlines()
    assert first == "1 learners' hours agree with their evidence"
    assert second.startswith("2 credit entries and ")
    assert second.endswith(" learners a second")
    assert run("hours", "audit", "--learner", "t1", "--programme", "rural")[0] == 0


def test_the_audit_names_the_first_thing_that_differs(run: Run, database: Database, viewer: Viewer) -> None:
    change(database, "UPDATE component_totals SET credited_ms = credited_ms + 1 WHERE component_key = 'discussion'")
    status, _, err = run("hours", "audit")
    assert status == 1
    assert f"the sum of discussion of enrolment {viewer.enrolment_id} (component_totals) is 900001 ms" in err
    change(database, "UPDATE component_totals SET credited_ms = credited_ms - 1 WHERE component_key = 'discussion'")
    change(database, "UPDATE coverage SET covered_ms = covered_ms + 1")
    status, _, err = run("hours", "audit")
    assert status == 1
    assert "(coverage): covered_ms is 90001, the evidence gives 90000" in err


def test_the_audit_names_every_learner_that_differs_where_it_is_asked_to(run: Run, database: Database) -> None:
    for login in ("t1", "t2", "t3"):
        viewer = make_viewer(database, login)
        viewer.open(f"play-{login}", 0)
        viewer.beat(f"play-{login}", 1, 60, (0, 60_000))
    change(database, "UPDATE coverage SET covered_ms = 1 WHERE enrolment_id <> 2")
    assert run("hours", "audit")[2].count("(coverage)") == 1
    status, _, err = run("hours", "audit", "--all")
    assert status == 1
    assert err.count("(coverage)") == 2
    assert "1 learners agree, 2 differ" in err
    assert run("hours", "audit", "--learner", "t2")[0] == 0


def test_a_rule_of_another_time_is_named_and_not_called_wrong(
    run: Run, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = watching.RULE
    monkeypatch.setattr(audit_ledger, "RULES", {"two-clocks/9"})
    status, _, err = run("hours", "audit", "--all")
    assert status == 1
    assert f"judged by {known}, a rule this version cannot replay" in err
    assert "0 learners agree, 0 differ, 1 cannot be replayed" in err


def test_a_sample_is_drawn_again_with_its_number(run: Run, database: Database) -> None:
    for number in range(12):
        make_viewer(database, f"t{number}")
    status, out, _ = run("hours", "audit", "--sample", "3")
    assert status == 0
    drawn = out.splitlines()[0]
    assert drawn.startswith("3 learners drawn; the same ones again with --sample 3 --seed ")
    assert run("hours", "audit", "--sample", "3", "--seed", drawn.rpartition(" ")[2])[1].splitlines()[0] == drawn
    assert run("hours", "audit", "--sample", "99")[1].startswith("12 learners drawn")


def test_hours_are_explained_in_both_languages(run: Run, viewer: Viewer) -> None:
    status, out, err = run("hours", "explain", "t1")
    assert (status, err) == (0, "")
    assert "观看《读懂学生》0:00–1:00" in out
    assert "播放器上报 1 次" in out
    assert "课程视频：0.03 / 2 学时（1:30）。" in out
    english = run("hours", "explain", "t1", "--language", "en", "--programme", "rural")[1]
    assert "Films: 0.03 of 2 class hours (1:30)." in english
    assert "1 report of the player, Nov 24, 2026 20:01:00 to Nov 24, 2026 20:01:00" in english


def test_heads_are_written_down_and_found_again(run: Run, database: Database, viewer: Viewer, tmp_path: Path) -> None:
    file = tmp_path / "heads.txt"
    status, out, _ = run("hours", "export-heads", file)
    assert status == 0
    digest = out.splitlines()[-1]
    assert file.read_text(encoding="utf-8").splitlines()[-1] == digest
    assert run("hours", "export-heads", "-")[1].splitlines()[0] == "lms-plugin chain heads 1"
    viewer.beat("morning", 3, 120, (90_000, 120_000))
    viewer.settle(120)
    status, out, _ = run("hours", "check-heads", file)
    assert (status, out.splitlines()[-1]) == (0, "all 1 heads are still in their chains")
    assert digest in out
    written = file.read_text(encoding="utf-8")
    file.write_text(written.replace("\t2\t", "\t1\t"), encoding="utf-8")
    assert "its digest does not fit its lines" in run("hours", "check-heads", file)[2]
    file.write_text("something else", encoding="utf-8")
    assert "holds no heads of chains" in run("hours", "check-heads", file)[2]
    file.write_text(written, encoding="utf-8")
    change(database, "UPDATE person_clocks SET log_head = log_body")
    status, _, err = run("hours", "check-heads", file)
    assert status == 1
    assert "t1, rural: the open end of the evidence of user" in err
    assert "1 of 1 heads are no longer in their chains" in err


def test_evidence_of_what_is_over_is_deleted(run: Run, database: Database, tmp_path: Path) -> None:
    over = builders.make_programme("over", window=Window(date(2026, 1, 1), date(2026, 11, 24)))
    viewer = make_viewer(database, "t1", over)
    viewer.open("late", 0)
    viewer.beat("late", 1, 60, (0, 60_000))
    still_on = make_viewer(database, "t2")
    still_on.open("on", 0)
    status, out, _ = run("hours", "retain", "--closed-before", "2026-11-24", "--dry-run")
    assert (status, out.startswith("1 people, ")) == (0, True)
    status, out, err = run("hours", "retain", "--closed-before", "2026-11-24")
    assert (status, err) == (0, "")
    assert out.startswith("deleted the evidence of 1 people, ")
    status, out, _ = run("hours", "audit")
    assert status == 0
    assert "of 1 of them the evidence was removed when its time was over" in out
    assert "has not come yet" in run("hours", "retain", "--closed-before", "2100-01-01")[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("audit", "--learner", "nobody"),                        "there is no user nobody"),
        (("audit", "--programme", "none"),                        "there is no programme none"),
        (("explain", "nobody"),                                   "there is no user"),
        (("explain", "t1", "--programme", "none"),                "there is no programme none"),
        (("export-heads", "-", "--programme", "none"),            "there is no programme none"),
        (("audit", "--learner", "t1", "--programme", "other"),    "there is no enrolment of t1"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_said_in_a_sentence(
    run: Run, database: Database, viewer: Viewer, arguments: tuple[str, ...], says: str
) -> None:
    with database.writing() as session:
        builders.publish(session, builders.make_programme("other"))
    assert run("hours", *arguments)[::2] == (1, f"lms-plugin: {says}\n")
