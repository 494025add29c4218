"""Questions to the tutor: what they are in, since when they wait, which are alike, and what names nobody."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from lms_plugin.domain.own_text import own_text
from lms_plugin.domain.repeats import similarity

ALIKE_RATIO = Fraction(3, 10)
"""So much of the one question stands in the other where they are shown as alike; a person decides what that means."""
LEAST_TO_COMPARE = 4
"""Characters of one's own that a text has before anything is looked for: two words are in every question."""
WAITS_LONG = timedelta(days=1)
_MARKS = re.compile(r"^[\s>#*+\-]+|[*_`]")
_SHORTEST_NAME = 2

Key = TypeVar("Key")


class QuestionState(StrEnum):
    """`merged` points to another question, which is the one that is answered."""

    OPEN = "open"
    ANSWERED = "answered"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a question is in; `since` is when it began to wait for the tutor, None while it does not."""

    state: QuestionState
    since: datetime | None

    def is_long(self, now: datetime, limit: timedelta = WAITS_LONG) -> bool:
        """Whether it waits for as long as the limit, or longer."""
        return self.since is not None and now - self.since >= limit


def asked(now: datetime) -> Waiting:
    """A new question waits."""
    return Waiting(QuestionState.OPEN, now)


def answered() -> Waiting:
    """An answered question waits for nobody."""
    return Waiting(QuestionState.ANSWERED, None)


def merged() -> Waiting:
    """Of two that were merged only the other one waits."""
    return Waiting(QuestionState.MERGED, None)


def followed_up(waiting: Waiting, now: datetime) -> Waiting:
    """The asker wrote more: an answered or merged question waits anew, one that waits already keeps its place."""
    return waiting if waiting.state is QuestionState.OPEN else asked(now)


def alike(text: str, others: Iterable[tuple[Key, str]], *, most: int = 5) -> list[Key]:
    """The keys of those texts that are like this one, the most alike first, at most so many.

    Of equally alike ones the order is that in which they came.
    """
    own = own_text(text)
    if len(own.replace(" ", "")) < LEAST_TO_COMPARE:
        return []
    found = [(similarity(own, own_text(other)), key) for key, other in others]
    near = [one for one in found if one[0] >= ALIKE_RATIO]
    return [key for _, key in sorted(near, key=lambda one: -one[0])[:most]]


def headline(body: str, longest: int = 80) -> str:
    """The first line of a text without its Markdown signs, for lists."""
    lines = (_MARKS.sub("", line).strip() for line in body.splitlines())
    first = next((line for line in lines if line), "") or " ".join(body.split())
    return first if len(first) <= longest else first[: longest - 1].rstrip() + "…"


def named_in(text: str, names: Sequence[str]) -> str | None:
    """The first of these people's names that a text contains, None where it names nobody.

    A name of one character is no sign of anybody.
    """
    return next((name for name in names if len(name) >= _SHORTEST_NAME and name in text), None)
