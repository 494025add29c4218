"""Quotas: places handed down from region to region, what is free of them, and whose turn it is when one gets free."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

Lineage = tuple[int, ...]
"""Ids of a region and of everything above it, from the top down."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """The places given to the regions below come to more than there are; `region_id` None for the programme's own."""

    region_id: int | None
    places: int
    given: int


def overruns(quotas: Mapping[int, int], lineages: Mapping[int, Lineage], places: int | None) -> tuple[Overrun, ...]:
    """Every region whose quota is less than those right below it together, and the programme where its places are.

    `quotas` are places by region, `lineages` of each of these regions; `places` is how many the programme takes in
    all (None: any number). A region stands right below the nearest one above it that has a quota, or else below
    the programme.
    """
    given: dict[int | None, int] = {}
    for region_id, own in quotas.items():
        above = stands_below(lineages[region_id], quotas, region_id)
        given[above] = given.get(above, 0) + own
    limits: dict[int | None, int | None] = dict(quotas.items())
    limits[None] = places
    return tuple(
        Overrun(region_id, limit, together)
        for region_id, together in given.items()
        if (limit := limits[region_id]) is not None and together > limit
    )


def undistributed(quotas: Mapping[int, int], lineages: Mapping[int, Lineage], region_id: int) -> int:
    """How many of a region's places are not given to regions below it."""
    below = sum(own for one, own in quotas.items() if stands_below(lineages[one], quotas, one) == region_id)
    return quotas[region_id] - below


def used_by_region(senders: Iterable[tuple[Lineage, int]]) -> dict[int, int]:
    """How many places each region has used, those of the regions below it included: from (lineage, how many)."""
    used: dict[int, int] = {}
    for lineage, count in senders:
        for region_id in set(lineage):
            used[region_id] = used.get(region_id, 0) + count
    return used


def free_places(lineage: Lineage, quotas: Mapping[int, int], used: Mapping[int, int]) -> int | None:
    """How many more a region may send: what is free in the tightest quota above it or its own, never below 0.

    None means any number: no region has a quota. Where others have one and nobody in the lineage has, there is none.
    """
    if not quotas:
        return None
    free = [quotas[one] - used.get(one, 0) for one in lineage if one in quotas]
    return max(0, min(free)) if free else 0


def tightest(*limits: int | None) -> int | None:
    """The least of some limits; None among them is no limit."""
    stated = [one for one in limits if one is not None]
    return max(0, min(stated)) if stated else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody on the waiting list."""

    nomination_id: int
    since: datetime


def in_turn(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The waiting list in its order: who has waited longest comes first, of two since the same moment the earlier."""
    return sorted(waiting, key=lambda one: (one.since, one.nomination_id))


def next_in_turn(waiting: Iterable[Waiting], has_place: Callable[[int], bool]) -> Waiting | None:
    """The first on the waiting list for whom there is a place (asked by nomination)."""
    return next((one for one in in_turn(waiting) if has_place(one.nomination_id)), None)


def stands_below(lineage: Lineage, quotas: Mapping[int, int], region_id: int) -> int | None:
    """The nearest region above one that has a quota; None where the programme itself is."""
    return next((one for one in reversed(lineage) if one != region_id and one in quotas), None)
