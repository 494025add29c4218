"""A thousand honest sessions on bad lines: nobody loses what they played, whatever their programme switches on."""

import random
import sys

import pytest

from lms_plugin.domain.watching import Reason
from tests.domain.honest_player import programme, simulate, summary

pytestmark = pytest.mark.long

SESSIONS = 1_000
LEAST_PLAYED_MS = 60_000


def test_no_honest_session_loses_more_than_one_percent_and_none_is_refused_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = [simulate(seed) for seed in range(SESSIONS)]
    with capsys.disabled():
        sys.stdout.write(f"\n{summary(results)}\n")
    assert [one for one in results if one.loss > 0.01] == []
    assert [one for one in results if one.withheld_whole] == []
    assert {reason for one in results for reason in one.reasons} <= {Reason.TOO_FAST}
    # The lines were bad, the questions were put, and some of them came to nothing at first.
    assert sum(one.played_ms >= LEAST_PLAYED_MS for one in results) > 0.95 * SESSIONS
    assert sum(one.repeated for one in results) > SESSIONS
    assert sum(one.checks for one in results) > SESSIONS
    assert sum(one.lapsed for one in results) > SESSIONS / 20


def test_the_programmes_of_honest_sessions_switch_everything_on_and_off() -> None:
    rules = [programme(random.Random(seed)) for seed in range(SESSIONS)]
    for switched in (
        lambda one: one.rule.skipping_ahead,
        lambda one: one.rule.delivery_proof,
        lambda one: one.checks_presence,
        lambda one: one.daily_limit_ms is not None,
    ):
        assert {bool(switched(one)) for one in rules} == {True, False}
