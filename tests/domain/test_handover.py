"""What must stand under a hand-over's signature."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.handover import (
    LIFETIME,
    SKEW,
    HandoverExpired,
    HandoverRefused,
    Purpose,
    read_claims,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
SOUND: dict[str, object] = {
    "aud": "lms-plugin:open",
    "iat": AT,
    "exp": AT + 60,
    "jti": "0123456789abcdef",
    "sub": "42",
    "username": "wang.li",
    "module_key": "rural/reading",
    "locale": "zh-cn",
    "frame_origins": ["https://apps.example.org"],
}


def test_sound_claims_are_read() -> None:
    handover = read_claims(SOUND, Purpose.OPEN, NOW)

    assert (handover.subject, handover.username, handover.module) == ("42", "wang.li", ("rural", "reading"))
    assert (handover.language, handover.frame_origins) == ("zh", ("https://apps.example.org",))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "lms-plugin:standing"}, "aud"),
        ({"aud": ["lms-plugin:open"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": True}, "iat"),
        ({"exp": None}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": AT}, "exp"),
        ({"exp": AT - 1}, "exp"),
        ({"exp": AT + 121}, "exp"),
        ({"iat": AT + 301, "exp": AT + 361}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": "short"}, "jti"),
        ({"jti": 17}, "jti"),
        ({"jti": "x" * 65}, "jti"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 42}, "sub"),
        ({"sub": "4\x002"}, "sub"),
        ({"username": ["wang.li"]}, "username"),
        ({"module_key": None}, "module_key"),
        ({"module_key": "rural"}, "module_key"),
        ({"module_key": "../etc/passwd"}, "module_key"),
        ({"module_key": "rural/reading\n"}, "module_key"),
        ({"frame_origins": "https://apps.example.org"}, "frame_origins"),
        ({"frame_origins": ["https://apps.example.org; script-src *"]}, "frame_origins"),
        ({"frame_origins": ["*"]}, "frame_origins"),
        ({"frame_origins": ["https://a.example.org"] * 6}, "frame_origins"),
    ],
)
def test_what_is_missing_or_wrong_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(HandoverRefused) as refused:
        read_claims(SOUND | changes, Purpose.OPEN, NOW)

    assert refused.value.params["why"] == why


@pytest.mark.parametrize(
    ("late", "is_taken"),
    [
        (timedelta(seconds=59), True),
        (timedelta(seconds=60) + SKEW - timedelta(seconds=1), True),
        (timedelta(seconds=60) + SKEW, False),
        (-SKEW, True),
        (-SKEW - timedelta(seconds=1), False),
    ],
)
def test_clocks_may_be_five_minutes_apart(late: timedelta, is_taken: bool) -> None:
    if is_taken:
        assert read_claims(SOUND, Purpose.OPEN, NOW + late).subject == "42"
    else:
        with pytest.raises(HandoverRefused):
            read_claims(SOUND, Purpose.OPEN, NOW + late)


def test_one_that_comes_too_late_says_so() -> None:
    with pytest.raises(HandoverExpired):
        read_claims(SOUND, Purpose.OPEN, NOW + timedelta(hours=1))


def test_modules_are_listed_without_a_learner() -> None:
    claims = {name: SOUND[name] for name in ("iat", "exp", "jti")} | {"aud": "lms-plugin:modules"}

    assert read_claims(claims, Purpose.MODULES, NOW).module is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*SOUND, "name", "course_key", "nbf"]), ANYTHING))
def test_whatever_is_signed_is_read_or_refused(changes: dict[str, object]) -> None:
    try:
        handover = read_claims(SOUND | changes, Purpose.OPEN, NOW)
    except HandoverRefused:
        return
    assert handover.subject
    assert handover.module is not None
    times = [float(str((SOUND | changes)[name])) for name in ("iat", "exp")]
    assert times[1] - times[0] <= LIFETIME.total_seconds()
