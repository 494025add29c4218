"""Presence checks at the player: asked, answered by keyboard and by touch, missed, taken along to another device."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.player.asking import asked, choose, drawn
from tests.browser.player.counterpart import Service
from tests.browser.player.viewer import Viewer


@pytest.fixture
def started(viewer: Viewer, service: Service) -> Viewer:
    """A film that plays and is reported every second."""
    service.beat_interval_seconds = 1
    viewer.start()
    return viewer


def test_a_check_pauses_the_film_and_is_answered_by_keyboard_alone(started: Viewer, service: Service) -> None:
    started.part("speed").focus()
    asked(started, service)
    assert started.video("paused") is True
    expect(started.part("presence")).to_have_accessible_name("在场确认")
    expect(started.page.get_by_role("group", name="课堂导入用了哪种方法？").get_by_role("radio")).to_have_count(3)
    expect(started.part("presence-left")).to_have_text(re.compile("剩余 (02:00|01:5[0-9])"))
    assert started.focused == "choice 0"

    started.page.keyboard.press("3")
    assert started.focused == "choice 2"
    started.page.keyboard.press("ArrowUp")
    assert started.focused == "choice 1"
    started.page.keyboard.press("Enter")
    expect(started.part("presence")).to_be_hidden()
    assert service.questions.answers == [("c1", 1)]
    started.reach(started.position + 0.3)
    assert started.focused == "speed"


def test_tab_leads_through_the_choices_to_the_button(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    viewer.page.keyboard.press("Space")
    viewer.page.keyboard.press("Tab")
    assert viewer.focused == "presence-submit"
    viewer.page.keyboard.press("Space")
    expect(viewer.part("presence-says")).not_to_have_text("视频已暂停，请回答一道题，确认您正在观看。")
    service.wait_for(lambda heard: heard.questions.answers)
    assert service.questions.answers == [("c1", 0)]


def test_no_key_of_the_player_and_no_media_key_gets_past_a_question(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    stood = viewer.position
    for key in ("m", "k", "l", "End", "0"):
        viewer.page.keyboard.press(key)
    viewer.page.locator(".player").focus()
    for key in ("m", "k", "l", "9"):
        viewer.page.keyboard.press(key)
    assert (viewer.video("muted"), viewer.video("paused"), viewer.position) == (False, True, stood)
    viewer.script("video.play().catch(() => {}); return new Promise((done) => { video.onpause = done; });")
    assert viewer.video("paused") is True
    assert service.questions.answers == []


def test_enter_without_a_choice_asks_for_one(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    viewer.page.keyboard.press("Enter")
    expect(viewer.part("presence-says")).to_have_text("请先选择一个答案。")
    assert service.questions.answers == []


def test_a_wrong_answer_brings_another_question(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    service.questions.further = [
        service.questions.make(question="本课的主题是什么？", choices=("比例", "面积"), right=0)
    ]
    choose(viewer, 0)
    expect(viewer.part("presence-says")).to_have_text("回答不正确，请再答一题。")
    expect(viewer.part("presence-question")).to_have_text("本课的主题是什么？")
    assert viewer.focused == "choice 0"
    choose(viewer, 0)
    expect(viewer.part("presence")).to_be_hidden()
    assert service.questions.answers == [("c1", 0), ("c2", 0)]
    viewer.reach(viewer.position + 0.3)


def test_wrong_without_another_try_says_what_is_on_hold(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)
    choose(viewer, 0)
    expect(viewer.part("presence-title")).to_have_text("在场确认未通过")
    expect(viewer.part("presence-says")).to_contain_text("转为“待确认”")
    viewer.part("presence-on").click()
    viewer.reach(viewer.position + 0.3)


def test_a_question_nobody_answers_holds_the_stretch_and_watching_it_again_counts_it(
    viewer: Viewer, service: Service
) -> None:
    asked(viewer, service, at=1.5, within_seconds=6)
    expect(viewer.part("presence-title")).to_have_text("在场确认未作答")
    service.wait_for(lambda heard: heard.looks)
    assert service.looks == ["s1"]
    expect(viewer.part("legend-held")).to_be_visible()
    assert (drawn(viewer, "held"), drawn(viewer, "counted")) == (1, 0)
    row = viewer.part("reasons").locator("li.held")
    expect(row).to_contain_text("其间的在场确认没有通过。重看这一段，或由辅导教师确认后，即可计入：")
    assert viewer.focused == "presence-on"

    service.questions.next_when_asked = service.questions.make(question="第二题", right=2)
    viewer.page.keyboard.press("Enter")
    expect(viewer.part("presence-question")).to_have_text("第二题")
    choose(viewer, 2)
    expect(viewer.part("presence")).to_be_hidden()

    end = service.held[0]["to"]
    row.get_by_role("button").click()
    viewer.stopped_at(end)
    assert viewer.position < end + 2
    expect(viewer.part("legend-held")).to_be_hidden()
    service.wait_for(lambda heard: not heard.held)
    assert service.covered[0][0] == 0


def test_watching_on_without_a_new_question_just_plays(viewer: Viewer, service: Service) -> None:
    asked(viewer, service, within_seconds=6)
    viewer.part("presence-on").click()
    expect(viewer.part("presence")).to_be_hidden()
    viewer.reach(viewer.position + 0.3)


def test_the_computers_date_plays_no_part(viewer: Viewer, service: Service) -> None:
    viewer.page.add_init_script("const now = Date.now; Date.now = () => now() + 20 * 366 * 86400e3;")
    asked(viewer, service, within_seconds=90)
    expect(viewer.part("presence-left")).to_have_text(re.compile("剩余 01:(30|[0-2][0-9])"))


def test_what_is_left_is_read_out_once(viewer: Viewer, service: Service) -> None:
    asked(viewer, service, within_seconds=36)
    expect(viewer.part("presence-left")).to_have_attribute("role", "timer")
    aloud = viewer.part("presence-aloud")
    expect(aloud).to_have_text(re.compile("作答时间还剩 (30|2[0-9]) 秒"))
    said = aloud.inner_text()
    viewer.page.wait_for_timeout(2500)
    expect(aloud).to_have_text(said)


def test_a_question_in_full_screen_is_inside_it(started: Viewer, service: Service) -> None:
    started.part("fullscreen").click()
    expect(started.part("fullscreen")).to_have_accessible_name("退出全屏")
    asked(started, service)
    assert started.script("return document.fullscreenElement.contains(document.activeElement);") is True
    expect(started.part("presence-submit")).to_be_in_viewport(ratio=1)
    result = Axe().run(started.page)
    assert result.violations_count == 0, result.generate_report()
    started.page.keyboard.press("2")
    started.page.keyboard.press("Enter")
    expect(started.part("presence")).to_be_hidden()
    assert started.focused == "fullscreen"


LONG = {
    "question": "How did the teacher bring in the idea of proportion at the very beginning of this lesson?",
    "choices": (
        "By comparing two photographs",
        "By reading the definition aloud twice, and having it copied",
        "3",
        "4",
    ),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_barrier_is_found_in_the_dialog_and_nothing_overflows(
    new_page: OpenPage, address: str, service: Service, language: str, width: int
) -> None:
    viewer = Viewer(new_page(language=language, width=width), address)
    service.held = [{"from": 6.0, "to": 7.0, "reason": "presence_unanswered"}]
    asked(viewer, service, within_seconds=8, **LONG)
    for state in ("form", "on"):
        expect(viewer.part(f"presence-{state}")).to_be_visible()
        result = Axe().run(viewer.page)
        assert result.violations_count == 0, result.generate_report()
        assert viewer.page.evaluate("document.documentElement.scrollWidth") == width
        sizes = (
            viewer.part("presence")
            .locator("label, button")
            .evaluate_all(
                "(all) => all.map((part) => part.getBoundingClientRect().height).filter((height) => height > 0)"
            )
        )
        assert min(sizes) >= 44
        if state == "form":
            outside = viewer.part("presence").evaluate(
                "(box) => box.scrollHeight - box.closest('[data-part=stage]').clientHeight"
            )
            assert outside <= 0


def test_by_touch_on_a_telephone(phone_viewer: Viewer, service: Service) -> None:
    asked(phone_viewer, service)
    phone_viewer.part("presence-choices").locator("label").nth(1).tap()
    phone_viewer.part("presence-submit").tap()
    expect(phone_viewer.part("presence")).to_be_hidden()
    assert service.questions.answers == [("c1", 1)]


def test_a_hidden_tab_says_in_its_name_that_there_is_a_question(started: Viewer, service: Service) -> None:
    name = started.page.title()
    started.hide_tab()
    asked(started, service)
    assert started.page.title() == f"请回答在场确认 · {name}"
    started.hide_tab(False)
    assert started.page.title() == name


def test_who_writes_elsewhere_is_called_and_not_interrupted(started: Viewer, service: Service) -> None:
    note = started.page.get_by_label("note")
    note.focus()
    asked(started, service)
    started.page.keyboard.type("1 2")
    assert note.input_value() == "1 2"
    call = started.part("presence-call")
    expect(call).to_be_in_viewport()
    call.click()
    assert started.focused == "choice 0"
    expect(call).to_be_hidden()
    choose(started, 1)
    expect(started.part("presence")).to_be_hidden()
    expect(note).to_be_focused()


def test_a_film_that_stood_stands_after_the_answer(viewer: Viewer, service: Service) -> None:
    viewer.start()
    viewer.reach(0.5)
    service.put_check()
    viewer.pause()
    expect(viewer.part("presence")).to_be_visible()
    choose(viewer, 1)
    expect(viewer.part("presence")).to_be_hidden()
    assert viewer.video("paused") is True


def test_a_question_left_open_comes_before_the_film(viewer: Viewer, service: Service) -> None:
    service.put_check()
    viewer.open()
    viewer.part("start").click()
    expect(viewer.part("presence")).to_be_visible()
    assert (viewer.video("paused"), viewer.position) == (True, 0)
    choose(viewer, 1)
    viewer.reach(0.3)


def test_the_question_goes_where_the_film_plays(viewer: Viewer, service: Service) -> None:
    asked(viewer, service)

    def taken_meanwhile(route: Route) -> None:
        """The lease goes elsewhere at the very moment at which the answer is sent."""
        service.take_lease()
        route.continue_()

    viewer.page.route(re.compile("/presence-checks/"), taken_meanwhile, times=1)
    choose(viewer, 0)
    expect(viewer.notice("lease")).to_be_visible()
    expect(viewer.part("presence")).to_be_hidden()
    service.put_check(question="另一处的问题", right=0)
    viewer.notice("lease").get_by_role("button", name="在这里继续播放").click()
    expect(viewer.part("presence-question")).to_have_text("另一处的问题")
    assert viewer.video("paused") is True
    choose(viewer, 0)
    expect(viewer.part("presence")).to_be_hidden()
    viewer.reach(viewer.position + 0.3)
