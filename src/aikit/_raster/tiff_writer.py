"""TIFF of samples that Pillow has no mode for, and OpenCV no words: any type, any number of them.

Source: Adobe, "TIFF Revision 6.0" (1992), sections 2, 14 and 19.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from ..errors import InputValueError
from .high_depth import Samples

__all__ = ["tiff_of"]

_STRIP = 1 << 18
_FORMATS = {"b": 1, "u": 1, "i": 2, "f": 3}
# Whole numbers whose differences every reader adds up again.
_DIFFERENCES = (1, 2, 4)


def tiff_of(pixels: Samples, *, photometric: int, extra: tuple[int, ...]) -> bytes:
    """A little-endian TIFF of deflated strips of (H, W, C).

    Args:
        pixels: whole numbers or floats of 8 to 64 bits.
        photometric: 1 for gray, 2 for RGB.
        extra: what samples beyond the colors are: 0 for data, 2 for straight alpha.
    """
    height, width, channels = pixels.shape
    rows = max(1, min(height, _STRIP // (width * channels * pixels.itemsize)))
    integers = pixels.dtype.kind in "ui" and pixels.itemsize in _DIFFERENCES
    strips = []
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        if integers:
            # Predictor 2: differences along the row, TIFF 6.0 section 14.
            strip = np.diff(strip, axis=1, prepend=np.zeros_like(strip[:, :1]))
        strips.append(zlib.compress(strip.astype(strip.dtype.newbyteorder("<")).tobytes(), 6))
    # Values that do not fit into an entry lie behind the header, the strips behind them.
    tags: list[tuple[int, int, tuple[int, ...]]] = [
        (256, 4, (width,)),
        (257, 4, (height,)),
        (258, 3, (pixels.itemsize * 8,) * channels),
        (259, 3, (8,)),
        (262, 3, (photometric,)),
        (273, 4, (0,) * len(strips)),
        (277, 3, (channels,)),
        (278, 4, (rows,)),
        (279, 4, tuple(len(strip) for strip in strips)),
        (317, 3, (2 if integers else 1,)),
        *([(338, 3, extra)] if extra else []),
        (339, 3, (_FORMATS[pixels.dtype.kind],) * channels),
    ]
    return _tiff_file(tags, strips)


def _tiff_file(tags: list[tuple[int, int, tuple[int, ...]]], strips: list[bytes]) -> bytes:
    directory = 8
    values_at = directory + 2 + 12 * len(tags) + 4
    sizes = [len(values) * (2 if kind == 3 else 4) for _, kind, values in tags]
    strips_at = values_at + sum(size + size % 2 for size in sizes if size > 4)
    offsets, at = [], strips_at
    for strip in strips:
        offsets.append(at)
        at += len(strip)
    if at > 0xFFFFFFFF:
        raise InputValueError("image", "at most 4 GB for TIFF", f"{at} bytes", "write several files")
    entries, values_block = b"", b""
    for (tag, kind, values), size in zip(tags, sizes, strict=True):
        raw = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *(offsets if tag == 273 else values))
        if size > 4:
            place = struct.pack("<I", values_at + len(values_block))
            values_block += raw + b"\0" * (size % 2)
        else:
            place = raw.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(values)) + place
    head = b"II*\0" + struct.pack("<IH", directory, len(tags)) + entries + struct.pack("<I", 0)
    return head + values_block + b"".join(strips)
