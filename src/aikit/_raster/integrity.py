"""Our own look at a file's structure, before any decoder sees it.

Pillow takes some truncated GIF, TIFF, AVIF and BMP files without a word, and OpenCV trusts whatever
a header says. These walks read lengths, offsets and checksums and no pixels, so they cost one pass
over the bytes and no memory, and they tell the size a decoder would allocate. TIFF and PPM have their own files.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ..errors import FileFormatError, printable
from .animation import Animation
from .signatures import WORDS

__all__ = [
    "Facts",
    "Walk",
    "corrupt",
    "four",
    "tell_damage",
    "truncated",
    "walk_bmp",
    "walk_iso",
    "walk_jpeg",
    "walk_webp",
    "word",
]

_log = logging.getLogger("aikit.raster")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the structure says: the size a decoder would allocate, 0 where only the decoder can tell.

    `scans` is how often a JPEG goes over its pixels, `runs` how many bytes of run lengths a BMP holds, `held` how many
    bytes a JPEG's decoder holds beside the picture, `moving` whether a WebP is an animation, `animation` what we compose
    ourselves. `damage` is what may be forgiven, `mended` the file without what a decoder would not forgive, and `profile`
    an ICC profile that Pillow does not take.
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
    animation: Animation | None = None
    profile: bytes | None = None
    mended: bytes | None = None
    damage: tuple[str, ...] = ()


Walk = Callable[[bytes, str, bool], Facts]


def word(format: str) -> str:
    """How messages write a format."""
    return WORDS.get(format, format.upper())


def four(kind: bytes) -> str:
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


def tell_damage(name: str, format: str, damage: Iterable[str]) -> None:
    """Say in the log what was forgiven."""
    for what in damage:
        _log.warning("%s: read in spite of %s in the %s file", printable(name), what, word(format))


def corrupt(name: str, format: str, got: str) -> FileFormatError:
    """The error for a file whose parts contradict each other."""
    return FileFormatError(name, f"a valid {word(format)} file", got, "fetch or export the file again", code="corrupt")


# JPEG: ITU-T T.81, annex B. Up to the pixels only: Pillow does refuse a scan that ends early.

_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Huffman codes have a bit at least. A sequential block needs two, DC and end of block; a progressive one its DC.
_BITS_A_BLOCK = {0xC0: 2, 0xC1: 2, 0xC2: 1}
# Pillow handles each segment in Python, and adds up EXIF that comes in pieces.
_MOST_SEGMENTS, _MOST_METADATA, _MOST_JUNK = 4096, 1 << 25, 1 << 16


def walk_jpeg(data: bytes, name: str, lenient: bool) -> Facts:
    at, size, kind, components = 2, (0, 0), 0, 0
    segments = junk = 0
    while True:
        segments += 1
        if segments > _MOST_SEGMENTS or at > _MOST_METADATA:
            raise corrupt(name, "jpeg", f"{segments} segments and {at} bytes without a picture")
        if data[at] != 0xFF or data[at + 1] == 0:
            # Decoders look for the next marker; what is long is no slip, and Pillow takes it byte by byte.
            following = _next_marker(data, at)
            junk += following - at
            if junk > _MOST_JUNK or following == len(data):
                raise corrupt(name, "jpeg", f"the byte 0x{data[at]:02x} where a marker belongs, at {at}")
            at = following
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
    damage = (f"{junk} bytes between segments",) if junk else ()
    return Facts(*size, 1, scans=scans, held=held, damage=damage)


def _next_marker(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0:
        if data[at + 1 : at + 2] not in (b"", b"\0"):
            return at
        at += 1
    return len(data)


# WebP: RFC 9649, section 2.


def walk_webp(data: bytes, name: str, lenient: bool) -> Facts:
    (riff,) = struct.unpack_from("<I", data, 4)
    if riff + 8 > len(data) and not lenient:
        raise truncated(name, "webp", f"{len(data)} of {riff + 8} bytes")
    kind, size = struct.unpack_from("<4sI", data, 12)
    if 20 + size > riff + 8:
        raise corrupt(name, "webp", f"a {four(kind)} chunk of {size} bytes in {riff + 8}")
    if kind == b"VP8X":
        flags, width, height = struct.unpack_from("<I3s3s", data, 20)
        return Facts(1 + _u24(width), 1 + _u24(height), moving=bool(flags & 2))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Facts(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Facts(width & 0x3FFF, height & 0x3FFF)
    raise corrupt(name, "webp", f"a first chunk {four(kind)}")


def _u24(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


# AVIF and HEIC: ISO/IEC 14496-12, section 4.2.


def walk_iso(format: str) -> Walk:
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
                raise corrupt(name, format, f"a {four(kind)} box of {size} bytes")
            if at + size > len(data):
                if lenient:
                    # Sizes stand inside of a box that only the decoder reads, before it takes memory.
                    return Facts()
                raise truncated(
                    name, format, f"a {four(kind)} box that ends {at + size - len(data)} bytes behind the file"
                )
            kinds.add(kind)
            at += size
        if not lenient and (not kinds & {b"meta", b"moov"} or (b"mdat" not in kinds and b"idat" not in data)):
            raise truncated(name, format, f"no pixels in {len(data)} bytes")
        return Facts()

    return walk


# BMP: Microsoft, "Bitmap Storage" (wingdi.h, BITMAPFILEHEADER and BITMAPINFOHEADER).


def walk_bmp(data: bytes, name: str, lenient: bool) -> Facts:
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
