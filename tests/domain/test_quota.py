"""Places by region: handed down without ever becoming more, used from the bottom up, and whose turn it is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.quota import (
    Overrun,
    Waiting,
    free_places,
    in_turn,
    next_in_turn,
    overruns,
    tightest,
    undistributed,
    used_by_region,
)

PROVINCE, CITY, COUNTY, OTHER, SCHOOL, FAR = 1, 2, 3, 4, 5, 9
LINEAGES = {
    PROVINCE: (PROVINCE,),
    CITY: (PROVINCE, CITY),
    COUNTY: (PROVINCE, CITY, COUNTY),
    OTHER: (PROVINCE, CITY, OTHER),
    SCHOOL: (PROVINCE, CITY, COUNTY, SCHOOL),
    FAR: (FAR,),
}

# quotas, the programme's places, what is given out too often
HANDED_DOWN = [
    ({},                                             None, ()),
    ({PROVINCE: 100, COUNTY: 60, OTHER: 40},          None, ()),
    ({PROVINCE: 100, COUNTY: 60, OTHER: 41},          None, (Overrun(PROVINCE, 100, 101),)),
    ({PROVINCE: 100, CITY: 50, COUNTY: 60, OTHER: 0}, None, (Overrun(CITY, 50, 60),)),
    ({PROVINCE: 100, CITY: 50, COUNTY: 50},           None, ()),
    ({COUNTY: 0, SCHOOL: 1},                          None, (Overrun(COUNTY, 0, 1),)),
    ({PROVINCE: 592, FAR: 1},                         592,  (Overrun(None, 592, 593),)),
    ({PROVINCE: 591, FAR: 1, COUNTY: 500},            592,  ()),
]  # fmt: skip


@pytest.mark.parametrize(("quotas", "places", "found"), HANDED_DOWN)
def test_a_region_cannot_hand_down_more_places_than_it_has(
    quotas: dict[int, int], places: int | None, found: tuple[Overrun, ...]
) -> None:
    assert overruns(quotas, LINEAGES, places) == found


def test_what_is_not_given_to_regions_below_stays() -> None:
    quotas = {PROVINCE: 100, CITY: 50, COUNTY: 20, FAR: 7}
    assert [undistributed(quotas, LINEAGES, one) for one in (PROVINCE, CITY, COUNTY, FAR)] == [50, 30, 20, 7]


# lineage of who is sent, quotas, used: free
FREE = [
    (COUNTY, {},                         {},                       None),
    (COUNTY, {COUNTY: 2},                {},                       2),
    (COUNTY, {COUNTY: 2},                {COUNTY: 2},              0),
    (COUNTY, {COUNTY: 2},                {COUNTY: 3},              0),
    (SCHOOL, {COUNTY: 2, PROVINCE: 10},  {COUNTY: 1, PROVINCE: 9}, 1),
    (SCHOOL, {COUNTY: 5, PROVINCE: 10},  {PROVINCE: 9},            1),
    (COUNTY, {FAR: 5},                   {},                       0),
]  # fmt: skip


@pytest.mark.parametrize(("region", "quotas", "used", "free"), FREE)
def test_the_tightest_quota_above_decides(
    region: int, quotas: dict[int, int], used: dict[int, int], free: int | None
) -> None:
    assert free_places(LINEAGES[region], quotas, used) == free


def test_a_place_is_used_in_every_region_above() -> None:
    assert used_by_region([(LINEAGES[SCHOOL], 2), (LINEAGES[OTHER], 3), ((), 4)]) == {
        PROVINCE: 5, CITY: 5, COUNTY: 2, OTHER: 3, SCHOOL: 2,
    }  # fmt: skip


@pytest.mark.parametrize(("limits", "least"), [((), None), ((None, None), None), ((None, 3, 2), 2), ((-1, 3), 0)])
def test_the_least_limit_counts(limits: tuple[int | None, ...], least: int | None) -> None:
    assert tightest(*limits) == least


@given(st.dictionaries(st.sampled_from(sorted(LINEAGES)), st.integers(0, 50)), st.integers(0, 120))
def test_sending_one_after_the_other_never_passes_a_quota(quotas: dict[int, int], tries: int) -> None:
    sent: list[tuple[tuple[int, ...], int]] = []
    for turn in range(tries if quotas else 0):
        lineage = LINEAGES[sorted(LINEAGES)[turn % len(LINEAGES)]]
        if free_places(lineage, quotas, used_by_region(sent)):
            sent.append((lineage, 1))
    used = used_by_region(sent)
    assert all(used.get(region, 0) <= own for region, own in quotas.items())


def test_who_waits_longest_is_next_for_whom_there_is_a_place() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    waiting = [Waiting(3, at), Waiting(1, at + timedelta(hours=1)), Waiting(2, at)]
    assert [one.nomination_id for one in in_turn(waiting)] == [2, 3, 1]
    assert next_in_turn(waiting, lambda one: one != 2) == Waiting(3, at)
    assert next_in_turn(waiting, lambda one: False) is None
