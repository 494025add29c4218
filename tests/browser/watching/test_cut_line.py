"""An evening on a bad line: what was played is what counts, to a fifth of a second, on however many devices."""

import time

from playwright.sync_api import expect

from tests.browser.watching.books import assert_all_counts
from tests.browser.watching.conftest import Join, OpenDevice
from tests.browser.watching.site import FILM_SECONDS

CUT_SECONDS = 120
MEND_MS = 60_000


def test_two_minutes_without_a_line_a_closed_page_and_a_second_device_lose_nothing(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("plain")
    first, second = new_device(learner), new_device(learner)
    seat = first.sit_down()
    seat.start()
    seat.reach(3)
    seat.wait_until_loaded(FILM_SECONDS - 1)

    first.context.set_offline(True)
    began, stood = time.monotonic(), seat.position
    expect(seat.notice("delivery")).to_contain_text("saved here, not sent yet")
    seat.page.wait_for_timeout(1000 * (CUT_SECONDS - (time.monotonic() - began)))
    assert seat.position - stood >= CUT_SECONDS - 2, "the film did not go on"
    expect(seat.notice("delivery")).to_contain_text("saved here, not sent yet")
    assert learner.credited <= stood + 1
    first.context.set_offline(False)
    expect(seat.notice("delivery")).to_have_count(0, timeout=MEND_MS)
    seat.reach(seat.position + 2)
    seat.page.close()
    assert_all_counts(learner, seat.session, first.played)

    elsewhere = second.sit_down()
    elsewhere.start()
    elsewhere.reach(elsewhere.position + 4)

    back = first.sit_down()
    back.start()
    expect(elsewhere.notice("lease")).to_contain_text("in another tab or on another device", timeout=MEND_MS)
    assert elsewhere.video("paused") is True
    back.pause_at(elsewhere.position + 4)
    assert_all_counts(learner, back.session, first.played, second.played)


def test_a_page_that_is_closed_while_the_line_is_cut_is_made_up_for_by_the_next_one(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("plain")
    device = new_device(learner)
    seat = device.sit_down()
    seat.start()
    seat.reach(1)
    seat.wait_until_loaded(30)
    device.context.set_offline(True)
    seat.reach(9)
    seat.page.close()
    device.context.set_offline(False)
    device.sit_down()
    assert_all_counts(learner, seat.session, device.played)
