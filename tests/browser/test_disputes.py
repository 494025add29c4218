"""Disputes in a real browser: readable by everybody, nothing off the screen, and a form that keyboards can send."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import Stage
from tests.web.studied import confirm, make_meeting, with_meetings


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_of_disputes_are_accessible_and_fit(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    with_meetings(stage)
    meeting = f"meeting/{make_meeting(stage)}"
    confirm(stage, meeting, (0, 90))
    confirm(stage, "activity/8", (60, 120), component="school", title="自学", activity="self_study")
    confirm(stage, meeting, (0, 45), because="名单有误，提前离场")
    known = stage.dispute(3)
    stage.browser("admin").post(f"/office/disputes/{known}", change="add", minutes="10", reason="核实后补记")
    entry, missing = stage.dispute(4), stage.dispute()
    own = f"/enrolments/{stage.enrolment_id}/disputes"
    entries = f"{stage.hours_address}/entries"
    pages = {
        "teacher": [stage.hours_address, own, f"{own}?entry=2", *(f"{entries}/{one}" for one in (3, 4, 5, 7))],
        "tutor": ["/tutor/disputes", f"/tutor/disputes/{missing}"],
        "county": ["/office/disputes", f"/office/disputes/{entry}", f"/office/disputes/{known}"],
    }
    for person, addresses in pages.items():
        page = new_page(language=language, width=width)
        sign_in(page, stage, address, person, language)
        for at in addresses:
            page.goto(address + at)
            expect(page.locator("main")).to_be_visible()
            assert_sound(page, at)


def test_a_dispute_can_be_handed_in_and_decided_with_the_keyboard(
    stage: Stage, address: str, new_page: OpenPage
) -> None:
    page = new_page(language="zh")
    sign_in(page, stage, address, "teacher", "zh")
    page.goto(f"{address}{stage.hours_address}/entries/2")
    page.get_by_role("button", name="对这一条有异议").focus()
    page.keyboard.press("Enter")
    page.get_by_label("请说明当时的情况").focus()
    page.keyboard.type("我看到了 7 分钟")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("异议已提交")).to_be_visible()
    tutor = new_page(language="zh", width=390)
    sign_in(tutor, stage, address, "tutor", "zh")
    tutor.goto(f"{address}/tutor/disputes")
    tutor.get_by_role("link", name="王丽").click()
    tutor.get_by_label("补记学时").focus()
    tutor.keyboard.press("Space")
    tutor.get_by_label("分钟数").fill("2")
    tutor.get_by_label("理由").fill("情况属实")
    tutor.get_by_role("button", name="提交建议").click()
    expect(tutor.get_by_text("处理建议已提交项目管理办公室。")).to_be_visible()
