"""Builds the block's wheel as an Open edX server would get it, and runs it in the real workbench of xblock-sdk."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers.process import PYTHON, ROOT, START_SECONDS

SERVE = ROOT / "tests" / "peers" / "workbench" / "serve.py"
SOURCE = ROOT / "lms_plugin" / "adapters" / "openedx" / "xblock"
_PUBLISHED = re.compile(r"XBlock event (\w+) for lms_plugin \(usage_id=([^)]+)\):\n(\{.*\})")


def build_wheel(folder: Path) -> Path:
    """The wheel of the block, built by the test platform's Python, without the network."""
    copy = folder / "source"
    shutil.copytree(SOURCE, copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    _run("-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(copy))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """The wheel in an empty folder, for PYTHONPATH."""
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    _run("-m", "pip", "install", *options, "--target", str(folder), str(wheel))
    return folder


def _run(*arguments: str) -> None:
    done = subprocess.run([str(PYTHON), *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")


@dataclass(frozen=True, slots=True)
class Published:
    """One event that the block published: `completion` or `grade`."""

    kind: str
    data: dict[str, Any]


class Workbench:
    """One workbench process with its own folder; a context manager. `site` is where the block is installed.

    Its address is known before it runs, so that the service can be told of it.
    """

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.base_url = f"http://127.0.0.1:{self._port}"
        self.settings: dict[str, object] = {}
        self._site = site
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "EXCLUDE_SAMPLE_XBLOCKS": "yes",
            "WORKBENCH_XBLOCK_SETTINGS": json.dumps({"lms_plugin": self.settings}),
        }
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(PYTHON), str(SERVE), str(self.folder), str(self._port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=environment,
            )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            said = self.log_path.read_text()[-3000:]
            self.close()
            raise RuntimeError(f"the workbench did not start:\n{said}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    def published(self) -> list[Published]:
        """What the block published so far, as the workbench logged it, in order."""
        # Python's own notation of a dict of numbers is JSON but for the quotes.
        return [
            Published(kind, json.loads(data.replace("'", '"')))
            for kind, _, data in _PUBLISHED.findall(self.log_path.read_text())
        ]

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
