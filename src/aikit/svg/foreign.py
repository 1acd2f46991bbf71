"""HTML in an SVG as plain text: what mermaid and draw.io write into foreignObject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .size import to_pixels
from .source import SVG, local_name
from .style import declarations, without_important
from .values import number

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["draw_foreign_text"]

_BLOCKS = frozenset(
    "p div br li ul ol tr table h1 h2 h3 h4 h5 h6 blockquote pre section article header footer dt dd".split()
)
_UNDRAWN = frozenset("script style head title template noscript".split())
_LINE = 1.2  # heights of a line, as browsers have it where nothing is said
_INHERITED = ("font-family", "font-size", "font-weight", "font-style", "color")


def draw_foreign_text(root: _Element) -> None:
    """Put <text> in the place of each foreignObject, in place: its lines, in the middle of its height.

    Lines are where the HTML has blocks and breaks; nothing is wrapped, and of its styles font, color and centering count.
    One that stands in a <switch> beside something else stays: that is drawn in its place.
    """
    for foreign in list(root.iter(f"{{{SVG}}}foreignObject")):
        above = foreign.getparent()
        lines = [line for line in _lines(foreign) if line]
        if above is None or not lines or (local_name(above) == "switch" and len(above) > 1):
            continue
        group = foreign.makeelement(f"{{{SVG}}}g")
        transform = foreign.get("transform")
        if transform:
            group.set("transform", transform)
        group.extend(_texts(foreign, lines))
        group.tail = foreign.tail
        above.replace(foreign, group)


def _lines(foreign: _Element) -> list[str]:
    lines = [""]
    for text in _pieces(foreign):
        if text is None:
            lines.append("")
        else:
            lines[-1] += text
    return [" ".join(line.split()) for line in lines]


def _pieces(element: _Element) -> Iterator[str | None]:
    """The text in the order of the document, None where a line ends."""
    if not isinstance(element.tag, str) or local_name(element) in _UNDRAWN:
        return
    breaks = local_name(element) in _BLOCKS
    if breaks:
        yield None
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    if breaks:
        yield None


def _texts(foreign: _Element, lines: list[str]) -> Iterator[_Element]:
    found = _styles(foreign)
    x, y, width, height = (to_pixels(foreign.get(name)) or 0.0 for name in ("x", "y", "width", "height"))
    size = to_pixels(found.get("font-size")) or 16.0
    centered = "center" in (found.get("text-align", ""), found.get("justify-content", ""))
    top = y + (height - _LINE * size * len(lines)) / 2
    for at, line in enumerate(lines):
        text = foreign.makeelement(f"{{{SVG}}}text")
        text.text = line
        text.set("x", number(x + width / 2 if centered else x))
        # The letters of a line stand about four fifths of their size below its middle's half.
        text.set("y", number(top + _LINE * size * (at + 0.5) + 0.35 * size))
        text.set("text-anchor", "middle" if centered else "start")
        text.set("font-size", number(size))
        text.set("fill", found.get("color", "#000000"))
        for name in ("font-family", "font-weight", "font-style"):
            if name in found:
                text.set(name, found[name])
        yield text


def _styles(foreign: _Element) -> dict[str, str]:
    """What counts of the styles of the HTML, of the element around it, and of those around that."""
    found: dict[str, str] = {}
    for element in (*reversed(list(foreign.iterancestors())), *foreign.iter()):
        if not isinstance(element.tag, str):
            continue
        for name in _INHERITED:
            if element.get(name):
                found[name] = element.get(name, "")
        for each in declarations(element.get("style", "")):
            if each.name in (*_INHERITED, "text-align", "justify-content"):
                found[each.name] = re.sub(r"^(?:unsafe|safe)\s+", "", without_important(each.value))
        if element.get("align") == "center" or local_name(element) == "center":
            found["text-align"] = "center"
    return found
