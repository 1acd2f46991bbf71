"""The tables of a catalogue made, and those of an older version brought up to date."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from ..errors import FileAccessError, FileFormatError
from .database import Database
from .schema import META, TABLES, VERSION

__all__ = ["LOCKS", "MIGRATIONS", "prepare"]

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
        with _alone(database):
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


# Taken by one connection and held until it lets go, whatever others commit meanwhile. In SQLite the transaction itself does.
LOCKS = {
    "mysql": ("SELECT GET_LOCK('aikit.catalog', :patience)", "SELECT RELEASE_LOCK('aikit.catalog')"),
    "postgresql": ("SELECT 1 FROM pg_advisory_lock(1634298740)", "SELECT pg_advisory_unlock(1634298740)"),
}


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep other processes from doing the same at the same time."""
    name, patience = database.engine.dialect.name, database.patience
    take, release = LOCKS.get("mysql" if name == "mariadb" else name, ("", ""))
    if not take:
        yield
        return
    with database.reading() as connection:
        if connection.scalar(sa.text(take), {"patience": patience} if ":" in take else {}) != 1:
            raise FileAccessError(
                database.address.shown, f"a database that is free within {patience:g} seconds",
                "one that another program is making", "wait until that has ended", option="patience",
            )  # fmt: skip
        try:
            yield
        finally:
            connection.execute(sa.text(release))


def _copy(path: str, version: int) -> None:
    """Keep the file as it is, beside it; a copy that is there already is left alone."""
    for number in range(1, 1000):
        copy = f"{path}.version-{version}{f'-{number}' if number > 1 else ''}"
        if not os.path.exists(copy):
            break
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(f"{copy}.part")) as to:
        source.backup(to)
    os.replace(f"{copy}.part", copy)
