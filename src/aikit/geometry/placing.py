"""Sizes, boxes and anchors: where one rectangle lies in another."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Annotated, Literal, get_args

from .._check import Within, one_of
from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["LARGEST", "Anchor", "Offset", "Side", "check_anchor", "check_numbers", "share_of", "whole_box"]

Anchor = Literal[
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"
]  # fmt: skip

Side = Annotated[int, Within(1, unit="pixels")]
Offset = Annotated[int, Within(unit="pixels")]

# What Pillow and torch count pixels with.
LARGEST = 2**31 - 1


def check_anchor(anchor: object) -> None:
    """Refuse what is no anchor."""
    one_of("anchor", anchor, get_args(Anchor))


def share_of(anchor: str) -> tuple[float, float]:
    """How much of the room that is left lies to the left and above: 0, a half or 1."""
    words = anchor.split("-")
    across = 0.0 if "left" in words else 1.0 if "right" in words else 0.5
    down = 0.0 if "top" in words else 1.0 if "bottom" in words else 0.5
    return across, down


def check_numbers(subject: str, value: object, count: int, example: str) -> tuple[float, ...]:
    """Some finite numbers in a list, tuple or array, as floats."""
    values = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)) or len(values) != count:
        raise InputTypeError(subject, f"{count} numbers, {example}", quoted(value), "pass these")
    # Most are plain numbers, which a look at their types tells in a tenth of the time.
    plain = {*map(type, values)} <= {int, float}
    if not plain and not all(isinstance(each, Real) and not isinstance(each, bool) for each in values):
        raise InputTypeError(subject, f"{count} numbers, {example}", quoted(value), "pass numbers")
    numbers = tuple(map(float, values))
    if not max(map(abs, numbers)) <= LARGEST or any(each != each for each in numbers):
        raise InputValueError(subject, f"numbers up to {LARGEST}", quoted(value), "pass smaller ones")
    return numbers


def whole_box(box: object) -> tuple[int, int, int, int]:
    """A box as four whole numbers with some area."""
    edges = check_numbers("box", box, 4, "left, top, right and bottom")
    if any(edge != int(edge) for edge in edges):
        raise InputValueError(
            "box", "whole pixels", quoted(box), "round it, or take resize(image, box=...) for parts of pixels"
        )
    left, top, right, bottom = map(int, edges)
    if right <= left or bottom <= top:
        raise InputValueError("box", "a right beyond left and a bottom below top", quoted(box), "check their order")
    return left, top, right, bottom
