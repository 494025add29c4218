"""Instants are kept in UTC to the microsecond, whatever zone they are told in; naive ones are refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import enrol, make_user, publish

AT = datetime(2026, 11, 24, 15, 59, 59, 999_999, tzinfo=UTC)
INSTANTS = [
    AT,
    AT.astimezone(ZoneInfo("Asia/Shanghai")),
    AT.astimezone(ZoneInfo("Asia/Urumqi")),
    AT.astimezone(timezone(timedelta(hours=-11, minutes=-30))),
]


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
def test_an_instant_comes_back_in_utc_to_the_microsecond(database: Database, instant: datetime) -> None:
    with database.writing() as session:
        make_user(session, now=instant)
    with database.reading() as session:
        if not database.is_sqlite:
            session.execute(text("SET TIME ZONE 'Asia/Shanghai'"))
        kept = session.scalars(select(User.created_at)).one()
        assert (kept, kept.tzinfo) == (AT, UTC)
        assert session.scalars(select(User.login).where(User.created_at == instant)).one() == "wang.li"
        assert session.scalars(select(User.login).where(User.created_at < instant)).all() == []


def test_a_naive_instant_is_refused(database: Database) -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(StatementError, match="without a time zone"), database.writing() as session:
        make_user(session, now=naive)
    with pytest.raises(StatementError, match="without a time zone"), database.reading() as session:
        session.scalars(select(User).where(User.created_at == naive)).all()


def test_the_autumn_hour_that_comes_twice_is_two_instants(database: Database) -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = first.replace(fold=1)
    with database.writing() as session:
        make_user(session, "first", now=first)
        make_user(session, "second", now=second)
    with database.reading() as session:
        kept = session.scalars(select(User.created_at).order_by(User.created_at)).all()
    assert kept[1] - kept[0] == timedelta(hours=1)


def test_no_instant_is_no_instant(database: Database) -> None:
    with database.writing() as session:
        enrol(session, make_user(session), publish(session))
    with database.reading() as session:
        assert session.scalars(select(Enrolment.completed_at)).one() is None
