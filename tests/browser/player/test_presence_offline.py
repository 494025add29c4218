"""Presence checks on a bad line: an answer is kept, sent later and before anything else, and nobody is held up."""

import re

from playwright.sync_api import expect

from tests.browser.player.asking import asked, choose, drawn
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer

SAVED = "您的回答已保存在这台设备上，尚未上传"


def mend(viewer: Viewer, service: Service) -> None:
    """The line is back, and the browser says so."""
    service.line_is_cut = False
    viewer.script("window.dispatchEvent(new Event('online'));")


def test_an_answer_on_a_dead_line_is_kept_and_the_film_goes_on(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    service.line_is_cut = True
    choose(viewer, 1)
    expect(viewer.part("presence-says")).to_contain_text(SAVED)
    viewer.part("presence-on").click()
    viewer.pause_at(viewer.position + 1.2)
    expect(viewer.notice("presence")).to_contain_text(SAVED)
    assert service.questions.answers == []

    before = len(service.requests)
    mend(viewer, service)
    service.wait_for(lambda heard: len(heard.requests) > before)
    assert service.questions.answers == [("c1", 1)]
    expect(viewer.notice("presence")).to_have_count(0)
    expect(viewer.part("presence")).to_be_hidden()


def test_an_answer_that_turns_out_wrong_later_brings_the_next_question(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    service.questions.further = [service.questions.make(question="下一题")]
    service.line_is_cut = True
    choose(viewer, 0)
    viewer.part("presence-on").click()
    viewer.reach(viewer.position + 0.3)
    mend(viewer, service)
    expect(viewer.part("presence-question")).to_have_text("下一题")
    assert viewer.video("paused") is True


def test_the_line_coming_back_while_one_reads_lets_the_film_go_on(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    service.line_is_cut = True
    choose(viewer, 1)
    expect(viewer.part("presence-says")).to_contain_text(SAVED)
    mend(viewer, service)
    expect(viewer.part("presence")).to_be_hidden()
    viewer.reach(viewer.position + 0.3)


def test_a_service_that_does_not_answer_holds_nobody_up(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    viewer.page.route(re.compile("/presence-checks/"), lambda route: None)
    choose(viewer, 1)
    expect(viewer.part("presence-says")).to_have_text("正在提交回答……")
    expect(viewer.part("presence-says")).to_contain_text(SAVED)
    viewer.part("presence-on").click()
    viewer.reach(viewer.position + 0.3)


def test_a_question_that_runs_out_on_a_dead_line_holds_nobody_up(viewer: Viewer, service: Service) -> None:
    asked(viewer, service, within_seconds=6)
    service.line_is_cut = True
    expect(viewer.part("presence-says")).to_contain_text("网络恢复后会再出一道题")
    viewer.part("presence-on").click()
    expect(viewer.part("presence")).to_be_hidden()
    viewer.reach(viewer.position + 0.3)


def test_an_answer_can_bring_back_what_was_held_and_the_bar_shows_it(viewer: Viewer, service: Service) -> None:
    service.held = [{"from": 6.0, "to": 8.0, "reason": "presence_pending"}]
    asked(viewer, service)
    expect(viewer.part("reasons")).to_contain_text("答对下一题后，这一段自动计入，不必重看：")
    assert drawn(viewer, "held") == 1
    choose(viewer, 1)
    expect(viewer.part("legend-held")).to_be_hidden()
    service.wait_for(lambda heard: heard.looks)
    assert (set(service.looks), drawn(viewer, "held")) == ({"s1"}, 0)
    assert [6.0, 8.0] in service.covered
    expect(viewer.part("reasons")).to_be_hidden()


def test_a_question_that_came_when_its_time_was_over_is_nobodys_fault(viewer: Viewer, service: Service) -> None:
    service.beat_interval_seconds = 1
    viewer.start()
    gone = service.questions.make(within_seconds=0)
    with service.lock:
        service.answers.append((200, {**service.judge_beat("s1", []), "presence_check": gone.described()}, {}))
        service.questions.put(service.questions.make(question="第二题", right=0))
    expect(viewer.part("presence-question")).to_have_text("第二题")
    expect(viewer.part("presence-says")).to_have_text("视频已暂停，请回答一道题，确认您正在观看。")
    choose(viewer, 0)
    expect(viewer.part("presence")).to_be_hidden()
    assert not any("unanswered" in body for _, body in service.requests)
