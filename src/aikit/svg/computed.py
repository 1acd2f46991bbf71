"""The properties of one element, worked out until both renderers know their values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from . import css_transforms
from .boxes import bounding_box
from .css import LOCAL, Node, is_local
from .css_colors import color_text
from .css_numbers import MATH, Scale, evaluate, length_text, significant
from .fonts import split_font
from .media import Medium
from .property_table import (
    COLORS,
    GEOMETRY,
    GRADIENT_TRANSFORMS,
    INITIAL,
    LENGTHS,
    MARKERS,
    NUMBERS,
    TOLD,
    TRANSFORM_PROPERTIES,
)  # fmt: skip
from .size import Size, to_pixels
from .source import local_name
from .style import declarations, without_important
from .transform import parse_transform, scale_of, translation
from .values import number
from .variables import substitute

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .transform import Matrix

__all__ = ["CALLS", "Computed", "Context", "Page", "Told", "is_plain_color", "styles_of"]

_SHAPES = re.compile(r"\b(circle|ellipse|inset|polygon|path|rect|xywh|shape)\s*\(", re.IGNORECASE)
_MEANT = re.compile(r"--|\b(?:initial|unset|revert|revert-layer)\b", re.IGNORECASE)
_FUNCTION = re.compile(r"[\w-]+\(")

_PLAIN_COLOR = re.compile(
    r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|none|inherit|currentColor|context-(?:fill|stroke)|url\(#[^)]*\)"
)
CALLS = re.compile(rf"(?:^|[^\w-])(?:var|env|{'|'.join(MATH)})\(", re.IGNORECASE)
_NEW_NAMES = {"transparent", "rebeccapurple", "currentcolor"}


def is_plain_color(value: str) -> bool:
    """Whether a value of a paint is one that both renderers know."""
    return _PLAIN_COLOR.fullmatch(value.strip()) is not None or value.strip() in _named_colors()


@lru_cache(maxsize=1)
def _named_colors() -> frozenset[str]:
    from tinycss2 import color3

    return frozenset(color3._COLOR_KEYWORDS) - _NEW_NAMES


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


class Context(NamedTuple):
    """What an element takes over from those around it."""

    custom: Mapping[str, str]
    font_size: float
    current: str
    viewport: Size
    matrix: Matrix | None  # from its coordinates to pixels; None where it is drawn through a reference
    copied: tuple[str, ...] = ()  # ids of what it has been copied with, one within the other


@dataclass(slots=True)
class Told:
    """What is left unresolved, and how often."""

    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, what: str) -> None:
        """Remember a thing: at most a hundred kinds of at most a hundred letters."""
        what = (what if what.isprintable() else ascii(what))[:100]
        self.counts[what if what in self.counts or len(self.counts) < 100 else "more"] += 1


def styles_of(element: _Element) -> dict[str, list[str]]:
    """The values of a style attribute for each property, those that count more behind the others."""
    style = element.get("style")
    found: dict[str, list[str]] = {}
    if style:
        listed = [each for each in declarations(style) if each.name]
        for each in sorted(listed, key=lambda each: each.important):
            found.setdefault(each.name, []).append(without_important(each.value))
    return found


class Computed:
    """The properties of one element while they are worked out."""

    def __init__(
        self, element: _Element, styled: dict[str, list[str]], context: Context, page: Page, told: Told
    ) -> None:
        self.element, self.context, self.page, self.told = element, context, page, told
        self.styled = {name: values for name, values in styled.items() if not name.startswith("--")}
        self.changed = len(self.styled) < len(styled)

    def values(self, name: str) -> list[str]:
        """What is said of a property: the attribute, which counts least, then the style."""
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
                return True, INITIAL.get(name) if word == "initial" else None
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
        """Write what has become of the style."""
        if not self.changed:
            return
        text = ";".join(f"{name}:{value}" for name, values in self.styled.items() for value in values)
        if text:
            self.element.set("style", text)
        else:
            self.element.attrib.pop("style", None)

    def font_size(self) -> float:
        """Work out the size of the font, which other lengths are relative to, in px."""
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
        """Work out what `currentColor` is."""
        if not self.values("color"):
            return self.context.current
        _, found = self.winner("color", partial(self._paint, "color"))
        self.set("color", found)
        return self.context.current if found in (None, "inherit", "currentColor") else found

    def all(self) -> None:
        """Work out all other properties."""
        if self.values("marker"):
            self._expand_marker()
        tag = local_name(self.element)
        geometry = GEOMETRY.get(tag, "").split() if self.element.getparent() is not None else []
        for name in dict.fromkeys([*self.element.attrib, *self.styled]):
            if name in ("style", "color", "font-size") or name in TRANSFORM_PROPERTIES:
                continue
            if name in geometry and name in self.styled:
                self._move_geometry(name)
            elif name in COLORS:
                self._resolve(name, partial(self._paint, name))
            elif name in LENGTHS:
                self._resolve(name, partial(self._lengths, name))
            elif name in NUMBERS:
                self._resolve(name, self._number)
            elif name in self.styled or CALLS.search(self.element.get(name, "")):
                self._other(name)
        if TRANSFORM_PROPERTIES & {*self.element.attrib, *self.styled} - {"transform"} or "transform" in self.styled:
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
        if name in TOLD and self.values(name)[-1:] not in (["none"], []):
            self.told(TOLD[name])
        if name in ("clip-path", "mask") and _SHAPES.search(" ".join(self.styled.get(name, ()))):
            self.told(f"{name} of a basic shape")
        values = self.values(name)
        if any("var(" in value.lower() or _MEANT.search(value) for value in values) or name == "filter":
            self._resolve(name, self._filter if name == "filter" else lambda value: value)

    # Kinds of values.

    def _paint(self, name: str, value: str) -> str | None:
        """A color or a paint server, with another color behind it."""
        import tinycss2

        if is_plain_color(value):
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
                shadow = token.lower_name == "drop-shadow"
                token.arguments = [self._inner(one, shadow) for one in token.arguments]
        return str(tinycss2.serialize(tokens))

    def _inner(self, token: Node, shadow: bool) -> Node:
        import tinycss2

        text: str | None = None
        if token.type == "function" and token.lower_name in MATH:
            found = evaluate(token, self._scale("diagonal"))
            if found is not None:
                text = f"{found.value:.9g}{ {'length': 'px', 'angle': 'deg', 'percent': '%'}.get(found.kind, '') }"
        elif token.type in ("function", "hash", "ident"):
            text = color_text(token, self.page.medium.color_scheme, self.context.current)
            text = self.context.current if text == "currentColor" else text
            if shadow and text is not None:
                # resvg 0.48 takes the codes of a drop-shadow() for light and encodes them once more.
                text = color_text(tinycss2.parse_one_component_value(text), "light", "black", of_light=True)
        made: Node = token if text is None else tinycss2.parse_one_component_value(text)
        return made

    # Properties that become others.

    def _move_geometry(self, name: str) -> None:
        if name == "d":
            self.set_attribute("d", self._path(self.styled["d"][-1]))
            return
        _, found = self.winner(name, partial(self._length_of_geometry, name))
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
        for name in MARKERS if styled and found is not None else ():  # the shorthand is no attribute (SVG 2, 13.7.4)
            self.styled.setdefault(name, [found or "none"])
            self.changed = True

    def _expand_font(self) -> None:
        styled = "font" in self.styled
        _, found = self.winner("font", lambda value: value)
        self.set("font", None)
        parts = split_font(found or "") if styled else None
        for name, value in (parts or {}).items():
            self.styled.setdefault(name, [value])
            self.changed = True

    def _transform(self, tag: str) -> None:
        """All transform properties as the one attribute that renderers read."""
        attribute = GRADIENT_TRANSFORMS.get(tag, "transform")
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
        for name in TRANSFORM_PROPERTIES:
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
            return corner
        found = css_transforms.origin_of(text, scale, box)
        return corner if found is None else (found[0] + corner[0], found[1] + corner[1])

    def _reference_box(self) -> tuple[Size, tuple[float, float]]:
        """Width and height of what percentages of a transform are of, and its corner."""
        _, kind = self.winner("transform-box", lambda value: value)
        if kind in ("fill-box", "content-box", "stroke-box", "border-box"):
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
            found = styles_of(above).get(name) or ([above.get(name, "")] if above.get(name) else [])
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
