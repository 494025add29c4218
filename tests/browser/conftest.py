"""Chromium for the tests: one browser, pages by language and width, and no fault on a page goes unseen.

And what it looks at: the service with one of everybody, at an address.
"""

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from lms_plugin.storage.session import Database
from tests.stores import SqliteStore
from tests.web.stage import Site, Stage, open_stage

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# The same engine without a window to draw: a page opens in half the time.
SHELL = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or CHROMIUM
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]
HEIGHTS = {1280: 900, 390: 844}
LOOKS = [("zh", 1280), ("zh", 390), ("en", 390)]
"""Languages and widths in which every page is looked at: English, whose words are longer, where there is least room."""
LOCALES = {"zh": "zh-CN", "en": "en-US"}
PATIENCE_MS = 30_000
"""How long a page may take for anything: on a busy machine much longer than a person would wait."""

expect.set_options(timeout=PATIENCE_MS)

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=SHELL, args=ARGUMENTS)
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
        context.set_default_timeout(PATIENCE_MS)
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


@pytest.fixture
def database_url(sqlite_store: SqliteStore) -> str:
    """Browsers look at one store, as tests/web does."""
    sqlite_store.renew()
    return sqlite_store.url


@pytest.fixture
def stage(sqlite_store: SqliteStore, database: Database, tmp_path: Path) -> Iterator[Stage]:
    with open_stage(sqlite_store, tmp_path) as opened:
        yield opened


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    """The base address at which the pages are served."""
    with served(stage.app) as found:
        yield found


class Line(io.BufferedReader):
    """What a browser sends; one that breaks off has sent all."""

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return super().read(size)
        except ConnectionError:
            return b""


class Handler(WSGIRequestHandler):
    """Closes the file it was sending also where the browser has broken the connection off meanwhile: the server looks
    for the rest of the request before, and fails there."""

    def setup(self) -> None:
        super().setup()
        self.rfile = Line(self.rfile.detach())


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """An application on a port of its own; gives its base address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def assert_sound(page: Page | Frame, place: str = "") -> None:
    """A page shows no barrier to a screen reader's rules, and nothing of it lies beyond the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{place or page.url}\n{found.generate_report()}"
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= screen, f"{place or page.url} is wider than the screen"


def sign_in(page: Page, site: Site, address: str, person: str, language: str) -> None:
    """Give a browser the cookie of somebody who has signed in."""
    cookie = site.browser(person, language=language).client.get_cookie("lms_plugin")
    assert cookie is not None
    page.context.add_cookies([{"name": "lms_plugin", "value": cookie.value, "url": address}])
