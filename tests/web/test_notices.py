"""The bell, the page of notices, and ways out of e-mail that need no sign-in."""

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import Unavailable
from lms_plugin.http.letters import LetterWriter, unsubscribe_token, unsubscribed
from lms_plugin.http.notice_wording import notice_sentence
from lms_plugin.services import notices, reminding
from lms_plugin.services.mailing import Recipient
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.ports import Letter
from lms_plugin.storage.notices import MailState, Notice
from lms_plugin.storage.people import User
from tests.web.stage import HOST, Stage

PROGRAMME = {"zh": "农村教师远程培训", "en": "Remote training"}
BEHIND = {"enrolment": 1, "programme": PROGRAMME, "class_hour_ms": 2_700_000, "short_ms": 5_400_000}
WEEK = {
    **BEHIND,
    "component": {"zh": "校本研修", "en": "School-based"},
    "week_on": "2026-11-16",
    "asked_ms": 5_400_000,
    "got_ms": 2_700_000,
    "make_up_ms": 8_100_000,
    "make_up_before": "2026-12-07",
}


def tell(stage: Stage, *told: NewNotice) -> None:
    with stage.database.writing() as session:
        notices.tell_many(session, told, stage.clock())


def about(stage: Stage, kind: str, about: str = "1", address: str = "/enrolments/1/pace") -> NewNotice:
    return NewNotice(stage.users["teacher"], kind, about, BEHIND, address)


def mail_state(stage: Stage) -> MailState | None:
    with stage.database.reading() as session:
        return session.get(MailState, stage.users["teacher"])


# kind, parameters, English, Chinese
SENTENCES = [
    (reminding.FELL_BEHIND, BEHIND, "You have fallen behind in “Remote training”: 2 class hours are missing",
     "您在“农村教师远程培训”的学习进度滞后：比目前应修学时还差 2 学时。"),
    (reminding.WINDOW_CLOSES, {**BEHIND, "days": 7, "closes_on": "2026-12-14"},
     "“Remote training” ends in 7 days: class hours count until the end of Dec 13, 2026.",
     "“农村教师远程培训”还有 7 天截止：学时计到2026年12月13日为止，您还没有修满。"),
    (reminding.WEEK_SHORT, WEEK, "It can be made up until Dec 6, 2026; 3 class hours by the end of this week would do.",
     "最迟2026年12月6日可以补；本周内学满 3 学时即可补上。"),
    (reminding.WEEK_LOST, WEEK, "fell short (1 of 2 class hours) and cannot",
     "不能补，这一周的学时不计入。"),
    (reminding.WEEK_SHORT, {**WEEK, "asked_ms": 0, "pace_ms": 5_400_000},
     "wait, since a week counts from 2 class hours on. It can be made up until Dec 6, 2026; 3 class hours by",
     "一周满 2 学时才计入，现在暂不计入。最迟2026年12月6日可以补；本周内学满 3 学时即可补上。"),
    (reminding.WEEK_LOST, {**WEEK, "asked_ms": 0, "pace_ms": 5_400_000},
     "do not count, since a week counts from 2 class hours on and this one cannot be made up.",
     "一周满 2 学时才计入，这一周不能补，学时不计入。"),
    (reminding.NOMINATIONS_DUE, {"programme": PROGRAMME, "places": 1, "deadline_on": "2026-10-20"},
     "taken until the end of Oct 19, 2026; 1 place of your region is free.",
     "上报到2026年10月19日截止，本地区还有 1 个名额。"),
    (reminding.APPROVALS_WAIT, {"count": 3}, "3 school-based activities wait", "有 3 项校本研修活动等待您审核。"),
    ("activity_returned", {"title": "磨课"}, "“磨课” was sent back to you", "您填报的“磨课”已退回"),
    ("activity_refused", {"title": "磨课"}, "“磨课” is not approved", "您填报的“磨课”未获通过"),
    ("homework_returned", {}, "Your homework was sent back", "您的作业已退回"),
    ("dispute_proposed", {}, "There is a proposal", "处理建议"),
    ("of another version", {}, "There is news for you.", "您有一条新消息。"),
    (reminding.WEEK_LOST, {}, "There is news for you.", "您有一条新消息。"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "params", "english", "chinese"), SENTENCES)
def test_every_kind_has_its_sentence_in_both_languages(
    stage: Stage, kind: str, params: dict[str, object], english: str, chinese: str
) -> None:
    for language, expected in (("en", english), ("zh", chinese)):
        with stage.app.test_request_context(headers={"Accept-Language": language}):
            assert expected in notice_sentence(kind, params, language)


def test_the_bell_counts_what_is_new_until_it_is_read(stage: Stage) -> None:
    browser = stage.browser("teacher")
    assert 'class="count"' not in browser.get("/").text
    tell(stage, *(about(stage, "fell_behind", str(number)) for number in range(3)))
    assert "Notices, 3 unread" in browser.get("/").text

    with stage.database.reading() as session:
        first = session.scalars(select(Notice).order_by(Notice.id)).first()
    assert first is not None
    followed = browser.post(f"/notices/{first.id}")
    assert (followed.status_code, followed.location) == (303, "/enrolments/1/pace")
    assert "Notices, 2 unread" in browser.get("/notices").text
    assert browser.post("/notices/read").status_code == 303
    assert 'class="count"' not in browser.get("/").text
    assert stage.browser("mate").post(f"/notices/{first.id}").status_code == 404


def test_a_notice_without_a_page_or_with_a_strange_one_leads_to_a_page_of_ours(stage: Stage) -> None:
    tell(stage, about(stage, "a", address=""), about(stage, "b", address="https://elsewhere.example.org/"))
    with stage.database.reading() as session:
        ids = [one.id for one in session.scalars(select(Notice).order_by(Notice.id))]
    assert [stage.browser("teacher").post(f"/notices/{one}").location for one in ids] == ["/notices", "/"]


def test_more_notices_than_fit_go_on_another_page(stage: Stage) -> None:
    tell(stage, *(about(stage, "fell_behind", str(number)) for number in range(120)))
    browser = stage.browser("teacher")
    page = browser.get("/notices").text
    assert page.count("fallen behind") == 30
    assert "99+" in page
    assert browser.get("/notices?before=31").text.count("fallen behind") == 30
    assert browser.get("/notices?before=11").text.count("fallen behind") == 10


def test_how_often_mail_comes_is_chosen_on_the_page(stage: Stage) -> None:
    browser = stage.browser("teacher")
    assert "No e-mail address is known of you." in browser.get("/notices").text
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).email = "wang.li@example.org"
    assert "wang.li@example.org" in browser.get("/notices").text
    assert browser.post("/notices", digest="each").status_code == 303
    assert '<option value="each" selected>' in browser.get("/notices").text
    assert browser.post("/notices", digest="hourly").status_code == 422


def test_the_page_says_which_address_refused_and_why(stage: Stage) -> None:
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).email = "wang.li@example.org"
        session.add(
            MailState(
                user_id=stage.users["teacher"], refused_address="wang.li@example.org", last_error="550 <no> such user"
            )
        )
    browser = stage.browser("teacher")
    assert "550 &lt;no&gt; such user" in browser.get("/notices").text
    browser.post("/notices", digest="daily")
    assert "550" not in browser.get("/notices").text
    with stage.database.writing() as session:
        session.get_one(MailState, stage.users["teacher"]).last_error = "450 busy"
    assert "The last try to send you e-mail failed: 450 busy" in browser.get("/notices").text


def test_one_click_in_a_mail_program_ends_mail_without_sign_in_or_page(stage: Stage) -> None:
    token = unsubscribe_token(stage.app.config["SECRET_KEY"], stage.users["teacher"])
    nobody = stage.browser()
    asked = nobody.get(f"/notices/unsubscribe/{token}")
    assert "Shall this service write to you no more?" in asked.text
    assert mail_state(stage) is None

    done = nobody.client.post(f"/notices/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    state = mail_state(stage)
    assert state is not None
    assert state.digest == "never"


@pytest.mark.parametrize("token", ["x", "MQ.x", unsubscribe_token("another key, just as long as the right one", 1)])
def test_a_token_that_is_not_ours_ends_nothing(stage: Stage, token: str) -> None:
    assert stage.browser().client.post(f"/notices/unsubscribe/{token}").status_code == 404
    assert unsubscribed(stage.app.config["SECRET_KEY"], token) is None


def letter(stage: Stage, language: str, *told: NewNotice) -> Letter:
    tell(stage, *told)
    with stage.database.reading() as session:
        rows = session.scalars(select(Notice).order_by(Notice.id)).all()
        write = LetterWriter(stage.app, HOST)
        return write(Recipient(1, "王<丽>", "wang.li@example.org", language), rows, "notices.1.2@example.org")


def test_a_letter_speaks_the_language_of_its_person(stage: Stage) -> None:
    zh = letter(stage, "zh", about(stage, "fell_behind"))
    assert zh.subject == "您在“农村教师远程培训”的学习进度滞后：比目前应修学时还差 2 学时。 — 研修学时"
    assert zh.text.startswith("王<丽>老师，您好：\n")
    assert f"{HOST}/enrolments/1/pace" in zh.text
    assert "王&lt;丽&gt;" in zh.html
    assert zh.unsubscribe_address in zh.text
    assert zh.unsubscribe_address.startswith(f"{HOST}/notices/unsubscribe/")

    en = letter(stage, "en", about(stage, "dispute_accepted", address=""))
    assert en.subject == "2 notices for you – Class Hours"
    assert (en.language, zh.language) == ("en", "zh-CN")
    assert "- A dispute about class hours was decided in the learner's favour.\n" in en.text
    assert "<li>A dispute about class hours was decided in the learner&#x27;s favour.</li>" in en.html


def test_a_store_that_is_away_takes_no_error_page_with_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = stage.browser("teacher")
    monkeypatch.setattr(notices, "unread", _unavailable)
    assert browser.get("/").status_code == 200


def _unavailable(*_args: object) -> int:
    raise Unavailable(why="away")
