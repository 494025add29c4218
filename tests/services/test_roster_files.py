"""Rosters as offices really send them: encodings, delimiters, what Excel does to numbers, and files meant to harm."""

import io
import struct
import zipfile
from datetime import date
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.errors import Malformed, Refusal, TooLarge
from lms_plugin.services import rosterfile, workbook
from lms_plugin.services.findings import SENTENCES
from lms_plugin.services.rosterfile import PEOPLE, REGIONS, read_table
from tests.services.rosters import a_table, as_csv, as_xlsx

HEADER = ["账号", "姓名", "地区代码"]
ROWS = [HEADER, ["wang.li", "王丽", "530102-001"], ["zhang.wei", "张伟", ""]]
EXPECTED = [
    (2, {"login": "wang.li", "name": "王丽", "region_code": "530102-001"}),
    (3, {"login": "zhang.wei", "name": "张伟"}),
]


def read(content: bytes) -> list[tuple[int, dict[str, str]]]:
    table = read_table(content, PEOPLE)
    assert table.faults == ()
    return [(row.number, dict(row.values)) for row in table.rows]


def faults_of(content: bytes) -> list[tuple[int, str | None, str]]:
    return [(fault.row, fault.column, fault.code) for fault in read_table(content, PEOPLE).faults]


def refusal_of(content: bytes) -> Refusal:
    with pytest.raises((Malformed, TooLarge)) as refused:
        read_table(content, PEOPLE)
    return refused.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_reads_the_same_however_it_was_saved(encoding: str, delimiter: str) -> None:
    assert read(as_csv(ROWS, delimiter=delimiter, encoding=encoding)) == EXPECTED


def test_an_xlsx_reads_like_a_csv() -> None:
    assert read(as_xlsx(ROWS)) == EXPECTED
    assert read(as_xlsx(ROWS, hidden_sheet_first=True)) == EXPECTED


def test_rare_characters_survive_gb18030() -> None:
    rows = [HEADER, ["a.b", "㛃𠀀䶮", ""]]
    assert read(as_csv(rows, encoding="gb18030"))[0][1]["name"] == "㛃𠀀䶮"


@pytest.mark.parametrize(
    "header",
    [
        "login,name,region_code",
        "LOGIN,Name,Region Code",
        " 账号 *,姓名（必填）,地区代码：",
        "帐号,教师姓名,行政区划代码",
        "\u200b账号,姓名,地区代码(六位)",
    ],
)
def test_headers_are_known_in_both_languages_and_with_what_people_add(header: str) -> None:
    assert read(f"{header}\nwang.li,王丽,530102\n".encode()) == [
        (2, {"login": "wang.li", "name": "王丽", "region_code": "530102"})
    ]


def test_columns_come_in_any_order_and_unknown_ones_are_named() -> None:
    table = a_table("序号|姓名|备注|login", "1|王丽|已报名|wang.li")
    assert table.rows[0].values == {"name": "王丽", "login": "wang.li"}
    assert table.ignored_columns == ("序号", "备注")


def test_a_title_may_stand_above_the_header_and_rows_keep_the_numbers_a_spreadsheet_shows() -> None:
    rows = [["2026年农村教师培训名单"], [], HEADER, [], ["wang.li", "王丽", ""], ["", "", ""], ["li.na", "李娜", ""]]
    for content in (as_csv(rows), as_xlsx(rows)):
        assert [number for number, _ in read(content)] == [5, 7]


@pytest.mark.parametrize(
    ("content", "code", "params"),
    [
        (b"", "file_empty", {}),
        (b"\xef\xbb\xbf\r\n\r\n", "file_empty", {}),
        ("账号,姓名\n".encode(), "file_empty", {}),
        ("账号,姓名\n,\n , \n".encode(), "file_empty", {}),
        ("姓名,学校\n王丽,莲华小学\n".encode(), "columns_missing", {"columns": ("login",), "found": ("姓名", "学校")}),
        (b"a,b\n1,2\n", "columns_missing", {"columns": ("login", "name"), "found": ("a", "b")}),
        ("账号,姓名,登录名\na.b,王丽,c.d\n".encode(), "column_twice", {"column": "login"}),
        (b"\xff\xff\xff\xff,\x80", "encoding_unknown", {}),
        (b"login,name\nwang\x00li,x\n", "encoding_unknown", {}),
        (b"\xff\xfelogin,na", "columns_missing", None),
        (b"\xff\xfelogin,n", "encoding_unknown", {}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "file_is_old_excel", {}),
        (b"PK\x03\x04 is no archive", "file_unreadable", None),
        (b'login,name\n"wang"li,x\n', "file_unreadable", None),
        (b"login,name\n" + b"x" * 140_000 + b",y\n", "file_unreadable", None),
    ],
)
def test_a_file_that_is_no_roster_is_refused_with_its_reason(
    content: bytes, code: str, params: dict[str, Any] | None
) -> None:
    refused = refusal_of(content)
    assert refused.code == code
    if params is not None:
        assert refused.params == params


def test_what_excel_makes_of_digits_is_read_as_digits() -> None:
    header = ["账号", "姓名", "地区代码", "平台账号", "初始密码"]
    rows: list[list[Any]] = [header, [13800000000.0, "王丽", 530102, 20260001.0, 8812345678]]
    assert read(as_xlsx(rows)) == [
        (
            2,
            {
                "login": "13800000000",
                "name": "王丽",
                "region_code": "530102",
                "lms_username": "20260001",
                "password": "8812345678",
            },
        )
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("13800000000.0", "13800000000"),
        ("13800000000.00", "13800000000"),
        ('="13800000000"', "13800000000"),
        ("'13800000000", "13800000000"),
        ("\t13800000000 ", "13800000000"),
        ("１３８００００００００", "13800000000"),
        ("013800000000", "013800000000"),
        ("138.5", "138.5"),
        ("a1.0", "a1.0"),
    ],
)
def test_tricks_that_keep_digits_in_a_csv_are_understood(cell: str, expected: str) -> None:
    assert read(as_csv([HEADER, [cell, "王丽", ""]]))[0][1]["login"] == expected


@pytest.mark.parametrize("cell", ["1.38E+10", "5.30102E+17", "1e5", "5.3E-07"])
def test_digits_lost_to_scientific_notation_are_a_fault_of_that_cell(cell: str) -> None:
    assert faults_of(as_csv([HEADER, ["li.na", "李娜", ""], [cell, "王丽", ""]])) == [
        (3, "login", "number_in_scientific_notation")
    ]


@pytest.mark.parametrize("number", [530102199001011000, 5.30102199001011e17, 1e15])
def test_an_identity_number_that_excel_kept_as_a_number_is_a_fault(number: float) -> None:
    assert faults_of(as_xlsx([HEADER, [number, "王丽", ""]])) == [(2, "login", "number_lost_digits")]


def test_names_keep_no_strange_blanks_and_passwords_keep_theirs() -> None:
    table = a_table("login|name|password", "wang.li| 王　丽\u200b |two  blanks here")
    assert table.rows[0].values == {"login": "wang.li", "name": "王 丽", "password": "two  blanks here"}


def test_dates_and_truths_become_text() -> None:
    ((_, values),) = read(
        as_xlsx([["login", "name", "class_group", "password"], ["a.b", "王丽", date(2026, 3, 1), True]])
    )
    assert (values["class_group"], values["password"]) == ("2026-03-01T00:00:00", "TRUE")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#VALUE!"])
def test_a_cell_that_shows_an_error_is_a_fault(error: str) -> None:
    assert faults_of(as_csv([HEADER, ["a.b", error, ""]])) == [(2, "name", "cell_is_error")]


def test_a_comma_too_many_shifts_nothing_unseen() -> None:
    content = "login,name,email\na.b,王,丽,x@example.cn\nc.d,李娜,y@example.cn,,\n".encode()
    assert faults_of(content) == [(2, None, "too_many_cells")]
    assert [row.number for row in read_table(content, PEOPLE).rows] == [3]


def test_a_formula_counts_with_the_value_it_was_saved_with() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["login", "name"])
        sheet.write_formula(1, 0, '="wang"&".li"', value="wang.li")
        sheet.write_string(1, 1, "王丽")
    assert read(file.getvalue()) == [(2, {"login": "wang.li", "name": "王丽"})]


def test_a_file_over_the_limit_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosterfile, "MAX_BYTES", 50)
    refused = refusal_of(as_csv(ROWS) + b" " * 50)
    assert (refused.code, refused.params) == ("file_too_large", {"limit_bytes": 50})


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosterfile, "MAX_ROWS", 2)
    assert read(as_csv(ROWS)) == EXPECTED
    for content in (as_csv([*ROWS, ["c", "d", ""]]), as_xlsx([*ROWS, ["c", "d", ""]])):
        assert refusal_of(content).code == "too_many_rows"


def _repacked(content: bytes, name: str, change: Any) -> bytes:
    """A workbook with one of its parts changed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            data = old.read(part)
            new.writestr(part, change(data) if part == name else data)
    return changed.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_a_zip_bomb_is_refused_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 4_000_000)
    bomb = _repacked(as_xlsx(ROWS), SHEET, lambda data: data + b" " * 4_000_000)
    assert len(bomb) < 20_000
    assert refusal_of(bomb).code == "file_unpacks_too_large"


def test_a_zip_bomb_that_lies_about_its_size_is_not_unpacked_either() -> None:
    bomb = bytearray(_repacked(as_xlsx(ROWS), SHEET, lambda data: data + b" " * 4_000_000))
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        true_size = archive.getinfo(SHEET).file_size
    for at in range(len(bomb) - 4):
        if bomb[at : at + 4] == struct.pack("<I", true_size):
            bomb[at : at + 4] = struct.pack("<I", 1000)
    assert refusal_of(bytes(bomb)).code == "file_unreadable"


def test_a_part_that_declares_entities_is_refused() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    bad = _repacked(as_xlsx(ROWS), SHEET, lambda data: laughs + data.split(b"?>", 1)[1])
    refused = refusal_of(bad)
    assert (refused.code, refused.params) == ("file_unreadable", {"why": "document type"})


@pytest.mark.parametrize(
    "row", [b'<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>', b'<row r="1048577"/>']
)
def test_a_row_beyond_the_end_of_any_sheet_is_refused_in_no_time(row: bytes) -> None:
    bad = _repacked(as_xlsx(ROWS), SHEET, lambda data: data.replace(b"</sheetData>", row + b"</sheetData>"))
    assert refusal_of(bad).code == "file_unreadable"


def test_a_false_statement_of_the_sheets_size_costs_nothing() -> None:
    lying = _repacked(as_xlsx(ROWS), SHEET, lambda data: data.replace(b'ref="A1:C3"', b'ref="A1:XFD1048576"'))
    assert b"XFD1048576" in zipfile.ZipFile(io.BytesIO(lying)).read(SHEET)
    assert read(lying) == EXPECTED


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (SHEET, lambda data: data[: len(data) // 2]),
        (SHEET, lambda data: b""),
        (SHEET, lambda data: data.replace(b"<v>", b"<v>9")),
        ("xl/sharedStrings.xml", lambda data: b"<sst/>"),
        ("xl/workbook.xml", lambda data: b"not xml at all"),
        ("[Content_Types].xml", lambda data: b"<Types/>"),
        ("xl/styles.xml", lambda data: data[:50]),
    ],
)
def test_a_broken_workbook_is_refused_not_a_crash(part: str, change: Any) -> None:
    assert refusal_of(_repacked(as_xlsx(ROWS), part, change)).code in {"file_unreadable", "columns_missing"}


@given(content=st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: b"login,name\n" + data))
def test_no_bytes_at_all_make_the_reader_crash(content: bytes) -> None:
    try:
        table = read_table(content, PEOPLE)
    except (Malformed, TooLarge):
        return
    assert table.rows or table.faults


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6))
def test_any_texts_in_a_csv_are_read_or_named(cells: list[tuple[str, str]]) -> None:
    content = as_csv([["login", "name"], *cells], encoding="utf-8-sig").replace(b"\x00", b"")
    try:
        table = read_table(content, PEOPLE)
    except Malformed:
        return
    assert all(fault.code in SENTENCES for fault in table.faults)


def test_the_header_of_regions_is_another_one() -> None:
    table = a_table("代码|级别|名称|上级代码", "530000|省|云南省|", layout=REGIONS)
    assert table.rows[0].values == {"code": "530000", "level": "省", "name": "云南省"}
