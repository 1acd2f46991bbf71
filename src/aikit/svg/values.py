"""Python values as the text of SVG attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["as_text", "number", "to_attributes"]


def number(value: float) -> str:
    """A number in as few characters as keep nine digits, which is more than a renderer's float32 holds."""
    return f"{value:.9g}" if value else "0"  # "-0" says nothing more


def to_attributes(attributes: Mapping[str, object]) -> dict[str, str]:
    """Turn keyword arguments into attributes: - for _, no _ at the end ("class_"), nothing for None."""
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    return {names[key]: as_text(names[key], value) for key, value in attributes.items() if value is not None}


def as_text(name: str, value: object) -> str:
    """A value of an attribute or a style property as text.

    Args:
        name: of the attribute, for messages.
        value: a str, taken as it is; a number; True or False; or a sequence of these, nested or an array, which is
            written with spaces between: points, a viewBox, a dash pattern, the commands of a path.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise InputValueError(name, "a finite number", quoted(value), "pass a number that can be drawn")
        return number(float(value))
    if hasattr(value, "tolist"):
        return as_text(name, value.tolist())
    if isinstance(value, (list, tuple)):
        return " ".join(as_text(name, part) for part in value)
    raise InputTypeError(
        name,
        "text, a number or a sequence of these",
        type(value).__name__,
        "write it as SVG does (a picture as a data URL, another element as its #id)",
    )
