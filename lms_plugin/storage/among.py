"""Rows of many numbers, or pairs of them: in place of `in_`, which writes each number into the statement."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

Column = InstrumentedAttribute[int] | InstrumentedAttribute[int | None] | ColumnElement[int]


class _Numbers(TypeDecorator[list[int]]):
    """Whole numbers as one parameter: an array, or its JSON where there are none."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(BigInteger()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[int] | None, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Pairs(TypeDecorator[list[tuple[int, int]]]):
    """Pairs of whole numbers as one parameter: their JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[tuple[int, int]] | None, dialect: Dialect) -> Any:
        return json.dumps(value)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


class _AmongPairs(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


def among(column: Column, numbers: Iterable[int] | str) -> ColumnElement[bool]:
    """Whether a column is one of these numbers, however many: always the same statement, which is prepared once.

    `numbers` are there, or what the parameter is called by which they are given later, as a list.
    """
    if isinstance(numbers, str):
        return _Among(column, bindparam(numbers, type_=_Numbers()))
    return _Among(column, bindparam("among", list(numbers), type_=_Numbers(), unique=True))


def among_pairs(first: Column, second: Column, name: str) -> ColumnElement[bool]:
    """Whether two columns are one of the pairs, however many, that are given as a list in the parameter `name`."""
    return _AmongPairs(first, second, bindparam(name, type_=_Pairs()))


@compiles(_Among)
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(one, **options) for one in element.clauses)
    return " ".join(("(", column, "IN (SELECT value FROM json_each(", numbers, ")))"))


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(one, **options) for one in element.clauses)
    return f"({column} = ANY ({numbers}))"


@compiles(_AmongPairs)
def _in_json_pairs(element: _AmongPairs, compiler: SQLCompiler, **options: Any) -> str:
    first, second, pairs = (compiler.process(one, **options) for one in element.clauses)
    chosen = f"json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each({pairs})"
    return " ".join(("((", first, ",", second, ") IN (SELECT", chosen, "))"))


@compiles(_AmongPairs, "postgresql")
def _in_jsonb_pairs(element: _AmongPairs, compiler: SQLCompiler, **options: Any) -> str:
    first, second, pairs = (compiler.process(one, **options) for one in element.clauses)
    chosen = f"(pair ->> 0)::bigint, (pair ->> 1)::bigint FROM jsonb_array_elements(CAST({pairs} AS jsonb)) AS pair"
    return " ".join(("((", first, ",", second, ") IN (SELECT", chosen, "))"))
