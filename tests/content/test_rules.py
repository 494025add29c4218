"""What a programme of every mode may say, and the faults of what cannot be reached: `#!` marks the line named."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from lms_plugin.content.loader import check, load_programme
from lms_plugin.domain.modes import ActivityRule, SchoolActivityKind, StudyRule, WeeklyPace
from lms_plugin.domain.nomination import NominationRule
from lms_plugin.domain.programme import ComponentKind, Group, Programme, Text, WatchingRule

EVERYTHING = """\
key = "everything"
title = { zh = "全部", en = "Everything" }
description = { zh = "各种方式。", en = "Every mode." }
class_hour_minutes = 60
total_class_hours = 100
modules = ["one", "two"]
applies_from = 2026-10-01
places = 100
class_size = 40

[window]
opens_on = 2026-09-01
closes_on = 2027-09-01
months = 6

[watching]
daily_limit_class_hours = 2

[discussion]
credit_minutes = 60
max_per_module = 5

[[components]]
key = "video"
kind = "video"
title = { zh = "甲", en = "A" }
required_class_hours = 6
pace = { class_hours = 1, make_up_weeks = "any" }

[[components]]
key = "reading"
kind = "reading"
title = { zh = "乙", en = "B" }
required_class_hours = 0.02
characters_per_minute = 200
daily_limit_class_hours = 1

[[components]]
key = "discussion"
kind = "discussion"
title = { zh = "丙", en = "C" }
required_class_hours = 10

[[components]]
key = "qna"
kind = "qna"
title = { zh = "丁", en = "D" }
required_class_hours = 2
for_phases = ["second"]

[[components]]
key = "course"
kind = "face_to_face"
title = { zh = "戊", en = "E" }
required_class_hours = 6
both_ends = false
late_minutes = 10

[[components]]
key = "workshop"
kind = "face_to_face"
title = { zh = "己", en = "F" }
required_class_hours = 6

[[components]]
key = "viewing"
kind = "group_viewing"
title = { zh = "庚", en = "G" }
required_class_hours = 0
max_class_hours = 10

[[components]]
key = "school"
kind = "school_based"
title = { zh = "辛", en = "H" }
required_class_hours = 12
approvals = ["school"]
pace = { class_hours = 2, make_up_weeks = 4 }

[[components.activities]]
kind = "lecture"
max_class_hours = 6

[[components.activities]]
kind = "self_study"
max_class_hours = 6

[[components]]
key = "placement"
kind = "placement"
title = { zh = "壬", en = "I" }
required_class_hours = 20
credit_class_hours = 10
least_presence = 0.75

[[components]]
key = "homework"
kind = "homework"
title = { zh = "癸", en = "J" }
required_class_hours = 4
credit_class_hours = 2
pieces = 3
pass_mark = 70

[[components]]
key = "examination"
kind = "examination"
title = { zh = "子", en = "K" }
required_class_hours = 1
credit_class_hours = 1
in_total = false
attempts = 3

[[phases]]
key = "first"
title = { zh = "先", en = "First" }
closes_on = 2027-03-01
places = 10

[[phases]]
key = "second"
title = { zh = "后", en = "Second" }
opens_on = 2026-10-01
places = 90

[[tiers]]
key = "standard"
title = { zh = "标准", en = "Standard" }

[[tiers]]
key = "advanced"
title = { zh = "提高", en = "Advanced" }
total_class_hours = 110
requires = { course = 10, homework = 6 }
class_size = 20

[nomination]
deadline_on = 2026-08-20
subjects = ["体育", "音乐"]
least_degree = "bachelor"
least_title = "second_grade"
least_teaching_years = 3
most_age_men = 45
most_age_women = 40
least_rural_percent = 76.1
"""

Everything = Callable[..., Path]


@pytest.fixture
def everything(tmp_path: Path) -> Everything:
    """Writes the programme with places of programme.toml replaced; gives its folder."""

    def write(*changes: tuple[str, str]) -> Path:
        text = EVERYTHING
        for old, new in changes:
            assert old in text, f"there is no {old!r} to replace"
            text = text.replace(old, new, 1)
        folder = tmp_path / "everything"
        for key in ("one", "two"):
            module = folder / "modules" / key
            module.mkdir(parents=True, exist_ok=True)
            module.joinpath("module.toml").write_text(
                'title = { zh = "课", en = "Unit" }\nawaited_film_minutes = 300\n', encoding="utf-8"
            )
            module.joinpath("reading.zh.md").write_text("读" * 300, encoding="utf-8")
            module.joinpath("reading.en.md").write_text("Read", encoding="utf-8")
        folder.joinpath("programme.toml").write_text(text, encoding="utf-8")
        return folder

    return write


def faults_of(folder: Path) -> list[str]:
    return [str(fault).removeprefix(f"{folder}/programme.toml:") for fault in check(folder)]


def test_every_mode_is_read_as_it_was_written(everything: Everything) -> None:
    assert faults_of(everything()) == []
    programme = load_programme(everything()).programme
    assert [component.kind for component in programme.components] == [
        ComponentKind.VIDEO,
        ComponentKind.READING,
        ComponentKind.DISCUSSION,
        ComponentKind.QNA,
        ComponentKind.FACE_TO_FACE,
        ComponentKind.FACE_TO_FACE,
        ComponentKind.GROUP_VIEWING,
        ComponentKind.SCHOOL_BASED,
        ComponentKind.PLACEMENT,
        ComponentKind.HOMEWORK,
        ComponentKind.EXAMINATION,
    ]

    def study(key: str) -> StudyRule:
        component = programme.component(key)
        assert component is not None
        return component.study

    assert study("video") == study("workshop") == StudyRule()
    assert study("reading") == StudyRule(daily_limit_class_hours=Decimal(1), characters_per_minute=200)
    assert study("course") == StudyRule(both_ends=False, late_minutes=10)
    assert study("school") == StudyRule(
        activities=(
            ActivityRule(SchoolActivityKind.LECTURE, Decimal(6)),
            ActivityRule(SchoolActivityKind.SELF_STUDY, Decimal(6)),
        ),
        approvals=("school",),
    )
    assert study("placement") == StudyRule(credit_class_hours=Decimal(10), least_presence=Fraction(3, 4))
    assert study("homework") == StudyRule(credit_class_hours=Decimal(2), pieces=3, pass_mark=70)
    assert study("examination") == StudyRule(credit_class_hours=Decimal(1), attempts=3)
    by_key = {component.key: component for component in programme.components}
    assert by_key["video"].pace == WeeklyPace(Decimal(1), None)
    assert by_key["school"].pace == WeeklyPace(Decimal(2), 4)
    assert (by_key["qna"].for_phases, by_key["course"].for_phases) == (("second",), ())
    assert [key for key, component in by_key.items() if not component.in_total] == ["examination"]
    assert by_key["viewing"].max_class_hours == 10
    assert programme.watching == WatchingRule(daily_limit_class_hours=Decimal(2))


def test_phases_tiers_nomination_and_places_are_read_as_they_were_written(everything: Everything) -> None:
    programme = load_programme(everything()).programme
    assert (programme.window_months, programme.applies_from) == (6, date(2026, 10, 1))
    assert (programme.places, programme.class_size, programme.class_hour_minutes) == (100, 40, 60)
    assert programme.phases == (
        Group("first", Text("先", "First"), closes_on=date(2027, 3, 1), places=10),
        Group("second", Text("后", "Second"), opens_on=date(2026, 10, 1), places=90),
    )
    assert programme.tiers[1] == Group(
        "advanced",
        Text("提高", "Advanced"),
        total_class_hours=Decimal(110),
        requires=(("course", Decimal(10)), ("homework", Decimal(6))),
        class_size=20,
    )
    assert programme.nomination == NominationRule(
        date(2026, 8, 20), ("体育", "音乐"), "bachelor", "second_grade", 3, 45, 40, Decimal("76.1")
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # keys that belong to another kind, or are missing
        ("pieces = 3",             'activities = [{ kind = "lecture" }] #!',
            'components[9].activities: unknown key where kind is "homework"'),
        ("both_ends = false",      "pass_mark = 60 #!",
            'components[4].pass_mark: unknown key where kind is "face_to_face"'),
        ('"A" }\n',                '"A", fr = "A" } #!\n',           "components[0].title.fr: unknown key"),
        ('key = "placement"\nkind = "placement"', 'key = "placement" #!',
            "components[8].kind: is missing"),
        ("credit_class_hours = 10\nleast", "least", "components[8].credit_class_hours: is missing"),
        ("make_up_weeks = 4",      'make_up_weeks = "never"',
            "components[7].pace.make_up_weeks: must be a valid integer"),
        (", make_up_weeks = 4",    "",                               "components[7].pace.make_up_weeks: is missing"),
        ('approvals = ["school"]', 'approvals = ["county", "school"] #!',
            'components[7].approvals: must be ["school", "county"], ["school"] or ["county"]'),
        ('kind = "lecture"',       'kind = "self_study"',
            'components[7].activities[1].kind: "self_study" is listed twice'),
        ('least_degree = "bachelor"', 'least_degree = "diploma" #!',
            "nomination.least_degree: must be 'secondary', 'junior_college', 'bachelor', 'master' or 'doctor',"
            " not 'diploma'"),
        ("most_age_men = 45",      "most_age_men = 450 #!",
            "nomination.most_age_men: must be less than or equal to 80"),
        ('key = "everything"',     f'key = "{"e" * 51}" #!',         "key: must be at most 50 long"),
        # dates
        ("months = 6",             "months = 13 #!",
            "window.months: the window is not as long as that"),
        ("2026-10-01\nplaces",     "2027-09-01 #!\nplaces",          "applies_from: the window has closed by then"),
        ("2026-08-20",             "2027-09-02 #!",
            "nomination.deadline_on: the window has closed by then"),
        ('"音乐"',                  '"体育"',
            'nomination.subjects[1]: "体育" is listed twice'),
        ("opens_on = 2026-10-01",  "opens_on = 2026-08-01 #!",
            "phases[1].opens_on: is before the programme's window opens"),
        ("closes_on = 2027-03-01", "closes_on = 2028-03-01 #!",
            "phases[0].closes_on: is after the programme's window closes"),
        # phases and tiers
        ('["second"]',             '["second", "third"]',
            'components[3].for_phases[1]: there is no phase "third"'),
        ('["second"]',             '["second", "second"]',
            'components[3].for_phases[1]: "second" is listed twice'),
        ('key = "standard"',       'key = "advanced"',               'tiers[1].key: "advanced" is used twice'),
        ("course = 10",            "cource = 10",
            "tiers[1].requires.cource: there is no such component"),
        ("closes_on = 2027-03-01", "requires = { qna = 1 } #!",
            "phases[0].requires.qna: this component is not for this phase"),
        ("course = 10",            "viewing = 11",
            "tiers[1].requires.viewing: is more than the component's max_class_hours, 10"),
        ("places = 100",           "places = 95 #!",
            "places: is less than the 100 places of its phases"),
        ("credit_class_hours = 10", "credit_class_hours = 10\nmost_months = 2",
            "components[8].most_months: is less than least_months"),
        ("credit_class_hours = 10", "credit_class_hours = 10\nmost_months = 9\nleast_months = 7",
            "components[8].least_months: the window holds 6 months"),
        # what cannot be reached
        ('kind = "reading"',       'kind = "qna"\n#',
            'components[1].characters_per_minute: unknown key where kind is "qna"'),
        ("hours = 0.02",           "hours = 0.06 #!",
            "components[1].required_class_hours: the sum of the readings gives at most 0.05 class hours"),
        ("required_class_hours = 10", "required_class_hours = 10.5 #!",
            "components[2].required_class_hours: the rule of [discussion] gives at most 10 class hours"),
        ("required_class_hours = 12", "required_class_hours = 13 #!",
            "components[7].required_class_hours: the sum of [[components.activities]] gives at most 12 class hours"),
        ("required_class_hours = 20", "required_class_hours = 61 #!",
            "components[8].required_class_hours: placement, 6 months, gives at most 60 class hours"),
        ("homework = 6",           "homework = 7",
            "tiers[1].requires.homework: homework, 3 pieces, gives at most 6 class hours"),
        ("required_class_hours = 1\n", "required_class_hours = 2 #!\n",
            "components[10].required_class_hours: the examination gives at most 1 class hours"),
        ("pace = { class_hours = 1,", "pace = { class_hours = 15,",
            "components[0].pace.class_hours: the daily limit of [watching] gives at most 14 class hours a week"),
    ],
)  # fmt: skip
def test_every_fault_of_every_mode_is_named_with_its_line(
    everything: Everything, old: str, new: str, fault: str
) -> None:
    folder = everything((old, new))
    found = faults_of(folder)
    lines = (folder / "programme.toml").read_text(encoding="utf-8").split("\n")
    named = [one for one in found if fault in one]
    assert named, found
    key = fault.split(":")[0].rpartition(".")[2].split("[")[0]
    number, said = named[0].split(": ", 1)
    assert said.startswith(fault)
    assert "#!" in lines[int(number) - 1] or key in lines[int(number) - 1] or fault.endswith("is missing")


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        # a daily limit over all days of one's own months: 6 months of at most 31 days
        ([("daily_limit_class_hours = 1", "daily_limit_class_hours = 0.0001")],
            ["the daily limit of 186 days gives at most 0.0186 class hours"]),
        # without months, those of the window are counted
        ([("months = 6\n", ""), ("required_class_hours = 20", "required_class_hours = 121\nmost_months = 12")],
            ["placement, 11 months, gives at most 110 class hours"]),
        ([("months = 6\n", ""), ("daily_limit_class_hours = 1\n", "daily_limit_class_hours = 0.0001\n"),
          ("required_class_hours = 0.02", "required_class_hours = 0.04")],
            ["the daily limit of 181 days gives at most 0.0181 class hours"]),
        ([("max_per_module = 5", 'max_per_module = "none"\nmax_total = 9')],
            ["the rule of [discussion] gives at most 9 class hours"]),
    ],
)  # fmt: skip
def test_what_sets_a_limit_is_said(everything: Everything, changes: list[tuple[str, str]], faults: list[str]) -> None:
    found = "\n".join(faults_of(everything(*changes)))
    for fault in faults:
        assert fault in found


def test_totals_are_checked_for_every_phase_and_tier(everything: Everything) -> None:
    found = faults_of(everything(("total_class_hours = 100", "total_class_hours = 66")))
    assert [fault.split(": ", 1)[1] for fault in found] == [
        "total_class_hours: is less than the 66.02 class hours its components require"
        ' (in phase "second" and tier "standard")'
    ]
    found = faults_of(everything(("total_class_hours = 110", "total_class_hours = 71")))
    assert found[0].endswith(
        'tiers[1].total_class_hours: is less than the 72.02 class hours its components require (in phase "second" and'
        ' tier "advanced")'
    )


def test_a_total_that_no_way_through_reaches_is_a_fault(tmp_path: Path) -> None:
    found = faults_of(small(tmp_path, 'kind = "homework"\ncredit_class_hours = 2\npieces = 3', total=7))
    assert [fault.split(": ", 1)[1] for fault in found] == [
        "total_class_hours: cannot be reached: the components give at most 6 class hours"
    ]
    assert faults_of(small(tmp_path, 'kind = "homework"\ncredit_class_hours = 2\npieces = 3', total=6)) == []


@pytest.mark.parametrize(
    ("component", "fault"),
    [
        ('kind = "video"',      "no module of the programme has a video"),
        ('kind = "reading"',    "no module of the programme has a reading"),
        ('kind = "discussion"', "the rule of [discussion] gives at most 0 class hours"),
    ],
)  # fmt: skip
def test_what_is_studied_in_modules_needs_some(tmp_path: Path, component: str, fault: str) -> None:
    assert any(fault in one for one in faults_of(small(tmp_path, component)))


@pytest.mark.parametrize("kind", ["qna", "face_to_face", "group_viewing", "school_based"])
def test_a_programme_without_modules_is_sound_where_nothing_is_studied_in_them(tmp_path: Path, kind: str) -> None:
    assert faults_of(small(tmp_path, f'kind = "{kind}"')) == []
    assert load_programme(tmp_path / "small").programme.modules == ()


@pytest.mark.parametrize(
    ("opens_on", "closes_on", "is_fault"),
    [
        ("2026-11-23", "2026-11-30", False),  # Monday to Monday
        ("2026-11-24", "2026-12-06", True),   # twelve days, and no week among them
        ("2026-11-24", "2026-12-07", False),
    ],
)  # fmt: skip
def test_a_weekly_pace_needs_a_whole_week(tmp_path: Path, opens_on: str, closes_on: str, is_fault: bool) -> None:
    component = 'kind = "school_based"\npace = { class_hours = 1, make_up_weeks = 0 }'
    found = faults_of(small(tmp_path, component, opens_on=opens_on, closes_on=closes_on))
    assert any("the window holds no whole week, Monday to Sunday" in fault for fault in found) is is_fault


def test_two_components_of_a_kind_must_be_told_apart(everything: Everything) -> None:
    found = faults_of(everything(('key = "homework"\nkind = "homework"', 'key = "second"\nkind = "placement"\n#')))
    assert any("unknown key" in fault for fault in found)  # pieces
    found = faults_of(everything(('kind = "qna"', 'kind = "discussion"')))
    # in the first phase there is one only
    assert [fault.split(": ", 1)[1] for fault in found] == [
        "components[3].kind: a second discussion component would never get an hour"
        f' (in phase "second" and tier "{tier}")'
        for tier in ("advanced", "standard")
    ]


def test_a_phase_for_which_there_is_nothing_is_a_fault(tmp_path: Path) -> None:
    phases = "".join(
        f'\n[[phases]]\nkey = "{key}"\ntitle = {{ zh = "段", en = "Phase" }}\n{more}\n'
        for key, more in (("one", "places = 9"), ("two", "opens_on = 2027-09-01"))
    )
    folder = small(tmp_path, 'kind = "qna"\nfor_phases = ["one"]', top="places = 5", end=phases)
    said = [fault.split(": ", 1)[1] for fault in faults_of(folder)]
    assert "phases[1]: no component is for this phase" in said
    assert "phases[1].opens_on: leaves no day between opening and closing" in said
    assert "phases[0].places: is more than the 5 places of the programme" in said


def small(
    tmp_path: Path,
    component: str,
    *,
    total: int = 4,
    opens_on: str = "2026-09-01",
    closes_on: str = "2027-09-01",
    top: str = "",
    end: str = "",
) -> Path:
    """A programme of one component, without a module."""
    folder = tmp_path / "small"
    folder.mkdir(exist_ok=True)
    folder.joinpath("programme.toml").write_text(
        f"""\
key = "small"
title = {{ zh = "小", en = "Small" }}
description = {{ zh = "小。", en = "Small." }}
total_class_hours = {total}
{top}

[window]
opens_on = {opens_on}
closes_on = {closes_on}

[[components]]
key = "only"
title = {{ zh = "唯一", en = "Only" }}
required_class_hours = 4
{component}
{end}""",
        encoding="utf-8",
    )
    return folder


def test_a_film_is_awaited_until_it_is_there(everything: Everything) -> None:
    folder = everything()
    module = folder / "modules" / "one" / "module.toml"
    said = module.read_text(encoding="utf-8")
    module.write_text(f'{said}video = "one.mp4"\ncaptions = {{ zh = "zh.vtt", en = "en.vtt" }}\n', encoding="utf-8")
    assert faults_of(folder) == []
    assert awaited(load_programme(folder).programme) == [300, 300]
    folder.joinpath("modules/one/one.mp4").write_text("stands for a film", encoding="utf-8")
    assert any("there is no file zh.vtt" in str(fault) for fault in check(folder))
    for language in ("zh", "en"):
        module.with_name(f"{language}.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:02.000\n你好\n", encoding="utf-8")
    assert faults_of(folder) == []
    loaded = load_programme(folder)
    assert awaited(loaded.programme) == [None, 300]
    assert loaded.modules[0].film == folder / "modules/one/one.mp4"


def test_films_that_are_awaited_must_come_to_what_is_required(everything: Everything) -> None:
    folder = everything(("required_class_hours = 6\npace", "required_class_hours = 11\npace"))
    assert [fault.split(": ", 1)[1] for fault in faults_of(folder)] == [
        "components[0].required_class_hours: the sum of the films gives at most 10 class hours"
    ]


def awaited(programme: Programme) -> list[int | None]:
    return [module.awaited_minutes for module in programme.modules]
