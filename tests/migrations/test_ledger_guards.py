"""The store itself refuses to change or remove credit entries, whoever asks."""

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.session import Database
from tests.builders import credit, enrol, make_user, publish


def one_entry(session: Session) -> int:
    enrolment = enrol(session, make_user(session), publish(session))
    credit(session, enrolment, 60_000)
    return enrolment.id


CHANGES = {
    "an amount":         "UPDATE credit_entries SET amount_ms = amount_ms * 2",
    "an amount to equal": "UPDATE credit_entries SET amount_ms = amount_ms",
    "one entry":         "DELETE FROM credit_entries WHERE number = 1",
    "all entries":       "DELETE FROM credit_entries",
    "by upsert":         """INSERT INTO credit_entries SELECT * FROM credit_entries WHERE true
                            ON CONFLICT (enrolment_id, number) DO UPDATE SET amount_ms = 1""",
}  # fmt: skip


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
def test_the_ledger_refuses_to_be_changed(database: Database, statement: str) -> None:
    database.transact(one_entry)
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(statement))
    with database.reading() as session:
        assert session.scalars(select(CreditEntryRow.amount_ms)).all() == [60_000]


def test_the_ledger_refuses_to_be_emptied_at_once(database: Database) -> None:
    database.transact(one_entry)
    emptying = "DELETE FROM credit_entries" if database.is_sqlite else "TRUNCATE credit_entries CASCADE"
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(emptying))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CreditEntryRow)) == 1


def test_the_ledger_takes_new_entries(database: Database) -> None:
    enrolment_id = database.transact(one_entry)
    with database.writing() as session:
        session.execute(
            text(
                "INSERT INTO credit_entries SELECT enrolment_id, 2, component_key, amount_ms, source_kind, source_id, "
                "detail, rule_version, decided_by_id, recorded_at, previous_hash, hash FROM credit_entries"
            )
        )
    with database.reading() as session:
        assert session.scalars(select(CreditEntryRow.number)).all() == [1, 2]
        assert session.get(CreditEntryRow, (enrolment_id, 2)) is not None
