"""The author's choice: what waits for it, what of ours can be chosen, and what the platform gets."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import jwt
import pytest
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Text
from lms_plugin.services import lti_catalogue, lti_deep_linking
from lms_plugin.services.lti_deep_linking import PICKING_LIFE, DeepLinkingRequest
from lms_plugin.services.markup import plain_beginning
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW, make_user
from tests.services.test_lti_platforms import MOODLE, register

KEY = "a key of the tests, which is long enough"
RETURN_URL = "https://moodle.example.org/mod/lti/contentitem_return.php?course=2"
LAUNCH = "https://hours.example.org/lti/launch"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"


def sign(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, KEY, algorithm="HS256")


def read(token: str) -> dict[str, Any]:
    return jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_aud": False})


def asked(session: Session, **parts: Any) -> DeepLinkingRequest:
    platform = register(session)
    sound = DeepLinkingRequest(
        platform_id=platform.platform_id, deployment_id="1", return_url=RETURN_URL, accept_types=("ltiResourceLink",)
    )
    return replace(sound, **parts)


def publish(session: Session) -> None:
    programme = builders.make_programme()
    module = replace(programme.modules[0], summary=Text("先**估**，\n\n再量。", "First *guess*, then measure."))
    builders.publish(session, replace(programme, modules=(module, *programme.modules[1:])))


def answer(session: Session, secret: str, *keys: str, language: str = "en") -> lti_deep_linking.Answer:
    return lti_deep_linking.answer(session, secret, keys, language=language, launch_url=LAUNCH, sign=sign, now=NOW)


def keys_in(session: Session, words: str) -> list[str]:
    return [
        one.key for shelf in lti_catalogue.shelves(session, NOW, words) for one in (shelf.programme, *shelf.modules)
    ]


class TestTheRequest:
    def test_it_waits_under_a_secret_that_is_not_kept(self, database: Database) -> None:
        with database.writing() as session:
            secret = lti_deep_linking.begin(session, asked(session, accept_multiple=True, locale="en_US"), NOW)
            picking = lti_deep_linking.waiting(session, secret, NOW)
            assert (picking.platform_key, picking.accept_multiple, picking.locale) == ("moodle", True, "en_US")
            assert picking.frame_origins == ("https://moodle.example.org",)
            with pytest.raises(NotFound):
                lti_deep_linking.waiting(session, secret + "x", NOW)

    def test_it_waits_two_hours(self, database: Database) -> None:
        with database.writing() as session:
            secret = lti_deep_linking.begin(session, asked(session), NOW)
            with pytest.raises(Conflict, match="picking_expired"):
                lti_deep_linking.waiting(session, secret, NOW + PICKING_LIFE)

    def test_a_closed_account_chooses_nothing(self, database: Database) -> None:
        with database.writing() as session:
            user = make_user(session, "author", "tutor")
            secret = lti_deep_linking.begin(session, asked(session, user_id=user.id), NOW)
            assert lti_deep_linking.waiting(session, secret, NOW).platform_key == "moodle"
            session.get_one(User, user.id).is_active = False
            with pytest.raises(NotFound):
                lti_deep_linking.waiting(session, secret, NOW)

    @pytest.mark.parametrize(
        "return_url",
        [
            "http://elsewhere.example.org/return",
            "javascript:alert(1)",
            "data:text/html,x",
            "//elsewhere.example.org",
            "https:\\\\elsewhere.example.org",
            "https://a;script-src *.example.org/",
            "",
            "https://moodle.example.org/" + "x" * 4000,
        ],
    )
    def test_the_answer_goes_to_a_safe_address_only(self, database: Database, return_url: str) -> None:
        with database.writing() as session, pytest.raises(Malformed) as refused:
            lti_deep_linking.begin(session, asked(session, return_url=return_url), NOW)
        assert refused.value.code == "deep_linking_return_refused"

    def test_another_https_host_is_named_to_the_browser(self, database: Database) -> None:
        with database.writing() as session:
            request = asked(session, return_url="https://school.example.org/back")
            secret = lti_deep_linking.begin(session, request, NOW)
            origins = lti_deep_linking.waiting(session, secret, NOW).frame_origins
        assert origins == ("https://moodle.example.org", "https://school.example.org")

    def test_a_platform_that_wants_no_links_gets_none(self, database: Database) -> None:
        with database.writing() as session, pytest.raises(Malformed) as refused:
            lti_deep_linking.begin(session, asked(session, accept_types=("file", "html")), NOW)
        assert refused.value.code == "deep_linking_takes_no_links"


class TestTheCatalogue:
    def test_a_programme_comes_with_its_modules_or_with_those_that_fit(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            everything = keys_in(session, "")
            programme, *modules = everything
            shelf = lti_catalogue.shelves(session, NOW)[0]
            first = shelf.modules[0]
            assert modules == [f"{programme}/{one.module_key}" for one in shelf.modules]
            assert keys_in(session, shelf.programme.title.zh) == everything
            assert keys_in(session, f"  {first.title.en.upper()} ") == [programme, first.key]
            assert keys_in(session, f"{shelf.programme.title.en} guess") == [programme, first.key]
            assert keys_in(session, "no such thing") == []

    def test_a_preview_says_hours_length_and_how_it_begins(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            shelf = lti_catalogue.shelves(session, NOW)[0]
            module = shelf.modules[0]
        assert module.beginning == Text("先估， 再量。", "First guess, then measure.")
        assert module.film_ms > 0
        assert module.required_class_hours is not None
        assert 0 < module.required_class_hours <= Decimal(module.film_ms) / 60_000
        assert shelf.programme.film_ms == sum(one.film_ms for one in shelf.modules)

    def test_a_beginning_is_cut_and_has_no_marks(self) -> None:
        assert plain_beginning("# A\n\n- *b* & <i>c</i>", 100) == "A b & <i>c</i>"
        assert plain_beginning("a" * 50, 10) == "a" * 9 + "…"


class TestTheAnswer:
    def test_a_link_carries_what_it_shows_and_the_line_item_of_its_hours(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            shelf = lti_catalogue.shelves(session, NOW)[0]
            module = shelf.modules[0]
            request = asked(session, accept_multiple=True, data="csrf:1")
            secret = lti_deep_linking.begin(session, request, NOW)
            found = answer(session, secret, module.key, shelf.programme.key)
        claims = read(found.jwt)
        assert (found.return_url, found.count) == (RETURN_URL, 2)
        assert (claims["iss"], claims["aud"], claims[f"{DL}data"]) == (MOODLE.client_id, MOODLE.issuer, "csrf:1")
        assert claims["exp"] - claims["iat"] == 300
        whole, one = claims[f"{DL}content_items"]
        assert module.required_class_hours is not None
        assert one == {
            "type": "ltiResourceLink",
            "url": LAUNCH,
            "title": module.title.en,
            "text": "First guess, then measure.",
            "custom": {"programme": shelf.programme.key, "module": module.module_key},
            "lineItem": {
                "scoreMaximum": float(module.required_class_hours),
                "label": module.title.en,
                "resourceId": module.key,
            },
        }
        assert whole["custom"] == {"programme": shelf.programme.key}
        assert whole["lineItem"]["scoreMaximum"] == float(builders.make_programme().total_class_hours)

    def test_a_platform_that_takes_no_line_items_gets_none(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            secret = lti_deep_linking.begin(session, asked(session, accept_line_item=False), NOW)
            key = keys_in(session, "")[0]
            claims = read(answer(session, secret, key, language="zh").jwt)
        assert "lineItem" not in claims[f"{DL}content_items"][0]
        assert f"{DL}data" not in claims

    def test_it_is_answered_once(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            secret = lti_deep_linking.begin(session, asked(session), NOW)
            answer(session, secret)
            with pytest.raises(Conflict, match="picking_answered"):
                answer(session, secret)
            with pytest.raises(Conflict, match="picking_answered"):
                lti_deep_linking.waiting(session, secret, NOW)

    def test_what_cannot_be_chosen_leaves_the_request_waiting(self, database: Database) -> None:
        with database.writing() as session:
            publish(session)
            request = asked(session)
            secret = lti_deep_linking.begin(session, request, NOW)
            keys = keys_in(session, "")
            for wrong, code in [(keys[:2], "picking_takes_one"), (["rural/none"], "picking_unknown")]:
                with pytest.raises(Malformed) as refused:
                    answer(session, secret, *wrong)
                assert refused.value.code == code
            several = lti_deep_linking.begin(session, replace(request, accept_multiple=True), NOW)
            with pytest.raises(Malformed, match="picking_too_many"):
                answer(session, several, *(f"x/{number}" for number in range(51)))
            assert answer(session, secret, keys[0], keys[0]).count == 1

    def test_old_requests_are_swept(self, database: Database) -> None:
        with database.writing() as session:
            request = asked(session)
            secret = lti_deep_linking.begin(session, request, NOW)
            lti_deep_linking.begin(session, request, NOW + PICKING_LIFE + timedelta(seconds=1))
            with pytest.raises(NotFound):
                lti_deep_linking.waiting(session, secret, NOW)
