"""Segments against the plainest model there is: a set of milliseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segment, Segments

any_segments = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)
sets = any_segments.map(intervals.merge)


def milliseconds(segments: list[Segment] | Segments) -> set[int]:
    return {moment for start, end in segments for moment in range(start, end)}


def is_normal(segments: Segments) -> bool:
    edges = [edge for segment in segments for edge in segment]
    return edges == sorted(set(edges))


MERGED = [
    ([],                                    ()),
    ([(0, 5)],                              ((0, 5),)),
    ([(5, 9), (0, 5)],                      ((0, 9),)),
    ([(0, 5), (6, 9)],                      ((0, 5), (6, 9))),
    ([(0, 9), (2, 4)],                      ((0, 9),)),
    ([(0, 4), (2, 9)],                      ((0, 9),)),
    ([(3, 3), (7, 2)],                      ()),
    ([(0, 5), (0, 5), (0, 5)],              ((0, 5),)),
    ([(90, 95), (10, 20), (15, 90)],        ((10, 95),)),
]  # fmt: skip


@pytest.mark.parametrize(("segments", "merged"), MERGED)
def test_a_union_is_sorted_and_disjoint(segments: list[Segment], merged: Segments) -> None:
    assert intervals.merge(segments) == merged


@given(any_segments)
def test_merging_keeps_every_millisecond_and_adds_none(segments: list[Segment]) -> None:
    merged = intervals.merge(segments)
    assert milliseconds(merged) == milliseconds(segments)
    assert is_normal(merged)
    assert intervals.length(merged) == len(milliseconds(segments))


@given(sets, sets)
def test_what_is_left_and_what_is_common_are_those_of_sets(segments: Segments, other: Segments) -> None:
    left, common = intervals.subtract(segments, other), intervals.intersect(segments, other)
    assert milliseconds(left) == milliseconds(segments) - milliseconds(other)
    assert milliseconds(common) == milliseconds(segments) & milliseconds(other)
    assert is_normal(left)
    assert is_normal(common)


@given(sets, sets)
def test_a_union_of_two_sets_is_what_merging_them_gives(segments: Segments, other: Segments) -> None:
    assert intervals.union(segments, other) == intervals.merge(segments + other) == intervals.union(other, segments)


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), max_size=60).map(intervals.merge), sets)
def test_a_long_set_with_a_short_one_is_what_merging_them_gives(segments: Segments, other: Segments) -> None:
    assert intervals.union(segments, other) == intervals.merge(segments + other)


@given(st.tuples(st.integers(-5, 40), st.integers(-5, 40)), st.integers(-5, 40), st.integers(-5, 40))
def test_clipping_keeps_what_is_inside(segment: Segment, lower: int, upper: int) -> None:
    inside = intervals.clip(segment, lower, upper)
    assert milliseconds(inside) == milliseconds([segment]) & set(range(lower, upper))


@given(sets, st.integers(-3, 45))
def test_splitting_takes_from_the_start(segments: Segments, budget_ms: int) -> None:
    first, rest = intervals.split_after(segments, budget_ms)
    in_order = sorted(milliseconds(segments))
    assert sorted(milliseconds(first)) == in_order[: max(0, budget_ms)]
    assert sorted(milliseconds(rest)) == in_order[max(0, budget_ms) :]
    assert is_normal(first)
    assert is_normal(rest)


PACKED = [
    ((),                            ""),
    (((0, 0x7F),),                  "007f"),
    (((1, 0x81),),                  "018001"),
    (((0, 20 * 60_000),),           "00809f49"),
    (((5, 6), (10, 12)),            "05010402"),
]  # fmt: skip


@pytest.mark.parametrize(("segments", "in_hex"), PACKED)
def test_a_set_is_kept_in_few_bytes(segments: Segments, in_hex: str) -> None:
    assert intervals.pack(segments).hex() == in_hex
    assert intervals.unpack(bytes.fromhex(in_hex)) == segments


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), max_size=20).map(intervals.merge))
def test_what_is_packed_comes_back(segments: Segments) -> None:
    assert intervals.unpack(intervals.pack(segments)) == segments


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1).map(intervals.merge), st.data())
def test_bytes_that_were_cut_short_are_refused_or_are_a_shorter_set(segments: Segments, data: st.DataObject) -> None:
    packed = intervals.pack(segments)
    kept = data.draw(st.integers(0, max(0, len(packed) - 1)))
    whole = [number for number in range(len(segments)) if len(intervals.pack(segments[:number])) == kept]
    if whole:
        assert intervals.unpack(packed[:kept]) == segments[: whole[0]]
    elif kept:
        with pytest.raises(ValueError, match="cut short"):
            intervals.unpack(packed[:kept])


@pytest.mark.parametrize("in_hex", ["00", "80", "0080", "018001ff"])
def test_half_a_segment_is_no_set(in_hex: str) -> None:
    with pytest.raises(ValueError, match="cut short"):
        intervals.unpack(bytes.fromhex(in_hex))
