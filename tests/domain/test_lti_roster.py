"""What becomes of one member of a platform's roster: a roster undoes what it did, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.lti_roster import BRING_IN, LET_GO, Standing, Step, step_for

HERE = Standing(has_account=True)
LEARNS = replace(HERE, learns=True)
BROUGHT = replace(LEARNS, in_group=True, has_enrolled=True, has_placed=True)


@pytest.mark.parametrize(
    ("role", "is_member", "standing", "step"),
    [
        ("learner",    True,  Standing(),                                Step.WAITS),
        ("instructor", True,  Standing(),                                Step.WAITS),
        (None,         True,  HERE,                                      Step.NO_ROLE),
        ("learner",    True,  HERE,                                      Step.ENROL),
        ("learner",    True,  replace(HERE, is_open=False),              Step.CLOSED),
        ("learner",    True,  replace(HERE, tutors=True),                Step.TUTORS),
        ("instructor", True,  HERE,                                      Step.MAY_TUTOR),
        ("instructor", True,  LEARNS,                                    Step.STAYS),
        ("learner",    True,  LEARNS,                                    Step.PLACE),
        ("learner",    True,  replace(LEARNS, in_group=True),            Step.STAYS),
        ("learner",    True,  replace(LEARNS, in_other_group=True),      Step.OTHER_GROUP),
        ("learner",    True,  replace(HERE, learns=False),               Step.WITHDRAWN),
        ("learner",    True,  replace(HERE, learns=False, has_withdrawn=True), Step.RETURN),
        ("learner",    False, BROUGHT,                                   Step.WITHDRAW),
        ("learner",    False, replace(BROUGHT, has_enrolled=False),      Step.LEAVE),
        ("learner",    False, replace(LEARNS, in_group=True),            Step.GONE),
        ("learner",    False, replace(BROUGHT, is_kept=True),            Step.GONE),
        ("learner",    False, replace(BROUGHT, has_completed=True),      Step.COMPLETED),
        ("learner",    False, replace(BROUGHT, learns=False),            Step.GONE),
        ("learner",    False, replace(BROUGHT, in_group=False, in_other_group=True), Step.GONE),
    ],
)  # fmt: skip
def test_steps(role: str | None, is_member: bool, standing: Standing, step: Step) -> None:
    assert step_for(role, is_member, standing) is step


@given(
    st.sampled_from(["learner", "instructor", None]),
    st.booleans(),
    st.builds(Standing, learns=st.sampled_from([None, True, False]), in_group=st.booleans()),
)
def test_nobody_is_let_go_whom_the_roster_did_not_bring_in(role: str | None, member: bool, standing: Standing) -> None:
    step = step_for(role, member, standing)
    if step in LET_GO:
        assert not member
        assert standing.has_enrolled or standing.has_placed
        assert not standing.has_completed
    if step in BRING_IN:
        assert member
        assert role == "learner"
        assert standing.has_account
        assert standing.is_open
