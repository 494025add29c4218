"""What a simulated learner aims at: how many milliseconds of each component make a programme complete."""

from collections.abc import Mapping
from dataclasses import dataclass

from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.programme import MINUTE_MS, Component, ComponentKind, Programme

_ORDER = (
    ComponentKind.FACE_TO_FACE,
    ComponentKind.GROUP_VIEWING,
    ComponentKind.SCHOOL_BASED,
    ComponentKind.VIDEO,
    ComponentKind.QNA,
    ComponentKind.DISCUSSION,
    ComponentKind.PLACEMENT,
)
_NO_END = 10**12


@dataclass(frozen=True, slots=True)
class Aims:
    """Milliseconds of study by component."""

    by_component: Mapping[str, int]

    def of(self, component: Component) -> int:
        return self.by_component.get(component.key, 0)


def aims_of(programme: Programme, films_ms: int, *, has_line: bool = True) -> Aims:
    """What is required of each component, and the rest of the total shared among those that can give more.

    Who has no line takes none of the rest from films, as long as something else can give it.
    """
    hour_ms = programme.class_hour_ms
    found = {one.key: milliseconds_of(one.required_class_hours, hour_ms) for one in programme.components}
    total = milliseconds_of(programme.total_class_hours, hour_ms)
    free = total - sum(found[one.key] for one in programme.components if one.in_total)
    able = sorted(
        (one for one in programme.components if one.in_total and one.kind in _ORDER),
        key=lambda one: (one.required_class_hours > 0, _ORDER.index(one.kind)),
    )
    while free > 0:
        open_to_more = [one for one in able if _most_ms(one, programme, films_ms) > found[one.key]]
        if not open_to_more:
            break
        if not has_line:
            open_to_more = [one for one in open_to_more if one.kind is not ComponentKind.VIDEO] or open_to_more
        # Whole units where a component gives nothing smaller; the first ones in order share what is left.
        sharing = open_to_more[:4]
        share = -(-free // len(sharing))
        for one in sharing:
            more = min(_in_units(one, share, programme), _most_ms(one, programme, films_ms) - found[one.key])
            found[one.key] += more
            free -= more
            if free <= 0:
                break
    return Aims(found)


def _in_units(component: Component, wanted_ms: int, programme: Programme) -> int:
    unit = unit_ms(component, programme)
    return -(-wanted_ms // unit) * unit


def unit_ms(component: Component, programme: Programme) -> int:
    """The least that a component gives at once."""
    given = component.study.credit_class_hours
    if given is not None:
        return milliseconds_of(given, programme.class_hour_ms)
    if component.kind is ComponentKind.DISCUSSION:
        return programme.discussion.credit_ms
    return MINUTE_MS


def _most_ms(component: Component, programme: Programme, films_ms: int) -> int:
    """The most that a component can give."""
    most = _NO_END
    if component.max_class_hours is not None:
        most = milliseconds_of(component.max_class_hours, programme.class_hour_ms)
    if component.kind is ComponentKind.VIDEO:
        most = min(most, films_ms)
    elif component.kind is ComponentKind.DISCUSSION:
        rule, posts = programme.discussion, _NO_END
        if rule.max_per_module is not None:
            posts = rule.max_per_module * len(programme.modules)
        if rule.max_total is not None:
            posts = min(posts, rule.max_total)
        most = min(most, posts * rule.credit_ms)
    return most
