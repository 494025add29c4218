"""The two large parts of an XLSX file, read as a stream: a sheet's rows and the table of its shared texts.

Rosters have a million cells: a tree for each of them, as the library makes, would take most of the time of a preview.
"""

from collections.abc import Iterator, Sequence
from typing import IO, Any, Final
from xml.parsers import expat

READ_AT_ONCE: Final = 256 * 1024
MOST_LETTERS: Final = 3

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_ROW, _CELL, _VALUE, _INLINE = (_MAIN + name for name in ("row", "c", "v", "is"))
_ITEM, _TEXT, _PHONETIC = (_MAIN + name for name in ("si", "t", "rPh"))

RawCell = tuple[int, str, int, str]
"""Column from 0, type of the cell, number of its style, text of its value."""


def texts(source: IO[bytes]) -> list[str]:
    """The shared texts by their number; readings (phonetic runs) are left out."""
    reader = _Texts()
    for _ in _fed(source, reader):
        pass
    return reader.found


def rows(source: IO[bytes], most_columns: int) -> Iterator[tuple[int, Sequence[RawCell]]]:
    """(number, cells with a value) of each row in the order of the file, without columns further right."""
    reader = _Rows(most_columns)
    for _ in _fed(source, reader):
        yield from reader.found
        reader.found = []


def _fed(source: IO[bytes], reader: "_Texts | _Rows") -> Iterator[None]:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    while some := source.read(READ_AT_ONCE):
        parser.Parse(some, False)
        yield
    parser.Parse(b"", True)
    yield


class _Texts:
    """Handlers that collect the texts of the items of a shared table."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._takes = self._in_reading = False

    def start(self, name: str, _: Any) -> None:
        if name == _TEXT:
            self._takes = not self._in_reading
        elif name == _PHONETIC:
            self._in_reading = True
        elif name == _ITEM:
            self._parts = []

    def end(self, name: str) -> None:
        if name == _TEXT:
            self._takes = False
        elif name == _PHONETIC:
            self._in_reading = False
        elif name == _ITEM:
            self.found.append("".join(self._parts))

    def text(self, some: str) -> None:
        if self._takes:
            self._parts.append(some)


class _Rows:
    """Handlers that collect the cells of the rows that are complete."""

    def __init__(self, most_columns: int) -> None:
        self.found: list[tuple[int, Sequence[RawCell]]] = []
        self._most_columns = most_columns
        self._row, self._column = 0, -1
        self._cells: list[RawCell] = []
        self._type, self._style = "n", 0
        self._parts: list[str] = []
        self._takes = self._in_reading = self._is_inline = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _CELL:
            reference = attributes.get("r")
            self._column = self._column + 1 if reference is None else _column_of(reference)
            self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
            self._parts = []
        elif name == _VALUE:
            self._takes = True
        elif name == _TEXT:
            self._takes = self._is_inline and not self._in_reading
        elif name == _INLINE:
            self._is_inline = True
        elif name == _PHONETIC:
            self._in_reading = True
        elif name == _ROW:
            self._row = int(attributes.get("r", self._row + 1))
            self._column, self._cells = -1, []

    def end(self, name: str) -> None:
        if name in (_VALUE, _TEXT):
            self._takes = False
        elif name == _CELL:
            if self._parts and 0 <= self._column < self._most_columns:
                self._cells.append((self._column, self._type, self._style, "".join(self._parts)))
        elif name == _INLINE:
            self._is_inline = False
        elif name == _PHONETIC:
            self._in_reading = False
        elif name == _ROW:
            self.found.append((self._row, self._cells))

    def text(self, some: str) -> None:
        if self._takes:
            self._parts.append(some)


def _column_of(reference: str) -> int:
    """The column of a reference such as AB12, from 0.

    Raises:
        ValueError: it is no reference.
    """
    column = length = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        column, length = column * 26 + ord(letter) - 64, length + 1
    if not 1 <= length <= MOST_LETTERS or not reference[length:].isdecimal():
        raise ValueError(reference)
    return column - 1
