"""A sound programme with a film, a lesson, readings and questions, to be spoilt one place at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "programme.toml": """\
key = "pilot"
title = { zh = "试点", en = "Pilot" }
description = { zh = "说明", en = "About it" }
class_hour_minutes = 45
total_class_hours = 1.5
modules = ["film", "lesson"]

[window]
opens_on = 2026-09-01
closes_on = 2026-10-01
timezone = "Asia/Shanghai"

[watching]
max_rate = 1.25
late_window_seconds = 3600
beat_interval_seconds = 20

[discussion]
credit_minutes = 15
max_per_module = 2
max_total = "none"
duplicate_ratio = 0.75

[[components]]
key = "video"
kind = "video"
title = { zh = "视频", en = "Video" }
required_class_hours = 1
max_class_hours = 2.5

[[components]]
key = "discussion"
kind = "discussion"
title = { zh = "研讨", en = "Discussion" }
required_class_hours = 0.25

[lms]
platform = "openedx"
course_key = "course-v1:A+B+C"
block_key = "block-v1:A+B+C+type@sequential+block@all"
""",
    "modules/film/module.toml": """\
title = { zh = "影片", en = "Film" }
video = "film.webm"
block_key = "block-v1:A+B+C+type@video+block@film"

[captions]
zh = "film.zh.vtt"
en = "film.en.vtt"
""",
    "modules/film/film.webm": "stands for a film: only its presence matters here",
    "modules/film/film.zh.vtt": "WEBVTT\n\n00:00.000 --> 00:02.000\n你好\n",
    "modules/film/film.en.vtt": "WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n",
    "modules/lesson/module.toml": """\
title = { zh = "课", en = "Lesson" }
summary = { zh = "一句话", en = "One sentence" }
video = "lesson.md"
""",
    "modules/lesson/reading.zh.md": "# 读\n",
    "modules/lesson/reading.en.md": "# Read\n",
    "modules/lesson/questions.toml": """\
[[questions]]
key = "first"
text = { zh = "问？", en = "Q?" }
choices = [
    { zh = "甲", en = "A" },
    { zh = "乙", en = "B" },
]
answer = 1

[[questions]]
key = "second"
text = { zh = "再问？", en = "Q2?" }
choices = [{ zh = "甲", en = "A" }, { zh = "乙", en = "B" }, { zh = "丙", en = "C" }]
answer = 0
""",
    "modules/lesson/lesson.md": """\
---
title: 一课
fps: 12
pause_seconds: 0.5
---
# 第一页

![图](dot.svg)

::: narration
zh: 第一句。
en: First sentence.

zh: 第二句，
接着说。
en: Second sentence,
going on.
:::

---

# 第二页

```
---
::: not a narration
```

::: narration
zh: 第三句。
en: Third sentence.
:::
""",
    "modules/lesson/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
}

Pilot = Callable[..., Path]


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """Writes the programme and returns its folder; `file, old, new` spoils a place, `new=None` removes the file."""

    def write(file: str = "programme.toml", old: str = "", new: str | None = "") -> Path:
        folder = tmp_path / "pilot"
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if new is None:
            (folder / file).unlink()
        elif old:
            assert old in FILES[file], f"{file} has no {old!r} to spoil"
            (folder / file).write_text(FILES[file].replace(old, new, 1), encoding="utf-8")
        elif new:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(new, encoding="utf-8")
        return folder

    return write
