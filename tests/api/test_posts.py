"""What becomes of posts, through the API: marks, edits, taking back, and the history."""

from tests.api.conftest import Stage
from tests.api.test_discussion import LONG, start

OTHER = (
    "听写错得最多的是形近字，我让每个小组自己编一句口诀，把偏旁的意思讲清楚，再互相出题考对方，"
    "一个月下来全班错误率降了三成，孩子们还编出了小册子。"
)


def credited(stage: Stage) -> int:
    hours = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/hours").json
    return int(hours["components"][1]["credited_seconds"])


def test_a_tutor_makes_a_post_void_and_lifts_it_and_both_can_be_sent_twice(stage: Stage) -> None:
    post, tutor = start(stage, "teacher")["id"], stage.client("tutor")
    for _ in range(2):
        answer = tutor.post(f"/api/v1/posts/{post}/marks", json={"mark": "void", "reason": "照抄"})
        assert (answer.status_code, answer.json["mark"], answer.json["credit_seconds"]) == (200, "void", 0)
    assert credited(stage) == 0
    for _ in range(2):
        answer = tutor.post(f"/api/v1/posts/{post}/marks/withdrawal", json={"mark": "void", "reason": "误判"})
        assert (answer.status_code, answer.json["mark"], answer.json["credit_seconds"]) == (200, "", 900)
    assert credited(stage) == 900
    ledger = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/ledger").json["entries"]
    assert len(ledger) == 3


def test_a_mark_needs_its_reason_and_its_name(stage: Stage) -> None:
    post, tutor = start(stage, "teacher")["id"], stage.client("tutor")
    for body, code in (
        ({"mark": "void"}, "reason_needed"),
        ({"mark": "void", "reason": "字" * 501}, "reason_too_long"),
        ({"mark": "good", "reason": "r"}, "mark_unknown"),
        ({"reason": "r"}, "malformed"),
    ):
        answer = tutor.post(f"/api/v1/posts/{post}/marks", json=body)
        assert (answer.status_code, answer.json["code"]) == (422, code)
    assert tutor.post(f"/api/v1/posts/{post}/marks", json={"mark": "void", "reason": "r"}).status_code == 200
    answer = tutor.post(f"/api/v1/posts/{post}/marks", json={"mark": "excellent"})
    assert (answer.status_code, answer.json["code"]) == (409, "post_is_void")
    assert answer.json["detail"] == "This post is void: it stays as it is until its tutor lifts that."


def test_an_author_edits_a_post_and_its_history_is_for_author_and_tutor(stage: Stage) -> None:
    written = start(stage, "teacher")
    answer = stage.client("teacher").patch(f"/api/v1/posts/{written['id']}", json={"body": "学习了"})
    assert (answer.status_code, answer.json["judgement"]["reason"], answer.json["credit_seconds"]) == (
        200,
        "too_short",
        0,
    )
    assert credited(stage) == 0
    assert stage.client("teacher").patch(f"/api/v1/posts/{written['id']}", json={"body": " "}).status_code == 422
    for login in ("teacher", "tutor"):
        found = stage.client(login).get(f"/api/v1/posts/{written['id']}/history").json
        assert [(one["body"], one["judgement"]["counts"]) for one in found["versions"]] == [
            (LONG, True),
            ("学习了", False),
        ]
        assert [one["kind"] for one in found["changes"]] == ["edited"]
    for login in ("mate", "other-tutor", "admin"):
        assert stage.client(login).get(f"/api/v1/posts/{written['id']}/history").status_code == 404
    shown = stage.client("mate").get(f"/api/v1/threads/{written['thread_id']}/posts").json["posts"][0]
    assert (shown["body"], shown["edited_at"] is not None) == ("学习了", True)


def test_what_is_taken_back_is_hidden_from_others_and_replies_stay(stage: Stage) -> None:
    written = start(stage, "teacher")
    stage.client("mate").post(
        f"/api/v1/threads/{written['thread_id']}/posts", json={"body": OTHER, "reply_to": written["id"]}
    )
    for _ in range(2):
        assert stage.client("teacher").delete(f"/api/v1/posts/{written['id']}").status_code == 204
    assert credited(stage) == 0
    for login, body in (("mate", ""), ("tutor", LONG)):
        posts = stage.client(login).get(f"/api/v1/threads/{written['thread_id']}/posts").json["posts"]
        assert [(one["body"], one["taken_back_at"] is not None) for one in posts] == [(body, True), (OTHER, False)]
    answer = stage.client("teacher").patch(f"/api/v1/posts/{written['id']}", json={"body": OTHER})
    assert (answer.status_code, answer.json["code"]) == (409, "post_taken_back")


def test_a_void_is_no_business_of_others(stage: Stage) -> None:
    written = start(stage, "teacher")
    stage.client("tutor").post(f"/api/v1/posts/{written['id']}/marks", json={"mark": "void", "reason": "r"})
    seen = {
        login: stage.client(login).get(f"/api/v1/threads/{written['thread_id']}/posts").json["posts"][0]["mark"]
        for login in ("teacher", "tutor", "mate")
    }
    assert seen == {"teacher": "void", "tutor": "void", "mate": ""}
