"""A thousand learners' scores reach the LTI consumer of Open edX through everything that goes wrong, each once."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from lms_plugin.adapters.reporters import Reporters
from lms_plugin.http.score_comments import score_comment
from lms_plugin.services import lti_keys, reconciling
from lms_plugin.services.platforms import Seal
from lms_plugin.services.reconciling import Comparison
from lms_plugin.services.sending import Pace, utc_now
from lms_plugin.storage.outbox import ACKNOWLEDGED
from lms_plugin.storage.session import Database
from tests.journeys.score_world import ScoreWorld
from tests.peers.lti.interface import Fault, Link, Person
from tests.peers.lti.openedx import OpenEdxLti
from tests.peers.lti.site.names import GRADES_CLAIM, ROSTER, ROSTER_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer
from tests.services.lti_rig import Named
from tests.stores import ON_POSTGRESQL

LEARNERS = 1000
FINISHED = LEARNERS // 5
SEAL = Seal("a secret key of a test, long enough to be one")


class Journey:
    """The genuine reporter with the keys that our own store holds, published as a platform reads them."""

    def __init__(self, database: Database, platform: OpenEdxLti, keys: KeySetServer) -> None:
        self.database, self.platform, self.keys = database, platform, keys
        tool = HandMadeTool(platform, keys)
        usernames = [f"teacher{number:04}" for number in range(LEARNERS)]
        people = [Person(one) for one in usernames]
        platform.seed(users=[Person("author", role="Instructor"), *people], links=[Link("hours")])
        claims = tool.launch(platform.login_request("author", "hours"))
        # Open edX gives somebody a subject when a tool reads the roster, or they launch.
        roster = claims[ROSTER_CLAIM]["context_memberships_url"]
        tool.http.get(roster, headers={"Accept": ROSTER, **tool.bearer()}).raise_for_status()
        self.subjects = {platform.subject(one): one for one in usernames}
        self.world = ScoreWorld(
            database,
            list(self.subjects),
            named=Named(platform.base_url, platform.client_id),
            token_url=platform.token_url,
            link={"line_item_url": claims[GRADES_CLAIM]["lineitem"], "name": platform.resource_link_id("hours")},
        )
        self.world.clock.now = utc_now()
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key; the key set holds the old one too."""
        with self.database.writing() as session:
            lti_keys.rotate(session, SEAL, utc_now())
            self.keys.keys[:] = lti_keys.key_set(session, utc_now())["keys"]

    def reporters(self) -> Reporters:
        return Reporters(self.database, SEAL, allow_loopback=True, base_url="http://127.0.0.1", comment=score_comment)

    def rows(self) -> list[dict[str, Any]]:
        """The platform's own table of scores."""
        return list(self.platform.state()["scores"])


@pytest.fixture
def journey(database: Database, openedx_lti_platform: OpenEdxLti) -> Iterator[Journey]:
    with KeySetServer() as keys:
        yield Journey(database, openedx_lti_platform, keys)


@pytest.mark.timeout(1200)  # the package takes a tenth of a second for a score, and more on a busy machine
@ON_POSTGRESQL
def test_a_thousand_scores_arrive_once_each_through_faults_and_a_new_key(journey: Journey) -> None:
    world, platform = journey.world, journey.platform
    through, halfway = world.enrolments[:FINISHED], world.enrolments[FINISHED:]
    pace = Pace(learners=250, lanes=4)
    world.credit(through, Decimal(6))
    with journey.reporters() as reporters:
        platform.faults(
            Fault.refused("token", 401),
            Fault.stored_yet_refused("scores", times=5),
            Fault.refused("scores", 429, times=2, retry_after="20"),
            Fault.answer_lost("scores", times=5),
            Fault.refused("scores", 503, times=3),
        )
        for _ in range(6):
            world.deliver(reporters, pace=pace)
            world.clock.advance(seconds=75)
    journey.rotate()
    world.credit(halfway, Decimal("5.25"))
    platform.set_clock(5)
    with journey.reporters() as reporters:  # another process, with another key
        platform.faults(
            Fault.stored_yet_refused("scores", 502, times=5), Fault.refused("scores", 401), Fault.answer_lost("scores")
        )
        world.drain(reporters)
        world.clock.now += timedelta(minutes=20)
        world.drain(reporters)
        assert world.states() == {ACKNOWLEDGED: LEARNERS}
        rows = journey.rows()
        held = {one["subject"]: (Decimal(str(one["given"])), Decimal(str(one["maximum"]))) for one in rows}
        assert held == world.owed()
        assert len(rows) == LEARNERS
        assert {(one["given"], one["grading"], one["comment"]) for one in rows} == {
            (6.0, "FullyGraded", "6 of 6 class hours"),
            (5.25, "Pending", "5.25 of 6 class hours"),
        }
        finished = {("hours", journey.subjects[one]): 1.0 for one in world.subjects[:FINISHED]}
        assert platform.gradebook() == finished
        findings = list(reconciling.reconcile(world.database, reporters, world.key, repair=False, clock=world.clock))
    assert {one.comparison for one in findings} == {Comparison.AGREES}
    assert len(findings) == LEARNERS
