"""The main job with the real server, worker, films and LMS: from signing in to what the LMS and the office hold."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from scripts.demonstration import lms_peer
from scripts.demonstration.client import Person, Sitting, Unexpected
from scripts.demonstration.installation import Installation
from tests.journeys.conftest import Begin
from tests.journeys.course import KEY, PASSWORD, PROGRAMME_BLOCK, write_course
from tests.peers.process import OpenEdxPeer

FILMS = {"counting": 5, "measuring": 6}
POSTS = (
    "今天用校门口的石子数数，学生先猜再数，有两个孩子发现十个一堆最好数，我打算明天换成豆子再试一次。",
    "量操场时绳子不够长，他们想到先量一步有多长，再数一共走了多少步，误差比我想的小，很有意思。",
)


def test_a_teacher_earns_hours_that_the_lms_and_the_office_end_up_with(
    installation: Installation, begin: Begin, openedx_peer: OpenEdxPeer, tmp_path: Path
) -> None:
    course = write_course(tmp_path, FILMS, required_seconds=9, required_posts=2)
    begin(course, ["wang.li", "ma.jun"])
    installation.start_worker()
    with Person(installation.base_url, "wang.li", PASSWORD) as teacher:
        enrolment = teacher.get("/api/v1/me/enrolments")[0]
        first, second = enrolment["modules"]
        assert [one["video"]["duration_seconds"] for one in (first, second)] == [5.0, 6.0]
        assert _missing(teacher, enrolment) == ["video_hours", "posts"]

        sitting = Sitting(teacher, first["video"]["id"], enrolment["id"])
        forged = sitting.beat((0.0, 5.0))
        assert {one["reason"] for one in forged["withheld"]} == {"too_fast"}
        assert sitting.repeat() == forged
        watched = sitting.play(0.0, 5.0, every_seconds=1.0)
        assert (watched.covered, watched.withheld) == (5.0, 0)
        assert watched.fetched_bytes > 10_000
        assert sitting.playlist_seconds == pytest.approx(5.0, abs=0.001)

        taking_over = Sitting(teacher, second["video"]["id"], enrolment["id"])
        assert sitting.beat()["lease"] == "lost"
        assert taking_over.play(0.0, 4.0, every_seconds=1.0).covered == 4.0
        assert _hours(teacher, enrolment)["components"][0]["credited_seconds"] == 9.0
        assert _missing(teacher, enrolment) == ["posts"]

        module = f"/api/v1/modules/{second['id']}"
        thread = teacher.post(f"{module}/threads", {"title": "数石子", "body": POSTS[0]}, status=201)
        assert thread["counts"]
        replies = f"/api/v1/threads/{thread['thread_id']}/posts"
        for body, reason in (("好！", "too_short"), (POSTS[0], "repeats_own_post"), (POSTS[1], "counts")):
            answer = teacher.post(replies, {"body": body}, status=201)
            assert answer["reason"] == reason
        hours = _hours(teacher, enrolment)
        assert hours["completion"] == {"complete": True, "ratio": 1.0, "missing": []}
        assert hours["total"]["credited_seconds"] == 9 + 2 * 60
        entries = teacher.get(f"/api/v1/enrolments/{enrolment['id']}/ledger")["entries"]
        assert sum(entry["credited_seconds"] for entry in entries) == 9 + 2 * 60
        assert entries[-1]["hash"] == hours["ledger_head"]

    with Person(installation.base_url, "tutor", PASSWORD) as tutor:
        assert [one["title"] for one in tutor.get(f"{module}/threads")["threads"]] == ["数石子"]
        answer = tutor.post(replies, {"body": POSTS[1], "reply_to": thread["id"]}, status=201)
        assert (answer["counts"], answer["reason"]) == (False, "not_a_learner")

    with Person(installation.base_url, "ma.jun", PASSWORD) as colleague:
        with pytest.raises(Unexpected, match=": 404 "):
            colleague.get(f"/api/v1/enrolments/{enrolment['id']}/hours")
        with pytest.raises(Unexpected, match=": 403 "):
            colleague.get("/api/v1/reports/completions")

    blocks = course.blocks
    expected = {blocks["counting"]: 1.0, blocks["measuring"]: 0.6666, PROGRAMME_BLOCK: 1.0}
    assert lms_peer.wait_for(openedx_peer, "wang.li", expected) == expected
    with Person(installation.base_url, "office", PASSWORD) as office:
        assert {one["state"] for one in office.get("/api/v1/lms/deliveries")["deliveries"]} == {"acknowledged"}
        text = office.text("/api/v1/reports/completions", programme=KEY, group_by="learner", format="csv")
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert len(rows) == 2
    assert "2 learners' hours agree" in installation.command("hours", "audit")


def _hours(teacher: Person, enrolment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = teacher.get(f"/api/v1/enrolments/{enrolment['id']}/hours")
    return found


def _missing(teacher: Person, enrolment: dict[str, Any]) -> list[str]:
    return [one["code"] for one in _hours(teacher, enrolment)["completion"]["missing"]]
