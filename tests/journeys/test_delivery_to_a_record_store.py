"""What learners do reaches a record store: nothing lost, nothing twice, whatever happens on the way.

Everything is real here: the store of statements is a process of its own, which takes only what ralph's models take and
keeps each id once.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.reporters import Reporters
from lms_plugin.adapters.xapi.statements import EXTENSIONS
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.http.score_comments import score_comment
from lms_plugin.services import delivery, platforms, reconciling
from lms_plugin.services.outbox import CONFIRM_AFTER
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.services.reconciling import Comparison
from lms_plugin.services.sending import DeliveryRound, Pace
from lms_plugin.storage.outbox import ACKNOWLEDGED, LRS, Report
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, credit, enrol, make_user, publish
from tests.peers.xapi.process import RecordStorePeer, Statement, models_of
from tests.services.viewers import Viewer, make_viewer
from tests.stores import ON_POSTGRESQL

pytestmark = ON_POSTGRESQL  # what differs between the stores is below, and tried there

SEAL = Seal("a secret key of a test, long enough to be one")
HERE = "https://hours.example.org"
MINUTE = 60
FILM_STATEMENTS = 9
"""Of `watch_it_all`: its second session has not ended."""


class Journey:
    """A service with the record store registered, and a clock."""

    def __init__(self, database: Database, peer: RecordStorePeer, reporters: Reporters) -> None:
        self.database = database
        self.peer = peer
        self.reporters = reporters
        self.now = NOW
        with database.writing() as session:
            platforms.register(
                session,
                CONSOLE,
                SEAL,
                lambda address: GuardedClient(address, allow_loopback=True).close(),
                key="store",
                base_url=peer.base_url,
                client_id=peer.client_id,
                client_secret=peer.client_secret,
                kind=LRS,
            )

    def clock(self) -> datetime:
        return self.now

    def deliver(self, **later: float) -> DeliveryRound:
        """Rounds until one has nothing to do, after so much time."""
        self.now += timedelta(**later)
        done = DeliveryRound()
        while True:
            last = delivery.deliver_once(
                self.database, self.reporters, "worker", self.clock, draw=lambda: 0.5, pace=Pace(lanes=2)
            )
            done += last
            if last.is_idle:
                return done

    def findings(self, *, repair: bool = False) -> dict[Comparison, int]:
        found = reconciling.reconcile(self.database, self.reporters, "store", repair=repair, clock=self.clock)
        return dict(Counter(finding.comparison for finding in found))

    def states(self) -> dict[str, int]:
        with self.database.reading() as session:
            counted = session.execute(select(Report.state, func.count()).group_by(Report.state))
            return dict(counted.tuples().all())


@pytest.fixture
def journey(database: Database, record_store: RecordStorePeer) -> Iterator[Journey]:
    with Reporters(database, SEAL, allow_loopback=True, base_url=HERE, comment=score_comment) as reporters:
        yield Journey(database, record_store, reporters)


def verbs(peer: RecordStorePeer, login: str = "wang.li", *, of: str = "/films/") -> list[str]:
    """The verbs of somebody's statements about films, or other activities, in the order they came."""
    return [one["verb"]["id"].rpartition("/")[2] for one in peer.statements(login) if of in one["object"]["id"]]


def watch_it_all(viewer: Viewer) -> None:
    """Twenty minutes of film in two sessions with a pause, a jump back and the end."""
    viewer.open("first")
    viewer.beat("first", 1, 5 * MINUTE, (0, 5 * MINUTE_MS))
    viewer.beat("first", 2, 20 * MINUTE, (5 * MINUTE_MS, 10 * MINUTE_MS))
    viewer.settle(21 * MINUTE)
    viewer.open("second", 30 * MINUTE)
    viewer.beat("second", 1, 42 * MINUTE, (8 * MINUTE_MS, 20 * MINUTE_MS))
    viewer.settle(43 * MINUTE)


class TestWatching:
    def test_each_session_is_told_as_it_went(self, journey: Journey) -> None:
        viewer = make_viewer(journey.database)
        watch_it_all(viewer)
        viewer.open("third", 60 * MINUTE)
        assert journey.deliver(minutes=70).acknowledged == 3
        assert verbs(journey.peer) == [
            *("initialized", "played", "paused", "played", "paused", "terminated"),
            *("initialized", "played", "completed", "paused", "terminated"),
            "initialized",
        ]
        statements = journey.peer.statements("wang.li")
        (completed,) = [one for one in statements if _is_film(one) and "duration" in one.get("result", {})]
        assert completed["result"]["extensions"] == {
            f"{EXTENSIONS}/time": 1200.0,
            f"{EXTENSIONS}/progress": 1.0,
            f"{EXTENSIONS}/played-segments": "0[.]300[,]300[.]600[,]480[.]1200",
        }
        assert completed["result"]["duration"] == "PT1320S"
        sessions = {one["context"]["extensions"][f"{EXTENSIONS}/session-id"] for one in statements if _is_film(one)}
        initialized = {one["id"] for one in statements if one["verb"]["id"].endswith("/initialized")}
        assert sessions == initialized

    def test_they_come_piece_by_piece_and_end_up_the_same(self, journey: Journey) -> None:
        """Delivered after every message: no statement twice, none missing, and none that is refused as another one."""
        viewer = make_viewer(journey.database)
        viewer.open("first")
        for number in range(1, 11):
            viewer.beat("first", number, 90.0 * number, ((number - 1) * MINUTE_MS, number * MINUTE_MS))
            viewer.settle(90 * number + 1)
            journey.deliver(seconds=91)
        viewer.open("second", 1000)
        journey.deliver(seconds=95)
        assert verbs(journey.peer) == ["initialized", *["played", "paused"] * 10, "terminated", "initialized"]
        assert {status for _, _, status in journey.peer.requests()} == {200}
        assert journey.findings() == {Comparison.AGREES: 3}

    def test_what_is_told_is_taken_by_ralph_s_models(self, journey: Journey) -> None:
        watch_it_all(make_viewer(journey.database))
        journey.deliver(minutes=70)
        sent = [
            {name: value for name, value in one.items() if name not in ("stored", "version")}
            for one in journey.peer.statements()
        ]
        assert set(models_of(sent)) == {
            *("VideoInitialized", "VideoPlayed", "VideoPaused", "VideoTerminated", "VideoCompleted"),
            "BaseXapiStatement",
        }


class TestStandings:
    def test_a_programme_is_told_as_far_as_it_goes_and_once_completed(self, journey: Journey) -> None:
        enrolment_id = _enrolled(journey, "t1")
        for number, component in enumerate(["video", "video", "discussion"]):
            _credit(journey, enrolment_id, 45, component)
            journey.deliver(minutes=number)
        told = [(one["verb"]["id"].rpartition("/")[2], one["result"]) for one in journey.peer.statements("t1")]
        assert told == [
            ("progressed", {"completion": False, "score": {"scaled": 0.3333}, "duration": "PT2700S"}),
            ("progressed", {"completion": False, "score": {"scaled": 0.6666}, "duration": "PT5400S"}),
            ("completed", {"completion": True, "score": {"scaled": 1.0}, "duration": "PT8100S"}),
        ]

    def test_a_hundred_learners_arrive_each_once(self, journey: Journey) -> None:
        with journey.database.writing() as session:
            current = publish(session)
            for number in range(100):
                credit(session, enrol(session, make_user(session, f"t{number}"), current), 9 * MINUTE_MS)
        assert journey.deliver().acknowledged == 100
        assert len({one["actor"]["account"]["name"] for one in journey.peer.statements()}) == 100
        assert len(journey.peer.statements()) == 100
        assert journey.findings() == {Comparison.AGREES: 100}


class TestTrouble:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "lose_answer", "path": "/data/xAPI/statements"},
            {"kind": "lose_answer", "status": 500, "path": "/data/xAPI/statements"},
            {"kind": "refuse", "status": 429, "retry_after": "7", "path": "/data/xAPI/statements"},
            {"kind": "page", "path": "/data/xAPI/statements"},
        ],
        ids=["lost", "stored-and-500", "429", "page"],
    )
    def test_a_fault_on_the_way_leaves_each_statement_once(self, journey: Journey, fault: dict[str, object]) -> None:
        watch_it_all(make_viewer(journey.database))
        journey.peer.faults(fault)
        assert journey.deliver(minutes=45).is_troubled
        for _ in range(3):
            journey.deliver(seconds=CONFIRM_AFTER.total_seconds() + 60)
        ids = [one["id"] for one in journey.peer.statements()]
        assert len(ids) == len(set(ids)) == FILM_STATEMENTS + 2
        assert journey.states() == {ACKNOWLEDGED: 3}
        assert journey.findings() == {Comparison.AGREES: 3}

    def test_a_store_that_was_down_for_hours_gets_it_all(self, journey: Journey) -> None:
        journey.peer.kill()
        watch_it_all(make_viewer(journey.database))
        for _ in range(6):
            assert journey.deliver(hours=1).acknowledged == 0
        journey.peer.start()
        for _ in range(3):
            journey.deliver(minutes=30)
        assert journey.states() == {ACKNOWLEDGED: 3}
        assert journey.findings() == {Comparison.AGREES: 3}

    def test_a_store_that_lost_everything_is_found_out_and_told_again(self, journey: Journey) -> None:
        watch_it_all(make_viewer(journey.database))
        journey.deliver(minutes=45)
        before = sorted(one["id"] for one in journey.peer.statements())
        journey.peer.reset()
        assert journey.findings(repair=True) == {Comparison.MISSING: 3}
        journey.deliver(minutes=1)
        assert sorted(one["id"] for one in journey.peer.statements()) == before
        assert journey.findings() == {Comparison.AGREES: 3}

    def test_a_few_missing_statements_of_a_film_are_found_out(self, journey: Journey) -> None:
        watch_it_all(make_viewer(journey.database))
        journey.deliver(minutes=45)
        kept = journey.peer.statements()
        journey.peer.reset()
        for one in kept[:-2]:
            journey.peer.put({name: value for name, value in one.items() if name not in ("stored", "version")})
        found = journey.findings(repair=True)
        assert found.get(Comparison.DIFFERS, 0) + found.get(Comparison.MISSING, 0) >= 1
        journey.deliver(minutes=1)
        assert len(journey.peer.statements()) == len(kept)
        assert journey.findings() == {Comparison.AGREES: 3}


def _is_film(statement: Statement) -> bool:
    return "/films/" in statement["object"]["id"]


def _enrolled(journey: Journey, login: str) -> int:
    with journey.database.writing() as session:
        return enrol(session, make_user(session, login), publish(session)).id


def _credit(journey: Journey, enrolment_id: int, minutes: int, component: str) -> None:
    with journey.database.writing() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        credit(session, enrolment, minutes * MINUTE_MS, component, now=journey.clock())
