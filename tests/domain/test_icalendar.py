"""iCalendar as we write it is iCalendar as RFC 5545 says: read back by its grammar, whatever people typed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import icalendar
from lms_plugin.domain.icalendar import Event

NOON = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
# Section 3.1: a name, no parameters of ours but VALUE, and a value without control characters.
CONTENT_LINE = re.compile(r"([A-Z][A-Z0-9-]*)(;VALUE=[A-Z]+)?:([^\x00-\x08\x0a-\x1f\x7f]*)")
# Section 3.3.11: TEXT is anything but bare backslashes, semicolons, commas and line ends.
TEXT = re.compile(r"(?:\\[\\;,nN]|[^\\;,\x00-\x08\x0a-\x1f\x7f])*")
UTC_TIME = re.compile(r"\d{8}T\d{6}Z")
TEXTS = ("SUMMARY", "LOCATION", "DESCRIPTION", "UID", "NAME", "X-WR-CALNAME", "PRODID")
TIMES = ("DTSTAMP", "LAST-MODIFIED", "DTSTART", "DTEND")


def unfolded(calendar: str) -> list[str]:
    """The content lines; every physical line ends with CRLF and has at most 75 octets of whole characters."""
    assert calendar.endswith("\r\n")
    physical = calendar.encode().split(b"\r\n")[:-1]
    for line in physical:
        assert len(line) <= 75
        assert line.decode()  # cut inside of a character, this fails
        assert b"\n" not in line
        assert b"\r" not in line
    return calendar.replace("\r\n ", "").split("\r\n")[:-1]


def plain(value: str) -> str:
    """A TEXT as it was before it was escaped."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def read(calendar: str) -> list[dict[str, str]]:
    """The events of a calendar, by property; what the grammar does not allow fails."""
    lines = unfolded(calendar)
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    events: list[dict[str, str]] = []
    inside = False
    for line in lines[1:-1]:
        found = CONTENT_LINE.fullmatch(line)
        assert found is not None, line
        name, value = found[1], found[3]
        if name in TEXTS:
            assert TEXT.fullmatch(value), line
        if name in TIMES:
            assert UTC_TIME.fullmatch(value), line
        if line == "BEGIN:VEVENT":
            inside = True
            events.append({})
        elif line == "END:VEVENT":
            inside = False
        elif inside:
            assert name not in events[-1], f"{name} may stand only once (section 3.6.1)"
            events[-1][name] = value
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS"} <= event.keys()
    return events


def event(**changes: object) -> Event:
    values: dict[str, object] = {
        "uid": "b1d1c0de@lms-plugin",
        "sequence": 0,
        "stamp": NOON - timedelta(days=3),
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=2),
        "summary": "怎样评课",
    }
    return Event(**(values | changes))


def test_an_event_is_written_whole() -> None:
    made = event(
        sequence=2, location="三楼, 301; 左手", description="第一行\n第二行", address="https://a.cn/meetings/1"
    )
    (found,) = read(icalendar.write([made], name="我的活动"))

    assert found == {
        "UID": "b1d1c0de@lms-plugin",
        "DTSTAMP": "20261125T040000Z",
        "LAST-MODIFIED": "20261125T040000Z",
        "SEQUENCE": "2",
        "DTSTART": "20261128T040000Z",
        "DTEND": "20261128T060000Z",
        "SUMMARY": "怎样评课",
        "LOCATION": r"三楼\, 301\; 左手",
        "DESCRIPTION": r"第一行\n第二行",
        "URL": "https://a.cn/meetings/1",
        "STATUS": "CONFIRMED",
    }


def test_what_is_called_off_says_so_and_a_calendar_may_be_empty() -> None:
    (found,) = read(icalendar.write([event(is_cancelled=True)], name="n"))

    assert found["STATUS"] == "CANCELLED"
    assert read(icalendar.write([], name="n")) == []


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("a,b;c", r"a\,b\;c"),
        ("a\\nb", r"a\\nb"),
        ("a\r\nb\rc\nd", r"a\nb\nc\nd"),
        ("bell\x07 and \x7f", "bell and "),
        ("tab\tstays", "tab\tstays"),
        ("BEGIN:VEVENT", "BEGIN:VEVENT"),
    ],
)
def test_texts_are_escaped(typed: str, written: str) -> None:
    assert icalendar.text(typed) == written


@pytest.mark.parametrize("letter", ["a", "é", "课", "😀"])
@pytest.mark.parametrize("length", [*range(68, 80), 150, 400])
def test_lines_are_folded_between_characters(letter: str, length: int) -> None:
    line = "SUMMARY:" + letter * length
    folded = icalendar.fold(line)

    assert all(len(one.encode()) <= 75 for one in folded.split("\r\n"))
    assert folded.replace("\r\n ", "") == line


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), min_size=3, max_size=3),
    st.integers(631_152_000, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(0, 10_000),
)
def test_whatever_people_type_is_read_back_as_they_typed_it(
    typed: list[str], starts_at: datetime, sequence: int
) -> None:
    made = event(
        summary=typed[0],
        location=typed[1],
        description=typed[2],
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        sequence=sequence,
    )
    (found,) = read(
        icalendar.write(
            [
                made,
            ],
            name=typed[0],
        )
    )

    for name, value in zip(("SUMMARY", "LOCATION", "DESCRIPTION"), typed, strict=True):
        lines = re.sub(r"\r\n|\r", "\n", value)
        expected = "".join(one for one in lines if one in "\t\n" or (ord(one) >= 0x20 and ord(one) != 0x7F))
        assert plain(found.get(name, "")) == expected
    assert found["DTSTART"] == f"{starts_at:%Y%m%dT%H%M%SZ}"
    assert found["SEQUENCE"] == str(sequence)
