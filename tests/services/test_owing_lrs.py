"""What record stores are owed: every programme's standings, where a store is registered."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import experience, outbox, owing_lrs, platforms, reconciling
from lms_plugin.services.experience import Standing, Watching
from lms_plugin.services.owing_lrs import Reached
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.services.ports import Acknowledged, Held, HeldAnswer
from lms_plugin.storage.activity import PersonClock
from lms_plugin.storage.outbox import ACKNOWLEDGED, LRS, WAITING, Report
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.adapters.fake_lms import FakeLms
from tests.builders import NOW, credit, enrol, make_user, publish
from tests.services.viewers import Viewer, after, make_viewer

SEAL = Seal("a secret key of a test, long enough to be one")
MINUTE = 60


def register(database: Database, key: str = "store") -> None:
    with database.writing() as session:
        platforms.register(
            session,
            CONSOLE,
            SEAL,
            lambda _: None,
            key=key,
            base_url=f"https://{key}.example.org/xapi",
            client_id="key",
            client_secret="secret",
            kind=LRS,
        )


def reports(database: Database, key: str = "store") -> dict[str, Report]:
    with database.reading() as session:
        found = session.scalars(select(Report).where(Report.platform_key == key))
        return {report.block_key: report for report in found}


def ratios(database: Database, key: str = "store") -> dict[str, Decimal]:
    return {block_key: report.ratio for block_key, report in reports(database, key).items()}


def acknowledge(database: Database, at: datetime, key: str = "store") -> list[outbox.Sending]:
    """Take all that is due as a store does."""

    def take() -> list[outbox.Sending]:
        with database.writing() as session:
            claim = outbox.claim(session, key, worker="w", now=at, limit=100, lease_seconds=60)
        outcomes = [one for sending in claim.sendings for one in outbox.outcomes_of(sending, Acknowledged(), at)]
        if outcomes:
            with database.writing() as session:
                outbox.record(session, outcomes, now=at, draw=lambda: 0.5, wait=True)
        return list(claim.sendings)

    return take()


def read(viewer: Viewer, *block_keys: str) -> experience.Experience:
    reader = experience.reader(viewer.database, "store", lambda: NOW)
    return reader(viewer.actor.login, "rural", block_keys)


def watched_half(database: Database) -> Viewer:
    """A learner who has watched ten of a film's twenty minutes, posted at minute 11."""
    viewer = make_viewer(database)
    viewer.open("first")
    viewer.beat("first", 1, 10 * MINUTE, (0, 10 * MINUTE_MS))
    viewer.settle(11 * MINUTE)
    return viewer


class TestOwing:
    def test_a_posted_film_is_owed_as_programme_module_and_film(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        assert ratios(database) == {
            "programme": Decimal("0.0740"),
            "module:reading": Decimal("0.5"),
            "video:reading": Decimal("0.5"),
        }
        assert {report.course_key for report in reports(database).values()} == {"rural"}
        (sending,) = acknowledge(database, after(12 * MINUTE))
        assert sending.username == viewer.actor.login

    def test_everybody_has_an_account_at_a_record_store(self, database: Database) -> None:
        register(database)
        with database.writing() as session:
            current = publish(session)
            enrolment = enrol(session, make_user(session, "t1", lms_username=None), current)
            credit(session, enrolment, 9 * MINUTE_MS)
        (sending,) = acknowledge(database, NOW)
        assert sending.username == "t1"

    def test_every_store_hears_of_everything(self, database: Database) -> None:
        register(database)
        register(database, "second")
        watched_half(database)
        assert ratios(database) == ratios(database, "second") != {}

    def test_without_a_store_nothing_is_owed_and_one_question_asked(self, database: Database) -> None:
        asked: list[str] = []

        def note(*of: object) -> None:
            asked.append(str(of[2]))

        event.listen(database.engine, "before_cursor_execute", note)
        try:
            with database.reading() as session:
                owing_lrs.owe(session, _never(), NOW)
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        assert ["FROM platforms" in one for one in asked if "SELECT" in one] == [True]
        assert reports(database) == {}

    def test_more_of_a_session_is_told_although_no_more_of_the_film_counts(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        acknowledge(database, after(12 * MINUTE))
        viewer.open("second", 30 * MINUTE)
        states = {block_key: report.state for block_key, report in reports(database).items()}
        assert states == {"programme": ACKNOWLEDGED, "module:reading": ACKNOWLEDGED, "video:reading": WAITING}
        (watching,) = read(viewer, "video:reading").parts
        assert isinstance(watching, Watching)
        assert [step.kind.value for step in watching.steps][-3:] == ["paused", "terminated", "initialized"]

    def test_what_was_reached_before_a_store_was_registered_is_caught_up_with_once(self, database: Database) -> None:
        watched_half(database)
        register(database)
        assert reports(database) == {}
        for _ in range(2):
            assert owing_lrs.catch_up(database, "store", after(20 * MINUTE)) == 1
            assert ratios(database) == {
                "programme": Decimal("0.0740"),
                "module:reading": Decimal("0.5"),
                "video:reading": Decimal("0.5"),
            }
        acknowledge(database, after(21 * MINUTE))
        owing_lrs.catch_up(database, "store", after(22 * MINUTE))
        assert {report.state for report in reports(database).values()} == {ACKNOWLEDGED}

    def test_only_a_record_store_is_caught_up_with(self, database: Database) -> None:
        with pytest.raises(NotFound):
            owing_lrs.catch_up(database, "openedx", NOW)


class TestReading:
    def test_a_standing_is_of_the_ledger_s_last_entry_by_then(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        programme, module = read(viewer, "programme", "module:reading").parts
        for standing in (programme, module):
            assert isinstance(standing, Standing)
            assert (standing.at, standing.spent_ms) == (after(11 * MINUTE), 10 * MINUTE_MS)

    def test_it_is_the_same_whenever_it_is_read(self, database: Database) -> None:
        """Credit that comes later, and raises nothing, changes nothing of what was told."""
        register(database)
        viewer = watched_half(database)
        before = read(viewer, "programme", "module:reading", "video:reading")
        acknowledge(database, after(12 * MINUTE))
        with database.writing() as session:
            enrolment = session.get_one(Enrolment, viewer.enrolment_id)
            credit(session, enrolment, 0, now=after(60 * MINUTE))
        again = read(viewer, "programme", "module:reading", "video:reading")
        assert [_whole(part) for part in again.parts] == [_whole(part) for part in before.parts]

    def test_caught_up_standings_bear_the_moment_they_were_reached(self, database: Database) -> None:
        viewer = watched_half(database)
        register(database)
        owing_lrs.catch_up(database, "store", after(0) + timedelta(days=9))
        (programme,) = read(viewer, "programme").parts
        assert isinstance(programme, Standing)
        assert programme.at == after(11 * MINUTE)

    def test_what_was_known_when_the_store_acknowledged_is_not_told_again(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        acknowledge(database, after(12 * MINUTE))
        assert _told(viewer) == 1  # the film was played after that: in the last minutes before the acknowledgement
        viewer.open("second", 120 * MINUTE)
        acknowledge(database, after(121 * MINUTE))
        viewer.open("third", 240 * MINUTE)
        assert _told(viewer) == 2

    def test_what_the_store_has_lost_is_told_as_a_whole(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        acknowledge(database, after(300 * MINUTE))
        assert _told(viewer) == 2
        found = reconciling.reconcile(
            database, lambda _: _Empty(), "store", repair=True, clock=lambda: after(301 * MINUTE)
        )
        assert {finding.is_repaired for finding in found} == {True}
        assert _told(viewer) == 0

    def test_another_name_at_the_lms_is_no_matter_of_record_stores(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        acknowledge(database, after(12 * MINUTE))
        with database.writing() as session:
            assert outbox.wake(session, viewer.actor.user_id, NOW) == 0

    def test_evidence_that_cannot_be_read_is_said_so(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        with database.writing() as session:
            session.get_one(PersonClock, viewer.actor.user_id).log_body = b"\xff\xff"
        found = read(viewer, "programme", "video:reading")
        assert [part.block_key for part in found.parts] == ["programme"]
        assert found.lacking["video:reading"].startswith("the evidence cannot be read: ")

    def test_a_block_nobody_owes_is_named(self, database: Database) -> None:
        register(database)
        viewer = watched_half(database)
        assert set(read(viewer, "programme", "module:none", "nonsense").lacking) == {"module:none", "nonsense"}

    def test_evidence_is_read_over_its_chunks(self, database: Database) -> None:
        register(database)
        viewer = make_viewer(database)
        viewer.open("long")
        for number in range(1, 200):
            jump = 5_000 * (number % 7)
            viewer.beat("long", number, 4.0 * number, (jump, jump + 2_000))
        viewer.settle(1000)
        (watching,) = read(viewer, "video:reading").parts
        assert isinstance(watching, Watching)
        assert len([step for step in watching.steps if step.kind.value == "seeked"]) == 198


def _whole(part: Standing | Watching) -> Standing | Watching:
    return replace(part, told=0) if isinstance(part, Watching) else part


class _Empty(FakeLms):
    """A store that has lost everything."""

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        return Held(dict.fromkeys(block_keys, Decimal(0)))


def _told(viewer: Viewer) -> int:
    (watching,) = read(viewer, "video:reading").parts
    assert isinstance(watching, Watching)
    return watching.told


def _never() -> Iterator[Reached]:
    raise AssertionError("unreachable")
    yield
