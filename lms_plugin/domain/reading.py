"""Readings: how long one takes, from its length, and how much of that has passed."""

from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Final

from lms_plugin.domain.own_text import measure

CHARACTERS_PER_WORD: Final = Fraction(3, 2)
"""A word of an alphabetic language takes as long as one and a half Chinese characters: 300 characters a minute are read
as quickly as 200 English words."""
LONGEST_OPEN: Final = timedelta(hours=12)
"""A reading that was opened longer ago is begun anew: nobody reads through a night."""

_MINUTE_MS = 60_000


def nominal_ms(text: str, characters_per_minute: int) -> int:
    """How long a text is reckoned to be read; milliseconds, rounded up."""
    characters, words = measure(text)
    return ceil((characters + words * CHARACTERS_PER_WORD) * _MINUTE_MS / characters_per_minute)


def is_stale(opened_at: datetime, now: datetime) -> bool:
    """Whether a reading was opened too long ago to have been read since."""
    return now - opened_at > LONGEST_OPEN
