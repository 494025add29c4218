"""Presence checks of the real service: answered by keyboard, missed and made up for, lost on a cut line."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Route, expect

from tests.browser.watching.books import assert_all_counts
from tests.browser.watching.conftest import Join, OpenDevice
from tests.browser.watching.seat import Seat
from tests.browser.watching.site import FAST

ANSWER_SECONDS = 30
MISSED_MS = (ANSWER_SECONDS + 30) * 1000


def spans_on_bar(seat: Seat, state: str) -> Locator:
    return seat.part("spans").locator(f"rect[data-state={state}]")


def test_a_check_is_answered_by_keyboard_alone_and_the_film_goes_on(join: Join, new_device: OpenDevice) -> None:
    learner = join("checked")
    device = new_device(learner)
    seat = device.sit_down()
    seat.part("start").focus()
    seat.page.keyboard.press("Enter")
    seat.reach(0)
    seat.set_rate(FAST)
    seat.wait_for_check()
    stood = seat.position
    assert seat.video("paused") is True
    result = Axe().run(seat.page)
    assert result.violations_count == 0, result.generate_report()
    assert seat.focused == "choice 0"
    seat.page.keyboard.press(str(seat.right_choice() + 1))
    seat.page.keyboard.press("Enter")
    expect(seat.part("presence")).to_be_hidden()
    seat.reach(stood + 8)
    seat.page.keyboard.press("k")
    assert_all_counts(learner, seat.session, device.played)
    expect(seat.part("legend-held")).to_be_hidden()


def test_a_check_that_nobody_answers_holds_its_stretch_until_it_is_watched_again(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("checked")
    device = new_device(learner)
    seat = device.sit_down()
    seat.start(rate=FAST)
    seat.wait_for_check()
    assert learner.credited > 25
    expect(seat.part("presence-title")).to_have_text("The question was not answered", timeout=MISSED_MS)
    expect(seat.part("presence-says")).to_contain_text("counts when you watch it again")
    row = seat.part("reasons").locator("li.held")
    expect(row).to_contain_text("The presence check in between was not answered.")
    expect(spans_on_bar(seat, "held")).to_have_count(1)
    expect(spans_on_bar(seat, "counted")).to_have_count(0)
    assert learner.credited == 0
    *given, taken = learner.ledger
    assert taken["credited_seconds"] == pytest.approx(-sum(entry["credited_seconds"] for entry in given))
    assert "presence" in str(taken), taken
    (held,) = learner.film(seat.session)["held"]
    assert held["reason"] == "presence_unanswered"
    assert learner.first_difference() is None

    seat.part("presence-on").click()
    expect(seat.part("presence-form")).to_be_visible()
    seat.answer()
    row.get_by_role("button", name=re.compile("Watch")).click()
    watch_to(seat, held["to"])
    assert held["to"] - 0.1 <= seat.position < held["to"] + 2 * FAST
    expect(seat.part("legend-held")).to_be_hidden()
    assert_all_counts(learner, seat.session, device.played)
    assert [entry["credited_seconds"] > 0 for entry in learner.ledger][-1]


def watch_to(seat: Seat, end: float) -> None:
    """Watch until the player stops by itself at `end`, answering whatever is asked on the way."""
    deadline = time.monotonic() + end / FAST + 60
    while time.monotonic() < deadline:
        if seat.part("presence-form").is_visible():
            seat.answer()
        elif seat.video("paused") and seat.position > end - 0.5:
            return
        seat.page.wait_for_timeout(500)
    raise AssertionError(f"the film did not stop at {end}; it stands at {seat.position}")


def wait_for_the_loss(seat: Seat, lost: list[object]) -> None:
    """Watch on until a check was put and lost: at the latest two beats after the widest distance there is."""
    latest = 1.5 * 60 + 2 * 5 * FAST
    while not lost:
        assert seat.position < latest + 10, f"no check was put before {seat.position}"
        seat.page.wait_for_timeout(500)


def test_a_check_whose_question_was_lost_on_the_line_is_made_up_for_by_the_next(
    join: Join, new_device: OpenDevice
) -> None:
    learner = join("checked")
    device = new_device(learner)
    seat = device.sit_down()
    lost: list[object] = []

    def lose_the_question(route: Route) -> None:
        """The service hears the beat that brings a question, and its answer never arrives."""
        if not lost:
            answer = route.fetch()
            if answer.json()["presence_check"] is None:
                route.fulfill(response=answer)
                return
            lost.append(answer.json()["presence_check"])
        route.abort()

    seat.page.route(re.compile("/beats$"), lose_the_question)
    seat.start(rate=FAST)
    wait_for_the_loss(seat, lost)
    device.context.set_offline(True)
    seat.set_rate(1)
    stood = seat.position
    seat.page.wait_for_timeout((ANSWER_SECONDS + 3) * 1000)
    assert seat.position >= stood + ANSWER_SECONDS, "the film did not go on"
    expect(seat.part("presence")).to_be_hidden()

    seat.page.unroute(re.compile("/beats$"))
    device.context.set_offline(False)
    seat.wait_for_check()
    expect(seat.part("presence-says")).to_have_text(
        "The film is paused. Please answer one question to show that you are there."
    )
    expect(seat.part("reasons").locator("li.held")).to_contain_text("A presence check ran out while the line was down.")
    assert learner.credited == 0
    seat.answer()
    expect(seat.part("legend-held")).to_be_hidden()
    seat.pause_at(seat.position + 1)
    assert_all_counts(learner, seat.session, device.played)
