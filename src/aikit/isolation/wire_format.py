"""Frames of bytes between parent and child: a text, and buffers beside it or in memory that both see."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["SHARED_SIZE", "Buffer", "Filled", "Frame", "NonsenseError", "receive", "send"]

Buffer = bytes | bytearray | memoryview

# Length of the text and number of the buffers; then for each its length and its place in the shared memory, counted
# from 1, or 0 where it follows the text.
_HEAD, _ENTRY = struct.Struct("<QI"), struct.Struct("<QQ")
_MOST_TEXT, _MOST_BUFFERS, _MOST_PARTS = 1 << 26, 1 << 16, 16
_WORTH_A_PLACE = 1 << 15

# Memory that each child shares with us, for all that Pillow's ceiling of 178 megapixels lets through in three bytes.
# It is address space until it is used. By pipe a picture takes four times as long.
SHARED_SIZE = 1 << 29
_NOT_SHARED = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Filled:
    """A buffer that is filled where it will be sent from, in place of being copied there: `size` bytes by `fill(view)`."""

    size: int
    fill: Callable[[memoryview], object]


Frame: TypeAlias = tuple[bytes, Sequence[Buffer | Filled]]


class NonsenseError(Exception):
    """What came is no frame or no plain value: the other side is broken or taken over."""


def send(handle: int, text: bytes, buffers: Sequence[Buffer | Filled] = (), shared: memoryview = _NOT_SHARED) -> None:
    """Write one frame; large buffers are put into the shared memory, as long as there is space."""
    entries, parts = [], []
    free = 0
    for buffer in buffers:
        size = buffer.size if isinstance(buffer, Filled) else memoryview(buffer).nbytes
        if _WORTH_A_PLACE <= size <= len(shared) - free:
            _put(buffer, shared[free : free + size])
            entries.append(_ENTRY.pack(size, free + 1))
            free += size
        else:
            view = memoryview(bytearray(size) if isinstance(buffer, Filled) else buffer).cast("B")
            if isinstance(buffer, Filled):
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


def _put(buffer: Buffer | Filled, place: memoryview) -> None:
    if isinstance(buffer, Filled):
        buffer.fill(place)
    else:
        place[:] = memoryview(buffer).cast("B")


def receive(
    handle: int, *, at_most: float = float("inf"), shared: memoryview = _NOT_SHARED
) -> tuple[bytes, list[bytearray | memoryview]]:
    """Read one frame; `at_most` bounds the bytes that its buffers may make us allocate.

    What lies in the shared memory is there until the next frame.

    Raises:
        EOFError: the other side has closed its end.
        NonsenseError: a frame larger than any of ours.
    """
    length, count = _HEAD.unpack(_exactly(handle, _HEAD.size))
    if length > _MOST_TEXT or count > _MOST_BUFFERS:
        raise NonsenseError(f"a frame of {length} bytes and {count} buffers")
    entries = list(_ENTRY.iter_unpack(_exactly(handle, count * _ENTRY.size)))
    total = sum(size for size, _ in entries)
    if total > at_most + len(shared) or any(place and place - 1 + size > len(shared) for size, place in entries):
        raise NonsenseError(f"buffers of {total} bytes where {at_most} are allowed")
    text = bytes(_exactly(handle, length))
    return text, [shared[place - 1 : place - 1 + size] if place else _exactly(handle, size) for size, place in entries]


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
