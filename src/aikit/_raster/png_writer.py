"""PNG of 8 and 16 bits, written by filters in NumPy and the zlib of Python.

Pillow's wheel binds zlib at its default level, which spends most of its time looking for repetitions that photographs do not
have. Their filtered rows are noise around zero: runs and Huffman codes alone make files of the same size in an eighth of
the time. Drawings do repeat themselves: where many neighbors are equal, zlib looks for it as before.

Source: W3C, "Portable Network Graphics Specification, Third Edition", sections 9, 10 and 12.
"""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from .._pixels.threads import in_threads
from .high_depth import Samples, chunk

__all__ = ["write_png"]

Rows = NDArray[np.uint8]

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
# The share of pixels equal to their left neighbor from which on a picture is a drawing, and of which it is measured.
_DRAWN, _LOOKED_AT = 0.5, 64
# Bytes of rows that are filtered at once, as many as a core's cache holds; and that are deflated as one piece, whatever
# the number of threads, so that a picture is the same file everywhere.
_STRIP, _PIECE = 1 << 17, 1 << 21
_WINDOW = 1 << 15
# Every so many bytes are looked at when a filter is chosen: no multiple of a pixel's, so all channels are among them.
_SAMPLED = 5


def write_png(pixels: Samples, *, level: int | None = None) -> bytes:
    """A PNG of codes (H, W, 1 to 4), uint8 or uint16, without anything beside the pixels.

    `level` is zlib's, 0 to 9; None takes what suits the picture.
    """
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, _COLOR_TYPES[channels], 0, 0, 0)
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(">u2")
    rows = np.ascontiguousarray(pixels).reshape(height, -1).view(np.uint8)
    step = channels * pixels.itemsize
    drawn = _is_drawn(rows, step)
    filtered = _filter(rows, step, drawn=drawn)
    body = _deflate(filtered, drawn=drawn or level is not None, level=level)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _is_drawn(rows: Rows, step: int) -> bool:
    """Whether many pixels are as those to their left, as in drawings, screenshots and masks."""
    some = rows[:: max(1, len(rows) // _LOOKED_AT)]
    if some.shape[1] <= step:
        return True
    same = (some[:, step:] == some[:, :-step]).reshape(len(some), -1, step).all(-1)
    return bool(same.mean() > _DRAWN)


def _filter(rows: Rows, step: int, *, drawn: bool) -> Rows:
    """The rows with the filter in front of each that leaves the least; None is for drawings only."""
    height, count = rows.shape
    filtered = np.empty((height, 1 + count), np.uint8)
    size = max(1, _STRIP // count)
    tops = range(0, height, size)
    in_threads(lambda top: _filter_strip(rows, filtered, top, min(top + size, height), step, drawn), tops)
    return filtered


def _filter_strip(rows: Rows, filtered: Rows, top: int, bottom: int, step: int, drawn: bool) -> None:
    here = rows[top:bottom]
    above = np.empty_like(here)
    above[0] = rows[top - 1] if top else 0
    above[1:] = here[:-1]
    neighbors = here, _moved(here, step), above, _moved(above, step)
    some = [np.ascontiguousarray(each[:, ::_SAMPLED]) for each in neighbors]
    names = np.array([0, 1, 2, 3, 4] if drawn else [1, 2, 3, 4], np.uint8)
    best = names[np.argmin([_cost(_apply(name, *some)) for name in names], axis=0)]
    filtered[top:bottom, 0] = best
    target = filtered[top:bottom, 1:]
    for name in names:
        chosen = best == name
        if chosen.all():
            target[...] = _apply(name, *neighbors)
        elif chosen.any():
            target[chosen] = _apply(name, *(each[chosen] for each in neighbors))


def _moved(rows: Rows, step: int) -> Rows:
    """Each byte's neighbor one pixel to the left."""
    moved = np.empty_like(rows)
    moved[:, :step] = 0
    moved[:, step:] = rows[:, :-step]
    return moved


def _apply(name: int, here: Rows, left: Rows, above: Rows, corner: Rows) -> Rows:
    """What is left of the bytes after a filter: None, Sub, Up, Average or Paeth (section 9.2)."""
    if name == 0:
        return here
    if name == 1:
        return here - left
    if name == 2:
        return here - above
    if name == 3:
        return here - ((left & above) + ((left ^ above) >> 1))
    return here - _predict(left, above, corner)


def _predict(left: Rows, above: Rows, corner: Rows) -> Rows:
    """Paeth's predictor: which of three neighbors lies nearest to left + above - corner (section 9.4)."""
    from_left, from_above = cv2.absdiff(above, corner), cv2.absdiff(left, corner)
    # Both sides of the corner: the sum of the two distances; one side: their difference.
    same_side = (above >= corner) == (left >= corner)
    total = cv2.add(from_left, from_above)
    from_corner = np.where(same_side, total, cv2.absdiff(from_left, from_above))
    nearest = np.where(from_above <= from_corner, above, corner)
    return np.where((from_left <= from_above) & (from_left <= from_corner), left, nearest)


def _cost(differences: Rows) -> NDArray[np.int32]:
    """The sum of absolute differences of each row, bytes as signed numbers (section 12.7)."""
    sizes = np.minimum(differences, 0 - differences)
    return np.asarray(cv2.reduce(sizes, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0], np.int32)


def _deflate(filtered: Rows, *, drawn: bool, level: int | None) -> bytes:
    """A zlib stream, its pieces deflated at once in several threads."""
    data = filtered.reshape(-1).data
    strategy = zlib.Z_DEFAULT_STRATEGY if drawn else zlib.Z_RLE
    effort = level if level is not None else 6 if drawn else 1
    starts = list(range(0, len(data), _PIECE)) or [0]

    def piece(start: int) -> bytes:
        before = bytes(data[max(0, start - _WINDOW) : start])
        engine = zlib.compressobj(effort, zlib.DEFLATED, -15, 9, strategy, *([before] if before and drawn else []))
        last = start + _PIECE >= len(data)
        return engine.compress(data[start : start + _PIECE]) + engine.flush(
            zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        )

    parts = in_threads(piece, starts)
    return b"".join([b"\x78\x5e", *parts, struct.pack(">I", zlib.adler32(data))])
