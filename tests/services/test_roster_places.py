"""Rosters and programmes: phases, tiers, sizes of class groups, and what an enrolment by roster leaves behind."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Group, Programme, Text
from lms_plugin.services.access import Scope
from lms_plugin.services.roster import ImportPlan, plan_import
from lms_plugin.services.rosterfile import Table
from lms_plugin.services.rosterimport import ImportOutcome, apply_import
from lms_plugin.storage.admission import EnrolmentChange
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, enrol, make_class_group, make_programme, make_user, publish
from tests.services.rosters import a_table

WHOLE = Scope(None)


def a_programme(key: str = "rural", **changes: object) -> Programme:
    phases = (Group("leaders", Text("骨干先行", "Leaders")), Group("all", Text("全员跟进", "Everybody")))
    tiers = (
        Group("standard", Text("普通班", "Standard")),
        Group("advanced", Text("提高班", "Advanced"), class_size=1),
    )
    return make_programme(key, **{"phases": phases, "tiers": tiers, "class_size": 2, **changes})


def run(session: Session, table: Table, now: datetime = NOW) -> ImportOutcome:
    return apply_import(session, plan_import(session, table, WHOLE, now), only_good=False, now=now, by_id=None)


def said(plan: ImportPlan) -> list[tuple[int, str | None, str]]:
    return [(one.row, one.column, one.code) for one in (*plan.faults, *plan.notices)]


def variants(session: Session) -> Mapping[str, str]:
    rows = session.execute(select(User.login, Enrolment.variant).join(Enrolment, Enrolment.user_id == User.id))
    return dict(rows.tuples().all())


def test_phase_and_tier_are_named_by_key_or_title_and_the_first_ones_taken_without(database: Database) -> None:
    with database.writing() as session:
        publish(session, a_programme())
        run(
            session,
            a_table(
                "login|name|programme|阶段|层次",
                "a1|甲|rural||",
                "a2|乙|rural|全员跟进|advanced",
                "a3|丙|rural|Everybody|",
            ),
        )
        assert variants(session) == {"a1": "leaders|standard||", "a2": "all|advanced||", "a3": "all|standard||"}


def test_a_window_of_months_begins_on_the_day_it_is_where_the_programme_is(database: Database) -> None:
    late = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    with database.writing() as session:
        publish(session, make_programme(window_months=1))
        run(session, a_table("login|name|programme", "a1|甲|rural"), now=late)
        # In Shanghai the 25th has begun.
        assert variants(session) == {"a1": "||2026-11-25|2026-12-25"}


def test_the_phases_are_those_of_the_version_in_force(database: Database) -> None:
    with database.writing() as session:
        publish(session, a_programme())
        publish(session, a_programme(phases=(), applies_from=date(2026, 12, 1)))
        table = a_table("login|name|programme|phase", "a1|甲|rural|leaders")
        assert said(plan_import(session, table, WHOLE, NOW)) == []
        later = datetime(2026, 12, 2, tzinfo=UTC)
        assert said(plan_import(session, table, WHOLE, later)) == [(2, "phase", "phase_unknown")]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("a1|甲||rural||third|",              (2, "phase", "phase_unknown")),
        ("a1|甲||rural|||top",                (2, "tier", "tier_unknown")),
        ("a1|甲||||leaders|",                 (2, "programme", "place_needs_programme")),
        ("a1|甲||||leaders|advanced",         (2, "programme", "place_needs_programme")),
        ("a1|甲|老师|rural|||",               (2, "role", "role_unknown")),
        ("|甲|||||",                          (2, "login", "login_missing")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_and_in_its_column(
    database: Database, row: str, found: tuple[int, str, str]
) -> None:
    with database.writing() as session:
        publish(session, a_programme())
        table = a_table("login|name|role|programme|class_group|phase|tier", row)
        assert said(plan_import(session, table, WHOLE, NOW)) == [found]


def test_every_fault_of_a_row_is_named_even_where_a_cell_cannot_be_read(database: Database) -> None:
    with database.writing() as session:
        publish(session)
        header = "login|name|email|region_code|programme"
        table = a_table(header, "1.38E+10||x@|999999|", "|李|y@||nowhere", "a1|#N/A||530000|", "a1|丁|z@||")
        # 530000 is an official code; nothing here has it.
        assert said(plan_import(session, table, WHOLE, NOW)) == [
            (2, "login", "number_in_scientific_notation"),
            (2, "name", "name_missing"),
            (2, "region_code", "region_unknown"),
            (2, "email", "email_malformed"),
            (3, "login", "login_missing"),
            (3, "programme", "programme_unknown"),
            (3, "email", "email_malformed"),
            (4, "name", "cell_is_error"),
            (4, "region_code", "region_not_imported"),
            (5, "email", "email_malformed"),
            (5, "login", "login_twice"),
        ]


def test_a_class_group_takes_as_many_as_it_holds(database: Database) -> None:
    with database.writing() as session:
        current = publish(session, a_programme())
        own_limit = make_class_group(session, current, "小班")
        own_limit.size_limit = 1
        left = make_user(session, "gone")
        enrol(session, left, current, group=own_limit).state = "withdrawn"
        plan = plan_import(
            session,
            a_table(
                "login|name|programme|class_group|tier",
                "a1|甲|rural|一班|",
                "a2|乙|rural|一班|",
                "a3|丙|rural|一班|",
                "a4|丁|rural|提高一班|advanced",
                "a5|戊|rural|提高一班|advanced",
                "a6|己|rural|小班|",
                "a7|庚|rural|小班|",
            ),
            WHOLE,
            NOW,
        )
        assert said(plan) == [(row, "class_group", "class_group_full") for row in (4, 6, 8)]
        assert [fault.params for fault in plan.faults] == [
            {"group": "一班", "limit": 2},
            {"group": "提高一班", "limit": 1},
            {"group": "小班", "limit": 1},
        ]
        assert (plan.enrolled, plan.class_groups, plan.created) == (4, 2, 4)


def test_a_faulty_row_hears_that_the_group_is_full_and_takes_no_place_in_one_that_is_not(database: Database) -> None:
    with database.writing() as session:
        publish(session, a_programme(class_size=1))
        table = a_table(
            "login|name|programme|class_group|email",
            "a1|甲|rural|一班|x@",
            "a2|乙|rural|一班|",
            "a3|丙|rural|一班|y@",
        )
        plan = plan_import(session, table, WHOLE, NOW)
        assert said(plan) == [
            (2, "email", "email_malformed"),
            (4, "email", "email_malformed"),
            (4, "class_group", "class_group_full"),
        ]
        assert [person.login for person in plan.people] == ["a2"]


def test_a_place_that_is_left_is_free_for_the_rows_below(database: Database) -> None:
    with database.writing() as session:
        current = publish(session, a_programme(class_size=1))
        first, second = (make_class_group(session, current, name) for name in ("一班", "二班"))
        for login, group in (("a1", first), ("a2", second)):
            enrol(session, make_user(session, login), current, group=group)
        header = "login|name|programme|class_group"
        full = plan_import(session, a_table(header, "a1||rural|二班", "a3|丙|rural|一班"), WHOLE, NOW)
        assert said(full) == [(2, "class_group", "class_group_full"), (3, "class_group", "class_group_full")]
        free = plan_import(session, a_table(header, "a1||rural|三班", "a3|丙|rural|一班", "a2||rural|二班"), WHOLE, NOW)
        assert said(free) == [(2, "class_group", "class_group_moves")]
        assert (free.moved, free.enrolled, free.class_groups) == (1, 1, 1)


def test_who_is_enrolled_keeps_phase_and_tier_and_who_withdrew_stays_away(database: Database) -> None:
    with database.writing() as session:
        current = publish(session, a_programme())
        group = make_class_group(session, current, "一班")
        enrol(session, make_user(session, "a1"), current, group=group).variant = "leaders|standard||"
        enrol(session, make_user(session, "a2"), current, group=group).state = "withdrawn"
        session.flush()
        table = a_table(
            "login|name|programme|class_group|phase|tier",
            "a1||rural|一班|leaders|advanced",
            "a2||rural|二班||",
        )
        plan = plan_import(session, table, WHOLE, NOW)
        assert said(plan) == [(2, "tier", "variant_stays"), (3, "programme", "enrolment_withdrawn")]
        outcome = apply_import(session, plan, only_good=False, now=NOW)
        assert (outcome.enrolled, outcome.moved) == (0, 0)
        assert variants(session) == {"a1": "leaders|standard||", "a2": ""}


def test_an_enrolment_and_a_move_leave_a_numbered_change_with_who_and_when(database: Database) -> None:
    header = "login|name|programme|class_group"
    with database.writing() as session:
        publish(session, a_programme())
        admin = make_user(session, "admin", "office")
        for line in ("a1|甲|rural|一班", "a1||rural|二班"):
            plan = plan_import(session, a_table(header, line), WHOLE, NOW)
            apply_import(session, plan, only_good=False, now=NOW, by_id=admin.id)
        found = session.scalars(select(EnrolmentChange).order_by(EnrolmentChange.number)).all()
        assert [(one.number, one.kind, one.before, one.after, one.changed_by_id, one.changed_at) for one in found] == [
            (1, "enrolled", "", "leaders|standard||", admin.id, NOW),
            (2, "moved_group", "一班", "二班", admin.id, NOW),
        ]
        group = session.scalars(select(ClassGroup).join(Enrolment, Enrolment.class_group_id == ClassGroup.id)).one()
        assert group.name == "二班"
