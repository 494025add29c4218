"""What the player knows of a film's coverage, by itself: no film, no service."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.player.viewer import Viewer

COVERAGE = """async () => {
  const { Coverage } = await import("/static/player/coverage.js");
  const coverage = new Coverage(100);
  const known = () => ({ counted: coverage.counted, held: coverage.held, withheld: coverage.withheld });
  const stretch = (from, to, reason) => ({ from, to, reason });
  SCRIPT
}"""

Run = Callable[[str], Any]


@pytest.fixture
def run(viewer: Viewer) -> Run:
    """Run a script with a coverage of a film of 100 s at hand."""
    viewer.page.goto(f"{viewer.address}/blank")
    return lambda script: viewer.page.evaluate(COVERAGE.replace("SCRIPT", script))


def stretch(start: float, end: float, reason: str) -> dict[str, Any]:
    return {"from": start, "to": end, "reason": reason}


def test_the_next_gap_is_the_next_one_besides_the_one_being_watched(run: Run) -> None:
    gaps = run("""
        coverage.replace({ covered: [[0, 10], [20, 30]] });
        return [5, 15, 25, 35].map((position) => coverage.nextGap(position));
    """)
    assert gaps == [[10, 20], [30, 100], [30, 100], [10, 20]]


def test_no_gap_beyond_the_limit_is_offered(run: Run) -> None:
    gaps = run("""
        coverage.replace({ covered: [[0, 10], [20, 30]] });
        return [5, 15].map((position) => coverage.nextGap(position, 10));
    """)
    assert gaps == [[10, 20], [10, 20]]


def test_what_counts_later_is_neither_held_nor_withheld_any_more(run: Run) -> None:
    before, after = run("""
        coverage.add({
          credited: [[0, 10]], held: [[10, 15]], held_reasons: [stretch(10, 15, "not_delivered")],
          withheld: [stretch(15, 25, "too_fast")], covered_seconds: 10,
        });
        const first = known();
        coverage.add({ credited: [[12, 22]], covered_seconds: 20 });
        return [first, known()];
    """)
    assert before["held"] == [stretch(10, 15, "not_delivered")]
    assert before["withheld"] == [stretch(15, 25, "too_fast")]
    assert after == {
        "counted": [[0, 10], [12, 22]],
        "held": [stretch(10, 12, "not_delivered")],
        "withheld": [stretch(22, 25, "too_fast")],
    }


def test_held_without_a_reason_is_held_all_the_same(run: Run) -> None:
    assert run("coverage.add({ held: [[10, 20]] }); return known().held;") == [stretch(10, 20, "unknown")]


def test_what_is_held_is_not_withheld_too_and_the_latest_reason_holds(run: Run) -> None:
    known = run("""
        coverage.add({ withheld: [stretch(0, 30, "too_fast")] });
        coverage.add({ withheld: [stretch(20, 40, "daily_limit")], held_reasons: [stretch(0, 10, "skipped_ahead")] });
        coverage.add({ held_reasons: [stretch(5, 10, "presence_unanswered")] });
        return known();
    """)
    assert known["held"] == [stretch(0, 5, "skipped_ahead"), stretch(5, 10, "presence_unanswered")]
    assert known["withheld"] == [stretch(10, 20, "too_fast"), stretch(20, 40, "daily_limit")]


def test_the_whole_state_replaces_what_was_known(run: Run) -> None:
    known, seconds = run("""
        coverage.add({ credited: [[0, 50]], withheld: [stretch(60, 70, "too_fast")], covered_seconds: 50 });
        coverage.replace({ covered: [[0, 30]], covered_seconds: 30, held: [stretch(30, 120, "presence_unanswered")] });
        return [known(), coverage.countedSeconds];
    """)
    assert known == {"counted": [[0, 30]], "held": [stretch(30, 100, "presence_unanswered")], "withheld": []}
    assert seconds == 30


@pytest.mark.parametrize(
    ("covered", "held", "played", "frontier"),
    [
        ([],                     [],         [],                 0),
        ([[0, 10]],              [],         [],                10),
        ([[10, 20]],             [],         [],                 0),
        ([[0, 10], [20, 30]],    [],         [],                10),
        ([[0, 10], [20, 30]],    [[10, 20]], [],                30),
        ([[0, 10], [10.04, 30]], [],         [],                30),
        ([[0, 10]],              [],         [[10, 14]],        14),
        ([[0, 10]],              [],         [[12, 14]],        10),
        ([[0, 90]],              [],         [[90, 120]],      100),
    ],
)  # fmt: skip
def test_the_frontier_is_the_end_of_what_is_seen_from_the_start(
    run: Run, covered: list[Any], held: list[Any], played: list[Any], frontier: float
) -> None:
    script = f"""
        coverage.replace({{ covered: {covered}, held: {held}.map(([from, to]) => stretch(from, to, "x")) }});
        return coverage.frontier({played});
    """
    assert run(script) == frontier


def test_what_needs_a_word_is_gathered_by_state_and_reason(run: Run) -> None:
    explained = run("""
        const withheld = [stretch(0, 1, "too_fast"), stretch(5, 6, "daily_limit"), stretch(1, 2, "too_fast")];
        coverage.replace({ withheld, held: [stretch(8, 9, "too_fast")] });
        return coverage.explained;
    """)
    assert explained == [
        {"state": "withheld", "reason": "too_fast", "spans": [[0, 2]]},
        {"state": "withheld", "reason": "daily_limit", "spans": [[5, 6]]},
        {"state": "held", "reason": "too_fast", "spans": [[8, 9]]},
    ]
