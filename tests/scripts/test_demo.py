import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.demonstration.installation import Installation, kept_secret
from tests.scripts.loading import ROOT


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", str(ROOT / "scripts" / "demo"), *arguments], capture_output=True, text=True
    )


def test_a_busy_port_is_said_in_one_line_before_anything_is_set_up() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo("--port", str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"demo: port {port} of 127.0.0.1 is in use; choose another with --port N"]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_what_is_no_port_is_refused(port: str) -> None:
    done = demo(f"--port={port}")
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_help_needs_nothing_but_python() -> None:
    done = demo("--help")
    assert done.returncode == 0
    assert "--once" in done.stdout


def test_the_secret_is_drawn_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    secret = kept_secret(path)
    assert len(secret) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept_secret(path) == secret


def test_settings_of_the_surroundings_stay_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMS_PLUGIN_DATABASE_URL", "postgresql://elsewhere/hours")
    monkeypatch.setenv("LMS_PLUGIN_TRUSTED_PROXIES", "3")
    installation = Installation(tmp_path / "data", 8123, settings={"LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1"})
    own = {name: value for name, value in installation.environment.items() if name.startswith("LMS_PLUGIN_")}
    assert own == {
        "LMS_PLUGIN_DATA_DIR": str(tmp_path / "data"),
        "LMS_PLUGIN_SECRET_KEY": (tmp_path / "data" / "secret-key").read_text(),
        "LMS_PLUGIN_BASE_URL": "http://127.0.0.1:8123",
        "LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1",
    }
