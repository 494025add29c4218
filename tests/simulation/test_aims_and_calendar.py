"""What simulated teachers aim at, and when their meetings take place: enough to complete, inside the window."""

from datetime import date
from pathlib import Path

import pytest

from lms_plugin.content.loader import find_programmes, load_programme
from lms_plugin.domain.completion import decide
from lms_plugin.domain.hours import reckon
from lms_plugin.domain.modes import MEETING_KINDS
from lms_plugin.domain.programme import MINUTE_MS, Programme, Variant, Window
from lms_plugin.simulation import calendar
from lms_plugin.simulation.aims import aims_of

CONTENT = Path(__file__).parents[2] / "course_content"
DEMO = {"remote-study", "rural-maths"}


def variants() -> list[tuple[str, str, str]]:
    """(programme, phase, tier) of everything that can be simulated."""
    found = []
    for folder in find_programmes(CONTENT):
        if folder.name in DEMO:
            continue
        programme = load_programme(folder).programme
        phases = [one.key for one in programme.phases] or [""]
        tiers = [one.key for one in programme.tiers] or [""]
        found += [(folder.name, phase, tier) for phase in phases for tier in tiers]
    return found


def taken(key: str, phase: str, tier: str) -> tuple[Programme, int]:
    programme = load_programme(CONTENT / key).programme
    films_ms = sum(module.awaited_minutes or 0 for module in programme.modules) * MINUTE_MS
    return programme.taken_as(Variant(phase, tier)), films_ms


def test_all_ten_programmes_can_be_simulated() -> None:
    assert len({key for key, _, _ in variants()}) == 10


@pytest.mark.parametrize("has_line", [True, False])
@pytest.mark.parametrize(("key", "phase", "tier"), variants())
def test_whoever_reaches_the_aims_is_complete(key: str, phase: str, tier: str, *, has_line: bool) -> None:
    programme, films_ms = taken(key, phase, tier)
    aims = aims_of(programme, films_ms, has_line=has_line)
    reached = reckon(programme, {one.key: aims.of(one) for one in programme.components})
    assert decide(programme, reached).complete


def test_who_has_no_line_watches_with_others_where_the_programme_lets_them() -> None:
    programme, films_ms = taken("rural-compulsory", "", "")
    alone, together = (aims_of(programme, films_ms, has_line=has_line).by_component for has_line in (True, False))
    assert alone["video"] > together["video"] == 0
    assert together["viewing"] > alone["viewing"]
    # Where films are asked for, there is no other way.
    programme, films_ms = taken("senior-high-reform", "", "")
    assert aims_of(programme, films_ms, has_line=False).by_component["video"] >= 30 * 45 * MINUTE_MS


@pytest.mark.parametrize(("key", "phase", "tier"), variants())
def test_meetings_are_enough_inside_the_window_and_never_two_on_a_day(key: str, phase: str, tier: str) -> None:
    programme, films_ms = taken(key, phase, tier)
    aims = aims_of(programme, films_ms)
    for component in programme.components:
        if component.kind not in MEETING_KINDS:
            continue
        for offset in range(5):
            found = calendar.occasions(component, aims.of(component), programme.window, offset=offset)
            assert sum(one.gives_minutes for one in found) * MINUTE_MS >= aims.of(component)
            days = [programme.window.day_of(one.starts_at) for one in found]
            assert len(set(days)) == len(days)
            assert all(programme.window.contains(one.starts_at) for one in found)
            assert all(one.ends_at <= programme.window.closes_at for one in found)


def test_weeks_are_counted_from_the_first_day_of_the_window() -> None:
    window = Window(date(2026, 12, 30), date(2027, 1, 15))
    assert list(calendar.weeks(window)) == [date(2026, 12, 30), date(2027, 1, 6), date(2027, 1, 13)]
