"""Keeping a class group in step with a platform's roster: what becomes of one member.

A roster brings people in and lets go only of those whom it brought in. What a person of the office decided stays: who
withdrew stays withdrawn, who is in another class group stays there. Nobody without an account here is made one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What is to be done for a member, or why nothing is."""

    ENROL = "enrol"
    RETURN = "return"
    """Enrol again whom the roster itself had withdrawn."""
    PLACE = "place"
    """Put somebody who is enrolled, and in no class group, into this one."""
    LEAVE = "leave"
    """Let somebody leave the class group whom the roster put there; they stay enrolled."""
    WITHDRAW = "withdraw"
    """The same, and withdraw whom the roster enrolled; hours are kept."""
    STAYS = "stays"
    WAITS = "waits"
    """Nobody here is known by this subject: linked by the person's own first launch."""
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    OTHER_GROUP = "other_group"
    COMPLETED = "completed"
    """Has left there and is through here: nothing is taken from them."""
    TUTORS = "tutors"
    MAY_TUTOR = "may_tutor"
    """Teaches there: can be made a tutor of the class group, by an admin alone."""
    NO_ROLE = "no_role"
    GONE = "gone"
    """Has left there, and was not brought in by the roster."""
    FULL = "full"
    """There is no place left in the class group or the programme."""


CHANGES = frozenset({Step.ENROL, Step.RETURN, Step.PLACE, Step.LEAVE, Step.WITHDRAW})
BRING_IN = frozenset({Step.ENROL, Step.RETURN, Step.PLACE})
LET_GO = frozenset({Step.LEAVE, Step.WITHDRAW})


@dataclass(frozen=True, slots=True)
class Standing:
    """Who a member is here. `learns` is None for one who is not enrolled, else whether the enrolment is active.

    `has_enrolled`, `has_placed` and `has_withdrawn` say what this roster did before; `is_kept` that another roster
    which the same class group is kept in step with has them still.
    """

    has_account: bool = False
    is_open: bool = True
    tutors: bool = False
    learns: bool | None = None
    in_group: bool = False
    in_other_group: bool = False
    has_completed: bool = False
    has_enrolled: bool = False
    has_placed: bool = False
    has_withdrawn: bool = False
    is_kept: bool = False


def step_for(role: str | None, is_member: bool, standing: Standing) -> Step:
    """What becomes of a member with this role ("instructor", "learner" or None), or of one who is none any more."""
    if not is_member:
        return _leaving(standing)
    if role is None:
        return Step.NO_ROLE
    if not standing.has_account:
        return Step.WAITS
    if not standing.is_open:
        return Step.CLOSED
    if standing.tutors:
        return Step.TUTORS
    if role == "instructor":
        return Step.STAYS if standing.learns is not None else Step.MAY_TUTOR
    return _learning(standing)


def _learning(standing: Standing) -> Step:
    if standing.learns is None:
        return Step.ENROL
    if not standing.learns:
        return Step.RETURN if standing.has_withdrawn else Step.WITHDRAWN
    if standing.in_group:
        return Step.STAYS
    return Step.OTHER_GROUP if standing.in_other_group else Step.PLACE


def _leaving(standing: Standing) -> Step:
    if not standing.learns or standing.is_kept:
        return Step.GONE
    if standing.has_completed:
        return Step.COMPLETED
    if standing.has_enrolled and not standing.in_other_group:
        return Step.WITHDRAW
    return Step.LEAVE if standing.has_placed and standing.in_group else Step.GONE
