"""Small promises of the values that everything is declared in."""

from datetime import UTC, date, datetime

import pytest

from lms_plugin.domain.errors import Malformed, Refusal, Throttled
from lms_plugin.domain.programme import ComponentKind, DiscussionRule, Text, Window
from tests.domain.test_hours import DISCUSSION, component, programme

PLAN = programme(component("films", "1"), component("talk", "1", kind=DISCUSSION), total="2", class_hour_minutes=60)


@pytest.mark.parametrize(
    ("language", "shown"), [("zh", "中"), ("zh-CN", "中"), ("en", "E"), ("en-GB", "E"), ("fr", "E")]
)
def test_a_text_is_shown_in_chinese_or_english(language: str, shown: str) -> None:
    assert Text("中", "E").in_language(language) == shown


def test_components_are_found_by_key_and_by_kind() -> None:
    assert PLAN.component("talk") is PLAN.component_of(ComponentKind.DISCUSSION)
    assert PLAN.component("films") is PLAN.component_of(ComponentKind.VIDEO)
    assert PLAN.component("exam") is None
    assert programme(total="0").component_of(ComponentKind.VIDEO) is None


def test_lengths_are_told_in_milliseconds() -> None:
    assert PLAN.class_hour_ms == 3_600_000
    assert DiscussionRule(credit_minutes=15).credit_ms == 900_000


def test_the_window_of_a_month_and_a_half_is_whole_days() -> None:
    window = Window(date(2026, 11, 1), date(2026, 12, 16))
    assert (window.closes_at - window.opens_at).days == 45
    assert window.opens_at.tzinfo is UTC
    assert window.day_of(datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 24)
    assert window.day_of(datetime(2026, 11, 24, 16, tzinfo=UTC)) == date(2026, 11, 25)


def test_a_refusal_says_its_code_and_why() -> None:
    assert str(Refusal()) == "refused"
    assert str(Malformed("title_missing")) == "title_missing"
    assert str(Throttled(retry_after_seconds=30, account="a")) == "throttled (account=a, retry_after_seconds=30)"
    assert Malformed("title_missing").kind == "malformed"
