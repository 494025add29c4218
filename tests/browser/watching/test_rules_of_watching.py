"""Proof of delivery, films in their order, and the page that closes: in Chromium, with a really encoded film."""

from playwright.sync_api import expect

from tests.browser.watching.books import assert_all_counts
from tests.browser.watching.conftest import Join, OpenDevice
from tests.browser.watching.site import FAST


def test_a_page_closed_in_mid_play_sends_its_last_beat_and_needs_no_later_page(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("plain")
    device = new_device(learner)
    seat = device.sit_down()
    seat.start()
    seat.reach(7.5)  # after a beat, and before the next
    seat.page.close()
    assert_all_counts(learner, seat.session, device.played)


def test_with_proof_of_delivery_honest_play_counts_whole_and_a_forged_stretch_waits(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("proven")
    device = new_device(learner)
    seat = device.sit_down()
    seat.start(rate=FAST)
    stood = seat.pause_at(30)
    assert stood >= 30
    assert_all_counts(learner, seat.session, device.played)

    enrolment = learner.enrolment
    video = enrolment["modules"][0]["video"]["id"]
    forged = learner.api.post(
        f"/api/v1/videos/{video}/playback-sessions", {"enrolment_id": enrolment["id"]}, status=201
    )
    seat.page.wait_for_timeout(3000)
    answer = learner.api.post(
        f"/api/v1/playback-sessions/{forged['id']}/beats",
        # The second is covered already; a film that starts on a busy machine may report its first frames late.
        {"seq": 1, "segments": [{"from": 100.0, "to": 104.0, "rate": 1}, {"from": 2.0, "to": 12.0, "rate": 1}]},
    )
    assert answer["credited"] == []
    assert answer["held_reasons"] == [{"from": 100.0, "to": 104.0, "reason": "not_delivered"}]
    film = learner.film(forged["id"])
    assert film["held"] == [{"from": 100.0, "to": 104.0, "reason": "not_delivered"}]
    assert learner.first_difference() is None

    seat.toggle()  # who takes the film back is asked for no more than before
    expect(seat.notice("lease")).to_be_visible()
    seat.notice("lease").get_by_role("button").click()
    seat.pause_at(stood + 2)
    assert_all_counts(learner, seat.session, device.played, held=film["held"])


def test_a_film_in_its_order_is_not_left_ahead_and_counts_as_it_is_watched(join: Join, new_device: OpenDevice) -> None:
    learner = join("ordered")
    device = new_device(learner)
    seat = device.sit_down()
    seat.start(rate=FAST)
    seat.reach(12)
    seat.page.locator(".player").focus()
    seat.page.keyboard.press("9")
    expect(seat.notice("ahead")).to_be_visible()
    assert seat.position < 30
    seat.script("video.currentTime = 150;")
    seat.reach(14)
    assert seat.position < 40
    seat.page.keyboard.press("0")
    seat.pause_at(30)
    assert_all_counts(learner, seat.session, device.played)
