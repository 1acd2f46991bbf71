"""One transaction on any of the databases: SQL of people, and whole frames by the fastest way each has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from ...errors import InputValueError, quoted
from ..packages import load_package
from ..query import bind_rows, bind_values
from .columns import Column, plain_values
from .dialects import Table, find_table, insert_statement, quote

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["DuckDbSession", "Fetched", "Session", "SqlSession"]

# Rows that become Python's values at once.
_PART = 10_000

# Names and rows.
Fetched = tuple[list[str], list[tuple[Any, ...]]]
Params = Mapping[str, object]


class Session(Protocol):
    """A transaction."""

    dialect: str

    def fetch(self, text: str, params: Params) -> Fetched:
        """The names and rows that a statement gives."""

    def change(self, text: str, params: Params) -> int:
        """Do a statement, and say how many rows it has changed."""

    def change_many(self, text: str, params: Sequence[Params]) -> int:
        """Do a statement for each, in as few steps as the database has."""

    def do(self, statement: str) -> None:
        """Do a statement of ours."""

    def find(self, name: str) -> Table | None:
        """The table of that name."""

    def insert(self, table: Table, columns: Sequence[Column], frame: pd.DataFrame, *, update: bool) -> None:
        """Add the rows of a frame, or let them replace what has their key."""


class SqlSession:
    """A transaction on SQLite, MySQL, MariaDB or PostgreSQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        name = connection.dialect.name
        self.dialect = "mysql" if name == "mariadb" else name

    @property
    def nopad(self) -> str:
        """The collation of MariaDB or MySQL to which every difference between two texts is one."""
        return "utf8mb4_nopad_bin" if getattr(self._connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"

    def fetch(self, text: str, params: Params) -> Fetched:
        """The names and rows that a statement gives."""
        result = self._connection.execute(bind_values(text, params))
        if not result.returns_rows:
            raise InputValueError("text", "SQL that gives rows", quoted(text.strip()), "use execute for it")
        return list(result.keys()), [tuple(row) for row in result]

    def change(self, text: str, params: Params) -> int:
        """Do a statement, and say how many rows it has changed."""
        return max(int(self._connection.execute(bind_values(text, params)).rowcount), 0)

    def change_many(self, text: str, params: Sequence[Params]) -> int:
        """Do a statement for each, in as few steps as there can be."""
        clause, values = bind_rows(text, params)
        return max(int(self._connection.execute(clause, values).rowcount), 0) if values else 0

    def do(self, statement: str) -> None:
        """Do a statement of ours."""
        self._connection.exec_driver_sql(statement, execution_options={"no_parameters": True})

    def find(self, name: str) -> Table | None:
        """The table of that name."""

        def fetch(statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in self._connection.exec_driver_sql(statement, values)]

        return find_table(self.dialect, name, fetch)

    def insert(self, table: Table, columns: Sequence[Column], frame: pd.DataFrame, *, update: bool) -> None:
        """Add the rows of a frame, or let them replace what has their key."""
        names, key = [each.name for each in columns], table.key if update else ()
        if self.dialect == "postgresql":
            self._copy(table, names, key, _rows_of(columns, frame, _as_is))
            return
        mark, adapt = ("?", _for_sqlite) if self.dialect == "sqlite" else ("%s", _as_is)
        statement = insert_statement(self.dialect, table.name, names, f"VALUES ({', '.join([mark] * len(names))})", key)
        if self.dialect == "mysql":
            self._check_packet(columns, frame)
            head, marks, tail = statement.rpartition(f"VALUES ({', '.join([mark] * len(names))})")
            statement = head.replace("%", "%%") + marks + tail.replace("%", "%%")
        rows = _rows_of(columns, frame, adapt)
        # The drivers make one statement of many rows of it, SQLite one plan that is run for each.
        while part := list(islice(rows, _PART)):
            self._connection.exec_driver_sql(statement, part)

    def _copy(self, table: Table, names: Sequence[str], key: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
        into = table.name
        if key:
            into = "aikit_rows"
            self.do(
                f"CREATE TEMPORARY TABLE {into} (LIKE {quote(self.dialect, table.name)} INCLUDING DEFAULTS) ON COMMIT DROP"
            )
        listed = ", ".join(quote(self.dialect, each) for each in names)
        driver: Any = self._connection.connection.driver_connection
        statement = f"COPY {quote(self.dialect, into)} ({listed}) FROM STDIN"
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except load_package("psycopg").Error as error:
            raise sa.exc.DBAPIError(statement, None, error, hide_parameters=True) from error
        if key:
            self.do(insert_statement(self.dialect, table.name, names, f"SELECT {listed} FROM {into}", key))  # noqa: S608 - quoted
            self.do(f"DROP TABLE {into}")

    def _check_packet(self, columns: Sequence[Column], frame: pd.DataFrame) -> None:
        """Refuse a value that the server would answer by hanging up."""
        most = int(self._connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
        for each in columns:
            if each.kind in ("text", "bytes"):
                longest = max((len(value) for value in frame[each.name] if isinstance(value, str | bytes)), default=0)
                if 2 * longest + 1024 > most:  # what is escaped takes two bytes for one
                    raise InputValueError(
                        f"frame[{quoted(each.name)}]", f"values of at most {most // 2 - 512:,} bytes, half of the server's max_allowed_packet",
                        f"one of {longest:,}", "keep it in a file, or raise max_allowed_packet",
                    )  # fmt: skip


def _rows_of(columns: Sequence[Column], frame: pd.DataFrame, adapt: Any) -> Iterator[tuple[Any, ...]]:
    for begin in range(0, len(frame), _PART):
        part = frame.iloc[begin : begin + _PART]
        yield from zip(*(adapt(plain_values(part[each.name], each.kind), each.kind) for each in columns), strict=True)


def _as_is(values: list[Any], kind: str) -> list[Any]:
    return values


def _for_sqlite(values: list[Any], kind: str) -> list[Any]:
    """Times as the texts that SQLite's own functions and SQLAlchemy read; those with a zone in UTC."""
    if kind in ("naive", "instant"):
        return [None if each is None else each.replace(tzinfo=None).isoformat(" ", "microseconds") for each in values]
    if kind in ("date", "time"):
        return [None if each is None else each.isoformat() for each in values]
    return values


# ---------------------------------------------------------------- DuckDB

_NUMBERED = DefaultDialect(paramstyle="numeric_dollar")
# One row of values, each of which is a name.
_ROW = re.compile(r"(INSERT\b[^:]*\bVALUES\s*)\(\s*(:\w+(?:\s*,\s*:\w+)*)\s*\)([^:]*)", re.IGNORECASE | re.DOTALL)
# Values in a statement, which DuckDB plans anew for each: row by row it takes 0.5 ms for each of them.
_MOST_VALUES = 5_000


class DuckDbSession:
    """A transaction on DuckDB."""

    dialect = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def fetch(self, text: str, params: Params) -> Fetched:
        """The names and rows that a statement gives."""
        self._connection.execute(*_numbered(text, params))
        names = [str(each[0]) for each in self._connection.description or ()]
        return names, self._connection.fetchall()

    def change(self, text: str, params: Params) -> int:
        """Do a statement, and say how many rows it has changed."""
        self._connection.execute(*_numbered(text, params))
        return self._count()

    def _count(self) -> int:
        counts = [str(each[0]) for each in self._connection.description or ()] == ["Count"]
        found = self._connection.fetchone() if counts else None
        return 0 if found is None else int(found[0])

    def change_many(self, text: str, params: Sequence[Params]) -> int:
        """Do a statement for each, in as few steps as there can be."""
        values = bind_rows(text, params)[1]
        found = _ROW.fullmatch(text.strip().rstrip(";"))
        if found is None:
            return sum(self.change(text, each) for each in params)
        head, names, tail = found[1], [each.strip()[1:] for each in found[2].split(",")], found[3]
        count, size, marks = 0, max(1, _MOST_VALUES // len(names)), f"({', '.join('?' * len(names))})"
        for begin in range(0, len(values), size):
            part = values[begin : begin + size]
            listed = [each[name] for each in part for name in names]
            self._connection.execute(f"{head}{', '.join([marks] * len(part))}{tail}", listed)
            count += self._count()
        return count

    def do(self, statement: str) -> None:
        """Do a statement of ours."""
        self._connection.execute(statement)

    def find(self, name: str) -> Table | None:
        """The table of that name."""

        def fetch(statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
            return self._connection.execute(statement, list(values)).fetchall()

        return find_table(self.dialect, name, fetch)

    def insert(self, table: Table, columns: Sequence[Column], frame: pd.DataFrame, *, update: bool) -> None:
        """Add the rows of a frame, or let them replace what has their key."""
        names = [each.name for each in columns]
        rows = load_package("pyarrow").Table.from_pandas(frame[names], preserve_index=False)
        listed = ", ".join(quote(self.dialect, each) for each in names)
        self._connection.register("aikit_rows", rows)
        try:
            key = table.key if update else ()
            self.do(insert_statement(self.dialect, table.name, names, f"SELECT {listed} FROM aikit_rows", key))  # noqa: S608 - quoted
        finally:
            self._connection.unregister("aikit_rows")


def _numbered(text: str, params: Params) -> tuple[str, list[object]]:
    compiled = bind_values(text, params).compile(dialect=_NUMBERED, compile_kwargs={"render_postcompile": True})
    return compiled.string, [compiled.params[name] for name in compiled.positiontup or ()]
