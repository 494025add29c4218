"""A teacher's evening in Chromium on the real server: sign in, watch, come back, finish, write, read the hours."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.demonstration.client import Person
from scripts.demonstration.installation import Installation, free_port
from scripts.demonstration.lms_peer import wait_until
from tests.browser.conftest import OpenPage
from tests.browser.player.viewer import Viewer
from tests.journeys.course import PASSWORD, write_course, write_people, write_regions

FILM_SECONDS = 12
TOLERANCE_SECONDS = 0.2
POST = "今天用校门口的石子数数，学生先猜再数，有两个孩子发现十个一堆最好数，我打算明天换成豆子再试一次。"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A running server with one film, one post and one teacher to do both."""
    made = Installation(tmp_path / "data", free_port())
    course = write_course(tmp_path, {"counting": FILM_SECONDS}, required_seconds=FILM_SECONDS - 1, required_posts=1)
    made.command("db", "upgrade")
    made.command("users", "regions", str(write_regions(tmp_path)))
    made.command("content", "publish", str(course.folder))
    made.command("users", "import", str(write_people(tmp_path, ["wang.li"])))
    made.start_server()
    yield made
    made.stop()


@pytest.fixture
def teacher(installation: Installation) -> Iterator[Person]:
    """The same teacher through the API, to see what is really credited."""
    with Person(installation.base_url, "wang.li", PASSWORD) as person:
        yield person


def test_an_evening_of_study_is_credited_to_the_second(
    installation: Installation, teacher: Person, new_page: OpenPage
) -> None:
    page = new_page(language="en")
    sign_in(page, installation.base_url)
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Film counting").click()
    page.wait_for_url("**/modules/*")

    viewer = Viewer(page, installation.base_url)
    viewer.part("start").click()
    first_stop = viewer.pause_at(5.0)
    assert wait_until(lambda: credited(teacher) == pytest.approx(first_stop, abs=TOLERANCE_SECONDS), 20)
    expect(viewer.part("line")).to_contain_text(re.compile(r"Counted 00:0[5-7] / 00:12"))
    shown = page.locator("[data-part=spans] rect").count()
    assert shown > 1, "the film bar shows nothing counted"

    page.reload()  # as wait_for_url, until everything has loaded: a click before that meets no script
    expect(viewer.part("start-text")).to_contain_text(re.compile(r"0:0[4-7]"))
    viewer.part("start").click()
    viewer.reach(first_stop + 0.5)
    viewer.until_the_end()
    assert wait_until(lambda: credited(teacher) == pytest.approx(FILM_SECONDS, abs=TOLERANCE_SECONDS), 20)

    page.locator("#new-thread [name=title]").fill("数石子")
    page.locator("#new-thread [name=body]").fill(POST)
    expect(page.locator("#counts")).to_contain_text("Counts: 1 minute of credit.")
    page.locator("#new-thread button[type=submit]").click()
    expect(page.get_by_text(POST)).to_be_visible()

    enrolment = teacher.get("/api/v1/me/enrolments")[0]
    assert enrolment["completion_ratio"] == 1
    page.goto(f"{installation.base_url}/enrolments/{enrolment['id']}/hours")
    expect(page.get_by_text("All requirements were met on")).to_be_visible()
    expect(page.locator("#ledger tbody tr")).to_have_count(
        len(teacher.get(f"/api/v1/enrolments/{enrolment['id']}/ledger")["entries"])
    )


def test_who_is_not_signed_in_is_led_back_to_where_they_wanted_to_go(
    installation: Installation, teacher: Person, new_page: OpenPage
) -> None:
    enrolment = teacher.get("/api/v1/me/enrolments")[0]
    wanted = f"{installation.base_url}/enrolments/{enrolment['id']}/hours"
    page = new_page(language="en")
    page.goto(wanted)
    fill_in(page)
    expect(page).to_have_url(wanted)


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login")
    fill_in(page)
    expect(page).to_have_url(f"{address}/")


def fill_in(page: Page) -> None:
    page.locator("[name=login]").fill("wang.li")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def credited(teacher: Person) -> float:
    enrolment = teacher.get("/api/v1/me/enrolments")[0]
    hours = teacher.get(f"/api/v1/enrolments/{enrolment['id']}/hours")
    return float(hours["components"][0]["credited_seconds"])
