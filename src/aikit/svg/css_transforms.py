"""The transform properties of CSS as one matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .css import Node
from .css_numbers import Quantity, Scale, evaluate, significant
from .size import Size
from .transform import matrix, rotation, scaling, translation

if TYPE_CHECKING:
    from .transform import Matrix

__all__ = ["TRANSFORMS", "origin_of", "read_transforms"]

# In the order in which CSS Transforms 2, section 12, applies them.
TRANSFORMS = ("translate", "rotate", "scale", "transform")
_WORDS = {"left": 0.0, "top": 0.0, "center": 50.0, "right": 100.0, "bottom": 100.0}


def read_transforms(values: Mapping[str, str], scale: Scale, box: Size) -> Matrix | None:
    """One matrix of translate, rotate, scale and transform; None where one of them is none, or leaves the plane.

    Args:
        values: the properties that are set, by their names.
        scale: what units are relative to.
        box: width and height of the reference box, which percentages are of.
    """
    import numpy as np
    import tinycss2

    product = np.eye(3)
    for name in TRANSFORMS:
        text = values.get(name, "none").strip()
        if text.lower() == "none":
            continue
        tokens = significant(tinycss2.parse_component_value_list(text))
        found = _list(tokens, scale, box) if name == "transform" else _single(name, tokens, scale, box)
        if found is None:
            return None
        product = product @ found
    return product if np.isfinite(product).all() else None


def _single(name: str, tokens: list[Node], scale: Scale, box: Size) -> Matrix | None:
    if name == "rotate":
        if len(tokens) == 2 and tokens[0].type == "ident" and tokens[0].lower_value == "z":
            tokens = tokens[1:]
        return _apply("rotate", tokens, scale, box) if len(tokens) == 1 else None
    return _apply(name, tokens[:2], scale, box) if 1 <= len(tokens) <= 3 else None


def _list(tokens: list[Node], scale: Scale, box: Size) -> Matrix | None:
    import numpy as np

    product = np.eye(3)
    for token in tokens:
        if token.type != "function":
            return None
        arguments = [one for one in significant(token.arguments) if not (one.type == "literal" and one.value == ",")]
        found = _apply(token.lower_name, arguments, scale, box)
        if found is None:
            return None
        product = product @ found
    return product


def _apply(name: str, arguments: list[Node], scale: Scale, box: Size) -> Matrix | None:
    """One function by its arguments."""
    if name not in _FUNCTIONS:
        return None
    least, most, kind, work = _FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        return None
    fulls = (box[1], box[1]) if name == "translatey" else box
    numbers = []
    for at, token in enumerate(arguments):
        full = fulls[min(at, 1)] if kind == "length" else None
        number = _number(evaluate(token, Scale(scale.font_size, scale.viewport, full)), kind)
        if number is None:
            return None
        numbers.append(number)
    return work(*numbers)


def _number(found: Quantity | None, kind: str) -> float | None:
    """The number of a quantity that may stand where `kind` is asked for; a plain number is px, and degrees, as in SVG."""
    if found is None:
        return None
    if found.kind == "percent":
        return found.value / 100 if kind == "factor" else None
    return found.value if found.kind == "number" or found.kind == kind else None


def _skew(x: float, y: float = 0.0) -> Matrix:
    return matrix(1, math.tan(math.radians(y)), math.tan(math.radians(x)), 1, 0, 0)


# CSS Transforms 1 and 2: how many arguments, of which kind, and the matrix; what leaves the plane is not among them.
_FUNCTIONS: dict[str, tuple[int, int, str, Callable[..., Matrix]]] = {
    "matrix": (6, 6, "factor", matrix),
    "translate": (1, 2, "length", translation),
    "translatex": (1, 1, "length", translation),
    "translatey": (1, 1, "length", lambda y: translation(0, y)),
    "translate3d": (3, 3, "length", lambda x, y, _: translation(x, y)),
    "translatez": (1, 1, "length", lambda _: translation(0, 0)),
    "scale": (1, 2, "factor", scaling),
    "scalex": (1, 1, "factor", lambda x: scaling(x, 1)),
    "scaley": (1, 1, "factor", lambda y: scaling(1, y)),
    "scale3d": (3, 3, "factor", lambda x, y, _: scaling(x, y)),
    "scalez": (1, 1, "factor", lambda _: scaling(1)),
    "rotate": (1, 3, "angle", rotation),
    "rotatez": (1, 1, "angle", rotation),
    "skew": (1, 2, "angle", _skew),
    "skewx": (1, 1, "angle", _skew),
    "skewy": (1, 1, "angle", lambda y: _skew(0, y)),
}


def origin_of(text: str, scale: Scale, box: Size) -> tuple[float, float] | None:
    """A transform-origin, measured from the left upper corner of the reference box.

    Source: CSS Transforms 1, section 6.
    """
    import tinycss2

    tokens = significant(tinycss2.parse_component_value_list(text))
    words = [token.lower_value if token.type == "ident" else "" for token in tokens]
    if not 1 <= len(tokens) <= 3 or any(word and word not in _WORDS for word in words):
        return None
    if words[0] in ("top", "bottom") or (len(words) > 1 and words[1] in ("left", "right")):  # "top right"
        tokens[:2] = tokens[1::-1] if len(tokens) > 1 else tokens[:1]
        if len(tokens) == 1:
            return box[0] / 2, _WORDS[words[0]] / 100 * box[1]
    found = []
    for token, full in zip(tokens[:2], box, strict=False):
        if token.type == "ident":
            found.append(_WORDS[token.lower_value] / 100 * full)
            continue
        number = _number(evaluate(token, Scale(scale.font_size, scale.viewport, full)), "length")
        if number is None:
            return None
        found.append(number)
    return found[0], found[1] if len(found) > 1 else box[1] / 2
