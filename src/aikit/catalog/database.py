"""Transactions on SQLite, MariaDB, MySQL and PostgreSQL: one writer at a time, retried where a database asks for it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from ..errors import AikitError, FileAccessError, FileFormatError, InputValueError, quoted
from .address import Address

__all__ = ["Database", "engine_options", "translated"]

T = TypeVar("T")

# What a transaction wants, as an option of its connection.
_WISH = "aikit_wish"
_BEGIN = {"read": "BEGIN", "write": "BEGIN IMMEDIATE"}
# Seconds between tries of a transaction that another one has made the database give up.
_PAUSE = 0.02

# Numbers of MySQL and MariaDB, and states of SQL. A deadlock, or a wait that took too long: what was undone can be done again.
_AGAIN = {1205, 1213, "40001", "40P01", "55P03"}
_REFUSED = {1044, 1045, 1049, 1698, "28P01", "28000", "3D000"}
_READ_ONLY = {1792, "25006"}
_FULL = {1021, 1041, 1114, "53100"}
_TOO_LARGE = {1153, 1406, 2020}
_GONE = {1040, 2002, 2003, 2006, 2013, "57P01", "08001", "08006"}

# MySQL cuts texts, makes zeros of dates and `?` of letters where it is not told to refuse them.
_STRICT = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

_open: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """The connections to one catalogue, for any number of threads; a process that forks gets new ones.

    Args:
        address: where it is.
        patience: seconds to wait for what another process holds locked.
    """

    def __init__(self, address: Address, patience: float) -> None:
        self.address, self.patience = address, patience
        self._writing = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._closed = False
        self.engine = self._make_engine()
        _open.add(self)

    def _make_engine(self) -> sa.Engine:
        is_file = self.address.path is not None
        engine = sa.create_engine(self.address.url, **engine_options(self.address, self.patience))
        if is_file:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    def remember_file(self) -> None:
        """Remember which file it is, once it is there: another one of its name is another catalogue."""
        if self.address.path is not None:
            facts = os.stat(self.address.path)
            self._file = facts.st_dev, facts.st_ino

    def close(self) -> None:
        """Give the connections back."""
        self._closed = True
        self.engine.dispose()

    def begin_anew(self) -> None:
        """Leave the parent's connections to the parent."""
        self._writing = threading.Lock()
        self.engine.dispose(close=False)

    @contextlib.contextmanager
    def reading(self, *, of_people: bool = False) -> Iterator[sa.Connection]:
        """A transaction that reads; what it writes is undone.

        Args:
            of_people: the SQL is the caller's, so that what is wrong with it is an InputValueError.

        Raises:
            FileAccessError: the database cannot be reached.
        """
        self._check_usable()
        with translated(self.address, self.patience, of_people=of_people), self._connect("read") as connection:
            try:
                yield connection
            finally:
                connection.rollback()

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in one transaction, which is kept as a whole or not at all.

        Args:
            work: gets the connection; called again where the database has undone it because of another transaction.

        Raises:
            FileAccessError: the database cannot be written.
        """
        self._check_usable()
        until = time.monotonic() + self.patience
        with translated(self.address, self.patience), self._writing:
            while True:
                try:
                    with self._connect("write") as connection, connection.begin():
                        return work(connection)
                except sa.exc.DBAPIError as error:
                    if not _AGAIN & _numbers_of(error) or time.monotonic() > until:
                        raise
                time.sleep(_PAUSE)

    @contextlib.contextmanager
    def _connect(self, wish: str) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            yield connection.execution_options(**{_WISH: wish})

    def _check_usable(self) -> None:
        if self._closed:
            raise InputValueError("catalog", "an open catalogue", "one that was closed", "open it again")
        path = self.address.path
        if self._file is None or path is None:
            return
        try:
            facts = os.stat(path)
            if (facts.st_dev, facts.st_ino) == self._file:
                return
            got = "another file in its place"
        except OSError as error:
            got = quoted(error.strerror)
        # Connections that are open would go on writing to what nobody can find any more.
        raise FileAccessError(
            path, "the catalogue that was opened", got, "put it back, or open it again", filename=path
        )


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    connection.execute("PRAGMA foreign_keys = ON")
    # Readers go on while one writes; what is committed is on the disk.
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait for others here."""
    for _ in range(500):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(_PAUSE)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then is refused at once where another one has written in between, whatever
    # the timeout is: who is going to write says so at the beginning.
    connection.exec_driver_sql(_BEGIN[connection.get_execution_options().get(_WISH, "read")])


def _begin_anew_everywhere() -> None:
    for database in list(_open):
        database.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_everywhere)


def engine_options(address: Address, patience: float) -> dict[str, Any]:
    """How SQLAlchemy connects: times in UTC, nothing cut or guessed, waiting as long as that, no values in errors and logs.

    A server may have cut a connection of the pool since it was last used; a file cannot.
    """
    driver, wait = address.url.get_backend_name(), max(1, round(patience))
    options: dict[str, Any] = {"timeout": patience} if address.path is not None else {}
    if driver in ("mysql", "mariadb"):
        begin = f"SET SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = {wait}"
        options = {"sql_mode": _STRICT, "init_command": begin, "connect_timeout": 10}
    elif driver == "postgresql":
        wait = max(1, round(1000 * patience))
        options = {"options": f"-c timezone=UTC -c lock_timeout={wait}", "connect_timeout": 10}
    # REPEATABLE READ, MySQL's own, would show one and the same past to whoever reads twice in a transaction.
    isolation = {} if address.path is not None else {"isolation_level": "READ COMMITTED"}
    return {"hide_parameters": True, "pool_pre_ping": address.path is None, "connect_args": options, **isolation}


# ---------------------------------------------------------------- errors


def _numbers_of(error: sa.exc.DBAPIError) -> set[object]:
    """What the driver calls it: MySQL's number, or the state of PostgreSQL."""
    found = error.orig
    return {getattr(found, "sqlstate", None), *getattr(found, "args", ())[:1]}


@contextlib.contextmanager
def translated(address: Address, patience: float, *, of_people: bool = False) -> Iterator[None]:
    """Errors of SQLAlchemy and its drivers as ours; `of_people` where the SQL came from the caller."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _translate(error, address, patience, of_people) from error
    except sa.exc.StatementError as error:
        if isinstance(error.orig, AikitError):  # raised while a value was bound
            raise error.orig from error
        raise InputValueError("params", "a value for each :name of the text", quoted(str(error.orig or error)), "pass them by name") from error  # fmt: skip
    except sa.exc.SQLAlchemyError as error:
        if not of_people:
            raise
        raise InputValueError("text", "SQL that gives rows", quoted(str(error)), "write a SELECT") from error


def _translate(error: sa.exc.DBAPIError, address: Address, patience: float, of_people: bool) -> AikitError:
    reason, numbers = str(error.orig), _numbers_of(error)
    if of_people and ("readonly database" in reason or _READ_ONLY & numbers):
        return InputValueError("text", "SQL that only reads", quoted(reason), "write a SELECT")
    access = _find_access(reason, numbers, patience)
    if access is not None:
        expected, got, remedy, fields = access
        return FileAccessError(address.shown, expected, got, remedy, filename=address.path, **fields)
    if "not a database" in reason or "malformed" in reason:
        remedy = "name another file, or restore it from a copy"
        return FileFormatError(address.shown, "a catalogue", "a file that is none, or a damaged one", remedy)
    if of_people:
        return InputValueError("text", "SQL that this database takes", quoted(reason), "mend it")
    return FileAccessError(
        address.shown, "a database that can be used", quoted(reason), "check the database", filename=address.path
    )


def _find_access(reason: str, numbers: set[object], patience: float) -> tuple[str, str, str, Mapping[str, Any]] | None:
    """What keeps the database from being used, if that is it: what was expected, what came, what to do, more fields."""
    if "locked" in reason or _AGAIN & numbers:
        wait = f"a database that is free within {patience:g} seconds"
        return wait, "one that another program holds locked", "wait until that has ended, or pass a longer patience", {"option": "patience"}  # fmt: skip
    if "is full" in reason or _FULL & numbers:
        return "room for what is written", "a disk that is full", "free some, and do it again", {"errno": errno.ENOSPC}
    if _REFUSED & numbers:
        return (
            "a database that lets you in",
            quoted(reason),
            "check user, password and database",
            {"errno": errno.EACCES},
        )
    if _TOO_LARGE & numbers:
        return "values that fit into one statement", quoted(reason), "pass shorter ones", {}
    if _GONE & numbers or "connection" in reason.lower():
        # Of a value that no packet holds, MySQL says no more than that it has gone.
        remedy = "check the address, that it runs, and that no value is larger than its max_allowed_packet"
        return "a server that answers", quoted(reason), remedy, {}
    if "readonly" in reason or "unable to open" in reason:
        return "a file that can be opened and written", quoted(reason), "check the folder and its permissions", {}
    return None
