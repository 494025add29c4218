"""What of a film is held or withheld, as pages show it: in groups of one reason, with an address that plays it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Reason, Stretch
from lms_plugin.http.wording import stretch_sentence
from lms_plugin.services.study import StudyModule
from lms_plugin.web.showing import whole_clock

HELD, WITHHELD = "held", "withheld"


@dataclass(frozen=True, slots=True)
class Link:
    """A stretch in words, and where it is played (None: the reader is not the learner)."""

    text: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """The stretches of one reason; `state` is held or withheld."""

    state: str
    reason: Reason
    sentence: str
    segments: Segments
    links: tuple[Link, ...] = ()

    @property
    def length_ms(self) -> int:
        return intervals.length(self.segments)


@dataclass(frozen=True, slots=True)
class NotCounted:
    """What of one module's film is not counted at present."""

    module: StudyModule
    groups: tuple[Group, ...]

    @property
    def held_ms(self) -> int:
        return sum(one.length_ms for one in self.groups if one.state == HELD)

    @property
    def withheld_ms(self) -> int:
        return sum(one.length_ms for one in self.groups if one.state == WITHHELD)


def not_counted(module: StudyModule, enrolment_id: int, *, is_own: bool) -> NotCounted:
    """What of a module's film is held and withheld; each stretch has one reason."""
    groups = (*grouped(module.held, HELD), *grouped(module.only_withheld, WITHHELD))
    if is_own:
        groups = tuple(_linked(group, module, enrolment_id) for group in groups)
    else:
        groups = tuple(_worded(group) for group in groups)
    return NotCounted(module, groups)


def all_not_counted(modules: Sequence[StudyModule], enrolment_id: int, *, is_own: bool) -> list[NotCounted]:
    """`not_counted` for those modules where there is something."""
    found = [not_counted(one, enrolment_id, is_own=is_own) for one in modules]
    return [one for one in found if one.groups]


def grouped(stretches: Sequence[Stretch], state: str) -> tuple[Group, ...]:
    """Stretches by reason, in the order of the film."""
    return tuple(
        Group(
            state,
            reason,
            stretch_sentence(reason, held=state == HELD),
            intervals.merge((one.from_ms, one.to_ms) for one in stretches if one.reason is reason),
        )
        for reason in dict.fromkeys(one.reason for one in stretches)
    )


def spans(module: StudyModule, found: NotCounted) -> list[tuple[str, float, float]]:
    """A whole film as its bar draws it: state, from and to in seconds."""
    drawn = [("counted", start, end) for start, end in module.covered]
    drawn += [(group.state, start, end) for group in found.groups for start, end in group.segments]
    return [(state, start / 1000, end / 1000) for state, start, end in drawn]


def _worded(group: Group) -> Group:
    links = tuple(Link(_stretch(start, end), None) for start, end in group.segments)
    return Group(group.state, group.reason, group.sentence, group.segments, links)


def _linked(group: Group, module: StudyModule, enrolment_id: int) -> Group:
    if group.reason is Reason.SKIPPED_AHEAD:
        # Only what lies before it brings it back; watching it once more would change nothing.
        start = group.segments[0][0]
        known = intervals.union(module.covered, intervals.merge((one.from_ms, one.to_ms) for one in module.held))
        hole = next((begin for begin, _end in intervals.subtract(((0, start),), known)), 0)
        text = _("Watch what comes before {at}").replace("{at}", whole_clock(start))
        links: tuple[Link, ...] = (Link(text, _address(module, enrolment_id, hole, None)),)
    else:
        links = tuple(
            Link(
                _("Watch {stretch} again").replace("{stretch}", _stretch(start, end)),
                _address(module, enrolment_id, start, end),
            )
            for start, end in group.segments
        )
    return Group(group.state, group.reason, group.sentence, group.segments, links)


def _address(module: StudyModule, enrolment_id: int, from_ms: int, to_ms: int | None) -> str:
    query: dict[str, Any] = {"from": f"{from_ms / 1000:.3f}", "to": None if to_ms is None else f"{to_ms / 1000:.3f}"}
    return url_for("pages.module", enrolment_id=enrolment_id, module_id=module.id, **query)


def _stretch(start: int, end: int) -> str:
    return f"{whole_clock(start)}–{whole_clock(-(-end // 1000) * 1000)}"
