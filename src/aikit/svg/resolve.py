"""Style sheets and styles worked out, until only what both renderers read is left.

resvg and CairoSVG read the CSS of SVG 1.1: what came later they drop, and paint black. Here its values become theirs.
Source: CSS Cascade 4, CSS Color 4 and 5, CSS Values 4, CSS Transforms 1 and 2, SVG 2 (geometry properties).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

from .computed import CALLS, Computed, Context, Page, Told, is_plain_color, styles_of
from .css_numbers import MATH
from .media import Medium
from .property_table import COLORS
from .sheets import inline
from .size import Box, Size, size_of, to_pixels, view_box
from .source import SVG, XLINK_HREF, local_name
from .transform import fit_view_box, parse_transform, translation
from .variables import define

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .transform import Matrix

__all__ = ["Page", "medium_of", "resolve", "summary"]

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


def _sheet_needs(style: _Element) -> bool:
    """Whether rules have to be matched and worked out here."""
    text = style.text or ""
    return (
        not _PLAIN_SELECTORS.fullmatch(_BLOCK.sub("", text))
        or _NEEDS.search(text) is not None
        or "media" in style.attrib
        or _holds_odd_colors(text)
    )


_COLOR_VALUE = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(COLORS))})\s*:\s*([^;!}}]+)", re.IGNORECASE)


def _holds_odd_colors(style: str) -> bool:
    """Whether declarations hold colors that a renderer reads otherwise, or importance, which resvg takes for less."""
    return "!" in style or not all(is_plain_color(value) for value in _COLOR_VALUE.findall(style))


# ---------------------------------------------------------------- the document


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
    told = Told()
    if page.color is not None and "color" not in root.attrib and "color" not in styles_of(root):
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
            if _NEEDS.search(value) is not None or _holds_odd_colors(value):
                return True
        elif name in COLORS:
            if not is_plain_color(value):
                return True
        elif (
            name in ("transform-origin", "vector-effect", "font", "marker")
            or ("(" in value and CALLS.search(value))
            or value in ("initial", "unset", "revert")
        ):
            return True
    return False


def _scales_strokes(root: _Element) -> bool:
    return any(
        "non-scaling-stroke" in (element.get("vector-effect", "") + element.get("style", ""))
        for element in root.iter(f"{{{SVG}}}*")
    )


class _Resolver:
    """Goes through a document from the outside in."""

    def __init__(self, page: Page, told: Told, with_matrix: bool) -> None:
        self.page, self.told, self.with_matrix = page, told, with_matrix
        self.targets: dict[str, _Element] = {}
        self.copied = 0

    def walk(self, root: _Element) -> None:
        import numpy as np

        self.targets = _variable_targets(root)

        size = size_of(root) or (100.0, 100.0)
        matrix = np.diag([self.page.size[0] / size[0], self.page.size[1] / size[1], 1.0]) if self.with_matrix else None
        todo = [(root, Context({}, 16.0, "black", size, matrix))]
        while todo:
            element, context = todo.pop()
            inner = self._resolve(element, context)
            todo += [(child, inner) for child in element.iterchildren(f"{{{SVG}}}*")]
            if self.targets and local_name(element) == "use":
                todo += self._copy_target(root, element, inner)

    def _copy_target(self, root: _Element, use: _Element, context: Context) -> list[tuple[_Element, Context]]:
        """What a <use> draws takes over its variables: a copy of its own, before variables are replaced in it.

        Source: SVG 2, section 5.6.2 (the use-element shadow tree).
        """
        name = next((key for key in ("href", XLINK_HREF) if key in use.attrib), "href")
        wanted = use.get(name, "").strip().removeprefix("#")
        target = self.targets.get(wanted)
        inside = wanted in context.copied or any(above.get("id") == wanted for above in use.iterancestors())
        if target is None or not context.custom or inside:
            return []
        if self.copied >= _MOST_COPIED:
            self.told("variables of <use>")
            return []
        copy = deepcopy(target)
        self.copied += sum(1 for _ in copy.iter())
        for each in copy.iter():
            each.attrib.pop("id", None)
        from lxml.etree import SubElement

        own = f"aikit-copy-{self.copied}"
        copy.set("id", own)
        use.set(name, f"#{own}")
        kept = SubElement(root, f"{{{SVG}}}defs")
        kept.append(copy)
        return [(copy, context._replace(matrix=None, copied=(*context.copied, wanted)))]

    def _resolve(self, element: _Element, context: Context) -> Context:
        styled = styles_of(element)
        own = {name: values[-1] for name, values in styled.items() if name.startswith("--")}
        custom = define(own, context.custom) if own else context.custom
        context = context._replace(custom=custom)
        work = Computed(element, styled, context, self.page, self.told)
        context = context._replace(font_size=work.font_size(), current=work.current())
        work.context = context
        work.all()
        work.write()
        return self._inside(element, context)

    def _inside(self, element: _Element, context: Context) -> Context:
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


# Elements that are copied for the variables of <use>.
_MOST_COPIED = 5000


def _variable_targets(root: _Element) -> dict[str, _Element]:
    """Copies of the elements that hold var() and that <use> may name, by their ids."""
    wanted = {
        (each.get("href") or each.get(XLINK_HREF) or "").strip().removeprefix("#")
        for each in root.iter(f"{{{SVG}}}use")
    }
    found: dict[str, _Element] = {}
    if not wanted:
        return found
    for each in root.iter(f"{{{SVG}}}*"):
        name = each.get("id", "")
        if name in wanted and any("var(" in str(value) for one in each.iter() for value in one.attrib.values()):
            found[name] = deepcopy(each)
    return found


def _placed(element: _Element, outer: Size, inner: Size, box: Box | None) -> Matrix:
    """The transform that a nested <svg> makes."""
    import numpy as np

    placed: Matrix = np.eye(3)
    if element.getparent() is not None:
        placed = translation(
            to_pixels(element.get("x"), full=outer[0]) or 0.0, to_pixels(element.get("y"), full=outer[1]) or 0.0
        )
    return placed if box is None else placed @ fit_view_box(box, inner, element.get("preserveAspectRatio", ""))
