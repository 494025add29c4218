"""What waits for a tutor in a class group: one line for each kind, with its words and the page where it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.http.tutoring_wording import age
from lms_plugin.services import tutoring_waits, waiting
from lms_plugin.services.tutoring_waits import Waits


@dataclass(frozen=True, slots=True)
class Wait:
    """A kind of what waits: how it is counted, said, and where it is done."""

    count: Waits
    sentence: Callable[[int], str]
    address: Callable[[int], str]
    """The page, by class group."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits in one class group, in words, with its page."""

    number: int
    sentence: str
    age: str
    address: str


WAITS: tuple[Wait, ...] = (
    Wait(
        tutoring_waits.questions,
        lambda num: ngettext("%(num)s question to answer", "%(num)s questions to answer", num),
        lambda group_id: url_for("pages.tutor_questions", group=group_id),
    ),
    Wait(
        tutoring_waits.threads,
        lambda num: ngettext("%(num)s discussion to join", "%(num)s discussions to join", num),
        lambda group_id: url_for("pages.tutor", group=group_id, _anchor="discussion"),
    ),
    Wait(
        tutoring_waits.posts,
        lambda num: ngettext("%(num)s post to look at", "%(num)s posts to look at", num),
        lambda group_id: url_for("pages.tutor_posts"),
    ),
    Wait(
        tutoring_waits.homework,
        lambda num: ngettext("%(num)s piece of homework to mark", "%(num)s pieces of homework to mark", num),
        lambda group_id: url_for("pages.tutor_coursework"),
    ),
    Wait(
        tutoring_waits.held_film,
        lambda num: ngettext("%(num)s film with held stretches", "%(num)s films with held stretches", num),
        lambda group_id: url_for("pages.tutor", group=group_id, _anchor="held"),
    ),
    Wait(
        tutoring_waits.attendance_lists,
        lambda num: ngettext("%(num)s attendance list to confirm", "%(num)s attendance lists to confirm", num),
        lambda group_id: url_for("pages.tutor_meetings"),
    ),
    Wait(
        tutoring_waits.disputes,
        lambda num: ngettext("%(num)s dispute to answer", "%(num)s disputes to answer", num),
        lambda group_id: url_for("pages.tutor_disputes"),
    ),
)


def tasks(store: Session, group_ids: Sequence[int], now: datetime) -> dict[int, list[Task]]:
    """What waits in each of these class groups, which the caller may see."""
    found: dict[int, list[Task]] = {one: [] for one in group_ids}
    for kind in WAITS:
        for group_id, one in kind.count(store, group_ids, now).items():
            task = Task(one.number, kind.sentence(one.number), age(one.oldest_at, now), kind.address(group_id))
            found[group_id].append(task)
    return found


def number(some: Sequence[Task]) -> str:
    """How much waits in all, for a badge; empty where nothing does."""
    total = sum(one.number for one in some)
    return "" if not total else str(total) if total < waiting.MOST else f"{waiting.MOST - 1}+"
