"""Rows of many numbers are the rows that `in_` finds, by one statement however many they are."""

import pytest
from sqlalchemy import event, not_, select
from sqlalchemy.orm import Session

from lms_plugin.storage.among import among, among_pairs
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders


@pytest.fixture
def ids(database: Database) -> list[int]:
    with database.writing() as session:
        return [builders.make_user(session, f"teacher-{number}").id for number in range(7)]


def found(session: Session, numbers: list[int]) -> list[int]:
    return list(session.scalars(select(User.id).where(among(User.id, numbers)).order_by(User.id)))


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_it_finds_what_in_finds(database: Database, ids: list[int], count: int) -> None:
    with database.reading() as session:
        assert found(session, [*ids[:count], ids[-1] + 1000]) == ids[:count]


def test_it_can_be_turned_round_and_asked_twice(database: Database, ids: list[int]) -> None:
    with database.reading() as session:
        query = select(User.id).where(among(User.id, ids[:5]), not_(among(User.id, iter(ids[:2])))).order_by(User.id)
        assert list(session.scalars(query)) == ids[2:5]


def test_so_many_numbers_are_no_other_statement(database: Database, ids: list[int]) -> None:
    said: set[str] = set()
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, words, *_: said.add(words))
    with database.reading() as session:
        for many in (2, 40_000):
            assert found(session, list(range(ids[0], ids[0] + many))) == ids[:many]
    assert len({one for one in said if "users" in one}) == 1


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_pairs_are_found_whole(database: Database, ids: list[int], count: int) -> None:
    query = select(User.id).where(among_pairs(User.id, User.sign_in_epoch, "pairs")).order_by(User.id)
    pairs = [*((one, 0) for one in ids[:count]), (ids[-1], 1), (ids[-1] + 1000, 0)]
    with database.reading() as session:
        assert list(session.scalars(query, {"pairs": pairs})) == ids[:count]


def test_so_many_pairs_are_no_other_statement(database: Database, ids: list[int]) -> None:
    said: set[str] = set()
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, words, *_: said.add(words))
    query = select(User.id).where(among_pairs(User.id, User.sign_in_epoch, "pairs"))
    with database.reading() as session:
        for many in (2, 40_000):
            pairs = [(one, 0) for one in range(ids[0], ids[0] + many)]
            assert set(session.scalars(query, {"pairs": pairs})) == set(ids[:many])
    assert len({one for one in said if "users" in one}) == 1
