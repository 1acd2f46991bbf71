"""The look at a file's structure that comes before any decoder: which walk for which format."""

from __future__ import annotations

import struct
from dataclasses import replace

from .apng import animation_of
from .gif import walk_gif
from .integrity import Facts, Walk, corrupt, truncated, walk_bmp, walk_iso, walk_jpeg, walk_webp
from .jxl_header import walk_jxl
from .png import walk_png
from .ppm import walk_ppm

__all__ = ["inspect"]


def inspect(data: bytes, format: str, name: str, *, lenient: bool = False) -> Facts:
    """Walk the structure of one file of a known format (TIFF has pages, and its own way).

    With `lenient` a file may end anywhere behind its header, whose size is told all the same.

    Raises:
        FileFormatError: code "truncated" or "corrupt".
    """
    try:
        return _WALKS[format](data, name, lenient)
    except (struct.error, IndexError) as error:
        # Every read past the end lands here: the walks only follow lengths the file itself gives.
        raise truncated(name, format, f"{len(data)} bytes that end inside a header") from error


def _walk_png(data: bytes, name: str, lenient: bool) -> Facts:
    facts = walk_png(data, name, lenient)
    if b"acTL" not in facts.chunks:
        return facts
    animation = animation_of(facts.mended or data, facts, name, lenient=lenient)
    return facts if animation is None else replace(facts, frames=animation.frames, animation=animation)


def _walk_ico(data: bytes, name: str, lenient: bool) -> Facts:
    """The largest picture inside: a PNG may be larger than its directory entry says."""
    (count,) = struct.unpack_from("<H", data, 4)
    width = height = 0
    budget = 2 * len(data) + 65536
    for index in range(count):
        size, offset = struct.unpack_from("<II", data, 6 + 16 * index + 8)
        if offset + size > len(data) and not lenient:
            raise truncated(
                name, "ico", f"picture {index} of {count} that ends {offset + size - len(data)} bytes behind the file"
            )
        if lenient and offset + 12 > len(data):
            continue
        # Entries may all point at one large picture, whose checksums are then computed for each.
        budget -= min(size, len(data) - offset)
        if budget < 0:
            raise corrupt(name, "ico", "pictures that overlap")
        if data[offset : offset + 4] == b"\x89PNG":
            inner = walk_png(data[offset : offset + size], name, lenient)
            width, height = max(width, inner.width), max(height, inner.height)
        else:
            wide, high = struct.unpack_from("<ii", data, offset + 4)
            # A DIB in an icon counts its mask as a second picture below the first.
            width, height = max(width, abs(wide)), max(height, abs(high) // 2)
    return Facts(width, height)


_WALKS: dict[str, Walk] = {
    "png": _walk_png,
    "jpeg": walk_jpeg,
    "gif": walk_gif,
    "webp": walk_webp,
    "avif": walk_iso("avif"),
    "heic": walk_iso("heic"),
    "bmp": walk_bmp,
    "ico": _walk_ico,
    "ppm": walk_ppm,
    "jxl": walk_jxl,
}
