"""Meetings over the API: a Q&A session from its plan to hours in the ledger, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms_plugin.services import catalogue
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.api.conftest import Stage
from tests.services.gatherings import programme_of_meetings

PLAN = {"title": "怎样评课", "starts_at": "2026-11-25T01:00:00Z", "ends_at": "2026-11-25T03:00:00Z", "place": "三楼"}
BEGIN = builders.NOW + timedelta(hours=13)  # nine o'clock in Shanghai, the next morning


@pytest.fixture
def groups(stage: Stage, database: Database) -> dict[str, int]:
    """The programme of the stage with components that meetings count for; its class groups by name."""
    with database.writing() as session:
        programme_id = session.get_one(Enrolment, stage.enrolment_id).programme_id
        programme = catalogue.in_force(session, programme_id, builders.NOW).programme
        more = programme_of_meetings().components[1:]
        builders.publish(session, replace(programme, components=(*programme.components, *more)))
        return {one.name: one.id for one in session.scalars(select(ClassGroup))}


def plan(stage: Stage, groups: dict[str, int], kind: str = "qna-sessions", **changes: object) -> int:
    answer = stage.client("tutor").post(f"/api/v1/class-groups/{groups['一班']}/{kind}", json=PLAN | changes)
    assert answer.status_code == 201, answer.json
    return int(answer.json["id"])


def test_a_qna_session_from_its_plan_to_hours(stage: Stage, groups: dict[str, int]) -> None:
    tutor, teacher = stage.client("tutor"), stage.client("teacher")
    meeting_id = plan(stage, groups)
    answer = teacher.get(f"/api/v1/meetings/{meeting_id}")
    assert answer.json["kind"] == "qna"
    assert answer.json["state"] == "planned"
    assert answer.json["starts_at"] == "2026-11-25T01:00:00Z"

    stage.clock.now = BEGIN
    opened = tutor.post(f"/api/v1/meetings/{meeting_id}/state", json={"action": "open"})
    assert opened.json["state"] == "open"
    code = tutor.get(f"/api/v1/meetings/{meeting_id}/code").json
    assert code["seconds_left"] == 30
    address = f"/api/v1/qna-sessions/{meeting_id}/check-ins"
    signed = teacher.post(address, json={"code": code["code"], "device": "phone"})
    assert signed.json == {"way": "in", "signed_in_at": "2026-11-25T01:00:00Z", "signed_out_at": None}
    stage.client("mate").post(address, json={"code": code["code"], "device": "phone"})
    listed = tutor.get(f"/api/v1/meetings/{meeting_id}/attendance").json["attendance"]
    assert {one["state"] for one in listed} == {"signed"}
    assert all(len(one["shares_with"]) == 1 for one in listed)

    stage.clock.now = BEGIN + timedelta(hours=2)
    assert tutor.post(f"/api/v1/meetings/{meeting_id}/state", json={"action": "close"}).json["state"] == "closed"
    mate_id = next(one["enrolment_id"] for one in listed if one["enrolment_id"] != stage.enrolment_id)
    done = tutor.put(
        f"/api/v1/qna-sessions/{meeting_id}/attendance",
        json={
            "attendance": [
                {"enrolment_id": stage.enrolment_id, "out_at": "2026-11-25T02:30:00Z"},
                {"enrolment_id": mate_id, "present": False, "reason": "代签"},
            ],
            "confirm": True,
        },
    ).json
    assert done["state"] == "confirmed"
    assert done["recorded"] == [{"enrolment_id": stage.enrolment_id, "credited_seconds": 5400.0, "left_out": []}]
    assert {one["enrolment_id"]: one["state"] for one in done["attendance"]} == {
        stage.enrolment_id: "confirmed",
        mate_id: "refused",
    }
    hours = teacher.get(f"/api/v1/enrolments/{stage.enrolment_id}/hours").json
    assert {one["key"]: one["credited_class_hours"] for one in hours["components"]}["qna"] == 2.0


def test_meetings_of_other_kinds_use_the_same_calls(stage: Stage, groups: dict[str, int]) -> None:
    tutor = stage.client("tutor")
    meeting_id = plan(
        stage, groups, "meetings", component_key="viewings", medium="disc", module_id=stage.module_id, most_minutes=60
    )
    stage.clock.now = BEGIN
    tutor.post(f"/api/v1/meetings/{meeting_id}/state", json={"action": "open"})
    code = tutor.get(f"/api/v1/meetings/{meeting_id}/code").json["code"]
    sign = {"code": code, "way": "in"}
    assert stage.client("teacher").post(f"/api/v1/meetings/{meeting_id}/check-ins", json=sign).status_code == 200
    # An address of Q&A sessions leads to nothing else.
    assert stage.client("teacher").post(f"/api/v1/qna-sessions/{meeting_id}/check-ins", json=sign).status_code == 404
    assert tutor.put(f"/api/v1/qna-sessions/{meeting_id}/attendance", json={}).status_code == 404

    stage.clock.now = BEGIN + timedelta(hours=2)
    address = f"/api/v1/meetings/{meeting_id}/attendance"
    waits = tutor.put(address, json={"confirm": True}).json
    assert waits["passed_over"] == [
        {"enrolment_id": stage.enrolment_id, "reason": "not_signed_out", "message": "did not sign out"}
    ]
    # Confirmed already, what completes the list counts at once.
    tutor.put(address, json={"attendance": [{"enrolment_id": stage.enrolment_id}]})
    hours = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/hours").json
    assert {one["key"]: one["credited_seconds"] for one in hours["components"]}["viewings"] == 3600.0


def test_what_is_left_out_is_said(stage: Stage, groups: dict[str, int]) -> None:
    meeting_id = plan(stage, groups, "meetings", component_key="classes", most_minutes=60)
    stage.clock.now = BEGIN + timedelta(hours=2)
    body = {"attendance": [{"enrolment_id": stage.enrolment_id}], "confirm": True}
    done = stage.client("tutor").put(f"/api/v1/meetings/{meeting_id}/attendance", json=body).json

    assert done["recorded"][0]["left_out"] == [
        {
            "from_at": "2026-11-25T02:00:00Z",
            "to_at": "2026-11-25T03:00:00Z",
            "reason": "over_most",
            "message": "Nov 25, 2026 10:00–11:00 does not count: it is over the most that this one can give.",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"title": " "}, 422, "meeting_malformed"),
        ({"ends_at": "2026-11-25T01:00:00Z"}, 422, "meeting_malformed"),
        ({"starts_at": "2026-11-25T01:00:00"}, 422, "malformed"),
        ({"starts_at": "2027-11-25T01:00:00Z", "ends_at": "2027-11-25T02:00:00Z"}, 422, "meeting_malformed"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_faults(
    stage: Stage, groups: dict[str, int], changes: dict[str, str], status: int, code: str
) -> None:
    answer = stage.client("tutor").post(f"/api/v1/class-groups/{groups['一班']}/qna-sessions", json=PLAN | changes)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["faults"][0]["field"]


def test_a_programme_without_qna_sessions_has_none(stage: Stage, database: Database) -> None:
    with database.reading() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "一班")).one()

    answer = stage.client("tutor").post(f"/api/v1/class-groups/{group_id}/qna-sessions", json=PLAN)
    assert (answer.status_code, answer.json["code"]) == (409, "component_unknown")


def test_calls_at_the_wrong_moment_say_so(stage: Stage, groups: dict[str, int]) -> None:
    tutor, meeting_id = stage.client("tutor"), plan(stage, groups)
    base = f"/api/v1/meetings/{meeting_id}"
    twice = {"attendance": [{"enrolment_id": stage.enrolment_id}] * 2}
    for method, address, body, code in (
        ("POST", f"{base}/state", {"action": "open"}, "meeting_too_early"),
        ("GET", f"{base}/code", None, "meeting_not_open"),
        ("PUT", f"{base}/attendance", {"confirm": True}, "meeting_not_over"),
        ("PUT", f"{base}/attendance", twice, "record_twice"),
    ):
        answer = tutor.open(address, method=method, json=body)
        assert (answer.status_code, answer.json["code"]) == (409, code), address
    closed = stage.client("teacher").post(f"{base}/check-ins", json={"code": "000000"})
    assert (closed.status_code, closed.json["code"]) == (409, "meeting_not_open")
    called_off = tutor.post(f"{base}/state", json={"action": "cancel", "reason": "停电"})
    assert called_off.json["state"] == "cancelled"
    assert tutor.post(f"{base}/state", json={"action": "cancel"}).json["code"] == "reason_needed"


def test_the_learner_of_another_group_knows_of_nothing(stage: Stage, groups: dict[str, int]) -> None:
    meeting_id = plan(stage, groups)
    for login in ("stranger", "other-tutor", "far"):
        for method, address in (
            ("GET", ""),
            ("GET", "/code"),
            ("GET", "/attendance"),
            ("POST", "/check-ins"),
            ("PUT", "/attendance"),
        ):
            answer = stage.client(login).open(
                f"/api/v1/meetings/{meeting_id}{address}", method=method, json={"code": "000000"}
            )
            assert answer.status_code == 404, (login, address)
    assert stage.client("teacher").post("/api/v1/meetings/999999/check-ins", json={"code": "1"}).status_code == 404
