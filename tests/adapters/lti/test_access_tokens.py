"""Access tokens of an LTI platform: asked for with signed assertions, kept per scope, and what their faults mean."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import AddressRefused
from lms_plugin.adapters.lti.access_tokens import ASSERTION_TYPE, AccessTokens
from lms_plugin.adapters.origin_clients import OriginClients, address_of
from lms_plugin.services.ports import RefusalCode, Refused, TryLater
from tests.adapters.lti.services_stand import TOKEN_PATH, Answer, ServicesStand

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SCORE, RESULT = "https://purl.imsglobal.org/score", "https://purl.imsglobal.org/result.readonly"


class Rig:
    """A tool at a platform, each with its clock."""

    def __init__(self, stand: ServicesStand, clients: OriginClients) -> None:
        self.stand, self.seconds = stand, 0.0
        stand.clock = lambda: (NOW + timedelta(seconds=self.seconds)).timestamp()
        self.tokens = AccessTokens(
            token_url=f"{stand.origin}{TOKEN_PATH}",
            client_id="tool-1",
            audience=f"{stand.origin}{TOKEN_PATH}",
            sign=stand.sign,
            client_for=clients,
            now=lambda: NOW + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
        )

    def get(self, url: str = "/scores", scope: str = SCORE) -> int:
        return self.tokens.request(
            "GET", f"{self.stand.origin}{url}" if url.startswith("/") else url, scope=scope
        ).status

    def outcome(self, url: str = "/scores") -> Refused | TryLater:
        with pytest.raises(Undelivered) as undelivered:
            self.get(url)
        return undelivered.value.answer


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ServicesStand() as stand, OriginClients(allow_loopback=True) as clients:
        yield Rig(stand, clients)


def test_a_token_is_asked_for_with_a_signed_assertion_that_is_used_once(rig: Rig) -> None:
    assert rig.get() == 200
    rig.seconds = 4000
    assert rig.get() == 200
    form = rig.stand.asked[0].form
    assert (form["grant_type"], form["client_assertion_type"]) == ("client_credentials", ASSERTION_TYPE)
    assert form["scope"] == SCORE
    first, second = rig.stand.claims
    assert (first["iss"], first["sub"], first["aud"]) == ("tool-1", "tool-1", f"{rig.stand.origin}{TOKEN_PATH}")
    assert first["jti"] != second["jti"]
    assert first["exp"] - first["iat"] <= 15 * 60


def test_each_scope_has_a_token_that_is_kept_until_shortly_before_its_end(rig: Rig) -> None:
    for _ in range(3):
        rig.get(scope=SCORE)
        rig.get(scope=f"{RESULT} {SCORE}")
        rig.get(scope=f"{SCORE} {RESULT} {SCORE}")
    assert rig.stand.tokens_given == 2
    rig.seconds = 3539
    rig.get()
    assert rig.stand.tokens_given == 2
    rig.seconds = 3541
    rig.get()
    assert rig.stand.tokens_given == 3


@pytest.mark.parametrize("life_seconds", [None, "soon", 0, -1])
def test_a_token_without_a_sensible_end_is_kept_for_a_few_minutes(rig: Rig, life_seconds: object) -> None:
    rig.stand.life_seconds = life_seconds
    for rig.seconds in (0, 200, 400):
        assert rig.get() == 200
    assert rig.stand.tokens_given == 2


def test_a_token_that_is_no_longer_taken_is_renewed_once(rig: Rig) -> None:
    assert rig.get() == 200
    rig.stand.good_tokens.clear()
    assert rig.get() == 200
    assert rig.stand.tokens_given == 2


def test_a_new_token_that_is_refused_too_ends_it(rig: Rig) -> None:
    rig.stand.serve = lambda asked: (401, {}, b'{"error": "invalid_token"}')
    assert rig.outcome() == Refused(RefusalCode.BAD_CREDENTIALS, "invalid_token")
    assert rig.stand.tokens_given == 2


@pytest.mark.parametrize("ahead_seconds", [-300, -299, 0, 299, 300])
def test_five_minutes_between_the_clocks_do_no_harm(rig: Rig, ahead_seconds: float) -> None:
    rig.stand.ahead_seconds = ahead_seconds
    assert rig.get() == 200


def test_clocks_further_apart_are_the_platform_s_word(rig: Rig) -> None:
    rig.stand.ahead_seconds = 3600
    assert rig.outcome() == Refused(RefusalCode.BAD_CREDENTIALS, "not valid by our clock")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((401, {}, b'{"error": "invalid_client"}'), Refused(RefusalCode.BAD_CREDENTIALS, "invalid_client")),
        (
            (400, {}, b'{"error": "invalid_scope", "error_description": "not yours"}'),
            Refused(RefusalCode.NOT_PERMITTED, "invalid_scope: not yours"),
        ),
        ((400, {}, b'{"error": "invalid_scope"}'), Refused(RefusalCode.NOT_PERMITTED, "invalid_scope")),
        ((403, {}, b""), Refused(RefusalCode.NOT_PERMITTED, "HTTP 403 Forbidden")),
        ((404, {}, b"<html>"), Refused(RefusalCode.BAD_ADDRESS, "HTTP 404 Not Found")),
        (
            (302, {"Location": "/login"}, b""),
            Refused(RefusalCode.BAD_ADDRESS, "HTTP 302 Found: leads to /login, not followed"),
        ),
        ((500, {}, b""), TryLater("HTTP 500 Internal Server Error")),
        ((429, {"Retry-After": "7"}, b""), TryLater("HTTP 429 Too Many Requests", 7, is_untaken=True)),
        ((200, {}, b"<html>maintenance"), TryLater("the answer is not the platform's: it has no token")),
        ((200, {}, b'{"access_token": "a\\nb"}'), TryLater("the answer is not the platform's: it has no token")),
        (
            (200, {}, b'{"access_token": "a", "token_type": "mac"}'),
            Refused(
                RefusalCode.BAD_CREDENTIALS, "the platform gave a token of type mac where a bearer token was asked for"
            ),
        ),
    ],
)
def test_faults_of_the_token_service_are_told_apart(rig: Rig, answer: Answer, outcome: Refused | TryLater) -> None:
    rig.stand.answers.append(answer)
    assert rig.outcome() == outcome
    assert rig.get() == 200


def test_a_passing_fault_of_a_service_is_tried_later_and_the_token_kept(rig: Rig) -> None:
    rig.stand.serve = lambda asked: (503, {"Retry-After": "120"}, b"")
    assert rig.outcome() == TryLater("HTTP 503 Service Unavailable", 120)
    rig.stand.serve = lambda asked: (404, {}, b"{}")
    assert rig.get() == 404
    assert rig.stand.tokens_given == 1


def test_an_address_keeps_its_own_query_and_its_coded_path(rig: Rig) -> None:
    rig.tokens.request(
        "GET", f"{rig.stand.origin}/a%2Fb/scores?type_id=1&x=%20&x=2", scope=SCORE, query={"user_id": "a b&c"}
    )
    asked = rig.stand.asked[-1]
    assert (asked.path, asked.query) == (
        "/a%2Fb/scores",
        [("type_id", "1"), ("x", " "), ("x", "2"), ("user_id", "a b&c")],
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:password@lms.example.org/scores", "lms.example.org: user_in_address"),
        ("ftp://lms.example.org/scores", "lms.example.org: https_required"),
        ("scores", ": malformed"),
        ("https://lms.example.org:port/scores", ": malformed"),
    ],
)
def test_an_address_that_may_not_be_called_is_a_matter_of_configuration(rig: Rig, url: str, words: str) -> None:
    assert rig.outcome(url) == Refused(RefusalCode.BAD_ADDRESS, words)


def test_a_platform_that_is_not_there_is_tried_later() -> None:
    with ServicesStand() as stand, OriginClients(allow_loopback=True) as clients:
        rig = Rig(stand, clients)
        gone = f"{stand.origin}{TOKEN_PATH}"
    with OriginClients(allow_loopback=True) as clients:
        rig.tokens = AccessTokens(
            token_url=gone, client_id="tool-1", audience=gone, sign=stand.sign, client_for=clients
        )
        assert isinstance(rig.outcome(), TryLater)


def test_an_origin_has_one_client() -> None:
    with OriginClients(allow_loopback=False) as clients:
        assert clients("https://lms.example.org") is clients("https://lms.example.org")
        assert clients("https://lms.example.org") is not clients("https://other.example.org")
        with pytest.raises(AddressRefused):
            clients("http://lms.example.org")
    assert address_of("https://lms.example.org:8443").path == "/"
