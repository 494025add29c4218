"""Scores by the real commands, to a platform that is strict."""

from datetime import UTC, datetime
from decimal import Decimal

from lms_plugin.domain.programme import Component, ComponentKind, Text
from lms_plugin.services import lti_keys, owing
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import LtiLink
from lms_plugin.storage.session import Database
from tests import builders
from tests.cli.conftest import Run
from tests.peers.lti.interface import Link, Person
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.tool import KeySetServer
from tests.services.lti_rig import Named, make_account, make_link, make_lti_platform

HOUR_MS = 45 * 60 * 1000
SEAL = Seal("k" * 40)


def test_the_worker_scores_and_reconciling_finds_what_the_platform_lost(
    run: Run, database: Database, own_lti_platform: LtiPlatform
) -> None:
    film = Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(6))
    with KeySetServer() as keys:
        own_lti_platform.set_tool(launch_url=keys.url, login_url=keys.url, key_set_url=keys.url)
        own_lti_platform.seed(users=[Person("wang")], links=[Link("hours")])
        with database.writing() as session:
            now = datetime.now(UTC)
            lti_keys.signing_key(session, SEAL, now)
            keys.keys[:] = lti_keys.key_set(session, now)["keys"]
            current = builders.publish(
                session, builders.make_programme(components=(film,), total_class_hours=Decimal(6))
            )
            user = builders.make_user(session, "wang")
            enrolment = builders.enrol(session, user, current)
            builders.credit(session, enrolment, int(5.25 * HOUR_MS))
            platform = make_lti_platform(
                session,
                named=Named(own_lti_platform.base_url, own_lti_platform.client_id),
                token_url=own_lti_platform.token_url,
            )
            link = make_link(session, platform, current, line_item_url=own_lti_platform.line_item("hours"))
            make_account(session, platform, user, own_lti_platform.subject("wang"))
            owing.owe_account(session, platform.id, user.id, now)
        assert run("worker", "--once")[0] == 0
        (held,) = own_lti_platform.scores().values()
        assert (held.given, held.maximum, held.comment) == (5.25, 6, "已获 5.25 学时，应修 6 学时")
        status, out, _ = run("lms", "reconcile", "school")
        assert (status, out.splitlines()[-1]) == (0, "1 agrees")
        with database.writing() as session:
            builders.credit(session, enrolment, HOUR_MS)
        assert run("worker", "--once")[0] == 0
        assert own_lti_platform.gradebook() == {("hours", "wang"): 1.0}
        own_lti_platform.seed(reset=True, users=[Person("wang")], links=[Link("hours")])
        status, out, _ = run("lms", "reconcile", "school")
        assert (status, out.splitlines()[-1]) == (1, "1 missing")
        with database.writing() as session:  # what the next launch tells
            session.get_one(LtiLink, link.id).line_item_url = own_lti_platform.line_item("hours")
        assert run("lms", "reconcile", "school", "--repair")[0] == 0
        assert run("worker", "--once")[0] == 0
        assert own_lti_platform.gradebook() == {("hours", "wang"): 1.0}
