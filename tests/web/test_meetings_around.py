"""Pages around meetings: changed plans, calendars, questions, notes, making up, and parts that change by themselves."""

import itertools
import time
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from itsdangerous import TimestampSigner

from lms_plugin.domain.modes import StudyRule
from lms_plugin.services import meeting_list
from lms_plugin.storage.people import User
from tests import builders
from tests.domain.test_icalendar import plain, read
from tests.services.gatherings import programme_of_meetings
from tests.web.stage import Browser, Stage
from tests.web.test_meetings import NINE, NOON, code, enrolment_id, held, opened, planned, sign_in_address

__all__ = ["held"]

LINK = "https://meeting.example.cn/j/123"
BODY = "# 先估后量\n\n" + "议" * 3000
CHOICES = "估一估\n量一量\n记一记"
AFTER = NOON + timedelta(hours=6)


@pytest.fixture
def generous(held: Stage) -> Stage:
    """The same, where half of a missed Q&A session can be made up for."""
    programme = programme_of_meetings()
    rule = StudyRule(both_ends=False, makeup_share=Fraction(1, 2))
    components = tuple(replace(one, study=rule) if one.key == "qna" else one for one in programme.components)
    with held.database.writing() as session:
        builders.publish(session, replace(programme, components=components))
    return held


def edit_fields(**changes: str) -> dict[str, str]:
    fields = {"title": "怎样评课", "day": "2026-11-28", "starts": "09:00", "ends": "12:00", "place": "教师进修学校"}
    return fields | {"link": ""} | changes


def notes_fields(**changes: str) -> dict[str, str]:
    return {"body": BODY, "link": LINK, "asked_2": "先做什么？", "choices_2": CHOICES} | changes


def confirm(stage: Stage, meeting_id: int) -> None:
    stage.clock.now = NOON
    stage.browser("tutor").post(f"/meetings/{meeting_id}/state", action="confirm")


def test_a_plan_is_changed_and_everybody_reads_what_is_new(held: Stage) -> None:
    meeting_id, tutor = planned(held, link=LINK), held.browser("tutor")
    form = tutor.get(f"/meetings/{meeting_id}/edit").text
    for value in ("怎样评课", "2026-11-28", "09:00", "12:00", LINK):
        assert f'value="{value}"' in form
    answer = tutor.post(f"/meetings/{meeting_id}/edit", **edit_fields(starts="10:00", place="多功能厅", link=LINK))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/meetings/{meeting_id}")

    told = held.browser("teacher").get("/notices").text
    assert "“怎样评课” has changed (time, place): it is on Nov 28, 2026 10:00–12:00, 多功能厅." in told
    assert "现定于" in held.browser("teacher", "zh").get("/notices").text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": " "}, "Please say what it is about."),
        ({"link": "http://a.cn/"}, "Please give a whole address that begins with https://."),
        ({"link": "https://a.cn/" + "x" * 500}, "This address is too long: 500 characters at most."),
        ({"ends": "soon"}, "Please give a day and the times."),
    ],
)
def test_a_change_that_is_refused_keeps_what_was_typed(held: Stage, changes: dict[str, str], sentence: str) -> None:
    meeting_id = planned(held)
    answer = held.browser("tutor").post(f"/meetings/{meeting_id}/edit", **edit_fields(place="新地方", **changes))

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="新地方"' in answer.text


def test_what_has_begun_is_not_changed(held: Stage) -> None:
    meeting_id, tutor = opened(held), held.browser("tutor")
    assert f"/meetings/{meeting_id}/edit" not in tutor.get(f"/meetings/{meeting_id}").text
    answer = tutor.post(f"/meetings/{meeting_id}/edit", **edit_fields(title="新题目"))

    assert answer.status_code == 409
    assert "its plan stays as it is" in answer.text
    assert 'value="新题目"' in answer.text


def test_the_link_is_for_those_invited_only(held: Stage) -> None:
    meeting_id = planned(held, "qna", link=LINK)
    for person, address in (
        ("teacher", sign_in_address(meeting_id)),
        ("teacher", "/meetings"),
        ("tutor", f"/meetings/{meeting_id}"),
    ):
        assert f'href="{LINK}"' in held.browser(person).get(address).text, address
    for person in ("stranger", "other-tutor"):
        assert LINK not in held.browser(person).get(f"/meetings/{meeting_id}").text


def feed_of(stage: Stage, person: str) -> str:
    """The address of somebody's calendar, drawn anew, without its host."""
    browser = stage.browser(person)
    browser.post("/meetings/calendar")
    page = browser.get("/meetings/calendar").text
    return page.partition('value="http://localhost')[2].partition('"')[0]


def test_a_calendar_at_a_secret_address_follows_every_change(held: Stage) -> None:
    meeting_id, off_id = planned(held, link=LINK), planned(held, "qna", title="答疑, 第一次")
    tutor = held.browser("tutor")
    tutor.post(f"/meetings/{off_id}/state", action="cancel", reason="停电")
    tutor.post(f"/meetings/{meeting_id}/edit", **edit_fields(starts="10:00", link=LINK))
    address = feed_of(held, "teacher")

    answer = held.browser().get(address)  # a calendar does not sign in
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    off, one = sorted(read(answer.text), key=lambda event: event["DTSTART"])
    assert (one["DTSTART"], one["SEQUENCE"], one["STATUS"]) == ("20261128T020000Z", "1", "CONFIRMED")
    assert LINK in plain(one["DESCRIPTION"])
    assert one["URL"] == f"http://localhost/meetings/{meeting_id}"
    assert (plain(off["SUMMARY"]), off["SEQUENCE"], off["STATUS"]) == ("答疑, 第一次", "1", "CANCELLED")
    assert "集中辅导答疑" in plain(off["DESCRIPTION"])  # in its owner's language, which is Chinese

    # Who leads it has the same event; who is in another group has none.
    assert {event["UID"] for event in read(held.browser().get(feed_of(held, "tutor")).text)} == {
        one["UID"],
        off["UID"],
    }
    assert read(held.browser().get(feed_of(held, "stranger")).text) == []
    # What is known is not sent again, until something changes.
    known = {"If-None-Match": answer.headers["ETag"]}
    assert held.browser().client.get(address, headers=known).status_code == 304
    tutor.post(f"/meetings/{meeting_id}/edit", **edit_fields(starts="11:00", link=LINK))
    assert held.browser().client.get(address, headers=known).status_code == 200


def test_another_address_ends_the_one_before_and_a_closed_account_all(held: Stage) -> None:
    first = feed_of(held, "teacher")
    second = feed_of(held, "teacher")
    assert [held.browser().get(one).status_code for one in (first, second)] == [404, 200]
    assert held.browser().get(second.replace(".ics", "x.ics")).status_code == 404
    with held.database.writing() as session:
        session.get_one(User, held.users["teacher"]).is_active = False
    assert held.browser().get(second).status_code == 404


def test_a_meeting_comes_as_a_file(held: Stage) -> None:
    meeting_id = planned(held)
    answer = held.browser("teacher").get(f"/meetings/{meeting_id}/calendar.ics")

    assert answer.headers["Content-Disposition"] == f"attachment; filename=meeting-{meeting_id}.ics"
    (event,) = read(answer.text)
    assert plain(event["SUMMARY"]) == "怎样评课"


def ask(browser: Browser, meeting_id: int, body: str) -> int:
    return browser.post(f"/meetings/{meeting_id}/questions", body=body).status_code


def questions(stage: Stage, person: str, meeting_id: int) -> list[int]:
    page = stage.browser(person).get(f"/meetings/{meeting_id}/questions").text
    return [int(one.partition('"')[0]) for one in page.split('id="question-')[1:]]


def test_questions_are_put_voted_for_and_answered(held: Stage) -> None:
    meeting_id = planned(held, "qna")
    teacher, mate, tutor = (held.browser(one) for one in ("teacher", "mate", "tutor"))
    assert ask(teacher, meeting_id, "怎样让学生先量后估？") == 303
    assert ask(mate, meeting_id, "玉米棒能不能当尺子？") == 303
    first, second = questions(held, "tutor", meeting_id)
    address = f"/meetings/{meeting_id}/questions"
    page = teacher.get(address).text
    assert ("I ask this too" in page, "Take it back" in page, "Answer or merge" in page) == (True, True, False)

    assert teacher.post(f"{address}/{second}", action="vote").status_code == 303
    assert "Take my vote back" in teacher.get(address).text
    assert questions(held, "tutor", meeting_id) == [second, first]
    teacher.post(f"{address}/{first}", action="vote")
    assert "It is your own question: others vote for it." in teacher.get(address).text
    tutor.post(f"{address}/{second}", action="answer", body="可以，先统一长短。")
    assert "可以，先统一长短。" in mate.get(address).text
    assert "Your question at “怎样评课” was answered." in mate.get("/notices").text
    tutor.post(f"{address}/{second}", action="reopen")
    tutor.post(f"{address}/{first}", action="merge", into=str(second))
    assert questions(held, "mate", meeting_id) == [second]
    assert "1 question merged into it" in mate.get(address).text
    assert tutor.post(f"{address}/{second}", action="shout").status_code == 422


def test_a_question_that_is_refused_is_kept(held: Stage) -> None:
    meeting_id, teacher = planned(held, "qna"), held.browser("teacher")
    address = f"/meetings/{meeting_id}/questions"
    short = teacher.post(address, body="为何")
    assert (short.status_code, ">为何</textarea>" in short.text) == (422, True)
    ask(teacher, meeting_id, "怎样让学生先量后估？")
    twice = held.browser("mate").post(address, body="怎样让学生先量后估")
    assert (twice.status_code, ">怎样让学生先量后估</textarea>" in twice.text) == (409, True)
    (question_id,) = questions(held, "tutor", meeting_id)
    long = held.browser("tutor").post(f"{address}/{question_id}", action="answer", body="长" * 2001)
    assert (long.status_code, "长" * 2001 in long.text) == (422, True)

    # Even where the session ends while one writes.
    held.clock.now = NOON
    late = teacher.post(address, body="还能再问一个吗？")
    assert late.status_code == 409
    assert "还能再问一个吗？</textarea>" in late.text


def test_somebody_signed_out_gets_the_question_back(held: Stage) -> None:
    meeting_id = planned(held, "qna")
    answer = held.browser().post(f"/meetings/{meeting_id}/questions", body="怎样让学生先量后估？")

    assert answer.status_code == 401
    assert "怎样让学生先量后估？" in answer.text


def test_parts_of_a_page_are_sent_only_where_they_are_new(held: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # The token of a form is signed with the second it is made in: here every one is made in another minute.
    seconds = itertools.count(int(time.time()), 60)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: next(seconds))
    meeting_id = opened(held, component="qna")
    ask(held.browser("mate"), meeting_id, "怎样让学生先量后估？")
    for person, address in (
        ("tutor", f"/meetings/{meeting_id}/live"),
        ("teacher", f"/meetings/{meeting_id}/own/live"),
        ("teacher", f"/meetings/{meeting_id}/questions/live"),
    ):
        browser = held.browser(person)
        first = browser.get(address)
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert float(first.headers["X-Next-Seconds"]) > 0
        known = {"If-None-Match": first.headers["ETag"]}
        held.clock.forward(3)
        again = browser.client.get(address, headers=known)
        assert (again.status_code, again.data) == (304, b""), address
        assert ask(held.browser("mate"), meeting_id, f"第 {person} 问 {address}") == 303
        assert browser.client.get(address, headers=known).status_code == 200
        assert held.browser().get(address).status_code == 401


def test_a_new_code_is_new_and_the_answer_says_how_long_it_is_good(held: Stage) -> None:
    meeting_id, tutor = opened(held), held.browser("tutor")
    first = tutor.get(f"/meetings/{meeting_id}/live")
    assert first.headers["X-Seconds-Left"] == "30"
    held.clock.forward(29)
    known = {"If-None-Match": first.headers["ETag"]}
    same = tutor.client.get(f"/meetings/{meeting_id}/live", headers=known)
    assert (same.status_code, same.headers["X-Seconds-Left"], same.headers["X-Next-Seconds"]) == (304, "1", "1.3")
    held.clock.forward(1)
    assert tutor.client.get(f"/meetings/{meeting_id}/live", headers=known).status_code == 200


def test_the_learners_page_says_by_itself_that_signing_in_is_open(held: Stage) -> None:
    meeting_id, teacher = planned(held), held.browser("teacher")
    before = teacher.get(sign_in_address(meeting_id)).text
    assert 'data-takes-codes="no"' in before
    assert "hidden" in before.partition("data-code-form")[2].partition(">")[0]
    held.clock.now = NINE
    held.browser("tutor").post(f"/meetings/{meeting_id}/state", action="open")
    assert 'data-takes-codes="yes"' in teacher.get(f"/meetings/{meeting_id}/own/live").text
    after = teacher.get(sign_in_address(meeting_id)).text
    assert "hidden" not in after.partition("data-code-form")[2].partition(">")[0]


def test_late_and_early_are_shown_in_minutes(held: Stage) -> None:
    meeting_id = opened(held, component="qna")
    held.clock.forward(12 * 60 + 5)
    held.browser("teacher").post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    held.clock.now = NOON - timedelta(minutes=20)
    held.browser("teacher").post(sign_in_address(meeting_id), code=code(held, meeting_id), way="out")
    page = held.browser("tutor").get(f"/meetings/{meeting_id}").text

    assert "13 minutes late" in page
    assert "left 20 minutes early" in page


def test_notes_are_published_read_and_made_up_for(generous: Stage) -> None:
    meeting_id = opened(generous, component="qna")
    tutor, teacher = generous.browser("tutor"), generous.browser("teacher")
    address = f"/meetings/{meeting_id}/notes"
    assert "Nothing is published yet." in teacher.get(address).text
    generous.browser("mate").post(sign_in_address(meeting_id), code=code(generous, meeting_id), way="in")
    confirm(generous, meeting_id)
    assert "50%" in tutor.get(address).text
    wrong = tutor.post(address, **notes_fields(choices_2="只有一个"))
    assert (wrong.status_code, "Please give three to six choices, one on a line." in wrong.text) == (422, True)
    assert ("只有一个</textarea>" in wrong.text, 'value="先做什么？"' in wrong.text) == (True, True)
    assert tutor.post(address, **notes_fields()).status_code == 303

    assert "What was said at “怎样评课” can be read now." in teacher.get("/notices").text
    page = teacher.get(address).text
    assert "<h2>先估后量</h2>" in page
    assert f'href="{LINK}"' in page
    assert "Reading the notes takes about 10 minutes. That is what it counts, 90 minutes at most" in page
    assert "Make up for what you missed" not in generous.browser("mate").get(address).text
    generous.clock.now = AFTER
    teacher.post(f"/meetings/{meeting_id}/makeup", step="begin")
    assert "It can be counted in" in teacher.get(address).text
    generous.clock.now = AFTER + timedelta(minutes=11)
    asked = teacher.get(address).text
    right = asked.partition("估一估")[0].rpartition('value="')[2].partition('"')[0]
    done = teacher.client.post(
        f"/meetings/{meeting_id}/makeup",
        data={"step": "finish", "choice": right, "csrf_token": teacher.token()},
        follow_redirects=True,
    )
    assert "You have made up for it: 10 minutes count." in done.text
    own_id = enrolment_id(generous, "teacher")
    assert "Notes of “怎样评课” read, to make up for it" in teacher.get(f"/enrolments/{own_id}/hours").text
    entry = teacher.get(f"/enrolments/{own_id}/hours/entries/1").text
    assert "Notes opened on" in entry
    assert "Question on them answered on" in entry
    assert "补学“怎样评课”" in generous.browser("teacher", "zh").get(f"/enrolments/{own_id}/hours").text


def test_making_up_that_is_refused_says_why(generous: Stage) -> None:
    meeting_id, teacher = planned(generous, "qna"), generous.browser("teacher")
    teacher.post(f"/meetings/{meeting_id}/makeup", step="begin")
    assert "nothing of this meeting that you could make up for" in teacher.get("/meetings").text
    assert teacher.post(f"/meetings/{meeting_id}/makeup", step="fly").status_code == 422


def test_the_tutors_next_session_is_the_one_that_is_on_or_comes_next(held: Stage) -> None:
    second = planned(held, "qna", starts_at=NOON, ends_at=NOON + timedelta(hours=2))
    first = planned(held)
    with held.database.reading() as session:
        tutor = builders.actor_for(session, session.get_one(User, held.users["tutor"]))

        def at(moment: timedelta) -> int | None:
            found = meeting_list.next_session(session, tutor, NINE + moment)
            return found.meeting.id if found is not None else None

        assert [at(timedelta(hours=one)) for one in (-24, 1, 3, 4, 5)] == [first, first, second, second, None]
