"""A catalogue as tables of pandas and Arrow, for Parquet and DuckDB, and rows of pandas back into it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..errors import FileAccessError, InputTypeError, InputValueError, quoted
from .names import columns_of
from .packages import load_package
from .rows import Row

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

__all__ = ["COLUMNS", "frame_of", "frame_of_rows", "records_of", "to_arrow", "to_duckdb", "write_parquet"]

# Of each column: its type in pandas, where what is missing makes no floats of integers, and in Arrow.
_INTEGER, _TEXT, _BOOL, _BYTES = ("Int64", "int64"), ("string", "string"), ("boolean", "bool_"), ("object", "binary")
_OTHERS = {
    "seen": ("datetime64[us, UTC]", "timestamp"),
    "taken": ("datetime64[us]", "timestamp"),
    "tags": ("object", "list"),
}
_BY_ANNOTATION = {"int": _INTEGER, "str": _TEXT, "bool": _BOOL}


def _columns() -> Iterator[tuple[str, tuple[str, str]]]:
    for each in fields(Row):
        yield each.name, _OTHERS.get(each.name) or _BY_ANNOTATION[str(each.type).partition(" ")[0]]
        if each.name == "path":
            yield "raw_path", _BYTES


COLUMNS = dict(_columns())

# Rows that are handed to Arrow at once.
_PART = 20_000


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    """A column; a path as text, and its own bytes beside it where it is none."""
    if name in ("path", "raw_path"):
        return [columns_of(row.path)[name] for row in rows]
    return [getattr(row, name) for row in rows]


# ---------------------------------------------------------------- pandas


def frame_of(pages: Iterable[list[Row]]) -> pd.DataFrame:
    """Rows as a DataFrame of nullable types."""
    pandas = load_package("pandas")
    rows = [row for page in pages for row in page]
    columns = {name: _column(pandas, _values(rows, name), kind) for name, (kind, _) in COLUMNS.items()}
    return pandas.DataFrame(columns)


def _column(pandas: Any, values: list[Any], kind: str) -> Any:
    if kind == "object":
        return pandas.Series([list(each) if isinstance(each, tuple) else each for each in values], dtype=object)
    return pandas.Series(values, dtype=kind)


def frame_of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """Rows of a query as a DataFrame of nullable types: those of the tables' own columns, and what the values say."""
    pandas = load_package("pandas")
    columns = {}
    for name in names:
        values = [row[name] for row in rows]
        kind = COLUMNS.get(name, ("", ""))[0]
        columns[name] = _column(pandas, values, kind) if kind in ("boolean", "Int64") else pandas.array(values)
    return pandas.DataFrame(columns)


# ---------------------------------------------------------------- back from pandas


def records_of(frame: object, rooted: bool) -> list[dict[str, Any]]:
    """The rows of a frame with the columns of ours as plain values, checked.

    Args:
        frame: a DataFrame; `path` is needed, all other columns may be left out.
        rooted: whether paths may be relative.

    Raises:
        InputTypeError, InputValueError: no frame, columns of other names, or values that cannot be kept.
    """
    pandas = load_package("pandas")
    if not isinstance(frame, pandas.DataFrame):
        raise InputTypeError(
            "frame", "a pandas DataFrame", type(frame).__name__, "pass one with the columns of frame()"
        )
    unknown = [str(name) for name in frame.columns if name not in COLUMNS]
    if unknown or "path" not in frame.columns:
        got = f"{quoted(unknown[0])} among them" if unknown else "none named path"
        raise InputValueError("frame", f"columns from {', '.join(COLUMNS)}", got, "rename them, or leave them out")
    columns = {str(name): [_plain(pandas, str(name), each) for each in frame[name]] for name in frame.columns}
    records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for record in records:
        _check(record, rooted)
        if record.get("digest") is not None:
            record["digest"] = record["digest"].lower()
    return records


def _plain(pandas: Any, name: str, value: Any) -> Any:
    """A value of pandas as one of Python."""
    if name == "tags":
        return [] if value is None or pandas.api.types.is_scalar(value) else [str(each) for each in value]
    if value is None or value is pandas.NA or value is pandas.NaT or value != value:
        return None
    kind = COLUMNS[name][0]
    if kind == "Int64":
        return _whole(name, value)
    if kind == "boolean":
        return bool(value)
    if kind.startswith("datetime64"):
        return _time(name, value)
    wanted = bytes if name == "raw_path" else str
    if not isinstance(value, wanted):
        raise InputTypeError(name, f"values of the type {wanted.__name__}", quoted(value), "convert the column")
    return value


def _whole(name: str, value: Any) -> int:
    # A float has 53 bits: hashes would come near their values.
    if isinstance(value, float) and (name in ("picture_hash", "mtime_ns") or not value.is_integer()):
        raise InputTypeError(name, "whole numbers", f"the float {value!r}", 'read the column as "Int64"')
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise InputValueError(name, "whole numbers of 64 bits, signed", quoted(number), "pass what picture_hash gives")
    return number


def _time(name: str, value: Any) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise InputTypeError(name, "datetimes", quoted(value), "convert the column by pandas.to_datetime")
    moment = value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
    if name == "taken" and moment.tzinfo is not None:
        raise InputValueError(name, "times without a zone", quoted(str(moment)), "keep the zone in taken_offset")
    if name == "seen" and moment.tzinfo is None:
        raise InputValueError(name, "times with a zone", f"{moment} without one", 'convert by .dt.tz_localize("UTC")')
    return moment


def _check(record: Mapping[str, Any], rooted: bool) -> None:
    path, digest = record["path"], record.get("digest")
    if not path:
        raise InputValueError("path", "a path in each row", "none", "drop the row")
    if not (rooted or os.path.isabs(path) or path.startswith("upload:")):
        remedy = "open the catalogue with root=, or make the paths absolute"
        raise InputValueError("path", "absolute paths", quoted(path), remedy)
    try:
        valid = digest is None or len(bytes.fromhex(digest)) == 32
    except ValueError:
        valid = False
    if not valid:
        raise InputValueError("digest", "SHA-256 as 64 hexadecimal digits", quoted(digest), "leave the column out")
    if digest is None and any(record.get(name) for name in ("format", "note", "tags")):
        raise InputValueError(
            "digest", "one in each row that says something of a picture", "none", "add it, or drop the row"
        )


# ---------------------------------------------------------------- Arrow, Parquet, DuckDB


def _schema() -> pa.Schema:
    arrow = load_package("pyarrow")
    times = {"seen": arrow.timestamp("us", tz="UTC"), "taken": arrow.timestamp("us")}

    def kind(name: str, called: str) -> Any:
        if called == "list":
            return arrow.list_(arrow.string())
        return times[name] if called == "timestamp" else getattr(arrow, called)()

    return arrow.schema([(name, kind(name, called)) for name, (_, called) in COLUMNS.items()])


def _parts(pages: Iterable[list[Row]]) -> Iterator[pa.Table]:
    """Tables of some rows each."""
    arrow, schema = load_package("pyarrow"), _schema()
    rows: list[Row] = []
    for page in pages:
        rows += page
        if len(rows) >= _PART:
            yield arrow.table({name: _values(rows, name) for name in COLUMNS}, schema=schema)
            rows = []
    yield arrow.table({name: _values(rows, name) for name in COLUMNS}, schema=schema)


def to_arrow(pages: Iterable[list[Row]]) -> pa.Table:
    """Rows as a table of Arrow."""
    return load_package("pyarrow").concat_tables(list(_parts(pages)))


def to_duckdb(pages: Iterable[list[Row]]) -> duckdb.DuckDBPyConnection:
    """A database in memory with the rows as its table `files`; no extension is fetched for it."""
    duck = load_package("duckdb")
    table = to_arrow(pages)
    connection: duckdb.DuckDBPyConnection = duck.connect(":memory:")
    connection.register("rows", table)
    connection.execute("CREATE TABLE files AS SELECT * FROM rows")
    connection.unregister("rows")
    return connection


def write_parquet(pages: Iterable[list[Row]], path: str) -> None:
    """Write rows to a Parquet file, whole or not at all; memory does not grow with their number."""
    parquet = load_package("pyarrow.parquet")
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file, parquet.ParquetWriter(file, _schema()) as writer:
                for part in _parts(pages):
                    writer.write_table(part)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        if isinstance(error, FileAccessError):
            raise
        reason = quoted(error.strerror or str(error))
        fields = path, "a path that can be written", reason, "check the folder and its free space"
        raise FileAccessError(*fields, errno=error.errno, filename=path) from error
