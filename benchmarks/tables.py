"""Ways to write rows into a database and to read them: python -m benchmarks.tables, five minutes.

The clock is that of the wall, and the processor time that of this process alone: what a server computes is in the first
only. Every way writes the same ten columns into an empty table that has a primary key; the best of a few rounds counts.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pymysql
import sqlalchemy as sa

from aikit.catalog import tables

from .machine import describe

COUNTS = (1_000, 100_000)
NAMES = ("id", "path", "digest", "width", "height", "size", "hash", "score", "alpha", "taken")
COLUMNS = {
    "mysql": "id BIGINT PRIMARY KEY, path VARCHAR(200), digest BINARY(32), width INT, height INT, size BIGINT, hash BIGINT, "
    "score DOUBLE, alpha BOOLEAN, taken DATETIME(6)",
    "sqlite": "id INTEGER PRIMARY KEY, path TEXT, digest BLOB, width INTEGER, height INTEGER, size INTEGER, hash INTEGER, "
    "score REAL, alpha BOOLEAN, taken DATETIME",
    "duckdb": "id BIGINT PRIMARY KEY, path VARCHAR, digest BLOB, width INTEGER, height INTEGER, size BIGINT, hash BIGINT, "
    "score DOUBLE, alpha BOOLEAN, taken TIMESTAMP",
}
# A way that takes longer than this is not tried again.
PATIENCE = 4.0


def make_frame(count: int) -> pd.DataFrame:
    """Rows as a catalogue of pictures has them."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(count), "path": [f"photos/2026/{at // 500:04}/IMG_{at:07}.jpg" for at in range(count)],
            "digest": [rng.bytes(32) for _ in range(count)], "width": rng.integers(100, 8000, count),
            "height": rng.integers(100, 8000, count), "size": rng.integers(10_000, 9_000_000, count),
            "hash": rng.integers(-(2**63), 2**63, count), "score": rng.random(count), "alpha": rng.random(count) < 0.1,
            "taken": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**12, count), unit="us"),
        }
    )  # fmt: skip


def python_rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    columns = [frame[name].tolist() for name in NAMES]
    columns[-1] = [each.to_pydatetime() for each in frame["taken"]]
    return list(zip(*columns, strict=True))


class Bench:
    """One database: how its table is emptied, and the ways that it has."""

    title: str

    def reset(self) -> None: ...

    def ways(self, frame: pd.DataFrame, rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, Callable[[], object]]]:
        raise NotImplementedError

    def readers(self) -> Iterator[tuple[str, Callable[[], object]]]:
        raise NotImplementedError

    def count(self) -> int:
        raise NotImplementedError


def one_by_one(
    cursor: Any, commit: Callable[[], object], statement: str, rows: list[tuple[Any, ...]], each: bool
) -> None:
    for row in rows:
        cursor.execute(statement, row)
        if each:
            commit()
    commit()


class SqlBench(Bench):
    """What SQLite and MariaDB share."""

    kind: str
    mark: str

    def __init__(self, url: str, engine: sa.Engine, raw: Any) -> None:
        self.url, self.engine, self.raw = url, engine, raw
        self.statement = f"INSERT INTO t ({', '.join(NAMES)}) VALUES ({', '.join([self.mark] * len(NAMES))})"
        self.table = sa.Table("t", sa.MetaData(), *(sa.Column(name) for name in NAMES))
        self.db = tables.connect(url)

    def reset(self) -> None:
        cursor = self.raw.cursor()
        cursor.execute("DROP TABLE IF EXISTS t")
        cursor.execute(f"CREATE TABLE t ({COLUMNS[self.kind]})")
        self.raw.commit()

    def count(self) -> int:
        self.raw.commit()
        cursor = self.raw.cursor()
        cursor.execute("SELECT count(*) FROM t")
        found = int(cursor.fetchone()[0])
        self.raw.commit()
        return found

    def ways(self, frame: pd.DataFrame, rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, Callable[[], object]]]:
        cursor, commit, few = self.raw.cursor(), self.raw.commit, len(rows) <= 1000
        dicts = [dict(zip(NAMES, row, strict=True)) for row in rows]
        to_sql = {"name": "t", "con": self.engine, "if_exists": "append", "index": False}
        if few:
            yield "execute, a commit each", lambda: one_by_one(cursor, commit, self.statement, rows, each=True)
            yield "execute, one transaction", lambda: one_by_one(cursor, commit, self.statement, rows, each=False)
            yield (
                "pandas to_sql, once a row",
                lambda: [frame.iloc[at : at + 1].to_sql(**to_sql) for at in range(len(rows))],
            )
        yield "executemany", lambda: (cursor.executemany(self.statement, rows), commit())
        yield "pandas to_sql", lambda: frame.to_sql(**to_sql)
        yield "pandas to_sql, chunksize=1000", lambda: frame.to_sql(**to_sql, chunksize=1000)
        yield (
            'pandas to_sql, chunksize=1000, method="multi"',
            lambda: frame.to_sql(**to_sql, chunksize=1000, method="multi"),
        )
        yield "SQLAlchemy Core, execute(insert, list)", lambda: self._core(dicts)
        values = ", ".join(f":{name}" for name in NAMES)
        yield "aikit `many`", lambda: self.db.many(f"INSERT INTO t ({', '.join(NAMES)}) VALUES ({values})", dicts)
        yield "aikit `write_table`", lambda: tables.write_table(frame, self.db, "t", if_exists="append")

    def _core(self, dicts: list[dict[str, Any]]) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.insert(self.table), dicts)

    def readers(self) -> Iterator[tuple[str, Callable[[], object]]]:
        cursor = self.raw.cursor()

        def fetch() -> pd.DataFrame:
            cursor.execute("SELECT * FROM t")
            return pd.DataFrame(cursor.fetchall(), columns=list(NAMES))

        yield "fetchall, into a DataFrame", fetch
        yield "pandas read_sql", lambda: pd.read_sql(sa.text("SELECT * FROM t"), self.engine)
        yield "aikit `read_table`", lambda: tables.read_table(self.db, "t")


class Sqlite(SqlBench):
    title, kind, mark = "SQLite", "sqlite", "?"

    def __init__(self, folder: Path) -> None:
        path = folder / "t.sqlite"
        sqlite3.register_adapter(dt.datetime, lambda moment: moment.isoformat(" "))
        raw = sqlite3.connect(path, isolation_level="IMMEDIATE")
        raw.execute("PRAGMA journal_mode = WAL")
        super().__init__(str(path), sa.create_engine(f"sqlite:///{path}"), raw)


class MariaDb(SqlBench):
    title, kind, mark = "MariaDB", "mysql", "%s"

    def __init__(self, server: str, folder: Path) -> None:
        address = sa.make_url(server).set(drivername="mysql+pymysql")
        options = {"host": address.host, "port": address.port, "user": address.username, "password": address.password}
        raw = pymysql.connect(**options, local_infile=True, charset="utf8mb4")
        raw.cursor().execute("CREATE DATABASE bench CHARACTER SET utf8mb4")
        raw.select_db("bench")
        self._file = folder / "rows.csv"
        super().__init__(
            f"{server}bench", sa.create_engine(address.set(database="bench", query={"charset": "utf8mb4"})), raw
        )

    def ways(self, frame: pd.DataFrame, rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, Callable[[], object]]]:
        yield from super().ways(frame, rows)
        yield "LOAD DATA LOCAL INFILE, the CSV written too", lambda: self._load(rows)

    def _load(self, rows: list[tuple[Any, ...]]) -> None:
        with self._file.open("w", newline="") as file:
            csv.writer(file).writerows([*row[:2], row[2].hex(), *row[3:8], int(row[8]), row[9]] for row in rows)
        listed = ", ".join("@digest" if name == "digest" else name for name in NAMES)
        self.raw.cursor().execute(
            f"LOAD DATA LOCAL INFILE '{self._file}' INTO TABLE t FIELDS TERMINATED BY ',' LINES TERMINATED BY '\\r\\n' "
            f"({listed}) SET digest = UNHEX(@digest)"
        )
        self.raw.commit()


class DuckDb(Bench):
    title = "DuckDB"

    def __init__(self, folder: Path) -> None:
        self.path, self.parquet = folder / "t.duckdb", folder / "t.parquet"
        self.url = f"duckdb:///{self.path}"

    def reset(self) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("DROP TABLE IF EXISTS t")
            connection.execute(f"CREATE TABLE t ({COLUMNS['duckdb']})")

    def count(self) -> int:
        with duckdb.connect(str(self.path)) as connection:
            return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])

    def ways(self, frame: pd.DataFrame, rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, Callable[[], object]]]:
        statement = f"INSERT INTO t VALUES ({', '.join(['?'] * len(NAMES))})"
        dicts = [dict(zip(NAMES, row, strict=True)) for row in rows]
        values = ", ".join(f":{name}" for name in NAMES)

        def within(work: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
            with duckdb.connect(str(self.path)) as connection:
                connection.begin()
                work(connection)
                connection.commit()

        if len(rows) <= 1000:
            yield "execute, one transaction", lambda: within(lambda db: [db.execute(statement, row) for row in rows])
            yield "executemany", lambda: within(lambda db: db.executemany(statement, rows))
        yield (
            "INSERT ... SELECT from the DataFrame",
            lambda: within(lambda db: db.from_df(frame).insert_into("t")),
        )
        yield "aikit `many`", lambda: tables.connect(self.url).many(f"INSERT INTO t VALUES ({values})", dicts)
        yield "aikit `write_table`", lambda: tables.write_table(frame, self.url, "t", if_exists="append")

    def readers(self) -> Iterator[tuple[str, Callable[[], object]]]:
        def fetch() -> pd.DataFrame:
            with duckdb.connect(str(self.path)) as connection:
                return connection.execute("SELECT * FROM t").df()

        yield "DuckDB's df()", fetch
        yield "aikit `read_table`", lambda: tables.read_table(self.url, "t")


def measure(bench: Bench, work: Callable[[], object], rows: int | None) -> tuple[float, float]:
    """Seconds of the wall and of the processor, the best of three rounds; `rows` are to be there afterwards."""
    best = (float("inf"), float("inf"))
    for _ in range(3):
        if rows is not None:
            bench.reset()
        wall, processor = time.perf_counter(), time.process_time()
        work()
        taken = time.perf_counter() - wall, time.process_time() - processor
        best = min(best[0], taken[0]), min(best[1], taken[1])
        if rows is not None and bench.count() != rows:
            raise RuntimeError(f"{bench.title}: {bench.count()} rows of {rows}")
        if taken[0] > PATIENCE:
            break
    return best


def run(bench: Bench) -> None:
    found: dict[str, list[str]] = {}
    for at, count in enumerate(COUNTS):
        frame = make_frame(count)
        for way, work in bench.ways(frame, python_rows(frame)):
            wall, processor = measure(bench, work, count)
            found.setdefault(way, [""] * len(COUNTS))[at] = f"{wall:.3g} / {processor:.3g}"
            print(f"  {bench.title}, {count:,}: {way}: {wall:.3g} / {processor:.3g}", file=sys.stderr)
    for way, cells in found.items():
        print(f"| {bench.title} | {way} | {' | '.join(cells)} |")
    for way, work in bench.readers():
        wall, processor = measure(bench, work, None)
        print(f"| {bench.title} | reading: {way} | | {wall:.3g} / {processor:.3g} |")


@contextlib.contextmanager
def benches(folder: Path) -> Iterator[list[Bench]]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from servers import mariadb_server

    with mariadb_server(folder) as (server, _):
        yield [MariaDb(server, folder), Sqlite(folder), DuckDb(folder)]


def main() -> None:
    print(describe())
    print("\n| | way | " + " | ".join(f"{count:,} rows" for count in COUNTS) + " |")
    print("|---|---|" + "---:|" * len(COUNTS))
    with tempfile.TemporaryDirectory() as name, benches(Path(name)) as found:
        for bench in found:
            run(bench)


if __name__ == "__main__":
    main()
