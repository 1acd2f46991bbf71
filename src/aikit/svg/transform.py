"""Transforms as 3x3 matrices: the text of a `transform` attribute, and a viewBox in its viewport."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .size import Box, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

__all__ = ["fit_view_box", "matrix", "parse_transform", "rotation", "scale_of", "scaling", "translation"]


def matrix(a: float, b: float, c: float, d: float, e: float, f: float) -> Matrix:
    """Make the matrix that SVG writes as six numbers: x' = a x + c y + e, y' = b x + d y + f."""
    import numpy as np

    return np.array([[a, c, e], [b, d, f], [0.0, 0.0, 1.0]])


def translation(x: float, y: float = 0.0) -> Matrix:
    """Move by x to the right and y down."""
    return matrix(1, 0, 0, 1, x, y)


def scaling(x: float, y: float | None = None) -> Matrix:
    """Scale by x and y, or both by x, about the origin."""
    return matrix(x, 0, 0, x if y is None else y, 0, 0)


def rotation(degrees: float, x: float = 0.0, y: float = 0.0) -> Matrix:
    """Clockwise on the screen, around (x, y)."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return translation(x, y) @ matrix(cosine, sine, -sine, cosine, 0, 0) @ translation(-x, -y)


def scale_of(transform: Matrix) -> float:
    """By how much it makes lines wider; the mean of its two scales where these differ."""
    a, c, b, d = transform[:2, :2].ravel().tolist()
    return math.sqrt(abs(a * d - b * c))


# SVG 2, section 8.5: the functions and how many numbers each takes.
_FUNCTIONS: dict[str, tuple[Callable[..., Matrix], tuple[int, ...]]] = {
    "matrix": (matrix, (6,)),
    "translate": (translation, (1, 2)),
    "scale": (scaling, (1, 2)),
    "rotate": (rotation, (1, 3)),
    "skewX": (lambda degrees: matrix(1, 0, math.tan(math.radians(degrees)), 1, 0, 0), (1,)),
    "skewY": (lambda degrees: matrix(1, math.tan(math.radians(degrees)), 0, 1, 0, 0), (1,)),
}
# The units are those a `style` writes.
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_CALL = re.compile(rf"\s*([a-z]+)\s*\(((?:[\s,]*{_NUMBER}(?:px|deg)?)*)\s*\)[\s,]*", re.IGNORECASE)


def parse_transform(text: str) -> Matrix | None:
    """The matrix of a `transform` attribute, or None where it is not one."""
    product, at = scaling(1), 0
    if text.strip() in ("", "none"):
        return product
    while at < len(text):
        match = _CALL.match(text, at)
        function, counts = _FUNCTIONS.get(match[1], (None, ())) if match else (None, ())
        if match is None or function is None:
            return None
        numbers = [float(number) for number in re.findall(_NUMBER, match[2], re.IGNORECASE)]
        if len(numbers) not in counts or not all(map(math.isfinite, numbers)):
            return None
        product, at = product @ function(*numbers), match.end()
    return product


def fit_view_box(box: Box, size: Size, preserve_aspect_ratio: str) -> Matrix:
    """Map a viewBox (x, y, width, height) into a viewport of this size.

    Source: SVG 2, section 8.2, the equivalent transform of an SVG viewport.
    """
    x, y, width, height = box
    scales = size[0] / width, size[1] / height
    words = preserve_aspect_ratio.split() or ["xMidYMid"]
    if words[0] == "none":
        return scaling(*scales) @ translation(-x, -y)
    factor = max(scales) if "slice" in words else min(scales)
    shares = {"Min": 0.0, "Mid": 0.5, "Max": 1.0}
    left = (size[0] - width * factor) * shares.get(words[0][1:4], 0.5)
    top = (size[1] - height * factor) * shares.get(words[0][5:8], 0.5)
    return translation(left, top) @ scaling(factor) @ translation(-x, -y)
