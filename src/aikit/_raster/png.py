"""PNG: the walk through its chunks, and what of it may be damaged without harm.

A wrong checksum in a chunk that says nothing of the pixels, a text longer than Pillow takes and a missing end behind whole
pixels are forgiven, as viewers do: the decoder gets a copy without them.

Source: W3C, "Portable Network Graphics Specification, Third Edition", sections 5, 8 and 11.2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from .high_depth import chunk
from .integrity import Facts, corrupt, four, truncated

__all__ = ["PNG_SAMPLES", "png_chunks", "png_header", "walk_png"]

PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Ancillary by their names, but they hold pixels: animations, and the transparent color.
_PIXELS = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
# What the chunks of colors and of animations say holds where they stand before the pixels.
_BEFORE_PIXELS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"acTL")
_FACTS = (b"tRNS", b"eXIf", *_BEFORE_PIXELS)
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# Pillow refuses the whole file where a text, or all of them, are longer once inflated.
_MOST_TEXT, _MOST_TEXTS = 1 << 20, 1 << 26
# Profiles are refused above what texts may have. Those that monitors and printers come with have up to 5 MB.
_MOST_PROFILE = 1 << 24
# Inflated to see whether pixels are whole, a piece at a time: half a second.
_MOST_PIXELS, _PIECE = 1 << 29, 1 << 16


class _Chunk(NamedTuple):
    kind: bytes
    body: memoryview
    at: int
    end: int
    # What is wrong with it, and whether the file ends in it.
    damage: str = ""
    cut: bool = False


def png_chunks(data: bytes, name: str, *, lenient: bool = False) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks up to IEND, their lengths and checksums verified; lenient stops where the file does."""
    for each in _chunks(data, name):
        if each.cut and not lenient:
            raise truncated(name, "png", each.damage)
        if each.damage and not each.cut:
            raise corrupt(name, "png", each.damage)
        yield each.kind, each.body


def _chunks(data: bytes, name: str) -> Iterator[_Chunk]:
    """The same with their places, and with those that are damaged and hold no pixels."""
    at, view = 8, memoryview(data)
    # Pillow takes 3 microseconds for each; encoders write pixels in pieces of 8 kB or more.
    left = 10_000 + len(data) // 1000
    while True:
        left -= 1
        if left < 0:
            raise corrupt(name, "png", f"chunks of less than 1000 bytes all over its {len(data)}")
        if at + 12 > len(data):
            yield _Chunk(b"", view[:0], at, len(data), f"{len(data)} bytes without an IEND chunk", cut=True)
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            damage = f"a {four(kind)} chunk of {length} bytes that ends behind the file"
            yield _Chunk(kind, view[at + 8 :][:length], at, len(data), damage, cut=True)
            return
        (stored,) = struct.unpack_from(">I", data, end - 4)
        damage = ""
        if zlib.crc32(view[at + 4 : end - 4]) != stored:
            damage = f"a wrong checksum in its {four(kind)} chunk at byte {at}"
            # A small first letter: a picture can be shown without it (5.4).
            if not kind[0] & 0x20 or kind in _PIXELS:
                raise corrupt(name, "png", damage)
        yield _Chunk(kind, view[at + 8 : end - 4], at, end, damage)
        if kind == b"IEND":
            return
        at = end


def png_header(body: bytes, name: str) -> tuple[int, int, int, int, int]:
    """Width, height, depth, color type and interlace method of an IHDR chunk."""
    if len(body) != 13:
        raise corrupt(name, "png", f"an IHDR chunk of {len(body)} bytes")
    width, height, depth, color_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise corrupt(name, "png", f"a size of {width} x {height}")
    if depth not in _PNG_DEPTHS.get(color_type, ()):
        raise corrupt(name, "png", f"color type {color_type} with {depth} bits")
    if compression or filtering or interlace > 1:
        raise corrupt(name, "png", f"methods {compression}, {filtering}, {interlace}")
    return width, height, depth, color_type, interlace


def walk_png(data: bytes, name: str, lenient: bool) -> Facts:
    """Describe a PNG; lenient, one that may be cut off behind its header."""
    first: dict[bytes, bytes] = {}
    header: tuple[int, int, int, int, int] | None = None
    pixels: list[memoryview] = []
    harmed: list[_Chunk] = []
    cut: _Chunk | None = None
    profile: bytes | None = None
    texts = 0
    for each in _chunks(data, name):
        if each.cut:
            cut = each
        elif header is None:
            if each.kind != b"IHDR":
                raise corrupt(name, "png", f"a first chunk {four(each.kind)} where IHDR belongs")
            header = png_header(bytes(each.body), name)
        if each.kind == b"IDAT":
            pixels.append(each.body)
        elif each.damage:
            harmed.extend([] if each.cut else [each])
        elif each.kind in _TEXTS:
            size = _text_size(each) if texts <= _MOST_TEXTS else _MOST_TEXT
            texts += size
            if size > _MOST_TEXT or texts > _MOST_TEXTS:
                harmed.append(each._replace(damage=f"too long a text in its {four(each.kind)} chunk at byte {each.at}"))
        elif each.kind == b"iCCP" and (large := _large_profile(each.body, name)):
            profile, harmed = large, [*harmed, each]
            first.setdefault(each.kind, b"")
        elif each.kind in _FACTS and not (pixels and each.kind in _BEFORE_PIXELS):
            first.setdefault(each.kind, bytes(each.body[:65536]))
    if header is None:
        raise truncated(name, "png", f"{len(data)} bytes without an IHDR chunk")
    if not pixels and not lenient:
        raise truncated(name, "png", cut.damage) if cut else corrupt(name, "png", "no IDAT chunk")
    if cut and not lenient and (b"acTL" in first or not _are_whole(pixels)):
        raise truncated(name, "png", cut.damage)
    width, height, depth, color_type, _ = header
    missing = None if lenient else cut
    return Facts(
        width,
        height,
        1,
        depth,
        color_type,
        b"tRNS" in first or color_type in (4, 6),
        first,
        profile=profile,
        mended=_without(data, harmed, missing) if harmed or missing else None,
        damage=tuple(each.damage for each in (*harmed, *([missing] if missing else [])) if each.damage),
    )


def _text_size(text: _Chunk) -> int:
    """How long a text is, and no more than is allowed where it has to be inflated."""
    body = bytes(text.body)
    _, _, rest = body.partition(b"\0")
    packed = b""
    if text.kind == b"zTXt":
        packed = rest[1:]
    elif text.kind == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]
    return len(_inflated(packed, _MOST_TEXT + 1)) if packed else len(body)


def _large_profile(body: memoryview, name: str) -> bytes | None:
    """A profile that is longer than Pillow takes."""
    packed = bytes(body).partition(b"\0")[2][1:]
    if len(_inflated(packed, _MOST_TEXT + 1)) <= _MOST_TEXT:
        return None
    profile = _inflated(packed, _MOST_PROFILE + 1)
    if len(profile) > _MOST_PROFILE:
        raise corrupt(name, "png", f"an ICC profile of more than {_MOST_PROFILE} bytes")
    return profile


def _inflated(packed: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        return b""


def _are_whole(parts: list[memoryview]) -> bool:
    """Whether pixels are all there, by the end of their own that deflated data have."""
    engine, left = zlib.decompressobj(), _MOST_PIXELS
    try:
        for part in parts:
            piece: bytes | memoryview = part
            while len(piece) and not engine.eof and left > 0:
                left -= len(engine.decompress(piece, _PIECE))
                piece = engine.unconsumed_tail
    except zlib.error:
        return False
    return engine.eof


def _without(data: bytes, harmed: list[_Chunk], cut: _Chunk | None) -> bytes:
    """The file without its harmed chunks, and with an end where that is missing."""
    parts, at = [], 0
    for each in harmed:
        parts.append(data[at : each.at])
        at = each.end
    if cut is None:
        return b"".join([*parts, data[at:]])
    last = chunk(b"IDAT", bytes(cut.body)) if cut.kind == b"IDAT" else b""
    return b"".join([*parts, data[at : cut.at], last, chunk(b"IEND", b"")])
