"""Study that was completed elsewhere and is vouched for: how much of it a component takes."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from lms_plugin.domain.hours import milliseconds_of

ELSEWHERE = "elsewhere"
"""The kind of record and credit entry that such study becomes, whatever component it is for."""

RULE = "elsewhere/1"


def most_ms(share: Fraction, required_class_hours: Decimal, class_hour_ms: int) -> int:
    """The most a component takes in all: a share of what it requires, in whole milliseconds, rounded down."""
    return int(share * milliseconds_of(required_class_hours, class_hour_ms))


def taken(given_ms: Sequence[int], most: int) -> list[int]:
    """What each of some completions counts, in the order in which they were entered, at most `most` together."""
    left, found = max(0, most), []
    for one in given_ms:
        counted = min(max(0, one), left)
        left -= counted
        found.append(counted)
    return found
