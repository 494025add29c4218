"""The way in from a course page: the post of a hand-over, the frame, a window of one's own, and whoever is refused."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from lms_plugin.services.platforms import Seal
from lms_plugin.storage.lti import PlatformAccount
from lms_plugin.storage.people import User
from tests.handing_over import ORIGIN, add_platform, claims_at, sign
from tests.services.test_handovers import FORGED
from tests.web.stage import Browser, Stage

ELSEWHERE = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}


@dataclass
class Course:
    """A course page of an LMS whose learner is the teacher of the stage."""

    stage: Stage
    secret: str

    def token(self, **changes: object) -> str:
        return sign(self.secret, claims_at(self.stage.clock.now, **changes))

    def post(self, browser: Browser, token: str | None = None, **changes: object) -> TestResponse:
        return browser.client.post(
            "/xblock/open", data={"token": token or self.token(**changes)}, headers=ELSEWHERE, buffered=True
        )


@pytest.fixture
def course(stage: Stage) -> Course:
    seal: Seal = stage.app.extensions["lms_plugin"].seal
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).lms_username = "wang.li"
        session.get_one(User, stage.users["admin"]).lms_username = "office"
    return Course(stage, add_platform(stage.database, seal))


def ancestors(answer: TestResponse) -> str:
    return answer.headers["Content-Security-Policy"].partition("frame-ancestors ")[2]


def test_where_cookies_are_kept_the_module_is_shown_in_the_frame(course: Course) -> None:
    browser = course.stage.browser()
    answer = course.post(browser, frame_origins=["https://apps.lms.example.org"])
    assert answer.status_code == 303
    shown = browser.client.get(answer.location, buffered=True)

    assert (shown.status_code, shown.location) == (303, course.stage.module_address)
    module = browser.get(shown.location)
    assert module.status_code == 200
    assert ancestors(module) == f"'self' {ORIGIN} https://apps.lms.example.org"
    assert ancestors(browser.get("/notices")) == ancestors(module)
    assert browser.client.post("/logout", data={"csrf_token": browser.token()}).status_code == 302
    assert ancestors(browser.get("/login")) == "'self'"


def test_where_cookies_are_kept_away_a_window_of_its_own_is_offered(course: Course) -> None:
    answer = course.post(course.stage.browser())
    elsewhere = course.stage.browser()
    page = elsewhere.get(answer.location)

    assert page.status_code == 200
    assert "Open the module in a window of its own" in page.text
    assert 'href="/continue?ticket=' in page.text
    assert ancestors(page) == f"'self' {ORIGIN}"
    assert elsewhere.get("/notices").status_code == 302, "nobody is signed in by that"


def test_what_the_course_page_says_is_in_its_learners_language(course: Course) -> None:
    answer = course.post(course.stage.browser(), locale="zh-cn")
    assert "请在新窗口中打开学习单元" in course.stage.browser().get(answer.location).text

    refused = course.post(course.stage.browser(), locale="zh-cn", sub="77", username="nobody")
    assert "怎样对应账号" in refused.text
    assert "nobody" in refused.text


def test_nobody_becomes_somebody_else_without_being_asked(course: Course) -> None:
    browser = course.stage.browser("mate")
    address = course.post(browser).location
    asked = browser.get(address)
    assert "In this browser 张小梅 is signed in" in asked.text
    assert "Stay signed in as 张小梅" in asked.text
    assert "Study as 王丽" in asked.text
    assert browser.get(course.stage.module_address).status_code == 404, "still the mate"

    way = address.partition("way=")[2]
    assert browser.client.post("/xblock/continue", data={"way": way}).status_code == 400, "a page of ours must send it"
    assert browser.post("/xblock/continue", way=way).location == course.stage.module_address
    assert browser.get(course.stage.module_address).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_nobody_is_signed_in_by_a_foreign_page_without_being_asked(course: Course, origin: str | None) -> None:
    browser = course.stage.browser()
    headers = {} if origin is None else {"Origin": origin}
    posted = browser.client.post("/xblock/open", data={"token": course.token()}, headers=headers)
    asked = browser.get(posted.location)

    assert (asked.status_code, "Study as 王丽" in asked.text) == (200, True)
    assert "Stay signed in" not in asked.text
    assert browser.get("/notices").location.startswith("/login")
    way = posted.location.partition("way=")[2]
    assert browser.post("/xblock/continue", way=way).location == course.stage.module_address


def test_a_way_in_that_another_browser_was_given_asks(course: Course) -> None:
    attacker, victim = course.stage.browser(), course.stage.browser()
    address = course.post(attacker).location
    victim.client.post("/xblock/open", data={"token": course.token()}, headers={"Origin": "https://evil.example"})

    assert "Study as 王丽" in victim.get(address).text
    assert victim.get("/notices").location.startswith("/login")


def test_whoever_is_signed_in_already_is_not_asked_who_they_are(course: Course) -> None:
    browser = course.stage.browser("teacher")
    headers = {"Origin": "https://evil.example"}
    posted = browser.client.post("/xblock/open", data={"token": course.token()}, headers=headers)
    assert browser.get(posted.location).location == course.stage.module_address


def test_a_way_in_serves_once_and_two_minutes(course: Course) -> None:
    browser = course.stage.browser()
    address = course.post(browser).location
    assert browser.get(address).status_code == 303
    browser.post("/logout")
    assert browser.get(address).status_code == 403
    assert browser.get("/xblock/open").status_code == 403
    assert browser.get("/xblock/open?way=made-up").status_code == 403

    again = course.post(browser).location
    course.stage.clock.forward(121)
    assert browser.get(again).status_code == 403


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_what_is_forged_gets_one_clear_page_and_nobody_in(course: Course, forge: object) -> None:
    token = forge(course.secret) if callable(forge) else ""
    browser = course.stage.browser()
    answer = course.post(browser, token or "-")

    assert answer.status_code == 403
    assert "The module could not be opened" in answer.text
    assert "Set-Cookie" not in answer.headers or "lms_plugin_frame" not in answer.headers["Set-Cookie"]
    assert browser.get("/notices").status_code == 302
    with course.stage.database.reading() as session:
        assert session.scalars(select(PlatformAccount)).all() == []


def test_the_same_hand_over_twice_is_refused(course: Course) -> None:
    token = course.token()
    assert course.post(course.stage.browser(), token).status_code == 303
    again = course.post(course.stage.browser(), token)
    assert (again.status_code, "was used already" in again.text) == (403, True)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"username": "nobody"}, 403, "How to be linked"),
        ({"username": "office", "sub": "1"}, 403, "You are not enrolled"),
        ({"module_key": "rural/nothing"}, 404, "There is nothing at this address"),
        ({"module_key": "nothing/reading"}, 404, "There is nothing at this address"),
    ],
)
def test_whoever_cannot_be_let_in_reads_why_in_the_frame(
    course: Course, changes: dict[str, object], status: int, words: str
) -> None:
    answer = course.post(course.stage.browser(), **changes)

    assert answer.status_code == status
    assert words in answer.text
    assert ancestors(answer) == f"'self' {ORIGIN}"


def test_a_secret_sealed_with_another_key_of_the_service_is_said_to_be_so(course: Course) -> None:
    secret = add_platform(course.stage.database, Seal("what was the service's secret key before"), "older")
    token = sign(secret, claims_at(course.stage.clock.now), kid="older")

    answer = course.post(course.stage.browser(), token)

    assert (answer.status_code, "Please draw a new one" in answer.text) == (409, True)
