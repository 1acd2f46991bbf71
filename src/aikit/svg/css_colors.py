"""Colors of CSS as codes of sRGB, which both renderers read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from .css import Node
from .css_numbers import Scale, evaluate, significant

__all__ = ["ColorScheme", "color_text"]

ColorScheme = Literal["light", "dark"]
Part: TypeAlias = "float | None"  # None is CSS's `none`


class _Color(NamedTuple):
    """A color in a space of CSS; alpha None is `none`."""

    space: str
    parts: tuple[Part, Part, Part]
    alpha: Part = 1.0


# The functions of CSS Color 4 but color(): their space, what 100% of each channel is, and the channels' names.
_FUNCTIONS: dict[str, tuple[str, tuple[float, float, float], str]] = {
    "rgb": ("rgb", (255, 255, 255), "rgb"),
    "rgba": ("rgb", (255, 255, 255), "rgb"),
    "hsl": ("hsl", (math.nan, 100, 100), "hsl"),
    "hsla": ("hsl", (math.nan, 100, 100), "hsl"),
    "hwb": ("hwb", (math.nan, 100, 100), "hwb"),
    "lab": ("lab", (100, 125, 125), "lab"),
    "lch": ("lch", (100, 150, math.nan), "lch"),
    "oklab": ("oklab", (1, 0.4, 0.4), "lab"),
    "oklch": ("oklch", (1, 0.4, math.nan), "lch"),
}
# Which channel is an angle.
_HUE = {"hsl": 0, "hwb": 0, "lch": 2, "oklch": 2}
# CSS Color 4, section 10 and its sample code: linear light to XYZ of D65, and the curves.
_LINEAR_TO_XYZ: dict[str, tuple[tuple[float, float, float], ...]] = {
    "display-p3": (
        (608311 / 1250200, 189793 / 714400, 198249 / 1000160),
        (35783 / 156275, 247089 / 357200, 198249 / 2500400),
        (0.0, 32229 / 714400, 5220557 / 5000800),
    ),
    "a98-rgb": (
        (573536 / 994567, 263643 / 1420810, 187206 / 994567),
        (591459 / 1989134, 6239551 / 9945670, 374412 / 4972835),
        (53769 / 1989134, 351524 / 4972835, 4929758 / 4972835),
    ),
    "rec2020": (
        (63426534 / 99577255, 20160776 / 139408157, 47086771 / 278816314),
        (26158966 / 99577255, 472592308 / 697040785, 8267143 / 139408157),
        (0.0, 19567812 / 697040785, 295819943 / 278816314),
    ),
    "prophoto-rgb": (  # to XYZ of D50
        (0.79776664490064230, 0.13518129740053308, 0.03134773412839220),
        (0.28807482881940130, 0.71183523424187300, 0.00008993693872564),
        (0.0, 0.0, 0.82510460251046020),
    ),
}
# The white points by their chromaticities, and Bradford's adaptation of one to the other (CSS Color 4, section 11).
_D50 = (0.3457 / 0.3585, 1.0, (1 - 0.3457 - 0.3585) / 0.3585)
_D50_TO_D65 = (
    (0.955473421488075, -0.02309845494876471, 0.06325924320057072),
    (-0.0283697093338637, 1.0099953980813041, 0.021041441191917323),
    (0.012314014864481998, -0.020507649298898964, 1.330365926242124),
)
_NAMED_SPACES = {"srgb", "srgb-linear", "xyz", "xyz-d50", "xyz-d65", *_LINEAR_TO_XYZ}


def color_text(token: Node, scheme: ColorScheme, current: str, *, of_light: bool = False) -> str | None:
    """One component value that is a color as "#rrggbb" or "rgba(...)"; None where it is none.

    Args:
        token: the value.
        scheme: which of the two light-dark() takes.
        current: what `currentcolor` is inside of other colors; alone it stays as it is.
        of_light: whether the codes count light, as those of `srgb-linear` do.
    """
    if token.type == "ident" and token.lower_value == "currentcolor":
        return "currentColor"
    found = _parse(token, scheme, current, 0)
    if found is None:
        return None
    *rgb, alpha = as_codes(found, "srgb-linear" if of_light else "srgb")
    codes = [round(min(max(part, 0.0), 1.0) * 255) for part in rgb]
    return "#{:02x}{:02x}{:02x}".format(*codes) if alpha >= 1 else "rgba({},{},{},{:.5g})".format(*codes, alpha)


@lru_cache(maxsize=4096)
def as_codes(color: _Color, space: str) -> tuple[float, float, float, float]:
    """Red, green, blue and alpha, [0, 1] but for colors that sRGB does not hold, which browsers clip."""
    red, green, blue = _convert(color, space).parts
    return red or 0.0, green or 0.0, blue or 0.0, min(max(color.alpha or 0.0, 0.0), 1.0)


# ---------------------------------------------------------------- reading


def _parse(token: Node, scheme: ColorScheme, current: str, depth: int) -> _Color | None:
    from tinycss2 import color4

    if depth > 8:
        return None
    if token.type == "hash" or (token.type == "ident" and token.lower_value != "currentcolor"):
        found = color4.parse_color(token)
        return None if found is None else _Color("srgb", tuple(found.coordinates), found.alpha)
    if token.type == "ident":
        return _parse_text(current, scheme, depth + 1)
    if token.type != "function":
        return None
    if token.lower_name == "color-mix":
        return _mix(token, scheme, current, depth)
    if token.lower_name == "light-dark":
        sides = _split_commas(token.arguments)
        chosen = sides[scheme == "dark"] if len(sides) == 2 else []
        return _parse(chosen[0], scheme, current, depth + 1) if len(chosen) == 1 else None
    if token.lower_name == "color" or token.lower_name in _FUNCTIONS:
        return _parse_function(token, scheme, current, depth)
    return None


def _parse_text(text: str, scheme: ColorScheme, depth: int) -> _Color | None:
    import tinycss2

    token = tinycss2.parse_one_component_value(text, skip_comments=True)
    own = token.type == "ident" and token.lower_value == "currentcolor"
    return _Color("srgb", (0.0, 0.0, 0.0)) if own else _parse(token, scheme, "black", depth)


def _split_commas(tokens: Sequence[Node]) -> list[list[Node]]:
    groups: list[list[Node]] = [[]]
    for token in significant(tokens):
        if token.type == "literal" and token.value == ",":
            groups.append([])
        else:
            groups[-1].append(token)
    return groups


def _parse_function(token: Node, scheme: ColorScheme, current: str, depth: int) -> _Color | None:
    arguments = significant(token.arguments)
    origin: _Color | None = None
    if len(arguments) > 1 and arguments[0].type == "ident" and arguments[0].lower_value == "from":
        origin = _parse(arguments[1], scheme, current, depth + 1)
        if origin is None:
            return None
        arguments = arguments[2:]
    if token.lower_name == "color":
        space = arguments[0].lower_value if arguments and arguments[0].type == "ident" else ""
        if space not in _NAMED_SPACES:
            return None
        full, names, arguments = (1.0, 1.0, 1.0), "xyz" if space.startswith("xyz") else "rgb", arguments[1:]
    else:
        space, full, names = _FUNCTIONS[token.lower_name]
    found = _split_arguments(arguments)
    if found is None:
        return None
    known: dict[str, float] = {}
    if origin is not None:
        whole = _convert(origin, space)
        known = dict(zip(names, (part or 0.0 for part in whole.parts), strict=True))
        known["alpha"] = 1.0 if origin.alpha is None else origin.alpha
    scale = Scale(names=known)
    parts = [
        _read_part(one, of, scale, at == _HUE.get(space))
        for at, (one, of) in enumerate(zip(found[:3], full, strict=True))
    ]
    alpha = _read_part(found[3], 1.0, scale, False) if len(found) > 3 else (known.get("alpha", 1.0),)
    if alpha is None or any(part is None for part in parts):
        return None
    first, second, third = (part[0] for part in parts if part is not None)
    return _Color(space, (first, second, third), alpha[0])


def _split_arguments(arguments: list[Node]) -> list[Node] | None:
    """Three channels and perhaps alpha, by the old syntax with commas or the new one with a slash."""
    signs = [token.value if token.type == "literal" else "" for token in arguments]
    if len(arguments) in (5, 7) and all(sign == "," for sign in signs[1::2]):
        return arguments[::2]
    if len(arguments) == 5 and signs[3] == "/":
        return [*arguments[:3], arguments[4]]
    return arguments if len(arguments) == 3 and not any(signs) else None


def _read_part(token: Node, full: float, scale: Scale, is_hue: bool) -> tuple[Part] | None:
    """A channel in a tuple of one; None where it is no number."""
    if token.type == "ident" and token.lower_value == "none":
        return (None,)
    found = evaluate(token, scale)
    if found is None or not math.isfinite(found.value):
        return None
    if found.kind == "angle":
        return (found.value,) if is_hue else None
    if found.kind == "length" or (found.kind == "percent" and is_hue):
        return None
    return (found.value / 100 * full if found.kind == "percent" else found.value,)


# ---------------------------------------------------------------- mixing


def _mix(token: Node, scheme: ColorScheme, current: str, depth: int) -> _Color | None:
    """color-mix(in oklch longer hue, red 20%, blue).

    Source: CSS Color 5, section 3.
    """
    groups = _split_commas(token.arguments)
    if len(groups) != 3:
        return None
    words = [each.lower_value if each.type == "ident" else "" for each in groups[0]]
    if len(words) not in (2, 4) or words[0] != "in" or words[1] not in {*_NAMED_SPACES, *_FUNCTIONS} - {"rgb", "rgba"}:
        return None
    way = words[2] if len(words) == 4 else "shorter"
    if (len(words) == 4 and (words[1] not in _HUE or words[3] != "hue")) or way not in _WAYS:
        return None
    sides = [_read_side(group, scheme, current, depth) for group in groups[1:]]
    if sides[0] is None or sides[1] is None:
        return None
    shares = _shares(sides[0][1], sides[1][1])
    if shares is None:
        return None
    first, second = (_convert(side[0], words[1]) for side in sides if side is not None)
    return _interpolate(first, second, shares[0], shares[1], way)


def _read_side(group: list[Node], scheme: ColorScheme, current: str, depth: int) -> tuple[_Color, float | None] | None:
    share: float | None = None
    colors = []
    for token in group:
        worth = evaluate(token, Scale()) if token.type == "percentage" else None
        if worth is None:
            colors.append(token)
        elif share is None and 0 <= worth.value <= 100:
            share = worth.value / 100
        else:
            return None
    found = _parse(colors[0], scheme, current, depth + 1) if len(colors) == 1 else None
    return None if found is None else (found, share)


def _shares(first: float | None, second: float | None) -> tuple[float, float] | None:
    """The share of the second color, and what alpha is multiplied by."""
    if first is None and second is None:
        return 0.5, 1.0
    if first is None or second is None:
        return (1 - first if first is not None else second or 0.0), 1.0
    total = first + second
    return None if total == 0 else (second / total, min(total, 1.0))


_WAYS = {"shorter", "longer", "increasing", "decreasing"}


def _interpolate(first: _Color, second: _Color, share: float, times: float, way: str) -> _Color:
    alphas = [
        first.alpha if first.alpha is not None else second.alpha,
        second.alpha if second.alpha is not None else first.alpha,
    ]
    before, after = (1.0 if alpha is None else alpha for alpha in alphas)
    alpha = before * (1 - share) + after * share
    parts: list[Part] = []
    for at, (one, other) in enumerate(zip(first.parts, second.parts, strict=True)):
        one, other = (other if one is None else one), (one if other is None else other)
        if one is None or other is None:
            parts.append(None)
        elif at == _HUE.get(first.space):
            parts.append((one + share * _turn(other - one, way)) % 360)
        else:
            mixed = one * before * (1 - share) + other * after * share
            parts.append(mixed / alpha if alpha else one * (1 - share) + other * share)
    return _Color(first.space, (parts[0], parts[1], parts[2]), alpha * times)


def _turn(difference: float, way: str) -> float:
    """How far a hue goes, in degrees (CSS Color 4, section 12.4)."""
    difference %= 360
    if way == "increasing":
        return difference
    if way == "decreasing":
        return difference - 360 if difference else 0.0
    short = difference - 360 if difference > 180 else difference
    if way == "shorter" or short == 0:
        return short
    return short - 360 if short > 0 else short + 360


# ---------------------------------------------------------------- spaces


def _convert(color: _Color, space: str) -> _Color:
    """The same color in another space; hues of gray are `none`."""
    if color.space == space:
        return color
    numbers = [part or 0.0 for part in color.parts]
    rgb = {"srgb": numbers, "rgb": [part / 255 for part in numbers]}.get(color.space)
    if color.space in ("hsl", "hwb"):
        rgb = _hsl_to_rgb(*numbers) if color.space == "hsl" else _hwb_to_rgb(*numbers)
    if rgb is not None and space in ("srgb", "rgb", "hsl", "hwb"):
        return _Color(space, _from_rgb(rgb, space), color.alpha)
    xyz = _aikit(rgb, "rgb", "xyz") if rgb is not None else _to_xyz(color.space, numbers)
    if space in ("srgb", "rgb", "hsl", "hwb"):
        return _Color(space, _from_rgb(_aikit(xyz, "xyz", "rgb"), space), color.alpha)
    return _Color(space, _from_xyz(xyz, space), color.alpha)


def _aikit(values: Sequence[float], src: str, dst: str) -> list[float]:
    import numpy as np

    from ..color import convert_color

    image = np.array([[values]], np.float64)
    return [float(part) for part in convert_color(image, src, dst)[0, 0]]  # type: ignore[arg-type]


def _multiply(matrix: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, values, strict=True)) for row in matrix]


def _invert(matrix: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    import numpy as np

    return [float(part) for part in np.linalg.solve(np.array(matrix), np.array(values))]


# aikit's Lab is of D65; CSS's is of D50. Lab is a function of XYZ by its white alone.
def _between_whites(values: Sequence[float], *, to_d50: bool) -> list[float]:
    white = _aikit([1.0, 1.0, 1.0], "rgb", "xyz")
    shares = [own / other if to_d50 else other / own for own, other in zip(_D50, white, strict=True)]
    return [value * share for value, share in zip(values, shares, strict=True)]


def _to_xyz(space: str, values: list[float]) -> list[float]:
    """To XYZ of D65."""
    if space in ("xyz", "xyz-d65"):
        return values
    if space == "xyz-d50":
        return _multiply(_D50_TO_D65, values)
    if space == "srgb-linear":
        return _aikit(values, "linear_rgb", "xyz")
    if space in ("oklab", "oklch"):
        return _aikit(values, space, "xyz")
    if space in ("lab", "lch"):
        return _multiply(_D50_TO_D65, _between_whites(_aikit(values, space, "xyz"), to_d50=True))
    linear = _multiply(_LINEAR_TO_XYZ[space], [math.copysign(_decode(space, abs(part)), part) for part in values])
    return _multiply(_D50_TO_D65, linear) if space == "prophoto-rgb" else linear


def _from_xyz(xyz: list[float], space: str) -> tuple[Part, Part, Part]:
    if space in ("xyz", "xyz-d65"):
        return xyz[0], xyz[1], xyz[2]
    if space == "srgb-linear":
        first, second, third = _aikit(xyz, "xyz", "linear_rgb")
        return first, second, third
    if space in ("oklab", "oklch"):
        return _without_hue(_aikit(xyz, "xyz", space), space, 4e-6)
    if space == "xyz-d50" or space in ("lab", "lch", "prophoto-rgb"):
        xyz = _invert(_D50_TO_D65, xyz)
    if space == "xyz-d50":
        return xyz[0], xyz[1], xyz[2]
    if space in ("lab", "lch"):
        return _without_hue(_aikit(_between_whites(xyz, to_d50=False), "xyz", space), space, 0.0015)
    parts = [math.copysign(_encode(space, abs(part)), part) for part in _invert(_LINEAR_TO_XYZ[space], xyz)]
    return parts[0], parts[1], parts[2]


def _without_hue(parts: list[float], space: str, least: float) -> tuple[Part, Part, Part]:
    return parts[0], parts[1], None if space.endswith("lch") and parts[1] < least else parts[2]


def _decode(space: str, code: float) -> float:
    """The light of a code (CSS Color 4, sample code of section 10)."""
    if space == "display-p3":
        return code / 12.92 if code <= 0.04045 else math.pow((code + 0.055) / 1.055, 2.4)
    if space == "a98-rgb":
        return math.pow(code, 563 / 256)
    if space == "prophoto-rgb":
        return code / 16 if code <= 16 / 512 else math.pow(code, 1.8)
    alpha, beta = 1.09929682680944, 0.018053968510807
    return code / 4.5 if code < beta * 4.5 else math.pow((code + alpha - 1) / alpha, 1 / 0.45)


def _encode(space: str, light: float) -> float:
    if space == "display-p3":
        return light * 12.92 if light <= 0.0031308 else 1.055 * math.pow(light, 1 / 2.4) - 0.055
    if space == "a98-rgb":
        return math.pow(light, 256 / 563)
    if space == "prophoto-rgb":
        return light * 16 if light < 1 / 512 else math.pow(light, 1 / 1.8)
    alpha, beta = 1.09929682680944, 0.018053968510807
    return light * 4.5 if light < beta else alpha * math.pow(light, 0.45) - (alpha - 1)


def _hsl_to_rgb(hue: float, saturation: float, lightness: float) -> list[float]:
    """Source: CSS Color 4, section 7.1."""
    saturation, lightness = max(saturation, 0) / 100, lightness / 100

    def channel(number: float) -> float:
        turn = (number + hue / 30) % 12
        return lightness - saturation * min(lightness, 1 - lightness) * max(-1.0, min(turn - 3, 9 - turn, 1.0))

    return [channel(0), channel(8), channel(4)]


def _hwb_to_rgb(hue: float, white: float, black: float) -> list[float]:
    """Source: CSS Color 4, section 8.1."""
    if white + black >= 100:
        return [white / (white + black)] * 3
    return [part * (1 - white / 100 - black / 100) + white / 100 for part in _hsl_to_rgb(hue, 100, 50)]


def _from_rgb(rgb: Sequence[float], space: str) -> tuple[Part, Part, Part]:
    if space in ("srgb", "rgb"):
        first, second, third = rgb if space == "srgb" else [part * 255 for part in rgb]
        return first, second, third
    low, high = min(rgb), max(rgb)
    hue: Part = None
    if high - low > 1e-5:
        red, green, blue = rgb
        turns = {red: (green - blue) / (high - low) % 6, green: (blue - red) / (high - low) + 2}
        hue = 60 * (turns[high] if high in turns else (red - green) / (high - low) + 4)
    if space == "hwb":
        return hue, 100 * low, 100 * (1 - high)
    middle = (low + high) / 2
    saturation = 0.0 if middle in (0, 1) else (high - middle) / min(middle, 1 - middle)
    return hue, 100 * saturation, 100 * middle
