"""Numbers of CSS: units, and what calc() and its kin work out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .css import Node
from .size import to_pixels

__all__ = ["MATH", "Quantity", "Scale", "evaluate", "length_text", "significant"]

Kind = Literal["number", "length", "angle", "percent"]

# CSS Values 4, section 7.1, in degrees.
_ANGLES = {"deg": 1.0, "grad": 0.9, "rad": 180 / math.pi, "turn": 360.0}
_CONSTANTS = {"pi": math.pi, "e": math.e, "infinity": math.inf, "-infinity": -math.inf, "nan": math.nan}
# Deeper than anybody writes; Python's own stack holds some hundreds.
_MAX_DEPTH = 32


class Quantity(NamedTuple):
    """A number, a length in px, an angle in degrees, or a percentage."""

    value: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Scale:
    """What relative units are relative to.

    Attributes:
        font_size: of the element, in px.
        viewport: the width and height that vw and vh are hundredths of, in px.
        full: what 100% is, in px; None keeps percentages.
        names: words that stand for numbers, such as the channels of a color.
    """

    font_size: float = 16.0
    viewport: tuple[float, float] = (100.0, 100.0)
    full: float | None = None
    names: Mapping[str, float] = field(default_factory=dict)


def significant(tokens: Sequence[Node]) -> list[Node]:
    """Tokens without blanks and comments."""
    return [token for token in tokens if token.type not in ("whitespace", "comment")]


def evaluate(token: Node, scale: Scale, depth: int = 0) -> Quantity | None:
    """What one component value is worth; None where it is no number.

    Source: CSS Values and Units 4, sections 5 to 10.
    """
    if token.type == "number":
        return Quantity(float(token.value), "number")
    if token.type == "percentage":
        share = float(token.value)
        return Quantity(share, "percent") if scale.full is None else Quantity(share / 100 * scale.full, "length")
    if token.type == "dimension":
        return _dimension(float(token.value), token.lower_unit, scale)
    if token.type == "ident":
        known = scale.names.get(token.lower_value, _CONSTANTS.get(token.lower_value))
        return None if known is None else Quantity(known, "number")
    if token.type == "() block" and depth < _MAX_DEPTH:
        return _sum(significant(token.content or []), scale, depth + 1)
    if token.type == "function" and token.lower_name in MATH and depth < _MAX_DEPTH:
        return _call(token, scale, depth + 1)
    return None


def _dimension(value: float, unit: str, scale: Scale) -> Quantity | None:
    if unit in _ANGLES:
        return Quantity(value * _ANGLES[unit], "angle")
    across, down = scale.viewport
    of_viewport = {"vw": across, "vh": down, "vmin": min(across, down), "vmax": max(across, down)}
    if unit in of_viewport:
        return Quantity(value / 100 * of_viewport[unit], "length")
    pixels = to_pixels(f"{value!r}{unit}", font_size=scale.font_size)
    return None if pixels is None else Quantity(pixels, "length")


def _sum(tokens: list[Node], scale: Scale, depth: int) -> Quantity | None:
    """A sum of products: `a + b * c`."""
    terms: list[list[Node]] = [[]]
    signs = [1.0]
    for token in tokens:
        if token.type == "literal" and token.value in ("+", "-"):
            terms.append([])
            signs.append(1.0 if token.value == "+" else -1.0)
        else:
            terms[-1].append(token)
    total: Quantity | None = None
    for sign, term in zip(signs, terms, strict=True):
        found = _product(term, scale, depth)
        if found is None or (total is not None and total.kind != found.kind):
            return None
        total = Quantity((total.value if total else 0.0) + sign * found.value, found.kind)
    return total


def _product(tokens: list[Node], scale: Scale, depth: int) -> Quantity | None:
    if len(tokens) % 2 == 0:
        return None
    total = evaluate(tokens[0], scale, depth)
    for sign, token in zip(tokens[1::2], tokens[2::2], strict=True):
        found = evaluate(token, scale, depth)
        if total is None or found is None or sign.type != "literal" or sign.value not in ("*", "/"):
            return None
        if sign.value == "*" and "number" in (total.kind, found.kind):
            total = Quantity(total.value * found.value, found.kind if total.kind == "number" else total.kind)
        elif sign.value == "/" and found.kind == "number":
            total = Quantity(total.value / found.value if found.value else math.inf, total.kind)
        else:
            return None
    return total


def _call(token: Node, scale: Scale, depth: int) -> Quantity | None:
    groups: list[list[Node]] = [[]]
    for part in significant(token.arguments):
        if part.type == "literal" and part.value == ",":
            groups.append([])
        else:
            groups[-1].append(part)
    values = [_sum(group, scale, depth) for group in groups]
    found = [value for value in values if value is not None]
    least, most, work, result = MATH[token.lower_name]
    if len(found) < len(values) or not least <= len(found) <= most or len({value.kind for value in found}) > 1:
        return None
    plain = result in ("angle", "trigonometry") or token.lower_name in ("sqrt", "pow", "exp", "log")
    if plain and found[0].kind not in ("number", "angle"):
        return None
    numbers = [
        math.radians(value.value) if result == "trigonometry" and value.kind == "angle" else value.value
        for value in found
    ]
    try:
        answer = work(*numbers)
    except (ValueError, OverflowError, ZeroDivisionError):
        answer = math.nan
    if math.isnan(answer):
        return None
    kinds: dict[str, Kind] = {"number": "number", "trigonometry": "number", "angle": "angle"}
    return Quantity(math.degrees(answer) if result == "angle" else answer, kinds.get(result, found[0].kind))


def _clamp(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


# By name: how many arguments, the function, and what comes out: "same" as went in, a number, or an angle.
MATH: dict[str, tuple[int, int, Callable[..., float], str]] = {
    "calc": (1, 1, lambda value: value, "same"),
    "-webkit-calc": (1, 1, lambda value: value, "same"),
    "min": (1, 64, min, "same"),
    "max": (1, 64, max, "same"),
    "clamp": (3, 3, _clamp, "same"),
    "abs": (1, 1, abs, "same"),
    "sign": (1, 1, lambda value: float((value > 0) - (value < 0)), "number"),
    "mod": (2, 2, lambda value, step: value - step * math.floor(value / step), "same"),
    "rem": (2, 2, math.fmod, "same"),
    "round": (1, 2, lambda value, step=1.0: step * math.floor(value / step + 0.5), "same"),
    "hypot": (1, 64, math.hypot, "same"),
    "sqrt": (1, 1, math.sqrt, "number"),
    "pow": (2, 2, math.pow, "number"),
    "exp": (1, 1, math.exp, "number"),
    "log": (1, 2, math.log, "number"),
    "sin": (1, 1, math.sin, "trigonometry"),
    "cos": (1, 1, math.cos, "trigonometry"),
    "tan": (1, 1, math.tan, "trigonometry"),
    "asin": (1, 1, math.asin, "angle"),
    "acos": (1, 1, math.acos, "angle"),
    "atan": (1, 1, math.atan, "angle"),
    "atan2": (2, 2, math.atan2, "angle"),
}


def length_text(quantity: Quantity) -> str | None:
    """A quantity as a value of an attribute: a number of px, a percentage or a plain number; None beyond any drawing."""
    if quantity.kind == "angle" or not abs(quantity.value) < 1e9:
        return None
    text = f"{quantity.value:.9g}"
    return f"{text}%" if quantity.kind == "percent" else text
