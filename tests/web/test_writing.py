"""Writing in discussions: what was typed survives everything, and what was written harms nobody."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.services import catalogue, discussion
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from tests import builders
from tests.web.stage import HOST, LONG_POST, Stage

OTHER_POST = (
    "分数单元里“平均分”讲了三遍，还有人把饼切成一大一小。我让他自己切，由同桌先挑，他立刻要重切。"
    "三分之一和四分之一哪个大，画图没有用，分一根真的甘蔗，全班才服气。"
)
FROM_HERE = {"Origin": HOST}


def posts(stage: Stage) -> int:
    with stage.database.reading() as session:
        return session.scalars(select(func.count(Post.id))).one()


def body_field(page: str) -> str:
    """What stands in the text field of a thread or reply."""
    found = re.search(r'<textarea[^>]* name="body"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None, page
    return unescape(found[1])


def test_a_thread_is_begun_shown_and_judged(stage: Stage) -> None:
    browser = stage.browser("mate")
    with stage.database.reading() as session:
        enrolment_id = enrolment_of(session, stage.users["mate"])

    answer = browser.post(f"/enrolments/{enrolment_id}/modules/{stage.module_id}", title="怎么讲分数", body=OTHER_POST)

    page = browser.get(answer.location).text
    assert answer.status_code == 303
    assert "<h1>怎么讲分数</h1>" in page
    assert "Your post is there. Counts: 15 minutes of credit." in page
    assert page.count("Counts: 15 minutes of credit.") == 2
    assert "怎么讲分数" in stage.browser("teacher").get(stage.module_address).text


def enrolment_of(session: Session, user_id: int) -> int:
    return session.scalars(select(Enrolment.id).where(Enrolment.user_id == user_id)).one()


def test_a_reply_can_quote_and_its_author_alone_sees_the_judgement(stage: Stage) -> None:
    browser = stage.browser("teacher")
    quoting = body_field(browser.get(f"{stage.thread_address}?quote={stage.post_id}").text)
    assert quoting.startswith("> **王丽**\n>\n> 上周我带二年级的学生")

    answer = browser.post(stage.thread_address, body=f"{quoting}谢谢。", reply_to=str(stage.post_id))

    page = browser.get(answer.location).text
    assert answer.location.endswith(f"#post-{stage.post_id + 1}")
    assert "<blockquote>" in page
    assert "Reply to 王丽" in page
    assert "Does not count yet: your own words come to 0 Chinese characters" in page
    assert "Does not count yet" in stage.browser("tutor").get(f"/tutor/threads/{stage.thread_id}").text
    with stage.database.reading() as session:
        mates = enrolment_of(session, stage.users["mate"])
    seen_by_mate = stage.browser("mate").get(f"/enrolments/{mates}/threads/{stage.thread_id}").text
    assert "谢谢" in seen_by_mate
    assert "Does not count" not in seen_by_mate


@pytest.mark.parametrize(
    ("title", "body", "why"),
    [
        ("", LONG_POST, "Please give your thread a title."),
        ("t" * 201, LONG_POST, "The title is too long: 200 characters at most."),
        ("Fractions", " \n ", "Please write something first."),
        ("Fractions", "x" * 20_001, "The text is too long: 20000 characters at most."),
    ],
)
def test_a_refused_thread_stays_in_its_form(stage: Stage, title: str, body: str, why: str) -> None:
    before = posts(stage)

    answer = stage.browser("teacher").post(stage.module_address, title=title, body=body)

    assert answer.status_code == 422
    assert why in answer.text
    assert f'value="{title}"' in answer.text
    assert body_field(answer.text) == body
    assert posts(stage) == before


def test_what_was_typed_outlives_an_old_page(stage: Stage) -> None:
    browser = stage.browser("teacher")

    answer = browser.client.post(
        stage.module_address, data={"title": "Fractions", "body": LONG_POST, "csrf_token": "old"}, headers=FROM_HERE
    )

    assert answer.status_code == 400
    assert 'value="Fractions"' in answer.text
    assert body_field(answer.text) == LONG_POST
    assert f'action="{stage.module_address}"' in answer.text
    assert browser.post(stage.module_address, title="Fractions", body=LONG_POST).status_code == 303


@pytest.mark.parametrize("has_old_cookie", [True, False])
def test_what_was_typed_outlives_the_end_of_the_session(stage: Stage, has_old_cookie: bool) -> None:
    browser = stage.browser("teacher")
    token = browser.token()
    if has_old_cookie:
        with browser.client.session_transaction() as session:
            session["_user_id"] = f"{stage.users['teacher']}.999"
    else:
        browser.client.delete_cookie("lms_plugin")
    form = {"csrf_token": token, "body": LONG_POST, "reply_to": str(stage.post_id)}

    signed_out = browser.client.post(stage.thread_address, data=form, headers=FROM_HERE)

    assert signed_out.status_code == 401
    assert "You have been signed out." in signed_out.text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', signed_out.text)
    carried = {name: unescape(value) for name, value in hidden if name.startswith("draft_") or name == "next"}
    assert carried == {"next": stage.thread_address, "draft_body": LONG_POST, "draft_reply_to": str(stage.post_id)}
    # In the form that signs in, and in the one that chooses the language.
    assert browser.sign_in("teacher", "wrong", **carried).text.count('name="draft_body"') == 2
    back = browser.sign_in("teacher", **carried)
    assert body_field(back.text) == LONG_POST
    assert f'action="{stage.thread_address}"' in back.text
    sent = browser.post(stage.thread_address, body=body_field(back.text), reply_to=str(stage.post_id))
    assert sent.status_code == 303


def test_what_was_typed_outlives_a_refusal(stage: Stage) -> None:
    answer = stage.browser("stranger").post(stage.thread_address, body=LONG_POST)

    assert answer.status_code == 404
    assert body_field(answer.text) == LONG_POST


def test_another_site_cannot_put_words_into_a_form(stage: Stage) -> None:
    planted = {"body": "buy this"}

    for headers in ({"Origin": "https://evil.example"}, {"Referer": "https://evil.example/x"}, {"Origin": "null"}, {}):
        answer = stage.browser().client.post(stage.thread_address, data=planted, headers=headers)
        assert answer.status_code in (302, 401)
        assert "buy this" not in answer.text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (LONG_POST.replace("花坛", "菜地") + "我还想请大家说说怎样安排分组，才能让每个孩子都动手。", None),
        ("太短了", "Does not count yet: your own words come to 3 Chinese characters and 0 words"),
        (LONG_POST, "Does not count: 100 % of it stands in your post of Nov 24, 2026."),
        ("x" * 20_001, "The text is too long: 20000 characters at most."),
        ("  ", ""),
    ],
)
def test_the_line_under_the_text_says_whether_it_would_count(stage: Stage, body: str, reason: str | None) -> None:
    before = posts(stage)

    answer = stage.browser("teacher").post(f"/modules/{stage.module_id}/preview", body=body)

    assert answer.status_code == 200
    assert "<html" not in answer.text
    if reason is not None:
        assert reason in unescape(answer.text)
    assert posts(stage) == before


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)\' {{ 7 * 7 }}'


def test_what_people_write_and_are_called_is_text_and_never_a_script(stage: Stage) -> None:
    with stage.database.writing() as session:
        user = session.get_one(User, stage.users["teacher"])
        user.name = HOSTILE[:120]
        actor = builders.actor_for(session, user)
        thread, _ = discussion.start_thread(
            session,
            actor,
            stage.module_id,
            title=HOSTILE,
            body=f"{HOSTILE}\n\n[x](javascript:alert(1)) <a href='javascript:alert(1)'>y</a> ![i](http://evil.example/i)"
            f" [z](data:text/html,x)\n\n{LONG_POST}",
            now=stage.clock.now,
        )
        thread_id = thread.id
    thread_address = f"/enrolments/{stage.enrolment_id}/threads/{thread_id}"
    pages = {
        "teacher": ["/", stage.module_address, thread_address, f"{thread_address}?quote={stage.post_id + 1}"],
        "tutor": ["/tutor", f"/tutor/modules/{stage.module_id}", f"/tutor/threads/{thread_id}", stage.hours_address],
        "admin": ["/office?group_by=learner", "/office/deliveries"],
    }
    for person, addresses in pages.items():
        for address in addresses:
            page = stage.browser(person).get(address)
            assert page.status_code == 200
            assert "alert(1)" in page.text
            assert foreign_parts(page.text) == [], address
            assert "script-src 'self';" in page.headers["Content-Security-Policy"]


def foreign_parts(page: str) -> list[str]:
    """Whatever in a page runs, or comes from or leads to somewhere that no template of ours does."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            found.extend(f"{tag} {name}" for name in values if name.startswith("on") or name == "style")
            for name in ("src", "href", "action", "data", "srcset", "poster"):
                address = values.get(name)
                if address is not None and not address.startswith(("/", "#")):
                    found.append(f"{tag} {name}={address}")
            is_data = values.get("type") == "application/json"
            if tag in ("script", "iframe", "object", "embed", "base") and not is_data and "src" not in values:
                found.append(tag)

    Reader().feed(page)
    return found


def test_a_tutor_begins_a_thread_in_one_of_several_groups(stage: Stage) -> None:
    with stage.database.writing() as session:
        current = catalogue.in_force_for_module(session, stage.module_id, stage.clock.now)
        tutor = session.get_one(User, stage.users["tutor"])
        third = builders.make_class_group(session, current, "三班", tutor).id
    browser = stage.browser("tutor")
    assert "三班" in browser.get(f"/tutor/modules/{stage.module_id}").text

    answer = browser.post(
        f"/tutor/modules/{stage.module_id}", title="通知", body="本周五答疑。", class_group=str(third)
    )

    assert answer.status_code == 303
    with stage.database.reading() as session:
        newest = session.scalars(select(Thread).order_by(Thread.id.desc()).limit(1)).one()
    assert (newest.class_group_id, newest.title) == (third, "通知")
    assert "通知" not in stage.browser("teacher").get(stage.module_address).text
    assert "Tutors&#39; posts earn no hours." in browser.get(answer.location).text


def test_long_threads_and_lists_come_in_pages(stage: Stage) -> None:
    with stage.database.writing() as session:
        actor = builders.actor_for(session, session.get_one(User, stage.users["mate"]))
        for number in range(60):
            discussion.reply(
                session, actor, stage.thread_id, body=f"answer-{number:02}", reply_to_id=None, now=stage.clock.now
            )
        for number in range(25):
            discussion.start_thread(
                session, actor, stage.module_id, title=f"thread-{number:02}", body="x", now=stage.clock.now
            )
    browser = stage.browser("teacher")

    first = browser.get(stage.thread_address).text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = browser.get(unescape(following[1])).text
    assert ("answer-48" in first, "answer-49" in first, "answer-49" in second) == (True, False, True)
    written = browser.post(stage.thread_address, body="the very last")
    assert "the very last" in browser.get(written.location).text

    listed = browser.get(stage.module_address).text
    older = re.search(r'rel="next" href="([^"]+)"', listed)
    assert older is not None
    assert ("thread-24" in listed, "thread-04" in listed) == (True, False)
    assert "thread-04" in browser.get(unescape(older[1])).text
