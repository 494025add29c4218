"""What of a school-based activity can be taken, and who approves it next."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from lms_plugin.domain.modes import ActivityRule, SchoolActivityKind, StudyRule
from lms_plugin.domain.programme import Window
from lms_plugin.domain.school_activities import (
    HandedIn,
    after_approval,
    faults_of,
    levels_passed,
    next_level,
)

WINDOW = Window(date(2026, 11, 1), date(2027, 2, 1))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_ENOUGH = "教研组八人围绕分数的初步认识磨课，我主讲，大家提出三处修改意见，会后改了教案。"
GOOD = HandedIn("seminar", "分数的初步认识磨课", LONG_ENOUGH, NOW - timedelta(hours=3), NOW - timedelta(hours=1))
OPENS_AT = datetime(2026, 10, 31, 16, tzinfo=UTC)
"""Midnight in Shanghai before 1 November."""


def codes(activity: HandedIn, rule: StudyRule | None = None) -> list[tuple[str, str]]:
    return [(one.part, one.code) for one in faults_of(activity, rule or StudyRule(), WINDOW, NOW)]


@pytest.mark.parametrize("kind", ["lecture", "lesson_recording", "lesson_review", "self_study", "seminar"])
def test_all_five_kinds_are_taken(kind: str) -> None:
    assert codes(replace(GOOD, kind=kind)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "karaoke"}, [("kind", "kind_missing")]),
        ({"title": "  "}, [("title", "activity_title_missing")]),
        ({"title": "题" * 201}, [("title", "title_too_long")]),
        ({"title": "题" * 200}, []),
        ({"text": "开了会。"}, [("text", "evidence_missing")]),
        ({"text": "开了会。", "files": 1}, []),
        ({"text": "", "files": 1}, []),
        ({"text": "字" * 30}, []),
        ({"text": "字" * 29}, [("text", "evidence_missing")]),
        ({"text": "word " * 15}, []),
        ({"text": "字" * 20_001}, [("text", "body_too_long")]),
        ({"starts_at": None}, [("starts_at", "time_missing")]),
        ({"ends_at": None}, [("ends_at", "time_missing")]),
        ({"ends_at": GOOD.starts_at}, [("ends_at", "ends_before_it_starts")]),
        ({"starts_at": NOW - timedelta(hours=9)}, []),
        ({"starts_at": NOW - timedelta(hours=9, minutes=1)}, [("ends_at", "activity_too_long")]),
        ({"ends_at": NOW}, []),
        ({"ends_at": NOW + timedelta(minutes=1)}, [("ends_at", "activity_in_future")]),
        ({"starts_at": OPENS_AT, "ends_at": OPENS_AT + timedelta(hours=2)}, []),
        (
            {"starts_at": OPENS_AT - timedelta(minutes=1), "ends_at": OPENS_AT + timedelta(hours=2)},
            [("starts_at", "activity_outside_window")],
        ),
    ],
)
def test_an_activity_is_taken_or_every_fault_is_named(
    changes: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert codes(replace(GOOD, **changes)) == expected


def test_only_kinds_that_the_programme_counts_are_taken() -> None:
    rule = StudyRule(activities=(ActivityRule(SchoolActivityKind.LECTURE, Decimal(10)),))

    assert codes(GOOD, rule) == [("kind", "kind_does_not_count")]
    assert codes(replace(GOOD, kind="lecture"), rule) == []


def test_the_last_minute_before_a_window_closes_at_midnight_in_shanghai_is_inside() -> None:
    midnight = datetime(2027, 1, 31, 16, tzinfo=UTC)
    last = replace(GOOD, starts_at=midnight - timedelta(hours=1), ends_at=midnight)

    assert [one.code for one in faults_of(last, StudyRule(), WINDOW, midnight)] == []
    late = replace(last, ends_at=midnight + timedelta(minutes=1))
    assert [one.code for one in faults_of(late, StudyRule(), WINDOW, midnight + timedelta(days=1))] == [
        "activity_outside_window"
    ]


@pytest.mark.parametrize(
    ("state", "levels", "following", "after"),
    [
        ("submitted", ("school", "county"), "school", "school_approved"),
        ("school_approved", ("school", "county"), "county", "approved"),
        ("submitted", ("school",), "school", "approved"),
        ("submitted", ("county",), "county", "approved"),
        ("approved", ("school", "county"), None, "approved"),
        ("returned", ("school", "county"), None, "school_approved"),
        ("refused", ("school", "county"), None, "school_approved"),
        # the programme wants fewer approvals now than when it was handed in
        ("school_approved", ("school",), None, "approved"),
    ],
)
def test_the_school_approves_and_then_the_county(
    state: str, levels: tuple[str, ...], following: str | None, after: str
) -> None:
    assert next_level(state, levels) == following
    assert after_approval(state, levels) == after


def test_an_approved_activity_has_all_its_approvals() -> None:
    assert levels_passed("approved", ("school", "county")) == 2
