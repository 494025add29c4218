"""Placements: months that a host confirms, from the learner's first day to the ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.services import placements
from lms_plugin.services.placements import NewPlacement
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, enrol, make_programme, make_user, publish
from tests.services.school_world import ledger, make_world

AUTUMN = NewPlacement("省实验小学", "host", date(2026, 9, 1), date(2026, 12, 1), mentor="周老师")
OVER = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)


def test_each_confirmed_month_gives_what_the_programme_says(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        for number in (1, 2, 3):
            placements.confirm(session, world.host, row.id, number, days_present=20, remark="每天听课", now=OVER)
        # 40 class hours a month: 1800 minutes
        assert ledger(session, world.enrolment) == [
            ("placement", f"placement/{row.id}/{number}", 1800) for number in (1, 2, 3)
        ]
        # saying the same again changes nothing
        placements.confirm(session, world.host, row.id, 2, days_present=21, remark="更正天数", now=OVER)
        assert len(ledger(session, world.enrolment)) == 3
        (shown,) = placements.of_enrolment(session, world.enrolment.id, OVER)
        assert [(one.month.number, one.is_over, one.least_days) for one in shown.months] == [
            (1, True, 14),
            (2, True, 14),
            (3, True, 13),
        ]
        assert [one.report.days_present for one in shown.months if one.report is not None] == [20, 21, 20]
        assert (shown.learner_name, shown.host_name, shown.last_on) == ("王丽", "省实验小学", date(2026, 11, 30))


def test_a_month_is_confirmed_when_it_is_over_in_the_programmes_time_zone(database: Database) -> None:
    before_midnight = datetime(2026, 9, 30, 15, 59, tzinfo=UTC)
    with database.writing() as session:
        world = make_world(session)
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        with pytest.raises(Conflict, match="month_not_over"):
            placements.confirm(session, world.host, row.id, 1, days_present=20, remark="", now=before_midnight)
        midnight = datetime(2026, 9, 30, 16, tzinfo=UTC)
        assert placements.confirm(session, world.host, row.id, 1, days_present=20, remark="", now=midnight)


def test_the_second_month_of_a_placement_from_31_january_begins_on_28_february(database: Database) -> None:
    winter = replace(AUTUMN, starts_on=date(2027, 1, 31), ends_on=date(2027, 4, 30))
    with database.writing() as session:
        world = make_world(session)
        placements.place(session, world.county, world.enrolment.id, winter, NOW)
        (shown,) = placements.of_host(session, world.host, NOW)
        assert [one.month.from_on for one in shown.months] == [
            date(2027, 1, 31),
            date(2027, 2, 28),
            date(2027, 3, 31),
        ]


@pytest.mark.parametrize(("days", "code"), [(13, "too_few_days"), (31, "days_out_of_range"), (-1, "days_out_of_range")])
def test_a_month_with_too_few_days_is_not_confirmed(database: Database, days: int, code: str) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        with pytest.raises(Malformed, match=code):
            placements.confirm(session, world.host, row.id, 1, days_present=days, remark="", now=OVER)


def test_refusing_a_month_takes_back_what_it_gave_and_confirming_gives_it_again(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        placements.refuse(session, world.host, row.id, 1, days_present=3, reason="多次缺勤", now=OVER)
        assert ledger(session, world.enrolment) == []
        for _ in range(2):
            placements.confirm(session, world.host, row.id, 1, days_present=15, remark="补了", now=OVER)
            placements.refuse(session, world.host, row.id, 1, days_present=3, reason="记错人了", now=OVER)
        assert [minutes for _, _, minutes in ledger(session, world.enrolment)] == [1800, -1800, 1800, -1800]
        with pytest.raises(Malformed, match="decision_reason_missing"):
            placements.refuse(session, world.host, row.id, 1, days_present=3, reason=" ", now=OVER)
        with pytest.raises(Malformed, match="remark_too_long"):
            placements.confirm(session, world.host, row.id, 1, days_present=20, remark="字" * 501, now=OVER)


def test_only_the_host_speaks_for_a_month(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        for person in (world.teacher, world.tutor, world.county, world.office):
            with pytest.raises(NotFound):
                placements.confirm(session, person, row.id, 1, days_present=20, remark="", now=OVER)
        with pytest.raises(NotFound):
            placements.confirm(session, world.host, row.id, 4, days_present=20, remark="", now=OVER)
        assert placements.is_host(session, world.host.user_id)
        assert not placements.is_host(session, world.tutor.user_id)


def test_a_change_of_host_is_a_second_placement_and_months_never_overlap(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        make_user(session, "second.host", "provider", name="师范大学")
        row = placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        placements.confirm(session, world.host, row.id, 1, days_present=20, remark="", now=OVER)
        second = NewPlacement("师范大学", "second.host", date(2026, 11, 1), date(2027, 1, 1))
        with pytest.raises(Malformed, match="placements_overlap"):
            placements.place(session, world.county, world.enrolment.id, second, NOW)
        with pytest.raises(Conflict, match="placement_month_confirmed"):
            placements.end(session, world.county, row.id, date(2026, 9, 20))
        with pytest.raises(Malformed, match="placement_end_not_earlier"):
            placements.end(session, world.county, row.id, date(2026, 12, 1))
        with pytest.raises(NotFound):
            placements.end(session, world.far, row.id, date(2026, 11, 1))
        with pytest.raises(NotFound):
            placements.end(session, world.county, 999_999, date(2026, 11, 1))
        placements.end(session, world.county, row.id, date(2026, 11, 1))
        placements.place(session, world.county, world.enrolment.id, second, NOW)
        shown = placements.of_enrolment(session, world.enrolment.id, NOW)
        assert [(one.row.host, len(one.months)) for one in shown] == [("省实验小学", 2), ("师范大学", 2)]
        assert len(placements.in_regions(session, world.county, NOW, before=None, limit=10)) == 2
        assert len(placements.in_regions(session, world.county, NOW, before=shown[1].row.id, limit=10)) == 1
        assert placements.in_regions(session, world.far, NOW, before=None, limit=10) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"host": " "}, "host_missing"),
        ({"host": "校" * 201}, "host_too_long"),
        ({"mentor": "师" * 121}, "host_too_long"),
        ({"host_login": "nobody"}, "host_account_unknown"),
        ({"host_login": "teacher"}, "host_is_learner"),
        ({"ends_on": date(2026, 10, 1)}, "placement_too_short"),
        ({"ends_on": date(2027, 9, 1)}, "placement_too_long"),
        ({"starts_on": date(2026, 8, 1)}, "placement_outside_window"),
    ],
)
def test_a_placement_that_does_not_fit_is_refused(database: Database, changes: dict[str, object], code: str) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(Malformed, match=code):
            placements.place(
                session,
                world.county,
                world.enrolment.id,
                replace(AUTUMN, **changes),
                NOW,
            )


def test_placements_are_the_offices_to_make_for_learners_of_its_region(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(NotFound):
            placements.place(session, world.far, world.enrolment.id, AUTUMN, NOW)
        for person in (world.teacher, world.tutor, world.host):
            with pytest.raises(NotAllowed):
                placements.place(session, person, world.enrolment.id, AUTUMN, NOW)
        user = make_user(session, "plain", region=world.regions.school)
        plain = enrol(session, user, publish(session, make_programme("plain")))
        with pytest.raises(Conflict, match="no_placement"):
            placements.place(session, world.county, plain.id, AUTUMN, NOW)
        world.enrolment.state = "withdrawn"
        session.flush()
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            placements.place(session, world.county, world.enrolment.id, AUTUMN, NOW)
        assert placements.of_host(session, actor_for(session, user), NOW) == []
