"""What filters cost: nanoseconds a pixel, and how often numbers in them multiply the work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .geometry import Matrix, scales
from .size import numbers

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Price", "price_of_function", "price_of_primitive"]

# What resvg was measured to take, in nanoseconds a pixel.
_PRIMITIVE, _OCTAVE, _TAP, _MERGED = 100.0, 90.0, 5.0, 80.0
_PRIMITIVES = {"feGaussianBlur": 300.0, "feDropShadow": 300.0, "feTurbulence": 400.0}
_FUNCTIONS = {"blur": 300.0, "drop-shadow": 300.0}


class Price(NamedTuple):
    """Nanoseconds a pixel: for the step itself, and for what a number in it asks for."""

    step: float
    multiplied: float = 0.0


def price_of_function(name: str) -> Price:
    """The price of a CSS filter function."""
    return Price(_FUNCTIONS.get(name, _PRIMITIVE))


def price_of_primitive(primitive: _Element, kind: str, matrix: Matrix, pixels: float) -> Price:
    """The price of a filter primitive on a layer of so many pixels."""
    step = _PRIMITIVES.get(kind, _PRIMITIVE)
    if kind == "feMorphology":
        radii = _few(primitive, "radius", "0")[:2]
        wide, high = (2 * radius * scale + 1 for radius, scale in zip(radii * 2, scales(matrix), strict=False))
        # It looks no further than the layer reaches.
        return Price(step, _TAP * min(wide * high, pixels))
    if kind == "feConvolveMatrix":
        return Price(step, _TAP * math.prod((_few(primitive, "order", "3") * 2)[:2]))
    if kind == "feTurbulence":
        return Price(step, _OCTAVE * max([0.0, *_few(primitive, "numOctaves", "1")]))
    if kind == "feMerge":
        return Price(step + _MERGED * len(primitive))
    return Price(step)


def _few(primitive: _Element, name: str, default: str) -> list[float]:
    """The numbers of an attribute that has one or two of them; the default where it has none."""
    return numbers(primitive.get(name, default)[:200]) or numbers(default)
