"""Programmes that want their films seen in order: no way ahead, every way back, and a word why."""

import pytest
from playwright.sync_api import expect

from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer


@pytest.fixture
def ordered(viewer: Viewer, service: Service) -> Viewer:
    """A film of 12 s that must be seen in order, seen up to 3 s and from 6 s to 7 s; it stands at its start."""
    service.skipping_ahead = False
    service.covered = service.page_covered = [[0, 3], [6, 7]]
    viewer.start()
    viewer.pause()
    return viewer


def slide(viewer: Viewer, position: float) -> None:
    viewer.part("seek").evaluate(
        """(slider, to) => {
          slider.value = to;
          for (const name of ["input", "change"]) slider.dispatchEvent(new Event(name));
        }""",
        position,
    )


@pytest.mark.parametrize("position", [5, 6.5, 12])
def test_sliding_ahead_goes_to_where_one_has_come_and_says_why(ordered: Viewer, position: float) -> None:
    slide(ordered, position)
    assert ordered.position == pytest.approx(3, abs=0.01)
    expect(ordered.notice("ahead")).to_contain_text("本项目要求按顺序观看，已为您回到 00:03")


def test_going_back_is_free(ordered: Viewer) -> None:
    slide(ordered, 2.5)
    slide(ordered, 1)
    assert ordered.position == pytest.approx(1, abs=0.01)
    expect(ordered.notice("ahead")).to_have_count(0)


def test_keys_and_scripts_get_no_further(ordered: Viewer) -> None:
    ordered.page.locator(".player").focus()
    ordered.page.keyboard.press("End")
    assert ordered.position == pytest.approx(3, abs=0.01)
    ordered.page.keyboard.press("Home")
    ordered.script("video.currentTime = 9; return new Promise((done) => { video.onseeked = done; });")
    ordered.page.wait_for_function("() => Math.abs(document.querySelector('video').currentTime - 3) < 0.01")
    expect(ordered.notice("ahead")).to_be_visible()


def test_what_was_just_watched_may_be_gone_back_to_before_it_is_reported(ordered: Viewer, service: Service) -> None:
    slide(ordered, 2.8)
    ordered.toggle()
    ordered.reach(4.5)
    played = ordered.script(
        "const at = video.currentTime; document.querySelector('[data-part=back]').click(); return at;"
    )
    slide(ordered, played - 0.3)
    assert ordered.position >= 4
    expect(ordered.notice("ahead")).to_have_count(0)


def test_held_beyond_a_gap_leads_to_what_lies_before_it(viewer: Viewer, service: Service) -> None:
    service.skipping_ahead = False
    service.covered = service.page_covered = [[0, 3]]
    service.held = [{"from": 6.0, "to": 7.0, "reason": "skipped_ahead"}]
    viewer.start()
    viewer.pause()
    row = viewer.part("reasons").locator("li.held")
    expect(row).to_contain_text("看完前面，这一段自动计入，不必重看：")
    row.get_by_role("button", name="先看 00:06 之前的部分").click()
    viewer.reach(3.2)
    assert viewer.position < 6
    expect(viewer.notice("ahead")).to_have_count(0)


def test_the_way_to_what_is_missing_leads_to_the_frontier(ordered: Viewer) -> None:
    ordered.part("next-gap").click()
    ordered.reach(3.1)
    assert ordered.position < 6


def test_where_skipping_is_allowed_nothing_is_refused(viewer: Viewer) -> None:
    viewer.start()
    viewer.pause()
    slide(viewer, 9)
    assert viewer.position == pytest.approx(9, abs=0.01)
    expect(viewer.notice("ahead")).to_have_count(0)
