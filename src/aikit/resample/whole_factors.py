"""Means of whole numbers of codes: Pillow's box where a side shrinks by a whole factor, in integers and with its bits."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .._adapters.numpy import Array
from .passes import Resizing

__all__ = ["by_sums", "has_whole_factors"]

# Of Pillow's weights behind the point, Resample.c, PRECISION_BITS: 32 bits less 8 of a code and 2 for sums beyond it.
_BITS = 22
# More codes than that do not add up in 16 bits.
_MOST = 257
# Codes in a strip of rows, which stays in the cache between the passes.
_STRIP = 1 << 18


def has_whole_factors(shape: Sequence[int], how: Resizing) -> bool:
    """Whether a picture (height, width) shrinks by whole factors, and by Pillow's box."""
    return how.method == "box" and how.box is None and all(map(_factor, shape, how.size))


def by_sums(codes: Array, how: Resizing, axes: Sequence[int]) -> Array:
    """Shrink codes (H, W) or (H, W, C) that have whole factors, one axis after the other as `axes` says."""
    if codes.ndim == 3 and codes.shape[2] == 1:
        return by_sums(codes[..., 0], how, axes)[..., None]  # OpenCV drops an axis of one channel
    down, across = map(_factor, codes.shape, how.size)
    result = np.empty((*how.size, *codes.shape[2:]), np.uint8)
    step = max(1, _STRIP // (codes[0].size * down)) * down
    for top in range(0, len(codes), step):
        strip = np.ascontiguousarray(codes[top : top + step])
        for axis in axes:
            # For the columns the strip is turned over: what is added up lies in rows then.
            strip = _mean_rows(strip, down) if axis == -2 else cv2.transpose(_mean_rows(cv2.transpose(strip), across))
        result[top // down : (top + step) // down] = strip
    return result


def _factor(old: int, new: int) -> int:
    """By how much a side shrinks, 0 where that is no whole number or too large a one."""
    return old // new if old % new == 0 and old // new <= _MOST else 0


def _mean_rows(codes: Array, factor: int) -> Array:
    """The mean of so many rows after rows, rounded as Pillow does: by a weight of 22 bits."""
    if factor == 1:
        return codes
    if factor == 2:
        first, second = codes[0::2], codes[1::2]
        # (a + b + 1) >> 1 in bytes: what is in both, and the half of what is in one, rounded up.
        return (first | second) - ((first ^ second) >> 1)
    rows = codes.reshape(len(codes) // factor, factor, *codes.shape[1:])
    sums = np.multiply(rows.sum(1, dtype=np.uint16), np.uint32((1 << _BITS) / factor + 0.5), dtype=np.uint32)
    sums += np.uint32(1 << (_BITS - 1))
    sums >>= np.uint32(_BITS)
    return sums.astype(np.uint8)
