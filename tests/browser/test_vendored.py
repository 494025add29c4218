"""The table of vendored files is the truth about the folder, in both directions."""

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "lms_plugin" / "web" / "static" / "vendor"
ROW = re.compile(r"^\| `(?P<file>[^`]+)` \|.*\| `(?P<digest>[0-9a-f]{64})` \|", re.MULTILINE)


def test_every_vendored_file_is_listed_with_its_digest() -> None:
    listed = {row["file"]: row["digest"] for row in ROW.finditer((ROOT / "docs" / "vendored.md").read_text())}
    there = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file()
    }
    assert listed == there


def test_every_vendored_folder_carries_a_licence() -> None:
    folders = [folder for folder in VENDOR.iterdir() if folder.is_dir()]
    assert folders
    assert [folder.name for folder in folders if not list(folder.glob("LICENSE*"))] == []
