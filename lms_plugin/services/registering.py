"""Electronic registration (电子注册): one number per enrolment, in series without gaps, for thousands at once."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain import registration
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import ACTIVE, Change, note_many
from lms_plugin.services.portions import portions
from lms_plugin.storage.people import Region
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow

AT_ONCE = 5_000

# One statement takes the serials and locks the series until the commit: who comes second waits, and nothing is skipped.
_TAKE = text(
    "INSERT INTO registration_series (series, last) VALUES (:series, :count)"
    " ON CONFLICT (series) DO UPDATE SET last = registration_series.last + :count RETURNING last"
)


class _Wanted(NamedTuple):
    """An enrolment without a number."""

    enrolment_id: int
    programme_id: int
    programme_key: str
    division_code: str | None


def register_many(
    session: Session, enrolment_ids: Iterable[int], now: datetime, *, by_id: int | None = None
) -> dict[int, str]:
    """Give each enrolment that has none its registration number, in the order of their ids; gives the new numbers.

    A series is counted per programme, year (in the programme's time zone) and county. Series are taken in their
    order, so that two who register at once never wait for each other in a circle.
    """
    wanted: list[_Wanted] = []
    for some in portions(sorted(set(enrolment_ids)), AT_ONCE):
        # Locked, so that of two who register the same one the second finds its number.
        locked = select(Enrolment.id).where(Enrolment.id.in_(some), Enrolment.registration_number.is_(None))
        free = session.scalars(locked.order_by(Enrolment.id).with_for_update(key_share=True)).all()
        wanted += _wanted(session, free)
    by_series: dict[tuple[str, int, int, str], list[int]] = defaultdict(list)
    years: dict[int, int] = {}
    for one in wanted:
        if one.programme_id not in years:
            window = catalogue.in_force(session, one.programme_id, now).programme.window
            years[one.programme_id] = window.day_of(now).year
        year, code = years[one.programme_id], registration.division(one.division_code)
        by_series[one.programme_key, one.programme_id, year, code].append(one.enrolment_id)
    numbers: dict[int, str] = {}
    for (key, programme_id, year, code), ids in sorted(by_series.items()):
        taken = {"series": registration.series(key, year, code), "count": len(ids)}
        last = int(session.execute(_TAKE, taken).scalar_one())
        for serial, enrolment_id in enumerate(ids, start=last - len(ids) + 1):
            numbers[enrolment_id] = registration.number(programme_id, year, code, serial)
    rows = [{"id": one, "registration_number": number} for one, number in numbers.items()]
    for portion in portions(rows, AT_ONCE):
        session.execute(update(Enrolment), portion)
    changes = [Change(one, "registered", after=number) for one, number in numbers.items()]
    note_many(session, changes, now, by_id=by_id)
    return numbers


def register_programme(session: Session, actor: Actor, programme_key: str, now: datetime, *, limit: int = 5_000) -> int:
    """Register the learners of a programme who have no number yet, up to `limit` of them; gives how many.

    Raises:
        NotAllowed: the actor is no admin of the whole programme office.
        NotFound: there is no such programme.
    """
    access.require_whole_office(actor)
    programme_id = catalogue.programme_id_of(session, programme_key)
    some = session.scalars(_unregistered(programme_id).order_by(Enrolment.id).limit(limit)).all()
    return len(register_many(session, some, now, by_id=actor.user_id))


def count_unregistered(session: Session, programme_id: int) -> int:
    """How many learners of a programme have no registration number."""
    return session.scalar(select(func.count()).select_from(_unregistered(programme_id).subquery())) or 0


def _unregistered(programme_id: int) -> Select[tuple[int]]:
    return select(Enrolment.id).where(
        Enrolment.programme_id == programme_id, Enrolment.registration_number.is_(None), Enrolment.state == ACTIVE
    )


def _wanted(session: Session, enrolment_ids: Iterable[int]) -> list[_Wanted]:
    place, division = aliased(Region), aliased(Region)
    rows = session.execute(
        select(Enrolment.id, Enrolment.programme_id, ProgrammeRow.key, division.code)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .outerjoin(place, place.id == Enrolment.region_id)
        .outerjoin(division, division.id == func.coalesce(place.county_id, place.city_id, place.province_id))
        .where(Enrolment.id.in_(list(enrolment_ids)))
        .order_by(Enrolment.id)
    )
    return [_Wanted(*row) for row in rows]
