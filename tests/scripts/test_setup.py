import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.scripts.loading import ROOT, load


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on a project of its own, with locks and without environments."""
    module = load("setup")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    for _, lock, _ in module.ENVIRONMENTS.values():
        (tmp_path / "requirements" / lock).write_text("")
    (tmp_path / "setup.cfg").write_text("[metadata]\n")
    return module


def make_environment(setup: ModuleType, name: str) -> None:
    folder, lock, _ = setup.ENVIRONMENTS[name]
    python = setup.ROOT / folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    (setup.ROOT / folder / f".stamp-{lock}").write_text(setup.stamp_of(setup.ROOT / "requirements" / lock))


def test_an_unknown_environment_is_refused_with_the_names_of_those_there_are() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "setup"), "prod"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["unknown environment 'prod': choose from run, dev, peer, bench"]


def test_an_environment_is_stale_when_its_lock_or_the_metadata_change(setup: ModuleType) -> None:
    assert not setup.is_current("dev")
    for changed in ("requirements/dev.txt", "setup.cfg"):
        make_environment(setup, "dev")
        assert setup.is_current("dev")
        (setup.ROOT / changed).write_text("something else")
        assert not setup.is_current("dev")


def test_the_demo_is_content_with_the_developers_environment(
    setup: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    make_environment(setup, "dev")
    before = sorted(setup.ROOT.rglob("*"))
    setup.prepare("run")
    assert sorted(setup.ROOT.rglob("*")) == before
    assert capsys.readouterr().err == ""


def test_a_failed_installation_leaves_no_stamp_and_says_which_environment(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make_environment(setup, "peer")
    python = setup.ROOT / ".venv-peer" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    python.chmod(0o755)
    (setup.ROOT / ".venv-peer" / ".stamp-peer.txt").unlink()
    monkeypatch.setattr(sys, "argv", ["setup", "peer"])
    assert setup.main() == 1
    assert not setup.is_current("peer")
    assert capfd.readouterr().err.splitlines()[-1].startswith("setting up peer failed: ")
