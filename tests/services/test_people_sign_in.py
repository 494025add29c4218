"""Signing in, tokens, passwords: the same answer and time for whoever may not come in."""

import hashlib
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import Malformed, NotAuthenticated
from lms_plugin.services import passwords, people, sign_in
from lms_plugin.storage.people import ApiToken, User
from lms_plugin.storage.session import Database
from tests.builders import NOW, make_user

PASSWORD = "Grüne-Berge-49"
WEEK = timedelta(days=7)


@pytest.fixture
def user_id(database: Database) -> int:
    with database.writing() as session:
        user = make_user(session, "wang.li", password_hash=passwords.hash_password(PASSWORD))
        return user.id


def _cost_ms(database: Database, login: str, password: str) -> float:
    """The least processor time of several refused sign-ins, in milliseconds."""
    costs = []
    for _ in range(5):
        with database.reading() as session:
            begun = time.thread_time()
            with pytest.raises(NotAuthenticated, match="wrong_login"):
                sign_in.verify(session, login, password)
            costs.append((time.thread_time() - begun) * 1000)
    return min(costs)


@pytest.mark.parametrize("login", ["wang.li", "  Wang.Li ", "ｗａｎｇ．ｌｉ"])
def test_a_login_is_the_same_in_any_capitals_and_widths(database: Database, user_id: int, login: str) -> None:
    with database.writing() as session:
        assert sign_in.sign_in(session, login, PASSWORD, NOW).user_id == user_id


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("wang.li", PASSWORD.lower()),
        ("wang.li", ""),
        ("wang.li", PASSWORD + "x" * 5000),
        ("wang.lo", PASSWORD),
        ("", ""),
        ("closed", PASSWORD),
        ("no.password", PASSWORD),
        ("no.password", ""),
        ("broken.hash", PASSWORD),
    ],
)
def test_every_refusal_is_the_same(database: Database, user_id: int, login: str, password: str) -> None:
    with database.writing() as session:
        make_user(session, "closed", password_hash=passwords.hash_password(PASSWORD), is_active=False)
        make_user(session, "no.password")
        make_user(session, "broken.hash", password_hash="not a hash")
    with database.writing() as session, pytest.raises(NotAuthenticated) as refused:
        sign_in.sign_in(session, login, password, NOW)
    assert (refused.value.code, refused.value.params) == ("wrong_login", {})


def test_a_refusal_takes_as_long_for_an_unknown_login_as_for_a_wrong_password(database: Database, user_id: int) -> None:
    with database.writing() as session:
        make_user(session, "closed", password_hash=passwords.hash_password(PASSWORD), is_active=False)
        make_user(session, "no.password")
        make_user(session, "drawn", password_hash=passwords.hash_drawn("k7mp-3xqd-9wtn"))
    wrong = _cost_ms(database, "wang.li", "something else")
    for login in ("nobody", "closed", "no.password", "drawn"):
        assert 0.5 < _cost_ms(database, login, "something else") / wrong < 2, login
    assert 0.5 < _cost_ms(database, "wang.li", "x" * 3000) / wrong < 2


def test_a_hash_with_old_parameters_is_renewed_by_signing_in_and_nobody_is_signed_out(database: Database) -> None:
    drawn = passwords.draw()
    with database.writing() as session:
        user = make_user(session, "new.teacher", password_hash=passwords.hash_drawn(drawn))
        token, _ = sign_in.issue_token(session, user.id, NOW, WEEK)
    with database.writing() as session:
        sign_in.sign_in(session, "new.teacher", drawn, NOW)
    with database.reading() as session:
        kept = session.get_one(User, user.id)
        assert kept.password_hash is not None
        assert not passwords.is_stale(kept.password_hash)
        assert passwords.is_right(kept.password_hash, drawn)
        assert sign_in.actor_for_token(session, token, NOW).user_id == user.id
        assert not sign_in.verify(session, "new.teacher", drawn).has_stale_hash


def test_a_password_changed_meanwhile_is_not_put_back_by_strengthening(database: Database, user_id: int) -> None:
    with database.writing() as session:
        sign_in.set_password(session, user_id, "a-new-pass-phrase")
    with database.writing() as session:
        sign_in.strengthen(session, user_id, PASSWORD)
    with database.reading() as session:
        assert sign_in.verify(session, "wang.li", "a-new-pass-phrase").actor.user_id == user_id


def test_a_token_stands_for_its_owner_until_it_expires(database: Database, user_id: int) -> None:
    with database.writing() as session:
        token, expires_at = sign_in.issue_token(session, user_id, NOW, WEEK)
    assert token.startswith("lmsp_")
    assert len(token) >= len("lmsp_") + 43
    assert expires_at == NOW + WEEK
    with database.reading() as session:
        assert sign_in.actor_for_token(session, token, expires_at - timedelta(microseconds=1)).login == "wang.li"
        with pytest.raises(NotAuthenticated, match="token_invalid"):
            sign_in.actor_for_token(session, token, expires_at)


def test_only_the_digest_of_a_token_is_kept(database: Database, user_id: int) -> None:
    with database.writing() as session:
        token, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
    with database.reading() as session:
        kept = session.scalars(select(ApiToken)).one()
    assert kept.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in repr(vars(kept))


@pytest.mark.parametrize("token", ["", "lmsp_", "lmsp_" + "x" * 43, "\ud800", "' OR 1=1 --"])
def test_an_invented_token_stands_for_nobody(database: Database, user_id: int, token: str) -> None:
    with database.reading() as session, pytest.raises(NotAuthenticated, match="token_invalid"):
        sign_in.actor_for_token(session, token, NOW)


def test_revoking_a_token_ends_that_one_alone(database: Database, user_id: int) -> None:
    with database.writing() as session:
        first, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
        second, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
        sign_in.revoke_token(session, first)
        sign_in.revoke_token(session, first)
    with database.reading() as session:
        with pytest.raises(NotAuthenticated, match="token_invalid"):
            sign_in.actor_for_token(session, first, NOW)
        assert sign_in.actor_for_token(session, second, NOW).user_id == user_id


def test_issuing_a_token_sweeps_the_expired_ones_of_the_same_person(database: Database, user_id: int) -> None:
    with database.writing() as session:
        other = make_user(session, "other")
        sign_in.issue_token(session, user_id, NOW, WEEK)
        sign_in.issue_token(session, other.id, NOW, WEEK)
    with database.writing() as session:
        sign_in.issue_token(session, user_id, NOW + WEEK, WEEK)
    with database.reading() as session:
        owners = session.scalars(select(ApiToken.user_id).order_by(ApiToken.user_id)).all()
    assert owners == sorted([user_id, other.id])


def test_a_new_password_ends_every_sign_in_and_token(database: Database, user_id: int) -> None:
    with database.writing() as session:
        token, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
        epoch = sign_in.sign_in_epoch(session, user_id)
    with database.writing() as session:
        assert sign_in.set_password(session, user_id, "a-new-pass-phrase") == epoch + 1
    with database.reading() as session:
        assert sign_in.user_for_page_session(session, user_id, epoch) is None
        found = sign_in.user_for_page_session(session, user_id, epoch + 1)
        assert found is not None
        assert found.user_id == user_id
        with pytest.raises(NotAuthenticated):
            sign_in.actor_for_token(session, token, NOW)
        with pytest.raises(NotAuthenticated):
            sign_in.verify(session, "wang.li", PASSWORD)


def test_a_token_of_an_earlier_epoch_is_worth_nothing(database: Database, user_id: int) -> None:
    with database.writing() as session:
        token, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
        session.get_one(User, user_id).sign_in_epoch += 1
    with database.reading() as session, pytest.raises(NotAuthenticated, match="token_invalid"):
        sign_in.actor_for_token(session, token, NOW)


def test_closing_an_account_ends_everything_and_reopening_lets_its_owner_sign_in(
    database: Database, user_id: int
) -> None:
    with database.writing() as session:
        token, _ = sign_in.issue_token(session, user_id, NOW, WEEK)
        epoch = sign_in.sign_in_epoch(session, user_id)
        people.close_account(session, user_id)
    with database.writing() as session:
        assert sign_in.user_for_page_session(session, user_id, epoch + 1) is None
        with pytest.raises(NotAuthenticated):
            sign_in.actor_for_token(session, token, NOW)
        with pytest.raises(NotAuthenticated):
            sign_in.issue_token(session, user_id, NOW, WEEK)
        people.reopen_account(session, user_id)
        assert sign_in.user_for_page_session(session, user_id, epoch) is None
        assert sign_in.sign_in(session, "wang.li", PASSWORD, NOW).user_id == user_id


def test_changing_a_password_asks_for_the_present_one(database: Database, user_id: int) -> None:
    with database.writing() as session:
        with pytest.raises(NotAuthenticated, match="wrong_password"):
            sign_in.change_password(session, user_id, old="not it at all", new="a-new-pass-phrase")
        assert sign_in.change_password(session, user_id, old=PASSWORD, new="a-new-pass-phrase") == 1
        assert sign_in.sign_in(session, "wang.li", "a-new-pass-phrase", NOW).user_id == user_id


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("nine-char", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("wang.li.teacher", "password_is_login"),
        ("WANG.LI.Teacher", "password_is_login"),
        ("rehcaet.il.gnaw", "password_is_login"),
        ("1234567890", "password_too_common"),
        ("Password123!", "password_too_common"),
        ("WoAiNi1314520", "password_too_common"),
        ("1212121212121", "password_too_common"),
        ("aaaaaaaaaaaaaaaa", "password_too_common"),
        ("ten-chars!", None),
        ("我在高黎贡山脚下教书呀", None),
    ],
)
def test_rules_of_a_new_password(password: str, code: str | None) -> None:
    if code is None:
        passwords.check_rules(password, "wang.li.teacher")
    else:
        with pytest.raises(Malformed) as refused:
            passwords.check_rules(password, "wang.li.teacher")
        assert refused.value.code == code


def test_a_password_that_breaks_a_rule_changes_nothing(database: Database, user_id: int) -> None:
    with database.writing() as session, pytest.raises(Malformed):
        sign_in.set_password(session, user_id, "wang.li")
    with database.reading() as session:
        assert sign_in.verify(session, "wang.li", PASSWORD).sign_in_epoch == 0


def test_drawn_passwords_are_all_different_and_pass_the_rules() -> None:
    drawn = [passwords.draw() for _ in range(2000)]
    assert len(set(drawn)) == len(drawn)
    for one in drawn:
        passwords.check_rules(one, "wang.li")
        assert not set(one) & set("0o1il")
