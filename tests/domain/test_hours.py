"""Class hours, completion and the ratio an LMS is told: nothing looks reached before it is."""

from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.completion import Completion, Missing, decide, ratio_of
from lms_plugin.domain.hours import Hours, class_hours, milliseconds_of, reached, reckon
from lms_plugin.domain.programme import MINUTE_MS, Component, ComponentKind, DiscussionRule, Programme, Text, Window
from tests.domain.test_watching import WINDOW

VIDEO, DISCUSSION = ComponentKind.VIDEO, ComponentKind.DISCUSSION
HOUR = 45 * MINUTE_MS


def component(key: str, required: str, cap: str | None = None, kind: ComponentKind = VIDEO) -> Component:
    return Component(key, kind, Text(key, key), Decimal(required), None if cap is None else Decimal(cap))


def programme(*components: Component, total: str, window: Window = WINDOW, **fields: Any) -> Programme:
    return Programme("p", Text("计划", "Plan"), Text("", ""), window, components, Decimal(total), **fields)


def standing(plan: Programme, **credited_ms: int) -> tuple[Hours, Completion]:
    hours = reckon(plan, credited_ms)
    return hours, decide(plan, hours)


# milliseconds, minutes of a class hour: credited (rounded down) and remaining (rounded up)
SHOWN = [
    (0,             45, "0.00", "0.00"),
    (1,             45, "0.00", "0.01"),
    (26_999,        45, "0.00", "0.01"),
    (27_000,        45, "0.01", "0.01"),
    (27_001,        45, "0.01", "0.02"),
    (HOUR - 1,      45, "0.99", "1.00"),
    (HOUR,          45, "1.00", "1.00"),
    (HOUR + 1,      45, "1.00", "1.01"),
    (3_600_000,     45, "1.33", "1.34"),
    (3_600_000,     60, "1.00", "1.00"),
    (3_599_999,     60, "0.99", "1.00"),
    (50 * HOUR - 1, 45, "49.99", "50.00"),
    (96 * HOUR,     45, "96.00", "96.00"),
]  # fmt: skip


@pytest.mark.parametrize(("milliseconds", "minutes", "down", "up"), SHOWN)
def test_credit_is_rounded_down_and_what_remains_up(milliseconds: int, minutes: int, down: str, up: str) -> None:
    assert str(class_hours(milliseconds, minutes * MINUTE_MS, rounding=ROUND_DOWN)) == down
    assert str(class_hours(milliseconds, minutes * MINUTE_MS, rounding=ROUND_UP)) == up


@pytest.mark.parametrize(
    ("hours", "class_hour_ms", "milliseconds"),
    [("1", HOUR, HOUR), ("0.5", HOUR, HOUR // 2), ("50", HOUR, 135_000_000), ("0.0001", 1_001, 1), ("0", HOUR, 0)],
)
def test_what_a_programme_asks_for_is_never_less_than_it_says(
    hours: str, class_hour_ms: int, milliseconds: int
) -> None:
    assert milliseconds_of(Decimal(hours), class_hour_ms) == milliseconds


def test_fifty_hours_of_the_class_teachers_are_2250_minutes() -> None:
    plan = programme(component("video", "50"), total="50")
    assert plan.class_hour_minutes == 45
    almost, done = 2250 * MINUTE_MS - 1, 2250 * MINUTE_MS
    hours, completion = standing(plan, video=almost)
    assert str(hours.total.credited_class_hours) == "49.99"
    assert completion == Completion(False, Decimal("0.9999"), (Missing("video_hours", "video", Decimal("0.01")),))
    assert standing(plan, video=done)[1] == Completion(True, Decimal(1), ())


# Ninety-six hours in two years: class hours credited; complete; ratio
ROTATION = [
    ("0",     False, "0.0000"),
    ("48",    False, "0.5000"),
    ("95.99", False, "0.9998"),
    ("96",    True,  "1"),
    ("120",   True,  "1"),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "complete", "ratio"), ROTATION)
def test_the_vocational_rotation_asks_for_96_hours(hours: str, complete: bool, ratio: str) -> None:
    _, completion = standing(programme(component("any", "0"), total="96"), any=milliseconds_of(Decimal(hours), HOUR))
    assert (completion.complete, str(completion.ratio)) == (complete, ratio)


# 144 hours in three years: full-time and school-based hours credited; what is missing
RURAL_QUALITY = [
    ("0",  "0",   ["full-time 60.00", "school-based 84.00"]),
    ("60", "0",   ["school-based 84.00"]),
    ("59", "85",  ["full-time 1.00"]),       # 144 in all, but not of the right kind
    ("200", "83", ["school-based 1.00"]),
    ("60", "84",  []),
    ("60", "90",  []),
]  # fmt: skip


@pytest.mark.parametrize(("full_time", "school_based", "missing"), RURAL_QUALITY)
def test_144_hours_are_at_least_60_full_time_and_84_school_based(
    full_time: str, school_based: str, missing: list[str]
) -> None:
    plan = programme(component("full-time", "60"), component("school-based", "84"), total="144")
    credited = {
        "full-time": milliseconds_of(Decimal(full_time), HOUR),
        "school-based": milliseconds_of(Decimal(school_based), HOUR),
    }
    hours, completion = standing(plan, **credited)
    assert [f"{one.component_key} {one.class_hours}" for one in completion.missing] == missing
    assert completion.complete is (not missing)
    assert hours.total.required_class_hours == 60 + 84 == 144


# A total above what the components ask for: 20 of video, 5 of discussion, 30 in all; class hours each; what is missing
ABOVE = [
    ("20", "5",  ["total None 5.00"], "0.8333"),
    ("25", "5",  [], "1"),
    ("20", "10", [], "1"),
    ("22", "8",  [], "1"),
    ("30", "0",  ["posts discussion 5.00"], "0.8333"),
    ("29", "0",  ["posts discussion 5.00"], "0.8333"),
    ("15", "0",  ["video_hours video 5.00", "posts discussion 5.00", "total None 15.00"], "0.5000"),
    ("0",  "30", ["video_hours video 20.00"], "0.3333"),
    ("19", "30", ["video_hours video 1.00"], "0.9666"),
]  # fmt: skip


@pytest.mark.parametrize(("video", "discussion", "missing", "ratio"), ABOVE)
def test_a_total_above_the_components_is_met_by_any_of_them(
    video: str, discussion: str, missing: list[str], ratio: str
) -> None:
    plan = programme(component("video", "20"), component("discussion", "5", kind=DISCUSSION), total="30")
    credited = {
        key: milliseconds_of(Decimal(hours), HOUR) for key, hours in (("video", video), ("discussion", discussion))
    }
    _, completion = standing(plan, **credited)
    named = {"total_hours": "total"}
    assert [
        f"{named.get(one.code, one.code)} {one.component_key} {one.class_hours}" for one in completion.missing
    ] == missing
    assert str(completion.ratio) == ratio


def test_a_component_gives_no_more_than_its_cap() -> None:
    plan = programme(component("video", "2"), component("discussion", "1", "1.5", DISCUSSION), total="5")
    hours, completion = standing(plan, video=2 * HOUR, discussion=9 * HOUR)
    talk = hours.components[1]
    assert (talk.credited_ms, talk.counted_ms, str(talk.credited_class_hours)) == (9 * HOUR, 3 * HOUR // 2, "1.50")
    assert hours.total.counted_ms == 7 * HOUR // 2
    assert completion.missing == (Missing("total_hours", None, Decimal("1.50")),)


@pytest.mark.parametrize(("minutes_missing", "posts"), [(45, 3), (31, 3), (30, 2), (1, 1), (15, 1), (16, 2)])
def test_missing_posts_are_counted_up(minutes_missing: int, posts: int) -> None:
    plan = programme(component("talk", "2", kind=DISCUSSION), total="2", discussion=DiscussionRule(credit_minutes=15))
    _, completion = standing(plan, talk=(90 - minutes_missing) * MINUTE_MS)
    assert [(one.code, one.posts) for one in completion.missing] == [("posts", posts)]


def test_credit_of_a_component_that_is_no_more_counts_for_nothing() -> None:
    hours, completion = standing(programme(component("video", "1"), total="1"), old=9 * HOUR)
    assert hours.total.credited_ms == 0
    assert completion.ratio == 0


def test_corrections_never_count_below_zero() -> None:
    plan = programme(component("video", "1"), component("talk", "1", kind=DISCUSSION), total="2")
    hours, _ = standing(plan, video=-5 * HOUR, talk=HOUR)
    assert hours.total.credited_ms == HOUR


@pytest.mark.parametrize(
    ("part", "whole", "ratio"),
    [(0, 3, "0.0000"), (1, 3, "0.3333"), (2, 3, "0.6666"), (3, 3, "1"), (4, 3, "1"), (99_999, 100_000, "0.9999"),
     (-1, 3, "0.0000"), (0, 0, "1"), (10**12 - 1, 10**12, "0.9999")],
)  # fmt: skip
def test_a_ratio_is_rounded_down(part: int, whole: int, ratio: str) -> None:
    assert str(ratio_of(part, whole)) == ratio


hundredths = st.integers(0, 400).map(lambda number: Decimal(number) / 100)
plans = st.builds(
    lambda video, talk, caps, extra, minutes: programme(
        component("video", str(video), None if caps[0] is None else str(video + caps[0])),
        component("talk", str(talk), None if caps[1] is None else str(talk + caps[1]), DISCUSSION),
        total=str(video + talk + extra),
        class_hour_minutes=minutes,
    ),
    hundredths, hundredths, st.tuples(*[st.none() | hundredths] * 2), hundredths, st.sampled_from([45, 60, 40]),
)  # fmt: skip
# up to six class hours, and often just around a round figure
credits_ms = st.one_of(
    st.integers(0, 6 * HOUR), st.builds(lambda n, d: max(0, n * 27_000 + d), st.integers(0, 700), st.integers(-1, 1))
)


@given(plans, credits_ms, credits_ms)
def test_complete_is_exactly_when_the_ratio_is_one_and_nothing_is_missing(
    plan: Programme, video: int, talk: int
) -> None:
    hours, completion = standing(plan, video=video, talk=talk)
    met = all(one.is_met for one in hours.components) and hours.total.is_met
    assert completion.complete is met is (completion.ratio == 1) is (completion.missing == ())
    assert 0 <= completion.ratio <= 1


@given(plans, credits_ms, credits_ms, st.integers(0, HOUR), st.integers(0, HOUR))
def test_more_credit_never_lowers_the_ratio(plan: Programme, video: int, talk: int, more: int, other: int) -> None:
    before = standing(plan, video=video, talk=talk)[1]
    after = standing(plan, video=video + more, talk=talk + other)[1]
    assert after.ratio >= before.ratio
    assert after.complete or not before.complete


@given(plans, credits_ms, credits_ms)
def test_nothing_looks_reached_before_it_is(plan: Programme, video: int, talk: int) -> None:
    hours, _ = standing(plan, video=video, talk=talk)
    for one in (*hours.components, hours.total):
        assert one.is_met is (one.remaining_class_hours == 0)
        assert one.is_met or one.credited_class_hours < one.required_class_hours
        assert one.credited_class_hours * one.class_hour_ms <= one.counted_ms <= one.credited_ms


@given(plans, credits_ms, credits_ms)
def test_getting_what_is_missing_completes(plan: Programme, video: int, talk: int) -> None:
    credited = {"video": video, "talk": talk}
    for one in standing(plan, **credited)[1].missing:
        key = one.component_key or "video"
        lacking = max(0, milliseconds_of(one.class_hours, plan.class_hour_ms))
        if one.code == "posts":
            lacking = one.posts * plan.discussion.credit_ms
        if one.component_key is not None:
            credited[key] = credited[key] + lacking
    completion = standing(plan, **credited)[1]
    assert all(one.component_key is None for one in completion.missing)


@pytest.mark.parametrize(
    ("part_ms", "whole_ms", "credited"),
    [
        (0, 10 * 45 * MINUTE_MS, "0"),
        (-5, 10 * 45 * MINUTE_MS, "0"),
        (45 * MINUTE_MS, 10 * 45 * MINUTE_MS, "1"),
        (10 * 45 * MINUTE_MS - 1, 10 * 45 * MINUTE_MS, "9.9999"),
        (10 * 45 * MINUTE_MS, 10 * 45 * MINUTE_MS, "10"),
        (99 * 45 * MINUTE_MS, 10 * 45 * MINUTE_MS, "10"),
    ],
)
def test_hours_reached_are_all_of_those_required_only_where_all_is(part_ms: int, whole_ms: int, credited: str) -> None:
    found = reached(part_ms, whole_ms, 45 * MINUTE_MS)
    assert (found.credited, found.required) == (Decimal(credited), Decimal(10))
