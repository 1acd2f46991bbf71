"""Fast paths of the busiest conversions for pixels as they lie in memory, in NumPy and PIL: OpenCV in one pass.

The formulas on planes are the definitions. A fast path takes what it is sure of and returns False for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import cv2
import numpy as np

from .._adapters.numpy import Array, namespace
from .._pixels import InterleavedKernel, Planes, Spec, adapter
from .table import Formula, Options

# OpenCV adds 1.2e-7 to every divisor: hue and saturation of dark or pale colors are off by whole degrees. They do not
# depend on the scale, so the colors are made brighter first, by a power of two, which costs no digit.
_BRIGHTER = np.float32(2.0**40)

# The bits of the largest float that leaves room for it. As integers, positive floats keep their order; negative ones
# and NaN lie above all of them.
_SURE = int(np.float32(2.0**60).view(np.uint32))


# The bits of 360.
_CIRCLE = int(np.float32(360).view(np.uint32))

# Conversions that are a matrix and an offset.
_AFFINE = {frozenset(pair) for pair in (("rgb", "ycbcr"), ("rgb", "yuv"), ("linear_rgb", "xyz"))}


def fast_path(
    spec: Spec, into: Spec, src: str, dst: str, formulas: Sequence[Formula], options: Options
) -> InterleavedKernel | None:
    """Find the fast path of a conversion, if there is one."""
    if spec.channels != 3 or into.dtype != spec.dtype:
        return None
    if {src, dst} in _AFFINE and spec.dtype == "float32":
        return InterleavedKernel(3, partial(_affine, _matrix(formulas, options, spec.bgr, into.bgr)))
    if {src, dst} in _AFFINE and spec.dtype == "uint8" and not adapter(spec.kind).has_modes:
        return InterleavedKernel(3, partial(_affine_uint8, _matrix(formulas, options, spec.bgr, into.bgr)))
    if (src, dst, spec.dtype) == ("hsv", "rgb", "float32"):
        return InterleavedKernel(3, partial(_hsv_to_rgb, into.bgr))
    if src != "rgb":
        return None
    if dst == "hsv" and spec.dtype == "float32":
        return InterleavedKernel(3, partial(_rgb_to_hsv, spec.bgr))
    if dst == "gray" and spec.dtype in ("uint8", "float32"):
        weights = options.weights[::-1] if spec.bgr else options.weights
        # In 8 bits OpenCV has one set of weights.
        standard = spec.dtype == "uint8" and np.allclose(options.weights, (0.299, 0.587, 0.114), atol=1e-6)
        if standard:
            return InterleavedKernel(1, partial(_rgb_to_gray_uint8, spec.bgr))
        if spec.dtype == "float32":
            return InterleavedKernel(1, partial(_rgb_to_gray, np.array([weights], np.float32)))
    return None


def _rgb_to_hsv(bgr: bool, block: Array, into: Array) -> bool:
    if block.view(np.uint32).max() > _SURE:
        return False
    cv2.cvtColor(block * _BRIGHTER, cv2.COLOR_BGR2HSV if bgr else cv2.COLOR_RGB2HSV, into)
    rows = into.reshape(len(into), -1)
    np.multiply(rows, _darker(into.shape[1]), out=rows)
    if into.max() >= 360:  # a hue just below 360 was rounded up
        into[..., 0] %= 360
    return True


def _matrix(formulas: Sequence[Formula], options: Options, from_bgr: bool, to_bgr: bool) -> Array:
    """Write formulas as OpenCV's transform wants them, (3, 4): the images of black and of each single channel."""
    color: Planes = list(np.eye(3, 4, 1))
    for formula in formulas:
        color = formula(namespace, color, options)
    offset, *columns = np.array(color).T
    matrix = np.stack([*(column - offset for column in columns), offset], 1)
    matrix = matrix[:, [2, 1, 0, 3]] if from_bgr else matrix
    return (matrix[::-1] if to_bgr else matrix).astype(np.float32)


def _affine(matrix: Array, block: Array, into: Array) -> bool:
    cv2.transform(block, matrix, into)
    return bool(np.isfinite(into.max()))  # a weight of 0 makes NaN of infinity, where a formula leaves it out


def _affine_uint8(matrix: Array, block: Array, into: Array) -> bool:
    """Within one code of the definition, which differs only next to a half."""
    sums = cv2.transform(block.astype(np.float32), matrix * np.array([1, 1, 1, 255], np.float32))
    cv2.convertScaleAbs(np.maximum(sums, 0, out=sums), into)
    return True


def _hsv_to_rgb(bgr: bool, block: Array, into: Array) -> bool:
    if block.view(np.uint32).max() >= _CIRCLE:  # other hues, and what is no color
        return False
    cv2.cvtColor(block, cv2.COLOR_HSV2BGR if bgr else cv2.COLOR_HSV2RGB, into)
    return True


@lru_cache(maxsize=8)
def _darker(width: int) -> Array:
    """Make the factors for a row of H, S, V that undo the brightness."""
    return np.tile(np.array([1, 1, 1 / _BRIGHTER], np.float32), width)


def _rgb_to_gray(weights: Array, block: Array, into: Array) -> bool:
    cv2.transform(block, weights, into[..., 0])
    return True


def _rgb_to_gray_uint8(bgr: bool, block: Array, into: Array) -> bool:
    """Within one code of the definition, which differs in one color of a hundred, near a half."""
    codes = {(3, False): cv2.COLOR_RGB2GRAY, (3, True): cv2.COLOR_BGR2GRAY, (4, False): cv2.COLOR_RGBA2GRAY}
    cv2.cvtColor(block, codes[block.shape[-1], bgr], into[..., 0])
    return True
