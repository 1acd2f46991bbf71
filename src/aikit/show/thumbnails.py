"""The first picture of anything image-like, small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .found import Found
from .visible import make_visible, on_screen

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["thumbnail"]


def thumbnail(found: Found, side: int) -> Image.Image | None:
    """The first picture as opaque RGB, `side` pixels at most; None where there is nothing to draw."""
    planes = found.planes if len(found.planes) <= 4 else found.planes[:1]
    if not planes or planes[0].ndim < 2:
        return None
    # Of a huge picture every few pixels are enough to be reduced.
    step = max(1, max(planes[0].shape[-2:]) // (16 * side))
    first = [np.ma.filled(plane[(0,) * (plane.ndim - 2)][::step, ::step], 0) for plane in planes]
    if found.order is None:
        first = [plane.astype(np.float64) for plane in first]
    return on_screen(make_visible(np.stack(first, -1)), side=side)
