"""Links that are safe to show, and how much of a missed meeting can be made up for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import makeups
from lms_plugin.domain.links import is_safe_link
from lms_plugin.domain.programme import MINUTE_MS


@pytest.mark.parametrize(
    ("typed", "is_safe"),
    [
        ("https://meeting.example.cn/j/123?pwd=a%20b", True),
        ("https://会议.中国/房间", True),
        ("https://host:8443/", True),
        ("http://meeting.example.cn/j/123", False),
        ("javascript:alert(1)", False),
        ("https:", False),
        ("https:///room", False),
        ("meeting.example.cn", False),
        ("https://bank.cn@evil.cn/", False),
        ("https://bank.cn\\@evil.cn/", False),
        ("https://a.cn/ b", False),
        ("https://a.cn/\nb", False),
        ("https://a.cn/\u202eb", False),
        ("https://a.cn:99999/", False),
        ("https://[::1", False),
        ("https://a.cn/" + "x" * 500, False),
    ],
)
def test_only_whole_https_addresses_are_links(typed: str, is_safe: bool) -> None:
    assert is_safe_link(typed) is is_safe


@pytest.mark.parametrize(
    ("minutes", "most_minutes", "present_minutes", "share", "expected_minutes"),
    [
        (120, None, 0, "1/2", 60),
        (120, None, 90, "1/2", 15),
        (120, None, 120, "1", 0),
        (120, 90, 0, "1", 90),
        (120, 90, 60, "1/2", 15),
        (120, 90, 100, "1", 0),
        (120, None, 0, "0", 0),
        (90, None, 30, "1", 60),
    ],
)
def test_a_share_of_what_was_missed_can_be_made_up_for(
    minutes: int, most_minutes: int | None, present_minutes: int, share: str, expected_minutes: int
) -> None:
    whole = makeups.whole_ms(minutes * MINUTE_MS, most_minutes)
    found = makeups.most_ms(whole, present_minutes * MINUTE_MS, Fraction(share))

    assert found == expected_minutes * MINUTE_MS


@given(
    st.integers(1, 24 * 60 * MINUTE_MS),
    st.none() | st.integers(1, 1440),
    st.integers(0, 48 * 60 * MINUTE_MS),
    st.fractions(-1, 2),
)
def test_presence_and_making_up_never_exceed_the_meeting(
    length: int, most_minutes: int | None, present: int, share: Fraction
) -> None:
    whole = makeups.whole_ms(length, most_minutes)
    most = makeups.most_ms(whole, present, share)

    assert most >= 0
    assert min(present, whole) + most <= whole
