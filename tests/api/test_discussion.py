"""Threads and posts through the API."""

from tests.api.conftest import Stage

LONG = (
    "上课前我先让学生用自己的话说说昨天学了什么,再让同桌互相补充,这样能发现谁没有听懂,"
    "也能让胆小的孩子开口。今天有三个平时不说话的孩子举了手,我很高兴。"
)


def start(stage: Stage, login: str, body: str = LONG, title: str = "课前三分钟") -> dict[str, object]:
    answer = stage.client(login).post(f"/api/v1/modules/{stage.module_id}/threads", json={"title": title, "body": body})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def test_a_post_that_counts_earns_hours_and_says_so(stage: Stage) -> None:
    written = start(stage, "teacher")
    assert written["counts"] is True
    assert written["message"] == "Counts: 15 minutes of credit."
    hours = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/hours").json
    assert hours["components"][1]["credited_seconds"] == 900
    assert hours["completion"]["missing"][1]["message"] == "2 more posts that count"


def test_a_short_post_is_kept_and_told_why_it_does_not_count(stage: Stage) -> None:
    thread = start(stage, "teacher")
    answer = stage.client("mate").post(f"/api/v1/threads/{thread['thread_id']}/posts", json={"body": "数石子!"})
    assert answer.status_code == 201
    assert (answer.json["counts"], answer.json["reason"]) == (False, "too_short")
    assert "3 Chinese characters" in answer.json["message"]


def test_the_preview_says_what_writing_will_say(stage: Stage) -> None:
    start(stage, "teacher")
    preview = stage.client("teacher").post(f"/api/v1/modules/{stage.module_id}/posts/preview", json={"body": LONG})
    assert (preview.json["counts"], preview.json["reason"]) == (False, "repeats_own_post")
    assert preview.json["message"].startswith("Does not count: 100 % of it stands in your post of ")
    written = start(stage, "teacher")
    assert {name: written[name] for name in preview.json} == preview.json


def test_a_thread_is_for_its_class_group_and_its_tutor(stage: Stage) -> None:
    thread = start(stage, "teacher")["thread_id"]
    for login, status in (("mate", 200), ("tutor", 200), ("stranger", 404), ("other-tutor", 404), ("admin", 404)):
        assert stage.client(login).get(f"/api/v1/threads/{thread}/posts").status_code == status, login
    listed = stage.client("stranger").get(f"/api/v1/modules/{stage.module_id}/threads")
    assert listed.json["threads"] == []


def test_a_tutors_answer_earns_nothing_and_shows_as_a_tutors(stage: Stage) -> None:
    thread = start(stage, "teacher")
    answer = stage.client("tutor").post(
        f"/api/v1/threads/{thread['thread_id']}/posts", json={"body": LONG, "reply_to": thread["id"]}
    )
    assert (answer.json["counts"], answer.json["reason"]) == (False, "not_a_learner")
    posts = stage.client("teacher").get(f"/api/v1/threads/{thread['thread_id']}/posts").json["posts"]
    assert [(post["is_tutor"], post["reply_to"]) for post in posts] == [(False, None), (True, thread["id"])]


def test_a_judgement_is_for_the_author_and_the_tutor_alone(stage: Stage) -> None:
    thread = start(stage, "teacher")["thread_id"]
    seen = {
        login: stage.client(login).get(f"/api/v1/threads/{thread}/posts").json["posts"][0]["judgement"] is not None
        for login in ("teacher", "tutor", "mate")
    }
    assert seen == {"teacher": True, "tutor": True, "mate": False}


def test_answering_a_post_of_another_thread_is_refused(stage: Stage) -> None:
    first, second = start(stage, "teacher"), start(stage, "mate", title="另一个")
    answer = stage.client("teacher").post(
        f"/api/v1/threads/{first['thread_id']}/posts", json={"body": LONG, "reply_to": second["id"]}
    )
    assert answer.status_code == 404


def test_empty_and_endless_texts_are_refused_in_words(stage: Stage) -> None:
    for body, code in (
        ({"title": " ", "body": LONG}, "title_missing"),
        ({"title": "x" * 201, "body": LONG}, "title_too_long"),
        ({"title": "x", "body": "\n"}, "body_missing"),
        ({"title": "x", "body": "字" * 20_001}, "body_too_long"),
    ):
        answer = stage.client("teacher").post(f"/api/v1/modules/{stage.module_id}/threads", json=body)
        assert (answer.status_code, answer.json["code"]) == (422, code)


def test_threads_are_listed_page_by_page_newest_first(stage: Stage) -> None:
    for number in range(5):
        start(stage, "teacher", title=f"第{number}个")
    client, titles, before = stage.client("mate"), [], ""
    while before is not None:
        page = client.get(f"/api/v1/modules/{stage.module_id}/threads?limit=2{before and f'&before={before}'}").json
        titles += [thread["title"] for thread in page["threads"]]
        before = page["next_before"]
    assert titles == ["第4个", "第3个", "第2个", "第1个", "第0个"]


def test_the_preview_says_that_a_colleague_wrote_it_and_not_who(stage: Stage) -> None:
    start(stage, "stranger")
    asked = {"json": {"body": f"老师好!{LONG}"}}
    client = stage.client("teacher")
    preview = client.post(f"/api/v1/modules/{stage.module_id}/posts/preview", **asked)
    assert (preview.json["counts"], preview.json["reason"]) == (False, "repeats_anothers_post")
    assert preview.json["message"] == "Does not count: 100 % of it stands in a colleague's post of Nov 24, 2026."
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh"
    preview = client.post(f"/api/v1/modules/{stage.module_id}/posts/preview", **asked)
    assert preview.json["message"] == "不计学时：其中 100% 与本项目其他人 2026年11月24日 的帖子重复。"
    assert set(preview.json) == {"counts", "reason", "message"}
