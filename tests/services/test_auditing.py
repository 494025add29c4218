"""The audit agrees with whatever the services wrote, and names any row that was changed behind their back."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms_plugin.services import auditing, posting, presence
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.storage.activity import (
    Coverage,
    EvidenceChunk,
    PersonClock,
    PlaybackSession,
    PresenceCheck,
    WatchedDay,
)
from lms_plugin.storage.base import UTCDateTime
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow, LedgerHead
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW
from tests.services.audited_world import World, make_world
from tests.stores import SqliteStore

LEARNERS = 60
TRIES = 4
"""So many rows are tried for each column."""

NAMES = {
    "credit_entries":    "credit entry {number} of enrolment {enrolment_id} (credit_entries)",
    "ledger_heads":      "the ledger's end of enrolment {enrolment_id} (ledger_heads)",
    "component_totals":  "the sum of {component_key} of enrolment {enrolment_id} (component_totals)",
    "enrolments":        "enrolment {id} (enrolments)",
    "evidence_chunks":   "evidence chunk {number} of user {user_id} (evidence_chunks)",
    "person_clocks":     "of user {user_id} (person_clocks)",
    "playback_sessions": "playback session {id} (playback_sessions)",
    "coverage":          "the coverage of video {video_id} by enrolment {enrolment_id} (coverage)",
    "watched_days":      "the charge of {day} to enrolment {enrolment_id} (watched_days)",
    "presence_checks":   "presence check {number} of user {user_id} (presence_checks)",
}  # fmt: skip
MODELS = {
    model.__tablename__: model
    for model in (
        CreditEntryRow,
        LedgerHead,
        ComponentTotal,
        Enrolment,
        EvidenceChunk,
        PersonClock,
        PlaybackSession,
        Coverage,
        WatchedDay,
        PresenceCheck,
    )
}
# What decides no credit: where a film goes on, when a worker posts, where a repeated beat is looked for first, which
# question was drawn and in what order its choices stood (what the right one is, is checked), who belongs where.
NO_EVIDENCE = {
    "coverage": {"position_ms"},
    "playback_sessions": {"post_at", "first_chunk"},
    "presence_checks": {"question_key", "choice_order"},
    "enrolments": {
        "id",
        "user_id",
        "programme_id",
        "class_group_id",
        "region_id",
        "enrolled_at",
        "state",
        "registration_number",
    },
}


@pytest.fixture(scope="module")
def world(sqlite_store: SqliteStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all tampering: whatever a case changes is rolled back."""
    database = Database(sqlite_store.copy("world", tmp_path_factory.mktemp("world")))
    yield make_world(database, 14)
    database.dispose()


def test_the_audit_agrees_with_all_that_services_write(database: Database) -> None:
    world = make_world(database, LEARNERS)
    with database.reading() as session:
        found = list(auditing.audit(session, list(world.user_ids.values())))
        kinds = dict(
            session.execute(select(CreditEntryRow.source_kind, func.count()).group_by(CreditEntryRow.source_kind)).all()
        )
        outcomes = set(session.scalars(select(PresenceCheck.outcome).distinct()))
        assert [one for one in found if one.difference is not None] == []
        # Nothing of what can happen is left out.
        assert set(kinds) == {posting.WATCHED, posting.TAKEN_BACK, posting.RELEASED, "post"}
        assert outcomes == {presence.PASSED, presence.FAILED, presence.UNANSWERED, presence.OPEN}
        assert session.scalar(select(func.count()).select_from(EvidenceChunk).where(EvidenceChunk.number > 1))
        assert session.scalar(select(func.count()).select_from(WatchedDay))
        assert session.scalar(select(func.count()).select_from(PlaybackSession).where(PlaybackSession.waiting != b""))


# --- tampering --------------------------------------------------------------------------------------------------------


class Tampering:
    """One connection of somebody who may do everything; whatever a case changes is rolled back after it."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self.connection = connection
        self.draw = random.Random(seed)
        self.shared = Catalogue()

    def rows(self, table: Table) -> list[dict[str, Any]]:
        query = select(table).order_by(*table.primary_key)
        if table.name == "enrolments":
            query = query.where(table.c.counted_ms > 0)
        return [dict(row._mapping) for row in self.connection.execute(query)]

    def write(self, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        self.connection.execute(
            update(table).where(*(table.c[name] == value for name, value in key.items())).values(values)
        )

    def said(self, *rows: dict[str, Any]) -> list[str]:
        """What the audit says of the people whose these rows are or were."""
        owners: set[int] = set()
        for row in rows:
            if "user_id" in row:
                owners.add(row["user_id"])
            else:
                found = self.connection.scalar(select(Enrolment.user_id).where(Enrolment.id == row["enrolment_id"]))
                owners |= {found} if found is not None else set()
        with Session(self.connection) as session:
            return [
                one.difference
                for one in auditing.audit(session, sorted(owners), self.shared)
                if one.difference is not None
            ]

    def names(self, table: Table, *rows: dict[str, Any]) -> None:
        said = self.said(*rows)
        wanted = {NAMES[table.name].format(**row) for row in rows}
        assert any(name in sentence for name in wanted for sentence in said), (wanted, said)


@pytest.fixture
def tampering(world: World) -> Iterator[Tampering]:
    database = world.database
    with database.engine.connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for trigger in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        else:
            # No guard and no foreign key holds.
            connection.exec_driver_sql("SET session_replication_role = replica")
        yield Tampering(connection, seed=7)
        connection.rollback()


def table_of(name: str) -> Table:
    table: Table = inspect(MODELS[name]).local_table
    return table


def changed(draw: random.Random, table: Table, column: str, value: Any) -> Any:
    """Another value: one byte, letter, millisecond or unit away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + draw.choice([-1, 1]) if value > 1 else value + 1
    if isinstance(value, str):
        at = draw.randrange(len(value)) if value else 0
        return value[:at] + ("b" if value[at : at + 1] != "b" else "c") + value[at + 1 :]
    if isinstance(value, bytes):
        at = draw.randrange(len(value)) if value else 0
        return value[:at] + bytes([value[at] ^ 1 << draw.randrange(8)]) + value[at + 1 :] if value else b"\x01\x01"
    if isinstance(value, datetime):
        return value + timedelta(microseconds=draw.choice([-1, 1, 1_000, 60_000_000]))
    if isinstance(value, date):
        return value + timedelta(days=40)
    if isinstance(value, Decimal):
        return value + Decimal("0.0001") if value < 1 else Decimal("0.9999")
    if isinstance(value, dict):
        return value | {draw.choice([*value]): "other"}
    if value is not None:
        raise AssertionError(f"a value of a kind not met so far: {column} {value!r}")
    kind = table.c[column].type
    if isinstance(kind, UTCDateTime):
        return NOW + timedelta(days=400)
    return 1 if kind.python_type is int else "x"


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_field_is_named(tampering: Tampering, name: str) -> None:
    table = table_of(name)
    rows = tampering.rows(table)
    key_names = [one.name for one in table.primary_key]
    tried = 0
    for column in [one.name for one in table.columns]:
        if column in NO_EVIDENCE.get(name, ()):
            continue
        for row in tampering.draw.sample(rows, min(TRIES, len(rows))):
            point = tampering.connection.begin_nested()
            value = changed(tampering.draw, table, column, row[column])
            if (column in key_names or column == "number") and isinstance(value, int):
                value += 50_000
            try:
                tampering.write(table, {one: row[one] for one in key_names}, {column: value})
            except IntegrityError:
                # The store itself refuses it: a session that ends before it began, say.
                point.rollback()
                continue
            tampering.names(table, row, row | {column: value})
            point.rollback()
            tried += 1
    assert tried
    assert tampering.said(*rows) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != "enrolments"])
def test_a_row_that_is_gone_added_or_swapped_is_named(tampering: Tampering, name: str) -> None:
    table = table_of(name)
    rows = tampering.rows(table)
    keys = [one.name for one in table.primary_key]
    for _ in range(TRIES * 3):
        row, other = tampering.draw.sample(rows, 2)
        key, other_key = ({one: this[one] for one in keys} for this in (row, other))

        point = tampering.connection.begin_nested()
        tampering.connection.execute(delete(table).where(*(table.c[one] == value for one, value in key.items())))
        tampering.names(table, row)
        point.rollback()

        point = tampering.connection.begin_nested()
        added = row | new_key(tampering, table, row)
        tampering.connection.execute(insert(table).values(added))
        tampering.names(table, added)
        point.rollback()

        # A person's numbers of sessions are unique: they stay where they are. So does what is no evidence.
        stay = {*keys, *NO_EVIDENCE.get(name, ())} | ({"number"} if name == "playback_sessions" else set())
        contents = [{one: value for one, value in this.items() if one not in stay} for this in (row, other)]
        if contents[0] != contents[1]:
            point = tampering.connection.begin_nested()
            tampering.write(table, other_key, contents[0])
            tampering.write(table, key, contents[1])
            tampering.names(table, row, other)
            point.rollback()
    assert tampering.said(*rows) == []


def new_key(tampering: Tampering, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A key that nobody has, of the same person where the table lets a person have several rows."""
    if table.name in ("ledger_heads", "person_clocks"):
        # A learner who was never there before.
        user = {"login": "late.comer", "name": "晚到", "language": "zh", "is_active": True, "sign_in_epoch": 0}
        connection = tampering.connection
        connection.execute(text("DELETE FROM users WHERE login = 'late.comer'"))
        users = inspect(Enrolment).relationships["user"].mapper.local_table
        made = connection.execute(insert(users).values(user | {"created_at": NOW}))
        user_id = made.inserted_primary_key[0]
        enrolled = connection.execute(
            insert(inspect(Enrolment).local_table).values(
                user_id=user_id,
                programme_id=1,
                enrolled_at=NOW,
                counted_ms=0,
                completion_ratio=Decimal(0),
            )
        )
        return (
            {"user_id": user_id}
            if table.name == "person_clocks"
            else {"enrolment_id": enrolled.inserted_primary_key[0]}
        )
    if table.name == "component_totals":
        return {"component_key": "other", "credited_ms": tampering.draw.choice([0, 5])}
    if table.name == "playback_sessions":
        return {"id": "added", "number": 7_777}
    if table.name == "coverage":
        return {"video_id": 7_777}
    if table.name == "watched_days":
        return {"day": row["day"] + timedelta(days=99)}
    last = max(one["number"] for one in tampering.rows(table) if same_owner(one, row))
    return {"number": last + 1}


def same_owner(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.get("user_id") == other.get("user_id") and one.get("enrolment_id") == other.get("enrolment_id")


def test_what_decides_credit_of_the_other_columns_is_named(tampering: Tampering) -> None:
    sessions, checks = table_of("playback_sessions"), table_of("presence_checks")
    waiting = [row for row in tampering.rows(sessions) if row["post_at"] is not None]
    assert waiting
    cases = [
        (sessions, waiting[0], {"post_at": None}),
        (sessions, waiting[0], {"first_chunk": 99}),
        (checks, tampering.rows(checks)[0], {"question_key": "none"}),
        (checks, tampering.rows(checks)[0], {"choice_order": "0,0"}),
    ]
    for table, row, change in cases:
        point = tampering.connection.begin_nested()
        tampering.write(table, {one.name: row[one.name] for one in table.primary_key}, change)
        tampering.names(table, row)
        point.rollback()


def test_a_forger_who_makes_the_whole_chain_anew_still_has_the_evidence_against_him(tampering: Tampering) -> None:
    """With every hash of the ledger, its end and its sums made to fit, what was watched still says otherwise."""
    entries = table_of("credit_entries")
    rows = [row for row in tampering.rows(entries) if row["source_kind"] == posting.WATCHED]
    row = rows[0]
    chain = [one for one in tampering.rows(entries) if one["enrolment_id"] == row["enrolment_id"]]
    previous = chain[row["number"] - 1]["previous_hash"]
    for one in chain[row["number"] - 1 :]:
        one["previous_hash"] = previous
        if one["number"] == row["number"]:
            one["amount_ms"] += 600_000
        previous = one["hash"] = auditing.entry_of(one).hash
        key = {"enrolment_id": one["enrolment_id"], "number": one["number"]}
        tampering.write(entries, key, one)
    tampering.write(table_of("ledger_heads"), {"enrolment_id": row["enrolment_id"]}, {"hash": previous})
    total = table_of("component_totals")
    key = {"enrolment_id": row["enrolment_id"], "component_key": row["component_key"]}
    tampering.connection.execute(
        update(total)
        .where(*(total.c[name] == value for name, value in key.items()))
        .values(credited_ms=total.c.credited_ms + 600_000)
    )
    assert "the evidence gives" in tampering.said(row)[0]
    tampering.names(entries, row)


def test_a_post_that_was_bent_is_named(tampering: Tampering) -> None:
    post = tampering.connection.execute(
        text("SELECT id, enrolment_id FROM posts WHERE counts ORDER BY id LIMIT 1")
    ).one()
    owner = {"enrolment_id": post.enrolment_id}
    for statement, says in (
        (
            "UPDATE posts SET body = '好' WHERE id = :id",
            f"post {post.id} (posts) counts, the rule of its time says too_short",
        ),
        (
            "UPDATE posts SET counts = false WHERE id = :id",
            f"was written for post {post.id} (posts), which does not count",
        ),
        ("DELETE FROM posts WHERE id = :id", f"was written for post {post.id} (posts), which is not there"),
    ):
        point = tampering.connection.begin_nested()
        tampering.connection.execute(text(statement), {"id": post.id})
        assert says in tampering.said(owner)[0]
        point.rollback()
