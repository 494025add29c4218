"""Pages of rosters with a real platform: choosing a class group, seeing what would change, confirming, ending."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from sqlalchemy import select

from lms_plugin.adapters.rosters import RosterReader
from lms_plugin.http.context import EXTENSION
from lms_plugin.services import lti_keys
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.lti_rosters import LtiMember
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment
from tests.peers.lti.interface import Fault, Link, Person
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.site.names import ROSTER_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer
from tests.services.lti_rig import Named, make_lti_platform
from tests.web.stage import Stage

SEAL = Seal("a secret of the tests, long enough for them")
LIST = "/office/platforms/campus/rosters"


@pytest.fixture
def linked(stage: Stage, own_lti_platform: LtiPlatform) -> Iterator[Stage]:
    """The stage with a link on a platform whose course has the teacher's classmate, a tutor to be, and somebody new."""
    now = stage.clock.now
    with KeySetServer() as keys:
        tool = HandMadeTool(own_lti_platform, keys)
        people = [Person("mate"), Person("zhang", "张老师", "Instructor"), Person("new", "新老师")]
        own_lti_platform.seed(users=people, links=[Link("one")])
        claims = tool.launch(own_lti_platform.login_request("new", "one"))
        with stage.database.writing() as session:
            lti_keys.signing_key(session, SEAL, now)
            keys.keys += lti_keys.key_set(session, now)["keys"]
            named = Named(own_lti_platform.base_url, own_lti_platform.client_id)
            platform = make_lti_platform(session, "campus", named=named, token_url=own_lti_platform.token_url)
            programme_id = session.get_one(Enrolment, stage.enrolment_id).programme_id
            session.add(
                LtiLink(
                    platform_id=platform.id,
                    deployment_id="1",
                    context_id="course",
                    context_title="Maths there",
                    resource_link_id="one",
                    programme_id=programme_id,
                    memberships_url=claims[ROSTER_CLAIM]["context_memberships_url"],
                    seen_at=now,
                )
            )
            for name, login in (("mate", "mate"), ("zhang", "far")):
                subject = own_lti_platform.subject(name)
                session.add(
                    PlatformAccount(
                        platform_id=platform.id,
                        subject=subject,
                        user_id=stage.users[login],
                        origin="launch",
                        linked_at=now,
                    )
                )
            session.add(ClassGroup(programme_id=programme_id, name="平台班", size_limit=None))
        shared = stage.app.extensions[EXTENSION]
        reader = RosterReader(stage.database, SEAL, allow_loopback=True)
        stage.app.extensions[EXTENSION] = replace(shared, rosters=reader)
        yield stage


def test_an_admin_sees_a_roster_confirms_it_and_ends_it(linked: Stage, own_lti_platform: LtiPlatform) -> None:
    assert f'href="{LIST}"' in linked.browser("admin").get("/office/platforms/campus").text
    with linked.database.reading() as session:
        link_id = session.scalars(select(LtiLink.id)).one()
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "平台班")).one()
    address, admin = f"{LIST}/{link_id}", linked.browser("admin")
    assert "Rosters" in admin.get("/office/deliveries").text
    page = admin.get(LIST).text
    assert "Maths there" in page
    assert "平台班" in page
    assert admin.get(address).status_code == 302

    own_lti_platform.faults(Fault.refused("memberships", 503))
    assert admin.post(address, action="look", class_group=str(group_id)).status_code == 303
    assert "The platform gave no complete list" in admin.get(LIST).text
    own_lti_platform.faults()
    assert admin.post(address, action="look", class_group="999").status_code == 404

    preview = admin.post(address, action="look", class_group=str(group_id)).text
    for words in ("Waits for the first launch", "Teaches there", "Make tutor of the class group", "新老师"):
        assert words in preview, words
    seen = unescape(re.findall(r'name="seen" value="([^"]+)"', preview)[0])
    subject = own_lti_platform.subject("zhang")
    own_lti_platform.enrol(Person("later", "后来的老师"))
    again = admin.post(address, action="confirm", class_group=str(group_id), seen=seen, tutor=subject)
    assert again.status_code == 409
    assert "The roster has changed since you saw it" in again.text
    seen = unescape(re.findall(r'name="seen" value="([^"]+)"', again.text)[0])
    done = admin.post(address, action="confirm", class_group=str(group_id), seen=seen, tutor=subject)
    assert done.status_code == 303
    page = admin.get(LIST).text
    assert "every hour" in page
    assert "2 members" in page
    assert "后来的老师" in page
    with linked.database.reading() as session:
        assert session.get(ClassGroupTutor, (group_id, linked.users["far"])) is not None
        assert len(session.scalars(select(LtiMember)).all()) == 4

    assert admin.post(address, action="end").status_code == 303
    with linked.database.reading() as session:
        assert session.scalars(select(LtiLink.class_group_id)).one() is None
    for login in ("county", "tutor", "teacher"):
        assert linked.browser(login).get(LIST).status_code == 403
    assert admin.get("/office/platforms/none/rosters").status_code == 404
