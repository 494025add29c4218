"""Readings: the service's clock, a question at the end, and what counts."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_plugin.domain.errors import Conflict, NotFound, OutsideWindow
from lms_plugin.services import approvals, catalogue, readings, school_activities
from lms_plugin.services.readings import Outcome, ReadingShown, Stage
from lms_plugin.storage.session import Database
from tests.builders import NOW, make_programme
from tests.services.school_world import World, activity, ledger, make_world, programme

TEN_MINUTES = timedelta(minutes=10)
"""3,000 Chinese characters at 300 a minute."""


def shown(session: object, world: World, key: str, now: datetime) -> ReadingShown | None:
    current = catalogue.for_enrolment(session, world.enrolment, now)
    return readings.shown(session, current, world.enrolment, world.modules[key], now)


def test_a_reading_counts_as_long_as_it_takes_once(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        module_id = world.modules["plain"]
        before = shown(session, world, "plain", NOW)
        assert before is not None
        assert (before.stage, before.nominal_ms) == (Stage.NOT_OPENED, 600_000)
        readings.open_reading(session, world.teacher, world.enrolment.id, module_id, NOW)
        soon = NOW + timedelta(minutes=9, seconds=30)
        early = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=soon)
        assert (early.outcome, early.missing_seconds) == (Outcome.TOO_SHORT, 30)
        # opening it again does not start the clock anew
        readings.open_reading(session, world.teacher, world.enrolment.id, module_id, soon)
        after = NOW + timedelta(minutes=25)
        done = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=after)
        assert done.outcome is Outcome.READ
        assert done.recorded is not None
        assert done.recorded.counted_ms == 600_000
        assert ledger(session, world.enrolment) == [("reading", f"reading/{module_id}", 10)]
        with pytest.raises(Conflict, match="reading_done"):
            readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=after)
        reopened = readings.open_reading(session, world.teacher, world.enrolment.id, module_id, after)
        assert reopened.read_at == after
        finished = shown(session, world, "plain", after)
        assert finished is not None
        assert finished.stage is Stage.READ


def test_a_question_of_the_module_is_answered_first(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        module_id, at = world.modules["asked"], NOW + TEN_MINUTES
        readings.open_reading(session, world.teacher, world.enrolment.id, module_id, NOW)
        first = shown(session, world, "asked", at)
        assert first is not None
        assert first.question is not None
        assert (first.stage, first.missing_seconds, first.tries_left) == (Stage.OPEN, 0, 2)
        wrong = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=1, now=at)
        assert wrong.outcome is Outcome.WRONG
        second = shown(session, world, "asked", at)
        assert second is not None
        assert second.question is not None
        assert (second.tries_left, second.question.key != first.question.key) == (1, True)
        again = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=at)
        assert (again.outcome, again.missing_seconds) == (Outcome.BEGIN_AGAIN, 600)
        short = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=0, now=at)
        assert short.outcome is Outcome.TOO_SHORT
        assert ledger(session, world.enrolment) == []
        later = at + TEN_MINUTES
        right = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=0, now=later)
        assert right.outcome is Outcome.READ
        assert ledger(session, world.enrolment) == [("reading", f"reading/{module_id}", 10)]


def test_time_that_counts_for_something_else_is_left_out_and_the_rest_fills_up(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        form = activity(0.5, 15)  # 30 to 15 minutes before NOW
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, form, now=NOW)
        for _ in range(2):
            approvals.approve(session, world.office, row.id, NOW)
        opened_at, module_id = NOW - timedelta(minutes=25), world.modules["plain"]
        readings.open_reading(session, world.teacher, world.enrolment.id, module_id, opened_at)
        done = readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=NOW)
        assert done.recorded is not None
        assert done.recorded.counted_ms == 600_000
        assert ("overlaps_study", "分数的初步认识磨课") in [
            (one.reason, one.other_title) for one in done.recorded.left_out
        ]


def test_a_reading_left_open_overnight_is_begun_anew(database: Database) -> None:
    morning = NOW + timedelta(hours=13)
    with database.writing() as session:
        world = make_world(session)
        module_id = world.modules["plain"]
        readings.open_reading(session, world.teacher, world.enrolment.id, module_id, NOW)
        with pytest.raises(Conflict, match="reading_not_open"):
            readings.finish(session, world.teacher, world.enrolment.id, module_id, choice=None, now=morning)
        stale = shown(session, world, "plain", morning)
        assert stale is not None
        assert stale.stage is Stage.NOT_OPENED
        row = readings.open_reading(session, world.teacher, world.enrolment.id, module_id, morning)
        assert row.opened_at == morning


def test_only_readings_that_earn_something_are_opened(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        plain, film = world.modules["plain"], world.modules["film"]
        with pytest.raises(NotFound):
            readings.open_reading(session, world.teacher, world.enrolment.id, film, NOW)
        assert shown(session, world, "film", NOW) is None
        with pytest.raises(NotFound):
            readings.open_reading(session, world.mate, world.enrolment.id, plain, NOW)
        with pytest.raises(Conflict, match="reading_not_open"):
            readings.finish(session, world.teacher, world.enrolment.id, plain, choice=None, now=NOW)
        with pytest.raises(OutsideWindow):
            readings.open_reading(session, world.teacher, world.enrolment.id, plain, datetime(2027, 9, 1, tzinfo=UTC))
        world.enrolment.state = "withdrawn"
        session.flush()
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            readings.open_reading(session, world.teacher, world.enrolment.id, plain, NOW)


def test_readings_earn_nothing_where_the_programme_has_no_component_for_them(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session, programme(components=make_programme().components))
        assert shown(session, world, "plain", NOW) is None
        with pytest.raises(Conflict, match="no_reading_credit"):
            readings.open_reading(session, world.teacher, world.enrolment.id, world.modules["plain"], NOW)
