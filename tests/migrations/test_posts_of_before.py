"""Posts that were written before they could be edited and marked keep what they earned."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Connection, DateTime, Integer, MetaData, Table, insert, text

from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database

BEFORE = "20261125_0300"
WRITTEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def add(connection: Connection, table: str, **values: Any) -> None:
    """A row of the schema of that time; whatever else must be there is filled in."""
    known = Table(table, MetaData(), autoload_with=connection, resolve_fks=False)
    for column in known.columns:
        if column.nullable or column.name in values or column.server_default is not None:
            continue
        if isinstance(column.type, DateTime):
            values[column.name] = WRITTEN
        elif isinstance(column.type, Boolean):
            values[column.name] = True
        elif isinstance(column.type, Integer):
            values[column.name] = 1
        else:
            longest = getattr(column.type, "length", None)
            values[column.name] = {} if "JSON" in str(column.type) else column.name[:longest]
    connection.execute(insert(known).values(values))


def test_what_a_post_earned_is_found_in_the_ledger(empty_database: Database) -> None:
    migrating.upgrade(empty_database, BEFORE)
    with empty_database.engine.begin() as connection:
        add(connection, "users", id=1, language="zh")
        for table in ("programmes", "modules"):
            add(connection, table, id=1)
        add(connection, "enrolments", id=1, state="active", variant="", completion_ratio=0)
        add(connection, "threads", id=1)
        add(connection, "posts", id=1, enrolment_id=1)
        add(connection, "posts", id=2, enrolment_id=1, reply_to_id=1, counts=False)
        add(
            connection,
            "credit_entries",
            number=1,
            component_key="discussion",
            amount_ms=900_000,
            source_kind="post",
            source_id="1",
        )

    migrating.upgrade(empty_database)

    with empty_database.engine.connect() as connection:
        query = "SELECT id, credit_ms, component_key, mark, extra_ms, judged_at = created_at, looked_at = created_at"
        rows = [tuple(row) for row in connection.execute(text(f"{query} FROM posts ORDER BY id"))]
        assert rows == [(1, 900_000, "discussion", "", 0, True, True), (2, 0, "", "", 0, True, True)]
    migrating.downgrade(empty_database, BEFORE)
    with empty_database.engine.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM posts")) == 2
        assert connection.scalar(text("SELECT reply_to_id FROM posts WHERE id = 2")) == 1
