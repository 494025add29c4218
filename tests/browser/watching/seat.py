"""Somebody at a device: the player on the real service, and a witness of what the device really played.

The witness asks nobody but the media element: its own `played` ranges, kept a few times a second in the device's local
storage, so that they outlive the page.
"""

import json
import re

from playwright.sync_api import BrowserContext, Page, Response, expect

from lms_plugin.domain import intervals
from tests.browser.player.viewer import Viewer
from tests.browser.watching.site import Learner
from tests.journeys.course import PASSWORD

Spans = tuple[tuple[int, int], ...]
"""Stretches of film in milliseconds."""

_KEY = "witness of the tests "
_WITNESS = """
(() => {
  const key = KEY + Math.random();
  const earlier = [];
  let current = [];
  let video = null;
  const look = () => {
    current = Array.from({ length: video.played.length }, (_, at) => [video.played.start(at), video.played.end(at)]);
    localStorage.setItem(key, JSON.stringify([...earlier, ...current]));
  };
  addEventListener("DOMContentLoaded", () => {
    video = document.querySelector("video");
    if (!video) return;
    video.addEventListener("emptied", () => { earlier.push(...current); current = []; });
    for (const name of ["pause", "seeking", "ended"]) video.addEventListener(name, look);
    addEventListener("pagehide", look);
    setInterval(look, 25);
  });
})();
""".replace("KEY", json.dumps(_KEY))


class Device:
    """A browser of one person's, signed in."""

    def __init__(self, page: Page, learner: Learner) -> None:
        self.context: BrowserContext = page.context
        self.context.add_init_script(_WITNESS)
        self._learner = learner
        page.goto(f"{learner.site.address}/login")
        page.locator("[name=login]").fill(learner.login)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button[type=submit]").click()
        expect(page).to_have_url(f"{learner.site.address}/")
        self._empty: Page | None = page

    def sit_down(self) -> "Seat":
        """Open the film's page."""
        page, self._empty = self._empty or self.context.new_page(), None
        return Seat(page, self._learner)

    @property
    def played(self) -> Spans:
        """All that was really played here, on this page and those before it."""
        spans: list[tuple[int, int]] = []
        for origin in self.context.storage_state()["origins"]:
            for item in origin["localStorage"]:
                if item["name"].startswith(_KEY):
                    spans += [(round(1000 * start), round(1000 * end)) for start, end in json.loads(item["value"])]
        return intervals.merge(spans)


class Seat(Viewer):
    """The player on the film's page."""

    def __init__(self, page: Page, learner: Learner) -> None:
        super().__init__(page, learner.site.address)
        self.sessions: list[str] = []
        page.on("response", self._note)
        page.goto(learner.page_address)
        expect(self.part("start")).to_be_enabled()

    def _note(self, response: Response) -> None:
        if response.status == 201 and response.url.endswith("/playback-sessions"):
            self.sessions.append(response.json()["id"])

    @property
    def session(self) -> str:
        """The name of the playback session that is played now."""
        return self.sessions[-1]

    def start(self, *, rate: float = 1) -> None:
        self.part("start").click()
        self.reach(0)
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        """As a person's browser extension does: the menu of speeds ends at 2."""
        self.script(f"video.playbackRate = {rate};")

    def wait_until_loaded(self, seconds: float) -> None:
        """Until the film is here up to a position."""
        self.page.wait_for_function(
            "(seconds) => { const { buffered } = document.querySelector('video');"
            " return buffered.length > 0 && buffered.end(buffered.length - 1) >= seconds; }",
            arg=seconds,
        )

    def wait_for_check(self) -> None:
        """Watch on until a presence check is put."""
        expect(self.part("presence-form")).to_be_visible(timeout=90_000)

    def right_choice(self) -> int:
        """Which choice is right (counted from 0), for somebody who can add two numbers."""
        numbers = re.findall(r"\d+", self.part("presence-question").inner_text())
        wanted = str(sum(map(int, numbers)))
        choices = self.part("presence-choices").locator("label span:last-child").all_inner_texts()
        return choices.index(wanted)

    def answer(self) -> None:
        """Answer a presence check rightly."""
        self.part("presence-choices").get_by_role("radio").nth(self.right_choice()).check()
        self.part("presence-submit").click()
        expect(self.part("presence")).to_be_hidden()
