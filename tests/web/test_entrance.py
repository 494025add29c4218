"""Signing in and out, throttling, where one goes afterwards, and the language."""

import pytest

from lms_plugin.http.media_address import LIFETIME_SECONDS
from lms_plugin.services import sign_in
from tests.web.stage import LONG_POST, PASSWORD, Stage


def test_the_right_password_opens_the_page_one_was_going_to(stage: Stage) -> None:
    browser = stage.browser()
    asked = browser.get(stage.hours_address)

    assert asked.location == f"/login?next={stage.hours_address}"
    answer = browser.sign_in("teacher", next=stage.hours_address)
    assert (answer.status_code, answer.location) == (302, stage.hours_address)
    assert browser.get(stage.hours_address).status_code == 200


@pytest.mark.parametrize("login", ["teacher", "nobody"])
def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(stage: Stage, login: str) -> None:
    answer = stage.browser().sign_in(login, "wrong")

    assert answer.status_code == 401
    assert "The account and password do not match." in answer.text
    assert f'value="{login}"' in answer.text
    assert "wrong" not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "//[",
        "",
    ],
)
def test_nobody_is_led_to_another_host(stage: Stage, target: str) -> None:
    assert stage.browser().sign_in("teacher", next=target).location == "/"
    assert stage.browser("teacher").post("/language", language="en", next=target).location == "/"
    assert stage.browser("teacher").client.get("/login", query_string={"next": target}).location == "/"


def test_signing_in_drops_whatever_an_earlier_visitor_left_in_the_session(stage: Stage) -> None:
    browser = stage.browser()
    with browser.client.session_transaction() as session:
        session["planted"] = "by somebody else"
        session["language"] = "en"
    before = browser.token()

    browser.sign_in("teacher")

    with browser.client.session_transaction() as session:
        assert "planted" not in session
        assert session["language"] == "en"
        assert session["_user_id"] == f"{stage.users['teacher']}.0"
    answer = browser.client.post(stage.thread_address, data={"csrf_token": before, "body": LONG_POST})
    assert answer.status_code == 400


def test_a_new_password_signs_out_everywhere(stage: Stage) -> None:
    browser = stage.browser("teacher")
    assert browser.get("/").status_code == 200

    with stage.database.writing() as session:
        sign_in.set_password(session, stage.users["teacher"], "another pass phrase of the tests")

    assert browser.get("/").location == "/login?next=/"


def test_signing_out_ends_the_session_and_keeps_the_language(stage: Stage) -> None:
    browser = stage.browser("teacher", language="en")

    answer = browser.client.post("/logout", data={"csrf_token": browser.token()}, follow_redirects=True)

    assert "You are signed out." in answer.text
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("rate_limits", [True])
def test_guessing_is_throttled_per_account_and_names_the_time_to_wait(stage: Stage) -> None:
    browser = stage.browser()
    answers = [browser.sign_in("teacher", f"guess {count}").status_code for count in range(10)]
    assert answers == [401] * 10

    throttled = browser.sign_in("teacher", "guess 11")

    assert throttled.status_code == 429
    assert throttled.headers["Retry-After"] == "60"
    assert "Too many attempts." in throttled.text
    assert 'value="teacher"' in throttled.text
    assert browser.sign_in("mate", "guess").status_code == 401


@pytest.mark.parametrize("rate_limits", [True])
def test_right_passwords_are_not_counted(stage: Stage) -> None:
    answers = [stage.browser().sign_in("teacher", PASSWORD).status_code for _ in range(12)]

    assert answers == [302] * 12


@pytest.mark.parametrize(
    ("asked", "chosen", "word"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "登录"),
        ("en-GB,en;q=0.9", None, "Sign in"),
        ("fr", None, "登录"),
        ("zh-CN", "en", "Sign in"),
        ("en", "zh", "登录"),
        ("en", "fr", "Sign in"),
    ],
)
def test_the_language_is_chosen_or_else_the_browsers(stage: Stage, asked: str, chosen: str | None, word: str) -> None:
    browser = stage.browser(language=asked)
    if chosen is not None:
        browser.post("/language", language=chosen, next="/login")

    page = browser.get("/login").text

    assert f"<h1>{word}</h1>" in page
    assert f'<html lang="{"zh-CN" if word == "登录" else "en"}"' in page


def test_an_account_brings_its_language_along(stage: Stage) -> None:
    browser = stage.browser(language="en")
    browser.sign_in("teacher")

    assert "<h1>我的研修</h1>" in browser.get("/").text


def test_times_are_those_of_shanghai(stage: Stage) -> None:
    # The clock of the tests stands at 12:00 UTC.
    assert "截至 2026年11月24日 20:00" in stage.browser("teacher", language="zh").get(stage.hours_address).text
    assert "As of Nov 24, 2026 20:00" in stage.browser("teacher").get(stage.hours_address).text


@pytest.mark.parametrize(
    "name",
    [
        "package.json",
        "../../lms.sqlite3",
        "..%2f..%2flms.sqlite3",
        "240p/../package.json",
        "240p/index.m3u8/",
        "/etc/passwd",
        "captions/../package.json",
        "240p/00000.ts%00.jpg",
        "240p/99999.ts",
    ],
)
def test_only_files_of_a_film_are_served(stage: Stage, name: str) -> None:
    assert stage.browser("teacher").get(stage.film_address(name)).status_code in (308, 404)


def test_film_files_have_their_types_and_come_in_ranges(stage: Stage) -> None:
    browser = stage.browser("teacher")
    types = {
        "master.m3u8": "application/vnd.apple.mpegurl",
        "240p/index.m3u8": "application/vnd.apple.mpegurl",
        "240p/00000.ts": "video/mp2t",
        "poster.jpg": "image/jpeg",
        "captions/zh.vtt": "text/vtt",
    }
    for name, kind in types.items():
        answer = browser.get(stage.film_address(name))
        assert answer.mimetype == kind
        assert answer.headers["Cache-Control"] == "max-age=3600, private"

    part = browser.client.get(stage.film_address("240p/00000.ts"), headers={"Range": "bytes=13-25"}, buffered=True)
    assert (part.status_code, part.text) == (206, "240p/00000.ts")


def test_a_film_address_is_one_persons_and_runs_out(stage: Stage) -> None:
    address = stage.film_address("master.m3u8")

    assert stage.browser().get(address).status_code == 200
    assert stage.browser("mate").get(address).status_code == 404
    assert stage.browser("teacher").get(address.replace("/media/", "/media/x", 1)).status_code == 404
    stage.clock.forward(LIFETIME_SECONDS + 1)
    assert stage.browser("teacher").get(address).status_code == 404
