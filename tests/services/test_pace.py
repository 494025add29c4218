"""How one learner keeps up, a class group, and all learners of an office: one decision, read from the ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind, WeeklyPace
from lms_plugin.domain.pace import PaceState, WeekState
from lms_plugin.domain.programme import MINUTE_MS, Component, Programme, Text, Window
from lms_plugin.services import access, brief, catalogue, hours, pace
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit
from lms_plugin.services.pace import LearnerPace, weekly_ms_of
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders

HOUR = 45 * MINUTE_MS
OPENS, CLOSES = date(2026, 11, 2), date(2026, 12, 14)
# Monday 23 November, 20:00 in Shanghai: three weeks are over, this is the fourth of six.
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIX_WEEKS = builders.make_programme(
    "six-weeks",
    window=Window(OPENS, CLOSES),
    components=(Component("online", ComponentKind.READING, Text("网络课程", "Online"), Decimal(50)),),
    total_class_hours=Decimal(50),
)
PACED = builders.make_programme(
    "paced",
    window=Window(OPENS, date(2027, 11, 1)),
    components=(
        Component(
            "school",
            ComponentKind.SCHOOL_BASED,
            Text("校本研修", "School-based"),
            Decimal(84),
            pace=WeeklyPace(Decimal(2), make_up_weeks=2),
        ),
    ),
    total_class_hours=Decimal(84),
)


def credit(database: Database, enrolment: Enrolment, hours_by_day: dict[date, str]) -> None:
    """Enter class hours, each for the day they were earned on."""
    with database.writing() as session:
        current = catalogue.for_enrolment(session, enrolment, NOW)
        key = current.programme.components[0].key
        for day, amount in hours_by_day.items():
            entered = Credit(key, int(Decimal(amount) * HOUR), "decision", str(day), "test/1", {}, on=day)
            hours.enter(session, session.get_one(Enrolment, enrolment.id), current, entered, NOW)


def enrolled(database: Database, programme: Programme, login: str = "li", **columns: object) -> Enrolment:
    with database.writing() as session:
        user = builders.make_user(session, login)
        current = builders.publish(session, programme, durations_ms={}, now=datetime(2026, 10, 1, tzinfo=UTC))
        enrolment = builders.enrol(session, user, current, now=datetime(2026, 10, 20, tzinfo=UTC))
        for name, value in columns.items():
            setattr(enrolment, name, value)
        return enrolment


def read(database: Database, enrolment: Enrolment, now: datetime = NOW) -> LearnerPace:
    with database.reading() as session:
        again = session.get_one(Enrolment, enrolment.id)
        return pace.of_enrolment(session, again, hours.read(session, again, now))


def test_a_learner_sees_what_is_asked_what_came_in_and_when_they_are_through(database: Database) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    credit(database, enrolment, {date(2026, 11, 3): "5", date(2026, 11, 11): "6"})

    found = read(database, enrolment)

    assert (found.state, found.is_open, found.is_over) == (PaceState.BEHIND, True, False)
    assert (found.asked_ms, found.reached_ms, found.short_ms) == (25 * HOUR, 11 * HOUR, 14 * HOUR)
    assert [one.got_ms for one in found.weeks] == [5 * HOUR, 6 * HOUR, 0, 0]
    assert found.this_week == found.weeks[-1]
    # 11 hours in 22 days: 39 more take 78 days, this one included.
    assert found.present.weekly_ms == 11 * HOUR * 7 // 22
    assert (found.forecast.finish_on, found.forecast.in_time) == (date(2026, 11, 23) + timedelta(days=77), False)
    # 39 hours in the 21 days that are left.
    assert found.needed_weekly_ms == 13 * HOUR
    assert found.at_weekly(13 * HOUR).finish_on == date(2026, 12, 13)
    assert found.at_weekly(2 * HOUR).in_time is False


def test_before_the_opening_and_after_the_window_there_is_no_week(database: Database) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    before = read(database, enrolment, datetime(2026, 10, 25, tzinfo=UTC))
    after = read(database, enrolment, datetime(2026, 12, 13, 16, tzinfo=UTC))

    assert (before.state, before.this_week, before.asked_ms) == (PaceState.NOT_STARTED, None, 0)
    assert (after.is_over, after.this_week, after.short_ms, after.needed_weekly_ms) == (True, None, 50 * HOUR, None)


def test_whoever_is_through_has_nothing_left(database: Database) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    credit(database, enrolment, {date(2026, 11, 3): "50"})

    found = read(database, enrolment)

    assert (found.state, found.remaining_ms, found.needed_weekly_ms) == (PaceState.COMPLETE, 0, 0)


def test_missed_weeks_of_a_pace_say_whether_they_can_be_made_up(database: Database) -> None:
    enrolment = enrolled(database, PACED)
    credit(database, enrolment, {date(2026, 11, 3): "1", date(2026, 11, 10): "2"})

    ((part),) = read(database, enrolment).paced

    assert [one.state for one in part.weeks] == [
        WeekState.MISSED,  # two weeks after it are over
        WeekState.REACHED,
        WeekState.OPEN,
        WeekState.CURRENT,
    ]
    assert [one.week_on for one in part.weeks if one.state is WeekState.MISSED] == [date(2026, 11, 2)]
    assert [(one.make_up_ms, one.make_up_before) for one in part.to_make_up] == [(4 * HOUR, date(2026, 12, 7))]


@pytest.fixture
def county(database: Database) -> tuple[InForce, dict[str, Enrolment], access.Actor]:
    """Five learners of two schools, one of each state and one who has withdrawn; and their county's office."""
    learners: dict[str, Enrolment] = {}
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        current = builders.publish(session, SIX_WEEKS, durations_ms={}, now=datetime(2026, 10, 1, tzinfo=UTC))
        group = builders.make_class_group(session, current)
        for login, school in (
            ("through", regions.school),
            ("steady", regions.school),
            ("late", regions.second_school),
            ("idle", regions.second_school),
            ("gone", regions.second_school),
            ("far", regions.far_school),
        ):
            user = builders.make_user(session, login, region=school)
            learners[login] = builders.enrol(session, user, current, group=group if login != "far" else None)
        learners["gone"].state = "withdrawn"
        office = builders.actor_for(session, builders.make_user(session, "county", "office", scope=regions.county))
    for login, amount in (("through", "50"), ("steady", "20"), ("late", "16")):
        credit(database, learners[login], {date(2026, 11, 10): amount})
    return current, learners, office


def test_a_class_group_and_the_brief_say_the_same(
    database: Database, county: tuple[InForce, dict[str, Enrolment], access.Actor]
) -> None:
    current, learners, office = county
    with database.reading() as session:
        kept = pace.of_many(session, current, [one.id for one in learners.values()], NOW)
        with brief.brief(session, office, NOW, group_by=["school"]) as report:
            keys = [one.key for one in report.columns]
            rows = [dict(zip(keys, row, strict=True)) for row in report.rows]
        with brief.brief(session, office, NOW, programme_key="six-weeks", group_by=["class_group"]) as report:
            by_group = [row[2:] for row in report.rows]

    assert {login: (kept[one.id].state.value, kept[one.id].short_ms // HOUR) for login, one in learners.items()} == {
        "through": ("complete", 0),
        "steady": ("on_track", 5),
        "late": ("behind", 9),
        "idle": ("not_started", 25),
        "gone": ("not_started", 25),
        "far": ("not_started", 25),
    }
    figures = ("school_name", "enrolled", "completed", "on_track", "behind", "not_started", "behind_ratio")
    assert [tuple(row[one] for one in figures) for row in rows] == [
        ("莲华小学", 2, 1, 1, 0, 0, Decimal(0)),
        ("厂口中学", 2, 0, 0, 1, 1, Decimal(1)),
    ]
    assert by_group == [("一班", 4, 1, 1, 1, 1, Decimal("0.5"))]


def test_each_window_of_a_learners_own_has_its_own_line(database: Database) -> None:
    personal = replace(SIX_WEEKS, window=Window(date(2026, 1, 1), date(2028, 1, 1)), window_months=2)
    early, late = (enrolled(database, replace(personal, key=key), key) for key in ("early", "late"))
    with database.writing() as session:
        for one, day in ((early, date(2026, 9, 20)), (late, date(2026, 11, 22))):
            session.get_one(Enrolment, one.id).variant = personal.variant_for(day).write()
        builders.make_user(session, "office", "office")
    for one in (early, late):
        credit(database, one, {date(2026, 11, 20): "1"})
    with database.reading() as session:
        office = access.Actor(0, "o", "o", "zh", (access.Grant(access.OFFICE, None),))
        with brief.brief(session, office, NOW) as report:
            assert [(row[0], *row[2:7]) for row in report.rows] == [("early", 1, 0, 0, 1, 0), ("late", 1, 0, 1, 0, 0)]


def test_a_brief_of_nobody_is_empty_and_of_what_is_not_theirs_is_refused(
    database: Database, county: tuple[InForce, dict[str, Enrolment], access.Actor]
) -> None:
    with database.reading() as session:
        for wrong in ({"region_code": "620000"}, {"programme_key": "none"}):
            with pytest.raises(NotFound):
                brief.brief(session, county[2], NOW, **wrong)
        with pytest.raises(Malformed):
            brief.brief(session, county[2], NOW, group_by=["learner"])
        with brief.brief(session, county[2], NOW, region_code="530102-001", group_by=["province", "school"]) as report:
            assert [row[3] for row in report.rows] == ["云南省"]


# what was typed, class hours a week
TYPED = [
    *((one, one.strip().replace(",", ".")) for one in ("2", " 2.5 ", "2,5", "168")),
    *((one, None) for one in ("0", "-1", "x", "", "168.1", "1e3", "２", "0.001", "1.2.3", ".")),
]


@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_hours_a_week_are_read_as_people_write_them(typed: str, expected: str | None) -> None:
    assert weekly_ms_of(typed, HOUR) == (None if expected is None else int(Decimal(expected) * HOUR))
