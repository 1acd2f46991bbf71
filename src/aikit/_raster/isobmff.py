"""What the boxes of AVIF and HEIC say of the colors and depth of the primary picture, before anything is decoded.

Sources: ISO/IEC 14496-12 (boxes, sample entries), ISO/IEC 23008-12 (items, properties and their association),
AV1-ISOBMFF (av1C), ISO/IEC 14496-15 (hvcC).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Nclx", "Properties", "read_properties"]

# Files have a few dozen.
_MOST_BOXES, _MOST_ITEMS = 10_000, 10_000


@dataclass(frozen=True, slots=True)
class Nclx:
    """Numbers of ITU-T H.273 for primaries and transfer characteristics."""

    primaries: int
    transfer: int


@dataclass(frozen=True, slots=True)
class Properties:
    """What the file says of its primary picture.

    Attributes:
        nclx: the colors by number, or None.
        has_profile: there is an ICC profile.
        depth: bits of a sample; 8 where the file does not say.
        is_gray: there is no color at all.
        has_gain_map: a second picture says how it looks in HDR.
    """

    nclx: Nclx | None = None
    has_profile: bool = False
    depth: int = 8
    is_gray: bool = False
    has_gain_map: bool = False


def read_properties(data: bytes) -> Properties:
    """Read the properties of the primary picture; what breaks off says nothing, for decoders will say so."""
    try:
        return _read(memoryview(data))
    except (struct.error, IndexError):
        return Properties()


def _read(data: memoryview) -> Properties:
    boxes = dict(_boxes(data))
    meta = dict(_boxes(boxes[b"meta"][4:])) if b"meta" in boxes else {}
    properties = _primary_properties(meta)
    if b"moov" in boxes and not any(kind == b"colr" for kind, _ in properties):
        # A sequence says it in its track as well.
        properties += _track_properties(boxes[b"moov"])
    nclx, has_profile = None, False
    for kind, body in properties:
        if kind == b"colr" and bytes(body[:4]) == b"nclx" and nclx is None:
            nclx = Nclx(*struct.unpack_from(">HH", body, 4))
        has_profile |= kind == b"colr" and bytes(body[:4]) in (b"prof", b"rICC")
    depth, is_gray = _samples(properties)
    gain_map = b"tmap" in bytes(meta.get(b"iinf", b"")) or b"aux:hdrgainmap" in bytes(meta.get(b"iprp", b""))
    return Properties(nclx, has_profile, depth, is_gray, gain_map)


Box = tuple[bytes, memoryview]


def _boxes(data: memoryview) -> Iterator[Box]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        end = len(data) if size == 0 else at + size
        if end < begin:
            return
        yield kind, data[begin:end]
        at = end


def _primary_properties(meta: dict[bytes, memoryview]) -> list[Box]:
    """The properties of the primary item, and behind them those of the tiles that a grid is made of."""
    if b"pitm" not in meta or b"iprp" not in meta:
        return []
    container = dict(_boxes(meta[b"iprp"]))
    known = list(_boxes(container.get(b"ipco", memoryview(b""))))
    wide = meta[b"pitm"][0] != 0
    (primary,) = struct.unpack_from(">I" if wide else ">H", meta[b"pitm"], 4)
    linked = _associations(container.get(b"ipma", memoryview(b"")))
    items = [primary, *_tiles(meta.get(b"iref", memoryview(bytes(4))), primary)[:1]]
    return [known[index - 1] for item in items for index in linked.get(item, ()) if 0 < index <= len(known)]


def _associations(body: memoryview) -> dict[int, list[int]]:
    if len(body) < 8:
        return {}
    version, flags = body[0], body[3]
    (count,) = struct.unpack_from(">I", body, 4)
    at, linked = 8, {}
    for _ in range(min(count, _MOST_ITEMS)):
        (item,) = struct.unpack_from(">I" if version else ">H", body, at)
        at += 4 if version else 2
        number, at = body[at], at + 1
        code, size, mask = (">H", 2, 0x7FFF) if flags & 1 else (">B", 1, 0x7F)
        linked[item] = [struct.unpack_from(code, body, at + size * each)[0] & mask for each in range(number)]
        at += size * number
    return linked


def _tiles(body: memoryview, item: int) -> list[int]:
    code, size = (">I", 4) if body[0] else (">H", 2)
    for kind, reference in _boxes(body[4:]):
        (source,) = struct.unpack_from(code, reference, 0)
        if kind == b"dimg" and source == item:
            (count,) = struct.unpack_from(">H", reference, size)
            return [struct.unpack_from(code, reference, size + 2 + size * each)[0] for each in range(count)]
    return []


# What stands in an entry of a track's table of samples before its boxes.
_SAMPLE_ENTRY = 78


def _track_properties(moov: memoryview) -> list[Box]:
    for kind, track in _boxes(moov):
        if kind != b"trak":
            continue
        body: memoryview | None = track
        for name in (b"mdia", b"minf", b"stbl", b"stsd"):
            body = dict(_boxes(body)).get(name) if body is not None else None
        for name, entry in _boxes(body[8:]) if body is not None else ():
            if name in (b"av01", b"hvc1", b"hev1"):
                return list(_boxes(entry[_SAMPLE_ENTRY:]))
    return []


def _samples(properties: list[Box]) -> tuple[int, bool]:
    """Bits of a sample and whether there is no color, from the configuration of the decoder."""
    for kind, body in properties:
        if kind == b"av1C":
            flags = body[2]
            high, twelve, gray = flags & 0x40, flags & 0x20, flags & 0x10
            return (12 if high and twelve else 10 if high else 8), bool(gray)
        if kind == b"hvcC":
            return (body[17] & 7) + 8, body[16] & 3 == 0
    return 8, False
