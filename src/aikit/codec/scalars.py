"""Values of Python's own that JSON has no word for: each with its tag, the way there and the way back."""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

__all__ = ["BY_NAME", "BY_TYPE", "Json", "Scalar", "as_base64", "from_base64"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Scalar:
    """A type, its tag, and its forms.

    Attributes:
        name: the tag, without its dollar.
        types: the types that it stands for; subclasses are others.
        write: the exact form.
        read: the value of an exact form, of which only the errors may be of any kind.
        readable: the form for other programs, where it is another.
    """

    name: str
    types: tuple[type, ...]
    write: Callable[[Any], Json]  # of one of the types
    read: Callable[[object], object]
    readable: Callable[[Any], Json] | None = None


def as_base64(data: bytes | bytearray | memoryview) -> str:
    """Bytes as text (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: object) -> bytes:
    """The bytes of such a text, without anything that does not belong to it."""
    return base64.b64decode(_text(text), validate=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text, got {type(value).__name__}")
    return value


# ---------------------------------------------------------------- dates and times

# The longest name of a zone has some 30 letters.
_MOST_LETTERS = 120
_ZONE = re.compile(r"(.*?)(?:\[([^\]]*)\])?(?:\[(fold)\])?", re.DOTALL)


def _write_moment(value: dt.datetime | dt.time) -> str:
    """A datetime or time, with the name of its zone where it has one (RFC 9557, section 3.1)."""
    zone = value.tzinfo
    text = value.isoformat()
    if isinstance(zone, ZoneInfo) and zone.key:
        text += f"[{zone.key}]"
    return f"{text}[fold]" if value.fold else text


def _split_moment(value: object) -> tuple[str, ZoneInfo | None, int]:
    if len(text := _text(value)) > _MOST_LETTERS:
        raise ValueError(f"{len(text)} letters")
    found = _ZONE.fullmatch(text)
    assert found is not None  # the first group takes anything
    text, zone, fold = found.groups()
    if zone == "fold":
        zone, fold = None, zone
    return text, None if zone is None else ZoneInfo(zone), 1 if fold else 0


def _read_datetime(value: object) -> dt.datetime:
    if (plain := _text(value))[-1:] != "]":
        return dt.datetime.fromisoformat(plain)
    text, zone, fold = _split_moment(value)
    moment = dt.datetime.fromisoformat(text)
    result = moment.replace(fold=fold, tzinfo=zone or moment.tzinfo)
    # The rules of a zone may have changed since: the offset says which moment was meant.
    if zone is not None and result.utcoffset() != moment.utcoffset():
        return moment.astimezone(zone)
    return result


def _read_time(value: object) -> dt.time:
    text, zone, fold = _split_moment(value)
    moment = dt.time.fromisoformat(text)
    return moment.replace(fold=fold, tzinfo=zone or moment.tzinfo)


def _read_timedelta(value: object) -> dt.timedelta:
    days, seconds, microseconds = _integers(value)
    return dt.timedelta(days, seconds, microseconds)


def _integers(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise TypeError("a list of whole numbers")
    return value


def _readable_timedelta(value: dt.timedelta) -> str:
    """A duration as ISO 8601 writes it, section 5.5.2: "-P1DT2.5S"."""
    sign, value = ("-", -value) if value < dt.timedelta(0) else ("", value)
    fraction = f".{value.microseconds:06d}".rstrip("0").rstrip(".")
    days = f"{value.days}D" if value.days else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction or not days else ""
    return f"{sign}P{days}{seconds}"


# ---------------------------------------------------------------- the rest


def _read_complex(value: object) -> complex:
    if not isinstance(value, list) or len(value) != 2 or not all(type(each) is float for each in value):
        raise TypeError("a list of two numbers")
    return complex(*value)


def _write_complex(value: complex) -> Json:
    return [_write_number(value.real), _write_number(value.imag)]


def _write_number(value: float) -> Json:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _read_float(value: object) -> float:
    if value not in ("nan", "inf", "-inf"):
        raise ValueError("nan, inf or -inf")
    return float(_text(value))


def _write_path(value: PurePath) -> Json:
    """A path; bytes of a name that are in no encoding stand in it as half surrogates, which JSON has not."""
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$str": as_base64(text.encode("utf-8", "surrogatepass"))}
    return text


def _read_str(value: object) -> str:
    return from_base64(value).decode("utf-8", "surrogatepass")


_SCALARS: tuple[Scalar, ...] = (
    Scalar("datetime", (dt.datetime,), _write_moment, _read_datetime, dt.datetime.isoformat),
    Scalar("date", (dt.date,), dt.date.isoformat, lambda value: dt.date.fromisoformat(_text(value))),
    Scalar("time", (dt.time,), _write_moment, _read_time, dt.time.isoformat),
    Scalar(
        "timedelta",
        (dt.timedelta,),
        lambda value: [value.days, value.seconds, value.microseconds],
        _read_timedelta,
        _readable_timedelta,
    ),
    Scalar("decimal", (Decimal,), str, lambda value: Decimal(_text(value))),
    Scalar("uuid", (uuid.UUID,), str, lambda value: uuid.UUID(_text(value))),
    Scalar("path", (PosixPath, WindowsPath), _write_path, lambda value: Path(_text(value))),
    Scalar("posixpath", (PurePosixPath,), _write_path, lambda value: PurePosixPath(_text(value))),
    Scalar("windowspath", (PureWindowsPath,), _write_path, lambda value: PureWindowsPath(_text(value))),
    Scalar("bytes", (bytes,), as_base64, from_base64),
    Scalar("bytearray", (bytearray,), as_base64, lambda value: bytearray(from_base64(value))),
    Scalar("complex", (complex,), _write_complex, _read_complex),
    Scalar(
        "range", (range,), lambda value: [value.start, value.stop, value.step], lambda value: range(*_integers(value))
    ),
    Scalar("float", (), repr, _read_float),
    Scalar("str", (), lambda value: as_base64(value.encode("utf-8", "surrogatepass")), _read_str),
)

BY_NAME = {each.name: each for each in _SCALARS}
BY_TYPE: dict[type, Scalar] = {kind: each for each in _SCALARS for kind in each.types}
