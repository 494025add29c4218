"""Pace: what is asked for by when, who keeps up, and when somebody is through. Real numbers of real programmes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import pace, weeks
from lms_plugin.domain.completion import decide, reached_of_whole
from lms_plugin.domain.hours import reckon
from lms_plugin.domain.modes import WeeklyPace
from lms_plugin.domain.pace import Forecast, Pace, PaceState, WeekState
from lms_plugin.domain.programme import MINUTE_MS, Component, ComponentKind, Programme, Text, Window

HOUR = 45 * MINUTE_MS
FACE, SCHOOL = ComponentKind.FACE_TO_FACE, ComponentKind.SCHOOL_BASED
DAY = timedelta(days=1)


def part(key: str, required: str, weekly: WeeklyPace | None = None, *, in_total: bool = True) -> Component:
    kind = ComponentKind.EXAMINATION if not in_total else SCHOOL if weekly else FACE
    return Component(key, kind, Text(key, key), Decimal(required), in_total=in_total, pace=weekly)


def plan(opens_on: date, closes_on: date, total: str, *parts: Component, zone: str = "Asia/Shanghai") -> Programme:
    return Programme("p", Text("计划", "Plan"), Text("", ""), Window(opens_on, closes_on, zone), parts, Decimal(total))


# 96 hours in two years, of which 2028 has a 29 February: 731 days.
ROTATION = plan(date(2027, 1, 1), date(2029, 1, 1), "96", part("any", "96"))
# 144 in three years: 60 full-time and 84 school-based at 2 a week. It opens on a Monday.
TWO_A_WEEK = WeeklyPace(Decimal(2), make_up_weeks=4)
RURAL = plan(date(2026, 9, 7), date(2029, 9, 7), "144", part("full_time", "60"), part("school", "84", TWO_A_WEEK))
# 50 hours inside a month and a half (42 days from a Monday).
SIX_WEEKS = plan(date(2026, 11, 2), date(2026, 12, 14), "50", part("online", "50"))
# A month in a zone whose clocks go forward on Sunday 28 March: 28 days, one of 23 hours.
BERLIN = plan(date(2027, 3, 1), date(2027, 3, 29), "28", part("online", "28"), zone="Europe/Berlin")
# Five days face to face, then an examination that adds nothing to the total; 2 of the 12 hours may be of any kind.
SHORT = plan(date(2026, 11, 2), date(2026, 11, 7), "12", part("hall", "10"), part("exam", "1", in_total=False))
# Ten weeks at 2 do not come to 84: the pace alone would not be enough.
TOO_FEW = plan(date(2026, 9, 7), date(2026, 11, 16), "84", part("school", "84", TWO_A_WEEK))

# programme, day, class hours asked for by its beginning
ASKED = [
    (ROTATION,  date(2026, 12, 31), "0"),
    (ROTATION,  date(2027, 1, 1),   "0"),
    (ROTATION,  date(2027, 1, 2),   "0.13"),
    (ROTATION,  date(2028, 2, 29),  "55.68"),
    (ROTATION,  date(2028, 3, 1),   "55.81"),   # the 29th is a day like any other
    (ROTATION,  date(2028, 12, 31), "95.86"),
    (ROTATION,  date(2029, 1, 1),   "96"),
    (RURAL,     date(2026, 9, 7),   "0"),
    (RURAL,     date(2026, 9, 13),  "0.32"),    # the first week is not over on its Sunday
    (RURAL,     date(2026, 9, 14),  "2.38"),
    (RURAL,     date(2027, 6, 28),  "100.1"),   # 42 weeks at 2 a week: 84, and 294 of 1,096 days of the 60
    (RURAL,     date(2027, 7, 5),   "100.48"),
    (RURAL,     date(2029, 9, 7),   "144"),
    (SIX_WEEKS, date(2026, 11, 9),  "8.33"),
    (SIX_WEEKS, date(2026, 11, 23), "25"),
    (SIX_WEEKS, date(2026, 12, 14), "50"),
    (SIX_WEEKS, date(2027, 12, 14), "50"),
    (BERLIN,    date(2027, 3, 28),  "27"),
    (BERLIN,    date(2027, 3, 29),  "28"),
    (SHORT,     date(2026, 11, 4),  "4.8"),     # two fifths of the 12; of the examination nothing before the end
    (SHORT,     date(2026, 11, 7),  "13"),
    (TOO_FEW,   date(2026, 9, 14),  "8.4"),     # a tenth of it all, not 2
]  # fmt: skip


@pytest.mark.parametrize(("programme", "on", "hours"), ASKED)
def test_what_is_asked_for_by_a_day(programme: Programme, on: date, hours: str) -> None:
    asked = Decimal(pace.asked_ms(programme, on)) / HOUR
    assert abs(asked - Decimal(hours)) < Decimal("0.01")


# what lies in the window and is over: whole weeks, Monday to Sunday
WHOLE_WEEKS = [
    (date(2026, 9, 7), date(2026, 9, 21), date(2026, 9, 13), 0),
    (date(2026, 9, 7), date(2026, 9, 21), date(2026, 9, 14), 1),
    (date(2026, 9, 7), date(2026, 9, 21), date(2026, 9, 30), 2),
    (date(2026, 9, 8), date(2026, 9, 21), date(2026, 9, 14), 0),  # opens on a Tuesday: that week is no whole one
    (date(2026, 9, 8), date(2026, 9, 21), date(2026, 9, 21), 1),
    (date(2026, 9, 7), date(2026, 9, 20), date(2026, 9, 21), 1),  # closes on a Sunday: its week is not whole either
    (date(2026, 9, 8), date(2026, 9, 10), date(2026, 9, 30), 0),
    (date(2028, 2, 28), date(2028, 3, 6), date(2028, 3, 6), 1),  # with a leap day in it
]


@pytest.mark.parametrize(("opens_on", "closes_on", "on", "expected"), WHOLE_WEEKS)
def test_weeks_are_counted_where_they_lie_in_the_window_as_a_whole(
    opens_on: date, closes_on: date, on: date, expected: int
) -> None:
    assert pace.whole_weeks(Window(opens_on, closes_on), on) == expected


def test_the_day_turns_at_midnight_of_the_programme() -> None:
    window = SIX_WEEKS.window
    before, after = datetime(2026, 11, 15, 15, 59, 59, tzinfo=UTC), datetime(2026, 11, 15, 16, tzinfo=UTC)
    asked = [pace.asked_ms(SIX_WEEKS, window.day_of(one)) for one in (before, after)]
    assert asked == [50 * HOUR * 13 // 42, 50 * HOUR * 14 // 42]
    last = datetime(2026, 12, 13, 15, 59, 59, tzinfo=UTC)
    assert pace.asked_ms(SIX_WEEKS, window.day_of(last)) < 50 * HOUR
    assert pace.asked_ms(SIX_WEEKS, window.day_of(window.closes_at)) == 50 * HOUR


def test_a_weeks_worth_is_what_the_busiest_week_asks_for() -> None:
    assert pace.week_ms(SIX_WEEKS) == -(-50 * HOUR // 6)
    assert pace.week_ms(RURAL) == 2 * HOUR + -(-60 * HOUR * 7 // 1096)
    assert pace.week_ms(SHORT) == 12 * HOUR  # five days: all of it
    assert pace.week_ms(plan(date(2026, 1, 1), date(2026, 1, 1), "0")) == 0
    assert pace.whole_ms(SHORT) == 13 * HOUR


# class hours credited on the morning of 23 November (25 are asked for, a week's worth is 8.33): the state
STATES = [
    ("0",     PaceState.NOT_STARTED),
    ("0.01",  PaceState.BEHIND),
    ("16.6",  PaceState.BEHIND),
    ("16.67", PaceState.ON_TRACK),
    ("25",    PaceState.ON_TRACK),
    ("49.99", PaceState.ON_TRACK),
    ("50",    PaceState.COMPLETE),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "state"), STATES)
def test_up_to_a_weeks_worth_short_is_on_track(hours: str, state: PaceState) -> None:
    assert _state(SIX_WEEKS, int(Decimal(hours) * HOUR), date(2026, 11, 23)) is state


def test_before_the_opening_nobody_is_behind_and_after_the_window_everybody_who_is_not_through() -> None:
    assert _state(SIX_WEEKS, 1, date(2026, 11, 1)) is PaceState.ON_TRACK
    assert _state(SIX_WEEKS, 50 * HOUR - 1, date(2026, 12, 13)) is PaceState.ON_TRACK
    assert _state(SIX_WEEKS, 50 * HOUR - 1, date(2026, 12, 14)) is PaceState.BEHIND
    assert pace.least_ratio(plan(date(2026, 1, 1), date(2026, 3, 1), "0"), date(2026, 2, 20)) == 0


def _state(programme: Programme, credited_ms: int, on: date) -> PaceState:
    found = reckon(programme, {programme.components[0].key: credited_ms})
    decided = decide(programme, found)
    least = pace.least_ratio(programme, on)
    return pace.state_of(
        is_complete=decided.complete, counted_ms=found.total.counted_ms, ratio=decided.ratio, least=least
    )


@given(st.integers(0, 60 * HOUR), st.dates(date(2026, 10, 1), date(2026, 12, 13)))
def test_the_state_by_ratio_is_the_state_by_milliseconds_but_for_a_ten_thousandth(credited_ms: int, on: date) -> None:
    found = reckon(SIX_WEEKS, {"online": credited_ms})
    reached, whole = reached_of_whole(found)
    short = pace.asked_ms(SIX_WEEKS, on) - reached
    state = _state(SIX_WEEKS, credited_ms, on)
    if short <= pace.week_ms(SIX_WEEKS):
        assert state is not PaceState.BEHIND
    elif short > pace.week_ms(SIX_WEEKS) + whole // 10_000 + 1 and credited_ms:
        assert state is PaceState.BEHIND


def test_the_weeks_table_asks_for_what_the_window_asks_for() -> None:
    found = pace.weeks_of(SIX_WEEKS, {date(2026, 11, 2): 5 * HOUR}, date(2026, 11, 18))
    assert [(one.week_on, one.got_ms) for one in found] == [
        (date(2026, 11, 2), 5 * HOUR),
        (date(2026, 11, 9), 0),
        (date(2026, 11, 16), 0),
    ]
    assert {one.asked_ms for one in found} == {50 * HOUR // 6}
    assert pace.weeks_of(SIX_WEEKS, {}, date(2026, 10, 31)) == ()
    assert len(pace.weeks_of(SIX_WEEKS, {}, date(2027, 10, 31))) == 6


def test_a_week_that_the_clocks_shorten_asks_for_seven_days() -> None:
    (*_, last) = pace.weeks_of(BERLIN, {}, date(2027, 3, 28))
    assert (last.week_on, last.asked_ms) == (date(2027, 3, 22), 7 * HOUR)


M = [date(2026, 9, 7) + 7 * n * DAY for n in range(12)]
SCHOOL_PART = RURAL.components[1]


def _weeks(on: date, hours: list[str], pace_: WeeklyPace = TWO_A_WEEK, programme: Programme = RURAL) -> list[str]:
    component = part("school", "84", pace_)
    credited = {week: int(Decimal(amount) * HOUR) for week, amount in zip(M, hours, strict=False)}
    return [one.state.value for one in pace.paced_weeks(programme, component, credited, on)]


# today, hours by week, weeks in which a short one may be made up: what became of each
PACED = [
    (M[0],           [],                    4,    ["current"]),
    (M[0],           ["2"],                 4,    ["reached"]),
    (M[1],           ["1"],                 4,    ["open", "current"]),
    (M[1],           ["1", "3"],            4,    ["made_up", "reached"]),
    (M[2],           ["1", "2", "3"],       4,    ["made_up", "reached", "reached"]),
    (M[5],           ["1", "2", "2", "2", "2"], 4, ["missed", "reached", "reached", "reached", "reached", "current"]),
    (M[2],           ["1", "2"],            0,    ["missed", "reached", "current"]),
    (M[5],           ["1", "2", "2", "2", "2"], None, ["open", "reached", "reached", "reached", "reached", "current"]),
    (M[5],           ["1", "2", "2", "2", "2", "3"], None, ["made_up"] + ["reached"] * 5),
    (M[0] - DAY,     [],                    4,    []),
]  # fmt: skip


@pytest.mark.parametrize(("on", "hours", "make_up", "states"), PACED)
def test_what_became_of_the_weeks(on: date, hours: list[str], make_up: int | None, states: list[str]) -> None:
    assert _weeks(on, hours, WeeklyPace(Decimal(2), make_up)) == states


def test_an_open_week_says_what_makes_up_for_it_and_until_when() -> None:
    found = pace.paced_weeks(RURAL, SCHOOL_PART, {M[0]: HOUR, M[1]: 2 * HOUR}, M[2] + DAY)
    assert (found[0].state, found[0].make_up_ms, found[0].make_up_before) == (WeekState.OPEN, 3 * HOUR, M[5])
    assert (found[2].state, found[2].make_up_ms, found[2].make_up_before) == (WeekState.CURRENT, 2 * HOUR, M[3])


def test_a_week_that_lies_half_outside_asks_for_nothing() -> None:
    school = part("school", "4", TWO_A_WEEK)
    programme = plan(date(2026, 9, 9), date(2026, 9, 24), "4", school)
    found = pace.paced_weeks(programme, school, {}, date(2026, 9, 30))
    assert [one.state.value for one in found] == ["unasked", "missed", "unasked"]


# It opens on a Wednesday and closes on a Thursday; the first two of its three whole weeks ask for everything.
EDGES = plan(date(2026, 9, 9), date(2026, 10, 8), "4", part("school", "4", TWO_A_WEEK))

# today, hours by week, weeks in which a short one may be made up: what became of each
UNASKED = [
    (M[1], ["1"],                          4,    ["open", "current"]),
    (M[1], ["1", "3"],                     4,    ["unasked", "reached"]),
    (M[1], ["1"],                          0,    ["missed", "current"]),
    (M[2], ["1", "2"],                     1,    ["missed", "reached", "current"]),
    (M[1], ["-1"],                         4,    ["unasked", "current"]),
    (M[1], ["2"],                          4,    ["unasked", "current"]),
    (M[1], ["1"],                          None, ["unasked", "current"]),    # its hour counts at once
    (M[3], ["", "2", "1", "1"],            4,    ["unasked", "reached", "open", "current"]),
    (M[3], ["", "", "1", "2"],             4,    ["unasked", "open", "open", "unasked"]),
    (M[3], ["1", "3", "2", "1"],           4,    ["unasked", "reached", "reached", "unasked"]),  # through
    (M[4], ["", "2", "1", "1"],            4,    ["unasked", "reached", "open", "open", "unasked"]),
    (M[4] + 2 * DAY, ["", "2", "1", "1", "1"], 4, ["unasked", "reached", "open", "open", "current"]),
    (M[4] + 3 * DAY, ["", "2", "1", "1", "1"], 4, ["unasked", "reached", "missed", "missed", "missed"]),
    (M[4] + 3 * DAY, ["1", "1", "1"], None, ["unasked", "missed", "missed", "unasked", "unasked"]),
]  # fmt: skip


@pytest.mark.parametrize(("on", "hours", "make_up", "states"), UNASKED)
def test_a_week_that_asks_for_nothing_is_short_where_its_hours_wait(
    on: date, hours: list[str], make_up: int | None, states: list[str]
) -> None:
    component = part("school", "4", WeeklyPace(Decimal(2), make_up))
    credited = {week: int(Decimal(amount) * HOUR) for week, amount in zip(M, hours, strict=False) if amount}
    found = pace.paced_weeks(EDGES, component, credited, on)
    assert [one.state.value for one in found] == states


def test_hours_wait_and_are_lost_when_all_has_been_asked_for() -> None:
    week = date(2027, 6, 28)  # 42 weeks at 2 have asked for all 84

    def found(on: date, credited: dict[date, int]) -> pace.PacedWeek:
        return next(one for one in pace.paced_weeks(RURAL, SCHOOL_PART, credited, on) if one.week_on == week)

    one_hour, twos = {week: HOUR}, {week + 7 * n * DAY: 2 * HOUR for n in range(1, 5)}
    assert found(week + 7 * DAY, {}).state is WeekState.UNASKED
    assert found(week, one_hour) == pace.PacedWeek(week, 0, HOUR, WeekState.CURRENT, HOUR, week + 7 * DAY)
    still_open = found(week + 7 * DAY, one_hour)
    assert still_open == pace.PacedWeek(week, 0, HOUR, WeekState.OPEN, 3 * HOUR, week + 35 * DAY)
    assert found(week + 34 * DAY, one_hour | twos).state is WeekState.OPEN
    assert found(week + 35 * DAY, one_hour | twos).state is WeekState.MISSED
    assert found(week + 35 * DAY, one_hour | {week + 7 * DAY: 3 * HOUR}).state is WeekState.UNASKED
    assert found(week + 35 * DAY, one_hour | {M[0]: 84 * HOUR}).state is WeekState.UNASKED


def test_what_the_last_week_asks_for_counts_from_the_pace_on() -> None:
    three = part("school", "3", TWO_A_WEEK)
    found = pace.paced_weeks(EDGES, three, {M[1]: 2 * HOUR, M[2]: HOUR}, M[3])
    assert found[2] == pace.PacedWeek(M[2], HOUR, HOUR, WeekState.OPEN, 3 * HOUR, EDGES.window.closes_on)


@given(
    st.sampled_from(
        [EDGES, replace(EDGES, window=Window(M[0], M[5])), replace(EDGES, window=Window(M[0], M[4] + DAY))]
    ),
    st.sampled_from(["3", "4", "84"]),
    st.sampled_from([0, 1, 4]),
    st.lists(st.integers(0, 3), max_size=5),
    st.integers(0, 40),
)
def test_a_week_is_short_exactly_where_its_hours_wait(
    programme: Programme, required: str, make_up: int, hours: list[int], day: int
) -> None:
    component = part("school", required, WeeklyPace(Decimal(2), make_up))
    on = M[0] + day * DAY
    credited = {week: amount * HOUR for week, amount in zip(M, hours, strict=False) if week <= on}
    waits = weeks.pending_ms(credited, component.pace, HOUR)
    short = (WeekState.CURRENT, WeekState.OPEN, WeekState.MISSED)
    found = pace.paced_weeks(programme, component, credited, on)
    if sum(credited.values()) - waits < int(required) * HOUR:
        assert sum(one.got_ms for one in found if one.state in short) == waits
    else:
        assert not [one for one in found if one.state in short]


def test_who_has_all_of_it_misses_no_week_any_more() -> None:
    credited = dict.fromkeys(M[1:3], 42 * HOUR)
    states = [one.state.value for one in pace.paced_weeks(RURAL, SCHOOL_PART, credited, M[11])]
    assert set(states[:1] + states[3:]) == {"made_up"}
    short = plan(date(2026, 9, 7), date(2026, 12, 7), "4", part("school", "4", TWO_A_WEEK))
    states = [one.state.value for one in pace.paced_weeks(short, short.components[0], {}, M[3])]
    assert states == ["open", "open", "unasked", "unasked"]


def test_a_component_without_a_pace_has_no_such_weeks() -> None:
    assert pace.paced_weeks(RURAL, RURAL.components[0], {}, M[3]) == ()


# credit by day, today, since when: what comes in, in how many days, and what that makes a week
PACES = [
    ({},                                   date(2026, 11, 2),  None,              0, 1,  0),
    ({date(2026, 11, 2): HOUR},            date(2026, 11, 2),  None,              1, 1,  7),
    ({date(2026, 11, 2): 7 * HOUR},        date(2026, 11, 8),  None,              7, 7,  7),
    ({date(2026, 11, 2): HOUR},            date(2026, 11, 29), None,              1, 28, "0.25"),
    ({date(2026, 11, 1): HOUR, date(2026, 11, 2): HOUR}, date(2026, 11, 30), None, 0, 28, 0),
    ({date(2026, 11, 9): HOUR},            date(2026, 11, 15), date(2026, 11, 9), 1, 7,  1),
    ({date(2026, 11, 9): -HOUR},           date(2026, 11, 15), date(2026, 11, 9), -1, 7, 0),
]  # fmt: skip


@pytest.mark.parametrize(("credited", "on", "since", "hours", "days", "weekly"), PACES)
def test_the_present_pace_is_that_of_four_weeks_or_since_the_start(
    credited: dict[date, int], on: date, since: date | None, hours: int, days: int, weekly: str
) -> None:
    found = pace.present_pace(SIX_WEEKS.window, credited, on, since=since)
    assert found == Pace(hours * HOUR, days)
    assert found.weekly_ms == int(Decimal(weekly) * HOUR)
    assert Pace(HOUR, 0).weekly_ms == 0


# still missing, hours a week, today: the day of the last hour, and whether it is in time
WHAT_IF = [
    ("0",    "2",    date(2026, 11, 23), Forecast(date(2026, 11, 23), True)),
    ("25",   "0",    date(2026, 11, 23), Forecast(None, False)),
    ("25",   "8.33", date(2026, 11, 23), Forecast(date(2026, 12, 14), False)),
    ("25",   "8.34", date(2026, 11, 23), Forecast(date(2026, 12, 13), True)),
    ("25",   "2",    date(2026, 11, 23), Forecast(date(2027, 2, 18), False)),
    ("50",   "50",   date(2026, 10, 1),  Forecast(date(2026, 11, 8), True)),   # nothing counts before the opening
    ("1",    "7",    date(2026, 12, 13), Forecast(date(2026, 12, 13), True)),
    ("1",    "7",    date(2026, 12, 14), Forecast(date(2026, 12, 14), False)),
    ("50",   "0.001", date(2026, 11, 2), Forecast(None, False)),               # in a thousand years
]  # fmt: skip


@pytest.mark.parametrize(("missing", "weekly", "on", "expected"), WHAT_IF)
def test_so_much_a_week_from_now_on(missing: str, weekly: str, on: date, expected: Forecast) -> None:
    remaining, each = (int(Decimal(one) * HOUR) for one in (missing, weekly))
    assert pace.at_weekly(SIX_WEEKS.window, remaining, each, on) == expected


def test_the_last_hour_may_fall_on_a_leap_day() -> None:
    assert pace.at_weekly(ROTATION.window, 2 * HOUR, 7 * HOUR, date(2028, 2, 28)).finish_on == date(2028, 2, 29)


def test_what_is_needed_to_finish_in_time() -> None:
    window = SIX_WEEKS.window
    assert pace.needed_weekly_ms(window, 50 * HOUR, date(2026, 10, 1)) == -(-50 * HOUR // 6)
    assert pace.needed_weekly_ms(window, HOUR, date(2026, 12, 13)) == 7 * HOUR
    assert pace.needed_weekly_ms(window, HOUR, date(2026, 12, 14)) is None
    assert pace.needed_weekly_ms(window, 0, date(2026, 12, 14)) == 0


DAYS = st.dates(date(2026, 10, 1), date(2026, 12, 13))


@given(st.integers(1, 60 * HOUR), DAYS)
def test_what_is_needed_is_just_enough(remaining: int, on: date) -> None:
    needed = pace.needed_weekly_ms(SIX_WEEKS.window, remaining, on)
    assert needed is not None
    assert pace.at_weekly(SIX_WEEKS.window, remaining, needed, on).in_time
    assert not pace.at_weekly(SIX_WEEKS.window, remaining, needed - 1, on).in_time


@given(st.integers(1, 60 * HOUR), st.integers(0, 60 * HOUR), st.integers(0, 60 * HOUR), DAYS)
def test_more_hours_never_finish_later(remaining: int, weekly: int, more: int, on: date) -> None:
    slow = pace.at_weekly(SIX_WEEKS.window, remaining, weekly, on)
    fast = pace.at_weekly(SIX_WEEKS.window, remaining, weekly + more, on)
    never = date.max
    assert (fast.finish_on or never) <= (slow.finish_on or never)
    assert fast.in_time >= slow.in_time


@given(st.sampled_from([ROTATION, RURAL, SIX_WEEKS, BERLIN, SHORT, TOO_FEW]), st.dates(date(2026, 1, 1)), st.data())
def test_more_is_asked_for_later_and_all_of_it_at_the_end(programme: Programme, day: date, data: st.DataObject) -> None:
    later = data.draw(st.dates(day))
    assert 0 <= pace.asked_ms(programme, day) <= pace.asked_ms(programme, later) <= pace.whole_ms(programme)
    assert pace.least_ratio(programme, day) <= pace.least_ratio(programme, later) <= 1
    assert sum(one.asked_ms for one in pace.weeks_of(programme, {}, programme.window.closes_on)) == pace.whole_ms(
        programme
    )
