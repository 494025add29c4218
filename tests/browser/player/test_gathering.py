"""Exactly what was played is reported, however the film and the computer behave; real films, really played."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.player.counterpart import Service, united
from tests.browser.player.viewer import Viewer

NEAR_SECONDS = 0.06
APPLE = "Object.defineProperty(navigator, 'vendor', { value: 'Apple Computer, Inc.' });"
BUSY = """
  const block = (milliseconds) => { const end = performance.now() + milliseconds; while (performance.now() < end); };
  addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("video");
    for (const name of NAMES) video?.addEventListener(name, () => block(600), { capture: true, once: true });
  });
"""
HIDDEN = """
  HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;
  const every = window.setInterval;
  window.setInterval = (run, milliseconds) => every(run, 60 * milliseconds);
"""
CLOCK = """
  const now = performance.now.bind(performance);
  globalThis.slept = 0;
  performance.now = () => now() + globalThis.slept;
"""


def reported(service: Service) -> list[list[float]]:
    return united([[segment["from"], segment["to"]] for segment in service.segments])


@pytest.mark.parametrize("moment", ["loadedmetadata", "loadeddata", "canplay", "playing", "seeking", "seeked"])
@pytest.mark.parametrize("start", [0.0, 6.25])
def test_a_busy_computer_misses_nothing_of_the_start(
    viewer: Viewer, service: Service, moment: str, start: float
) -> None:
    service.resume_at_seconds = start
    viewer.page.add_init_script(BUSY.replace("NAMES", f'["{moment}"]'))
    viewer.open()
    viewer.part("start").click()
    stood = viewer.pause_at(start + 1.5)
    service.wait_for(lambda heard: heard.segments)
    assert reported(service) == [[start, pytest.approx(stood, abs=NEAR_SECONDS)]]


def test_a_slow_processor_misses_nothing(viewer: Viewer, service: Service) -> None:
    viewer.open()
    session = viewer.page.context.new_cdp_session(viewer.page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 12})
    viewer.part("start").click()
    stood = viewer.pause_at(2)
    service.wait_for(lambda heard: heard.segments)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    assert reported(service) == [[0, pytest.approx(stood, abs=NEAR_SECONDS)]]


def test_a_stall_costs_nothing_and_gives_nothing(viewer: Viewer, service: Service) -> None:
    gate = threading.Event()
    service.gates |= {"180_1.ts": gate, "90_1.ts": gate}
    viewer.open()
    viewer.script(
        "globalThis.stalled = new Promise((tell) =>"
        " video.addEventListener('waiting', () => video.currentTime > 3 && tell(true)));"
    )
    viewer.part("start").click()
    assert viewer.page.evaluate("() => globalThis.stalled") is True
    viewer.page.evaluate("() => new Promise((resume) => setTimeout(resume, 1500))")
    stalled = viewer.position
    gate.set()
    stood = viewer.pause_at(stalled + 1)
    service.wait_for(lambda heard: heard.segments)
    assert reported(service) == [[0, pytest.approx(stood, abs=NEAR_SECONDS)]]
    assert sum(segment["to"] - segment["from"] for segment in service.segments) == pytest.approx(stood, abs=0.1)


def test_a_hidden_tab_with_sleepy_timers_loses_nothing(viewer: Viewer, service: Service) -> None:
    viewer.page.add_init_script(HIDDEN)
    viewer.start()
    stood = viewer.pause_at(3)
    service.wait_for(lambda heard: heard.segments)
    assert reported(service) == [[0, pytest.approx(stood, abs=NEAR_SECONDS)]]


def test_a_picture_in_a_window_of_its_own_counts_as_the_film(viewer: Viewer, service: Service) -> None:
    viewer.start()
    assert viewer.script("return document.pictureInPictureEnabled;") is True
    viewer.page.keyboard.press("Shift")  # the browser wants a gesture
    viewer.page.evaluate("() => document.querySelector('video').requestPictureInPicture().then(() => null)")
    stood = viewer.pause_at(2)
    service.wait_for(lambda heard: heard.segments)
    assert reported(service) == [[0, pytest.approx(stood, abs=NEAR_SECONDS)]]


def test_a_night_asleep_is_not_played(viewer: Viewer, service: Service) -> None:
    viewer.page.add_init_script(CLOCK)
    viewer.start()
    viewer.reach(1)
    viewer.script("globalThis.slept += 8 * 3600 * 1000;")
    lay = viewer.at(2, "const at = video.currentTime; globalThis.slept += 28800_000; video.currentTime = 8; return at;")
    stood = viewer.pause_at(9)
    service.wait_for(lambda heard: reported(heard)[-1][1] > 8.9)
    (start, left), (again, end) = reported(service)
    assert (start, again, end) == (0, pytest.approx(8, abs=NEAR_SECONDS), pytest.approx(stood, abs=NEAR_SECONDS))
    assert left == pytest.approx(lay, abs=0.25)  # the night begins somewhere between two looks at the film


def test_a_window_closed_in_mid_play_reports_up_to_its_last_moment(viewer: Viewer, service: Service) -> None:
    context = viewer.page.context
    viewer.page.add_init_script(
        "addEventListener('pagehide', () => localStorage.setItem('left', document.querySelector('video').currentTime));"
    )
    viewer.start()
    viewer.reach(2.5)
    viewer.page.close(run_before_unload=True)
    service.wait_for(lambda heard: heard.covered and heard.covered[0][0] == 0)
    (origin,) = context.storage_state()["origins"]
    (left,) = (float(item["value"]) for item in origin["localStorage"] if item["name"] == "left")
    assert reported(service) == [[0, pytest.approx(left, abs=NEAR_SECONDS)]]


@pytest.fixture
def remembering(browser: Browser, address: str) -> Iterator[Viewer]:
    """Somebody whose browser keeps pages as they were, for the way back."""
    own = browser.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield Viewer(own.new_page(locale="zh-CN"), address)
    own.close()


def test_a_page_that_comes_back_as_it_was_goes_on(remembering: Viewer, service: Service) -> None:
    viewer = remembering
    viewer.start()
    viewer.reach(1.5)
    viewer.script("addEventListener('pageshow', ({ persisted }) => (globalThis.cameBack = persisted));")
    viewer.page.goto(f"{viewer.address}/plain")
    service.wait_for(lambda heard: heard.segments)
    viewer.page.evaluate("history.back()")
    viewer.page.wait_for_url("**/film", wait_until="commit")
    assert viewer.script("return globalThis.cameBack;") is True
    left = viewer.position
    assert viewer.video("paused") is True
    viewer.toggle()
    stood = viewer.pause_at(left + 1)
    service.wait_for(lambda heard: reported(heard)[-1][1] > left + 0.9)
    assert reported(service) == [[0, pytest.approx(stood, abs=NEAR_SECONDS)]]
    assert service.opened == ["s1"]


def test_the_browsers_own_hls_goes_the_same_way(viewer: Viewer, service: Service) -> None:
    service.resume_at_seconds = 3.5
    viewer.page.add_init_script(APPLE)
    viewer.open()
    viewer.part("start").click()
    before = viewer.at(
        5, "const at = video.currentTime; document.querySelector('[data-part=back]').click(); return at;"
    )
    assert viewer.video("src").endswith("/media/s1/master.m3u8")
    stood = viewer.pause_at(1)
    service.wait_for(lambda heard: len(heard.segments) >= 2)
    (start, end), (again, left) = reported(service)
    assert (start, again) == (0, pytest.approx(3.5, abs=NEAR_SECONDS))
    assert end == pytest.approx(stood, abs=NEAR_SECONDS)
    assert left == pytest.approx(before, abs=NEAR_SECONDS)  # where the press found it


def test_with_the_browsers_own_hls_an_address_that_has_run_out_is_renewed(viewer: Viewer, service: Service) -> None:
    service.expired = {"s1"}
    viewer.page.add_init_script(APPLE)
    viewer.start()
    assert service.opened == ["s1", "s2"]


def test_with_the_browsers_own_hls_a_film_that_cannot_be_played_says_so(viewer: Viewer, service: Service) -> None:
    service.manifest_status = 500
    viewer.page.add_init_script(APPLE)
    viewer.open()
    viewer.part("start").click()
    expect(viewer.part("message-text")).to_contain_text("视频加载失败")
    service.manifest_status = 200
    viewer.part("retry").click()
    viewer.reach(0.5)
