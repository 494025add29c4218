"""Importing people: what a good row does, whole or not at all."""

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotAuthenticated
from lms_plugin.services import access, passwords, rosterimport, sign_in
from lms_plugin.services.access import Grant, Scope
from lms_plugin.services.roster import ImportPlan, plan_import
from lms_plugin.services.rosterfile import Table
from lms_plugin.services.rosterimport import ImportOutcome, apply_import, import_people, make_credentials
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, enrol, make_class_group, make_programme, make_region_tree, make_user, publish
from tests.services.rosters import a_table

WHOLE = Scope(None)
FULL_HEADER = "账号|姓名|角色|邮箱|语言|地区代码|平台账号|初始密码|培训项目|班级"


def run(session: Session, table: Table, *, only_good: bool = False) -> ImportOutcome:
    return apply_import(session, plan_import(session, table, WHOLE, NOW), only_good=only_good, now=NOW)


def user_of(session: Session, login: str) -> User:
    return session.scalars(select(User).where(User.login == login)).one()


def count(session: Session, table: type[User | RoleGrant | Enrolment | ClassGroup | ClassGroupTutor]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def codes(plan: ImportPlan) -> list[tuple[int, str | None, str]]:
    return [(fault.row, fault.column, fault.code) for fault in plan.faults]


def test_a_full_row_makes_a_person_who_can_sign_in_and_learn(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        current = publish(session)
        outcome = run(
            session,
            a_table(
                FULL_HEADER,
                "Wang.Li|王丽|参训教师|wang@example.cn|中文|530102-001|wang_li|Grüne-Berge-49|rural|一班",
                "zhao|赵老师|辅导教师|||||Steile-Pfade-7|rural|一班",
                "qian|钱主任|项目办、培训机构||en|530102||Weite-Felder-3||",
            ),
        )
        assert (outcome.created, outcome.enrolled, outcome.tutors, outcome.class_groups) == (3, 1, 1, 1)
        assert (outcome.updated, outcome.unchanged, outcome.moved, outcome.slips) == (0, 0, 0, ())
    with database.writing() as session:
        wang = user_of(session, "wang.li")
        assert (wang.name, wang.email, wang.language, wang.lms_username, wang.region_id, wang.created_at) == (
            "王丽",
            "wang@example.cn",
            "zh",
            "wang_li",
            tree.school.id,
            NOW,
        )
        actor = sign_in.sign_in(session, "wang.li", "Grüne-Berge-49", NOW)
        assert actor.grants == (Grant("learner", None),)
        enrolment = session.scalars(select(Enrolment)).one()
        group = session.scalars(select(ClassGroup)).one()
        assert (enrolment.user_id, enrolment.programme_id, enrolment.class_group_id, enrolment.region_id) == (
            wang.id,
            current.id,
            group.id,
            tree.school.id,
        )
        assert (enrolment.enrolled_at, enrolment.counted_ms, group.name) == (NOW, 0, "一班")
        zhao = sign_in.sign_in(session, "zhao", "Steile-Pfade-7", NOW)
        assert access.tutored_groups(session, zhao) == [group]
        qian = actor_for(session, user_of(session, "qian"))
        assert set(qian.grants) == {Grant("office", tree.county.id), Grant("provider", tree.county.id)}
        assert qian.language == "en"


def test_a_person_without_a_password_gets_a_drawn_one_that_is_given_back_once(database: Database) -> None:
    with database.writing() as session:
        outcome = run(session, a_table("login|name|password", "a.b|甲|Grüne-Berge-49", "c.d|乙|", "e.f|丙|"))
        assert [(slip.login, slip.name) for slip in outcome.slips] == [("c.d", "乙"), ("e.f", "丙")]
        assert len({slip.password for slip in outcome.slips}) == 2
    with database.writing() as session:
        for slip in outcome.slips:
            kept = user_of(session, slip.login).password_hash
            assert kept is not None
            assert slip.password not in kept
            assert kept.startswith("$argon2id$")
            assert sign_in.sign_in(session, slip.login, slip.password, NOW).login == slip.login
        strong = user_of(session, "a.b").password_hash
        assert strong is not None
        assert not passwords.is_stale(strong)


def test_a_single_fault_stops_everything_unless_the_good_rows_are_wanted(database: Database) -> None:
    table = a_table("login|name|programme|class_group", "a.b|甲|rural|一班", "c d|乙|rural|二班", "e.f|丙|rural|一班")
    with database.writing() as session:
        publish(session)
        with pytest.raises(Malformed) as refused:
            run(session, table)
        assert refused.value.code == "import_has_faults"
        faults = refused.value.params["faults"]
        assert isinstance(faults, tuple)
        assert [str(fault) for fault in faults] == [
            "row 3, login: c d cannot be a login: 2 to 80 letters, digits or . _ - @ + without blanks"
        ]
        assert [count(session, one) for one in (User, RoleGrant, ClassGroup, Enrolment)] == [0, 0, 0, 0]
        outcome = run(session, table, only_good=True)
        assert (outcome.created, outcome.enrolled, outcome.class_groups) == (2, 2, 1)
        assert session.scalars(select(User.login).order_by(User.login)).all() == ["a.b", "e.f"]


def test_an_error_in_the_middle_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        publish(session)
    table = a_table("login|name|programme", *(f"l{number:03}|师|rural" for number in range(25)))
    monkeypatch.setattr(rosterimport, "WRITTEN_AT_ONCE", 10)

    def cut_off(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO enrolment_changes"):
            raise ConnectionError("the line to the store is cut")

    event.listen(database.engine, "before_cursor_execute", cut_off)
    with pytest.raises(ConnectionError):
        import_people(database, table, WHOLE, only_good=True, now=NOW)
    event.remove(database.engine, "before_cursor_execute", cut_off)
    with database.reading() as session:
        assert [count(session, one) for one in (User, RoleGrant, Enrolment)] == [0, 0, 0]
    plan, outcome = import_people(database, table, WHOLE, only_good=True, now=NOW)
    assert (plan.is_good, outcome.created, outcome.enrolled) == (True, 25, 25)


def test_planning_changes_nothing_and_says_what_would_happen(database: Database) -> None:
    with database.writing() as session:
        make_user(session, "old", name="旧名")
        make_user(session, "same", name="同名")
        publish(session)
    with database.reading() as session:
        plan = plan_import(
            session, a_table("login|name|备注", "new|新人|x", "old|新名|", "same|同名|", "b d|错|"), WHOLE, NOW
        )
        assert (plan.created, plan.updated, plan.unchanged, plan.faulty_rows) == (1, 1, 1, 1)
        assert (plan.is_good, plan.ignored_columns) == (False, ("备注",))
        session.commit()
        assert count(session, User) == 2


def test_an_existing_account_is_brought_up_to_date_and_keeps_password_and_roles(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        user = make_user(
            session,
            "wang.li",
            access.TUTOR,
            name="王莉",
            region=tree.school,
            email="old@example.cn",
            lms_username="wangli",
            password_hash=passwords.hash_password("Grüne-Berge-49"),
        )
        plan = plan_import(
            session,
            a_table(FULL_HEADER, "WANG.LI|王丽|学员|new@example.cn|en|530102-002||Another-Pass-1||"),
            WHOLE,
            NOW,
        )
        assert [(notice.row, notice.column, notice.code) for notice in plan.notices] == [
            (2, "password", "password_unchanged")
        ]
        outcome = apply_import(session, plan, only_good=False, now=NOW)
        assert (outcome.created, outcome.updated, outcome.slips) == (0, 1, ())
    with database.writing() as session:
        kept = session.get_one(User, user.id)
        assert (kept.name, kept.email, kept.language, kept.region_id, kept.lms_username) == (
            "王丽",
            "new@example.cn",
            "en",
            tree.second_school.id,
            "wangli",
        )
        assert sign_in.sign_in(session, "wang.li", "Grüne-Berge-49", NOW).roles == ("learner", "tutor")
        with pytest.raises(NotAuthenticated):
            sign_in.sign_in(session, "wang.li", "Another-Pass-1", NOW)


def test_empty_cells_erase_nothing_and_give_no_new_role(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        make_user(session, "tu", access.TUTOR, name="王", region=tree.school, email="a@example.cn", language="en")
        make_user(session, "office", access.OFFICE, scope=tree.county)
        before = session.execute(select(User.__table__)).all()
        outcome = run(session, a_table("login|name|email", "office||", "tu||"))
        assert (outcome.created, outcome.updated, outcome.unchanged) == (0, 0, 2)
        assert session.execute(select(User.__table__)).all() == before
        assert count(session, RoleGrant) == 2


def test_importing_the_same_file_again_changes_nothing(database: Database) -> None:
    table = a_table(
        "login|name|role|region_code|programme|class_group",
        "a.b|甲|learner|530102-001|rural|一班",
        "c.d|乙|tutor||rural|一班",
        "e.f|丙|office|530102||",
        "g.h|丁|office|*||",
    )
    with database.writing() as session:
        make_region_tree(session)
        publish(session)
        first = run(session, table)
        assert (first.created, first.enrolled, first.tutors, first.class_groups) == (4, 1, 1, 1)
        again = run(session, table)
    assert again == ImportOutcome(0, 0, 4, 0, 0, 0, 0, ())


def test_a_learner_who_is_enrolled_moves_to_the_class_group_named_and_keeps_hours(database: Database) -> None:
    with database.writing() as session:
        current = publish(session)
        first = make_class_group(session, current, "一班")
        user = make_user(session, "wang.li")
        enrolment = enrol(session, user, current, group=first)
        plan = plan_import(session, a_table("login|name|programme|class_group", "wang.li||rural|二班"), WHOLE, NOW)
        assert [notice.code for notice in plan.notices] == ["class_group_moves"]
        outcome = apply_import(session, plan, only_good=False, now=NOW)
        assert (outcome.moved, outcome.enrolled, outcome.class_groups) == (1, 0, 1)
    with database.reading() as session:
        kept = session.scalars(select(Enrolment)).one()
        group = session.get_one(ClassGroup, kept.class_group_id)
        assert (kept.id, group.name) == (enrolment.id, "二班")


def test_an_enrolled_learner_without_a_group_in_the_file_stays_where_they_are(database: Database) -> None:
    with database.writing() as session:
        current = publish(session)
        enrol(session, make_user(session, "wang.li"), current, group=make_class_group(session, current, "一班"))
        outcome = run(session, a_table("login|name|programme", "wang.li||rural"))
        assert (outcome.moved, outcome.enrolled) == (0, 0)
        assert session.scalars(select(Enrolment)).one().class_group_id is not None


def test_the_same_group_name_in_two_programmes_is_two_groups(database: Database) -> None:
    with database.writing() as session:
        publish(session)
        publish(session, make_programme("urban"))
        outcome = run(
            session,
            a_table("login|name|programme|class_group", "a.b|甲|rural|一班", "c.d|乙|urban|一班", "e.f|丙|urban|一班"),
        )
        assert (outcome.class_groups, outcome.enrolled) == (2, 3)


def test_whoever_learns_in_one_programme_may_tutor_another(database: Database) -> None:
    with database.writing() as session:
        rural, urban = publish(session), publish(session, make_programme("urban"))
        user = make_user(session, "wang.li", access.LEARNER, access.TUTOR)
        group = make_class_group(session, urban, "一班", user)
        outcome = run(session, a_table("login|name|programme", "wang.li||rural"))
        assert outcome.enrolled == 1
        assert session.scalars(select(Enrolment)).one().programme_id == rural.id
        table = a_table("login|name|programme|class_group", f"wang.li||urban|{group.name}")
        again = plan_import(session, table, WHOLE, NOW)
        assert (again.is_good, again.people[0].tutors, again.people[0].learns) == (True, True, False)


def test_credentials_are_made_without_the_store_and_used_by_login(database: Database) -> None:
    table = a_table("login|name|password", "a.b|甲|", "c.d|乙|Grüne-Berge-49")
    with database.reading() as session:
        credentials = make_credentials(plan_import(session, table, WHOLE, NOW))
    assert set(credentials) == {"a.b", "c.d"}
    assert credentials["c.d"].drawn is None
    with database.writing() as session:
        outcome = apply_import(
            session, plan_import(session, table, WHOLE, NOW), only_good=False, now=NOW, credentials=credentials
        )
        (slip,) = outcome.slips
        assert slip.password == credentials["a.b"].drawn
        assert user_of(session, "c.d").password_hash == credentials["c.d"].password_hash


def test_the_number_of_statements_hardly_grows_with_the_rows(database: Database) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with database.writing() as session:
        make_region_tree(session)
        publish(session)
    event.listen(database.engine, "before_cursor_execute", note)
    needed = []
    for size in (10, 700):
        rows = [f"l{size}x{at:04}|师{at}|530102-001|rural|{at % 50}班" for at in range(size)]
        table = a_table("login|name|region_code|programme|class_group", *rows)
        statements.clear()
        import_people(database, table, WHOLE, only_good=False, now=NOW)
        needed.append(len(statements))
    event.remove(database.engine, "before_cursor_execute", note)
    assert needed[1] <= needed[0] + 5
