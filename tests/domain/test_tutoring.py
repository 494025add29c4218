"""Who needs the tutor and why, and whom to look at first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.pace import PaceState
from lms_plugin.domain.tutoring import Concern, Facts, concerns_of, urgency

HOUR = 45 * 60_000

# facts, the reasons in their order
CASES = [
    (Facts(PaceState.COMPLETE, held_ms=HOUR, missed_sessions=2, homework_returned=1), ()),
    (Facts(PaceState.ON_TRACK), ()),
    (Facts(PaceState.ON_TRACK, short_ms=HOUR), ()),
    (Facts(PaceState.NOT_STARTED), ()),
    (Facts(PaceState.NOT_STARTED, short_ms=HOUR), (Concern.NOT_STARTED,)),
    (Facts(PaceState.BEHIND, short_ms=HOUR, held_ms=1), (Concern.BEHIND, Concern.HELD)),
    (
        Facts(PaceState.ON_TRACK, held_ms=1, missed_sessions=1, homework_returned=1),
        (Concern.HELD, Concern.MISSED_SESSIONS, Concern.HOMEWORK_RETURNED),
    ),
]


@pytest.mark.parametrize(("facts", "expected"), CASES)
def test_reasons_follow_from_the_facts(facts: Facts, expected: tuple[Concern, ...]) -> None:
    assert concerns_of(facts) == expected


FACTS = st.builds(
    Facts,
    st.sampled_from(PaceState),
    st.integers(0, 100 * HOUR),
    st.integers(0, 10 * HOUR),
    st.integers(0, 5),
    st.integers(0, 5),
)


@given(FACTS, FACTS)
def test_who_has_a_reason_comes_before_who_has_none(one: Facts, other: Facts) -> None:
    if concerns_of(one) and not concerns_of(other):
        assert urgency(one) < urgency(other)


@given(FACTS, st.integers(1, HOUR))
def test_to_fall_further_behind_is_more_urgent(facts: Facts, more_ms: int) -> None:
    late = Facts(PaceState.BEHIND, facts.short_ms, facts.held_ms, facts.missed_sessions, facts.homework_returned)
    later = Facts(PaceState.BEHIND, late.short_ms + more_ms, late.held_ms, late.missed_sessions, late.homework_returned)

    assert urgency(later) < urgency(late)


@given(FACTS)
def test_who_is_through_is_left_in_peace(facts: Facts) -> None:
    through = Facts(PaceState.COMPLETE, facts.short_ms, facts.held_ms, facts.missed_sessions, facts.homework_returned)

    assert concerns_of(through) == ()
    assert urgency(through) >= urgency(facts)
