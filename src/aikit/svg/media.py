"""Which rules in at-rules of a style sheet hold for a still picture."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .css import Node
from .css_colors import ColorScheme
from .css_numbers import Scale, evaluate, significant

__all__ = ["Medium", "holds"]


@dataclass(frozen=True, slots=True)
class Medium:
    """What a drawing is shown on: a screen of the drawing's own size.

    Attributes:
        width: of the drawing, in px.
        height: of the drawing, in px.
        color_scheme: "light" or "dark".
    """

    width: float
    height: float
    color_scheme: ColorScheme = "light"


# Media Queries 5: features of words, with what a still picture on a screen in color has.
_WORDS = {
    "update": "none", "hover": "none", "any-hover": "none", "pointer": "none", "any-pointer": "none", "scripting": "none",
    "grid": "0", "prefers-reduced-motion": "reduce", "prefers-contrast": "no-preference", "forced-colors": "none",
    "prefers-reduced-transparency": "no-preference", "prefers-reduced-data": "no-preference", "inverted-colors": "none",
    "color-gamut": "srgb", "dynamic-range": "standard", "overflow-block": "none", "overflow-inline": "none",
}  # fmt: skip
# Features that stand for false where nothing is asked of them.
_FALSE = {"none", "no-preference", "0"}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": lambda first, second: abs(first - second) < 1e-6,
}
_MAX_DEPTH = 16


def holds(rule: Node, medium: Medium) -> bool | None:
    """Whether what stands in an at-rule holds; None where nobody can say.

    Source: Media Queries 5; CSS Conditional Rules 3.
    """
    prelude = significant(rule.prelude)
    if rule.lower_at_keyword == "media":
        return not prelude or any(_query(each, medium) for each in _split(prelude))
    if rule.lower_at_keyword == "supports":
        return _condition(prelude, _supports, 0)
    return True if rule.lower_at_keyword == "layer" else None


def _split(tokens: Sequence[Node]) -> list[list[Node]]:
    groups: list[list[Node]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            groups.append([])
        else:
            groups[-1].append(token)
    return groups


def _word(token: Node) -> str:
    return token.lower_value if token.type == "ident" else ""


def _query(tokens: list[Node], medium: Medium) -> bool:
    """One query of a list: `not screen and (min-width: 30em)`. What is not understood does not hold."""
    if not tokens:
        return False
    turned, rest = False, list(tokens)
    if _word(rest[0]) in ("not", "only") and len(rest) > 1 and rest[1].type == "ident":
        turned, rest = _word(rest[0]) == "not", rest[1:]
    if rest[0].type == "ident" and _word(rest[0]) != "not":
        matched = _word(rest[0]) in ("all", "screen")
        rest = rest[1:]
        if rest:
            told = _condition(rest[1:], lambda inner: _feature(inner, medium), 0) if _word(rest[0]) == "and" else None
            if told is None:
                return False
            matched = matched and told
        return matched != turned
    return _condition(rest, lambda inner: _feature(inner, medium), 0) or False


def _condition(tokens: list[Node], ask: Callable[[list[Node]], bool | None], depth: int) -> bool | None:
    """`not (a)`, `(a) and (b)`, `(a) or (b)`, nested; None where it is not understood."""
    if not tokens or depth > _MAX_DEPTH:
        return None
    if _word(tokens[0]) == "not":
        told = _in_parentheses(tokens[1], ask, depth) if len(tokens) == 2 else None
        return None if told is None else not told
    joints = {_word(token) for token in tokens[1::2]}
    parts = [_in_parentheses(token, ask, depth) for token in tokens[::2]]
    grouped = all(token.type in ("() block", "function") for token in tokens[::2])
    if len(tokens) % 2 == 0 or not grouped or len(joints) > 1 or not joints <= {"and", "or"}:
        return None
    if joints == {"or"}:
        return True if any(parts) else None if None in parts else False
    return False if False in parts else None if None in parts else True


def _in_parentheses(token: Node, ask: Callable[[list[Node]], bool | None], depth: int) -> bool | None:
    if token.type == "function":  # selector(...) and the like
        return None
    if token.type != "() block":
        return None
    inner = significant(token.content or [])
    nested = bool(inner) and (inner[0].type == "() block" or (_word(inner[0]) == "not" and len(inner) == 2))
    return _condition(inner, ask, depth + 1) if nested else ask(inner)


def _supports(inner: list[Node]) -> bool | None:
    """A declaration that a browser of today knows: all that are written so are."""
    return len(inner) >= 3 and inner[0].type == "ident" and inner[1].type == "literal" and inner[1].value == ":"


def _feature(inner: list[Node], medium: Medium) -> bool | None:
    """`orientation: landscape`, `min-width: 300px`, `width >= 300px`, `200px < width < 1in`, `color`."""
    if not inner:
        return None
    signs = [at for at, token in enumerate(inner) if token.type == "literal" and token.value in ("<", ">", "=")]
    if signs:
        return _range(inner, medium)
    name = _word(inner[0])
    if len(inner) == 1:
        return _stands(name, medium)
    if inner[1].type != "literal" or inner[1].value != ":":
        return None
    if name.startswith(("min-", "max-")):
        return _compare(name[4:], ">=" if name.startswith("min-") else "<=", inner[2:], medium)
    if _number_of(name, medium) is not None:
        return _compare(name, "=", inner[2:], medium)
    value = _word(inner[2]) if inner[2].type == "ident" else str(inner[2].value) if inner[2].type == "number" else ""
    own = _own_word(name, medium)
    return None if own is None or len(inner) > 3 else own == value or (own, value) == ("0", "0.0")


def _own_word(name: str, medium: Medium) -> str | None:
    if name == "prefers-color-scheme":
        return medium.color_scheme
    if name == "orientation":
        return "portrait" if medium.height >= medium.width else "landscape"
    return _WORDS.get(name)


def _number_of(name: str, medium: Medium) -> float | None:
    known = {
        "width": medium.width, "height": medium.height, "device-width": medium.width, "device-height": medium.height,
        "aspect-ratio": medium.width / medium.height, "device-aspect-ratio": medium.width / medium.height,
        "resolution": 96.0, "color": 8.0, "monochrome": 0.0, "color-index": 0.0, "-webkit-device-pixel-ratio": 1.0,
    }  # fmt: skip
    return known.get(name)


def _stands(name: str, medium: Medium) -> bool | None:
    number = _number_of(name, medium)
    if number is not None:
        return number != 0
    own = _own_word(name, medium)
    return None if own is None else own not in _FALSE


def _value(tokens: list[Node]) -> float | None:
    if len(tokens) == 3 and tokens[1].type == "literal" and tokens[1].value == "/":
        first, second = evaluate(tokens[0], Scale()), evaluate(tokens[2], Scale())
        return first.value / second.value if first and second and second.value else None
    if len(tokens) != 1:
        return None
    if tokens[0].type == "dimension" and tokens[0].lower_unit in ("dpi", "dpcm", "dppx", "x"):
        return float(tokens[0].value) * {"dpi": 1.0, "dpcm": 2.54, "dppx": 96.0, "x": 96.0}[tokens[0].lower_unit]
    found = evaluate(tokens[0], Scale())
    return found.value if found is not None and found.kind in ("length", "number") else None


def _compare(name: str, sign: str, tokens: list[Node], medium: Medium) -> bool | None:
    own, asked = _number_of(name, medium), _value(tokens)
    return None if own is None or asked is None else _COMPARE[sign](own, asked)


def _range(inner: list[Node], medium: Medium) -> bool | None:
    """Values and a name with signs between them."""
    parts: list[list[Node]] = [[]]
    signs: list[str] = []
    for token in inner:
        if token.type == "literal" and token.value in ("<", ">", "=", "<=", ">="):
            if parts[-1]:
                signs.append(token.value)
                parts.append([])
            else:  # the "=" of "<="
                signs[-1:] = [signs[-1] + token.value] if signs else [token.value]
        else:
            parts[-1].append(token)
    numbers = [
        _number_of(_word(part[0]), medium) if len(part) == 1 and _word(part[0]) else _value(part) for part in parts
    ]
    if (
        not 1 <= len(signs) <= 2
        or any(number is None for number in numbers)
        or any(sign not in _COMPARE for sign in signs)
    ):
        return None
    known = [number for number in numbers if number is not None]
    return all(_COMPARE[sign](first, second) for sign, first, second in zip(signs, known, known[1:], strict=False))
