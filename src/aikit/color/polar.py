"""Lightness and two opponent axes as lightness, chroma and hue: what LCh is to Lab, and OKLCh to OKLab."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._pixels import Namespace, Plane, Planes
from .table import Options

# The square of a chroma of 1e-12: below it the angle's gradient is beyond any float.
_NOTHING = 1e-24


def to_polar(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    """The axes as chroma, and hue in degrees [0, 360), 0 where there is no chroma."""
    lightness, a, b = planes
    square = a * a + b * b
    colored = square > _NOTHING
    # At 0 the root and the angle have no gradient: there they see a constant instead.
    chroma = xp.where(square > 0, xp.sqrt(xp.where(square > 0, square, 1.0)), 0.0)
    angle = xp.arctan2(xp.where(colored, b, 0.0), xp.where(colored, a, 1.0)) * (180 / math.pi)
    angle = xp.where(angle < 0, angle + 360, angle)
    return [lightness, chroma, xp.where(angle >= 360, angle - 360, angle)]


def from_polar(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    """Turn into two axes a chroma and a hue in degrees."""
    lightness, chroma, hue = planes
    angle = hue * (math.pi / 180)
    return [lightness, chroma * xp.cos(angle), chroma * xp.sin(angle)]
