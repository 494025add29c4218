"""Databases with nothing in them at all."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from lms_plugin.storage.session import Database

MakeDatabase = Callable[[str], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def make_empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeDatabase]:
    """Makes empty databases by name, of one store or the other."""
    opened: list[Database] = []
    if request.param == "sqlite":

        def make(name: str) -> Database:
            opened.append(Database(f"sqlite:///{tmp_path / name}.sqlite3"))
            return opened[-1]

        yield make
        for database in opened:
            database.dispose()
        return

    url = make_url(request.getfixturevalue("postgresql_url")).set(drivername="postgresql+psycopg")
    administrator = create_engine(url, isolation_level="AUTOCOMMIT")

    def make_in_postgresql(name: str) -> Database:
        with administrator.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        opened.append(Database(url.set(database=name).render_as_string(hide_password=False)))
        return opened[-1]

    yield make_in_postgresql
    with administrator.connect() as connection:
        for database in opened:
            database.dispose()
            connection.execute(text(f"DROP DATABASE {database.engine.url.database} WITH (FORCE)"))
    administrator.dispose()


@pytest.fixture
def empty_database(make_empty_database: MakeDatabase) -> Database:
    """A database without a single table."""
    return make_empty_database("empty")
