"""The errand that reads confirmed rosters again, each once an hour, and carries out what has changed."""

import threading
from datetime import timedelta
from typing import Final

import structlog

from lms_plugin.domain.errors import Refusal, Unavailable
from lms_plugin.services import errands, lti_rosters
from lms_plugin.services.lti_rosters import Source
from lms_plugin.services.roster_ports import PlatformUnread, Roster, RosterSource
from lms_plugin.services.sending import Clock
from lms_plugin.storage.session import Database

EVERY: Final = timedelta(hours=1)

log = structlog.get_logger(__name__)


def refresh_due(
    database: Database,
    read: RosterSource,
    clock: Clock,
    stop: threading.Event | None = None,
    *,
    every: timedelta = EVERY,
) -> int:
    """Read every roster that is due and keep its class group in step; gives how many were read.

    A platform that gives none holds up no other: why is kept with the roster, and it is asked again when it is due.

    Raises:
        Unavailable: the store cannot be reached.
    """
    with database.reading() as session:
        link_ids = lti_rosters.due(session, clock(), every)
    done = 0
    for link_id in link_ids:
        if stop is not None and stop.is_set():
            break
        source = _claimed(database, link_id, clock, every)
        if source is not None:
            done += _refresh(database, read, link_id, source, clock)
    return done


def _claimed(database: Database, link_id: int, clock: Clock, every: timedelta) -> Source | None:
    now = clock()
    return database.transact(lambda session: lti_rosters.claim(session, link_id, now, every))


def _refresh(database: Database, read: RosterSource, link_id: int, source: Source, clock: Clock) -> bool:
    try:
        roster = _read(read, source)
        now = clock()
        found = database.transact(lambda session: lti_rosters.refresh(session, link_id, roster, now))
    except Refusal as fault:
        if isinstance(fault, Unavailable) and not isinstance(fault, PlatformUnread):
            raise
        words = str(fault.params.get("words", fault))
        database.transact(lambda session: lti_rosters.note_failure(session, link_id, words))
        log.warning("roster_not_kept", platform=source.platform_key, link=link_id, why=words)
        return False
    if found is not None and any(one.is_change for one in found.steps):
        log.info("roster_kept", platform=source.platform_key, link=link_id, changes=dict(found.figures))
    return True


def _read(read: RosterSource, source: Source) -> Roster:
    """What has changed where the platform tells it, else all."""
    if source.differences_url is not None:
        try:
            return read(source.platform_key, source.memberships_url, source.differences_url)
        except PlatformUnread:
            # The address may have been good for a while only.
            log.info("differences_unread", platform=source.platform_key)
    return read(source.platform_key, source.memberships_url)


def run(
    database: Database,
    read: RosterSource,
    stop: threading.Event,
    *,
    clock: Clock,
    look_every_seconds: float = 300.0,
) -> None:
    """Refresh rosters that are due until `stop` is set. Nothing that a platform or the store does ends it.

    It is to have a thread of its own: a platform that answers slowly keeps no reminder or letter waiting.
    """

    def refresh() -> float:
        refresh_due(database, read, clock, stop)
        return look_every_seconds

    errands.attend({"rosters": refresh}, stop, after_a_bug_seconds=look_every_seconds)
