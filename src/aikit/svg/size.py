"""How large a picture is: lengths with units, the size a file asks for, the size of what is drawn."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from .._check import integer
from ..errors import InputTypeError, InputValueError, LimitError, quoted
from ..limits import Limits

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["NUMBER", "Box", "Plan", "Size", "numbers", "plan", "size_of", "to_pixels", "view_box"]

# CSS Values 4, section 6.2: absolute lengths, in px of 1/96 inch.
_PIXELS = {"": 1.0, "px": 1.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6, "pt": 96 / 72, "pc": 16.0}
# What a browser starts from, and the share of it that ex takes where the font does not tell.
_FONT_SIZE, _EX = 16.0, 0.5

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LENGTH = re.compile(rf"({NUMBER})\s*([a-zA-Z%]*)")
# No length and no viewBox is written with more letters than this; what is longer costs time wherever it is read.
_MOST_LETTERS = 200
_NUMBERS = re.compile(NUMBER)

Box = tuple[float, float, float, float]
Size = tuple[float, float]


def numbers(text: str) -> list[float]:
    """Every number in a text, such as a viewBox, a transform or a list of points."""
    return [float(found) for found in _NUMBERS.findall(text)]


def to_pixels(text: str | None, *, full: float | None = None, font_size: float = _FONT_SIZE) -> float | None:
    """A length in px.

    Args:
        text: "10", "2.5cm", "50%", "1em"; None and what is no length give None.
        full: what 100% is; None makes percentages unknown.
        font_size: what 1em is; ex is half of it, ch too, rem always 16.
    """
    match = _LENGTH.fullmatch((text or "")[:_MOST_LETTERS].strip())
    if match is None:
        return None
    value, unit = float(match[1]), match[2].lower()
    if unit == "%":
        factor = None if full is None else full / 100
    else:
        factor = _PIXELS.get(unit) or {
            "em": font_size, "rem": _FONT_SIZE, "ex": font_size * _EX, "ch": font_size * _EX
        }.get(unit)  # fmt: skip
    return None if factor is None or not math.isfinite(value * factor) else value * factor


def view_box(element: etree._Element) -> Box | None:
    """An element's viewBox as (x, y, width, height), or None where it has none that means anything."""
    values = numbers(element.get("viewBox", "")[:_MOST_LETTERS])
    if len(values) != 4 or not all(map(math.isfinite, values)) or min(values[2:]) <= 0:
        return None
    return values[0], values[1], values[2], values[3]


def size_of(root: etree._Element) -> Size | None:
    """The size a file asks for, (width, height) in px; None where it names none.

    A side that is missing, or "auto", follows from the other one and the viewBox; with neither, the size is the
    viewBox's, and percentages are shares of it.
    """
    font_size = to_pixels(root.get("font-size")) or _FONT_SIZE
    box = view_box(root)
    given = [
        to_pixels(root.get(side), full=box and box[at], font_size=font_size)
        for side, at in (("width", 2), ("height", 3))
    ]
    width, height = (side if side is not None and side > 0 else None for side in given)
    if width is None and height is None:
        return None if box is None else box[2:]
    if width is not None and height is not None:
        return width, height
    if box is None:
        return None
    if width is None:
        assert height is not None
        return height * box[2] / box[3], height
    return width, width * box[3] / box[2]


# ---------------------------------------------------------------- what is drawn


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call draws, in pixels.

    Attributes:
        width: of the drawing.
        height: of the drawing.
        canvas: (width, height) of the result, in whose middle the drawing stands.
        natural: the size the file asks for, in px.
    """

    width: int
    height: int
    canvas: tuple[int, int]
    natural: Size


def plan(
    root: etree._Element,
    name: str,
    width: int | None,
    height: int | None,
    scale: float | None,
    limits: Limits | None = None,
) -> Plan:
    """The sizes of a call, by the rules that `render_svg` states."""
    from .._raster.guard import check_size

    _check_side("width", width)
    _check_side("height", height)
    _check_scale(width, height, scale)
    natural = size_of(root)
    if natural is None:
        if width is None or height is None:
            raise InputValueError(
                name,
                "a width and height or a viewBox in the file",
                "neither",
                "pass width= and height=",
                option="width",
            )
        natural = float(width), float(height)
    factor = _factor(natural, width, height, scale)
    if not math.isfinite(natural[0] * factor) or not math.isfinite(natural[1] * factor):
        raise LimitError(
            name,
            "a size in pixels",
            f"{natural[0]:g} x {natural[1]:g} times {factor:g}",
            "pass width= and height=, or correct the file",
            limit="side",
            option="width",
        )
    fitted = _round_side(natural[0] * factor), _round_side(natural[1] * factor)
    if width is not None and height is not None:
        fitted = min(fitted[0], width), min(fitted[1], height)
    canvas = fitted[0] if width is None else int(width), fitted[1] if height is None else int(height)
    if limits is not None:
        limits.check(name, "pixels a side", "max_side", max(canvas))
        limits.check(name, "pixels", "max_output_pixels", canvas[0] * canvas[1])
    check_size(name, *canvas, None, remedy="ask for fewer pixels")
    return Plan(fitted[0], fitted[1], canvas, natural)


def _factor(natural: Size, width: int | None, height: int | None, scale: float | None) -> float:
    if scale is not None:
        return float(scale)
    fits = [side / own for side, own in zip((width, height), natural, strict=True) if side is not None]
    return min(fits, default=1.0)


def _round_side(side: float) -> int:
    return max(1, math.floor(side + 0.5))


def _check_side(subject: str, value: object) -> None:
    if value is not None and integer(subject, value, -math.inf, expected="a whole number of pixels") < 1:
        raise InputValueError(subject, "at least 1 pixel", quoted(value), "pass a positive number")


def _check_scale(width: object, height: object, scale: object) -> None:
    if scale is None:
        return
    if isinstance(scale, bool) or not isinstance(scale, Real):
        raise InputTypeError("scale", "a number", quoted(scale), "pass for instance 2")
    if not 0 < float(scale) < math.inf:
        raise InputValueError("scale", "a positive number", quoted(scale), "pass for instance 2")
    if width is not None or height is not None:
        raise InputValueError(
            "scale", "without width and height", f"{quoted(scale)} beside one", "pass the one or the other"
        )
