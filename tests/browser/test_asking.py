"""Asking beside the film: at its second, without stopping it, on a bad line, and back to that second."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect
from sqlalchemy import func, select

from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.questions import Question
from scripts.demonstration.client import Person
from scripts.demonstration.installation import Installation, free_port
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.browser.player.viewer import Viewer
from tests.journeys.course import PASSWORD, write_course, write_people, write_regions
from tests.web.stage import BEGAN_MS, Stage

HOW = "学生总是忘记进位，怎么办？"
FILM_SECONDS = 60


def asked(stage: Stage) -> list[tuple[str, int | None, bool]]:
    with stage.database.reading() as session:
        rows = session.scalars(select(Question).order_by(Question.id))
        return [(one.body, one.at_seconds, one.is_private) for one in rows]


def open_form(page: Page, stage: Stage, address: str, person: str = "teacher") -> None:
    sign_in(page, stage, address, person, "zh")
    page.goto(address + stage.module_address)
    page.get_by_role("button", name="提问（05:00）").click()


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_of_questions_are_accessible_and_fit(
    stage: Stage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    stage.promote()
    (question, _), (other, _), (answered, _) = stage.ask(), stage.ask(), stage.ask(answered=True)
    stage.browser("tutor").post(f"/tutor/questions/{question}", body="写小。", also=str(other))
    waiting, _ = stage.ask()
    stage.clock.forward(26 * 3600)
    own = f"/enrolments/{stage.enrolment_id}/questions"
    pages = {
        "teacher": [
            stage.module_address,
            f"{stage.module_address}/questions",
            *(f"{own}/{one}" for one in (answered, other, waiting)),
            "/notices",
        ],
        "tutor": [
            "/tutor/questions",
            f"/tutor/questions/{waiting}",
            f"/tutor/questions/{answered}",
            f"/tutor/questions/{other}",
            f"/tutor/questions/{answered}/faq",
            f"/tutor/modules/{stage.module_id}/faq",
        ],
        "admin": ["/office/faq"],
    }
    for person, addresses in pages.items():
        page = new_page(language=language, width=width)
        sign_in(page, stage, address, person, language)
        for at in addresses:
            page.goto(address + at)
            page.wait_for_load_state("networkidle")
            for summary in page.locator("details:is(.ask, .faq details):not([open]) > summary").all()[::-1]:
                summary.click()
            if page.locator("#ask-body").count():
                page.locator("#ask-body").fill("")
                page.locator("#ask-body").fill(HOW)
                expect(page.locator("#alike details").first).to_be_visible()
            assert_sound(page, at)


def test_a_question_takes_the_second_of_the_film_and_is_sent_in_place(stage: Stage, address: str, page: Page) -> None:
    open_form(page, stage, address)
    expect(page.get_by_label("针对视频 05:00 处")).to_be_checked()
    page.get_by_label("您的问题").fill(HOW)
    page.get_by_label("仅辅导教师可见").check()
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("问题已提交给本班辅导教师")
    assert asked(stage) == [(HOW, BEGAN_MS // 1000, True)]
    expect(page).to_have_url(re.compile(f"{stage.module_address}$"))
    page.get_by_role("link", name="查看我的提问").click()
    page.get_by_role("link", name="从 5:00 开始播放").click()
    expect(page).to_have_url(re.compile(r"\?from=300#film$"))
    expect(page.locator("[data-part=start-text]")).to_contain_text("05:00")


def test_somebody_who_types_at_once_asks_about_the_second_all_the_same(stage: Stage, address: str, page: Page) -> None:
    sign_in(page, stage, address, "teacher", "zh")
    page.goto(address + stage.module_address)
    expect(page.get_by_role("button", name="提问（05:00）")).to_be_visible()
    page.evaluate(
        """(how) => {
          document.querySelector(".ask summary").click();
          document.getElementById("ask-body").value = how;
          document.getElementById("ask-body").dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        HOW,
    )
    expect(page.get_by_label("针对视频 05:00 处")).to_be_checked()
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("问题已提交给本班辅导教师")
    assert asked(stage) == [(HOW, BEGAN_MS // 1000, False)]


def test_the_way_to_a_second_is_a_link_as_long_as_the_player_is_not_there(
    stage: Stage, address: str, page: Page
) -> None:
    stage.promote()
    sign_in(page, stage, address, "teacher", "zh")
    page.route("**/player/main.js", lambda route: route.abort())
    page.goto(address + stage.module_address)
    expect(page.get_by_role("button", name="提问（05:00）")).to_be_visible()
    page.locator(".faq summary").click()
    page.get_by_role("link", name="从 12:40 开始播放").click()
    expect(page).to_have_url(re.compile(r"\?from=760#film$"))


def test_what_is_typed_outlives_the_page_and_stays_its_own_persons(
    stage: Stage, address: str, new_page: OpenPage
) -> None:
    page = new_page()
    open_form(page, stage, address)
    page.get_by_label("您的问题").fill(HOW)
    page.get_by_label("针对视频 05:00 处").uncheck()
    page.reload()
    expect(page.get_by_label("您的问题")).to_have_value(HOW)
    expect(page.locator("[name=at_seconds]")).not_to_be_checked()

    sign_in(page, stage, address, "mate", "zh")
    with stage.database.reading() as session:
        mine = session.scalar(select(Enrolment.id).where(Enrolment.user_id == stage.users["mate"]))
    page.goto(f"{address}/enrolments/{mine}/modules/{stage.module_id}")
    expect(page.locator("#ask-body")).to_have_value("")
    assert asked(stage) == []


def test_a_question_on_a_cut_line_is_sent_when_the_line_is_back_and_once(
    stage: Stage, address: str, page: Page
) -> None:
    open_form(page, stage, address)
    page.get_by_label("您的问题").fill(HOW)
    page.context.set_offline(True)
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("您的问题已保存在本设备上")
    expect(page.get_by_label("您的问题")).to_have_value(HOW)
    page.context.set_offline(False)
    expect(page.locator(".ask-says")).to_contain_text("问题已提交给本班辅导教师")
    expect(page.locator("#ask-body")).to_have_value("")
    page.reload()
    expect(page.locator("[data-ask]")).not_to_have_attribute("open", "")
    assert [body for body, _, _ in asked(stage)] == [HOW]


def test_an_answer_that_is_lost_on_the_way_asks_nothing_twice(stage: Stage, address: str, page: Page) -> None:
    open_form(page, stage, address)
    page.get_by_label("您的问题").fill(HOW)
    lost: list[APIResponse] = []

    def lose(route: Route) -> None:
        if not lost:
            lost.append(route.fetch())
            route.abort()
        else:
            route.continue_()

    page.route(re.compile("/api/v1/modules/[0-9]+/questions$"), lose)
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("问题已提交给本班辅导教师", timeout=30_000)
    assert len(lost) == 1
    assert len(asked(stage)) == 1


def test_what_was_left_is_sent_from_any_page_by_its_own_person_only(
    stage: Stage, address: str, new_page: OpenPage
) -> None:
    page = new_page()
    open_form(page, stage, address)
    page.get_by_label("您的问题").fill(HOW)
    page.context.set_offline(True)
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("您的问题已保存在本设备上")
    page.goto("about:blank")
    page.context.set_offline(False)

    sign_in(page, stage, address, "mate", "zh")
    page.goto(f"{address}/notices")
    page.wait_for_load_state("networkidle")
    assert asked(stage) == []

    sign_in(page, stage, address, "teacher", "zh")
    with page.expect_response(re.compile("/questions$")) as answer:
        page.goto(f"{address}/notices")
    assert answer.value.status == 201
    assert [body for body, _, _ in asked(stage)] == [HOW]
    with stage.database.reading() as session:
        assert session.scalar(select(func.count()).where(Question.author_id == stage.users["teacher"])) == 1


def test_a_refused_question_says_why_and_stays(stage: Stage, address: str, page: Page) -> None:
    open_form(page, stage, address)
    page.get_by_label("您的问题").fill(HOW)
    page.locator("[name=at_seconds]").evaluate("one => { one.value = '99999'; }")
    page.get_by_role("button", name="提交问题").click()
    expect(page.locator(".ask-says")).to_contain_text("所选时间超出本单元视频的时长。")
    expect(page.get_by_label("您的问题")).to_have_value(HOW)
    assert asked(stage) == []


def test_a_question_is_asked_and_answered_with_the_keyboard(stage: Stage, address: str, new_page: OpenPage) -> None:
    page = new_page()
    sign_in(page, stage, address, "teacher", "zh")
    page.goto(address + stage.module_address)
    page.get_by_role("button", name="提问（05:00）").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("how? 怎么办？")
    expect(page.get_by_label("您的问题")).to_have_value("how? 怎么办？")
    page.get_by_role("button", name="提交问题").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".ask-says")).to_contain_text("问题已提交")

    tutor = new_page(width=390)
    sign_in(tutor, stage, address, "tutor", "zh")
    tutor.goto(f"{address}/tutor/questions")
    tutor.get_by_role("link", name="how? 怎么办？").focus()
    tutor.keyboard.press("Enter")
    tutor.get_by_label("答复内容").focus()
    tutor.keyboard.type("先估后量。")
    tutor.get_by_role("button", name="发布答复").focus()
    tutor.keyboard.press("Enter")
    expect(tutor.get_by_text("答复已发布")).to_be_visible()


# --- a film that really plays -----------------------------------------------------------------------------------------


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A running server with one film, and its teacher and tutor."""
    made = Installation(tmp_path / "data", free_port())
    course = write_course(tmp_path, {"counting": FILM_SECONDS}, required_seconds=FILM_SECONDS - 1, required_posts=1)
    made.command("db", "upgrade")
    made.command("users", "regions", str(write_regions(tmp_path)))
    made.command("content", "publish", str(course.folder))
    made.command("users", "import", str(write_people(tmp_path, ["wang.li"])))
    made.start_server()
    yield made
    made.stop()


def test_the_film_plays_on_while_one_asks_and_again_from_that_second(
    installation: Installation, new_page: OpenPage
) -> None:
    page = new_page(language="en")
    page.goto(f"{installation.base_url}/login")
    page.locator("[name=login]").fill("wang.li")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(f"{installation.base_url}/")
    with Person(installation.base_url, "wang.li", PASSWORD) as teacher:
        enrolment = teacher.get("/api/v1/me/enrolments")[0]
    module = enrolment["modules"][0]["id"]
    page.goto(f"{installation.base_url}/enrolments/{enrolment['id']}/modules/{module}")
    viewer = Viewer(page, installation.base_url)
    viewer.part("start").click()
    viewer.reach(3)
    page.locator(".ask summary").click()
    moment = page.locator("[name=at_seconds]")
    page.get_by_label("Your question").fill(HOW)
    taken = int(moment.input_value())
    assert taken >= 3
    viewer.reach(taken + 1.5)
    expect(page.get_by_role("button", name=re.compile("Take .* instead"))).to_be_visible()
    page.get_by_role("button", name="Send the question").click()
    expect(page.locator(".ask-says")).to_contain_text("Your question is with the tutors")
    viewer.reach(taken + 2)

    with Person(installation.base_url, "tutor", PASSWORD) as tutor:
        (waiting,) = tutor.get("/api/v1/questions")["questions"]
        assert (waiting["at_seconds"], waiting["body"]) == (taken, HOW)
        question = f"/api/v1/questions/{waiting['id']}"
        tutor.post(f"{question}/answers", {"body": "写小。"}, status=201)
        tutor.post(f"{question}/faq", {"question": "忘记进位怎么办？", "answer": "写小。"}, status=201)
    page.reload()
    page.get_by_text("忘记进位怎么办？").click()
    page.get_by_role("link", name="Play from").click()
    viewer.reach(taken + 0.5)
    assert viewer.position < taken + 30
    assert viewer.video("paused") is False
