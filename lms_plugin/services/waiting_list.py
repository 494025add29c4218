"""The waiting list of a programme: who fits and found no place, in the order of their waiting."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.quota import Waiting, in_turn, next_in_turn
from lms_plugin.services.quotas import Places, lineages_of
from lms_plugin.storage.admission import Nomination


def waiting_of(session: Session, programme_id: int) -> list[Nomination]:
    """Everybody on the waiting list, in turn."""
    rows = session.scalars(
        select(Nomination).where(Nomination.programme_id == programme_id, Nomination.state == "waiting")
    )
    by_id = {one.id: one for one in rows}
    return [by_id[one.nomination_id] for one in in_turn(_turns(by_id))]


def next_waiting(session: Session, programme_id: int, places: Places) -> Nomination | None:
    """The first on the waiting list for whom there is a place, or None."""
    by_id = {one.id: one for one in waiting_of(session, programme_id)}
    _know_regions(session, places, by_id)

    def has_place(nomination_id: int) -> bool:
        return _free(places, by_id[nomination_id]) != 0

    found = next_in_turn(_turns(by_id), has_place)
    return by_id[found.nomination_id] if found is not None else None


def is_next(session: Session, one: Nomination, places: Places) -> bool:
    """Whether a nomination with a place may have it: nobody who waits longer could go there instead.

    Who waits elsewhere is not passed over: those only who would use up the place that `one` needs.
    """
    before = {}
    for other in waiting_of(session, one.programme_id):
        if other.id == one.id:
            break
        before[other.id] = other
    _know_regions(session, places, before)
    could_go = [other for other in before.values() if _free(places, other) != 0]
    if not could_go:
        return True
    after = places.copied()
    after.take(one.region_id, one.phase, one.tier)
    return all(_free(after, other) != 0 for other in could_go)


def _turns(by_id: dict[int, Nomination]) -> list[Waiting]:
    return [Waiting(one.id, one.waiting_since or one.nominated_at) for one in by_id.values()]


def _know_regions(session: Session, places: Places, by_id: dict[int, Nomination]) -> None:
    unknown = {one.region_id for one in by_id.values()} - places.lineages.keys()
    places.lineages |= lineages_of(session, unknown)


def _free(places: Places, one: Nomination) -> int | None:
    return places.free(one.region_id, one.phase, one.tier)
