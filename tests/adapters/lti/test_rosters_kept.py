"""A class group follows the course of a real platform: from the first look to members who leave and come back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lms_plugin.adapters.rosters import RosterReader, Rosters
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.lti_roster import Step
from lms_plugin.services import lti_keys, lti_rosters, roster_errand
from lms_plugin.services.access import OFFICE
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.peers.lti.interface import Link, LtiTestPlatform, Person
from tests.peers.lti.site.names import ROSTER_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer
from tests.services.lti_rig import Named, make_lti_platform

SEAL = Seal("a secret of the tests, long enough for them")
PEOPLE = [Person(f"t{number}", f"教师{number}", email="same@example.org") for number in range(4)]
HOUR = timedelta(hours=1)


@pytest.fixture
def keys() -> Iterator[KeySetServer]:
    with KeySetServer() as server:
        yield server


def states(database: Database) -> dict[str, tuple[str, bool]]:
    """(state, whether in a class group) of the learners by login."""
    with database.reading() as session:
        rows = session.execute(
            select(User.login, Enrolment.state, Enrolment.class_group_id).join(Enrolment, Enrolment.user_id == User.id)
        )
        return {login: (state, group is not None) for login, state, group in rows}


def test_a_class_group_follows_a_course_there(
    database: Database, lti_platform: LtiTestPlatform, keys: KeySetServer
) -> None:
    now = datetime.now(UTC)
    tool = HandMadeTool(lti_platform, keys)
    lti_platform.seed(users=[*PEOPLE, Person("li", "李老师", "Instructor")], links=[Link("one")])
    claims = tool.launch(lti_platform.login_request("t0", "one"))
    with database.writing() as session:
        lti_keys.signing_key(session, SEAL, now)
        keys.keys += lti_keys.key_set(session, now)["keys"]
        named = Named(lti_platform.base_url, lti_platform.client_id)
        platform = make_lti_platform(session, "campus", named=named, token_url=lti_platform.token_url)
        current = builders.publish(session, now=now)
        group = builders.make_class_group(session, current, "平台班")
        admin = builders.actor_for(session, builders.make_user(session, "admin", OFFICE))
        link = LtiLink(
            platform_id=platform.id,
            deployment_id=lti_platform.deployment_id,
            context_id=lti_platform.context_id,
            resource_link_id=lti_platform.resource_link_id("one"),
            programme_id=current.id,
            memberships_url=claims[ROSTER_CLAIM]["context_memberships_url"],
            seen_at=now,
        )
        session.add(link)
        for login in ("t0", "t1", "t2", "li"):
            user = builders.make_user(session, login)
            user.email = "same@example.org"
            if login != "t2":
                subject = lti_platform.subject(login)
                account = PlatformAccount(
                    platform_id=platform.id, subject=subject, user_id=user.id, origin="launch", linked_at=now
                )
                session.add(account)
        session.flush()
        link_id, group_id = link.id, group.id

    read = RosterReader(database, SEAL, allow_loopback=True)
    with database.reading() as session:
        source = lti_rosters.source_of(session, admin, link_id)
    roster = read(source.platform_key, source.memberships_url)
    with database.reading() as session:
        plan = lti_rosters.look(session, admin, link_id, group_id, roster, now)
    known = {one.member.subject: one.step for one in plan.steps}
    assert known == {
        lti_platform.subject("t0"): Step.ENROL,
        lti_platform.subject("t1"): Step.ENROL,
        # Their e-mail address is that of an account here, which says nothing.
        lti_platform.subject("t2"): Step.WAITS,
        lti_platform.subject("t3"): Step.WAITS,
        lti_platform.subject("li"): Step.MAY_TUTOR,
    }
    with database.writing() as session:
        lti_rosters.confirm(session, admin, link_id, group_id, roster, seen=plan.digest, now=now)
    assert states(database) == {"t0": ("active", True), "t1": ("active", True)}

    lti_platform.remove("t1")
    with Rosters(database, SEAL, allow_loopback=True) as rosters:
        assert roster_errand.refresh_due(database, rosters.roster, lambda: now + HOUR) == 1
        assert states(database) == {"t0": ("active", True), "t1": ("withdrawn", False)}
        lti_platform.enrol(PEOPLE[1])
        assert roster_errand.refresh_due(database, rosters.roster, lambda: now + 2 * HOUR) == 1
        assert states(database) == {"t0": ("active", True), "t1": ("active", True)}
        with pytest.raises(NotFound):
            rosters.roster("nowhere", source.memberships_url)
        with pytest.raises(NotFound):
            rosters.enrolled("campus", "course-v1:A+B+C")
