"""Moments that forms carry: when what somebody read was handed in, so that nothing is decided unseen."""

from collections.abc import Iterable
from datetime import datetime

from lms_plugin.web.numbers import as_id


def as_moment(text: str) -> datetime | None:
    """The moment that a text names, with its time zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def seen_by_id(values: Iterable[str]) -> dict[int, datetime]:
    """What ticks of the form ID@INSTANT name, by id; whatever is none is left out."""
    found = {}
    for text in values:
        number, _, instant = text.partition("@")
        key, seen_at = as_id(number), as_moment(instant)
        if key is not None and seen_at is not None:
            found[key] = seen_at
    return found
