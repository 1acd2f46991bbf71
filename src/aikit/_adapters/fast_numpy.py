"""NumPy, with fast paths for those of its functions that are slow where images need them."""

from __future__ import annotations

import cv2
import numpy as np

from .._pixels.kinds import Plane

__all__ = ["FastNumPy"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class FastNumPy:
    """The namespace that kernels get for NumPy and PIL images."""

    __name__ = "numpy"

    def __getattr__(self, name: str) -> Plane:
        return getattr(np, name)

    @staticmethod
    def where(condition: Plane, yes: Plane, no: Plane) -> Plane:
        """np.where, which guesses each branch: 7 ms on 1080p noise, where OpenCV's masked copy takes 0.5."""
        plane = yes if isinstance(yes, np.ndarray) else no
        if not (
            isinstance(plane, np.ndarray)
            and plane.ndim == 2
            and plane.dtype in _FLOATS
            and all(_fits(part, plane) for part in (yes, no))
            and np.shape(condition) == plane.shape
        ):
            return np.where(condition, yes, no)
        result = np.empty_like(plane, order="C")
        np.copyto(result, no)
        if not isinstance(yes, np.ndarray):
            yes = np.full_like(result, yes)
        return cv2.copyTo(np.ascontiguousarray(yes), np.ascontiguousarray(condition).view(np.uint8), result)


def _fits(part: Plane, plane: Plane) -> bool:
    """Tell a number, or an array of the plane's shape and dtype."""
    if isinstance(part, np.ndarray):
        return bool(part.shape == plane.shape and part.dtype == plane.dtype)
    return isinstance(part, (int, float))
