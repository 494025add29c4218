"""Half-open segments [from, to) of media time in whole milliseconds, and sets of them.

A set is a tuple of (from_ms, to_ms) pairs: sorted, disjoint, not touching, none empty. Every function that
returns a set returns it in that form, so that equal sets compare equal.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import itemgetter

Segment = tuple[int, int]
Segments = tuple[Segment, ...]

NOTHING: Segments = ()

_start_of, _end_of = itemgetter(0), itemgetter(1)


def merge(segments: Iterable[Segment]) -> Segments:
    """The union of any segments, in any order; empty and reversed ones are left out."""
    merged: list[Segment] = []
    for start, end in sorted(segment for segment in segments if segment[0] < segment[1]):
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def union(segments: Segments, other: Segments) -> Segments:
    """The union of two sets; quick where one of them is small and the other is long."""
    if not other:
        return segments
    if not segments:
        return other
    if len(other) > len(segments):
        segments, other = other, segments
    for start, end in other:
        first = bisect_left(segments, start, key=_end_of)
        last = bisect_right(segments, end, lo=first, key=_start_of)
        if first < last:
            start, end = min(start, segments[first][0]), max(end, segments[last - 1][1])
        segments = (*segments[:first], (start, end), *segments[last:])
    return segments


def length(segments: Segments) -> int:
    """Milliseconds in a set."""
    return sum(end - start for start, end in segments)


def clip(segment: Segment, lower: int, upper: int) -> Segments:
    """The part of one segment inside [lower, upper)."""
    start, end = max(segment[0], lower), min(segment[1], upper)
    return ((start, end),) if start < end else NOTHING


def subtract(segments: Segments, taken: Segments) -> Segments:
    """What of `segments` is not in `taken`."""
    if not taken:
        return segments
    left: list[Segment] = []
    index = 0
    for start, end in segments:
        position = start
        index = bisect_right(taken, position, lo=index, key=_end_of)
        look = index
        while look < len(taken) and taken[look][0] < end:
            if taken[look][0] > position:
                left.append((position, taken[look][0]))
            position = max(position, taken[look][1])
            look += 1
        if position < end:
            left.append((position, end))
    return tuple(left)


def intersect(segments: Segments, other: Segments) -> Segments:
    """What is in both sets."""
    if not other:
        return NOTHING
    return subtract(segments, subtract(segments, other))


def split_after(segments: Segments, budget_ms: int) -> tuple[Segments, Segments]:
    """The first `budget_ms` milliseconds of a set from its start, and the rest."""
    first: list[Segment] = []
    rest: list[Segment] = []
    left = max(0, budget_ms)
    for start, end in segments:
        cut = min(end, start + left)
        if start < cut:
            first.append((start, cut))
        if cut < end:
            rest.append((cut, end))
        left -= cut - start
    return tuple(first), tuple(rest)


def pack(segments: Segments) -> bytes:
    """A set as compact bytes: the gaps and lengths, alternating, as LEB128 variable-length integers."""
    if not segments:
        return b""
    packed = bytearray()
    position = 0
    for start, end in segments:
        for number in (start - position, end - start):
            value = number
            while value > 0x7F:
                packed.append(value & 0x7F | 0x80)
                value >>= 7
            packed.append(value)
        position = end
    return bytes(packed)


def unpack(packed: bytes) -> Segments:
    """The set that `pack` wrote.

    Raises:
        ValueError: the bytes are cut short, so that they cannot come from `pack`.
    """
    numbers: list[int] = []
    value = shift = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            numbers.append(value)
            value = shift = 0
    if shift or len(numbers) % 2:
        raise ValueError("packed segments are cut short")
    segments: list[Segment] = []
    position = 0
    for gap, extent in zip(numbers[::2], numbers[1::2], strict=True):
        start = position + gap
        position = start + extent
        segments.append((start, position))
    return tuple(segments)
