"""What the readers of config files share: values by their keys, and refusals by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias, TypedDict, TypeGuard

from ..errors import InputValueError, quoted
from .sizes import Center, Pair, Rounding, Way

__all__ = [
    "Config",
    "Engine",
    "Fields",
    "is_side",
    "read_number",
    "read_numbers",
    "read_switch",
    "refuse_others",
    "require",
]

Config: TypeAlias = Mapping[str, object]
Engine = Literal["pillow", "torchvision"]


class Fields(TypedDict, total=False):
    """What a reader has found out: the fields of a Preprocess."""

    resize: int | Pair | None
    how: Way | None
    longest: int | None
    rounding: Rounding
    upscale: bool
    method: str
    antialias: bool
    engine: Engine
    crop: Pair | None
    center: Center
    pad: Pair | None
    stride: int | None
    anchor: str
    fill: int | tuple[int, int, int] | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    white: float
    remarks: tuple[str, ...]


def read_numbers(config: Config, key: str) -> tuple[float, ...]:
    """Read three numbers."""
    numbers = config.get(key)
    if not isinstance(numbers, list | tuple) or len(numbers) != 3 or not all(map(_is_number, numbers)):
        raise InputValueError(key, "three numbers", quoted(numbers), "check the config")
    return tuple(map(float, numbers))


def read_number(config: Config, key: str, low: float, high: float, default: float | None = None) -> float:
    """Read a number above `low`, up to `high`."""
    value = config.get(key)
    value = default if value is None else value
    if not isinstance(value, int | float) or isinstance(value, bool) or not low < value <= high:
        span = f"a number above {low}" + (f", up to {high}" if high < math.inf else "")
        raise InputValueError(key, span, quoted(value), "check the config")
    return float(value)


def read_switch(config: Config, key: str, default: bool | None) -> bool:
    """Read true or false; a missing one is the default, or refused."""
    value = config.get(key)
    value = default if value is None else value
    require(config, key, isinstance(value, bool), "true or false")
    return bool(value)


def refuse_others(config: Config, known: frozenset[str]) -> None:
    """Refuse keys that nobody here understands, and so may change the picture."""
    for key in sorted(set(config) - known):
        if config[key] is not None:
            raise InputValueError(key, "a key that is understood", quoted(config[key]), "write the steps as a Recipe")


def require(config: Config, key: str, holds: bool, expected: str) -> None:
    """Refuse the value of a key unless it holds what is understood."""
    if not holds:
        raise InputValueError(key, expected, quoted(config.get(key)), "write the steps as a Recipe")


def is_side(value: object) -> TypeGuard[int]:
    """Whether a value is a number of pixels."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
