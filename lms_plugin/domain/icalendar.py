"""Calendars as programs read them: iCalendar (RFC 5545), events with a beginning and an end.

Instants are written in UTC, so that no time zone has to be described. Lines end with CRLF and are folded at 75 octets
of UTF-8, never inside of a character (section 3.1); texts are escaped by section 3.3.11.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LONGEST_LINE_OCTETS: Final = 75
_ESCAPES: Final = (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\r", "\\n"), ("\n", "\\n"))


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `uid` never changes, `sequence` rises with every change, `stamp` is when it was changed last.

    `address` is a page on it; a cancelled one stays in calendars with that word until they drop it.
    """

    uid: str
    sequence: int
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str = ""
    description: str = ""
    address: str = ""
    is_cancelled: bool = False


def write(events: Iterable[Event], *, name: str, product: str = "-//lms-plugin//Class Hours//ZH") -> str:
    """A calendar with these events under a name that programs may show; it is good to ask for it again in an hour."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{text(product)}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]
    for one in events:
        lines.extend(_event(one))
    lines.append("END:VCALENDAR")
    return "".join(f"{fold(line)}\r\n" for line in lines)


def text(value: str) -> str:
    """A value of type TEXT; control characters, which the grammar has no place for, are left out."""
    for plain, escaped in _ESCAPES:
        value = value.replace(plain, escaped)
    return "".join(letter for letter in value if letter == "\t" or (ord(letter) >= 0x20 and ord(letter) != 0x7F))


def fold(line: str) -> str:
    """A content line cut into pieces of at most 75 octets, each but the first behind one blank."""
    pieces: list[str] = []
    piece, octets = "", 0
    for letter in line:
        size = len(letter.encode())
        # The blank that begins every further piece is one of its octets.
        if octets + size > LONGEST_LINE_OCTETS - (1 if pieces else 0):
            pieces.append(piece)
            piece, octets = "", 0
        piece += letter
        octets += size
    pieces.append(piece)
    return "\r\n ".join(pieces)


def instant(value: datetime) -> str:
    """An aware instant as a date-time in UTC (section 3.3.5, form 2), cut to whole seconds."""
    return f"{value.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _event(one: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{text(one.uid)}"
    yield f"DTSTAMP:{instant(one.stamp)}"
    yield f"LAST-MODIFIED:{instant(one.stamp)}"
    yield f"SEQUENCE:{one.sequence}"
    yield f"DTSTART:{instant(one.starts_at)}"
    yield f"DTEND:{instant(one.ends_at)}"
    yield f"SUMMARY:{text(one.summary)}"
    for name, value in (("LOCATION", one.location), ("DESCRIPTION", one.description)):
        if value:
            yield f"{name}:{text(value)}"
    if one.address:
        yield f"URL:{one.address}"
    yield "STATUS:CANCELLED" if one.is_cancelled else "STATUS:CONFIRMED"
    yield "END:VEVENT"
