"""The commands, run in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lms_plugin.cli import main as console

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `lms-plugin ARGUMENTS`; gives the exit status and what went to both streams."""
    settings = {
        "SECRET_KEY": "k" * 40,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "LMS_SECRET": "a client secret",
        "LMS_ALLOW_LOOPBACK": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"LMS_PLUGIN_{name}", value)

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr("sys.argv", ["lms-plugin", *map(str, arguments)])
        try:
            console.main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        out, err = capfd.readouterr()
        return status, out, err

    return call
