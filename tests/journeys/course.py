"""A small programme with short real films, and its people, written as files that the real commands read."""

import csv
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEY = "journey"
COURSE = "course-v1:Journeys+J1+2026"
BLOCK = "block-v1:Journeys+J1+2026+type@{kind}+block@{name}"
PROGRAMME_BLOCK = BLOCK.format(kind="sequential", name="programme")
PASSWORD = "kite-lantern-harbour"

PROGRAMME = """\
key = "{key}"
title = {{ zh = "短程培训", en = "A short programme" }}
description = {{ zh = "两个短片。", en = "Two short films." }}
class_hour_minutes = 1
total_class_hours = {total}
modules = [{modules}]

[window]
opens_on = 2020-01-01
closes_on = 2100-01-01
timezone = "Asia/Shanghai"

[watching]
max_rate = 1.5
beat_interval_seconds = 5

[discussion]
credit_minutes = 1
min_characters = 20
min_words = 12
max_per_module = "none"
max_per_day = "none"

[[components]]
key = "video"
kind = "video"
title = {{ zh = "在线课程", en = "Online video" }}
required_class_hours = {video}

[[components]]
key = "discussion"
kind = "discussion"
title = {{ zh = "研讨交流", en = "Discussion" }}
required_class_hours = {discussion}

[lms]
platform = "openedx"
course_key = "{course}"
block_key = "{block}"
"""
MODULE = """\
title = {{ zh = "短片 {key}", en = "Film {key}" }}
block_key = "{block}"
video = "film.mp4"
"""
REGIONS = (
    ("530000", "province", "云南省", ""),
    ("530600", "city", "昭通市", "530000"),
    ("530621", "county", "鲁甸县", "530600"),
    ("530621-001", "school", "文屏镇中心小学", "530621"),
)
COLUMNS = (
    *("login", "name", "role", "email", "language", "region_code"),
    *("lms_username", "password", "programme", "class_group"),
)


@dataclass(frozen=True, slots=True)
class Course:
    """A programme's folder and what it asks for: seconds of film by module key, required seconds and posts."""

    folder: Path
    films: Mapping[str, int]
    required_seconds: int
    required_posts: int

    @property
    def blocks(self) -> dict[str, str]:
        return {key: BLOCK.format(kind="video", name=key) for key in self.films}


def write_course(folder: Path, films: Mapping[str, int], *, required_seconds: int, required_posts: int) -> Course:
    """Write the programme with films of the given whole seconds, made by the real ffmpeg."""
    course = Course(folder / KEY, films, required_seconds, required_posts)
    course.folder.mkdir(parents=True)
    video = f"{required_seconds / 60:.4f}"
    text = PROGRAMME.format(
        key=KEY,
        total=f"{float(video) + required_posts:.4f}",
        modules=", ".join(f'"{key}"' for key in films),
        video=video,
        discussion=f"{required_posts}.0",
        course=COURSE,
        block=PROGRAMME_BLOCK,
    )
    (course.folder / "programme.toml").write_text(text, encoding="utf-8")
    for key, seconds in films.items():
        home = course.folder / "modules" / key
        home.mkdir(parents=True)
        (home / "module.toml").write_text(MODULE.format(key=key, block=course.blocks[key]), encoding="utf-8")
        make_film(home / "film.mp4", key, seconds)
    return course


def write_regions(folder: Path) -> Path:
    return _write(folder / "regions.csv", ("code", "level", "name", "parent_code"), REGIONS)


def write_people(folder: Path, learners: Sequence[str], programme: str = KEY) -> Path:
    """An office admin, a tutor and learners, all in one class group and with one password."""
    rows = [
        ("office", "周敏", "office", "", "en", "*", "", PASSWORD, "", ""),
        ("tutor", "陈国华", "tutor", "", "en", "530600", "", PASSWORD, programme, "一班"),
        *(
            (login, f"学员{number}", "learner", "", "en", "530621-001", login, PASSWORD, programme, "一班")
            for number, login in enumerate(learners, start=1)
        ),
    ]
    return _write(folder / "people.csv", COLUMNS, rows)


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def make_film(path: Path, key: str, seconds: int) -> None:
    """Make a film of whole seconds; films of different keys differ."""
    program = shutil.which("ffmpeg")
    assert program, "journeys need the ffmpeg program"
    # A film's identity is its content: the tone makes films of the same length different.
    source = ["-f", "lavfi", "-i", f"testsrc=s=160x120:r=10:d={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=f={220 + 40 * (sum(key.encode()) % 16)}:d={seconds}"]
    output = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([program, "-v", "error", "-nostdin", *source, *tone, *output], check=True)
