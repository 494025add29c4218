"""Learners who go on while servers die: each repeats what was not answered, and keeps a record of every answer."""

import contextlib
import itertools
import random
import threading
import time
from typing import Any

import httpx

from scripts.demonstration.client import Person, Sitting, Unexpected

RETRY_SECONDS = 0.05
BEATS_PER_POST = 6


class PersistentLearner(threading.Thread):
    """Watches at 1.5x in small beats and writes a post now and then, until told to stop.

    A beat is repeated until it is answered. A post that was not answered may or may not be stored; its writer
    can't know and writes another one.
    """

    def __init__(self, base_url: str, login: str, password: str, answered: threading.Semaphore) -> None:
        super().__init__(name=login, daemon=True)
        self.login = login
        self.person = Person(base_url, login, password)
        self.enrolment = self.person.get("/api/v1/me/enrolments")[0]
        self.module = self.enrolment["modules"][0]
        self.answers: list[dict[str, Any]] = []
        self.posts: list[int] = []
        self.unanswered_posts = 0
        self.repeats = 0
        self.failure: Exception | None = None
        self._answered = answered
        self._stop_asked = threading.Event()
        self._sitting = Sitting(self.person, self.module["video"]["id"], self.enrolment["id"])
        self._began = time.monotonic()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(60)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure

    def run(self) -> None:
        try:
            self._go_on()
        except Unexpected as fault:
            self.failure = fault

    def _go_on(self) -> None:
        at = 0.0
        length = self.module["video"]["duration_seconds"]
        for number in itertools.count(1):
            position = min(length, round(1.5 * (time.monotonic() - self._began), 3))
            self._beat(at, position)
            at = position
            if number % BEATS_PER_POST == 0:
                self._post(number)
            self._answered.release()
            if self._stop_asked.wait(RETRY_SECONDS):
                return

    def _beat(self, at: float, position: float) -> None:
        stretches = [(at, position)] if position > at else []
        answer = None
        with contextlib.suppress(httpx.TransportError):
            answer = self._sitting.beat(*stretches)
        while answer is None:
            self.repeats += 1
            self._stop_asked.wait(RETRY_SECONDS)
            with contextlib.suppress(httpx.TransportError):
                answer = self._sitting.repeat()
        self.answers.append(answer)

    def _post(self, number: int) -> None:
        # Two posts of one learner must have next to nothing in common, or the later one would not count.
        draw = random.Random(f"{self.login} {number}")
        body = "".join(chr(draw.randrange(0x4E00, 0x9FA5)) for _ in range(60))
        path = f"/api/v1/modules/{self.module['id']}/threads"
        try:
            answer = self.person.post(path, {"title": f"{number}", "body": body}, status=201)
        except httpx.TransportError:
            self.unanswered_posts += 1
        else:
            self.posts.append(answer["id"])
