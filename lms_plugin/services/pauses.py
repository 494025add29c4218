"""Pauses between attempts: each longer than the one before, never the same for everybody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

Draw = Callable[[], float]
"""Gives a number in [0, 1), another one each time; `random.random` outside of tests."""


@dataclass(frozen=True, slots=True)
class GrowingPause:
    """A pause that doubles with each failure in a row, from `first_seconds` up to `longest_seconds`."""

    first_seconds: float
    longest_seconds: float

    def after(self, failures: int, draw: Draw) -> timedelta:
        """The pause after the n-th failure in a row (n >= 1): between three quarters and all of its length."""
        doublings = min(max(failures, 1) - 1, 30)
        seconds = min(self.longest_seconds, self.first_seconds * 2**doublings)
        return timedelta(seconds=seconds * (0.75 + 0.25 * draw()))
