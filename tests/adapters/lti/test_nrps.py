"""Rosters read from both LTI platforms, in pages and as differences, and from servers that answer oddly."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.nrps import CONTAINER, SCOPE, MembershipService, links_of, roles_of
from lms_plugin.adapters.origin_clients import OriginClients
from lms_plugin.services.roster_ports import INSTRUCTOR, LEARNER, MemberStatus, PlatformUnread, Roster
from tests.adapters.lti.services_stand import TOKEN_PATH, Answer, Asked, ServicesStand
from tests.peers.lti.interface import Fault, Link, LtiTestPlatform, Person
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.site.names import ROSTER_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer

ROLES = "http://purl.imsglobal.org/vocab/lis/v2"
PEOPLE = [Person(f"t{number:02}", f"教师{number}", email=f"t{number}@example.org") for number in range(7)]


@pytest.fixture
def clients() -> Iterator[OriginClients]:
    with OriginClients(allow_loopback=True) as made:
        yield made


@pytest.fixture
def keys() -> Iterator[KeySetServer]:
    with KeySetServer() as server:
        yield server


def service_of(platform: LtiTestPlatform, tool: HandMadeTool, clients: OriginClients) -> MembershipService:
    tokens = AccessTokens(
        token_url=platform.token_url,
        client_id=platform.client_id,
        audience=platform.token_url,
        sign=tool.signed,
        client_for=clients,
    )
    return MembershipService(tokens)


def memberships_url(tool: HandMadeTool, user: str) -> str:
    claims = tool.launch(tool.platform.login_request(user, "one"))
    return str(claims[ROSTER_CLAIM]["context_memberships_url"])


def test_the_roster_names_everybody_by_subject_with_role_and_status(
    lti_platform: LtiTestPlatform, keys: KeySetServer, clients: OriginClients
) -> None:
    tool = HandMadeTool(lti_platform, keys)
    teacher = Person("li", "李老师", "Instructor")
    lti_platform.seed(users=[*PEOPLE, teacher], links=[Link("one")])
    service, url = service_of(lti_platform, tool, clients), memberships_url(tool, "t00")
    roster = service.roster(url)
    assert roster.is_whole
    assert set(roster.members) == {lti_platform.subject(one.username) for one in (*PEOPLE, teacher)}
    known = roster.members[lti_platform.subject("t03")]
    assert (known.role, known.status, known.name) == (LEARNER, MemberStatus.ACTIVE, "教师3")
    assert roster.members[lti_platform.subject("li")].role == INSTRUCTOR
    lti_platform.remove("t03")
    assert lti_platform.subject("t03") not in service.roster(url).members


def test_without_personal_data_there_are_no_names(
    lti_platform: LtiTestPlatform, keys: KeySetServer, clients: OriginClients
) -> None:
    tool = HandMadeTool(lti_platform, keys)
    lti_platform.seed(users=PEOPLE, links=[Link("one")], personal_data=False)
    roster = service_of(lti_platform, tool, clients).roster(memberships_url(tool, "t00"))
    assert len(roster.members) == len(PEOPLE)
    assert {one.name for one in roster.members.values()} == {""}


def test_a_platform_that_gives_no_token_or_no_answer_gives_no_roster(
    lti_platform: LtiTestPlatform, keys: KeySetServer, clients: OriginClients
) -> None:
    tool = HandMadeTool(lti_platform, keys)
    lti_platform.seed(users=PEOPLE, links=[Link("one")])
    service, url = service_of(lti_platform, tool, clients), memberships_url(tool, "t00")
    for fault in (
        Fault.refused("token", 401),
        Fault.refused("memberships", 500),
        Fault.refused("memberships", 429, retry_after="7"),
        Fault.answer_lost("memberships"),
    ):
        lti_platform.faults(fault)
        with pytest.raises(PlatformUnread):
            service.roster(url)
    lti_platform.faults()
    assert len(service.roster(url).members) == len(PEOPLE)


def test_pages_are_followed_and_differences_name_who_left(
    own_lti_platform: LtiPlatform, keys: KeySetServer, clients: OriginClients
) -> None:
    tool = HandMadeTool(own_lti_platform, keys)
    own_lti_platform.seed(users=PEOPLE, links=[Link("one")], page_size=2)
    service, url = service_of(own_lti_platform, tool, clients), memberships_url(tool, "t00")
    first = service.roster(url)
    assert len(first.members) == 7
    assert first.differences_url is not None
    pages = [one for one in own_lti_platform.requests() if one["path"].endswith("/memberships")]
    assert len(pages) == 4
    own_lti_platform.remove("t01", "t02", "t04")
    own_lti_platform.deactivate("t03")
    own_lti_platform.enrol(Person("new", "新教师"))
    changed = service.differences(first.differences_url)
    assert not changed.is_whole
    statuses = {subject: one.status for subject, one in changed.members.items()}
    assert statuses == {own_lti_platform.subject(name): MemberStatus.DELETED for name in ("t01", "t02", "t04")} | {
        own_lti_platform.subject("t03"): MemberStatus.INACTIVE,
        own_lti_platform.subject("new"): MemberStatus.ACTIVE,
    }
    assert changed.differences_url is not None
    assert service.differences(changed.differences_url).members == {}


# --- odd platforms ----------------------------------------------------------------------------------------------------


def read(clients: OriginClients, serve: object) -> tuple[Roster, list[Asked]]:
    """The roster at /people of a server that answers with what `serve` gives for each request and its own origin."""
    now = datetime.now(UTC)
    with ServicesStand() as stand:
        stand.clock = now.timestamp
        stand.serve = lambda asked: serve(asked, stand.origin)
        tokens = AccessTokens(
            token_url=f"{stand.origin}{TOKEN_PATH}",
            client_id="tool",
            audience=f"{stand.origin}{TOKEN_PATH}",
            sign=stand.sign,
            client_for=clients,
            now=lambda: now,
        )
        roster = MembershipService(tokens).roster(f"{stand.origin}/people")
        return roster, [one for one in stand.asked if one.path != TOKEN_PATH]


def page(*members: object, link: str = "") -> Answer:
    return 200, {"Link": link} if link else {}, json.dumps({"id": "x", "members": members}).encode()


def test_the_request_asks_for_the_container_and_the_scope_for_reading_alone(clients: OriginClients) -> None:
    roster, asked = read(clients, lambda *_: page({"user_id": "a"}))
    assert roster.members["a"].status is MemberStatus.ACTIVE
    assert roster.members["a"].role is None
    assert roster.differences_url is None
    assert asked[0].headers["accept"] == CONTAINER
    assert SCOPE.endswith("contextmembership.readonly")


@pytest.mark.parametrize(
    "member",
    [
        {"user_id": ""},
        {"user_id": 7},
        {"name": "nobody"},
        {"user_id": "x" * 256},
        {"user_id": "a", "status": "Dreaming"},
    ],
)
def test_a_member_who_cannot_be_known_is_passed_over(clients: OriginClients, member: object) -> None:
    roster, _ = read(clients, lambda *_: page(member, {"user_id": "b", "name": "一\n二", "status": "Inactive"}))
    assert set(roster.members) == {"b"}
    assert roster.members["b"].name == "一 二"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {}, b"<html></html>"), "it has no members"),
        ((200, {}, b'{"members": {}}'), "it has no members"),
        ((200, {}, b'{"members": ["a"]}'), "a member is no object"),
        ((403, {}, b'{"error": "no roster for you"}'), "no roster for you"),
        ((302, {"Location": "https://elsewhere.example.org"}, b""), "302"),
        (page(link='<https://elsewhere.example.org/2>; rel="next"'), "on another host"),
        (page(link='<//user:secret@elsewhere.example.org/2>; rel="next"'), "no address"),
    ],
)
def test_what_is_no_whole_roster_is_none(clients: OriginClients, answer: Answer, says: str) -> None:
    with pytest.raises(PlatformUnread, match=says):
        read(clients, lambda *_: answer)


def test_pages_in_a_circle_end(clients: OriginClients) -> None:
    with pytest.raises(PlatformUnread, match="in a circle"):
        read(clients, lambda _, origin: page({"user_id": "a"}, link=f'<{origin}/people?page=2>; rel="next"'))


def test_differences_elsewhere_are_not_asked_for(clients: OriginClients) -> None:
    link = '<https://elsewhere.example.org/d>; rel="differences"'
    assert read(clients, lambda *_: page({"user_id": "a"}, link=link))[0].differences_url is None


def test_a_relative_address_stands_beside_the_roster(clients: OriginClients) -> None:
    def serve(asked: Asked, origin: str) -> Answer:
        if asked.query:
            return page({"user_id": "b"})
        return page({"user_id": "a"}, link='</people?p=2>; rel=next, <?d=1>; title="a, b"; rel="x differences"')

    roster, _ = read(clients, serve)
    assert set(roster.members) == {"a", "b"}
    assert roster.differences_url is not None
    assert httpx.URL(roster.differences_url).query == b"d=1"


def test_link_headers() -> None:
    assert dict(links_of('<a?x=1,2>; rel="next"; title="t; rel=prev", <b>;rel=DIFFERENCES')) == {
        "next": "a?x=1,2",
        "differences": "b",
    }
    assert dict(links_of("<a>, nonsense")) == {}


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        ([f"{ROLES}/membership#Learner"], {LEARNER}),
        (["Learner"], {LEARNER}),
        ([f"{ROLES}/membership#Instructor", "Learner"], {INSTRUCTOR, LEARNER}),
        ([f"{ROLES}/membership/Instructor#TeachingAssistant"], {INSTRUCTOR}),
        ([f"{ROLES}/institution/person#Instructor"], set()),
        ([f"{ROLES}/system/person#Administrator", "Administrator", 7], set()),
        ("Learner", set()),
        (None, set()),
    ],
)
def test_roles_are_those_in_the_context(said: object, roles: set[str]) -> None:
    assert roles_of(said) == roles
