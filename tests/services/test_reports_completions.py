"""The completion report: who may ask, what the figures are, and that they are the ledger's."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Programme, Text
from lms_plugin.services import access, hours, reports
from lms_plugin.services.access import Actor
from lms_plugin.services.reports import Report
from lms_plugin.storage.people import Region, RoleGrant
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import (
    NOW,
    RegionTree,
    actor_for,
    credit,
    enrol,
    make_class_group,
    make_programme,
    make_region_tree,
    make_user,
    publish,
    video_of,
    watch,
)

MINUTE = 60_000
CLASS_HOUR = 45 * MINUTE


def as_dicts(report: Report) -> list[dict[str, reports.Value]]:
    keys = [column.key for column in report.columns]
    assert len(set(keys)) == len(keys)
    return [dict(zip(keys, row, strict=True)) for row in report.rows]


def office(session: Session, login: str = "office", scope: Region | None = None) -> Actor:
    return actor_for(session, make_user(session, login, access.OFFICE, scope=scope))


def six_learners(session: Session) -> RegionTree:
    """Two in one school (one complete), one in its neighbour, one in the other county, one far away, one nowhere."""
    tree = make_region_tree(session)
    current = publish(session)
    first, second = make_class_group(session, current, "一班"), make_class_group(session, current, "二班")
    plan = [
        ("a", tree.school, first, 90, 45),
        ("b", tree.school, second, 0, 0),
        ("c", tree.second_school, first, 30, 0),
        ("d", tree.other_school, None, 44, 0),
        ("e", tree.far_school, first, 45, 0),
        ("f", None, None, 10, 0),
    ]
    for login, region, group, video_minutes, discussion_minutes in plan:
        enrolment = enrol(session, make_user(session, login, name=f"老师{login}", region=region), current, group=group)
        for key, minutes in (("video", video_minutes), ("discussion", discussion_minutes)):
            if minutes:
                credit(session, enrolment, minutes * MINUTE, key)
    return tree


def test_one_row_per_programme_without_grouping(database: Database) -> None:
    with database.writing() as session:
        six_learners(session)
        (row,) = as_dicts(reports.completions(session, office(session), NOW))
    assert row == {
        "programme_key": "rural",
        "programme_title": Text("农村教师远程培训", "Remote training of rural teachers"),
        "enrolled": 6,
        "not_started": 1,
        "in_progress": 4,
        "completed": 1,
        "completed_ratio": Decimal("0.1666"),
        "total_class_hours": class_hours((90 + 45 + 30 + 44 + 45 + 10) * MINUTE, CLASS_HOUR, rounding=ROUND_DOWN),
        "mean_class_hours": class_hours(264 * MINUTE, 6 * CLASS_HOUR, rounding=ROUND_DOWN),
    }


GROUPINGS = [
    (["province"], ["province_code"], [("530000", 4), ("620000", 1), (None, 1)]),
    (["city"], ["city_code"], [("530100", 4), ("621200", 1), (None, 1)]),
    (["county"], ["county_code"], [("530102", 3), ("530103", 1), ("621202", 1), (None, 1)]),
    (
        ["school"],
        ["school_code"],
        [("530102-001", 2), ("530102-002", 1), ("530103-001", 1), ("621202-001", 1), (None, 1)],
    ),
    (["class_group"], ["class_group"], [("一班", 3), ("二班", 1), (None, 2)]),
    (
        ["class_group", "province"],
        ["province_code", "class_group"],
        [
            ("530000", "一班", 2),
            ("530000", "二班", 1),
            ("530000", None, 1),
            ("620000", "一班", 1),
            (None, None, 1),
        ],
    ),
]


@pytest.mark.parametrize(("group_by", "keys", "expected"), GROUPINGS)
def test_groups_by_place_and_class_group(
    database: Database, group_by: list[str], keys: list[str], expected: list[tuple[object, ...]]
) -> None:
    with database.writing() as session:
        six_learners(session)
        rows = as_dicts(reports.completions(session, office(session), NOW, group_by=group_by))
    assert [(*(row[key] for key in keys), row["enrolled"]) for row in rows] == expected


def test_a_group_of_a_level_shows_its_code_and_name(database: Database) -> None:
    with database.writing() as session:
        six_learners(session)
        with reports.completions(session, office(session), NOW, group_by=["school", "county"]) as report:
            keys = [column.key for column in report.columns]
            first = next(report.rows)
    assert keys[2:6] == ["county_code", "county_name", "school_code", "school_name"]
    assert first[2:6] == ("530102", "五华区", "530102-001", "莲华小学")


def test_learner_rows_carry_places_components_and_completion(database: Database) -> None:
    with database.writing() as session:
        six_learners(session)
        rows = as_dicts(reports.completions(session, office(session), NOW, group_by=["learner"]))
    assert [row["login"] for row in rows] == ["a", "b", "c", "d", "e", "f"]
    assert rows[0] == {
        "programme_key": "rural",
        "programme_title": make_programme().title,
        "login": "a",
        "name": "老师a",
        "province_code": "530000",
        "province_name": "云南省",
        "city_code": "530100",
        "city_name": "昆明市",
        "county_code": "530102",
        "county_name": "五华区",
        "school_code": "530102-001",
        "school_name": "莲华小学",
        "class_group": "一班",
        "component.video": Decimal("2.00"),
        "component.discussion": Decimal("1.00"),
        "total_class_hours": Decimal("3.00"),
        "completion_ratio": Decimal(1),
        "complete": True,
        "completed_at": NOW.astimezone(ZoneInfo("Asia/Shanghai")),
    }
    last = rows[-1]
    assert (last["province_code"], last["school_name"], last["class_group"]) == (None, None, None)
    assert (last["component.video"], last["component.discussion"]) == (Decimal("0.22"), Decimal("0.00"))
    assert (last["complete"], last["completed_at"]) == (False, None)


def test_instants_are_given_in_the_programmes_own_time_zone(database: Database) -> None:
    with database.writing() as session:
        six_learners(session)
        row = as_dicts(reports.completions(session, office(session), NOW, group_by=["learner"]))[0]
    completed_at = row["completed_at"]
    assert isinstance(completed_at, datetime)
    assert completed_at.isoformat() == "2026-11-24T20:00:00+08:00"


def test_a_regional_admin_gets_the_own_region_and_all_below_it(database: Database) -> None:
    with database.writing() as session:
        tree = six_learners(session)
        expected = [
            (tree.province, ["a", "b", "c", "d"]),
            (tree.city, ["a", "b", "c", "d"]),
            (tree.county, ["a", "b", "c"]),
            (tree.second_school, ["c"]),
            (tree.far_county, ["e"]),
        ]
        for region, logins in expected:
            actor = office(session, f"office-{region.code}", region)
            rows = as_dicts(reports.completions(session, actor, NOW, group_by=["learner"]))
            assert [row["login"] for row in rows] == logins, region.code
            assert as_dicts(reports.completions(session, actor, NOW))[0]["enrolled"] == len(logins)


def test_an_admin_of_two_regions_gets_both_and_nobody_twice(database: Database) -> None:
    with database.writing() as session:
        tree = six_learners(session)
        user = make_user(session, "office", access.OFFICE, scope=tree.county)
        for region in (tree.school, tree.far_province):
            session.add(RoleGrant(user_id=user.id, role=access.OFFICE, region_id=region.id))
        session.flush()
        rows = as_dicts(reports.completions(session, actor_for(session, user), NOW, group_by=["learner"]))
    assert [row["login"] for row in rows] == ["a", "b", "c", "e"]


def test_a_region_narrows_the_report(database: Database) -> None:
    with database.writing() as session:
        tree = six_learners(session)
        whole, county = office(session), office(session, "county", tree.county)
        for actor, code, logins in [
            (whole, "530102", ["a", "b", "c"]),
            (whole, "530103-001", ["d"]),
            (county, "530102", ["a", "b", "c"]),
            (county, "530102-002", ["c"]),
        ]:
            rows = as_dicts(reports.completions(session, actor, NOW, region_code=code, group_by=["learner"]))
            assert [row["login"] for row in rows] == logins


@pytest.mark.parametrize("code", ["530000", "530103", "621202-001", "999999", ""])
def test_a_region_outside_is_as_unknown_as_one_that_is_not_there(database: Database, code: str) -> None:
    with database.writing() as session:
        tree = six_learners(session)
        actor = office(session, "county", tree.county)
        with pytest.raises(NotFound) as refused:
            reports.completions(session, actor, NOW, region_code=code)
    assert (refused.value.code, refused.value.params) == ("not_found", {"what": "region", "region_code": code})


@pytest.mark.parametrize("role", [access.LEARNER, access.TUTOR, access.PROVIDER])
def test_nobody_else_gets_a_report(database: Database, role: str) -> None:
    with database.writing() as session:
        six_learners(session)
        actor = actor_for(session, make_user(session, "somebody", role))
        with pytest.raises(NotAllowed):
            reports.completions(session, actor, NOW)
    with pytest.raises(NotAllowed):
        reports.settle(database, actor, NOW)


@pytest.mark.parametrize(
    ("arguments", "refusal", "code"),
    [
        ({"programme_key": "nowhere"}, NotFound, "not_found"),
        ({"group_by": ["village"]}, Malformed, "unknown_grouping"),
        ({"group_by": ["county", "learner; DROP TABLE users"]}, Malformed, "unknown_grouping"),
    ],
)
def test_what_a_report_is_refused_for(
    database: Database, arguments: dict[str, Any], refusal: type[Refusal], code: str
) -> None:
    with database.writing() as session:
        six_learners(session)
        actor = office(session)
        with pytest.raises(refusal) as refused:
            reports.completions(session, actor, NOW, **arguments)
    assert refused.value.code == code


def two_programmes(session: Session) -> tuple[Programme, Programme]:
    """The second has other components, a longer class hour and another time zone."""
    first = make_programme("a")
    video, discussion = first.components
    second = make_programme(
        "b",
        components=(replace(video, key="films", title=Text("录像", "Recordings")), discussion),
        class_hour_minutes=60,
        window=replace(first.window, timezone="Asia/Urumqi"),
    )
    user = make_user(session, "wang.li")
    for programme, key in ((first, "video"), (second, "films")):
        enrolment = enrol(session, user, publish(session, programme))
        credit(session, enrolment, 180 * MINUTE, key)
        credit(session, enrolment, 60 * MINUTE, "discussion")
    return first, second


def test_programmes_are_never_added_up(database: Database) -> None:
    with database.writing() as session:
        two_programmes(session)
        actor = office(session)
        rows = as_dicts(reports.completions(session, actor, NOW))
        one = as_dicts(reports.completions(session, actor, NOW, programme_key="b"))
    assert [(row["programme_key"], row["total_class_hours"]) for row in rows] == [
        ("a", Decimal("5.33")),
        ("b", Decimal("4.00")),
    ]
    assert one == rows[1:]


def test_learner_rows_of_several_programmes_have_the_columns_of_all(database: Database) -> None:
    with database.writing() as session:
        two_programmes(session)
        report = reports.completions(session, office(session), NOW, group_by=["learner"])
        titles = {column.key: column.title for column in report.columns if column.title is not None}
        rows = as_dicts(report)
    assert titles == {
        "component.video": Text("课程视频", "Films"),
        "component.discussion": Text("研讨", "Discussion"),
        "component.films": Text("录像", "Recordings"),
    }
    figures = [
        tuple(row[key] for key in ("component.video", "component.films", "component.discussion")) for row in rows
    ]
    assert figures == [
        (Decimal("4.00"), None, Decimal("1.33")),
        (None, Decimal("3.00"), Decimal("1.00")),
    ]
    zones = [row["completed_at"].tzinfo for row in rows if isinstance(row["completed_at"], datetime)]
    assert zones == [ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Urumqi")]


def test_whoever_moved_stays_where_they_enrolled(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        user = make_user(session, region=tree.school)
        enrol(session, user, publish(session))
        user.region_id = tree.far_school.id
        session.flush()
        rows = as_dicts(reports.completions(session, office(session), NOW, group_by=["school"]))
    assert [row["school_code"] for row in rows] == ["530102-001"]


def test_a_learner_registered_under_a_county_has_no_school(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        enrol(session, make_user(session, region=tree.county), publish(session))
        (row,) = as_dicts(reports.completions(session, office(session), NOW, group_by=["county", "school"]))
    assert (row["county_code"], row["school_code"], row["school_name"]) == ("530102", None, None)


def test_once_settled_a_report_misses_no_watched_minute_of_the_admins_learners(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        current = publish(session)
        film = video_of(session, current)
        for login, region in (("near", tree.school), ("far", tree.far_school)):
            user = make_user(session, login, region=region)
            watch(session, actor_for(session, user), enrol(session, user, current), film, 4 * MINUTE + 30_000)
        actor, whole = office(session, "county", tree.county), office(session)
    later = NOW + timedelta(hours=1)
    with database.reading() as session:
        assert as_dicts(reports.completions(session, actor, NOW))[0]["not_started"] == 1
    assert reports.settle(database, actor, later) == 1
    with database.reading() as session:
        (row,) = as_dicts(reports.completions(session, actor, NOW, group_by=["learner"]))
        assert (row["component.video"], row["total_class_hours"]) == (Decimal("0.10"), Decimal("0.10"))
    assert reports.settle(database, whole, later, programme_key="rural", region_code="530102") == 0
    assert reports.settle(database, whole, later, programme_key="rural") == 1


def test_hundreds_of_learners_come_in_portions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "FETCHED_AT_ONCE", 10)
    with database.writing() as session:
        current = publish(session)
        for number in range(35):
            enrol(session, make_user(session, f"l{number:03}"), current)
        actor = office(session)
    with database.reading() as session:
        report = reports.completions(session, actor, NOW, group_by=["learner"])
        first = next(report.rows)
        assert first[2] == "l000"
        assert [row[2] for row in report.rows] == [f"l{number:03}" for number in range(1, 35)]


LEDGERS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["video", "discussion", "retired"]),
            st.integers(-50 * MINUTE, 150 * MINUTE) | st.sampled_from([1, CLASS_HOUR, 2 * CLASS_HOUR]),
        ),
        max_size=5,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ledgers=LEDGERS, cap=st.none() | st.sampled_from([Decimal("1.5"), Decimal(2)]))
def test_whatever_is_entered_reports_and_hours_agree(
    database: Database, ledgers: list[list[tuple[str, int]]], cap: Decimal | None
) -> None:
    programme = make_programme()
    video, discussion = programme.components
    programme = replace(programme, components=(replace(video, max_class_hours=cap), discussion))
    with database.reading() as session:
        current = publish(session, programme)
        enrolments: dict[str, Enrolment] = {}
        for number, ledger in enumerate(ledgers):
            enrolment = enrol(session, make_user(session, f"l{number}"), current)
            enrolments[f"l{number}"] = enrolment
            for key, amount_ms in ledger:
                credit(session, enrolment, amount_ms, key)
        actor = office(session)
        found = {login: hours.read(session, one, NOW) for login, one in enrolments.items()}
        learners = as_dicts(reports.completions(session, actor, NOW, group_by=["learner"]))
        (group,) = as_dicts(reports.completions(session, actor, NOW))
    assert {row["login"] for row in learners} == set(enrolments)
    for row in learners:
        login = row["login"]
        assert isinstance(login, str)
        read = found[login]
        for standing in read.hours.components:
            assert standing.component is not None
            assert row[f"component.{standing.component.key}"] == standing.credited_class_hours
        assert row["total_class_hours"] == read.hours.total.credited_class_hours
        assert row["completion_ratio"] == read.completion.ratio
        # A correction may take hours away again; completion, once reached, stays.
        assert row["complete"] or not read.completion.complete
        assert row["complete"] == (enrolments[login].completed_at is not None)
    total_ms = sum(read.hours.total.counted_ms for read in found.values())
    completed = sum(row["complete"] is True for row in learners)
    idle = sum(
        read.hours.total.counted_ms == 0 and enrolments[login].completed_at is None for login, read in found.items()
    )
    assert group["enrolled"] == len(enrolments)
    assert (group["completed"], group["not_started"]) == (completed, idle)
    assert group["in_progress"] == len(enrolments) - completed - idle
    assert group["total_class_hours"] == class_hours(total_ms, CLASS_HOUR, rounding=ROUND_DOWN)
