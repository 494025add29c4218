"""The first visible sheet of an XLSX file, row by row, from a file that may be meant to do harm."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from lms_plugin.domain.errors import Malformed, TooLarge

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
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise Malformed("file_empty")
        # What the sheet says of its own size is not to be trusted.
        sheets[0].reset_dimensions()
        cells = sheets[0].iter_rows(max_row=MOST_ROWS + 1, values_only=True)
        for number, row in enumerate(cells, start=1):
            if number > MOST_ROWS:
                raise Malformed("file_unreadable", why="too many rows")
            # A stray cell far below the last row makes a million empty ones.
            if row.count(None) < len(row):
                yield number, [_value(cell) for cell in row[:max_columns]]
    finally:
        book.close()


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


def _value(cell: Any) -> Value:
    if cell is None or isinstance(cell, str | int | float | bool):
        return cell
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
