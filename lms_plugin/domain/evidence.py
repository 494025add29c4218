"""The evidence of watching: one log of events per person, as compact bytes, tied together by a hash.

Every message of a player, every answer, posting and decision is one event; replayed in order they give the person's
coverage and ledger again (replay.py). A log is kept in chunks. Numbers in an event are mostly differences to the
events before it in the same chunk, so that a usual beat takes about a dozen bytes and each chunk can be read alone.
After each event the head is SHA-256 over the head before it and the event's bytes.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.watching import Claim, Reason, Stretch

NO_HEAD = bytes(32)
"""The head of an empty log."""

CHUNK_BYTES = 1000
"""A chunk that has reached this is closed; a closed one is never written again."""

_CONTEXT = struct.Struct("<5q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REASONS = tuple(Reason)
_OPENED, _BEATEN, _ANSWERED, _SWEPT, _RULED, _POSTED, _DELIVERED, _RELEASED = range(8)
_KIND_BITS = 0x07
_SAME_PLAY, _NEXT_SEQ, _PLAIN, _GOES_ON = 0x08, 0x10, 0x20, 0x40


class Unreadable(ValueError):
    """Bytes that no log has."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a beat was answered. `check` is the number of a presence check put with it, else 0."""

    credited: Segments
    withheld: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    covered_ms: int
    lease_is_held: bool
    film_changed: bool
    check: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A playback session was opened; `play` numbers a person's sessions from 1. `opened_at` is when its lease began."""

    at: datetime
    play: int
    session_id: str
    enrolment_id: int
    video_id: int
    version: int
    max_rate_permille: int
    opened_at: datetime
    check: int


@dataclass(frozen=True, slots=True)
class Beaten:
    """A beat was taken. `delivered` was newly proven to have been served; `draw_ms` is 0 where none was used."""

    at: datetime
    play: int
    seq: int
    claims: tuple[Claim, ...]
    outcome: Outcome
    unanswered: bool = False
    draw_ms: int = 0
    delivered: Segments = NOTHING


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a presence check; `next_check` is the number of another try's, else 0."""

    at: datetime
    check: int
    choice: int
    is_right: bool
    draw_ms: int
    next_check: int


@dataclass(frozen=True, slots=True)
class Swept:
    """Nobody wrote, and a presence check's time was found to be up."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Ruled:
    """From here on a session is judged by another version of its programme."""

    at: datetime
    play: int
    version: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What was waiting went to the ledger: a session's credit, or (`amount_ms` below zero) what it takes back."""

    at: datetime
    play: int
    entry: int
    amount_ms: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Something was proven to have been served to a session, and what waited for it counts."""

    at: datetime
    play: int
    segments: Segments


@dataclass(frozen=True, slots=True)
class Released:
    """A person let missed stretches of a film count; `entry` is the ledger's."""

    at: datetime
    enrolment_id: int
    video_id: int
    segments: Segments
    decided_by_id: int
    entry: int


Event = Opened | Beaten | Answered | Swept | Ruled | Posted | Delivered | Released


def next_head(head: bytes, written: bytes) -> bytes:
    """The head after one event."""
    return hashlib.sha256(head + written).digest()


@dataclass(slots=True)
class Context:
    """What the differences of the next event in a chunk are reckoned from: the last instant, and the last beat."""

    at_us: int = 0
    play: int = 0
    seq: int = 0
    position_ms: int = 0
    rate_permille: int = 1000

    def pack(self) -> bytes:
        """The context as bytes, to be kept beside a chunk that is still written to."""
        return _CONTEXT.pack(self.at_us, self.play, self.seq, self.position_ms, self.rate_permille)

    @classmethod
    def unpack(cls, packed: bytes) -> "Context":
        """The context that `pack` wrote; of no bytes, the one at a chunk's start.

        Raises:
            Unreadable: the bytes are no context's.
        """
        if not packed:
            return cls()
        try:
            return cls(*_CONTEXT.unpack(packed))
        except struct.error as fault:
            raise Unreadable(str(fault)) from fault

    def turn_to(self, play: int) -> None:
        """The beat that follows is one of `play`; of another session's beats nothing is reckoned."""
        if play != self.play:
            self.play, self.seq, self.position_ms, self.rate_permille = play, 0, 0, 1000


def write(event: Event, context: Context) -> bytes:
    """One event as the bytes that follow in its chunk; `context` moves on with it."""
    out = bytearray()
    _write(event, context, out)
    prefix = bytearray()
    _put(len(out), prefix)
    return bytes(prefix + out)


def read(body: bytes, context: Context | None = None) -> Iterator[tuple[Event, bytes]]:
    """The events of one chunk in order, each with its bytes; `context` moves on with them.

    Raises:
        Unreadable: the bytes are no chunk's.
    """
    context = context or Context()
    position = 0
    while position < len(body):
        prefix = _Reader(body, position, len(body))
        length = prefix.number()
        end = prefix.position + length
        if end > len(body) or length == 0:
            raise Unreadable("an event is cut short")
        reader = _Reader(body, prefix.position, end)
        try:
            event = _read(reader, context)
        except UnicodeDecodeError as fault:
            raise Unreadable("a name that is no text") from fault
        if not reader.is_at_end:
            raise Unreadable("an event is followed by something else")
        yield event, body[position:end]
        position = end


def pack_stretches(stretches: tuple[Stretch, ...]) -> bytes:
    """Stretches with their reasons as compact bytes; none as no bytes."""
    out = bytearray()
    if stretches:
        _put_stretches(stretches, out)
    return bytes(out)


def unpack_stretches(packed: bytes) -> tuple[Stretch, ...]:
    """The stretches that `pack_stretches` wrote.

    Raises:
        Unreadable: the bytes are none of its.
    """
    return _Reader(packed, 0, len(packed)).stretches() if packed else ()


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(event: Event, context: Context, out: bytearray) -> None:
    if isinstance(event, Beaten):
        _write_beat(event, context, out)
        return
    kind = _KINDS[type(event)]
    out.append(kind)
    _put_instant(event.at, context, out)
    if isinstance(event, Opened):
        for number in (event.play, event.enrolment_id, event.video_id, event.version, event.max_rate_permille):
            _put(number, out)
        _put(_zigzag(_micros(event.opened_at) - context.at_us), out)
        _put(event.check, out)
        name = event.session_id.encode()
        _put(len(name), out)
        out += name
        context.turn_to(event.play)
    elif isinstance(event, Answered):
        for number in (event.check, _zigzag(event.choice), int(event.is_right), event.draw_ms, event.next_check):
            _put(number, out)
    elif isinstance(event, Ruled):
        _put(event.play, out)
        _put(event.version, out)
    elif isinstance(event, Posted):
        _put(event.play, out)
        _put(event.entry, out)
        _put(_zigzag(event.amount_ms), out)
    elif isinstance(event, Delivered):
        _put(event.play, out)
        _put_segments(event.segments, out)
    elif isinstance(event, Released):
        for number in (event.enrolment_id, event.video_id, event.decided_by_id, event.entry):
            _put(number, out)
        _put_segments(event.segments, out)


def _write_beat(event: Beaten, context: Context, out: bytearray) -> None:
    play, claims, outcome = event.play, event.claims, event.outcome
    flags = _BEATEN
    if play == context.play:
        flags |= _SAME_PLAY
    context.turn_to(play)
    if event.seq == context.seq + 1:
        flags |= _NEXT_SEQ
    if _is_plain(event):
        flags |= _PLAIN
    position, rate = context.position_ms, context.rate_permille
    if len(claims) == 1 and claims[0] == Claim(position, claims[0].to_ms, rate) and claims[0].is_sound:
        flags |= _GOES_ON
    out.append(flags)
    _put_instant(event.at, context, out)
    if not flags & _SAME_PLAY:
        _put(play, out)
    if not flags & _NEXT_SEQ:
        _put(_zigzag(event.seq - context.seq), out)
    if flags & _GOES_ON:
        _put(claims[0].to_ms - claims[0].from_ms, out)
        position = claims[0].to_ms
    else:
        _put(len(claims), out)
        for claim in claims:
            _put(_zigzag(claim.from_ms - position), out)
            _put(_zigzag(claim.to_ms - claim.from_ms), out)
            _put(_zigzag(claim.rate_permille) << 1 | claim.well_formed, out)
            position, rate = claim.to_ms, claim.rate_permille
    _put(outcome.covered_ms, out)
    if not flags & _PLAIN:
        _put(int(outcome.lease_is_held) | outcome.film_changed << 1 | event.unanswered << 2, out)
        _put(outcome.check, out)
        _put(event.draw_ms, out)
        _put_segments(outcome.credited, out)
        _put_stretches(outcome.withheld, out)
        _put_stretches(outcome.held, out)
        _put_segments(event.delivered, out)
    context.seq, context.position_ms, context.rate_permille = event.seq, position, rate


def _is_plain(event: Beaten) -> bool:
    outcome = event.outcome
    return (
        outcome.lease_is_held
        and not (outcome.withheld or outcome.held or outcome.film_changed or outcome.check)
        and not (event.unanswered or event.draw_ms or event.delivered)
        and outcome.credited == _claimed(event.claims)
    )


def _claimed(claims: tuple[Claim, ...]) -> Segments:
    return intervals.merge((claim.from_ms, claim.to_ms) for claim in claims)


def _put(number: int, out: bytearray) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _put_instant(instant: datetime, context: Context, out: bytearray) -> None:
    at_us = _micros(instant)
    _put(_zigzag(at_us - context.at_us), out)
    context.at_us = at_us


def _put_segments(segments: Segments, out: bytearray) -> None:
    packed = intervals.pack(segments)
    _put(len(packed), out)
    out += packed


def _put_stretches(stretches: tuple[Stretch, ...], out: bytearray) -> None:
    _put(len(stretches), out)
    for one in stretches:
        _put(_zigzag(one.from_ms), out)
        _put(_zigzag(one.to_ms - one.from_ms), out)
        _put(_REASONS.index(one.reason), out)


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, body: bytes, position: int, end: int) -> None:
        self._body, self.position, self._end = body, position, end

    def number(self) -> int:
        value = shift = 0
        while True:
            if self.position >= self._end:
                raise Unreadable("an event is cut short")
            byte = self._body[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        value = self.number()
        return value >> 1 if not value & 1 else -(value + 1 >> 1)

    def bytes(self) -> bytes:
        length = self.number()
        found = self._body[self.position : self.position + length]
        self.position += length
        if len(found) != length or self.position > self._end:
            raise Unreadable("an event is cut short")
        return found

    def segments(self) -> Segments:
        try:
            return intervals.unpack(self.bytes())
        except ValueError as fault:
            raise Unreadable(str(fault)) from fault

    def stretches(self) -> tuple[Stretch, ...]:
        found = []
        for _ in range(self.number()):
            start, extent, reason = self.signed(), self.signed(), self.number()
            if reason >= len(_REASONS):
                raise Unreadable("an unknown reason")
            found.append(Stretch(start, start + extent, _REASONS[reason]))
        return tuple(found)

    def instant(self, context: Context) -> datetime:
        context.at_us += self.signed()
        return _instant(context.at_us)

    @property
    def is_at_end(self) -> bool:
        return self.position == self._end


def _instant(micros: int) -> datetime:
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError as fault:
        raise Unreadable("an instant beyond all time") from fault


def _read(reader: _Reader, context: Context) -> Event:
    flags = reader.number()
    kind = flags & _KIND_BITS
    at = reader.instant(context)
    if kind == _BEATEN:
        return _read_beat(reader, context, flags, at)
    if kind == _OPENED:
        play, enrolment_id, video_id, version, rate = (reader.number() for _ in range(5))
        opened_at = _instant(context.at_us + reader.signed())
        check = reader.number()
        context.turn_to(play)
        name = reader.bytes().decode()
        return Opened(at, play, name, enrolment_id, video_id, version, rate, opened_at, check)
    if kind == _ANSWERED:
        check, choice = reader.number(), reader.signed()
        return Answered(at, check, choice, bool(reader.number()), reader.number(), reader.number())
    if kind == _SWEPT:
        return Swept(at)
    if kind == _RULED:
        return Ruled(at, reader.number(), reader.number())
    if kind == _POSTED:
        return Posted(at, reader.number(), reader.number(), reader.signed())
    if kind == _DELIVERED:
        return Delivered(at, reader.number(), reader.segments())
    enrolment_id, video_id, decided_by_id, entry = (reader.number() for _ in range(4))
    return Released(at, enrolment_id, video_id, reader.segments(), decided_by_id, entry)


def _read_beat(reader: _Reader, context: Context, flags: int, at: datetime) -> Beaten:
    play = context.play if flags & _SAME_PLAY else reader.number()
    context.turn_to(play)
    seq = context.seq + (1 if flags & _NEXT_SEQ else reader.signed())
    position, rate = context.position_ms, context.rate_permille
    claims: list[Claim] = []
    if flags & _GOES_ON:
        claims.append(Claim(position, position + reader.number(), rate))
        position = claims[0].to_ms
    else:
        for _ in range(reader.number()):
            start = position + reader.signed()
            position = start + reader.signed()
            packed = reader.number()
            rate_packed, well_formed = packed >> 1, bool(packed & 1)
            rate = rate_packed >> 1 if not rate_packed & 1 else -(rate_packed + 1 >> 1)
            claims.append(Claim(start, position, rate, well_formed))
    covered_ms = reader.number()
    context.seq, context.position_ms, context.rate_permille = seq, position, rate
    if flags & _PLAIN:
        outcome = Outcome(_claimed(tuple(claims)), (), (), covered_ms, True, False, 0)
        return Beaten(at, play, seq, tuple(claims), outcome)
    bits, check, draw_ms = reader.number(), reader.number(), reader.number()
    outcome = Outcome(
        credited=reader.segments(),
        withheld=reader.stretches(),
        held=reader.stretches(),
        covered_ms=covered_ms,
        lease_is_held=bool(bits & 1),
        film_changed=bool(bits & 2),
        check=check,
    )
    return Beaten(at, play, seq, tuple(claims), outcome, bool(bits & 4), draw_ms, reader.segments())


_KINDS: dict[type, int] = {
    Opened: _OPENED,
    Answered: _ANSWERED,
    Swept: _SWEPT,
    Ruled: _RULED,
    Posted: _POSTED,
    Delivered: _DELIVERED,
    Released: _RELEASED,
}
