"""Style sheets and styles worked out, until only what both renderers read is left.

resvg and CairoSVG read the CSS of SVG 1.1: what came later they drop, and paint black. Here its values become theirs.
Source: CSS Cascade 4, CSS Color 4 and 5, CSS Values 4, CSS Transforms 1 and 2, SVG 2 (geometry properties).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from . import css_transforms
from .css import LOCAL, Node, is_local
from .css_colors import color_text
from .css_numbers import MATH, Scale, evaluate, length_text, significant
from .media import Medium
from .sheets import inline
from .size import Box, Size, size_of, to_pixels, view_box
from .source import SVG, local_name
from .style import declarations, without_important
from .transform import fit_view_box, parse_transform, scale_of, translation
from .values import number
from .variables import define, substitute

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .transform import Matrix

__all__ = ["Page", "medium_of", "resolve", "summary"]

COLORS = frozenset(["fill", "stroke", "color", "stop-color", "flood-color", "lighting-color"])
# Lengths, and what their percentages are of: the width, the height, the diagonal of the viewport, or the font's size.
LENGTHS = {
    **dict.fromkeys(["x", "cx", "rx", "width", "x1", "x2", "dx", "fx"], "x"),
    **dict.fromkeys(["y", "cy", "ry", "height", "y1", "y2", "dy", "fy"], "y"),
    **dict.fromkeys(["r", "stroke-width", "stroke-dasharray", "stroke-dashoffset"], "diagonal"),
    **dict.fromkeys(["font-size", "letter-spacing", "word-spacing", "baseline-shift"], "font"),
}
NUMBERS = frozenset(
    "opacity fill-opacity stroke-opacity stop-opacity flood-opacity stroke-miterlimit font-weight".split()
)
# SVG 2, section 7.3: which elements have which lengths as properties.
GEOMETRY = {
    "rect": "x y width height rx ry",
    "image": "x y width height",
    "svg": "x y width height",
    "use": "x y width height",
    "foreignObject": "x y width height",
    "circle": "cx cy r",
    "ellipse": "cx cy rx ry",
    "path": "d",
}
_INHERITED = frozenset(
    """
    clip-rule color color-interpolation color-interpolation-filters cursor direction dominant-baseline fill fill-opacity
    fill-rule font font-family font-size font-stretch font-style font-variant font-weight image-rendering letter-spacing
    marker marker-end marker-mid marker-start paint-order pointer-events shape-rendering stroke stroke-dasharray
    stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor
    text-rendering visibility word-spacing writing-mode
    """.split()
)
# SVG 2, property index: what inherited properties begin with, for the word `initial`.
_INITIAL = {
    "fill": "#000000", "stroke": "none", "color": "#000000", "fill-opacity": "1", "stroke-opacity": "1", "stroke-width": "1",
    "stroke-dasharray": "none", "stroke-dashoffset": "0", "stroke-linecap": "butt", "stroke-linejoin": "miter",
    "stroke-miterlimit": "4", "fill-rule": "nonzero", "clip-rule": "nonzero", "visibility": "visible", "font-size": "16",
    "font-weight": "normal", "font-style": "normal", "text-anchor": "start", "letter-spacing": "normal",
    "word-spacing": "normal", "marker-start": "none", "marker-mid": "none", "marker-end": "none", "paint-order": "normal",
}  # fmt: skip
_MARKERS = ("marker-start", "marker-mid", "marker-end")
_GRADIENTS = {
    "linearGradient": "gradientTransform",
    "radialGradient": "gradientTransform",
    "pattern": "patternTransform",
}
_TRANSFORMS = frozenset([*css_transforms.TRANSFORMS, "transform-origin", "transform-box"])
# What neither is drawn nor has another way of being drawn.
_TOLD = {
    "animation": "CSS animation", "animation-name": "CSS animation", "offset-path": "offset-path",
    "mask-image": "mask-image", "backdrop-filter": "backdrop-filter", "shape-inside": "shape-inside",
    "inline-size": "inline-size", "perspective": "perspective",
}  # fmt: skip
_SHAPES = re.compile(r"\b(circle|ellipse|inset|polygon|path|rect|xywh|shape)\s*\(", re.IGNORECASE)
_MEANT = re.compile(r"--|\b(?:initial|unset|revert|revert-layer)\b", re.IGNORECASE)
_FUNCTION = re.compile(r"[\w-]+\(")

# ---------------------------------------------------------------- is there anything to do

# Selectors that resvg reads: types, classes, ids, one within another.
_PLAIN_SELECTORS = re.compile(r"[\w\s.#,*>-]*")
_BLOCK = re.compile(r"\{[^{}]*\}")
# Properties and values that the renderers do not know, or read otherwise.
_NEEDS = re.compile(
    r"(?<![\w-])(?:--[\w-]+|x|y|cx|cy|r|rx|ry|d|width|height|transform(?:-origin|-box)?|translate|rotate|scale|font|marker"
    r"|vector-effect|animation(?:-name)?|clip-path|mask-image|backdrop-filter|offset-path|inline-size|perspective)\s*:"
    r"|\b(?:initial|unset|revert|transparent|rebeccapurple)\b|#(?:[0-9a-f]{4}|[0-9a-f]{8})\b|\d(?:rem|ch|vw|vh|vmin|vmax|q)\b"
    rf"|\b(?:var|env|color|color-mix|light-dark|rgba?|hsla?|hwb|lab|lch|oklab|oklch|{'|'.join(MATH)})\(",
    re.IGNORECASE,
)
_PLAIN_COLOR = re.compile(
    r"#[0-9a-f]{3}(?:[0-9a-f]{3})?|none|inherit|currentcolor|context-(?:fill|stroke)|url\(#[^)]*\)", re.I
)
_CALLS = re.compile(rf"(?:^|[^\w-])(?:var|env|{'|'.join(MATH)})\(", re.IGNORECASE)
_NEW_NAMES = {"transparent", "rebeccapurple", "currentcolor"}


def _sheet_needs(style: _Element) -> bool:
    """Whether rules have to be matched and worked out here."""
    text = style.text or ""
    return (
        not _PLAIN_SELECTORS.fullmatch(_BLOCK.sub("", text))
        or _NEEDS.search(text) is not None
        or "media" in style.attrib
    )


def _is_plain_color(value: str) -> bool:
    return _PLAIN_COLOR.fullmatch(value.strip()) is not None or value.strip().lower() in _named_colors()


@lru_cache(maxsize=1)
def _named_colors() -> frozenset[str]:
    from tinycss2 import color3

    return frozenset(color3._COLOR_KEYWORDS) - _NEW_NAMES


# ---------------------------------------------------------------- the document


@dataclass(frozen=True, slots=True)
class Page:
    """What a drawing is shown on.

    Attributes:
        medium: what media queries ask about.
        color: what `currentColor` is where the drawing does not say it; None for black.
        size: the width and height that it is drawn in, in pixels.
    """

    medium: Medium
    color: str | None = None
    size: Size = (100.0, 100.0)


class _Context(NamedTuple):
    """What an element takes over from those around it."""

    custom: Mapping[str, str]
    font_size: float
    current: str
    viewport: Size
    matrix: Matrix | None  # from its coordinates to pixels; None where it is drawn through a reference


@dataclass(slots=True)
class _Told:
    """What is left unresolved, and how often."""

    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, what: str) -> None:
        what = (what if what.isprintable() else ascii(what))[:100]
        self.counts[what if what in self.counts or len(self.counts) < 100 else "more"] += 1


def summary(counts: Mapping[str, int]) -> tuple[str, ...]:
    """What was counted, a line a kind."""
    return tuple(what if count == 1 else f"{what} ({count} times)" for what, count in counts.items())


def medium_of(root: _Element) -> Medium:
    """A screen of the size that a document asks for."""
    return Medium(*(size_of(root) or (300.0, 150.0)))


def resolve(root: _Element, name: str, page: Page) -> Counter[str]:
    """Work out, in place, what style sheets and styles say, and say what of it nobody draws.

    Args:
        root: of a cleaned document.
        name: the subject of messages.
        page: what it is shown on.

    Returns:
        What is left out, and how often.

    Raises:
        LimitError: selectors are matched without end, or rules become too much text.
    """
    told = _Told()
    if page.color is not None and "color" not in root.attrib and "color" not in _properties(root):
        root.set("color", page.color)
    sheets = [style for style in root.iter(f"{{{SVG}}}style") if (style.text or "").strip()]
    if any(_sheet_needs(style) for style in sheets):
        inline(root, sheets, name, medium=page.medium, note=told)
    if any(_needs(element) for element in root.iter(f"{{{SVG}}}*")):
        _Resolver(page, told, _scales_strokes(root)).walk(root)
    return told.counts


def _needs(element: _Element) -> bool:
    for name, value in element.attrib.items():
        if name == "style":
            if _NEEDS.search(value) is not None:
                return True
        elif name in COLORS:
            if not _is_plain_color(value):
                return True
        elif (
            name in ("transform-origin", "vector-effect", "font", "marker")
            or ("(" in value and _CALLS.search(value))
            or value in ("initial", "unset", "revert")
        ):
            return True
    return False


def _scales_strokes(root: _Element) -> bool:
    return any(
        "non-scaling-stroke" in (element.get("vector-effect", "") + element.get("style", ""))
        for element in root.iter(f"{{{SVG}}}*")
    )


def _properties(element: _Element) -> dict[str, list[str]]:
    """The values of a style attribute for each property, those that count more behind the others."""
    style = element.get("style")
    found: dict[str, list[str]] = {}
    if style:
        listed = [each for each in declarations(style) if each.name]
        for each in sorted(listed, key=lambda each: each.important):
            found.setdefault(each.name, []).append(without_important(each.value))
    return found


class _Resolver:
    """Goes through a document from the outside in."""

    def __init__(self, page: Page, told: _Told, with_matrix: bool) -> None:
        self.page, self.told, self.with_matrix = page, told, with_matrix

    def walk(self, root: _Element) -> None:
        import numpy as np

        size = size_of(root) or (100.0, 100.0)
        matrix = np.diag([self.page.size[0] / size[0], self.page.size[1] / size[1], 1.0]) if self.with_matrix else None
        todo = [(root, _Context({}, 16.0, "black", size, matrix))]
        while todo:
            element, context = todo.pop()
            inner = self._resolve(element, context)
            todo += [(child, inner) for child in element.iterchildren(f"{{{SVG}}}*")]

    def _resolve(self, element: _Element, context: _Context) -> _Context:
        styled = _properties(element)
        own = {name: values[-1] for name, values in styled.items() if name.startswith("--")}
        custom = define(own, context.custom) if own else context.custom
        context = context._replace(custom=custom)
        work = _Work(element, styled, context, self.page, self.told)
        context = context._replace(font_size=work.font_size(), current=work.current())
        work.context = context
        work.all()
        work.write()
        return self._inside(element, context)

    def _inside(self, element: _Element, context: _Context) -> _Context:
        """What the children of an element take over."""
        tag, matrix, viewport = local_name(element), context.matrix, context.viewport
        if matrix is not None:
            own = parse_transform(element.get("transform", ""))
            matrix = None if own is None else matrix @ own
        if tag in ("svg", "symbol", "marker", "pattern"):
            box = view_box(element)
            inner = self._viewport(element, viewport)
            if matrix is not None and tag == "svg":
                matrix = matrix @ _placed(element, viewport, inner, box)
            viewport = box[2:] if box is not None else inner
        if tag in ("symbol", "marker", "pattern", "mask", "clipPath", "defs"):
            matrix = None
        return context._replace(matrix=matrix, viewport=viewport)

    def _viewport(self, element: _Element, outer: Size) -> Size:
        if element.getparent() is None:
            return size_of(element) or outer
        width = to_pixels(element.get("width"), full=outer[0])
        height = to_pixels(element.get("height"), full=outer[1])
        return width or outer[0], height or outer[1]


def _placed(element: _Element, outer: Size, inner: Size, box: Box | None) -> Matrix:
    """The transform that a nested <svg> makes."""
    import numpy as np

    placed: Matrix = np.eye(3)
    if element.getparent() is not None:
        placed = translation(
            to_pixels(element.get("x"), full=outer[0]) or 0.0, to_pixels(element.get("y"), full=outer[1]) or 0.0
        )
    return placed if box is None else placed @ fit_view_box(box, inner, element.get("preserveAspectRatio", ""))


# ---------------------------------------------------------------- one element


class _Work:
    """The properties of one element while they are worked out."""

    def __init__(
        self, element: _Element, styled: dict[str, list[str]], context: _Context, page: Page, told: _Told
    ) -> None:
        self.element, self.context, self.page, self.told = element, context, page, told
        self.styled = {name: values for name, values in styled.items() if not name.startswith("--")}
        self.changed = len(self.styled) < len(styled)

    # A property's values come from the attribute, which counts least, and from the style.

    def values(self, name: str) -> list[str]:
        attribute = self.element.get(name)
        return [*([attribute.strip()] if attribute is not None else []), *self.styled.get(name, ())]

    def winner(self, name: str, read: Callable[[str], str | None]) -> tuple[bool, str | None]:
        """Whether the property is set, and the last of its values that means something; None where none does."""
        values = self.values(name)
        for value in reversed(values):
            whole = substitute(value, self.context.custom)
            if whole is None:  # CSS Custom Properties 1, section 3: invalid when it is computed, so it is as if unset
                self.told(f"{name}: {value}"[:60])
                return True, None
            if whole is not value and not _is_safe(whole):
                self.told(f"{name} that refers outside")
                return True, None
            word = whole.strip().lower()
            if word in ("unset", "revert", "revert-layer", "initial"):
                return True, _INITIAL.get(name) if word == "initial" else None
            found = whole if word == "inherit" else read(whole)
            if found is not None:
                return True, found
            if _FUNCTION.search(whole):
                self.told(f"{name}: {whole}"[:60])
        return bool(values), None

    def set(self, name: str, value: str | None) -> None:
        """Make a value the only one of a property; None takes it away."""
        values = self.values(name)
        if values == ([] if value is None else [value]):
            return
        if name in self.styled:
            self.changed = True
            if value is None:
                del self.styled[name]
            else:
                self.styled[name] = [value]
        elif value is not None:
            self.element.set(name, value)
        if value is None or name in self.styled:
            self.element.attrib.pop(name, None)

    def set_attribute(self, name: str, value: str | None) -> None:
        """Move a property into an attribute, where the renderers look for it."""
        if self.styled.pop(name, None) is not None:
            self.changed = True
        if value is None:
            self.element.attrib.pop(name, None)
        elif self.element.get(name) != value:
            self.element.set(name, value)

    def write(self) -> None:
        if not self.changed:
            return
        text = ";".join(f"{name}:{value}" for name, values in self.styled.items() for value in values)
        if text:
            self.element.set("style", text)
        else:
            self.element.attrib.pop("style", None)

    # What others are relative to comes first.

    def font_size(self) -> float:
        if self.values("font"):
            self._expand_font()
        before = self.context.font_size
        if not self.values("font-size"):
            return before
        _, found = self.winner("font-size", lambda value: self._font_size(value, before))
        self.set("font-size", found)
        return before if found in (None, "inherit") else to_pixels(found, full=before, font_size=before) or before

    def _font_size(self, value: str, before: float) -> str | None:
        if "(" not in value:
            return value
        return self._length(value, "font", Scale(before, self.page.size, before))

    def current(self) -> str:
        if not self.values("color"):
            return self.context.current
        _, found = self.winner("color", lambda value: self._paint("color", value))
        self.set("color", found)
        return self.context.current if found in (None, "inherit", "currentColor") else found

    def all(self) -> None:
        if self.values("marker"):
            self._expand_marker()
        tag = local_name(self.element)
        geometry = GEOMETRY.get(tag, "").split() if self.element.getparent() is not None else []
        for name in dict.fromkeys([*self.element.attrib, *self.styled]):
            if name in ("style", "color", "font-size") or name in _TRANSFORMS:
                continue
            if name in geometry and name in self.styled:
                self._move_geometry(name)
            elif name in COLORS:
                self._resolve(name, lambda value, name=name: self._paint(name, value))
            elif name in LENGTHS:
                self._resolve(name, lambda value, name=name: self._lengths(name, value))
            elif name in NUMBERS:
                self._resolve(name, self._number)
            elif name in self.styled or _CALLS.search(self.element.get(name, "")):
                self._other(name)
        if _TRANSFORMS & {*self.element.attrib, *self.styled} - {"transform"} or "transform" in self.styled:
            self._transform(tag)
        elif "var(" in self.element.get("transform", ""):
            self._other("transform")
        if "non-scaling-stroke" in self.values("vector-effect"):
            self._keep_stroke()

    def _resolve(self, name: str, read: Callable[[str], str | None]) -> None:
        is_set, found = self.winner(name, read)
        if is_set:
            self.set(name, found)

    def _other(self, name: str) -> None:
        if name in _TOLD and self.values(name)[-1:] not in (["none"], []):
            self.told(_TOLD[name])
        if name in ("clip-path", "mask") and _SHAPES.search(" ".join(self.styled.get(name, ()))):
            self.told(f"{name} of a basic shape")
        values = self.values(name)
        if any("var(" in value.lower() or _MEANT.search(value) for value in values) or name == "filter":
            self._resolve(name, self._filter if name == "filter" else lambda value: value)

    # Kinds of values.

    def _paint(self, name: str, value: str) -> str | None:
        """A color or a paint server, with another color behind it."""
        import tinycss2

        if _is_plain_color(value):
            return value
        tokens = significant(tinycss2.parse_component_value_list(value))
        if not tokens:
            return None
        if LOCAL.match(value.strip()) and name in ("fill", "stroke"):
            reference = LOCAL.sub(r"url(#\2)", value.strip()[: _end_of_url(value.strip())])
            rest = tokens[1:]
            behind = self._paint(name, tinycss2.serialize(rest)) if rest else None
            return reference if not rest else None if behind is None else f"{reference} {behind}"
        word = tokens[0].lower_value if tokens[0].type == "ident" and len(tokens) == 1 else ""
        if word in ("none", "context-fill", "context-stroke") and name in ("fill", "stroke"):
            return word
        return color_text(tokens[0], self.page.medium.color_scheme, self.context.current) if len(tokens) == 1 else None

    def _scale(self, basis: str) -> Scale:
        width, height = self.context.viewport
        full = {"x": width, "y": height, "font": self.context.font_size}.get(basis, ((width**2 + height**2) / 2) ** 0.5)
        return Scale(self.context.font_size, self.page.size, full)

    def _lengths(self, name: str, value: str) -> str | None:
        """One length, or several of a dash pattern."""
        import tinycss2

        if not ("(" in value or _ODD_UNIT.search(value)):
            return value
        if name != "stroke-dasharray":
            return self._length(value, LENGTHS[name], None)
        tokens = [one for one in significant(tinycss2.parse_component_value_list(value)) if one.type != "literal"]
        found = [self._length(tinycss2.serialize([one]), "diagonal", None) for one in tokens]
        return None if None in found else ",".join(filter(None, found))

    def _length(self, value: str, basis: str, scale: Scale | None) -> str | None:
        import tinycss2

        tokens = significant(tinycss2.parse_component_value_list(value))
        if len(tokens) != 1:
            return None
        found = evaluate(tokens[0], scale or self._scale(basis))
        return None if found is None else length_text(found)

    def _number(self, value: str) -> str | None:
        import tinycss2

        if "(" not in value and "%" not in value:
            return value
        tokens = significant(tinycss2.parse_component_value_list(value))
        found = evaluate(tokens[0], Scale()) if len(tokens) == 1 else None
        if found is None or found.kind not in ("number", "percent"):
            return None
        return number(found.value / 100 if found.kind == "percent" else found.value)

    def _filter(self, value: str) -> str | None:
        """Colors and calc() inside of filter functions."""
        import tinycss2

        if "(" not in value:
            return value
        tokens = tinycss2.parse_component_value_list(value)
        for token in tokens:
            if token.type == "function" and token.lower_name != "url":
                token.arguments = [self._inner(one) for one in token.arguments]
        return str(tinycss2.serialize(tokens))

    def _inner(self, token: Node) -> Node:
        import tinycss2

        text: str | None = None
        if token.type == "function" and token.lower_name in MATH:
            found = evaluate(token, self._scale("diagonal"))
            if found is not None:
                text = f"{found.value:.9g}{ {'length': 'px', 'angle': 'deg', 'percent': '%'}.get(found.kind, '') }"
        elif token.type in ("function", "hash", "ident"):
            text = color_text(token, self.page.medium.color_scheme, self.context.current)
            text = self.context.current if text == "currentColor" else text
        made: Node = token if text is None else tinycss2.parse_one_component_value(text)
        return made

    # Properties that become others.

    def _move_geometry(self, name: str) -> None:
        if name == "d":
            self.set_attribute("d", self._path(self.styled["d"][-1]))
            return
        _, found = self.winner(name, lambda value: self._length_of_geometry(name, value))
        self.set_attribute(name, found)

    def _length_of_geometry(self, name: str, value: str) -> str | None:
        if value.strip().lower() == "auto":
            return None
        return self._length(value, LENGTHS[name], None)

    def _path(self, value: str) -> str | None:
        import tinycss2

        whole = substitute(value, self.context.custom) or ""
        tokens = significant(tinycss2.parse_component_value_list(whole))
        if len(tokens) == 1 and tokens[0].type == "function" and tokens[0].lower_name == "path":
            inner = [one for one in significant(tokens[0].arguments) if one.type == "string"]
            return str(inner[0].value) if len(inner) == 1 else self.element.get("d")
        return None if whole.strip().lower() == "none" else self.element.get("d")

    def _expand_marker(self) -> None:
        _, found = self.winner("marker", lambda value: value)
        styled = "marker" in self.styled
        self.set("marker", None)
        for name in _MARKERS if styled and found is not None else ():  # the shorthand is no attribute (SVG 2, 13.7.4)
            self.styled.setdefault(name, [found or "none"])
            self.changed = True

    def _expand_font(self) -> None:
        styled = "font" in self.styled
        _, found = self.winner("font", lambda value: value)
        self.set("font", None)
        parts = _split_font(found or "") if styled else None
        for name, value in (parts or {}).items():
            self.styled.setdefault(name, [value])
            self.changed = True

    def _transform(self, tag: str) -> None:
        """All transform properties as the one attribute that renderers read."""
        attribute = _GRADIENTS.get(tag, "transform")
        values: dict[str, str] = {}
        for name in css_transforms.TRANSFORMS:
            if name in self.styled:
                _, found = self.winner(name, lambda value: value)
                if found is not None and found != "inherit":
                    values[name] = found
        box, corner = self._reference_box()
        scale = self._scale("diagonal")
        matrix = css_transforms.read_transforms(values, scale, box)
        if matrix is None:
            self.told("transform: " + " ".join(values.values())[:50])
            matrix = css_transforms.read_transforms({}, scale, box)
        assert matrix is not None
        if "transform" not in values and (own := self.element.get(attribute)):
            given = parse_transform(own)
            matrix = matrix if given is None else matrix @ given
        around = self._origin(scale, box, corner)
        whole = translation(*around) @ matrix @ translation(-around[0], -around[1])
        for name in _TRANSFORMS:
            self.set_attribute(name, None)
        a, c, e, b, d, f = whole[:2].ravel().tolist()
        if (a, b, c, d, e, f) != (1, 0, 0, 1, 0, 0):
            self.element.set(attribute, f"matrix({' '.join(map(number, (a, b, c, d, e, f)))})")
        else:
            self.element.attrib.pop(attribute, None)

    def _origin(self, scale: Scale, box: Size, corner: tuple[float, float]) -> tuple[float, float]:
        values = self.values("transform-origin")
        _, text = self.winner("transform-origin", lambda value: value)
        if not values or text is None or text == "inherit":
            return 0.0, 0.0
        found = css_transforms.origin_of(text, scale, box)
        return (0.0, 0.0) if found is None else (found[0] + corner[0], found[1] + corner[1])

    def _reference_box(self) -> tuple[Size, tuple[float, float]]:
        """Width and height of what percentages of a transform are of, and its corner."""
        _, kind = self.winner("transform-box", lambda value: value)
        if kind in ("fill-box", "content-box", "stroke-box", "border-box"):
            from .boxes import bounding_box

            found = bounding_box(self.element, self.context.viewport, self.context.font_size)
            if found is not None:
                if kind in ("stroke-box", "border-box"):
                    self.told(f"transform-box: {kind}, taken as fill-box")
                left, top, right, bottom = found
                return (right - left, bottom - top), (left, top)
            self.told(f"transform-box: {kind} of <{local_name(self.element)}>")
        return self.context.viewport, (0.0, 0.0)

    def _keep_stroke(self) -> None:
        """Undo for a line what the transforms around it will do to its width."""
        matrix = self.context.matrix
        own = parse_transform(self.element.get("transform", ""))
        if matrix is None or own is None:
            self.told("vector-effect of what is drawn through a reference")
            return
        whole = matrix @ own
        a, c, b, d = whole[:2, :2].ravel().tolist()
        if abs(a * c + b * d) > 1e-6 * (a * a + b * b) or abs(a * a + b * b - c * c - d * d) > 1e-6 * (a * a + b * b):
            self.told("vector-effect under a transform that is no similarity")
        scale = scale_of(whole)
        if scale <= 0:
            return
        for name in ("stroke-width", "stroke-dasharray", "stroke-dashoffset"):
            text = self._inherited(name) or ("1" if name == "stroke-width" else "")
            parts = [
                to_pixels(part, full=self._scale("diagonal").full, font_size=self.context.font_size)
                for part in re.split(r"[\s,]+", text)
            ]
            if text and None not in parts:
                self.set(name, ",".join(number(part / scale) for part in parts if part is not None))
        self.set("vector-effect", None)

    def _inherited(self, name: str) -> str | None:
        """The value of an inherited property: the element's own or that of the nearest element around it."""
        values = self.values(name)
        if values and values[-1] != "inherit":
            return values[-1]
        for above in self.element.iterancestors():
            found = _properties(above).get(name) or ([above.get(name, "")] if above.get(name) else [])
            if found and found[-1] != "inherit":
                return found[-1]
        return None


_ODD_UNIT = re.compile(r"\d(?:rem|ch|vw|vh|vmin|vmax|q)\b", re.IGNORECASE)


def _is_safe(value: str) -> bool:
    """Whether what var() has put together still refers to nothing outside of the document."""
    return is_local(value) and "\\" not in value


def _end_of_url(text: str) -> int:
    match = LOCAL.match(text)
    return 0 if match is None else match.end()


_FONT_WORDS = {
    "font-style": {"italic", "oblique"},
    "font-variant": {"small-caps"},
    "font-weight": {"bold", "bolder", "lighter"},
    "font-stretch": set(
        "ultra-condensed extra-condensed condensed semi-condensed semi-expanded expanded extra-expanded ultra-expanded".split()
    ),
}
_SIZES = set("xx-small x-small small medium large x-large xx-large xxx-large smaller larger".split())


def _split_font(text: str) -> dict[str, str] | None:
    """`italic bold 12px/1.5 Arial, sans-serif` as properties (CSS Fonts 4, section 2.7); None for system fonts."""
    import tinycss2

    tokens = significant(tinycss2.parse_component_value_list(text))
    found = {"font-style": "normal", "font-variant": "normal", "font-weight": "normal", "font-stretch": "normal"}
    for at, token in enumerate(tokens):
        word = token.lower_value if token.type == "ident" else ""
        kind = next((name for name, words in _FONT_WORDS.items() if word in words), None)
        if kind is not None:
            found[kind] = word
        elif token.type == "number":
            found["font-weight"] = tinycss2.serialize([token])
        elif word == "normal":
            continue
        elif word in _SIZES or token.type in ("dimension", "percentage", "function"):
            rest = tokens[at + 1 :]
            if rest and rest[0].type == "literal" and rest[0].value == "/":
                rest = rest[2:]
            if not rest:
                return None
            family = "".join(_with_blank(one) for one in rest).strip()
            return {**found, "font-size": tinycss2.serialize([token]), "font-family": family}
        else:
            return None
    return None


def _with_blank(token: Node) -> str:
    import tinycss2

    return ", " if token.type == "literal" and token.value == "," else f" {tinycss2.serialize([token])}"
