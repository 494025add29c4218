"""What the files of a programme must agree on among each other."""

from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from lms_plugin.content.document import Place
from lms_plugin.content.faults import Fault
from lms_plugin.content.schema import QuestionsFile
from lms_plugin.domain.programme import Component, ComponentKind, Programme


def programme_faults(
    programme: Programme, folder_name: str, listed: list[str], place: Place, *, has_video: bool
) -> list[Fault]:
    """The faults among the parts of a programme.

    `listed` are the modules programme.toml names, some of which may be missing from `programme` for faults of their
    own; `has_video` says whether any of them has a film.
    """
    faults: list[Fault] = []
    if programme.key != folder_name:
        faults.append(place.fault(("key",), f'must be the name of its folder, "{folder_name}"'))
    if programme.window.closes_on <= programme.window.opens_on:
        faults.append(place.fault(("window", "closes_on"), "must be after opens_on"))
    if programme.watching.late_window_seconds <= programme.watching.beat_interval_seconds:
        key = ("watching", "late_window_seconds")
        faults.append(place.fault(key, "must be longer than beat_interval_seconds"))
    faults.extend(_component_faults(programme, len(set(listed)), place, has_video=has_video))
    faults.extend(_total_faults(programme, len(set(listed)), place))
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


def _component_faults(programme: Programme, modules: int, place: Place, *, has_video: bool) -> Iterator[Fault]:
    components = programme.components
    for index in _repeated([component.key for component in components]):
        yield place.fault(("components", index, "key"), f'"{components[index].key}" is used twice')
    for index in _repeated([component.kind for component in components]):
        kind = components[index].kind
        yield place.fault(("components", index, "kind"), f"a second {kind} component would never get an hour")
    for index, component in enumerate(components):
        cap = component.max_class_hours
        if cap is not None and cap < component.required_class_hours:
            yield place.fault(("components", index, "max_class_hours"), "is less than required_class_hours")
        if component.kind is ComponentKind.VIDEO and not has_video:
            yield place.fault(("components", index, "kind"), "no module of the programme has a video")
        if component.kind is ComponentKind.DISCUSSION:
            most = _most_from_discussion(programme, modules)
            if most is not None and component.required_class_hours > most:
                key = ("components", index, "required_class_hours")
                yield place.fault(key, f"the rule of [discussion] gives at most {_plain(most)} class hours")


def _total_faults(programme: Programme, modules: int, place: Place) -> Iterator[Fault]:
    required = sum((component.required_class_hours for component in programme.components), Decimal(0))
    key = ("total_class_hours",)
    if required > programme.total_class_hours:
        yield place.fault(key, f"is less than the {_plain(required)} class hours its components require")
    reachable = [_most_from(component, programme, modules) for component in programme.components]
    if all(most is not None for most in reachable):
        most = sum((most for most in reachable if most is not None), Fraction(0))
        if most < programme.total_class_hours:
            yield place.fault(key, f"cannot be reached: the components give at most {_plain(most)} class hours")


def _block_faults(programme: Programme, listed: list[str], place: Place) -> Iterator[Fault]:
    blocks = [(listed.index(module.key), module.block_key) for module in programme.modules if module.block_key]
    if blocks and programme.lms is None:
        yield place.fault(("modules", blocks[0][0]), "has a block_key, but the programme has no [lms] table")
    of_programme = [programme.lms.block_key] if programme.lms and programme.lms.block_key else []
    for position in _repeated([*of_programme, *(block for _, block in blocks)]):
        index, block = blocks[position - len(of_programme)]
        yield place.fault(("modules", index), f'its block_key "{block}" is used twice')


def _most_from(component: Component, programme: Programme, modules: int) -> Fraction | None:
    """The most class hours a component can give, None where nothing declared limits it."""
    limits = [] if component.max_class_hours is None else [Fraction(component.max_class_hours)]
    if component.kind is ComponentKind.DISCUSSION:
        limits.extend(limit for limit in [_most_from_discussion(programme, modules)] if limit is not None)
    return min(limits, default=None)


def _most_from_discussion(programme: Programme, modules: int) -> Fraction | None:
    rule = programme.discussion
    days = (programme.window.closes_on - programme.window.opens_on).days
    caps = [
        rule.max_total,
        None if rule.max_per_module is None else rule.max_per_module * modules,
        None if rule.max_per_day is None or days <= 0 else rule.max_per_day * days,
    ]
    posts = min((cap for cap in caps if cap is not None), default=None)
    return None if posts is None else Fraction(posts * rule.credit_minutes, programme.class_hour_minutes)


def _repeated(items: Iterable[Hashable]) -> list[int]:
    """The positions of items that stand earlier already."""
    seen: set[Hashable] = set()
    positions = []
    for position, item in enumerate(items):
        if item in seen:
            positions.append(position)
        seen.add(item)
    return positions


def _plain(hours: Decimal | Fraction) -> str:
    return f"{float(hours):g}"
