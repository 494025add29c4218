"""What holds for every call: sign-in, problems, CSRF, headers, the description."""

import re

import pytest
from flask.testing import FlaskClient

from lms_plugin.api.blueprint import ROUTES
from lms_plugin.api.description import Route
from lms_plugin.services import sign_in
from tests.api.conftest import Stage

PASSWORD = "a password for the tests"


def set_password(stage: Stage, login: str) -> None:
    database = stage.app.extensions["lms_plugin"].database
    with database.writing() as session:
        sign_in.set_password(session, stage.users[login], PASSWORD)


def address(rule: str) -> str:
    return "/api/v1" + re.sub(r"<[^>]+>", "1", rule)


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.is_open], ids=lambda route: route.rule)
def test_nothing_is_answered_to_nobody(stage: Stage, route: Route) -> None:
    for client in (stage.client(None), _with_token(stage, "lmsp_forged")):
        answer = client.open(address(route.rule), method=route.method, json={})
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.json["code"] == "not_authenticated"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def _with_token(stage: Stage, token: str) -> FlaskClient:
    client = stage.client(None)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_a_token_is_for_login_and_password_and_can_be_ended(stage: Stage) -> None:
    set_password(stage, "teacher")
    client = stage.client(None)
    made = client.post("/api/v1/tokens", json={"login": "teacher", "password": PASSWORD})
    assert made.status_code == 201
    signed_in = _with_token(stage, made.json["token"])
    me = signed_in.get("/api/v1/me").json
    assert (me["login"], me["name"], me["roles"], me["regions"]) == ("teacher", "王丽", ["learner"], [])
    assert signed_in.delete("/api/v1/tokens/current").status_code == 204
    assert signed_in.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("login", "password"),
    [("teacher", "wrong password"), ("nobody", PASSWORD), ("mate", PASSWORD)],
    ids=["wrong", "unknown", "none set"],
)
def test_a_wrong_login_gets_one_answer_whatever_is_wrong(stage: Stage, login: str, password: str) -> None:
    set_password(stage, "teacher")
    answer = stage.client(None).post("/api/v1/tokens", json={"login": login, "password": password})
    assert (answer.status_code, answer.json["code"]) == (401, "wrong_login")
    assert answer.json["detail"] == "The account and password do not match. Please check both."


def test_a_token_ends_with_time_and_with_a_new_password(stage: Stage) -> None:
    assert stage.client("teacher").get("/api/v1/me").status_code == 200
    set_password(stage, "teacher")
    assert stage.client("teacher").get("/api/v1/me").status_code == 401
    stage.clock.forward(31 * 86400)
    assert stage.client("mate").get("/api/v1/me").status_code == 401


def test_a_county_admin_is_told_the_county(stage: Stage) -> None:
    regions = stage.client("county").get("/api/v1/me").json["regions"]
    assert [(region["role"], region["name"]) for region in regions] == [("office", "五华区")]


def test_a_cookie_alone_may_not_write(stage: Stage) -> None:
    client = stage.client(None)
    with client.session_transaction() as kept:
        kept["_user_id"] = f"{stage.users['teacher']}.0"
        kept["_fresh"] = True
    assert client.get("/api/v1/me").status_code == 200
    answer = client.post(
        f"/api/v1/videos/{stage.video_id}/playback-sessions", json={"enrolment_id": stage.enrolment_id}
    )
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_what_is_no_json_is_refused_as_such(stage: Stage) -> None:
    answer = stage.client("teacher").post(f"/api/v1/videos/{stage.video_id}/playback-sessions", data=b"{")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")


def test_a_wrong_shape_names_every_field(stage: Stage) -> None:
    answer = stage.client(None).post("/api/v1/tokens", json={"password": 7})
    assert answer.status_code == 422
    assert sorted(fault["field"] for fault in answer.json["faults"]) == ["login", "password"]


def test_an_address_that_is_not_there_is_a_problem_too(stage: Stage) -> None:
    for method, path, status in (("GET", "/api/v1/nothing", 404), ("PUT", "/api/v1/me", 405)):
        answer = stage.client("teacher").open(path, method=method)
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"


def test_sentences_come_in_the_language_that_is_asked_for(stage: Stage) -> None:
    client = stage.client(None)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-CN,zh;q=0.9,en;q=0.5"
    chinese = client.get("/api/v1/me").json["detail"]
    assert re.search(r"[\u4e00-\u9fff]", chinese)


def test_the_description_names_every_call_with_its_shapes(stage: Stage) -> None:
    described = stage.client(None).get("/api/v1/openapi.json").json
    calls = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert calls == {(route.method, _template(route.rule)) for route in ROUTES}
    for route in ROUTES:
        call = described["paths"][_template(route.rule)][route.method.lower()]
        assert call["summary"], route.rule
        assert ("requestBody" in call) == (route.body is not None)
    assert "from" in described["components"]["schemas"]["StretchAnswer"]["properties"]


def _template(rule: str) -> str:
    return "/api/v1" + re.sub(r"<(?:id:)?([^>]+)>", r"{\1}", rule)


def test_every_answer_has_the_headers_that_guard_it(stage: Stage) -> None:
    for path in ("/api/v1/me", "/healthz", "/login", "/static/css/app.css"):
        with stage.client("teacher").get(path) as answer:
            headers = answer.headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_ready_means_database_and_schema(stage: Stage) -> None:
    client = stage.client(None)
    assert client.get("/healthz").json == {"status": "up"}
    assert client.get("/readyz").json == {"status": "ready", "database": "reachable", "migrations": "current"}
    database = stage.app.extensions["lms_plugin"].database
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET",  f"/api/v1/enrolments/{2**63}/hours",        None,                    404),
        ("GET",  f"/api/v1/threads/{10**40}/posts",          None,                    404),
        ("GET",  f"/api/v1/enrolments/1/ledger?after={2**63}", None,                  422),
        ("POST", "/api/v1/videos/1/playback-sessions",       {"enrolment_id": 2**63}, 422),
        ("POST", "/api/v1/videos/1/playback-sessions",       {"enrolment_id": -1},    422),
    ],
)  # fmt: skip
def test_numbers_no_store_can_hold_are_refused(stage: Stage, method: str, path: str, body: object, status: int) -> None:
    assert stage.client("teacher").open(path, method=method, json=body).status_code == status
