"""Forged launches, none of which is believed, and odd ones that are right and are.

Each row names the rule that refuses it. Every refusal shows a page that says the rule's code, and opens nothing.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lms_plugin.services.lti_key_sets import READ_A_MINUTE
from lms_plugin.storage.lti import LtiLink, PlatformAccount, Ticket
from lms_plugin.storage.people import User
from tests.web.platform_rig import (
    CLIENT,
    IN_WINDOW,
    ISSUER,
    SUBJECT,
    TARGET,
    Begun,
    PlatformRig,
    jwk,
    link_account,
    open_platform,
    private_key,
)
from tests.web.stage import HOST, Browser, Stage

DAY = 86_400
FIVE_MINUTES = 300


@pytest.fixture
def platform(stage: Stage) -> PlatformRig:
    return open_platform(stage)


@dataclass
class Attempt:
    """A launch in the making: the platform it pretends to come from, a login that was begun, and the browser."""

    platform: PlatformRig
    browser: Browser
    begun: Begun

    @property
    def now(self) -> int:
        return int(self.platform.stage.clock().timestamp())

    def claims(self, **changes: object) -> dict[str, Any]:
        return self.platform.claims(self.begun.nonce, **changes)

    def send(self, token: str) -> TestResponse:
        return self.platform.send(self.browser, self.begun.state, token)

    def send_claims(self, **changes: object) -> TestResponse:
        return self.send(self.platform.token(self.claims(**changes)))

    def signed_as(self, algorithm: str) -> TestResponse:
        token = jwt.encode(self.claims(), self.platform.key, algorithm=algorithm, headers={"kid": self.platform.kid})
        return self.send(token)

    def with_header(self, **header: object) -> TestResponse:
        return self.send(self.platform.token(self.claims(), **header))


Forgery = Callable[[Attempt], TestResponse]


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand, as a library would refuse to."""
    return f"{part(header)}.{part(claims)}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def by_public_key(attempt: Attempt, secret: bytes) -> TestResponse:
    """HS256 with the platform's public key as its secret."""
    head, body = part({"alg": "HS256", "kid": attempt.platform.kid}), part(attempt.claims())
    mac = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
    return attempt.send(f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def public_pem(attempt: Attempt) -> bytes:
    return attempt.platform.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def tampered(attempt: Attempt) -> TestResponse:
    head, _, signature = attempt.platform.token(attempt.claims()).split(".")
    return attempt.send(f"{head}.{part(attempt.claims(sub='subject-of-mate'))}.{signature}")


def without_signature(attempt: Attempt) -> TestResponse:
    head, body, _ = attempt.platform.token(attempt.claims()).split(".")
    return attempt.send(f"{head}.{body}.")


def of_another_platforms_key(attempt: Attempt) -> TestResponse:
    other = attempt.platform.another(kid="other-key", key=private_key("other"))
    other.publish()
    return attempt.send(other.token(attempt.claims()))


def with_another_platforms_key_and_our_kid(attempt: Attempt) -> TestResponse:
    token = jwt.encode(attempt.claims(), private_key("other"), algorithm="RS256", headers={"kid": "key-1"})
    return attempt.send(token)


def of_another_platform(attempt: Attempt) -> TestResponse:
    """A platform that is registered answers the login of another, in that one's name."""
    other = attempt.platform.another(kid="other-key", key=private_key("other"))
    other.publish()
    begun = other.begin(attempt.browser)
    return other.send(attempt.browser, begun.state, other.token(attempt.platform.claims(begun.nonce)))


def with_another_platforms_state(attempt: Attempt) -> TestResponse:
    other = attempt.platform.another(kid="other-key", key=private_key("other"))
    other.publish()
    begun = other.begin(attempt.browser)
    return attempt.platform.send(attempt.browser, begun.state, attempt.platform.token(attempt.claims()))


def replayed(attempt: Attempt) -> TestResponse:
    token = attempt.platform.token(attempt.claims())
    assert attempt.send(token).status_code == 200
    return attempt.send(token)


def replayed_with_a_state_of_its_own(attempt: Attempt) -> TestResponse:
    token = attempt.platform.token(attempt.claims())
    assert attempt.send(token).status_code == 200
    fresh = attempt.platform.begin(attempt.browser)
    return attempt.platform.send(attempt.browser, fresh.state, token)


def after_a_refusal(attempt: Attempt) -> TestResponse:
    assert attempt.send("nonsense").status_code == 400
    return attempt.send_claims()


def state_too_old(attempt: Attempt) -> TestResponse:
    attempt.platform.stage.clock.forward(601)
    return attempt.send_claims()


def with_a_made_up_state(attempt: Attempt) -> TestResponse:
    return attempt.platform.send(attempt.browser, "made-up", attempt.platform.token(attempt.claims()))


def without_state(attempt: Attempt) -> TestResponse:
    return attempt.platform.send(attempt.browser, "", attempt.platform.token(attempt.claims()))


def suspended(attempt: Attempt) -> TestResponse:
    stage = attempt.platform.stage
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).is_active = False
    return attempt.send_claims()


def with_a_retired_key(attempt: Attempt) -> TestResponse:
    """The platform has a new key only; the one before is in what was read of its key set until the new one is seen."""
    platform = attempt.platform
    old = platform.token(attempt.claims())
    assert platform.launch(platform.stage.browser()).status_code == 200
    platform.kid, platform.key = "key-2", private_key("platform's second")
    platform.publish()
    platform.stage.clock.forward(61)
    assert platform.launch(platform.stage.browser()).status_code == 200
    return attempt.send(old)


def with_an_unfit_key(**changes: object) -> Forgery:
    def send(attempt: Attempt) -> TestResponse:
        attempt.platform.publish(jwk("key-1", attempt.platform.key, **changes))
        return attempt.send_claims()

    return send


def with_a_short_key(attempt: Attempt) -> TestResponse:
    attempt.platform.key = private_key("short", 1024)
    attempt.platform.publish()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = attempt.platform.token(attempt.claims())
    return attempt.send(token)


def claiming(**changes: object) -> Forgery:
    return lambda attempt: attempt.send_claims(**changes)


def at(**offsets: int) -> Forgery:
    """Times of the token, in seconds from now."""
    return lambda attempt: attempt.send_claims(**{name: attempt.now + value for name, value in offsets.items()})


FORGED: dict[str, tuple[str, Forgery]] = {
    "no signature asked for": (
        "lti_algorithm_wrong",
        lambda one: one.send(raw({"alg": "none", "kid": "key-1"}, one.claims())),
    ),
    "none, otherwise spelt": (
        "lti_algorithm_wrong",
        lambda one: one.send(raw({"alg": "nOnE", "kid": "key-1"}, one.claims())),
    ),
    "no algorithm": ("lti_algorithm_wrong", lambda one: one.send(raw({"kid": "key-1"}, one.claims()))),
    "HS256 with the public key as PEM": ("lti_algorithm_wrong", lambda one: by_public_key(one, public_pem(one))),
    "HS256 with the public key as JWK": (
        "lti_algorithm_wrong",
        lambda one: by_public_key(one, json.dumps(jwk("key-1", one.platform.key)).encode()),
    ),
    "RS384": ("lti_algorithm_wrong", lambda one: one.signed_as("RS384")),
    "PS256": ("lti_algorithm_wrong", lambda one: one.signed_as("PS256")),
    "signature left empty": ("lti_signature_wrong", without_signature),
    "signature of zeros": (
        "lti_signature_wrong",
        lambda one: one.send(raw({"alg": "RS256", "kid": "key-1"}, one.claims(), b"\0" * 256)),
    ),
    "another subject under the signature": ("lti_signature_wrong", tampered),
    "another key under our kid": ("lti_signature_wrong", with_another_platforms_key_and_our_kid),
    "another platform's key": ("lti_kid_unknown", of_another_platforms_key),
    "kid unknown": ("lti_kid_unknown", lambda one: one.with_header(kid="key-9")),
    "kid is a path": ("lti_kid_unknown", lambda one: one.with_header(kid="../../../dev/null")),
    "kid missing": (
        "lti_kid_missing",
        lambda one: one.send(jwt.encode(one.claims(), one.platform.key, algorithm="RS256")),
    ),
    "kid empty": ("lti_kid_missing", lambda one: one.with_header(kid="")),
    "retired key": ("lti_kid_unknown", with_a_retired_key),
    "address of a key set in the header": (
        "lti_header_brings_key",
        lambda one: one.with_header(jku="https://evil.example/jwks"),
    ),
    "address of a certificate in the header": (
        "lti_header_brings_key",
        lambda one: one.with_header(x5u="https://evil.example/cert"),
    ),
    "a key in the header": (
        "lti_header_brings_key",
        lambda one: one.with_header(jwk=jwk("key-1", private_key("other"))),
    ),
    "a certificate in the header": ("lti_header_brings_key", lambda one: one.with_header(x5c=["MIIB"])),
    "a critical extension": (
        "lti_header_critical",
        lambda one: one.send(raw({"alg": "RS256", "kid": "key-1", "crit": ["b64"]}, one.claims(), b"x" * 256)),
    ),
    "payload not encoded": (
        "lti_header_critical",
        lambda one: one.send(raw({"alg": "RS256", "kid": "key-1", "b64": False}, one.claims(), b"x" * 256)),
    ),
    "a key for encryption": ("lti_key_unfit", with_an_unfit_key(use="enc")),
    "a key for another algorithm": ("lti_key_unfit", with_an_unfit_key(alg="RS512")),
    "a malformed key": ("lti_key_unfit", with_an_unfit_key(n="!")),
    "a key of 1024 bits": ("lti_key_unfit", with_a_short_key),
    "issuer of another platform": ("lti_issuer_wrong", claiming(iss="https://evil.example")),
    "issuer with a slash more": ("lti_issuer_wrong", claiming(iss=ISSUER + "/")),
    "issuer missing": ("lti_issuer_wrong", claiming(iss=None)),
    "a platform in another's name": ("lti_issuer_wrong", of_another_platform),
    "audience is another tool": ("lti_audience_wrong", claiming(aud="client-9")),
    "audience is a list without us": ("lti_audience_wrong", claiming(aud=["client-8", "client-9"])),
    "audience is a list of lists": ("lti_audience_wrong", claiming(aud=[[CLIENT]])),
    "audience missing": ("lti_audience_wrong", claiming(aud=None)),
    "several audiences, no party": ("lti_azp_missing", claiming(aud=[CLIENT, "client-9"])),
    "several audiences, another party": ("lti_azp_wrong", claiming(aud=[CLIENT, "client-9"], azp="client-9")),
    "one audience, another party": ("lti_azp_wrong", claiming(azp="client-9")),
    "expired": ("lti_expired", at(iat=-900, exp=-FIVE_MINUTES)),
    "from the future": ("lti_not_yet_valid", at(iat=FIVE_MINUTES + 1, exp=900)),
    "not valid before later": ("lti_not_yet_valid", at(nbf=FIVE_MINUTES + 1)),
    "valid for days": ("lti_lives_too_long", at(exp=2 * DAY)),
    "without an end": ("lti_time_missing", claiming(exp=None)),
    "without a beginning": ("lti_time_missing", claiming(iat=None)),
    "an end that is text": ("lti_claim_malformed", claiming(exp="tomorrow")),
    "an end that is true": ("lti_claim_malformed", claiming(exp=True)),
    "an end beyond all calendars": ("lti_claim_malformed", claiming(exp=10**18)),
    "nonce missing": ("lti_nonce_missing", claiming(nonce=None)),
    "nonce of another login": ("lti_nonce_wrong", claiming(nonce="another")),
    "nonce as a list": ("lti_nonce_wrong", lambda one: one.send_claims(nonce=[one.begun.nonce])),
    "replayed": ("lti_state_used", replayed),
    "replayed with a fresh state": ("lti_nonce_wrong", replayed_with_a_state_of_its_own),
    "a second try with the same state": ("lti_state_used", after_a_refusal),
    "state made up": ("lti_state_unknown", with_a_made_up_state),
    "state missing": ("lti_state_missing", without_state),
    "state too old": ("lti_state_expired", state_too_old),
    "state of another platform": ("lti_kid_unknown", with_another_platforms_state),
    "deployment unknown": ("lti_deployment_wrong", claiming(deployment_id="9")),
    "deployment missing": ("lti_deployment_wrong", claiming(deployment_id=None)),
    "deployment is a number": ("lti_deployment_wrong", claiming(deployment_id=1)),
    "deployment is a list": ("lti_deployment_wrong", claiming(deployment_id=["1"])),
    "version 1.1": ("lti_version_wrong", claiming(version="LTI-1p0")),
    "version missing": ("lti_version_wrong", claiming(version=None)),
    "message type unknown": ("lti_message_type_wrong", claiming(message_type="LtiSubmissionReviewRequest")),
    "message type missing": ("lti_message_type_wrong", claiming(message_type=None)),
    "message type is a list": ("lti_message_type_wrong", claiming(message_type=["LtiResourceLinkRequest"])),
    "target on another host": ("lti_target_elsewhere", claiming(target_link_uri="https://evil.example/lti/launch")),
    "target on a host that begins like ours": (
        "lti_target_elsewhere",
        claiming(target_link_uri=f"{HOST}.evil.example/"),
    ),
    "target with us as its user": ("lti_target_elsewhere", claiming(target_link_uri="http://localhost@evil.example/")),
    "target on another port": ("lti_target_elsewhere", claiming(target_link_uri=f"{HOST}:8443/")),
    "target is a script": ("lti_target_elsewhere", claiming(target_link_uri="javascript:alert(1)")),
    "target with a backslash": ("lti_target_elsewhere", claiming(target_link_uri=f"{HOST}\\@evil.example/")),
    "target missing": ("lti_target_elsewhere", claiming(target_link_uri=None)),
    "subject missing": ("lti_subject_missing", claiming(sub=None)),
    "subject empty": ("lti_subject_missing", claiming(sub="")),
    "subject of 256 characters": ("lti_subject_missing", claiming(sub="s" * 256)),
    "subject is a list": ("lti_subject_missing", claiming(sub=[SUBJECT])),
    "resource link missing": ("lti_resource_link_missing", claiming(resource_link=None)),
    "resource link without an id": ("lti_resource_link_missing", claiming(resource_link={"title": "t"})),
    "resource link is text": ("lti_claim_malformed", claiming(resource_link="link-1")),
    "programme that is not here": ("lti_place_unknown", claiming(custom={"programme": "no-such"})),
    "suspended": ("lti_account_suspended", suspended),
    "no token": ("lti_token_missing", lambda one: one.send("")),
    "no token but words": ("lti_token_unreadable", lambda one: one.send("let me in")),
    "a payload that is a list": (
        "lti_token_unreadable",
        lambda one: one.send(jwt.PyJWS().encode(b"[1]", one.platform.key, "RS256", headers={"kid": "key-1"})),
    ),
    "a token without end": ("lti_token_unreadable", lambda one: one.send("a" * 200_000)),
    "an error of the platform": (
        "lti_platform_refused",
        lambda one: one.platform.send(
            one.browser, one.begun.state, one.platform.token(one.claims()), error="login_required"
        ),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_launch_opens_nothing_and_names_its_reason(platform: PlatformRig, name: str) -> None:
    code, forgery = FORGED[name]
    browser = platform.stage.browser(language="en")

    answer = forgery(Attempt(platform, browser, platform.begin(browser)))

    assert answer.status_code in (400, 403)
    assert f"code: {code}<" in answer.text
    assert 'name="ticket"' not in answer.text
    assert 'name="subject"' not in answer.text
    assert "This could not be done" not in answer.text, "every reason has a sentence of its own"
    assert browser.get("/").status_code == 302, "nobody is signed in"


def test_there_are_enough_forgeries_and_the_usual_launch_is_believed(platform: PlatformRig) -> None:
    assert len(FORGED) >= 40
    assert 'name="ticket"' in platform.launch(platform.stage.browser()).text


def test_a_refused_launch_leaves_nothing_behind(platform: PlatformRig) -> None:
    browser = platform.stage.browser()
    for _, forgery in (FORGED["another subject under the signature"], FORGED["deployment unknown"]):
        forgery(Attempt(platform, browser, platform.begin(browser)))

    with platform.stage.database.reading() as session:
        counted = [session.scalar(select(func.count()).select_from(one)) for one in (LtiLink, Ticket, PlatformAccount)]
    assert counted == [0, 0, 1]


def test_a_token_in_the_address_is_not_read(platform: PlatformRig) -> None:
    browser = platform.stage.browser()
    begun = platform.begin(browser)
    sent = {"state": begun.state, "id_token": platform.token(platform.claims(begun.nonce))}

    assert browser.client.get("/lti/launch", query_string=sent).status_code == 405
    assert browser.client.post("/lti/launch", query_string=sent).status_code == 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "lti_platform_unknown"),
        ({"client_id": "client-9"}, "lti_platform_unknown"),
        ({"iss": None}, "lti_login_incomplete"),
        ({"login_hint": None}, "lti_login_incomplete"),
        ({"target_link_uri": None}, "lti_login_incomplete"),
        ({"target_link_uri": "https://evil.example/"}, "lti_target_elsewhere"),
        ({"target_link_uri": f"{HOST}/lti/../../evil"}, "lti_target_elsewhere"),
        ({"target_link_uri": f"{HOST}/%2e%2e/"}, "lti_target_elsewhere"),
        ({"target_link_uri": f"{HOST}/{'a' * 500}"}, "lti_target_elsewhere"),
    ],
)
def test_a_login_that_cannot_be_right_is_not_begun(
    platform: PlatformRig, changes: dict[str, str | None], code: str
) -> None:
    answer = platform.login(platform.stage.browser(language="en"), **changes)

    assert answer.status_code in (400, 403)
    assert f"code: {code}<" in answer.text


def test_a_deployment_other_than_the_one_the_login_was_for_is_refused(platform: PlatformRig) -> None:
    browser = platform.stage.browser(language="en")
    begun = platform.begin(browser, lti_deployment_id="2")

    answer = platform.send(browser, begun.state, platform.token(platform.claims(begun.nonce)))

    assert "code: lti_deployment_wrong<" in answer.text


ODD: dict[str, Callable[[Attempt], TestResponse]] = {
    "audience as a list of one": claiming(aud=[CLIENT]),
    "several audiences, and we are the party": claiming(aud=["client-9", CLIENT], azp=CLIENT),
    "one audience and the party": claiming(azp=CLIENT),
    "no name and no e-mail": claiming(name=None, email=None),
    "name is null": lambda one: one.send(one.platform.token(one.claims() | {"name": None})),
    "roles nobody knows": claiming(roles=["urn:x-school:headteacher", "Learner"]),
    "no roles": claiming(roles=[]),
    "roles missing": claiming(roles=None),
    "claims nobody knows": lambda one: one.send(
        one.platform.token(one.claims() | {"https://lms.example.org/claim/extra": {"a": [1, None]}, "locale": "fr-CA"})
    ),
    "clock five minutes ahead": at(iat=FIVE_MINUTES, exp=2 * FIVE_MINUTES, nbf=FIVE_MINUTES),
    "clock five minutes behind": at(iat=-FIVE_MINUTES - 60, exp=-FIVE_MINUTES + 1),
    "times with fractions": lambda one: one.send_claims(iat=one.now - 0.25, exp=one.now + 60.5),
    "good for a day": at(exp=DAY),
    "no context": claiming(context=None),
    "context is null": lambda one: one.send(
        one.platform.token({**one.claims(), "https://purl.imsglobal.org/spec/lti/claim/context": None})
    ),
    "no scores and no roster": claiming(ags=None, nrps=None),
    "scores without a line item": claiming(ags={"scope": [], "lineitems": f"{ISSUER}/items"}),
    "module named by custom, target is the launch itself": claiming(
        custom={"programme": "rural", "module": "reading"}, target_link_uri=f"{HOST}/lti/launch"
    ),
    "target with the port that goes without saying": claiming(target_link_uri=TARGET.replace(HOST, f"{HOST}:80")),
    "a language of a region": claiming(launch_presentation={"locale": "zh-Hant-TW", "document_target": "iframe"}),
    "a link with an id of 255 characters": claiming(resource_link={"id": "链" * 255}),
    "a header with a type and a thumbprint": lambda one: one.with_header(typ="id+jwt", x5t="abc"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_launch_that_is_right_is_believed(platform: PlatformRig, name: str) -> None:
    browser = platform.stage.browser(language="en")

    answer = ODD[name](Attempt(platform, browser, platform.begin(browser)))

    assert answer.status_code == 200, answer.text
    assert 'name="ticket"' in answer.text


def test_a_login_by_post_carries_the_message_hint_on(platform: PlatformRig) -> None:
    browser = platform.stage.browser()
    begun = platform.begin(browser, "POST", lti_message_hint='{"cmid": 7, "名": "&="}')

    assert begun.address == f"{ISSUER}/auth"
    assert begun.asked == {
        "tool": "1",
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": CLIENT,
        "redirect_uri": f"{HOST}/lti/launch",
        "login_hint": "hint",
        "lti_message_hint": '{"cmid": 7, "名": "&="}',
        "state": begun.state,
        "nonce": begun.nonce,
    }
    assert platform.send(browser, begun.state, platform.token(platform.claims(begun.nonce))).status_code == 200


@pytest.mark.parametrize("changes", [{"client_id": None}, {"client_id": None, "lti_deployment_id": None}])
def test_a_login_need_not_name_client_and_deployment(platform: PlatformRig, changes: dict[str, None]) -> None:
    browser = platform.stage.browser()
    begun = platform.begin(browser, **changes)

    assert platform.send(browser, begun.state, platform.token(platform.claims(begun.nonce))).status_code == 200


def test_an_issuer_with_several_registrations_is_told_apart_by_the_deployment(platform: PlatformRig) -> None:
    twin = platform.another(issuer=ISSUER, client_id="client-2", deployment_id="2")
    browser = platform.stage.browser(language="en")

    assert twin.begin(browser, client_id=None).asked["client_id"] == "client-2"
    answer = twin.login(browser, client_id=None, lti_deployment_id=None)
    assert "code: lti_platform_ambiguous<" in answer.text


def test_a_key_that_was_made_a_moment_ago_is_found(platform: PlatformRig) -> None:
    stage = platform.stage
    assert platform.launch(stage.browser()).status_code == 200
    platform.kid, platform.key = "key-2", private_key("platform's second")
    platform.publish(jwk("key-2", platform.key), jwk("key-1", private_key("platform")))

    assert platform.launch(stage.browser()).status_code == 200
    platform.kid, platform.key = "key-1", private_key("platform")
    assert platform.launch(stage.browser()).status_code == 200, "the platform still publishes the one before"
    assert len(platform.key_sets.read_urls) == 2


def test_unknown_keys_have_the_key_set_read_a_few_times_a_minute_at_most(platform: PlatformRig) -> None:
    stage = platform.stage
    platform.kid = "nobody's"
    for minute in range(1, 3):
        for _ in range(READ_A_MINUTE + 2):
            assert platform.launch(stage.browser()).status_code == 403
        assert len(platform.key_sets.read_urls) == READ_A_MINUTE * minute
        stage.clock.forward(61)


def test_a_platform_that_is_down_for_hours_still_launches(platform: PlatformRig) -> None:
    stage = platform.stage
    assert platform.launch(stage.browser()).status_code == 200
    platform.key_sets.sets.clear()
    stage.clock.now += timedelta(hours=6)

    assert platform.launch(stage.browser()).status_code == 200
    assert len(platform.key_sets.read_urls) == 2


def test_the_same_subject_of_another_platform_is_somebody_else(platform: PlatformRig) -> None:
    other = platform.another(kid="other-key", key=private_key("other"))
    other.publish()

    assert 'name="subject"' in other.launch(platform.stage.browser()).text
    link_account(platform.stage, other.platform_id, "mate")
    assert "张小梅" in other.launch(platform.stage.browser()).text


def test_a_launch_begun_elsewhere_signs_nobody_in_by_itself(platform: PlatformRig) -> None:
    """Login CSRF: somebody has another person's browser end a launch of their own."""
    begun = platform.begin(platform.stage.browser())
    victim = platform.stage.browser(language="en")

    answer = platform.send(victim, begun.state, platform.token(platform.claims(begun.nonce)), IN_WINDOW)

    assert (answer.status_code, "以王丽的身份继续" in answer.text) == (200, True)
    assert victim.get("/").status_code == 302
