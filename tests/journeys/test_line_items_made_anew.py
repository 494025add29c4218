"""A line item that is deleted at the platform: the one made in its place has everybody's score."""

from decimal import Decimal

from lms_plugin.adapters.reporters import Reporters
from lms_plugin.http.score_comments import score_comment
from lms_plugin.services import lti_keys
from lms_plugin.services.platforms import Seal
from lms_plugin.services.sending import utc_now
from lms_plugin.storage.outbox import ACKNOWLEDGED
from lms_plugin.storage.session import Database
from tests.journeys.score_world import ScoreWorld
from tests.peers.lti.interface import Link, Person
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.site.names import GRADES_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer
from tests.services.lti_rig import Named

SEAL = Seal("a secret key of a test, long enough to be one")


def test_the_scores_of_everybody_stand_in_the_line_item_that_is_made_anew(
    database: Database, own_lti_platform: LtiPlatform
) -> None:
    platform = own_lti_platform
    with KeySetServer() as keys:
        tool = HandMadeTool(platform, keys)
        people = [Person("li"), Person("wang"), Person("author", role="Instructor")]
        platform.seed(users=people, links=[Link("hours")], declarative=False)
        claims = tool.launch(platform.login_request("author", "hours"))
        subjects = [platform.subject("li"), platform.subject("wang")]
        link = {"line_items_url": claims[GRADES_CLAIM]["lineitems"], "name": platform.resource_link_id("hours")}
        named = Named(platform.base_url, platform.client_id)
        world = ScoreWorld(database, subjects, named=named, token_url=platform.token_url, link=link)
        world.clock.now = utc_now()
        with database.writing() as session:
            lti_keys.rotate(session, SEAL, utc_now())
            held = lti_keys.key_set(session, utc_now())["keys"]
        world.credit(world.enrolments, Decimal(3))
        with Reporters(
            database, SEAL, allow_loopback=True, base_url="http://127.0.0.1", comment=score_comment
        ) as reporters:
            bearer, keys.keys[:] = tool.bearer(), held
            world.drain(reporters)
            gone = platform.line_item("hours")
            assert gone is not None
            tool.http.delete(gone, headers=bearer).raise_for_status()
            world.clock.advance(seconds=10)
            world.credit(world.enrolments[:1], Decimal(1))
            world.drain(reporters)
        anew = platform.line_item("hours")
        assert anew not in (None, gone)
        given = {subject: score.given for (url, subject), score in platform.scores().items() if url == anew}
        assert given == dict(zip(subjects, (4, 3), strict=True))
        assert world.states() == {ACKNOWLEDGED: 2}
