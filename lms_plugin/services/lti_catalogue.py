"""What a platform's link can show: programmes and their modules, searched and previewed by the author of a course."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_UP, Decimal

from sqlalchemy.orm import Session

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import MINUTE_MS, Programme, Text
from lms_plugin.services import catalogue
from lms_plugin.services.catalogue import CatalogueModule
from lms_plugin.services.markup import plain_beginning

BEGINNING = 240
"""How much of a reading or description stands in a preview, in characters."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A programme (`module_key` None) or one of its modules, with what an author wants to know before linking it.

    `required_class_hours` is what a learner has to reach; None where there is nothing to reach, and so no score.
    `film_ms` is the length of all film, `awaited_ms` of what the provider has yet to deliver.
    """

    programme_key: str
    module_key: str | None
    title: Text
    beginning: Text
    required_class_hours: Decimal | None
    film_ms: int
    awaited_ms: int
    modules: int
    has_reading: bool

    @property
    def key(self) -> str:
        """`programme` or `programme/module`."""
        return self.programme_key if self.module_key is None else f"{self.programme_key}/{self.module_key}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A programme and those of its modules that were found."""

    programme: Choice
    modules: tuple[Choice, ...]


def shelves(session: Session, now: datetime, words: str = "") -> list[Shelf]:
    """Every programme in which all the words occur, with all its modules; else with those modules in which they do."""
    wanted = words.casefold().split()
    found = []
    for shelf in _all(session, now):
        if _holds(shelf.programme, wanted):
            found.append(shelf)
            continue
        # The words may be spread: some name the programme, the others a module of it.
        modules = tuple(one for one in shelf.modules if _holds(one, wanted, shelf.programme))
        if modules:
            found.append(Shelf(shelf.programme, modules))
    return found


def chosen(session: Session, now: datetime, keys: Sequence[str]) -> list[Choice]:
    """The choices with these keys, in the catalogue's order; keys that name nothing are left out."""
    wanted = set(keys)
    return [one for shelf in _all(session, now) for one in (shelf.programme, *shelf.modules) if one.key in wanted]


def _all(session: Session, now: datetime) -> list[Shelf]:
    return [
        Shelf(
            _programme(current.programme, modules),
            tuple(_module(current.programme, one) for one in modules),
        )
        for current in catalogue.all_in_force(session, now)
        for modules in [catalogue.modules_of(session, current, None)]
    ]


def _programme(programme: Programme, modules: Sequence[CatalogueModule]) -> Choice:
    return Choice(
        programme_key=programme.key,
        module_key=None,
        title=programme.title,
        beginning=_beginning(programme.description),
        required_class_hours=programme.total_class_hours if programme.total_class_hours > 0 else None,
        film_ms=sum(one.video.duration_ms for one in modules if one.video is not None),
        awaited_ms=sum(_awaited_ms(one) for one in modules),
        modules=len(modules),
        has_reading=any(one.module.reading is not None for one in modules),
    )


def _module(programme: Programme, found: CatalogueModule) -> Choice:
    module = found.module
    film_ms, awaited_ms = found.video.duration_ms if found.video is not None else 0, _awaited_ms(found)
    whole_ms = film_ms or awaited_ms
    text = module.summary or module.reading
    return Choice(
        programme_key=programme.key,
        module_key=module.key,
        title=module.title,
        beginning=_beginning(text) if text is not None else Text("", ""),
        required_class_hours=class_hours(whole_ms, programme.class_hour_ms, rounding=ROUND_UP) if whole_ms else None,
        film_ms=film_ms,
        awaited_ms=awaited_ms,
        modules=1,
        has_reading=module.reading is not None,
    )


def _awaited_ms(found: CatalogueModule) -> int:
    return (found.module.awaited_minutes or 0) * MINUTE_MS if found.video is None else 0


def _beginning(text: Text) -> Text:
    return Text(plain_beginning(text.zh, BEGINNING), plain_beginning(text.en, BEGINNING))


def _holds(choice: Choice, wanted: Sequence[str], inside: Choice | None = None) -> bool:
    of_choice = (choice.title.zh, choice.title.en, choice.beginning.zh, choice.beginning.en, choice.key)
    around = (inside.title.zh, inside.title.en) if inside is not None else ()
    text = "\n".join((*of_choice, *around)).casefold()
    return all(word in text for word in wanted)
