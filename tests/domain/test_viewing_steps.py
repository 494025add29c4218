"""What was done at a film, told from the evidence."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.evidence import Beaten, Delivered, Event, Opened, Outcome, Posted, Released
from lms_plugin.domain.viewing_steps import MOST_SEGMENTS, Step, StepKind, steps_of
from lms_plugin.domain.watching import Claim

T0 = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ENROLMENT, VIDEO, OTHER_VIDEO, FILM_MS = 7, 3, 4, 100_000


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def opened(play: int, seconds: float, video: int = VIDEO) -> Opened:
    return Opened(at(seconds), play, f"session{play}", ENROLMENT, video, 1, 1000, at(seconds), 0)


def beat(play: int, seconds: float, *claims: tuple[int, int] | tuple[int, int, int], covered_ms: int = 0) -> Beaten:
    outcome = Outcome((), (), (), covered_ms, lease_is_held=True, film_changed=False, check=0)
    return Beaten(at(seconds), play, 1, tuple(Claim(*claim) for claim in claims), outcome)


def told(events: Sequence[Event], ends: dict[int, datetime] | None = None) -> list[Step]:
    threshold = Fraction(9, 10)
    known = ends or {}
    return list(
        steps_of(events, enrolment_id=ENROLMENT, video_id=VIDEO, video_ms=FILM_MS, threshold=threshold, ends=known)
    )


def brief(steps: Sequence[Step]) -> list[tuple[str, float, int]]:
    """Kind, seconds since T0 and position."""
    return [(step.kind.value, (step.at - T0).total_seconds(), step.position_ms) for step in steps]


class TestOneSession:
    def test_a_film_that_runs_on_was_played_once(self) -> None:
        steps = told([opened(1, 0), beat(1, 16, (0, 15_000)), beat(1, 31, (15_000, 30_000), covered_ms=30_000)])
        assert brief(steps) == [("initialized", 0, 0), ("played", 1, 0)]

    def test_a_jump_is_sought_at_the_moment_the_film_went_on(self) -> None:
        steps = told([opened(1, 0), beat(1, 20, (0, 10_000), (40_000, 50_000))])
        assert brief(steps)[1:] == [("played", 0, 0), ("seeked", 10, 40_000)]
        assert steps[-1].from_ms == 10_000

    def test_a_player_s_rounding_is_no_jump(self) -> None:
        steps = told([opened(1, 0), beat(1, 10, (0, 10_000)), beat(1, 20, (10_120, 20_000)), opened(2, 60)])
        assert [step.kind.value for step in steps] == ["initialized", "played", "paused", "terminated", "initialized"]
        assert steps[2].played == ((0, 20_000),)

    def test_a_film_that_stood_still_was_paused_when_it_was_last_played(self) -> None:
        steps = told([opened(1, 0), beat(1, 10, (0, 10_000), covered_ms=10_000), beat(1, 100, (10_000, 20_000))])
        assert brief(steps)[2:] == [("paused", 10, 10_000), ("played", 90, 10_000)]
        assert steps[2].played == ((0, 10_000),)
        assert (steps[2].covered_ms, steps[2].known_at) == (10_000, at(100))

    def test_a_pause_may_end_somewhere_else(self) -> None:
        steps = told([opened(1, 0), beat(1, 10, (0, 10_000)), beat(1, 100, (50_000, 60_000))])
        assert brief(steps)[2:] == [("paused", 10, 10_000), ("seeked", 90, 50_000), ("played", 90, 50_000)]

    def test_speed_is_reckoned_with(self) -> None:
        steps = told([opened(1, 0), beat(1, 10, (0, 20_000, 2000)), beat(1, 20, (20_000, 40_000, 2000))])
        assert brief(steps)[1:] == [("played", 0, 0)]
        assert steps[-1].rate_permille == 2000

    def test_what_lies_beyond_the_end_or_is_no_segment_was_not_played(self) -> None:
        steps = told([opened(1, 0), beat(1, 30, (95_000, 130_000), (200_000, 210_000), (5, 5)), opened(2, 40)])
        assert steps[2].played == ((95_000, 100_000),)
        assert steps[2].position_ms == FILM_MS

    def test_a_film_nobody_played_was_neither_played_nor_paused(self) -> None:
        steps = told([opened(1, 0), beat(1, 15), opened(2, 60)], {1: at(45)})
        assert brief(steps) == [("initialized", 0, 0), ("terminated", 45, 0), ("initialized", 60, 0)]

    def test_whoever_jumps_about_without_end_is_told_of_only_so_far(self) -> None:
        events: list[Event] = [opened(1, 0)]
        for number in range(3 * MOST_SEGMENTS):
            start = 1_000 * (7 * number % 90)
            events.append(beat(1, 2.0 * number, (start, start + 1_000), covered_ms=95_000 if number > 2_500 else 0))
        steps = told([*events, opened(2, 10_000)])
        assert len(steps) == 1 + MOST_SEGMENTS + 1 + 2 + 1
        assert [step.kind.value for step in steps[-4:]] == ["completed", "paused", "terminated", "initialized"]
        assert sum(len(step.played) for step in steps) == 3 * MOST_SEGMENTS


class TestSessionsAfterEachOther:
    def test_a_session_ends_when_the_next_one_of_any_film_opens(self) -> None:
        steps = told([opened(1, 0), beat(1, 10, (0, 10_000)), opened(2, 500, OTHER_VIDEO)], {1: at(130)})
        assert brief(steps)[2:] == [("paused", 10, 10_000), ("terminated", 130, 10_000)]

    def test_what_comes_of_a_session_that_is_over_is_told_no_more(self) -> None:
        events: list[Event] = [opened(1, 0), beat(1, 10, (0, 10_000)), opened(2, 20), beat(1, 25, (10_000, 15_000))]
        assert [step.play for step in told(events)] == [1, 1, 1, 1, 2]

    def test_all_sessions_of_a_film_are_played_segments_in_their_order(self) -> None:
        events: list[Event] = [
            opened(1, 0),
            beat(1, 10, (50_000, 60_000)),
            opened(2, 20),
            beat(2, 30, (0, 10_000)),
            opened(3, 40),
        ]
        (last,) = [step for step in told(events) if step.kind is StepKind.TERMINATED and step.play == 2]
        assert last.played == ((50_000, 60_000), (0, 10_000))
        assert last.spent_ms == 20_000

    def test_a_session_whose_opening_was_deleted_is_left_out(self) -> None:
        assert told([beat(1, 10, (0, 10_000))]) == []


class TestCompletion:
    def test_a_film_is_completed_once_by_the_beat_that_reaches_the_threshold(self) -> None:
        events: list[Event] = [
            opened(1, 0),
            beat(1, 89, (0, 89_999), covered_ms=89_999),
            beat(1, 91, (89_999, 91_000), covered_ms=91_000),
            beat(1, 95, (91_000, 95_000), covered_ms=95_000),
        ]
        (completed,) = [step for step in told(events) if step.kind is StepKind.COMPLETED]
        assert (completed.at, completed.covered_ms, completed.number) == (at(91), 91_000, 0)

    def test_film_that_counts_later_completes_it_when_it_is_posted_or_released(self) -> None:
        watched: list[Event] = [
            opened(1, 0),
            beat(1, 95, (0, 95_000), covered_ms=50_000),
            Posted(at(100), 1, 1, 50_000),
        ]
        assert StepKind.COMPLETED not in {step.kind for step in told(watched)}
        for event in (
            Posted(at(200), 1, 2, 40_000),
            Released(at(200), ENROLMENT, VIDEO, ((50_000, 90_000),), 5, 2),
        ):
            assert told([*watched, event])[-1].kind is StepKind.COMPLETED
        for elsewhere in (
            Posted(at(200), 9, 2, 40_000),
            Delivered(at(200), 1, ((0, 1_000),)),
            Released(at(200), ENROLMENT, OTHER_VIDEO, ((50_000, 90_000),), 5, 2),
        ):
            assert told([*watched, elsewhere]) == told(watched)

    def test_it_takes_no_number_of_its_session_s_steps(self) -> None:
        steps = told([opened(1, 0), beat(1, 95, (0, 95_000), covered_ms=95_000), opened(2, 200)])
        numbers = [step.number for step in steps if step.play == 1 and step.kind is not StepKind.COMPLETED]
        assert numbers == [0, 1, 2, 3]


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Any log of somebody at two films, as messages may come."""
    events: list[Event] = []
    seconds, play, covered_ms = 0.0, 0, 0
    for _ in range(draw(st.integers(1, 25))):
        seconds += draw(st.floats(0, 60))
        kind = draw(st.sampled_from(("open", "beat", "beat", "beat", "post")))
        if kind == "open" or play == 0:
            play += 1
            events.append(opened(play, seconds, draw(st.sampled_from((VIDEO, OTHER_VIDEO)))))
        elif kind == "beat":
            covered_ms = min(FILM_MS, covered_ms + draw(st.integers(0, 30_000)))
            ends = st.tuples(st.integers(0, 120_000), st.integers(0, 120_000), st.sampled_from((500, 1000, 2000)))
            claims = draw(st.lists(ends, max_size=3))
            events.append(beat(draw(st.integers(1, play)), seconds, *claims, covered_ms=covered_ms))
        else:
            events.append(Posted(at(seconds), draw(st.integers(1, play)), 1, draw(st.integers(-9_000, 50_000))))
    return events


@given(logs())
def test_a_longer_log_only_adds_steps(log: list[Event]) -> None:
    whole = told(log)
    for length in range(len(log)):
        part = told(log[:length])
        assert part == whole[: len(part)]


@given(logs())
def test_steps_are_what_the_video_profile_asks_for(log: list[Event]) -> None:
    steps = told(log)
    for play in {step.play for step in steps}:
        mine = [step for step in steps if step.play == play and step.kind is not StepKind.COMPLETED]
        kinds = [step.kind for step in mine]
        assert [step.number for step in mine] == list(range(len(mine)))
        assert kinds.count(StepKind.INITIALIZED) == 1
        assert kinds[0] is StepKind.INITIALIZED
        assert kinds.count(StepKind.TERMINATED) <= 1
        if StepKind.TERMINATED in kinds:
            assert kinds[-1] is StepKind.TERMINATED
            assert kinds[-2] in (StepKind.PAUSED, StepKind.INITIALIZED)
        assert all(earlier.at <= later.at for earlier, later in pairwise(mine))
        # Every end of a segment is a time that some statement said (2.5.4.5).
        said = {step.position_ms for step in mine} | {step.from_ms for step in mine}
        if StepKind.TERMINATED in kinds:
            others = {edge for step in steps if step.play < play for segment in step.played for edge in segment}
            assert all(edge in said | others for segment in mine[-1].played for edge in segment)
