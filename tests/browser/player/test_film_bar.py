"""What the bar under the film shows and says: counted, withheld and why, and the way to what is missing."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

STOPS_BEFORE = 9
"""Where a film that plays one stretch has stopped long ago, also on a machine that is very busy."""


def drawn(viewer: Viewer, state: str) -> list[list[float]]:
    """The stretches drawn in a state, in seconds of the film of twelve."""
    rects = viewer.part("spans").locator(f"rect[data-state={state}]")
    places = rects.evaluate_all("(all) => all.map((r) => [r.getAttribute('x'), r.getAttribute('width')])")
    seconds = [[float(value.rstrip("%")) * 0.12 for value in place] for place in places]
    return [[start, start + length] for start, length in seconds]


def test_what_was_counted_before_shows_before_the_film_is_started(viewer: Viewer, service: Service) -> None:
    service.page_covered = [[0, 3], [6, 9]]
    viewer.open()
    assert drawn(viewer, "counted") == [pytest.approx([0, 3]), pytest.approx([6, 9])]
    expect(viewer.part("line")).to_have_text("已计入 00:06 / 00:12")
    assert viewer.part("spans").get_attribute("aria-label") == "共 12 秒，已计入 6 秒"
    assert service.opened == []  # looking at a page takes nobody's lease


def test_the_bar_grows_with_each_answer(viewer: Viewer, service: Service) -> None:
    service.covered = [[5, 12]]
    viewer.start()
    expect(viewer.part("line")).to_have_text("已计入 00:07 / 00:12")
    stood = viewer.pause_at(1.2)
    service.wait_for(lambda heard: heard.beats)
    counted = int(sum(to - start for start, to in service.covered))
    expect(viewer.part("line")).to_have_text(f"已计入 00:{counted:02d} / 00:12")
    assert drawn(viewer, "counted") == [pytest.approx([0, stood], abs=0.06), pytest.approx([5, 12], abs=0.001)]


def test_in_english_the_same(new_page: OpenPage, address: str, service: Service) -> None:
    service.page_covered = [[0, 6]]
    viewer = Viewer(new_page(language="en"), address)
    viewer.open()
    expect(viewer.part("line")).to_have_text("Counted 00:06 / 00:12")
    assert viewer.part("spans").get_attribute("aria-label") == "6 s of 12 s counted"


REASONS = {
    "too_fast": "播放过快，或同时在两处播放，未计入：",
    "outside_window": "不在项目学习期内，未计入：",
    "beyond_the_end": "超出视频时长，未计入：",
    "malformed": "这一段的记录有误，未计入：",
    "daily_limit": "超过每日学时上限，未计入：",
    "presence_unanswered": "未回答播放中的提问，未计入：",
    "not_delivered": "播放时没有从服务器取过这一段，未计入：",
    "of_a_later_version": "未计入（原因代码 of_a_later_version）：",
}


def test_withheld_stretches_are_hatched_and_explained(viewer: Viewer, service: Service) -> None:
    service.withheld = [{"from": 4 + n / 2, "to": 4.5 + n / 2, "reason": reason} for n, reason in enumerate(REASONS)]
    viewer.start()
    viewer.pause()
    rows = viewer.part("reasons").locator("li > span")
    expect(rows).to_have_text(list(REASONS.values()))
    expect(viewer.part("legend-withheld")).to_be_visible()
    assert len(drawn(viewer, "withheld")) == len(REASONS)


def test_what_lies_beyond_the_end_cannot_be_watched_again(viewer: Viewer, service: Service) -> None:
    service.withheld = [{"from": 12.0, "to": 12.4, "reason": "beyond_the_end"}]
    viewer.start()
    viewer.pause()
    row = viewer.part("reasons").locator("li")
    expect(row).to_have_count(1)
    expect(row.get_by_role("button")).to_have_count(0)


def test_a_withheld_stretch_is_played_again_by_its_button_and_then_counts(viewer: Viewer, service: Service) -> None:
    service.withheld = [{"from": 5.0, "to": 6.2, "reason": "too_fast"}]
    viewer.start()
    viewer.pause()
    expect(viewer.part("reasons").locator("li")).to_have_count(1)
    service.withheld = []
    viewer.part("reasons").get_by_role("button", name="重看 00:05–00:06").click()
    viewer.stopped_at(6.2)
    assert viewer.position < STOPS_BEFORE
    expect(viewer.part("reasons")).to_be_hidden()
    expect(viewer.part("legend-withheld")).to_be_hidden()
    assert drawn(viewer, "withheld") == []


def test_a_held_stretch_is_played_from_its_button_before_the_film_was_started(viewer: Viewer, service: Service) -> None:
    service.page_held = [{"from": 5.0, "to": 6.2, "reason": "presence_unanswered"}]
    viewer.open()
    viewer.part("reasons").get_by_role("button", name="重看 00:05–00:06").click()
    viewer.stopped_at(6.2)
    assert viewer.position < STOPS_BEFORE
    service.wait_for(lambda heard: heard.segments)
    assert service.segments[0]["from"] == pytest.approx(5.0, abs=0.1)


def test_an_address_can_ask_for_one_stretch_which_plays_once_somebody_starts_it(
    viewer: Viewer, service: Service
) -> None:
    viewer.page.goto(f"{viewer.address}/film?from=5.000&to=6.2")
    expect(viewer.part("start-text")).to_have_text("重看 00:05–00:06")
    assert service.opened == []
    viewer.part("start").click()
    viewer.stopped_at(6.2)
    assert viewer.position < STOPS_BEFORE


@pytest.mark.parametrize("query", ["from=99&to=100", "from=-1", "from=x&to=3", "to=3"])
def test_an_address_that_asks_for_no_stretch_of_the_film_changes_nothing(viewer: Viewer, query: str) -> None:
    viewer.page.goto(f"{viewer.address}/film?{query}")
    expect(viewer.part("start-text")).to_have_text("播放")


def test_go_to_what_is_missing_skips_what_is_counted(viewer: Viewer, service: Service) -> None:
    service.covered = service.page_covered = [[0, 6.5], [8, 12]]
    viewer.open()
    viewer.part("next-gap").click()
    stood = viewer.pause_at(6.6)
    service.wait_for(lambda heard: heard.segments)
    assert service.segments[0]["from"] == 6.5
    assert stood < 8


HELD = [
    {"from": 2.0, "to": 3.0, "reason": "presence_unanswered"},
    {"from": 4.0, "to": 5.0, "reason": "presence_pending"},
    {"from": 6.0, "to": 7.0, "reason": "not_delivered"},
    {"from": 8.0, "to": 9.0, "reason": "skipped_ahead"},
    {"from": 10.0, "to": 11.0, "reason": "of_a_later_version"},
]


def test_held_stretches_are_dotted_and_explained_before_the_film_is_started(viewer: Viewer, service: Service) -> None:
    service.page_held = HELD
    viewer.open()
    expect(viewer.part("reasons").locator("li.held > span")).to_have_text(
        [
            "其间的在场确认没有通过。重看这一段，或由辅导教师确认后，即可计入：",
            "网络中断期间的在场确认未能及时回答。答对下一题后，这一段自动计入，不必重看：",
            "播放时没有从服务器取过这一段，重看后即可计入：",
            "前面还有没看的部分。看完前面，这一段自动计入，不必重看：",
            "等待确认您在观看，重看后即可计入：",
        ]
    )
    expect(viewer.part("legend-held")).to_be_visible()
    assert drawn(viewer, "held") == [pytest.approx([one["from"], one["to"]], abs=0.001) for one in HELD]
    assert service.opened == []


def test_an_opened_session_brings_the_whole_state(viewer: Viewer, service: Service) -> None:
    service.page_held = HELD[:1]
    service.covered, service.held = [[4, 6]], HELD[1:2]
    service.withheld = [{"from": 9.0, "to": 10.0, "reason": "too_fast"}]
    viewer.start()
    assert drawn(viewer, "counted") == [pytest.approx([4, 6], abs=0.001)]
    assert drawn(viewer, "held") == []  # it counts meanwhile
    assert drawn(viewer, "withheld") == [pytest.approx([9, 10], abs=0.001)]


def press_on_the_bar(viewer: Viewer, position: float) -> None:
    """A click at a place of the film of twelve seconds."""
    box = viewer.part("spans").bounding_box()
    assert box is not None
    viewer.page.mouse.click(box["x"] + box["width"] * position / 12, box["y"] + box["height"] / 2)


def test_a_stretch_opens_at_the_bar_and_is_played_from_there(viewer: Viewer, service: Service) -> None:
    service.held = HELD[2:3]
    viewer.start()
    viewer.pause()
    press_on_the_bar(viewer, 6.5)
    card = viewer.page.get_by_role("dialog", name="00:06–00:07 待确认")
    expect(card).to_contain_text("播放时没有从服务器取过这一段，重看后即可计入：")
    viewer.page.keyboard.press("Enter")
    expect(card).to_be_hidden()
    viewer.stopped_at(7)
    assert viewer.position < STOPS_BEFORE
    expect(viewer.part("legend-held")).to_be_hidden()


def test_the_card_closes_by_escape_and_gives_the_focus_back(viewer: Viewer, service: Service) -> None:
    service.withheld = [{"from": 6.0, "to": 7.0, "reason": "too_fast"}]
    viewer.start()
    viewer.pause()
    press_on_the_bar(viewer, 6.5)
    expect(viewer.part("stretch")).to_contain_text("播放过快")
    result = Axe().run(viewer.page)
    assert result.violations_count == 0, result.generate_report()
    viewer.page.keyboard.press("Escape")
    expect(viewer.part("stretch")).to_be_hidden()
    assert viewer.focused == "frame"  # what was pressed lies in it


def press_for_long(viewer: Viewer, part: Locator, meanwhile: Callable[[], None]) -> None:
    """A press at the middle of a part; the button is released after what happens meanwhile."""
    part.hover(force=True)
    viewer.page.mouse.down()
    meanwhile()
    viewer.page.mouse.up()


def two_answers(viewer: Viewer) -> None:
    """Wait until the first of two more answers was read by the page."""
    for _ in range(2):
        with viewer.page.expect_response("**/beats"):
            pass


def test_a_press_at_the_bar_counts_though_an_answer_comes_before_its_release(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 1
    service.withheld = [{"from": 6.0, "to": 7.0, "reason": "too_fast"}]
    viewer.start()

    press_for_long(viewer, viewer.part("spans").locator(".target"), lambda: two_answers(viewer))
    expect(viewer.part("stretch")).to_contain_text("播放过快")
    (counted,) = drawn(viewer, "counted")  # what was put off is drawn
    assert counted[0] == 0
    assert counted[1] > 0


def test_a_press_in_the_list_counts_though_the_list_changes_before_its_release(
    viewer: Viewer, service: Service
) -> None:
    service.beat_interval_seconds = 1
    service.withheld = [{"from": 6.0, "to": 7.0, "reason": "too_fast"}]
    viewer.start()

    def meanwhile() -> None:
        service.withheld = [{"from": 9.0, "to": 10.0, "reason": "daily_limit"}]
        two_answers(viewer)

    press_for_long(viewer, viewer.part("reasons").get_by_role("button"), meanwhile)
    viewer.stopped_at(7)  # it plays the stretch that was pressed
    assert viewer.position < STOPS_BEFORE
    expect(viewer.part("reasons")).to_contain_text("超过每日学时上限")


def test_a_place_asked_for_while_the_session_is_opened_is_where_it_begins(viewer: Viewer, service: Service) -> None:
    service.page_held = HELD[2:3]
    held: list[Route] = []
    viewer.page.route("**/playback-sessions", lambda route: held.append(route))
    viewer.open()
    with viewer.page.expect_request("**/playback-sessions"):
        viewer.part("start").click()
    viewer.part("reasons").get_by_role("button").click()
    held[0].continue_()
    viewer.stopped_at(7)
    service.wait_for(lambda heard: heard.segments)
    assert service.segments[0]["from"] == pytest.approx(6, abs=0.05)


def test_a_message_does_not_move_what_is_being_pressed(viewer: Viewer, service: Service) -> None:
    viewer.start()
    service.line_is_cut = True

    def meanwhile() -> None:
        with viewer.page.expect_event("requestfailed"):
            viewer.script("video.pause();")
        # A message that is not put off is there by now.
        viewer.page.evaluate("() => new Promise((resume) => setTimeout(resume, 300))")

    press_for_long(viewer, viewer.part("next-gap"), meanwhile)
    expect(viewer.notice("delivery")).to_be_visible()
    viewer.reach(0.2)


def test_the_list_keeps_the_focus_while_the_film_is_reported(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 1
    service.withheld = [{"from": 6.0, "to": 7.0, "reason": "too_fast"}]
    service.held = HELD[-1:]
    viewer.start()
    button = viewer.part("reasons").locator("li.held button")
    button.focus()
    service.held = []
    viewer.reach(1.5)
    service.withheld = [{"from": 8.0, "to": 9.0, "reason": "daily_limit"}]
    expect(viewer.part("reasons").locator("li")).to_have_count(3)
    expect(button).to_be_focused()


def test_very_many_stretches_are_folded(viewer: Viewer, service: Service) -> None:
    service.page_held = [{"from": n, "to": n + 0.5, "reason": "not_delivered"} for n in range(10)]
    viewer.open()
    buttons = viewer.part("reasons").get_by_role("button")
    expect(buttons).to_have_count(6)
    viewer.part("reasons").get_by_text("还有 4 段").click()
    expect(buttons).to_have_count(10)
