"""Icons: which of the pictures is read, and one of several sizes written.

Pillow takes the first of the largest pictures that it sorts by rising depth, so the one with the fewest colors.

Source: Microsoft, "Icons" (ICONDIR and ICONDIRENTRY); BITMAPINFOHEADER for pictures that are no PNG.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .integrity import corrupt

__all__ = ["best_alone", "join"]

_HEAD, _ENTRY = 6, 16


class _Picture(NamedTuple):
    area: int
    bits: int
    place: int
    body: bytes


def best_alone(data: bytes, name: str) -> bytes:
    """An icon that holds one picture: the largest, and of several of that size the one with the most bits a pixel."""
    (count,) = struct.unpack_from("<H", data, 4)
    pictures = [picture for index in range(count) if (picture := _picture(data, index)) is not None]
    if not pictures:
        raise corrupt(name, "ico", "no picture inside of the file")
    best = max(pictures, key=lambda picture: (picture.area, picture.bits, -picture.place))
    entry = bytearray(data[_HEAD + _ENTRY * best.place :][:_ENTRY])
    struct.pack_into("<II", entry, 8, len(best.body), _HEAD + _ENTRY)
    return data[:4] + struct.pack("<H", 1) + bytes(entry) + best.body


def _picture(data: bytes, index: int) -> _Picture | None:
    """A picture by its own header, which directories often contradict; None if that lies outside of a cut file."""
    try:
        size, offset = struct.unpack_from("<II", data, _HEAD + _ENTRY * index + 8)
        body = data[offset : offset + size]
        if body[:4] == b"\x89PNG":
            width, height, depth, color_type = struct.unpack_from(">IIBB", body, 16)
            bits = depth * {2: 3, 4: 2, 6: 4}.get(color_type, 1)
        else:
            width, height, _, bits = struct.unpack_from("<iiHH", body, 4)
            # The mask counts as a second picture below the first.
            height //= 2
    except struct.error:
        return None
    return _Picture(abs(width * height), bits, index, body)


def join(files: list[bytes]) -> bytes:
    """One icon of the pictures of several that hold one each."""
    at = _HEAD + _ENTRY * len(files)
    entries, bodies = b"", b""
    for data in files:
        body = data[_HEAD + _ENTRY :]
        entries += data[_HEAD : _HEAD + 8] + struct.pack("<II", len(body), at + len(bodies))
        bodies += body
    return files[0][:4] + struct.pack("<H", len(files)) + entries + bodies
