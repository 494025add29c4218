"""Hand-overs: what is refused, and who comes with one that holds."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Conflict, NotAllowed, NotFound, Refusal
from lms_plugin.domain.handover import HandoverExpired, HandoverRefused, HandoverRepeated, Purpose
from lms_plugin.services import handover_keys, handovers
from lms_plugin.services.handovers import LinkedOtherwise, Suspended, UnknownLearner, Verified
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.storage.lti import LtiNonce, PlatformAccount
from lms_plugin.storage.outbox import LTI, Platform
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, make_region_tree, make_user
from tests.handing_over import ORIGIN, add_platform, claims_at, sign

SEAL = Seal("a secret key of a test, long enough to be one")
ANOTHER = "another secret, long enough to be one of a platform"


def verify(database: Database, token: str, purpose: Purpose = Purpose.OPEN) -> Verified:
    return database.transact(lambda store: handovers.verify(store, SEAL, token, purpose, NOW))


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def with_payload(token: str, **changes: object) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{part(claims | changes)}.{signature}"


def with_header(token: str, **changes: object) -> str:
    header, payload, signature = token.split(".")
    kept = json.loads(base64.urlsafe_b64decode(header + "=="))
    return f"{part(kept | changes)}.{payload}.{signature}"


def sound(secret: str, **changes: object) -> str:
    return sign(secret, claims_at(NOW, **changes))


Forge = Callable[[str], str]
LATE = {"iat": int((NOW - timedelta(hours=1)).timestamp()), "exp": int((NOW - timedelta(minutes=59)).timestamp())}
EARLY = {"iat": int((NOW + timedelta(hours=1)).timestamp()), "exp": int((NOW + timedelta(minutes=61)).timestamp())}
FORGED: dict[str, Forge] = {
    "nothing": lambda secret: "",
    "no token": lambda secret: "lmsp_forged",
    "three dots": lambda secret: "..",
    "not base64": lambda secret: "a.b.c",
    "alg none": lambda secret: f"{part({'alg': 'none', 'kid': 'openedx'})}.{part(claims_at(NOW))}.",
    "alg none, signed": lambda secret: with_header(sound(secret), alg="none"),
    "alg None": lambda secret: f"{part({'alg': 'None', 'kid': 'openedx'})}.{part(claims_at(NOW))}.",
    "alg HS512 with the right secret": lambda secret: sign(secret, claims_at(NOW), algorithm="HS512"),
    "another secret": lambda secret: sound(ANOTHER),
    "an empty secret": lambda secret: sign(" " * 32, claims_at(NOW)),
    "no signature": lambda secret: sound(secret).rpartition(".")[0] + ".",
    "a cut signature": lambda secret: sound(secret)[:-2],
    "no kid": lambda secret: sign(secret, claims_at(NOW), kid=None),
    "an unknown kid": lambda secret: sign(secret, claims_at(NOW), kid="moodle"),
    "another platform's kid": lambda secret: sign(secret, claims_at(NOW), kid="second"),
    "a kid that may not": lambda secret: sign(secret, claims_at(NOW), kid="silent"),
    "an LTI platform's kid": lambda secret: sign(secret, claims_at(NOW), kid="canvas"),
    "a kid with SQL": lambda secret: sign(secret, claims_at(NOW), kid="x' OR '1'='1"),
    "a key of the token's own": lambda secret: jwt.encode(
        claims_at(NOW), ANOTHER, headers={"kid": "openedx", "jwk": {"kty": "oct", "k": part(ANOTHER)}}
    ),
    "another module under the signature": lambda secret: with_payload(sound(secret), module_key="rural/teaching"),
    "another learner under the signature": lambda secret: with_payload(sound(secret), sub="1"),
    "another user name under the signature": lambda secret: with_payload(sound(secret), username="admin"),
    "a later end under the signature": lambda secret: with_payload(sound(secret, **LATE), exp=EARLY["exp"]),
    "too late": lambda secret: sound(secret, **LATE),
    "too early": lambda secret: sound(secret, **EARLY),
    "for a year": lambda secret: sound(secret, exp=int((NOW + timedelta(days=365)).timestamp())),
    "without an end": lambda secret: sound(secret, exp=None),
    "without a beginning": lambda secret: sound(secret, iat=None),
    "without a learner": lambda secret: sound(secret, sub=None),
    "without a jti": lambda secret: sound(secret, jti=None),
    "without a module": lambda secret: sound(secret, module_key=None),
    "for another purpose": lambda secret: sign(secret, claims_at(NOW, Purpose.STANDING)),
    "an origin that is none": lambda secret: sound(secret, frame_origins=["https://evil.example; default-src *"]),
    "very long": lambda secret: sound(secret, name="n" * 5000),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_what_is_forged_is_refused(database: Database, forge: Forge) -> None:
    secret = add_platform(database, SEAL)
    add_platform(database, SEAL, "second")
    add_platform(database, SEAL, "canvas", LTI)
    with database.writing() as session:
        session.add(Platform(key="silent", base_url=ORIGIN, client_id="worker", sealed_secret=b""))

    with pytest.raises(HandoverRefused):
        verify(database, forge(secret))

    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlatformAccount)) == 0


def test_one_that_comes_too_late_is_told_apart(database: Database) -> None:
    secret = add_platform(database, SEAL)

    with pytest.raises(HandoverExpired):
        verify(database, sound(secret, **LATE))


def test_each_serves_once(database: Database) -> None:
    secret = add_platform(database, SEAL)
    token = sound(secret)
    verify(database, token)

    with pytest.raises(HandoverRepeated):
        verify(database, token)


def test_a_jti_serves_each_platform_and_is_forgotten_when_nothing_can_bear_it_any_more(database: Database) -> None:
    first, second = add_platform(database, SEAL), add_platform(database, SEAL, "second")
    verify(database, sound(first, jti="one and the same jti"))
    verify(database, sign(second, claims_at(NOW, jti="one and the same jti"), kid="second"))

    later = NOW + timedelta(hours=1)
    database.transact(lambda store: handovers.verify(store, SEAL, sign(first, claims_at(later)), Purpose.OPEN, later))
    with database.reading() as session:
        kept = session.scalars(select(LtiNonce.expires_at).where(LtiNonce.expires_at <= later)).all()
    assert len(kept) == 1, "the other platform's is its own to forget"


def test_a_paused_platform_hands_over_all_the_same(database: Database) -> None:
    secret = add_platform(database, SEAL)
    with database.writing() as session:
        session.scalars(select(Platform)).one().is_paused = True

    assert verify(database, sound(secret)).handover.subject == "42"


def test_its_pages_and_those_it_names_may_show_ours(database: Database) -> None:
    secret = add_platform(database, SEAL)
    named = ["https://apps.lms.example.org", "http://plain.example.org"]

    verified = verify(database, sound(secret, frame_origins=named))

    assert verified.frame_origins == (ORIGIN, "https://apps.lms.example.org")


class TestWhoComes:
    def learner(self, database: Database, token: str) -> int:
        verified = verify(database, token)
        return database.transact(lambda store: handovers.learner_of(store, verified, NOW).id)

    def test_the_user_name_that_the_server_vouches_for_links_once_and_for_good(self, database: Database) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            user = make_user(session, "teacher", lms_username="wang.li")
            user_id = user.id
        assert self.learner(database, sound(secret)) == user_id
        with database.writing() as session:
            linked = session.scalars(select(PlatformAccount)).one()
            assert (linked.subject, linked.user_id, linked.origin) == ("42", user_id, "launch")

        # The account there was renamed: the person stays who they are.
        assert self.learner(database, sound(secret, username="li.wang")) == user_id

    @pytest.mark.parametrize("username", ["nobody", "", "Wang.li", "teacher", "wang@example.org", "王丽"])
    def test_neither_name_nor_login_nor_e_mail_link_anybody(self, database: Database, username: str) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            make_user(session, "teacher", name="王丽", lms_username="wang.li", email="wang@example.org")
        verified = verify(database, sound(secret, username=username, email="wang@example.org"))

        with pytest.raises(UnknownLearner):
            database.transact(lambda store: handovers.learner_of(store, verified, NOW))

    def test_two_with_one_user_name_are_nobody(self, database: Database) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            make_user(session, "teacher", lms_username="wang.li")
            make_user(session, "mate", lms_username="wang.li")

        with pytest.raises(UnknownLearner):
            self.learner(database, sound(secret))

    def test_another_account_there_cannot_take_a_linked_learner_over(self, database: Database) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            make_user(session, "teacher", lms_username="wang.li")
        self.learner(database, sound(secret))

        with pytest.raises(LinkedOtherwise):
            self.learner(database, sound(secret, sub="43"))

    @pytest.mark.parametrize("is_linked", [False, True])
    def test_who_is_suspended_stays_out(self, database: Database, is_linked: bool) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            user = make_user(session, "teacher", lms_username="wang.li")
        if is_linked:
            self.learner(database, sound(secret))
        with database.writing() as session:
            session.merge(user).is_active = False

        with pytest.raises(Suspended):
            self.learner(database, sound(secret))


class TestTheSecret:
    def test_it_is_kept_sealed_and_a_new_one_ends_the_old_one(self, database: Database) -> None:
        first = add_platform(database, SEAL)
        with database.writing() as session:
            second = handover_keys.draw(session, CONSOLE, SEAL, "openedx")
            kept = session.scalars(select(Platform)).one().sealed_handover_secret
        assert kept is not None
        assert second.encode() not in kept
        with pytest.raises(HandoverRefused):
            verify(database, sound(first))
        assert verify(database, sound(second)).handover.subject == "42"

    def test_without_one_nobody_comes_in(self, database: Database) -> None:
        secret = add_platform(database, SEAL)
        with database.writing() as session:
            handover_keys.revoke(session, CONSOLE, "openedx")

        with pytest.raises(HandoverRefused):
            verify(database, sound(secret))

    def test_only_the_whole_office_may_draw_one(self, database: Database) -> None:
        add_platform(database, SEAL)
        with database.writing() as session:
            county = make_user(session, "county", "office", scope=make_region_tree(session).county)
            with pytest.raises(NotAllowed):
                handover_keys.draw(session, actor_for(session, county), SEAL, "openedx")

    @pytest.mark.parametrize(("key", "refusal"), [("nobody", NotFound), ("canvas", Conflict)])
    def test_only_platforms_that_use_one_get_one(self, database: Database, key: str, refusal: type[Refusal]) -> None:
        add_platform(database, SEAL, "canvas", LTI)
        with database.writing() as session, pytest.raises(refusal):
            handover_keys.draw(session, CONSOLE, SEAL, key)
