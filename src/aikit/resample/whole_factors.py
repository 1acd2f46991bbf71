"""Means of whole numbers of codes: Pillow's box where a side shrinks by a whole factor, in integers and with its bits."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .._adapters.numpy import Array, interleave
from .passes import Resizing

__all__ = ["by_sums", "has_whole_factors"]

# Of Pillow's weights behind the point, Resample.c, PRECISION_BITS: 32 bits less 8 of a code and 2 for sums beyond it.
_BITS = 22
# More codes than that do not add up in 16 bits.
_MOST = 257
# Codes in a strip of rows, which stays in the cache between the passes; twice as many get fresh pages from the system each
# time, which takes as long as all the rest.
_STRIP = 1 << 18


def has_whole_factors(shape: Sequence[int], how: Resizing) -> bool:
    """Whether a picture (height, width) shrinks by whole factors, and by Pillow's box."""
    return how.method == "box" and how.box is None and all(map(_factor, shape, how.size))


def by_sums(codes: Array, how: Resizing, axes: Sequence[int]) -> Array:
    """Shrink codes (H, W) or (H, W, C) that have whole factors, one axis after the other as `axes` says."""
    height, width = codes.shape[:2]
    pixels = codes.reshape(height, width, -1)
    channels = pixels.shape[2]
    down, across = _factor(height, how.size[0]), _factor(width, how.size[1])
    result = np.empty((*how.size, channels), np.uint8)
    step = max(1, _STRIP // (width * channels * down)) * down
    for top in range(0, height, step):
        into = result[top // down : (top + step) // down]
        planes = _split(pixels[top : top + step])
        for axis in axes:
            planes = _mean_rows(planes, down) if axis == -2 else _mean_columns(planes, across)
        interleave(list(planes.reshape(channels, *into.shape[:2])), into)
    return result.reshape(*how.size, *codes.shape[2:])


def _split(pixels: Array) -> Array:
    """The planes of (H, W, C), one below the other."""
    height, width, channels = pixels.shape
    planes = np.empty((channels, height, width), np.uint8)
    if channels == 1:
        planes[0] = pixels[..., 0]
    else:
        cv2.split(np.ascontiguousarray(pixels), list(planes))
    return planes.reshape(-1, width)


def _factor(old: int, new: int) -> int:
    """By how much a side shrinks, 0 where that is no whole number or too large a one."""
    return old // new if old % new == 0 and old // new <= _MOST else 0


def _mean_columns(codes: Array, factor: int) -> Array:
    """The mean of so many columns after columns."""
    if factor == 2:
        # Two bytes as one number of 16 bits: both halves at once, whichever comes first.
        pairs = codes.view(np.uint16)
        sums = pairs & np.uint16(255)
        sums += pairs >> np.uint16(8)
        sums += np.uint16(1)
        sums >>= np.uint16(1)
        means: Array = sums.astype(np.uint8)
        return means
    return codes if factor == 1 else cv2.transpose(_mean_rows(cv2.transpose(codes), factor))


def _mean_rows(codes: Array, factor: int) -> Array:
    """The mean of so many rows after rows, rounded as Pillow does: by a weight of 22 bits."""
    if factor == 1:
        return codes
    if factor == 2:
        first, second = codes[0::2], codes[1::2]
        # (a + b + 1) >> 1 in bytes: what is in one or both, less half of what differs.
        halves: Array = first ^ second
        halves >>= np.uint8(1)
        means: Array = first | second
        means -= halves
        return means
    rows = codes.reshape(len(codes) // factor, factor, -1)
    sums = np.multiply(rows.sum(1, dtype=np.uint16), np.uint32((1 << _BITS) / factor + 0.5), dtype=np.uint32)
    sums += np.uint32(1 << (_BITS - 1))
    sums >>= np.uint32(_BITS)
    rounded: Array = sums.astype(np.uint8)
    return rounded
