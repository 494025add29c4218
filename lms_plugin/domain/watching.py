"""How watching becomes credit: coverage, the person's clock kept as leases, and a reason for whatever is not credited.

The rule has two clocks. A second of film counts once (coverage), and under one lease no more media time is
credited than `max_rate` times the lease's length in server time (budget). Nothing here reads a clock or
trusts one of the client's: its `rate` is kept as evidence and decides nothing.

`Film`, `Play` and `Presence` are the state of one person's watching; the functions below and in presence.py change
them in place and are all that does. Whoever feeds them the same events in the same order gets the same state again:
that is what an audit does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import Programme, WatchingRule, Window

RULE = "two-clocks/2"
"""Name and version of this rule; every credit entry that it causes carries it."""

MOST_WITHHELD = 200
"""Stretches of one film that are remembered as withheld; whoever has more is told of the latest."""

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Reason(StrEnum):
    """Why a stretch is withheld or held.

    Held, and coming back by itself: `presence_pending` (with the answer to the next presence check), `not_delivered`
    (with the proof), `skipped_ahead` (with what lies before it). Held until it is watched again or a tutor releases
    it: `presence_unanswered`. Withheld: the rest.
    """

    TOO_FAST = "too_fast"
    OUTSIDE_WINDOW = "outside_window"
    DAILY_LIMIT = "daily_limit"
    PRESENCE_UNANSWERED = "presence_unanswered"
    PRESENCE_PENDING = "presence_pending"
    NOT_DELIVERED = "not_delivered"
    SKIPPED_AHEAD = "skipped_ahead"
    BEYOND_THE_END = "beyond_the_end"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed segment [from_ms, to_ms) as the player sent it; `rate_permille` is evidence only.

    A claim that could not be read at all has from_ms = to_ms = 0 and `well_formed` False.
    """

    from_ms: int
    to_ms: int
    rate_permille: int = 1000
    well_formed: bool = True

    @property
    def is_sound(self) -> bool:
        return self.well_formed and 0 <= self.from_ms < self.to_ms

    @property
    def length_ms(self) -> int:
        return max(0, self.to_ms - self.from_ms)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of film that was not credited, and why."""

    from_ms: int
    to_ms: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one person to be watching, from `opened_at` to `ended_at` (None while it is held).

    `spent_ms` is the media time already charged to it, `last_contact_at` the last message the server had from
    its player, and `max_rate` the programme's at the time it was opened.
    """

    opened_at: datetime
    last_contact_at: datetime
    max_rate: Fraction
    spent_ms: int = 0
    ended_at: datetime | None = None


@dataclass(slots=True)
class Film:
    """One enrolment's standing in one video of `video_ms` milliseconds.

    `covered` is what counts. `missed` is held for want of a sign of presence. `withheld` says why something was not
    counted the last time it was claimed; a stretch that counts by now is in none of the others.
    """

    video_ms: int
    covered: Segments = NOTHING
    missed: Segments = NOTHING
    withheld: tuple[Stretch, ...] = ()


@dataclass(slots=True)
class Play:
    """One playback session: its lease, and what of its film is not settled yet.

    `waiting` was claimed within the budget and lacks its delivery proof or what lies before it; `pending` lacks the
    answer to a presence check; `unconfirmed` counts, and was played since the last sign of presence. `delivered` is
    what is proven to have been served to this session. `unposted` counts and is not in the ledger; `retracted` is in
    the ledger and counts no more.
    """

    lease: Lease
    unconfirmed: Segments = NOTHING
    pending: Segments = NOTHING
    waiting: Segments = NOTHING
    delivered: Segments = NOTHING
    unposted: Segments = NOTHING
    retracted: Segments = NOTHING

    @property
    def has_open_matters(self) -> bool:
        """Whether an answer to a presence check, or another sign, could still change its credit."""
        return bool(self.unconfirmed or self.pending or self.waiting)


@dataclass(slots=True)
class Presence:
    """One person's presence checks.

    `next_in_ms` is how much new film is left before one is due (None: not drawn yet). `is_blocked` says that the last
    one went unanswered: until one is answered nothing new counts. The open check has a number, an end and tries.
    """

    next_in_ms: int | None = None
    is_blocked: bool = False
    open_number: int | None = None
    answer_by: datetime | None = None
    tries_left: int = 0

    @property
    def is_due(self) -> bool:
        """Whether a check came due and could not be put: until one is, new film waits for its answer.

        Otherwise whoever sends everything under sessions that have ended would never be asked.
        """
        return self.open_number is None and self.next_in_ms == 0

    @property
    def is_wanted(self) -> bool:
        """Whether a check should be put as soon as there is a player to show it."""
        return self.open_number is None and (self.is_blocked or self.next_in_ms == 0)

    def is_overdue(self, now: datetime) -> bool:
        return self.answer_by is not None and now >= self.answer_by


@dataclass(slots=True)
class Days:
    """What one enrolment was charged on each calendar day of its programme, in milliseconds of film."""

    used_ms: dict[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a programme version says of watching; `daily_limit_ms` None means that there is no limit."""

    window: Window
    rule: WatchingRule
    daily_limit_ms: int | None = None

    @classmethod
    def of(cls, programme: Programme) -> "Terms":
        limit = programme.watching.daily_limit_class_hours
        limit_ms = None if limit is None else int(limit * programme.class_hour_ms)
        return cls(programme.window, programme.watching, limit_ms)

    @property
    def checks_presence(self) -> bool:
        return self.rule.presence_check_minutes is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one beat.

    `credited` is what of its claims is new and counts; `redeemed` what an earlier beat had claimed and counts now.
    Lengths add up: credited + withheld + held + already covered = claimed, to the millisecond.
    """

    credited: Segments
    withheld: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    redeemed: Segments
    claimed_ms: int
    already_covered_ms: int
    lease_is_held: bool
    used_draw: bool

    @property
    def credited_ms(self) -> int:
        return intervals.length(self.credited)


# --- leases ---------------------------------------------------------------------------------------------------------


def settle_lease(lease: Lease, now: datetime, rule: WatchingRule) -> Lease:
    """The lease as it stands at `now`: one without contact for the late window counts as ended then."""
    if lease.ended_at is not None:
        return lease
    silent_since = lease.last_contact_at + timedelta(seconds=rule.late_window_seconds)
    return _ended(lease, silent_since) if now >= silent_since else lease


def end_lease(lease: Lease, now: datetime, rule: WatchingRule) -> Lease:
    """The lease after another took its place at `now`; an earlier end stays.

    It lasted at least until its last contact: what it was credited was measured by that moment, even where the
    message that ends it read its clock before, or the clock has stepped back since.
    """
    settled = settle_lease(lease, now, rule)
    return settled if settled.ended_at is not None else _ended(settled, max(now, settled.last_contact_at))


def next_opening(previous: Lease | None, now: datetime) -> datetime:
    """When a lease that takes the place of an (ended) one begins: leases never overlap, even if clocks step back."""
    if previous is None or previous.ended_at is None:
        return now
    return max(now, previous.ended_at)


def budget_ms(lease: Lease, now: datetime, window: Window) -> int:
    """Media time the lease has room for at `now`, counting only its time inside the programme's window."""
    start = max(lease.opened_at, window.opens_at)
    end = min(now if lease.ended_at is None else min(now, lease.ended_at), window.closes_at)
    elapsed_us = max(0, (end - start) // _MICROSECOND)
    allowed = elapsed_us * lease.max_rate.numerator // (lease.max_rate.denominator * 1000)
    return max(0, allowed - lease.spent_ms)


# --- beats ----------------------------------------------------------------------------------------------------------


def judge_beat(
    claims: Sequence[Claim],
    *,
    film: Film,
    play: Play,
    siblings: Sequence[Play] = (),
    presence: Presence,
    days: Days,
    terms: Terms,
    now: datetime,
    draw_ms: int,
) -> Verdict:
    """Judge one beat: the segments played since the player's previous one, in the order they were played.

    Media already covered costs nothing. What is new is charged from the beat's start as far as the lease's budget and
    the day's limit reach, and counts unless it has to wait for something. A bad part never takes a good one down
    with it. `siblings` are the film's other sessions with open matters, where what one plays can let another's count.
    `draw_ms` is a fresh random distance to the next presence check; the verdict says whether it was used.
    An overdue presence check must have been dealt with before (presence.py).
    """
    play.lease = settle_lease(play.lease, now, terms.rule)
    room = _Room(play.lease, terms, days, now)
    open_now = terms.window.contains(now)
    covered_before = film.covered
    credited: Segments = NOTHING
    withheld: list[Stretch] = []
    held: list[Stretch] = []
    claimed = already = charged = 0
    for claim in claims:
        claimed += claim.length_ms
        if not claim.is_sound:
            withheld.append(Stretch(claim.from_ms, max(claim.from_ms, claim.to_ms), Reason.MALFORMED))
            continue
        whole = (claim.from_ms, claim.to_ms)
        on_film = intervals.clip(whole, 0, film.video_ms)
        new = intervals.subtract(on_film, film.covered)
        already += intervals.length(on_film) - intervals.length(new)
        if not open_now:
            withheld += _stretches(new, Reason.OUTSIDE_WINDOW)
        elif new:
            known = intervals.intersect(new, intervals.union(play.waiting, play.pending))
            fits, too_fast, over_limit = room.take(intervals.subtract(new, known))
            charged += intervals.length(fits)
            withheld += _stretches(too_fast, Reason.TOO_FAST) + _stretches(over_limit, Reason.DAILY_LIMIT)
            counts, waits = _sort(intervals.union(fits, known), film, play, presence, terms)
            _give(counts, film, play, terms)
            credited = intervals.union(credited, counts)
            for stretch in waits:
                _keep_waiting(stretch, play)
            held += waits
        if claim.to_ms > film.video_ms:
            withheld.append(Stretch(max(claim.from_ms, film.video_ms), claim.to_ms, Reason.BEYOND_THE_END))
    redeemed = redeem_all([(film, one, terms) for one in (play, *siblings)], presence)
    lease = play.lease
    play.lease = Lease(
        lease.opened_at,
        lease.last_contact_at if lease.ended_at is not None else max(lease.last_contact_at, now),
        lease.max_rate,
        lease.spent_ms + charged,
        lease.ended_at,
    )
    _note(withheld, film, changed=film.covered is not covered_before)
    return Verdict(
        credited=credited,
        withheld=tuple(withheld),
        held=tuple(held),
        redeemed=redeemed,
        claimed_ms=claimed,
        already_covered_ms=already,
        lease_is_held=lease.ended_at is None,
        used_draw=_approach_check(presence, terms, charged, draw_ms),
    )


def redeem(film: Film, play: Play, presence: Presence, terms: Terms) -> Segments:
    """Let count what a session had claimed and what nothing stands against any more; gives what counts now."""
    waiting = intervals.subtract(play.waiting, film.covered)
    counts, waits = _sort(waiting, film, play, presence, terms)
    play.waiting = NOTHING
    for stretch in waits:
        _keep_waiting(stretch, play)
    _give(counts, film, play, terms)
    if counts:
        _note((), film, changed=True)
    return counts


def redeem_all(watched: Iterable[tuple[Film, Play, Terms]], presence: Presence) -> Segments:
    """Redeem in several sessions until nothing more counts: what one has can be what lies before another's.

    Gives all that counts by it, of all films together.
    """
    found: list[tuple[int, int]] = []
    several = [one for one in watched if one[1].waiting]
    goes_on = bool(several)
    while goes_on:
        goes_on = False
        for film, play, terms in several:
            counts = redeem(film, play, presence, terms)
            found += counts
            goes_on |= bool(counts)
    return intervals.merge(found)


def held_stretches(film: Film, plays: Sequence[Play], terms: Terms) -> tuple[Stretch, ...]:
    """What of a film is held, with the reason, in the film's order; `plays` are its sessions with open matters."""
    found: list[Stretch] = []
    taken = film.covered
    for play in plays:
        for stretches, reason in (
            (play.pending, Reason.PRESENCE_PENDING),
            (intervals.subtract(play.waiting, play.delivered), Reason.NOT_DELIVERED),
            (play.waiting, Reason.SKIPPED_AHEAD),
        ):
            if reason is Reason.NOT_DELIVERED and not terms.rule.delivery_proof:
                continue
            left = intervals.subtract(stretches, taken)
            found += _stretches(left, reason)
            taken = intervals.union(taken, left)
    found += _stretches(intervals.subtract(film.missed, taken), Reason.PRESENCE_UNANSWERED)
    return tuple(sorted(found, key=lambda one: one.from_ms))


def take_back(segments: Segments, film: Film, play: Play) -> None:
    """Let something that counts under a session count no more: out of what waits for the ledger, else retracted."""
    film.covered = intervals.subtract(film.covered, segments)
    unposted = intervals.intersect(segments, play.unposted)
    play.unposted = intervals.subtract(play.unposted, unposted)
    play.retracted = intervals.union(play.retracted, intervals.subtract(segments, unposted))


def release(segments: Segments, film: Film, plays: Iterable[Play]) -> Segments:
    """Let stretches without a sign of presence count by a person's decision; gives what of `segments` counts now.

    That is what was missed, and what is pending in the film's sessions (`plays`): the next right answer would bring it
    back, and after the window has closed nobody is asked any more.
    """
    some = tuple(plays)
    pending = intervals.merge(segment for play in some for segment in play.pending)
    wanted = intervals.subtract(segments, film.covered)
    found = intervals.intersect(wanted, intervals.union(film.missed, pending))
    for play in some:
        play.pending = intervals.subtract(play.pending, intervals.subtract(found, film.missed))
    film.covered = intervals.union(film.covered, found)
    film.missed = intervals.subtract(film.missed, film.covered)
    _note((), film, changed=True)
    return found


class _Room:
    """What one beat may be charged: the lease's budget, and what the days it lasted have left."""

    def __init__(self, lease: Lease, terms: Terms, days: Days, now: datetime) -> None:
        self._left = budget_ms(lease, now, terms.window)
        self._limit = terms.daily_limit_ms
        self._days = days
        if self._limit is not None:
            last = terms.window.day_of(now if lease.ended_at is None else min(now, lease.ended_at))
            # What was played before the window opened draws on no day, as it draws on no budget.
            first = min(last, max(terms.window.day_of(lease.opened_at), terms.window.opens_on))
            # The latest day first: a beat that is not late belongs there.
            self._dates = [last - number * _DAY for number in range((last - first).days + 1)]

    def take(self, new: Segments) -> tuple[Segments, Segments, Segments]:
        """(what fits, what is too fast, what is over the limit), charged to the budget and the days."""
        if not new:
            return NOTHING, NOTHING, NOTHING
        fits, too_fast = intervals.split_after(new, self._left)
        over: Segments = NOTHING
        if self._limit is not None:
            left = [max(0, self._limit - self._days.used_ms.get(day, 0)) for day in self._dates]
            fits, over = intervals.split_after(fits, sum(left))
            rest = intervals.length(fits)
            for day, room in zip(self._dates, left, strict=True):
                if rest and room:
                    self._days.used_ms[day] = self._days.used_ms.get(day, 0) + min(room, rest)
                    rest -= min(room, rest)
        self._left -= intervals.length(fits)
        return fits, too_fast, over


def _sort(
    segments: Segments, film: Film, play: Play, presence: Presence, terms: Terms
) -> tuple[Segments, list[Stretch]]:
    """What of some charged, uncovered segments counts, and what has to wait for something."""
    if terms.checks_presence and (presence.is_blocked or presence.is_due):
        return NOTHING, _stretches(segments, Reason.PRESENCE_PENDING)
    waits: list[Stretch] = []
    if terms.rule.delivery_proof:
        waits = _stretches(intervals.subtract(segments, play.delivered), Reason.NOT_DELIVERED)
        segments = intervals.intersect(segments, play.delivered)
    if not terms.rule.skipping_ahead:
        seen = _seen(film, play)
        counts: list[tuple[int, int]] = []
        for start, end in segments:
            if start <= _first_hole(seen):
                counts.append((start, end))
                seen = intervals.union(seen, ((start, end),))
            else:
                waits.append(Stretch(start, end, Reason.SKIPPED_AHEAD))
        segments = tuple(counts)
    return segments, waits


def _seen(film: Film, play: Play) -> Segments:
    return intervals.union(intervals.union(film.covered, film.missed), play.pending)


def _first_hole(seen: Segments) -> int:
    """Up to where a film was played from its start, whether it counts yet or not."""
    return seen[0][1] if seen and seen[0][0] == 0 else 0


def _keep_waiting(stretch: Stretch, play: Play) -> None:
    one = ((stretch.from_ms, stretch.to_ms),)
    if stretch.reason is Reason.PRESENCE_PENDING:
        play.pending = intervals.union(play.pending, one)
        play.waiting = intervals.subtract(play.waiting, one)
    else:
        play.waiting = intervals.union(play.waiting, one)


def _give(counts: Segments, film: Film, play: Play, terms: Terms) -> None:
    """Let uncovered segments count under a session."""
    if not counts:
        return
    film.covered = intervals.union(film.covered, counts)
    if film.missed:
        film.missed = intervals.subtract(film.missed, counts)
    if play.waiting:
        play.waiting = intervals.subtract(play.waiting, counts)
    if play.pending:
        play.pending = intervals.subtract(play.pending, counts)
    back = intervals.intersect(counts, play.retracted)
    if back:
        play.retracted = intervals.subtract(play.retracted, back)
        play.unposted = intervals.union(play.unposted, intervals.subtract(counts, back))
    else:
        play.unposted = intervals.union(play.unposted, counts)
    if terms.checks_presence:
        play.unconfirmed = intervals.union(play.unconfirmed, counts)


def _approach_check(presence: Presence, terms: Terms, charged_ms: int, draw_ms: int) -> bool:
    """Count new film towards the next presence check; True where `draw_ms` was used for a first distance."""
    if not terms.checks_presence or presence.open_number is not None:
        return False
    drawn = presence.next_in_ms is None
    distance = draw_ms if presence.next_in_ms is None else presence.next_in_ms
    presence.next_in_ms = max(0, distance - charged_ms)
    return drawn


def _note(withheld: Sequence[Stretch], film: Film, *, changed: bool) -> None:
    """Remember what was withheld, the latest reason for each stretch, less what counts by now."""
    if not withheld and not (changed and film.withheld):
        return
    kept: list[Stretch] = []
    taken = film.covered
    for one in reversed((*film.withheld, *withheld)):
        if one.reason in (Reason.MALFORMED, Reason.BEYOND_THE_END):
            continue  # there is nothing on the film to watch again
        left = intervals.subtract(((one.from_ms, one.to_ms),), taken)
        kept += _stretches(left, one.reason)
        taken = intervals.union(taken, left)
    joined: list[Stretch] = []
    for one in sorted(kept[:MOST_WITHHELD], key=lambda one: one.from_ms):
        if joined and joined[-1].to_ms == one.from_ms and joined[-1].reason is one.reason:
            joined[-1] = Stretch(joined[-1].from_ms, one.to_ms, one.reason)
        else:
            joined.append(one)
    film.withheld = tuple(joined)


def _stretches(segments: Segments, reason: Reason) -> list[Stretch]:
    return [Stretch(start, end, reason) for start, end in segments]


def _ended(lease: Lease, ended_at: datetime) -> Lease:
    return Lease(lease.opened_at, lease.last_contact_at, lease.max_rate, lease.spent_ms, ended_at)
