"""Modes of study in words: what is missing, and why some of a time does not count, in both languages."""

from decimal import Decimal

import pytest

from lms_plugin.domain.attendance import LeftOut, Reason
from lms_plugin.domain.completion import Missing
from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.programme import Component, Text, Window
from lms_plugin.http import study_wording
from lms_plugin.http.wording import all_missing_sentence, missing_sentence
from tests import builders
from tests.web.stage import Stage

PROGRAMME = builders.make_programme(
    components=(
        Component("class", ComponentKind.FACE_TO_FACE, Text("集中面授", "Classes"), Decimal(20)),
        Component("papers", ComponentKind.HOMEWORK, Text("作业", "homework"), Decimal(2)),
        Component("final", ComponentKind.EXAMINATION, Text("结业考试", "Final examination"), Decimal(1)),
    )
)
NINE = 1_795_482_000_000  # 24 November 2026, 9:00 in Shanghai
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("missing", "en", "zh"),
    [
        (Missing("face_to_face_hours", "class", Decimal("7.50")), "7.5 class hours of Classes", "集中面授 7.5 学时"),
        (Missing("total_hours", None, Decimal(3)), "3 more class hours in total", "总计 3 学时"),
        (
            Missing("homework", "papers", Decimal(1), pieces=1),
            "1 more piece of homework that passes",
            "作业 1 次（须合格）",
        ),
        (
            Missing("homework", "papers", Decimal(2), pieces=2),
            "2 more pieces of homework that pass",
            "作业 2 次（须合格）",
        ),
        (Missing("examination", "final", Decimal(1)), "Final examination to pass", "结业考试（须合格）"),
    ],
)
def test_what_is_missing_is_said_in_the_words_of_its_kind(stage: Stage, missing: Missing, en: str, zh: str) -> None:
    for language, sentence in (("en", en), ("zh", zh)):
        with stage.app.test_request_context(headers={"Accept-Language": language}):
            assert missing_sentence(missing, PROGRAMME, language) == sentence


def test_everything_missing_is_one_sentence(stage: Stage) -> None:
    missing = (Missing("homework", "papers", Decimal(2), pieces=2), Missing("examination", "final", Decimal(1)))

    with stage.app.test_request_context(headers={"Accept-Language": "zh"}):
        assert all_missing_sentence(missing, PROGRAMME, "zh") == "还差：作业 2 次（须合格）、结业考试（须合格）。"


@pytest.mark.parametrize(
    ("left", "en", "zh"),
    [
        (
            LeftOut(NINE, NINE + HOUR, Reason.OUTSIDE_WINDOW),
            "Nov 24, 2026 09:00–10:00 does not count: it lies outside the dates of the programme.",
            "2026年11月24日 09:00–10:00 未计入：不在培训项目的学习期限内。",
        ),
        (
            LeftOut(NINE, NINE + HOUR, Reason.OVERLAPS_STUDY, "校本研讨"),
            "Nov 24, 2026 09:00–10:00 does not count: this time is already counted for “校本研讨”;"
            " no minute counts twice.",
            "2026年11月24日 09:00–10:00 未计入：这段时间已按“校本研讨”计入，同一时间不重复计学时。",
        ),
        (
            LeftOut(NINE, NINE + HOUR, Reason.OVERLAPS_WATCHING),
            "Nov 24, 2026 09:00–10:00 does not count: this time is already counted for a film; no minute counts twice.",
            "2026年11月24日 09:00–10:00 未计入：这段时间已按观看视频计入，同一时间不重复计学时。",
        ),
        (
            LeftOut(NINE + 14 * HOUR, NINE + 16 * HOUR, Reason.DAILY_LIMIT),
            "Nov 24, 2026 23:00 – Nov 25, 2026 01:00 does not count: it is over the class hours one day can give.",
            "2026年11月24日 23:00 – 2026年11月25日 01:00 未计入：超出每天最多可计的学时。",
        ),
        (LeftOut(0, 0, Reason.WITHDRAWN), "you had left the programme at that time.", "当时已退出培训项目。"),
    ],
)
def test_what_is_left_out_says_when_and_why(stage: Stage, left: LeftOut, en: str, zh: str) -> None:
    for language, sentence in (("en", en), ("zh", zh)):
        with stage.app.test_request_context(headers={"Accept-Language": language}):
            assert study_wording.left_out_sentence(left, PROGRAMME) == sentence


def test_times_are_those_of_the_programmes_zone(stage: Stage) -> None:
    berlin = builders.make_programme(window=Window(builders.NOW.date(), builders.NOW.date(), "Europe/Berlin"))

    with stage.app.test_request_context(headers={"Accept-Language": "en"}):
        sentence = study_wording.left_out_sentence(LeftOut(NINE, NINE + HOUR, Reason.DAILY_LIMIT), berlin)
    assert sentence.startswith("Nov 24, 2026 02:00–03:00 does not count")


def test_every_reason_has_a_sentence(stage: Stage) -> None:
    with stage.app.test_request_context(headers={"Accept-Language": "zh"}):
        for reason in Reason:
            assert study_wording.left_out_sentence(LeftOut(NINE, NINE + HOUR, reason), PROGRAMME).endswith("。")


def test_every_kind_has_a_name(stage: Stage) -> None:
    with stage.app.test_request_context(headers={"Accept-Language": "zh"}):
        assert study_wording.kind_names().keys() == {one.value for one in ComponentKind}
        assert study_wording.activity_names().keys() == {one.value for one in SchoolActivityKind}
        assert study_wording.kind_name("qna") == "集中辅导答疑"
        assert study_wording.activity_name("lesson_review") == "说课评课"
        assert study_wording.kind_name("dance") == study_wording.activity_name("dance") == "dance"
