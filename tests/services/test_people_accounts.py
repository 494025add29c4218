"""Accounts one by one: what is refused, what a role is granted for."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import access, people, sign_in
from lms_plugin.services.access import Grant
from lms_plugin.services.people import NewPerson
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.session import Database
from tests.builders import NOW, make_region_tree, make_user

ZHANG = NewPerson("Zhang.Wei", " 张伟 ", (Grant("learner", None),), email="zhang@example.cn", lms_username="zhang_wei")


def test_a_new_account_can_sign_in_and_has_its_roles(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        person = dataclasses.replace(
            ZHANG, grants=(Grant("tutor", None), Grant("office", tree.county.id)), region_id=tree.school.id
        )
        user = people.create_user(session, person, "Grüne-Berge-49", NOW)
        assert (user.login, user.name, user.region_id) == ("zhang.wei", "张伟", tree.school.id)
    with database.writing() as session:
        actor = sign_in.sign_in(session, "zhang.wei", "Grüne-Berge-49", NOW)
    assert set(actor.grants) == {Grant("tutor", None), Grant("office", tree.county.id)}
    assert actor.roles == ("tutor", "office")


@pytest.mark.parametrize(
    ("changes", "password", "code"),
    [
        ({"login": "z"}, None, "login_malformed"),
        ({"login": "zhang wei"}, None, "login_malformed"),
        ({"login": "=zhang"}, None, "login_malformed"),
        ({"login": "z" * 81}, None, "login_malformed"),
        ({"name": "  "}, None, "name_malformed"),
        ({"name": "张\x00伟"}, None, "name_malformed"),
        ({"name": "张" * 121}, None, "name_malformed"),
        ({"email": "zhang"}, None, "email_malformed"),
        ({"email": "a@b@example.cn"}, None, "email_malformed"),
        ({"email": "a@" + "b" * 250 + ".cn"}, None, "email_malformed"),
        ({"language": "fr"}, None, "language_unknown"),
        ({"lms_username": "zhang wei"}, None, "lms_username_malformed"),
        ({"grants": (Grant("root", None),)}, None, "role_unknown"),
        ({}, "short", "password_too_short"),
        ({"login": "zhang.wei.sir"}, "Zhang.Wei.Sir", "password_is_login"),
    ],
)
def test_what_a_new_account_is_refused_for(
    database: Database, changes: dict[str, Any], password: str | None, code: str
) -> None:
    with database.writing() as session:
        with pytest.raises(Malformed) as refused:
            people.create_user(session, dataclasses.replace(ZHANG, **changes), password, NOW)
        assert session.scalar(select(func.count()).select_from(User)) == 0
    assert refused.value.code == code


def test_a_login_belongs_to_one_person(database: Database) -> None:
    with database.writing() as session:
        make_user(session, "zhang.wei")
        with pytest.raises(Conflict, match="login_taken"):
            people.create_user(session, ZHANG, None, NOW)


def test_a_role_is_granted_once_even_everywhere(database: Database) -> None:
    with database.writing() as session:
        tree, user = make_region_tree(session), make_user(session, "zhang.wei", access.TUTOR)
        assert people.grant_role(session, user.id, Grant("office", None))
        assert not people.grant_role(session, user.id, Grant("office", None))
        assert people.grant_role(session, user.id, Grant("office", tree.county.id))
        assert not people.grant_role(session, user.id, Grant("office", tree.county.id))
        assert session.scalar(select(func.count()).select_from(RoleGrant)) == 3


def test_people_and_regions_are_found_by_what_is_written_on_paper(database: Database) -> None:
    with database.writing() as session:
        tree, user = make_region_tree(session), make_user(session, "zhang.wei")
        assert people.user_by_login(session, " ZHANG.wei").id == user.id
        assert people.region_by_code(session, "530102").id == tree.county.id
        assert people.region_names(session, [tree.county.id, tree.school.id, 99_999]) == {
            tree.county.id: "五华区",
            tree.school.id: "莲华小学",
        }
        assert people.region_names(session, []) == {}
        with pytest.raises(NotFound):
            people.user_by_login(session, "li.na")
        with pytest.raises(NotFound):
            people.region_by_code(session, "999999")
        for gone in (people.close_account, people.reopen_account):
            with pytest.raises(NotFound):
                gone(session, 99_999)
