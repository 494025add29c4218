"""Placeholders are filled in once, in either language, and what is none is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.message_text import PLACEHOLDERS, fill, unknown_in

VALUES = {"name": "王丽", "hours": "3.5", "missing": "46.5", "behind": "2"}

# the text, filled in, what of it is unknown
CASES = [
    ("{姓名}老师，还差{还差学时}学时", "王丽老师，还差46.5学时", ()),
    ("Dear {name}: {hours} of it, {behind} behind", "Dear 王丽: 3.5 of it, 2 behind", ()),
    ("｛姓名｝ { Name }", "王丽 王丽", ()),
    ("{x} and {姓名} and {x}", "{x} and 王丽 and {x}", ("{x}",)),
    ("{}", "{}", ("{}",)),
    ("no braces: } or {", "no braces: } or {", ()),
    ("{a\nb}", "{a\nb}", ()),
]


@pytest.mark.parametrize(("text", "expected", "unknown"), CASES)
def test_texts_are_filled_in(text: str, expected: str, unknown: tuple[str, ...]) -> None:
    assert fill(text, VALUES) == expected
    assert unknown_in(text) == unknown


@given(st.text())
def test_what_is_filled_in_is_not_looked_at_again(value: str) -> None:
    values = dict.fromkeys(PLACEHOLDERS, value + "{姓名}{x}")

    assert fill("<{name}>", values) == f"<{value}{{姓名}}{{x}}>"


@given(st.text(st.characters(exclude_characters="{}｛｝")))
def test_a_text_without_braces_stays_as_it_is(text: str) -> None:
    assert fill(text, VALUES) == text
    assert unknown_in(text) == ()
