"""The fields of a preprocessing, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from .._check import integer, number, one_of, switch
from ..errors import InputTypeError, InputValueError, quoted
from ..resample.size import METHODS
from .reading import Engine
from .sizes import CENTERS, ROUNDINGS, WAYS, Pair

if TYPE_CHECKING:
    from .value import Preprocess

__all__ = ["ENGINES", "Fill", "check_fields"]

ENGINES: tuple[Engine, ...] = ("pillow", "torchvision")

# A code from 0 to 255, or three; None is 0 after normalizing.
Fill: TypeAlias = int | tuple[int, int, int] | None


def check_fields(given: Preprocess) -> dict[str, object]:
    """Refuse fields that are not understood; give those that are, as plain values."""
    for name, words in (("rounding", ROUNDINGS), ("center", CENTERS), ("method", METHODS), ("engine", ENGINES)):
        one_of(name, getattr(given, name), words)
    one_of("anchor", given.anchor, ("center", "top-left"))
    if given.how is not None:
        one_of("how", given.how, WAYS)
    if given.engine == "torchvision" and given.method == "area":
        raise InputValueError("method", 'another than "area" for torchvision', '"area"', 'pass engine="pillow"')
    if given.longest is not None and given.way != "cover":
        raise InputValueError("longest", f'None for how="{given.way}"', quoted(given.longest), "leave it out")
    if given.stride is not None and given.pad is None:
        raise InputValueError(
            "stride", "None without pad", quoted(given.stride), "pass the pad of the model's input too"
        )
    if (given.mean is None) != (given.std is None):
        raise InputValueError("mean, std", "both, or none of them", "one of them", "pass the other too")
    return {
        "resize": _check_side("resize", given.resize) if _is_one(given.resize) else _check_pair("resize", given.resize),
        "longest": _check_side("longest", given.longest),
        "upscale": switch("upscale", given.upscale),
        "antialias": switch("antialias", given.antialias),
        "crop": _check_pair("crop", given.crop),
        "pad": _check_pair("pad", given.pad),
        "stride": _check_side("stride", given.stride),
        "fill": _check_fill(given.fill),
        "mean": _check_values("mean", given.mean, -math.inf),
        "std": _check_values("std", given.std, 0),
        "white": _check_white(given.white),
        "remarks": tuple(map(str, given.remarks)),
    }


def _is_one(resize: object) -> bool:
    return not isinstance(resize, Sequence) or isinstance(resize, str)


def _check_side(name: str, side: object) -> int | None:
    return None if side is None else integer(name, side)


def _check_pair(name: str, pair: object) -> Pair | None:
    if pair is None:
        return None
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise InputTypeError(name, "(height, width) in pixels", quoted(pair), "pass two whole numbers")
    height, width = (integer(name, side) for side in pair)
    return height, width


def _check_fill(fill: object) -> Fill:
    if fill is None:
        return None
    codes = fill if isinstance(fill, Sequence) and not isinstance(fill, str) else (fill,)
    if len(codes) not in (1, 3):
        raise InputTypeError("fill", "a code from 0 to 255, or three", quoted(fill), "pass for instance 114")
    checked = tuple(integer("fill", code, 0) for code in codes)
    if max(checked) > 255:
        raise InputValueError("fill", "codes from 0 to 255", quoted(fill), "pass for instance 114")
    return checked[0] if len(checked) == 1 else (checked[0], checked[1], checked[2])


def _check_values(name: str, values: object, low: float) -> tuple[float, ...] | None:
    if values is None:
        return None
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 3:
        raise InputTypeError(name, "three numbers, of red, green and blue", quoted(values), "pass these")
    checked = tuple(number(name, value, low, math.inf) for value in values)
    if min(checked) <= low:
        raise InputValueError(name, f"numbers above {low:g}", quoted(values), "for a channel that never varies pass 1")
    return checked


def _check_white(white: object) -> float:
    value = number("white", white, 0, math.inf)
    if value == 0:
        raise InputValueError("white", "a number above 0", quoted(white), "pass 1, or 255 to keep codes")
    return value
