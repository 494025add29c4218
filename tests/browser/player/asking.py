"""What tests of presence checks do again and again."""

from playwright.sync_api import expect

from tests.browser.player.counterpart import Service
from tests.browser.player.questions import Check
from tests.browser.player.viewer import Viewer


def asked(viewer: Viewer, service: Service, at: float = 0.5, **told: object) -> Check:
    """Watch until the service puts a question; answers the check whose dialog is open then."""
    service.beat_interval_seconds = 1
    if viewer.page.url == "about:blank":
        viewer.start()
    viewer.reach(at)
    check = service.put_check(**told)
    expect(viewer.part("presence")).to_be_visible()
    return check


def choose(viewer: Viewer, index: int) -> None:
    viewer.part("presence-choices").get_by_role("radio").nth(index).check()
    viewer.part("presence-submit").click()


def drawn(viewer: Viewer, state: str) -> int:
    return viewer.part("spans").locator(f"rect[data-state={state}]").count()
