"""Launching below the pages, on both stores: state, nonce and key sets when several come at once."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from lms_plugin.domain.lti_claims import RESOURCE_LINK_REQUEST, Launch, LaunchRefused
from lms_plugin.services import lti_accounts, lti_key_sets, lti_launching
from lms_plugin.services.lti_key_sets import KeySetUnread, PlatformKeys
from lms_plugin.services.lti_launching import LoginRequest
from lms_plugin.storage.lti import LtiDeployment, LtiPlatform
from lms_plugin.storage.outbox import LTI, Platform
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.web.platform_rig import jwk, private_key

BASE = "https://hours.example.org"
ISSUER = "https://lms.example.org"


@pytest.fixture
def platform_id(database: Database) -> int:
    with database.writing() as session:
        platform = Platform(key="lms", base_url=ISSUER, client_id="c", sealed_secret=b"", kind=LTI, failures=0)
        session.add(platform)
        session.flush()
        session.add(
            LtiPlatform(
                platform_id=platform.id,
                issuer=ISSUER,
                client_id="c",
                authorization_url=f"{ISSUER}/auth",
                key_set_url=f"{ISSUER}/jwks",
            )
        )
        session.flush()
        session.add(LtiDeployment(platform_id=platform.id, deployment_id="1"))
        return platform.id


class Served:
    """A key set that may be away, and how often it was read."""

    def __init__(self, answer: Mapping[str, Any] | None) -> None:
        self.answer = answer
        self.count = 0

    def read(self, url: str) -> Mapping[str, Any]:
        self.count += 1
        if self.answer is None:
            raise KeySetUnread(words="no answer")
        return self.answer


def together(count: int, work: Callable[[], str]) -> list[str]:
    """What becomes of the same work, begun several times at one moment."""
    all_there, outcomes = threading.Barrier(count), []

    def run() -> None:
        all_there.wait()
        try:
            outcomes.append(work())
        except LaunchRefused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def a_launch(**changes: Any) -> Launch:
    values: dict[str, Any] = {
        "subject": "s",
        "deployment_id": "1",
        "message_type": RESOURCE_LINK_REQUEST,
        "target_link_uri": f"{BASE}/lti/launch",
        "expires_at": NOW + timedelta(minutes=5),
        "name": "",
        "roles": (),
        "context_id": "",
        "context_title": "",
        "resource_link_id": "link",
        "resource_link_title": "",
        "place": None,
        "scores": None,
        "memberships_url": None,
        "deep_linking": None,
        "locale": "",
        "return_url": None,
    }
    return Launch(**(values | changes))


def test_of_two_who_bring_the_same_state_at_once_one_is_taken(database: Database, platform_id: int) -> None:
    wanted = LoginRequest(ISSUER, "hint", f"{BASE}/lti/launch")
    with database.writing() as session:
        state = lti_launching.begin(session, wanted, BASE, NOW).state

    def take() -> str:
        database.transact(lambda session: lti_launching.take_login(session, state, NOW))
        return "taken"

    assert together(2, take) == ["lti_state_used", "taken"]


def test_a_nonce_serves_once_on_its_platform_for_longer_than_its_token_lives(
    database: Database, platform_id: int
) -> None:
    launch = a_launch(expires_at=NOW + timedelta(hours=24))

    def arrive() -> str:
        database.transact(lambda session: lti_launching.arrive(session, platform_id, launch, "nonce", NOW))
        return "arrived"

    assert together(2, arrive) == ["arrived", "lti_nonce_used"]
    while_it_lives = launch.expires_at + lti_launching.LEEWAY
    with database.writing() as session:
        lti_launching.forget_expired(session, while_it_lives)
    with database.writing() as session, pytest.raises(LaunchRefused) as refused:
        lti_launching.arrive(session, platform_id, launch, "nonce", while_it_lives)
    assert refused.value.code == "lti_nonce_used"


def test_many_who_need_a_new_key_at_once_wait_for_one_reading(database: Database, platform_id: int) -> None:
    key_sets = Served({"keys": [jwk("new", private_key("platform"))]})
    keys = PlatformKeys(database, key_sets)

    def find() -> str:
        keys.key(platform_id, "new", NOW)
        return "found"

    assert together(8, find) == ["found"] * 8
    assert key_sets.count == 1


def test_what_was_read_of_a_key_set_holds_while_the_platform_is_away(database: Database, platform_id: int) -> None:
    key_sets = Served({"keys": [jwk("k", private_key("platform"))]})
    keys = PlatformKeys(database, key_sets)
    keys.key(platform_id, "k", NOW)
    key_sets.answer = None

    keys.key(platform_id, "k", NOW + timedelta(days=2))

    assert key_sets.count == 2
    with pytest.raises(LaunchRefused) as refused:
        keys.key(platform_id, "another", NOW + timedelta(days=2))
    assert (refused.value.code, key_sets.count) == ("lti_kid_unknown", 3)


def test_a_key_the_platform_withdrew_is_believed_for_an_hour_at_most(database: Database, platform_id: int) -> None:
    key_sets = Served({"keys": [jwk("k", private_key("platform"))]})
    keys = PlatformKeys(database, key_sets)
    keys.key(platform_id, "k", NOW)
    key_sets.answer = {"keys": []}

    keys.key(platform_id, "k", NOW + timedelta(minutes=59))
    with pytest.raises(LaunchRefused):
        keys.key(platform_id, "k", NOW + timedelta(hours=1))


@pytest.mark.parametrize("answer", [{}, {"keys": {}}, {"keys": None}])
def test_what_is_no_key_set_changes_nothing(database: Database, platform_id: int, answer: dict[str, Any]) -> None:
    key_sets = Served({"keys": [jwk("k", private_key("platform"))]})
    keys = PlatformKeys(database, key_sets)
    keys.key(platform_id, "k", NOW)
    key_sets.answer = answer

    keys.key(platform_id, "k", NOW + timedelta(hours=2))


def test_nothing_but_public_rsa_keys_is_kept() -> None:
    kept = lti_key_sets.kept_of(
        {"keys": [jwk("k", private_key("platform"), d="private"), {"kty": "oct", "kid": "o", "k": "c2VjcmV0"}, 7]}
    )

    assert [sorted(key) for key in kept["keys"]] == [["alg", "e", "kid", "kty", "n", "use"]]


def test_a_subject_is_linked_once_even_by_two_at_once(database: Database, platform_id: int) -> None:
    with database.writing() as session:
        actors = [builders.actor_for(session, builders.make_user(session, login)) for login in ("one", "two")]
    waiting = list(actors)

    def link() -> str:
        actor = waiting.pop()
        try:
            database.transact(lambda session: lti_accounts.link(session, actor, platform_id, "s", NOW))
        except lti_accounts.Conflict as refusal:
            return refusal.code
        return "linked"

    assert together(2, link) == ["linked", "lti_subject_taken"]
    with database.writing() as session:
        owner = lti_accounts.person_at(session, platform_id, "s")
        assert owner in {actor.user_id for actor in actors}
        session.get_one(User, owner).is_active = False
        session.flush()
        with pytest.raises(LaunchRefused) as refused:
            lti_accounts.person_at(session, platform_id, "s")
    assert refused.value.code == "lti_account_suspended"
