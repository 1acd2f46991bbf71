"""SQL of people: values are bound, and nothing is changed."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import sqlalchemy as sa

from ..errors import InputTypeError, InputValueError, quoted
from .database import Database
from .schema import FILE, PICTURE

__all__ = ["bind", "bind_rows", "bind_values", "read_only"]

# What reads begins with one of these, behind comments and brackets: MySQL ends a transaction that may only read as soon as
# a table is to be dropped in it.
_READS = ("SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "DESCRIBE", "DESC", "SHOW")
_BEGINNING = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*(?!!).*?\*/)*(\w*)", re.DOTALL)

_TYPES = {
    each.name: each.type
    for each in (*FILE.c, *PICTURE.c)
    if isinstance(each.type, sa.Boolean | sa.DateTime | sa.types.TypeDecorator)
}


def bind(text: object, params: Mapping[str, object]) -> sa.TextualSelect:
    """A text with values for its names.

    Raises:
        InputTypeError: no text.
        InputValueError: SQL that does not read, a value without a name in the text, a name without a value, or a value that no database keeps.
    """
    clause = bind_values(text, params)
    first = _BEGINNING.match(clause.text)
    if first is None or first[1].upper() not in _READS:
        raise InputValueError("text", "SQL that only reads", quoted(clause.text.strip()), "write a SELECT")
    # Columns named as those of the tables come in their types: SQLite keeps times and truth as texts and numbers.
    return clause.columns(**_TYPES)


def bind_values(text: object, params: Mapping[str, object]) -> sa.TextClause:
    """A text of any SQL with values for its names.

    Raises:
        InputTypeError: no text.
        InputValueError: a value without a name in the text, a name without a value, or a value that no database keeps.
    """
    clause = _parse(text)
    values = _values(clause, params)
    lists = {name for name, value in params.items() if isinstance(value, _LISTS)}
    bound: list[sa.BindParameter[Any]] = [
        sa.bindparam(name, value, expanding=name in lists) for name, value in values.items()
    ]
    return clause.bindparams(*bound)


def bind_rows(text: object, rows: Sequence[Mapping[str, object]]) -> tuple[sa.TextClause, list[dict[str, Any]]]:
    """A text of any SQL, and the values of many rows for its names.

    Raises:
        InputTypeError, InputValueError: as `bind_values`, of any row.
    """
    clause = _parse(text)
    values = [_values(clause, row) for row in rows]
    # What a name stands for is seen at its first value: SQLite's driver has no way of its own to write a time.
    first = {name: next((row[name] for row in values if row[name] is not None), None) for name in clause._bindparams}
    return clause.bindparams(*(sa.bindparam(name, value) for name, value in first.items())), values


_LISTS = (list, tuple, set, frozenset)


def _parse(text: object) -> sa.TextClause:
    if not isinstance(text, str):
        raise InputTypeError("text", "a text of SQL", quoted(text), "pass one")
    return sa.text(text)


def _values(clause: sa.TextClause, params: Mapping[str, object]) -> dict[str, Any]:
    if params.keys() != clause._bindparams.keys():
        _refuse_names(params.keys() - clause._bindparams.keys(), clause._bindparams.keys() - params.keys())
    return {name: _value(name, value) for name, value in params.items()}


def _refuse_names(unknown: Set[str], left: Set[str]) -> None:
    if unknown:
        name = min(unknown)
        raise InputValueError(
            "params", "a value for each :name of the text", f"{name}=, which is none", f"write :{name}"
        )
    name = min(left)
    raise InputValueError("params", f"a value for :{name}", "none", f"pass {name}=")


def _value(name: str, value: object) -> Any:
    if isinstance(value, _LISTS):
        return [_value(name, each) for each in value]
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        # As `seen` is kept; drivers drop the zone and say nothing.
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        remedy = "pass hashes as picture_hash gives them" if 0 <= value < 2**64 else "pass a smaller one"
        raise InputValueError(name, "a whole number of 64 bits, -2**63 to 2**63 - 1", quoted(value), remedy)
    return value


@contextlib.contextmanager
def read_only(database: Database) -> Iterator[sa.Connection]:
    """A transaction in which the database refuses whatever would change it."""
    with database.reading(of_people=True) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        try:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            elif connection.dialect.name in ("mysql", "mariadb"):
                connection.exec_driver_sql("START TRANSACTION READ ONLY")
            yield connection
        finally:
            if connection.dialect.name == "sqlite":
                connection.rollback()
                connection.exec_driver_sql("PRAGMA query_only = OFF")
