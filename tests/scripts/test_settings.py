"""A wrong setting stops every command with one clear line that names it."""

import os
import subprocess
from pathlib import Path

import pytest

from lms_plugin.cli.main import main
from scripts.demonstration.installation import COMMAND

SOUND = {"LMS_PLUGIN_SECRET_KEY": "k" * 32}
NEEDED = {"MEDIA_KEY": {"LMS_PLUGIN_MEDIA_BASE_URL": "https://films.example.org"}}

WRONG = [
    ("SECRET_KEY", "", "must be set to at least 32 random characters"),
    ("SECRET_KEY", "k" * 31, "must be set to at least 32 random characters"),
    ("DATABASE_URL", "mysql://host/hours", "must begin with sqlite:/// or postgresql://"),
    ("DATABASE_URL", "hours", "is no database address"),
    ("BASE_URL", "hours.example.org", "must look like https://hours.example.org"),
    ("TIMEZONE", "Asia/Atlantis", "is no time zone: 'Asia/Atlantis'"),
    ("TRUSTED_PROXIES", "-1", "must be a whole number"),
    ("LMS_ALLOW_LOOPBACK", "perhaps", "must be 1 or 0"),
    ("MEDIA_BASE_URL", "https://films.example.org/films", "must look like https://films.example.org, without a path"),
    ("MEDIA_BASE_URL", "https://films.example.org; script-src *", "must look like https://films.example.org"),
    ("SMTP_URL", "mail.example.org", "must look like smtp://login:password@mail.example.org:587?starttls=1"),
    ("MAIL_FROM", "hours@example.org", "is set and LMS_PLUGIN_SMTP_URL is not"),
    ("MEDIA_KEY", "", "must be set to 32 to 128 letters, digits, - and _"),
    ("MEDIA_KEY", "$" * 40, "must be set to 32 to 128 letters, digits, - and _"),
    ("MEDIA_KEY", "k" * 32, "must not be the secret key"),
]


def run(folder: Path, settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("LMS_PLUGIN_")}
    environment = outer | {"LMS_PLUGIN_DATA_DIR": str(folder)} | settings
    return subprocess.run([str(COMMAND), *arguments], env=environment, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_a_wrong_setting_stops_the_start_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    says: str,
) -> None:
    for outer in [one for one in os.environ if one.startswith("LMS_PLUGIN_")]:
        monkeypatch.delenv(outer)
    wrong = SOUND | NEEDED.get(name, {}) | {"LMS_PLUGIN_DATA_DIR": str(tmp_path), f"LMS_PLUGIN_{name}": value}
    for setting, its_value in wrong.items():
        monkeypatch.setenv(setting, its_value)
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith(f"lms-plugin: LMS_PLUGIN_{name} ")
    assert says in lines[0]


@pytest.mark.parametrize("arguments", [("worker",), ("hours", "audit"), ("db", "upgrade")])
def test_every_command_that_needs_settings_refuses_without_a_secret(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, {}, *arguments)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "LMS_PLUGIN_SECRET_KEY" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_was_never_migrated_is_said_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, SOUND, "serve")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: the database's schema is not current: run `lms-plugin db upgrade` first"
    ]
