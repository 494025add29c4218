"""What a real film, really played in a browser, is reported as."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

NEAR_SECONDS = 0.05


def spans(service: Service) -> list[tuple[float, float]]:
    return [(segment["from"], segment["to"]) for segment in service.segments]


def joined(service: Service) -> list[list[float]]:
    """What the recorded segments cover, with holes of a millisecond showing."""
    covered: list[list[float]] = []
    for start, end in sorted(spans(service)):
        if covered and start <= covered[-1][1]:
            covered[-1][1] = max(covered[-1][1], end)
        else:
            covered.append([start, end])
    return covered


def near(*expected: float) -> Any:
    return pytest.approx(list(expected), abs=NEAR_SECONDS)


def test_play_and_pause_are_reported_as_one_stretch(viewer: Viewer, service: Service) -> None:
    viewer.start()
    stood = viewer.pause_at(1.5)
    service.wait_for(lambda heard: heard.segments)
    assert joined(service) == [near(0, stood)]
    assert joined(service)[0][0] == 0
    assert joined(service)[0][1] <= stood


def test_playing_on_after_a_pause_leaves_no_hole(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.pause_at(1)
    viewer.toggle()
    stood = viewer.pause_at(2)
    service.wait_for(lambda heard: len(heard.beats) == 2)
    assert joined(service) == [near(0, stood)]


def test_a_seek_by_the_buttons_ends_the_stretch_where_it_was(viewer: Viewer, service: Service) -> None:
    viewer.start()
    left = viewer.at(
        0.2, "const at = video.currentTime; document.querySelector('[data-part=forward]').click(); return at;"
    )
    # The film is of twelve seconds: a slow machine must not come to its end.
    stood = viewer.pause_at(left + 10.2)
    service.wait_for(lambda heard: any(segment["from"] > 9 for segment in heard.segments))
    assert joined(service) == [near(0, left), near(left + 10, stood)]


def test_a_seek_that_comes_from_outside_never_claims_what_was_skipped(viewer: Viewer, service: Service) -> None:
    viewer.start()
    left = viewer.at(1, "const at = video.currentTime; video.currentTime = 7; return at;")
    stood = viewer.pause_at(8)
    service.wait_for(lambda heard: any(segment["from"] > 6 for segment in heard.segments))
    first, second = joined(service)
    assert first[1] <= left
    # Between two looks at the film, a quarter of a second at the very worst, the playhead is out of sight.
    assert first == pytest.approx([0, left], abs=0.25)
    assert second == near(7, stood)


def test_a_seek_back_is_reported_as_watching_again(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(1.5)
    viewer.part("seek").evaluate("(slider) => { slider.value = 0.5; slider.dispatchEvent(new Event('input')); }")
    stood = viewer.pause_at(0.9)
    service.wait_for(lambda heard: len(heard.segments) >= 2)
    assert list(spans(service)[-1]) == near(0.5, stood)


def test_another_speed_is_another_segment_without_a_hole(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(1)
    changed = viewer.script("return video.currentTime;")
    viewer.part("speed").select_option("1.5")
    stood = viewer.pause_at(2.5)
    service.wait_for(lambda heard: len(heard.segments) >= 2)
    assert {segment["rate"] for segment in service.segments} == {1, 1.5}
    assert joined(service) == [near(0, stood)]
    slow = [segment["to"] for segment in service.segments if segment["rate"] == 1]
    assert max(slow) >= changed - NEAR_SECONDS


def test_the_film_is_whole_when_it_was_played_to_its_end(viewer: Viewer, service: Service) -> None:
    service.resume_at_seconds = 10.0
    service.covered = [[0, 10]]
    viewer.open()
    viewer.part("start").click()
    viewer.until_the_end()
    service.wait_for(lambda heard: heard.covered == [[0, 12.0]])
    expect(viewer.part("line")).to_have_text("已计入 00:12 / 00:12 · 全部计入")
    expect(viewer.part("next-gap")).to_be_hidden()
    assert spans(service)[0][0] == 10.0


def test_a_loop_reports_the_end_and_the_start(viewer: Viewer, service: Service) -> None:
    service.resume_at_seconds = 10.5
    viewer.open()
    viewer.script(
        "video.loop = true; globalThis.begunAgain = new Promise((tell) =>"
        " video.addEventListener('seeked', () => video.currentTime < 5 && tell(true)));"
    )
    viewer.part("start").click()
    assert viewer.page.evaluate("() => globalThis.begunAgain") is True
    stood = viewer.pause_at(0.5)
    service.wait_for(lambda heard: any(segment["from"] < 1 for segment in heard.segments))
    assert joined(service) == [near(0, stood), near(10.5, 12)]


def test_a_film_goes_on_where_the_service_says(viewer: Viewer, service: Service) -> None:
    service.resume_at_seconds = 6.25
    viewer.open()
    expect(viewer.part("start-text")).to_have_text("从 00:06 继续播放")
    viewer.part("start").click()
    stood = viewer.pause_at(7)
    service.wait_for(lambda heard: heard.segments)
    assert joined(service) == [near(6.25, stood)]


def test_a_film_that_goes_on_shows_nothing_of_before(viewer: Viewer, service: Service) -> None:
    """On a slow computer the film has its first segment long before hls.js can say where to begin in it."""
    service.resume_at_seconds = 2.5
    viewer.open()
    viewer.script("""
      const trigger = Hls.prototype.trigger;
      Hls.prototype.trigger = function (name, data) {
        if (name !== Hls.Events.FRAG_BUFFERED) return trigger.call(this, name, data);
        setTimeout(() => trigger.call(this, name, data), 500);
      };
    """)
    viewer.part("start").click()
    viewer.reach(2.6)
    stood = viewer.pause_at(3)
    service.wait_for(lambda heard: heard.segments)
    assert joined(service) == [near(2.5, stood)]


def test_a_hidden_page_reports_at_once(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(1)
    viewer.script(
        "Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )
    service.wait_for(lambda heard: heard.segments)
    assert joined(service)[0][1] >= 0.9


def test_leaving_the_page_reports_what_was_played(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(1)
    left = viewer.position
    viewer.page.goto(f"{viewer.address}/blank")
    service.wait_for(lambda heard: heard.segments)
    assert joined(service)[0][1] >= left - NEAR_SECONDS


def test_a_speed_above_the_programmes_is_put_back(viewer: Viewer, service: Service) -> None:
    viewer.start()
    assert viewer.part("speed").locator("option").all_inner_texts() == ["0.75×", "1×", "1.25×", "1.5×"]
    viewer.script("video.playbackRate = 4;")
    expect(viewer.notice("rate")).to_contain_text("本项目最高按 1.5 倍速计时")
    assert viewer.video("playbackRate") == 1.5
    viewer.pause_at(1)
    service.wait_for(lambda heard: heard.segments)
    assert viewer.part("speed").input_value() == "1.5"


def test_a_programme_without_faster_play_offers_none(viewer: Viewer, service: Service) -> None:
    service.max_rate = 1.0
    viewer.start()
    assert viewer.part("speed").locator("option").all_inner_texts() == ["0.75×", "1×"]


def test_captions_follow_the_page_and_then_the_viewers_choice(viewer: Viewer) -> None:
    showing = "return [...video.textTracks].filter(({ mode }) => mode === 'showing').map(({ language }) => language);"
    viewer.start()
    assert viewer.script(showing) == ["zh"]
    viewer.part("captions").select_option("en")
    assert viewer.script(showing) == ["en"]
    viewer.start()
    assert viewer.script(showing) == ["en"]
    assert viewer.part("captions").input_value() == "en"


def test_the_renditions_can_be_chosen(viewer: Viewer) -> None:
    viewer.start()
    assert viewer.part("quality").locator("option").all_inner_texts() == ["自动", "180p", "90p"]
    viewer.part("quality").select_option(label="90p")
    viewer.page.evaluate(
        """() => new Promise((resolve) => {
          const video = document.querySelector("video");
          const look = () => (video.videoHeight === 90 ? resolve() : video.requestVideoFrameCallback(look));
          look();
        })"""
    )


def test_a_film_that_cannot_be_loaded_says_so_and_can_be_tried_again(viewer: Viewer, service: Service) -> None:
    service.manifest_status = 500
    viewer.open()
    viewer.part("start").click()
    expect(viewer.part("message-text")).to_contain_text("视频加载失败")
    service.manifest_status = 200
    viewer.part("retry").click()
    viewer.reach(0.5)
    assert len(service.opened) == 2


def test_an_address_that_has_run_out_is_renewed_without_asking(viewer: Viewer, service: Service) -> None:
    service.expired = {"s1"}
    viewer.start()
    viewer.reach(0.5)
    assert service.opened == ["s1", "s2"]


def test_an_address_that_cannot_be_renewed_is_not_asked_for_again_and_again(viewer: Viewer, service: Service) -> None:
    service.manifest_status = 403
    viewer.open()
    viewer.part("start").click()
    expect(viewer.part("message-text")).to_have_text("视频地址已过期，请点“重试”重新获取。")
    assert service.opened == ["s1", "s2"]
