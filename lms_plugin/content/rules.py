"""What the files of a programme must agree on among each other."""

from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from lms_plugin.content.document import Place
from lms_plugin.content.faults import Fault
from lms_plugin.content.lines import KeyPath
from lms_plugin.content.reach import Material, months_in, most_from, most_in_a_week, plain
from lms_plugin.content.schema import QuestionsFile
from lms_plugin.domain.modes import MEETING_KINDS
from lms_plugin.domain.pace import whole_weeks
from lms_plugin.domain.programme import Component, ComponentKind, Group, Programme, Variant, months_after

PROGRAMME_KEY_LENGTH = 50
"""Ledger entries name the rule they were counted by as "key@version" in 60 characters."""

NAMED_KINDS = (*MEETING_KINDS, ComponentKind.SCHOOL_BASED)
"""Kinds of which a programme may have several components: whoever enters a meeting or activity names the one."""


def programme_faults(
    programme: Programme, folder_name: str, listed: list[str], place: Place, material: Material, *, has_video: bool
) -> list[Fault]:
    """The faults among the parts of a programme.

    `listed` are the modules programme.toml names, some of which may be missing from `programme` for faults of their
    own; `has_video` says whether any of them has a film, or awaits one.
    """
    faults: list[Fault] = []
    if programme.key != folder_name:
        faults.append(place.fault(("key",), f'must be the name of its folder, "{folder_name}"'))
    if len(programme.key) > PROGRAMME_KEY_LENGTH:
        faults.append(place.fault(("key",), f"must be at most {PROGRAMME_KEY_LENGTH} long"))
    faults.extend(_date_faults(programme, place))
    if programme.watching.late_window_seconds <= programme.watching.beat_interval_seconds:
        key = ("watching", "late_window_seconds")
        faults.append(place.fault(key, "must be longer than beat_interval_seconds"))
    faults.extend(_component_faults(programme, place, has_video=has_video))
    faults.extend(_group_faults(programme, place))
    faults.extend(_faults_of_variants(programme, place, material))
    faults.extend(_block_faults(programme, listed, place))
    return faults


def questions_faults(table: QuestionsFile, place: Place) -> Iterator[Fault]:
    """Keys given twice, answers that are no choice, choices that read the same."""
    keys = [question.key for question in table.questions]
    for index in _repeated(keys):
        yield place.fault(("questions", index, "key"), f'"{keys[index]}" is used twice')
    for index, question in enumerate(table.questions):
        here = ("questions", index)
        if question.answer >= len(question.choices):
            last = len(question.choices) - 1
            yield place.fault((*here, "answer"), f"must be the index of a choice, 0 to {last}")
        for language in ("zh", "en"):
            texts = [getattr(choice, language) for choice in question.choices]
            for choice in _repeated(texts):
                yield place.fault((*here, "choices", choice), f"the same {language} text as another choice")


def _date_faults(programme: Programme, place: Place) -> Iterator[Fault]:
    window = programme.window
    if window.closes_on <= window.opens_on:
        yield place.fault(("window", "closes_on"), "must be after opens_on")
    elif programme.window_months and months_after(window.opens_on, programme.window_months) > window.closes_on:
        yield place.fault(("window", "months"), "the window is not as long as that")
    if programme.applies_from is not None and programme.applies_from >= window.closes_on:
        yield place.fault(("applies_from",), "the window has closed by then")
    rule = programme.nomination
    if rule is not None:
        if rule.deadline_on is not None and rule.deadline_on > window.closes_on:
            yield place.fault(("nomination", "deadline_on"), "the window has closed by then")
        for index in _repeated(rule.subjects):
            yield place.fault(("nomination", "subjects", index), f'"{rule.subjects[index]}" is listed twice')


def _component_faults(programme: Programme, place: Place, *, has_video: bool) -> Iterator[Fault]:
    components = programme.components
    for index in _repeated([component.key for component in components]):
        yield place.fault(("components", index, "key"), f'"{components[index].key}" is used twice')
    phases = {phase.key for phase in programme.phases}
    for index, component in enumerate(components):
        here = ("components", index)
        cap = component.max_class_hours
        if cap is not None and cap < component.required_class_hours:
            yield place.fault((*here, "max_class_hours"), "is less than required_class_hours")
        if component.kind is ComponentKind.VIDEO and not has_video:
            yield place.fault((*here, "kind"), "no module of the programme has a video")
        if component.kind is ComponentKind.READING and not any(module.reading for module in programme.modules):
            yield place.fault((*here, "kind"), "no module of the programme has a reading")
        for position, phase in enumerate(component.for_phases):
            if phase not in phases:
                yield place.fault((*here, "for_phases", position), f'there is no phase "{phase}"')
        for position in _repeated(component.for_phases):
            yield place.fault((*here, "for_phases", position), f'"{component.for_phases[position]}" is listed twice')
        for position in _repeated([activity.kind for activity in component.study.activities]):
            kind = component.study.activities[position].kind
            yield place.fault((*here, "activities", position, "kind"), f'"{kind}" is listed twice')
        if component.kind is ComponentKind.PLACEMENT:
            yield from _placement_faults(programme, component, here, place)
        yield from _pace_faults(programme, component, here, place)
        yield from _elsewhere_faults(programme, component, here, place)


def _placement_faults(programme: Programme, component: Component, here: KeyPath, place: Place) -> Iterator[Fault]:
    study, months = component.study, months_in(programme)
    if study.most_months < study.least_months:
        yield place.fault((*here, "most_months"), "is less than least_months")
    if study.least_months > months:
        yield place.fault((*here, "least_months"), f"the window holds {months} months")


def _pace_faults(programme: Programme, component: Component, here: KeyPath, place: Place) -> Iterator[Fault]:
    if component.pace is None:
        return
    if not whole_weeks(programme.window, programme.window.closes_on):
        yield place.fault((*here, "pace"), "the window holds no whole week, Monday to Sunday")
    most = most_in_a_week(component, programme)
    if most is not None and component.pace.class_hours > most.class_hours:
        says = f"{most.because} gives at most {plain(most.class_hours)} class hours a week"
        yield place.fault((*here, "pace", "class_hours"), says)


def _elsewhere_faults(programme: Programme, component: Component, here: KeyPath, place: Place) -> Iterator[Fault]:
    if not component.study.elsewhere_share:
        return
    requires = [dict(group.requires).get(component.key) for group in (*programme.phases, *programme.tiers)]
    if not any((component.required_class_hours, *requires)):
        yield place.fault((*here, "elsewhere_share"), "is a share of required_class_hours, which is 0")
    if component.pace is not None:
        yield place.fault((*here, "elsewhere_share"), "hours from elsewhere belong to no week: not with a pace")


def _group_faults(programme: Programme, place: Place) -> Iterator[Fault]:
    window = programme.window
    for name, groups in (("phases", programme.phases), ("tiers", programme.tiers)):
        for index in _repeated([group.key for group in groups]):
            yield place.fault((name, index, "key"), f'"{groups[index].key}" is used twice')
        for index, group in enumerate(groups):
            here = (name, index)
            if group.opens_on is not None and group.opens_on < window.opens_on:
                yield place.fault((*here, "opens_on"), "is before the programme's window opens")
            if group.closes_on is not None and group.closes_on > window.closes_on:
                yield place.fault((*here, "closes_on"), "is after the programme's window closes")
            if (group.closes_on or window.closes_on) <= (group.opens_on or window.opens_on):
                key = "closes_on" if group.closes_on is not None else "opens_on"
                yield place.fault((*here, key), "leaves no day between opening and closing")
            yield from _requires_faults(programme, group, here, place)
            if programme.places is not None and group.places is not None and group.places > programme.places:
                yield place.fault((*here, "places"), f"is more than the {programme.places} places of the programme")
        together = sum(group.places or 0 for group in groups)
        if programme.places is not None and name == "phases" and together > programme.places:
            yield place.fault(("places",), f"is less than the {together} places of its phases")


def _requires_faults(programme: Programme, group: Group, here: KeyPath, place: Place) -> Iterator[Fault]:
    is_phase = here[0] == "phases"
    for key, required in group.requires:
        component = programme.component(key)
        if component is None:
            yield place.fault((*here, "requires", key), "there is no such component")
        elif is_phase and component.for_phases and group.key not in component.for_phases:
            yield place.fault((*here, "requires", key), "this component is not for this phase")
        elif component.max_class_hours is not None and component.max_class_hours < required:
            says = f"is more than the component's max_class_hours, {plain(component.max_class_hours)}"
            yield place.fault((*here, "requires", key), says)
    if is_phase and not any(not one.for_phases or group.key in one.for_phases for one in programme.components):
        yield place.fault(here, "no component is for this phase")


def _faults_of_variants(programme: Programme, place: Place, material: Material) -> Iterator[Fault]:
    """What cannot be reached; in which phase and tier is said where it can be in others."""
    phases = [phase.key for phase in programme.phases] or [""]
    tiers = [tier.key for tier in programme.tiers] or [""]
    variants = [Variant(phase, tier) for phase in phases for tier in tiers]
    found: dict[tuple[KeyPath, str], list[Variant]] = {}
    for variant in variants:
        for key, says in _unreachable(programme, variant, material):
            found.setdefault((key, says), []).append(variant)
    for (key, says), where in found.items():
        if len(where) == len(variants):
            yield place.fault(key, says)
        else:
            yield from (place.fault(key, f"{says} (in {_named(variant)})") for variant in where)


def _named(variant: Variant) -> str:
    return " and ".join(f'{name} "{key}"' for name, key in (("phase", variant.phase), ("tier", variant.tier)) if key)


def _unreachable(programme: Programme, variant: Variant, material: Material) -> Iterator[tuple[KeyPath, str]]:
    """What one who takes the programme in this phase and tier could never reach, and where that is written."""
    taken = programme.taken_as(variant)
    seen: set[ComponentKind] = set()
    reachable: list[Fraction | None] = []
    positions = [
        index
        for index, one in enumerate(programme.components)
        if not variant.phase or not one.for_phases or variant.phase in one.for_phases
    ]
    for index, component in zip(positions, taken.components, strict=True):
        if component.kind in seen and component.kind not in NAMED_KINDS:
            says = f"a second {component.kind} component would never get an hour"
            yield ("components", index, "kind"), says
        seen.add(component.kind)
        most = most_from(component, taken, material)
        if most is not None and component.required_class_hours > most.class_hours:
            says = f"{most.because} gives at most {plain(most.class_hours)} class hours"
            yield _required_at(programme, variant, component, index), says
        limits = [None if most is None else most.class_hours]
        limits.append(None if component.max_class_hours is None else Fraction(component.max_class_hours))
        if component.in_total:
            reachable.append(min((limit for limit in limits if limit is not None), default=None))
    key = _total_at(programme, variant)
    required = sum((one.required_class_hours for one in taken.components if one.in_total), Decimal(0))
    if required > taken.total_class_hours:
        yield key, f"is less than the {plain(required)} class hours its components require"
    if None not in reachable:
        together = sum((one for one in reachable if one is not None), Fraction(0))
        if together < taken.total_class_hours:
            yield key, f"cannot be reached: the components give at most {plain(together)} class hours"


def _required_at(programme: Programme, variant: Variant, component: Component, index: int) -> KeyPath:
    """Where it is written what a component requires: the tier's word comes after the phase's."""
    for name, groups, chosen in _chosen(programme, variant):
        position = next((i for i, group in enumerate(groups) if group.key == chosen), None)
        if position is not None and component.key in dict(groups[position].requires):
            return (name, position, "requires", component.key)
    return ("components", index, "required_class_hours")


def _total_at(programme: Programme, variant: Variant) -> KeyPath:
    for name, groups, chosen in _chosen(programme, variant):
        position = next((i for i, group in enumerate(groups) if group.key == chosen), None)
        if position is not None and groups[position].total_class_hours is not None:
            return (name, position, "total_class_hours")
    return ("total_class_hours",)


def _chosen(programme: Programme, variant: Variant) -> list[tuple[str, tuple[Group, ...], str]]:
    return [("tiers", programme.tiers, variant.tier), ("phases", programme.phases, variant.phase)]


def _block_faults(programme: Programme, listed: list[str], place: Place) -> Iterator[Fault]:
    blocks = [(listed.index(module.key), module.block_key) for module in programme.modules if module.block_key]
    if blocks and programme.lms is None:
        yield place.fault(("modules", blocks[0][0]), "has a block_key, but the programme has no [lms] table")
    of_programme = [programme.lms.block_key] if programme.lms and programme.lms.block_key else []
    for position in _repeated([*of_programme, *(block for _, block in blocks)]):
        index, block = blocks[position - len(of_programme)]
        yield place.fault(("modules", index), f'its block_key "{block}" is used twice')


def _repeated(items: Iterable[Hashable]) -> list[int]:
    """The positions of items that stand earlier already."""
    seen: set[Hashable] = set()
    positions = []
    for position, item in enumerate(items):
        if item in seen:
            positions.append(position)
        seen.add(item)
    return positions
