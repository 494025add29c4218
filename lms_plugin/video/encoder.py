"""The ffmpeg program: found, run, watched and stopped."""

import contextlib
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from lms_plugin.domain.errors import Refusal, Unavailable

Progress = Callable[[float], None]
_LAST_LINES = 8


class EncoderMissing(Unavailable):
    """There is no ffmpeg program here; `package` is the Debian package that brings one."""

    code = "encoder_missing"

    def __init__(self) -> None:
        super().__init__(package="ffmpeg", why="no ffmpeg in PATH and none in the imageio-ffmpeg package")


class EncodeFailed(Refusal):
    """ffmpeg gave up or took too long; `why` holds the last lines it wrote."""

    code = "encode_failed"


def find_ffmpeg() -> str:
    """The ffmpeg program to run: the one in PATH, else the one the imageio-ffmpeg wheel carries."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        found = shutil.which(str(imageio_ffmpeg.get_ffmpeg_exe()))
    except RuntimeError as error:
        raise EncoderMissing from error
    if found is None:
        raise EncoderMissing
    return found


def run(
    command: Sequence[str],
    folder: Path,
    *,
    duration_ms: int,
    limit_seconds: float,
    on_progress: Progress,
    hold: IO[bytes] | None = None,
) -> None:
    """Run ffmpeg in `folder`, telling the share done (0..1) as it goes; it never outlives this call.

    `hold` is a file the child keeps open as well: a lock on it lasts as long as either of us lives. Raises
    EncodeFailed when ffmpeg fails or has not ended after `limit_seconds`.
    """
    with tempfile.TemporaryFile() as complaints, contextlib.ExitStack() as cleanup:
        process = subprocess.Popen(  # noqa: S603 - the program is ours, the arguments are a list, no shell
            [*command, "-nostdin", "-v", "error", "-progress", "pipe:1", "-nostats"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=[hold.fileno()] if hold else [],
            text=True,
        )
        cleanup.callback(_end, process)
        overdue = threading.Event()

        def stop() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(limit_seconds, stop)
        timer.start()
        cleanup.callback(timer.cancel)
        for done_ms in _read_progress(process):
            on_progress(min(done_ms / duration_ms, 1.0))
        status = process.wait()
        if status:
            complaints.seek(0)
            last = deque(complaints.read().decode(errors="replace").splitlines(), maxlen=_LAST_LINES)
            why = f"not done after {limit_seconds:.0f} seconds" if overdue.is_set() else "\n".join(last)
            raise EncodeFailed(status=status, why=why)


def _read_progress(process: subprocess.Popen[str]) -> Iterator[float]:
    for line in process.stdout or ():
        name, _, value = line.strip().partition("=")
        # ffmpeg writes "N/A" until the first frame is out.
        if name == "out_time_us" and value.lstrip("-").isdigit():
            yield max(int(value), 0) / 1000


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
