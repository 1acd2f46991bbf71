"""Many pictures in one file: the containers of PNG, GIF, WebP and TIFF around pictures that are files of their own.

Source: W3C, "Portable Network Graphics Specification, Third Edition", section 11.3.6; CompuServe, "Graphics Interchange
Format, Version 89a"; RFC 9649, section 2.7; Adobe, "TIFF Revision 6.0", section 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from ..errors import InputValueError
from .gif import picture_of
from .high_depth import chunk
from .metadata import Metadata
from .png import png_chunks

__all__ = ["Placed", "join_gif", "join_png", "join_tiff", "join_webp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One picture on the canvas.

    Attributes:
        file: a whole file of it.
        left: where it lies, in pixels.
        top: the same, from above.
        width: of the picture.
        height: of the picture.
        duration: in milliseconds.
        clear: whether its place is emptied before the next picture comes.
    """

    file: bytes
    left: int
    top: int
    width: int
    height: int
    duration: float
    clear: bool = False


# ---------------------------------------------------------------- PNG

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def join_png(size: tuple[int, int], placed: list[Placed], loop: int) -> bytes:
    """An animated PNG of a canvas (width, height); each picture replaces what lies below it."""
    kind = placed[0].file[24:29]
    head = struct.pack(">II", *size) + kind
    parts = [_SIGNATURE, chunk(b"IHDR", head), chunk(b"acTL", struct.pack(">II", len(placed), loop))]
    number = 0
    for index, each in enumerate(placed):
        if each.file[24:29] != kind:
            raise InputValueError(
                "image", "frames of one depth for PNG", f"another one in frame {index}", "convert them to one dtype"
            )
        delay = Fraction(each.duration / 1000).limit_denominator(_denominator(each.duration))
        place = (each.width, each.height, each.left, each.top, delay.numerator, delay.denominator)
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *place, 0, 0)))
        number += 1
        for name, body in png_chunks(each.file, "image"):
            if name != b"IDAT":
                continue
            if index == 0:
                parts.append(chunk(b"IDAT", bytes(body)))
                continue
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + body))
            number += 1
    return b"".join([*parts, chunk(b"IEND", b"")])


def _denominator(duration: float) -> int:
    """The largest denominator with which a numerator of 16 bits reaches so many milliseconds."""
    return max(1, min(65535, int(65535 * 1000 / duration))) if duration else 1


# ---------------------------------------------------------------- GIF


def join_gif(size: tuple[int, int], placed: list[Placed], loop: int | None, comment: bytes) -> bytes:
    """An animated GIF of a screen (width, height), each picture with a palette of its own.

    It counts in hundredths of a second: what rounding takes from one picture is given to the next.
    """
    parts = [b"GIF89a", struct.pack("<HHBBB", *size, 0x70, 0, 0)]
    if loop is not None:
        parts.append(b"!\xff\x0bNETSCAPE2.0\3\1" + struct.pack("<H", loop) + b"\0")
    if comment:
        pieces = [comment[at : at + 255] for at in range(0, len(comment), 255)]
        parts.append(b"!\xfe" + b"".join(bytes([len(each)]) + each for each in pieces) + b"\0")
    owed = 0.0
    for each in placed:
        owed += each.duration / 10
        delay = max(0, round(owed))
        owed -= delay
        picture = picture_of(each.file)
        flags = (2 if each.clear else 1) << 2 | (picture.transparent is not None)
        parts.append(b"!\xf9\4" + struct.pack("<BHBB", flags, delay, picture.transparent or 0, 0))
        flags = 0x80 | (len(picture.table) // 3).bit_length() - 2 | picture.interlaced
        parts.append(b"," + struct.pack("<HHHHB", each.left, each.top, each.width, each.height, flags))
        parts += [picture.table, picture.pixels]
    return b"".join([*parts, b";"])


# ---------------------------------------------------------------- WebP

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def join_webp(size: tuple[int, int], placed: list[Placed], loop: int, metadata: Metadata) -> bytes:
    """An animated WebP of a canvas (width, height); each picture replaces what lies below it, at even places."""
    frames, alpha = [], False
    for each in placed:
        pixels = [(name, body) for name, body in _webp_chunks(each.file) if name in (b"ALPH", b"VP8 ", b"VP8L")]
        # The bit behind the sides of lossless pictures says whether they have alpha (section 3.4).
        alpha |= any(name == b"ALPH" or (name == b"VP8L" and body[4] & 0x10) for name, body in pixels)
        place = (each.left // 2, each.top // 2, each.width - 1, each.height - 1, round(each.duration))
        head = b"".join(value.to_bytes(3, "little") for value in place)
        # Bit 1: not blended, but put in place of what is there.
        frames.append(_chunk(b"ANMF", head + b"\2" + b"".join(_chunk(name, body) for name, body in pixels)))
    flags = _ANIMATION | _ALPHA * alpha | _ICC * bool(metadata.icc_profile)
    flags |= _EXIF * bool(metadata.exif) | _XMP * bool(metadata.xmp)
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    parts = [b"WEBP", _chunk(b"VP8X", struct.pack("<I", flags) + sides)]
    if metadata.icc_profile:
        parts.append(_chunk(b"ICCP", metadata.icc_profile))
    parts += [_chunk(b"ANIM", struct.pack("<IH", 0, loop)), *frames]
    parts += [_chunk(name, body) for name, body in ((b"EXIF", metadata.exif), (b"XMP ", metadata.xmp)) if body]
    body = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found.append((name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


# ---------------------------------------------------------------- TIFF

# Bytes of the types of fields that are written here.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
# Tags whose values are places in the file: strips, tiles, and directories of EXIF and GPS and the one inside of EXIF.
_BLOCKS, _DIRECTORIES = (273, 324), (0x8769, 0x8825, 0xA005)


def join_tiff(files: list[bytes]) -> bytes:
    """A TIFF of several pages from little-endian ones of one page each, which keep all they say."""
    body = bytearray(files[0])
    link = _move(body, 0, *struct.unpack_from("<I", body, 4))
    for data in files[1:]:
        body += b"\0" * (len(body) % 2)
        base = len(body)
        body += data
        (first,) = struct.unpack_from("<I", data, 4)
        if len(body) > 0xFFFFFFFF:
            raise InputValueError("image", "pages of 4 GB for TIFF", f"{len(body)} bytes so far", "write several files")
        struct.pack_into("<I", body, link, base + first)
        link = _move(body, base, first)
    return bytes(body)


def _move(body: bytearray, base: int, at: int) -> int:
    """Move all places of a directory of a file that begins at `base` now; gives where the next one's place stands."""
    at += base
    (count,) = struct.unpack_from("<H", body, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from("<HHI", body, entry)
        size, values = _SIZES[kind] * number, entry + 8
        if size > 4:
            values = struct.unpack_from("<I", body, entry + 8)[0] + base
            struct.pack_into("<I", body, entry + 8, values)
        if tag in _BLOCKS:
            code = f"<{number}{'H' if kind == 3 else 'I'}"
            struct.pack_into(code, body, values, *(place + base for place in struct.unpack_from(code, body, values)))
        elif tag in _DIRECTORIES:
            (below,) = struct.unpack_from("<I", body, values)
            struct.pack_into("<I", body, values, below + base)
            _move(body, base, below)
    return at + 2 + 12 * int(count)
