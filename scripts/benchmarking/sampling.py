"""The real application with a sampler beside it, for a server of the benchmark's own: where does a beat's time go?

A thread looks at what every other thread is doing some hundred times a second. GET /profile gives what was seen since
the last GET /profile, as JSON.
"""

import json
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from apiflask import APIFlask
from sqlalchemy import Connection, Engine, event

from lms_plugin import app as product

PAUSE_SECONDS = 0.004
OURS = str(Path(product.__file__).parent) + "/"
_DRIVER = "/psycopg/"
# Where SQLAlchemy calls a driver that is all C, as SQLite's is.
_CALLS_THE_STORE = {"do_execute", "do_executemany", "do_execute_no_params", "do_commit", "do_begin", "do_rollback"}
_LOCKS = ("threading.py", "queue.py")


class Sampler:
    """Counts stacks: (deepest function of ours, what it was doing there) -> samples; and statements by text."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._reset()
        threading.Thread(target=self._watch, name="sampler", daemon=True).start()
        event.listen(Engine, "before_cursor_execute", self._begin_statement)
        event.listen(Engine, "after_cursor_execute", self._end_statement)

    def report(self) -> dict[str, Any]:
        """What was seen since the last report."""
        with self._guard:
            seen = {
                "rounds": self._rounds,
                "seconds": time.monotonic() - self._since,
                "stacks": [[where, doing, count] for (where, doing), count in self._stacks.most_common()],
                "within": self._within.most_common(),
                "statements": [[text, count, self._spans[text]] for text, count in self._statements.most_common()],
                "threads": dict(self._threads()),
            }
            self._reset()
        return seen

    def _reset(self) -> None:
        self._since, self._rounds = time.monotonic(), 0
        self._stacks: Counter[tuple[str, str]] = Counter()
        self._within: Counter[str] = Counter()
        self._statements: Counter[str] = Counter()
        self._spans: defaultdict[str, float] = defaultdict(float)

    def _watch(self) -> None:
        own = threading.get_ident()
        while True:
            time.sleep(PAUSE_SECONDS)
            frames = sys._current_frames()
            with self._guard:
                self._rounds += 1
                for thread, frame in frames.items():
                    if thread != own:
                        self._count(frame)

    def _count(self, frame: FrameType) -> None:
        stack = list(_outwards(frame))
        of_ours = [one for one in stack if one.f_code.co_filename.startswith(OURS)]
        if not of_ours:
            return
        deepest = of_ours[0]
        below = stack[: stack.index(deepest)]
        self._stacks[_name(deepest), _doing(below)] += 1
        self._within.update({_name(one) for one in of_ours})

    def _begin_statement(self, connection: Connection, *_: object) -> None:
        connection.info["began"] = time.perf_counter()

    def _end_statement(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        span = time.perf_counter() - connection.info["began"]
        with self._guard:
            self._statements[statement] += 1
            self._spans[statement] += span

    def _threads(self) -> Iterator[tuple[str, float]]:
        """Processor seconds of each thread of this process since it started."""
        named = {one.native_id: one.name for one in threading.enumerate()}
        for task in Path("/proc/self/task").iterdir():
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            name = named.get(int(task.name)) or (task / "comm").read_text().strip()
            yield f"{name} ({task.name})", (int(fields[11]) + int(fields[12])) / 100


def application() -> APIFlask:
    """The product's application behind a front that also answers GET /profile."""
    app, sampler = product.application(), Sampler()
    product.put_in_front(app, lambda behind: partial(_answer, sampler, behind))
    return app


def _answer(
    sampler: Sampler,
    behind: Callable[..., Iterable[bytes]],
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/profile":
        return behind(environ, start_response)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(sampler.report()).encode()]


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _name(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename.removeprefix(OURS)}:{frame.f_code.co_name}"


def _doing(below: list[FrameType]) -> str:
    """What the deepest function of ours was doing, from the frames below it, innermost first."""
    if not below:
        return "python"
    innermost = below[0].f_code
    in_driver = [one.f_code.co_name for one in below if _DRIVER in one.f_code.co_filename]
    if in_driver and innermost.co_name == "wait":
        return f"store: {in_driver[-1]}"
    if innermost.co_name in _CALLS_THE_STORE:
        return f"store: {innermost.co_name.removeprefix('do_')}"
    return "waiting" if innermost.co_filename.endswith(_LOCKS) else "python"
