"""Plain SQL on a database: bound values, one transaction a `with`, and a new connection where the old one is lost."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

import sqlalchemy as sa
from sqlalchemy import event

from ..._check import number
from ..._io import check_path
from ...errors import FileAccessError, InputTypeError, InputValueError, quoted
from ..address import Address, read_address
from ..database import engine_options, translated
from ..packages import load_package
from .sessions import DuckDbSession, Session, SqlSession

__all__ = ["Connection", "connect"]

# Whether a transaction is going to write, as an option of its connection.
_WRITES = "aikit_writes"


def connect(url: str | os.PathLike[str], *, password: str | None = None, patience: float = 30.0) -> Connection:
    """Connect to a database for SQL of your own.

    Args:
        url: a path of SQLite or "sqlite:///file", "mysql://user@host/database" for MySQL and MariaDB,
            "postgresql://user@host/database", or "duckdb:///file".
        password: of the server, where the address has none; else that of the variable AIKIT_CATALOG_PASSWORD counts. It
            is shown in no repr, message or log.
        patience: seconds to wait for another program that holds a file of SQLite locked.

    Returns:
        The connection. A file that is not there is made.

    Raises:
        InputTypeError, InputValueError: no path and no address of such a database.
        MissingDependencyError: the package that speaks to it is not installed.
        FileAccessError: a file on a network file system, where locks do not hold.

    Example:
        >>> import tempfile
        >>> with connect(f"{tempfile.mkdtemp()}/runs.sqlite") as db:
        ...     _ = db.execute("CREATE TABLE run (name TEXT PRIMARY KEY, loss REAL)")
        ...     db.many("INSERT INTO run VALUES (:name, :loss)", [{"name": "a", "loss": 0.5}, {"name": "b", "loss": 0.25}])
        2
        >>> db.rows("SELECT name FROM run WHERE loss < :most", most=0.3)
        [{'name': 'b'}]
    """
    waits = number("patience", patience, 0, 86_400)
    if isinstance(url, str) and url.lower().startswith("duckdb:"):
        return Connection(_DuckDb(_duckdb_path(url)))
    return Connection(_Server(read_address(url, password), waits))


class Connection:
    """What `connect` gives. It may be used by several threads; each has a transaction of its own.

    In a `with` everything is one transaction: kept when it ends, undone where an exception leaves it. Outside of one every call is
    a transaction. A connection that was lost meanwhile, because a server was restarted or has hung up, is made anew with
    the next transaction. In a transaction MySQL, MariaDB and PostgreSQL show what others have committed since it began.
    """

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._open = threading.local()

    def __repr__(self) -> str:
        return f"<aikit.catalog.tables.Connection {self._engine.address.shown!r}>"

    def __reduce__(self) -> NoReturn:
        raise InputTypeError("connection", "an address", "an open connection", "connect in each process")

    def rows(self, text: str, **params: object) -> list[dict[str, Any]]:
        """The rows of a query.

        Args:
            text: SQL that gives rows. Values never stand in it: each is a :name.
            params: the values by their names; a list for `IN :names`. Aware datetimes become UTC.

        Returns:
            A dict a row, of the values as the database gives them.

        Raises:
            InputValueError: SQL that the database does not take, or a name without a value.
            FileAccessError: the database cannot be reached.
        """
        with self._transaction(writes=False) as session:
            names, rows = session.fetch(text, params)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def execute(self, text: str, **params: object) -> int:
        """Do one statement.

        Args:
            text: SQL, with a :name for every value.
            params: the values by their names.

        Returns:
            How many rows were added, changed or taken away, as the database counts them.

        Raises:
            InputValueError: SQL that the database does not take, a name without a value, or rows that it refuses.
            FileAccessError: the database cannot be reached or written.
        """
        with self._transaction() as session:
            return session.change(text, params)

    def many(self, text: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Do one statement for many rows, all of them or none.

        Args:
            text: SQL, with a :name for every value. `INSERT ... VALUES (:a, :b)` is sent with many rows at once.
            rows: the values by their names, one dict for each.

        Returns:
            How many rows were added or changed, as the database counts them.

        Raises:
            InputTypeError: rows that are no dicts.
            InputValueError: as `execute`.
            FileAccessError: the database cannot be reached or written.
        """
        listed = [*rows]
        for each in listed:
            if not isinstance(each, Mapping):
                raise InputTypeError("rows", "a dict for each row", quoted(each), "name the values")
        with self._transaction() as session:
            return session.change_many(text, listed)

    def __enter__(self) -> Self:
        if self._session is not None:
            raise InputValueError(
                "connection", "one transaction at a time", "a with in a with", "leave the inner one out"
            )
        self._open.way = self._engine.begin(writes=True)
        self._open.session = self._open.way.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        way, self._open.way, self._open.session = self._open.way, None, None
        way.__exit__(kind, error, trace)

    def close(self) -> None:
        """Give the connections back; the next call makes a new one."""
        self._engine.close()

    @property
    def _session(self) -> Session | None:
        return getattr(self._open, "session", None)

    @contextlib.contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[Session]:
        """That of the `with` it is called in, or one of its own."""
        if self._session is None:
            with self._engine.begin(writes=writes) as session:
                yield session
            return
        with self._engine.named_errors():
            yield self._session


# ---------------------------------------------------------------- engines


class _Engine(Protocol):
    """Where transactions come from."""

    address: Address

    def begin(self, *, writes: bool) -> contextlib.AbstractContextManager[Session]:
        """A transaction, which is kept when the block ends and undone where it fails."""

    def named_errors(self) -> contextlib.AbstractContextManager[None]:
        """Errors of the driver as ours."""

    def close(self) -> None:
        """Give the connections back."""


class _Server:
    """SQLite, MySQL, MariaDB and PostgreSQL."""

    def __init__(self, address: Address, patience: float) -> None:
        self.address, self._patience = address, patience
        self._engine = sa.create_engine(address.url, **engine_options(address, patience))
        if address.path is not None:
            event.listen(self._engine, "connect", _leave_transactions_to_us)
            event.listen(self._engine, "begin", _begin_to_write)

    @contextlib.contextmanager
    def begin(self, *, writes: bool) -> Iterator[Session]:
        with self.named_errors(), self._engine.connect() as found:
            connection = found.execution_options(**{_WRITES: writes})
            with connection.begin():
                yield SqlSession(connection)

    def named_errors(self) -> contextlib.AbstractContextManager[None]:
        return translated(self.address, self._patience, of_people=True)

    def close(self) -> None:
        self._engine.dispose()


def _leave_transactions_to_us(connection: Any, _: object) -> None:  # sqlite3's
    connection.isolation_level = None


def _begin_to_write(connection: sa.Connection) -> None:
    # Who reads first and writes then is refused where another has written in between, whatever the patience.
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _DuckDb:
    """A file of DuckDB, which one process may have open for writing."""

    def __init__(self, path: str) -> None:
        self.address = Address(sa.URL.create("duckdb", database=path), path, path)
        self._duckdb = load_package("duckdb", "url")

    @contextlib.contextmanager
    def begin(self, *, writes: bool) -> Iterator[Session]:
        with self.named_errors(), self._duckdb.connect(self.address.path) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.begin()
            yield DuckDbSession(connection)
            connection.commit()

    @contextlib.contextmanager
    def named_errors(self) -> Iterator[None]:
        try:
            yield
        except self._duckdb.IOException as error:
            fields = self.address.shown, "a file of DuckDB that is free", quoted(str(error)), "end the program that has it open, or check the path"  # fmt: skip
            raise FileAccessError(*fields, filename=self.address.path) from error
        except self._duckdb.Error as error:
            raise InputValueError("text", "SQL that this database takes", quoted(str(error)), "mend it") from error

    def close(self) -> None:
        """Nothing: the file is closed behind every transaction."""


def _duckdb_path(url: str) -> str:
    found = url.partition("://")[2].removeprefix("/")
    if not found or found == ":memory:":
        raise InputValueError(
            "url", "duckdb:///file", quoted(url), "name a file, duckdb:////folder/file with its whole path"
        )
    return os.path.abspath(check_path("url", found))
