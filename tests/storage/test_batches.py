"""Batches stand in the store as rows that are written one by one would, by one statement however many they are."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DatabaseError

from lms_plugin.storage import batches
from lms_plugin.storage.base import Base
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.session import Database
from tests import builders

NOON = datetime(2026, 10, 12, 12, tzinfo=timezone(timedelta(hours=8)))


def stored(database: Database, model: type[Base], *names: str) -> list[tuple[Any, ...]]:
    columns = [getattr(model, name) for name in names]
    with database.reading() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(*columns))]


def test_rows_are_appended_with_every_kind_of_value(database: Database) -> None:
    teacher = {"login": "li", "name": "李老师", "created_at": NOON, "email": None, "sign_in_epoch": 7}
    database.transact(lambda session: batches.append(session, User, [teacher, teacher | {"login": "wang"}]))
    assert stored(database, User, "login", "name", "created_at", "email", "sign_in_epoch", "language", "is_active") == [
        (login, "李老师", NOON.astimezone(UTC), None, 7, "zh", True) for login in ("li", "wang")
    ]


def test_what_is_kept_as_json_comes_back_as_it_was(database: Database) -> None:
    with database.writing() as session:
        user_id = builders.make_user(session, "li").id
        shared = {"user_id": user_id, "kind": "asked", "created_at": NOON, "mail_state": "none", "address": ""}
        params = [{"title": '引"号，\\和{}', "one": {"more": [1, None, True]}}, {}]
        batches.append(session, Notice, [shared | {"about": str(at), "params": one} for at, one in enumerate(params)])
    assert [one[1] for one in stored_in_order(database)] == params


def stored_in_order(database: Database) -> list[tuple[Any, ...]]:
    with database.reading() as session:
        return [tuple(row) for row in session.execute(select(Notice.about, Notice.params).order_by(Notice.about))]


def test_rows_are_changed_by_their_keys(database: Database) -> None:
    rows = [{"code": code, "level": "province", "name": "old"} for code in "abc"]
    with database.writing() as session:
        batches.append(session, Region, rows)
        changes = [{"code": "c", "name": "三"}, {"code": "a", "name": "一"}, {"code": "none", "name": "nobody"}]
        batches.change(session, Region, ("code",), changes)
    assert stored(database, Region, "code", "name") == [("a", "一"), ("b", "old"), ("c", "三")]


def test_rows_are_put_whether_they_are_there_or_not(database: Database) -> None:
    def row(code: str, name: str) -> dict[str, str]:
        return {"code": code, "level": "province", "name": name}

    with database.writing() as session:
        batches.put(session, Region, ("code",), [row("a", "old"), row("b", "old")])
        batches.put(session, Region, ("code",), [row("b", "new"), row("c", "new")])
    assert stored(database, Region, "code", "name") == [("a", "old"), ("b", "new"), ("c", "new")]


def test_no_rows_are_no_statement(database: Database) -> None:
    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, words, *_: said.append(words))
    with database.writing() as session:
        batches.append(session, Region, [])
        batches.change(session, Region, ("code",), [])
        batches.put(session, Region, ("code",), [])
    assert said == [one for one in said if one.startswith("BEGIN")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_too_long_is_refused_and_not_cut_off(database: Database) -> None:
    with pytest.raises(DatabaseError), database.writing() as session:
        batches.append(session, Region, [{"code": "c" * 41, "level": "province", "name": "x"}])
    assert stored(database, Region, "code") == []


def test_a_row_that_may_not_stand_undoes_the_batch(database: Database) -> None:
    rows = [{"code": code, "level": "province", "name": "x"} for code in ("a", "b", "a")]
    with pytest.raises(DatabaseError), database.writing() as session:
        batches.append(session, Region, rows)
    assert stored(database, Region, "code") == []


def test_so_many_rows_are_no_other_statement(database: Database) -> None:
    said: set[str] = set()
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, words, *_: said.add(words))
    with database.writing() as session:
        for first, many in ((0, 1), (1, 3000)):
            rows = [{"code": f"{at:05}", "level": "county", "name": "x"} for at in range(first, first + many)]
            batches.append(session, Region, rows)
            batches.change(session, Region, ("code",), [one | {"name": "y"} for one in rows])
            batches.put(session, Region, ("code",), [one | {"name": "z"} for one in rows])
        assert session.scalar(select(func.count()).where(Region.name == "z")) == 3001
    assert len({one for one in said if "regions" in one and "SELECT count" not in one}) == 3


def test_ids_are_known_before_the_rows_are_there_and_nobody_elses(database: Database) -> None:
    def row(at: int) -> dict[str, str]:
        return {"code": f"{at}", "level": "province", "name": "x"}

    with database.writing() as session:
        batches.append(session, Region, [row(1)])
        ids = batches.next_ids(session, Region, 3)
        assert ids == sorted(set(ids))
        batches.append(session, Region, [row(at) | {"id": one} for at, one in enumerate(ids, start=2)])
    with database.writing() as session:
        ids += batches.next_ids(session, Region, 1)
        batches.append(session, Region, [row(9) | {"id": ids[-1]}])
    assert [one for (one,) in stored(database, Region, "id")][1:] == ids
