"""Places of a programme: how many each region may send (名额), what is used of them, and what is still free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import quota
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.programme import Programme, Variant
from lms_plugin.domain.quota import Lineage, Overrun
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.portions import portions
from lms_plugin.storage.admission import Nomination, Quota
from lms_plugin.storage.people import LEVELS, Region
from lms_plugin.storage.programmes import Enrolment

MOST_PLACES = 10_000_000
WHOLE = ""
"""The quotas of the programme as a whole, whatever its phases have besides."""


@dataclass(frozen=True, slots=True)
class QuotaShown:
    """A region's quota: `free` is what it may still send, with what the regions above have left; `kept` is what is not
    handed down to regions below it."""

    region: Region
    places: int
    used: int
    free: int
    kept: int


@dataclass(slots=True)
class Places:
    """What of a programme's places is taken and free, at one moment; `take` keeps it true while more are taken.

    Quotas are told by phase, `WHOLE` for the programme's own. A place belongs to the region that sent the learner, also
    when that one moves; who came without a nomination takes one of where they teach. Who withdraws gives it back.
    """

    programme: Programme
    quotas: dict[str, dict[int, int]]
    lineages: dict[int, Lineage]
    used: dict[str, dict[int, int]]
    enrolled: dict[str, int]
    """By phase, by tier, and `WHOLE` for all; keys as `_phase` and `_tier` write them."""

    def free(self, region_id: int | None, phase: str, tier: str) -> int | None:
        """How many more a region may send in a phase and tier; None for any number."""
        lineage = self.lineages.get(region_id, ()) if region_id is not None else ()
        return quota.tightest(
            self.left(phase, tier),
            *(
                quota.free_places(lineage, self.quotas.get(one, {}), self.used.get(one, {}))
                for one in dict.fromkeys((WHOLE, phase))
            ),
        )

    def left(self, phase: str, tier: str) -> int | None:
        """How many more the programme, the phase and the tier take, whoever sends them; None for any number."""
        in_phase, in_tier = self.programme.phase(phase), self.programme.tier(tier)
        limits = [
            (WHOLE, self.programme.places),
            (_phase(phase), in_phase.places if in_phase is not None else None),
            (_tier(tier), in_tier.places if in_tier is not None else None),
        ]
        return quota.tightest(*(None if most is None else most - self.enrolled.get(key, 0) for key, most in limits))

    def left_of_quotas(self, region_id: int) -> int:
        """How many places a region's quotas have left, its phases taken together; no more than the programme has.

        Quotas of phases are a part of the programme's own, and where only some phases have quotas, theirs alone count.
        """
        lineage = self.lineages.get(region_id, ())

        def free(phase: str) -> int | None:
            own = quota.free_places(lineage, self.quotas.get(phase, {}), self.used.get(phase, {}))
            return None if own is None else quota.tightest(own, self.left(phase, ""))

        whole, phases = free(WHOLE), [free(one.key) for one in self.programme.phases]
        of_phases = sum(one for one in phases if one is not None)
        if whole is None:
            return quota.tightest(of_phases, self.left(WHOLE, "")) or 0
        return whole if not phases or None in phases else min(whole, of_phases)

    def take(self, region_id: int | None, phase: str, tier: str, count: int = 1) -> None:
        """Count more learners: one, or as many as are said."""
        for key in (WHOLE, _phase(phase), _tier(tier)):
            self.enrolled[key] = self.enrolled.get(key, 0) + count
        for one in dict.fromkeys((WHOLE, phase)):
            used = self.used.setdefault(one, {})
            for above in self.lineages.get(region_id, ()) if region_id is not None else ():
                used[above] = used.get(above, 0) + count

    def copied(self) -> "Places":
        """The same, to try out what taking somebody would leave."""
        used = {phase: dict(by_region) for phase, by_region in self.used.items()}
        return replace(self, used=used, enrolled=dict(self.enrolled))


def places_of(session: Session, current: InForce, *regions: int | None) -> Places:
    """What is taken and free of a programme; `regions` are further ones that will be asked about."""
    quotas: dict[str, dict[int, int]] = {}
    for region_id, phase, own in session.execute(
        select(Quota.region_id, Quota.phase, Quota.places).where(Quota.programme_id == current.id)
    ):
        quotas.setdefault(phase, {})[region_id] = own
    sender = func.coalesce(Nomination.region_id, Enrolment.region_id)
    # Who withdrew and was nominated anew has several that were accepted: the place is that of the last one.
    last = (
        select(func.max(Nomination.id))
        .where(Nomination.programme_id == current.id, Nomination.state == "accepted")
        .group_by(Nomination.enrolment_id)
    )
    rows = session.execute(
        select(sender, Enrolment.variant, func.count())
        .outerjoin(Nomination, (Nomination.enrolment_id == Enrolment.id) & Nomination.id.in_(last))
        .where(Enrolment.programme_id == current.id, Enrolment.state == "active")
        .group_by(sender, Enrolment.variant)
    ).all()
    named = {one for by_region in quotas.values() for one in by_region} | {row[0] for row in rows} | set(regions)
    lineages = lineages_of(session, (one for one in named if one is not None))
    senders: dict[str, list[tuple[Lineage, int]]] = {WHOLE: []}
    enrolled: dict[str, int] = {}
    for region_id, variant, count in rows:
        taken = Variant.read(variant)
        for key in (WHOLE, _phase(taken.phase), _tier(taken.tier)):
            enrolled[key] = enrolled.get(key, 0) + count
        for phase in dict.fromkeys((WHOLE, taken.phase)):
            senders.setdefault(phase, []).append((lineages.get(region_id, ()), count))
    used = {phase: quota.used_by_region(some) for phase, some in senders.items()}
    return Places(current.programme, quotas, lineages, used, enrolled)


def sender_of(session: Session, enrolment: Enrolment) -> int | None:
    """The region whose place an enrolment takes: which sent the learner last, else where they teach."""
    sent = (
        select(Nomination.region_id)
        .where(Nomination.enrolment_id == enrolment.id, Nomination.state == "accepted")
        .order_by(Nomination.id.desc())
        .limit(1)
    )
    return session.scalar(sent) or enrolment.region_id


def places_if_all_are_taken(session: Session, current: InForce) -> Places:
    """What would be taken and free if everybody whose nomination is not decided yet got a place, where there is one."""
    rows = session.execute(
        select(Nomination.region_id, Nomination.phase, Nomination.tier, func.count())
        .where(Nomination.programme_id == current.id, Nomination.state.in_(("submitted", "waiting")))
        .group_by(Nomination.region_id, Nomination.phase, Nomination.tier)
        .order_by(Nomination.region_id, Nomination.phase, Nomination.tier)
    ).all()
    places = places_of(session, current, *(row.region_id for row in rows))
    for region_id, phase, tier, count in rows:
        free = places.free(region_id, phase, tier)
        places.take(region_id, phase, tier, count if free is None else min(count, free))
    return places


def lineages_of(session: Session, region_ids: Iterable[int]) -> dict[int, Lineage]:
    """The lineage of each of these regions."""
    found: dict[int, Lineage] = {}
    for some in portions(sorted(set(region_ids))):
        found |= {one.id: one.lineage for one in session.scalars(select(Region).where(Region.id.in_(some)))}
    return found


def quotas(session: Session, actor: Actor, current: InForce, phase: str = WHOLE) -> list[QuotaShown]:
    """The quotas of what an office admin answers for, from provinces down, by code.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    places = places_of(session, current)
    own, used = places.quotas.get(phase, {}), places.used.get(phase, {})
    regions = [
        one
        for some in portions(sorted(own))
        for one in session.scalars(select(Region).where(Region.id.in_(some)))
        if scope.covers(one.lineage)
    ]
    return [
        QuotaShown(
            region=one,
            places=own[one.id],
            used=used.get(one.id, 0),
            free=quota.free_places(one.lineage, own, used) or 0,
            kept=quota.undistributed(own, places.lineages, one.id),
        )
        for one in sorted(regions, key=lambda one: (LEVELS.index(one.level), one.code))
    ]


def set_quota(
    session: Session,
    actor: Actor,
    programme_id: int,
    region_code: str,
    places: int | None,
    now: datetime,
    *,
    phase: str = WHOLE,
) -> None:
    """Give a region so many places, or none of its own any more (`places` None).

    The whole office gives to every region; a regional admin hands down what the own region has.

    Raises:
        NotAllowed: the person is no office admin, or the region is not below their own.
        NotFound: there is no such region in what they answer for, or no such phase.
        Malformed: `places_malformed`.
        Conflict: `quota_over` (name, places, given), `quota_over_programme` (places, given), `quota_below_used` (used).
    """
    region = access.managed_region(session, actor, region_code)
    if not may_give(access.office_scope(actor), region):
        raise NotAllowed(needs=access.OFFICE)
    if places is not None and not 0 <= places <= MOST_PLACES:
        raise Malformed("places_malformed", value=places)
    access.lock_programme(session, programme_id)
    current = catalogue.in_force(session, programme_id, now)
    if phase != WHOLE and current.programme.phase(phase) is None:
        raise NotFound(what="phase", key=phase)
    known = session.get(Quota, (programme_id, region.id, phase))
    if places is None:
        if known is not None:
            session.execute(
                delete(Quota).where(
                    Quota.programme_id == programme_id, Quota.region_id == region.id, Quota.phase == phase
                )
            )
            session.expire_all()
        return
    plan = Draft(session, current, (region,))
    used = plan.places.used.get(phase, {}).get(region.id, 0)
    if places < used:
        raise Conflict("quota_below_used", used=used)
    before = set(plan.overruns(phase))
    plan.set(region.id, phase, places)
    for one in plan.overruns(phase):
        if one not in before:
            raise Conflict(code_of(one), **plan.figures(one))
    session.merge(
        Quota(
            programme_id=programme_id,
            region_id=region.id,
            phase=phase,
            places=places,
            set_by_id=actor.user_id,
            set_at=now,
        )
    )
    session.flush()


@dataclass(slots=True)
class Draft:
    """Quotas as they would be, for looking at what is handed down."""

    session: Session
    current: InForce
    regions: Sequence[Region]
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        self.places = places_of(self.session, self.current, *(one.id for one in self.regions))

    def set(self, region_id: int, phase: str, places: int) -> None:
        self.places.quotas.setdefault(phase, {})[region_id] = places

    def overruns(self, phase: str) -> tuple[Overrun, ...]:
        group = self.current.programme.phase(phase)
        most = self.current.programme.places if group is None else group.places
        return quota.overruns(self.places.quotas.get(phase, {}), self.places.lineages, most)

    def figures(self, over: Overrun) -> dict[str, object]:
        figures: dict[str, object] = {"places": over.places, "given": over.given}
        if over.region_id is not None:
            figures["name"] = self.session.get_one(Region, over.region_id).name
        return figures


def code_of(over: Overrun) -> str:
    return "quota_over_programme" if over.region_id is None else "quota_over"


def may_give(scope: Scope, region: Region) -> bool:
    """Whether who has this scope hands places to a region: everywhere, or below the own region."""
    return scope.region_ids is None or (region.id not in scope.region_ids and scope.covers(region.lineage))


def _phase(key: str) -> str:
    return f"phase {key}"


def _tier(key: str) -> str:
    return f"tier {key}"
