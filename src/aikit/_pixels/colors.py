"""Color arguments: names, hex codes, numbers and tuples."""

from __future__ import annotations

from numbers import Integral

from .._warnings import warn_caller
from ..errors import InputTypeError, InputValueError, quoted
from ..types import Color
from .kinds import TOP, Spec


def parse_color(color: Color, spec: Spec, subject: str = "color") -> tuple[float, float, float, float]:
    """Read a color argument as (red, green, blue, alpha) in [0, 1].

    Args:
        color: a CSS name, #rgb, #rgba, #rrggbb or #rrggbbaa, a tuple (gray,), (r, g, b) or (r, g, b, a) in the
            image's own units (0..255 for 8 bit, 0..65535 for 16 bit, 0..1 for floats), or a number for a gray.
        spec: the image whose units these are.
        subject: the parameter, for messages.
    """
    if isinstance(color, str):
        return _parse_color_name(color, subject)
    parts = color if isinstance(color, (tuple, list)) else (color,)
    try:
        values = [float(part) for part in parts if not isinstance(part, (bool, str))]
    except (OverflowError, TypeError, ValueError):
        values = []
    if len(values) != len(parts) or len(values) not in (1, 3, 4):
        raise InputTypeError(
            subject,
            'a name such as "white", a hex code, a number or a tuple (r, g, b)',
            quoted(color),
            "pass one of these",
        )
    top = TOP.get("uint8" if spec.dtype == "bool" else spec.dtype, 1)
    if not all(0 <= value <= top for value in values):
        raise InputValueError(
            subject, f"values from 0 to {top} for a {spec.dtype} image", quoted(color), "use the image's own units"
        )
    # Black and the color above it look alike, so nobody would see it.
    if top > 1 and 0 < max(values) <= 1 and not all(isinstance(part, Integral) for part in parts):
        warn_caller(
            f"{subject}: expected values from 0 to {top} for a {spec.dtype} image, got {quoted(color)}, which is all but "
            "black; use the image's own units, or write integers where this is meant."
        )
    red, green, blue = (value / top for value in (values * 3 if len(values) == 1 else values)[:3])
    return red, green, blue, values[3] / top if len(values) == 4 else 1.0


def _parse_color_name(color: str, subject: str) -> tuple[float, float, float, float]:
    from PIL import ImageColor

    try:
        codes = ImageColor.getrgb("#00000000" if color.lower() == "transparent" else color)
    except ValueError as error:
        raise InputValueError(
            subject, "a CSS color name or a hex code", quoted(color), 'pass for instance "white" or "#ff8000"'
        ) from error
    red, green, blue, alpha = (code / 255 for code in (*codes, 255)[:4])
    return red, green, blue, alpha
