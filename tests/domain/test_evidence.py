"""The evidence in bytes: what is written comes back, what was touched shows, and an honest hour takes little."""

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.evidence import (
    NO_HEAD,
    Answered,
    Beaten,
    Context,
    Delivered,
    Event,
    Opened,
    Outcome,
    Posted,
    Released,
    Ruled,
    Swept,
    Unreadable,
)
from lms_plugin.domain.intervals import NOTHING
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Reason, Stretch, Terms
from tests.domain.in_memory_desk import InMemoryDesk

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LARGE = 2**53

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

instants = st.integers(0, 8000 * 365 * 24 * 3600 * 10**6).map(lambda micros: EPOCH + timedelta(microseconds=micros))
numbers = st.one_of(st.integers(0, 300), st.integers(0, LARGE))
any_numbers = st.one_of(st.integers(-300, 300), st.integers(-LARGE, LARGE))
places = st.one_of(st.integers(0, 100), st.integers(0, LARGE))
segments = st.lists(st.tuples(places, places), max_size=4).map(intervals.merge)
stretches = st.lists(st.builds(Stretch, any_numbers, any_numbers, st.sampled_from(Reason)), max_size=3).map(tuple)
claims = st.builds(Claim, any_numbers, any_numbers, any_numbers, st.booleans())
outcomes = st.builds(Outcome, segments, stretches, stretches, numbers, st.booleans(), st.booleans(), numbers)
beats = st.builds(
    Beaten,
    instants,
    numbers,
    numbers,
    st.lists(claims, max_size=3).map(tuple),
    outcomes,
    st.booleans(),
    numbers,
    segments,
)


@st.composite
def plain_beats(draw: st.DrawFn) -> Beaten:
    """Beats as an honest player sends them, most of which go on where the one before stopped."""
    start, length = draw(st.sampled_from([0, 30_000, 60_000])), draw(st.integers(1, 60_000))
    claim = Claim(start, start + length, draw(st.sampled_from([1000, 1000, 1500])))
    outcome = Outcome(((start, start + length),), (), (), draw(numbers), True, False, 0)
    return Beaten(AT, draw(st.integers(1, 3)), draw(st.integers(1, 4)), (claim,), outcome)


events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Opened, instants, numbers, st.text(max_size=12), numbers, numbers, numbers, numbers, instants, numbers),
    beats,
    beats,
    plain_beats(),
    plain_beats(),
    st.builds(Answered, instants, numbers, any_numbers, st.booleans(), numbers, numbers),
    st.builds(Swept, instants),
    st.builds(Ruled, instants, numbers, numbers),
    st.builds(Posted, instants, numbers, numbers, any_numbers),
    st.builds(Delivered, instants, numbers, segments),
    st.builds(Released, instants, numbers, numbers, segments, numbers, numbers),
)
logs = st.lists(events, max_size=8)


def written(log: list[Event]) -> tuple[list[bytes], Context]:
    context = Context()
    return [evidence.write(event, context) for event in log], context


@pytest.mark.long
@settings(max_examples=500)
@given(logs)
def test_whatever_is_written_comes_back_event_by_event(log: list[Event]) -> None:
    parts, context = written(log)
    again = Context()
    assert list(evidence.read(b"".join(parts), again)) == list(zip(log, parts, strict=True))
    assert again == context


@pytest.mark.long
@settings(max_examples=300)
@given(logs, logs)
def test_a_chunk_can_be_read_alone_and_be_written_on_after_a_restart(first: list[Event], second: list[Event]) -> None:
    parts, context = written(first)
    kept = context.pack()
    restarted = Context.unpack(kept)
    assert restarted == context
    more = [evidence.write(event, restarted) for event in second]
    assert [event for event, _ in evidence.read(b"".join(parts + more))] == first + second
    assert [event for event, _ in evidence.read(b"".join(more), Context.unpack(kept))] == second


def test_no_bytes_are_the_context_at_a_chunks_beginning() -> None:
    assert Context.unpack(b"") == Context()
    assert len(Context().pack()) == 40


@pytest.mark.parametrize("packed", [b"\0", b"\0" * 39, b"\0" * 41])
def test_other_bytes_are_no_context(packed: bytes) -> None:
    with pytest.raises(Unreadable):
        Context.unpack(packed)


@pytest.mark.long
@settings(max_examples=500)
@given(logs.filter(bool), st.data())
def test_bytes_that_were_cut_are_refused_or_are_fewer_events(log: list[Event], data: st.DataObject) -> None:
    parts, _ = written(log)
    body = b"".join(parts)
    kept = data.draw(st.integers(0, len(body) - 1))
    ends = [sum(map(len, parts[:number])) for number in range(len(parts))]
    if kept in ends:
        assert [event for event, _ in evidence.read(body[:kept])] == log[: ends.index(kept)]
        assert head_of(body[:kept]) != head_of(body)
    else:
        with pytest.raises(Unreadable):
            list(evidence.read(body[:kept]))


@pytest.mark.long
@settings(max_examples=1000)
@given(logs.filter(bool), st.data())
def test_one_flipped_bit_is_refused_or_gives_another_head(log: list[Event], data: st.DataObject) -> None:
    parts, _ = written(log)
    body = bytearray(b"".join(parts))
    place = data.draw(st.integers(0, len(body) * 8 - 1))
    body[place // 8] ^= 1 << place % 8
    try:
        head = head_of(bytes(body))
    except Unreadable:
        return
    assert head != head_of(b"".join(parts))


@settings(max_examples=1000)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        found = list(evidence.read(body))
    except Unreadable:
        return
    assert b"".join(part for _, part in found) == body


@given(st.binary(max_size=30))
def test_any_bytes_are_stretches_or_refused_and_nothing_else(packed: bytes) -> None:
    try:
        evidence.unpack_stretches(packed)
    except Unreadable:
        return


@given(stretches)
def test_stretches_come_back_with_their_reasons(some: tuple[Stretch, ...]) -> None:
    packed = evidence.pack_stretches(some)
    assert evidence.unpack_stretches(packed) == some
    assert bool(packed) is bool(some)


def event_of(*numbers: int) -> str:
    return bytes([len(numbers), *numbers]).hex()


BEYOND_ALL_TIME = (0xFF,) * 12 + (0x7F,)

# what is wrong with it, in words; the bytes
DAMAGED = [
    ("cut short",              "05"),
    ("cut short",              "00"),
    ("cut short",              "80"),
    ("cut short",              event_of(0x03)),
    ("followed by something",  event_of(0x03, 0x00, 0x00)),
    ("unknown reason",         event_of(0x01, 0, 2, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 99, 0, 0)),
    ("cut short",              event_of(0x06, 0, 1, 5, 0, 1)),
    ("packed segments",        event_of(0x06, 0, 1, 1, 0)),
    ("no text",                event_of(0x00, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0xFF)),
    ("cut short",              event_of(0x00, 0, 1, 1, 1, 1, 1, 0, 0, 9, 0x41)),
    ("beyond all time",        event_of(0x03, *BEYOND_ALL_TIME)),
    ("beyond all time",        event_of(0x00, 0, 1, 1, 1, 1, 1, *BEYOND_ALL_TIME, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "in_hex"), DAMAGED)
def test_damage_is_named(fault: str, in_hex: str) -> None:
    with pytest.raises(Unreadable, match=fault):
        list(evidence.read(bytes.fromhex(in_hex)))


def test_a_year_before_1970_can_be_written_too() -> None:
    early = Swept(datetime(1, 1, 1, tzinfo=UTC))
    assert next(evidence.read(evidence.write(early, Context())))[0] == early


def test_the_head_follows_from_every_event_and_their_order() -> None:
    first, second = evidence.write(Swept(AT), Context()), evidence.write(Ruled(AT, 1, 2), Context())
    heads = {head_of(first + second), head_of(second + first), head_of(first), head_of(second), NO_HEAD}
    assert len(heads) == 5


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_hour_takes_less_than_two_kilobytes(seed: int) -> None:
    line = random.Random(seed)
    window, rule = Window(date(2026, 11, 1), date(2026, 12, 16)), WatchingRule()
    desk = InMemoryDesk({1: 3_600_000}, {(1, 1): Terms(window, rule)})
    now, place = AT, 0
    session = desk.open(1, 1, now).id
    for seq in range(1, 121):
        # Half a minute as a player's timer and a line in the country have it, to the microsecond.
        now += timedelta(seconds=30, microseconds=line.randrange(400_000))
        length = 30_000 + line.randrange(-80, 80)
        outcome = desk.beat(session, seq, [Claim(place, min(place + length, 3_600_000))], now)
        assert outcome.withheld == ()
        place += length
    desk.post(now)
    assert desk.covered_ms > 3_590_000
    assert desk.log_bytes < 2_000
    desk.prove_by_replay()


def test_a_beat_that_goes_on_takes_a_dozen_bytes() -> None:
    context = Context()
    outcome = Outcome(((0, 30_000),), (), (), 30_000, True, False, 0)
    evidence.write(Opened(AT, 1, "a" * 32, 1, 1, 1, 1500, AT, 0), context)
    evidence.write(Beaten(AT + timedelta(seconds=30), 1, 1, (Claim(0, 30_000),), outcome), context)
    later = Outcome(((30_000, 60_000),), (), (), 60_000, True, False, 0)
    beat = Beaten(AT + timedelta(seconds=60), 1, 2, (Claim(30_000, 60_000),), later)
    assert len(evidence.write(beat, context)) <= 12


def test_a_log_is_kept_in_chunks_that_close_at_their_size() -> None:
    rule = WatchingRule(max_rate=Fraction(2))
    desk = InMemoryDesk({1: 10_000_000}, {(1, 1): Terms(Window(date(2026, 11, 1), date(2026, 12, 16)), rule)})
    session = desk.open(1, 1, AT).id
    for seq in range(1, 301):
        claim = Claim(seq * 30_000, seq * 30_000 + 30_000)
        assert desk.beat(session, seq, [claim], AT + timedelta(seconds=30 * seq)).credited != NOTHING
    assert len(desk.closed) >= 2
    assert all(evidence.CHUNK_BYTES <= len(body) < evidence.CHUNK_BYTES + 100 for body, _ in desk.closed)
    assert sum(1 for _ in desk.events()) == 301


def head_of(body: bytes) -> bytes:
    head = NO_HEAD
    for _, part in evidence.read(body):
        head = evidence.next_head(head, part)
    return head
