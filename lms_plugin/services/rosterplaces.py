"""Places of programmes that a roster's new learners need: first come first served, one count for a whole file."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from lms_plugin.services.access import Scope
from lms_plugin.services.quotas import Places, places_of
from lms_plugin.services.rosterlookup import Known
from lms_plugin.services.rosterrow import PlannedPerson


class Room:
    """What is left of the places of the programmes that a roster names, while its rows take them.

    A regional admin imports within the quotas of the own region and those above it; the whole office, which decides on
    quotas, within the places of a programme, its phases and tiers.
    """

    def __init__(self, session: Session, known: Known, scope: Scope, people: Iterable[PlannedPerson]) -> None:
        self._known, self._is_whole = known, scope.region_ids is None
        regions: dict[int, set[int | None]] = {}
        for one in people:
            if one.programme_id is not None and self.is_needed(one):
                regions.setdefault(one.programme_id, set()).add(one.region_id)
        self._places: dict[int, Places] = {
            current.id: places_of(session, current, *regions[current.id])
            for current in known.programmes.values()
            if current.id in regions
        }

    def is_needed(self, person: PlannedPerson) -> bool:
        """Whether a row needs a place: of a learner who is not in the programme, also not as one who has withdrawn."""
        return person.learns and (
            person.user is None or (person.user.id, person.programme_id) not in self._known.enrolments
        )

    def lacking(self, person: PlannedPerson) -> str | None:
        """Why there is no place for a learner who needs one: `programme_full` or `quota_used_up`; else None."""
        places = self._of(person)
        if places is None:
            return None
        if places.left(person.phase, person.tier) == 0:
            return "programme_full"
        if not self._is_whole and places.free(person.region_id, person.phase, person.tier) == 0:
            return "quota_used_up"
        return None

    def take(self, person: PlannedPerson) -> None:
        """Give a learner the place that they need."""
        places = self._of(person)
        if places is not None:
            places.take(person.region_id, person.phase, person.tier)

    def _of(self, person: PlannedPerson) -> Places | None:
        if person.programme_id is None or not self.is_needed(person):
            return None
        return self._places.get(person.programme_id)
