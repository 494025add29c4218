"""Study completed elsewhere: read from files, vouched for, capped, counted once, corrected by entries, audited."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import Executable, delete, select, update

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.modes import ComponentKind, StudyRule
from lms_plugin.domain.programme import Component, Group, Programme, Text, Window
from lms_plugin.services import (
    admission_uploads,
    auditing,
    elsewhere,
    elsewhere_files,
    enrolments,
    hours,
    record_evidence,
    study_records,
)
from lms_plugin.services.access import OFFICE, Actor
from lms_plugin.services.elsewhere_files import CompletionsPlan
from lms_plugin.services.rosterfile import COMPLETIONS, read_table
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.elsewhere import Completion, Voucher
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import StudyRecord
from tests import builders
from tests.builders import NOW
from tests.services.rosters import as_csv, as_xlsx

SEAL = FileSeal("a secret of the tests, long enough for them")
HEADER = ["账号", "学习部分", "学时", "完成日期", "学习内容", "证明单位", "证明人", "证书编号", "更正原因"]
MINUTE_MS = 60_000
HOUR_MS = 45 * MINUTE_MS
TOMORROW = NOW + timedelta(days=1)


def row(
    login: str = "teacher",
    hours: str = "4",
    *,
    component: str = "video",
    day: str = "2026-11-10",
    course: str = "县级教研活动",
    institution: str = "昆明学院",
    person: str = "王主任",
    reference: str = "KM-001",
    reason: str = "",
) -> list[str]:
    return [login, component, hours, day, course, institution, person, reference, reason]


def programme(share: Fraction = Fraction(1, 2)) -> Programme:
    components = (
        Component(
            "video",
            ComponentKind.VIDEO,
            Text("在线课程", "Films"),
            Decimal(20),
            study=StudyRule(elsewhere_share=share),
        ),
        Component("discussion", ComponentKind.DISCUSSION, Text("研讨交流", "Discussion"), Decimal(2)),
    )
    window = Window(date(2026, 9, 1), date(2027, 9, 1))
    return builders.make_programme("rural", components=components, total_class_hours=Decimal(22), window=window)


@dataclass(frozen=True)
class World:
    """A teacher who is enrolled, one in another county, and offices."""

    database: Database
    office: Actor
    county: Actor
    learner: Actor
    enrolment_id: int
    programme_id: int

    def plan(self, *rows: list[str], actor: Actor | None = None, header: list[str] = HEADER) -> CompletionsPlan:
        with self.database.reading() as session:
            table = read_table(as_csv([header, *rows]), COMPLETIONS)
            return elsewhere_files.plan(session, actor or self.office, self.programme_id, table, NOW)

    def enter(self, *rows: list[str], actor: Actor | None = None, now: datetime = NOW) -> int:
        with self.database.writing() as session:
            table = read_table(as_csv([HEADER, *rows]), COMPLETIONS)
            plan = elsewhere_files.plan(session, actor or self.office, self.programme_id, table, now)
            assert plan.faults == ()
            return elsewhere_files.enter(session, actor or self.office, plan, now)

    def ledger(self) -> list[tuple[str, int]]:
        """(component, minutes) of the teacher's entries."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(CreditEntryRow)
                .where(CreditEntryRow.enrolment_id == self.enrolment_id)
                .order_by(CreditEntryRow.number)
            )
            return [(one.component_key, one.amount_ms // MINUTE_MS) for one in rows]

    def audited(self) -> str | None:
        with self.database.reading() as session:
            return auditing.first_difference(session, self.learner.user_id)

    def completion_id(self, reference: str = "KM-001") -> int:
        with self.database.reading() as session:
            return session.scalars(select(Completion.id).where(Completion.reference == reference)).one()


@pytest.fixture
def world(database: Database) -> World:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        current = builders.publish(session, programme(), now=NOW - timedelta(days=60))
        teacher = builders.make_user(session, "teacher", region=regions.school)
        far = builders.make_user(session, "far", name="远老师", region=regions.far_county)
        office = builders.make_user(session, "office", OFFICE, name="项目办")
        county = builders.make_user(session, "county", OFFICE, name="五华区教育局", scope=regions.county)
        enrolment = builders.enrol(session, teacher, current)
        enrolment.registration_number = "RURAL-1"
        builders.enrol(session, far, current)
        builders.enrol(session, county, current)
        return World(
            database,
            builders.actor_for(session, office),
            builders.actor_for(session, county),
            builders.actor_for(session, teacher),
            enrolment.id,
            current.id,
        )


def codes(plan: CompletionsPlan) -> list[tuple[int, str | None, str]]:
    return [(one.row, one.column, one.code) for one in plan.faults]


def test_a_completion_is_hours_in_the_ledger_with_who_vouches_for_it(world: World) -> None:
    assert world.enter(row()) == 1
    with world.database.reading() as session:
        entry = session.scalars(select(CreditEntryRow)).one()
        assert (entry.source_kind, entry.component_key, entry.amount_ms) == ("elsewhere", "video", 4 * HOUR_MS)
        assert entry.decided_by_id == world.office.user_id
        assert entry.rule_version == "rural@1 elsewhere/1"
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        vouched = record_evidence.behind(session, enrolment, [entry])[1].source.vouched
        assert vouched is not None
        assert (vouched.completion.institution, vouched.voucher.person) == ("昆明学院", "王主任")
        assert (vouched.completion.reference, vouched.voucher.title) == ("KM-001", "县级教研活动")
    assert world.audited() is None


def test_nothing_counts_twice_however_often_it_is_sent(world: World) -> None:
    world.enter(row())
    assert world.enter(row()) == 0
    (again,) = world.plan(row()).good
    assert again.state == "unchanged"
    assert codes(world.plan(row(), row(hours="3"))) == [(3, "reference", "reference_twice")]
    assert world.ledger() == [("video", 180)]


def test_the_same_reference_of_another_institution_is_something_else(world: World) -> None:
    assert world.enter(row(), row(institution="云南师范大学", hours="2")) == 2
    assert world.ledger() == [("video", 180), ("video", 90)]


def test_a_component_takes_at_most_its_share_from_elsewhere(world: World) -> None:
    rows = [row(hours="7"), row(hours="7", reference="KM-002"), row(hours="1", reference="KM-003")]
    seen = world.plan(*rows)
    assert [one.counts_ms // HOUR_MS for one in seen.good] == [7, 3, 0]
    assert seen.figures == {"new": 3, "corrected": 0, "unchanged": 0, "over": 2}
    world.enter(*rows)
    assert world.ledger() == [("video", 7 * 45), ("video", 3 * 45)]
    assert world.audited() is None
    with world.database.reading() as session:
        kept = study_records.records_of(session, world.enrolment_id)
        assert [[one.reason.value for one in record.left_out] for record in kept] == [
            [],
            ["elsewhere_limit"],
            ["elsewhere_limit"],
        ]


def test_a_preview_is_right_also_where_another_servers_clock_is_ahead(world: World) -> None:
    world.enter(row(hours="7"), now=NOW + timedelta(minutes=5))
    second = row(hours="7", reference="KM-002")
    (seen,) = world.plan(second).good
    assert seen.counts_ms // HOUR_MS == 3
    world.enter(second)
    assert world.ledger() == [("video", 7 * 45), ("video", 3 * 45)]
    assert world.audited() is None


def test_what_is_taken_back_makes_room_for_the_rest(world: World) -> None:
    world.enter(row(hours="7"), row(hours="7", reference="KM-002"))
    with world.database.writing() as session:
        elsewhere.take_back(session, world.office, world.completion_id(), reason="证书有误", now=TOMORROW)
    assert world.ledger() == [("video", 315), ("video", 135), ("video", -315), ("video", 180)]
    assert world.audited() is None
    with world.database.writing() as session, pytest.raises(Conflict, match="elsewhere_taken_back"):
        elsewhere.take_back(session, world.office, world.completion_id(), reason="再来", now=TOMORROW)
    assert codes(world.plan(row(hours="7"))) == [(2, "reason", "change_needs_reason")]
    world.enter(row(hours="7", reason="核实无误"))
    assert world.ledger()[4:] == [("video", 315), ("video", -180)]
    assert world.audited() is None


def test_a_correction_is_an_entry_of_its_own_with_its_reason(world: World) -> None:
    world.enter(row(hours="4"))
    assert codes(world.plan(row(hours="3"))) == [(2, "reason", "change_needs_reason")]
    (seen,) = world.plan(row(hours="3", reason="证书上是三学时")).good
    assert (seen.state, seen.counts_ms) == ("corrected", 3 * HOUR_MS)
    world.enter(row(hours="3", reason="证书上是三学时"))
    assert world.ledger() == [("video", 180), ("video", -45)]
    assert world.audited() is None
    with world.database.reading() as session:
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        entries = session.scalars(select(CreditEntryRow).order_by(CreditEntryRow.number)).all()
        assert entries[1].detail["because"] == "证书上是三学时"
        found = record_evidence.behind(session, enrolment, entries)
        sources = [found[one].source.vouched for one in (1, 2)]
        assert [one.voucher.given_ms // HOUR_MS for one in sources if one is not None] == [3, 3]


def test_each_entry_keeps_the_voucher_it_was_made_from(world: World) -> None:
    world.enter(row(person="王主任"))
    with world.database.writing() as session:
        table = read_table(as_csv([HEADER, row(person="李主任", hours="5", reason="改由李主任证明")]), COMPLETIONS)
        plan = elsewhere_files.plan(session, world.office, world.programme_id, table, TOMORROW)
        elsewhere_files.enter(session, world.office, plan, TOMORROW)
    with world.database.reading() as session:
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        entries = session.scalars(select(CreditEntryRow).order_by(CreditEntryRow.number)).all()
        found = record_evidence.behind(session, enrolment, entries)
        people = [vouched.voucher.person for one in (1, 2) if (vouched := found[one].source.vouched) is not None]
        assert people == ["王主任", "李主任"]


def test_the_limit_follows_the_tier_that_a_teacher_is_moved_to(world: World) -> None:
    short = Group(
        "short", Text("短班", "Short class"), requires=(("video", Decimal(8)),), total_class_hours=Decimal(10)
    )
    tiers = (Group("whole", Text("长班", "Long class")), short)
    with world.database.writing() as session:
        builders.publish(session, replace(programme(), tiers=tiers), now=NOW - timedelta(days=50))
        session.get_one(Enrolment, world.enrolment_id).variant = "|whole||"
    world.enter(row(hours="6"))
    assert world.ledger() == [("video", 6 * 45)]
    for tier, minutes in (("short", -2 * 45), ("whole", 2 * 45)):
        with world.database.writing() as session:
            enrolments.move_tier(session, world.office, world.enrolment_id, tier, reason="转班", now=TOMORROW)
        assert world.audited() is None
        assert world.ledger()[-1] == ("video", minutes)
        with world.database.reading() as session:
            enrolment = session.get_one(Enrolment, world.enrolment_id)
            found = hours.read(session, enrolment, TOMORROW)
            assert (enrolment.completion_ratio, enrolment.counted_ms) == (
                found.completion.ratio,
                found.hours.total.counted_ms,
            )


def test_what_counts_for_one_component_cannot_move_to_another(world: World) -> None:
    with world.database.writing() as session:
        made = programme()
        both = tuple(replace(one, study=StudyRule(elsewhere_share=Fraction(1, 2))) for one in made.components)
        builders.publish(session, replace(made, components=both), now=NOW - timedelta(days=50))
    world.enter(row(hours="1"))
    moved = row(hours="1", component="研讨交流", reason="应计入研讨")
    assert codes(world.plan(moved)) == [(2, "component", "component_stays")]
    with world.database.writing() as session:
        elsewhere.take_back(session, world.office, world.completion_id(), reason="应计入研讨", now=NOW)
    world.enter(moved)
    assert world.ledger() == [("video", 45), ("video", -45), ("discussion", 45)]
    assert world.audited() is None


def test_every_fault_is_named_by_row_and_column(world: World) -> None:
    plan = world.plan(
        row(login="nobody"),
        row(login=""),
        row(component="discussion"),
        row(component="dancing"),
        row(hours=""),
        row(hours="many"),
        row(hours="-1"),
        row(hours="29999"),
        row(day="yesterday"),
        row(day="2026-13-01"),
        row(day="2026-08-31"),
        row(day="2026-12-24"),
        row(course="", institution="", person="", reference=""),
        row(course="长" * 201),
        row(login="far", reference="KM-9"),
    )
    assert codes(plan) == [
        (2, "login", "candidate_unknown"),
        (3, "login", "learner_missing"),
        (4, "component", "component_takes_none"),
        (5, "component", "component_unknown"),
        (6, "class_hours", "hours_missing"),
        (7, "class_hours", "hours_malformed"),
        (8, "class_hours", "hours_malformed"),
        (9, "class_hours", "hours_over_most"),
        (10, "completed_on", "completed_on_malformed"),
        (11, "completed_on", "completed_on_malformed"),
        (12, "completed_on", "completed_on_outside_window"),
        (13, "completed_on", "completed_on_to_come"),
        (14, "course", "cell_missing"),
        (14, "institution", "cell_missing"),
        (14, "person", "cell_missing"),
        (14, "reference", "cell_missing"),
        (15, "course", "cell_too_long"),
    ]
    assert [one.row for one in plan.good] == [16]
    assert [str(one) for one in plan.faults]


def test_an_office_enters_for_its_own_regions_only_and_nobody_for_themselves(world: World) -> None:
    plan = world.plan(row(), row(login="far"), row(login="county"), actor=world.county)
    assert codes(plan) == [(3, "login", "candidate_unknown"), (4, "login", "candidate_unknown")]
    everywhere = world.plan(row(login="county"), actor=replace(world.office, user_id=world.county.user_id))
    assert codes(everywhere) == [(2, "login", "elsewhere_own")]
    with pytest.raises(NotAllowed):
        world.plan(row(), actor=world.learner)
    world.enter(row(login="far"))
    with world.database.writing() as session, pytest.raises(NotFound):
        elsewhere.take_back(session, world.county, world.completion_id(), reason="不对", now=NOW)


def test_whoever_left_the_programme_earns_nothing_elsewhere(world: World) -> None:
    with world.database.writing() as session:
        session.execute(update(Enrolment).where(Enrolment.id == world.enrolment_id).values(state="withdrawn"))
    assert codes(world.plan(row())) == [(2, "login", "candidate_withdrawn")]


def test_learners_are_found_by_registration_number_and_hours_may_be_minutes(world: World) -> None:
    header = [
        "电子注册号",
        "账号",
        "学习部分",
        "分钟",
        "学时",
        "完成日期",
        "学习内容",
        "证明单位",
        "证明人",
        "证书编号",
    ]
    rest = ["2026-11-10", "教研", "昆明学院", "王主任"]
    plan = world.plan(
        ["RURAL-1", "", "在线课程", "90", "", *rest, "1"],
        ["RURAL-1", "far", "video", "90", "", *rest, "2"],
        ["RURAL-2", "", "video", "90", "", *rest, "3"],
        ["", "teacher", "video", "90", "2", *rest, "4"],
        header=header,
    )
    assert [(one.login, one.claim.given_ms) for one in plan.good] == [("teacher", 90 * MINUTE_MS)]
    assert codes(plan) == [
        (3, "registration_number", "registration_of_another"),
        (4, "registration_number", "registration_unknown"),
        (5, "class_hours", "hours_and_minutes"),
    ]


def test_a_spreadsheet_with_real_dates_and_numbers_is_read_as_well(world: World) -> None:
    values = row()
    content = as_xlsx([HEADER, [*values[:2], 4, date(2026, 11, 10), *values[4:7], 20261101, ""]])
    with world.database.reading() as session:
        table = read_table(content, COMPLETIONS)
        plan = elsewhere_files.plan(session, world.office, world.programme_id, table, NOW)
    assert plan.faults == ()
    (one,) = plan.good
    assert (one.claim.completed_on, one.claim.reference) == (date(2026, 11, 10), "20261101")


def test_a_file_waits_sealed_until_it_is_confirmed_as_it_was_seen(world: World) -> None:
    content = as_csv([HEADER, row(), row(login="nobody", reference="2")])
    with world.database.writing() as session:
        admission_uploads.receive(
            session,
            world.office,
            "rural",
            kind="completions",
            name="学时认定.csv",
            content=content,
            seal=SEAL,
            new_id="waiting",
            now=NOW,
        )
    with world.database.reading() as session:
        seen = admission_uploads.look(session, world.office, "waiting", SEAL, NOW)
        assert (seen.good_rows, seen.faulty_rows, seen.can_be_taken) == (1, 1, True)
        assert [one.login for one in seen.completions] == ["teacher"]
    assert world.ledger() == []
    with world.database.writing() as session, pytest.raises(Conflict, match="import_changed"):
        admission_uploads.take(session, world.office, "waiting", seen_faulty_rows=0, seal=SEAL, now=NOW)
    with world.database.writing() as session:
        figures = admission_uploads.take(session, world.office, "waiting", seen_faulty_rows=1, seal=SEAL, now=NOW)
    assert figures == {"new": 1, "corrected": 0, "unchanged": 0, "over": 0}
    assert world.ledger() == [("video", 180)]


def test_a_file_without_a_good_row_is_not_taken(world: World) -> None:
    with world.database.writing() as session:
        admission_uploads.receive(
            session,
            world.office,
            "rural",
            kind="completions",
            name="a.csv",
            content=as_csv([HEADER, row(login="nobody")]),
            seal=SEAL,
            new_id="waiting",
            now=NOW,
        )
    with world.database.writing() as session, pytest.raises(Malformed, match="import_has_faults"):
        admission_uploads.take(session, world.office, "waiting", seen_faulty_rows=1, seal=SEAL, now=NOW)


@pytest.mark.parametrize(
    ("forged", "says"),
    [
        (update(Voucher).values(given_ms=1), "its last voucher says 1 ms"),
        (update(Voucher).values(number=2), "some are missing"),
        (delete(Voucher), "nobody vouches"),
        (update(StudyRecord).values(given_ms=45 * HOUR_MS), "reckoned anew"),
    ],
)
def test_the_audit_finds_what_was_changed_behind_its_back(world: World, forged: Executable, says: str) -> None:
    world.enter(row())
    with world.database.writing() as session:
        session.execute(forged)
    found = world.audited()
    assert found is not None
    assert says in found


def test_listing_shows_an_office_its_own_learners(world: World) -> None:
    world.enter(row(), row(login="far", reference="F-1"))
    with world.database.reading() as session:
        whole = elsewhere.listing(session, world.office, world.programme_id)
        assert [(one.login, one.vouched.completion.reference) for one in whole] == [
            ("far", "F-1"),
            ("teacher", "KM-001"),
        ]
        assert [one.login for one in elsewhere.listing(session, world.county, world.programme_id)] == ["teacher"]
        assert elsewhere.of_programme(session, world.completion_id()) == world.programme_id


def test_a_share_of_nothing_takes_nothing(database: Database) -> None:
    with database.writing() as session:
        current = builders.publish(session, programme(Fraction(0)), now=NOW - timedelta(days=60))
        teacher = builders.make_user(session, "teacher", region=None)
        office = builders.make_user(session, "office", OFFICE)
        builders.enrol(session, teacher, current)
        actor = builders.actor_for(session, office)
        plan = elsewhere_files.plan(session, actor, current.id, read_table(as_csv([HEADER, row()]), COMPLETIONS), NOW)
    assert codes(plan) == [(2, "component", "component_takes_none")]
