"""Chromium for the tests: one browser, pages by language and width, and no fault on a page goes unseen."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]
HEIGHTS = {1280: 900, 390: 844}
LOCALES = {"zh": "zh-CN", "en": "en-US"}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[OpenPage]:
    """Open pages: `new_page(language="zh", width=1280)`; each in a context of its own, as another person's browser.

    An exception in a page's script or a breach of the content security policy fails the test at its end.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def open_page(language: str = "zh", width: int = 1280) -> Page:
        context = browser.new_context(
            locale=LOCALES[language],
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            has_touch=width < 600,
            is_mobile=width < 600,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", note)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def page(new_page: OpenPage) -> Page:
    """A page in Chinese on a desk's screen."""
    return new_page()


@pytest.fixture
def phone(new_page: OpenPage) -> Page:
    """A page in Chinese on a telephone."""
    return new_page(width=390)
