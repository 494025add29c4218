"""Dynamic registration: what a platform tells is read with care, and nothing counts until an admin has confirmed it."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.services import delivery_list, lti_platforms, lti_registration, platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_registration import (
    PLATFORM_CONFIGURATION,
    SCOPES,
    TOOL_CONFIGURATION,
    OurAddresses,
    RegisteredClient,
    RegistrationFailed,
)
from lms_plugin.storage.lti import LtiDeployment, LtiLogin, LtiPlatform
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, make_user
from tests.services.test_lti_platforms import MOODLE, strict

OURS = OurAddresses("https://hours.example.org")
TOLD: dict[str, Any] = {
    "issuer": "https://lms.example.org",
    "authorization_endpoint": "https://lms.example.org/auth",
    "token_endpoint": "https://lms.example.org/token",
    "jwks_uri": "https://lms.example.org/keys",
    "registration_endpoint": "https://lms.example.org/register",
    "authorization_server": "https://lms.example.org",
    PLATFORM_CONFIGURATION: {"product_family_code": "moodle"},
}


def keep(session: Session, by: Actor, deployment_id: str | None = "7", key: str = "lms") -> None:
    lti_registration.keep(
        session,
        by,
        strict,
        key=key,
        configuration=lti_registration.read_configuration(TOLD),
        configuration_url="https://lms.example.org/.well-known/openid-configuration",
        client=RegisteredClient("client-1", deployment_id),
        now=NOW,
    )


def admin_of(session: Session) -> Actor:
    return actor_for(session, make_user(session, "admin", "office"))


def deployments(session: Session) -> list[str]:
    return list(session.scalars(select(LtiDeployment.deployment_id)))


@pytest.mark.parametrize("missing", ["issuer", "authorization_endpoint", "jwks_uri", "registration_endpoint"])
def test_a_configuration_needs_what_a_registration_needs(missing: str) -> None:
    for value in (None, "", 0.5, ["x"], "two\nlines"):
        with pytest.raises(RegistrationFailed) as refused:
            lti_registration.read_configuration({**TOLD, missing: value})
        assert refused.value.params == {"step": "configuration", "words": missing}


def test_the_rest_of_a_configuration_may_be_missing_or_nonsense() -> None:
    plain = {name: value for name, value in TOLD.items() if name not in ("token_endpoint", PLATFORM_CONFIGURATION)}
    found = lti_registration.read_configuration(plain)
    assert (found.token_url, found.product, found.messages) == ("", "", ())
    odd = {**TOLD, PLATFORM_CONFIGURATION: "x", "scopes_supported": "x", "claims_supported": [1, "sub"]}
    found = lti_registration.read_configuration(odd)
    assert (found.scopes, found.claims, found.product) == ((), ("sub",), "")


def test_an_issuer_on_another_host_is_noticed() -> None:
    found = lti_registration.read_configuration(TOLD)
    assert not lti_registration.comes_from_elsewhere(found, "https://lms.example.org/x?y=1")
    assert lti_registration.comes_from_elsewhere(found, "https://evil.example.org/x")


class TestOurMetadata:
    def test_we_ask_for_both_messages_our_services_and_no_e_mail_address(self) -> None:
        said = lti_registration.client_metadata(OURS, lti_registration.read_configuration(TOLD))
        tool = said[TOOL_CONFIGURATION]
        assert said["redirect_uris"] == ["https://hours.example.org/lti/launch"]
        assert said["token_endpoint_auth_method"] == "private_key_jwt"
        assert said["scope"].split() == list(SCOPES)
        assert (tool["domain"], tool["target_link_uri"]) == ("hours.example.org", OURS.launch)
        assert [one["type"] for one in tool["messages"]] == ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
        assert "email" not in tool["claims"]

    def test_a_platform_is_asked_for_nothing_that_it_has_not(self) -> None:
        told = {
            **TOLD,
            "scopes_supported": [SCOPES[2]],
            "claims_supported": ["name"],
            PLATFORM_CONFIGURATION: {"messages_supported": [{"type": "LtiResourceLinkRequest"}, "x", {}]},
        }
        said = lti_registration.client_metadata(OURS, lti_registration.read_configuration(told))
        tool = said[TOOL_CONFIGURATION]
        assert said["scope"] == SCOPES[2]
        assert tool["claims"] == ["iss", "sub", "name"]
        assert [one["type"] for one in tool["messages"]] == ["LtiResourceLinkRequest"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"client_id": "c"}, RegisteredClient("c", None)),
        ({"client_id": 10000000000042}, RegisteredClient("10000000000042", None)),
        ({"client_id": "c", TOOL_CONFIGURATION: {"deployment_id": "d"}}, RegisteredClient("c", "d")),
        ({"client_id": "c", TOOL_CONFIGURATION: "x"}, RegisteredClient("c", None)),
    ],
)
def test_an_answer_names_the_client_and_perhaps_the_deployment(said: dict[str, Any], found: RegisteredClient) -> None:
    assert lti_registration.read_registered(said) == found


@pytest.mark.parametrize(
    "said",
    [{}, {"client_id": ""}, {"client_id": True}, {"client_id": "c", TOOL_CONFIGURATION: {"deployment_id": "d" * 256}}],
)
def test_an_answer_without_a_client_is_of_no_use(said: dict[str, Any]) -> None:
    with pytest.raises(RegistrationFailed):
        lti_registration.read_registered(said)


class TestWaitingForAWord:
    def test_until_it_is_confirmed_it_is_paused_and_has_no_deployment(self, database: Database) -> None:
        with database.writing() as session:
            admin = admin_of(session)
            keep(session, admin)
            view = lti_platforms.get(session, admin, "lms")
            assert view.waiting is not None
            assert (view.waiting.product, view.waiting.deployment_id) == ("moodle", "7")
            assert (view.is_paused, view.details.deployment_ids, deployments(session)) == (True, (), [])
            assert view.details.token_audience == "https://lms.example.org"
            assert [one.condition for one in delivery_list.summaries(session, admin)] == ["unconfirmed"]

    def test_nobody_gets_round_the_confirmation(self, database: Database) -> None:
        with database.writing() as session:
            admin = admin_of(session)
            keep(session, admin)
            with pytest.raises(Conflict, match="registration_waiting"):
                platforms.resume(session, admin, key="lms")
            with pytest.raises(Conflict, match="registration_waiting"):
                lti_platforms.update(session, admin, strict, key="lms", details=MOODLE)

    def test_confirmed_it_has_its_deployment_and_is_served(self, database: Database) -> None:
        with database.writing() as session:
            admin = admin_of(session)
            keep(session, admin)
            view = lti_registration.confirm(session, admin, "lms")
            assert (view.waiting, view.is_paused, view.details.deployment_ids) == (None, False, ("7",))
            with pytest.raises(Conflict, match="registration_not_waiting"):
                lti_registration.confirm(session, admin, "lms")
            with pytest.raises(Conflict, match="registration_not_waiting"):
                lti_registration.discard(session, admin, "lms")

    def test_a_platform_may_give_its_deployment_later(self, database: Database) -> None:
        with database.writing() as session:
            admin = admin_of(session)
            keep(session, admin, None)
            assert lti_registration.confirm(session, admin, "lms").details.deployment_ids == ()

    def test_discarded_nothing_is_left_of_it(self, database: Database) -> None:
        with database.writing() as session:
            admin = admin_of(session)
            keep(session, admin)
            session.add(
                LtiLogin(
                    state_digest="s",
                    platform_id=session.scalars(select(Platform.id)).one(),
                    nonce="n",
                    target_link_uri="t",
                    expires_at=NOW,
                )
            )
            session.flush()
            lti_registration.discard(session, admin, "lms")
            assert session.query(Platform).count() + session.query(LtiPlatform).count() == 0
            keep(session, admin)

    def test_what_cannot_be_kept_is_found_before_the_platform_is_asked(self, database: Database) -> None:
        configuration = lti_registration.read_configuration({**TOLD, "jwks_uri": "http://lms.example.org/keys"})
        with database.writing() as session:
            admin = admin_of(session)
            with pytest.raises(Malformed) as refused:
                lti_registration.check(session, admin, strict, key="Wrong", configuration=configuration)
            faults = refused.value.params["faults"]
            assert isinstance(faults, list)
            assert [(one["field"], one["code"]) for one in faults] == [
                ("key", "key_form"),
                ("key_set_url", "https_required"),
            ]

    def test_only_who_answers_for_every_region_may(self, database: Database) -> None:
        with database.writing() as session:
            admin, tutor = admin_of(session), actor_for(session, make_user(session, "tutor", "tutor"))
            with pytest.raises(NotAllowed):
                keep(session, tutor)
            keep(session, admin)
            for work in (lti_registration.confirm, lti_registration.discard):
                with pytest.raises(NotAllowed):
                    work(session, tutor, "lms")
                with pytest.raises(NotFound):
                    work(session, admin, "none")
