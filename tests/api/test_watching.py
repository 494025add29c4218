"""Playback sessions and beats through the API, as players and forgers send them."""

from typing import Any

import pytest

from tests.api.conftest import Stage


def beat(stage: Stage, session_id: str, seq: int, *segments: Any, login: str = "teacher") -> Any:
    return stage.client(login).post(
        f"/api/v1/playback-sessions/{session_id}/beats",
        json={"seq": seq, "segments": [_segment(one) for one in segments]},
    )


def _segment(one: Any) -> Any:
    return {"from": one[0], "to": one[1], "rate": 1.0} if isinstance(one, tuple) else one


def test_opening_a_session_tells_the_player_all_it_needs(stage: Stage) -> None:
    answer = stage.client("teacher").post(
        f"/api/v1/videos/{stage.video_id}/playback-sessions", json={"enrolment_id": stage.enrolment_id}
    )
    assert answer.status_code == 201
    assert set(answer.json) == {
        "id", "opened_at", "max_rate", "beat_interval_seconds", "manifest_url", "covered", "covered_seconds",
        "held", "withheld", "resume_at_seconds", "skipping_ahead", "presence_check",
    }  # fmt: skip
    assert answer.json["max_rate"] == 1.5
    assert answer.json["beat_interval_seconds"] == 30
    assert answer.json["covered"] == []
    assert answer.json["manifest_url"].endswith("/master.m3u8")
    assert answer.json["opened_at"].endswith("Z")


def test_what_was_played_is_credited_and_shows_in_the_hours(stage: Stage) -> None:
    session_id = stage.open_session()
    stage.clock.forward(30)
    answer = beat(stage, session_id, 1, (0, 29.5))
    assert answer.json == {
        "credited": [[0.0, 29.5]],
        "withheld": [],
        "held": [],
        "held_reasons": [],
        "covered_seconds": 29.5,
        "lease": "held",
        "presence_check": None,
        "film_changed": False,
    }
    hours = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/hours").json
    assert hours["components"][0]["credited_seconds"] == 29.5
    assert hours["completion"]["missing"][0]["message"] == "1.99 class hours of Films"
    ledger = stage.client("teacher").get(f"/api/v1/enrolments/{stage.enrolment_id}/ledger").json["entries"]
    assert [(entry["number"], entry["credited_seconds"], entry["source_id"]) for entry in ledger] == [
        (1, 29.5, session_id)
    ]
    assert hours["ledger_head"] == ledger[0]["hash"]


def test_claiming_the_whole_film_at_once_gains_no_more_than_the_clock_allows(stage: Stage) -> None:
    session_id = stage.open_session()
    stage.clock.forward(10)
    answer = beat(stage, session_id, 1, (0, 1200)).json
    assert answer["credited"] == [[0.0, 15.0]]
    assert answer["withheld"] == [{"from": 15.0, "to": 1200.0, "reason": "too_fast"}]


def test_a_repeated_beat_gets_the_same_answer_and_changes_nothing(stage: Stage) -> None:
    session_id = stage.open_session()
    stage.clock.forward(30)
    first = beat(stage, session_id, 1, (0, 20)).json
    stage.clock.forward(30)
    beat(stage, session_id, 2, (20, 40))
    assert beat(stage, session_id, 1, (0, 20)).json == first
    assert beat(stage, session_id, 1, (500, 900)).json == first


def test_one_bad_segment_spoils_no_good_one(stage: Stage) -> None:
    session_id = stage.open_session()
    stage.clock.forward(60)
    nonsense: list[Any] = [
        {"from": "x", "to": 3}, {"to": 3}, "text", None, 7, [], {"from": True, "to": 3}, {"from": 1e300, "to": 3},
        {"from": -5, "to": -1}, {"from": 9, "to": 4},
    ]  # fmt: skip
    answer = beat(stage, session_id, 1, *nonsense, (10, 20)).json
    assert answer["credited"] == [[10.0, 20.0]]
    assert {one["reason"] for one in answer["withheld"]} == {"malformed"}
    assert len(answer["withheld"]) == len(nonsense)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"segments": []},              "seq"),
        ({"seq": 0, "segments": []},    "seq"),
        ({"seq": "1", "segments": []},  "seq"),
        ({"seq": True, "segments": []}, "seq"),
        ({"seq": 2**60, "segments": []}, "seq"),
        ({"seq": 1},                    "segments"),
        ({"seq": 1, "segments": "all"}, "segments"),
        ({"seq": 1, "segments": [{}] * 2001}, "segments"),
        ([],                            ""),
    ],
)  # fmt: skip
def test_a_beat_without_number_or_list_is_refused_with_the_field(stage: Stage, body: Any, field: str) -> None:
    session_id = stage.open_session()
    answer = stage.client("teacher").post(f"/api/v1/playback-sessions/{session_id}/beats", json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json["faults"]] == [field]


def test_opening_a_second_session_takes_the_lease_from_the_first(stage: Stage) -> None:
    first = stage.open_session()
    stage.clock.forward(20)
    second = stage.open_session()
    late = beat(stage, first, 1, (0, 20)).json
    assert late["credited"] == [[0.0, 20.0]]
    assert late["lease"] == "lost"
    stage.clock.forward(10)
    assert beat(stage, second, 1, (20, 30)).json["lease"] == "held"


def test_resuming_goes_on_where_the_learner_stopped(stage: Stage) -> None:
    session_id = stage.open_session()
    stage.clock.forward(60)
    beat(stage, session_id, 1, (0, 42.125))
    answer = stage.client("teacher").post(
        f"/api/v1/videos/{stage.video_id}/playback-sessions", json={"enrolment_id": stage.enrolment_id}
    )
    assert answer.json["resume_at_seconds"] == 42.125
    assert answer.json["covered"] == [[0.0, 42.125]]


@pytest.mark.parametrize("login", ["mate", "stranger", "tutor", "admin"])
def test_nobody_reaches_a_session_or_enrolment_of_somebody_else(stage: Stage, login: str) -> None:
    session_id = stage.open_session()
    assert beat(stage, session_id, 1, (0, 1), login=login).status_code == 404
    opened = stage.client(login).post(
        f"/api/v1/videos/{stage.video_id}/playback-sessions", json={"enrolment_id": stage.enrolment_id}
    )
    assert opened.status_code == 404
