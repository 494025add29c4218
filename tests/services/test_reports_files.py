"""Reports as files: what a spreadsheet program finds in them."""

import csv
import io
import tempfile
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from lms_plugin.domain.programme import Text
from lms_plugin.services import reportfile, reports
from lms_plugin.services.reportfile import Wording, csv_chunks, xlsx_chunks
from lms_plugin.services.reports import Column, Kind, Report, Row
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, credit, enrol, make_region_tree, make_user, publish

COLUMNS = (
    Column("programme_title"),
    Column("name"),
    Column("component.video", Kind.CLASS_HOURS, Text("课程视频", "Films")),
    Column("enrolled", Kind.COUNT),
    Column("completion_ratio", Kind.RATIO),
    Column("complete", Kind.YES_NO),
    Column("completed_at", Kind.INSTANT),
)
AT = datetime(2026, 11, 24, 20, 0, 59, tzinfo=ZoneInfo("Asia/Shanghai"))
TITLE = Text("农村教师远程培训", "Remote training")
ROWS: list[Row] = [
    (TITLE, "王丽", Decimal("12.50"), 3, Decimal("0.4321"), True, AT),
    (TITLE, '他说："好，\n明天见"', Decimal("0.00"), 0, Decimal(0), False, None),
]
ZH = Wording(
    labels={
        "programme_title": "培训项目",
        "name": "姓名",
        "enrolled": "人数",
        "completion_ratio": "完成度",
        "complete": "是否合格",
        "completed_at": "合格时间",
    },
    yes="是",
    no="否",
    language="zh",
    sheet="学时报表",
)
FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://example.com","x")',
    "+86 138",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1+1",
    "＝1+1",
    "@",
]


def a_report(rows: Iterable[Row], columns: tuple[Column, ...] = COLUMNS) -> Report:
    return Report(columns, iter(rows), lambda: None)


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def open_xlsx(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content))


def test_csv_begins_with_the_mark_that_excel_needs_and_reads_back() -> None:
    content = b"".join(csv_chunks(a_report(ROWS), ZH))
    assert content.startswith(b"\xef\xbb\xbf")
    assert read_csv(content) == [
        ["培训项目", "姓名", "课程视频", "人数", "完成度", "是否合格", "合格时间"],
        ["农村教师远程培训", "王丽", "12.50", "3", "0.4321", "是", "2026-11-24 20:00"],
        ["农村教师远程培训", '他说："好，\n明天见"', "0.00", "0", "0", "否", ""],
    ]


def test_titles_follow_the_language_and_labels_come_before_titles() -> None:
    labels = {"name": "Name", "component.video": "Films (class hours)"}
    header, first, _ = read_csv(b"".join(csv_chunks(a_report(ROWS), Wording(labels, "yes", "no", "en"))))
    assert header == [
        "programme_title",
        "Name",
        "Films (class hours)",
        "enrolled",
        "completion_ratio",
        "complete",
        "completed_at",
    ]
    assert (first[0], first[5]) == ("Remote training", "yes")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula_in_csv(text: str) -> None:
    columns = (Column("name"), Column("component.x", Kind.CLASS_HOURS, Text(text, text)))
    header, row = read_csv(b"".join(csv_chunks(a_report([(text, None)], columns), ZH)))
    assert row[0] == f"'{text}"
    assert header[1] == f"'{text}"


@pytest.mark.parametrize("text", ["王丽", "O'Neil", "a=b", "3-4", "", "'", "五·一小学"])
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    _, row = read_csv(b"".join(csv_chunks(a_report([(text, None)], (Column("name"), Column("login"))), ZH)))
    assert row == [text, ""]


def test_a_negative_number_is_a_number_not_a_formula() -> None:
    columns = (Column("name"), Column("total_class_hours", Kind.CLASS_HOURS))
    _, row = read_csv(b"".join(csv_chunks(a_report([("王丽", Decimal("-1.25"))], columns), ZH)))
    assert row[1] == "-1.25"


def test_csv_comes_in_portions_and_takes_rows_only_as_they_are_asked_for() -> None:
    taken = 0

    def endless() -> Iterable[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield ROWS[0]

    closed = []
    chunks = csv_chunks(Report(COLUMNS, iter(endless()), lambda: closed.append(True)), ZH)
    next(chunks)
    assert taken == 0
    next(chunks)
    assert taken == reportfile.CSV_ROWS_PER_CHUNK
    chunks.close()
    assert closed == [True]


def test_xlsx_has_real_numbers_percentages_and_dates_under_a_frozen_header() -> None:
    sheet = open_xlsx(b"".join(xlsx_chunks(a_report(ROWS), ZH))).active
    assert sheet.title == "学时报表"
    assert sheet.freeze_panes == "A2"
    assert [cell.value for cell in sheet[1]] == [
        "培训项目",
        "姓名",
        "课程视频",
        "人数",
        "完成度",
        "是否合格",
        "合格时间",
    ]
    assert [cell.value for cell in sheet[2]] == [
        "农村教师远程培训",
        "王丽",
        12.5,
        3,
        0.4321,
        "是",
        AT.replace(tzinfo=None),
    ]
    assert [cell.number_format for cell in sheet[2]][2:] == [
        "0.00",
        "0",
        "0.00%",
        "General",
        "yyyy-mm-dd hh:mm",
    ]
    assert [cell.value for cell in sheet[3]][5:] == ["否", None]
    widths = [sheet.column_dimensions[letter].width for letter in "ABCDEFG"]
    assert all(width > 7 for width in widths)
    assert widths[0] > widths[1]


@pytest.mark.parametrize("text", [*FORMULAS, "{=SUM(A1:A2)}", "http://example.com/", "mailto:a@example.com", "0123"])
def test_no_text_is_a_formula_a_link_or_a_number_in_xlsx(text: str) -> None:
    columns = (Column("name"), Column("component.x", Kind.CLASS_HOURS, Text(text, text)))
    sheet = open_xlsx(b"".join(xlsx_chunks(a_report([(text, None)], columns), ZH))).active
    for cell in (sheet["A2"], sheet["B1"]):
        assert cell.data_type == "s"
        assert cell.hyperlink is None
        # Excel's escape for a control character.
        assert cell.value.replace("_x000D_", "\r").strip() == text.strip()
    if text in FORMULAS:
        assert sheet["A2"].style.startswith("Normal")
        assert sheet["A2"].quotePrefix


def test_a_long_report_goes_on_in_another_sheet() -> None:
    rows: list[Row] = [(f"老师{number}", number) for number in range(7)]
    columns = (Column("name"), Column("enrolled", Kind.COUNT))
    book = open_xlsx(b"".join(xlsx_chunks(a_report(rows, columns), ZH, rows_per_sheet=4)))
    assert book.sheetnames == ["学时报表", "学时报表 2", "学时报表 3"]
    found = [[tuple(row) for row in sheet.iter_rows(values_only=True)] for sheet in book]
    assert [len(sheet) for sheet in found] == [4, 4, 2]
    assert {sheet[0] for sheet in found} == {("姓名", "人数")}
    assert [row for sheet in found for row in sheet[1:]] == rows


@pytest.mark.parametrize("count", [0, 3])
def test_a_report_that_fits_exactly_has_no_empty_second_sheet(count: int) -> None:
    rows: list[Row] = [(f"老师{number}",) for number in range(count)]
    book = open_xlsx(b"".join(xlsx_chunks(a_report(rows, (Column("name"),)), ZH, rows_per_sheet=4)))
    assert book.sheetnames == ["学时报表"]
    assert book.active.max_row == count + 1


def test_a_report_that_nobody_reads_to_the_end_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(reportfile, "CHUNK_BYTES", 100)
    closed = []
    chunks = xlsx_chunks(Report(COLUMNS, iter(ROWS), lambda: closed.append(True)), ZH)
    assert len(next(chunks)) == 100
    assert list(tmp_path.iterdir())
    chunks.close()
    assert list(tmp_path.iterdir()) == []
    assert closed == [True]


def test_a_report_that_fails_half_way_leaves_no_files_and_no_half_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def failing() -> Iterable[Row]:
        yield ROWS[0]
        raise ConnectionError("the store went away")

    with pytest.raises(ConnectionError):
        next(xlsx_chunks(a_report(failing()), ZH))
    assert list(tmp_path.iterdir()) == []


def test_both_files_hold_the_report_of_the_store(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        current = publish(session)
        for login, name in (("a", "=cmd|'/C calc'!A0"), ("b", "王丽")):
            enrolment = enrol(session, make_user(session, login, name=name, region=tree.school), current)
            credit(session, enrolment, 67 * 60_000)
        actor = actor_for(session, make_user(session, "office", "office"))
    with database.reading() as session:
        as_csv = b"".join(csv_chunks(reports.completions(session, actor, NOW, group_by=["learner"]), ZH))
        as_xlsx = b"".join(xlsx_chunks(reports.completions(session, actor, NOW, group_by=["learner"]), ZH))
    plain = read_csv(as_csv)
    assert [row[2:4] for row in plain[1:]] == [["a", "'=cmd|'/C calc'!A0"], ["b", "王丽"]]
    sheet = open_xlsx(as_xlsx).active
    assert [cell.value for cell in sheet[1]] == plain[0]
    position = plain[0].index("课程视频")
    assert [row[position] for row in plain[1:]] == ["1.48", "1.48"]
    assert sheet.cell(2, position + 1).value == 1.48
