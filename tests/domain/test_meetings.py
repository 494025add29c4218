"""Meetings: the code that changes, and how much of one counts for whom."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import meetings
from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.intervals import length
from lms_plugin.domain.meetings import Standing, presence

MINUTE = 60_000
START, END = 540 * MINUTE, 720 * MINUTE  # 9:00 to 12:00
KEY = b"12345678901234567890123456789012"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238, appendix B, the vectors of SHA-256; theirs have eight digits, ours are the last six of them.
    [
        (59, "119246"),
        (1111111109, "084774"),
        (1111111111, "062674"),
        (1234567890, "819424"),
        (2000000000, "698825"),
        (20000000000, "737706"),
    ],
)
def test_the_code_is_that_of_the_standard(seconds: int, code: str) -> None:
    assert meetings.code_at(KEY, at(seconds)) == code


@pytest.mark.parametrize(
    ("shown_at", "typed_at", "right"),
    [
        (600, 600, True),
        (600, 629, True),
        (600, 630, True),  # changed while it was typed
        (600, 659, True),
        (600, 660, False),  # two steps ago
        (630, 629, False),  # not yet
    ],
)
def test_a_code_is_good_for_its_step_and_the_next(shown_at: int, typed_at: int, right: bool) -> None:
    assert meetings.is_right(KEY, meetings.code_at(KEY, at(shown_at)), at(typed_at)) is right


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("119246", True),
        (" 119 246 ", True),
        ("１１９２４６", True),  # full width, as a Chinese keyboard writes it
        ("119-246", False),
        ("11924", False),
        ("1192466", False),
        ("", False),
        ("一一九二四六", False),
        ("abcdef", False),
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str, right: bool) -> None:
    assert meetings.is_right(KEY, typed, at(59)) is right


@pytest.mark.parametrize(("seconds", "left"), [(600, 30), (601, 29), (629, 1), (630, 30)])
def test_the_seconds_left_of_a_code(seconds: int, left: int) -> None:
    assert meetings.seconds_left(at(seconds)) == left


def minutes(clock: str | None) -> int | None:
    if clock is None:
        return None
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) * MINUTE


@pytest.mark.parametrize(
    ("came", "went", "both_ends", "late", "from_", "to", "standing"),
    [
        ("9:00", "12:00", True, 0, "9:00", "12:00", Standing.PRESENT),
        ("8:40", "12:30", True, 0, "9:00", "12:00", Standing.PRESENT),  # clipped to the meeting
        ("9:20", "11:30", True, 0, "9:20", "11:30", Standing.PRESENT),
        ("9:10", "11:50", True, 10, "9:00", "12:00", Standing.PRESENT),  # within the grace: the whole
        ("9:11", "11:49", True, 10, "9:11", "11:49", Standing.PRESENT),
        ("9:05", "11:00", True, 10, "9:00", "11:00", Standing.PRESENT),
        ("9:00", None, True, 0, None, None, Standing.NOT_SIGNED_OUT),
        ("9:00", None, False, 0, "9:00", "12:00", Standing.PRESENT),
        ("9:20", None, False, 10, "9:20", "12:00", Standing.PRESENT),
        ("9:20", "11:00", False, 0, "9:20", "11:00", Standing.PRESENT),  # known to have gone
        (None, None, True, 0, None, None, Standing.NOT_THERE),
        (None, None, False, 0, None, None, Standing.NOT_THERE),
        (None, "12:00", True, 0, None, None, Standing.NOT_SIGNED_IN),
        (None, "12:00", False, 0, None, None, Standing.NOT_SIGNED_IN),
        ("12:00", "12:30", True, 0, None, None, Standing.OUTSIDE),
        ("12:10", None, False, 10, None, None, Standing.OUTSIDE),
        ("8:00", "9:00", True, 10, None, None, Standing.OUTSIDE),
        ("10:00", "10:00", True, 0, None, None, Standing.OUTSIDE),
        ("11:00", "10:00", True, 0, None, None, Standing.OUTSIDE),
    ],
)
def test_what_counts_of_a_meeting_from_nine_to_twelve(
    came: str | None,
    went: str | None,
    both_ends: bool,
    late: int,
    from_: str | None,
    to: str | None,
    standing: Standing,
) -> None:
    found = presence(START, END, minutes(came), minutes(went), both_ends=both_ends, late_minutes=late)

    assert found.standing is standing
    assert found.present == (() if from_ is None else ((minutes(from_), minutes(to)),))


@pytest.mark.parametrize(("most", "given_minutes"), [(None, 180), (270, 180), (180, 180), (135, 135), (0, 0)])
def test_a_meeting_gives_no_more_than_its_limit(most: int | None, given_minutes: int) -> None:
    found = presence(START, END, START, END, both_ends=True)

    assert found.most_ms(most) == given_minutes * MINUTE


@pytest.mark.parametrize(
    ("came", "late", "is_late"),
    [(None, 0, False), ("9:00", 0, False), ("9:01", 0, True), ("9:10", 10, False), ("9:11", 10, True)],
)
def test_who_is_late(came: str | None, late: int, is_late: bool) -> None:
    assert meetings.is_late(START, minutes(came), late) is is_late
    assert (meetings.minutes_late(START, minutes(came), late) > 0) is is_late


@pytest.mark.parametrize(
    ("came_ms", "went_ms", "grace", "late", "early"),
    [
        (START, END, 0, 0, 0),
        (None, None, 0, 0, 0),
        (START - MINUTE, END + MINUTE, 0, 0, 0),
        (START + 1, END - 1, 0, 1, 1),
        (START + 12 * MINUTE, END - 20 * MINUTE, 0, 12, 20),
        (START + 12 * MINUTE + 1, END - 20 * MINUTE - 1, 0, 13, 21),
        (START + 10 * MINUTE, END - 10 * MINUTE, 10, 0, 0),
        (START + 11 * MINUTE, END - 11 * MINUTE, 10, 11, 11),
    ],
)
def test_late_and_early_are_said_in_begun_minutes(
    came_ms: int | None, went_ms: int | None, grace: int, late: int, early: int
) -> None:
    assert meetings.minutes_late(START, came_ms, grace) == late
    assert meetings.minutes_early(END, went_ms, grace) == early


@pytest.mark.parametrize(
    ("wall", "timezone", "instant"),
    [
        ("2026-11-24 09:00", "Asia/Shanghai", "2026-11-24 01:00"),
        ("2026-03-29 01:59", "Europe/Berlin", "2026-03-29 00:59"),
        ("2026-03-29 03:00", "Europe/Berlin", "2026-03-29 01:00"),
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30"),  # shown twice: the first time
        ("2028-02-29 09:00", "Asia/Shanghai", "2028-02-29 01:00"),
    ],
)
def test_a_time_on_the_wall_is_one_instant(wall: str, timezone: str, instant: str) -> None:
    found = meetings.instant_of(datetime.fromisoformat(wall), timezone)

    assert found == datetime.fromisoformat(instant).replace(tzinfo=UTC)


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        meetings.instant_of(datetime.fromisoformat("2026-03-29 02:30"), "Europe/Berlin")

    assert refused.value.code == "no_such_time"


def test_a_morning_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    """From 1:00 to 4:00 on the wall are two hours when the clocks go forward, four when they go back."""
    for day, hours in (("2026-03-29", 2), ("2026-10-25", 4)):
        start, end = (
            meetings.instant_of(datetime.fromisoformat(f"{day} {hour}:00"), "Europe/Berlin") for hour in ("01", "04")
        )
        assert end - start == timedelta(hours=hours)


INSTANTS = st.one_of(st.none(), st.integers(0, 1440 * MINUTE))
LATE = st.integers(0, 60)


@given(came=INSTANTS, went=INSTANTS, both_ends=st.booleans(), late=LATE)
def test_never_more_than_the_meeting_and_never_outside_it(
    came: int | None, went: int | None, both_ends: bool, late: int
) -> None:
    found = presence(START, END, came, went, both_ends=both_ends, late_minutes=late)

    assert length(found.present) <= END - START
    assert all(START <= start < end <= END for start, end in found.present)
    assert bool(found.present) is (found.standing is Standing.PRESENT)


@given(came=INSTANTS, went=INSTANTS, both_ends=st.booleans(), late=LATE, sooner=st.integers(0, END), later=LATE)
def test_coming_sooner_leaving_later_or_a_longer_grace_never_counts_less(
    came: int | None, went: int | None, both_ends: bool, late: int, sooner: int, later: int
) -> None:
    found = presence(START, END, came, went, both_ends=both_ends, late_minutes=late)
    better = [presence(START, END, came, went, both_ends=both_ends, late_minutes=late + later)]
    if came is not None:
        better.append(presence(START, END, max(0, came - sooner), went, both_ends=both_ends, late_minutes=late))
    if went is not None:
        better.append(presence(START, END, came, went + sooner, both_ends=both_ends, late_minutes=late))
    better.append(presence(START, END, came, went, both_ends=False, late_minutes=late))

    for one in better:
        assert length(one.present) >= length(found.present)


@given(came=st.integers(0, 1440 * MINUTE), went=INSTANTS, late=LATE)
def test_signing_out_never_adds_to_having_come(came: int, went: int | None, late: int) -> None:
    """Who signs out has no more than who is taken to have stayed to the end."""
    stayed = presence(START, END, came, None, both_ends=False, late_minutes=late)
    found = presence(START, END, came, went, both_ends=True, late_minutes=late)

    assert length(found.present) <= length(stayed.present)
