"""catalog/tables: plain SQL and whole frames, on every database that is at hand."""

import datetime as dt
import decimal
import logging
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

from aikit import FileAccessError, InputTypeError, InputValueError, MissingDependencyError
from aikit.catalog import tables
from conftest import new_database
from servers import mariadb_server

UTC = dt.UTC


@pytest.fixture(params=["sqlite", "mariadb", "postgresql", "duckdb"])
def url(request, tmp_path):
    """A file, or a new database of each server that there is."""
    if request.param == "sqlite":
        return str(tmp_path / "tables.sqlite")
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
        return f"duckdb:///{tmp_path / 'tables.duckdb'}"
    if request.param == "postgresql":
        pytest.importorskip("psycopg")
    return new_database(request.getfixturevalue(request.param))


@pytest.fixture
def db(url):
    connection = tables.connect(url)
    yield connection
    connection.close()


def is_server(url):
    return url.startswith(("mysql", "postgresql"))


def everything():
    """Each kind of column, with values that are easily lost, and missing ones."""
    hashes = pd.array([-(2**63), 2**63 - 1, None, 4611686018427387905], dtype="Int64")
    return pd.DataFrame(
        {
            "name": ["a.jpg", "A.jpg", "ä.jpg", "a.jpg "],
            "hash": hashes,
            "small": np.array([-32768, 32767, 0, 1], np.int16),
            "middle": pd.array([2**31 - 1, None, -(2**31), 16777217], dtype="Int32"),
            "score": [0.1, 1e300, None, -5e-324],
            "single": np.array([0.1, 16777216, 3e38, -1], np.float32),
            "good": pd.array([True, None, False, True], dtype="boolean"),
            "note": ["日本 😀", None, "", "it's 100% \\ :x \n"],
            "data": [b"\0\xff'\\", None, b"", bytes(range(256))],
            "local": pd.to_datetime(["2026-12-01 12:00:00.123456", None, "1969-07-20 20:17:40", "9999-12-31 23:59:59"], format="ISO8601").astype("datetime64[us]"),
            "moment": pd.to_datetime(
                ["2026-12-01 12:00:00.123456+08:00", None, "1969-07-20 20:17:40Z", "2100-01-01 00:00Z"], format="ISO8601", utc=True
            ).tz_convert("Asia/Shanghai").astype("datetime64[us, Asia/Shanghai]"),
            "day": [dt.date(1, 1, 2), None, dt.date(2026, 12, 1), dt.date(9999, 12, 31)],
            "hour": [dt.time(0, 0), None, dt.time(23, 59, 59, 999999), dt.time(12, 0, 1)],
        }
    )  # fmt: skip


# Frames


def test_a_frame_comes_back_as_it_was(url):
    frame = everything().set_index("name")
    assert tables.write_table(frame, url, "picture") == (4, True)
    back = tables.read_table(url, "picture").loc[frame.index]
    assert back.index.name == "name"
    assert [*back.columns] == [*frame.columns]
    assert back["hash"].tolist()[:2] == [-(2**63), 2**63 - 1]
    assert back["hash"].isna().tolist() == [False, False, True, False]
    for column in ("hash", "small", "middle", "score", "single", "good", "note"):
        assert back[column].astype(object).where(back[column].notna(), None).tolist() == [
            None if pd.isna(each) else each for each in frame[column].tolist()
        ]
    assert back["score"].dtype == back["single"].dtype == "Float64"
    assert back["good"].dtype == "boolean"
    for column in ("data", "day", "hour"):
        assert list(back[column]) == frame[column].tolist()
    assert back["local"].dtype == "datetime64[us]"
    assert back["local"].tolist() == frame["local"].tolist()
    assert back["moment"].dtype == "datetime64[us, UTC]"
    assert [*back["moment"].dropna()] == [*frame["moment"].dropna()]
    assert back["moment"].isna().tolist() == [False, True, False, False]


def test_whole_numbers_keep_their_width(url):
    frame = everything()[["small", "middle", "hash"]]
    tables.write_table(frame, url, "numbers")
    kinds = [str(each) for each in tables.read_table(url, "numbers").dtypes]
    # SQLite has one kind of whole number.
    assert kinds == (["Int64"] * 3 if url.endswith(".sqlite") else ["Int16", "Int32", "Int64"])


def test_decimals_keep_their_digits(url):
    frame = pd.DataFrame({"price": [decimal.Decimal("12345678901234567890.12"), None, decimal.Decimal("-0.5")]})
    if url.endswith(".sqlite"):
        with pytest.raises(
            InputTypeError, match="expected values that SQLite keeps exactly, got decimals; write them as"
        ):
            tables.write_table(frame, url, "prices")
        return
    tables.write_table(frame, url, "prices")
    assert [*tables.read_table(url, "prices")["price"]][::2] == frame["price"].tolist()[::2]


def test_an_empty_frame_makes_an_empty_table_of_its_types(url):
    frame = everything().iloc[:0].set_index("name")
    assert tables.write_table(frame[["hash", "moment", "good"]], url, "none") == (0, True)
    back = tables.read_table(url, "none")
    assert len(back) == 0
    assert [str(each) for each in back.dtypes] == ["Int64", "datetime64[us, UTC]", "boolean"]


def test_the_key_is_a_key(url, db):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, 2.5]})
    tables.write_table(frame, url, "t", key=["a", "b"])
    assert tables.read_table(url, "t").index.names == ["a", "b"]
    with pytest.raises(InputValueError, match="text: expected SQL that this database takes"):
        db.execute("INSERT INTO t VALUES (1, 'x', 0.5)")
    assert db.execute("INSERT INTO t VALUES (1, 'z', 0.5)") == 1


def test_what_is_never_missing_may_never_be(url, db):
    tables.write_table(pd.DataFrame({"a": [1], "b": pd.array([None], dtype="Int64")}), url, "t")
    db.execute("INSERT INTO t VALUES (2, NULL)")
    with pytest.raises(InputValueError, match="SQL that this database takes"):
        db.execute("INSERT INTO t VALUES (NULL, 3)")


def test_replace_keeps_the_table_as_it_was_made(url, db):
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(40) NOT NULL, extra INTEGER DEFAULT 7)")
    db.execute("CREATE INDEX by_name ON t (name)")
    db.execute("INSERT INTO t (id, name) VALUES (1, 'old')")
    assert tables.write_table(pd.DataFrame({"name": ["new"], "id": [2]}), url, "t", if_exists="replace") == (1, False)
    assert db.rows("SELECT id, name, extra FROM t") == [{"id": 2, "name": "new", "extra": 7}]
    with pytest.raises(InputValueError, match="frame: expected rows that the table t takes"):
        tables.write_table(pd.DataFrame({"id": [3, 3], "name": ["a", "b"]}), url, "t", if_exists="replace")
    # The rows from before are still there: it was one transaction.
    assert db.rows("SELECT id FROM t") == [{"id": 2}]


def test_append_and_update(url, db):
    first = pd.DataFrame({"loss": [0.5, 0.25], "note": ["a", None]}, index=pd.Index([1, 2], name="id"))
    tables.write_table(first, url, "run")
    assert tables.write_table(first.rename(index={1: 3, 2: 4}), url, "run", if_exists="append") == (2, False)
    second = pd.DataFrame({"loss": [9.0, 8.0]}, index=pd.Index([2, 5], name="id"))
    assert tables.write_table(second, url, "run", if_exists="update") == (2, False)
    rows = db.rows("SELECT id, loss, note FROM run ORDER BY id")
    assert [(row["id"], row["loss"]) for row in rows] == [(1, 0.5), (2, 9.0), (3, 0.5), (4, 0.25), (5, 8.0)]
    assert [row["note"] for row in rows] == ["a", None, "a", None, None]
    # Of a table that is nothing but its key there is nothing to update.
    tables.write_table(second[[]].reset_index(), url, "ids", key="id")
    tables.write_table(first[[]].reset_index(), url, "ids", if_exists="update")
    assert [row["id"] for row in db.rows("SELECT id FROM ids ORDER BY id")] == [1, 2, 5]


def test_nothing_is_left_of_what_fails_half_way(url, db, monkeypatch):
    from aikit.catalog.tables import sessions

    monkeypatch.setattr(sessions, "_PART", 10)
    frame = pd.DataFrame({"id": range(100)})
    tables.write_table(frame, url, "t", key="id")
    more = pd.DataFrame({"id": [*range(100, 160), 5]})
    with pytest.raises(InputValueError, match="frame: expected rows that the table t takes"):
        tables.write_table(more, url, "t", if_exists="append")
    assert db.rows("SELECT count(*) AS n FROM t") == [{"n": 100}]


def test_many_rows_go_in_parts(url, monkeypatch):
    from aikit.catalog.tables import sessions

    monkeypatch.setattr(sessions, "_PART", 64)
    frame = pd.DataFrame({"id": np.arange(1000), "text": [f"{n:x}" * 9 for n in range(1000)]})
    tables.write_table(frame, url, "t", key="id")
    back = tables.read_table(url, "SELECT id, text FROM t ORDER BY id")
    assert back["id"].tolist() == frame["id"].tolist()
    assert back["text"].tolist() == frame["text"].tolist()


def test_rows_are_never_sent_one_by_one(url, monkeypatch):
    """A thousand rows take a few statements, as the server counts them."""
    if not url.startswith("mysql"):
        pytest.skip("of MariaDB, whose counters say it")
    with tables.connect(url) as db:
        before = int(db.rows("SHOW SESSION STATUS LIKE 'Com_insert'")[0]["Value"])
        tables.write_table(pd.DataFrame({"id": np.arange(5000)}), db, "t", key="id")
        tables.write_table(pd.DataFrame({"id": np.arange(5000)}), db, "t", if_exists="update")
        db.many("INSERT INTO t VALUES (:id)", [{"id": each} for each in range(5000, 9000)])
        assert int(db.rows("SHOW SESSION STATUS LIKE 'Com_insert'")[0]["Value"]) - before <= 5


def test_odd_names_are_quoted(url):
    frame = pd.DataFrame({'a "b" `c`': [1], "100% :x": ["y"], "select": [2.5], "Ünï": [True]})
    tables.write_table(frame, url, "order of things")
    tables.write_table(frame, url, "order of things", if_exists="append")
    with tables.connect(url) as db:
        quoted = "`order of things`" if url.startswith("mysql") else '"order of things"'
        rows = db.rows(f"SELECT * FROM {quoted}")
    assert len(rows) == 2
    assert [*rows[0]] == [*frame.columns]


def test_a_query_has_bound_values(url):
    tables.write_table(everything()[["name", "hash", "good"]], url, "picture")
    text = "SELECT name FROM picture WHERE name = :name"
    assert tables.read_table(url, text, {"name": "a.jpg' OR '1'='1"}).empty
    found = tables.read_table(
        url, "SELECT name, hash FROM picture WHERE name IN :names AND name LIKE '%.jpg'", {"names": ["a.jpg", "b.jpg"]}
    )
    assert found.to_dict("list") == {"name": ["a.jpg"], "hash": [-(2**63)]}
    assert str(found["hash"].dtype) == "Int64"
    beside = tables.read_table(
        url, "SELECT hash FROM picture WHERE hash IS NULL OR hash = :hash", {"hash": 4611686018427387905}
    )
    assert sorted(beside["hash"].dropna()) == [4611686018427387905]


def test_a_query_that_finds_nothing_has_its_columns(url):
    tables.write_table(everything()[["name", "hash"]], url, "picture")
    assert [*tables.read_table(url, "SELECT hash, name FROM picture WHERE 1 = 0").columns] == ["hash", "name"]


def test_frames_in_a_transaction_of_ones_own(url):
    with tables.connect(url) as db:
        db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")

    def change_my_mind():
        with tables.connect(url) as db:
            tables.write_table(pd.DataFrame({"id": [1, 2]}), db, "t", if_exists="append")
            assert len(tables.read_table(db, "t")) == 2
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        change_my_mind()
    assert len(tables.read_table(url, "t")) == 0


@pytest.mark.parametrize(
    "dtype",
    [
        "int64[pyarrow]",
        "string[pyarrow]",
        "timestamp[us, tz=UTC][pyarrow]",
        "bool[pyarrow]",
        "double[pyarrow]",
        "category",
    ],
)
def test_columns_of_arrow_and_categories(tmp_path, dtype):
    values = {
        "int64[pyarrow]": [1, None, 2**62 + 1], "string[pyarrow]": ["a", None, "b"], "bool[pyarrow]": [True, None, False],
        "timestamp[us, tz=UTC][pyarrow]": [dt.datetime(2026, 1, 2, tzinfo=UTC), None, dt.datetime(1900, 1, 2, tzinfo=UTC)],
        "double[pyarrow]": [0.5, None, 1e300], "category": ["a", None, "b"],
    }[dtype]  # fmt: skip
    url = tmp_path / "t.sqlite"
    tables.write_table(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}), url, "t")
    back = [None if pd.isna(each) else each for each in tables.read_table(url, "t")["x"]]
    assert back == values


def test_times_of_python_keep_their_zones(url):
    zones = [dt.timezone(dt.timedelta(hours=hours)) for hours in (8, -5)]
    moments = [dt.datetime(2026, 12, 1, 12, 0, 0, 5, tzinfo=zone) for zone in zones]
    tables.write_table(pd.DataFrame({"at": pd.Series([*moments, None], dtype=object)}), url, "t")
    back = tables.read_table(url, "t")["at"]
    assert back.dtype == "datetime64[us, UTC]"
    assert sorted(back.dropna()) == moments
    mixed = pd.Series([moments[0], moments[0].replace(tzinfo=None)], dtype=object)
    with pytest.raises(InputTypeError, match="expected values of one type, got datetime"):
        tables.write_table(pd.DataFrame({"at": mixed}), url, "mixed")


# Values that would be changed without a word


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ([1.5], "INTEGER", "expected whole numbers, got numbers with a fraction"),
        (["1"], "INTEGER", "expected whole numbers, got texts"),
        ([2**60], "DOUBLE PRECISION", "expected numbers with a fraction, got whole numbers"),
        (
            [pd.Timestamp("2026-01-01 12:00", tz="Asia/Shanghai")],
            "TIMESTAMP",
            "expected times without a time zone, got times with",
        ),
        ([True], "DATE", "expected dates, got yes and no"),
    ],
)
def test_columns_of_another_kind_are_refused(url, db, column, kind, message):
    kind = "DATETIME" if kind == "TIMESTAMP" and url.startswith("mysql") else kind
    db.execute(f"CREATE TABLE t (x {kind})")
    with pytest.raises(InputTypeError, match=message):
        tables.write_table(pd.DataFrame({"x": column}), url, "t", if_exists="append")
    assert db.rows("SELECT * FROM t") == []


def test_values_that_fit_are_taken(url, db):
    db.execute("CREATE TABLE t (a INTEGER, b BIGINT, c DOUBLE PRECISION, d VARCHAR(20))")
    frame = pd.DataFrame(
        {"a": [3.0, None], "b": [True, False], "c": np.array([1, 2], np.int32), "d": [dt.date(2026, 1, 2), None]}
    )
    tables.write_table(frame, url, "t", if_exists="append")
    assert db.rows("SELECT a, b, c, d FROM t WHERE a = 3") == [{"a": 3, "b": 1, "c": 1.0, "d": "2026-01-02"}]


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (np.array([2**63], np.uint64), InputValueError, r"frame\['x'\]: expected whole numbers of 64 bits, signed, got 9223372036854775808; keep its bits"),
        (pd.to_datetime(["2026-01-01 00:00:00.000000001"]), InputValueError, "expected times to the microsecond, got '2026-01-01 00:00:00.000000001'; round it"),
        ([1, "a"], InputTypeError, "expected values of one type, got 'a' and 1; convert the column"),
        ([{"a": 1}], InputTypeError, "expected numbers, texts, bytes.*, got {'a': 1}; convert the column, for instance with aikit.codec"),
        ([pd.Timedelta(1)], InputTypeError, "expected numbers, texts, bytes.*, got values of timedelta64"),
        ([1j], InputTypeError, "expected numbers, texts, bytes"),
        ([decimal.Decimal("1e40")], InputValueError, "expected decimals of 38 digits, got 41 digits before"),
    ],
)  # fmt: skip
def test_values_that_no_table_keeps_are_refused(tmp_path, column, error, message):
    with pytest.raises(error, match=message):
        tables.write_table(pd.DataFrame({"x": column}), tmp_path / "t.sqlite", "t")


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (pd.DataFrame({"a": [1], "A": [2]}), {}, "frame: expected columns of different names, got 'a' twice"),
        (pd.DataFrame({"a": [1, 1]}), {"key": "a"}, "key: expected rows that differ in their key, got 1 twice"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), {"key": "a"}, "key: expected values in every row, got none in some of 'a'"),
        (pd.DataFrame({"a": [1]}), {"key": "b"}, "key: expected columns of the frame, got 'b'"),
        (pd.DataFrame(), {}, "frame: expected at least one column, got none"),
        (pd.DataFrame({"a": [1]}), {"if_exists": "drop"}, "if_exists: expected one of fail, append, replace, update"),
    ],
)  # fmt: skip
def test_frames_that_no_table_is(tmp_path, frame, options, message):
    with pytest.raises(InputValueError, match=message):
        tables.write_table(frame, tmp_path / "t.sqlite", "t", **options)


def test_tables_that_are_there(url, db):
    db.execute("CREATE TABLE t (a INTEGER)")
    one = pd.DataFrame({"a": [1]})
    with pytest.raises(InputValueError, match="name: expected a table that is not there, got 't'; pass if_exists="):
        tables.write_table(one, url, "t")
    with pytest.raises(
        InputValueError, match="frame: expected columns of the table t, got 'b'; add it to the table, or leave"
    ):
        tables.write_table(pd.DataFrame({"b": [1]}), url, "t", if_exists="append")
    with pytest.raises(InputValueError, match="for a table without a primary key, got"):
        tables.write_table(one, url, "t", if_exists="update")
    with pytest.raises(InputValueError, match="query: expected the name of a table that is there, got 'nothing'"):
        tables.read_table(url, "nothing")


def test_what_is_no_frame():
    with pytest.raises(InputTypeError, match="frame: expected a pandas DataFrame, got list"):
        tables.write_table([1], "t.sqlite", "t")
    with pytest.raises(InputTypeError, match="frame: expected columns whose names are texts, got 0"):
        tables.write_table(pd.DataFrame([[1]]), "t.sqlite", "t")
    with pytest.raises(InputTypeError, match="query: expected the name of a table or SQL, got 3"):
        tables.read_table("t.sqlite", 3)
    with pytest.raises(InputTypeError, match="params: expected a dict of names and values, got list"):
        tables.read_table("t.sqlite", "SELECT 1", [1])


# Plain SQL


def test_rows_execute_and_many(db):
    assert db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20))") == 0
    assert db.many("INSERT INTO t VALUES (:id, :name)", [{"id": n, "name": f"n{n}"} for n in range(3000)]) == 3000
    assert db.many("INSERT INTO t (id, name) VALUES (:id, :name);", []) == 0
    assert db.execute("UPDATE t SET name = :new WHERE id >= :least", new="it's %s :x", least=2990) == 10
    assert db.rows("SELECT name FROM t WHERE id = :id", id=2999) == [{"name": "it's %s :x"}]
    assert db.rows("SELECT id FROM t WHERE id IN :ids ORDER BY id", ids=[5, 3, 4000]) == [{"id": 3}, {"id": 5}]
    assert db.rows("SELECT count(*) AS n FROM t WHERE name LIKE 'n1%'") == [{"n": 1111}]
    assert db.many("DELETE FROM t WHERE id = :id", [{"id": 1}, {"id": 2}]) in (1, 2)
    assert db.execute("DELETE FROM t") == 2998


def test_times_are_bound_in_utc(db, url):
    tables.write_table(everything()[["name", "moment"]], url, "t")
    moment = dt.datetime(2026, 12, 1, 4, 0, 0, 123456, tzinfo=UTC).astimezone(dt.timezone(dt.timedelta(hours=-5)))
    assert [row["name"] for row in db.rows("SELECT name FROM t WHERE moment = :at", at=moment)] == ["a.jpg"]


def test_a_with_is_one_transaction(db, url):
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")

    def fail():
        with db:
            db.execute("INSERT INTO t VALUES (1)")
            db.many("INSERT INTO t VALUES (:id)", [{"id": 2}, {"id": 3}])
            assert db.rows("SELECT count(*) AS n FROM t") == [{"n": 3}]
            raise ZeroDivisionError("division")

    with pytest.raises(ZeroDivisionError, match="division"):
        fail()
    assert db.rows("SELECT * FROM t") == []
    with db:
        db.execute("INSERT INTO t VALUES (1)")
    assert db.rows("SELECT * FROM t") == [{"id": 1}]
    with pytest.raises(InputValueError, match="connection: expected one transaction at a time"), db, db:
        pass


def test_many_is_all_or_nothing(db):
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    with pytest.raises(InputValueError, match="SQL that this database takes"):
        db.many("INSERT INTO t VALUES (:id)", [{"id": n} for n in [*range(2000), 7]])
    assert db.rows("SELECT count(*) AS n FROM t") == [{"n": 0}]


def test_others_see_what_is_committed_only(db, url):
    if url.startswith("duckdb"):
        pytest.skip("one transaction at a time")
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    other = tables.connect(url)
    with db:
        db.execute("INSERT INTO t VALUES (1)")
        assert other.rows("SELECT * FROM t") == []
    # Not a past that a REPEATABLE READ has kept.
    assert other.rows("SELECT * FROM t") == [{"id": 1}]
    other.close()


def test_threads_have_transactions_of_their_own(db, url):
    if url.startswith("duckdb"):
        pytest.skip("one transaction at a time")
    db.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")

    def work(number):
        for at in range(20):
            with db:
                db.rows("SELECT count(*) AS n FROM t")
                db.execute("INSERT INTO t VALUES (:id)", id=number * 100 + at)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert db.rows("SELECT count(*) AS n FROM t") == [{"n": 80}]


def test_processes_that_read_and_write_lose_nothing(tmp_path):
    """BEGIN, then read, then write: SQLite refuses that at once where another has written, unless one says so at the beginning."""
    path = str(tmp_path / "t.sqlite")
    tables.connect(path).execute("CREATE TABLE t (id INTEGER PRIMARY KEY, who INTEGER)")
    code = """
import sys
from aikit.catalog import tables
db = tables.connect(sys.argv[1])
for _ in range(25):
    with db:
        db.rows("SELECT max(id) AS last FROM t")
        db.execute("INSERT INTO t (who) VALUES (:who)", who=int(sys.argv[2]))
"""
    children = [subprocess.Popen([sys.executable, "-c", code, path, str(each)]) for each in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert tables.connect(path).rows("SELECT count(*) AS n FROM t") == [{"n": 100}]


def test_a_connection_that_was_killed_is_made_anew(mariadb):
    url = new_database(mariadb)
    db, other = tables.connect(url), tables.connect(url)
    number = db.rows("SELECT CONNECTION_ID() AS id")[0]["id"]
    other.execute(f"KILL {number}")
    time.sleep(0.1)
    assert db.rows("SELECT CONNECTION_ID() AS id")[0]["id"] != number

    def die():
        with db:
            other.execute(f"KILL {db.rows('SELECT CONNECTION_ID() AS id')[0]['id']}")
            time.sleep(0.1)
            db.rows("SELECT 1 AS one")

    with pytest.raises(FileAccessError, match="expected a server that answers"):
        die()
    assert db.rows("SELECT 1 AS one") == [{"one": 1}]


def test_a_server_that_is_gone_says_so(tmp_path):
    with mariadb_server(tmp_path) as (address, process):
        db = tables.connect(address + "mysql")
        assert db.rows("SELECT 1 AS one") == [{"one": 1}]
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(
            FileAccessError, match=r"mysql://aikit:\*\*\*@127.0.0.1:\d+/mysql: expected a server that answers"
        ):
            db.rows("SELECT 1 AS one")


def test_a_value_too_long_for_the_server_is_refused(mariadb):
    url = new_database(mariadb)
    with pytest.raises(
        InputValueError,
        match=r"frame\['x'\]: expected values of at most .* half of the server's max_allowed_packet, got",
    ):
        tables.write_table(pd.DataFrame({"x": ["a" * 17_000_000]}), url, "t")
    tables.write_table(pd.DataFrame({"x": ["ab" * 1_000_000, "c"], "y": [b"\0" * 2_000_000, b""]}), url, "t")
    back = tables.read_table(url, "t")
    assert [len(each) for each in back["x"]] == [2_000_000, 1]


def test_a_latin1_server_keeps_every_letter_of_a_new_table(mariadb):
    url = new_database(mariadb)
    names = pd.DataFrame({"name": ["a.jpg", "A.jpg", "ä.jpg", "a.jpg ", "日本 😀.jpg"]})
    tables.write_table(names, url, "t", key="name")
    assert sorted(tables.read_table(url, "t").index) == sorted(names["name"])
    db = tables.connect(url)
    db.execute("CREATE TABLE old (name VARCHAR(40)) CHARSET latin1")
    with pytest.raises(InputValueError, match="frame: expected rows that the table old takes"):
        tables.write_table(names, url, "old", if_exists="append")
    assert db.rows("SELECT * FROM old") == []


def test_sqlite_is_left_in_its_own_ways(tmp_path):
    path = tmp_path / "t.sqlite"
    with sqlite3.connect(path) as own:
        own.execute("CREATE TABLE t (taken DATETIME, ok BOOLEAN, n INTEGER)")
        own.execute("INSERT INTO t VALUES ('2026-01-02 03:04:05', 1, 5)")
    own.close()
    frame = tables.read_table(path, "t")
    assert frame["taken"].tolist() == [pd.Timestamp("2026-01-02 03:04:05")]
    assert frame["ok"].tolist() == [True]
    tables.write_table(frame, path, "t", if_exists="append")
    own = sqlite3.connect(path)
    assert own.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert own.execute("SELECT count(DISTINCT strftime('%s', taken)) FROM t").fetchone() == (1,)
    own.close()


def test_a_locked_file_says_so(tmp_path):
    path = tmp_path / "t.sqlite"
    db = tables.connect(path, patience=0.1)
    db.execute("CREATE TABLE t (id INTEGER)")
    own = sqlite3.connect(path, isolation_level=None)
    own.execute("BEGIN IMMEDIATE")
    assert db.rows("SELECT * FROM t") == []
    with pytest.raises(
        FileAccessError, match=r"expected a database that is free within 0.1 seconds, got one that another program"
    ):
        db.execute("INSERT INTO t VALUES (1)")
    own.close()


def test_a_file_of_duckdb_that_another_has_open(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "t.duckdb"
    code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print(1, flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    with pytest.raises(
        FileAccessError, match=r"t\.duckdb: expected a file of DuckDB that is free, got .*; end the program"
    ):
        tables.connect(f"duckdb:///{path}").rows("SELECT 1")
    child.communicate()
    assert duckdb.__version__


# Messages


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("SELEC 1", {}, "text: expected SQL that this database takes, got"),
        ("SELECT :a", {}, "params: expected a value for :a, got none; pass a="),
        ("SELECT 1", {"b": 2}, "params: expected a value for each :name of the text, got b=, which is none; write :b"),
        ("SELECT :a", {"a": 2**63}, "a: expected a whole number of 64 bits"),
    ],
)
def test_sql_that_cannot_be(db, text, params, message):
    with pytest.raises(InputValueError, match=message):
        db.rows(text, **params)


def test_sql_that_gives_no_rows(tmp_path):
    db = tables.connect(tmp_path / "t.sqlite")
    with pytest.raises(InputValueError, match="text: expected SQL that gives rows, got 'CREATE TABLE t"):
        db.rows("CREATE TABLE t (id INTEGER)")
    with pytest.raises(InputTypeError, match="text: expected a text of SQL, got 3"):
        db.rows(3)
    with pytest.raises(InputTypeError, match=r"rows: expected a dict for each row, got \(1,\); name the values"):
        db.many("INSERT INTO t VALUES (:id)", [(1,)])


@pytest.mark.parametrize("address", ["oracle://host/db", "duckdb://", "duckdb:///:memory:", ":memory:", "mysql://host"])
def test_addresses_that_cannot_be(address):
    with pytest.raises(InputValueError, match=": expected "):
        tables.connect(address)


def test_no_password_is_shown(mariadb, caplog):
    caplog.set_level(logging.DEBUG)
    db = tables.connect(new_database(mariadb))
    frame = pd.DataFrame({"secret": ["topsecret"]})
    tables.write_table(frame, db, "t")
    wrong = tables.connect(f"{mariadb.replace(':hunter2', '')}x", password="wrongword")
    with pytest.raises(FileAccessError, match="expected a database that lets you in") as caught:
        wrong.rows("SELECT 1")
    error = caught.value
    shown = [repr(db), repr(wrong), repr(db.__dict__), repr(vars(db._engine)), caplog.text]
    while error is not None:
        shown += [str(error), repr(error)]
        error = error.__cause__
    assert not [each for each in shown if "hunter2" in each or "wrongword" in each or "topsecret" in each]
    assert "***" in repr(db)
    with pytest.raises(
        InputTypeError, match="connection: expected an address, got an open connection; connect in each"
    ):
        pickle.dumps(db)


def test_the_password_of_the_environment(mariadb, monkeypatch):
    monkeypatch.setenv("AIKIT_CATALOG_PASSWORD", "hunter2")
    assert tables.connect(new_database(mariadb).replace(":hunter2", "")).rows("SELECT 1 AS one") == [{"one": 1}]


def test_without_pandas_the_line_to_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        MissingDependencyError, match="read_table: expected the package pandas, got none; run: pip install pandas"
    ):
        tables.read_table(tmp_path / "t.sqlite", "t")
    assert tables.connect(tmp_path / "t.sqlite").rows("SELECT 1 AS one") == [{"one": 1}]
