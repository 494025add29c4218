"""Who of a class group needs their tutor, why, and whom to look at first."""

from dataclasses import dataclass
from enum import StrEnum

from lms_plugin.domain.pace import PaceState


class Concern(StrEnum):
    """Why a learner needs their tutor."""

    NOT_STARTED = "not_started"
    BEHIND = "behind"
    HELD = "held"
    MISSED_SESSIONS = "missed_sessions"
    HOMEWORK_RETURNED = "homework_returned"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one learner: the pace, what of it is missing by now, and what else stands in the way."""

    state: PaceState
    short_ms: int = 0
    held_ms: int = 0
    missed_sessions: int = 0
    homework_returned: int = 0


def concerns_of(facts: Facts) -> tuple[Concern, ...]:
    """Why a learner needs their tutor, the heaviest reason first; nothing for who is through, or keeps up and owes
    nothing. Who has not begun is no concern as long as nothing is asked for."""
    if facts.state is PaceState.COMPLETE:
        return ()
    found = []
    if facts.state is PaceState.NOT_STARTED and facts.short_ms:
        found.append(Concern.NOT_STARTED)
    if facts.state is PaceState.BEHIND:
        found.append(Concern.BEHIND)
    if facts.held_ms:
        found.append(Concern.HELD)
    if facts.missed_sessions:
        found.append(Concern.MISSED_SESSIONS)
    if facts.homework_returned:
        found.append(Concern.HOMEWORK_RETURNED)
    return tuple(found)


def urgency(facts: Facts) -> tuple[int, int, int, int]:
    """What learners are sorted by, the most urgent first: those who lag, by how much they are short; then those with
    the most reasons, and with the most film on hold."""
    concerns = concerns_of(facts)
    lags = Concern.NOT_STARTED in concerns or Concern.BEHIND in concerns
    return (0 if lags else 1 if concerns else 2, -facts.short_ms if lags else 0, -len(concerns), -facts.held_ms)
