"""`kill -9` in the middle of a run: nothing that was answered is lost, nothing counts twice, the LMS ends up right."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import pytest

from lms_plugin.simulation import behaviour
from scripts.demonstration import lms_peer
from scripts.demonstration.client import Person
from scripts.demonstration.installation import Installation
from tests.journeys.conftest import Begin
from tests.journeys.course import PASSWORD, PROGRAMME_BLOCK, write_course
from tests.journeys.persistent import PersistentLearner
from tests.peers.process import OpenEdxPeer
from tests.stores import ON_POSTGRESQL

LEARNERS = ("wang.li", "ma.jun", "li.fang")
FILM_SECONDS = 60
ANSWERS_BETWEEN_KILLS = 60


@contextmanager
def at_work(learners: list[PersistentLearner]) -> Iterator[None]:
    for one in learners:
        one.start()
    try:
        yield
    finally:
        for one in learners:
            one.stop()


def start_worker(installation: Installation) -> None:
    installation.start("worker", "worker", "--lease-seconds", "8")


def wait_for_answers(answered: threading.Semaphore, count: int) -> None:
    for _ in range(count):
        assert answered.acquire(timeout=30), "the learners get no answers any more"


@pytest.fixture
def peer(openedx_peer: OpenEdxPeer) -> OpenEdxPeer:
    return openedx_peer


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_killed_server_loses_nothing_it_answered_and_counts_nothing_twice(
    installation: Installation, begin: Begin, peer: OpenEdxPeer, tmp_path: Path, closing: ExitStack
) -> None:
    course = write_course(tmp_path, {"counting": FILM_SECONDS}, required_seconds=50, required_posts=400)
    begin(course, LEARNERS)
    start_worker(installation)
    answered = threading.Semaphore(0)
    learners = [PersistentLearner(installation.base_url, login, PASSWORD, answered) for login in LEARNERS]
    for one in learners:
        closing.callback(one.person.close)
    with at_work(learners):
        for name in ("server", "worker", "server"):
            wait_for_answers(answered, ANSWERS_BETWEEN_KILLS)
            installation.kill(name)
            if name == "server":
                installation.start_server()
            else:
                start_worker(installation)
        wait_for_answers(answered, ANSWERS_BETWEEN_KILLS)

    assert sum(one.repeats for one in learners) > 0, "no request met a dead server: this test has shown nothing"
    for one in learners:
        hours = one.person.get(f"/api/v1/enrolments/{one.enrolment['id']}/hours")
        video, discussion = hours["components"]
        credited = sum(end - start for answer in one.answers for start, end in answer["credited"])
        assert all(answer["withheld"] == [] for answer in one.answers)
        assert video["credited_seconds"] == pytest.approx(credited, abs=0.0005)
        assert video["credited_seconds"] == one.answers[-1]["covered_seconds"]
        stored = stored_posts(one)
        assert set(one.posts) <= stored
        assert len(stored) <= len(one.posts) + one.unanswered_posts
        assert discussion["credited_seconds"] == 60 * len(stored)
        expected = {
            course.blocks["counting"]: reported(one.answers[-1]["covered_seconds"], FILM_SECONDS),
            PROGRAMME_BLOCK: hours["completion"]["ratio"],
        }
        assert lms_peer.wait_for(peer, one.login, expected) == expected
    assert f"{len(LEARNERS)} learners' hours agree" in installation.command("hours", "audit")


@ON_POSTGRESQL
def test_a_worker_killed_while_the_lms_answers_leaves_its_reports_to_the_next_one(
    installation: Installation, begin: Begin, peer: OpenEdxPeer, tmp_path: Path
) -> None:
    course = write_course(tmp_path, {"counting": 5}, required_seconds=5, required_posts=1)
    begin(course, LEARNERS)
    expected: dict[str, dict[str, float]] = {}
    for login in LEARNERS:
        with Person(installation.base_url, login, PASSWORD) as learner:
            module = learner.get("/api/v1/me/enrolments")[0]["modules"][0]["id"]
            body = behaviour.post(random.Random(login), 40)
            assert learner.post(f"/api/v1/modules/{module}/threads", {"title": "数石子", "body": body}, status=201)[
                "counts"
            ]
            enrolment = learner.get("/api/v1/me/enrolments")[0]
            expected[login] = {PROGRAMME_BLOCK: enrolment["completion_ratio"]}
    completion = "/api/completion/"
    # Stored by the LMS, and the worker never learns it: one answer is lost, the other comes too late.
    peer.faults(
        {"kind": "lose_answer", "path": completion}, {"kind": "slow", "path": completion, "seconds": 30, "times": 3}
    )
    start_worker(installation)
    assert lms_peer.wait_until(lambda: len(reports_begun(peer, completion)) >= 2)
    installation.kill("worker")
    peer.faults()
    start_worker(installation)
    for login, wanted in expected.items():
        assert lms_peer.wait_for(peer, login, wanted) == wanted
    with Person(installation.base_url, "office", PASSWORD) as office:
        assert lms_peer.wait_until(lambda: states(office) == {"acknowledged"})
    assert all(0 < ratio < 1 for wanted in expected.values() for ratio in wanted.values())


def reports_begun(peer: OpenEdxPeer, path: str) -> list[str]:
    return [one["path"] for one in peer.state()["requests"] if one["path"].startswith(path)]


def states(office: Person) -> set[str]:
    return {one["state"] for one in office.get("/api/v1/lms/deliveries")["deliveries"]}


def stored_posts(learner: PersistentLearner) -> set[int]:
    """Ids of the learner's counting posts as the API lists them."""
    found: set[int] = set()
    path = f"/api/v1/modules/{learner.module['id']}/threads"
    query = {"limit": "200"}
    while True:
        page = learner.person.get(path, **query)
        for thread in page["threads"]:
            for post in learner.person.get(f"/api/v1/threads/{thread['id']}/posts")["posts"]:
                if post["judgement"] is not None and post["judgement"]["counts"]:
                    found.add(post["id"])
        if page["next_before"] is None:
            return found
        query["before"] = str(page["next_before"])


def reported(covered: float, duration: float) -> float:
    share = Decimal(str(covered)) / Decimal(duration)
    return 1.0 if share >= Decimal("0.98") else float(share.quantize(Decimal("0.0001"), rounding=ROUND_DOWN))
