"""Twins of the busiest conversions for pixels as they lie in memory, in NumPy and PIL: OpenCV in one pass.

The formulas on planes are the definitions. A twin takes what it is sure of and returns False for the rest.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np

from .._image import Interleaved, Spec
from .table import SPACES, Options

Array = np.ndarray[Any, Any]

# OpenCV adds 1.2e-7 to every divisor: hue and saturation of dark or pale colors are off by whole degrees. They do not
# depend on the scale, so the colors are made brighter first, by a power of two, which costs no digit.
_BRIGHTER = np.float32(2.0**40)

# The bits of the largest float that leaves room for it. As integers, positive floats keep their order; negative ones
# and NaN lie above all of them.
_SURE = int(np.float32(2.0**60).view(np.uint32))


def twin(spec: Spec, src: str, dst: str, options: Options) -> Interleaved | None:
    """The twin of a conversion, if there is one."""
    if (src, spec.channels) != ("rgb", 3):
        return None
    if dst == "hsv" and spec.dtype == "float32":
        return Interleaved(3, partial(_hsv, spec.bgr))
    if dst == "gray" and spec.dtype in ("uint8", "float32"):
        weights = options.weights[::-1] if spec.bgr else options.weights
        # In 8 bits OpenCV has one set of weights.
        standard = spec.dtype == "uint8" and np.allclose(options.weights, (0.299, 0.587, 0.114), atol=1e-6)
        if standard:
            return Interleaved(1, partial(_gray_codes, spec.bgr))
        if spec.dtype == "float32":
            return Interleaved(1, partial(_gray, np.array([weights], np.float32)))
    if dst in ("ycbcr", "yuv") and spec.dtype == "float32":
        apart = _APART[:, ::-1] if spec.bgr else _APART
        return Interleaved(3, partial(_differences, np.ascontiguousarray(apart), _affine(dst, options)))
    return None


def _hsv(bgr: bool, block: Array, into: Array) -> bool:
    if block.view(np.uint32).max() > _SURE:
        return False
    cv2.cvtColor(block * _BRIGHTER, cv2.COLOR_BGR2HSV if bgr else cv2.COLOR_RGB2HSV, into)
    rows = into.reshape(len(into), -1)
    np.multiply(rows, _darker(into.shape[1]), out=rows)
    if into.max() >= 360:  # a hue just below 360 was rounded up
        into[..., 0] %= 360
    return True


@lru_cache(maxsize=8)
def _darker(width: int) -> Array:
    """What a row of H, S, V is multiplied by to undo the brightness."""
    return np.tile(np.array([1, 1, 1 / _BRIGHTER], np.float32), width)


# Red less green, green, blue less green.
_APART = np.array([[1, -1, 0], [0, 1, 0], [0, -1, 1]], np.float32)


@lru_cache(maxsize=16)
def _affine(dst: str, options: Options) -> Array:
    """The way from what _APART gives to `dst`, three rows of four: what the formula makes of 0 and of the three units."""
    red, green, blue = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 1]], np.float64)
    formula = SPACES[dst].down
    assert formula is not None
    black, *units = np.stack(formula(np, [red, green, blue], options), axis=1)
    return np.stack([*(unit - black for unit in units), black], axis=1).astype(np.float32)


def _differences(apart: Array, affine: Array, block: Array, into: Array) -> bool:
    """In two passes, so that gray has color differences of exactly 0, as in the formula."""
    cv2.transform(cv2.transform(block, apart), affine, into)
    return not np.isnan(into.max())  # 0 times infinity, where the formula has none


def _gray(weights: Array, block: Array, into: Array) -> bool:
    cv2.transform(block, weights, into[..., 0])
    return True


def _gray_codes(bgr: bool, block: Array, into: Array) -> bool:
    """Within one code of the definition, which differs in one color of a hundred, near a half."""
    codes = {(3, False): cv2.COLOR_RGB2GRAY, (3, True): cv2.COLOR_BGR2GRAY, (4, False): cv2.COLOR_RGBA2GRAY}
    cv2.cvtColor(block, codes[block.shape[-1], bgr], into[..., 0])
    return True
