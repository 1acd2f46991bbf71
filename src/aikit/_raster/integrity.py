"""Our own look at a file's structure, before any decoder sees it.

Pillow takes some truncated GIF, TIFF, AVIF and BMP files without a word, and OpenCV trusts whatever
a header says. These walks read lengths, offsets and checksums and no pixels, so they cost one pass
over the bytes and no memory, and they tell the size a decoder would allocate. TIFF has its own file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..errors import FileFormatError
from .signatures import WORDS

__all__ = [
    "Facts",
    "PngChunk",
    "corrupt",
    "inspect",
    "png_check_filters",
    "png_chunks",
    "png_data_size",
    "png_facts",
    "png_header",
    "png_inflated",
    "ppm_header",
    "truncated",
    "word",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the structure says: the size a decoder would allocate, 0 where only the decoder can tell."""

    width: int = 0
    height: int = 0
    frames: int | None = None
    depth: int = 8
    color_type: int = -1
    transparent: bool = False
    chunks: dict[bytes, bytes] = field(default_factory=dict)


PngChunk = tuple[bytes, memoryview]


def word(format: str) -> str:
    """How messages write a format."""
    return WORDS.get(format, format.upper())


def truncated(name: str, format: str, got: str) -> FileFormatError:
    """The error for a file that ends too early."""
    return FileFormatError(
        f"{name}: expected a whole {word(format)} file, got {got}; "
        "fetch the file again, or pass allow_truncated=True to read what is there.",
        code="truncated",
    )


def corrupt(name: str, format: str, got: str) -> FileFormatError:
    """The error for a file whose parts contradict each other."""
    return FileFormatError(
        f"{name}: expected a valid {word(format)} file, got {got}; fetch or export the file again.", code="corrupt"
    )


def inspect(data: bytes, format: str, name: str) -> Facts:
    """Walk the structure of one file of a known format (TIFF: see tiff.py).

    Raises:
        FileFormatError: code "truncated" or "corrupt".
    """
    try:
        return _WALKS[format](data, name)
    except (struct.error, IndexError) as error:
        # Every read past the end lands here: the walks only follow lengths the file itself gives.
        raise truncated(name, format, f"{len(data)} bytes that end inside a header") from error


# PNG: W3C, "Portable Network Graphics Specification, Third Edition", sections 5, 8 and 11.2.

_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: x start, y start, x step, y step of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunks(data: bytes, name: str, *, lenient: bool = False) -> Iterator[PngChunk]:
    """The chunks up to IEND, their lengths and checksums verified; lenient stops where the file does."""
    at, view = 8, memoryview(data)
    while True:
        if at + 12 > len(data):
            if lenient:
                return
            raise truncated(name, "png", f"{len(data)} bytes without an IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            if lenient:
                yield kind, view[at + 8 :]
                return
            raise truncated(name, "png", f"a {kind!r} chunk of {length} bytes that ends behind the file")
        (stored,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != stored:
            raise corrupt(name, "png", f"a wrong checksum in its {kind!r} chunk at byte {at}")
        yield kind, view[at + 8 : end - 4]
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


def _walk_png(data: bytes, name: str, lenient: bool = False) -> Facts:
    first: dict[bytes, bytes] = {}
    header: tuple[int, int, int, int, int] | None = None
    pixels = 0
    for kind, body in png_chunks(data, name, lenient=lenient):
        if header is None:
            if kind != b"IHDR":
                raise corrupt(name, "png", f"a first chunk {kind!r} where IHDR belongs")
            header = png_header(bytes(body), name)
        if kind == b"IDAT":
            pixels += len(body)
        elif kind in (b"tRNS", b"eXIf", b"acTL") and kind not in first:
            first[kind] = bytes(body[:65536])
    if header is None:
        raise truncated(name, "png", f"{len(data)} bytes without an IHDR chunk")
    if not pixels and not lenient:
        raise corrupt(name, "png", "no IDAT chunk")
    width, height, depth, color_type, _ = header
    return Facts(width, height, None, depth, color_type, b"tRNS" in first or color_type in (4, 6), first)


def png_facts(data: bytes, name: str) -> Facts:
    """What can be told of a PNG that may be cut off."""
    return _walk_png(data, name, lenient=True)


def _png_passes(header: tuple[int, int, int, int, int]) -> Iterator[tuple[int, int]]:
    """Rows and bytes a row, filter byte included, of each pass."""
    width, height, depth, color_type, interlace = header
    bits = depth * _PNG_SAMPLES[color_type]
    for x, y, step_x, step_y in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -((x - width) // step_x), -((y - height) // step_y)
        if columns > 0 and rows > 0:
            yield rows, 1 + (columns * bits + 7) // 8


def png_data_size(header: tuple[int, int, int, int, int]) -> int:
    """Bytes of pixels, filter bytes included, behind an IHDR with these values."""
    return sum(rows * row_bytes for rows, row_bytes in _png_passes(header))


def png_check_filters(inflated: bytes, header: tuple[int, int, int, int, int], name: str) -> None:
    """Every row begins with one of the five filters; libpng would complain on the process's stderr."""
    at = 0
    for rows, row_bytes in _png_passes(header):
        worst = max(inflated[at : at + rows * row_bytes : row_bytes])
        if worst > 4:
            raise corrupt(name, "png", f"the filter {worst} in a row of pixels")
        at += rows * row_bytes


def png_inflated(parts: list[memoryview], expected: int, name: str, *, lenient: bool = False) -> bytes:
    """The filtered pixels of a PNG, exactly `expected` bytes; never inflates more than that.

    With `lenient`, what is missing comes as zeros: rows without a filter, all black.
    """
    engine, out = zlib.decompressobj(), bytearray()
    try:
        for part in parts:
            rest: bytes | memoryview = part
            while len(rest) and not engine.eof and len(out) <= expected:
                out += engine.decompress(rest, expected + 1 - len(out))
                rest = engine.unconsumed_tail
    except zlib.error as error:
        if not lenient:
            raise corrupt(name, "png", f"pixel data that does not inflate ({error})") from error
    if len(out) > expected:
        raise corrupt(name, "png", f"more than the {expected} bytes of pixels its size calls for")
    if lenient:
        return bytes(out.ljust(expected, b"\0"))
    if len(out) < expected or not engine.eof:
        raise truncated(name, "png", f"{len(out)} of {expected} bytes of pixels")
    return bytes(out)


# JPEG: ITU-T T.81, annex B. Up to the pixels only: Pillow does refuse a scan that ends early.

_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def _walk_jpeg(data: bytes, name: str) -> Facts:
    at, size = 2, (0, 0)
    while True:
        if data[at] != 0xFF:
            raise corrupt(name, "jpeg", f"the byte 0x{data[at]:02x} where a marker belongs, at {at}")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _NO_LENGTH:
            at += 2
            continue
        if marker == 0xD9:
            raise corrupt(name, "jpeg", "an end marker before any pixels")
        (length,) = struct.unpack_from(">H", data, at + 2)
        if at + 2 + length > len(data):
            raise truncated(name, "jpeg", f"{len(data)} bytes that end inside a header")
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        if marker == 0xDA:
            break
        at += 2 + max(length, 2)
    return Facts(*size)


# GIF: CompuServe, "Graphics Interchange Format, Version 89a".


def _walk_gif(data: bytes, name: str) -> Facts:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    screen = (width, height)
    at = 13 + _color_table(flags)
    frames, transparent = 0, False
    while True:
        kind = data[at]
        if kind == 0x3B:
            break
        if kind == 0x21:
            if data[at + 1] == 0xF9:
                control = data[at + 3]
                # Disposal 2 leaves the frame's place empty, so the next one has holes.
                transparent |= bool(control & 1) or (control >> 2) & 7 == 2
            at = _gif_blocks(data, at + 2)
        elif kind == 0x2C:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            transparent |= frames == 0 and (left > 0 or top > 0 or left + wide < screen[0] or top + high < screen[1])
            # Pillow enlarges its canvas to frames that lie outside of the screen.
            width, height = max(width, left + wide), max(height, top + high)
            at = _gif_blocks(data, at + 11 + _color_table(flags))
            frames += 1
        elif kind == 0:
            at += 1
        else:
            raise corrupt(name, "gif", f"the byte 0x{kind:02x} where a block belongs, at {at}")
    if not frames:
        raise corrupt(name, "gif", "no picture")
    return Facts(width, height, frames, transparent=transparent)


def _color_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


# WebP: RFC 9649, section 2.


def _walk_webp(data: bytes, name: str) -> Facts:
    (riff,) = struct.unpack_from("<I", data, 4)
    if riff + 8 > len(data):
        raise truncated(name, "webp", f"{len(data)} of {riff + 8} bytes")
    kind, size = struct.unpack_from("<4sI", data, 12)
    if 20 + size > riff + 8:
        raise corrupt(name, "webp", f"a {kind!r} chunk of {size} bytes in {riff + 8}")
    if kind == b"VP8X":
        return Facts(1 + _u24(data, 24), 1 + _u24(data, 27))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Facts(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Facts(width & 0x3FFF, height & 0x3FFF)
    raise corrupt(name, "webp", f"a first chunk {kind!r}")


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


# AVIF and HEIC: ISO/IEC 14496-12, section 4.2.


def _walk_iso(format: str) -> Callable[[bytes, str], Facts]:
    def walk(data: bytes, name: str) -> Facts:
        at, kinds = 0, set()
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            if size == 1:
                (size,) = struct.unpack_from(">Q", data, at + 8)
            elif size == 0:
                size = len(data) - at
            if size < 8:
                raise corrupt(name, format, f"a {kind!r} box of {size} bytes")
            if at + size > len(data):
                raise truncated(name, format, f"a {kind!r} box that ends {at + size - len(data)} bytes behind the file")
            kinds.add(kind)
            at += size
        if not kinds & {b"meta", b"moov"} or (b"mdat" not in kinds and b"idat" not in data):
            raise truncated(name, format, f"no pixels in {len(data)} bytes")
        return Facts()

    return walk


# BMP: Microsoft, "Bitmap Storage" (wingdi.h, BITMAPFILEHEADER and BITMAPINFOHEADER).


def _walk_bmp(data: bytes, name: str) -> Facts:
    offset, header = struct.unpack_from("<II", data, 10)
    return _dib(data, 14, offset, name, "bmp", core=header == 12)


def _dib(data: bytes, at: int, offset: int, name: str, format: str, *, core: bool = False) -> Facts:
    if core:
        width, height, _, bits = struct.unpack_from("<HHHH", data, at + 4)
        compression, stored = 0, 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, at + 4)
    width, height = abs(width), abs(height)
    if not width or not height:
        raise corrupt(name, format, f"a size of {width} x {height}")
    need = stored
    if compression in (0, 3, 6):
        # Rows are padded to four bytes; writers that leave the last padding out are forgiven.
        need = (width * bits + 31) // 32 * 4 * (height - 1) + (width * bits + 7) // 8
    if offset + need > len(data):
        raise truncated(name, format, f"{max(len(data) - offset, 0)} of {need} bytes of pixels")
    return Facts(width, height)


def _walk_ico(data: bytes, name: str) -> Facts:
    """The largest picture inside: a PNG may be larger than its directory entry says."""
    (count,) = struct.unpack_from("<H", data, 4)
    width = height = 0
    for index in range(count):
        size, offset = struct.unpack_from("<II", data, 6 + 16 * index + 8)
        if offset + size > len(data):
            raise truncated(
                name, "ico", f"picture {index} of {count} that ends {offset + size - len(data)} bytes behind the file"
            )
        if data[offset : offset + 4] == b"\x89PNG":
            inner = _walk_png(data[offset : offset + size], name)
            width, height = max(width, inner.width), max(height, inner.height)
        else:
            wide, high = struct.unpack_from("<ii", data, offset + 4)
            # A DIB in an icon counts its mask as a second picture below the first.
            width, height = max(width, abs(wide)), max(height, abs(high) // 2)
    return Facts(width, height)


# PBM, PGM, PPM: netpbm's format descriptions, pbm(5), pgm(5), ppm(5).


def ppm_header(data: bytes, name: str) -> tuple[int, int, int, int]:
    """Width, height, maximum value (1 for bitmaps) and where the pixels begin."""
    at = 2
    values: list[int] = []
    while len(values) < (2 if data[1:2] in b"14" else 3):
        while data[at] in b" \t\r\n\v\f#":
            at = data.index(b"\n", at) + 1 if data[at] == 0x23 else at + 1
        start = at
        while data[at] in b"0123456789":
            at += 1
        if start == at or at - start > 10:
            raise corrupt(name, "ppm", f"{data[start : start + 8]!r} where a number belongs")
        values.append(int(data[start:at]))
    width, height, top = (*values, 1)[:3]
    if not width or not height or not 0 < top < 65536:
        raise corrupt(name, "ppm", f"a size of {width} x {height} and a maximum of {top}")
    return width, height, top, at + 1


def _walk_ppm(data: bytes, name: str) -> Facts:
    try:
        width, height, top, at = ppm_header(data, name)
    except ValueError as error:
        if isinstance(error, FileFormatError):
            raise
        raise truncated(name, "ppm", "a comment that does not end") from error
    need = {b"4": (width + 7) // 8 * height, b"5": width * height, b"6": width * height * 3}.get(data[1:2], 0)
    need *= 2 if top > 255 else 1
    if at + need > len(data):
        raise truncated(name, "ppm", f"{len(data) - at} of {need} bytes of pixels")
    if data[1:2] in b"23" and _fewer_words(data, at, width * height * (3 if data[1:2] == b"3" else 1)):
        raise truncated(name, "ppm", "fewer numbers than pixels")
    return Facts(width, height, depth=16 if top > 255 else 8, color_type=int(data[1:2]))


def _fewer_words(data: bytes, at: int, need: int) -> bool:
    # A number takes two bytes at least, so a lying size is told before anything is split.
    return 2 * need - 1 > len(data) - at or len(data[at:].split(None, need)) < need


_WALKS: dict[str, Callable[[bytes, str], Facts]] = {
    "png": _walk_png,
    "jpeg": _walk_jpeg,
    "gif": _walk_gif,
    "webp": _walk_webp,
    "avif": _walk_iso("avif"),
    "heic": _walk_iso("heic"),
    "bmp": _walk_bmp,
    "ico": _walk_ico,
    "ppm": _walk_ppm,
}
