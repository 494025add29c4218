"""Meetings in a real browser: a code that changes by itself, a line that drops, and pages for everybody's eyes."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import Stage
from tests.web.test_meetings import code, held, opened, plan_fields, sign_in_address

__all__ = ["held"]


def signed_in(page: Page, stage: Stage, address: str, person: str, where: str, language: str = "zh") -> Page:
    sign_in(page, stage, address, person, language)
    page.goto(f"{address}{where}")
    return page


def test_the_code_on_the_wall_changes_by_itself_and_the_page_says_when_the_line_is_down(
    held: Stage, address: str, page: Page
) -> None:
    meeting_id = opened(held)
    signed_in(page, held, address, "tutor", f"/meetings/{meeting_id}")
    shown = page.locator(".meeting-code")
    expect(shown).to_have_text(code(held, meeting_id))

    held.clock.forward(30)
    held.browser("teacher").post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    expect(shown).to_have_text(code(held, meeting_id))
    expect(page.locator("#live")).to_contain_text("王丽 09:00")

    page.context.set_offline(True)
    expect(page.locator("#live-stale")).to_be_visible(timeout=15_000)
    held.clock.forward(30)
    page.context.set_offline(False)
    expect(page.locator("#live-stale")).to_be_hidden(timeout=30_000)
    expect(shown).to_have_text(code(held, meeting_id))


def test_a_learner_signs_in_on_a_telephone_and_reads_that_it_worked(held: Stage, address: str, phone: Page) -> None:
    meeting_id = opened(held)
    signed_in(phone, held, address, "teacher", f"{sign_in_address(meeting_id)}?code={code(held, meeting_id)}")
    phone.get_by_role("button", name="我已到场，签到").click()

    expect(phone.get_by_text("签到成功。")).to_be_visible()
    expect(phone.get_by_text("您于 09:00 签到。")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_of_meetings_are_for_everybody_and_fit_the_screen(
    held: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    meeting_id = opened(held)
    held.browser("teacher").post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    plan = plan_fields(held, "viewings")["plan"]
    for person, where in (
        ("tutor", f"/meetings/{meeting_id}"),
        ("tutor", f"/tutor/meetings?plan={plan}"),
        ("admin", f"/office/meetings?plan={plan}"),
        ("teacher", sign_in_address(meeting_id)),
        ("teacher", "/meetings"),
        ("teacher", f"/meetings/viewings?plan={plan}"),
    ):
        page = signed_in(new_page(language, width), held, address, person, where, language)
        assert_sound(page, where)
