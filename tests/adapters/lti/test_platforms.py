"""The LTI test platforms do what the specifications say, seen by a tool that is written by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.peers.lti.interface import Fault, Link, LtiTestPlatform, Person, PlatformRefused
from tests.peers.lti.site.names import CLAIM, DEEP_LINKING_CLAIM, GRADES_CLAIM, LINE_ITEM, ROSTER, ROSTER_CLAIM
from tests.peers.lti.tool import HandMadeTool, KeySetServer

PEOPLE = [
    Person("li.wei", "李维", email="li.wei@example.org"),
    Person("wang.fang", "王芳", email="wang.fang@example.org"),
    Person("zhao.min", "赵敏", email="zhao.min@example.org"),
    Person("author", "陈作者", role="Instructor", email="author@example.org"),
]
MODULE = Link("first-steps", "First steps")
START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.fixture
def key_set() -> Iterator[KeySetServer]:
    with KeySetServer() as server:
        yield server


@pytest.fixture
def tool(lti_platform: LtiTestPlatform, key_set: KeySetServer) -> HandMadeTool:
    made = HandMadeTool(lti_platform, key_set)
    lti_platform.seed(users=PEOPLE, links=[MODULE])
    return made


def test_a_launch_says_who_comes_from_which_link(tool: HandMadeTool) -> None:
    platform = tool.platform
    claims = tool.launch(platform.login_request("li.wei", "first-steps"))
    assert claims["sub"] == platform.subject("li.wei")
    assert claims[f"{CLAIM}message_type"] == "LtiResourceLinkRequest"
    assert claims[f"{CLAIM}deployment_id"] == platform.deployment_id
    assert claims[f"{CLAIM}resource_link"]["id"] == platform.resource_link_id("first-steps")
    assert claims[f"{CLAIM}context"]["id"] == platform.context_id
    assert any(role.endswith("membership#Learner") for role in claims[f"{CLAIM}roles"])
    assert claims[GRADES_CLAIM]["lineitem"] == platform.line_item("first-steps")
    assert claims["name"] == "李维"


def test_an_unregistered_redirect_uri_is_refused(tool: HandMadeTool) -> None:
    asked = tool.request_of(tool.platform.login_request("li.wei", "first-steps"), redirect_uri="https://evil.example/")
    with pytest.raises(PlatformRefused):
        tool.platform.authorize(asked)


def test_a_score_arrives_and_is_read_back(tool: HandMadeTool) -> None:
    platform = tool.platform
    line_item = tool.launch(platform.login_request("li.wei", "first-steps"))[GRADES_CLAIM]["lineitem"]
    li_wei = platform.subject("li.wei")
    headers = tool.bearer()
    assert tool.score(line_item, li_wei, 3, timestamp=at(0), headers=headers, comment="3 of 6 h").is_success
    held = platform.scores()[line_item, li_wei]
    assert (held.given, held.maximum, held.grading_progress, held.comment) == (3, 6, "Pending", "3 of 6 h")
    assert platform.gradebook() == {}
    done = {"activityProgress": "Completed", "gradingProgress": "FullyGraded"}
    assert tool.score(line_item, li_wei, 6, timestamp=at(1), headers=headers, **done).is_success
    (result,) = tool.results(line_item, headers=headers)
    assert result["userId"] == li_wei
    assert result["resultScore"] / result["resultMaximum"] == 1
    assert platform.gradebook() == {("first-steps", "li.wei"): 1.0}


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_that_does_not_rise_is_refused(tool: HandMadeTool, seconds: float) -> None:
    platform = tool.platform
    line_item = platform.line_item("first-steps")
    assert line_item is not None
    headers = tool.bearer()
    assert tool.score(line_item, platform.subject("li.wei"), 3, timestamp=at(0), headers=headers).is_success
    refused = tool.score(line_item, platform.subject("li.wei"), 4, timestamp=at(seconds), headers=headers)
    assert refused.status_code in {400, 409}
    assert platform.scores()[line_item, platform.subject("li.wei")].given == 3


def test_nobody_scores_without_a_token(tool: HandMadeTool) -> None:
    line_item = tool.platform.line_item("first-steps")
    assert line_item is not None
    refused = tool.score(line_item, tool.platform.subject("li.wei"), 3, timestamp=at(0), headers={})
    assert refused.status_code in {401, 403}
    assert tool.platform.scores() == {}


@pytest.mark.parametrize("change", ["another key", "expired"])
def test_a_bad_assertion_gets_no_token(tool: HandMadeTool, key_set: KeySetServer, change: str) -> None:
    if change == "another key":
        assertion = tool.assertion()
        key_set.keys.clear()
        tool.new_key()
    else:
        assertion = tool.assertion(exp=1)
    refused = tool.ask_token(assertion)
    assert refused.status_code == 400


def test_the_tool_may_change_its_key_at_any_time(tool: HandMadeTool) -> None:
    assert tool.ask_token().is_success
    tool.new_key()
    assert tool.ask_token().is_success


@pytest.mark.parametrize("keep_old", [True, False])
def test_the_platform_may_change_its_key_at_any_time(tool: HandMadeTool, keep_old: bool) -> None:
    platform = tool.platform
    before = tool.launch(platform.login_request("li.wei", "first-steps"))
    platform.rotate_keys(keep_old=keep_old)
    after = tool.launch(platform.login_request("li.wei", "first-steps"))
    assert after["sub"] == before["sub"]


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_clock_that_is_wrong_shows_in_a_launch(tool: HandMadeTool, minutes: float) -> None:
    tool.platform.set_clock(minutes)
    claims = tool.launch(tool.platform.login_request("li.wei", "first-steps"))
    apart = claims["iat"] - datetime.now(UTC).timestamp()
    assert abs(apart - 60 * minutes) < 30


def test_a_clock_that_is_ahead_finds_assertions_expired(tool: HandMadeTool) -> None:
    tool.platform.set_clock(5)
    assert tool.ask_token().status_code == 400
    now = int(datetime.now(UTC).timestamp())
    assert tool.ask_token(tool.assertion(exp=now + 600)).is_success


def test_the_roster_shows_the_members(tool: HandMadeTool) -> None:
    platform = tool.platform
    url = tool.launch(platform.login_request("li.wei", "first-steps"))[ROSTER_CLAIM]["context_memberships_url"]
    assert read_roster(tool, url) == {platform.subject(person.username): person.name for person in PEOPLE}
    platform.remove("wang.fang")
    platform.enrol(Person("sun.yu", "孙雨"))
    there = {*(person.username for person in PEOPLE), "sun.yu"} - {"wang.fang"}
    assert set(read_roster(tool, url)) == {platform.subject(username) for username in there}


def read_roster(tool: HandMadeTool, url: str | None) -> dict[str, str]:
    members: dict[str, str] = {}
    while url:
        answer = tool.http.get(url, headers={"Accept": ROSTER, **tool.bearer()}).raise_for_status()
        assert answer.headers["Content-Type"].startswith(ROSTER)
        for member in answer.json()["members"]:
            members[member["user_id"]] = member.get("name", "")
        url = answer.links.get("next", {}).get("url")
    return members


def test_without_personal_data_nobody_is_named(tool: HandMadeTool) -> None:
    platform = tool.platform
    platform.seed(personal_data=False)
    claims = tool.launch(platform.login_request("li.wei", "first-steps"))
    assert "name" not in claims
    assert "email" not in claims
    url = claims[ROSTER_CLAIM]["context_memberships_url"]
    assert set(read_roster(tool, url).values()) == {""}


def test_a_tool_makes_its_own_line_item_where_it_may(tool: HandMadeTool) -> None:
    platform = tool.platform
    platform.seed(reset=True, users=PEOPLE, links=[MODULE], declarative=False)
    claims = tool.launch(platform.login_request("li.wei", "first-steps"))[GRADES_CLAIM]
    assert "lineitem" not in claims
    body = {
        "label": "Hours",
        "scoreMaximum": 6,
        "resourceId": "m",
        "tag": "hours",
        "resourceLinkId": platform.resource_link_id("first-steps"),
    }
    headers = tool.bearer()
    typed = {"Content-Type": LINE_ITEM, "Accept": LINE_ITEM, **headers}
    made = tool.http.post(claims["lineitems"], json=body, headers=typed)
    assert made.status_code == 201
    line_item = made.json()["id"]
    assert line_item == platform.line_item("first-steps")
    done = {"activityProgress": "Completed", "gradingProgress": "FullyGraded"}
    subject = platform.subject("li.wei")
    assert tool.score(line_item, subject, 6, timestamp=at(0), headers=headers, **done).is_success
    assert platform.gradebook() == {("first-steps", "li.wei"): 1.0}


def test_an_author_chooses_content(tool: HandMadeTool) -> None:
    platform = tool.platform
    claims = tool.launch(platform.deep_link_request("author"))
    assert claims[f"{CLAIM}message_type"] == "LtiDeepLinkingRequest"
    settings = claims[f"{DEEP_LINKING_CLAIM}deep_linking_settings"]
    assert "ltiResourceLink" in settings["accept_types"]
    item = {
        "type": "ltiResourceLink",
        "title": "First steps",
        "url": tool.launch_url,
        "custom": {"module": "first-steps"},
        "lineItem": {"scoreMaximum": 6, "label": "Hours"},
    }
    kept = platform.receive_deep_link(tool.deep_link_response(claims, [item]), settings["deep_link_return_url"])
    assert [(entry["title"], entry["custom"]) for entry in kept] == [("First steps", {"module": "first-steps"})]


def test_a_deep_link_signed_by_another_is_refused(tool: HandMadeTool, key_set: KeySetServer) -> None:
    claims = tool.launch(tool.platform.deep_link_request("author"))
    settings = claims[f"{DEEP_LINKING_CLAIM}deep_linking_settings"]
    response = tool.deep_link_response(claims, [])
    key_set.keys.clear()
    tool.new_key()
    with pytest.raises(PlatformRefused):
        tool.platform.receive_deep_link(response, settings["deep_link_return_url"])


def test_only_an_instructor_chooses_content(tool: HandMadeTool) -> None:
    with pytest.raises(PlatformRefused):
        tool.launch(tool.platform.deep_link_request("li.wei"))


@pytest.mark.parametrize(
    ("fault", "status", "stored"),
    [
        (Fault.refused("scores", 500), 500, False),
        (Fault.refused("scores", 429, retry_after="7"), 429, False),
        (Fault.stored_yet_refused("scores"), 500, True),
        (Fault.answer_lost("scores"), None, True),
        (Fault.slow("scores", 0.2), 200, True),
    ],
    ids=["500", "429", "stored yet 500", "answer lost", "slow"],
)
def test_faults_of_scores(tool: HandMadeTool, fault: Fault, status: int | None, stored: bool) -> None:
    platform = tool.platform
    line_item = platform.line_item("first-steps")
    assert line_item is not None
    headers = tool.bearer()
    platform.faults(fault)
    subject = platform.subject("li.wei")
    if status is None:
        with pytest.raises(httpx.TransportError):
            tool.score(line_item, subject, 3, timestamp=at(0), headers=headers)
    else:
        answer = tool.score(line_item, subject, 3, timestamp=at(0), headers=headers)
        assert answer.is_success if status == 200 else answer.status_code == status
        assert answer.headers.get("Retry-After") == fault.retry_after
    assert ((line_item, subject) in platform.scores()) is stored
    assert tool.score(line_item, subject, 4, timestamp=at(1), headers=headers).is_success


def test_a_token_is_refused_when_the_test_says_so(tool: HandMadeTool) -> None:
    tool.platform.faults(Fault.refused("token", 401))
    assert tool.ask_token().status_code == 401
    assert tool.ask_token().is_success


def test_what_is_held_outlives_a_kill(tool: HandMadeTool) -> None:
    platform = tool.platform
    line_item = platform.line_item("first-steps")
    assert line_item is not None
    subject = platform.subject("li.wei")
    assert tool.score(line_item, subject, 3, timestamp=at(0), headers=tool.bearer()).is_success
    before = platform.scores()
    platform.restart()
    assert platform.scores() == before
    claims = tool.launch(platform.login_request("li.wei", "first-steps"))
    assert claims["sub"] == subject
    assert tool.score(line_item, subject, 4, timestamp=at(1), headers=tool.bearer()).is_success
