"""Completion: met, or the list of what is missing; and the ratio 0..1 that an LMS is told."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from lms_plugin.domain.hours import Hours, Standing, milliseconds_of
from lms_plugin.domain.programme import ComponentKind, Programme

FOUR_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing still missing: `code` is stable, the rest fills its sentence.

    Codes: `posts`, `homework`, `examination`, `total_hours`, and for every other kind of component `<kind>_hours`
    (`video_hours`, `face_to_face_hours`). `class_hours` has two decimals, rounded up; `posts` is the number of counting
    posts that would do, `pieces` of passed pieces of homework. `component_key` is None for the total.
    """

    code: str
    component_key: str | None
    class_hours: Decimal
    posts: int = 0
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Whether an enrolment is complete, how far it is (ratio, four decimals, 1 only when complete), what is missing."""

    complete: bool
    ratio: Decimal
    missing: tuple[Missing, ...]


def decide(programme: Programme, hours: Hours) -> Completion:
    """The one decision on completion: every component's required hours and the total are reached."""
    missing = [
        _missing_in(programme, standing, standing.component.kind, standing.component.key)
        for standing in hours.components
        if standing.component is not None and not standing.is_met
    ]
    # The total is worth a line of its own only where reaching every component would still not reach it.
    after_components_ms = hours.total.counted_ms + sum(standing.remaining_ms for standing in hours.in_total)
    if after_components_ms < hours.total.required_ms:
        missing.append(Missing("total_hours", None, hours.total.remaining_class_hours))
    complete = not missing
    return Completion(complete, Decimal(1) if complete else ratio_of(*reached_of_whole(hours)), tuple(missing))


def ratio_of(part_ms: int, whole_ms: int) -> Decimal:
    """A ratio 0..1 with four decimals, rounded down, so that it is 1 only when the whole is reached."""
    if whole_ms <= 0 or part_ms >= whole_ms:
        return Decimal(1)
    return (Decimal(max(0, part_ms)) / Decimal(whole_ms)).quantize(FOUR_PLACES, rounding=ROUND_DOWN)


def module_ratio(covered_ms: int, duration_ms: int, programme: Programme) -> Decimal:
    """How far a module's film is for the LMS: 1 from the programme's completion threshold on."""
    return Decimal(1) if is_whole(covered_ms, duration_ms, programme) else ratio_of(covered_ms, duration_ms)


def is_whole(covered_ms: int, duration_ms: int, programme: Programme) -> bool:
    """Whether a module's film has reached the programme's completion threshold."""
    threshold = programme.watching.completion_threshold
    return covered_ms * threshold.denominator >= duration_ms * threshold.numerator


def reached_of_whole(hours: Hours) -> tuple[int, int]:
    """How much of what is required is reached, and all that is required, in milliseconds.

    Hours above one component's requirement help only as far as the total asks for more than the components do.
    """
    in_total = hours.in_total
    required = sum(standing.required_ms for standing in in_total)
    reached = sum(min(standing.counted_ms, standing.required_ms) for standing in in_total)
    free = max(0, hours.total.required_ms - required)
    spare = min(free, hours.total.counted_ms - reached)
    beside = [one for one in hours.components if one not in in_total]
    return (
        reached + spare + sum(min(one.counted_ms, one.required_ms) for one in beside),
        required + free + sum(one.required_ms for one in beside),
    )


def _missing_in(programme: Programme, standing: Standing, kind: ComponentKind, key: str) -> Missing:
    if kind is ComponentKind.DISCUSSION:
        posts = -(-standing.remaining_ms // programme.discussion.credit_ms)
        return Missing("posts", key, standing.remaining_class_hours, posts)
    if kind is ComponentKind.EXAMINATION:
        return Missing("examination", key, standing.remaining_class_hours)
    if kind is ComponentKind.HOMEWORK and standing.component is not None:
        each = standing.component.study.credit_class_hours
        each_ms = milliseconds_of(each, standing.class_hour_ms) if each else standing.remaining_ms
        return Missing("homework", key, standing.remaining_class_hours, pieces=-(-standing.remaining_ms // each_ms))
    return Missing(f"{kind.value}_hours", key, standing.remaining_class_hours)
