"""Where our own LTI platform is stricter than Open edX's, or has what that one has not."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.peers.lti.interface import Link, Person, PlatformRefused
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.site.names import (
    CLAIM,
    DEEP_LINKING_CLAIM,
    LINE_ITEM,
    LINE_ITEM_READ_SCOPE,
    LINE_ITEMS,
    PLATFORM_CONFIGURATION,
    RESULT_SCOPE,
    ROSTER,
    ROSTER_CLAIM,
    SCORE_SCOPE,
    TOOL_CONFIGURATION,
)
from tests.peers.lti.tool import HandMadeTool, KeySetServer, below

PEOPLE = [Person(f"teacher.{number}", f"老师{number}") for number in range(5)]
AUTHOR = Person("author", "陈作者", role="Instructor")
NOW = datetime(2026, 11, 2, 8, tzinfo=UTC).isoformat()


@pytest.fixture
def tool(own_lti_platform: LtiPlatform) -> Iterator[HandMadeTool]:
    with KeySetServer() as keys:
        made = HandMadeTool(own_lti_platform, keys)
        own_lti_platform.seed(users=[*PEOPLE, AUTHOR], links=[Link("first-steps", maximum=10)])
        yield made


@pytest.fixture
def line_item(tool: HandMadeTool) -> str:
    address = tool.platform.line_item("first-steps")
    assert address is not None
    return address


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://another.example/token"}, "invalid_client"),
        ({"sub": "somebody"}, "invalid_client"),
        ({"iss": "nobody"}, "invalid_client"),
        ({"jti": None}, "invalid_client"),
        ({"exp": None}, "invalid_client"),
        ({"iat": None}, "invalid_client"),
        ({"iat": int(time.time()) + 3000, "exp": int(time.time()) + 3100}, "invalid_client"),
        ({"exp": int(time.time()) + 90_000}, "invalid_client"),
    ],
)
def test_every_part_of_an_assertion_is_judged(tool: HandMadeTool, changes: dict[str, Any], error: str) -> None:
    refused = tool.ask_token(tool.assertion(**changes))
    assert refused.status_code in {400, 401}
    assert refused.json()["error"] == error


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "jwt"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_every_field_of_a_token_request_is_judged(tool: HandMadeTool, changes: dict[str, str], error: str) -> None:
    scopes = tuple(changes.pop("scope", SCORE_SCOPE).split())
    assert tool.ask_token(scopes=scopes, **changes).json()["error"] == error


def test_an_assertion_serves_once(tool: HandMadeTool) -> None:
    assertion = tool.assertion()
    assert tool.ask_token(assertion).is_success
    assert tool.ask_token(assertion).json()["error"] == "invalid_client"


def test_a_token_opens_only_what_it_was_asked_for(tool: HandMadeTool, line_item: str) -> None:
    subject = tool.platform.subject("teacher.0")
    readers = tool.bearer(RESULT_SCOPE)
    assert tool.score(line_item, subject, 3, timestamp=NOW, headers=readers).status_code == 403
    assert tool.results(line_item, headers=readers) == []
    assert tool.score(line_item, subject, 3, timestamp=NOW, headers=tool.bearer(SCORE_SCOPE)).is_success


def test_the_address_of_a_line_item_is_used_as_it_was_given(tool: HandMadeTool, line_item: str) -> None:
    subject = tool.platform.subject("teacher.0")
    assert "?" in line_item
    without_query = line_item.partition("?")[0]
    assert tool.score(without_query, subject, 3, timestamp=NOW, headers=tool.bearer()).status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"timestamp": "2026-11-02T08:00:00"},
        {"timestamp": "yesterday"},
        {"activityProgress": "Done"},
        {"gradingProgress": "Ready"},
        {"scoreGiven": -1, "scoreMaximum": 6},
        {"scoreGiven": 3},
        {"scoreGiven": 3, "scoreMaximum": 0},
        {"scoreGiven": "3", "scoreMaximum": 6},
    ],
    ids=str,
)
def test_a_score_that_breaks_the_specification_is_refused(
    tool: HandMadeTool, line_item: str, more: dict[str, Any]
) -> None:
    body = {"timestamp": NOW, **more}
    subject = tool.platform.subject("teacher.0")
    timestamp = body.pop("timestamp")
    assert tool.score(line_item, subject, None, timestamp=timestamp, headers=tool.bearer(), **body).status_code == 400
    assert tool.platform.scores() == {}


def test_media_types_are_required(tool: HandMadeTool, line_item: str) -> None:
    headers = tool.bearer()
    plain = {"Content-Type": "application/json", **headers}
    posted = tool.http.post(below(line_item, "scores"), json={}, headers=plain)
    asked = tool.http.get(line_item, headers={"Accept": "application/json", **headers})
    assert (posted.status_code, asked.status_code) == (415, 406)


def test_a_stranger_has_no_score(tool: HandMadeTool, line_item: str) -> None:
    refused = tool.score(line_item, "stranger", 3, timestamp=NOW, headers=tool.bearer())
    assert refused.status_code == 404


def test_results_are_scaled_and_come_in_pages(tool: HandMadeTool, line_item: str) -> None:
    platform = tool.platform
    headers = tool.bearer()
    for person in PEOPLE:
        assert tool.score(line_item, platform.subject(person.username), 3, timestamp=NOW, headers=headers).is_success
    results = tool.results(line_item, headers=headers)
    assert {result["userId"] for result in results} == {platform.subject(person.username) for person in PEOPLE}
    assert {(result["resultScore"], result["resultMaximum"]) for result in results} == {(5, 10)}


def test_a_platform_may_show_only_what_is_fully_graded(
    tool: HandMadeTool, own_lti_platform: LtiPlatform, line_item: str
) -> None:
    own_lti_platform.seed(pending_results=False)
    headers = tool.bearer()
    subject = own_lti_platform.subject("teacher.0")
    tool.score(line_item, subject, 3, timestamp=NOW, headers=headers).raise_for_status()
    (result,) = tool.results(line_item, headers=headers)
    assert "resultScore" not in result


def test_a_platform_may_read_times_to_the_second_only(
    tool: HandMadeTool, own_lti_platform: LtiPlatform, line_item: str
) -> None:
    own_lti_platform.seed(whole_seconds=True)
    headers = tool.bearer()
    subject = own_lti_platform.subject("teacher.0")
    answers = [
        tool.score(line_item, subject, 3, timestamp=f"2026-11-02T08:00:{seconds}+00:00", headers=headers).status_code
        for seconds in ("00.100", "00.900", "01.000")
    ]
    assert answers == [204, 409, 204]


def test_line_items_are_found_by_link_and_the_platforms_own_stay(tool: HandMadeTool, line_item: str) -> None:
    claims = tool.launch(tool.platform.login_request("teacher.0", "first-steps"))
    url = claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitems"]
    headers = tool.bearer()
    asked = httpx.URL(url).copy_merge_params({"resource_link_id": tool.platform.resource_link_id("first-steps")})
    found = tool.http.get(asked, headers={"Accept": LINE_ITEMS, **headers}).raise_for_status().json()
    assert [item["id"] for item in found] == [line_item]
    made = tool.http.post(url, json={"label": "x", "scoreMaximum": 1}, headers={"Content-Type": LINE_ITEM, **headers})
    assert made.status_code == 403
    assert tool.http.delete(line_item, headers=headers).status_code == 403


def test_a_tools_own_line_item_can_be_changed_and_removed(tool: HandMadeTool, own_lti_platform: LtiPlatform) -> None:
    own_lti_platform.seed(reset=True, users=PEOPLE, links=[Link("first-steps")], declarative=False)
    claims = tool.launch(own_lti_platform.login_request("teacher.0", "first-steps"))
    url = claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitems"]
    headers = {"Content-Type": LINE_ITEM, "Accept": LINE_ITEM, **tool.bearer()}
    item = tool.http.post(url, json={"label": "Hours", "scoreMaximum": 6}, headers=headers).json()
    changed = tool.http.put(item["id"], json={**item, "scoreMaximum": 8}, headers=headers)
    assert changed.json()["scoreMaximum"] == 8
    readers = {"Accept": LINE_ITEM, **tool.bearer(LINE_ITEM_READ_SCOPE)}
    assert tool.http.delete(item["id"], headers=readers).status_code == 403
    assert tool.http.delete(item["id"], headers=headers).status_code == 204
    assert tool.http.get(item["id"], headers=headers).status_code == 404


def test_a_roster_tells_who_has_gone(tool: HandMadeTool, own_lti_platform: LtiPlatform) -> None:
    claims = tool.launch(own_lti_platform.login_request("teacher.0", "first-steps"))
    headers = {"Accept": ROSTER, **tool.bearer()}
    first = tool.http.get(claims[ROSTER_CLAIM]["context_memberships_url"], headers=headers)
    assert len(first.json()["members"]) == 2
    differences = first.links["differences"]["url"]
    own_lti_platform.remove("teacher.1")
    own_lti_platform.deactivate("teacher.2")
    changed = tool.http.get(differences, headers=headers).json()["members"]
    assert {member["user_id"]: member["status"] for member in changed} == {
        own_lti_platform.subject("teacher.1"): "Deleted",
        own_lti_platform.subject("teacher.2"): "Inactive",
    }
    for username in ("teacher.1", "teacher.2"):
        with pytest.raises(PlatformRefused):
            tool.launch(own_lti_platform.login_request(username, "first-steps"))


def test_a_chosen_link_opens_where_the_tool_said(tool: HandMadeTool) -> None:
    claims = tool.launch(tool.platform.deep_link_request("author"))
    settings = claims[f"{DEEP_LINKING_CLAIM}deep_linking_settings"]
    items = [
        {
            "type": "ltiResourceLink",
            "title": "First steps",
            "url": f"{tool.base}/launch?module=first-steps",
            "custom": {"module": "first-steps"},
            "lineItem": {"scoreMaximum": 6},
        }
    ]
    response = tool.deep_link_response(claims, items)
    tool.platform.receive_deep_link(response, settings["deep_link_return_url"])
    with pytest.raises(PlatformRefused, match="used before"):
        tool.platform.receive_deep_link(response, settings["deep_link_return_url"])
    launched = tool.launch(tool.platform.login_request("teacher.0", "chosen-1"))
    assert launched[f"{CLAIM}target_link_uri"] == f"{tool.base}/launch?module=first-steps"
    assert launched[f"{CLAIM}custom"] == {"module": "first-steps"}
    assert launched["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.example"},
        {f"{CLAIM}message_type": "LtiResourceLinkRequest"},
        {f"{CLAIM}version": "1.1"},
        {f"{CLAIM}deployment_id": "another"},
        {f"{DEEP_LINKING_CLAIM}data": "another"},
        {"nonce": ""},
        {f"{DEEP_LINKING_CLAIM}content_items": [{"type": "html", "html": "<p>"}]},
    ],
    ids=str,
)
def test_every_part_of_a_deep_linking_response_is_judged(tool: HandMadeTool, changes: dict[str, Any]) -> None:
    claims = tool.launch(tool.platform.deep_link_request("author"))
    response = tool.deep_link_response(claims, [], **changes)
    with pytest.raises(PlatformRefused):
        tool.platform.receive_deep_link(
            response, claims[f"{DEEP_LINKING_CLAIM}deep_linking_settings"]["deep_link_return_url"]
        )


def test_a_launch_may_say_anything_the_test_wants(tool: HandMadeTool, own_lti_platform: LtiPlatform) -> None:
    login = own_lti_platform.login_request("teacher.0", "first-steps")
    asked = tool.request_of(login)
    form = own_lti_platform.authorize(asked, claims={"aud": [own_lti_platform.client_id, "other"], "locale": None})
    claims = tool.verified(form["id_token"])
    assert claims["aud"] == [own_lti_platform.client_id, "other"]
    assert "locale" not in claims
    assert "locale" in tool.launch(own_lti_platform.login_request("teacher.0", "first-steps"))


@pytest.mark.parametrize(
    "changes",
    [
        {"response_mode": "query"},
        {"prompt": "login"},
        {"response_type": "code"},
        {"scope": "profile"},
        {"nonce": ""},
        {"state": ""},
        {"login_hint": "another"},
        {"client_id": "another"},
    ],
    ids=str,
)
def test_every_part_of_an_authentication_request_is_judged(tool: HandMadeTool, changes: dict[str, str]) -> None:
    with pytest.raises(PlatformRefused):
        tool.launch(tool.platform.login_request("teacher.0", "first-steps"), **changes)


def test_a_tool_registers_itself(tool: HandMadeTool, own_lti_platform: LtiPlatform) -> None:
    offered = own_lti_platform.registration_request()
    configuration = tool.http.get(offered["openid_configuration"]).raise_for_status().json()
    assert configuration["issuer"] == own_lti_platform.issuer
    assert configuration[PLATFORM_CONFIGURATION]["messages_supported"]
    body = {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": "http://127.0.0.1:9/login",
        "redirect_uris": [tool.launch_url],
        "client_name": "Class hours",
        "jwks_uri": tool.key_set_url,
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": SCORE_SCOPE,
        TOOL_CONFIGURATION: {
            "domain": "127.0.0.1:9",
            "target_link_uri": tool.launch_url,
            "claims": ["iss", "sub"],
            "messages": [{"type": "LtiResourceLinkRequest"}],
        },
    }
    headers = {"Authorization": f"Bearer {offered['registration_token']}"}
    endpoint = configuration["registration_endpoint"]
    assert tool.http.post(endpoint, json={**body, "redirect_uris": []}, headers=headers).status_code == 400
    answer = tool.http.post(endpoint, json=body, headers=headers).raise_for_status().json()
    assert answer["client_id"] != own_lti_platform.client_id
    assert answer[TOOL_CONFIGURATION]["deployment_id"]
    login = own_lti_platform.login_request("teacher.0", "first-steps", client_id=answer["client_id"])
    assert login["client_id"] == answer["client_id"]
    assert own_lti_platform.authorize(tool.request_of(login))["id_token"]
    assert tool.http.post(endpoint, json=body, headers=headers).status_code == 401


def test_the_platform_signs_whatever_the_test_forges(tool: HandMadeTool, own_lti_platform: LtiPlatform) -> None:
    in_an_hour = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
    claims = {"iss": own_lti_platform.issuer, "aud": own_lti_platform.client_id, "sub": "x", "exp": in_an_hour}
    assert tool.verified(own_lti_platform.sign(claims))["sub"] == "x"
