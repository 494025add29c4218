"""Scores of many learners arrive, each with one effect, whatever a platform does meanwhile."""

import threading
from decimal import Decimal

from lms_plugin.services import delivery, reconciling
from lms_plugin.services.delivery import Rhythm
from lms_plugin.services.ports import LmsReporter
from lms_plugin.services.reconciling import Comparison
from lms_plugin.services.sending import Pace
from lms_plugin.storage.outbox import ACKNOWLEDGED, WAITING
from lms_plugin.storage.session import Database
from tests.journeys.score_world import ScoresInMemory, ScoreWorld
from tests.stores import ON_POSTGRESQL

OUTAGE_HOURS = 6
COMPLETIONS = 10_000
GIVE_UP_SECONDS = 60


def names(count: int) -> list[str]:
    return [f"s{number:05}" for number in range(count)]


def comparisons(world: ScoreWorld, reporter: LmsReporter) -> set[Comparison]:
    findings = reconciling.reconcile(world.database, lambda _: reporter, world.key, repair=False, clock=world.clock)
    return {one.comparison for one in findings}


@ON_POSTGRESQL
def test_ten_thousand_complete_while_their_platform_is_down_for_six_hours(database: Database) -> None:
    world, platform = ScoreWorld(database, names(COMPLETIONS)), ScoresInMemory()
    platform.up = False
    each_hour = COMPLETIONS // OUTAGE_HOURS + 1
    for hour in range(OUTAGE_HOURS):
        some = world.enrolments[hour * each_hour : (hour + 1) * each_hour]
        world.credit(some, Decimal(6))
        for _ in range(6):
            assert world.deliver(lambda _: platform).acknowledged == 0
            world.clock.advance(minutes=10)
    assert world.states() == {WAITING: COMPLETIONS}
    platform.up = True
    platform.lose = 20
    world.drain(lambda _: platform)
    assert world.states() == {ACKNOWLEDGED: COMPLETIONS}
    assert platform.ratios == {(one, world.block_key): Decimal(1) for one in world.subjects}
    assert set(platform.grades.values()) == {1}
    assert platform.unsound == []
    assert comparisons(world, platform) == {Comparison.AGREES}


def test_a_platform_that_hangs_does_not_hold_up_another(database: Database) -> None:
    slow, swift = ScoresInMemory(), ScoresInMemory()
    slow.gate = threading.Event()
    platforms = {"slow": slow, "swift": swift}
    worlds = [ScoreWorld(database, names(300), key=key) for key in platforms]
    for world in worlds:
        world.credit(world.enrolments, Decimal(3))
    stop = threading.Event()
    worker = threading.Thread(
        target=delivery.run_worker,
        args=(database, platforms.get, stop),
        kwargs={"worker": "one", "clock": worlds[0].clock, "rhythm": Rhythm(look_every_seconds=0.02)},
    )
    worker.start()
    try:
        for _ in range(GIVE_UP_SECONDS * 20):
            if worlds[1].states() == {ACKNOWLEDGED: 300}:
                break
            threading.Event().wait(0.05)
        assert worlds[1].states() == {ACKNOWLEDGED: 300}
        assert worlds[0].states() == {WAITING: 300}
    finally:
        slow.gate.set()
        stop.set()
        worker.join(GIVE_UP_SECONDS)
    assert not worker.is_alive()
    assert worlds[0].states() != {WAITING: 300}


def test_a_platform_s_wish_to_be_left_alone_is_respected(database: Database) -> None:
    world = ScoreWorld(database, names(400))
    platform = ScoresInMemory(world.clock)
    platform.budget = 60
    world.credit(world.enrolments, Decimal("4.5"))
    pace = Pace(learners=200, lanes=4)
    rounds = 0
    while world.states() != {ACKNOWLEDGED: 400}:
        rounds += 1
        assert rounds < 200
        world.deliver(lambda _: platform, pace=pace)
        world.clock.advance(seconds=5)
    # Only what was in the air when the platform had enough came too early; nobody came back before their time.
    assert platform.too_early <= 4 * (400 // 60 + 1)
    assert platform.unsound == []
    assert comparisons(world, platform) == {Comparison.AGREES}
