"""What a column holds: the same few kinds in pandas and in every database, and no value changed on the way."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...errors import InputTypeError, InputValueError, quoted
from ..packages import load_package

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Kind", "check_fits", "columns_of", "plain_values", "series_of"]

# `naive` and `instant` are times without and with a time zone; `other` is what only the database knows.
Kind = Literal[
    "int16", "int32", "int64", "float", "bool", "text", "bytes", "naive", "instant", "date", "time", "decimal", "other"
]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_INTEGERS: tuple[Kind, ...] = ("int16", "int32", "int64")

# What may be written into a column of another kind without loss.
_FITS: dict[Kind, tuple[Kind, ...]] = {
    "int16": ("int32", "int64", "float", "decimal", "bool"),
    "int32": ("int16", "int64", "float", "decimal", "bool"),
    "int64": ("int16", "int32", "decimal"),
    "bool": _INTEGERS,
    "date": ("naive", "text"),
    "time": ("text",),
    "decimal": ("text",),
}
_DTYPES: dict[Kind, str] = {
    "int16": "Int16", "int32": "Int32", "int64": "Int64", "float": "Float64", "bool": "boolean", "text": "string",
    "naive": "datetime64[us]", "instant": "datetime64[us, UTC]",
}  # fmt: skip
_OBJECTS: tuple[tuple[type, Kind], ...] = (
    (bool, "bool"), (int, "int64"), (float, "float"), (str, "text"), (bytes, "bytes"), (bytearray, "bytes"),
    (memoryview, "bytes"), (dt.datetime, "naive"), (dt.date, "date"), (dt.time, "time"), (decimal.Decimal, "decimal"),
)  # fmt: skip
_ZONE_AWAY = 'say which with .dt.tz_convert("UTC").dt.tz_localize(None)'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or a frame.

    Attributes:
        name: its name.
        kind: what it holds.
        nullable: whether values may be missing.
        length: the characters of its longest text, or the digits of a decimal.
        scale: how many of these stand behind the point.
    """

    name: str
    kind: Kind
    nullable: bool = True
    length: int = 0
    scale: int = 0


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """The columns of a frame, whose names are texts and differ.

    Raises:
        InputTypeError: names that are no texts, or values that no column holds.
        InputValueError: names that come twice, whole numbers of more than 64 bits, or nanoseconds.
    """
    names = [*frame.columns]
    for name in names:
        if not isinstance(name, str) or not name:
            raise InputTypeError("frame", "columns whose names are texts", quoted(name), "rename it")
    folded = [name.casefold() for name in names]  # to most databases "A" and "a" are one
    twice = next((name for name, each in zip(names, folded, strict=True) if folded.count(each) > 1), None)
    if twice is not None:
        raise InputValueError("frame", "columns of different names", f"{quoted(twice)} twice", "rename one")
    return [_column_of(name, frame[name]) for name in names]


def _column_of(name: str, series: pd.Series[Any]) -> Column:
    kind = _kind_of(name, series)
    nullable = bool(series.isna().any())
    if kind in ("naive", "instant"):
        _refuse_nanoseconds(name, series, aware=kind == "instant")
    if kind == "int64":
        _refuse_large(name, series)
    if kind == "text":
        return Column(name, kind, nullable, int(max((len(each) for each in series.dropna()), default=0)))
    if kind == "decimal":
        return _decimal_column(name, series, nullable)
    return Column(name, kind, nullable)


def _kind_of(name: str, series: pd.Series[Any]) -> Kind:
    types = load_package("pandas").api.types
    dtype = series.dtype
    if types.is_bool_dtype(dtype):
        return "bool"
    if types.is_integer_dtype(dtype):
        bits = 8 * dtype.itemsize + dtype.name.lower().startswith("u")
        return "int16" if bits <= 16 else "int32" if bits <= 32 else "int64"
    if types.is_float_dtype(dtype):
        return "float"
    if types.is_datetime64_any_dtype(dtype):
        return "naive" if series.dt.tz is None else "instant"
    if isinstance(dtype, load_package("pandas").CategoricalDtype):
        return _kind_of(name, series.astype(dtype.categories.dtype))
    if types.is_object_dtype(dtype) or types.is_string_dtype(dtype) or "[pyarrow]" in str(dtype):
        return _kind_of_objects(name, series)
    raise _no_column(name, f"values of {dtype}")


def _kind_of_objects(name: str, series: pd.Series[Any]) -> Kind:
    """What Python's own values of a column have in common; text where there are none."""
    known = series.dropna()
    kinds: dict[Kind, Any] = {}
    for python in {type(value) for value in known}:
        kind = next((kind for base, kind in _OBJECTS if issubclass(python, base)), None)
        values: list[Any] = [value for value in known if type(value) is python]
        if kind is None:
            raise _no_column(name, quoted(values[0]))
        if kind == "naive":
            kinds |= {"naive" if value.tzinfo is None else "instant": value for value in values}
        else:
            kinds.setdefault(kind, values[0])
    if {*kinds} == {"int64", "float"}:
        return "float" if all(isinstance(each, float) or abs(each) <= 2**53 for each in known) else "decimal"
    if len(kinds) > 1:
        one, other = sorted(kinds.values(), key=repr)[:2]
        raise InputTypeError(
            _subject(name), "values of one type", f"{quoted(one)} and {quoted(other)}", "convert the column"
        )
    return next(iter(kinds), "text")


def _no_column(name: str, got: str) -> InputTypeError:
    expected = "numbers, texts, bytes, dates, times, decimals or yes and no"
    return InputTypeError(_subject(name), expected, got, "convert the column, for instance with aikit.codec.to_json")


def _subject(name: str) -> str:
    return f"frame[{quoted(name)}]"


def _refuse_nanoseconds(name: str, series: pd.Series[Any], *, aware: bool) -> None:
    times = load_package("pandas").to_datetime(series.dropna(), utc=aware)
    finer = times[times.dt.nanosecond != 0]
    if len(finer):
        remedy = 'round it with .dt.round("us")'
        raise InputValueError(_subject(name), "times to the microsecond", quoted(str(finer.iloc[0])), remedy)


def _refuse_large(name: str, series: pd.Series[Any]) -> None:
    known = series.dropna()
    for value in () if not len(known) else (known.max(), known.min()):
        if not -(2**63) <= int(value) < 2**63:
            remedy = 'keep its bits with .astype("int64"), or its digits as text'
            raise InputValueError(_subject(name), "whole numbers of 64 bits, signed", quoted(int(value)), remedy)


def _decimal_column(name: str, series: pd.Series[Any], nullable: bool) -> Column:
    before = scale = 0
    for value in map(decimal.Decimal, series.dropna()):
        _, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise InputValueError(_subject(name), "decimals", quoted(value), "leave it out")
        scale, before = max(scale, -exponent), max(before, len(digits) + exponent)
    if before + scale > 38:
        got = f"{before} digits before and {scale} behind the point"
        raise InputValueError(_subject(name), "decimals of 38 digits", got, "round them, or write texts")
    return Column(name, "decimal", nullable, max(before + scale, 1), scale)


def check_fits(column: Column, into: Column, series: pd.Series[Any]) -> None:
    """Refuse values that the column of a table would change without a word.

    Raises:
        InputTypeError: values of another kind.
    """
    if "other" in (column.kind, into.kind) or column.kind == into.kind or into.kind in _FITS.get(column.kind, ()):
        return
    known = series.dropna()
    whole = column.kind == "float" and (into.kind in _INTEGERS or into.kind == "decimal")
    if not len(known) or (whole and (known % 1 == 0).all() and (known.abs() <= 2**53).all()):
        return
    remedy = _ZONE_AWAY if column.kind == "instant" else "convert the column"
    raise InputTypeError(_subject(column.name), _SAID[into.kind], _SAID[column.kind], remedy)


_SAID: dict[Kind, str] = {
    "int16": "whole numbers", "int32": "whole numbers", "int64": "whole numbers", "float": "numbers with a fraction",
    "bool": "yes and no", "text": "texts", "bytes": "bytes", "naive": "times without a time zone",
    "instant": "times with a time zone", "date": "dates", "time": "times of day", "decimal": "decimals",
}  # fmt: skip


# ---------------------------------------------------------------- values out and in


def plain_values(series: pd.Series[Any], kind: Kind) -> list[Any]:
    """The values of a column as Python's own, None where one is missing."""
    missing = series.isna()
    if kind in ("naive", "instant"):
        pandas = load_package("pandas")
        times = pandas.to_datetime(series, utc=kind == "instant").astype(_DTYPES[kind])
        values: list[Any] = times.dt.to_pydatetime().tolist()
    else:
        values = _python(series, kind)
    if missing.any():
        values = [None if lost else value for value, lost in zip(values, missing, strict=True)]
    return values


def _python(series: pd.Series[Any], kind: Kind) -> list[Any]:
    values: list[Any] = series.tolist()
    make = _MAKERS.get(kind)
    if make is None or {*map(type, values)} <= {make}:
        return values
    return [each if series_missing(each) else make(each) for each in values]


def series_missing(value: object) -> bool:
    """Whether it stands for a value that is missing."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


_MAKERS: dict[Kind, Callable[[Any], Any]] = {
    "int16": int, "int32": int, "int64": int, "float": float, "bool": bool, "text": str, "bytes": bytes,
    "decimal": decimal.Decimal,
}  # fmt: skip


def series_of(name: str, values: Sequence[Any], kind: Kind | None) -> pd.Series[Any]:
    """A column of what a database gave, of a nullable type; where its kind is not known, its values say what it is.

    Raises:
        InputValueError: a date that there is not, such as MySQL's 0000-00-00.
    """
    pandas = load_package("pandas")
    if kind in (None, "other"):
        kind = _found_kind(values)
    dtype = _DTYPES.get(kind) if kind is not None else None
    if dtype is None:
        make = _READERS.get(kind) if kind is not None else None
        values = [each if each is None or make is None else make(each) for each in values]
        return pandas.Series(values, dtype=object, name=name)
    if kind == "bool":
        values = [None if each is None else bool(each) for each in values]
    if kind in ("naive", "instant"):
        values = [_moment(name, each, aware=kind == "instant") for each in values]
        return pandas.Series(pandas.to_datetime(values, utc=kind == "instant"), name=name).astype(dtype)
    return pandas.Series(pandas.array([*values], dtype=dtype), name=name)


_MIDNIGHT = dt.datetime(1, 1, 1)  # noqa: DTZ001 - of no day


def _day(value: Any) -> Any:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def _hour(value: Any) -> Any:
    """SQLite has texts, and PyMySQL gives what has passed since midnight."""
    if isinstance(value, str):
        return dt.time.fromisoformat(value)
    return (_MIDNIGHT + value).time() if isinstance(value, dt.timedelta) else value


_READERS: dict[Kind, Callable[[Any], Any]] = {"bytes": bytes, "date": _day, "time": _hour}


def _found_kind(values: Iterable[Any]) -> Kind | None:
    kinds = {
        next((kind for python, kind in _OBJECTS if isinstance(value, python)), None)
        for value in values
        if value is not None
    }
    if kinds == {"naive"}:
        aware = {value.tzinfo is not None for value in values if value is not None}
        return None if len(aware) > 1 else "instant" if aware == {True} else "naive"
    if kinds == {"int64", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else None


def _moment(name: str, value: Any, *, aware: bool) -> dt.datetime | None:
    if value is None or isinstance(value, dt.datetime):
        moment = value
    else:
        try:
            moment = dt.datetime.fromisoformat(str(value))
        except ValueError as error:
            raise InputValueError(
                name, "times", quoted(value), "read the column as text, by a query that casts it"
            ) from error
    return moment.replace(tzinfo=dt.UTC) if aware and moment is not None and moment.tzinfo is None else moment
