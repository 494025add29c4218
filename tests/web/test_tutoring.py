"""A tutor's pages: one page to run a class group from, many at once, messages, one learner, brief, handover, trail."""

import csv
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms_plugin.http.letters import LetterWriter
from lms_plugin.services import catalogue, coursework, discussion, hours, mailing, tutor_notes
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.tutoring import MessageRecipient, TutorMessage
from tests import builders
from tests.services.school_world import TEXT
from tests.services.test_tutoring import counted
from tests.web.school_stage import SchoolStage, open_school_stage
from tests.web.stage import HOST, Browser, Stage


@pytest.fixture
def school_stage(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


def group_of(stage: Stage | SchoolStage) -> int:
    with stage.database.reading() as session:
        return session.get_one(Enrolment, stage.enrolment_id).class_group_id or 0


def mates_enrolment(stage: Stage) -> int:
    with stage.database.reading() as session:
        return session.scalars(select(Enrolment.id).where(Enrolment.user_id == stage.users["mate"])).one()


def value_of(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])


def count(stage: Stage | SchoolStage, model: type) -> int:
    with stage.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_waits_with_its_age_and_who_needs_the_tutor(stage: Stage) -> None:
    stage.hold_film()
    stage.clock.forward(3 * 86_400)
    page = stage.browser("tutor").get("/tutor").text

    tasks = re.search(r'<section class="tasks".*?</section>', page, re.S)
    assert tasks is not None
    assert "1 discussion to join" in tasks[0]
    assert "the oldest for 3 days" in tasks[0]
    assert "1 film with held stretches" in tasks[0]
    assert "of film on hold</a>" in page
    assert f'href="/tutor/enrolments/{stage.enrolment_id}#films"' in page
    assert "Has not begun;" in page
    assert page.index("张小梅") < page.index("王丽"), "who has not begun needs the tutor more"
    assert "No meeting is planned." in page

    chinese = stage.browser("tutor", language="zh").get("/tutor").text
    assert "1 个主题待回复" in chinese
    assert "最早的已等待 3 天" in chinese
    assert "未开始，到今天应修" in chinese


def test_the_next_meeting_leads_to_its_page_and_an_answer_ends_the_waiting(stage: Stage) -> None:
    meeting_id, _ = stage.meet()
    with stage.database.writing() as session:
        tutor = builders.actor_for(session, session.get_one(User, stage.users["tutor"]))
        discussion.reply(session, tutor, stage.thread_id, body="好", reply_to_id=None, now=stage.clock.now)
    page = stage.browser("tutor").get("/tutor").text

    assert f'<a href="/meetings/{meeting_id}">答疑</a>' in page
    assert "discussion to join" not in page


def test_the_page_asks_the_store_as_often_for_many_learners_as_for_few(stage: Stage) -> None:
    stage.hold_film()
    shared, browser, group_id = stage.app.extensions["lms_plugin"].database, stage.browser("tutor"), group_of(stage)
    browser.get("/tutor")
    with counted(shared) as few:
        browser.get("/tutor")
    with stage.database.writing() as session:
        current = catalogue.in_force(
            session, session.get_one(Enrolment, stage.enrolment_id).programme_id, stage.clock.now
        )
        group = session.get_one(ClassGroup, group_id)
        for number in range(20):
            learner = builders.make_user(session, f"more{number}", name=f"学员{number}")
            builders.credit(session, builders.enrol(session, learner, current, group=group), 60_000)
    with counted(shared) as many:
        page = browser.get("/tutor").text

    assert page.count('name="enrolment_id"') == 22
    assert len(many) == len(few)


# --- many at once -----------------------------------------------------------------------------------------------------


def choose(browser: Browser, group_id: int, action: str, who: str = "everybody", **fields: str) -> str:
    return browser.post(f"/tutor/groups/{group_id}/selected", action=action, who=who, **fields).text


def test_a_message_is_previewed_then_sent_once_and_read_by_the_learner(stage: Stage) -> None:
    group_id, browser = group_of(stage), stage.browser("tutor")
    form = choose(browser, group_id, "message", "chosen", enrolment_id=str(stage.enrolment_id))
    assert "To 1 learner;" in form
    fields = {"recipients": value_of(form, "recipients"), "once": value_of(form, "once")}
    assert fields["recipients"] == str(stage.enrolment_id)
    address = f"/tutor/groups/{group_id}/messages/new"

    preview = browser.post(address, **fields, title="{姓名}老师", body="还差{还差学时}学时", action="preview").text
    assert "王丽老师" in preview
    assert re.search(r"还差\d[\d.]*学时", preview)
    assert count(stage, TutorMessage) == 0

    for expected in ("Sent to 1 learner.", "This message was sent already, and not a second time."):
        answer = browser.post(address, **fields, title="{姓名}老师", body="还差{还差学时}学时", action="send")
        assert answer.status_code == 303
        assert expected in browser.get(answer.headers["Location"]).text
    assert (count(stage, TutorMessage), count(stage, MessageRecipient)) == (1, 1)

    teacher = stage.browser("teacher")
    assert "Message from your tutor 李建国: 王丽老师" in teacher.get("/notices").text
    with stage.database.reading() as session:
        notice = session.scalars(select(Notice).where(Notice.kind == "tutor_message")).one()
    followed = teacher.post(f"/notices/{notice.id}").headers["Location"]
    assert followed.startswith(f"/enrolments/{stage.enrolment_id}/messages#message-")
    assert "王丽老师" in teacher.get(followed).text
    listed = browser.get(f"/tutor/groups/{group_id}/messages").text
    assert "1 learner got it" in listed
    assert "1 has opened it" in listed


def test_what_was_typed_stays_when_a_message_is_refused(stage: Stage) -> None:
    group_id, browser = group_of(stage), stage.browser("tutor")
    address = f"/tutor/groups/{group_id}/messages/new"
    fields = {"recipients": str(stage.enrolment_id), "once": "form-1", "title": "别急", "body": "{学号} 一段文字"}

    refused = browser.post(address, **fields, action="send")

    assert refused.status_code == 422
    assert "{学号} cannot be filled in. These can: {name}, {hours}, {missing}, {behind}." in unescape(refused.text)
    assert ">{学号} 一段文字</textarea>" in refused.text
    assert 'value="别急"' in refused.text
    assert value_of(refused.text, "recipients") == str(stage.enrolment_id)
    assert "可用的有：{姓名}、{已修学时}、{还差学时}、{落后学时}" in unescape(
        stage.browser("tutor", language="zh").post(address, **fields).text
    )
    # Signed out meanwhile: the draft goes along with the sign-in form, with whom it is for.
    away = stage.browser().post(address, **fields, action="send")
    assert away.status_code == 401
    assert value_of(away.text, "draft_recipients") == str(stage.enrolment_id)
    assert "{学号} 一段文字" in unescape(away.text)


def test_a_letter_has_the_tutors_words_and_a_frame_in_the_persons_language(stage: Stage) -> None:
    with stage.database.writing() as session:
        teacher = session.get_one(User, stage.users["teacher"])
        teacher.email, teacher.language = "wang@example.org", "en"
    browser, group_id = stage.browser("tutor"), group_of(stage)
    text = "第一行 <b>\n第二行"
    browser.post(
        f"/tutor/groups/{group_id}/messages/new",
        recipients=str(stage.enrolment_id),
        once="form-1",
        title="关于进度",
        body=text,
        action="send",
    )
    with stage.database.reading() as session:
        notice = session.scalars(select(Notice).where(Notice.kind == "tutor_message")).one()
    recipient = mailing.Recipient(stage.users["teacher"], "王丽", "wang@example.org", "en")
    letter = LetterWriter(stage.app, HOST)(recipient, [notice], "1@example.org")

    assert notice.mail_state == "waiting"
    assert "- Message from your tutor 李建国: 关于进度\n  第一行 <b>\n  第二行\n" in letter.text
    assert letter.subject == "Message from your tutor 李建国: 关于进度 – Class Hours"
    assert "<br>第一行 &lt;b&gt;<br>第二行" in letter.html


def test_whom_the_choice_names(stage: Stage) -> None:
    group_id, browser = group_of(stage), stage.browser("tutor")
    mate = str(mates_enrolment(stage))

    assert value_of(choose(browser, group_id, "message", "not_started"), "recipients") == mate
    everybody = value_of(choose(browser, group_id, "message"), "recipients").split(",")
    assert sorted(everybody) == sorted([mate, str(stage.enrolment_id)])
    # Nobody, and a learner of another group's.
    for fields in ({"who": "chosen"}, {"who": "chosen", "enrolment_id": "999999"}, {"who": "nonsense"}):
        answer = browser.post(f"/tutor/groups/{group_id}/selected", action="message", **fields)
        assert answer.status_code == 303
    assert "Please choose somebody first." in browser.get("/tutor").text


def test_held_film_of_many_counts_for_one_reason(stage: Stage) -> None:
    stage.hold_film()
    group_id, browser = group_of(stage), stage.browser("tutor")
    form = choose(browser, group_id, "release")
    assert "王丽" in form
    held = value_of(form, "held")
    address = f"/tutor/groups/{group_id}/releases"
    before = len(entries_of(stage))

    refused = browser.post(address, held=held, reason=" ")
    assert (refused.status_code, "Please say why it should count." in refused.text) == (422, True)
    assert value_of(refused.text, "held") == held
    for none in ("", "1/2/3", f"{stage.enrolment_id}/{stage.video_id}/9-9", f"999999/{stage.video_id}/0-9"):
        browser.post(address, held=none, reason="停电，我在场")
    assert len(entries_of(stage)) == before
    browser.post(address, held=held, reason="停电，我在场")
    assert "counts for 1 learner now." in browser.get("/tutor").text
    browser.post(address, held=held, reason="再来一次")
    assert "Nothing of it is on hold any more." in browser.get("/tutor").text

    after = entries_of(stage)
    assert len(after) == before + 1
    assert after[-1].detail["reason"] == "停电，我在场"


def entries_of(stage: Stage | SchoolStage) -> list[CreditEntryRow]:
    with stage.database.reading() as session:
        return hours.entries(session, stage.enrolment_id)


def test_homework_that_is_ticked_passes_and_what_came_anew_is_left(school_stage: SchoolStage) -> None:
    stage, browser, group_id = school_stage, school_stage.browser("tutor"), group_of(school_stage)
    form = choose(browser, group_id, "homework")
    piece = value_of(form, "piece")
    address = f"/tutor/groups/{group_id}/homework"
    fields = {"recipients": value_of(form, "recipients"), "piece": piece, "remark": "写得好"}

    for faulty, words in (
        ({"mark": "20"}, "Please give a mark that passes: from"),
        ({"mark": "x"}, "Please give a mark that passes: from"),
        ({"mark": "90", "piece": ""}, "Please tick at least one piece of homework."),
    ):
        refused = browser.post(address, **(fields | faulty))
        assert (refused.status_code, words in refused.text) == (422, True), faulty
        assert ">写得好</textarea>" in refused.text
    assert 'value="' + piece + '"' in refused.text

    stage.clock.forward(60)
    with stage.database.writing() as session:
        teacher = builders.actor_for(session, session.get_one(User, stage.users["teacher"]))
        coursework.hand_in(session, teacher, stage.enrolment_id, "homework", 1, text=TEXT + "二", now=stage.clock.now)
    browser.post(address, **fields, mark="90")
    assert "piece passed." not in browser.get("/tutor").text

    fields["piece"] = value_of(choose(browser, group_id, "homework"), "piece")
    browser.post(address, **fields, mark="90")
    assert "1 piece passed." in browser.get("/tutor").text
    assert entries_of(stage)[-1].component_key == "homework"


# --- one learner ------------------------------------------------------------------------------------------------------


def test_one_learner_is_explained_and_noted_of(stage: Stage) -> None:
    stage.hold_film()
    tutor, address = stage.browser("tutor"), f"/tutor/enrolments/{stage.enrolment_id}"
    page = tutor.get(address).text
    for row in entries_of(stage):
        assert f"/enrolments/{stage.enrolment_id}/hours/entries/{row.number}" in page
    assert "on hold" in page
    assert f"/tutor/threads/{stage.thread_id}#post-{stage.post_id}" in page

    refused = tutor.post(address, body=" ")
    assert (refused.status_code, "Please write the note first." in refused.text) == (422, True)
    tutor.post(address, body="<script>家里没有网络</script>")
    for person in ("tutor", "county", "admin"):
        seen = stage.browser(person).get(address).text
        assert "&lt;script&gt;家里没有网络" in seen
        assert "<script>家里" not in seen
    assert f"/tutor/threads/{stage.thread_id}" not in stage.browser("county").get(address).text
    assert "家里没有网络" not in stage.browser("teacher").get(stage.hours_address).text
    assert stage.browser("teacher").get(address).status_code == 404


# --- the brief --------------------------------------------------------------------------------------------------------


def test_the_brief_is_proposed_in_both_languages_and_kept_as_it_was_sent(stage: Stage) -> None:
    group_id, browser = group_of(stage), stage.browser("tutor")
    address = f"/tutor/groups/{group_id}/brief"
    page = unescape(browser.get(address).text)
    assert "全班学员 2 人：" in page
    assert "Learners: 2." in page
    once = value_of(page, "once")

    refused = browser.post(address, once=once, audience="office", body="改过的", body_en=" ")
    assert (refused.status_code, ">改过的</textarea>" in refused.text) == (422, True)
    for expected in ("The brief was sent.", "This brief was sent already, and not a second time."):
        browser.post(address, once=once, audience="office", body="改过的", body_en="changed")
        assert expected in browser.get(address).text
    assert "changed" in stage.browser("admin").get("/office/brief/sent").text
    assert "改过的" in stage.browser("admin", language="zh").get("/office/brief/sent").text
    assert "changed" not in stage.browser("county").get("/office/brief/sent").text, "a learner is elsewhere"
    assert "has sent the brief of “一班”" in stage.browser("admin").get("/notices").text


# --- handover ---------------------------------------------------------------------------------------------------------


def hand_over(stage: Stage, **changes: str) -> tuple[int, str]:
    fields = {
        "tutor_id": str(stage.users["tutor"]),
        "login": "other-tutor",
        "first_on": "2026-11-25",
        "last_on": "2026-11-26",
        "note": "张小梅要打电话",
    }
    answer = stage.browser("tutor").post(f"/tutor/groups/{group_of(stage)}/handover", **(fields | changes))
    return answer.status_code, answer.text


def test_a_substitute_has_the_group_on_their_days_only(stage: Stage) -> None:
    group_id = group_of(stage)
    refused = hand_over(stage, login="nobody")
    assert refused[0] == 422
    assert "There is no tutor with this account." in refused[1]
    assert ">张小梅要打电话</textarea>" in refused[1]
    assert hand_over(stage)[0] == 303
    substitute, learner = stage.browser("other-tutor"), f"/tutor/enrolments/{stage.enrolment_id}"
    assert substitute.get(learner).status_code == 404
    assert "stands in for 李建国" in stage.browser("teacher").get("/notices").text

    stage.clock.forward(86_400)
    page = substitute.get(f"/tutor?group={group_id}").text
    assert "You stand in for 李建国 here, until the end of Nov 26, 2026." in page
    assert "张小梅要打电话" in page
    assert f"/tutor/groups/{group_id}/handover" not in page
    assert substitute.get(f"/tutor/groups/{group_id}/handover").status_code == 404
    substitute.post(learner, body="已打电话")
    assert "on behalf of 李建国" in stage.browser("tutor").get("/tutor/trail").text
    assert "on behalf of 李建国" in stage.browser("admin").get("/office/trail").text

    stage.clock.forward(2 * 86_400)
    assert substitute.get(learner).status_code == 404
    assert substitute.get(f"/tutor?group={group_id}").status_code == 404


def test_a_substitution_is_ended_by_the_office(stage: Stage) -> None:
    hand_over(stage, first_on="2026-11-24")
    substitute, learner = stage.browser("other-tutor"), f"/tutor/enrolments/{stage.enrolment_id}"
    assert substitute.get(learner).status_code == 200
    admin, address = stage.browser("admin"), f"/office/groups/{group_of(stage)}/handover"
    assert address in admin.get(f"/office/groups/{group_of(stage)}").text
    assert f"/office/trail?group={group_of(stage)}" in admin.get(address).text

    admin.post(address, substitution_id=value_of(admin.get(address).text, "substitution_id"))

    assert substitute.get(learner).status_code == 404
    assert "Ended early" in admin.get(address).text
    assert "no longer stands in" in stage.browser("other-tutor").get("/notices").text


# --- the trail --------------------------------------------------------------------------------------------------------


def test_the_trail_is_filtered_and_its_file_is_harmless(stage: Stage) -> None:
    tutor, admin = stage.browser("tutor"), stage.browser("admin")
    stage.hold_film()
    address = f"/tutor/groups/{group_of(stage)}/releases"
    held = value_of(choose(tutor, group_of(stage), "release"), "held")
    tutor.post(address, held=held, reason="=HYPERLINK(1)")
    tutor.post(f"/tutor/enrolments/{stage.enrolment_id}", body="n")

    assert "Note written" in section(admin.get("/office/trail").text)
    only = section(admin.get("/office/trail?kind=film_released&login=Tutor&first=2026-11-24&last=2026-11-24").text)
    assert "=HYPERLINK(1)" in only
    assert "Note written" not in only
    assert "Note written" in section(admin.get(f"/office/trail?group={group_of(stage)}").text)
    for none in ("group=999999", "login=nobody", "first=2026-11-25", "last=2026-11-23"):
        assert "Nothing of this kind was done in this time." in admin.get(f"/office/trail?{none}").text
    assert "Note written" in section(admin.get("/office/trail?first=nonsense&kind=nonsense").text)
    assert "Nothing of this kind" in stage.browser("far").get("/office/trail").text

    file = admin.get("/office/trail?format=csv")
    assert file.headers["Content-Disposition"] == "attachment; filename=trail-20261124.csv"
    rows = list(csv.DictReader(StringIO(file.data.decode("utf-8-sig"))))
    assert [row["Kind"] for row in rows] == ["Note written", "Held film let count"]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert rows[0]["Learner"] == "王丽"
    assert rows[0]["When"].startswith("2026-11-24 20:")
    mine = tutor.get("/tutor/trail?format=csv").data.decode("utf-8-sig")
    assert mine.count("\n") == 3


def section(page: str) -> str:
    """The table of a page."""
    found = re.search(r"<tbody.*?</tbody>", page, re.S)
    assert found is not None
    return found[0]


def test_a_long_trail_is_read_page_by_page(stage: Stage) -> None:
    with stage.database.writing() as session:
        tutor = builders.actor_for(session, session.get_one(User, stage.users["tutor"]))
        for number in range(60):
            at = stage.clock.now + timedelta(seconds=number)
            tutor_notes.write(session, tutor, stage.enrolment_id, str(number), at)
    browser = stage.browser("tutor")
    first = browser.get("/tutor/trail").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = browser.get(unescape(following[1])).text

    assert (section(first).count("<tr"), section(second).count("<tr")) == (50, 10)


def test_who_was_appointed_and_dismissed_is_on_the_trail(stage: Stage) -> None:
    admin, address = stage.browser("admin"), f"/office/groups/{group_of(stage)}"
    admin.post(address, login="other-tutor")
    admin.post(address, user_id=str(stage.users["other-tutor"]))
    trail = section(admin.get("/office/trail").text)

    assert "周敏 appointed as tutor" in trail
    assert "Tutoring of 周敏 ended" in trail
