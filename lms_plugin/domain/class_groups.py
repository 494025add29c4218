"""Putting learners into class groups: those of one county together, schools side by side, no group over its limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A learner without a class group; `county` and `school` are codes, empty where there is none."""

    enrolment_id: int
    county: str
    school: str


@dataclass(frozen=True, slots=True)
class Share:
    """Learners of one county that become one class group, or join one that has room (`group_id`)."""

    county: str
    group_id: int | None
    enrolment_ids: tuple[int, ...]


def sizes(learners: int, limit: int) -> list[int]:
    """As few groups as the limit allows, as even as can be, larger ones first: 51 with a limit of 50 is 26 and 25."""
    if not learners:
        return []
    groups = -(-learners // limit)
    small, larger = divmod(learners, groups)
    return [small + 1] * larger + [small] * (groups - larger)


def shares(learners: Iterable[Unassigned], limit: int, room: Iterable[tuple[int, str, int]] = ()) -> list[Share]:
    """Who goes where, by county and then by school; first into the groups (id, county, free places) that have room."""
    by_county: dict[str, list[Unassigned]] = {}
    for one in sorted(learners, key=lambda one: (one.county, one.school, one.enrolment_id)):
        by_county.setdefault(one.county, []).append(one)
    rooms: dict[str, list[tuple[int, int]]] = {}
    for group_id, county, free in room:
        rooms.setdefault(county, []).append((group_id, free))
    found: list[Share] = []
    for county, waiting in by_county.items():
        left: Sequence[Unassigned] = waiting
        for group_id, free in rooms.get(county, []):
            taken, left = left[: max(0, free)], left[max(0, free) :]
            if taken:
                found.append(Share(county, group_id, tuple(one.enrolment_id for one in taken)))
        for size in sizes(len(left), limit):
            taken, left = left[:size], left[size:]
            found.append(Share(county, None, tuple(one.enrolment_id for one in taken)))
    return found
