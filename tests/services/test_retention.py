"""Evidence of programmes that are over is deleted; ledgers stay, and whoever goes on watching audits clean."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Window
from lms_plugin.services import auditing, chain_heads, retention
from lms_plugin.storage.activity import EvidenceChunk, PersonClock
from lms_plugin.storage.evidence import EvidenceCut
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.session import Database
from tests.builders import NOW, make_programme, publish
from tests.services.audited_world import make_world
from tests.services.viewers import also_in, make_viewer

CLOSED = date(2027, 2, 1)
LATER = datetime(2027, 3, 1, tzinfo=UTC)
LATER_SECONDS = (LATER - NOW).total_seconds()


def differences(database: Database) -> list[str]:
    with database.reading() as session:
        user_ids = session.scalars(auditing.people()).all()
        return [one.difference for one in auditing.audit(session, user_ids) if one.difference is not None]


def test_everybody_whose_programmes_are_over_is_cut_and_still_audits_clean(database: Database) -> None:
    make_world(database, 12)
    with database.reading() as session:
        before = session.scalar(select(func.count()).select_from(CreditEntryRow)) or 0
        heads, _ = chain_heads.read(chain_heads.written(session, NOW))
        assert retention.candidates(session, CLOSED - timedelta(days=1), NOW) == []
        user_ids = retention.candidates(session, CLOSED, NOW)
    assert len(user_ids) == 12
    done = list(retention.cut_all(database, user_ids, CLOSED, LATER))
    assert all(one.freed_bytes > 0 and one.difference is None for one in done)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(EvidenceChunk)) == 0
        assert session.scalar(select(func.count()).select_from(CreditEntryRow)) >= before
        assert set(session.scalars(select(PersonClock.log_body))) == {b""}
        assert retention.candidates(session, CLOSED, NOW) == []
        assert all(one.is_cut for one in auditing.audit(session, user_ids))
        checked = list(chain_heads.check(session, heads))
    assert [one.gone for one in checked if one.gone is not None] == []
    assert all(one.evidence_was_cut for one in checked)
    assert differences(database) == []


def test_who_goes_on_watching_goes_on_from_the_cut(database: Database) -> None:
    viewer = make_viewer(database, durations_ms={"reading": 600_000, "teaching": 600_000})
    viewer.open("phone", 0)
    viewer.beat("phone", 1, 60, (0, 60_000))
    with database.reading() as session:
        user_ids = retention.candidates(session, CLOSED, NOW)
    (done,) = retention.cut_all(database, user_ids, CLOSED, LATER)
    assert done.freed_bytes > 0
    assert [row.amount_ms for row in viewer.ledger()] == [60_000]
    # The programme is prolonged, and an old device comes back with what it still had.
    with database.writing() as session:
        prolonged = make_programme(window=Window(date(2026, 11, 1), date(2028, 1, 1)))
        publish(session, prolonged, durations_ms={"reading": 600_000, "teaching": 600_000})
    assert viewer.beat("phone", 2, LATER_SECONDS + 5, (60_000, 80_000)).credited == ((60_000, 80_000),)
    viewer.open("desk", LATER_SECONDS + 60)
    viewer.beat("desk", 1, LATER_SECONDS + 160, (50_000, 200_000))
    viewer.settle(LATER_SECONDS + 200)
    other = also_in(viewer, make_programme("senior-high", window=Window(date(2026, 11, 1), date(2028, 1, 1))))
    other.open("other", LATER_SECONDS + 300)
    other.beat("other", 1, LATER_SECONDS + 360, (0, 60_000))
    assert viewer.covered() == ((0, 200_000),)
    assert differences(database) == []
    with database.reading() as session:
        assert retention.candidates(session, date(2027, 12, 31), NOW) == []
        again = retention.candidates(session, date(2028, 1, 1), NOW)
    (second,) = retention.cut_all(database, again, date(2028, 1, 1), datetime(2028, 1, 2, tzinfo=UTC))
    assert second.freed_bytes > 0
    assert differences(database) == []


def test_evidence_that_does_not_agree_is_not_deleted(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("phone", 0)
    viewer.beat("phone", 1, 60, (0, 60_000))
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE coverage SET covered_ms = covered_ms + 1"))
    with database.reading() as session:
        user_ids = retention.candidates(session, CLOSED, NOW)
        size = retention.size_bytes(session, viewer.actor.user_id)
    (done,) = retention.cut_all(database, user_ids, CLOSED, LATER)
    assert done.freed_bytes == 0
    assert "(coverage): covered_ms" in (done.difference or "")
    with database.reading() as session:
        assert retention.size_bytes(session, viewer.actor.user_id) == size
        assert session.scalar(select(func.count()).select_from(EvidenceCut)) == 0


def test_what_was_kept_at_a_cut_is_compared_with_the_rows_there_are(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("phone", 0)
    viewer.beat("phone", 1, 60, (0, 60_000))
    with database.reading() as session:
        user_ids = retention.candidates(session, CLOSED, NOW)
    list(retention.cut_all(database, user_ids, CLOSED, LATER))
    for statement, says in (
        ("UPDATE coverage SET covered_ms = 61000", "(coverage): covered_ms"),
        ("UPDATE playback_sessions SET spent_ms = 1", "(playback_sessions): spent_ms"),
        ("UPDATE evidence_cuts SET plays = 2", "(evidence_cuts) has 1 playback sessions, it counts 2"),
        ("UPDATE evidence_cuts SET chunks = 2", "counts 1 closed chunks, there are 2"),
    ):
        with database.engine.connect() as connection:
            connection.execute(text(statement))
            found = auditing.first_difference(Session(connection), viewer.actor.user_id)
            assert says in (found or ""), (statement, found)
            connection.rollback()
    assert differences(database) == []


def test_a_head_that_is_no_longer_in_its_chain_is_named(database: Database) -> None:
    world = make_world(database, 4)
    with database.reading() as session:
        heads, _ = chain_heads.read(chain_heads.written(session, NOW, "rural"))
    assert len(heads) == 4
    with database.engine.begin() as connection:
        if database.is_sqlite:
            for trigger in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        last = select(func.max(CreditEntryRow.number)).where(CreditEntryRow.enrolment_id == 1).scalar_subquery()
        connection.execute(
            delete(CreditEntryRow).where(CreditEntryRow.enrolment_id == 1, CreditEntryRow.number == last)
        )
        connection.execute(
            text("UPDATE person_clocks SET log_head = log_body WHERE user_id = :one"), {"one": world.user_ids["t1"]}
        )
    with database.reading() as session:
        found = [one.gone for one in chain_heads.check(session, heads)]
    assert found[0] == f"credit entry {heads[0].entries} of enrolment 1 (credit_entries) is gone"
    assert "(person_clocks) is not what its hash was made from" in (found[1] or "")
    assert found[2:] == [None, None]
