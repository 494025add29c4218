"""What the bar under the film shows and says: counted, withheld and why, and the way to what is missing."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer


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
    viewer.reach(1.2)
    stood = viewer.pause()
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
    viewer.until("pause")
    assert viewer.position == pytest.approx(6.2, abs=0.3)
    expect(viewer.part("reasons")).to_be_hidden()
    expect(viewer.part("legend-withheld")).to_be_hidden()
    assert drawn(viewer, "withheld") == []


def test_go_to_what_is_missing_skips_what_is_counted(viewer: Viewer, service: Service) -> None:
    service.covered = service.page_covered = [[0, 6.5], [8, 12]]
    viewer.open()
    viewer.part("next-gap").click()
    viewer.reach(6.6)
    stood = viewer.pause()
    service.wait_for(lambda heard: heard.segments)
    assert service.segments[0]["from"] == 6.5
    assert stood < 8


COVERAGE = """async (script) => {
  const { Coverage } = await import("/static/player/filmbar.js");
  const coverage = new Coverage(100);
  coverage.start([[0, 10], [20, 30]]);
  return [5, 15, 25, 35].map((position) => coverage.nextGap(position));
}"""


def test_the_next_gap_is_the_next_one_besides_the_one_being_watched(viewer: Viewer) -> None:
    viewer.page.goto(f"{viewer.address}/blank")
    assert viewer.page.evaluate(COVERAGE) == [[10, 20], [30, 100], [30, 100], [10, 20]]


HELD = """async () => {
  const { Coverage } = await import("/static/player/filmbar.js");
  const coverage = new Coverage(100);
  const withheld = [{ from: 15, to: 25, reason: "too_fast" }];
  coverage.add({ credited: [[0, 10]], held: [[10, 20]], withheld, covered_seconds: 10 });
  const first = { held: coverage.held, withheld: coverage.withheld };
  coverage.add({ credited: [[12, 22]], covered_seconds: 20 });
  return [first, { held: coverage.held, withheld: coverage.withheld, counted: coverage.counted }];
}"""


def test_what_counts_later_is_neither_held_nor_withheld_any_more(viewer: Viewer) -> None:
    viewer.page.goto(f"{viewer.address}/blank")
    before, after = viewer.page.evaluate(HELD)
    assert before == {"held": [[10, 20]], "withheld": [{"from": 15, "to": 25, "reason": "too_fast"}]}
    assert after == {
        "held": [[10, 12]],
        "withheld": [{"from": 22, "to": 25, "reason": "too_fast"}],
        "counted": [[0, 10], [12, 22]],
    }
