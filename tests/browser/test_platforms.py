"""Pages of LMS platforms in a real browser, and the picker and the registration as a platform shows them: in frames."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from lms_plugin.services import platforms
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.storage.outbox import Report
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, served, sign_in
from tests.peers.lti.interface import Link, Person
from tests.peers.lti.platform import LtiPlatform
from tests.web.lti_stage import KEY, ask_for_links, introduce, note_link, reach_loopback, register
from tests.web.stage import Stage

AUTHOR = Person("author", "作者", "Instructor")
FRAME = """address => {
  window.said = [];
  window.addEventListener("message", (event) => window.said.push(event.data.subject));
  document.body.innerHTML = `<iframe src="${address}" style="width: 100%; height: 800px"></iframe>`;
}"""


@pytest.fixture
def office(stage: Stage, database_url: str, tmp_path: Path, own_lti_platform: LtiPlatform) -> Stage:
    reach_loopback(stage, database_url, tmp_path)
    own_lti_platform.seed(users=[AUTHOR, Person("t1")], links=[Link("whole")])
    return stage


def framed(page: Page, platform: LtiPlatform, address: str) -> None:
    """Show an address in a frame of a page of the platform."""
    page.goto(f"{platform.base_url}/keys")
    page.evaluate(FRAME, address)


def in_trouble(office: Stage, platform: LtiPlatform) -> int:
    """An LTI platform that was paused, one link of it, and reports that were refused."""
    platform_id = register(office, platform)
    note_link(office, platform_id, platform)
    with office.database.writing() as session:
        platforms.pause(session, CONSOLE, key=KEY, reason="平台升级，周一恢复")
        report = session.get_one(Report, office.report_id)
        report.last_error_code, report.last_error_words = "rejected", "HTTP 422 lineitem is closed"
        platforms.register(
            session,
            CONSOLE,
            office.app.extensions["lms_plugin"].seal,
            lambda _address: None,
            key="openedx",
            base_url="https://lms.example.org",
            client_id="worker",
            client_secret="secret",
        )
    return platform_id


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_of_platforms_can_be_used_by_everybody_and_fit_the_screen(
    office: Stage, own_lti_platform: LtiPlatform, new_page: OpenPage, language: str, width: int
) -> None:
    platform_id = in_trouble(office, own_lti_platform)
    picker = ask_for_links(office, platform_id, own_lti_platform)
    with served(office.app) as address:
        page = new_page(language=language, width=width)
        sign_in(page, office, address, "admin", language)
        asked = urlencode(own_lti_platform.registration_request())
        places = ["platforms", "platforms/new", f"platforms/{KEY}", "platforms/openedx", "deliveries"]
        for place in [*(f"/office/{one}" for one in places), f"/lti/register?{asked}", picker]:
            page.goto(address + place)
            if place == "/office/platforms/new":
                page.locator("form.writing").evaluate("form => form.noValidate = true")
                page.locator("#issuer").fill("two words")
                page.locator("form.writing [type=submit]").click()
                expect(page.locator("#issuer-error")).to_be_visible()
                expect(page.locator("#issuer")).to_have_value("two words")
            page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
            assert_sound(page, place)
        page.goto(f"{address}/office/platforms/{KEY}")
        page.locator("form[action$='/trial'] button").click()
        expect(page.locator(".findings > li")).to_have_count(4)
        assert_sound(page, "the findings of a trial")


def test_the_picker_works_in_a_frame_without_cookies_and_brings_the_links_home(
    office: Stage, own_lti_platform: LtiPlatform, new_page: OpenPage
) -> None:
    platform_id = register(office, own_lti_platform)
    picker = ask_for_links(office, platform_id, own_lti_platform)
    page = new_page(language="en")
    with served(office.app) as address:
        framed(page, own_lti_platform, address + picker)
        frame = page.frame_locator("iframe")
        frame.get_by_label("Search programmes and modules").fill("nothing of the kind")
        frame.get_by_role("button", name="Search").click()
        expect(frame.get_by_text("Nothing found")).to_be_visible()
        frame.get_by_label("Search programmes and modules").fill("")
        frame.get_by_role("button", name="Search").click()
        frame.get_by_label("Whole programme").check()
        frame.get_by_role("button", name="Add to the course").click()
        expect(frame.locator("body")).to_contain_text("kept")
    items = own_lti_platform.state()["content_items"]
    assert [one["custom"] for one in items] == [{"programme": "rural"}]
    assert office.browser(language="en").get(picker).status_code == 409


def test_a_registration_goes_on_in_a_window_of_its_own_and_closes_the_platforms_frame(
    office: Stage, own_lti_platform: LtiPlatform, new_page: OpenPage
) -> None:
    introduce(office, own_lti_platform)
    page = new_page(language="en")
    with served(office.app) as address:
        sign_in(page, office, address, "admin", "en")
        asked = urlencode(own_lti_platform.registration_request())
        framed(page, own_lti_platform, f"{address}/lti/register?{asked}")
        with page.context.expect_page() as opened:
            page.frame_locator("iframe").get_by_role("button", name="Open in a window of its own").click()
        window = opened.value
        window.get_by_label("Key").fill("school")
        window.get_by_role("button", name="Register").click()
        expect(window.get_by_role("heading", name="Is this the platform you expected?")).to_be_visible()
        assert_sound(window, "the registration")
        window.get_by_role("button", name="Confirm").click()
        expect(window.get_by_role("heading", name="Connected")).to_be_visible()
        page.wait_for_function("window.said.length > 0")
        assert page.evaluate("window.said") == ["org.imsglobal.lti.close"]
