"""The claims of a launch: whatever a token says, it is believed or refused; and what a believed one is read as."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import lti_claims
from lms_plugin.domain.lti_claims import (
    AGS,
    DEEP_LINKING,
    NRPS,
    PREFIX,
    DeepLinking,
    Expectation,
    Launch,
    LaunchRefused,
    Place,
    ScoreService,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BASE = "https://hours.example.org"
EXPECTED = Expectation("https://lms.example.org", "client", {"1"}, "nonce", BASE, NOW)
USUAL: dict[str, Any] = {
    "iss": EXPECTED.issuer,
    "aud": "client",
    "sub": "s",
    "iat": NOW.timestamp(),
    "exp": NOW.timestamp() + 60,
    "nonce": "nonce",
    PREFIX + "version": "1.3.0",
    PREFIX + "message_type": "LtiResourceLinkRequest",
    PREFIX + "deployment_id": "1",
    PREFIX + "target_link_uri": f"{BASE}/lti/launch",
    PREFIX + "resource_link": {"id": "link"},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
NAMES = [*USUAL, "azp", "nbf", "name", AGS, NRPS, DEEP_LINKING]
NAMES += [PREFIX + name for name in ("roles", "context", "custom", "launch_presentation")]


def read(**changes: Any) -> Launch:
    return lti_claims.check_claims(USUAL | {PREFIX + name: value for name, value in changes.items()}, EXPECTED)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
def test_whatever_a_token_says_is_believed_or_refused(changes: dict[str, Any]) -> None:
    try:
        launch = lti_claims.check_claims(USUAL | changes, EXPECTED)
    except LaunchRefused:
        return
    assert launch.subject
    assert lti_claims.is_below(launch.target_link_uri, BASE)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "crit", "jku", "b64", "typ"]), ANYTHING))
def test_whatever_a_header_says_only_one_algorithm_passes(header: dict[str, Any]) -> None:
    try:
        kid = lti_claims.check_header(header)
    except LaunchRefused:
        return
    assert (header["alg"], header["kid"]) == ("RS256", kid)


@pytest.mark.parametrize(
    ("address", "below"),
    [
        (BASE, True),
        (f"{BASE}/", True),
        (f"{BASE}:443/lti", True),
        ("HTTPS://HOURS.example.org/lti", True),
        ("http://hours.example.org/", False),
        (f"{BASE}.evil.example/", False),
        (f"{BASE}:8443/", False),
        ("https://hours.example.org@evil.example/", False),
        ("https://a@hours.example.org/", False),
        (f"{BASE}/a/../b", False),
        (f"{BASE}/a/%2E%2e/b", False),
        (f"{BASE}\\evil", False),
        (f"{BASE}/\n", False),
        ("//hours.example.org/", False),
        ("https://[", False),
        ("https://hours.example.org:port/", False),
        ("", False),
    ],
)
def test_an_address_is_below_ours_or_it_is_not(address: str, below: bool) -> None:
    assert lti_claims.is_below(address, BASE) is below


def test_an_address_beside_the_services_own_folder_is_not_below_it() -> None:
    assert lti_claims.is_below("https://a.example/hours/lti", "https://a.example/hours")
    assert not lti_claims.is_below("https://a.example/hours-of-evil", "https://a.example/hours")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/lti/programmes/rural", Place("rural")),
        ("/lti/programmes/rural/", Place("rural")),
        ("/lti/programmes/rural/modules/first-steps?a=b", Place("rural", "first-steps")),
        ("/lti/programmes/", None),
        ("/lti/programmes/rural/modules/", None),
        ("/lti/launch", None),
        ("", None),
    ],
)
def test_a_target_link_names_a_programme_or_module(path: str, place: Place | None) -> None:
    assert lti_claims.place_of(BASE + path, BASE) == place


def test_a_custom_claim_names_the_place_before_the_target_does() -> None:
    target = f"{BASE}/lti/programmes/rural"
    assert read(target_link_uri=target, custom={"programme": "other", "module": ""}).place == Place("other")
    assert read(target_link_uri=target, custom={"module": "m"}).place == Place("rural")


def test_services_are_read_where_they_are_addresses() -> None:
    endpoint = {"scope": ["a", 1], "lineitem": "https://lms.example.org/i?x=1", "lineitems": "javascript:alert(1)"}
    launch = lti_claims.check_claims(
        USUAL | {AGS: endpoint, NRPS: {"context_memberships_url": "https://lms.example.org/m"}}, EXPECTED
    )
    assert launch.scores == ScoreService(("a",), "https://lms.example.org/i?x=1", None)
    assert launch.memberships_url == "https://lms.example.org/m"
    odd = lti_claims.check_claims(USUAL | {NRPS: {"context_memberships_url": "https://[lms"}}, EXPECTED)
    assert odd.memberships_url is None
    assert read().scores is None


def test_deep_linking_settings_are_read_and_need_a_return_address() -> None:
    claims = {name: value for name, value in USUAL.items() if name != PREFIX + "resource_link"}
    claims[PREFIX + "message_type"] = "LtiDeepLinkingRequest"
    settings = {
        "deep_link_return_url": "https://lms.example.org/back",
        "accept_types": ["ltiResourceLink", 7],
        "accept_multiple": True,
        "data": "opaque",
    }
    launch = lti_claims.check_claims(claims | {DEEP_LINKING: settings}, EXPECTED)
    assert launch.deep_linking == DeepLinking(
        "https://lms.example.org/back", ("ltiResourceLink",), True, None, "opaque"
    )
    for said, accepts in ((True, True), ("true", True), (False, False)):
        launch = lti_claims.check_claims(claims | {DEEP_LINKING: settings | {"accept_lineitem": said}}, EXPECTED)
        assert launch.deep_linking is not None
        assert launch.deep_linking.accepts_line_item is accepts
    with pytest.raises(LaunchRefused) as refused:
        lti_claims.check_claims(claims, EXPECTED)
    assert refused.value.code == "lti_claim_malformed"


@pytest.mark.parametrize("named", [7, "x" * 256, ["a"]])
def test_a_context_has_an_id_or_none(named: object) -> None:
    with pytest.raises(LaunchRefused) as refused:
        read(context={"id": named})
    assert (refused.value.code, refused.value.params["claim"]) == ("lti_claim_malformed", "context")


@pytest.mark.parametrize(
    ("roles", "staff"),
    [
        (["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"], True),
        (["Instructor"], True),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"], False),
        ([], False),
        ("Instructor", False),
    ],
)
def test_who_runs_the_course_is_read_from_the_roles(roles: Any, staff: bool) -> None:
    assert read(roles=roles).is_by_staff is staff


def test_the_leeway_is_five_minutes_to_the_second() -> None:
    def at(**offsets: timedelta) -> str:
        times = {name: (NOW + offset).timestamp() for name, offset in offsets.items()}
        try:
            lti_claims.check_claims(USUAL | times, EXPECTED)
        except LaunchRefused as refusal:
            return refusal.code
        return "believed"

    five, second = timedelta(minutes=5), timedelta(seconds=1)
    assert at(exp=-five + second, iat=-2 * five) == "believed"
    assert at(exp=-five, iat=-2 * five) == "lti_expired"
    assert at(iat=five, exp=2 * five) == "believed"
    assert at(iat=five + second, exp=2 * five) == "lti_not_yet_valid"
    assert at(nbf=five + second) == "lti_not_yet_valid"
