"""What databases write differently: names of types, quotes, what a table has, and rows that replace those of their key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .columns import Column, Kind

__all__ = ["Table", "create_statement", "find_table", "insert_statement", "quote"]

_TYPES: Mapping[str, dict[Kind, str]] = {
    "sqlite": {
        "int16": "INTEGER", "int32": "INTEGER", "int64": "INTEGER", "float": "REAL", "bool": "BOOLEAN", "text": "TEXT",
        "bytes": "BLOB", "naive": "DATETIME", "instant": "DATETIME_UTC", "date": "DATE", "time": "TIME_OF_DAY",
    },
    "mysql": {
        "int16": "SMALLINT", "int32": "INT", "int64": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "text": "LONGTEXT",
        "bytes": "LONGBLOB", "naive": "DATETIME(6)", "instant": "DATETIME(6)", "date": "DATE", "time": "TIME(6)",
        "decimal": "DECIMAL({length}, {scale})",
    },
    "postgresql": {
        "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "float": "DOUBLE PRECISION", "bool": "BOOLEAN",
        "text": "TEXT", "bytes": "BYTEA", "naive": "TIMESTAMP", "instant": "TIMESTAMPTZ", "date": "DATE", "time": "TIME",
        "decimal": "NUMERIC({length}, {scale})",
    },
    "duckdb": {
        "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN",
        "text": "VARCHAR", "bytes": "BLOB", "naive": "TIMESTAMP", "instant": "TIMESTAMPTZ", "date": "DATE",
        "time": "TIME", "decimal": "DECIMAL({length}, {scale})",
    },
}  # fmt: skip
# MySQL says what time its DATETIME is in a comment: a TIMESTAMP would end in 2038 and move with the session's zone.
_UTC = "UTC"
# How many characters a key of MySQL may have: 3072 bytes, four for each.
_MOST_KEY = 768

# The first words of a type, by what it holds.
_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"BOOL(EAN)?$|TINYINT\(1\)$", "bool"),
    (r"(TINY|SMALL)INT|INT2$|UTINYINT", "int16"),
    (r"(MEDIUMINT|INT4$|USMALLINT)|INT(EGER)?(\(\d+\))?$", "int32"),
    (r"BIGINT|INT8$|UINTEGER|INT(EGER)? UNSIGNED", "int64"),
    (r"REAL|FLOAT|DOUBLE", "float"),
    (r"DECIMAL|NUMERIC", "decimal"),
    (r"(TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ|DATETIME_UTC)", "instant"),
    (r"(TIMESTAMP|DATETIME)", "naive"),
    (r"DATE$", "date"),
    (r"TIME(_OF_DAY|\(\d\)| WITHOUT TIME ZONE)?$", "time"),
    (r"(VAR|N?|NVAR|LONG|MEDIUM|TINY)?(CHAR|TEXT|CHARACTER)|CLOB|STRING", "text"),
    (r"\w*BLOB|BYTEA|\w*BINARY", "bytes"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there: its columns in their order, and those of its primary key in theirs."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def quote(dialect: str, name: str) -> str:
    """A name as it stands in a statement."""
    mark = "`" if dialect == "mysql" else '"'
    return mark + name.replace(mark, 2 * mark) + mark


# ---------------------------------------------------------------- making one


def create_statement(dialect: str, name: str, columns: Sequence[Column], key: Sequence[str], *, nopad: str) -> str:
    """The statement that makes a table.

    Args:
        dialect: of the database.
        name: of the table.
        columns: in their order.
        key: the names of those that are its primary key.
        nopad: MySQL's collation to which blanks at the end count, as every other difference does.
    """
    lines = [f"{quote(dialect, each.name)} {_type_of(dialect, each, each.name in key)}" for each in columns]
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(quote(dialect, each) for each in key)})")
    options = f" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={nopad}" if dialect == "mysql" else ""
    return f"CREATE TABLE {quote(dialect, name)} ({', '.join(lines)}){options}"


def _type_of(dialect: str, column: Column, in_key: bool) -> str:
    word = _TYPES[dialect][column.kind].format(length=column.length, scale=column.scale)
    if dialect == "mysql" and in_key and column.kind in ("text", "bytes"):
        word = f"VARCHAR({_MOST_KEY // 3})" if column.kind == "text" else "VARBINARY(767)"
    comment = f" COMMENT '{_UTC}'" if dialect == "mysql" and column.kind == "instant" else ""
    return f"{word}{'' if column.nullable and not in_key else ' NOT NULL'}{comment}"


def knows(dialect: str, kind: Kind) -> bool:
    """Whether a database has a type for it."""
    return kind in _TYPES[dialect]


# ---------------------------------------------------------------- finding one

Fetch = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]

_FIND = {
    "sqlite": "SELECT name, type, \"notnull\", pk, '' FROM pragma_table_info(?) ORDER BY cid",
    "duckdb": "SELECT name, type, \"notnull\", pk, '' FROM pragma_table_info(?) ORDER BY cid",
    "mysql": "SELECT c.column_name, c.column_type, c.is_nullable = 'NO', coalesce(k.ordinal_position, 0), c.column_comment "
    "FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k ON k.table_schema = c.table_schema "
    "AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY' "
    "WHERE c.table_schema = DATABASE() AND c.table_name = %s ORDER BY c.ordinal_position",
    "postgresql": "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1, '' FROM pg_attribute a "
    "LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary "
    "WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
}


def find_table(dialect: str, name: str, fetch: Fetch) -> Table | None:
    """The table of that name, or None."""
    if dialect == "duckdb" and not fetch("SELECT 1 FROM duckdb_tables() WHERE table_name = ? UNION ALL SELECT 1 FROM duckdb_views() WHERE view_name = ?", (name, name)):  # fmt: skip
        return None  # it raises an error of its own where there is none
    rows = fetch(_FIND[dialect], (quote(dialect, name) if dialect == "postgresql" else name,))
    if not rows:
        return None
    columns = tuple(
        Column(str(column), _kind_of(dialect, str(word), str(comment or "")), not bool(filled))
        for column, word, filled, _, comment in rows
    )
    # SQLite counts the columns of a key, DuckDB says whether one is in it.
    key = sorted((int(place), at, str(column)) for at, (column, _, _, place, _) in enumerate(rows) if place)
    return Table(name, columns, tuple(column for _, _, column in key))


def _kind_of(dialect: str, word: str, comment: str) -> Kind:
    word = word.upper()
    if word.startswith("BIGINT") and "UNSIGNED" in word:
        return "other"
    kind = next((kind for begin, kind in _KINDS if re.match(begin, word)), None)
    if kind == "naive" and dialect == "mysql" and comment == _UTC:
        return "instant"
    # SQLite's integers have 64 bits whatever they are called.
    return "int64" if dialect == "sqlite" and kind in ("int16", "int32") else kind or "other"


# ---------------------------------------------------------------- filling one


def insert_statement(dialect: str, name: str, columns: Sequence[str], source: str, key: Sequence[str] = ()) -> str:
    """The statement that adds rows, or with a key lets them replace what has the same.

    Args:
        dialect: of the database.
        name: of the table.
        columns: which are filled.
        source: what gives the rows, VALUES or SELECT.
        key: the table's primary key, where rows may be there already.
    """
    names = [quote(dialect, each) for each in columns]
    statement = f"INSERT INTO {quote(dialect, name)} ({', '.join(names)}) {source}"
    if not key:
        return statement
    others = [quote(dialect, each) for each in columns if each not in key]
    if dialect == "mysql":
        own = others or [quote(dialect, key[0])]
        return f"{statement} ON DUPLICATE KEY UPDATE {', '.join(f'{each} = VALUES({each})' for each in own)}"
    conflict = f"ON CONFLICT ({', '.join(quote(dialect, each) for each in key)})"
    changes = ", ".join(f"{each} = excluded.{each}" for each in others)
    return f"{statement} {conflict} DO UPDATE SET {changes}" if others else f"{statement} {conflict} DO NOTHING"
