"""Placeholders in a tutor's message: {name} or {姓名} is filled in for each who gets it."""

import re
from collections.abc import Mapping
from typing import Final

from lms_plugin.domain.programme import Text

NAME, HOURS, MISSING, BEHIND = "name", "hours", "missing", "behind"
PLACEHOLDERS: Final[Mapping[str, Text]] = {
    NAME: Text("姓名", "name"),
    HOURS: Text("已修学时", "hours"),
    MISSING: Text("还差学时", "missing"),
    BEHIND: Text("落后学时", "behind"),
}
"""What can be filled in, by key, with its word in either language; `hours` are credited, `missing` are short of the
whole, `behind` are short of what is asked for by today."""

_PLACE = re.compile(r"[{｛]([^{}｛｝\n]*)[}｝]")
_KEYS = {word: key for key, words in PLACEHOLDERS.items() for word in (words.zh, words.en)}


def unknown_in(text: str) -> tuple[str, ...]:
    """What stands in braces and is no placeholder, each once, as it was written."""
    found = (one[0] for one in _PLACE.finditer(text) if one[1].strip().lower() not in _KEYS)
    return tuple(dict.fromkeys(found))


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with its placeholders filled in, once: what is filled in is not looked at again."""

    def value(place: re.Match[str]) -> str:
        key = _KEYS.get(place[1].strip().lower())
        return values[key] if key is not None else place[0]

    return _PLACE.sub(value, text)
