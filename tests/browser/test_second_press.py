"""A second press while the answer to the first is under way: sent once, and never stuck."""

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import Stage

WORDS = {
    "zh": ("确认导入全部 1 行", "正在提交，请稍候…", "导入完成。"),
    "en": ("Import 1 row", "Being sent, one moment …", "The file was imported."),
}
A_MOMENT_MS = 400
"""Long enough for a request that should not be sent to be seen."""


def open_upload(stage: Stage, address: str, page: Page, language: str = "zh") -> Locator:
    """A page with a form whose answer comes but once; gives its button."""
    sign_in(page, stage, address, "county", language)
    page.goto(f"{address}/office/imports/{stage.upload_id}")
    button = page.get_by_role("button", name=WORDS[language][0])
    expect(button).to_be_visible()
    return button


def hold_posts(page: Page) -> list[Route]:
    """Hold every form that the page sends back, as a slow service would; gives those that were sent."""
    held: list[Route] = []

    def take(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.context.route("**/*", take)
    return held


def press_twice(page: Page, button: Locator) -> None:
    """Click, and press Enter a moment later: on a page that is about to go a test finds nothing any more."""
    box = button.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(A_MOMENT_MS)
    page.keyboard.press("Enter")
    page.wait_for_timeout(A_MOMENT_MS)


def count_sent(page: Page) -> None:
    """Count the forms that are sent in `window.sent`, and stay: a page whose answer does not come."""
    page.evaluate(
        """() => {
            window.sent = 0;
            addEventListener("submit", (event) => {
                if (!event.defaultPrevented) window.sent += 1;
                event.preventDefault();
            });
        }"""
    )


@pytest.mark.parametrize(("language", "width"), [("zh", 1280), ("en", 390)])
def test_a_form_pressed_twice_is_sent_once(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    page = new_page(language=language, width=width)
    button = open_upload(stage, address, page, language)
    held = hold_posts(page)

    press_twice(page, button)

    assert len(held) == 1
    assert "choice=all" in (held[0].request.post_data or "")
    held[0].continue_()
    expect(page.get_by_text(WORDS[language][2])).to_be_visible()


def test_the_button_that_was_pressed_is_sent_along(stage: Stage, address: str, page: Page) -> None:
    open_upload(stage, address, page)
    held = hold_posts(page)

    press_twice(page, page.get_by_role("button", name="English"))

    assert len(held) == 1
    assert "language=en" in (held[0].request.post_data or "")


def test_a_form_can_be_sent_again_after_going_back(stage: Stage, address: str, page: Page) -> None:
    open_upload(stage, address, page)
    check = page.get_by_role("button", name="重新校验")
    with page.expect_navigation():
        check.click()
    page.goto(f"{address}/office/imports")
    page.go_back()
    expect(check).to_be_visible()
    held = hold_posts(page)

    press_twice(page, check)

    assert len(held) == 1


def test_a_page_out_of_the_browsers_cache_can_be_sent_again(stage: Stage, address: str, page: Page) -> None:
    button = open_upload(stage, address, page)
    count_sent(page)
    button.click()
    button.press("Enter")
    assert page.evaluate("window.sent") == 1

    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    expect(button).not_to_have_attribute("aria-busy", "true")
    button.click()
    assert page.evaluate("window.sent") == 2


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_whoever_waits_is_told(stage: Stage, address: str, new_page: OpenPage, language: str, width: int) -> None:
    page = new_page(language=language, width=width)
    button = open_upload(stage, address, page, language)
    count_sent(page)

    button.dblclick()

    assert page.evaluate("window.sent") == 1
    expect(button).to_have_attribute("aria-busy", "true")
    expect(page.locator("[aria-live=polite]").filter(has_text=WORDS[language][1])).to_be_attached()
    assert_sound(page)


def test_an_answer_that_never_comes_does_not_lock_the_form(stage: Stage, address: str, page: Page) -> None:
    page.clock.install()
    button = open_upload(stage, address, page)
    count_sent(page)
    button.click()

    page.clock.fast_forward(30_000)

    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(page.get_by_text(WORDS["zh"][1])).to_have_count(0)
    button.click()
    assert page.evaluate("window.sent") == 2


def test_a_form_that_a_script_takes_over_is_not_blocked(stage: Stage, address: str, page: Page) -> None:
    button = open_upload(stage, address, page)
    page.evaluate(
        """() => {
            window.taken = 0;
            window.takeOver = (event) => { event.preventDefault(); window.taken += 1; };
            document.querySelector("form.resend").addEventListener("submit", window.takeOver);
        }"""
    )
    count_sent(page)

    button.dblclick()

    assert page.evaluate("window.taken") == 2
    expect(button).not_to_have_attribute("aria-busy", "true")
    page.evaluate("document.querySelector('form.resend').removeEventListener('submit', window.takeOver)")
    button.click()
    assert page.evaluate("window.sent") == 1


def test_a_form_for_a_window_of_its_own_is_not_blocked(stage: Stage, address: str, page: Page) -> None:
    button = open_upload(stage, address, page)
    page.evaluate("document.querySelector('form.resend').target = '_blank'")
    count_sent(page)

    button.dblclick()

    assert page.evaluate("window.sent") == 2
    expect(button).not_to_have_attribute("aria-busy", "true")
