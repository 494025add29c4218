"""What a programme may say of hours from elsewhere, and what is refused."""

from fractions import Fraction
from pathlib import Path

import pytest

from lms_plugin.content.loader import check, load_programme

PROGRAMME = """\
key = "taking"
title = { zh = "认定", en = "Taking" }
description = { zh = "说明。", en = "What it is." }
class_hour_minutes = 45
total_class_hours = 20

[window]
opens_on = 2026-09-01
closes_on = 2027-09-01

[[components]]
key = "school"
kind = "school_based"
title = { zh = "校本", en = "School" }
required_class_hours = 20
"""
EXAMINATION = """
[[components]]
key = "exam"
kind = "examination"
title = { zh = "考试", en = "Exam" }
required_class_hours = 2
credit_class_hours = 2
in_total = false
elsewhere_share = 0.5
"""


def write(folder: Path, text: str) -> Path:
    made = folder / "taking"
    made.mkdir()
    (made / "programme.toml").write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize(("said", "share"), [("", Fraction(0)), ("elsewhere_share = 0.25\n", Fraction(1, 4))])
def test_a_component_takes_nothing_from_elsewhere_unless_it_says_so(tmp_path: Path, said: str, share: Fraction) -> None:
    programme = load_programme(write(tmp_path, PROGRAMME + said)).programme
    assert programme.components[0].study.elsewhere_share == share


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PROGRAMME + "elsewhere_share = 1.5\n", "elsewhere_share"),
        (
            PROGRAMME.replace("required_class_hours = 20", "required_class_hours = 0") + "elsewhere_share = 0.5\n",
            "which is 0",
        ),
        (
            PROGRAMME + 'elsewhere_share = 0.5\npace = { class_hours = 1, make_up_weeks = "any" }\n',
            "not with a pace",
        ),
        (PROGRAMME + EXAMINATION, "elsewhere_share"),
    ],
)
def test_what_could_never_count_is_refused(tmp_path: Path, text: str, says: str) -> None:
    found = [str(one) for one in check(write(tmp_path, text))]
    assert any(says in one and "elsewhere_share" in one for one in found), found
