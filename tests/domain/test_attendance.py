"""What of confirmed study counts: no minute twice, nothing outside its window, limits of days and activities."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import attendance, intervals
from lms_plugin.domain.attendance import Counted, LeftOut, Limits, Played, Reason, Reckoning, Study, ms_of
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import MINUTE_MS, Window

WINDOW = Window(date(2026, 9, 1), date(2027, 2, 1))
MIDNIGHT = datetime(2026, 11, 23, 16, tzinfo=UTC)
"""The beginning of 24 November in Shanghai."""
HOUR = 60


def at(minute: int) -> int:
    return ms_of(MIDNIGHT) + minute * MINUTE_MS


def span(*minutes: tuple[int, int]) -> Segments:
    return tuple((at(start), at(end)) for start, end in minutes)


def study(
    key: str,
    *minutes: tuple[int, int],
    component: str = "meetings",
    activity: str = "",
    most: int | None = None,
    daily: int | None = None,
    of_activity: int | None = None,
    window: Window = WINDOW,
) -> Study:
    """A study at minutes after midnight; limits in minutes."""
    limits = Limits(
        window,
        None if daily is None else daily * MINUTE_MS,
        None if of_activity is None else of_activity * MINUTE_MS,
    )
    most_ms = None if most is None else most * MINUTE_MS
    return Study(key, component, activity, f"study {key}", span(*minutes), most_ms, limits)


def left(found: Counted) -> list[tuple[int, int, str, str]]:
    """What is left out, in minutes after midnight."""
    return [
        ((one.from_ms - at(0)) // MINUTE_MS, (one.to_ms - at(0)) // MINUTE_MS, one.reason.value, one.other_title)
        for one in found.left_out
    ]


def minutes(found: Counted) -> int:
    return found.counted_ms // MINUTE_MS


@pytest.mark.parametrize(
    ("studies", "watched", "counted", "left_out"),
    [
        ([study("a", (540, 660))], (), [120], [[]]),
        # The first that was confirmed has the hour.
        (
            [study("a", (540, 660)), study("b", (600, 720))],
            (),
            [120, 60],
            [[], [(600, 660, "overlaps_study", "study a")]],
        ),
        (
            [study("b", (600, 720)), study("a", (540, 660))],
            (),
            [120, 60],
            [[], [(600, 660, "overlaps_study", "study b")]],
        ),
        # Film that was watched meanwhile comes first, wherever it stands.
        ([study("a", (540, 660))], ((550, 560),), [110], [[(550, 560, "overlaps_watching", "")]]),
        ([study("a", (540, 660))], ((0, 1440),), [0], [[(540, 660, "overlaps_watching", "")]]),
        # A meeting of a day gives no more than it says: the first hours of it.
        ([study("a", (480, 720), (780, 1020), most=270)], (), [270], [[(810, 1020, "over_most", "")]]),
        ([study("a", (480, 720), most=0)], (), [0], [[(480, 720, "over_most", "")]]),
        # A limit of the day is shared by all of a component, and each day has its own.
        (
            [study("a", (60, 180), daily=90), study("b", (300, 360), daily=90)],
            (),
            [90, 0],
            [[(150, 180, "daily_limit", "")], [(300, 360, "daily_limit", "")]],
        ),
        ([study("a", (1380, 1500), daily=60)], (), [120], [[]]),
        ([study("a", (1380, 1530), daily=60)], (), [120], [[(1500, 1530, "daily_limit", "")]]),
        (
            [study("a", (60, 120), daily=60), study("b", (120, 180), component="other", daily=60)],
            (),
            [60, 60],
            [[], []],
        ),
        # An activity gives no more than its own limit, over all days.
        (
            [
                study("a", (60, 180), activity="self_study", of_activity=150),
                study("b", (1500, 1560), activity="self_study", of_activity=150),
            ],
            (),
            [120, 30],
            [[], [(1530, 1560, "activity_limit", "")]],
        ),
        (
            [
                study("a", (60, 180), activity="self_study", of_activity=60),
                study("b", (240, 300), activity="seminar", of_activity=60),
            ],
            (),
            [60, 60],
            [[(120, 180, "activity_limit", "")], []],
        ),
    ],
)
def test_what_counts_and_why_the_rest_does_not(
    studies: list[Study], watched: Segments, counted: list[int], left_out: list[list[object]]
) -> None:
    found = attendance.reckon(studies, span(*watched))
    assert [minutes(found[one.key]) for one in studies] == counted
    assert [left(found[one.key]) for one in studies] == left_out


@pytest.mark.parametrize(
    ("opens_on", "closes_on", "timezone", "present", "counted"),
    [
        # A window that ends at midnight in Shanghai: 16:00 in UTC.
        (date(2026, 11, 1), date(2026, 11, 24), "Asia/Shanghai", (datetime(2026, 11, 23, 15, tzinfo=UTC), 120), 60),
        (date(2026, 11, 24), date(2026, 12, 1), "Asia/Shanghai", (datetime(2026, 11, 23, 15, tzinfo=UTC), 120), 60),
        (date(2026, 11, 1), date(2026, 11, 23), "Asia/Shanghai", (datetime(2026, 11, 23, 15, tzinfo=UTC), 120), 0),
        # The night on which New York sets its clocks back has an hour more, the other one an hour less.
        (
            date(2026, 11, 1),
            date(2026, 11, 2),
            "America/New_York",
            (datetime(2026, 11, 1, 0, tzinfo=UTC), 48 * HOUR),
            25 * HOUR,
        ),
        (
            date(2026, 3, 8),
            date(2026, 3, 9),
            "America/New_York",
            (datetime(2026, 3, 8, 0, tzinfo=UTC), 48 * HOUR),
            23 * HOUR,
        ),
        # A leap day.
        (
            date(2028, 2, 29),
            date(2028, 3, 1),
            "Asia/Shanghai",
            (datetime(2028, 2, 28, 0, tzinfo=UTC), 72 * HOUR),
            24 * HOUR,
        ),
        (date(2026, 11, 2), date(2026, 11, 1), "Asia/Shanghai", (datetime(2026, 11, 1, 0, tzinfo=UTC), 48 * HOUR), 0),
    ],
)
def test_nothing_counts_outside_the_window(
    opens_on: date, closes_on: date, timezone: str, present: tuple[datetime, int], counted: int
) -> None:
    start = ms_of(present[0])
    window = Window(opens_on, closes_on, timezone)
    one = Study("a", "c", "", "a", ((start, start + present[1] * MINUTE_MS),), None, Limits(window))
    found = attendance.reckon([one])["a"]
    assert minutes(found) == counted
    assert {entry.reason for entry in found.left_out} <= {Reason.OUTSIDE_WINDOW}


def test_a_day_of_a_limit_is_as_long_as_the_clocks_make_it() -> None:
    window = Window(date(2026, 10, 1), date(2026, 12, 1), "America/New_York")
    start = ms_of(datetime(2026, 11, 1, 4, tzinfo=UTC))
    whole = ((start, start + 25 * HOUR * MINUTE_MS),)
    assert list(attendance.by_day(whole, window)) == [(date(2026, 11, 1), whole[0])]


def test_instants_and_milliseconds_are_each_other() -> None:
    assert attendance.instant_of(ms_of(MIDNIGHT)) == MIDNIGHT
    assert ms_of(MIDNIGHT + timedelta(microseconds=999)) == ms_of(MIDNIGHT)


some_minutes = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(1, 300)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=3,
).map(lambda found: tuple(intervals.merge(found)))


@st.composite
def several_studies(draw: st.DrawFn) -> list[Study]:
    limits = {
        component: (draw(st.none() | st.integers(0, 400)), draw(st.none() | st.integers(0, 600)))
        for component in ("x", "y")
    }
    found = []
    for number in range(draw(st.integers(0, 6))):
        component = draw(st.sampled_from("xy"))
        daily, of_activity = limits[component]
        found.append(
            study(
                str(number),
                *draw(some_minutes),
                component=component,
                activity="seminar",
                most=draw(st.none() | st.integers(0, 300)),
                daily=daily,
                of_activity=of_activity,
            )
        )
    return found


@given(several_studies(), some_minutes)
def test_no_minute_counts_twice_and_every_minute_is_accounted_for(
    studies: list[Study], watched: tuple[tuple[int, int], ...]
) -> None:
    found = attendance.reckon(studies, span(*watched))
    everything = [found[one.key].counted for one in studies] + [span(*watched)]
    together = intervals.merge(segment for counted in everything for segment in counted)
    assert intervals.length(together) == sum(map(intervals.length, everything))
    for one in studies:
        parts = found[one.key]
        lost = intervals.merge((entry.from_ms, entry.to_ms) for entry in parts.left_out)
        assert intervals.union(parts.counted, lost) == one.present
        assert parts.counted_ms + sum(entry.to_ms - entry.from_ms for entry in parts.left_out) == intervals.length(
            one.present
        )


@given(several_studies(), some_minutes, st.integers(0, 6))
def test_one_more_record_is_reckoned_as_all_of_them_together(
    studies: list[Study], watched: tuple[tuple[int, int], ...], known: int
) -> None:
    whole = attendance.reckon(studies, span(*watched))
    reckoning = Reckoning(span(*watched))
    for one in studies[:known]:
        reckoning.put(one, whole[one.key].counted)
    assert [reckoning.take(one) for one in studies[known:]] == [whole[one.key] for one in studies[known:]]


def test_what_an_activity_was_given_elsewhere_is_used_up() -> None:
    reckoning = Reckoning()
    one = study("a", (0, 60), activity="seminar", of_activity=50)
    reckoning.use(one, 30 * MINUTE_MS)
    assert reckoning.take(one).left_out == (LeftOut(at(20), at(60), Reason.ACTIVITY_LIMIT),)


# --- the time of day that film took -----------------------------------------------------------------------------------


def message(minute: int, *pieces: tuple[int, int, int], opened: int = 0, fastest: int = 2000) -> Played:
    in_ms = tuple((a * MINUTE_MS, b * MINUTE_MS, rate) for a, b, rate in pieces)
    return Played(at(minute), at(opened), fastest, in_ms)


@pytest.mark.parametrize(
    ("messages",                                                             "counted",     "times"),
    [
        ([message(10, (0, 10, 1000))],                                       ((0, 10),),    ((0, 10),)),
        # Faster film took less time.
        ([message(20, (0, 15, 1500))],                                       ((0, 15),),    ((10, 20),)),
        # However fast a player says it was, no film takes less time than at the fastest that counts.
        ([message(20, (0, 15, 10**6), fastest=1500)],                        ((0, 15),),    ((10, 20),)),
        # Only what counts took time that cannot count elsewhere.
        ([message(20, (0, 10, 1000))],                                       ((0, 4),),     ((16, 20),)),
        ([message(20, (0, 10, 1000))],                                       (),            ()),
        # Two messages late and at once stand one before the other.
        ([message(60, (0, 10, 1000)), message(60, (10, 20, 1000))],          ((0, 20),),    ((40, 60),)),
        # Film that comes twice took its time once; nothing stands before the session was opened.
        ([message(10, (0, 5, 1000)), message(30, (0, 5, 1000))],             ((0, 5),),     ((5, 10),)),
        ([message(30, (0, 20, 1000), opened=20)],                            ((0, 20),),    ((20, 30),)),
    ],
)  # fmt: skip
def test_when_film_was_watched(
    messages: list[Played], counted: tuple[tuple[int, int], ...], times: tuple[tuple[int, int], ...]
) -> None:
    film = tuple((start * MINUTE_MS, end * MINUTE_MS) for start, end in counted)
    assert attendance.watched_times(messages, film) == span(*times)
