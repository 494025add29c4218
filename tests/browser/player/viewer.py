"""Somebody at the player."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

PATIENCE_MS = 45_000


class Viewer:
    """Does what a person does at the player, and reads what a person reads."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def part(self, name: str) -> Locator:
        return self.page.locator(f"[data-part={name}]")

    def open(self) -> None:
        self.page.goto(f"{self.address}/film")
        expect(self.part("start")).to_be_enabled()  # by the player; the markup shows it before there is one

    def start(self) -> None:
        """Open the page and press play; returns when the film runs."""
        self.open()
        self.part("start").click()
        self.reach(0.1)

    def reach(self, position: float) -> None:
        """Let the film play until the playhead is at least there."""
        self.at(position, "")

    def pause_at(self, position: float) -> float:
        """Let the film play until the playhead is at least there, and press pause within the same task of the page, so
        that no slow machine plays on meanwhile; answers where it stands then."""
        self.at(position, "document.querySelector('[data-part=toggle]').click();")
        self.stopped_at(position)
        return self.position

    def at(self, position: float, body: str) -> Any:
        """Run a script with `video` at hand in the very task in which the film is seen playing there; gives what it
        returns."""
        return self._wait_for(
            ["timeupdate"],
            f"!video.paused && !video.seeking && video.currentTime >= {position}",
            f"playing at {position}",
            body,
        )

    def stopped_at(self, position: float) -> None:
        """Wait until the film stands there or farther on, however long it has stood there."""
        there = f"video.paused && !video.seeking && video.currentTime >= {position}"
        self._wait_for(["pause", "seeked"], there, f"standing at {position}")

    def until_the_end(self) -> None:
        """Wait until the film has ended."""
        self._wait_for(["ended"], "video.ended", "ended")

    def _wait_for(self, events: list[str], condition: str, what: str, body: str = "") -> Any:
        """Wait for a condition, looking at it now and at each of these events (`timeupdate`: only then)."""
        return self.page.evaluate(
            f"""(milliseconds) => new Promise((resolve, reject) => {{
              const video = document.querySelector("video");
              const late = () => reject(new Error("never {what}; stands at " + video.currentTime));
              const timer = setTimeout(late, milliseconds);
              const run = () => {{ {body} }};
              const listening = new AbortController();
              const look = () => {{
                if (listening.signal.aborted || !({condition})) return;
                clearTimeout(timer);
                listening.abort();
                resolve(run());
              }};
              const events = {events};
              for (const event of events) video.addEventListener(event, look, {{ signal: listening.signal }});
              if (!events.includes("timeupdate")) look();
            }})""",
            PATIENCE_MS,
        )

    def toggle(self) -> None:
        self.part("toggle").click()

    def pause(self) -> float:
        """Press pause; answers where the playhead stands then."""
        self.toggle()
        return self.position

    @property
    def position(self) -> float:
        return float(self.video("currentTime"))

    def video(self, name: str) -> Any:
        """A property of the media element."""
        return self.page.evaluate("(name) => document.querySelector('video')[name]", name)

    def script(self, body: str) -> Any:
        """Run a script of the page's own kind, with `video` at hand."""
        return self.page.evaluate(f"() => {{ const video = document.querySelector('video'); {body} }}")

    def notice(self, matter: str) -> Locator:
        return self.page.locator(f".notices [data-matter={matter}]")

    def send_now(self) -> None:
        """Press the button of what was not sent yet, unless the player's own next try has come before it."""
        self.script("document.querySelector('.notices [data-matter=delivery] button')?.click();")

    def hide_tab(self, hidden: bool = True) -> None:
        """What a browser does when another tab is chosen, and when this one is again."""
        state = "hidden" if hidden else "visible"
        self.script(
            f"Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});"
            "document.dispatchEvent(new Event('visibilitychange'));"
        )

    @property
    def focused(self) -> str:
        """The part that has the focus: its name, or its value where it is one of the choices."""
        return str(
            self.page.evaluate(
                "() => document.activeElement.dataset.part ?? `choice ${document.activeElement.value ?? 'none'}`"
            )
        )
