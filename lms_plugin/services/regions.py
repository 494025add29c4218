"""Regions as an office admin picks them: from the top of what the admin answers for, one level at a time."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.services.access import Scope
from lms_plugin.storage.people import LEVELS, Region


@dataclass(frozen=True, slots=True)
class RegionChoices:
    """The chosen region (None for all), those above it that may be chosen as well, and those right below it."""

    chosen: Region | None
    above: tuple[Region, ...]
    below: tuple[Region, ...]


def choices(session: Session, scope: Scope, code: str | None) -> RegionChoices:
    """What an admin with this scope can pick, seen from the region with this code.

    Raises:
        NotFound: there is no such region in the scope.
    """
    if code is None:
        return RegionChoices(None, (), _tops(session, scope))
    chosen = session.scalar(select(Region).where(Region.code == code))
    if chosen is None or not scope.covers(chosen.lineage):
        raise NotFound(what="region", region_code=code)
    lineage = session.scalars(select(Region).where(Region.id.in_(chosen.lineage), Region.id != chosen.id)).all()
    above = sorted((one for one in lineage if scope.covers(one.lineage)), key=lambda one: LEVELS.index(one.level))
    below = session.scalars(select(Region).where(Region.parent_id == chosen.id).order_by(Region.code)).all()
    return RegionChoices(chosen, tuple(above), tuple(below))


def _tops(session: Session, scope: Scope) -> tuple[Region, ...]:
    top = Region.parent_id.is_(None) if scope.region_ids is None else Region.id.in_(scope.region_ids)
    return tuple(session.scalars(select(Region).where(top).order_by(Region.code)))
