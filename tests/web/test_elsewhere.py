"""Pages of study completed elsewhere: a file, what it would do, the entry with who vouches, and taking one back."""

from dataclasses import replace
from fractions import Fraction

import pytest
from sqlalchemy import select

from lms_plugin.domain.modes import StudyRule
from lms_plugin.services import catalogue
from lms_plugin.storage.elsewhere import Completion
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment
from tests import builders
from tests.services.rosters import as_csv
from tests.web.stage import Stage
from tests.web.test_admission import send_file

KEY = "/office/programmes/rural"
HEADER = ["Account", "Component key", "Class hours", "Date", "What it was", "机构", "Who vouches", "Certificate number"]
HEADER[5] = "证明单位"
ROW = ["teacher", "video", "1", "2026-11-20", "County seminar", "Kunming University", "Director Wang", "KM-1"]


@pytest.fixture
def taking(stage: Stage) -> Stage:
    """The stage with a programme whose films may be half replaced."""
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        programme = catalogue.in_force(session, enrolment.programme_id, stage.clock.now).programme
        study = StudyRule(elsewhere_share=Fraction(1, 2))
        components = tuple(replace(one, study=study) if one.key == "video" else one for one in programme.components)
        builders.publish(session, replace(programme, components=components), now=stage.clock.now.replace(day=19))
    return stage


def test_hours_from_elsewhere_go_from_a_file_to_the_ledger_and_back(taking: Stage) -> None:
    admin = taking.browser("admin")
    page = admin.get(f"{KEY}/elsewhere").text
    assert "at most 50% of the required" in page
    assert "Nothing entered yet" in page
    content = as_csv([HEADER, ROW, [*ROW[:7], ""]])
    upload = send_file(admin, f"{KEY}/files/completions", "认定.csv", content)
    preview = admin.get(upload).text
    assert "Kunming University · Director Wang" in preview
    assert "Certificate number" in preview
    assert "the cell is empty, and it is needed" in preview
    assert "Import the 1 good row only" in preview
    assert admin.post(upload, action="take", faulty_rows="1").status_code == 303
    assert "New completions" in admin.get(upload).text
    with taking.database.reading() as session:
        entry = session.scalars(select(CreditEntryRow).where(CreditEntryRow.source_kind == "elsewhere")).one()
        completion_id = session.scalars(select(Completion.id)).one()
    teacher = taking.browser("teacher")
    assert "Completed elsewhere: “County seminar”" in teacher.get(taking.hours_address).text
    shown = teacher.get(f"{taking.hours_address}/entries/{entry.number}").text
    for words in ("Kunming University", "Director Wang", "KM-1", "Nov 20, 2026", "elsewhere/1"):
        assert words in shown, words
    assert "County seminar" in admin.get(f"{KEY}/elsewhere").text
    removal = f"/office/elsewhere/{completion_id}/removal"
    assert admin.post(removal, reason="").status_code == 303
    assert admin.post(removal, reason="证书是假的").status_code == 303
    assert "证书是假的" in admin.get(f"{KEY}/elsewhere").text
    assert (
        "Taken back: Completed elsewhere: “County seminar” (reason: 证书是假的)"
        in teacher.get(taking.hours_address).text
    )
    assert taking.browser("far").post(removal, reason="x").status_code == 404


def test_a_programme_that_takes_nothing_says_so(stage: Stage) -> None:
    page = stage.browser("admin").get(f"{KEY}/elsewhere").text
    assert "takes no hours from elsewhere" in page
    assert 'type="file"' not in page


def test_the_empty_file_has_every_column_in_the_language_of_the_page(stage: Stage) -> None:
    empty = stage.browser("admin", "zh").get(f"{KEY}/empty/completions.csv")
    assert "账号,电子注册号,学习部分,学时,分钟,完成日期,学习内容,证明单位,证明人,证书编号,更正原因" in empty.text
