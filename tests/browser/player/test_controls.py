"""The player by keyboard, by touch and by screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

NEAR_SECONDS = 0.3


@pytest.fixture
def standing(viewer: Viewer) -> Viewer:
    """A film that was started, stands at 2 s and has the focus."""
    viewer.start()
    viewer.pause()
    viewer.script("video.currentTime = 2; return new Promise((done) => { video.onseeked = done; });")
    viewer.page.locator(".player").focus()
    return viewer


@pytest.mark.parametrize(
    ("keys", "position"),
    [
        (["ArrowRight"],             7.0),
        (["l"],                     12.0),
        (["L"],                     12.0),
        (["5"],                      6.0),
        (["0"],                      0.0),
        (["9"],                     10.8),
        (["End"],                   12.0),
        (["Home"],                   0.0),
        (["ArrowLeft"],              0.0),
        (["8", "j"],                 0.0),
        (["9", "ArrowLeft"],         5.8),
        (["ArrowRight", "Control+5"], 7.0),
    ],
)  # fmt: skip
def test_keys_move_the_playhead(standing: Viewer, keys: list[str], position: float) -> None:
    for key in keys:
        standing.page.keyboard.press(key)
    assert standing.position == pytest.approx(position, abs=0.01)


@pytest.mark.parametrize("key", ["Space", "k"])
def test_a_key_plays_and_pauses(standing: Viewer, key: str) -> None:
    standing.page.keyboard.press(key)
    standing.reach(2.3)
    standing.page.keyboard.press(key)
    assert standing.video("paused") is True


def test_keys_for_sound_speed_and_captions(standing: Viewer) -> None:
    press = standing.page.keyboard.press
    press("ArrowDown")
    press("ArrowDown")
    press("ArrowUp")
    assert standing.video("volume") == pytest.approx(0.9)
    press("m")
    assert standing.video("muted") is True
    expect(standing.part("mute")).to_have_accessible_name("取消静音")
    press(">")
    assert standing.video("playbackRate") == 1.25
    for _ in range(5):
        press(">")
    assert standing.video("playbackRate") == 1.5
    press("<")
    assert standing.video("playbackRate") == 1.25
    press("c")
    expect(standing.part("captions")).to_have_value("off")
    press("c")
    expect(standing.part("captions")).to_have_value("zh")


def test_full_screen_by_key_and_back(standing: Viewer) -> None:
    standing.page.keyboard.press("f")
    expect(standing.part("fullscreen")).to_have_accessible_name("退出全屏")
    standing.page.keyboard.press("f")
    expect(standing.part("fullscreen")).to_have_accessible_name("全屏")


def test_typing_elsewhere_or_with_the_focus_elsewhere_does_nothing(standing: Viewer) -> None:
    note = standing.page.get_by_label("note")
    note.focus()
    standing.page.keyboard.type("k 5 m")
    assert note.input_value() == "k 5 m"
    standing.page.locator("h1").click()
    standing.page.keyboard.press("k")
    standing.page.keyboard.press("5")
    assert (standing.position, standing.video("paused"), standing.video("muted")) == (2, True, False)


def test_space_on_a_button_is_that_buttons(standing: Viewer) -> None:
    standing.part("mute").focus()
    standing.page.keyboard.press("Space")
    assert (standing.video("muted"), standing.video("paused")) == (True, True)


def test_arrows_on_the_seek_slider_are_five_seconds(standing: Viewer) -> None:
    standing.part("seek").focus()
    standing.page.keyboard.press("ArrowRight")
    assert standing.position == pytest.approx(7, abs=0.01)
    expect(standing.part("seek")).to_have_attribute("aria-valuetext", "00:07，共 00:12")


def test_a_click_on_the_picture_plays_and_gives_the_keys_to_the_player(viewer: Viewer) -> None:
    viewer.start()
    viewer.page.locator("video").click()
    assert viewer.video("paused") is True
    viewer.page.keyboard.press("m")
    assert viewer.video("muted") is True


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_barrier_is_found_and_nothing_overflows(
    new_page: OpenPage, address: str, service: Service, language: str, width: int
) -> None:
    service.withheld = [{"from": 5.0, "to": 6.0, "reason": "too_fast"}]
    service.beat_interval_seconds = 1
    viewer = Viewer(new_page(language=language, width=width), address)
    viewer.start()
    service.take_lease()
    expect(viewer.notice("lease")).to_be_visible()
    expect(viewer.part("reasons")).to_be_visible()
    result = Axe().run(viewer.page)
    assert result.violations_count == 0, result.generate_report()
    assert viewer.page.evaluate("document.documentElement.scrollWidth") == width


def test_everything_to_press_is_large_enough_for_a_finger(phone_viewer: Viewer) -> None:
    phone_viewer.start()
    small = phone_viewer.page.locator(".player :is(button, select, input), .site-header :is(a, button, summary)")
    sizes = small.evaluate_all(
        """(all) => all.filter((part) => part.checkVisibility()).map((part) => {
          const { width, height } = part.getBoundingClientRect();
          return [part.dataset.part ?? part.textContent.trim(), Math.round(width), Math.round(height)];
        })"""
    )
    assert len(sizes) > 10
    assert [size for size in sizes if min(size[1:]) < 44] == []


def test_a_browser_without_the_means_is_told_so(viewer: Viewer) -> None:
    viewer.page.route("**/hls.light.min.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    viewer.page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => '';")
    viewer.page.goto(f"{viewer.address}/film")
    expect(viewer.part("message-text")).to_contain_text("当前浏览器无法播放此视频")
