"""What learning record stores (xAPI) are owed: every programme's standings, at every store that is registered.

A programme names no record store. Each one that is registered hears of every enrolment: of the programme (block key
`programme`), of each module whose film was watched (`module:{key}`), and of what was done at that film (`video:{key}`).
The course key of all of them is the programme's own. Whether there is any store is asked along with the rules in
force, so that they cost nothing where there are none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.programme import LmsCourse, Programme
from lms_plugin.services import catalogue, outbox
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.outbox import Owed
from lms_plugin.services.portions import portions
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.outbox import LRS, Platform, Report
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video
from lms_plugin.storage.session import Database

PROGRAMME, MODULE, VIDEO = "programme", "module", "video"
"""What a block key begins with: a whole programme, or a module or a module's film, whose key follows after a colon."""

CAUGHT_UP_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Reached:
    """A standing of an enrolment that every record store is to hear of; `ratio` is 0..1.

    With `rings`, more is to be told of the block although its ratio may be the same as before.
    """

    enrolment_id: int
    programme_key: str
    block_key: str
    ratio: Decimal
    rings: bool = False


class FilmReached(NamedTuple):
    """How much of a module's film counts, in milliseconds of its length."""

    enrolment_id: int
    module_key: str
    covered_ms: int
    video_ms: int


def of_film(film: FilmReached, programme: Programme) -> Iterator[Reached]:
    """The standings that follow from a film: the module's, and the film's own."""
    module_ratio = completion.module_ratio(film.covered_ms, film.video_ms, programme)
    ratio = completion.ratio_of(film.covered_ms, film.video_ms)
    yield Reached(film.enrolment_id, programme.key, f"{MODULE}:{film.module_key}", module_ratio)
    yield Reached(film.enrolment_id, programme.key, f"{VIDEO}:{film.module_key}", ratio, rings=True)


def owe(session: Session, reached: Sequence[Reached], now: datetime) -> None:
    """Owe these standings to every registered record store, in the caller's transaction; none registered, nothing done.

    Whoever knows that there is none (`InForce.is_told`) comes with nothing, and no store is asked.
    """
    if not reached:
        return
    keys = session.scalars(select(Platform.key).where(Platform.kind == LRS).order_by(Platform.key)).all()
    if keys:
        _owe_at(session, keys, reached, now)


def catch_up(database: Database, platform_key: str, now: datetime) -> int:
    """Owe a record store all that was reached before it was registered; gives the number of enrolments gone through.

    A few enrolments to a transaction; doing it again, or after it was broken off, owes nothing twice.

    Raises:
        NotFound: no record store has this key.
    """
    with database.reading() as session:
        is_there = select(Platform.id).where(Platform.key == platform_key, Platform.kind == LRS)
        if session.scalar(is_there) is None:
            raise NotFound(what="platform", key=platform_key)
        enrolment_ids = session.scalars(select(Enrolment.id).order_by(Enrolment.id)).all()
    for some in portions(enrolment_ids, CAUGHT_UP_AT_ONCE):

        def owe_some(session: Session, some: Sequence[int] = some) -> None:
            _owe_at(session, [platform_key], list(_all_of(session, some, now)), now)

        database.transact(owe_some)
    return len(enrolment_ids)


def _all_of(session: Session, enrolment_ids: Sequence[int], now: datetime) -> Iterator[Reached]:
    """All standings of these enrolments as they are stored."""
    rows = session.scalars(select(Enrolment).where(Enrolment.id.in_(enrolment_ids)).order_by(Enrolment.id)).all()
    versions: dict[tuple[int, str], InForce] = {}
    programmes: dict[int, Programme] = {}
    for one in rows:
        key = (one.programme_id, one.variant)
        if key not in versions:
            versions[key] = catalogue.for_enrolment(session, one, now)
        programmes[one.id] = programme = versions[key].programme
        yield Reached(one.id, programme.key, PROGRAMME, one.completion_ratio)
    films = session.execute(
        select(Coverage.enrolment_id, ModuleRow.key, Coverage.covered_ms, Video.duration_ms)
        .join(Video, Video.id == Coverage.video_id)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .where(Coverage.enrolment_id.in_(enrolment_ids), Coverage.covered_ms > 0)
        .order_by(Coverage.enrolment_id, Coverage.video_id)
    ).all()
    for row in films:
        for one_reached in of_film(FilmReached(*row), programmes[row.enrolment_id]):
            # What was told stays told; only what is missing is owed.
            yield Reached(one_reached.enrolment_id, one_reached.programme_key, one_reached.block_key, one_reached.ratio)


def _owe_at(session: Session, platform_keys: Sequence[str], reached: Sequence[Reached], now: datetime) -> None:
    owed = [
        Owed(one.enrolment_id, LmsCourse(key, one.programme_key), one.block_key, one.ratio)
        for one in reached
        for key in platform_keys
    ]
    outbox.owe_many(session, owed, now)
    rung = {(one.enrolment_id, one.block_key) for one in reached if one.rings}
    if not rung:
        return
    rows = session.scalars(
        select(Report)
        .where(
            Report.enrolment_id.in_(sorted({enrolment_id for enrolment_id, _ in rung})),
            Report.platform_key.in_(platform_keys),
            Report.block_key.in_(sorted({block_key for _, block_key in rung})),
            Report.updated_at != now,
        )
        .order_by(Report.id)
        .with_for_update()
    )
    for report in rows:
        if (report.enrolment_id, report.block_key) in rung:
            report.revision += 1
            outbox.ask_again(report, now)
    session.flush()
