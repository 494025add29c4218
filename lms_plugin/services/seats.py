"""Seats in class groups: how many a group has and how many are taken, and keeping others from them meanwhile."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Programme
from lms_plugin.services.enrolment_changes import ACTIVE
from lms_plugin.services.portions import portions
from lms_plugin.storage.programmes import ClassGroup, Enrolment


def size_limit(group: ClassGroup, programme: Programme) -> int | None:
    """How many learners a class group holds at most: its own limit, else the programme's; None for any number."""
    return group.size_limit if group.size_limit is not None else programme.class_size


def size_of(session: Session, class_group_id: int) -> int:
    """How many learners a class group has; those who have withdrawn leave their places to others."""
    learners = select(func.count()).where(Enrolment.class_group_id == class_group_id, Enrolment.state == ACTIVE)
    return session.scalar(learners) or 0


def lock_groups(session: Session, class_group_ids: Iterable[int | None]) -> None:
    """Keep everybody else from counting the seats of class groups until the commit: of two who take the last one the
    second has to see the first. None among the ids is no group.

    Comes after the programme's lock (`access.lock_programme`), where that is taken too, and before any enrolment's; of
    several groups the lowest id is first. So nobody waits for each other in a circle.
    """
    for some in portions(sorted({one for one in class_group_ids if one is not None})):
        session.execute(
            select(ClassGroup.id).where(ClassGroup.id.in_(some)).order_by(ClassGroup.id).with_for_update(key_share=True)
        )
