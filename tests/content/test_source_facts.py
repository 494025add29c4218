"""docs/source-facts.md tells the truth: each line it names says what it quotes, and each test it names is there."""

import ast
import re
from pathlib import Path

import pytest

from tests.content.test_ten_programmes import TEN

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "source-facts.md"
ROW = re.compile(
    r"\| (?P<fact>[^|]+) \| `(?P<key>[^`]+)` \| `(?P<path>[^`:]+):(?P<line>\d+)` \| `(?P<says>[^`]+)`"
    r" \| `(?P<tests>[^`:]+)::(?P<test>\w+)` \|"
)
ROWS = [found for line in PAGE.read_text(encoding="utf-8").split("\n") if (found := ROW.fullmatch(line))]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['key']}: {row['fact']}")
def test_a_fact_stands_where_the_table_says(row: re.Match[str]) -> None:
    assert row["path"] == f"course_content/{row['key']}/programme.toml"
    line = (ROOT / row["path"]).read_text(encoding="utf-8").split("\n")[int(row["line"]) - 1].strip()
    assert row["says"] in (line, line.split(" #")[0].removesuffix(",")), f"{row['path']}:{row['line']} says {line}"
    functions = ast.walk(ast.parse((ROOT / row["tests"]).read_text(encoding="utf-8")))
    assert row["test"] in {one.name for one in functions if isinstance(one, ast.FunctionDef)}


def test_the_table_is_read_whole_and_speaks_of_all_ten() -> None:
    table = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    assert len(ROWS) == sum(line.startswith("| ") for line in table.split("\n")) - 2  # the heading and its rule
    assert {row["key"] for row in ROWS} == set(TEN)
    ours = PAGE.read_text(encoding="utf-8").split("## What the source does not say")[1]
    assert all(f"| `{key}` |" in ours for key in TEN)
