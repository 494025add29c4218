"""Every page in a real browser: nothing to object to for people who use a screen reader, and nothing off the screen."""

import re

import pytest
from playwright.sync_api import Page, expect

from lms_plugin.storage.programmes import Enrolment
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import LONG_POST, PASSWORD, Stage


def addresses_of(stage: Stage) -> dict[str, list[str]]:
    with stage.database.reading() as session:
        group_id = session.get_one(Enrolment, stage.enrolment_id).class_group_id
    return {
        "teacher": [
            "/",
            f"/enrolments/{stage.enrolment_id}",
            stage.module_address,
            f"{stage.thread_address}?quote={stage.post_id}",
            stage.hours_address,
            f"/enrolments/{stage.enrolment_id}/pace?weekly=2",
            "/notices",
            f"/enrolments/{stage.enrolment_id}/messages",
            *(f"{stage.hours_address}/entries/{number}" for number in (1, 2, 3, 4)),
            "/no-such-page",
        ],
        "tutor": [
            "/tutor",
            f"/tutor/modules/{stage.module_id}",
            f"/tutor/threads/{stage.thread_id}",
            f"/tutor/enrolments/{stage.enrolment_id}",
            *(f"/tutor/groups/{group_id}/{part}" for part in ("messages", "messages/new", "brief", "handover")),
            "/tutor/trail",
        ],
        "admin": [
            "/office/programmes",
            *(
                f"/office/programmes/rural{part}"
                for part in ("", "/quotas", "/nominations", "/groups", "/learners", "/elsewhere")
            ),
            f"/office/nominations/{stage.nominate()}",
            f"/office/enrolments/{stage.enrolment_id}",
            "/office?group_by=county",
            "/office?group_by=learner",
            "/office/brief?group_by=county",
            "/office/brief/sent",
            "/office/trail",
            "/office/deliveries",
        ],
    }


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_can_be_used_by_everybody_and_fit_the_screen(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    stage.hold_film()
    page = new_page(language=language, width=width)
    for place in ("/login", "/login?next=/tutor"):
        page.goto(address + place)
        assert_sound(page, place)
    for person, places in addresses_of(stage).items():
        page = new_page(language=language, width=width)
        sign_in(page, stage, address, person, language)
        for place in places:
            page.goto(address + place)
            assert_sound(page, place)


def test_the_line_under_the_text_follows_what_is_typed(stage: Stage, address: str, page: Page) -> None:
    sign_in(page, stage, address, "teacher", "zh")
    page.goto(address + stage.thread_address)
    line = page.locator("#counts")

    page.get_by_label("回复内容").fill("太短了")
    expect(line).to_contain_text("暂不计学时：自己写的内容有 3 个汉字")
    page.get_by_label("回复内容").fill(LONG_POST)
    expect(line).to_contain_text("不计学时：其中 100% 与您 2026年11月24日 的帖子重复。")


def test_a_learner_signs_in_writes_and_signs_out_without_scripts(
    stage: Stage, address: str, new_page: OpenPage
) -> None:
    browser = new_page().context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(address + stage.thread_address)
    page.get_by_label("账号").fill("teacher")
    page.get_by_label("密码").fill("a pass phrase of the tests")
    page.get_by_role("button", name="登录").click()

    page.get_by_label("回复内容").fill("谢谢大家。")
    page.get_by_role("button", name="回复").click()

    expect(page.get_by_text("谢谢大家。")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("发布成功。暂不计学时")
    page.get_by_label("王丽 的账号").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_text("您已退出登录。")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_what_was_written_is_seen_through_signing_in_and_another_language(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    page = new_page(language=language, width=width)
    sign_in(page, stage, address, "teacher", language)
    page.goto(f"{address}/enrolments/{stage.enrolment_id}/disputes")
    page.locator("[name=component]").select_option("discussion")
    page.locator("[name=happened_on]").fill("2026-11-20")
    page.locator("[name=account]").fill("那天晚上我看完了整节课。")
    page.context.clear_cookies()

    page.locator("[name=account] >> xpath=ancestor::form >> css=[type=submit]").click()

    expect(page.get_by_text("那天晚上我看完了整节课。")).to_be_visible()
    assert_sound(page)
    other = {"zh": "English", "en": "中文"}[language]
    page.get_by_role("button", name=other).click()
    expect(page.get_by_role("button", name=other)).to_have_attribute("aria-current", "true")
    expect(page.get_by_text("那天晚上我看完了整节课。")).to_be_visible()
    page.locator("[name=login]").fill("teacher")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("[name=account]")).to_have_value("那天晚上我看完了整节课。")
    assert_sound(page)
    page.locator("form.resend [type=submit]").click()
    expect(page.get_by_text("那天晚上我看完了整节课。")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/disputes#dispute-\d+$"))
