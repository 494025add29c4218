"""Rules whose day has come reach the roll-ups, the reports and the LMS without anybody's doing anything."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Unavailable
from lms_plugin.domain.programme import Group, LmsCourse, Programme, Text
from lms_plugin.services import access, catalogue, enrolments, hours, reports, rules_errand, standings
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.rules_errand import IN_THE_AIR
from lms_plugin.storage.outbox import WAITING, Report
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, LTI
from tests.builders import NOW, actor_for, credit, make_programme, make_user, publish
from tests.services.delivery_rig import PLATFORM, Clock, DeliveryRig

MINUTE = 60_000
MIDNIGHT = NOW + timedelta(hours=4)
"""In Shanghai: the 25th begins, while it is still the 24th in UTC."""

AFTER = MIDNIGHT + IN_THE_AIR
HALFWAY, WHOLE, NOTHING = (45, 45), (90, 45), (0, 0)
TIERS = (
    Group("standard", Text("基础班", "Standard class")),
    Group(
        "advanced", Text("提高班", "Advanced class"), requires=(("video", Decimal(2)),), total_class_hours=Decimal(3)
    ),
)


def of_today() -> Programme:
    """3 class hours, 2 of them films."""
    return make_programme("rural", tiers=TIERS, lms=LmsCourse(PLATFORM, COURSE, LTI))


def of_tomorrow(video: int = 1) -> Programme:
    """From tomorrow on another number of hours of films, but not in the advanced class."""
    films, discussion = of_today().components
    films = replace(films, required_class_hours=Decimal(video))
    return replace(
        of_today(),
        components=(films, discussion),
        total_class_hours=Decimal(video + 1),
        applies_from=date(2026, 11, 25),
    )


@dataclass
class World:
    """Learners by login, with minutes of film and of discussion, whose programme's next version waits for its day."""

    database: Database
    office: Actor
    programme_id: int
    enrolment_ids: dict[str, int]

    def learners(self, minutes: dict[str, tuple[int, int]], tier: str = "standard") -> None:
        with self.database.writing() as session:
            for login, (video, discussion) in minutes.items():
                learner = NewLearner(make_user(session, login).id, tier=tier)
                enrolment = enrolments.enrol(session, self.programme_id, learner, NOW)
                for key, amount in (("video", video), ("discussion", discussion)):
                    if amount:
                        credit(session, enrolment, amount * MINUTE, key)
                self.enrolment_ids[login] = enrolment.id

    def publish(self, programme: Programme, now: datetime = NOW) -> None:
        with self.database.writing() as session:
            publish(session, programme, now=now)

    def run(self, now: datetime = AFTER) -> int:
        return rules_errand.refresh_due(self.database, lambda: now)

    def rolled_up(self) -> int:
        with self.database.reading() as session:
            return session.get_one(ProgrammeRow, self.programme_id).rolled_up_version

    def completed(self) -> dict[str, datetime | None]:
        with self.database.reading() as session:
            return {
                login: session.get_one(Enrolment, one).completed_at for login, one in sorted(self.enrolment_ids.items())
            }

    def owed(self) -> dict[str, tuple[Decimal, str]]:
        with self.database.reading() as session:
            rows = {row.enrolment_id: (row.ratio, row.state) for row in session.scalars(select(Report))}
        return {login: rows[one] for login, one in sorted(self.enrolment_ids.items()) if one in rows}

    def assert_all_agree(self, now: datetime = AFTER) -> None:
        """Roll-ups and report rows are what everybody's page says."""
        with self.database.reading() as session:
            found = reports.completions(session, self.office, now, group_by=[reports.LEARNER])
            keys = [column.key for column in found.columns]
            shown = {row["login"]: row for row in (dict(zip(keys, one, strict=True)) for one in found.rows)}
            for login, enrolment_id in self.enrolment_ids.items():
                kept = session.get_one(Enrolment, enrolment_id)
                page = hours.read(session, kept, now)
                assert kept.completion_ratio == page.completion.ratio == shown[login]["completion_ratio"]
                assert kept.counted_ms == page.hours.total.counted_ms
                assert shown[login]["completed_at"] == kept.completed_at


@pytest.fixture
def world(database: Database) -> World:
    DeliveryRig(database)
    with database.writing() as session:
        current = publish(session, of_today())
        office = actor_for(session, make_user(session, "office", access.OFFICE))
    return World(database, office, current.id, {})


def test_a_milder_rule_completes_who_does_nothing_more_when_its_day_has_come(world: World) -> None:
    world.learners({"halfway": HALFWAY, "idle": NOTHING})
    world.learners({"in.advanced": HALFWAY}, "advanced")
    world.publish(of_tomorrow())
    two_thirds = (Decimal("0.6666"), WAITING)
    assert world.run(MIDNIGHT - timedelta(seconds=1)) == 0
    assert world.owed() == {"halfway": two_thirds, "in.advanced": two_thirds}
    assert world.run() == 1
    assert world.completed() == {"halfway": AFTER, "idle": None, "in.advanced": None}
    assert world.owed() == {"halfway": (Decimal(1), WAITING), "in.advanced": two_thirds}
    world.assert_all_agree()
    assert (world.run(AFTER + timedelta(days=1)), world.rolled_up()) == (0, 2)
    assert world.completed()["halfway"] == AFTER


def test_a_stricter_rule_takes_no_completion_away_but_says_how_far_the_rest_are(world: World) -> None:
    world.learners({"halfway": HALFWAY, "whole": WHOLE})
    world.publish(of_tomorrow(video=4))
    completed = world.completed()
    assert world.run() == 2
    assert world.completed() == completed == {"halfway": None, "whole": NOW}
    world.assert_all_agree()
    assert world.owed() == {"halfway": (Decimal("0.6666"), WAITING), "whole": (Decimal(1), WAITING)}


def test_what_was_judged_a_moment_before_midnight_is_written_first(world: World) -> None:
    world.learners({"halfway": HALFWAY})
    world.publish(of_tomorrow())
    assert world.run(AFTER - timedelta(seconds=1)) == 0
    assert world.rolled_up() == 1
    assert world.run(AFTER) == 1


def test_one_that_is_stopped_midway_is_done_again_from_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "CHECKED_AT_ONCE", 2)
    world.learners({f"t{number}": HALFWAY for number in range(5)})
    world.publish(of_tomorrow())
    stop, calls = threading.Event(), []

    def clock() -> datetime:
        calls.append(len(calls))
        if len(calls) == 4:
            stop.set()
        return AFTER

    done = rules_errand.refresh_due(world.database, clock, stop)
    assert 0 < done < 5
    assert world.rolled_up() == 1
    assert world.run() == 5 - done
    assert world.rolled_up() == 2
    world.assert_all_agree()


def test_two_workers_at_once_do_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "CHECKED_AT_ONCE", 3)
    world.learners({f"t{number:02}": HALFWAY for number in range(12)})
    world.publish(of_tomorrow())
    with ThreadPoolExecutor(2) as pool:
        done = [one.result(60) for one in [pool.submit(world.run) for _ in range(2)]]
    assert sum(done) == 12
    assert world.rolled_up() == 2
    assert set(world.owed().values()) == {(Decimal(1), WAITING)}
    world.assert_all_agree()


def test_a_slow_one_takes_nothing_back_from_a_version_that_came_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "CHECKED_AT_ONCE", 1)
    world.learners({"a": HALFWAY, "b": HALFWAY})
    world.publish(of_tomorrow(video=4))
    clock = Clock(AFTER)

    class Interrupted(Database):
        """Between the first learner and the second another version is published, and refreshed for all."""

        @contextmanager
        def reading(self) -> Iterator[Session]:
            with super().reading() as session:
                first = session.get_one(Enrolment, world.enrolment_ids["a"])
                is_under_way = first.completion_ratio == Decimal("0.4")
            if is_under_way and clock() == AFTER:
                clock.advance(minutes=1)
                world.publish(replace(of_tomorrow(), applies_from=None), clock())
                standings.refresh_programme(world.database, world.programme_id, clock)
            with super().reading() as session:
                yield session

    interrupted = Interrupted(world.database.engine.url.render_as_string(hide_password=False))
    rules_errand.refresh_due(interrupted, clock)
    interrupted.dispose()
    assert clock() > AFTER
    assert world.rolled_up() == 3
    assert world.completed() == {"a": clock(), "b": clock()}
    world.assert_all_agree(clock())


def test_where_nothing_is_due_one_question_is_asked(world: World) -> None:
    world.learners({"halfway": HALFWAY})
    world.publish(make_programme("other"))
    world.publish(of_tomorrow())
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(world.database.engine, "before_cursor_execute", note)
    try:
        assert world.run(NOW) == 0
    finally:
        event.remove(world.database.engine, "before_cursor_execute", note)
    assert len([one for one in asked if not one.startswith("BEGIN")]) == 1


def test_a_version_that_never_came_to_its_day_is_passed_over(world: World) -> None:
    world.learners({"halfway": HALFWAY})
    world.publish(of_tomorrow(video=4))
    world.publish(replace(of_tomorrow(), applies_from=None))
    with world.database.reading() as session:
        assert catalogue.in_force(session, world.programme_id, NOW).version == 3
    assert world.run(NOW + IN_THE_AIR) == 1, "as after a publishing that was interrupted before it refreshed"
    assert (world.run(), world.rolled_up()) == (0, 3)
    world.assert_all_agree()


def test_the_errand_goes_on_whatever_happens_until_it_is_stopped(world: World) -> None:
    world.learners({"halfway": HALFWAY})
    world.publish(of_tomorrow())
    stop, calls = threading.Event(), []

    def clock() -> datetime:
        calls.append(len(calls))
        if len(calls) == 1:
            raise Unavailable(why="restarting")
        if len(calls) == 2:
            raise RuntimeError("a fault of our own")
        if world.rolled_up() == 2:
            stop.set()
        return AFTER

    rules_errand.run(world.database, stop, clock=clock, look_every_seconds=0)
    assert world.completed() == {"halfway": AFTER}
