import pytest

from lms_plugin.content.loader import check
from tests.content.conftest import FILES, Pilot

FILE = "modules/lesson/lesson.md"
WHOLE = FILES[FILE]


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        (WHOLE,                  "# 没有开头\n",
            ['1: a lesson must begin with its settings between two lines "---"',
             '1: the slide has no "::: narration"']),
        ("title: 一课\n",         "",                        ["1: title: is missing"]),
        ("title: 一课",           "title:",                  ["1: title: is missing"]),
        ("fps: 12",              "fps: fast",               ["3: fps: must be a whole number from 1 to 30"]),
        ("fps: 12",              "fps: 31",                 ["3: fps: must be a whole number from 1 to 30"]),
        ("fps: 12",              "width: 1281",
            ["3: width: must be an even number of pixels from 160 to 1920"]),
        ("fps: 12",              "pause_seconds: 1",        ["4: pause_seconds: given twice"]),
        ("pause_seconds: 0.5",   "pause_seconds: NaN",      ["4: pause_seconds: must be a number from 0 to 10"]),
        ("pause_seconds: 0.5",   "pause_seconds: 11",       ["4: pause_seconds: must be a number from 0 to 10"]),
        ("pause_seconds: 0.5",   "\nheight: 90",
            ["5: height: must be an even number of pixels from 160 to 1920"]),
        ("pause_seconds: 0.5",   "speed: 3",
            ['4: unknown setting "speed"; known: title, width, height, fps, pause_seconds, rate_words_per_minute']),
        ("pause_seconds: 0.5",   "rate_words_per_minute: 9",
            ["4: rate_words_per_minute: must be a whole number from 80 to 400"]),
        ("en: First sentence.\n", "",                       ["11: en: the text is missing"]),
        ("en: First sentence.",  "en:",                     ["11: en: the text is missing"]),
        ("zh: 第一句。\n",        "",                        ["11: en: there is no zh line in front of it"]),
        ("zh: 第一句。",          "第一句。",
            ['11: a spoken text must begin with "zh:" or "en:"', "12: en: there is no zh line in front of it"]),
        ("en: Third sentence.\n", "en: a\nen: b\n",         ["32: en: there is no zh line in front of it"]),
        ("going on.\n:::\n",     "going on.\n",             ['10: the narration has no closing ":::"']),
        ("Third sentence.\n:::\n", "Third sentence.\n",     ['29: the narration has no closing ":::"']),
        ("going on.\n:::\n",     "going on.\n:::\n\nMore.\n", ['20: only a line "---" may follow the narration']),
        ("going on.\n:::\n",     "going on.\n:::\n\n::: narration\nzh: 又\nen: again\n:::\n",
            ["20: the slide has a second narration"]),
        ("::: narration\nzh: 第三句。\nen: Third sentence.\n:::\n", "", ['21: the slide has no "::: narration"']),
        ("zh: 第三句。\nen: Third sentence.\n", "",           ["29: the narration says nothing"]),
        ("::: narration\nzh: 第三", "::: naration\nzh: 第三", ['29: expected "::: narration"']),
        ("# 第一页\n\n![图](dot.svg)\n", "",                  ["6: the slide shows nothing"]),
        ("::: not a narration\n```\n", "::: not a narration\n",
            ["21: a code block of this slide has no closing ```", '21: the slide has no "::: narration"']),
        ("dot.svg",              "gone.png",                ['8: image "gone.png": there is no such file']),
        ("dot.svg",              "../dot.svg",
            ['8: image "../dot.svg": must be a picture file beside lesson.md']),
        ("dot.svg",              "https://example.org/a.png",
            ['8: image "https://example.org/a.png": must be a picture file beside lesson.md']),
        ("dot.svg",              "module.toml",
            ['8: image "module.toml": must be a picture file beside lesson.md']),
    ],
)  # fmt: skip
def test_every_fault_of_a_lesson_is_named_with_its_line(pilot: Pilot, old: str, new: str, faults: list[str]) -> None:
    folder = pilot(FILE, old, new)
    assert [f"{fault.line}: {fault.message}" for fault in check(folder)] == faults
    assert {fault.path for fault in check(folder)} == {folder / FILE}
