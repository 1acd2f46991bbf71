"""Colors for objects: a table that people who see few colors can tell apart, and text that can be read on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .._pixels import Spec, parse_color
from ..errors import InputValueError
from ..types import Color
from .overlay import Rgb

__all__ = ["Colors", "colors_for", "parse_rgb", "readable_on"]

Colors: TypeAlias = Color | Sequence[Color] | Mapping[object, Color]
"""One color for all, a list with one for each object, or the colors of classes."""

# Okabe and Ito, "Color Universal Design", 2008, without black, the most different first.
_TABLE: tuple[Rgb, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (0, 114, 178), (204, 121, 167),
)  # fmt: skip


def parse_rgb(color: Color, spec: Spec, subject: str) -> Rgb:
    """A color argument as 8-bit codes, without its alpha."""
    red, green, blue, _ = parse_color(color, spec, subject)
    return round(red * 255), round(green * 255), round(blue * 255)


def colors_for(count: int, classes: Sequence[object] | None, colors: Colors | None, spec: Spec) -> list[Rgb]:
    """A color for each object: those given, or one of the table for each class, or for each object."""
    if isinstance(colors, Mapping):
        if classes is None:
            raise InputValueError("colors", "classes= beside the colors of classes", "none", "pass classes")
        named = dict(zip(dict.fromkeys(classes), _from_table(list(dict.fromkeys(classes))), strict=True))
        named |= {each: parse_rgb(color, spec, "colors") for each, color in colors.items() if each in named}
        return [named[each] for each in classes]
    if isinstance(colors, list):
        if len(colors) != count:
            raise InputValueError(
                "colors", f"{count} colors, one for each object", str(len(colors)), "pass one for each"
            )
        return [parse_rgb(color, spec, "colors") for color in colors]
    if colors is not None:
        return [parse_rgb(colors, spec, "colors")] * count  # type: ignore[arg-type]
    if classes is None:
        return [_TABLE[index % len(_TABLE)] for index in range(count)]
    different = list(dict.fromkeys(classes))
    named = dict(zip(different, _from_table(different), strict=True))
    return [named[each] for each in classes]


def _from_table(different: Sequence[object]) -> list[Rgb]:
    """Class 3 has the fourth color wherever it appears; names take them in their order."""
    places = [each if isinstance(each, int) else index for index, each in enumerate(different)]
    return [_TABLE[place % len(_TABLE)] for place in places]


def readable_on(color: Rgb) -> Rgb:
    """Black or white, whichever stands out more: WCAG 2.2, relative luminance and contrast ratio."""
    light = [code / 255 for code in color]
    light = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in light]
    luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)
