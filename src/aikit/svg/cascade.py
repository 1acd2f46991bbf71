"""Which paint, line and transform an element is drawn with: its attributes, its style, what it inherits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .style import declarations, without_important

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["PAINT", "properties"]

# SVG 2, property index: what a shape is painted with, all of it inherited.
PAINT = (
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap",
    "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "stroke-width",
)  # fmt: skip
_INHERITED = {*PAINT, "color", "font-size", "visibility"}
_KNOWN = _INHERITED | {"display", "opacity", "transform", "transform-origin", "vector-effect"}


def properties(element: _Element, inherited: Mapping[str, str]) -> dict[str, str]:
    """The properties that count for an element: its parent's, as far as they are inherited, and its own over them.

    Style sheets have to be in the style attributes already, as `css.inline` writes them.
    """
    own = {str(name): str(value).strip() for name, value in element.attrib.items() if name in _KNOWN}
    if style := element.get("style"):
        found = [each for each in declarations(style) if each.name in _KNOWN]
        for each in sorted(found, key=lambda each: each.important):
            own[each.name] = without_important(each.value)
    kept = {name: value for name, value in inherited.items() if name in _INHERITED}
    return kept | {name: value for name, value in own.items() if value != "inherit"}
