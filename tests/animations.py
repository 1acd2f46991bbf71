"""Animated GIF and PNG, written by hand, and what they come to, pixel by pixel as the specifications say it."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np


@dataclass
class Picture:
    """One picture of an animation.

    `pixels` are indices for GIF and samples (H, W, C) for PNG, `dispose` the number in the file.
    """

    pixels: np.ndarray
    left: int = 0
    top: int = 0
    dispose: int = 0
    blend: int = 0
    delay: int = 10
    unit: int = 100
    transparent: int | None = None
    palette: np.ndarray | None = None
    interlaced: bool = False
    control: bool = True


# GIF


def gif(screen, palette, pictures, *, loop=None, version=b"GIF89a", tail=b";"):
    """A GIF of a screen (width, height), with a global palette (N, 3) or None."""
    out = [version, struct.pack("<HHBBB", *screen, _flags(palette), 0, 0), _table(palette)]
    if loop is not None:
        out.append(b"!\xff\x0bNETSCAPE2.0\3\1" + struct.pack("<H", loop) + b"\0")
    for each in pictures:
        high, wide = each.pixels.shape
        if each.control:
            flags = each.dispose << 2 | (each.transparent is not None)
            out.append(b"!\xf9\4" + struct.pack("<BHBB", flags, each.delay, each.transparent or 0, 0))
        flags = _flags(each.palette) & 0x87 | (0x40 if each.interlaced else 0)
        out.append(b"," + struct.pack("<HHHHB", each.left, each.top, wide, high, flags) + _table(each.palette))
        order = [*range(0, high, 8), *range(4, high, 8), *range(2, high, 4), *range(1, high, 2)]
        rows = each.pixels[order] if each.interlaced else each.pixels
        out.append(b"\x08" + _pieces(_uncompressed(rows.ravel())))
    return b"".join([*out, tail])


def _flags(palette):
    return 0 if palette is None else 0xF0 | (len(palette) - 1).bit_length() - 1


def _table(palette):
    return b"" if palette is None else np.asarray(palette, np.uint8).tobytes()


def _uncompressed(indices):
    """LZW of 9 bits whose table never grows: it is cleared in time."""
    bits = count = 0
    for number, index in enumerate(indices.tolist()):
        for code in ([256] if number % 200 == 0 else []) + [index]:
            bits |= code << count
            count += 9
    bits |= 257 << count
    return bits.to_bytes((count + 9 + 7) // 8, "little")


def _pieces(data):
    return b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255)) + b"\0"


def composed_gif(screen, palette, pictures):
    """Every frame as RGBA, from section 23 of the specification, on a transparent screen."""
    first = pictures[0]
    width, height = (
        max(screen[0], first.left + first.pixels.shape[1]),
        max(screen[1], first.top + first.pixels.shape[0]),
    )
    canvas = [[(0, 0, 0, 0)] * width for _ in range(height)]
    for each in pictures:
        before = [list(row) for row in canvas]
        colors = palette if each.palette is None else each.palette
        places = []
        for row, column in np.ndindex(each.pixels.shape):
            y, x = row + each.top, column + each.left
            if y >= height or x >= width:
                continue
            places.append((y, x))
            index = int(each.pixels[row, column])
            if not each.control or index != each.transparent:
                canvas[y][x] = (*(int(c) for c in colors[index]), 255)
        yield np.array(canvas, np.uint8)
        dispose = each.dispose if each.control else 0
        for y, x in places:
            if dispose == 2:
                canvas[y][x] = (0, 0, 0, 0)
            elif dispose in (3, 4):  # 4 as browsers have it
                canvas[y][x] = before[y][x]


# PNG


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def apng(size, color_type, pictures, *, depth=8, default=None, loop=0, extra=b"", declared=None, end=True):
    """An animated PNG of a size (width, height); `default` is a picture that is no frame."""
    out = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, color_type, 0, 0, 0)), extra]
    out.append(chunk(b"acTL", struct.pack(">II", len(pictures) if declared is None else declared, loop)))
    if default is not None:
        out.append(chunk(b"IDAT", _deflated(default, depth)))
    number = 0
    for index, each in enumerate(pictures):
        high, wide = each.pixels.shape[:2]
        control = (wide, high, each.left, each.top, each.delay, each.unit, each.dispose, each.blend)
        out.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *control)))
        number += 1
        data = _deflated(each.pixels, depth)
        if index == 0 and default is None:
            out.append(chunk(b"IDAT", data))
            continue
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            out.append(chunk(b"fdAT", struct.pack(">I", number) + part))
            number += 1
    return b"".join([*out, chunk(b"IEND", b"") if end else b""])


def _deflated(pixels, depth):
    rows = np.asarray(pixels).astype(">u2" if depth == 16 else "u1")
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))


def composed_apng(size, pictures):
    """Every frame as RGBA in floats, from section 11.3.6 of the specification; pixels are RGBA of 8 bits."""
    canvas = np.zeros((size[1], size[0], 4))
    for number, each in enumerate(pictures):
        high, wide = each.pixels.shape[:2]
        place = canvas[each.top : each.top + high, each.left : each.left + wide]
        before = place.copy()
        for row, column in np.ndindex(high, wide):
            new, old = each.pixels[row, column].astype(float), place[row, column].copy()
            if each.blend == 0:
                place[row, column] = new
                continue
            top, below = new[3] / 255, old[3] / 255
            alpha = top + below * (1 - top)
            color = (new[:3] * top + old[:3] * below * (1 - top)) / alpha if alpha else np.zeros(3)
            place[row, column] = (*color, alpha * 255)
        yield canvas.copy()
        if each.dispose == 1 or (each.dispose == 2 and number == 0):
            place[:] = 0
        elif each.dispose == 2:
            place[:] = before
