"""Meetings: the rotating code that people sign in with, and how much of a meeting they were there for.

The code is that of RFC 6238: an HMAC of the number of the time step, cut to six digits. Instants that count are whole
milliseconds since 1970-01-01 UTC, as everywhere where segments of a person's day are reckoned with.
"""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.intervals import NOTHING, Segments, clip, length
from lms_plugin.domain.programme import MINUTE_MS

STEP_SECONDS = 30
DIGITS = 6
STEPS_BEFORE = 1
"""How many steps before the present one are accepted: the code may change while somebody types it."""


class Standing(StrEnum):
    """What a learner's coming and going amounts to."""

    PRESENT = "present"
    NOT_THERE = "not_there"
    """Neither came nor went."""
    NOT_SIGNED_IN = "not_signed_in"
    NOT_SIGNED_OUT = "not_signed_out"
    OUTSIDE = "outside"
    """Came after the end, went before the start, or went no later than they came."""


@dataclass(frozen=True, slots=True)
class Presence:
    """The time of a meeting that a learner was there for; empty, with the reason, where none counts."""

    present: Segments
    standing: Standing

    def most_ms(self, most_minutes: int | None) -> int:
        """How many milliseconds it gives at the most; `most_minutes` is the meeting's limit."""
        whole = length(self.present)
        return whole if most_minutes is None else min(whole, most_minutes * MINUTE_MS)


def code_at(secret: bytes, now: datetime) -> str:
    """The six digits that sign in at this moment."""
    return _code(secret, _step(now))


def seconds_left(now: datetime) -> int:
    """How long the present code will still be shown, in whole seconds, at least one."""
    return STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS


def is_right(secret: bytes, typed: str, now: datetime) -> bool:
    """Whether somebody typed the code of this step or of the one before.

    Spaces and full-width digits are as good as plain ones: that is how phones write them.
    """
    plain = "".join(unicodedata.normalize("NFKC", typed).split())
    if len(plain) != DIGITS or not plain.isascii():
        return False
    step = _step(now)
    # All of them are compared, so that the time an answer takes says nothing.
    found = [hmac.compare_digest(plain, _code(secret, step - back)) for back in range(STEPS_BEFORE + 1)]
    return any(found)


def presence(
    starts_ms: int,
    ends_ms: int,
    in_ms: int | None,
    out_ms: int | None,
    *,
    both_ends: bool,
    late_minutes: int = 0,
) -> Presence:
    """The part of a meeting [starts_ms, ends_ms) that somebody was there for, from when they came and went.

    With `both_ends` nothing counts until both are known; without it, who came and is not known to have gone stayed to
    the end. Who comes no more than `late_minutes` after the start was there from the start, and who goes no more than
    that before the end was there to the end.
    """
    if in_ms is None:
        return Presence(NOTHING, Standing.NOT_THERE if out_ms is None else Standing.NOT_SIGNED_IN)
    if out_ms is None:
        if both_ends:
            return Presence(NOTHING, Standing.NOT_SIGNED_OUT)
        out_ms = ends_ms
    if in_ms >= ends_ms or out_ms <= starts_ms or out_ms <= in_ms:
        return Presence(NOTHING, Standing.OUTSIDE)
    grace_ms = late_minutes * MINUTE_MS
    came_ms = starts_ms if in_ms <= starts_ms + grace_ms else in_ms
    went_ms = ends_ms if out_ms >= ends_ms - grace_ms else out_ms
    return Presence(clip((came_ms, went_ms), starts_ms, ends_ms), Standing.PRESENT)


def is_late(starts_ms: int, in_ms: int | None, late_minutes: int) -> bool:
    """Whether somebody came later than still counts as being there from the start."""
    return in_ms is not None and in_ms > starts_ms + late_minutes * MINUTE_MS


def minutes_late(starts_ms: int, in_ms: int | None, late_minutes: int) -> int:
    """How many begun minutes after the start somebody came who `is_late`; 0 for others."""
    return -(-(in_ms - starts_ms) // MINUTE_MS) if in_ms is not None and is_late(starts_ms, in_ms, late_minutes) else 0


def minutes_early(ends_ms: int, out_ms: int | None, late_minutes: int) -> int:
    """How many begun minutes before the end somebody left, where that is more than still counts as the whole."""
    if out_ms is None or out_ms >= ends_ms - late_minutes * MINUTE_MS:
        return 0
    return -(-(ends_ms - out_ms) // MINUTE_MS)


def instant_of(wall: datetime, timezone: str) -> datetime:
    """The instant at which a clock on the wall of a time zone shows this; where it shows it twice, the first time.

    Raises:
        Malformed: `no_such_time`: the clocks are put forward over it.
    """
    local = wall.replace(tzinfo=ZoneInfo(timezone), fold=0)
    instant = local.astimezone(UTC)
    if instant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) != wall:
        raise Malformed("no_such_time")
    return instant


def _step(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def _code(secret: bytes, step: int) -> str:
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha256).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"
