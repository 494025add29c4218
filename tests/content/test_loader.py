from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from lms_plugin.content.faults import ContentFaults
from lms_plugin.content.loader import check, find_programmes, load_programme
from lms_plugin.domain.lesson import Picture, Utterance
from lms_plugin.domain.programme import ComponentKind, DiscussionRule, LmsCourse, Text, WatchingRule, Window
from tests.content.conftest import FILES, Pilot

P, F, L = "programme.toml", "modules/film/module.toml", "modules/lesson/module.toml"
Q, Z = "modules/lesson/questions.toml", "modules/film/film.zh.vtt"


def said(folder: Path) -> list[str]:
    """The faults, with paths from the programme's folder on."""
    return [str(fault).removeprefix(f"{folder}/") for fault in check(folder)]


def test_a_sound_programme_has_no_faults(pilot: Pilot) -> None:
    assert said(pilot()) == []


def test_a_programme_is_read_as_it_was_written(pilot: Pilot) -> None:
    loaded = load_programme(pilot())
    programme = loaded.programme
    assert (programme.key, programme.title, programme.description) == (
        "pilot",
        Text("试点", "Pilot"),
        Text("说明", "About it"),
    )
    assert programme.window == Window(date(2026, 9, 1), date(2026, 10, 1), "Asia/Shanghai")
    assert programme.watching == WatchingRule(Fraction(5, 4), 3600, 20)
    assert programme.discussion == DiscussionRule(max_total=None, duplicate_ratio=Fraction(3, 4))
    assert (programme.total_class_hours, programme.class_hour_minutes) == (Decimal("1.5"), 45)
    video, discussion = programme.components
    assert (video.kind, video.required_class_hours, video.max_class_hours) == (ComponentKind.VIDEO, 1, Decimal("2.5"))
    assert (discussion.kind, discussion.required_class_hours) == (ComponentKind.DISCUSSION, Decimal("0.25"))
    assert programme.lms == LmsCourse("openedx", "course-v1:A+B+C", "block-v1:A+B+C+type@sequential+block@all")
    assert [module.key for module in programme.modules] == ["film", "lesson"]
    film, lesson = programme.modules
    assert (film.block_key, film.reading, film.questions) == ("block-v1:A+B+C+type@video+block@film", None, ())
    assert (lesson.summary, lesson.reading) == (Text("一句话", "One sentence"), Text("# 读\n", "# Read\n"))
    assert [(question.key, question.answer, len(question.choices)) for question in lesson.questions] == [
        ("first", 1, 2),
        ("second", 0, 3),
    ]


def test_the_sources_of_films_stand_beside_their_modules(pilot: Pilot) -> None:
    folder = pilot()
    film, lesson = load_programme(folder).modules
    assert film.film == folder / "modules/film/film.webm"
    assert film.captions == {language: folder / f"modules/film/film.{language}.vtt" for language in ("zh", "en")}
    assert film.lesson is None
    assert lesson.film is None
    assert lesson.lesson is not None
    assert (lesson.lesson.title, lesson.lesson.fps, lesson.lesson.pause_seconds) == ("一课", 12, Decimal("0.5"))
    assert lesson.lesson.pictures == (Picture("dot.svg", FILES["modules/lesson/dot.svg"].encode()),)
    first, second = lesson.lesson.slides
    assert first.markdown == "# 第一页\n\n![图](dot.svg)"
    assert first.utterances == (
        Utterance("第一句。", "First sentence."),
        Utterance("第二句，接着说。", "Second sentence, going on."),
    )
    assert "::: not a narration" in second.markdown
    assert second.utterances == (Utterance("第三句。", "Third sentence."),)


def test_optional_tables_leave_the_rules_of_the_domain(pilot: Pilot) -> None:
    start, end = FILES[P].index("[watching]"), FILES[P].index("[[components]]")
    programme = load_programme(pilot(P, FILES[P][start:end], "")).programme
    assert programme.watching == WatchingRule()
    assert programme.discussion == DiscussionRule()


@pytest.mark.parametrize(
    ("file", "old", "new", "faults"),
    [
        # programme.toml: shapes
        (P, 'key = "pilot"',            'key = "Pilot"',
            ['1: key: "Pilot" must be lower-case letters and digits, with single hyphens between, at most 60']),
        (P, 'key = "pilot"',            'key = "other"',
            ['1: key: must be the name of its folder, "pilot"']),
        (P, 'zh = "试点", ',             '',                          ["2: title.zh: is missing"]),
        (P, 'zh = "试点"',               'zh = " "',                  ["2: title.zh: must not be empty"]),
        (P, 'en = "Pilot"',             'en = "Pilot", fr = "x"',    ["2: title.fr: unknown key"]),
        (P, "class_hour_minutes = 45",  'class_hour_minutes = "45"',
            ["4: class_hour_minutes: must be a valid integer"]),
        (P, "class_hour_minutes = 45",  "class_hour_minutes = 0",
            ["4: class_hour_minutes: must be greater than or equal to 1"]),
        (P, "class_hour_minutes = 45",  "class_hours_minutes = 45",  ["4: class_hours_minutes: unknown key"]),
        (P, "total_class_hours = 1.5",  "total_class_hours = true",  ["5: total_class_hours: must be a number"]),
        (P, "total_class_hours = 1.5",  "total_class_hours = inf",   ["5: total_class_hours: must be a number"]),
        (P, "total_class_hours = 1.5",  "",                          ["1: total_class_hours: is missing"]),
        (P, '["film", "lesson"]',       "[]",
            ["6: modules: the folder modules/film is not listed", "6: modules: the folder modules/lesson is not listed",
             "26: components[0].kind: no module of the programme has a video",
             "35: components[1].required_class_hours: the rule of [discussion] gives at most 0 class hours"]),
        (P, '["film", "lesson"]',       '[\n "film",\n "LESSON"\n]',
            ['8: modules[1]: "LESSON" must be lower-case letters and digits, with single hyphens between, at most 60']),
        (P, "opens_on = 2026-09-01\n",  "",                          ["8: window.opens_on: is missing"]),
        (P, "opens_on = 2026-09-01",    'opens_on = "2026-09-01"',   ["9: window.opens_on: must be a valid date"]),
        (P, "opens_on = 2026-09-01",    "opens_on = 2026-09-01T08:00:00Z",
            ["9: window.opens_on: must be a valid date"]),
        (P, "closes_on = 2026-10-01",   "closes_on = 2026-09-01",    ["10: window.closes_on: must be after opens_on"]),
        (P, "Asia/Shanghai",            "Asia/Shangri-La",
            ['11: window.timezone: unknown time zone "Asia/Shangri-La"; write one such as "Asia/Shanghai"']),
        (P, "Asia/Shanghai",            "../etc/passwd",
            ['11: window.timezone: unknown time zone "../etc/passwd"; write one such as "Asia/Shanghai"']),
        (P, "max_rate = 1.25",          "max_rate = 0.5",
            ["14: watching.max_rate: must be greater than or equal to 1"]),
        (P, "3600",                     "10",
            ["15: watching.late_window_seconds: must be greater than or equal to 60"]),
        (P, "_seconds = 3600",          "_seconds = 60\nbeat_interval_seconds = 90 #",
            ["17: TOML: Cannot overwrite a value"]),
        (P, "3600\nbeat_interval_seconds = 20", "60\nbeat_interval_seconds = 60",
            ["15: watching.late_window_seconds: must be longer than beat_interval_seconds"]),
        (P, '"none"',                   '"many"',
            ["21: discussion.max_total: must be a valid integer"]),
        (P, '"none"',                   "0",
            ["21: discussion.max_total: must be greater than or equal to 1"]),
        (P, "duplicate_ratio = 0.75",   "duplicate_ratio = 75",
            ["22: discussion.duplicate_ratio: must be less than or equal to 1"]),
        (P, 'kind = "video"',           'kind = "film"',
            ["26: components[0].kind: must be one of 'video', 'reading', 'discussion', 'qna', 'face_to_face',"
             " 'group_viewing', 'school_based', 'placement', 'homework', 'examination', not 'film'"]),
        (P, "required_class_hours = 1", "required_class_hours = -1",
            ["28: components[0].required_class_hours: must be greater than or equal to 0"]),
        (P, 'en = "Discussion"',        'en = ""',                   ["34: components[1].title.en: must not be empty"]),
        (P, "required_class_hours = 0.25", "",
            ["31: components[1].required_class_hours: is missing"]),
        (P, 'course_key = "course-v1:A+B+C"\n', "",                  ["37: lms.course_key: is missing"]),
        # programme.toml: what must agree
        (P, '["film", "lesson"]',       '["film", "lesson", "film"]', ['6: modules[2]: "film" is listed twice']),
        (P, '["film", "lesson"]',       '["film", "lesson", "gone"]',
            ["6: modules[2]: there is no folder modules/gone"]),
        (P, '["film", "lesson"]',       '["film"]',
            ["6: modules: the folder modules/lesson is not listed"]),
        (P, "max_class_hours = 2.5",    "max_class_hours = 0.5",
            ["29: components[0].max_class_hours: is less than required_class_hours"]),
        (P, 'key = "discussion"',       'key = "video"',             ['32: components[1].key: "video" is used twice']),
        (P, 'kind = "discussion"',      'kind = "video"',
            ["33: components[1].kind: a second video component would never get an hour"]),
        (P, "total_class_hours = 1.5",  "total_class_hours = 1",
            ["5: total_class_hours: is less than the 1.25 class hours its components require"]),
        (P, "total_class_hours = 1.5",  "total_class_hours = 4",
            ["5: total_class_hours: cannot be reached: the components give at most 3.83333 class hours"]),
        (P, "required_class_hours = 0.25", "required_class_hours = 1.4", [
            "5: total_class_hours: is less than the 2.4 class hours its components require",
            "35: components[1].required_class_hours: the rule of [discussion] gives at most 1.33333 class hours"]),
        (P, "_interval_seconds = 20",   "_interval_seconds = 600 # and\nlate_window_secondz = 1",
            ["17: watching.late_window_secondz: unknown key"]),
        (P, FILES[P][FILES[P].index("[lms]"):], "",
            ["6: modules[0]: has a block_key, but the programme has no [lms] table"]),
        (P, "sequential+block@all",     "video+block@film",
            ['6: modules[0]: its block_key "block-v1:A+B+C+type@video+block@film" is used twice']),
        # programme.toml: syntax
        (P, "[window]",                 "[window",
            ["8: TOML: Expected ']' at the end of a table declaration"]),
        (P, "[lms]",                    "[window]",                  ["37: TOML: Cannot declare ('window',) twice"]),
        # module.toml
        (F, 'video = "film.webm"',      'video = "gone.webm"',       ["2: video: there is no file gone.webm"]),
        (F, 'video = "film.webm"',      'video = "../film.webm"',
            ['2: video: "../film.webm" must be the name of a file in the same folder']),
        (F, 'video = "film.webm"\n',    "",                          ["4: captions: there is no video to caption"]),
        (F, 'video = "film.webm"',      'video = "lesson.md"',
            ["2: video: there is no file lesson.md",
             "5: captions: a lesson's captions are its narration; remove this table"]),
        (F, 'en = "film.en.vtt"\n',     "",                          ["5: captions.en: is missing"]),
        (F, 'en = "film.en.vtt"',       'en = "gone.vtt"',           ["7: captions.en: there is no file gone.vtt"]),
        (F, "title =",                  "titel =",                   ["1: titel: unknown key", "1: title: is missing"]),
        (L, 'video = "lesson.md"',      "",
            ['1: video: lesson.md is here but not used; write video = "lesson.md"']),
        # questions.toml
        (Q, "answer = 1",               "answer = 2",
            ["8: questions[0].answer: must be the index of a choice, 0 to 1"]),
        (Q, "answer = 1",               "answer = -1",
            ["8: questions[0].answer: must be greater than or equal to 0"]),
        (Q, 'key = "second"',           'key = "first"',             ['11: questions[1].key: "first" is used twice']),
        (Q, 'en = "B" },\n',            'en = "A" },\n',
            ["6: questions[0].choices[1]: the same en text as another choice"]),
        (Q, '    { zh = "乙", en = "B" },\n', "",
            ["4: questions[0].choices: must have at least 2, not 1"]),
        (Q, ', en = "B" },\n',          ' },\n',                     ["6: questions[0].choices[1].en: is missing"]),
        # captions
        (Z, "WEBVTT",                   "WEBVT",
            ['1: a caption file must begin with the line "WEBVTT"']),
        (Z, "00:02.000",                "00:02,000",
            ["3: expected a timing such as 00:00:01.000 --> 00:00:04.000"]),
        (Z, "\n\n00:00.000 --> 00:02.000\n你好\n", "\n",              ["1: there is no caption in this file"]),
        # readings
        ("modules/lesson/reading.en.md", "# Read\n", "\n",           ["1: the reading is empty"]),
    ],
)  # fmt: skip
def test_every_fault_is_named_with_its_file_and_line(
    pilot: Pilot, file: str, old: str, new: str, faults: list[str]
) -> None:
    assert said(pilot(file, old, new)) == [
        f"{P if fault.startswith('6: modules') and file == L else file}:{fault}" for fault in faults
    ]


@pytest.mark.parametrize(
    ("file", "faults"),
    [
        (P,                              ["programme.toml:1: the file cannot be read: No such file or directory"]),
        (F,
            ["modules/film/module.toml:1: the file cannot be read: No such file or directory"]),
        ("modules/film/film.webm",       ["modules/film/module.toml:2: video: there is no file film.webm"]),
        ("modules/lesson/lesson.md",     ["modules/lesson/module.toml:3: video: there is no file lesson.md"]),
        ("modules/lesson/reading.zh.md",
            ["modules/lesson/reading.zh.md:1: the file is missing: reading.en.md needs it beside it"]),
        ("modules/lesson/dot.svg",       ['modules/lesson/lesson.md:8: image "dot.svg": there is no such file']),
    ],
)  # fmt: skip
def test_a_missing_file_is_named_where_it_is_asked_for(pilot: Pilot, file: str, faults: list[str]) -> None:
    assert said(pilot(file, new=None)) == faults


def test_a_file_that_is_not_utf_8_is_named_with_the_line(pilot: Pilot) -> None:
    folder = pilot()
    (folder / Q).write_bytes(FILES[Q].encode("gb18030"))
    assert said(folder) == [f"{Q}:3: the file is not UTF-8"]


def test_a_film_without_content_is_a_fault(pilot: Pilot) -> None:
    folder = pilot()
    (folder / "modules/film/film.webm").write_bytes(b"")
    assert said(folder) == [f"{F}:2: video: film.webm is empty"]


def test_all_faults_of_all_files_come_at_once_in_order_of_place(pilot: Pilot) -> None:
    folder = pilot(P, "class_hour_minutes = 45", "class_hour_minutes = 0\nsurprise = 1")
    for file, old, new in [(F, 'en = "Film"', 'en = ""'), (Q, "answer = 1", "answer = 9"), (Z, "WEBVTT", "")]:
        (folder / file).write_text(FILES[file].replace(old, new), encoding="utf-8")
    assert [line.split(": ")[0] for line in said(folder)] == [
        "modules/film/module.toml:1",
        "modules/lesson/questions.toml:8",
        "programme.toml:4",
        "programme.toml:5",
    ]
    with pytest.raises(ContentFaults) as refused:
        load_programme(folder)
    assert (refused.value.code, refused.value.kind) == ("content_faults", "malformed")
    assert [str(fault) for fault in refused.value.faults] == refused.value.params["faults"]
    assert f"{folder}/programme.toml:4: class_hour_minutes" in str(refused.value)


def test_a_video_component_needs_a_video(pilot: Pilot) -> None:
    folder = pilot()
    (folder / F).write_text('title = { zh = "影片", en = "Film" }\n', encoding="utf-8")
    (folder / L).write_text('title = { zh = "课", en = "Lesson" }\n', encoding="utf-8")
    (folder / "modules/lesson/lesson.md").unlink()
    assert said(folder) == [f"{P}:26: components[0].kind: no module of the programme has a video"]


def test_check_takes_one_programme_or_a_folder_of_them(pilot: Pilot, tmp_path: Path) -> None:
    folder = pilot(P, "max_rate = 1.25", "max_rate = 9")
    (tmp_path / "broken" / "modules").mkdir(parents=True)
    (tmp_path / "no-programme").mkdir()
    (tmp_path / "README.md").write_text("about")
    assert find_programmes(tmp_path) == [tmp_path / "broken", folder]
    assert find_programmes(folder) == [folder]
    assert check(folder) == [fault for fault in check(tmp_path) if fault.path.parent == folder]
    assert [fault.path.parent.name for fault in check(tmp_path)] == ["broken", "pilot"]


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_place_without_a_programme_is_a_fault(tmp_path: Path, name: str) -> None:
    (fault,) = check(tmp_path / name)
    assert "there is no programme here" in fault.message
