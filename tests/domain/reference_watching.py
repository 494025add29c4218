"""The rule of watching once more, written to be obviously right instead of quick.

Coverage is a set of milliseconds, budgets are fractions worked out anew from the whole history, and every
claimed millisecond is asked for its fate by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.watching import Claim, Reason

Fate = Counter[tuple[int, str]]
"""How often each (millisecond of film, what became of it) was claimed."""


@dataclass
class ReferenceLease:
    """One lease: instants only, and every millisecond it was credited."""

    film: str
    opened_at: datetime
    contact_at: datetime
    ended_at: datetime | None = None
    credited: list[int] = field(default_factory=list)

    def lapse(self, now: datetime, rule: WatchingRule) -> None:
        silent_since = self.contact_at + timedelta(seconds=rule.late_window_seconds)
        if self.ended_at is None and now >= silent_since:
            self.ended_at = silent_since

    def length_seconds(self, now: datetime, window: Window) -> Fraction:
        until = now if self.ended_at is None else min(now, self.ended_at)
        inside = min(until, window.closes_at) - max(self.opened_at, window.opens_at)
        return max(Fraction(0), Fraction(inside // timedelta(microseconds=1), 1_000_000))


@dataclass
class ReferencePerson:
    """One learner: the leases in the order they were opened, and what is covered of each film."""

    rule: WatchingRule
    window: Window
    film_ms: dict[str, int]
    covered: dict[str, set[int]] = field(default_factory=dict)
    leases: list[ReferenceLease] = field(default_factory=list)

    def open(self, film: str, now: datetime) -> None:
        opened_at = now
        if self.leases:
            last = self.leases[-1]
            last.lapse(now, self.rule)
            if last.ended_at is None:
                last.ended_at = max(now, last.contact_at)
            opened_at = max(now, last.ended_at)
        self.covered.setdefault(film, set())
        self.leases.append(ReferenceLease(film, opened_at, opened_at))

    def beat(self, number: int, claims: Sequence[Claim], now: datetime) -> Fate:
        lease = self.leases[number]
        lease.lapse(now, self.rule)
        fate: Fate = Counter()
        for claim in claims:
            for moment in range(claim.from_ms, claim.to_ms):
                fate[moment, self._fate_of(claim, moment, lease, now)] += 1
        if lease.ended_at is None:
            lease.contact_at = max(lease.contact_at, now)
        return fate

    def _fate_of(self, claim: Claim, moment: int, lease: ReferenceLease, now: datetime) -> str:
        covered = self.covered[lease.film]
        if not claim.well_formed or claim.from_ms < 0:
            return Reason.MALFORMED
        if moment >= self.film_ms[lease.film]:
            return Reason.BEYOND_THE_END
        if moment in covered:
            return "already"
        if not self.window.opens_at <= now < self.window.closes_at:
            return Reason.OUTSIDE_WINDOW
        if len(lease.credited) + 1 > self.rule.max_rate * lease.length_seconds(now, self.window) * 1000:
            return Reason.TOO_FAST
        covered.add(moment)
        lease.credited.append(moment)
        return "credited"
