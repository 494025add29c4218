"""One TOML file read against its shape: either a table, or the faults with their lines."""

import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lms_plugin.content.faults import Fault
from lms_plugin.content.lines import KeyPath, LineIndex

Shape = TypeVar("Shape", bound=BaseModel)
_SYNTAX_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_SAYINGS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda error: "is missing",
    "extra_forbidden": lambda error: "unknown key",
    "value_error": lambda error: str(error["ctx"]["error"]),
    "too_short": lambda error: f"must have at least {error['ctx']['min_length']}, not {error['ctx']['actual_length']}",
    "string_too_short": lambda error: "must not be empty",
    "union_tag_invalid": lambda error: f"must be one of {error['ctx']['expected_tags']}, not '{error['ctx']['tag']}'",
    "union_tag_not_found": lambda error: "is missing",
    "literal_error": lambda error: f"must be {error['ctx']['expected']}, not {error['input']!r}",
}


class Place:
    """Makes faults about one TOML file, each on the line of the key it speaks of."""

    def __init__(self, path: Path, lines: LineIndex) -> None:
        self.path = path
        self._lines = lines

    def fault(self, key: KeyPath, message: str) -> Fault:
        named = _dotted(key)
        return Fault(self.path, self._lines.line_of(key), f"{named}: {message}" if named else message)


def read_text(path: Path, faults: list[Fault]) -> str | None:
    """The text of a UTF-8 file; None, and a fault, where it is missing or not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        faults.append(Fault(path, line, "the file is not UTF-8"))
    except OSError as error:
        faults.append(Fault(path, 1, f"the file cannot be read: {error.strerror}"))
    return None


def read_document(path: Path, shape: type[Shape], faults: list[Fault]) -> tuple[Shape, Place] | None:
    """The file's content as `shape`, with the way to speak of its lines; None where it has faults of its own.

    Every fault of the file is appended to `faults`: its syntax, unknown and missing keys, wrong types, ranges.
    """
    text = read_text(path, faults)
    if text is None:
        return None
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        faults.append(_syntax_fault(path, text, str(error)))
        return None
    place = Place(path, LineIndex(text))
    try:
        return shape.model_validate(raw), place
    except ValidationError as error:
        for detail in error.errors():
            key = _key_path(detail, raw)
            faults.append(place.fault(key, _saying(detail, key)))
    return None


def _syntax_fault(path: Path, text: str, message: str) -> Fault:
    place = _SYNTAX_PLACE.search(message)
    line = int(place["line"]) if place and place["line"] else text.rstrip("\n").count("\n") + 1
    return Fault(path, line, f"TOML: {_SYNTAX_PLACE.sub('', message)}")


def _saying(detail: ErrorDetails, key: KeyPath) -> str:
    around = detail["loc"][-2:-1]
    if detail["type"] == "extra_forbidden" and around and around[0] not in key:
        return f'unknown key where kind is "{around[0]}"'
    saying = _SAYINGS.get(detail["type"])
    if saying is not None:
        return saying(detail)
    message = detail["msg"].removeprefix("Input should be ")
    return f"must be {message}" if message != detail["msg"] else message


def _key_path(detail: ErrorDetails, raw: dict[str, object]) -> KeyPath:
    """The error's location without the steps pydantic adds for unions, which are no keys of the file."""
    path: list[str | int] = []
    at: object = raw
    steps = list(detail["loc"])
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        steps.append(detail["ctx"]["discriminator"].strip("'"))
    for position, step in enumerate(steps):
        is_missing = detail["type"] in ("missing", "union_tag_not_found") and position == len(steps) - 1
        if isinstance(at, dict) and (step in at or is_missing):
            path.append(step)
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int):
            path.append(step)
            at = at[step]
    return tuple(path)


def _dotted(key: KeyPath) -> str:
    dotted = ""
    for step in key:
        dotted += f"[{step}]" if isinstance(step, int) else f".{step}" if dotted else step
    return dotted
