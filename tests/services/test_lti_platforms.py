"""Registering LTI platforms: each fault is named with its field, and no change hands people to another issuer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from lms_plugin.adapters.reporters import check_address
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.services import lti_platforms, platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_platforms import LtiDetails, LtiPlatformView, origin_of
from lms_plugin.services.platforms import CONSOLE, Console, Seal
from lms_plugin.storage.lti import LtiPlatform, PlatformAccount
from lms_plugin.storage.outbox import LTI, Platform
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, make_region_tree, make_user

MOODLE = LtiDetails(
    issuer="https://moodle.example.org",
    client_id="abc123",
    authorization_url="https://moodle.example.org/mod/lti/auth.php",
    key_set_url="https://moodle.example.org/mod/lti/certs.php",
    token_url="https://moodle.example.org/mod/lti/token.php",
    deployment_ids=("1", "2"),
)


def strict(address: str) -> None:
    check_address(address, allow_loopback=False)


def register(
    session: Session, details: LtiDetails = MOODLE, by: Actor | Console = CONSOLE, *, key: str = "moodle"
) -> LtiPlatformView:
    return lti_platforms.register(session, by, strict, key=key, details=details)


def update(session: Session, details: LtiDetails) -> LtiPlatformView:
    return lti_platforms.update(session, CONSOLE, strict, key="moodle", details=details)


def faults_of(session: Session, details: LtiDetails, key: str = "moodle") -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as refused:
        register(session, details, key=key)
    assert refused.value.code == "lti_platform_malformed"
    faults = refused.value.params["faults"]
    assert isinstance(faults, list)
    return [(one["field"], one["code"]) for one in faults]


def link_somebody(session: Session, platform_id: int) -> None:
    person = make_user(session, "teacher")
    session.add(
        PlatformAccount(platform_id=platform_id, subject="s-1", user_id=person.id, origin="launch", linked_at=NOW)
    )
    session.flush()


class TestRegistering:
    def test_a_platform_stands_as_it_was_typed_without_the_blanks_around(self, database: Database) -> None:
        typed = replace(MOODLE, issuer=f" {MOODLE.issuer}\n", deployment_ids=(" 1", "2", "", "1"))
        with database.writing() as session:
            assert register(session, typed).details == MOODLE
            platform = session.query(Platform).one()
            assert (platform.kind, platform.client_id, platform.sealed_secret) == (LTI, "abc123", b"")
            assert platform.base_url == MOODLE.issuer
            assert [one.key for one in lti_platforms.listing(session, CONSOLE)] == ["moodle"]

    def test_an_issuer_that_is_no_address_is_one_all_the_same(self, database: Database) -> None:
        with database.writing() as session:
            register(session, replace(MOODLE, issuer="urn:school:lms"))
            assert session.query(Platform).one().base_url == "https://moodle.example.org"

    def test_an_authorization_address_may_ask_something_itself(self, database: Database) -> None:
        address = "https://moodle.example.org/auth?tenant=7"
        with database.writing() as session:
            assert register(session, replace(MOODLE, authorization_url=address)).details.authorization_url == address

    @pytest.mark.parametrize(
        ("changed", "faults"),
        [
            ({"issuer": ""}, [("issuer", "missing")]),
            ({"issuer": "https://moodle.example.org /"}, [("issuer", "unreadable")]),
            ({"issuer": "x" * 301}, [("issuer", "too_long")]),
            ({"client_id": "客户"}, [("client_id", "unreadable")]),
            ({"authorization_url": "moodle.example.org/auth"}, [("authorization_url", "no_address")]),
            ({"authorization_url": "https://m.example.org/auth?a=1#b"}, [("authorization_url", "malformed")]),
            ({"authorization_url": "http://moodle.example.org/auth"}, [("authorization_url", "https_required")]),
            ({"key_set_url": "ftp://moodle.example.org/keys"}, [("key_set_url", "malformed")]),
            ({"key_set_url": "https://a:b@moodle.example.org/keys"}, [("key_set_url", "user_in_address")]),
            ({"key_set_url": "https://moodle.example.org/keys?x=1"}, [("key_set_url", "malformed")]),
            ({"token_url": "http://moodle.example.org/token"}, [("token_url", "https_required")]),
            ({"token_url": "", "token_audience": "https://x"}, [("token_audience", "without_token_url")]),
            ({"deployment_ids": ("one two",)}, [("deployment_ids", "unreadable")]),
            ({"deployment_ids": tuple(map(str, range(201)))}, [("deployment_ids", "too_many")]),
            (
                {"issuer": "", "client_id": "", "authorization_url": "", "key_set_url": "", "token_url": "x"},
                [
                    ("issuer", "missing"),
                    ("client_id", "missing"),
                    ("authorization_url", "missing"),
                    ("key_set_url", "missing"),
                    ("token_url", "no_address"),
                ],
            ),
        ],
    )
    def test_every_field_says_its_own_fault(
        self, database: Database, changed: dict[str, str], faults: list[tuple[str, str]]
    ) -> None:
        with database.writing() as session:
            assert faults_of(session, replace(MOODLE, **changed)) == faults
            assert session.query(Platform).count() == 0

    @pytest.mark.parametrize(("key", "code"), [("", "missing"), ("Moodle", "key_form"), ("new", "key_form")])
    def test_a_key_is_a_plain_word(self, database: Database, key: str, code: str) -> None:
        with database.writing() as session:
            assert faults_of(session, MOODLE, key) == [("key", code)]

    def test_neither_a_key_nor_a_client_of_an_issuer_is_there_twice(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            assert faults_of(session, MOODLE) == [("key", "taken"), ("client_id", "taken")]
            assert register(session, replace(MOODLE, client_id="another"), key="moodle2").key == "moodle2"

    def test_only_who_answers_for_every_region_may(self, database: Database) -> None:
        with database.writing() as session:
            regions = make_region_tree(session)
            county = actor_for(session, make_user(session, "county", "office", scope=regions.county))
            tutor = actor_for(session, make_user(session, "tutor", "tutor"))
            admin = actor_for(session, make_user(session, "admin", "office"))
            for actor in (county, tutor):
                with pytest.raises(NotAllowed):
                    register(session, by=actor)
            register(session, by=admin)
            for actor in (county, tutor):
                with pytest.raises(NotAllowed):
                    lti_platforms.get(session, actor, "moodle")
                with pytest.raises(NotAllowed):
                    lti_platforms.listing(session, actor)


class TestChanging:
    def test_another_key_set_address_forgets_the_keys_of_the_one_before(self, database: Database) -> None:
        with database.writing() as session:
            platform_id = register(session).platform_id
            lti = session.get_one(LtiPlatform, platform_id)
            lti.key_set, lti.key_set_read_at = {"keys": []}, NOW
            update(session, replace(MOODLE, token_audience="https://moodle.example.org"))
            assert session.get_one(LtiPlatform, platform_id).key_set == {"keys": []}
            update(session, replace(MOODLE, key_set_url="https://moodle.example.org/new"))
            assert session.get_one(LtiPlatform, platform_id).key_set is None

    def test_deployments_come_and_go(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            assert update(session, replace(MOODLE, deployment_ids=("2", "3"))).details.deployment_ids == ("2", "3")
            lti_platforms.remove_deployments(session, CONSOLE, key="moodle", deployment_ids=["3"])
            assert lti_platforms.get(session, CONSOLE, "moodle").details.deployment_ids == ("2",)
            with pytest.raises(NotFound):
                lti_platforms.remove_deployments(session, CONSOLE, key="moodle", deployment_ids=["3"])

    def test_the_issuer_stays_once_somebody_is_known_by_its_names(self, database: Database) -> None:
        other = replace(MOODLE, issuer="https://evil.example.org")
        with database.writing() as session:
            view = register(session)
            assert update(session, other).details.issuer == other.issuer
            update(session, MOODLE)
            link_somebody(session, view.platform_id)
            with pytest.raises(Malformed) as refused:
                update(session, other)
            assert refused.value.params["faults"] == [{"field": "issuer", "code": "has_people"}]
            assert update(session, replace(MOODLE, client_id="renewed")).details.client_id == "renewed"
            assert session.query(Platform).one().client_id == "renewed"

    def test_a_platform_of_another_kind_is_not_changed_here_nor_this_one_there(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            with pytest.raises(Conflict, match="platform_is_lti"):
                platforms.update(session, CONSOLE, Seal("k" * 40), strict, key="moodle", client_id="x")
            platforms.register(
                session,
                CONSOLE,
                Seal("k" * 40),
                strict,
                key="openedx",
                base_url="https://lms.example.org",
                client_id="c",
                client_secret="s",
            )
            with pytest.raises(NotFound):
                lti_platforms.update(session, CONSOLE, strict, key="openedx", details=MOODLE)
            with pytest.raises(NotFound):
                lti_platforms.get(session, CONSOLE, "openedx")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://lms.example.org/a?b", "https://lms.example.org"),
        ("https://LMS.example.org:8443/", "https://lms.example.org:8443"),
        ("http://[::1]:80/x", "http://[::1]:80"),
        ("https://a;b.example.org/", ""),
        ("https://a b/", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://host:port/", ""),
        ("//lms.example.org", ""),
        ("urn:x", ""),
    ],
)
def test_an_origin_is_a_scheme_and_a_host(address: str, origin: str) -> None:
    assert origin_of(address) == origin


@given(st.text())
def test_no_address_makes_an_origin_that_could_end_a_header(text: str) -> None:
    assert not set(origin_of(f"https://{text}")) & set(" ;,'\"\r\n\\")
