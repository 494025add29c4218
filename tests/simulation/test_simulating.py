"""Programmes simulated through the services: people complete, and every hour of it stands up to the audit."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from lms_plugin.cli.simulating import simulate
from lms_plugin.content.loader import load_programme
from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.programme import Programme
from lms_plugin.services import auditing
from lms_plugin.simulation import behaviour, running, world
from lms_plugin.simulation.behaviour import Kind
from lms_plugin.simulation.running import Pace, Tally
from lms_plugin.simulation.world import World
from lms_plugin.storage import migrating
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.simulation.test_aims_and_calendar import CONTENT, DEMO

PACE = Pace(seed=3, beat=timedelta(minutes=30), processes=1)
KEYS = sorted(folder.name for folder in CONTENT.iterdir() if folder.is_dir() and folder.name not in DEMO)


def make(database: Database, programme: Programme, learners: int) -> World:
    return world.make(database, programme, learners, PACE.seed)


def run(database: Database, programme: Programme, learners: int) -> tuple[World, Tally]:
    made = make(database, programme, learners)
    tally = Tally()
    for one in running.run(database.engine.url.render_as_string(hide_password=False), made, PACE):
        tally.add(one)
    return made, tally


def differences(database: Database) -> list[str]:
    with database.reading() as session:
        found = auditing.audit(session, auditing.chosen(session))
        return [one.difference for one in found if one.difference is not None]


@pytest.mark.parametrize(
    ("key", "database_url"),
    [(key, "sqlite") for key in KEYS] + [(key, "postgresql") for key in ("rural-quality", "senior-high-reform")],
    indirect=["database_url"],
)
def test_a_programme_runs_from_enrolment_to_completion(database: Database, key: str) -> None:
    programme = load_programme(CONTENT / key).programme
    made, tally = run(database, programme, 10)
    assert sum(tally.learners.values()) == made.learners == 10
    # Whoever keeps at it gets there; whoever stops does not.
    assert sum(tally.complete.values()) >= 5
    assert tally.complete[Kind.DROP_OUT] == 0
    with database.reading() as session:
        entries = session.scalar(select(func.sum(CreditEntryRow.amount_ms))) or 0
        assert entries >= sum(tally.counted_ms.values()) > 0
        numbers = session.scalars(select(Enrolment.registration_number)).all()
        assert len(set(numbers)) == 10
        assert None not in numbers
    assert differences(database) == []


def test_several_processes_share_the_class_groups(database: Database) -> None:
    if database.is_sqlite:
        programme = replace(load_programme(CONTENT / "western-pe").programme, class_size=1)
        made = make(database, programme, 9)
        url = database.engine.url.render_as_string(hide_password=False)
        tallies = list(running.run(url, made, replace(PACE, processes=2)))
        assert sum(sum(one.learners.values()) for one in tallies) == 9
        assert len(tallies) == -(-9 // running.GROUPS_AT_ONCE)
    else:
        assert make(database, load_programme(CONTENT / "western-pe").programme, 3).learners == 3


def test_the_same_seed_gives_the_same_people(database: Database, make_other: Database) -> None:
    programme = load_programme(CONTENT / "pe-placement").programme
    found = []
    for store in (database, make_other):
        make(store, programme, 12)
        with store.reading() as session:
            found.append(session.execute(select(User.login, User.name).order_by(User.login)).all())
    assert found[0] == found[1]


@pytest.fixture
def make_other(tmp_path: Path) -> Iterator[Database]:
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    migrating.upgrade(other)
    yield other
    other.dispose()


def test_a_store_with_real_people_is_left_alone(database: Database) -> None:
    with database.writing() as session:
        builders.make_user(session)
    with pytest.raises(Conflict, match="store_in_use"):
        make(database, load_programme(CONTENT / "western-pe").programme, 3)


def test_a_programme_is_simulated_once_in_a_store(database: Database) -> None:
    programme = load_programme(CONTENT / "western-pe").programme
    make(database, programme, 3)
    with pytest.raises(Conflict, match="already_simulated"):
        make(database, programme, 3)


def test_phases_share_the_learners_by_their_places_and_tiers_alike(database: Database) -> None:
    made = make(database, load_programme(CONTENT / "vocational-backbone").programme, 50)
    with database.reading() as session:
        sizes: dict[tuple[str, str], int] = {}
        for group in made.groups:
            size = session.scalar(select(func.count()).where(Enrolment.class_group_id == group.class_group_id))
            limit = session.get_one(ClassGroup, group.class_group_id).size_limit
            assert size is not None
            assert limit is not None
            assert size <= limit
            sizes[group.phase, group.tier] = sizes.get((group.phase, group.tier), 0) + size
    assert sizes == {
        ("subjects", "standard"): 5,
        ("subjects", "advanced"): 5,
        ("educational-technology", "standard"): 20,
        ("educational-technology", "advanced"): 20,
    }


@pytest.mark.parametrize(
    ("key",               "learners"),
    [
        ("senior-high-reform",  87_000),
        ("class-teachers",      10_100),
        ("rural-compulsory",   250_000),
        ("western-pe",             592),
        ("western-pairing",    510_000),
        ("earthquake-aid",       2_500),
        ("vocational-backbone", 10_000),
        ("rural-quality",         None),
    ],
)  # fmt: skip
def test_without_a_number_a_programme_is_simulated_as_large_as_it_is(key: str, learners: int | None) -> None:
    assert world.head_count(load_programme(CONTENT / key).programme) == learners


def test_the_command_prints_who_completed_and_the_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMS_PLUGIN_SECRET_KEY", "0123456789" * 4)
    monkeypatch.setenv("LMS_PLUGIN_DATABASE_URL", f"sqlite:///{tmp_path / 'sim.sqlite3'}")
    monkeypatch.setenv("LMS_PLUGIN_DATA_DIR", str(tmp_path))
    folder = str(CONTENT / "pe-placement")
    found = CliRunner().invoke(simulate, [folder, "--learners", "6", "--processes", "1"])
    assert found.exit_code == 0, found.output
    assert "pe-placement" in found.stdout
    assert "6 learners in 1 class groups" in found.stdout
    assert "shadowing" in found.stdout
    refused = CliRunner().invoke(simulate, [folder])
    assert refused.exit_code == 2
    assert "has no number of places" in refused.output
    unknown = CliRunner().invoke(simulate, ["no-such-programme"])
    assert "there is no programme no-such-programme" in unknown.output


def test_habits_are_those_of_people() -> None:
    chance = random.Random(1)
    habits = [behaviour.draw(chance) for _ in range(2_000)]
    shares = {kind: sum(one.kind is kind for one in habits) / 20 for kind in Kind}
    assert all(abs(shares[kind] - wanted) < 4 for kind, wanted in behaviour.SHARES.items())
    for one in habits[:200]:
        done = [one.share_by(passed / 50) for passed in range(51)]
        assert done == sorted(done)
        assert done[0] == 0
        assert done[-1] == 1
        assert one.goes_on(0)
    posts = {behaviour.post(chance, 150) for _ in range(50)}
    assert len(posts) == 50
    assert all(len(post) >= 150 for post in posts)
