"""The block as a distribution of its own: built without the network, installed and run without Flask or SQLAlchemy."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from setuptools import find_packages

from tests.peers.process import PYTHON, ROOT, prepare_environment
from tests.peers.workbench.process import build_wheel, install


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepare_environment()
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_it_runs_where_nothing_but_xblock_is(wheel: Path, tmp_path: Path) -> None:
    site = install(wheel, tmp_path / "site")
    paths = f"{site}:{Path(__file__).parent}"

    done = subprocess.run(
        [str(PYTHON), "-m", "unittest", "alone"],
        env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr


def test_the_wheel_holds_the_block_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"lms_plugin_xblock"}
    assert "lms_plugin_xblock/public/student.js" in names


def test_the_service_s_own_distribution_does_not_hold_it() -> None:
    assert [name for name in find_packages(str(ROOT), include=["lms_plugin*"]) if "xblock" in name] == []
