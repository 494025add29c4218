"""What becomes of posts in a real browser: readable by everybody, nothing off the screen, and all of it by keyboard."""

import pytest
from playwright.sync_api import expect

from lms_plugin.services import discussion
from lms_plugin.storage.people import User
from tests import builders
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import LONG_POST, Stage
from tests.web.test_posts import OTHER


def reply(stage: Stage, login: str, body: str) -> int:
    with stage.database.writing() as session:
        actor = builders.actor_for(session, session.get_one(User, stage.users[login]))
        now = stage.clock.now
        return discussion.reply(session, actor, stage.thread_id, body=body, reply_to_id=None, now=now).id


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_of_posts_are_accessible_and_fit(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    void, gone = reply(stage, "teacher", OTHER), reply(stage, "teacher", "谢谢大家！")
    reply(stage, "mate", "> 引用一句\n\n我们班也试过，效果不错。")
    teacher, tutor = stage.browser("teacher"), stage.browser("tutor")
    teacher.post(f"/posts/{stage.post_id}/edit", body=f"{LONG_POST}另外补充一点。")
    teacher.post(f"/posts/{gone}/removal")
    tutor.post(f"/tutor/posts/{stage.post_id}", action="excellent", reason="有数据、有反思")
    tutor.post(f"/tutor/posts/{void}", action="void", reason="与网上流传的教案雷同")
    pages = {
        "teacher": [
            stage.thread_address,
            f"/posts/{stage.post_id}",
            f"/posts/{stage.post_id}/edit",
            f"/posts/{stage.post_id}/removal",
            f"/posts/{void}/edit",
            "/notices",
            f"{stage.hours_address}/entries/6",
        ],
        "tutor": [
            f"/tutor/threads/{stage.thread_id}",
            "/tutor/posts",
            f"/tutor/posts/{stage.post_id}",
            f"/tutor/posts/{void}",
            f"/tutor/posts/{gone}",
        ],
    }
    for person, addresses in pages.items():
        page = new_page(language=language, width=width)
        sign_in(page, stage, address, person, language)
        for at in addresses:
            page.goto(address + at)
            expect(page.locator("main")).to_be_visible()
            assert_sound(page, at)


def test_a_tutor_marks_and_an_author_edits_with_the_keyboard(stage: Stage, address: str, new_page: OpenPage) -> None:
    tutor = new_page(language="zh", width=390)
    sign_in(tutor, stage, address, "tutor", "zh")
    tutor.goto(f"{address}/tutor/posts")
    tutor.get_by_role("link", name="评定此帖").focus()
    tutor.keyboard.press("Enter")
    tutor.get_by_label("优秀之处（选填）").focus()
    tutor.keyboard.type("有课堂实例")
    tutor.keyboard.press("Tab")
    tutor.keyboard.press("Enter")
    expect(tutor.get_by_text("已评为优秀。")).to_be_visible()
    page = new_page(language="zh")
    sign_in(page, stage, address, "teacher", "zh")
    page.goto(address + stage.thread_address)
    expect(page.get_by_text("辅导教师的理由：有课堂实例")).to_be_visible()
    page.get_by_role("link", name="修改", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("正文").fill("学习了")
    page.get_by_role("button", name="保存修改").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("帖子已修改。")).to_be_visible()
