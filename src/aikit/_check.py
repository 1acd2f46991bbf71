"""What callers pass beside an image, described and checked: words, switches, numbers and functions."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import SupportsIndex, cast

from .errors import InputTypeError, InputValueError, quoted

__all__ = ["Within", "function", "integer", "number", "one_of", "switch"]


@dataclass(frozen=True, slots=True)
class Within:
    """The bounds and the unit of a number, for annotations: `Annotated[float, Within(0, 1)]`.

    Args:
        minimum: the smallest value, or None.
        maximum: the largest value, or None.
        above: what it must be larger than, or None.
        below: what it must be smaller than, or None.
        unit: what it counts, such as "pixels", or None.
    """

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str | None = None


def one_of(subject: str, value: object, words: Iterable[str]) -> None:
    """Refuse what is not one of some words."""
    # Arrays cannot be compared with a word, nor lists be looked up.
    if not isinstance(value, str) or value not in words:
        raise InputValueError(subject, f"one of {', '.join(words)}", quoted(value), "pass one of these")


def switch(subject: str, value: object) -> bool:
    """Read the value as a bool, if it is True or False, Python's or NumPy's: the word "no" would count as true."""
    if type(value).__name__ != "bool":
        raise InputTypeError(subject, "True or False", quoted(value), "pass one of these")
    return bool(value)


def function(subject: str, value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise InputTypeError(subject, "a function", quoted(value), "pass one")


def integer(
    subject: str, value: object, least: float = 1, *, expected: str = "a whole number", remedy: str | None = None
) -> int:
    """Read the value as an int, if it is an integer of any kind and not below the least."""
    try:
        result = None if isinstance(value, bool) else operator.index(cast(SupportsIndex, value))
    except (TypeError, ValueError, RuntimeError):  # the last two from tensors
        result = None
    if result is None:
        raise InputTypeError(subject, expected, quoted(value), remedy or "round it")
    if result < least:
        raise InputValueError(subject, f"{least} or more", quoted(value), remedy or "pass a larger one")
    if result > sys.maxsize:
        raise InputValueError(subject, f"at most {sys.maxsize}", quoted(value), remedy or "pass a smaller one")
    return result


def number(subject: str, value: object, low: float, high: float) -> float:
    """Read the value as a float, if it is a finite number from low to high."""
    span = f"from {low} to {high}" if high < math.inf else f"of {low} or more"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(subject, f"a number {span}", quoted(value), "pass one")
    try:
        amount = float(value)
    except OverflowError:  # of an int
        amount = math.inf
    if not low <= amount <= high or amount == math.inf:
        raise InputValueError(subject, f"a number {span}", quoted(value), "pass one in that range")
    return amount
