"""Launches in a real browser: in a frame of another site's page, where no cookie of ours is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask, request
from playwright.sync_api import Browser, FrameLocator, Page, expect

from lms_plugin.http.context import EXTENSION
from lms_plugin.storage.lti import PlatformAccount
from tests.browser.conftest import ARGUMENTS, LOCALES, PATIENCE_MS, SHELL, assert_sound, served, sign_in
from tests.web.platform_rig import SUBJECT, PlatformRig, link_account, open_platform, register
from tests.web.stage import PASSWORD, Stage

STORAGE = """
const kept = {};
window.addEventListener("message", ({data, source, origin}) => {
  if (data.subject === "lti.put_data") kept[data.key] = data.value;
  else if (data.subject !== "lti.get_data") return;
  const answer = {subject: data.subject + ".response", message_id: data.message_id, key: data.key,
    value: kept[data.key] ?? null};
  source.postMessage(answer, origin);
});
"""


@dataclass
class Course:
    """A platform's site: our link in a frame at /course, with platform storage at /course?storage=1."""

    rig: PlatformRig
    address: str
    tool: str


def platform_site(tool: str, asks: dict[str, PlatformRig]) -> Flask:
    """The platform's pages; `asks` holds the rig that makes its tokens, once it is there."""
    site = Flask("a platform of the tests")

    @site.get("/course")
    def course() -> str:
        login = {
            "iss": f"http://{request.host}",
            "login_hint": "hint",
            "target_link_uri": f"{tool}/lti/programmes/rural/modules/reading",
        }
        if request.args.get("storage"):
            login["lti_storage_target"] = "_parent"
        frame = f'<iframe title="tool" width="700" height="700" src="{escape(f"{tool}/lti/login?{urlencode(login)}")}">'
        return f"<!doctype html><title>course</title><script>{STORAGE}</script>{frame}</iframe>"

    @site.get("/auth")
    def auth() -> str:
        rig, asked = asks["rig"], request.args
        target = f"{tool}/lti/programmes/rural/modules/reading"
        presentation = {"locale": request.accept_languages.best or "zh"}
        claims = rig.claims(asked["nonce"], target_link_uri=target, launch_presentation=presentation)
        fields = {"state": asked["state"], "id_token": rig.token(claims), "lti_storage_target": "_parent"}
        inputs = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in fields.items())
        form = f'<form method="post" action="{escape(asked["redirect_uri"])}">{inputs}</form>'
        return f"<!doctype html><title>auth</title>{form}<script>document.forms[0].submit()</script>"

    return site


@pytest.fixture
def course(stage: Stage, address: str) -> Iterator[Course]:
    """The service at 127.0.0.1, the platform at localhost: two sites for a browser."""
    asks: dict[str, PlatformRig] = {}
    with served(platform_site(address, asks)) as own:
        issuer = f"http://localhost:{urlsplit(own).port}"
        rig = asks["rig"] = open_platform(stage)
        stage.app.extensions[EXTENSION] = replace(stage.app.extensions[EXTENSION], base_url=address)
        rig.issuer, rig.client_id = issuer, "client-of-the-course"
        rig.platform_id = register(stage, issuer, rig.client_id)
        rig.publish()
        yield Course(rig, issuer, address)


@pytest.fixture
def blocking(browser: Browser) -> Iterator[Browser]:
    """Chromium as it is when it keeps no cookies of other sites."""
    strict = browser.browser_type.launch(executable_path=SHELL, args=[*ARGUMENTS, "--test-third-party-cookie-phaseout"])
    yield strict
    strict.close()


def open_course(
    blocking: Browser, course: Course, *, storage: bool, language: str = "en", signed_in: str | None = None
) -> tuple[Page, FrameLocator]:
    context = blocking.new_context(locale=LOCALES[language], viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    if signed_in is not None:
        sign_in(page, course.rig.stage, course.tool, signed_in, language)
    page.goto(f"{course.address}/course{'?storage=1' if storage else ''}")
    return page, page.frame_locator("iframe")


@pytest.mark.parametrize("storage", [False, True])
@pytest.mark.parametrize(
    ("language", "button", "title"),
    [("zh", "在新窗口中打开本单元", "读懂学生"), ("en", "Open the module in a new window", "Understanding pupils")],
)
def test_a_frame_without_cookies_opens_the_module_in_a_window_of_its_own(
    stage: Stage, course: Course, blocking: Browser, storage: bool, language: str, button: str, title: str
) -> None:
    link_account(stage, course.rig.platform_id)
    page, frame = open_course(blocking, course, storage=storage, language=language)

    expect(frame.get_by_role("heading", name=title)).to_be_visible()
    expect(frame.get_by_role("progressbar")).to_be_visible()
    assert page.context.cookies(course.tool) == [], "the browser keeps none of our cookies here"
    assert_sound(page.frames[-1], "the frame")
    for _again in range(2):
        with page.context.expect_page() as opened:
            frame.get_by_role("button", name=button).click()
        window = opened.value
        expect(window.locator(f"meta[name=user-id][content='{stage.users['teacher']}']")).to_have_count(1)
        window.wait_for_load_state("load")
        assert urlsplit(window.url).path == stage.module_address


@pytest.mark.parametrize("storage", [True, False])
def test_the_first_visit_links_with_one_click_where_the_platform_keeps_the_proof_else_with_the_password(
    stage: Stage, course: Course, blocking: Browser, storage: bool
) -> None:
    page, frame = open_course(blocking, course, storage=storage, signed_in="teacher")
    choose = frame.get_by_role("button", name="Choose my account")
    expect(choose).to_be_visible()
    if storage:
        expect(frame.locator("input[name=proof]")).not_to_have_value("")
    with page.context.expect_page() as opened:
        choose.click()
    window = opened.value
    expect(window.get_by_role("heading", level=1)).to_have_text(
        "Is this you?" if storage else "Which account is yours?"
    )
    assert_sound(window)

    if storage:
        window.get_by_role("button", name="Yes, both are me").click()
    else:
        window.get_by_role("textbox", name="Account").fill("teacher")
        window.get_by_label("Password").fill(PASSWORD)
        window.get_by_role("button", name="Sign in and link").click()

    window.wait_for_url(f"**{stage.module_address}", wait_until="load")
    with stage.database.reading() as session:
        account = session.get_one(PlatformAccount, (course.rig.platform_id, SUBJECT))
    assert account.user_id == stage.users["teacher"]
    page.reload()
    expect(frame.get_by_role("button", name="Open the module in a new window")).to_be_visible()


def test_no_other_page_may_show_a_launch_in_a_frame(stage: Stage, course: Course, blocking: Browser) -> None:
    link_account(stage, course.rig.platform_id)
    page = blocking.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))

    page.goto(f"{course.address.replace('localhost', '127.0.0.1')}/course")

    expect(page.frame_locator("iframe").get_by_role("button")).to_have_count(0)
    page.wait_for_function("() => true")
    assert any("frame-ancestors" in text for text in refused)
