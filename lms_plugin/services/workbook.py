"""The first visible sheet of an XLSX file, row by row, from a file that may be meant to do harm."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Any, Final
from xml.parsers.expat import ExpatError

from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS

from lms_plugin.domain.errors import Malformed, TooLarge
from lms_plugin.services import sheetrows

MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
MAX_PARTS: Final = 2000
MOST_ROWS: Final = 1_048_576
"""Of a sheet (the limit is Excel's); a row beyond it is the mark of a file made to exhaust its reader."""

_SCANNED_AT_ONCE = 1024 * 1024
_FORBIDDEN = b"<!DOCTYPE"
# All that the reader is known to raise for broken archives, broken XML, and XML that says something else.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ExpatError,
    InvalidFileException,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)

Value = str | int | float | bool | None


def rows(content: bytes, max_columns: int) -> Iterator[tuple[int, Sequence[Value]]]:
    """(number, cells) of each row that is not empty, at most `max_columns` cells.

    Formulas come as the values they had when the file was saved.

    Raises:
        TooLarge: `file_unpacks_too_large`.
        Malformed: `file_unreadable`.
    """
    try:
        yield from _rows(content, max_columns)
    except _BROKEN as fault:
        raise Malformed("file_unreadable", why=type(fault).__name__) from fault


def _rows(content: bytes, max_columns: int) -> Iterator[tuple[int, Sequence[Value]]]:
    _check_archive(content)
    reader = _Reader(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    reader.read()
    book = reader.wb
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise Malformed("file_empty")
        convert = _Conversion(book, reader.shared_strings)
        last = 0
        with sheets[0]._get_source() as source:
            for number, cells in sheetrows.rows(source, max_columns):
                if not last < number <= MOST_ROWS:
                    raise Malformed("file_unreadable", why="rows out of order, or too many")
                last = number
                # A stray cell far below the last row makes no empty ones here.
                if cells:
                    values: list[Value] = [None] * (cells[-1][0] + 1)
                    for column, kind, style, text in cells:
                        values[column] = convert.value(kind, style, text)
                    yield number, values
    finally:
        book.close()


class _Reader(ExcelReader):
    """The library's reader of everything but the two large parts."""

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = sheetrows.texts(source)


class _Conversion:
    """Values of cells as the workbook's styles mean them."""

    def __init__(self, book: Any, texts: Sequence[str]) -> None:
        self._texts = texts
        self._epoch, self._dates, self._spans = book.epoch, book._date_formats, book._timedelta_formats

    def value(self, kind: str, style: int, text: str) -> Value:
        if kind == "s":
            return self._texts[int(text)]
        if kind == "n":
            number = float(text) if "." in text or "E" in text or "e" in text else int(text)
            return self._date(number, style) if style in self._dates else number
        if kind == "b":
            return bool(int(text))
        return _plain(from_ISO8601(text)) if kind == "d" else text

    def _date(self, number: float, style: int) -> Value:
        try:
            return _plain(from_excel(number, self._epoch, timedelta=style in self._spans))
        except (OverflowError, ValueError):
            return "#VALUE!"


def _check_archive(content: bytes) -> None:
    """Refuse what unpacks to too much (the reader stops at the sizes the archive states) or declares entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise TooLarge("file_unpacks_too_large", limit_bytes=MAX_UNPACKED_BYTES)
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                with archive.open(part) as stream:
                    tail = b""
                    while some := stream.read(_SCANNED_AT_ONCE):
                        if _FORBIDDEN in tail + some:
                            raise Malformed("file_unreadable", why="document type")
                        tail = some[-len(_FORBIDDEN) :]


def _plain(value: Any) -> Value:
    return value.isoformat() if isinstance(value, date | time) else str(value)
