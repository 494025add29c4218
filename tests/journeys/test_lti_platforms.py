"""LTI platforms with the real server and worker: from the click in a course to the grade the platform shows.

Runs on Open edX's own LTI consumer and on a platform of our own; what a browser does is done request by request.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from scripts.demonstration.client import Person, Sitting
from scripts.demonstration.installation import Installation
from tests.journeys.course import KEY, PASSWORD, write_course, write_people, write_regions
from tests.peers.lti.interface import Fault, Link, LtiTestPlatform
from tests.peers.lti.interface import Person as Member
from tests.stores import ON_SQLITE
from tests.waiting import until

PLATFORM = "lti"
FILMS = {"counting": 5, "measuring": 6}
MEMBERS = [Member("li.wei", "李维"), Member("author", "陈作者", role="Instructor")]
POST = "今天用校门口的石子数数，学生先猜再数，有两个孩子发现十个一堆最好数，我打算明天换成豆子再试一次。"
# Launches and keys are tried on both stores below; here one is enough.
AT_OPEN_EDX = pytest.mark.parametrize("lti_platform", ["openedx"], indirect=True)
ON_EACH = pytest.mark.parametrize(
    ("database_url", "lti_platform"), [("sqlite", "openedx"), ("postgresql", "own")], indirect=True
)


class Browser:
    """A browser in front of the platform's course page; its window, not a frame."""

    def __init__(self, base_url: str, platform: LtiTestPlatform) -> None:
        self._base_url = base_url
        self._platform = platform
        self._http = httpx.Client(base_url=base_url, trust_env=False, timeout=30)

    def follow(self, login: Mapping[str, str]) -> httpx.Response:
        """Click on a link: login, the platform's answer, and what our service says to it."""
        begun = self._http.get("/lti/login", params=dict(login))
        assert begun.status_code == 302, begun.text
        asked = urlsplit(begun.headers["Location"])
        assert f"{asked.scheme}://{asked.netloc}{asked.path}" == self._platform.authorization_url
        form = self._platform.authorize(dict(parse_qsl(asked.query)))
        headers = {"Origin": self._platform.issuer, "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
        return self._http.post("/lti/launch", data=form, headers=headers)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def press(self, path: str, **fields: str | list[str]) -> httpx.Response:
        """Send a form of one of our pages."""
        return self._http.post(path, data=fields, headers={"Origin": self._base_url})


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


@pytest.fixture
def platform(installation: Installation, lti_platform: LtiTestPlatform, tmp_path: Path) -> LtiTestPlatform:
    """A platform and the service that know each other, with one link to the programme and one to its first module."""
    course = write_course(tmp_path, FILMS, required_seconds=4, required_posts=1)
    installation.command("users", "regions", str(write_regions(tmp_path)))
    installation.command("content", "publish", str(course.folder))
    installation.command("users", "import", str(write_people(tmp_path, ["wang.li"])))
    installation.command(
        *("lms", "register-lti", PLATFORM, "--issuer", lti_platform.issuer, "--client-id", lti_platform.client_id),
        *("--authorization-url", lti_platform.authorization_url, "--key-set-url", lti_platform.key_set_url),
        *("--token-url", lti_platform.token_url, "--deployment", lti_platform.deployment_id),
    )
    installation.start_server()
    base = installation.base_url
    lti_platform.set_tool(
        launch_url=f"{base}/lti/launch", login_url=f"{base}/lti/login", key_set_url=f"{base}/lti/jwks.json"
    )
    programme = f"{base}/lti/programmes/{KEY}"
    links = [
        Link("programme", target_link_uri=programme),
        Link("module", target_link_uri=f"{programme}/modules/counting"),
    ]
    lti_platform.seed(users=MEMBERS, links=links)
    return lti_platform


@pytest.fixture
def browser(installation: Installation, platform: LtiTestPlatform) -> Iterator[Browser]:
    opened = Browser(installation.base_url, platform)
    yield opened
    opened.close()


def link_account(browser: Browser, login: Mapping[str, str]) -> httpx.Response:
    """The first visit: whose account it is."""
    first = browser.follow(login)
    assert first.status_code == 200, first.text
    asked = browser.press("/lti/account", subject=hidden(first.text, "subject"))
    return browser.press(
        "/lti/account/link",
        csrf_token=hidden(asked.text, "csrf_token"),
        subject=hidden(asked.text, "subject"),
        login="wang.li",
        password=PASSWORD,
    )


def earn(installation: Installation) -> None:
    """Watch what is required, and write the post."""
    with Person(installation.base_url, "wang.li", PASSWORD) as teacher:
        enrolment = teacher.get("/api/v1/me/enrolments")[0]
        module = enrolment["modules"][0]
        watched = Sitting(teacher, module["video"]["id"], enrolment["id"]).play(0.0, 5.0, every_seconds=1.0)
        assert watched.covered == 5.0
        threads = f"/api/v1/modules/{module['id']}/threads"
        assert teacher.post(threads, {"title": "数石子", "body": POST}, status=201)["counts"]
        hours = teacher.get(f"/api/v1/enrolments/{enrolment['id']}/hours")
        assert hours["completion"]["complete"]


@ON_EACH
def test_from_the_click_in_a_course_to_the_grade(
    installation: Installation, platform: LtiTestPlatform, browser: Browser
) -> None:
    linked = link_account(browser, platform.login_request("li.wei", "programme"))
    assert (linked.status_code, linked.headers["Location"]) == (303, f"/lti/programmes/{KEY}")
    again = browser.follow(platform.login_request("li.wei", "module"))
    assert (again.status_code, again.headers["Location"]) == (303, f"/lti/programmes/{KEY}/modules/counting")
    assert browser.get(again.headers["Location"]).status_code in {200, 302, 303}

    installation.start_worker()
    platform.faults(Fault.stored_yet_refused("scores"), Fault.answer_lost("scores"))
    earn(installation)
    li_wei = platform.subject("li.wei")
    expected = {("programme", "li.wei"): 1.0, ("module", "li.wei"): 1.0}
    until(lambda: platform.gradebook() == expected, "the grades never arrived")
    held = platform.scores()[str(platform.line_item("programme")), li_wei]
    assert held.given is not None
    assert held.given >= (held.maximum or 0)
    assert (held.activity_progress, held.grading_progress) == ("Completed", "FullyGraded")
    assert held.comment
    with Person(installation.base_url, "office", PASSWORD) as office:

        def all_acknowledged() -> bool:
            deliveries = office.get("/api/v1/lms/deliveries", platform=PLATFORM)["deliveries"]
            return {one["state"] for one in deliveries} == {"acknowledged"}

        until(all_acknowledged, "not all was acknowledged")
    assert installation.command("lms", "reconcile", PLATFORM) == "2 agrees"


@ON_SQLITE
@AT_OPEN_EDX
def test_keys_change_on_both_sides_while_somebody_studies(
    installation: Installation, platform: LtiTestPlatform, browser: Browser
) -> None:
    link_account(browser, platform.login_request("li.wei", "programme"))
    platform.rotate_keys(keep_old=False)
    installation.command("lms", "rotate-key")
    again = browser.follow(platform.login_request("li.wei", "programme"))
    assert again.status_code == 303, again.text
    installation.start_worker()
    earn(installation)
    until(lambda: platform.gradebook() == {("programme", "li.wei"): 1.0}, "the grade never arrived")


@ON_SQLITE
@AT_OPEN_EDX
@pytest.mark.parametrize("minutes", [5, -5])
def test_a_platform_whose_clock_is_five_minutes_off(
    installation: Installation, platform: LtiTestPlatform, browser: Browser, minutes: float
) -> None:
    platform.set_clock(minutes)
    linked = link_account(browser, platform.login_request("li.wei", "programme"))
    assert linked.status_code == 303, linked.text
    installation.start_worker()
    earn(installation)
    until(lambda: platform.gradebook() == {("programme", "li.wei"): 1.0}, "the grade never arrived")


@ON_SQLITE
def test_an_author_chooses_a_module_and_the_platform_keeps_it(platform: LtiTestPlatform, browser: Browser) -> None:
    begun = browser.follow(platform.deep_link_request("author"))
    assert begun.status_code == 303, begun.text
    picker = begun.headers["Location"]
    assert "counting" in browser.get(picker).text
    picked = browser.press(picker, chosen=[f"{KEY}/counting"], action="choose")
    assert picked.status_code == 200, picked.text
    found = re.search(r'<form method="post" action="([^"]+)"', picked.text)
    assert found is not None
    (kept,) = platform.receive_deep_link(hidden(picked.text, "JWT"), unescape(found[1]))
    assert kept["title"]

    linked = link_account(browser, platform.login_request("li.wei", "chosen-1"))
    assert (linked.status_code, linked.headers["Location"]) == (303, f"/lti/programmes/{KEY}/modules/counting")
