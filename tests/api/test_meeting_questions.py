"""Questions to Q&A sessions and changed plans over the API."""

from tests.api.conftest import Stage
from tests.api.test_meetings import groups, plan

__all__ = ["groups"]

ONE, TWO = "怎样让学生先量后估？", "玉米棒能不能当尺子？"


def test_questions_from_being_put_to_being_answered(stage: Stage, groups: dict[str, int]) -> None:
    teacher, mate, tutor = (stage.client(one) for one in ("teacher", "mate", "tutor"))
    base = f"/api/v1/qna-sessions/{plan(stage, groups)}/questions"
    empty = teacher.get(base)
    assert empty.json == {"open": True, "questions": []}
    put = teacher.post(base, json={"body": ONE})
    assert put.status_code == 201
    (one,) = put.json["questions"]
    assert (one["body"], one["votes"], one["own"], one["answered"]) == (ONE, 0, True, False)
    assert teacher.get(base, headers={"If-None-Match": empty.headers["ETag"]}).status_code == 200
    known = teacher.get(base).headers["ETag"]
    assert teacher.get(base, headers={"If-None-Match": known}).status_code == 304

    for _ in range(2):
        voted = mate.put(f"{base}/{one['id']}/vote").json["questions"][0]
        assert (voted["votes"], voted["voted"], voted["own"]) == (1, True, False)
    assert teacher.put(f"{base}/{one['id']}/vote").json["code"] == "own_question"
    assert mate.delete(f"{base}/{one['id']}/vote").json["questions"][0]["votes"] == 0
    two = mate.post(base, json={"body": TWO}).json["questions"][-1]
    merged = tutor.post(f"{base}/{two['id']}/merge", json={"into": one["id"]}).json["questions"]
    assert [(row["id"], row["votes"], row["also"]) for row in merged] == [(one["id"], 1, [TWO])]
    answered = tutor.put(f"{base}/{one['id']}/answer", json={"note": "见教材"}).json["questions"][0]
    assert (answered["answered"], answered["note"]) == (True, "见教材")
    assert mate.put(f"{base}/{one['id']}/vote").json["code"] == "question_settled"
    assert tutor.delete(f"{base}/{one['id']}/answer").json["questions"][0]["answered"] is False
    assert teacher.delete(f"{base}/{one['id']}").json["questions"] == []


def test_what_is_refused_says_why(stage: Stage, groups: dict[str, int]) -> None:
    teacher = stage.client("teacher")
    base = f"/api/v1/qna-sessions/{plan(stage, groups)}/questions"
    assert teacher.post(base, json={"body": "为何"}).json["code"] == "question_too_short"
    assert teacher.post(base, json={}).json["code"] == "malformed"
    assert teacher.put(f"{base}/999/vote").status_code == 404
    classes = plan(stage, groups, "meetings", component_key="classes")
    # An address of Q&A sessions leads to nothing else.
    assert teacher.get(f"/api/v1/qna-sessions/{classes}/questions").status_code == 404
    assert stage.client("stranger").get(base).status_code == 404


def test_a_plan_is_changed_in_part(stage: Stage, groups: dict[str, int]) -> None:
    tutor, link = stage.client("tutor"), "https://meeting.example.cn/j/1"
    address = f"/api/v1/meetings/{plan(stage, groups, link=link)}"
    assert stage.client("teacher").get(address).json["link"] == link
    changed = tutor.patch(address, json={"place": "多功能厅"}).json
    assert (changed["place"], changed["link"], changed["title"], changed["sequence"]) == (
        "多功能厅",
        link,
        "怎样评课",
        1,
    )
    wrong = tutor.patch(address, json={"link": "http://a.cn/"})
    assert (wrong.status_code, wrong.json["code"], wrong.json["faults"][0]["field"]) == (
        422,
        "meeting_malformed",
        "link",
    )
    assert stage.client("teacher").patch(address, json={"place": "别处"}).status_code == 404
