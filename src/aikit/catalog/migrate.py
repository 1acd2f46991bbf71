"""The tables of a catalogue made, and those of an older version brought up to date."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from ..errors import FileFormatError
from .database import Database
from .schema import META, TABLES, VERSION

__all__ = ["MIGRATIONS", "prepare"]

# By the version that they lead to: statements of SQL that every database takes, done in their order.
MIGRATIONS: Mapping[int, tuple[str, ...]] = {}


def prepare(
    database: Database, *, newest: int = VERSION, migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS
) -> None:
    """Make the tables where there are none, and bring older ones up to date.

    In SQLite all of that is one transaction, and a copy of the file as it was is kept beside it. MySQL and MariaDB commit
    behind every change of a table.

    Raises:
        FileFormatError: a database that is no catalogue, or one of a later version.
        FileAccessError: it cannot be opened or written.
    """
    with database.reading() as connection:
        found = _find_version(connection, database)
    if found is None or found < newest:
        database.write(lambda connection: _bring_up(connection, database, newest, migrations))
    elif found > newest:
        raise FileFormatError(
            database.address.shown, f"a catalogue of version {newest}", f"one of version {found}", "update aikit",
            code="unsupported_format",
        )  # fmt: skip
    database.remember_file()


def _find_version(connection: sa.Connection, database: Database) -> int | None:
    names = set(sa.inspect(connection).get_table_names())
    if META.name in names:
        version = connection.scalar(sa.select(META.c.version))
        return None if version is None else int(version)
    taken = sorted(names & {table.name for table in TABLES.sorted_tables})
    if taken:
        raise FileFormatError(
            database.address.shown, "a catalogue, or a database without tables of its names",
            f"a table {taken[0]} of something else", "use another database",
        )  # fmt: skip
    return None


def _bring_up(
    connection: sa.Connection, database: Database, newest: int, migrations: Mapping[int, tuple[str, ...]]
) -> None:
    with _alone(connection, database.patience):
        found = _find_version(connection, database)  # somebody else may have been first
        if found is None:
            TABLES.create_all(connection)
            connection.execute(META.insert(), {"id": 1, "version": newest, "revision": 0})
            return
        if found < newest and database.address.path is not None:
            _copy(database.address.path, found)
        for version in range(found + 1, newest + 1):
            for statement in migrations[version]:
                connection.execute(sa.text(statement))
            connection.execute(META.update().values(version=version))


@contextlib.contextmanager
def _alone(connection: sa.Connection, patience: float) -> Iterator[None]:
    """Keep other processes from doing the same at the same time; in SQLite the transaction does."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(1634298740)"))
        yield
        return
    connection.execute(sa.text("SELECT GET_LOCK('aikit.catalog', :patience)"), {"patience": patience})
    try:
        yield
    finally:
        connection.execute(sa.text("SELECT RELEASE_LOCK('aikit.catalog')"))


def _copy(path: str, version: int) -> None:
    """Keep the file as it is, beside it; a copy that is there already is left alone."""
    for number in range(1, 1000):
        copy = f"{path}.version-{version}{f'-{number}' if number > 1 else ''}"
        if not os.path.exists(copy):
            break
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(f"{copy}.part")) as to:
        source.backup(to)
    os.replace(f"{copy}.part", copy)
