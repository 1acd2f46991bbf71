"""Our own look at a file's structure, before any decoder sees it.

Pillow takes some truncated GIF, TIFF, AVIF and BMP files without a word, and OpenCV trusts whatever
a header says. These walks read lengths, offsets and checksums and no pixels, so they cost one pass
over the bytes and no memory, and they tell the size a decoder would allocate. TIFF and PPM have their own files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..errors import FileFormatError
from .signatures import WORDS

__all__ = [
    "PNG_SAMPLES",
    "Facts",
    "PngChunk",
    "corrupt",
    "inspect",
    "png_chunks",
    "png_header",
    "truncated",
    "word",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the structure says: the size a decoder would allocate, 0 where only the decoder can tell.

    `scans` is how often a JPEG goes over its pixels, `runs` how many bytes of run lengths a BMP holds, `held` how many
    bytes a JPEG's decoder holds beside the picture, `moving` whether a WebP is an animation.
    """

    width: int = 0
    height: int = 0
    frames: int | None = None
    depth: int = 8
    color_type: int = -1
    transparent: bool = False
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    scans: int = 1
    runs: int = 0
    held: int = 0
    moving: bool = False


PngChunk = tuple[bytes, memoryview]
_Walk = Callable[[bytes, str, bool], Facts]


def word(format: str) -> str:
    """How messages write a format."""
    return WORDS.get(format, format.upper())


def _four(kind: bytes) -> str:
    """The type of a chunk or box: four letters, unless somebody lies."""
    return kind.decode("ascii") if kind.isalnum() else f"0x{kind.hex()}"


def truncated(name: str, format: str, got: str) -> FileFormatError:
    """The error for a file that ends too early."""
    return FileFormatError(
        name,
        f"a whole {word(format)} file",
        got,
        "fetch the file again, or pass allow_truncated=True to read what is there",
        code="truncated",
        option="allow_truncated",
    )


def corrupt(name: str, format: str, got: str) -> FileFormatError:
    """The error for a file whose parts contradict each other."""
    return FileFormatError(name, f"a valid {word(format)} file", got, "fetch or export the file again", code="corrupt")


def inspect(data: bytes, format: str, name: str, *, lenient: bool = False) -> Facts:
    """Walk the structure of one file of a known format (TIFF and PPM have files of their own).

    With `lenient` a file may end anywhere behind its header, whose size is told all the same.

    Raises:
        FileFormatError: code "truncated" or "corrupt".
    """
    try:
        return _WALKS[format](data, name, lenient)
    except (struct.error, IndexError) as error:
        # Every read past the end lands here: the walks only follow lengths the file itself gives.
        raise truncated(name, format, f"{len(data)} bytes that end inside a header") from error


# PNG: W3C, "Portable Network Graphics Specification, Third Edition", sections 5, 8 and 11.2.

PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def png_chunks(data: bytes, name: str, *, lenient: bool = False) -> Iterator[PngChunk]:
    """The chunks up to IEND, their lengths and checksums verified; lenient stops where the file does."""
    at, view = 8, memoryview(data)
    # Pillow takes 3 microseconds for each; encoders write pixels in pieces of 8 kB or more.
    left = 10_000 + len(data) // 1000
    while True:
        left -= 1
        if left < 0:
            raise corrupt(name, "png", f"chunks of less than 1000 bytes all over its {len(data)}")
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
            raise truncated(name, "png", f"a {_four(kind)} chunk of {length} bytes that ends behind the file")
        (stored,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != stored:
            raise corrupt(name, "png", f"a wrong checksum in its {_four(kind)} chunk at byte {at}")
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


# What the chunks of colors say holds where they stand before the pixels.
_PNG_COLORS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_PNG_FACTS = (b"tRNS", b"eXIf", b"acTL", *_PNG_COLORS)


def _walk_png(data: bytes, name: str, lenient: bool) -> Facts:
    first: dict[bytes, bytes] = {}
    header: tuple[int, int, int, int, int] | None = None
    pixels = 0
    for kind, body in png_chunks(data, name, lenient=lenient):
        if header is None:
            if kind != b"IHDR":
                raise corrupt(name, "png", f"a first chunk {_four(kind)} where IHDR belongs")
            header = png_header(bytes(body), name)
        if kind == b"IDAT":
            pixels += len(body)
        elif kind in _PNG_FACTS and kind not in first and not (pixels and kind in _PNG_COLORS):
            first[kind] = bytes(body[:65536])
    if header is None:
        raise truncated(name, "png", f"{len(data)} bytes without an IHDR chunk")
    if not pixels and not lenient:
        raise corrupt(name, "png", "no IDAT chunk")
    width, height, depth, color_type, _ = header
    return Facts(width, height, None, depth, color_type, b"tRNS" in first or color_type in (4, 6), first)


# JPEG: ITU-T T.81, annex B. Up to the pixels only: Pillow does refuse a scan that ends early.

_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Huffman codes have a bit at least. A sequential block needs two, DC and end of block; a progressive one its DC.
_BITS_A_BLOCK = {0xC0: 2, 0xC1: 2, 0xC2: 1}
# Pillow handles each segment in Python, and adds up EXIF that comes in pieces.
_MOST_SEGMENTS, _MOST_METADATA = 4096, 1 << 25


def _walk_jpeg(data: bytes, name: str, lenient: bool) -> Facts:
    at, size, kind, components = 2, (0, 0), 0, 0
    segments = 0
    while True:
        segments += 1
        if segments > _MOST_SEGMENTS or at > _MOST_METADATA:
            raise corrupt(name, "jpeg", f"{segments} segments and {at} bytes without a picture")
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
            height, width, components = struct.unpack_from(">HHB", data, at + 5)
            size, kind = (width, height), marker
        if marker == 0xDA:
            break
        at += 2 + max(length, 2)
    # Eight rows of eight pixels: the least there is of the component with most samples.
    least = (size[0] // 8) * (size[1] // 8) * _BITS_A_BLOCK.get(kind, 0) // 8
    if len(data) - at < least and not lenient:
        raise truncated(
            name, "jpeg", f"{len(data) - at} bytes for {size[0]} x {size[1]} pixels, which take {least} at least"
        )
    # In a fifth of the time of data.count(b"\xff\xda", at), which is a twentieth of a small JPEG's.
    codes = np.frombuffer(data, np.uint8)[at:]
    markers = np.flatnonzero(codes[:-1] == 0xFF)
    scans = int(np.count_nonzero(codes[markers + 1] == 0xDA))
    # All coefficients are held, of two bytes each, where a scan does not bring complete blocks.
    held = 2 * min(components, 4) * size[0] * size[1] if scans > 1 or kind not in (0xC0, 0xC1) else 0
    # A second picture behind it, as phones and cameras put there, is no frame.
    return Facts(*size, 1, scans=scans, held=held)


# GIF: CompuServe, "Graphics Interchange Format, Version 89a".


def _walk_gif(data: bytes, name: str, lenient: bool) -> Facts:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    seen: list[Facts] = []
    try:
        seen.extend(_gif_pictures(data, 13 + _color_table(flags), (width, height), name))
    except (IndexError, struct.error):
        if not lenient or not seen:
            raise
    if not seen:
        raise corrupt(name, "gif", "no picture")
    return seen[-1]


def _gif_pictures(data: bytes, at: int, screen: tuple[int, int], name: str) -> Iterator[Facts]:
    """What is known of a GIF after each header of a picture."""
    (width, height), frames, transparent = screen, 0, False
    blocks, comments = 0, 0
    while True:
        kind = data[at]
        # Pillow goes through the pieces in Python, and joins those of comments one by one.
        if blocks > 100_000 + len(data) // 64 or comments > 1 << 18:
            raise corrupt(name, "gif", f"{blocks} pieces, {comments} bytes of comments, in {len(data)} bytes")
        if kind == 0x3B:
            return
        if kind == 0x21:
            if data[at + 1] == 0xF9:
                control = data[at + 3]
                # Disposal 2 leaves the frame's place empty, so the next one has holes.
                transparent |= bool(control & 1) or (control >> 2) & 7 == 2
            start, (at, count) = at, _gif_blocks(data, at + 2)
            blocks += count
            if data[start + 1] == 0xFE:
                # A comment of nothing costs a byte too, for there may be millions.
                comments += at - start
        elif kind == 0x2C:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            transparent |= frames == 0 and (left > 0 or top > 0 or left + wide < screen[0] or top + high < screen[1])
            # Pillow enlarges its canvas to frames that lie outside of the screen.
            width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
            yield Facts(width, height, frames, transparent=transparent)
            at, count = _gif_blocks(data, at + 11 + _color_table(flags))
            blocks += count
        elif kind == 0:
            at += 1
        else:
            raise corrupt(name, "gif", f"the byte 0x{kind:02x} where a block belongs, at {at}")


def _color_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(data: bytes, at: int) -> tuple[int, int]:
    """Where a chain of pieces ends, and how many they are."""
    count = 0
    while data[at]:
        at += 1 + data[at]
        count += 1
    return at + 1, count


# WebP: RFC 9649, section 2.


def _walk_webp(data: bytes, name: str, lenient: bool) -> Facts:
    (riff,) = struct.unpack_from("<I", data, 4)
    if riff + 8 > len(data) and not lenient:
        raise truncated(name, "webp", f"{len(data)} of {riff + 8} bytes")
    kind, size = struct.unpack_from("<4sI", data, 12)
    if 20 + size > riff + 8:
        raise corrupt(name, "webp", f"a {_four(kind)} chunk of {size} bytes in {riff + 8}")
    if kind == b"VP8X":
        flags, width, height = struct.unpack_from("<I3s3s", data, 20)
        return Facts(1 + _u24(width), 1 + _u24(height), moving=bool(flags & 2))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Facts(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Facts(width & 0x3FFF, height & 0x3FFF)
    raise corrupt(name, "webp", f"a first chunk {_four(kind)}")


def _u24(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


# AVIF and HEIC: ISO/IEC 14496-12, section 4.2.


def _walk_iso(format: str) -> _Walk:
    def walk(data: bytes, name: str, lenient: bool) -> Facts:
        at, kinds, left = 0, set(), 10_000
        while at < len(data):
            left -= 1
            if left < 0:
                raise corrupt(name, format, "more than 10000 boxes")
            size, kind = struct.unpack_from(">I4s", data, at)
            if size == 1:
                (size,) = struct.unpack_from(">Q", data, at + 8)
            elif size == 0:
                size = len(data) - at
            if size < 8:
                raise corrupt(name, format, f"a {_four(kind)} box of {size} bytes")
            if at + size > len(data):
                if lenient:
                    # Sizes stand inside of a box that only the decoder reads, before it takes memory.
                    return Facts()
                raise truncated(
                    name, format, f"a {_four(kind)} box that ends {at + size - len(data)} bytes behind the file"
                )
            kinds.add(kind)
            at += size
        if not lenient and (not kinds & {b"meta", b"moov"} or (b"mdat" not in kinds and b"idat" not in data)):
            raise truncated(name, format, f"no pixels in {len(data)} bytes")
        return Facts()

    return walk


# BMP: Microsoft, "Bitmap Storage" (wingdi.h, BITMAPFILEHEADER and BITMAPINFOHEADER).


def _walk_bmp(data: bytes, name: str, lenient: bool) -> Facts:
    offset, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression, stored = 0, 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, 18)
    width, height = abs(width), abs(height)
    if not width or not height:
        raise corrupt(name, "bmp", f"a size of {width} x {height}")
    need = stored
    if compression in (0, 3, 6):
        # Rows are padded to four bytes; writers that leave the last padding out are forgiven.
        need = (width * bits + 31) // 32 * 4 * (height - 1) + (width * bits + 7) // 8
    if offset + need > len(data) and not lenient:
        raise truncated(name, "bmp", f"{max(len(data) - offset, 0)} of {need} bytes of pixels")
    return Facts(width, height, runs=max(len(data) - offset, 0) if compression in (1, 2) else 0)


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
            inner = _walk_png(data[offset : offset + size], name, lenient)
            width, height = max(width, inner.width), max(height, inner.height)
        else:
            wide, high = struct.unpack_from("<ii", data, offset + 4)
            # A DIB in an icon counts its mask as a second picture below the first.
            width, height = max(width, abs(wide)), max(height, abs(high) // 2)
    return Facts(width, height)


_WALKS: dict[str, _Walk] = {
    "png": _walk_png,
    "jpeg": _walk_jpeg,
    "gif": _walk_gif,
    "webp": _walk_webp,
    "avif": _walk_iso("avif"),
    "heic": _walk_iso("heic"),
    "bmp": _walk_bmp,
    "ico": _walk_ico,
}
