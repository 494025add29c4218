"""What commands begin with: the settings and the store they name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from lms_plugin.config import Settings, read_settings
from lms_plugin.services.access import OFFICE, Actor, Grant
from lms_plugin.storage.session import Database


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


@contextmanager
def opened() -> Iterator[tuple[Settings, Database]]:
    """The settings and an open database.

    Raises:
        WrongSetting: a setting is missing or cannot be used.
    """
    settings = read_settings()
    database = Database(settings.database_url)
    try:
        yield settings, database
    finally:
        database.dispose()


CONSOLE_ACTOR = Actor(user_id=0, login="console", name="console", language="en", grants=(Grant(OFFICE, None),))
"""Whoever can run commands here answers for every region."""
