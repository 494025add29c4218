"""Pages of questions: asking keeps what was typed, answers come back with the second, tutors find what waits."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from lms_plugin.http.question_wording import waiting_time
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import Enrolment
from tests.web.stage import HOST, Browser, Stage

HOW = "学生总是忘记进位，怎么办？"


def ask_address(stage: Stage) -> str:
    return f"{stage.module_address}/questions"


def ask(stage: Stage, browser: Browser, body: str = HOW, **fields: str) -> int:
    answer = browser.post(ask_address(stage), question=body, **fields)
    assert answer.status_code == 303, answer.text
    return int(answer.location.rpartition("/")[2])


def own_page(stage: Stage, question: int) -> str:
    return f"/enrolments/{stage.enrolment_id}/questions/{question}"


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_at_a_second_leads_back_to_that_second(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    question = ask(stage, teacher, at_seconds="760", key="k")
    page = teacher.get(own_page(stage, question)).text
    assert f'href="{stage.module_address}?from=760#film"' in page
    assert "Play from 12:40" in page
    listed = teacher.get(ask_address(stage)).text
    assert "At 12:40 of the film" in listed
    assert "Not answered yet" in listed
    assert stage.browser("mate").get(f"/enrolments/{stage.enrolment_id}/questions/{question}").status_code == 404


def test_the_second_of_a_film_that_was_replaced_is_said_and_leads_nowhere(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    question = ask(stage, teacher, at_seconds="760")
    with stage.database.writing() as session:
        session.execute(text("DELETE FROM coverage"))
        session.execute(text("UPDATE videos SET is_current = false"))
    page = teacher.get(own_page(stage, question)).text
    assert "?from=760" not in page
    assert "At 12:40 of the film" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"question": "  ", "at_seconds": "760"}, "Please write your question first."),
        ({"question": "字" * 4001, "at_seconds": "760"}, "The question is too long: 4000 characters at most."),
        ({"question": HOW, "at_seconds": "99999"}, "The film of this module has no such second."),
    ],
)
def test_a_refused_question_keeps_what_was_typed(stage: Stage, fields: dict[str, str], sentence: str) -> None:
    answer = stage.browser("teacher").post(ask_address(stage), key="kept-key", is_private="1", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert fields["question"].strip() in answer.text
    assert 'name="key" value="kept-key"' in answer.text
    assert f'name="at_seconds" value="{fields["at_seconds"]}" checked' in answer.text
    assert re.search(r'name="is_private" value="1" checked', answer.text)
    assert '<details class="ask"' in answer.text
    assert re.search(r'<details class="ask"[^>]* open>', answer.text)


def test_a_question_survives_signing_out_and_an_old_page(stage: Stage) -> None:
    fields = {"question": HOW, "at_seconds": "760", "key": "kept-key", "is_private": "1"}
    stranger = stage.browser()
    answer = stranger.post(ask_address(stage), **fields)
    assert answer.status_code == 401
    carried = {"draft_body": HOW, **{f"draft_{name}": fields[name] for name in ("at_seconds", "key", "is_private")}}
    for name, value in carried.items():
        assert f'name="{name}" value="{value}"' in answer.text, name
    again = stranger.sign_in("teacher", next=ask_address(stage), **carried)
    assert f'action="{ask_address(stage)}"' in again.text
    assert HOW in again.text
    assert 'name="at_seconds" value="760"' in again.text

    old = stage.browser("teacher").client.post(ask_address(stage), data=fields, headers={"Origin": HOST})
    assert old.status_code == 400
    assert HOW in old.text
    assert 'name="key" value="kept-key"' in old.text


def test_sent_twice_it_is_there_once(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    assert ask(stage, teacher, key="once") == ask(stage, teacher, key="once")


def test_a_private_question_is_seen_by_its_asker_and_the_tutor_alone(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    question = ask(stage, teacher, is_private="1")
    assert "Only for the tutors" in teacher.get(own_page(stage, question)).text
    assert HOW in stage.browser("tutor").get("/tutor/questions").text
    with stage.database.reading() as session:
        mates = [one.id for one in session.query(Enrolment).filter_by(user_id=stage.users["mate"])]
    listed = stage.browser("mate").get(f"/enrolments/{mates[0]}/modules/{stage.module_id}/questions")
    assert listed.status_code == 200
    assert HOW not in listed.text


def test_the_page_says_that_nothing_is_earned(stage: Stage) -> None:
    for address in (stage.module_address, ask_address(stage)):
        page = stage.browser("teacher").get(address).text
        assert "Questions and answers earn no class hours" in page


def test_whoever_cannot_ask_is_told_why(stage: Stage) -> None:
    with stage.database.writing() as session:
        session.get_one(Enrolment, stage.enrolment_id).class_group_id = None
    page = stage.browser("teacher").get(stage.module_address).text
    assert "You are in no class group yet" in page
    assert 'id="ask-body"' not in page


@pytest.fixture
def rate_limits(request: pytest.FixtureRequest) -> bool:
    return "too_many" in request.node.name


def test_too_many_questions_are_refused_and_kept(stage: Stage) -> None:
    teacher, body = stage.browser("teacher"), "太多了，怎么办？"
    for number in range(20):
        ask(stage, teacher, f"第{number}个问题，怎么办？")
    refused = teacher.post(ask_address(stage), question=body, at_seconds="760")
    assert refused.status_code == 429
    assert body in refused.text
    assert 'name="at_seconds" value="760"' in refused.text
    api = teacher.call("POST", f"/api/v1/modules/{stage.module_id}/questions", {"body": body})
    assert api.status_code == 429
    assert api.headers["Retry-After"]
    tutor = stage.browser("tutor").post("/tutor/questions/1", body="答。")
    assert tutor.status_code == 303, "tutors answer as much as they like"


# --- while typing -----------------------------------------------------------------------------------------------------


def test_while_typing_answered_questions_and_the_faq_are_shown_in_place(stage: Stage) -> None:
    stage.promote()
    teacher = stage.browser("teacher")
    found = teacher.post(f"/modules/{stage.module_id}/alike", question="总是忘记进位怎么办呢？").text
    assert "This may be answered already:" in found
    assert "<summary>忘记进位怎么办？" in found
    assert "<strong>横线</strong>" in found
    assert (
        "This may be answered"
        not in teacher.post(f"/modules/{stage.module_id}/alike", question="复式班怎样排课？").text
    )


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_answer_is_shown_with_its_badge_and_a_follow_up_goes_back(stage: Stage) -> None:
    teacher, tutor = stage.browser("teacher"), stage.browser("tutor")
    question = ask(stage, teacher)
    assert tutor.post(f"/tutor/questions/{question}", body="写在**横线**上。").status_code == 303
    page = teacher.get(own_page(stage, question)).text
    assert "<strong>横线</strong>" in page
    assert "The answer" in page
    assert 'class="post reply answer"' in page
    assert "No question waits for you." in tutor.get("/tutor/questions").text
    answer = teacher.post(own_page(stage, question), body="还是不明白。")
    assert answer.status_code == 303
    assert HOW in tutor.get("/tutor/questions").text


def test_an_empty_answer_or_reply_is_refused_with_its_sentence(stage: Stage) -> None:
    question, _reply = stage.ask()
    for person, address in (("teacher", own_page(stage, question)), ("tutor", f"/tutor/questions/{question}")):
        answer = stage.browser(person).post(address, body=" ")
        assert answer.status_code == 422
        assert "Please write something first." in answer.text
        assert 'aria-invalid="true"' in answer.text


def test_a_refused_answer_keeps_text_and_choice(stage: Stage) -> None:
    (question, _), (other, _) = stage.ask(), stage.ask()
    too_long = "字" * 20_001
    answer = stage.browser("tutor").post(f"/tutor/questions/{question}", body=too_long, also=str(other))
    assert answer.status_code == 422
    assert too_long in answer.text
    assert f'name="also" value="{other}" checked' in answer.text


def test_a_tutor_answers_alike_ones_in_one_go(stage: Stage) -> None:
    (question, _), (other, _) = stage.ask(), stage.ask()
    tutor = stage.browser("tutor")
    page = tutor.get(f"/tutor/questions/{question}").text
    assert f'name="also" value="{other}"' in page
    tutor.post(f"/tutor/questions/{question}", body="都这样做。", also=str(other))
    merged = stage.browser("teacher").get(own_page(stage, other)).text
    assert "Answered together with one that is alike" in merged
    assert "都这样做。" in merged
    assert f'href="{own_page(stage, question)}"' in merged
    assert "1 more question is answered with this one." in tutor.get(f"/tutor/questions/{question}").text
    assert "It is answered together with another question." in tutor.get(f"/tutor/questions/{other}").text


def test_what_is_answered_already_can_be_pointed_to(stage: Stage) -> None:
    (answered, _), (question, _) = stage.ask(answered=True), stage.ask()
    tutor = stage.browser("tutor")
    page = tutor.get(f"/tutor/questions/{question}").text
    assert "Answered already, and alike" in page
    assert f'name="into" value="{answered}"' in page
    done = tutor.post(f"/tutor/questions/{question}/merge", into=str(answered))
    assert done.location == f"/tutor/questions/{question}"
    assert "先口算个位" in stage.browser("teacher").get(own_page(stage, question)).text


def test_a_colleagues_reply_becomes_the_answer(stage: Stage) -> None:
    question, reply = stage.ask()
    tutor = stage.browser("tutor")
    assert "This is the answer" in tutor.get(f"/tutor/questions/{question}").text
    tutor.post(f"/tutor/questions/{question}/mark", reply=str(reply))
    page = stage.browser("teacher").get(own_page(stage, question)).text
    assert "李建国, tutor: this is the answer." in page


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Your question on “Understanding pupils” has an answer."),
        ("zh", "您在“读懂学生”中的提问已有答复。"),
    ],
)
def test_the_asker_is_told_and_led_there(stage: Stage, language: str, sentence: str) -> None:
    question, _reply = stage.ask(answered=True)
    teacher = stage.browser("teacher", language)
    assert sentence in teacher.get("/notices").text
    with stage.database.reading() as session:
        notice = session.query(Notice).filter_by(kind="question_answered").one()
    followed = teacher.post(f"/notices/{notice.id}")
    assert followed.location == own_page(stage, question)


# --- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_shows_how_long_each_waits_and_can_be_narrowed(stage: Stage) -> None:
    stage.ask()
    stage.clock.forward(26 * 3600)
    tutor = stage.browser("tutor")
    page = tutor.get("/tutor/questions").text
    assert "1 day 2 hours" in page
    assert 'class="badge warn"' in page
    assert "学生总是忘记进位，怎么办？" in page, "a list has no Markdown signs"
    assert "1 question to answer" in page
    assert "学生总是" in tutor.get(f"/tutor/questions?module={stage.module_id}").text
    assert "No question waits in this choice." in tutor.get("/tutor/questions?group=99999").text
    assert "No question waits for you." in stage.browser("other-tutor").get("/tutor/questions").text


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (timedelta(0), "less than a minute"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3, hours=4, minutes=5), "3 days 4 hours"),
    ],
)
def test_waiting_in_words(stage: Stage, waited: timedelta, words: str) -> None:
    with stage.app.test_request_context(headers={"Accept-Language": "en"}):
        assert waiting_time(int(waited.total_seconds())) == words


# --- the FAQ ----------------------------------------------------------------------------------------------------------


def test_an_answered_question_is_edited_into_the_faq_of_all_class_groups(stage: Stage) -> None:
    question, _reply = stage.ask(answered=True)
    tutor = stage.browser("tutor")
    form = tutor.get(f"/tutor/questions/{question}/faq").text
    assert 'value="学生总是忘记进位，怎么办？"' in form
    assert "先口算个位，再写进位。" in form
    named = tutor.post(f"/tutor/questions/{question}/faq", title="王丽问：怎么办？", body="写小。")
    assert named.status_code == 422
    assert "“王丽” has a part in this question." in named.text
    assert 'value="王丽问：怎么办？"' in named.text
    done = tutor.post(f"/tutor/questions/{question}/faq", title="忘记进位怎么办？", body="写**小**。")
    assert done.location == f"/tutor/modules/{stage.module_id}/faq"
    page = stage.browser("teacher").get(stage.module_address).text
    assert "<summary>忘记进位怎么办？</summary>" in page
    assert "写<strong>小</strong>。" in page
    assert 'data-play-from="760"' in page
    again = tutor.post(f"/tutor/questions/{question}/faq", title="又一次", body="写小。")
    assert again.status_code == 409
    assert 'value="又一次"' in again.text


def test_an_entry_can_be_taken_out_and_the_office_sees_who_did_what(stage: Stage) -> None:
    entry = stage.promote()
    office = stage.browser("admin").get("/office/faq").text
    assert "李建国" in office
    assert f'action="/faq/{entry}/withdrawal"' in office
    assert "withdrawal" not in stage.browser("county").get("/office/faq").text
    assert stage.browser("other-tutor").post(f"/faq/{entry}/withdrawal").status_code == 303
    assert "忘记进位怎么办？" not in stage.browser("teacher").get(stage.module_address).text
    assert "周敏" in stage.browser("county").get("/office/faq").text


def test_an_address_of_a_question_holds_together_or_leads_nowhere(stage: Stage) -> None:
    question, _reply = stage.ask()
    teacher = stage.browser("teacher")
    for address in (
        own_page(stage, 999_999),
        f"/enrolments/999999/questions/{question}",
        f"/enrolments/{stage.enrolment_id}/modules/999999/questions",
    ):
        assert teacher.get(address).status_code == 404, address
    assert stage.browser("tutor").post(f"/tutor/questions/{question}/mark", reply="x").status_code == 404
    assert stage.browser("tutor").post(f"/tutor/questions/{question}/merge", into="999999").status_code == 404
