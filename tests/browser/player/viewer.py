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
        expect(self.part("start")).to_be_visible()

    def start(self) -> None:
        """Open the page and press play; returns when the film runs."""
        self.open()
        self.part("start").click()
        self.reach(0.1)

    def reach(self, position: float) -> None:
        """Let the film play until the playhead is at least there."""
        self._wait_for(
            "timeupdate",
            f"!video.paused && !video.seeking && video.currentTime >= {position}",
            f"playing at {position}",
        )

    def until(self, event: str) -> None:
        """Wait for the next event of the media element."""
        self._wait_for(event, "true", event)

    def _wait_for(self, event: str, condition: str, what: str) -> None:
        self.page.evaluate(
            f"""(milliseconds) => new Promise((resolve, reject) => {{
              const video = document.querySelector("video");
              const late = () => reject(new Error("never {what}; stands at " + video.currentTime));
              const timer = setTimeout(late, milliseconds);
              const look = () => {{
                if (!({condition})) return;
                clearTimeout(timer);
                video.removeEventListener("{event}", look);
                resolve();
              }};
              video.addEventListener("{event}", look);
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
