"""Bringing the schema up and down, and knowing whether it is current."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from lms_plugin.storage.session import Database

FOLDER = Path(__file__).resolve().parent.parent.parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to a revision, in one transaction."""
    with database.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Migrate down to a revision ("base" for nothing at all), in one transaction."""
    with database.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        command.downgrade(_config(connection), revision)


def current_revision(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """The newest revision this code knows."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {FOLDER}")
    return head


def is_current(database: Database) -> bool:
    return current_revision(database) == head_revision()


def _config(connection: Connection | None) -> Config:
    config = Config(FOLDER / "alembic.ini")
    config.attributes["connection"] = connection
    return config
