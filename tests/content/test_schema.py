"""The schemas that editors use: they hold for all of course_content, and refuse what the check refuses."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lms_plugin.cli.content import content
from lms_plugin.content.schema import FILES, json_schema
from tests.content.json_schema import faults
from tests.content.test_rules import EVERYTHING

CONTENT = Path(__file__).parents[2] / "course_content"
KEPT = CONTENT / "programme.schema.json"
PLACES = {
    "programme": "*/programme.toml",
    "module": "*/modules/*/module.toml",
    "questions": "*/modules/*/questions.toml",
}


def as_json(value: Any) -> Any:
    """A TOML value as an editor's schema sees it: dates are strings."""
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("file", sorted(FILES))
def test_all_course_content_is_as_the_schema_says(file: str) -> None:
    schema = json_schema(file)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    paths = sorted(CONTENT.glob(PLACES[file]))
    assert len(paths) >= 12
    for path in paths:
        value = as_json(tomllib.loads(path.read_text(encoding="utf-8")))
        assert list(faults(schema, value, schema)) == [], path


def test_the_schema_kept_beside_the_programmes_is_the_one_that_is_printed() -> None:
    assert json.loads(KEPT.read_text(encoding="utf-8")) == json_schema("programme"), (
        "run: lms-plugin content schema > course_content/programme.schema.json"
    )
    for path in CONTENT.glob(PLACES["programme"]):
        first = path.read_text(encoding="utf-8").split("\n")[0]
        assert first == "#:schema ../programme.schema.json" or path.parent.name in ("remote-study", "rural-maths")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class_hour_minutes = 60", 'class_hour_minutes = "60"'),
        ("class_hour_minutes = 60", "class_hour_minutes = 0"),
        ("class_hour_minutes = 60", "class_hours_minutes = 60"),
        ("total_class_hours = 100", ""),
        ('kind = "qna"', 'kind = "webinar"'),
        ("pieces = 3", "late_minutes = 3"),
        ("make_up_weeks = 4", 'make_up_weeks = "never"'),
        ("make_up_weeks = 4", "make_up_weeks = -1"),
        (", make_up_weeks = 4", ""),
        ('kind = "self_study"', 'kind = "cooking"'),
        ('approvals = ["school"]', 'approvals = ["province"]'),
        ('least_title = "second_grade"', 'least_title = "professor"'),
        ("course = 10", "course = -10"),
        ("course = 10", "Course = 10"),
        ("months = 6", "months = 0"),
        ('zh = "甲"', 'zh = ""'),
        ('["second"]', "[]"),
        ("least_presence = 0.75", "least_presence = 75"),
    ],
)
def test_an_editor_shows_what_the_check_refuses(old: str, new: str) -> None:
    schema = json_schema("programme")
    assert list(faults(schema, as_json(tomllib.loads(EVERYTHING)), schema)) == []
    assert old in EVERYTHING
    spoilt = as_json(tomllib.loads(EVERYTHING.replace(old, new, 1)))
    assert list(faults(schema, spoilt, schema))


def test_every_key_is_explained_to_whoever_writes_it() -> None:
    schema = json_schema("programme")
    for name, table in (schema["$defs"] | {"ProgrammeFile": schema}).items():
        assert table["description"], name
        for key, told in table["properties"].items():
            words = told.get("description") or schema["$defs"].get(str(told.get("$ref"))[8:], {}).get("description")
            assert words or key == "kind", f"{name}.{key}"


@pytest.mark.parametrize(
    ("arguments", "file"), [([], "programme"), (["module"], "module"), (["questions"], "questions")]
)
def test_the_command_prints_the_schema(arguments: list[str], file: str) -> None:
    done = CliRunner().invoke(content, ["schema", *arguments])
    assert (done.exit_code, json.loads(done.stdout)) == (0, json_schema(file))
