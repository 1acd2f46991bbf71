"""Structural similarity of two planes."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from .._adapters.numpy import Array

__all__ = ["SsimWindow", "structural_similarity"]

SsimWindow = Literal["uniform", "gaussian"]

# Wang et al. 2004, section III: K1, K2 and, of the Gaussian, sigma; the window of 7 is scikit-image's.
_C1, _C2 = 0.01**2, 0.03**2
_SIGMA, _RADIUS = 1.5, {"uniform": 3, "gaussian": 5}
_STRIP = 256


def structural_similarity(first: Array, second: Array, window: SsimWindow) -> float | None:
    """The mean SSIM of two planes (H, W), float64 in [0, 1]; None where the window does not fit into them, or squares are beyond float64.

    Only windows that lie inside count, and covariances are those of a sample, as in scikit-image.
    """
    radius = _RADIUS[window]
    side = 2 * radius + 1
    height, width = map(int, first.shape)
    if min(height, width) < side:
        return None
    taps = _taps(window)
    total = 0.0
    # Bands of rows that overlap by a window: a dozen float64 planes of a large picture would be gigabytes.
    for top in range(0, height - side + 1, _STRIP):
        rows = slice(top, min(top + _STRIP + side - 1, height))
        total += float(_map(first[rows], second[rows], taps).sum())
    if not math.isfinite(total):
        return None
    return total / ((height - side + 1) * (width - side + 1))


def _taps(window: SsimWindow) -> Array:
    offsets = np.arange(-_RADIUS[window], _RADIUS[window] + 1)
    weights: Array = np.ones(len(offsets)) if window == "uniform" else np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    normalized: Array = weights / weights.sum()
    return normalized


def _map(x: Array, y: Array, taps: Array) -> Array:
    radius = len(taps) // 2

    def mean(plane: Array) -> Array:
        return cv2.sepFilter2D(plane, cv2.CV_64F, taps, taps)[radius:-radius, radius:-radius]

    sample = taps.size**2 / (taps.size**2 - 1)
    mean_x, mean_y = mean(x), mean(y)
    variances = sample * (mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    likeness: Array = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    index: Array = likeness / ((mean_x**2 + mean_y**2 + _C1) * (variances + _C2))
    return index
