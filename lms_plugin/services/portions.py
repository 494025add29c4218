"""Long lists in portions, as many at a time as one statement takes or one transaction should hold."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

AT_ONCE = 5_000

Item = TypeVar("Item")


def portions(items: Sequence[Item], size: int = AT_ONCE) -> Iterator[Sequence[Item]]:
    """The items in their order, at most `size` at a time; nothing where there are none."""
    for at in range(0, len(items), size):
        yield items[at : at + size]
