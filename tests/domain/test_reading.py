"""How long a reading takes."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_plugin.domain.reading import is_stale, nominal_ms

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("text", "per_minute", "minutes"),
    [
        ("字" * 300, 300, 1.0),
        ("字" * 450, 300, 1.5),
        ("字" * 300, 600, 0.5),
        # 200 English words are read as quickly as 300 Chinese characters
        ("word " * 200, 300, 1.0),
        ("字" * 150 + " word" * 100, 300, 1.0),
        # marks of Markdown and figures take no time
        ("# " + "字" * 300 + "\n\n- **1**\n- 2\n", 300, 1.0),
        ("", 300, 0.0),
    ],
)
def test_a_reading_takes_as_long_as_its_characters_and_words(text: str, per_minute: int, minutes: float) -> None:
    assert nominal_ms(text, per_minute) == minutes * MINUTE_MS


def test_a_part_of_a_millisecond_is_rounded_up() -> None:
    assert nominal_ms("字", 7) == 8572


def test_a_reading_opened_half_a_day_ago_is_begun_anew() -> None:
    opened_at = datetime(2026, 11, 24, 8, tzinfo=UTC)

    assert not is_stale(opened_at, opened_at + timedelta(hours=12))
    assert is_stale(opened_at, opened_at + timedelta(hours=12, seconds=1))
