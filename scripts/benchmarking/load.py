"""Closed-loop load: 64 learners, each on a kept connection, each sending its next beat when the last was answered."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demonstration.installation import CommandFailed

CONNECTIONS = 64
SCRIPT = Path(__file__).with_name("beats.lua")
_PATIENCE_SECONDS = 60


@dataclass(slots=True)
class Player:
    """One learner's side of the conversation, carried from round to round.

    `kind` is what it sends: "beat", or "completion" with `fixed`, the part of the body that never changes.
    `position` is the media time played so far. A beat claims what was played since, at the film's own speed, since the
    session was opened at `opened_at` (POSIX time); where `step_seconds` is given, so much film. A beat claims it in
    `segments` equal parts.
    """

    path: str
    opened_at: float
    headers: tuple[str, ...] = ()
    kind: str = "beat"
    fixed: str = ""
    seq: int = 1
    position: float = 0.0
    segments: int = 1
    step_seconds: float = 0.0

    def as_line(self) -> str:
        headers = "".join(f"{header}|" for header in self.headers)
        numbers = (self.seq, f"{self.position:.3f}", f"{self.opened_at:.6f}")
        return "\t".join(
            (self.path, headers, self.kind, *map(str, numbers), self.fixed, str(self.segments), str(self.step_seconds))
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and what came back; positions in whole milliseconds of film, instants in POSIX seconds."""

    seq: int
    from_ms: int
    to_ms: int
    status: int
    sent_at: float
    done_at: float
    body: str


@dataclass(frozen=True, slots=True)
class Round:
    """One round: the answers of each player in order, and requests whose answers never came."""

    answers: Sequence[Sequence[Answered]]
    lost: int
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second, over the time in which every player was sending."""
        began = min(one[0].sent_at for one in self.answers)
        ends = began + self.seconds
        return sum(answer.done_at <= ends for one in self.answers for answer in one) / self.seconds

    def milliseconds(self) -> Iterator[float]:
        for one in self.answers:
            for answer in one:
                yield (answer.done_at - answer.sent_at) * 1000


def require_wrk() -> str:
    """Where wrk is.

    Raises:
        CommandFailed: it is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise CommandFailed("the benchmark sends its load with wrk (Debian and Ubuntu: apt-get install wrk)")
    return program


def send(players: Sequence[Player], port: int, seconds: float) -> Round:
    """Let every player send as fast as it is answered; each gets the answer to its last request.

    Raises:
        CommandFailed: wrk is missing or failed, or answers stopped coming.
    """
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name:
        folder = Path(name)
        plan = folder / "plan"
        plan.write_text("".join(player.as_line() + "\n" for player in players))
        count = len(players)
        process = subprocess.Popen(
            [
                *(require_wrk(), "--threads", str(count), "--connections", str(count), "--script", str(SCRIPT)),
                *("--duration", f"{int(seconds) + _PATIENCE_SECONDS}s", "--timeout", f"{_PATIENCE_SECONDS}s"),
                *(f"http://127.0.0.1:{port}", "--", str(plan), str(seconds), str(folder)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        outputs = [folder / str(number) for number in range(count)]
        ends_at = time.monotonic() + seconds + _PATIENCE_SECONDS / 2
        time.sleep(seconds)
        while process.poll() is None and time.monotonic() < ends_at and not all(one.exists() for one in outputs):
            time.sleep(0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
        if not all(one.exists() for one in outputs):
            raise CommandFailed(f"answers stopped coming, or wrk failed:\n{said[-2000:]}")
        found = [read_answers(output) for output in outputs]
    for player, (answers, _) in zip(players, found, strict=True):
        player.seq = answers[-1].seq + 1
        player.position = answers[-1].to_ms / 1000
    return Round([answers for answers, _ in found], sum(lost for _, lost in found), seconds)


def read_answers(output: Path) -> tuple[list[Answered], int]:
    """What one thread of wrk wrote: the answers in order, and the number of requests that were never answered."""
    first, *lines = output.read_text().splitlines()
    answers = []
    for line in lines:
        seq, start, end, status, sent_at, done_at, body = line.split("\t", 6)
        answers.append(Answered(int(seq), _ms(start), _ms(end), int(status), float(sent_at), float(done_at), body))
    return answers, int(first.split("\t")[1])


def _ms(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 1000 + int(fraction)
