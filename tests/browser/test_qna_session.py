"""A whole Q&A session as its people live it: a tutor and five teachers, each in a browser of their own, and the hours
that follow. The clock of the service is moved by hand; pages are waited for, never slept for."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import auditing, catalogue
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import Region
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow
from lms_plugin.storage.study import Meeting
from tests import builders
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.web.stage import Stage
from tests.web.test_meetings import NINE, code, held, planned, sign_in_address

__all__ = ["held"]

ELEVEN = NINE + timedelta(hours=2)
LONG_MS = 60_000
"""A part that changes by itself is asked for every few seconds; on a loaded machine the answer may take long."""
PEOPLE = {"punctual": "王丽", "late": "赵敏", "early": "刘洋", "refused": "孙伟", "asking": "周静"}


@dataclass
class Class:
    """The stage with a class group of five; `pages` are their browsers, each on the session's own page."""

    stage: Stage
    address: str
    meeting_id: int
    pages: dict[str, Page]
    tutor: Page

    def at(self, minutes: float) -> None:
        """So many minutes after the beginning."""
        self.stage.clock.now = NINE + timedelta(minutes=minutes)

    def sign(self, person: str, button: str, typed: str | None = None) -> Page:
        """Type the code of this moment (or another one) and press a button."""
        page = self.pages[person]
        page.goto(f"{self.address}{sign_in_address(self.meeting_id)}")
        page.get_by_label("负责人出示的六位签到码").fill(typed or code(self.stage, self.meeting_id))
        page.get_by_role("button", name=button).click()
        return page

    def minutes(self, person: str) -> int:
        """What the ledger has of somebody, in minutes."""
        with self.stage.database.reading() as session:
            total = session.scalar(
                select(func.coalesce(func.sum(CreditEntryRow.amount_ms), 0))
                .join(Enrolment, Enrolment.id == CreditEntryRow.enrolment_id)
                .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
                .where(Enrolment.user_id == self.stage.users[person], ProgrammeRow.key == "gathering")
            )
        assert total is not None
        return total // MINUTE_MS


@pytest.fixture
def assembled(held: Stage, address: str, new_page: OpenPage) -> Class:
    with held.database.writing() as session:
        school = session.scalars(select(Region).where(Region.code == "530102-001")).one()
        group = session.scalars(select(ClassGroup).where(ClassGroup.name == "面授一班")).one()
        current = catalogue.in_force(session, group.programme_id, builders.NOW)
        for login, name in PEOPLE.items():
            user = builders.make_user(session, login, name=name, region=school)
            builders.enrol(session, user, current, group=group)
            held.users[login] = user.id
    meeting_id = planned(held, "qna", ends_at=ELEVEN)
    tutor = new_page()
    sign_in(tutor, held, address, "tutor", "zh")
    pages = {}
    for login in PEOPLE:
        pages[login] = new_page(width=390)
        sign_in(pages[login], held, address, login, "zh")
    return Class(held, address, meeting_id, pages, tutor)


def test_a_q_and_a_session_from_its_questions_to_the_hours(assembled: Class) -> None:
    here = assembled
    questions = f"{here.address}/meetings/{here.meeting_id}/questions"

    # Days before: one asks twice, another one is of the same mind.
    asking = here.pages["asking"]
    for body in ("怎样让学生先量后估？", "玉米棒能不能当尺子？"):
        asking.goto(questions)
        asking.get_by_label("您想问什么？").fill(body)
        asking.get_by_role("button", name="提交问题").click()
        expect(asking.get_by_text("问题已提交。")).to_be_visible()
    punctual = here.pages["punctual"]
    punctual.goto(questions)
    punctual.get_by_role("button", name=re.compile("我也想问.*玉米棒")).click()
    expect(punctual.get_by_role("button", name=re.compile("取消附议.*玉米棒"))).to_be_visible()

    # Ten minutes before it begins: the page of one who waits shows by itself that signing in is open.
    here.at(-10)
    punctual.goto(f"{here.address}{sign_in_address(here.meeting_id)}")
    expect(punctual.get_by_label("负责人出示的六位签到码")).to_be_hidden()
    here.tutor.goto(f"{here.address}/meetings/{here.meeting_id}")
    here.tutor.get_by_role("button", name="开始签到").click()
    live = here.tutor.locator("#live")
    expect(live.locator(".meeting-code")).to_have_text(code(here.stage, here.meeting_id), timeout=LONG_MS)
    expect(live.locator(".question").first).to_contain_text("玉米棒能不能当尺子？")
    expect(punctual.get_by_label("负责人出示的六位签到码")).to_be_visible(timeout=LONG_MS)

    here.at(-5)
    for person in ("punctual", "early", "asking"):
        expect(here.sign(person, "我已到场，签到").get_by_text("签到成功。")).to_be_visible()
    # The tutor's page follows, without a hand on it.
    expect(live).to_contain_text("周静 08:55", timeout=LONG_MS)

    # Five minutes in: a code that somebody was sent three minutes ago is good for nothing.
    here.at(2)
    passed_on = code(here.stage, here.meeting_id)
    here.at(5)
    refused = here.sign("refused", "我已到场，签到", passed_on)
    expect(refused.get_by_text("签到码不正确")).to_be_visible()
    expect(refused.get_by_label("负责人出示的六位签到码")).to_have_value(passed_on)

    here.at(20)
    expect(here.sign("late", "我已到场，签到").get_by_text("签到成功。")).to_be_visible()
    here.tutor.goto(questions)
    here.tutor.get_by_text("答复或合并").first.click()
    here.tutor.get_by_label("给学员的说明").first.fill("可以，先统一长短。")
    here.tutor.get_by_role("button", name="标为已答复").first.click()
    expect(here.tutor.get_by_text("可以，先统一长短。").first).to_be_visible()

    here.at(90)
    expect(here.sign("early", "我要离场，签退").get_by_text("签退成功。")).to_be_visible()

    # Over: one press confirms the list.
    here.at(121)
    here.tutor.goto(f"{here.address}/meetings/{here.meeting_id}")
    expect(here.tutor.locator("#list")).to_contain_text("迟到 20 分钟")
    expect(here.tutor.locator("#list")).to_contain_text("早退 30 分钟")
    here.tutor.get_by_role("button", name="确认签到表").click()
    expect(here.tutor.get_by_text("已确认 4 名学员。")).to_be_visible()

    assert {person: here.minutes(person) for person in PEOPLE} == {
        "punctual": 120,
        "late": 100,
        "early": 90,
        "refused": 0,
        "asking": 120,
    }
    # What the learners read is what the ledger has.
    late = here.pages["late"]
    late.goto(f"{here.address}/meetings")
    expect(late.locator("main")).to_contain_text("已计入 1:40:00")
    refused.goto(f"{here.address}/meetings")
    expect(refused.locator("main")).to_contain_text("没有签到")
    with here.stage.database.reading() as session:
        people = [here.stage.users[one] for one in PEOPLE]
        assert [one.difference for one in auditing.audit(session, people)] == [None] * len(PEOPLE)
        assert session.get_one(Meeting, here.meeting_id).state == "confirmed"


def test_what_somebody_is_typing_is_left_alone_when_the_list_changes(assembled: Class) -> None:
    here = assembled
    questions = f"{here.address}/meetings/{here.meeting_id}/questions"
    here.stage.browser("asking").post(questions.removeprefix(here.address), body="怎样让学生先量后估？")
    here.tutor.goto(questions)
    here.tutor.get_by_text("答复或合并").click()
    note = here.tutor.get_by_label("给学员的说明")
    note.fill("先估一估")
    with here.tutor.expect_response(lambda answer: answer.url.endswith("/questions/live"), timeout=LONG_MS):
        here.stage.browser("late").post(questions.removeprefix(here.address), body="玉米棒能不能当尺子？")

    expect(note).to_have_value("先估一估")


def test_a_vote_and_the_focus_outlast_a_list_that_changes_meanwhile(assembled: Class) -> None:
    here = assembled
    where = f"/meetings/{here.meeting_id}/questions"
    voter = here.pages["punctual"]
    here.stage.browser("asking").post(where, body="怎样让学生先量后估？")
    voter.goto(f"{here.address}{where}")
    button = voter.get_by_role("button", name=re.compile("我也想问.*先量后估"))
    live = voter.locator("[data-live]")

    button.focus()
    here.stage.browser("late").post(where, body="玉米棒能不能当尺子？")
    expect(live).to_contain_text("玉米棒能不能当尺子？", timeout=LONG_MS)
    expect(button).to_be_focused()

    # The button goes down, the list has news, the button comes up: it is one press.
    button.hover()
    voter.mouse.down()
    with voter.expect_response(lambda answer: answer.url.endswith("/live") and answer.ok, timeout=LONG_MS):
        here.stage.browser("early").post(where, body="没有尺子怎么办？")
    voter.mouse.up()
    expect(voter.get_by_role("button", name=re.compile("取消附议.*先量后估"))).to_be_visible()


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_around_a_session_are_for_everybody_and_fit_the_screen(
    assembled: Class, new_page: OpenPage, language: str, width: int
) -> None:
    here = assembled
    base = f"/meetings/{here.meeting_id}"
    here.stage.browser("asking").post(f"{base}/questions", body="怎样让学生先量后估？" + "很长很长" * 40)
    here.stage.browser("late").post(f"{base}/questions", body="玉米棒能不能当尺子？")
    here.stage.browser("asking").post("/meetings/calendar")
    here.stage.clock.now = NINE
    here.stage.browser("tutor").post(f"{base}/notes", body="# 先估后量\n\n先估一估，再量一量。")
    for person, where in (
        ("tutor", f"{base}/edit"),
        ("tutor", f"{base}/questions"),
        ("tutor", f"{base}/notes"),
        ("tutor", base),
        ("asking", f"{base}/questions"),
        ("asking", f"{base}/notes"),
        ("asking", sign_in_address(here.meeting_id)),
        ("asking", "/meetings/calendar"),
        ("late", "/meetings/calendar"),
    ):
        page = new_page(language, width)
        sign_in(page, here.stage, here.address, person, language)
        page.goto(f"{here.address}{where}")
        assert_sound(page, where)
