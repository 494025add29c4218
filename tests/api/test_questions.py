"""Questions through the API: asking once, answering, merging, and the FAQ."""

from datetime import timedelta

import pytest

from tests.api.conftest import Stage

HOW = "学生总是忘记进位，怎么办？"


def ask(stage: Stage, login: str = "teacher", **changes: object) -> dict[str, object]:
    body = {"body": HOW, "at_seconds": 760.9, **changes}
    answer = stage.client(login).post(f"/api/v1/modules/{stage.module_id}/questions", json=body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json or {})


def answer(stage: Stage, question: object, **changes: object) -> dict[str, object]:
    found = stage.client("tutor").post(
        f"/api/v1/questions/{question}/answers", json={"body": "写在横线上。", **changes}
    )
    assert found.status_code == 201, found.json
    return dict(found.json or {})


def test_a_question_is_asked_at_a_whole_second_and_waits(stage: Stage) -> None:
    asked = ask(stage)
    assert (asked["at_seconds"], asked["state"], asked["class_group"], asked["replies"]) == (760, "open", "一班", 0)
    assert asked["waiting_since"] == asked["asked_at"]
    stage.clock.forward(3600)
    waiting = stage.client("tutor").get("/api/v1/questions").json
    assert (waiting["waiting"], waiting["oldest_at"]) == (1, asked["asked_at"])
    assert (waiting["questions"][0]["id"], waiting["questions"][0]["waiting_seconds"]) == (asked["id"], 3600)
    elsewhere = stage.client("tutor").get("/api/v1/questions?module=999").json
    assert (elsewhere["questions"], elsewhere["waiting"]) == ([], 1)


def test_the_same_key_is_the_same_question(stage: Stage) -> None:
    assert ask(stage, key="a")["id"] == ask(stage, key="a")["id"]
    assert ask(stage)["id"] != ask(stage)["id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": " "}, "question_missing"),
        ({"body": "字" * 4001}, "question_too_long"),
        ({"at_seconds": 1201}, "second_not_in_film"),
        ({"at_seconds": -1}, "malformed"),
        ({"key": "k" * 41}, "malformed"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_code(stage: Stage, changes: dict[str, object], code: str) -> None:
    body = {"body": HOW, **changes}
    refused = stage.client("teacher").post(f"/api/v1/modules/{stage.module_id}/questions", json=body)
    assert (refused.status_code, refused.json["code"]) == (422, code)
    assert refused.content_type == "application/problem+json"


def test_answers_replies_and_marks(stage: Stage) -> None:
    question = ask(stage)["id"]
    reply = stage.client("mate").post(f"/api/v1/questions/{question}/replies", json={"body": "我让学生大声说。"})
    assert (reply.status_code, reply.json["is_answer"], reply.json["is_tutor"]) == (201, False, False)
    given = answer(stage, question)
    assert (given["is_answer"], given["is_tutor"]) == (True, True)
    stage.clock.forward(60)
    marked = stage.client("tutor").post(f"/api/v1/questions/{question}/replies/{reply.json['id']}/mark")
    assert (marked.status_code, marked.json["is_answer"]) == (200, True)
    whole = stage.client("mate").get(f"/api/v1/questions/{question}").json
    assert (whole["state"], [one["is_answer"] for one in whole["written"]]) == ("answered", [True, False])
    more = stage.client("teacher").post(f"/api/v1/questions/{question}/replies", json={"body": "还是不明白。"})
    assert more.json["is_asker"] is True
    assert stage.client("teacher").get(f"/api/v1/questions/{question}").json["state"] == "open"


def test_alike_questions_are_answered_and_merged(stage: Stage) -> None:
    question, other, late = ask(stage)["id"], ask(stage, "mate")["id"], ask(stage, "mate")["id"]
    answer(stage, question, also=[other])
    merged = stage.client("tutor").post(f"/api/v1/questions/{question}/merges", json={"questions": [late]})
    assert (merged.status_code, merged.json["merged_here"]) == (200, 2)
    seen = stage.client("mate").get(f"/api/v1/questions/{late}").json
    assert (seen["state"], seen["merged_into"], seen["merged_answer"]) == ("merged", question, "写在横线上。")
    refused = stage.client("tutor").post(f"/api/v1/questions/{late}/answers", json={"body": "又一次。"})
    assert (refused.status_code, refused.json["code"]) == (409, "question_is_merged")


def test_the_faq_is_promoted_found_while_typing_and_withdrawn(stage: Stage) -> None:
    question = ask(stage)["id"]
    answer(stage, question)
    body = {"question": "忘记进位怎么办？", "answer": "写在横线上。"}
    entry = stage.client("tutor").post(f"/api/v1/questions/{question}/faq", json=body)
    assert (entry.status_code, entry.json["at_seconds"], entry.json["withdrawn_at"]) == (201, 760, None)
    typed = {"body": "学生总是忘记进位怎么办呢？"}
    alike = (
        stage.client("stranger").post(f"/api/v1/modules/{stage.module_id}/questions/alike", json=typed).json["alike"]
    )
    assert [(one["answered_in"], one["id"], one["answer"]) for one in alike] == [
        ("faq", entry.json["id"], "写在横线上。")
    ]
    listed = stage.client("stranger").get(f"/api/v1/modules/{stage.module_id}/faq").json["entries"]
    assert [one["question"] for one in listed] == ["忘记进位怎么办？"]
    again = stage.client("tutor").post(f"/api/v1/questions/{question}/faq", json=body)
    assert (again.status_code, again.json["code"]) == (409, "faq_entry_exists")
    gone = stage.client("other-tutor").post(f"/api/v1/faq/{entry.json['id']}/withdrawal")
    assert gone.json["withdrawn_at"] is not None
    assert stage.client("teacher").get(f"/api/v1/modules/{stage.module_id}/faq").json["entries"] == []


def test_questions_are_listed_page_by_page_newest_first_own_or_all(stage: Stage) -> None:
    wanted = [ask(stage, "teacher" if number % 2 else "mate")["id"] for number in range(5)][::-1]
    client, found, before = stage.client("teacher"), [], ""
    while before is not None:
        address = f"/api/v1/modules/{stage.module_id}/questions?limit=2{before and f'&before={before}'}"
        page = client.get(address).json
        found += [one["id"] for one in page["questions"]]
        before = page["next_before"]
    assert found == wanted
    own = client.get(f"/api/v1/modules/{stage.module_id}/questions?own=true").json["questions"]
    assert [one["id"] for one in own] == wanted[1::2]


def test_it_says_when_it_waits_too_long(stage: Stage) -> None:
    ask(stage)
    stage.clock.forward(timedelta(days=1).total_seconds())
    assert stage.client("tutor").get("/api/v1/questions").json["questions"][0]["waits_long"] is True


def test_the_description_has_every_call_and_its_limit(stage: Stage) -> None:
    paths = stage.client(None).get("/api/v1/openapi.json").json["paths"]
    asked = paths["/api/v1/modules/{module_id}/questions"]["post"]
    assert "429" in asked["responses"]
    assert asked["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/QuestionRequest")
    for address in (
        "/questions",
        "/questions/{question_id}",
        "/questions/{question_id}/answers",
        "/questions/{question_id}/replies",
        "/questions/{question_id}/replies/{reply_id}/mark",
        "/questions/{question_id}/merges",
        "/questions/{question_id}/faq",
        "/modules/{module_id}/questions/alike",
        "/modules/{module_id}/faq",
        "/faq/{entry_id}/withdrawal",
    ):
        assert f"/api/v1{address}" in paths, address
