"""Reports as files: CSV for any spreadsheet, XLSX for Excel; made row by row, in memory that does not grow.

A text that a spreadsheet would take for a formula stays text: names and titles come from files other people sent.
"""

import csv
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import StringIO
from itertools import chain, islice
from typing import IO, Any

import xlsxwriter

from lms_plugin.domain.programme import Text
from lms_plugin.services.reports import Column, Kind, Report, Row, Value

CSV_ROWS_PER_CHUNK = 500
CHUNK_BYTES = 64 * 1024
ROWS_PER_SHEET = 1_048_576
"""What an XLSX sheet holds, its header included (ECMA-376; the limit is Excel's)."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOM = b"\xef\xbb\xbf"
_WIDTHS = {Kind.COUNT: 10, Kind.RATIO: 11, Kind.CLASS_HOURS: 12, Kind.YES_NO: 8, Kind.INSTANT: 17}
_TEXT_WIDTHS = {"programme_title": 30, "school_name": 24, "class_group": 20, "login": 18}
_DEFAULT_TEXT_WIDTH = 14


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a file: a label for each column key, what stands for yes and no, the language of titles.

    A component's column shows the component's own title unless `labels` has one for its key.
    """

    labels: Mapping[str, str]
    yes: str
    no: str
    language: str
    sheet: str = "Report"

    def label(self, column: Column) -> str:
        if column.key not in self.labels and column.title is not None:
            return column.title.in_language(self.language)
        return self.labels.get(column.key, column.key)


def csv_chunks(report: Report, wording: Wording) -> Generator[bytes, None, None]:
    """The report as CSV in UTF-8 with a byte order mark (without which Excel misreads Chinese), in chunks.

    Ratios are plain (0.4321), instants are wall time in the programme's zone (2026-11-24 20:00).
    """
    with report:
        yield _BOM + _csv_lines([[harmless(wording.label(column)) for column in report.columns]])
        while some := list(islice(report.rows, CSV_ROWS_PER_CHUNK)):
            yield _csv_lines([_csv_cell(value, wording) for value in row] for row in some)


def xlsx_chunks(
    report: Report, wording: Wording, *, rows_per_sheet: int = ROWS_PER_SHEET
) -> Generator[bytes, None, None]:
    """The report as an XLSX workbook with a frozen header, numbers as numbers and instants as dates, in chunks.

    The workbook is finished in a temporary file before the first chunk; a report longer than a sheet goes on in
    another one.
    """
    with report, tempfile.TemporaryDirectory(prefix="report") as folder, tempfile.TemporaryFile(dir=folder) as file:
        _write_workbook(file, folder, report, wording, rows_per_sheet)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _csv_cell(value: Value, wording: Wording) -> str:
    match value:
        case None:
            return ""
        case bool():
            return wording.yes if value else wording.no
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case int() | Decimal():
            return str(value)
        case Text():
            return harmless(value.in_language(wording.language))
        case str():
            return harmless(value)


def harmless(text: str) -> str:
    """A text as a cell of a CSV, which no spreadsheet takes for a formula."""
    return f"'{text}" if _looks_like_a_formula(text) else text


def _looks_like_a_formula(text: str) -> bool:
    return text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


class _Formats:
    """The cell formats of one workbook."""

    def __init__(self, workbook: Any) -> None:
        self.header = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        # What typing an apostrophe first does in Excel: the text stays text even when the cell is edited.
        self.quoted = workbook.add_format({"quote_prefix": True})
        self.numbers = {
            Kind.COUNT: workbook.add_format({"num_format": "0"}),
            Kind.RATIO: workbook.add_format({"num_format": "0.00%"}),
            Kind.CLASS_HOURS: workbook.add_format({"num_format": "0.00"}),
            Kind.INSTANT: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }


def _write_workbook(file: IO[bytes], folder: str, report: Report, wording: Wording, rows_per_sheet: int) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": folder,
    }
    with closing(xlsxwriter.Workbook(file, options)) as workbook:
        formats = _Formats(workbook)
        number, following = 1, next(report.rows, None)
        while following is not None or number == 1:
            name = wording.sheet if number == 1 else f"{wording.sheet} {number}"
            sheet = _begin_sheet(workbook, name, report.columns, formats, wording)
            rows = chain([following] if following is not None else [], report.rows)
            for at, row in enumerate(islice(rows, rows_per_sheet - 1), start=1):
                _write_row(sheet, at, row, report.columns, formats, wording)
            number, following = number + 1, next(report.rows, None)


def _begin_sheet(workbook: Any, name: str, columns: Sequence[Column], formats: _Formats, wording: Wording) -> Any:
    sheet = workbook.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for at, column in enumerate(columns):
        width = _WIDTHS.get(column.kind) or _TEXT_WIDTHS.get(column.key, _DEFAULT_TEXT_WIDTH)
        sheet.set_column(at, at, width)
    for at, column in enumerate(columns):
        sheet.write_string(0, at, wording.label(column), formats.header)
    return sheet


def _write_row(sheet: Any, at: int, row: Row, columns: Sequence[Column], formats: _Formats, wording: Wording) -> None:
    for position, (value, column) in enumerate(zip(row, columns, strict=True)):
        match value:
            case None:
                continue
            case bool():
                sheet.write_string(at, position, wording.yes if value else wording.no)
            case datetime():
                sheet.write_datetime(at, position, value.replace(tzinfo=None), formats.numbers[column.kind])
            case int() | Decimal():
                sheet.write_number(at, position, value, formats.numbers[column.kind])
            case Text():
                _write_text(sheet, at, position, value.in_language(wording.language), formats)
            case str():
                _write_text(sheet, at, position, value, formats)


def _write_text(sheet: Any, at: int, position: int, text: str, formats: _Formats) -> None:
    if _looks_like_a_formula(text):
        sheet.write_string(at, position, text, formats.quoted)
    else:
        sheet.write_string(at, position, text)
