"""The API of school-based activities and coursework."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lms_plugin.storage.session import Database
from tests.builders import NOW
from tests.services.school_world import TEXT
from tests.web.school_stage import SchoolStage, open_school_stage

ACTIVITY = {
    "kind": "seminar",
    "title": "大单元设计研讨",
    "text": TEXT,
    "starts_at": "2026-11-23T06:00:00Z",
    "ends_at": "2026-11-23T07:30:00+00:00",
}


@pytest.fixture
def school(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


def test_an_activity_goes_from_hand_to_hand_until_it_counts(school: SchoolStage) -> None:
    address = f"/api/v1/enrolments/{school.enrolment_id}/activities"
    teacher = school.browser("teacher")

    made = teacher.call("POST", address, ACTIVITY)
    assert (made.status_code, made.json["state"]) == (201, "submitted")
    decisions = f"/api/v1/activities/{made.json['id']}/decisions"
    assert school.browser("school").call("POST", decisions, {"decision": "approve"}).json["state"] == "school_approved"
    refused = school.browser("school").call("POST", decisions, {"decision": "approve"})
    assert (refused.status_code, refused.json["code"]) == (403, "county_decides")
    assert school.browser("county").call("POST", decisions, {"decision": "approve"}).json["state"] == "approved"
    found = {one["id"]: one for one in teacher.call("GET", address).json["activities"]}
    assert found[made.json["id"]] | {"left_out": []} == {
        "id": made.json["id"],
        "kind": "seminar",
        "title": "大单元设计研讨",
        "starts_at": "2026-11-23T06:00:00Z",
        "ends_at": "2026-11-23T07:30:00Z",
        "submitted_at": NOW.isoformat().replace("+00:00", "Z"),
        "state": "approved",
        "next_level": None,
        "reason": "",
        "files": 0,
        "credited_seconds": 5400.0,
        "left_out": [],
    }
    assert (found[school.activity_id]["next_level"], found[school.activity_id]["files"]) == ("school", 1)
    back = school.browser("county").call("POST", decisions, {"decision": "revoke", "reason": "不符"})
    assert back.json["state"] == "refused"
    assert school.browser("county").call("POST", decisions, {"decision": "return"}).status_code == 422


@pytest.mark.parametrize("decision", ["approve", "return", "refuse"])
def test_a_decision_on_what_was_changed_meanwhile_is_refused(school: SchoolStage, decision: str) -> None:
    office = school.browser("school")
    listed = f"/api/v1/enrolments/{school.enrolment_id}/activities"
    decisions = f"/api/v1/activities/{school.activity_id}/decisions"

    (read,) = office.call("GET", listed).json["activities"]
    school.clock.forward(60)
    changed = {
        "kind": "lecture",
        "title": "讲座",
        "day": "2026-11-23",
        "starts": "06:00",
        "ends": "14:00",
        "body": TEXT,
    }
    mine = f"/enrolments/{school.enrolment_id}/activities/{school.activity_id}"
    assert school.browser("teacher").post(mine, **changed).status_code == 303
    body = {"decision": decision, "reason": "不符"}
    stale = office.call("POST", decisions, body | {"seen_at": read["submitted_at"]})
    assert (stale.status_code, stale.json["code"]) == (409, "handed_in_again")
    (now,) = office.call("GET", listed).json["activities"]
    assert (now["state"], now["ends_at"]) == ("submitted", "2026-11-23T06:00:00Z")
    assert office.call("POST", decisions, body | {"seen_at": "yesterday"}).status_code == 422
    fresh = (NOW + timedelta(seconds=60)).isoformat()
    assert office.call("POST", decisions, body | {"seen_at": fresh}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "karaoke"}, "kind_missing"),
        ({"text": "短"}, "evidence_missing"),
        ({"ends_at": "2026-11-23T05:00:00Z"}, "ends_before_it_starts"),
        ({"ends_at": "2026-11-30T05:00:00Z"}, "activity_too_long"),
        ({"starts_at": "2026-11-23T06:00:00"}, "timezone_aware"),
        ({"starts_at": "0001-01-01T00:00:00+08:00"}, "value_error"),
    ],
)
def test_every_fault_of_an_activity_has_its_code(school: SchoolStage, changes: dict[str, str], code: str) -> None:
    address = f"/api/v1/enrolments/{school.enrolment_id}/activities"

    answer = school.browser("teacher").call("POST", address, ACTIVITY | changes)
    assert answer.status_code == 422
    assert code in [one["code"] for one in answer.json["faults"]]


def test_homework_is_handed_in_and_marked(school: SchoolStage) -> None:
    address = f"/api/v1/enrolments/{school.enrolment_id}/coursework"
    teacher, tutor = school.browser("teacher"), school.browser("tutor")

    made = teacher.call("POST", address, {"component": "homework", "piece": 2, "text": TEXT})
    assert (made.status_code, made.json["state"]) == (201, "submitted")
    marks = f"/api/v1/coursework/{made.json['id']}/marks"
    assert tutor.call("POST", marks, {"mark": 30}).json["code"] == "remark_missing"
    assert tutor.call("POST", marks, {"mark": 101}).status_code == 422
    assert tutor.call("POST", marks, {"mark": 30, "remark": "重写"}).json["state"] == "returned"
    assert tutor.call("POST", marks, {"mark": 90}).json["state"] == "passed"
    found = school.browser("county").call("GET", address).json["coursework"]
    assert [(one["kind"], one["piece"], one["mark"], one["state"]) for one in found] == [
        ("examination", 1, 52, "failed"),
        ("homework", 1, None, "submitted"),
        ("homework", 2, 90, "passed"),
    ]


def test_nothing_is_anybodys_but_who_it_concerns(school: SchoolStage) -> None:
    calls = [
        ("GET", f"/api/v1/enrolments/{school.enrolment_id}/activities", None, "teacher tutor school county office"),
        ("GET", f"/api/v1/enrolments/{school.enrolment_id}/coursework", None, "teacher tutor school county office"),
        ("POST", f"/api/v1/enrolments/{school.enrolment_id}/activities", {}, "teacher"),
        ("POST", f"/api/v1/enrolments/{school.enrolment_id}/coursework", {}, "teacher"),
        ("POST", f"/api/v1/activities/{school.activity_id}/decisions", {}, "school county office"),
        ("POST", f"/api/v1/coursework/{school.coursework_id}/marks", {}, "tutor"),
    ]
    for person in (*school.users, None):
        for method, address, body, who in calls:
            status = school.browser(person).call(method, address, body).status_code
            if person is None:
                assert status == 401, address
            elif person in who.split():
                assert status in (200, 422), (person, address)
            else:
                assert status in (403, 404), (person, address)
