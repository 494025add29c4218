import subprocess
import sys
from pathlib import Path

import pytest

from scripts.benchmarking.outcome import Table
from scripts.checks.links import faults_of
from tests.scripts.loading import ROOT


def test_an_unknown_check_is_refused_with_the_names_of_those_there_are() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "check"), "style"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("unknown check 'style': choose from format, lint, types, ")


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("[there](other.md)", None),
        ("[up](/other.md)", None),
        ("[heading](other.md#two-clocks-one-rule)", None),
        ("[second of a name](other.md#again-1)", None),
        ("[here](#title)", None),
        ("[web](https://example.org/nowhere)", None),
        ("`[code](nowhere.md)`", None),
        ("[gone](nowhere.md)", "page.md: nowhere.md is not there"),
        ("![picture](shots/one.png)", "page.md: shots/one.png is not there"),
        ("[heading](other.md#three)", "page.md: other.md#three: there is no such heading"),
        ("[here](#nowhere)", "page.md: #nowhere: there is no such heading"),
    ],
)
def test_links_of_the_documentation_lead_somewhere(tmp_path: Path, link: str, fault: str | None) -> None:
    (tmp_path / "other.md").write_text("# Two clocks, one rule\n\n## Again\n\n## Again\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\nSee {link}.\n")
    assert list(faults_of(page, tmp_path)) == ([fault] if fault else [])


def test_links_inside_code_blocks_are_not_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\n[gone](nowhere.md)\n```\n")
    assert list(faults_of(page, tmp_path)) == []


def test_a_benchmarks_table_keeps_figures_in_columns() -> None:
    table = Table("", [("server", "requests/s"), ("empty", "1200"), ("beats on SQLite", "90")])
    assert table.as_text().splitlines() == [
        "  server           requests/s",
        "  ---------------------------",
        "  empty                  1200",
        "  beats on SQLite          90",
    ]


def test_continuous_integration_is_sound_shell() -> None:
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
