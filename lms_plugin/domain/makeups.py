"""Making up for a meeting that somebody missed, or missed a part of: by reading its notes.

What it gives at most is the share of the missed time that the programme allows. Presence and making up together never
exceed the meeting: the share is of what is missing to the whole, and no more than all of it.
"""

from fractions import Fraction
from math import floor

from lms_plugin.domain.programme import MINUTE_MS

LEAST_MS = MINUTE_MS
"""Who missed less than leaves a minute to make up for has nothing to make up for."""


def whole_ms(length_ms: int, most_minutes: int | None) -> int:
    """What a meeting gives somebody who was there throughout."""
    return length_ms if most_minutes is None else min(length_ms, most_minutes * MINUTE_MS)


def most_ms(whole: int, present_ms: int, share: Fraction) -> int:
    """The most that making up gives somebody who was there for so long; rounded down, so never too much."""
    missed = max(0, whole - max(0, present_ms))
    return floor(missed * min(max(share, Fraction(0)), Fraction(1)))
