"""Folders that are whole or not there: made under a lock and a working name, renamed when done."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def lock(root: Path, name: str) -> Iterator[IO[bytes]]:
    """Hold `name` under `root` against everyone else; the system frees it even from a process that was killed."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / f".{name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


@contextlib.contextmanager
def whole_folder(root: Path, name: str) -> Iterator[Path]:
    """An empty working folder that becomes `root/name` when the block ends well, and goes away when it does not.

    To be used under `lock(root, name)`: what a killed process left behind is cleared away first.
    """
    partial = root / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        for path in [*partial.rglob("*"), partial]:
            _sync(path)
        partial.rename(root / name)
        _sync(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
