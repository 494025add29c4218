"""How watching becomes credit: coverage, the person's clock kept as leases, and a reason for whatever is not credited.

The rule has two clocks. A second of film counts once (coverage), and under one lease no more media time is
credited than `max_rate` times the lease's length in server time (budget). Nothing here reads a clock or
trusts one of the client's: its `rate` is kept as evidence and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import WatchingRule, Window

RULE = "two-clocks/1"
"""Name and version of this rule; every credit entry that it causes carries it."""

_MICROSECOND = timedelta(microseconds=1)


class Reason(StrEnum):
    """Why a stretch is withheld or held."""

    TOO_FAST = "too_fast"
    OUTSIDE_WINDOW = "outside_window"
    DAILY_LIMIT = "daily_limit"
    PRESENCE_UNANSWERED = "presence_unanswered"
    NOT_DELIVERED = "not_delivered"
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one beat.

    `credited` is what is new; `covered` is the film's whole coverage afterwards. Lengths add up:
    credited + withheld + held + already covered = claimed, to the millisecond.
    """

    credited: Segments
    withheld: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    covered: Segments
    lease: Lease
    claimed_ms: int
    already_covered_ms: int

    @property
    def credited_ms(self) -> int:
        return intervals.length(self.credited)

    @property
    def lease_is_held(self) -> bool:
        return self.lease.ended_at is None


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


def judge_beat(
    claims: Sequence[Claim],
    *,
    covered: Segments,
    video_ms: int,
    lease: Lease,
    window: Window,
    rule: WatchingRule,
    now: datetime,
) -> Verdict:
    """Judge one beat: the segments played since the player's previous one, in the order they were played.

    Media already covered costs nothing. What is new is credited from the beat's start as far as the lease's
    budget reaches. A bad part never takes a good one down with it.
    """
    lease = settle_lease(lease, now, rule)
    left = budget_ms(lease, now, window)
    open_now = window.contains(now)
    credited: Segments = NOTHING
    withheld: list[Stretch] = []
    claimed = already = 0
    for claim in claims:
        claimed += claim.length_ms
        if not claim.is_sound:
            withheld.append(Stretch(claim.from_ms, max(claim.from_ms, claim.to_ms), Reason.MALFORMED))
            continue
        whole = (claim.from_ms, claim.to_ms)
        on_film = intervals.clip(whole, 0, video_ms)
        beyond = intervals.clip(whole, video_ms, claim.to_ms)
        new = intervals.subtract(on_film, covered)
        already += intervals.length(on_film) - intervals.length(new)
        if open_now:
            fits, rest = intervals.split_after(new, left)
            reason = Reason.TOO_FAST
        else:
            fits, rest, reason = NOTHING, new, Reason.OUTSIDE_WINDOW
        left -= intervals.length(fits)
        covered = intervals.merge(covered + fits)
        credited = intervals.merge(credited + fits)
        withheld += [Stretch(start, end, reason) for start, end in rest]
        withheld += [Stretch(start, end, Reason.BEYOND_THE_END) for start, end in beyond]
    contact = lease.last_contact_at if lease.ended_at is not None else max(lease.last_contact_at, now)
    after = Lease(
        opened_at=lease.opened_at,
        last_contact_at=contact,
        max_rate=lease.max_rate,
        spent_ms=lease.spent_ms + intervals.length(credited),
        ended_at=lease.ended_at,
    )
    return Verdict(
        credited=credited,
        withheld=tuple(withheld),
        held=(),
        covered=covered,
        lease=after,
        claimed_ms=claimed,
        already_covered_ms=already,
    )


def _ended(lease: Lease, ended_at: datetime) -> Lease:
    return Lease(
        opened_at=lease.opened_at,
        last_contact_at=lease.last_contact_at,
        max_rate=lease.max_rate,
        spent_ms=lease.spent_ms,
        ended_at=ended_at,
    )
