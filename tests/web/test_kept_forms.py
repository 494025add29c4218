"""Whatever a form held outlives the end of the session and an old page; what is secret is never carried."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest

from lms_plugin.services import sign_in
from lms_plugin.storage.session import Database
from tests.web.school_stage import SchoolStage, open_school_stage
from tests.web.stage import HOST, PASSWORD, Browser, Stage

ACCOUNT = "十一月二十日晚上我看完了整节课，进度条走到了最后，可是学时里没有。"
Where = tuple[str, str, str, dict[str, str]]
"""Who sends it, the address it is sent to, the page its form stands on, and its fields, what was written first."""


def dispute(stage: Stage) -> Where:
    page = f"/enrolments/{stage.enrolment_id}/disputes"
    return "teacher", page, page, {"account": ACCOUNT, "component": "discussion", "happened_on": "2026-11-20"}


def meeting_plan(stage: Stage) -> Where:
    page = "/tutor/meetings?plan=rural/qna"
    fields = {"title": "第二次答疑：量与估", "plan": "rural/qna", "day": "2026-12-01", "place": "线上", "groups": "1"}
    return "tutor", "/tutor/meetings", page, fields


def meeting_edit(stage: Stage) -> Where:
    page = f"/meetings/{stage.meet()[0]}/edit"
    fields = {
        "title": "答疑改期：量与估",
        "day": "2026-12-02",
        "starts": "19:00",
        "ends": "20:00",
        "link": "https://x.example/",
    }
    return "tutor", page, page, fields


def tutor_work(school: SchoolStage) -> Where:
    page = f"/tutor/coursework/{school.coursework_id}"
    return (
        "tutor",
        page,
        page,
        {"remark": "数据写得很清楚，再补一张学生作品的照片。", "mark": "80", "seen_at": "2026-11-24"},
    )


def approval(school: SchoolStage) -> Where:
    page = f"/office/approvals/{school.activity_id}"
    return "school", page, page, {"reason": "签到表上没有主讲人，请补齐后再交。", "decision": "return"}


def placement_month(school: SchoolStage) -> Where:
    address = f"/placements/{school.placement_id}/months/1"
    return (
        "host",
        address,
        "/placements",
        {"remark": "缺勤三天，原因见附件。", "days_present": "17", "decision": "confirm"},
    )


@pytest.fixture
def school(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


def posted(browser: Browser, address: str, page: str, fields: dict[str, str], **more: str) -> str:
    headers = {"Origin": HOST, "Referer": HOST + page}
    return browser.client.post(address, data={"csrf_token": browser.token(), **fields, **more}, headers=headers).text


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of the form that signs in."""
    form = re.search(r'<form method="post" action="/login">.*?</form>', text, re.DOTALL)
    assert form is not None
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[0])
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def resent(text: str) -> dict[str, str]:
    """The fields of the form that sends what was kept."""
    form = re.search(r'<form method="post" class="resend" action="([^"]*)">.*?</form>', text, re.DOTALL)
    assert form is not None
    found = {
        name: value
        for tag in re.findall(r"<input [^>]*>", form[0])
        if (name := re.search(r'name="([^"]+)"', tag)[1]) != "csrf_token"  # type: ignore[index]
        for value in re.findall(r'value="([^"]*)"', tag)
    }
    found |= dict(re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form[0], re.DOTALL))
    return {name: unescape(value) for name, value in found.items()} | {"": unescape(form[1])}


@pytest.mark.parametrize("where", [dispute, meeting_plan, meeting_edit])
def test_a_form_outlives_the_end_of_the_session(stage: Stage, where: Callable[[Stage], Where]) -> None:
    with stage.database.writing() as session:
        sign_in.set_password(session, stage.users["tutor"], PASSWORD)

    assert_it_comes_back(stage.browser(), where(stage))


@pytest.mark.parametrize("where", [tutor_work, approval, placement_month])
def test_a_form_of_school_study_outlives_the_end_of_the_session(
    school: SchoolStage, where: Callable[[SchoolStage], Where]
) -> None:
    assert_it_comes_back(school.browser(), where(school))


def assert_it_comes_back(browser: Browser, sent: Where) -> None:
    """Signed out, a form is shown with the page that signs in, and again afterwards, ready to be sent."""
    person, address, page, fields = sent
    written = next(iter(fields.values()))

    away = posted(browser, address, page, fields)

    assert "what you wrote is kept" in away
    assert f">{written}</" in away
    carried = hidden(away)
    assert carried["next"] == page
    assert {name: carried[f"draft_{name}"] for name in fields} == fields
    wrong = browser.sign_in(person, "wrong", **carried)
    assert hidden(wrong.text) == carried
    back = browser.sign_in(person, **carried)
    assert resent(back.text) == {"": address, **fields}
    assert f'href="{page}"' in back.text


def test_a_kept_dispute_is_handed_in(stage: Stage) -> None:
    _person, address, page, fields = dispute(stage)
    browser = stage.browser()
    back = browser.sign_in("teacher", **hidden(posted(browser, address, page, fields)))
    again = resent(back.text)

    answer = browser.post(again.pop(""), **again)

    assert answer.status_code == 303
    assert ACCOUNT in browser.get(page).text


@pytest.mark.parametrize("where", [dispute, meeting_plan])
def test_a_form_outlives_an_old_page(stage: Stage, where: Callable[[Stage], Where]) -> None:
    person, address, page, fields = where(stage)

    text = posted(stage.browser(person), address, page, fields, csrf_token="old")

    assert "what you wrote is still here" in text
    assert resent(text) == {"": address, **fields}


def test_a_form_that_only_presses_says_nothing_was_kept(stage: Stage) -> None:
    address = f"/office/imports/{stage.upload_id}/confirm"
    headers = {"Origin": HOST, "Referer": f"{HOST}/office/imports/{stage.upload_id}"}
    browser = stage.browser()

    answer = browser.client.post(
        address, data={"csrf_token": browser.token(), "choice": "all", "faulty_rows": "0"}, headers=headers
    )

    assert answer.location == f"/login?next=/office/imports/{stage.upload_id}"


def test_passwords_and_tokens_are_never_carried(stage: Stage) -> None:
    browser = stage.browser()
    _person, address, page, fields = dispute(stage)

    text = posted(browser, address, page, fields, password="hush one", new_password="hush two", api_secret="hush three")

    assert "hush" not in text
    assert not [name for name in hidden(text) if "token" in name or "password" in name or "secret" in name]
    asked = posted(
        browser, f"/office/imports/{stage.upload_id}/passwords", "/office/imports", {"key": "hush", "note": "x"}
    )
    assert "hush" not in asked
    gone = browser.client.post("/login", data={"login": "teacher", "password": "hush"}, headers={"Origin": HOST})
    assert "hush" not in gone.text


def test_more_than_any_form_holds_is_not_carried(stage: Stage) -> None:
    _person, address, page, fields = dispute(stage)

    text = posted(stage.browser(), address, page, fields, note="长" * 300_000)

    assert "长长" not in text


def test_another_site_plants_nothing_in_the_sign_in_page(stage: Stage) -> None:
    planted = {"login": "x", "password": "y", "next": "/tutor/meetings", "draft_title": "buy this"}
    browser = stage.browser()

    for headers in ({"Origin": "https://evil.example"}, {}):
        for token in ("old", browser.token()):
            answer = browser.client.post("/login", data={"csrf_token": token, **planted}, headers=headers)
            assert "buy this" not in answer.text


def test_what_one_person_wrote_is_not_given_to_another(stage: Stage) -> None:
    _person, address, page, fields = dispute(stage)
    browser = stage.browser()
    with browser.client.session_transaction() as session:
        session["_user_id"] = f"{stage.users['mate']}.999"
    carried = hidden(posted(browser, address, page, fields))

    back = browser.sign_in("teacher", **carried)

    assert (back.status_code, back.location) == (302, "/")
    assert ACCOUNT not in browser.get("/").text


def test_the_language_of_the_sign_in_page_keeps_what_was_written(stage: Stage) -> None:
    _person, address, page, fields = dispute(stage)
    browser = stage.browser()
    away = posted(browser, address, page, fields)
    switch = re.search(r'<form class="language-switch".*?</form>', away, re.DOTALL)
    assert switch is not None
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', switch[0]))
    assert found.pop("csrf_token")

    again = browser.post("/language", language="zh", **{name: unescape(value) for name, value in found.items()})

    assert again.status_code == 200
    assert "<h1>登录</h1>" in again.text
    assert hidden(again.text) == hidden(away)
    assert ACCOUNT in again.text


def test_the_language_of_a_sign_in_page_that_is_old_keeps_it_too(stage: Stage) -> None:
    _person, address, page, fields = dispute(stage)
    browser = stage.browser()
    carried = hidden(posted(browser, address, page, fields))
    browser.client.delete_cookie("lms_plugin")

    again = browser.client.post(
        "/language", data={"csrf_token": "old", "language": "zh", "sign_in": "1", **carried}, headers={"Origin": HOST}
    )

    assert again.status_code == 400
    assert hidden(again.text) == carried


def test_answers_to_a_form_have_no_language_switch(stage: Stage) -> None:
    browser = stage.browser("teacher")
    _person, address, _page, _fields = dispute(stage)

    assert 'class="language-switch"' in browser.get(address).text
    assert 'class="language-switch"' not in browser.post(address, account="").text
    assert 'class="language-switch"' not in browser.post("/disputes/999/withdrawal").text
    assert 'class="language-switch"' in stage.browser().get("/login").text
    assert 'class="language-switch"' in stage.browser().sign_in("teacher", "wrong").text
