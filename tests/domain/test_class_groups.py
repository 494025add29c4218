"""Class groups: as few as the limit allows, as even as can be, and no county is mixed with another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.class_groups import Share, Unassigned, shares, sizes


@pytest.mark.parametrize(
    ("learners", "limit", "expected"),
    [(0, 50, []), (1, 50, [1]), (50, 50, [50]), (51, 50, [26, 25]), (101, 50, [34, 34, 33]), (3, 1, [1, 1, 1])],
)
def test_groups_are_few_and_even(learners: int, limit: int, expected: list[int]) -> None:
    assert sizes(learners, limit) == expected


def test_a_group_with_room_is_filled_first_and_schools_stay_side_by_side() -> None:
    learners = [Unassigned(1, "b", "2"), Unassigned(2, "a", "2"), Unassigned(3, "a", "1"), Unassigned(4, "a", "2")]
    assert shares(learners, 2, [(7, "a", 1), (8, "a", 0), (9, "c", 5)]) == [
        Share("a", 7, (3,)),
        Share("a", None, (2, 4)),
        Share("b", None, (1,)),
    ]


PLACES = st.tuples(st.sampled_from("abc"), st.sampled_from("123"))


@given(st.lists(PLACES), st.integers(1, 7), st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 5))))
def test_everybody_gets_one_group_and_none_is_over_its_limit(
    places: list[tuple[str, str]], limit: int, rooms: list[tuple[str, int]]
) -> None:
    learners = [Unassigned(at, county, school) for at, (county, school) in enumerate(places)]
    room = [(at, county, free) for at, (county, free) in enumerate(rooms)]
    found = shares(learners, limit, room)
    assert sorted(one for share in found for one in share.enrolment_ids) == list(range(len(places)))
    for share in found:
        assert {places[one][0] for one in share.enrolment_ids} == {share.county}
        most = limit if share.group_id is None else rooms[share.group_id][1]
        assert 0 < len(share.enrolment_ids) <= most
