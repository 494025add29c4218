"""Chromium plays a film that another server sends, on another origin, and that server's log knows the session."""

import re
from pathlib import Path

import pytest

from scripts.demonstration.client import Person
from scripts.demonstration.installation import Installation, free_port
from scripts.demonstration.lms_peer import wait_until
from tests.browser.conftest import OpenPage
from tests.browser.player.viewer import Viewer
from tests.browser.test_main_journey import FILM_SECONDS, credited, sign_in
from tests.journeys.course import PASSWORD, write_course, write_people, write_regions
from tests.nginx import PROGRAM, documented_nginx

KEY = "a-key-shared-with-nginx-and-nobody-else"
SEGMENT = re.compile(r'"GET /media/[0-9]+\.(?P<session>[^.]+)\.\S+/(?P<number>[0-9]+)\.ts HTTP/1\.1" 200 [1-9]')


@pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")
def test_a_film_from_another_server_plays_and_counts(tmp_path: Path, new_page: OpenPage) -> None:
    made = Installation(tmp_path / "data", free_port())
    with documented_nginx(tmp_path, tmp_path / "data" / "media", key=KEY, page=made.base_url) as nginx:
        films = f"http://127.0.0.1:{nginx.port}"
        made.environment |= {"LMS_PLUGIN_MEDIA_BASE_URL": films, "LMS_PLUGIN_MEDIA_KEY": KEY}
        course = write_course(tmp_path, {"counting": FILM_SECONDS}, required_seconds=FILM_SECONDS - 1, required_posts=1)
        made.command("db", "upgrade")
        made.command("users", "regions", str(write_regions(tmp_path)))
        made.command("content", "publish", str(course.folder))
        made.command("users", "import", str(write_people(tmp_path, ["wang.li"])))
        made.start_server()
        try:
            page = new_page(language="en")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            sign_in(page, made.base_url)
            page.get_by_role("button", name="Begin").click()
            page.get_by_role("link", name="Film counting").click()
            page.wait_for_url("**/modules/*")
            viewer = Viewer(page, made.base_url)
            viewer.part("start").click()
            viewer.until_the_end()
            with Person(made.base_url, "wang.li", PASSWORD) as teacher:
                assert wait_until(lambda: credited(teacher) == pytest.approx(FILM_SECONDS, abs=0.2), 20)
            segments = [address for address in asked if address.endswith(".ts")]
            assert segments
            assert all(address.startswith(f"{films}/media/") for address in segments)
            found = list(SEGMENT.finditer(nginx.log.read_text()))
            assert {int(one["number"]) for one in found} == set(range(-(-FILM_SECONDS // 4)))
            assert len({one["session"] for one in found} - {"-"}) == 1
        finally:
            made.stop()
