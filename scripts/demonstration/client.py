"""The public API as a person's own program uses it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urljoin

import httpx


class Unexpected(Exception):
    """An answer with another status than the one expected; the text has the request and the answer."""


class Person:
    """Somebody signed in with a token of their own."""

    def __init__(self, base_url: str, login: str, password: str) -> None:
        self._http = httpx.Client(base_url=base_url, trust_env=False, timeout=30)
        try:
            self.token: str = self.post("/api/v1/tokens", {"login": login, "password": password}, status=201)["token"]
        except (Unexpected, httpx.HTTPError):
            self.close()
            raise
        self._http.headers["Authorization"] = f"Bearer {self.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> Any:
        return self._answer(self._http.get(path, params=query), 200).json()

    def text(self, path: str, **query: str) -> str:
        return self._answer(self._http.get(path, params=query), 200).text

    def fetch(self, path: str) -> bytes:
        return self._answer(self._http.get(path), 200).content

    def post(self, path: str, body: object, *, status: int = 200) -> Any:
        return self._answer(self._http.post(path, json=body), status).json()

    def _answer(self, response: httpx.Response, status: int) -> httpx.Response:
        if response.status_code != status:
            asked = f"{response.request.method} {response.request.url.path}"
            raise Unexpected(f"{asked}: {response.status_code} instead of {status}: {response.text[:400]}")
        return response


@dataclass(frozen=True, slots=True)
class Check:
    """A presence check that was put: the question, the answer that was given, and whether it was right."""

    question: str
    answer: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of one sitting: times in seconds of film, `took_seconds` in the person's time."""

    beats: int
    claimed: float
    credited: float
    withheld: float
    held: float
    covered: float
    took_seconds: float
    fetched_bytes: int
    checks: tuple["Check", ...] = ()


class Sitting:
    """A playback session that is really played: segments are fetched when they are due, and beats tell what was.

    `pause` waits the given seconds; the film's position follows the monotonic clock. `choose` is what the person knows:
    the place of the right choice, given a question and its choices.
    """

    def __init__(
        self,
        person: Person,
        video_id: int,
        enrolment_id: int,
        *,
        rate: float = 1.5,
        pause: Callable[[float], None] = time.sleep,
        choose: Callable[[str, list[str]], int] = lambda _question, _choices: 0,
    ) -> None:
        self._person = person
        self._choose = choose
        self._pause = pause
        self._rate = rate
        opened = person.post(f"/api/v1/videos/{video_id}/playback-sessions", {"enrolment_id": enrolment_id}, status=201)
        self.opened: dict[str, Any] = opened
        self.id: str = opened["id"]
        self.seq = 0
        self.last_body: dict[str, Any] = {}
        self.fetched_bytes = 0
        self._segments = self._read_playlists(opened["manifest_url"])

    @property
    def playlist_seconds(self) -> float:
        """How long the film is by its playlist."""
        return sum(seconds for seconds, _ in self._segments)

    def beat(self, *stretches: tuple[float, float]) -> Any:
        """Report stretches of film as played; a new beat."""
        self.seq += 1
        segments = [{"from": start, "to": end, "rate": self._rate} for start, end in stretches]
        self.last_body = {"seq": self.seq, "segments": segments}
        return self.repeat()

    def repeat(self) -> Any:
        """Send the last beat once more, as a player does that never got its answer."""
        return self._person.post(f"/api/v1/playback-sessions/{self.id}/beats", self.last_body)

    def play(self, start: float, end: float, *, every_seconds: float = 10.0) -> Watched:
        """Play [start, end) from now on and report it every so many seconds of the person's time."""
        began = time.monotonic()
        at, beats, credited, withheld, held, covered = start, 0, 0.0, 0.0, 0.0, 0.0
        checks = [self.answer(self.opened["presence_check"])] if self.opened["presence_check"] and not self.seq else []
        due = self._due(start, end)
        while at < end:
            position = min(end, at + every_seconds * self._rate)
            while due and due[0][0] < position:
                self._fetch(due.pop(0)[1])
            self._pause(max(0.0, began + (position - start) / self._rate - time.monotonic()))
            answer = self.beat((at, position))
            credited += sum(stop - first for first, stop in answer["credited"])
            withheld += sum(one["to"] - one["from"] for one in answer["withheld"])
            held += sum(stop - first for first, stop in answer["held"])
            covered = answer["covered_seconds"]
            if answer["presence_check"] is not None:
                checks.append(self.answer(answer["presence_check"]))
            at = position
            beats += 1
        took_seconds = time.monotonic() - began
        return Watched(
            beats, end - start, credited, withheld, held, covered, took_seconds, self.fetched_bytes, tuple(checks)
        )

    def answer(self, check: dict[str, Any]) -> Check:
        """Answer a presence check by what the person knows."""
        choice = self._choose(check["question"], check["choices"])
        path = f"/api/v1/playback-sessions/{self.id}/presence-checks/{check['id']}"
        told = self._person.post(path, {"answer": choice})
        return Check(check["question"], check["choices"][choice], told["passed"])

    def _due(self, start: float, end: float) -> list[tuple[float, str]]:
        """The segments that [start, end) needs, each with its own start."""
        found, at = [], 0.0
        for seconds, address in self._segments:
            if at + seconds > start and at < end:
                found.append((at, address))
            at += seconds
        return found

    def _fetch(self, address: str) -> bytes:
        content = self._person.fetch(address)
        self.fetched_bytes += len(content)
        return content

    def _read_playlists(self, manifest_url: str) -> list[tuple[float, str]]:
        """The segments of the first rendition: (seconds, address)."""
        master = self._fetch(manifest_url).decode()
        playlist_url = urljoin(manifest_url, next(line for line in master.splitlines() if line and line[0] != "#"))
        segments: list[tuple[float, str]] = []
        seconds = 0.0
        for line in self._fetch(playlist_url).decode().splitlines():
            if line.startswith("#EXTINF:"):
                seconds = float(line.removeprefix("#EXTINF:").split(",")[0])
            elif line and not line.startswith("#"):
                segments.append((seconds, urljoin(playlist_url, line)))
        return segments
