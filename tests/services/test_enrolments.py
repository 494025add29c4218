"""Enrolling, registering, moving and withdrawing: hours always stay, and every change says who made it and why."""

import threading
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import registration
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.domain.programme import Group, Text, Variant
from lms_plugin.domain.watching import Claim
from lms_plugin.services import (
    access,
    auditing,
    classgroups,
    discussion,
    enrolments,
    hours,
    posting,
    registering,
    reports,
    viewing,
)
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.storage.admission import EnrolmentChange, RegistrationSeries
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW, RegionTree, make_programme, make_user

MINUTE = 60_000
LATER = NOW + timedelta(hours=2)
TIERS = (
    Group("standard", Text("基础班", "Standard class")),
    Group(
        "advanced", Text("提高班", "Advanced class"), requires=(("video", Decimal(1)),), total_class_hours=Decimal(2)
    ),
)


@dataclass
class World:
    """A programme with two tiers and groups of two, and who works with it."""

    current: InForce
    regions: RegionTree
    office: Actor
    county: Actor
    far: Actor
    teacher: User


@pytest.fixture
def world(database: Database) -> World:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        office = make_user(session, "office", "office", name="项目办")
        county = make_user(session, "county", "office", name="五华区教育局", scope=regions.county)
        far = make_user(session, "far", "office", scope=regions.far_county)
        return World(
            current=builders.publish(session, make_programme(tiers=TIERS, class_size=2)),
            regions=regions,
            office=builders.actor_for(session, office),
            county=builders.actor_for(session, county),
            far=builders.actor_for(session, far),
            teacher=make_user(session, "teacher", region=regions.school),
        )


def enrolled(database: Database, world: World, user: User | None = None, tier: str = "") -> int:
    user = user or world.teacher
    with database.writing() as session:
        learner = NewLearner(user.id, user.region_id, tier=tier)
        return enrolments.enrol(session, world.current.id, learner, NOW, by_id=world.office.user_id).id


def test_an_enrolment_is_taken_in_the_first_tier_and_says_who_made_it(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.reading() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        assert Variant.read(enrolment.variant) == Variant(tier="standard")
        (change,) = enrolments.changes_of(session, enrolment_id)
    assert (change.kind, change.by, change.after) == ("enrolled", "项目办", "|standard||")


def test_nobody_is_enrolled_twice(database: Database, world: World) -> None:
    enrolled(database, world)
    with pytest.raises(Conflict, match="already_enrolled"):
        enrolled(database, world)


def test_a_window_of_months_begins_on_the_day_of_enrolment(database: Database, world: World) -> None:
    with database.writing() as session:
        current = builders.publish(session, make_programme("rotation", window_months=2))
        (one,) = enrolments.enrol_many(session, current.id, [(world.teacher.id, None, None, "", "")], NOW)
        variant = Variant.read(session.get_one(Enrolment, one).variant)
    assert (variant.opens_on, variant.closes_on) == (date(2026, 11, 24), date(2027, 1, 24))


def test_thousands_are_enrolled_and_registered_in_few_statements(database: Database, world: World) -> None:
    with database.writing() as session:
        people = [
            User(login=f"t{at:05}", name="张", region_id=world.regions.school.id, created_at=NOW) for at in range(6000)
        ]
        session.add_all(people)
        session.flush()
        learners = [NewLearner(one.id, one.region_id, None, "", "advanced") for one in people]
        ids = enrolments.enrol_many(session, world.current.id, learners, NOW)
        numbers = registering.register_many(session, ids, NOW)
    with database.reading() as session:
        assert [session.get_one(Enrolment, ids[at]).user_id for at in (0, 3000, 5999)] == [
            people[at].id for at in (0, 3000, 5999)
        ]
        series = session.get_one(RegistrationSeries, "rural-2026-530102")
    assert series.last == 6000
    assert len(set(numbers.values())) == 6000
    assert numbers[ids[0]] == registration.number(world.current.id, 2026, "530102", 1)
    assert all(registration.is_well_formed(one) for one in numbers.values())


def test_a_number_is_given_once_and_who_has_no_region_gets_one_too(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        nowhere = enrolments.enrol_many(session, world.current.id, [(world.office.user_id, None, None, "", "")], NOW)
        first = registering.register_many(session, [enrolment_id, *nowhere], NOW, by_id=world.office.user_id)
    with database.writing() as session:
        assert registering.register_many(session, [enrolment_id, *nowhere], LATER) == {}
        kinds = [one.kind for one in enrolments.changes_of(session, enrolment_id)]
    assert kinds == ["registered", "enrolled"]
    assert "-000000-000001-" in first[nowhere[0]]


def test_numbers_of_one_series_have_no_gaps_however_many_register_at_once(database: Database, world: World) -> None:
    with database.writing() as session:
        people = [make_user(session, f"t{at}", region=world.regions.school) for at in range(40)]
        ids = enrolments.enrol_many(
            session, world.current.id, [(one.id, one.region_id, None, "", "") for one in people], NOW
        )
    failures: list[BaseException] = []

    def register_one(enrolment_id: int, session: Session) -> None:
        registering.register_many(session, [enrolment_id], NOW)

    def register(some: list[int]) -> None:
        try:
            for one in some:
                database.transact(partial(register_one, one))
        except BaseException as fault:
            failures.append(fault)

    threads = [threading.Thread(target=register, args=(ids[at::3] + ids[:5],)) for at in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    with database.reading() as session:
        numbers = session.scalars(select(Enrolment.registration_number).where(Enrolment.id.in_(ids))).all()
        serials = sorted(int(str(number).split("-")[3]) for number in numbers)
    assert serials == list(range(1, 41))


def test_the_whole_office_registers_who_has_no_number(database: Database, world: World) -> None:
    enrolled(database, world)
    with database.writing() as session:
        assert registering.count_unregistered(session, world.current.id) == 1
        assert registering.register_programme(session, world.office, "rural", NOW) == 1
        assert registering.count_unregistered(session, world.current.id) == 0
        with pytest.raises(NotAllowed):
            registering.register_programme(session, world.county, "rural", NOW)


def credited_ms(database: Database, enrolment_id: int) -> int:
    with database.reading() as session:
        return hours.read(session, session.get_one(Enrolment, enrolment_id), LATER).hours.total.counted_ms


def test_moving_to_another_school_keeps_the_hours_and_moves_the_reports(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        builders.credit(session, session.get_one(Enrolment, enrolment_id), 45 * MINUTE)
        enrolments.move_school(session, world.office, enrolment_id, "621202-001", reason="调动", now=LATER)
    assert credited_ms(database, enrolment_id) == 45 * MINUTE
    with database.reading() as session:
        assert session.get_one(User, world.teacher.id).region_id == world.regions.far_school.id
        change = enrolments.changes_of(session, enrolment_id)[0]
        assert (change.before, change.after) == ("莲华小学 (530102-001)", "角弓中学 (621202-001)")
        assert access.managed_enrolment(session, world.far, enrolment_id).id == enrolment_id
        with pytest.raises(NotFound):
            access.managed_enrolment(session, world.county, enrolment_id)


def test_moving_to_the_advanced_class_keeps_the_hours_and_changes_what_is_required(
    database: Database, world: World
) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        builders.credit(session, session.get_one(Enrolment, enrolment_id), 45 * MINUTE)
        before = session.get_one(Enrolment, enrolment_id).completion_ratio
        enrolments.move_tier(session, world.county, enrolment_id, "advanced", reason="成绩突出", now=LATER)
    with database.reading() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        found = hours.read(session, enrolment, LATER)
        assert Variant.read(enrolment.variant).tier == "advanced"
        assert enrolment.completion_ratio > before
    assert found.hours.total.required_class_hours == Decimal(2)
    assert credited_ms(database, enrolment_id) == 45 * MINUTE


def test_between_tiers_with_dates_of_their_own_nothing_falls_outside(database: Database, world: World) -> None:
    dated = (replace(TIERS[0], closes_on=date(2026, 12, 1)), replace(TIERS[1], opens_on=date(2026, 11, 20)))
    with database.writing() as session:
        current = builders.publish(session, make_programme("dated", tiers=dated))
        (one,) = enrolments.enrol_many(
            session, current.id, [(world.teacher.id, world.teacher.region_id, None, "", "")], NOW
        )
        enrolments.move_tier(session, world.office, one, "advanced", reason="转班", now=NOW)
        variant = Variant.read(session.get_one(Enrolment, one).variant)
    assert variant == Variant("", "advanced", date(2026, 11, 1), date(2027, 2, 1))


def test_who_withdraws_keeps_all_hours_and_earns_none(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        actor = builders.actor_for(session, world.teacher)
        builders.watch(session, actor, enrolment, builders.video_of(session, world.current), 3 * MINUTE)
        enrolments.withdraw(session, world.county, enrolment_id, reason="生病", now=LATER)
    assert credited_ms(database, enrolment_id) == 3 * MINUTE
    with database.writing() as session:
        enrolment = session.get_one(Enrolment, enrolment_id)
        video = builders.video_of(session, world.current)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            builders.watch(session, actor, enrolment, video, 2 * MINUTE, opened_at=LATER, playback_session_id="new")
        assert list(reports.completions(session, world.office, LATER).rows) == []
        returned = enrolments.take_back(session, world.county, enrolment_id, reason="康复", now=LATER)
        assert returned.state == "active"
        assert [one.kind for one in enrolments.changes_of(session, enrolment_id)] == [
            "returned",
            "withdrawn",
            "enrolled",
        ]
        assert [one.reason for one in enrolments.changes_of(session, enrolment_id)] == ["康复", "生病", ""]
        assert len(list(reports.completions(session, world.office, LATER).rows)) == 1


def test_who_was_withdrawn_and_is_enrolled_again_returns(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW)
    assert enrolled(database, world) == enrolment_id


def test_who_returns_to_a_full_group_waits_for_another(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        group = classgroups.create(session, world.office, world.current.id, "一班", 1)
        classgroups.move_group(session, world.office, enrolment_id, group.id, reason="", now=NOW)
        enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW)
        other = make_user(session, "other", region=world.regions.school)
    other_id = enrolled(database, world, other)
    with database.writing() as session:
        classgroups.move_group(session, world.office, other_id, group.id, reason="", now=NOW)
        assert enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=NOW).class_group_id is None


REFUSED: list[tuple[str, str, dict[str, object]]] = [
    ("withdraw", "why_missing", {"reason": "  "}),
    ("withdraw", "reason_too_long", {"reason": "长" * 501}),
    ("take_back", "enrolment_active", {"reason": "回来"}),
    ("move_school", "not_found", {"region_code": "999999", "reason": "调动"}),
    ("move_school", "already_there", {"region_code": "530102-001", "reason": "调动"}),
    ("move_tier", "not_found", {"tier": "none-such", "reason": "转班"}),
    ("move_tier", "already_there", {"tier": "standard", "reason": "转班"}),
]


@pytest.mark.parametrize(("verb", "code", "values"), REFUSED)
def test_what_cannot_be_changed_is_refused_with_its_reason(
    database: Database, world: World, verb: str, code: str, values: dict[str, object]
) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session, pytest.raises(Refusal) as refused:
        getattr(enrolments, verb)(session, world.office, enrolment_id, **values, now=NOW)
    assert refused.value.code == code


def test_who_has_withdrawn_or_completed_cannot_withdraw(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            enrolments.withdraw(session, world.office, enrolment_id, reason="又", now=NOW)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            enrolments.move_tier(session, world.office, enrolment_id, "advanced", reason="转", now=NOW)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            classgroups.move_group(session, world.office, enrolment_id, None, reason="转", now=NOW)
        enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=NOW)
        session.get_one(Enrolment, enrolment_id).completed_at = NOW
        session.flush()
        with pytest.raises(Conflict, match="enrolment_completed"):
            enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW)


def test_a_regional_office_changes_its_own_learners_only(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        with pytest.raises(NotFound):
            enrolments.withdraw(session, world.far, enrolment_id, reason="生病", now=NOW)
        with pytest.raises(NotAllowed):
            enrolments.withdraw(session, builders.actor_for(session, world.teacher), enrolment_id, reason="x", now=NOW)
        with pytest.raises(NotFound):
            enrolments.move_school(session, world.county, enrolment_id, "621202-001", reason="调动", now=NOW)


def test_a_group_takes_no_more_than_its_limit(database: Database, world: World) -> None:
    with database.writing() as session:
        group = classgroups.create(session, world.county, world.current.id, " 一  班 ")
        assert group.name == "一 班"
        people = [make_user(session, f"t{at}", region=world.regions.school) for at in range(3)]
    ids = [enrolled(database, world, one) for one in people]
    with database.writing() as session:
        for one in ids[:2]:
            classgroups.move_group(session, world.county, one, group.id, reason="", now=NOW)
        with pytest.raises(Conflict, match="group_full"):
            classgroups.move_group(session, world.county, ids[2], group.id, reason="", now=NOW)
        with pytest.raises(Conflict, match="already_there"):
            classgroups.move_group(session, world.county, ids[0], group.id, reason="原因", now=NOW)
        with pytest.raises(Malformed, match="why_missing"):
            classgroups.move_group(session, world.county, ids[0], None, reason="", now=NOW)
        classgroups.move_group(session, world.county, ids[0], None, reason="调整", now=NOW)
        classgroups.move_group(session, world.county, ids[2], group.id, reason="", now=NOW)
        shown = classgroups.groups_of(session, world.county, world.current.id, NOW)
    assert [(one.name, one.learners, one.limit, one.is_full) for one in shown] == [("一 班", 2, 2, True)]


def test_groups_with_learners_elsewhere_are_not_a_regions_to_manage(database: Database, world: World) -> None:
    far_teacher_id = None
    with database.writing() as session:
        far_teacher = make_user(session, "far-teacher", region=world.regions.far_school)
        group = classgroups.create(session, world.office, world.current.id, "一班")
        far_teacher_id = enrolled_in(session, world, far_teacher)
        classgroups.move_group(session, world.office, far_teacher_id, group.id, reason="", now=NOW)
        assert classgroups.groups_of(session, world.county, world.current.id, NOW) == []
        assert len(classgroups.groups_of(session, world.far, world.current.id, NOW)) == 1
        for class_group_id in (group.id, 999_999):
            with pytest.raises(NotFound):
                classgroups.managed_group(session, world.county, class_group_id)
        elsewhere = builders.publish(session, make_programme("elsewhere"))
        other = classgroups.create(session, world.office, elsewhere.id, "一班")
        with pytest.raises(NotFound):
            classgroups.move_group(session, world.office, far_teacher_id, other.id, reason="转", now=NOW)


def enrolled_in(session: Session, world: World, user: User, tier: str = "") -> int:
    return enrolments.enrol(session, world.current.id, NewLearner(user.id, user.region_id, None, "", tier), NOW).id


@pytest.mark.parametrize(
    ("name", "limit", "code"),
    [(" ", None, "group_name_missing"), ("班" * 121, None, "group_name_too_long"), ("二班", 0, "size_malformed")],
)
def test_a_group_needs_a_name_and_a_sensible_size(
    database: Database, world: World, name: str, limit: int | None, code: str
) -> None:
    with database.writing() as session, pytest.raises(Malformed, match=code):
        classgroups.create(session, world.office, world.current.id, name, limit)


def test_two_groups_of_a_programme_have_two_names(database: Database, world: World) -> None:
    with database.writing() as session:
        classgroups.create(session, world.office, world.current.id, "一班")
        with pytest.raises(Conflict, match="group_name_taken"):
            classgroups.create(session, world.office, world.current.id, "一班")


def test_a_regions_learners_are_put_into_groups_by_county_and_school(database: Database, world: World) -> None:
    places = [world.regions.second_school, world.regions.other_school, world.regions.school, world.regions.school]
    with database.writing() as session:
        for at, place in enumerate(places):
            enrolled_in(session, world, make_user(session, f"t{at}", region=place))
        enrolled_in(session, world, make_user(session, "best", region=world.regions.school), "advanced")
        done = classgroups.assign(session, world.office, world.current.id, NOW, region_code="530000")
        assert (done.learners, done.new_groups) == (5, 4)
        shown = {one.name: one.learners for one in classgroups.groups_of(session, world.office, world.current.id, NOW)}
        assert shown == {"五华区基础班1班": 2, "五华区基础班2班": 1, "五华区提高班1班": 1, "盘龙区基础班1班": 1}
        in_first = session.scalars(
            select(User.login)
            .join(Enrolment, Enrolment.user_id == User.id)
            .join(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
            .where(ClassGroup.name == "五华区基础班1班")
            .order_by(User.login)
        ).all()
        assert in_first == ["t2", "t3"]
        enrolled_in(session, world, make_user(session, "late", region=world.regions.school))
        again = classgroups.assign(session, world.county, world.current.id, NOW)
        assert (again.learners, again.new_groups) == (1, 0)
        assert classgroups.assign(session, world.county, world.current.id, NOW).learners == 0
        kinds = session.scalars(select(EnrolmentChange.kind).where(EnrolmentChange.kind == "moved_group")).all()
        assert len(kinds) == 6


def test_groups_need_a_size_from_the_programme_or_from_whoever_makes_them(database: Database, world: World) -> None:
    with database.writing() as session:
        current = builders.publish(session, make_programme("any-size"))
        enrolments.enrol_many(session, current.id, [(world.teacher.id, world.teacher.region_id, None, "", "")], NOW)
        with pytest.raises(Malformed, match="size_missing"):
            classgroups.assign(session, world.office, current.id, NOW)
        with pytest.raises(Malformed, match="size_malformed"):
            classgroups.assign(session, world.office, current.id, NOW, limit=0)
        assert classgroups.assign(session, world.office, current.id, NOW, limit=30).new_groups == 1
        assert [one.name for one in classgroups.groups_of(session, world.office, current.id, NOW)] == ["五华区1班"]


def test_tutors_are_appointed_and_dismissed(database: Database, world: World) -> None:
    with database.writing() as session:
        group = classgroups.create(session, world.office, world.current.id, "一班")
        tutor = make_user(session, "tutor", name="李建国", region=world.regions.school)
        far_tutor = make_user(session, "far-tutor", region=world.regions.far_school)
        assert classgroups.appoint(session, world.county, group.id, "Tutor").id == tutor.id
        assert access.actor_of(session, tutor.id).has("tutor")
        assert [one.name for one in classgroups.tutors_of(session, group.id)] == ["李建国"]
        assert classgroups.groups_of(session, world.county, world.current.id, NOW)[0].tutors == ("李建国",)
        with pytest.raises(Conflict, match="already_there"):
            classgroups.appoint(session, world.county, group.id, "tutor")
        with pytest.raises(NotFound):
            classgroups.appoint(session, world.county, group.id, far_tutor.login)
        enrolled_in(session, world, world.teacher)
        with pytest.raises(Conflict, match="learns_and_tutors"):
            classgroups.appoint(session, world.county, group.id, "teacher")
        far_tutor.is_active = False
        session.flush()
        with pytest.raises(Conflict, match="account_closed"):
            classgroups.appoint(session, world.office, group.id, "far-tutor")
        classgroups.dismiss(session, world.county, group.id, tutor.id, NOW)
        with pytest.raises(NotFound):
            classgroups.dismiss(session, world.county, group.id, tutor.id, NOW)


def test_who_has_withdrawn_reads_on_and_writes_no_more(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        actor = builders.actor_for(session, world.teacher)
        module_id = builders.video_of(session, world.current).module_id
        thread, _ = discussion.start_thread(session, actor, module_id, title="题", body="第一次发言。", now=NOW)
        enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            discussion.start_thread(session, actor, module_id, title="题", body="第二次发言。", now=LATER)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            discussion.reply(session, actor, thread.id, body="第二次发言。", reply_to_id=None, now=LATER)
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            discussion.preview(session, actor, module_id, body="第二次发言。", now=LATER)
        assert len(discussion.threads(session, actor, module_id)) == 1


def test_a_film_that_plays_on_after_the_withdrawal_earns_nothing(database: Database, world: World) -> None:
    enrolment_id = enrolled(database, world)
    with database.writing() as session:
        actor = builders.actor_for(session, world.teacher)
        video_id = builders.video_of(session, world.current).id
        viewing.open_session(session, actor, video_id=video_id, enrolment_id=enrolment_id, new_id="play", now=NOW)
        beat = [Claim(0, MINUTE)]
        viewing.take_beat(session, actor, "play", seq=1, claims=beat, now=NOW + timedelta(minutes=1))
        enrolments.withdraw(session, world.office, enrolment_id, reason="生病", now=NOW + timedelta(minutes=1))
    at = NOW + timedelta(minutes=2)
    with database.writing() as session:
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            viewing.take_beat(session, actor, "play", seq=2, claims=[Claim(MINUTE, 2 * MINUTE)], now=at)
        answer = viewing.take_beat(session, actor, "play", seq=1, claims=beat, now=at)
    assert answer.covered_ms == MINUTE, "a beat that was taken before gets its answer again"
    assert credited_ms(database, enrolment_id) == MINUTE
    with database.writing() as session:
        enrolments.take_back(session, world.office, enrolment_id, reason="康复", now=at)
        viewing.open_session(session, actor, video_id=video_id, enrolment_id=enrolment_id, new_id="again", now=at)
        later = at + timedelta(minutes=1)
        viewing.take_beat(session, actor, "again", seq=1, claims=[Claim(MINUTE, 2 * MINUTE)], now=later)
        posting.settle(session, session.get_one(Enrolment, enrolment_id), later)
    assert credited_ms(database, enrolment_id) == 2 * MINUTE
    with database.writing() as session:
        assert auditing.first_difference(session, world.teacher.id) is None
