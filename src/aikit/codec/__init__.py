"""JSON with dates, arrays, tensors and pictures, exact there and back; never pickle.

What JSON has no word for travels as an object with one key that begins with a dollar, `{"$datetime": "2026-01-31T08:00:00"}`.
The text is strict JSON (RFC 8259): NaN and infinity are tagged too. `tags=False` writes what any other program reads
instead, and gives up the way back.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from .._io import name_of, read_whole, write_bytes
from ..errors import FileFormatError
from ..limits import Limits
from ..types import Source
from .decoding import decode
from .encoding import encode, encode_default
from .scalars import Json

__all__ = ["Json", "default", "from_json", "read_json", "to_json", "write_json"]


def to_json(value: object, *, indent: int | None = None, tags: bool = True, sort_keys: bool = False) -> str:
    """Write a value as JSON.

    Dicts with any keys, lists, tuples, sets, text, numbers, NaN, bytes, dates, times, timedeltas, Decimal, UUID, paths,
    enums, dataclasses, named tuples and pydantic models; NumPy scalars and arrays, tensors of any dtype and device, PIL
    images of any mode with their `info`. What cannot come back equal is refused: subclasses (`dict(value)` of one is
    fine), arrays of objects, sparse tensors.

    Args:
        value: what to write.
        indent: spaces a level; None writes one line.
        tags: True writes what `from_json` gives back exactly. False writes what other programs expect: dates, times and
            durations in ISO 8601, Decimal, UUID and paths as text, bytes in base64, tuples, sets and arrays as lists,
            enums by their value, dataclasses and models as objects, pictures as data URLs (PNG); NaN is refused,
            because JSON has none.
        sort_keys: sort the keys of objects, so that equal values give equal texts.

    Returns:
        Strict JSON; letters of all scripts stand as they are. A time zone of `zoneinfo` keeps its name, as RFC 9557
        writes it; other zones become their offset. Pictures are PNG where that is exact, else raw.

    Raises:
        InputTypeError: a value of a type that cannot come back.
        InputValueError: with `tags=False` NaN, infinity, or two keys that become one; a value within itself.

    Example:
        >>> from datetime import date
        >>> to_json({"taken": date(2026, 1, 31), "size": (640, 480)})
        '{"taken": {"$date": "2026-01-31"}, "size": {"$tuple": [640, 480]}}'
        >>> to_json({"taken": date(2026, 1, 31), "size": (640, 480)}, tags=False)
        '{"taken": "2026-01-31", "size": [640, 480]}'

    Source: RFC 8259 (JSON), ISO 8601, RFC 9557 (names of time zones).
    """
    return encode(value, indent=indent, tags=tags, sort_keys=sort_keys)


def from_json(
    text: str | bytes | bytearray,
    *,
    kinds: Collection[type] = (),
    limits: Limits | None = None,
    device: object = "cpu",
) -> object:
    """Read back what `to_json` wrote, or any other JSON.

    Args:
        text: JSON, as text or in UTF-8.
        kinds: the classes that may come back: enums, dataclasses, named tuples, pydantic models. No other is ever made,
            and no code is run but theirs.
        limits: what the text may cost: `max_bytes` of it, and sizes of pictures in it. None trusts the text up to
            Pillow's ceiling for pictures.
        device: where tensors are put.

    Returns:
        The value. Arrays are writable; tensors that recorded a gradient do so again.

    Raises:
        InputTypeError: neither text nor bytes.
        FileFormatError: no strict JSON (a key twice, NaN, a number too large, half a surrogate, nested too deeply), or a
            tag whose contents contradict each other.
        InputValueError: a class that is not in `kinds`, or a tag that is not known.
        DeviceError: no such device, or none that can be used.
        LimitError: larger than `limits` allow.

    Example:
        >>> from_json('{"taken": {"$date": "2026-01-31"}}')
        {'taken': datetime.date(2026, 1, 31)}
    """
    return decode(text, kinds=kinds, limits=limits, device=device)


def write_json(
    path: str | os.PathLike[str],
    value: object,
    *,
    indent: int | None = 2,
    tags: bool = True,
    sort_keys: bool = False,
) -> None:
    """Write a value as a JSON file, entirely or not at all.

    Args:
        path: where to; a file there is replaced in one step.
        value: what to write, as in `to_json`.
        indent: spaces a level; None writes one line.
        tags: as in `to_json`.
        sort_keys: sort the keys of objects.

    Raises:
        InputTypeError: a value of a type that cannot come back.
        InputValueError: as in `to_json`.
        FileAccessError: the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "sizes.json")
        >>> write_json(path, {"sizes": {(640, 480)}})
        >>> read_json(path)
        {'sizes': {(640, 480)}}
    """
    write_bytes(path, (to_json(value, indent=indent, tags=tags, sort_keys=sort_keys) + "\n").encode())


def read_json(
    source: Source,
    *,
    kinds: Collection[type] = (),
    limits: Limits | None = None,
    device: object = "cpu",
) -> object:
    """Read a JSON file in UTF-8.

    Args:
        source: a path, bytes, or an open binary file.
        kinds: the classes that may come back, as in `from_json`.
        limits: what the file may cost.
        device: where tensors are put.

    Returns:
        The value.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: no strict JSON, as in `from_json`.
        InputValueError: a class that is not in `kinds`, or a tag that is not known.
        LimitError: larger than `limits` allow.
    """
    data = read_whole(source, limits=limits)
    try:
        return decode(data, kinds=kinds, limits=limits, device=device)
    except FileFormatError as error:
        raise error.with_subject(name_of(source)) from error


def default(value: object) -> Json:
    """What `json.dumps(..., default=default)` needs for values that JSON has no word for; `from_json` reads them.

    Python's own rules come first there: it writes tuples as lists, keys that are numbers as text, and NaN.

    Args:
        value: what `json` could not write.

    Returns:
        An object with one key that begins with a dollar.

    Raises:
        InputTypeError: a value of a type that cannot come back.
        InputValueError: a value within itself.

    Example:
        >>> import json
        >>> json.dumps({"path": b"raw"}, default=default)
        '{"path": {"$bytes": "cmF3"}}'
    """
    return encode_default(value)
