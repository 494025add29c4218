"""How much a component takes from elsewhere: a share of what it requires, in the order in which it was entered."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import elsewhere

HOUR_MS = 45 * 60_000


@pytest.mark.parametrize(
    ("share", "required", "most_ms"),
    [
        (Fraction(0),    Decimal(20),    0),
        (Fraction(1, 4), Decimal(20),    5 * HOUR_MS),
        (Fraction(1),    Decimal("0.5"), HOUR_MS // 2),
        (Fraction(1, 3), Decimal(1),     900_000),
        (Fraction(1, 7), Decimal(1),     385_714),  # rounded down: never more than the share
        (Fraction(1, 2), Decimal(0),     0),
    ],
)  # fmt: skip
def test_the_most_is_a_share_of_what_is_required(share: Fraction, required: Decimal, most_ms: int) -> None:
    assert elsewhere.most_ms(share, required, HOUR_MS) == most_ms


@pytest.mark.parametrize(
    ("given_ms", "most", "taken"),
    [
        ([],           10, []),
        ([3, 4],       10, [3, 4]),
        ([7, 7, 1],    10, [7, 3, 0]),
        ([0, 20],      10, [0, 10]),
        ([5, -2, 6],   10, [5, 0, 5]),
        ([5],          -1, [0]),
    ],
)  # fmt: skip
def test_what_is_over_the_most_counts_nothing(given_ms: list[int], most: int, taken: list[int]) -> None:
    assert elsewhere.taken(given_ms, most) == taken


@given(st.lists(st.integers(0, 1000)), st.integers(0, 3000))
def test_all_counts_until_the_most_is_reached(given_ms: list[int], most: int) -> None:
    taken = elsewhere.taken(given_ms, most)
    assert sum(taken) == min(most, sum(given_ms))
    assert all(0 <= counted <= one for counted, one in zip(taken, given_ms, strict=True))
