"""Migrations go up, down and up again on both stores, and end in exactly the schema that the models declare."""

import re
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Inspector, TextClause, inspect, text

from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database
from lms_plugin.storage.tables import metadata
from tests.migrations.conftest import MakeDatabase
from tests.stores import ON_POSTGRESQL

SCRIPTS = ScriptDirectory.from_config(Config(migrating.FOLDER / "alembic.ini"))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]

SQLITE_EXTRAS = "SELECT type || ' ' || name FROM sqlite_master WHERE type NOT IN ('table', 'index')"
POSTGRESQL_EXTRAS = """
    SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
"""


def tables_of(database: Database) -> dict[str, Any]:
    """Everything about the tables that the store can tell, with nothing left to its whim."""
    with database.engine.connect() as connection:
        inspector: Inspector = inspect(connection)
        return {
            table: {
                "columns": [
                    {key: str(value) if key == "type" else value for key, value in column.items()}
                    for column in inspector.get_columns(table)
                ],
                "primary key": inspector.get_pk_constraint(table),
                "foreign keys": in_order(inspector.get_foreign_keys(table)),
                "unique": in_order(inspector.get_unique_constraints(table)),
                "checks": in_order(inspector.get_check_constraints(table)),
                "indexes": in_order(inspector.get_indexes(table)),
            }
            for table in inspector.get_table_names()
            if table != "alembic_version"
        }


def in_order(things: list[Any]) -> list[str]:
    return sorted(str(plain(thing)) for thing in things)


def plain(value: Any) -> Any:
    """A description with SQL as text, in the order of its keys."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    return str(value) if isinstance(value, TextClause) else value


def extras_of(database: Database) -> list[str]:
    """Triggers, functions and types."""
    with database.engine.connect() as connection:
        query = SQLITE_EXTRAS if database.is_sqlite else POSTGRESQL_EXTRAS
        return sorted(connection.scalars(text(query)))


def test_there_is_one_head_and_every_file_is_dated_and_named() -> None:
    assert SCRIPTS.get_heads() == [migrating.head_revision()] == [REVISIONS[-1]]
    for script in SCRIPTS.walk_revisions():
        name = script.path.rsplit("/", 1)[-1]
        assert re.fullmatch(r"20\d{6}_\d{4}_[a-z0-9_]+\.py", name)
        assert name.startswith(script.revision)
        assert script.doc


def test_up_down_and_up_again_end_in_the_same_schema(empty_database: Database) -> None:
    migrating.upgrade(empty_database)
    tables, extras = tables_of(empty_database), extras_of(empty_database)
    assert set(tables) == set(metadata.tables)
    migrating.downgrade(empty_database, "base")
    assert (tables_of(empty_database), extras_of(empty_database)) == ({}, [])
    migrating.upgrade(empty_database)
    assert (tables_of(empty_database), extras_of(empty_database)) == (tables, extras)


def test_each_step_can_be_taken_back_by_itself(empty_database: Database) -> None:
    for revision in REVISIONS:
        before = tables_of(empty_database), extras_of(empty_database)
        migrating.upgrade(empty_database, revision)
        after = tables_of(empty_database), extras_of(empty_database)
        migrating.downgrade(empty_database, "-1")
        assert (tables_of(empty_database), extras_of(empty_database)) == before
        migrating.upgrade(empty_database, revision)
        assert (tables_of(empty_database), extras_of(empty_database)) == after


def test_the_models_equal_the_migrated_schema(make_empty_database: MakeDatabase) -> None:
    migrated, declared = make_empty_database("migrated"), make_empty_database("declared")
    migrating.upgrade(migrated)
    metadata.create_all(declared.engine)
    with migrated.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    found, wanted = tables_of(migrated), tables_of(declared)
    assert found.keys() == wanted.keys()
    for table in wanted:
        assert found[table] == wanted[table], table


def test_it_is_known_whether_a_database_is_current(empty_database: Database) -> None:
    assert migrating.current_revision(empty_database) is None
    assert not migrating.is_current(empty_database)
    migrating.upgrade(empty_database)
    assert migrating.current_revision(empty_database) == migrating.head_revision()
    assert migrating.is_current(empty_database)
    migrating.upgrade(empty_database)
    assert migrating.is_current(empty_database)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: Database) -> None:
    with empty_database.writing() as session:
        session.execute(text("CREATE TABLE videos (something_else INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrating.upgrade(empty_database)
    assert set(tables_of(empty_database)) == {"videos"}
    assert migrating.current_revision(empty_database) is None


@ON_POSTGRESQL
def test_rows_that_are_soon_changed_have_room_on_their_pages(database: Database) -> None:
    with_room = text("SELECT relname FROM pg_class WHERE 'fillfactor=70' = ANY (reloptions) ORDER BY relname")
    with database.reading() as session:
        assert session.scalars(with_room).all() == [
            *("component_totals", "component_weeks", "coverage", "enrolments", "ledger_heads", "person_clocks"),
            *("playback_sessions", "presence_checks", "sign_ins"),
        ]
