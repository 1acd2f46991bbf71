"""What travels between parent and child: frames of bytes, and plain values that no decoder can turn into code.

The parent is trusted, so its requests are pickles. A child that decodes hostile files is not: it answers in
JSON with raw buffers beside it, and the worst it can say is a wrong picture.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any

__all__ = ["NonsenseError", "Room", "decode", "encode", "receive", "send"]

Buffer = bytes | bytearray | memoryview

# Length of the text and number of the buffers; then for each its length and its place on the shelf, counted from 1,
# or 0 where it follows the text.
_HEAD, _ENTRY = struct.Struct("<QI"), struct.Struct("<QQ")
_MOST_TEXT, _MOST_BUFFERS, _MOST_PARTS = 1 << 26, 1 << 16, 16
_WORTH_A_PLACE = 1 << 15

# Memory that each child shares with us, for all that Pillow's ceiling of 178 megapixels lets through in three bytes.
# It is address space until it is used. By pipe a picture takes four times as long.
SHELF_SIZE = 1 << 29
_NO_SHELF = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Room:
    """Memory that is filled where it will be sent from, in place of being copied there: `size` bytes by `fill(view)`."""

    size: int
    fill: Callable[[memoryview], object]


class NonsenseError(Exception):
    """What came is no frame or no plain value: the other side is broken or taken over."""


# ---------------------------------------------------------------- frames


def send(handle: int, text: bytes, buffers: Sequence[Buffer | Room] = (), shelf: memoryview = _NO_SHELF) -> None:
    """Write one frame; large buffers are laid on the shelf, as long as there is room."""
    entries, parts = [], []
    free = 0
    for buffer in buffers:
        size = buffer.size if isinstance(buffer, Room) else memoryview(buffer).nbytes
        if _WORTH_A_PLACE <= size <= len(shelf) - free:
            _put(buffer, shelf[free : free + size])
            entries.append(_ENTRY.pack(size, free + 1))
            free += size
        else:
            view = memoryview(bytearray(size) if isinstance(buffer, Room) else buffer).cast("B")
            if isinstance(buffer, Room):
                buffer.fill(view)
            entries.append(_ENTRY.pack(size, 0))
            parts.append(view)
    head = b"".join([_HEAD.pack(len(text), len(entries)), *entries, text])
    parts.insert(0, memoryview(head))
    while parts:
        written = _write(handle, parts[:_MOST_PARTS])
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][written:]


def _put(buffer: Buffer | Room, place: memoryview) -> None:
    if isinstance(buffer, Room):
        buffer.fill(place)
    else:
        place[:] = memoryview(buffer).cast("B")


def receive(
    handle: int, *, at_most: float = float("inf"), shelf: memoryview = _NO_SHELF
) -> tuple[bytes, list[bytearray | memoryview]]:
    """Read one frame; `at_most` bounds the bytes that its buffers may make us allocate.

    What lies on the shelf is there until the next frame.

    Raises:
        EOFError: the other side has closed its end.
        NonsenseError: a frame larger than any of ours.
    """
    length, count = _HEAD.unpack(_exactly(handle, _HEAD.size))
    if length > _MOST_TEXT or count > _MOST_BUFFERS:
        raise NonsenseError(f"a frame of {length} bytes and {count} buffers")
    entries = list(_ENTRY.iter_unpack(_exactly(handle, count * _ENTRY.size)))
    total = sum(size for size, _ in entries)
    if total > at_most + len(shelf) or any(place and place - 1 + size > len(shelf) for size, place in entries):
        raise NonsenseError(f"buffers of {total} bytes where {at_most} are allowed")
    text = bytes(_exactly(handle, length))
    return text, [shelf[place - 1 : place - 1 + size] if place else _exactly(handle, size) for size, place in entries]


def _exactly(handle: int, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        got = _read_into(handle, rest)
        if not got:
            raise EOFError
        rest = rest[got:]
    return data


if hasattr(os, "readv"):

    def _write(handle: int, parts: list[memoryview]) -> int:
        return os.writev(handle, parts)

    def _read_into(handle: int, rest: memoryview) -> int:
        return os.readv(handle, [rest])

else:

    def _write(handle: int, parts: list[memoryview]) -> int:
        return os.write(handle, parts[0])

    def _read_into(handle: int, rest: memoryview) -> int:
        chunk = os.read(handle, min(len(rest), 1 << 20))
        rest[: len(chunk)] = chunk
        return len(chunk)


# ---------------------------------------------------------------- plain values


def encode(value: Any) -> tuple[bytes, list[Buffer | Room]]:
    """Plain values as JSON, and the bytes in them as buffers.

    Plain are None, numbers, str, bytes, memory and room, and tuples, lists, sets and dicts of plain values.
    """
    buffers: list[Buffer | Room] = []
    return json.dumps(_boxed(value, buffers), separators=(",", ":")).encode(), buffers


def _boxed(value: Any, buffers: list[Buffer | Room]) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    # Of IntEnum and of subclasses of str only the value is kept.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview, Room)):
        buffers.append(value)
        return {"bytes" if isinstance(value, bytes) else "memory": len(buffers) - 1}
    if isinstance(value, (tuple, list, set, frozenset)):
        kind = next(kind for kind in (tuple, list, set, frozenset) if isinstance(value, kind))
        return {kind.__name__: [_boxed(part, buffers) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_boxed(key, buffers), _boxed(part, buffers)] for key, part in value.items()]}
    if isinstance(value, Rational):
        return {"ratio": [int(value.numerator), int(value.denominator)]}
    raise TypeError(f"{type(value).__name__} is no plain value")


def decode(text: bytes, buffers: Sequence[Buffer]) -> Any:
    """The value that `encode` was given; memory comes as the buffer itself, any rational number as a Fraction.

    Raises:
        NonsenseError: nothing that `encode` writes.
    """
    try:
        return _unboxed(json.loads(text), buffers)
    except Exception as error:
        raise NonsenseError(f"{type(error).__name__}: {error}") from error


def _unboxed(node: Any, buffers: Sequence[Buffer]) -> Any:
    if not isinstance(node, dict):
        if isinstance(node, list):
            raise TypeError("a list without its kind")
        return node
    ((kind, inner),) = node.items()
    return _UNBOX[kind](inner, buffers)


def _each(inner: list[Any], buffers: Sequence[Buffer]) -> list[Any]:
    return [_unboxed(part, buffers) for part in inner]


_UNBOX: dict[str, Any] = {
    "bytes": lambda inner, buffers: bytes(buffers[inner]),
    "memory": lambda inner, buffers: buffers[inner],
    "tuple": lambda inner, buffers: tuple(_each(inner, buffers)),
    "list": _each,
    "set": lambda inner, buffers: set(_each(inner, buffers)),
    "frozenset": lambda inner, buffers: frozenset(_each(inner, buffers)),
    "dict": lambda inner, buffers: {_unboxed(key, buffers): _unboxed(part, buffers) for key, part in inner},
    "ratio": lambda inner, buffers: Fraction(*map(int, inner)) if inner[1] else float("nan"),
}
