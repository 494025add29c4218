"""The XBlock in the real workbench of xblock-sdk, in Chromium, with the real service behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from scripts.demonstration.installation import Installation, free_port
from scripts.demonstration.lms_peer import wait_until
from tests.browser.conftest import OpenPage
from tests.browser.player.viewer import Viewer
from tests.journeys.course import KEY, write_course, write_people, write_regions
from tests.peers.process import prepare_environment
from tests.peers.workbench.process import Published, Workbench, build_wheel, install

FILM_SECONDS = 12


@dataclass
class Rig:
    """A service and a workbench that may hand over to it; an author has chosen the module."""

    installation: Installation
    workbench: Workbench
    secret: str

    def address(self, view: str, student: str, host: str = "127.0.0.1") -> str:
        base = self.workbench.base_url.replace("127.0.0.1", host)
        return f"{base}/scenario/lms_plugin.0/{view}/?student={student}"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    prepare_environment()
    folder = tmp_path_factory.mktemp("xblock")
    site = install(build_wheel(folder / "wheel"), folder / "site")
    made = Installation(folder / "data", free_port(), settings={"LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1"})
    workbench = Workbench(site, folder / "workbench")
    course = write_course(folder, {"counting": FILM_SECONDS}, required_seconds=FILM_SECONDS - 1, required_posts=1)
    made.command("db", "upgrade")
    made.command("users", "regions", str(write_regions(folder)))
    made.command("content", "publish", str(course.folder))
    made.command("users", "import", str(write_people(folder, ["wang.li", "li.na", "zhang.wei", "chen.jing"])))
    made.command(
        *("lms", "register", "openedx", "--url", workbench.base_url, "--client-id", "worker"),
        settings={"LMS_PLUGIN_LMS_SECRET": "unused here"},
    )
    secret = made.command("lms", "xblock-key", "openedx")
    workbench.settings = {
        "SERVICE_URL": made.base_url,
        "PLATFORM_KEY": "openedx",
        "SECRET": secret,
        "FRAME_ORIGINS": [workbench.base_url.replace("127.0.0.1", "localhost")],
    }
    made.start_server()
    with workbench:
        yield Rig(made, workbench, secret)
    made.stop()


def choose_module(rig: Rig, page: Page) -> None:
    page.goto(rig.address("studio_view", "author"))
    page.get_by_label("Find a module by title or key").fill("nothing at all")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.get_by_label("Find a module by title or key").fill(f"{KEY} count")
    page.get_by_label("Film counting · A short programme (1 min)").check()
    sound(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def sound(page: Page) -> None:
    """The block shows no barrier to a screen reader's rules; the workbench around it is not ours.

    Its heading is of the level that Open edX gives to a part of a unit, which the workbench has no second level above.
    """
    found = Axe().run(page, context=".lms-plugin-block", options={"rules": {"heading-order": {"enabled": False}}})
    assert found.violations_count == 0, found.generate_report()


def test_an_author_chooses_a_learner_studies_and_the_platform_hears_of_it(rig: Rig, new_page: OpenPage) -> None:
    page = new_page(language="en")
    choose_module(rig, page)
    page.goto(rig.address("author_view", "author"))
    expect(page.get_by_text("Film counting", exact=True)).to_be_visible()
    assert rig.workbench.published() == []

    page.goto(rig.address("student_view", "wang.li"))
    expect(page.get_by_text("Film of 0:12, 0:00 of it counted")).to_be_visible()
    expect(page.get_by_text("A short programme: 0 of 1.19 class hours so far")).to_be_visible()
    expect(page.get_by_text("Still missing:")).to_contain_text("Online video")
    sound(page)
    assert rig.secret not in page.content()
    assert "eyJ" not in page.content()

    page.get_by_role("button", name="Open in this page").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Film counting")).to_be_visible()
    (inner,) = (one for one in page.frames if "/modules/" in one.url)
    assert "token" not in inner.url
    viewer = Viewer(inner, rig.installation.base_url)
    viewer.part("start").click()
    viewer.until_the_end()

    def hears_of_the_whole_film() -> bool:
        with page.expect_response(re.compile("/standing")):
            page.get_by_role("button", name="Update the hours").click()
        return Published("completion", {"completion": 1.0}) in rig.workbench.published()

    assert wait_until(hears_of_the_whole_film, 30)
    expect(page.get_by_text("Film of 0:12, 0:12 of it counted")).to_be_visible()
    expect(page.get_by_text("A short programme: 0.2 of 1.19 class hours so far")).to_be_visible()
    told = rig.workbench.published()
    assert Published("grade", {"value": 1.0, "max_value": 1.0}) in told
    ratios = [one.data["completion"] for one in told if one.kind == "completion"]
    assert ratios == sorted(set(ratios))


def test_where_the_frame_keeps_no_cookies_the_module_has_a_window_of_its_own(rig: Rig, new_page: OpenPage) -> None:
    page = new_page(language="en")
    choose_module(rig, page)
    page.goto(rig.address("student_view", "li.na", host="localhost"))
    page.get_by_role("button", name="Open in this page").click()
    way = page.frame_locator("iframe").get_by_role("button", name="Open the module")
    expect(way).to_be_visible()
    with page.context.expect_page() as opened:
        way.click()
    expect(opened.value).to_have_url(re.compile(r"/enrolments/\d+/modules/\d+$"))
    expect(opened.value.get_by_role("heading", name="Film counting")).to_be_visible()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_window_of_ones_own_is_there_from_the_course_page_too(rig: Rig, new_page: OpenPage, host: str) -> None:
    page = new_page(language="zh")
    choose_module(rig, new_page(language="en"))
    page.goto(rig.address("student_view", "zhang.wei", host=host))
    expect(page.get_by_text("视频时长 0:12，已计入 0:00")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="在新窗口打开").click()
    expect(opened.value).to_have_url(re.compile(r"/enrolments/\d+/modules/\d+$"))


def test_whoever_is_not_known_reads_how_to_be_linked(rig: Rig, new_page: OpenPage) -> None:
    page = new_page(language="en")
    choose_module(rig, page)
    page.goto(rig.address("student_view", "nobody"))
    expect(page.get_by_text("Nobody here is linked with the account nobody")).to_be_visible()
    page.get_by_role("button", name="Open in this page").click()
    expect(page.frame_locator("iframe").get_by_text("How to be linked")).to_be_visible()
    sound(page)
