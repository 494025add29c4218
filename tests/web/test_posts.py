"""Pages of what becomes of posts: what an author and a tutor do with them, and what everybody sees of it."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms_plugin.services import auditing, catalogue
from lms_plugin.storage.activity import Post
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import Enrolment
from tests import builders
from tests.web.stage import LONG_POST, Stage
from tests.web.test_writing import body_field

OTHER = (
    "听写错得最多的是形近字，我让每个小组自己编一句口诀，把偏旁的意思讲清楚，再互相出题考对方，"
    "一个月下来全班错误率降了三成，孩子们还编出了小册子。"
)


def mates_thread(stage: Stage) -> str:
    with stage.database.reading() as session:
        mine = select(Enrolment.id).where(Enrolment.user_id == stage.users["mate"])
        return f"/enrolments/{session.scalars(mine).one()}/threads/{stage.thread_id}"


def post_of(stage: Stage) -> Post:
    with stage.database.reading() as session:
        return session.get_one(Post, stage.post_id)


def audited(stage: Stage) -> str | None:
    with stage.database.reading() as session:
        return auditing.first_difference(session, stage.users["teacher"])


def test_an_author_edits_a_post_and_is_told_what_it_is_worth(stage: Stage) -> None:
    browser = stage.browser("teacher")
    page = browser.get(stage.thread_address).text
    assert f"/posts/{stage.post_id}/edit" in page
    assert body_field(browser.get(f"/posts/{stage.post_id}/edit").text) == LONG_POST

    answer = browser.post(f"/posts/{stage.post_id}/edit", body="学习了")

    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "Your post was changed. Does not count yet" in page
    assert "Edited" in stage.browser("mate").get(mates_thread(stage)).text
    history = browser.get(f"/posts/{stage.post_id}").text
    assert "玉米棒" in history
    assert "Edited" in history
    assert audited(stage) is None


@pytest.mark.parametrize(
    ("body", "why"),
    [(" \n ", "Please write something first."), ("x" * 20_001, "The text is too long: 20000 characters at most.")],
)
def test_a_refused_edit_stays_in_its_form(stage: Stage, body: str, why: str) -> None:
    answer = stage.browser("teacher").post(f"/posts/{stage.post_id}/edit", body=body)
    assert answer.status_code == 422
    assert why in answer.text
    assert body_field(answer.text) == body
    assert post_of(stage).body == LONG_POST


def test_an_edit_that_comes_too_late_keeps_what_was_typed(stage: Stage) -> None:
    stage.browser("tutor").post(f"/tutor/posts/{stage.post_id}", action="void", reason="照抄")
    browser = stage.browser("teacher")
    assert "This post can no longer be edited." in browser.get(f"/posts/{stage.post_id}/edit").text
    answer = browser.post(f"/posts/{stage.post_id}/edit", body=OTHER)
    assert answer.status_code == 409
    assert body_field(answer.text) == OTHER
    assert "This post is void" in answer.text


def test_an_edit_survives_a_sign_in(stage: Stage) -> None:
    answer = stage.browser().post(f"/posts/{stage.post_id}/edit", body=OTHER)
    assert answer.status_code == 401
    assert OTHER in answer.text


def test_taking_back_says_first_what_goes_and_hides_the_text(stage: Stage) -> None:
    browser = stage.browser("teacher")
    asked = browser.get(f"/posts/{stage.post_id}/removal").text
    assert "This post counts. With it 15 minutes of credit go from your hours." in asked
    assert post_of(stage).taken_back_at is None

    answer = browser.post(f"/posts/{stage.post_id}/removal")

    assert answer.status_code == 303
    mates = stage.browser("mate").get(mates_thread(stage)).text
    assert "玉米棒" not in mates
    assert "The author has taken this post back." in mates
    assert f"quote={stage.post_id}" not in mates
    assert stage.browser("mate").get(f"{mates_thread(stage)}?quote={stage.post_id}").status_code == 404
    assert "玉米棒" in stage.browser("tutor").get(f"/tutor/threads/{stage.thread_id}").text
    assert "玉米棒" in stage.browser("tutor").get(f"/tutor/posts/{stage.post_id}").text
    assert "This post is taken back already." in browser.get(f"/posts/{stage.post_id}/removal").text
    assert audited(stage) is None


def test_a_tutor_makes_a_post_void_and_the_author_can_dispute_it(stage: Stage) -> None:
    tutor, teacher = stage.browser("tutor"), stage.browser("teacher")
    page = tutor.get(f"/tutor/posts/{stage.post_id}").text
    assert "15 minutes of credit are taken back." in page

    refused = tutor.post(f"/tutor/posts/{stage.post_id}", action="void", reason=" ")
    assert refused.status_code == 422
    assert "Please give a reason." in refused.text
    assert tutor.post(f"/tutor/posts/{stage.post_id}", action="void", reason="照抄网文").status_code == 303

    thread = teacher.get(stage.thread_address).text
    assert "Void: its credit was taken back." in thread
    assert "The tutor’s reason: 照抄网文" in thread
    assert "照抄网文" not in stage.browser("mate").get(mates_thread(stage)).text
    told = teacher.get("/notices").text
    assert "was made void and earns nothing; you can dispute this. The tutor&#39;s reason: 照抄网文" in told
    with stage.database.reading() as session:
        address = session.scalars(select(Notice.address).where(Notice.kind == "post_void")).one()
    entry = teacher.get(address).text
    assert re.search(r"Post in “[^”]+” \([^)]+\) made void", entry)
    assert "Reason given: 照抄网文" in entry
    assert "This is wrong" in entry
    assert "已撤销计分" in stage.browser("teacher", language="zh").get(stage.thread_address).text
    assert audited(stage) is None


def test_a_tutor_lifts_a_void_with_a_reason(stage: Stage) -> None:
    tutor = stage.browser("tutor")
    tutor.post(f"/tutor/posts/{stage.post_id}", action="void", reason="照抄网文")
    refused = tutor.post(f"/tutor/posts/{stage.post_id}", action="withdraw", mark="void", reason="")
    assert (refused.status_code, "Please give a reason." in refused.text) == (422, True)
    answer = tutor.post(f"/tutor/posts/{stage.post_id}", action="withdraw", mark="void", reason="原创")
    assert answer.status_code == 303
    page = tutor.get(f"/tutor/posts/{stage.post_id}").text
    assert "Void lifted" in page
    assert "Counts: 15 minutes of credit." in page
    assert audited(stage) is None


def test_everybody_of_the_group_sees_an_excellent_post(stage: Stage) -> None:
    tutor = stage.browser("tutor")
    assert "It is an honour that everybody in the class group sees" in tutor.get(f"/tutor/posts/{stage.post_id}").text
    assert tutor.post(f"/tutor/posts/{stage.post_id}", action="excellent", reason="").status_code == 303
    zh = stage.browser("mate", language="zh").get(mates_thread(stage)).text
    assert "优秀" in zh


def test_the_author_sees_what_excellence_adds(stage: Stage) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        programme = catalogue.in_force(session, enrolment.programme_id, stage.clock.now).programme
        richer = replace(programme, discussion=replace(programme.discussion, excellent_minutes=5))
        builders.publish(session, richer, now=stage.clock.now)
    tutor = stage.browser("tutor")
    assert "It earns 5 minutes more" in tutor.get(f"/tutor/posts/{stage.post_id}").text
    tutor.post(f"/tutor/posts/{stage.post_id}", action="excellent", reason="有数据")
    thread = stage.browser("teacher").get(stage.thread_address).text
    assert "Counts: 15 minutes of credit. Excellent: 5 minutes more." in thread
    assert "5 minutes more" not in stage.browser("mate").get(mates_thread(stage)).text
    told = stage.browser("teacher", language="zh").get("/notices").text
    assert "您在“量花坛”中的帖子被辅导教师评为优秀：有数据" in told
    assert audited(stage) is None


def test_a_mark_that_cannot_be_set_any_more_keeps_the_reason(stage: Stage) -> None:
    stage.browser("teacher").post(f"/posts/{stage.post_id}/removal")
    answer = stage.browser("tutor").post(f"/tutor/posts/{stage.post_id}", action="void", reason="照抄网文")
    assert answer.status_code == 409
    assert "Its author has taken this post back." in answer.text
    assert "照抄网文" in answer.text


def test_a_tutor_works_off_the_list(stage: Stage) -> None:
    tutor = stage.browser("tutor")
    page = tutor.get("/tutor/posts").text
    assert "1 post waits." in page
    assert "玉米棒" in page
    shown_at = re.search(r'name="shown_at" value="([^"]+)"', page)
    assert shown_at is not None
    nothing = tutor.post("/tutor/posts", shown_at=shown_at[1])
    assert "Nothing was chosen" in tutor.get(nothing.location).text
    done = tutor.post("/tutor/posts?order=waiting", shown_at=shown_at[1], post=str(stage.post_id))
    page = tutor.get(done.location).text
    assert "1 post is off your list." in page
    assert "Nothing to look at" in page
    assert post_of(stage).looked_by_id == stage.users["tutor"]
    stage.clock.forward(60)
    stage.browser("teacher").post(f"/posts/{stage.post_id}/edit", body=OTHER)
    page = tutor.get("/tutor/posts?page=1&order=waiting").text
    assert "Edited" in page
    assert (
        tutor.post(f"/tutor/posts/{stage.post_id}", action="fine", shown_at=stage.clock.now.isoformat()).status_code
        == 303
    )
    assert "Nothing to look at" in tutor.get("/tutor/posts").text


@pytest.mark.parametrize("order", ["newest", "waiting"])
def test_paging_through_the_list_shows_every_post_once(stage: Stage, order: str) -> None:
    with stage.database.writing() as session:
        first = session.get_one(Post, stage.post_id)
        for number in range(44):
            session.add(
                Post(
                    thread_id=first.thread_id,
                    author_id=first.author_id,
                    enrolment_id=first.enrolment_id,
                    body=f"第 {number} 次记录",
                    created_at=first.created_at + timedelta(minutes=number // 2),
                    counts=False,
                    judgement=first.judgement,
                )
            )
        session.flush()
        everything = sorted(session.scalars(select(Post.id).where(Post.looked_at.is_(None))))
    assert len(everything) == 45
    tutor, address, pages = stage.browser("tutor"), f"/tutor/posts?order={order}&page=1", []
    while address:
        page = tutor.get(address).text
        pages.append([int(one) for one in re.findall(r'<article class="post" id="post-(\d+)"', page)])
        further = re.search(rf'href="(/tutor/posts\?order={order}&amp;page={len(pages) + 1})"', page)
        address = further[1].replace("&amp;", "&") if further else ""
    assert [len(one) for one in pages] == [20, 20, 5]
    assert sorted(one for page in pages for one in page) == everything


def test_a_made_up_action_is_refused_in_words(stage: Stage) -> None:
    answer = stage.browser("tutor").post(f"/tutor/posts/{stage.post_id}", action="praise", reason="好")
    assert answer.status_code == 422
    assert "A post can be marked as excellent or as void." in answer.text
