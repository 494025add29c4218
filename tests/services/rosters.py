"""Rosters as files, for tests of imports."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from lms_plugin.services.rosterfile import PEOPLE, Layout, Table, read_table


def as_csv(rows: Sequence[Sequence[Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: Sequence[Sequence[Any]], *, hidden_sheet_first: bool = False) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        if hidden_sheet_first:
            sheet = book.add_worksheet("说明")
            sheet.write(0, 0, "请勿修改")
        sheet = book.add_worksheet("名单")
        sheet.activate()
        if hidden_sheet_first:
            book.worksheets()[0].hide()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return file.getvalue()


def a_table(header: str, *rows: str, layout: Layout = PEOPLE) -> Table:
    """The table of a CSV whose cells are parted by `|` here, for legible tests."""
    return read_table(as_csv([line.split("|") for line in (header, *rows)]), layout)
