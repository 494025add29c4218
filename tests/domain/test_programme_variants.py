"""How an enrolment takes its programme: phases, tiers, windows counted in months, and what is missing of each kind."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.completion import Missing, decide
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.hours import reckon
from lms_plugin.domain.modes import ActivityRule, ComponentKind, SchoolActivityKind, StudyRule
from lms_plugin.domain.programme import (
    MINUTE_MS,
    Component,
    Group,
    Programme,
    Text,
    Variant,
    Window,
    months_after,
)

HOUR_MS = 45 * MINUTE_MS
TEXT = Text("项目", "Programme")
WINDOW = Window(date(2026, 9, 1), date(2028, 9, 1))


def component(key: str, kind: ComponentKind, hours: int, **more: object) -> Component:
    return Component(key, kind, TEXT, Decimal(hours), **more)


def programme(**changes: object) -> Programme:
    """Meetings, homework of two pieces at 4 hours, and an examination beside the total."""
    fields: dict[str, object] = {
        "key": "p",
        "title": TEXT,
        "description": TEXT,
        "window": WINDOW,
        "components": (
            component("meetings", ComponentKind.FACE_TO_FACE, 10),
            component("homework", ComponentKind.HOMEWORK, 8, study=StudyRule(credit_class_hours=Decimal(4), pieces=2)),
            component("examination", ComponentKind.EXAMINATION, 2, in_total=False),
        ),
        "total_class_hours": Decimal(18),
    }
    return Programme(**{**fields, **changes})


@pytest.mark.parametrize(
    ("day",              "months", "after"),
    [
        (date(2026, 9, 1),   6,        date(2027, 3, 1)),
        (date(2026, 8, 31),  6,        date(2027, 2, 28)),
        (date(2027, 8, 31),  6,        date(2028, 2, 29)),
        (date(2028, 2, 29),  12,       date(2029, 2, 28)),
        (date(2028, 2, 29),  48,       date(2032, 2, 29)),
        (date(2026, 12, 15), 1,        date(2027, 1, 15)),
        (date(2026, 12, 15), 0,        date(2026, 12, 15)),
    ],
)  # fmt: skip
def test_months_end_on_the_same_day_or_the_last_there_is(day: date, months: int, after: date) -> None:
    assert months_after(day, months) == after


LEAD = Group("lead", TEXT, closes_on=date(2026, 9, 15), places=100, class_size=50)
FOLLOW = Group("follow", TEXT, opens_on=date(2026, 9, 15), places=10_000)
STANDARD = Group("standard", TEXT)
ADVANCED = Group(
    "advanced", TEXT, total_class_hours=Decimal(30), requires=(("meetings", Decimal(22)),), places=7, class_size=25
)


@pytest.mark.parametrize(
    ("changes", "enrolled_on", "asked", "variant"),
    [
        ({}, date(2026, 10, 1), {}, Variant()),
        ({"window_months": 6}, date(2026, 10, 1), {}, Variant(opens_on=date(2026, 10, 1), closes_on=date(2027, 4, 1))),
        # Nobody begins before the programme does, nor goes on after it.
        ({"window_months": 6}, date(2026, 8, 1), {}, Variant(opens_on=date(2026, 9, 1), closes_on=date(2027, 3, 1))),
        ({"window_months": 6}, date(2028, 5, 1), {}, Variant(opens_on=date(2028, 5, 1), closes_on=date(2028, 9, 1))),
        ({"phases": (LEAD, FOLLOW)}, date(2026, 10, 1), {}, Variant("lead")),
        ({"phases": (LEAD, FOLLOW)}, date(2026, 10, 1), {"phase": "follow"}, Variant("follow")),
        (
            {"phases": (LEAD, FOLLOW), "window_months": 1},
            date(2026, 9, 3),
            {},
            Variant("lead", "", date(2026, 9, 3), date(2026, 9, 15)),
        ),
        ({"tiers": (STANDARD, ADVANCED)}, date(2026, 10, 1), {"tier": "advanced"}, Variant("", "advanced")),
    ],
)
def test_whoever_enrols_gets_a_variant(
    changes: dict[str, object], enrolled_on: date, asked: dict[str, str], variant: Variant
) -> None:
    assert programme(**changes).variant_for(enrolled_on, **asked) == variant


def test_a_phase_or_tier_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound):
        programme(phases=(LEAD,)).variant_for(date(2026, 10, 1), phase="other")
    with pytest.raises(NotFound):
        programme().variant_for(date(2026, 10, 1), tier="advanced")


def test_a_phase_has_dates_and_components_of_its_own() -> None:
    whole = programme(
        phases=(LEAD, FOLLOW),
        components=(
            component("workshop", ComponentKind.FACE_TO_FACE, 10, for_phases=("lead",)),
            component("films", ComponentKind.VIDEO, 10, for_phases=("follow",)),
            component("posts", ComponentKind.DISCUSSION, 2),
        ),
        total_class_hours=Decimal(12),
    )
    lead, follow = whole.taken_as(Variant("lead")), whole.taken_as(Variant("follow"))
    assert [one.key for one in lead.components] == ["workshop", "posts"]
    assert [one.key for one in follow.components] == ["films", "posts"]
    assert (lead.window.opens_on, lead.window.closes_on) == (date(2026, 9, 1), date(2026, 9, 15))
    assert (follow.window.opens_on, follow.window.closes_on) == (date(2026, 9, 15), date(2028, 9, 1))
    assert (lead.places, lead.class_size) == (100, 50)
    assert whole.taken_as(Variant()) is whole
    # A phase that a later version no longer has takes no components away but those of other phases.
    assert [one.key for one in whole.taken_as(Variant("gone")).components] == ["posts"]


def test_a_tier_asks_for_other_hours() -> None:
    whole = programme(tiers=(STANDARD, ADVANCED), class_size=40, places=500)
    advanced, standard = whole.taken_as(Variant(tier="advanced")), whole.taken_as(Variant(tier="standard"))
    assert advanced.total_class_hours == 30
    assert [one.required_class_hours for one in advanced.components] == [22, 8, 2]
    assert (advanced.places, advanced.class_size) == (7, 25)
    assert (standard.total_class_hours, standard.places, standard.class_size) == (18, 500, 40)


def test_dates_of_its_own_replace_those_of_the_programme() -> None:
    taken = programme().taken_as(Variant(opens_on=date(2027, 1, 1), closes_on=date(2027, 7, 1)))
    assert (taken.window.opens_on, taken.window.closes_on) == (date(2027, 1, 1), date(2027, 7, 1))


some_days = st.none() | st.dates(date(2020, 1, 1), date(2040, 1, 1))
keys = st.sampled_from(["", "lead", "educational-technology"])


@given(st.builds(Variant, keys, keys, some_days, some_days))
def test_a_variant_is_read_as_it_was_written(variant: Variant) -> None:
    assert Variant.read(variant.write()) == variant


def test_what_is_missing_names_each_kind() -> None:
    whole = programme()
    nothing = decide(whole, reckon(whole, {}))
    assert nothing.missing == (
        Missing("face_to_face_hours", "meetings", Decimal("10.00")),
        Missing("homework", "homework", Decimal("8.00"), pieces=2),
        Missing("examination", "examination", Decimal("2.00")),
    )
    assert (nothing.complete, nothing.ratio) == (False, 0)
    # All hours of the total, and the examination is still to come.
    reached = {"meetings": 10 * HOUR_MS, "homework": 8 * HOUR_MS}
    almost = decide(whole, reckon(whole, reached))
    assert almost.missing == (Missing("examination", "examination", Decimal("2.00")),)
    assert almost.ratio == Decimal("0.9")
    assert decide(whole, reckon(whole, {**reached, "examination": 2 * HOUR_MS})).complete


def test_homework_without_hours_of_its_own_is_one_piece() -> None:
    whole = programme(components=(component("homework", ComponentKind.HOMEWORK, 8),), total_class_hours=Decimal(8))
    assert decide(whole, reckon(whole, {})).missing == (Missing("homework", "homework", Decimal("8.00"), pieces=1),)


def test_every_kind_of_school_based_study_counts_unless_some_are_named() -> None:
    assert StudyRule().activity(SchoolActivityKind.SEMINAR) == ActivityRule(SchoolActivityKind.SEMINAR)
    some = StudyRule(activities=(ActivityRule(SchoolActivityKind.SELF_STUDY, Decimal(28)),))
    assert some.activity(SchoolActivityKind.SELF_STUDY) == ActivityRule(SchoolActivityKind.SELF_STUDY, Decimal(28))
    assert some.activity(SchoolActivityKind.SEMINAR) is None
