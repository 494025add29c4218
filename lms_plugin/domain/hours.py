"""Class hours: from milliseconds of credit to hours per component and in total.

Hours are whole milliseconds until they are shown. What is credited is rounded down and what remains is
rounded up, so that nothing looks reached before it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from lms_plugin.domain.programme import Component, Programme

HUNDREDTH = Decimal("0.01")
FINEST = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Standing:
    """Required and credited time of one component, or of the whole programme (`component` None).

    `credited_ms` is all the credit there is; `counted_ms` is what of it counts, at most the component's cap.
    `pending_ms` of the credit waits for its week to reach the pace.
    """

    component: Component | None
    required_ms: int
    credited_ms: int
    counted_ms: int
    class_hour_ms: int
    pending_ms: int = 0

    @property
    def remaining_ms(self) -> int:
        return max(0, self.required_ms - self.counted_ms)

    @property
    def is_met(self) -> bool:
        return self.remaining_ms == 0

    @property
    def required_class_hours(self) -> Decimal:
        return class_hours(self.required_ms, self.class_hour_ms, rounding=ROUND_UP)

    @property
    def credited_class_hours(self) -> Decimal:
        return class_hours(self.counted_ms, self.class_hour_ms, rounding=ROUND_DOWN)

    @property
    def remaining_class_hours(self) -> Decimal:
        return class_hours(self.remaining_ms, self.class_hour_ms, rounding=ROUND_UP)


@dataclass(frozen=True, slots=True)
class Reached:
    """Class hours reached of those required, with four decimals: equal only when all of them are reached."""

    credited: Decimal
    required: Decimal


@dataclass(frozen=True, slots=True)
class Hours:
    """One enrolment's hours: a standing per component, in the programme's order, and one in total."""

    components: tuple[Standing, ...]
    total: Standing

    @property
    def in_total(self) -> tuple[Standing, ...]:
        """The standings of the components whose hours make up the total."""
        return _in_total(self.components)


def class_hours(milliseconds: int, class_hour_ms: int, *, rounding: str) -> Decimal:
    """Milliseconds as class hours with two decimals."""
    return (Decimal(milliseconds) / Decimal(class_hour_ms)).quantize(HUNDREDTH, rounding=rounding)


def reached(part_ms: int, whole_ms: int, class_hour_ms: int) -> Reached:
    """How much of a requirement is reached, in class hours; never more than the requirement."""
    required = (Decimal(whole_ms) / Decimal(class_hour_ms)).quantize(FINEST, rounding=ROUND_UP)
    if part_ms >= whole_ms:
        return Reached(required, required)
    credited = (Decimal(max(0, part_ms)) / Decimal(class_hour_ms)).quantize(FINEST, rounding=ROUND_DOWN)
    return Reached(min(credited, required - FINEST), required)


def milliseconds_of(hours: Decimal, class_hour_ms: int) -> int:
    """Class hours as whole milliseconds, rounded up: what a programme asks for is never less than it says."""
    return int((hours * class_hour_ms).to_integral_value(rounding=ROUND_UP))


def reckon(programme: Programme, credited_ms: Mapping[str, int], pending_ms: Mapping[str, int] | None = None) -> Hours:
    """The hours of an enrolment from its ledger's sums.

    `credited_ms` maps component keys to the sum of their entries' amounts, `pending_ms` to what of it waits for its
    week to reach the pace (domain.weeks). Credit of a component that the programme no longer has is kept in the ledger
    and counts for nothing. A sum below zero counts as zero.
    """
    class_hour_ms = programme.class_hour_ms
    pending = pending_ms or {}
    components = tuple(
        _standing(component, max(0, credited_ms.get(component.key, 0)), pending.get(component.key, 0), class_hour_ms)
        for component in programme.components
    )
    in_total = _in_total(components)
    return Hours(
        components=components,
        total=Standing(
            component=None,
            required_ms=milliseconds_of(programme.total_class_hours, class_hour_ms),
            credited_ms=sum(standing.credited_ms for standing in in_total),
            counted_ms=sum(standing.counted_ms for standing in in_total),
            class_hour_ms=class_hour_ms,
            pending_ms=sum(standing.pending_ms for standing in in_total),
        ),
    )


def _in_total(standings: tuple[Standing, ...]) -> tuple[Standing, ...]:
    return tuple(one for one in standings if one.component is not None and one.component.in_total)


def _standing(component: Component, credited_ms: int, pending_ms: int, class_hour_ms: int) -> Standing:
    pending_ms = min(pending_ms, credited_ms)
    counted_ms = credited_ms - pending_ms
    if component.max_class_hours is not None:
        counted_ms = min(counted_ms, milliseconds_of(component.max_class_hours, class_hour_ms))
    return Standing(
        component=component,
        required_ms=milliseconds_of(component.required_class_hours, class_hour_ms),
        credited_ms=credited_ms,
        counted_ms=counted_ms,
        class_hour_ms=class_hour_ms,
        pending_ms=pending_ms,
    )
