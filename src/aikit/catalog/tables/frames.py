"""Whole tables from pandas and back, with their keys, types and time zones."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..._check import one_of
from ...errors import InputTypeError, InputValueError, quoted
from ..packages import load_package
from .columns import Column, check_fits, columns_of, series_of
from .connection import Connection, connect
from .dialects import Table, create_statement, knows, quote
from .sessions import Session

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IfExists", "Written", "read_table", "write_table"]

IfExists = Literal["fail", "append", "replace", "update"]
Url = str | os.PathLike[str] | Connection

_NAME = re.compile(r"\w+", re.ASCII)


class Written(NamedTuple):
    """What `write_table` did.

    Attributes:
        rows: how many rows of the frame are in the table now: all of them.
        created: whether the table was made.
    """

    rows: int
    created: bool


def write_table(
    frame: pd.DataFrame,
    url: Url,
    name: str,
    *,
    if_exists: IfExists = "fail",
    key: str | Sequence[str] | None = None,
    password: str | None = None,
) -> Written:
    """Write a DataFrame into a table, all of it or nothing.

    A new table has a type for each column that holds its values exactly, NOT NULL where none is missing, and the frame's named
    index, or `key`, as its primary key. A table that is there keeps its definition: keys, indexes and types stay. Rows go in
    statements of many rows, or by the fastest way that the database has.

    Args:
        frame: columns of whole numbers, floats, yes and no, texts, bytes, times with and without time zones, dates, times
            of day and decimals. NaN is a missing value.
        url: as for `connect`, or a `Connection`, in whose transaction it is written then.
        name: of the table.
        if_exists: "fail" refuses a table that is there, "append" adds rows to it, "replace" takes its rows away before, in
            the same transaction, and "update" lets rows replace those of the same primary key and adds the others.
        key: columns that a new table has as its primary key, if it is not the index.
        password: as for `connect`.

    Returns:
        How many rows were written, and whether the table was made.

    Raises:
        InputTypeError: no DataFrame, or columns of values that the table would change: fractions for whole numbers, time
            zones for times without, mixed objects.
        InputValueError: whole numbers that need more than 64 bits, nanoseconds, keys that are missing or come twice, a table
            that is there, or rows that it refuses.
        FileAccessError: the database cannot be reached or written.
        MissingDependencyError: pandas, or the package of the database, is not installed.

    Example:
        >>> import pandas as pd, tempfile
        >>> url = f"{tempfile.mkdtemp()}/runs.sqlite"
        >>> frame = pd.DataFrame({"hash": [2**62 + 1, None]}, index=pd.Index(["a", "b"], name="run"), dtype="Int64")
        >>> write_table(frame, url, "run")
        Written(rows=2, created=True)
        >>> read_table(url, "run")["hash"].tolist()
        [4611686018427387905, <NA>]
    """
    one_of("if_exists", if_exists, ("fail", "append", "replace", "update"))
    pandas = load_package("pandas", "write_table")
    if not isinstance(frame, pandas.DataFrame):
        raise InputTypeError("frame", "a pandas DataFrame", type(frame).__name__, "pass one")
    if not isinstance(name, str) or not name:  # type: ignore[redundant-expr]
        raise InputTypeError("name", "the name of a table", quoted(name), "pass a text")
    flat, keys = _with_key(frame, key)
    columns = columns_of(flat)
    if not columns:
        raise InputValueError("frame", "at least one column", "none", "give it some")
    with _about_rows(name), _session(url, password) as session:
        table = session.find(name)
        if table is None:
            return _write_new(session, name, columns, keys, flat)
        if if_exists == "fail":
            remedy = 'pass if_exists="append", "replace" or "update", or another name'
            raise InputValueError("name", "a table that is not there", quoted(name), remedy, option="if_exists")
        return _write_old(session, table, columns, flat, if_exists)


def _with_key(frame: pd.DataFrame, key: str | Sequence[str] | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame with all that is kept as columns, and those that are its key."""
    named = [each for each in frame.index.names if each is not None]
    if named and len(named) < len(frame.index.names):
        raise InputValueError(
            "frame", "an index all of whose levels have names", "some without", "name them, or reset it"
        )
    flat = frame.reset_index() if named else frame.reset_index(drop=True)
    keys: tuple[Any, ...] = tuple(named) if key is None else (key,) if isinstance(key, str) else tuple(key)
    missing = [each for each in keys if each not in flat.columns]
    if missing:
        raise InputValueError("key", "columns of the frame", quoted(missing[0]), "name columns that it has")
    return flat, keys


def _check_key(frame: pd.DataFrame, keys: Sequence[str]) -> None:
    for each in keys:
        if frame[each].isna().any():
            raise InputValueError(
                "key", "values in every row", f"none in some of {quoted(each)}", "drop these rows, or take another key"
            )
    twice = frame.duplicated([*keys]) if keys else frame.index < 0
    if twice.any():
        first = tuple(frame.loc[twice, [*keys]].iloc[0])
        raise InputValueError(
            "key",
            "rows that differ in their key",
            f"{quoted(first if len(first) > 1 else first[0])} twice",
            "drop duplicates, or take another key",
        )


def _write_new(
    session: Session, name: str, columns: Sequence[Column], keys: tuple[str, ...], frame: pd.DataFrame
) -> Written:
    _check_key(frame, keys)
    for each in columns:
        if not knows(session.dialect, each.kind):
            raise InputTypeError(
                f"frame[{quoted(each.name)}]",
                "values that SQLite keeps exactly",
                f"{each.kind}s",
                "write them as texts",
            )
        if session.dialect == "mysql" and each.name in keys and each.kind == "text" and each.length > 255:
            raise InputValueError(
                "key",
                "texts of at most 255 characters",
                f"one of {each.length}",
                "take a shorter key, such as a digest",
            )
    session.do(create_statement(session.dialect, name, columns, keys, nopad=getattr(session, "nopad", "")))
    try:
        session.insert(Table(name, tuple(columns), keys), columns, frame, update=False)
    except BaseException:
        # MySQL commits whenever a table is made.
        if session.dialect == "mysql":
            with contextlib.suppress(Exception):
                session.do(f"DROP TABLE {quote('mysql', name)}")
        raise
    return Written(len(frame), created=True)


def _write_old(
    session: Session, table: Table, columns: Sequence[Column], frame: pd.DataFrame, if_exists: IfExists
) -> Written:
    there = {each.name: each for each in table.columns}
    for each in columns:
        if each.name not in there:
            remedy = f"add it to the table, or leave it out; there are {', '.join(there)}"
            raise InputValueError("frame", f"columns of the table {table.name}", quoted(each.name), remedy)
        check_fits(each, there[each.name], frame[each.name])
    if if_exists == "update":
        if not table.key:
            raise InputValueError(
                "if_exists", '"append" or "replace" for a table without a primary key', '"update"', "pass one of these"
            )
        _check_key(frame, table.key) if set(table.key) <= set(frame.columns) else _refuse_without_key(table)
    if if_exists == "replace":
        session.do(f"DELETE FROM {quote(session.dialect, table.name)}")  # noqa: S608 - quoted
    into = [each if there[each.name].kind == "other" else replace(each, kind=there[each.name].kind) for each in columns]
    session.insert(table, into, frame, update=if_exists == "update")
    return Written(len(frame), created=False)


def _refuse_without_key(table: Table) -> None:
    expected = f"the columns of the table's primary key, {', '.join(table.key)}"
    raise InputValueError("frame", expected, "a frame without", "add them")


def read_table(
    url: Url, query: str, params: Mapping[str, object] | None = None, *, password: str | None = None
) -> pd.DataFrame:
    """Read a table, or the rows of a query, as a DataFrame of nullable types.

    Args:
        url: as for `connect`, or a `Connection`.
        query: the name of a table, one word, or SQL that gives rows, in which every value is a :name.
        params: the values by their names; a list for `IN :names`.
        password: as for `connect`.

    Returns:
        Of a table its columns in the types that it declares, its primary key as the index. Of a query what its values are: whole
        numbers Int64, texts string, bytes, dates and decimals objects; SQLite and MySQL keep no truth and no time zones in
        values, so that these come as 0 and 1 and as UTC without a zone. 64 bits stay exact beside missing values.

    Raises:
        InputTypeError: no text.
        InputValueError: SQL that the database does not take, a name without a value, or no such table.
        FileAccessError: the database cannot be reached.
        MissingDependencyError: pandas, or the package of the database, is not installed.

    Example:
        >>> import tempfile
        >>> with connect(f"{tempfile.mkdtemp()}/runs.sqlite") as db:
        ...     _ = db.execute("CREATE TABLE run (name TEXT PRIMARY KEY, done BOOLEAN)")
        ...     _ = db.execute("INSERT INTO run VALUES ('a', 1)")
        ...     read_table(db, "run").dtypes.to_dict(), read_table(db, "SELECT name FROM run WHERE done = :done", {"done": 1}).size
        ({'done': BooleanDtype}, 1)
    """
    pandas = load_package("pandas", "read_table")
    if not isinstance(query, str):
        raise InputTypeError("query", "the name of a table or SQL", quoted(query), "pass a text")
    if params is not None and not isinstance(params, Mapping):
        raise InputTypeError(
            "params", "a dict of names and values", type(params).__name__, "write :name and pass {'name': value}"
        )
    with _session(url, password, writes=False) as session:
        if _NAME.fullmatch(query) is None:
            names, rows = session.fetch(query, params or {})
            return _frame(pandas, names, rows, {})
        table = session.find(query)
        if table is None:
            raise InputValueError(
                "query", "the name of a table that is there", quoted(query), "name another one, or write a SELECT"
            )
        listed = ", ".join(quote(session.dialect, each.name) for each in table.columns)
        text = f"SELECT {listed} FROM {quote(session.dialect, query)}"  # noqa: S608 - quoted
        names, rows = session.fetch(_escaped(text), {})
        frame = _frame(pandas, names, rows, {each.name: each for each in table.columns})
    return frame.set_index([*table.key]) if table.key else frame


def _escaped(text: str) -> str:
    """A statement of ours, in which a colon in a name begins no value."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _frame(
    pandas: Any, names: Sequence[str], rows: Sequence[tuple[Any, ...]], known: Mapping[str, Column]
) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    series = [
        series_of(name, [*values], known[name].kind if name in known else None)
        for name, values in zip(names, columns, strict=True)
    ]
    frame: pd.DataFrame = pandas.concat(series, axis=1) if series else pandas.DataFrame()
    return frame


@contextlib.contextmanager
def _session(url: Url, password: str | None, *, writes: bool = True) -> Iterator[Session]:
    if isinstance(url, Connection):
        with url._transaction(writes=writes) as session:
            yield session
        return
    connection = connect(url, password=password)
    try:
        with connection._transaction(writes=writes) as session:
            yield session
    finally:
        connection.close()


@contextlib.contextmanager
def _about_rows(name: str) -> Iterator[None]:
    """What a database says of statements of ours is about the rows."""
    try:
        yield
    except InputValueError as error:
        if error.subject != "text":
            raise
        expected, remedy = f"rows that the table {name} takes", "check their values and the table's columns"
        raise InputValueError("frame", expected, error.got, remedy) from error
