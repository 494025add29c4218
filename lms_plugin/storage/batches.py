"""Writing any number of rows with one statement.

On PostgreSQL a batch travels as one array for each column: the statement is the same for any number of rows, is
prepared once, and is answered once. On SQLite the driver goes through the rows by itself; nobody is far away there.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, FromClause, Insert, String, Table, Text, Update, bindparam, column, func, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql import and_, select, update
from sqlalchemy.types import TypeEngine

from lms_plugin.storage.base import Base, table_of

Rows = Sequence[Mapping[str, Any]]
Names = tuple[str, ...]


def append(on: Session | Connection, model: type[Base], rows: Rows) -> None:
    """Insert rows that all name the same columns; what they do not name gets its default.

    Raises:
        IntegrityError: one of them may not stand.
    """
    if rows:
        names = tuple(rows[0])
        _run(on, _append_arrays(table_of(model), names), _append_one(table_of(model), names), rows)


def change(on: Session | Connection, model: type[Base], keys: Names, rows: Rows) -> None:
    """Update the rows that `keys` name, in all other columns that `rows` have; each may be named once."""
    if rows:
        names = tuple(rows[0])
        _run(on, _change_arrays(table_of(model), keys, names), _change_one(table_of(model), keys, names), rows)


def put(on: Session | Connection, model: type[Base], keys: Names, rows: Rows) -> None:
    """Insert rows, or update those that there are with these `keys`; each may be named once."""
    if rows:
        names = tuple(rows[0])
        _run(on, _put_arrays(table_of(model), keys, names), _put_one(table_of(model), keys, names), rows)


def next_ids(session: Session, model: type[Base], count: int) -> list[int]:
    """The ids that the next rows of a table get, in ascending order and nobody else's; the transaction writes."""
    table = table_of(model)
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        return list(session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))))
    last = session.scalar(select(func.max(table.c.id))) or 0
    return list(range(last + 1, last + 1 + count))


def _run(on: Session | Connection, of_arrays: Insert | Update, of_one: Insert | Update, rows: Rows) -> None:
    connection = on.connection() if isinstance(on, Session) else on
    if connection.dialect.name == "postgresql":
        connection.execute(of_arrays, {_GIVEN + name: [row[name] for row in rows] for name in rows[0]})
    else:
        connection.execute(of_one, [{_GIVEN + name: value for name, value in row.items()} for row in rows])


_GIVEN = "given_"


@lru_cache(maxsize=64)
def _append_arrays(table: Table, names: Names) -> Insert:
    return insert(table).from_select(names, select(_arrays(table, names)))


@lru_cache(maxsize=64)
def _change_arrays(table: Table, keys: Names, names: Names) -> Update:
    given = _arrays(table, names)
    return (
        update(table)
        .where(and_(*(table.c[name] == given.c[name] for name in keys)))
        .values({name: given.c[name] for name in names if name not in keys})
    )


@lru_cache(maxsize=64)
def _put_arrays(table: Table, keys: Names, names: Names) -> Insert:
    putting = postgresql.insert(table).from_select(names, select(_arrays(table, names)))
    return putting.on_conflict_do_update(
        index_elements=keys, set_={name: putting.excluded[name] for name in names if name not in keys}
    )


@lru_cache(maxsize=64)
def _append_one(table: Table, names: Names) -> Insert:
    return insert(table).values(_one(table, names))


@lru_cache(maxsize=64)
def _change_one(table: Table, keys: Names, names: Names) -> Update:
    one = _one(table, names)
    return (
        update(table)
        .where(and_(*(table.c[name] == one[name] for name in keys)))
        .values({name: one[name] for name in names if name not in keys})
    )


@lru_cache(maxsize=64)
def _put_one(table: Table, keys: Names, names: Names) -> Insert:
    putting = sqlite.insert(table).values(_one(table, names))
    return putting.on_conflict_do_update(
        index_elements=keys, set_={name: putting.excluded[name] for name in names if name not in keys}
    )


def _one(table: Table, names: Names) -> dict[str, Any]:
    return {name: bindparam(_GIVEN + name, type_=table.c[name].type) for name in names}


def _arrays(table: Table, names: Names) -> FromClause:
    """The rows as a table, made of an array for each column."""
    arrays = [bindparam(_GIVEN + name, type_=ARRAY(_element(table.c[name].type))) for name in names]
    given = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in names), name="given")
    return given.render_derived()


def _element(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A column's type in an array. Without a length: a cast would cut off what the column refuses as too long."""
    return Text() if isinstance(kind, String) else kind
