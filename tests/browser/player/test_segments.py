"""The gatherer of played stretches, in a browser because it is the browser's code; no film and no clock take part."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

Gather = Callable[..., list[list[list[float]]]]

MODULE = Path(__file__).resolve().parents[3] / "lms_plugin/web/static/player/segments.js"
LOAD = """async (source) => {
  globalThis.segments = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}"""
GATHER = """([duration, steps]) => {
  const { SegmentGatherer } = globalThis.segments;
  const gatherer = new SegmentGatherer(duration ?? undefined);
  const taken = [];
  for (const step of steps) {
    if (step === "take") taken.push(gatherer.take());
    else gatherer.observe(step);
  }
  return [...taken, gatherer.take()].map((list) => list.map(({ from, to, rate }) => [from, to, rate]));
}"""


def seen(at: float, position: float, *flags: str, rate: float = 1) -> dict[str, Any]:
    """One observation; flags are paused, seeking, ended, stalled, loop, reset and ours."""
    names = ("paused", "seeking", "ended", "stalled", "loop", "reset", "ours")
    return {"at": at, "position": position, "rate": rate} | {name: name in flags for name in names}


@pytest.fixture(scope="module")
def gather(browser: Browser) -> Iterator[Gather]:
    """gather(steps, duration) -> the segments of each "take" in the steps and of a last one."""
    page = browser.new_page()
    page.evaluate(LOAD, MODULE.read_text(encoding="utf-8"))
    yield lambda steps, duration=12.0: page.evaluate(GATHER, [duration, steps])
    page.close()


CASES = {
    "one stretch from play to pause": (
        [seen(0, 0), seen(0.25, 0.25), seen(4, 4), seen(5.5, 5.5, "paused")],
        [[0, 5.5, 1]],
    ),
    "nothing while it stands": (
        [seen(0, 3, "paused"), seen(5, 3, "paused"), seen(6, 3, "stalled"), seen(9, 3, "paused")],
        [],
    ),
    "inwards to the millisecond, so that nothing unplayed is claimed": (
        [seen(0, 1.00042), seen(1, 2.00078, "paused")],
        [[1.001, 2.0, 1]],
    ),
    "a float's last digit costs no millisecond": (
        [seen(0, 1.1), seen(1, 2.2, "paused"), seen(2, 3.3, "seeking"), seen(2.1, 3.3), seen(3.2, 4.4, "paused")],
        [[1.1, 2.2, 1], [3.3, 4.4, 1]],
    ),
    "a seek ends the stretch where it was last seen, not where it went": (
        [seen(0, 0), seen(1, 1), seen(2, 2), seen(2.02, 9, "seeking"), seen(2.1, 9), seen(3.1, 10, "paused")],
        [[0, 2, 1], [9, 10, 1]],
    ),
    "a seek seen first as a jump ends it just the same": (
        [seen(0, 0), seen(2, 2), seen(2.02, 9), seen(2.03, 9.01, "seeking"), seen(3.03, 10, "paused")],
        [[0, 2, 1]],
    ),
    "a seek back": (
        [seen(0, 6), seen(2, 8), seen(2.1, 3, "seeking"), seen(2.2, 3), seen(3.2, 4, "paused")],
        [[6, 8, 1], [3, 4, 1]],
    ),
    "dragging the slider over the film claims nothing": (
        [seen(0, 1), seen(1, 2), *[seen(1 + n / 10, 2 + n, "seeking") for n in range(1, 9)], seen(2, 10, "paused")],
        [[1, 2, 1]],
    ),
    "a seek while it stands, then play": (
        [
            seen(0, 2, "paused"),
            seen(1, 7, "paused", "seeking"),
            seen(1.2, 7, "paused"),
            seen(2, 7),
            seen(3, 8, "paused"),
        ],
        [[7, 8, 1]],
    ),
    "what was played between a seek's end and the first look after it is claimed": (
        [seen(0, 5, "seeking"), seen(0.3, 5.08), seen(1.3, 6.08, "paused")],
        [[5, 6.08, 1]],
    ),
    "a busy computer looks late at a film that has begun": (
        [seen(0, 0, "paused", "stalled"), seen(0.9, 0.8), seen(1.9, 1.8, "paused")],
        [[0, 1.8, 1]],
    ),
    "and late after a seek": (
        [seen(0, 5, "seeking"), seen(1.2, 6.1), seen(2.2, 7.1, "paused")],
        [[5, 7.1, 1]],
    ),
    "but no more than can have been played since the last look": (
        [seen(0, 5, "seeking"), seen(0.5, 6.1), seen(1.5, 7.1, "paused")],
        [[6.1, 7.1, 1]],
    ),
    "the browser goes to a first frame that begins a little after 0": (
        [seen(0, 0, "stalled"), seen(0.3, 0.09, "seeking"), seen(0.4, 0.09), seen(1.4, 1.09, "paused")],
        [[0, 1.09, 1]],
    ),
    "also where a busy computer has seen the film run at 0 before": (
        [seen(0, 0, "stalled"), seen(0.2, 0), seen(0.3, 0.124, "seeking"), seen(0.4, 0.13), seen(1.4, 1.13, "paused")],
        [[0, 1.13, 1]],
    ),
    "but not once something was played": (
        [seen(0, 0, "stalled"), seen(0.2, 0), seen(0.25, 0.05), seen(0.3, 0.2, "seeking"), seen(1.3, 1.2, "paused")],
        [[0, 0.05, 1]],
    ),
    "the viewer who goes there claims from there": (
        [seen(0, 0, "stalled"), seen(0.3, 0.09, "seeking", "ours"), seen(0.4, 0.09), seen(1.4, 1.09, "paused")],
        [[0.09, 1.09, 1]],
    ),
    "a film that has begun is not skipped into": (
        [seen(0, 0), seen(0.01, 0.01), seen(0.1, 0.24, "seeking"), seen(0.2, 0.24), seen(1, 1.04, "paused")],
        [[0, 0.01, 1], [0.24, 1.04, 1]],
    ),
    "sleep and wake: the clock has jumped, the playhead has not": (
        [seen(0, 0), seen(2, 2), seen(30_000, 2.04), seen(30_001, 3.04, "paused")],
        [[0, 3.04, 1]],
    ),
    "after waking, a jump is still a seek": (
        [seen(0, 0), seen(2, 2), seen(30_000, 2), seen(30_000.1, 9, "seeking"), seen(30_001.1, 10, "paused")],
        [[0, 2, 1]],
    ),
    "what was played before the first look at a film that stood is claimed": (
        [seen(0, 0, "paused", "stalled"), seen(0.9, 0.0043), seen(1.9, 1.0, "paused")],
        [[0, 1, 1]],
    ),
    "a stall ends the stretch, and it goes on without a hole": (
        [
            seen(0, 0),
            seen(3, 3),
            seen(3.2, 3.1006, "stalled"),
            seen(9, 3.1006, "stalled"),
            seen(9.1, 3.1106),
            seen(10, 4, "paused"),
        ],
        [[0, 3.1, 1], [3.1, 4, 1]],
    ),
    "after a stall the waiting time is no licence to jump": (
        [seen(0, 0), seen(1, 1, "stalled"), seen(9, 1, "stalled"), seen(9.1, 1), seen(9.2, 8)],
        [[0, 1, 1]],
    ),
    "pause and play leave no hole of a fraction of a millisecond": (
        [seen(0, 0), seen(2, 2.0004, "paused"), seen(30, 2.0004, "paused"), seen(31, 2.0004), seen(32, 3.0, "paused")],
        [[0, 2, 1], [2, 3, 1]],
    ),
    "a film that slows down plays on for a moment as fast as it was": (
        [seen(0, 0, rate=3), seen(2, 6, rate=3), seen(2.1, 6.3), seen(2.3, 6.9), seen(4, 8.6, "paused")],
        [[0, 6.3, 3], [6.3, 8.6, 1]],
    ),
    "but not for long": (
        [seen(0, 0, rate=3), seen(2, 6, rate=3), seen(2.1, 6.3), seen(2.5, 8.1, "paused")],
        [[0, 6.3, 3]],
    ),
    "a change of rate starts another stretch, without a hole": (
        [seen(0, 0), seen(2, 2), seen(2.1, 2.1203, rate=1.5), seen(4.1, 5.1203, "paused", rate=1.5)],
        [[0, 2.12, 1], [2.12, 5.12, 1.5]],
    ),
    "at 1.5 the playhead may run ahead of the clock by that much": (
        [seen(0, 0, rate=1.5), seen(2, 3, rate=1.5), seen(4, 6, "paused", rate=1.5)],
        [[0, 6, 1.5]],
    ),
    "the end of the film": (
        [seen(0, 10), seen(1.9, 11.9), seen(2, 12, "ended", "paused")],
        [[10, 12, 1]],
    ),
    "a film that ends a little before its measured duration is whole": (
        [seen(0, 10), seen(1.9, 11.9, "stalled"), seen(1.95, 11.93, "ended", "paused")],
        [[10, 12, 1]],
    ),
    "a film that ends long before its measured duration is not": (
        [seen(0, 10), seen(1, 11), seen(1.5, 11.5, "ended", "paused")],
        [[10, 11.5, 1]],
    ),
    "nothing beyond the measured duration": (
        [seen(0, 11), seen(1, 12), seen(1.2, 12.2, "ended", "paused")],
        [[11, 12, 1]],
    ),
    "a seek to the very end is not the end played": (
        [seen(0, 1), seen(1, 2), seen(1.1, 12, "seeking"), seen(1.2, 12, "ended", "paused")],
        [[1, 2, 1]],
    ),
    "a loop plays to the end and from the start": (
        [
            seen(0, 10, "loop"),
            seen(1.96, 11.96, "loop"),
            seen(2.02, 0, "loop", "seeking"),
            seen(2.1, 0.06, "loop"),
            seen(3.04, 1, "paused"),
        ],
        [[10, 12, 1], [0, 1, 1]],
    ),
    "a loop of which only the restart is seen": (
        [seen(0, 10, "loop"), seen(1.96, 11.96, "loop"), seen(2.02, 0.02, "loop"), seen(3, 1, "loop", "paused")],
        [[10, 12, 1], [0, 1, 1]],
    ),
    "a seek to the start of a looping film is a seek": (
        [
            seen(0, 5, "loop"),
            seen(2, 7, "loop"),
            seen(2.1, 0, "loop", "seeking"),
            seen(2.2, 0, "loop"),
            seen(3.2, 1, "paused"),
        ],
        [[5, 7, 1], [0, 1, 1]],
    ),
    "a hidden tab that is looked at once a minute loses nothing": (
        [seen(0, 0), seen(5, 5), seen(9.5, 9.5), seen(11.9, 11.9, "paused")],
        [[0, 11.9, 1]],
    ),
    "a hole of the buffer skipped without a seek is not claimed": (
        [seen(0, 0), seen(2, 2), seen(2.1, 3.4), seen(3.1, 4.4, "paused")],
        [[0, 2, 1], [3.4, 4.4, 1]],
    ),
    "clocks that disagree by a little do not break a stretch": (
        [seen(0, 0), seen(0.5, 0.62), seen(1, 1.1), seen(4, 4.2), seen(8, 8.3), seen(9, 9.1, "paused")],
        [[0, 9.1, 1]],
    ),
    "another source ends the stretch": (
        [seen(0, 5), seen(1, 6), seen(1.1, 0, "reset"), seen(1.2, 0, "paused")],
        [[5, 6, 1]],
    ),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES.keys())
def test_played_stretches(gather: Gather, steps: list[Any], expected: list[Any]) -> None:
    assert gather(steps) == [expected]


def test_taking_cuts_a_running_stretch_without_a_hole(gather: Gather) -> None:
    steps = [seen(0, 0), seen(1, 1.0007), "take", seen(2, 2.0), "take", "take", seen(3, 3.0, "paused")]
    assert gather(steps) == [[[0, 1, 1]], [[1, 2, 1]], [], [[2, 3, 1]]]


def test_a_peek_shows_what_taking_would_give_and_changes_nothing(browser: Browser) -> None:
    page = browser.new_page()
    page.evaluate(LOAD, MODULE.read_text(encoding="utf-8"))
    peek = """(steps) => {
      const gatherer = new globalThis.segments.SegmentGatherer(12);
      const all = steps.map((step) => { gatherer.observe(step); return gatherer.peek(); });
      return [all, gatherer.take()];
    }"""
    steps = [seen(0, 0, "paused"), seen(0, 0), seen(1, 1), seen(1.5, 5, "seeking"), seen(1.6, 5), seen(2.6, 6)]
    peeked, taken = page.evaluate(peek, steps)
    first, second = {"from": 0, "to": 1, "rate": 1}, {"from": 5, "to": 6, "rate": 1}
    assert peeked == [[], [], [first], [first], [first], [first, second]]
    assert taken == [first, second]
    page.close()


def test_without_a_known_duration_the_end_is_where_it_was_seen(gather: Gather) -> None:
    assert gather([seen(0, 3), seen(1, 4, "ended", "paused")], None) == [[[3, 4, 1]]]


moves = st.tuples(
    st.sampled_from(["play", "play", "play", "pause", "seek", "stall", "take"]),
    st.integers(min_value=1, max_value=3000),
    st.integers(min_value=0, max_value=59_000),
    st.sampled_from([0.75, 1, 1.5]),
)


def simulated(script: list[tuple[str, int, int, float]]) -> tuple[list[Any], list[tuple[float, float]]]:
    """Observations of a film of a minute under such a script, and the stretches it truly played."""
    at, position = 0.0, 0.0
    steps: list[Any] = [seen(0, 0, "paused")]
    played: list[tuple[float, float]] = []
    for move, milliseconds, target, rate in script:
        seconds = milliseconds / 1000
        if move == "play":
            steps.append(seen(at, position, rate=rate))
            end = min(position + seconds * rate, 60.0)
            played.append((position, end))
            at, position = at + (end - position) / rate, end
            steps.append(seen(at, position, rate=rate))
        elif move == "seek":
            # Ordered by the viewer: a browser that goes to the first frame by itself skips nothing.
            position = target / 1000
            steps += [seen(at, position, "seeking", "ours"), seen(at + 0.01, position, "paused")]
            at += 0.02
        elif move == "take":
            steps.append("take")
        else:
            steps.append(seen(at, position, "paused" if move == "pause" else "stalled"))
            at += seconds
            steps.append(seen(at, position, "paused"))
    return steps, played


def in_ms(stretches: Any, outwards: bool) -> set[int]:
    """The whole milliseconds in some stretches; outwards takes in those only begun."""
    found: set[int] = set()
    for start, end in stretches:
        first, last = start * 1000, end * 1000
        found |= (
            set(range(int(first + 1e-6), int(last + 0.999)))
            if outwards
            else set(range(int(first + 0.999), int(last + 1e-6)))
        )
    return found


@settings(max_examples=40, deadline=None)
@given(script=st.lists(moves, min_size=1, max_size=25))
@example(script=[("seek", 1, 1, 0.75), ("play", 1, 0, 0.75)])
def test_claims_what_was_played_to_the_millisecond(gather: Gather, script: list[tuple[str, int, int, float]]) -> None:
    steps, played = simulated(script)
    claimed = [(start, end) for taken in gather(steps, 60.0) for start, end, _ in taken]
    assert in_ms(claimed, outwards=False) <= in_ms(played, outwards=True)
    assert len(in_ms(played, outwards=False) - in_ms(claimed, outwards=True)) == 0
