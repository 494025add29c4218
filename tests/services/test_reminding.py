"""Reminders: before a window closes, when falling behind, for a week that fell short, for admins; each of them once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from lms_plugin.domain.modes import WeeklyPace
from lms_plugin.domain.nomination import NominationRule
from lms_plugin.services import notices, reminding
from lms_plugin.services.notices import NewNotice
from lms_plugin.storage.admission import Quota
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import SchoolActivity
from tests import builders
from tests.services.test_pace import HOUR, PACED, SIX_WEEKS, credit, enrolled


def at(day: int, month: int = 11, hour: int = 12, year: int = 2026) -> datetime:
    """20:00 in Shanghai on a day, of 2026 where no other year is named; `hour` in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def told(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(one.kind, one.about) for one in session.scalars(select(Notice).order_by(Notice.id))]


# six weeks from 2 November to 13 December: the day, and which reminder of the closing has come by then
CLOSING = [
    (at(29, 11), []),
    (at(30, 11), ["14"]),
    (at(6, 12), ["14"]),
    (at(7, 12), ["7"]),
    (at(12, 12), ["2"]),
    (at(13, 12), ["2"]),
    (at(14, 12), []),
]  # fmt: skip


@pytest.mark.parametrize(("now", "expected"), CLOSING)
def test_before_a_window_closes_the_nearest_reminder_is_told(
    database: Database, now: datetime, expected: list[str]
) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    credit(database, enrolment, {date(2026, 11, 3): "49"})

    assert reminding.remind(database, now) == len(expected)

    assert [about.rsplit("/", 1)[1] for kind, about in told(database) if kind == "window_closes"] == expected


def test_every_round_tells_the_same_and_nobody_twice(database: Database) -> None:
    for login in ("a", "b", "c"):
        enrolled(database, SIX_WEEKS, login)

    assert reminding.remind(database, at(30), portion=2) == 6  # the closing and falling behind, of three people
    assert reminding.remind(database, at(30, hour=13), portion=2) == 0
    assert reminding.remind(database, at(7, 12), portion=2) == 6
    assert len(told(database)) == 12


def test_a_prolonged_window_has_a_closing_of_its_own(database: Database) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    credit(database, enrolment, {date(2026, 11, 3): "49"})
    reminding.remind(database, at(7, 12))
    with database.writing() as session:
        longer = replace(SIX_WEEKS, window=replace(SIX_WEEKS.window, closes_on=date(2026, 12, 21)))
        builders.publish(session, longer, durations_ms={}, now=at(8, 12))

    assert reminding.remind(database, at(9, 12)) == 1
    assert told(database)[-1] == ("window_closes", f"enrolment/{enrolment.id}/closes/2026-12-21/14")


def test_who_fell_behind_hears_of_it_once_a_week_and_never_when_on_track(database: Database) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    for now in (at(5), at(16), at(17), at(22), at(23)):
        reminding.remind(database, now)
    behind = [about for kind, about in told(database) if kind == "fell_behind"]
    assert behind == [f"enrolment/{enrolment.id}/behind/2026-11-{monday}" for monday in (16, 23)]

    credit(database, enrolment, {date(2026, 11, 24): "40"})

    assert reminding.remind(database, at(30)) == 1  # the closing only
    with database.reading() as session:
        (first,) = session.scalars(select(Notice).where(Notice.about.endswith("11-23"))).all()
    assert first.params["short_ms"] == 25 * HOUR
    assert first.address == f"/enrolments/{enrolment.id}/pace"


def test_whoever_is_through_or_has_withdrawn_is_left_alone(database: Database) -> None:
    through = enrolled(database, SIX_WEEKS)
    credit(database, through, {date(2026, 11, 3): "50"})
    enrolled(database, SIX_WEEKS, "gone", state="withdrawn")

    assert reminding.remind(database, at(7, 12)) == 0


@pytest.mark.parametrize(
    ("make_up", "hours", "expected"),
    [
        (2, "1", ("week_short", "2026-12-06", 3)),
        (None, "1", ("week_short", "2027-10-31", 3)),
        (0, "1", ("week_lost", None, 0)),
        (2, "2", None),
    ],
)
def test_a_week_that_fell_short_says_what_makes_up_for_it(
    database: Database, make_up: int | None, hours: str, expected: tuple[str, str | None, int] | None
) -> None:
    (component,) = PACED.components
    programme = replace(PACED, components=(replace(component, pace=WeeklyPace(Decimal(2), make_up)),))
    enrolment = enrolled(database, programme)
    credit(database, enrolment, {date(2026, 11, 3): "2", date(2026, 11, 10): "2", date(2026, 11, 17): hours})

    for _ in range(2):
        reminding.remind(database, at(23))

    with database.reading() as session:
        found = session.scalars(select(Notice)).all()
    if expected is None:
        assert found == []
        return
    kind, until, needed = expected
    (one,) = found
    assert (one.kind, one.about) == (kind, f"enrolment/{enrolment.id}/school/2026-11-16")
    assert one.params["make_up_ms"] == needed * HOUR
    before = one.params["make_up_before"]
    assert (None if before is None else date.fromisoformat(before) - timedelta(days=1)) == (
        None if until is None else date.fromisoformat(until)
    )


# 42 weeks at 2 have asked for all 84 by then: weeks to make up in, hours of the week from 23 August that are entered
# before 30 August or only before 6 September, and what is told of it when.
ALL_ASKED = [
    (2, "1", "", [("week_short", at(30, 8, year=2027), 3, date(2027, 9, 13))]),
    (2, "1.5", "", [("week_short", at(30, 8, year=2027), "2.5", date(2027, 9, 13))]),
    (2, "", "1", [("week_short", at(6, 9, year=2027), 5, date(2027, 9, 13))]),
    (0, "1", "", [("week_lost", at(30, 8, year=2027), 0, None)]),
    (0, "", "1", []),
    (2, "2", "", []),
    (2, "", "", []),
    (None, "1", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("make_up", "hours", "late", "expected"), ALL_ASKED)
def test_hours_that_wait_are_told_of_also_where_nothing_is_asked_for(
    database: Database,
    make_up: int | None,
    hours: str,
    late: str,
    expected: list[tuple[str, datetime, int | str, date | None]],
) -> None:
    (component,) = PACED.components
    programme = replace(PACED, components=(replace(component, pace=WeeklyPace(Decimal(2), make_up)),))
    enrolment = enrolled(database, programme)
    for now, amount in ((at(30, 8, year=2027), hours), (at(6, 9, year=2027), late), (at(13, 9, year=2027), "")):
        if amount:
            credit(database, enrolment, {date(2027, 8, 25): amount})
        for _ in range(2):
            reminding.remind(database, now)

    with database.reading() as session:
        found = session.scalars(select(Notice).where(Notice.about.endswith("/school/2027-08-23"))).all()
    assert [(one.kind, one.created_at, one.params["make_up_ms"], one.params["make_up_before"]) for one in found] == [
        (kind, now, int(Decimal(needed) * HOUR), before.isoformat() if before is not None else None)
        for kind, now, needed, before in expected
    ]
    assert {(one.params["asked_ms"], one.params["pace_ms"]) for one in found} <= {(0, 2 * HOUR)}


def test_hours_of_a_first_week_that_is_no_whole_one_are_told_of(database: Database) -> None:
    programme = replace(PACED, window=replace(PACED.window, opens_on=date(2026, 11, 4)))
    some, none = enrolled(database, programme, "some"), enrolled(database, programme, "none")
    credit(database, some, {date(2026, 11, 5): "1"})

    reminding.remind(database, at(9))

    assert told(database) == [("week_short", f"enrolment/{some.id}/school/2026-11-02")]
    assert none.id != some.id


def test_what_is_not_true_any_more_need_not_be_sent(database: Database) -> None:
    late, caught_up, through, gone = (enrolled(database, SIX_WEEKS, login) for login in ("a", "b", "c", "d"))
    reminding.remind(database, at(30))
    credit(database, caught_up, {date(2026, 11, 30): "45"})
    credit(database, through, {date(2026, 11, 30): "50"})
    with database.writing() as session:
        session.get_one(Enrolment, gone.id).state = "withdrawn"
        notices.tell(session, NewNotice(late.user_id, "dispute_opened", "dispute/1"), at(30))
    with database.reading() as session:
        everything = session.scalars(select(Notice).order_by(Notice.id)).all()
        outdated = reminding.outdated(session, everything, at(30))
        kept = sorted((one.user_id, one.kind) for one in everything if one.id not in outdated)
        assert kept == sorted(
            [
                (late.user_id, "window_closes"),
                (late.user_id, "fell_behind"),
                (late.user_id, "dispute_opened"),
                (caught_up.user_id, "window_closes"),
            ]
        )
        assert len(reminding.outdated(session, everything, at(14, 12))) == len(everything) - 1


def test_admins_with_places_left_hear_of_the_deadline_for_nominations(database: Database) -> None:
    programme = replace(SIX_WEEKS, nomination=NominationRule(deadline_on=date(2026, 10, 20)))
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        builders.publish(session, SIX_WEEKS, durations_ms={}, now=at(1, 9))
        current = builders.publish(session, replace(programme, key="nominated"), durations_ms={}, now=at(1, 9))
        county = builders.make_user(session, "county", "office", scope=regions.county)
        builders.make_user(session, "other", "office", scope=regions.other_county)
        builders.make_user(session, "all", "office")
        for region, places in ((regions.county, 3), (regions.far_county, 2)):
            session.add(Quota(programme_id=current.id, region_id=region.id, phase="", places=places, set_at=at(1, 9)))

    rounds = [reminding.remind(database, now) for now in (at(12, 10), at(13, 10), at(14, 10), at(18, 10), at(20, 10))]

    assert rounds == [0, 1, 0, 1, 0]
    with database.reading() as session:
        first, second = session.scalars(select(Notice).order_by(Notice.id)).all()
    assert (first.user_id, first.kind, first.params["places"]) == (county.id, "nominations_due", 3)
    assert (first.about[-1], second.about[-1]) == ("7", "2")


def test_who_is_to_approve_hears_once_a_week_what_waits(database: Database) -> None:
    enrolment = enrolled(database, PACED)
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        school = builders.make_user(session, "school", "office", scope=regions.school)
        county = builders.make_user(session, "county", "office", scope=regions.county)
        for number, (region, state) in enumerate(
            [
                (regions.school, "submitted"),
                (regions.school, "submitted"),
                (regions.school, "school_approved"),
                (regions.second_school, "submitted"),  # has no admin of its own
                (regions.school, "approved"),
                (regions.far_school, "submitted"),
            ]
        ):
            session.add(
                SchoolActivity(
                    enrolment_id=enrolment.id,
                    user_id=enrolment.user_id,
                    region_id=region.id,
                    component_key="school",
                    activity="lecture",
                    title=f"讲座 {number}",
                    text="",
                    starts_at=at(20),
                    ends_at=at(20, hour=13),
                    state=state,
                    approvals={"by": []},
                    submitted_at=at(23),
                )
            )
    credit(database, enrolment, {date(2026, 11, day): "2" for day in (3, 10, 17)})

    assert [reminding.remind(database, now) for now in (at(23), at(24), at(30))] == [2, 0, 3]
    with database.reading() as session:
        first = session.scalars(select(Notice).order_by(Notice.id).limit(2)).all()
    assert {(one.user_id, one.params["count"]) for one in first} == {(school.id, 2), (county.id, 2)}
