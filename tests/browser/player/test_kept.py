"""What was watched and not acknowledged is kept on the device: over a closed page, a crash, another person's turn."""

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

NO_JOURNAL = "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });"


def leave_and_mend(viewer: Viewer, service: Service) -> None:
    """Leave the page while the line is still dead; it is mended when the page's last words are lost too."""
    viewer.page.goto("about:blank")
    service.wait_for(lambda heard: {("last words", 1), ("last words", 2)} <= set(heard.lost))
    service.line_is_cut = False


def next_page(viewer: Viewer, place: str = "film") -> Viewer:
    """Close the page, and open another one in the same browser."""
    context = viewer.page.context
    viewer.page.close()
    page = context.new_page()
    page.goto(f"{viewer.address}/{place}")
    return Viewer(page, viewer.address)


def watch_on_a_dead_line(viewer: Viewer, service: Service) -> float:
    """Watch in two stretches that don't get through; answers up to where."""
    viewer.start()
    service.line_is_cut = True
    viewer.pause_at(0.8)
    viewer.toggle()
    stood = viewer.pause_at(1.6)
    expect(viewer.notice("delivery")).to_be_visible()
    return stood


def test_a_page_closed_on_a_dead_line_loses_nothing(viewer: Viewer, service: Service) -> None:
    stood = watch_on_a_dead_line(viewer, service)
    expect(viewer.notice("delivery")).to_contain_text("关闭本页也不会丢失")
    leave_and_mend(viewer, service)
    assert service.beats == {}
    again = next_page(viewer)
    service.wait_for(lambda heard: len(heard.beats) == 2)
    assert list(service.beats) == [("s1", 1), ("s1", 2)]
    assert service.covered == [[0, pytest.approx(stood, abs=0.05)]]
    expect(again.part("line")).to_have_text(f"已计入 00:0{int(service.covered[0][1])} / 00:12")
    assert service.opened == ["s1"]


def test_any_page_of_the_site_sends_what_was_kept(viewer: Viewer, service: Service) -> None:
    watch_on_a_dead_line(viewer, service)
    leave_and_mend(viewer, service)
    next_page(viewer, "plain")
    service.wait_for(lambda heard: len(heard.beats) == 2)
    assert list(service.beats) == [("s1", 1), ("s1", 2)]


def test_what_was_kept_goes_before_what_is_played_next(viewer: Viewer, service: Service) -> None:
    watch_on_a_dead_line(viewer, service)
    again = next_page(viewer)
    again.part("start").click()
    again.pause_at(2)
    expect(again.notice("delivery")).to_be_visible()
    service.line_is_cut = False
    again.send_now()
    service.wait_for(lambda heard: len(heard.beats) == 3)
    assert list(service.beats) == [("s1", 1), ("s1", 2), ("s2", 1)]


def test_a_tab_that_crashes_in_mid_play_loses_a_few_seconds_at_most(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(5.5)
    assert service.beats == {}
    with pytest.raises(Error, match=r"ERR_ABORTED|crashed"):
        viewer.page.goto("chrome://crash")
    page = viewer.page.context.new_page()
    page.goto(f"{viewer.address}/film")
    service.wait_for(lambda heard: heard.beats)
    assert list(service.beats) == [("s1", 1)]
    ((begin, end),) = service.covered
    assert begin == 0
    assert end > 3
    # The next page has nothing left to claim.
    page.reload()
    again = Viewer(page, viewer.address)
    again.part("start").click()
    again.pause_at(0.5)
    service.wait_for(lambda heard: len(heard.beats) == 2)
    assert list(service.beats) == [("s1", 1), ("s2", 1)]


def test_another_person_at_the_same_computer_neither_sends_nor_loses_it(viewer: Viewer, service: Service) -> None:
    watch_on_a_dead_line(viewer, service)
    leave_and_mend(viewer, service)
    service.person_id = 8
    other = next_page(viewer)
    other.part("start").click()
    other.pause_at(0.5)
    service.wait_for(lambda heard: heard.beats)
    assert list(service.beats) == [("s2", 1)]
    service.person_id = 7
    next_page(other)
    service.wait_for(lambda heard: len(heard.beats) == 3)
    assert list(service.beats) == [("s2", 1), ("s1", 1), ("s1", 2)]


def test_two_tabs_share_one_journal_and_send_each_beat_once(viewer: Viewer, service: Service) -> None:
    watch_on_a_dead_line(viewer, service)
    context = viewer.page.context
    leave_and_mend(viewer, service)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(f"{viewer.address}/film", wait_until="commit")
    service.wait_for(lambda heard: len(heard.beats) == 2)
    for tab in tabs:
        expect(Viewer(tab, viewer.address).part("start")).to_be_enabled()
    assert [(session, body["seq"]) for session, body in service.requests] == [("s1", 1), ("s1", 2)]


def test_a_tab_does_not_take_what_another_is_playing(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(3)
    tab: Page = viewer.page.context.new_page()
    tab.goto(f"{viewer.address}/film")
    expect(Viewer(tab, viewer.address).part("start")).to_be_enabled()
    viewer.page.bring_to_front()
    stood = viewer.pause_at(4)
    service.wait_for(lambda heard: heard.covered and heard.covered[-1][1] > 3.9)
    assert service.covered == [[0, pytest.approx(stood, abs=0.05)]]
    assert service.seqs == sorted(set(service.seqs))


@pytest.mark.parametrize(
    ("language", "sentence", "figure"),
    [
        ("zh", "只在本页打开期间保留", "已观看 {} 秒，仅在本页打开期间保留，尚未上传"),
        ("en", "kept only while this page is open", "{} s watched, kept only while this page is open, not sent yet"),
    ],
)
def test_a_browser_that_keeps_nothing_is_told_so(
    new_page: OpenPage, address: str, service: Service, language: str, sentence: str, figure: str
) -> None:
    page = new_page(language=language)
    page.add_init_script(NO_JOURNAL)
    viewer = Viewer(page, address)
    viewer.start()
    service.line_is_cut = True
    stood = viewer.pause_at(1)
    expect(viewer.notice("delivery")).to_contain_text(sentence)
    expect(viewer.notice("delivery").locator(".figure")).to_have_text(figure.format(int(stood)))
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.close(run_before_unload=True)
    page.wait_for_event("close")
    assert asked == ["beforeunload"]


def test_a_page_whose_time_is_kept_closes_without_asking(viewer: Viewer, service: Service) -> None:
    watch_on_a_dead_line(viewer, service)
    asked: list[str] = []
    viewer.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    viewer.page.goto(f"{viewer.address}/blank")
    assert asked == []


def test_the_line_coming_back_is_noticed_at_once(viewer: Viewer, service: Service) -> None:
    """The pause after many failures is long; neither the browser's word nor a look at the page waits for its end."""
    viewer.start()
    # Half a minute at least, so that only the events below can be what sends it.
    service.fail_next(503, **{"Retry-After": "600"})
    viewer.pause_at(0.8)
    expect(viewer.notice("delivery").get_by_role("button")).to_have_text("立即上传")
    viewer.script("window.dispatchEvent(new Event('online'));")
    service.wait_for(lambda heard: heard.beats)
    expect(viewer.notice("delivery")).to_have_count(0)

    service.fail_next(503, **{"Retry-After": "600"})
    viewer.toggle()
    viewer.pause_at(1.6)
    expect(viewer.notice("delivery")).to_be_visible()
    viewer.script("document.dispatchEvent(new Event('visibilitychange'));")
    service.wait_for(lambda heard: len(heard.beats) == 2)
