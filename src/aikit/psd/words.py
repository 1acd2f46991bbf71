"""The words for blend modes and kinds of layers, and the checks of what users say about a layer."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ..errors import InputTypeError, InputValueError
from .masks import FILLS

__all__ = ["blend_mode_of", "blend_word", "checked_name", "checked_share", "kind_of", "whole"]

_KINDS = {
    "pixel": "pixel",
    "group": "group",
    "artboard": "group",
    "type": "type",
    "shape": "shape",
    "smartobject": "smart_object",
    **dict.fromkeys(FILLS, "fill"),
}


def kind_of(raw: Any) -> str:
    """pixel, group, type, shape, smart_object, fill, or adjustment for everything that changes what is below it."""
    return _KINDS.get(raw.kind, "adjustment")


def blend_word(raw: Any) -> str:
    """The blend mode of a layer: "normal", "multiply", "pass_through"."""
    word: str = raw.blend_mode.name
    return word.lower()


def blend_mode_of(word: object) -> Any:
    """psd-tools' blend mode of a word, in whatever way people write its parts."""
    from psd_tools.constants import BlendMode

    if not isinstance(word, str):
        raise InputTypeError(f'blend_mode: expected a word such as "multiply", got {word!r}; pass one.')
    key = word.strip().upper().replace("-", "_").replace(" ", "_")
    if key not in BlendMode.__members__:
        known = ", ".join(mode.name.lower() for mode in BlendMode)
        raise InputValueError(f"blend_mode: expected one of {known}, got {word!r}; pass one of these.")
    return BlendMode[key]


def checked_name(name: object) -> str:
    """A layer name that a document can hold, in any script."""
    if not isinstance(name, str):
        raise InputTypeError(f"name: expected a str, got {type(name).__name__}; pass the layer's name.")
    if len(name) > 255:
        raise InputValueError(f"name: expected at most 255 characters, got {len(name)}; shorten it.")
    try:
        name.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise InputValueError(f"name: expected text, got {name!r} with half a character in it; mend it.") from error
    return name


def checked_share(subject: str, value: object) -> int:
    """A number from 0 to 1 as the byte that is stored."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{subject}: expected a number from 0 to 1, got {value!r}; pass one.")
    number = float(value)
    if math.isnan(number) or not 0 <= number <= 1:
        raise InputValueError(f"{subject}: expected 0 to 1, got {value!r}; divide a byte by 255.")
    return round(number * 255)


def whole(subject: str, value: object) -> int:
    """An integer number of pixels or places."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputTypeError(f"{subject}: expected a whole number, got {value!r}; round it.")
    number = value.__index__()
    if not isinstance(number, int) or abs(number) > _FAR:
        raise InputValueError(f"{subject}: expected at most {_FAR} either way, got {value!r}; stay near the canvas.")
    return number


# Coordinates are 32-bit integers, and no canvas has more than 300,000 pixels a side.
_FAR = 1 << 30
