"""Nominations: sent by regions until the deadline, measured, and taken by the office as far as places go."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from lms_plugin.domain import registration
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.nomination import NominationRule
from lms_plugin.domain.programme import Group, Text
from lms_plugin.services import access, classgroups, deciding, enrolments, nominations, passwords, quotas
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.deciding import Accepted
from lms_plugin.services.nominees import NewNomination, read_nomination
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW, RegionTree, make_programme, make_user

RULE = NominationRule(
    deadline_on=date(2026, 12, 1),
    subjects=("体育",),
    least_degree="bachelor",
    least_teaching_years=5,
    most_age_men=45,
    most_age_women=40,
    least_rural_percent=Decimal(80),
)
FITS = NewNomination(
    login="li.qiang",
    name="李强",
    region_code="530102-001",
    phone="13800000000",
    subject="体育",
    degree="bachelor",
    teaching_years=8,
    born_on=date(1985, 5, 1),
    sex="male",
    is_rural=True,
)
TOO_OLD = replace(FITS, login="too.old", name="赵老师", born_on=date(1970, 1, 1))


@dataclass
class World:
    """A programme that wants PE teachers up to 45 and 40, and who sends and takes them."""

    database: Database
    current: InForce
    regions: RegionTree
    office: Actor
    province: Actor
    county: Actor
    far: Actor

    def nominate(self, wanted: NewNomination = FITS, actor: Actor | None = None, now: datetime = NOW) -> Nomination:
        with self.database.writing() as session:
            return nominations.nominate(session, actor or self.office, self.current.id, wanted, now)

    def accept(self, nomination: Nomination, reason: str = "", *, draws_password: bool = False) -> Accepted:
        with self.database.writing() as session:
            return deciding.accept(
                session, self.office, nomination.id, reason=reason, draws_password=draws_password, now=NOW
            )

    def quota(self, code: str, places: int | None, actor: Actor | None = None) -> None:
        with self.database.writing() as session:
            quotas.set_quota(session, actor or self.office, self.current.id, code, places, NOW)

    def state(self, nomination: Nomination) -> str:
        with self.database.reading() as session:
            return session.get_one(Nomination, nomination.id).state


def make_world(database: Database, **changes: Any) -> World:
    with database.writing() as session:
        regions = builders.make_region_tree(session)

        def admin(login: str, scope: Region | None = None) -> Actor:
            return builders.actor_for(session, make_user(session, login, "office", scope=scope))

        return World(
            database=database,
            current=builders.publish(session, make_programme(nomination=RULE, **changes)),
            regions=regions,
            office=admin("office"),
            province=admin("province", regions.province),
            county=admin("county", regions.county),
            far=admin("far", regions.far_county),
        )


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def test_who_fits_is_taken_with_an_account_an_enrolment_and_a_number(world: World) -> None:
    nomination = world.nominate(actor=world.county)
    taken = world.accept(nomination, draws_password=True)
    with world.database.reading() as session:
        user = session.get_one(User, session.get_one(Enrolment, taken.enrolment_id).user_id)
        assert (user.login, user.name, user.region_id) == ("li.qiang", "李强", world.regions.school.id)
        assert access.actor_of(session, user.id).has("learner")
        assert taken.password is not None
        assert passwords.is_right(user.password_hash, taken.password)
        assert registration.is_well_formed(taken.registration_number or "")
        kinds = [one.kind for one in enrolments.changes_of(session, taken.enrolment_id or 0)]
    assert kinds == ["registered", "enrolled"]
    assert world.state(nomination) == "accepted"


def test_an_account_that_exists_is_kept_and_gets_no_password(world: World) -> None:
    with world.database.writing() as session:
        known = make_user(session, "li.qiang", "tutor", name="李强", region=world.regions.school)
    taken = world.accept(world.nominate(actor=world.county), draws_password=True)
    assert taken.password is None
    with world.database.reading() as session:
        assert session.get_one(Enrolment, taken.enrolment_id).user_id == known.id
        assert access.actor_of(session, known.id).roles == ("learner", "tutor")


def test_a_new_account_without_a_password_can_come_in_another_way_only(world: World) -> None:
    taken = world.accept(world.nominate())
    assert taken.password is None
    with world.database.reading() as session:
        user = session.get_one(User, session.get_one(Enrolment, taken.enrolment_id).user_id)
        assert user.password_hash is None


def test_misfits_are_kept_and_taking_somebody_with_them_needs_a_reason(world: World) -> None:
    nomination = world.nominate(replace(TOO_OLD, subject="数学", teaching_years=None, sex="female"))
    assert [one.code for one in nominations.warnings_of(nomination)] == [
        "subject_mismatch", "not_stated", "over_age",
    ]  # fmt: skip
    assert nominations.warnings_of(nomination)[-1].params == {"age": 56, "most": 40}
    with pytest.raises(Malformed, match="why_missing"):
        world.accept(nomination)
    assert world.accept(nomination, "当地只有他一人任教").enrolment_id is not None
    with world.database.reading() as session:
        assert session.get_one(Nomination, nomination.id).reason == "当地只有他一人任教"


def test_an_account_with_another_name_is_a_warning(world: World) -> None:
    with world.database.writing() as session:
        make_user(session, "li.qiang", name="李蔷", region=world.regions.school)
    (found,) = nominations.warnings_of(world.nominate(actor=world.county))
    assert (found.code, found.params) == ("name_differs", {"known": "李蔷"})


MIDNIGHT = datetime(2026, 11, 30, 16, tzinfo=UTC)


def test_nominations_end_at_midnight_in_shanghai(world: World) -> None:
    world.nominate(now=MIDNIGHT - timedelta(microseconds=1))
    with pytest.raises(Conflict, match="nominations_closed") as refused:
        world.nominate(replace(FITS, login="late"), now=MIDNIGHT)
    assert refused.value.params["deadline"] == MIDNIGHT


def test_nobody_is_nominated_twice_unless_the_first_came_to_nothing(world: World) -> None:
    first = world.nominate(actor=world.county)
    with pytest.raises(Conflict, match="already_nominated"):
        world.nominate(replace(FITS, login=" LI.QIANG".strip().lower()))
    with world.database.writing() as session:
        nominations.withdraw(session, world.county, first.id, reason="本人不愿参加", now=NOW)
    second = world.nominate()
    world.accept(second)
    with pytest.raises(Conflict, match="already_enrolled"):
        world.nominate()


OBSTACLES: list[tuple[str, Callable[[Session, World], object]]] = [
    ("login_taken", lambda session, world: make_user(session, "li.qiang", region=world.regions.far_school)),
    (
        "account_closed",
        lambda session, world: make_user(session, "li.qiang", region=world.regions.school, is_active=False),
    ),
    (
        "learns_and_tutors",
        lambda session, world: builders.make_class_group(
            session, world.current, "一班", make_user(session, "li.qiang", region=world.regions.school)
        ),
    ),
]


@pytest.mark.parametrize(("code", "before"), OBSTACLES, ids=[code for code, _ in OBSTACLES])
def test_who_cannot_learn_here_cannot_be_nominated(
    world: World, code: str, before: Callable[[Session, World], object]
) -> None:
    with world.database.writing() as session:
        before(session, world)
    with pytest.raises(Conflict, match=code):
        world.nominate(actor=world.county)


def test_a_region_nominates_and_withdraws_within_itself_only(world: World) -> None:
    with pytest.raises(NotFound):
        world.nominate(actor=world.far)
    nomination = world.nominate(actor=world.county)
    with world.database.writing() as session:
        with pytest.raises(NotFound):
            nominations.withdraw(session, world.far, nomination.id, reason="", now=NOW)
        with pytest.raises(NotAllowed):
            deciding.accept(session, world.county, nomination.id, reason="", draws_password=False, now=NOW)
        with pytest.raises(NotAllowed):
            deciding.promote(session, world.county, world.current.id, draws_password=False, now=NOW)
        assert nominations.count_by_state(session, world.county, world.current.id) == {"submitted": 1}
        assert nominations.count_by_state(session, world.far, world.current.id) == {}


def test_every_fault_of_a_form_is_named_by_field(world: World) -> None:
    wrong = NewNomination(login="a b", name="", region_code="", email="none", phone="x", subject="体" * 61,
                          degree="baker", title="king")  # fmt: skip
    with pytest.raises(Malformed) as refused:
        world.nominate(wrong)
    assert {(one["field"], one["code"]) for one in refused.value.params["faults"]} == {
        ("login", "login_malformed"),
        ("name", "name_missing"),
        ("region_code", "region_missing"),
        ("email", "email_malformed"),
        ("phone", "phone_malformed"),
        ("subject", "subject_too_long"),
        ("degree", "degree_unknown"),
        ("title", "title_unknown"),
    }
    with pytest.raises(Malformed) as refused:
        world.nominate(replace(FITS, phone=""))
    assert "contact_missing" in str(refused.value)


def test_refusing_needs_a_reason_and_is_final(world: World) -> None:
    nomination = world.nominate()
    with world.database.writing() as session:
        with pytest.raises(Malformed, match="why_missing"):
            deciding.refuse(session, world.office, nomination.id, reason=" ", now=NOW)
        deciding.refuse(session, world.office, nomination.id, reason="专业不对口", now=NOW)
        with pytest.raises(Conflict, match="nomination_decided"):
            deciding.refuse(session, world.office, nomination.id, reason="再次", now=NOW)
        with pytest.raises(Conflict, match="nomination_decided"):
            nominations.withdraw(session, world.county, nomination.id, reason="", now=NOW)
    with pytest.raises(Conflict, match="nomination_decided"):
        world.accept(nomination)


def person(number: int, code: str = "530102-001") -> NewNomination:
    return replace(FITS, login=f"teacher{number}", name=f"教师{number}", region_code=code)


def test_whoever_finds_no_place_waits_and_is_next_when_one_gets_free(world: World) -> None:
    world.quota("530102", 1)
    first, second, third = (world.nominate(person(number)) for number in (1, 2, 3))
    taken = world.accept(first)
    assert [world.accept(one).enrolment_id for one in (second, third)] == [None, None]
    assert world.state(second) == "waiting"
    with pytest.raises(Conflict, match="no_place_free"):
        world.accept(second)
    with world.database.writing() as session:
        with pytest.raises(Conflict, match="no_place_free"):
            deciding.promote(session, world.office, world.current.id, draws_password=False, now=NOW)
        enrolments.withdraw(session, world.county, taken.enrolment_id or 0, reason="生病", now=NOW)
    with pytest.raises(Conflict, match="not_next"):
        world.accept(third)
    fourth = world.nominate(person(4))
    assert world.accept(fourth).enrolment_id is None, "nobody is taken past those who wait"
    elsewhere = world.nominate(person(5, "530103-001"))
    assert world.accept(elsewhere).enrolment_id is None, "a region without places sends nobody"
    with world.database.writing() as session:
        promoted = deciding.promote(session, world.office, world.current.id, draws_password=True, now=NOW)
    assert (promoted.login, world.state(second)) == ("teacher2", "accepted")
    assert promoted.password is not None


def test_who_waits_in_one_region_keeps_nobody_of_another_out(world: World) -> None:
    world.quota("530102", 1)
    world.quota("530103", 1)
    first, second = (world.nominate(person(number)) for number in (1, 2))
    taken = world.accept(first)
    world.accept(second)
    with world.database.writing() as session:
        enrolments.withdraw(session, world.office, taken.enrolment_id or 0, reason="生病", now=NOW)
    other = world.nominate(person(3, "530103-001"))
    assert world.accept(other).enrolment_id is not None
    assert world.accept(second).enrolment_id is not None


def test_a_programme_and_its_phases_take_no_more_than_they_have_places_for(database: Database) -> None:
    phases = (Group("lead", Text("骨干", "Lead"), places=1), Group("all", Text("全员", "All")))
    world = make_world(database, phases=phases, places=2)
    people = [
        replace(person(1), phase="lead"),
        replace(person(2), phase="lead"),
        *(replace(person(at), phase="all") for at in (3, 4)),
    ]
    taken = [world.accept(world.nominate(one)).enrolment_id for one in people]
    assert [one is not None for one in taken] == [True, False, True, False]
    with pytest.raises(NotFound):
        world.nominate(replace(person(5), phase="none-such"))


def test_all_who_fit_are_taken_at_once_as_far_as_places_go(world: World) -> None:
    world.quota("530000", 2)
    for number in (1, 2, 3):
        world.nominate(person(number))
    misfit = world.nominate(TOO_OLD)
    closed = world.nominate(person(9))
    with world.database.writing() as session:
        make_user(session, "teacher9", is_active=False)
    with world.database.writing() as session:
        taken = deciding.accept_fitting(session, world.office, world.current.id, draws_password=True, now=NOW)
    assert [(one.login, one.enrolment_id is not None) for one in taken] == [
        ("teacher1", True), ("teacher2", True), ("teacher3", False),
    ]  # fmt: skip
    assert len({one.password for one in taken}) == 3
    assert (world.state(misfit), world.state(closed)) == ("submitted", "submitted")


def test_somebody_whose_account_was_closed_meanwhile_cannot_be_taken(world: World) -> None:
    nomination = world.nominate()
    with world.database.writing() as session:
        make_user(session, "li.qiang", region=world.regions.school, is_active=False)
    with pytest.raises(Conflict, match="account_closed"):
        world.accept(nomination)


def test_somebody_who_tutors_here_meanwhile_cannot_be_taken(world: World) -> None:
    nomination = world.nominate()
    with world.database.writing() as session:
        make_user(session, "li.qiang", region=world.regions.school)
        group = classgroups.create(session, world.office, world.current.id, "一班")
        classgroups.appoint(session, world.office, group.id, "li.qiang")
    with pytest.raises(Conflict, match="learns_and_tutors"):
        world.accept(nomination)


READ = [
    ("degree", "本科", "bachelor", None),
    ("degree", "博士后", "", "degree_unknown"),
    ("title", "一级教师", "first_grade", None),
    ("sex", "女", "female", None),
    ("sex", "?", "", "sex_unknown"),
    ("teaching_years", "12", 12, None),
    ("teaching_years", "61", 61, "teaching_years_malformed"),
    ("teaching_years", "十年", None, "teaching_years_malformed"),
    ("born_on", "1985-05-01", date(1985, 5, 1), None),
    ("born_on", "1985年5月1日", date(1985, 5, 1), None),
    ("born_on", "19850501", date(1985, 5, 1), None),
    ("born_on", "1985-02-30", None, "born_on_malformed"),
    ("born_on", "1885-02-03", None, "born_on_malformed"),
    ("born_on", "May 1985", None, "born_on_malformed"),
    ("is_rural", "是", True, None),
    ("is_rural", "No", False, None),
    ("is_rural", "maybe", None, "is_rural_unknown"),
    ("email", "li@school.cn", "li@school.cn", None),
    ("login", " Li.Qiang ", "li.qiang", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "text", "value", "code"), READ)
def test_what_people_write_is_understood_or_named(field: str, text: str, value: object, code: str | None) -> None:
    typed = {"login": "li.qiang", "name": "李强", "region_code": "530102-001", "phone": "13800000000"}
    found, faults = read_nomination({**typed, field: text})
    assert getattr(found, field) == value
    assert [(one.field, one.code) for one in faults] == ([(field, code)] if code else [])
