"""Seats in class groups: how many a group has and how many are taken, and keeping others from them meanwhile."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Programme
from lms_plugin.services.enrolment_changes import ACTIVE
from lms_plugin.storage.programmes import ClassGroup, Enrolment


def size_limit(group: ClassGroup, programme: Programme) -> int | None:
    """How many learners a class group holds at most: its own limit, else the programme's; None for any number."""
    return group.size_limit if group.size_limit is not None else programme.class_size


def size_of(session: Session, class_group_id: int) -> int:
    """How many learners a class group has; those who have withdrawn leave their places to others."""
    learners = select(func.count()).where(Enrolment.class_group_id == class_group_id, Enrolment.state == ACTIVE)
    return session.scalar(learners) or 0
