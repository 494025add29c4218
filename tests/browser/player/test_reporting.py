"""How beats travel: numbered once, kept until acknowledged, sent again unchanged; and who holds the lease."""

import json
import re

import pytest
from playwright.sync_api import Request, Route, expect

from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

BEATS = re.compile(r"/api/v1/playback-sessions/[^/]+/beats$")


def is_beat(request: Request) -> bool:
    return bool(BEATS.search(request.url))


def beat_of(request: Request) -> tuple[int, str]:
    """Number and whole content of a beat as it was sent."""
    content = request.post_data or ""
    return json.loads(content)["seq"], content


def watch(viewer: Viewer, seconds: float = 1) -> float:
    """Play and press pause, which makes a beat; gives where the film stands then."""
    viewer.start()
    return viewer.pause_at(seconds)


def rounded(seconds: float) -> int:
    """As the player rounds."""
    return int(seconds + 0.5)


def test_beats_are_numbered_from_one_without_gaps(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 1
    viewer.start()
    viewer.pause_at(3.5)
    service.wait_for(lambda heard: heard.covered and heard.covered[0][1] > 3.4)
    assert len(service.beats) >= 3
    assert service.seqs == list(range(1, len(service.beats) + 1))
    assert len(service.covered) == 1


def test_a_beat_is_made_at_the_sessions_interval(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 2
    viewer.start()
    # The first one also has the time that the film took to begin.
    service.wait_for(lambda heard: len(heard.beats) >= 2)
    assert 1.5 < sum(segment["to"] - segment["from"] for segment in service.beats["s1", 2]) < 4


def test_a_beat_that_never_arrived_is_sent_again_unchanged(viewer: Viewer, service: Service) -> None:
    viewer.page.route(BEATS, lambda route: route.abort())
    with viewer.page.expect_event("requestfailed", is_beat) as lost:
        stood = watch(viewer)
    expect(viewer.notice("delivery")).to_contain_text("网络连接中断")
    figure = f"已观看 {int(stood)} 秒，已存在本机，尚未上传"
    expect(viewer.notice("delivery").locator(".figure")).to_have_text(figure)
    with viewer.page.expect_request(is_beat) as again:
        viewer.page.unroute(BEATS)
    service.wait_for(lambda heard: heard.beats)
    assert beat_of(again.value) == beat_of(lost.value)
    assert service.seqs == [1]
    expect(viewer.notice("delivery")).to_have_count(0)


def test_a_beat_whose_answer_was_lost_is_sent_again_under_its_number(viewer: Viewer, service: Service) -> None:
    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    viewer.page.route(BEATS, lose_the_answer, times=1)
    stood = watch(viewer)
    expect(viewer.part("line")).to_contain_text(f"已计入 00:0{int(stood)}")
    first, second = service.requests
    assert first == second


def test_a_portal_that_says_yes_to_everything_has_taken_nothing(viewer: Viewer, service: Service) -> None:
    viewer.page.route(
        BEATS, lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Wi-Fi</h1>"), times=1
    )
    stood = watch(viewer)
    service.wait_for(lambda heard: heard.beats)
    assert service.covered == [[0, pytest.approx(stood, abs=0.05)]]
    assert service.seqs == [1]


def test_what_was_watched_meanwhile_follows_in_order(viewer: Viewer, service: Service) -> None:
    viewer.page.route(BEATS, lambda route: route.abort())
    watch(viewer, 1)
    viewer.toggle()
    viewer.pause_at(2)
    viewer.toggle()
    stood = viewer.pause_at(3)
    viewer.page.unroute(BEATS)
    viewer.send_now()
    service.wait_for(lambda heard: len(heard.beats) == 3)
    assert service.seqs == [1, 2, 3]
    assert service.covered == [[0, pytest.approx(stood, abs=0.05)]]


def test_a_busy_service_is_asked_again_after_the_time_it_names(viewer: Viewer, service: Service) -> None:
    service.fail_next(503, **{"Retry-After": "2"})
    watch(viewer)
    service.wait_for(lambda heard: heard.beats)
    refused, taken = service.arrivals
    assert taken - refused > 1.9
    assert [body["seq"] for _, body in service.requests] == [1, 1]


def test_a_beat_refused_for_good_is_told_and_does_not_hold_up_the_next(viewer: Viewer, service: Service) -> None:
    service.fail_next(422)
    stood = watch(viewer)
    expect(viewer.notice("refused")).to_contain_text(f"有 {rounded(stood)} 秒 的观看记录被服务器拒绝")
    viewer.toggle()
    viewer.pause_at(2)
    service.wait_for(lambda heard: heard.beats)
    assert service.seqs == [2]


def test_a_token_that_has_changed_is_fetched_anew(viewer: Viewer, service: Service) -> None:
    viewer.start()
    service.token = "token-2"
    viewer.pause_at(1)
    service.wait_for(lambda heard: heard.beats)
    assert viewer.page.locator("meta[name=csrf-token]").get_attribute("content") == "token-2"


def test_signed_out_keeps_what_was_watched_until_signed_in_again(viewer: Viewer, service: Service) -> None:
    viewer.start()
    service.signed_in = False
    viewer.pause_at(1)
    notice = viewer.notice("delivery")
    expect(notice).to_contain_text("登录已失效")
    link = notice.get_by_role("button", name="在新标签页中登录")
    assert (link.get_attribute("target"), link.get_attribute("href")) == ("_blank", "/login")
    service.signed_in = True
    service.token = "token-2"
    notice.get_by_role("button", name="我已登录").click()
    service.wait_for(lambda heard: heard.beats)
    expect(notice).to_have_count(0)
    assert service.seqs == [1]


def test_another_persons_sign_in_does_not_lose_what_was_watched(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(1)
    service.fail_next(404)
    service.person_id = 8
    viewer.pause()
    notice = viewer.notice("delivery")
    expect(notice).to_contain_text("现在登录的是另一个账号")
    service.person_id = 7
    notice.get_by_role("button", name="我已登录").click()
    service.wait_for(lambda heard: heard.beats)
    expect(notice).to_have_count(0)


def test_a_session_the_service_no_longer_knows_is_no_sign_of_another_person(viewer: Viewer, service: Service) -> None:
    service.fail_next(404)
    stood = watch(viewer)
    expect(viewer.notice("refused")).to_contain_text(f"有 {rounded(stood)} 秒 的观看记录被服务器拒绝")
    expect(viewer.notice("delivery")).to_have_count(0)


def test_a_lost_lease_pauses_the_film_and_offers_to_go_on_here(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 1
    viewer.start()
    service.take_lease()
    expect(viewer.notice("lease")).to_contain_text("另一个标签页或设备")
    assert viewer.video("paused") is True
    # What a media key does:
    viewer.script("video.play().catch(() => {}); return new Promise((done) => { video.onpause = done; });")
    stood = viewer.position

    viewer.notice("lease").get_by_role("button", name="在这里继续播放").click()
    viewer.pause_at(stood + 0.5)
    assert service.opened == ["s1", "elsewhere", "s3"]
    service.wait_for(lambda heard: any(session == "s3" for session, _ in heard.beats))
    assert service.beats["s3", 1][0]["from"] == pytest.approx(stood - 0.1, abs=0.05)
    expect(viewer.notice("lease")).to_have_count(0)


def test_what_was_unsent_when_the_lease_was_lost_goes_to_its_own_session(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.pause_at(0.5)
    service.wait_for(lambda heard: heard.beats)
    service.take_lease()
    viewer.toggle()
    viewer.reach(1.5)
    viewer.page.route(re.compile("/s1/beats$"), lambda route: route.abort(), times=1)
    service.fail_next(503)
    viewer.pause()
    expect(viewer.notice("delivery")).to_be_visible()
    viewer.send_now()
    service.wait_for(lambda heard: ("s1", 2) in heard.beats)
    expect(viewer.notice("lease")).to_be_visible()
    viewer.notice("lease").get_by_role("button", name="在这里继续播放").click()
    viewer.pause_at(2)
    service.wait_for(lambda heard: ("s3", 1) in heard.beats)
    assert list(service.beats) == [("s1", 1), ("s1", 2), ("s3", 1)]
    assert len(service.covered) == 1
