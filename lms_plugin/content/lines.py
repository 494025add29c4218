"""Which line of a TOML file declares which key: tomllib gives values without their places."""

import re

KeyPath = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")


class LineIndex:
    """The line (from 1) of every key, table and array element of a TOML text.

    The text must be one tomllib has accepted: this index looks for places, it does not check syntax.
    """

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {(): 1}
        self._table_counts: dict[KeyPath, int] = {}
        self._read_document()

    def line_of(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest thing around it where it is absent (a missing key)."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _read_document(self) -> None:
        prefix: KeyPath = ()
        while self._skip_blank():
            if self._peek("["):
                prefix = self._read_header()
            else:
                self._read_pair(prefix)

    def _read_header(self) -> KeyPath:
        of_array = self._peek("[[")
        line = self._line
        self._advance(2 if of_array else 1)
        path = self._within_last_tables(self._read_key())
        self._advance(2 if of_array else 1)
        if of_array:
            self._lines.setdefault(path, line)
            count = self._table_counts.get(path, 0)
            self._table_counts[path] = count + 1
            path = (*path, count)
        self._lines[path] = line
        return path

    def _within_last_tables(self, keys: KeyPath) -> KeyPath:
        path: KeyPath = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if path in self._table_counts and position < len(keys) - 1:
                path = (*path, self._table_counts[path] - 1)
        return path

    def _read_pair(self, prefix: KeyPath) -> None:
        line = self._line
        path = prefix
        for key in self._read_key():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._skip_blank()
        self._advance(1)
        self._skip_blank()
        self._read_value(path)

    def _read_key(self) -> KeyPath:
        keys: list[str] = []
        while True:
            self._skip_blank()
            if self._text[self._at] in "\"'":
                keys.append(self._read_string())
            else:
                bare = _BARE_KEY.match(self._text, self._at)
                keys.append(bare.group() if bare else "")
                self._advance(len(keys[-1]))
            self._skip_blank()
            if not self._peek("."):
                return tuple(keys)
            self._advance(1)

    def _read_value(self, path: KeyPath) -> None:
        self._lines.setdefault(path, self._line)
        if self._text[self._at] in "\"'":
            self._read_string()
        elif self._peek("["):
            self._read_array(path)
        elif self._peek("{"):
            self._read_inline_table(path)
        else:
            scalar = _SCALAR.match(self._text, self._at)
            self._advance(len(scalar.group()) if scalar else 1)

    def _read_array(self, path: KeyPath) -> None:
        self._advance(1)
        index = 0
        while self._skip_blank() and not self._peek("]"):
            self._read_value((*path, index))
            index += 1
            self._skip_blank()
            if self._peek(","):
                self._advance(1)
        self._advance(1)

    def _read_inline_table(self, path: KeyPath) -> None:
        self._advance(1)
        while self._skip_blank() and not self._peek("}"):
            self._read_pair(path)
            self._skip_blank()
            if self._peek(","):
                self._advance(1)
        self._advance(1)

    def _read_string(self) -> str:
        quote = self._text[self._at]
        closing = quote * 3 if self._peek(quote * 3) else quote
        self._advance(len(closing))
        begin = self._at
        while self._at < len(self._text) and not self._peek(closing):
            self._advance(2 if quote == '"' and self._peek("\\") else 1)
        content = self._text[begin : self._at]
        self._advance(len(closing))
        while len(closing) == 3 and self._peek(quote):  # up to two quotes may stand before the closing three
            self._advance(1)
        return content

    def _skip_blank(self) -> bool:
        """Pass over blanks, newlines and comments; False at the end of the text."""
        while self._at < len(self._text):
            if self._peek("#"):
                end = self._text.find("\n", self._at)
                self._advance((end if end >= 0 else len(self._text)) - self._at)
            elif self._text[self._at].isspace():
                self._advance(1)
            else:
                return True
        return False

    def _peek(self, expected: str) -> bool:
        return self._text.startswith(expected, self._at)

    def _advance(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count
