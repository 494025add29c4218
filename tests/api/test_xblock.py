"""What the XBlock's server asks: how a learner stands, and which modules there are."""

import pytest
from flask.testing import FlaskClient

from lms_plugin.domain.handover import Purpose
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.people import User
from tests.api.conftest import Stage
from tests.handing_over import add_platform, claims_at, sign

STANDING, MODULES = "/api/v1/xblock/standing", "/api/v1/xblock/modules"


@pytest.fixture
def secret(stage: Stage) -> str:
    shared = stage.app.extensions["lms_plugin"]
    seal: Seal = shared.seal
    with shared.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).lms_username = "wang.li"
    return add_platform(shared.database, seal)


def asking(stage: Stage, secret: str, purpose: Purpose, **changes: object) -> FlaskClient:
    client = stage.app.test_client()
    token = sign(secret, claims_at(stage.clock.now, purpose, **changes))
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_the_standing_is_that_of_this_moment(stage: Stage, secret: str) -> None:
    answer = asking(stage, secret, Purpose.STANDING).get(STANDING)

    assert answer.status_code == 200
    assert answer.json["key"] == "rural/reading"
    assert answer.json["title"] == "Understanding pupils"
    assert answer.json["programme"] == {"key": "rural", "title": "Remote training of rural teachers"}
    assert answer.json["film"]["duration_seconds"] == 1200
    assert answer.json["hours"]["required_class_hours"] == 3
    assert answer.json["complete"] is False
    assert answer.json["missing"]
    assert 0 <= answer.json["ratio"] < 1
    assert asking(stage, secret, Purpose.STANDING, locale="zh").get(STANDING).json["title"] == "读懂学生"


def test_each_call_serves_once(stage: Stage, secret: str) -> None:
    client = asking(stage, secret, Purpose.STANDING)
    assert client.get(STANDING).status_code == 200

    again = client.get(STANDING)

    assert (again.status_code, again.json["code"]) == (403, "handover_repeated")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"username": "nobody", "sub": "7"}, 403, "handover_unknown_learner"),
        ({"module_key": "rural/nothing"}, 404, "not_found"),
        ({"aud": Purpose.OPEN}, 403, "handover_refused"),
        ({"aud": Purpose.MODULES}, 403, "handover_refused"),
        ({"sub": None}, 403, "handover_refused"),
    ],
)
def test_a_standing_is_for_whom_the_server_vouches(
    stage: Stage, secret: str, changes: dict[str, object], status: int, code: str
) -> None:
    answer = asking(stage, secret, Purpose.STANDING, **changes).get(STANDING)

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_modules_are_found_by_words_of_both_languages_and_by_key(stage: Stage, secret: str) -> None:
    def found(words: str) -> list[str]:
        client = asking(stage, secret, Purpose.MODULES, sub=None, username=None, module_key=None)
        return [one["key"] for one in client.get(MODULES, query_string={"q": words}).json["modules"]]

    assert found("") == ["rural/reading", "rural/teaching"]
    assert found("学生") == ["rural/reading"]
    assert found("rural WELL") == ["rural/teaching"]
    assert found("nothing") == []


def test_a_signed_in_person_is_no_server(stage: Stage, secret: str) -> None:
    assert stage.client("teacher").get(STANDING).status_code == 401
    assert asking(stage, secret, Purpose.STANDING).get(MODULES).status_code == 403
