"""What lies beyond a picture: its color, in the units and planes of the image."""

from __future__ import annotations

from .._pixels import TOP, DataFill, Spec, parse_color
from ..errors import InputValueError, quoted
from ..types import Color

__all__ = ["parse_fill"]


def parse_fill(fill: Color | None, spec: Spec) -> list[float]:
    """A value in [0, 1] for each plane, R, G, B, A, or a number of data in its own units; for None transparent where there is alpha, else black."""
    if fill is None:
        return [0.0] * spec.channels
    if isinstance(fill, DataFill):
        top = TOP.get(spec.dtype)
        if top is not None and not (0 <= fill <= top and fill.is_integer()):
            raise InputValueError("fill", f"a whole number from 0 to {top} for {spec.dtype}", str(fill), "pass one")
        return [float(fill) / (top or 1)] * spec.channels
    *color, alpha = parse_color(fill, spec, "fill")
    if spec.has_alpha:
        colors = spec.channels - 1
    elif alpha == 1:
        colors = spec.channels
    else:
        raise InputValueError(
            "fill", "an opaque color for an image without alpha", quoted(fill), "add alpha with merge_alpha(image, 1)"
        )
    if colors == 1 and not color[0] == color[1] == color[2]:
        raise InputValueError(
            "fill", "a gray for a gray image", quoted(fill), "pass a gray, or make the image RGB with gray_to_rgb"
        )
    return [*color[:colors], *([alpha] if spec.has_alpha else [])]
