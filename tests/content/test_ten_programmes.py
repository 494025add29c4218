"""The numbers of the ten programmes, as the source has them and as course_content says them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from lms_plugin.content.loader import find_programmes, load_programme
from lms_plugin.domain import nomination
from lms_plugin.domain.completion import Completion, decide
from lms_plugin.domain.hours import milliseconds_of, reckon
from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.nomination import Nominee
from lms_plugin.domain.programme import MINUTE_MS, Programme, Variant, Window, months_after
from lms_plugin.domain.weeks import pending_ms

CONTENT = Path(__file__).parents[2] / "course_content"
TEN = (
    "class-teachers",
    "earthquake-aid",
    "pe-placement",
    "rural-compulsory",
    "rural-quality",
    "senior-high-reform",
    "vocational-backbone",
    "vocational-rotation",
    "western-pairing",
    "western-pe",
)
WEEK = timedelta(days=7)


@cache
def programme_of(key: str) -> Programme:
    return load_programme(CONTENT / key).programme


def taken(key: str, phase: str = "", tier: str = "") -> Programme:
    return programme_of(key).taken_as(Variant(phase, tier))


def kinds(programme: Programme) -> dict[str, Decimal]:
    """Required hours by kind; of several components of a kind, together."""
    found: dict[str, Decimal] = {}
    for component in programme.components:
        found[component.kind] = found.get(component.kind, Decimal(0)) + component.required_class_hours
    return found


def decided(programme: Programme, **class_hours: float | Decimal) -> Completion:
    """The decision on somebody with so many class hours, by component key with `_` for `-`."""
    credited = {
        key.replace("_", "-"): milliseconds_of(Decimal(str(hours)), programme.class_hour_ms)
        for key, hours in class_hours.items()
    }
    assert set(credited) <= {component.key for component in programme.components}
    return decide(programme, reckon(programme, credited))


def test_all_ten_are_there_beside_the_two_that_the_demo_plays() -> None:
    assert [path.name for path in find_programmes(CONTENT)] == sorted([*TEN, "remote-study", "rural-maths"])


@pytest.mark.parametrize(
    ("key", "phase", "tier", "places", "kinds_of_study"),
    [
        ("senior-high-reform",  "",                       "", 87_000,  {"video", "qna", "discussion"}),
        ("class-teachers",      "lead",                   "", 100,     {"face_to_face"}),
        ("class-teachers",      "class",                  "", 10_000,  {"video", "qna", "discussion"}),
        ("rural-compulsory",    "",                       "", 250_000, {"group_viewing", "discussion", "video"}),
        ("western-pe",          "",                       "", 592,     {"face_to_face", "video"}),
        ("western-pairing",     "face-to-face",           "", 10_000,  {"face_to_face"}),
        ("western-pairing",     "materials",              "", 500_000, {"group_viewing", "video"}),
        ("earthquake-aid",      "",                       "", 2_500,   {"face_to_face"}),
        ("vocational-backbone", "subjects",               "", 2_000,   {"face_to_face", "homework", "examination"}),
        ("vocational-backbone", "educational-technology", "", 8_000,   {"face_to_face", "homework", "examination"}),
        ("pe-placement",        "",                       "", None,    {"face_to_face", "placement"}),
        ("rural-quality",       "",                       "", None,    {"face_to_face", "school_based"}),
    ],
)  # fmt: skip
def test_every_programme_has_its_places_and_its_modes_of_study(
    key: str, phase: str, tier: str, places: int | None, kinds_of_study: set[str]
) -> None:
    programme = taken(key, phase, tier)
    assert programme.places == places
    assert set(kinds(programme)) == kinds_of_study


@pytest.mark.parametrize("key", TEN)
def test_a_class_hour_is_45_minutes_and_a_day_begins_in_shanghai(key: str) -> None:
    programme = programme_of(key)
    assert (programme.class_hour_minutes, programme.window.timezone) == (45, "Asia/Shanghai")


@pytest.mark.parametrize("key", TEN)
def test_films_that_are_awaited_reach_the_online_hours(key: str) -> None:
    programme = programme_of(key)
    video = programme.component_of(ComponentKind.VIDEO)
    awaited_minutes = sum(module.awaited_minutes or 0 for module in programme.modules)
    if video is not None:
        assert awaited_minutes >= video.required_class_hours * programme.class_hour_minutes
        assert awaited_minutes > 0
    assert all(module.title.zh and module.title.en and module.summary for module in programme.modules)


def test_online_programmes_have_readings_and_question_banks() -> None:
    for key in ("senior-high-reform", "class-teachers", "rural-compulsory", "western-pairing", "vocational-rotation"):
        modules = programme_of(key).modules
        assert sum(bool(module.reading and module.questions) for module in modules) >= 2, key


def test_10_100_class_teachers_are_100_lead_trainers_then_10_000() -> None:
    programme = programme_of("class-teachers")
    lead, rest = programme.phases
    assert (programme.places, lead.places, rest.places) == (10_100, 100, 10_000)
    assert lead.closes_on == rest.opens_on
    # Who is enrolled without a word is in the first phase; the others are named.
    assert programme.variant_for(date(2026, 11, 2)).phase == "lead"
    assert taken("class-teachers", "lead").window.closes_at == taken("class-teachers", "class").window.opens_at


def test_class_teachers_need_50_hours_inside_six_weeks() -> None:
    programme = taken("class-teachers", "class")
    window = programme.window
    assert window.closes_on - window.opens_on == 6 * WEEK
    assert programme.total_class_hours == 50
    assert kinds(programme) == {"video": 36, "qna": 8, "discussion": 6}
    assert decided(programme, video=36, qna=8, discussion=6).complete
    assert not decided(programme, video=36, qna=8, discussion=5).complete
    assert not decided(programme, video=50).complete
    # Studying at the daily limit of film alone, the six weeks are enough several times over.
    assert programme.watching.daily_limit_class_hours == 6


def test_senior_high_teachers_need_online_hours_and_q_and_a_in_six_weeks() -> None:
    programme = programme_of("senior-high-reform")
    assert programme.window.closes_on - programme.window.opens_on == 6 * WEEK
    assert decided(programme, video=30, qna=6, discussion=4).complete
    assert not decided(programme, video=36, qna=0, discussion=4).complete


def test_rural_teachers_view_in_groups_and_whatever_they_watch_online_counts() -> None:
    programme = programme_of("rural-compulsory")
    assert decided(programme, viewing=20, discussion=2, video=10).complete
    assert decided(programme, viewing=30, discussion=2).complete
    assert [one.code for one in decided(programme, viewing=20, discussion=2, video=8).missing] == ["total_hours"]
    assert {one.code for one in decided(programme, video=40).missing} == {"group_viewing_hours", "posts"}


def test_592_pe_teachers_are_counted_by_attendance_and_the_resources_add_nothing() -> None:
    programme = programme_of("western-pe")
    assert programme.places == 592
    assert decided(programme, course=60).complete
    assert not decided(programme, course=59, resources=20).complete
    assert decided(programme, course=60, resources=0).complete


def test_10_000_are_paired_face_to_face_and_500_000_see_discs() -> None:
    assert programme_of("western-pairing").places == 510_000
    assert decided(taken("western-pairing", "face-to-face"), course=40).complete
    by_disc = taken("western-pairing", "materials")
    assert decided(by_disc, viewing=20).complete
    assert decided(by_disc, viewing=8, video=12).complete
    assert not decided(by_disc, viewing=19).complete


def test_2_500_teachers_of_the_earthquake_area_recover_and_teach() -> None:
    programme = programme_of("earthquake-aid")
    assert decided(programme, recovery=20, teaching=30).complete
    assert not decided(programme, recovery=0, teaching=50).complete
    assert programme.modules == ()


def test_96_hours_in_two_years_by_any_mode() -> None:
    programme = programme_of("vocational-rotation")
    window = programme.window
    assert months_after(window.opens_on, 24) == window.closes_on
    assert programme.total_class_hours == 96
    assert set(kinds(programme).values()) == {0}
    for key in ("course", "viewing", "school_based", "company"):
        assert decided(programme, **{key: 96}).complete
        assert not decided(programme, **{key: 95.99}).complete
    assert decided(programme, course=40, video=10, school_based=22, viewing=24).complete


def test_144_hours_in_three_years_of_which_60_full_time_and_84_school_based() -> None:
    programme = programme_of("rural-quality")
    window = programme.window
    assert months_after(window.opens_on, 36) == window.closes_on
    assert programme.total_class_hours == 144
    assert kinds(programme) == {"face_to_face": 60, "school_based": 84}
    assert decided(programme, full_time=60, school_based=84).complete
    assert not decided(programme, full_time=59.99, school_based=84.01).complete
    assert not decided(programme, full_time=61, school_based=83).complete


def test_school_based_study_counts_at_2_hours_a_week_or_more() -> None:
    programme = programme_of("rural-quality")
    component = programme.component("school-based")
    assert component is not None
    assert component.pace is not None
    assert (component.pace.class_hours, component.pace.make_up_weeks) == (2, 4)
    hour = programme.class_hour_ms
    monday = date(2026, 9, 7)

    def counted(*class_hours: float) -> int:
        """Class hours that count of so many in each week."""
        weeks = {monday + number * WEEK: int(hours * hour) for number, hours in enumerate(class_hours)}
        return (sum(weeks.values()) - pending_ms(weeks, component.pace, hour)) // hour

    assert counted(*[2] * 42) == 84
    assert counted(*[2] * 41, 1) == 82  # the last week is short
    assert counted(1, 2, 2, 2, 2, 3) == 11  # five weeks later is too late for the first
    assert counted(1, 2, 2, 2, 3) == 10  # made up within four weeks
    assert counted(0, 0, 8) == 8  # a missed week takes nothing away


def test_the_five_kinds_of_school_based_study_count() -> None:
    component = programme_of("rural-quality").component("school-based")
    assert component is not None
    assert {activity.kind for activity in component.study.activities} == set(SchoolActivityKind)
    assert component.study.approvals == ("school", "county")


def test_vocational_teachers_attend_do_homework_and_pass_the_examination() -> None:
    standard = taken("vocational-backbone", "subjects", "standard")
    assert decided(standard, classes=80, homework=8, examination=2).complete
    assert [one.code for one in decided(standard, classes=80, homework=8).missing] == ["examination"]
    assert [(one.code, one.pieces) for one in decided(standard, classes=80, homework=4, examination=2).missing] == [
        ("homework", 1)
    ]
    assert not decided(standard, classes=90, homework=8).complete  # nothing makes up for an examination


def test_the_advanced_class_asks_for_more_and_is_smaller() -> None:
    standard = taken("vocational-backbone", "educational-technology", "standard")
    advanced = taken("vocational-backbone", "educational-technology", "advanced")
    assert (standard.total_class_hours, advanced.total_class_hours) == (88, 136)
    assert (standard.class_size, advanced.class_size) == (40, 25)
    assert not decided(advanced, classes=80, homework=8, examination=2).complete
    assert decided(advanced, classes=120, homework=16, examination=2).complete


def test_a_placement_lasts_3_to_6_months() -> None:
    programme = programme_of("pe-placement")
    component = programme.component("shadowing")
    assert component is not None
    each = component.study.credit_class_hours
    assert each == 40
    assert (component.study.least_months, component.study.most_months) == (3, 6)
    assert (component.required_class_hours, component.max_class_hours) == (3 * each, 6 * each)
    assert programme.window_months == 6
    assert not decided(programme, university=30, shadowing=2 * each).complete
    assert decided(programme, university=30, shadowing=3 * each).complete


@pytest.mark.parametrize(
    ("sex", "age", "fits"),
    [("male", 45, True), ("male", 46, False), ("female", 40, True), ("female", 41, False)],
)
def test_men_up_to_45_and_women_up_to_40(sex: str, age: int, fits: bool) -> None:
    programme = programme_of("pe-placement")
    assert programme.nomination is not None
    opens_on = programme.window.opens_on
    nominee = Nominee("体育", "bachelor", "first_grade", 8, date(opens_on.year - age, 3, 1), sex, True)
    found = nomination.misfits(nominee, programme.nomination, opens_on)
    assert [one.code for one in found] == ([] if fits else ["over_age"])


def test_a_window_ends_at_midnight_in_shanghai() -> None:
    window = taken("class-teachers", "class").window
    assert window.closes_at == datetime(2026, 12, 27, 16, tzinfo=UTC)
    last = datetime(2026, 12, 27, 15, 59, 59, 999_999, tzinfo=UTC)
    assert window.contains(last)
    assert not window.contains(last + timedelta(microseconds=1))
    assert window.day_of(last) == date(2026, 12, 27)


@pytest.mark.parametrize(
    ("enrolled_on", "closes_on"),
    [
        (date(2028, 2, 29), date(2028, 8, 29)),  # from a leap day
        (date(2027, 8, 31), date(2028, 2, 29)),  # to a leap day
        (date(2026, 8, 31), date(2027, 2, 28)),  # to the last day of a February without one
        (date(2028, 8, 29), date(2029, 2, 28)),
    ],
)  # fmt: skip
def test_six_months_from_and_to_a_leap_day(enrolled_on: date, closes_on: date) -> None:
    programme = replace(programme_of("pe-placement"), window=Window(date(2026, 1, 1), date(2031, 1, 1)))
    variant = programme.variant_for(enrolled_on)
    assert (variant.opens_on, variant.closes_on) == (enrolled_on, closes_on)
    assert programme.taken_as(variant).window == Window(enrolled_on, closes_on)


def test_a_personal_window_never_outlasts_the_programme() -> None:
    programme = programme_of("pe-placement")
    variant = programme.variant_for(date(2027, 6, 1))
    assert (variant.opens_on, variant.closes_on) == (date(2027, 6, 1), programme.window.closes_on)


def test_a_week_is_a_week_also_when_clocks_change() -> None:
    window = replace(programme_of("rural-quality").window, timezone="Europe/Berlin")
    # On 25 October 2026 clocks go back: that Sunday has 25 hours, and all of them are Sunday.
    begins = datetime(2026, 10, 24, 22, tzinfo=UTC)
    hours = [window.day_of(begins + timedelta(hours=hour)) for hour in range(26)]
    assert hours == [date(2026, 10, 25)] * 25 + [date(2026, 10, 26)]
    spring = Window(date(2027, 3, 28), date(2027, 3, 29), "Europe/Berlin")
    assert spring.closes_at - spring.opens_at == timedelta(hours=23)


def test_a_minute_of_a_class_hour_is_a_minute() -> None:
    for key in TEN:
        assert programme_of(key).class_hour_ms == 45 * MINUTE_MS
