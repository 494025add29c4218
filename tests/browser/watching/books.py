"""What was played beside what is credited."""

from collections.abc import Sequence

from lms_plugin.domain import intervals
from scripts.demonstration.lms_peer import wait_until
from tests.browser.watching.seat import Spans
from tests.browser.watching.site import Learner

TOLERANCE_SECONDS = 0.2
PATIENCE_SECONDS = 60


def covered(learner: Learner, playback_session_id: str) -> Spans:
    spans = learner.film(playback_session_id)["covered"]
    return tuple((round(1000 * start), round(1000 * end)) for start, end in spans)


def difference_seconds(one: Spans, other: Spans) -> float:
    """How much film is in one of them and not in the other."""
    apart = intervals.length(intervals.subtract(one, other)) + intervals.length(intervals.subtract(other, one))
    return apart / 1000


def assert_all_counts(learner: Learner, playback_session_id: str, *played: Spans, held: Sequence[object] = ()) -> None:
    """Hours, the film's covered stretches and what devices really played tell the same.

    Nothing is withheld, and no more than `held` is held.
    """
    watched = intervals.merge(span for spans in played for span in spans)
    seconds = intervals.length(watched) / 1000
    wait_until(lambda: abs(learner.credited - seconds) <= TOLERANCE_SECONDS, PATIENCE_SECONDS)
    film = learner.film(playback_session_id)
    apart = difference_seconds(watched, covered(learner, playback_session_id))
    seen = f"played {watched}, credited {learner.credited}, film {film}"
    assert abs(learner.credited - seconds) <= TOLERANCE_SECONDS, seen
    assert apart <= TOLERANCE_SECONDS, seen
    assert (film["withheld"], film["held"]) == ([], list(held)), seen
    assert learner.first_difference() is None
