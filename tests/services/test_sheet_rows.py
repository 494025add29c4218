"""The quick reader of sheets reads what the library's own reads."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from lms_plugin.domain.errors import Malformed
from lms_plugin.services import sheetrows, workbook

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
CELLS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
    st.integers(-(10**14), 10**14),
    st.floats(-1e9, 1e9, allow_nan=False),
    st.booleans(),
    st.dates(date(1990, 1, 1), date(2050, 1, 1)),
)


def as_workbook(rows: Sequence[Sequence[object]], *, inline: bool) -> bytes:
    file = io.BytesIO()
    options = {
        "in_memory": not inline,
        "constant_memory": inline,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(file, {**options, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(at, column, cell)
    return file.getvalue()


def library_rows(content: bytes) -> list[tuple[int, list[object]]]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()
    found = []
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [cell.isoformat() if isinstance(cell, date | time) else cell for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            found.append((number, cells))
    return found


def own_rows(content: bytes, most_columns: int = 100) -> list[tuple[int, list[object]]]:
    return [(number, list(cells)) for number, cells in workbook.rows(content, most_columns)]


def with_sheet(rows: str, shared: str = "") -> bytes:
    """A workbook whose sheet has these rows, as XML."""
    content = as_workbook([["x"]], inline=False)
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.infolist():
            body = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                body = f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode()
            if part.filename == "xl/sharedStrings.xml" and shared:
                body = f"<sst {MAIN}>{shared}</sst>".encode()
            new.writestr(part.filename, body)
    return file.getvalue()


@given(st.lists(st.lists(CELLS, max_size=6), max_size=8), st.booleans())
def test_cells_of_all_kinds_are_read_as_the_library_reads_them(rows: list[list[object]], inline: bool) -> None:
    content = as_workbook(rows, inline=inline)

    assert own_rows(content) == library_rows(content)


def test_formatted_texts_are_joined_and_readings_left_out() -> None:
    shared = (
        "<si><t>王丽</t></si>"
        "<si><r><t>第一</t></r><r><rPr><b/></rPr><t xml:space='preserve'> 小学</t></r></si>"
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>"
        "<si><t/></si>"
    )
    cells = "".join(f'<c t="s"><v>{number}</v></c>' for number in range(4))
    inline = '<c t="inlineStr"><is><r><t>甲</t></r><r><t>乙</t></r><rPh sb="0" eb="1"><t>ka</t></rPh></is></c>'
    content = with_sheet(f"<row>{cells}{inline}</row>", shared)

    assert own_rows(content) == [(1, ["王丽", "第一 小学", "東京", "", "甲乙"])]


def test_numbers_of_rows_and_columns_are_those_of_the_sheet() -> None:
    rows = (
        '<row r="2"><c r="B2"><v>1</v></c><c><v>2.5</v></c><c r="CW2"><v>3</v></c></row>'
        '<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>ab</v></c></row>'
        '<row r="9"><c r="A9"/><c r="B9"><v/></c></row>'
        '<row r="1048576"><c r="A1048576" t="d"><v>2026-11-24T00:00:00</v></c></row>'
    )
    expected = [(2, [None, 1, 2.5]), (3, [True, "#N/A", "ab"]), (1048576, ["2026-11-24T00:00:00"])]

    assert own_rows(with_sheet(rows)) == expected


def test_a_date_that_is_none_shows_an_error() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_number(0, 0, 1e12, book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_number(0, 1, 0.5, book.add_format({"num_format": "hh:mm"}))
        sheet.write_datetime(0, 2, date(2026, 11, 24), book.add_format({"num_format": "yyyy-mm-dd"}))

    assert own_rows(file.getvalue()) == [(1, ["#VALUE!", "12:00:00", "2026-11-24T00:00:00"])]


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="5"><c><v>1</v></c></row><row r="4"><c><v>1</v></c></row>',
        '<row r="1048577"><c><v>1</v></c></row>',
        '<row r="0"><c><v>1</v></c></row>',
        '<row r="x"><c><v>1</v></c></row>',
        '<row><c r="1A"><v>1</v></c></row>',
        '<row><c r="AAAA1"><v>1</v></c></row>',
        '<row><c t="s"><v>7</v></c></row>',
        '<row><c r="B1"><v>1</v></c><c r="A1"><v>one</v></c></row>',
        "<row><c><v>nan</v></c></row>",
        "<row><c>",
    ],
)
def test_a_broken_sheet_is_refused(rows: str) -> None:
    with pytest.raises(Malformed, match="file_unreadable"):
        own_rows(with_sheet(rows))


def test_a_text_longer_than_what_is_read_at_once_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheetrows, "READ_AT_ONCE", 7)
    content = as_workbook([["学" * 50, "b"], ["c", "校" * 50]], inline=True)

    assert own_rows(content) == [(1, ["学" * 50, "b"]), (2, ["c", "校" * 50])]
    assert own_rows(content, 1) == [(1, ["学" * 50]), (2, ["c"])]
