"""The errand that brings roll-ups in line with rules whose day has come, while their learners do nothing."""

import threading
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from lms_plugin.services import errands, standings
from lms_plugin.services.sending import Clock
from lms_plugin.storage.programmes import ProgrammeRow, ProgrammeVersion
from lms_plugin.storage.session import Database

IN_THE_AIR: Final = timedelta(minutes=2)
"""How long a version is in force before its programme is refreshed: what was judged a moment before, or by a clock that
is slow, has been written by then, and is refreshed with the rest."""

log = structlog.get_logger(__name__)


def refresh_due(database: Database, clock: Clock, stop: threading.Event | None = None) -> int:
    """Refresh each programme whose roll-ups are of an older version than the one in force; gives how many changed.

    One that is not finished when `stop` is set is due again. Any number of workers may do the same at once.

    Raises:
        Unavailable: the store cannot be reached.
    """
    due = (
        select(ProgrammeRow.id)
        .join(ProgrammeVersion, ProgrammeVersion.programme_id == ProgrammeRow.id)
        .where(
            ProgrammeVersion.number > ProgrammeRow.rolled_up_version,
            ProgrammeVersion.applies_at <= clock() - IN_THE_AIR,
        )
        .distinct()
        .order_by(ProgrammeRow.id)
    )
    with database.reading() as session:
        programme_ids = session.scalars(due).all()
    changed = 0
    for programme_id in programme_ids:
        if stop is not None and stop.is_set():
            break
        some = standings.refresh_programme(database, programme_id, clock, stop)
        log.info("roll_ups_refreshed", programme=programme_id, enrolments=some)
        changed += some
    return changed


def run(database: Database, stop: threading.Event, *, clock: Clock, look_every_seconds: float = 60.0) -> None:
    """Refresh programmes that are due until `stop` is set. Nothing that the store does ends it.

    It is to have a thread of its own: one programme may have so many learners that it takes minutes.
    """

    def refresh() -> float:
        refresh_due(database, clock, stop)
        return look_every_seconds

    errands.attend({"rules": refresh}, stop, after_a_bug_seconds=look_every_seconds)
