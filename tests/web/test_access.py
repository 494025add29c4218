"""Every address with every kind of person. An address without a row here fails: what is not allowed is denied."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.web.stage import LONG_POST, Stage

PEOPLE = (None, "teacher", "mate", "stranger", "tutor", "other-tutor", "county", "far", "admin")
ENTRY = {"title": "t", "body": LONG_POST}
JSON_ENTRY = {"title": "t", "body": LONG_POST}

# method, endpoint: the answer to nobody, the teacher whose things they are, a classmate, a learner of another group,
# the group's tutor, another group's tutor, the teacher's county office, a far county's office, the whole office.
PAGES = {
    ("GET", "static"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "health.healthz"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "health.readyz"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "prometheus_metrics"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "openapi.spec"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.api_docs"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.login"): (200, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.login"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("POST", "pages.logout"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.language"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("GET", "pages.media"): (200, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.home"): (302, 200, 200, 200, 302, 302, 302, 302, 302),
    ("GET", "pages.programme"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.hours"): (302, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "pages.module"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.module"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.thread"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.thread"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.preview"): (200, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "pages.tutor"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.tutor_module"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "pages.tutor_module"): (401, 403, 403, 403, 303, 303, 403, 403, 403),
    ("GET", "pages.tutor_thread"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.tutor_thread"): (401, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.office"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.deliveries"): (302, 403, 403, 403, 403, 403, 403, 403, 200),
    ("POST", "pages.retry"): (302, 403, 403, 403, 403, 403, 403, 403, 303),
    ("POST", "pages.retry_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 303),
}
API = {
    ("POST", "api.create_token"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("DELETE", "api.end_token"): (401, 204, 204, 204, 204, 204, 204, 204, 204),
    ("GET", "api.me"): (401, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "api.mine"): (401, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "api.hours_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "api.ledger_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "api.open_session"): (401, 201, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.take_beat"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "api.threads_of"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("POST", "api.start_thread"): (401, 201, 201, 201, 201, 201, 404, 404, 404),
    ("POST", "api.preview"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "api.posts_of"): (401, 200, 200, 404, 200, 404, 404, 404, 404),
    ("POST", "api.reply"): (401, 201, 201, 404, 201, 404, 404, 404, 404),
    ("GET", "api.completions"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "api.deliveries"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
}
FORMS = {
    "pages.login": {"login": "teacher", "password": "wrong"},
    "pages.language": {"language": "zh", "next": "/"},
    "pages.module": ENTRY,
    "pages.thread": ENTRY,
    "pages.preview": ENTRY,
    "pages.tutor_module": ENTRY,
    "pages.tutor_thread": ENTRY,
}
BODIES = {
    "api.create_token": {"login": "teacher", "password": "wrong"},
    "api.start_thread": JSON_ENTRY,
    "api.preview": JSON_ENTRY,
    "api.reply": JSON_ENTRY,
    "api.take_beat": {"seq": 1, "segments": []},
}


def rules(stage: Stage) -> Iterator[tuple[str, Rule]]:
    for rule in stage.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


def test_every_address_has_a_row(stage: Stage) -> None:
    assert {(method, rule.endpoint) for method, rule in rules(stage)} == PAGES.keys() | API.keys()


def address_of(stage: Stage, rule: Rule) -> str:
    values: dict[str, object] = {
        "enrolment_id": stage.enrolment_id,
        "module_id": stage.module_id,
        "thread_id": stage.thread_id,
        "video_id": stage.video_id,
        "report_id": stage.report_id,
        "platform_key": "openedx",
        "playback_session_id": stage.playback_session_id,
        "filename": "css/app.css",
    }
    if rule.endpoint == "pages.media":
        return stage.film_address("master.m3u8")
    with stage.app.test_request_context():
        built = rule.build({name: values[name] for name in rule.arguments})
    assert built is not None
    return built[1]


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_is_theirs_and_no_more(stage: Stage, person: str | None) -> None:
    column = PEOPLE.index(person)
    answers, expected = {}, {}
    for method, rule in rules(stage):
        key = (method, rule.endpoint)
        # A browser each: signing out on one address must not sign out the next.
        browser = stage.browser(person)
        address = address_of(stage, rule)
        if rule.endpoint.startswith("api."):
            body = BODIES.get(rule.endpoint)
            if rule.endpoint == "api.open_session":
                body = {"enrolment_id": stage.enrolment_id}
            answer = browser.call(method, address, body)
        elif method == "POST":
            answer = browser.post(address, **FORMS.get(rule.endpoint, {}))
        else:
            answer = browser.get(address)
        answers[key] = answer.status_code
        expected[key] = (PAGES | API)[key][column]
    assert answers == expected


def test_an_address_holds_together_or_leads_nowhere(stage: Stage) -> None:
    teacher = stage.browser("teacher")

    for address in (
        f"/enrolments/{stage.enrolment_id}/modules/999999",
        f"/enrolments/{stage.enrolment_id}/threads/999999",
        f"/enrolments/999999/threads/{stage.thread_id}",
        "/enrolments/99999999999999999999999",
        f"/enrolments/{stage.enrolment_id}/hours/more",
        "/office?region=no-such",
    ):
        assert teacher.get(address).status_code in (403, 404), address


def test_a_regional_office_sees_its_own_learners_only(stage: Stage) -> None:
    county, far = (stage.browser(name).get("/office?group_by=learner").text for name in ("county", "far"))

    assert "王丽" in county
    assert "陈静" not in county
    assert "陈静" in far
    assert "王丽" not in far
    assert stage.browser("county").get("/office?region=621202").status_code == 404


def test_nothing_is_changed_without_a_token_of_the_page(stage: Stage) -> None:
    for method, rule in rules(stage):
        if method == "GET" or not rule.endpoint.startswith("pages.") or rule.endpoint == "pages.preview":
            continue
        answer = stage.browser("admin").client.post(address_of(stage, rule), data=ENTRY)
        assert answer.status_code == 400, rule.endpoint
