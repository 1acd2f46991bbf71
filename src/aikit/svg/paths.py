"""All shapes of a document as paths in pixels."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._bytes import Source
from ..errors import LimitError
from ..limits import Limits
from . import transform as transforms
from .cascade import PAINT, properties
from .css import inline
from .document import Svg
from .outline import SvgPath
from .size import Size, numbers, size_of, to_pixels, view_box
from .source import SVG, XLINK_HREF, local_name, read_svg
from .subpaths import Pen, Subpath, read_d
from .values import number

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .transform import Matrix

__all__ = ["svg_paths"]

_log = logging.getLogger("aikit")

# How many elements <use> may multiply a document to: 1.4 kB of them can ask for a billion.
_MOST_REUSED = 100_000


def svg_paths(source: Source | Svg, *, limits: Limits | None = None) -> list[SvgPath]:
    """All shapes of an SVG as paths, in the pixels it is drawn in.

    Paths, rectangles, circles, ellipses, lines, polylines and polygons come out alike, with every transform applied:
    those of groups, of <use> and <symbol>, of nested <svg> and of the document's own viewBox. So the coordinates are
    those of `render_svg(source)`, and `bbox` agrees with `alpha_bbox` of that picture but for the width of lines.

    Text is no shape; convert it to paths in an editor first. What is in <defs> and not used, what is not displayed or
    hidden is left out. Clips, masks, markers and filters are not applied.

    Args:
        source: a path, bytes or a binary file with an SVG or svgz, or an `Svg`.
        limits: for files from strangers, `Limits()`; None for trusted ones.

    Returns:
        A list of `SvgPath`, in drawing order: `length`, `bbox`, `area`, `center`, `d`, `points(count)`,
        `points(spacing=)`, `split`, `transform`, `translate`, `scale`, `rotate`, `mirror`, `reverse`, `union`,
        `intersection`, `difference`, and `id`, `fill`, `stroke` and all `attributes` it is drawn with.
        `Svg.add(path)` draws one.

    Raises:
        InputTypeError: the source is none of these.
        FileAccessError: the file cannot be read.
        FileFormatError: not an SVG, or XML that is not well formed.
        LimitError: the file is beyond `limits`, or its <use> elements multiply beyond 100,000.

    Example:
        >>> disk, plate = svg_paths(
        ...     b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40" viewBox="0 0 30 20">'
        ...     b'<circle cx="10" cy="10" r="5" fill="teal"/><g transform="translate(10)"><path d="M0 5h10v10h-10z"/></g></svg>'
        ... )
        >>> disk.fill, disk.bbox, plate.bbox
        ('teal', (10.0, 10.0, 30.0, 30.0), (20.0, 10.0, 40.0, 30.0))
        >>> round(disk.length, 2), plate.area, round(disk.intersection(plate).area, 2)
        (62.83, 400.0, 157.08)
        >>> plate.points(spacing=10)[:3].tolist()
        [[20.0, 10.0], [30.0, 10.0], [40.0, 10.0]]

    Source: Scalable Vector Graphics 2, sections 5 to 9.
    """
    root, name = read_svg(source.tobytes() if isinstance(source, Svg) else source, limits)
    return list(_shapes(root, name))


@dataclass(frozen=True, slots=True)
class _Place:
    """What an element is drawn with that does not stand in it."""

    matrix: Matrix
    viewport: Size  # what percentages are of
    properties: dict[str, str]
    opacity: float = 1.0
    uses: tuple[_Element, ...] = ()  # the <use> elements it is drawn through
    asked: _Element | None = None  # the <use> that names this very element, and may set its size


def _shapes(root: _Element, name: str) -> Iterator[SvgPath]:
    inline(root, list(root.iter(f"{{{SVG}}}style")))
    by_id: dict[str, _Element] = {}
    for element in root.iter(f"{{{SVG}}}*"):
        by_id.setdefault(element.get("id", ""), element)
    reused = 0
    # A stack of our own: nesting by <use> goes deeper than Python's.
    todo = [(root, _Place(transforms.scaling(1), (100.0, 100.0), {}))]
    while todo:
        element, place = todo.pop()
        reused += bool(place.uses)
        if reused > _MOST_REUSED:
            raise LimitError(
                f"{name}: expected <use> to draw at most {_MOST_REUSED} elements, got more; simplify the file."
            )
        place = replace(place, properties=properties(element, place.properties))
        if place.properties.get("display") == "none":
            continue
        place = _transformed(element, place)
        if local_name(element) in _OUTLINES:
            yield from _outlined(element, place)
        else:
            todo += reversed(_within(element, place, by_id))


def _transformed(element: _Element, place: _Place) -> _Place:
    """The place with the element's own transform and opacity."""
    found, lengths = place.properties, _Lengths(element, place)
    text = found.get("transform", "") if local_name(element) != "symbol" else ""  # as resvg has it
    matrix = transforms.parse_transform(text)
    if matrix is None:  # SVG 2, section 8.5: as if it were not there
        _log.warning("the transform %.60r is none and is left out", text)
        matrix = transforms.scaling(1)
    x, y = lengths.point(found.get("transform-origin", ""))
    matrix = place.matrix @ transforms.translation(x, y) @ matrix @ transforms.translation(-x, -y)
    opacity = to_pixels(found.get("opacity"), whole=1)
    return replace(place, matrix=matrix, opacity=place.opacity * (1 if opacity is None else min(max(opacity, 0), 1)))


def _outlined(element: _Element, place: _Place) -> Iterator[SvgPath]:
    lengths = _Lengths(element, place)
    subpaths = _OUTLINES[local_name(element)](lengths)
    if subpaths and place.properties.get("visibility", "visible") == "visible":
        yield SvgPath(subpaths, _attributes(lengths)).moved(place.matrix)


def _attributes(lengths: _Lengths) -> dict[str, str]:
    """What a shape is drawn with, as the attributes of a path that stands where it does."""
    element, found = lengths.element, lengths.place.properties
    kept = {"id": element.get("id")} | {name: found.get(name) for name in (*PAINT, "vector-effect")}
    for name in ("fill", "stroke"):
        if (kept[name] or "").lower() == "currentcolor":
            kept[name] = found.get("color", "currentColor")
    for name in ("stroke-width", "stroke-dashoffset"):
        if kept[name] is not None:
            kept[name] = number(lengths.of(kept[name]) or 0)
    if lengths.place.opacity != 1:
        kept["opacity"] = number(lengths.place.opacity)
    return {name: text for name, text in kept.items() if text is not None}


class _Lengths:
    """The lengths in an element's attributes, in the pixels of its own coordinates."""

    def __init__(self, element: _Element, place: _Place) -> None:
        self.element, self.place = element, place
        width, height = place.viewport
        # SVG 2, section 8.9: of what a percentage is, for what is neither a width nor a height.
        self.diagonal = math.hypot(width, height) / math.sqrt(2)

    def of(self, text: str | None, whole: float | None = None) -> float | None:
        font_size = to_pixels(self.place.properties.get("font-size")) or 16.0
        return to_pixels(text, whole=self.diagonal if whole is None else whole, font_size=font_size)

    def x(self, name: str) -> float:
        return self.of(self.element.get(name), self.place.viewport[0]) or 0.0

    def y(self, name: str) -> float:
        return self.of(self.element.get(name), self.place.viewport[1]) or 0.0

    def radii(self) -> tuple[float, float]:
        """The radii rx and ry; one that is missing is as the other."""
        rx, ry = (
            self.of(self.element.get(name), whole)
            for name, whole in zip(("rx", "ry"), self.place.viewport, strict=True)
        )
        return (ry if rx is None else rx) or 0.0, (rx if ry is None else ry) or 0.0

    def point(self, text: str) -> tuple[float, float]:
        """A transform-origin."""
        words = {"left": "0%", "top": "0%", "center": "50%", "right": "100%", "bottom": "100%"}
        parts = [words.get(part, part) for part in text.split()] or ["0", "0"]
        parts += ["50%"] * (len(parts) == 1)
        x, y = (self.of(part, whole) or 0.0 for part, whole in zip(parts[:2], self.place.viewport, strict=True))
        return x, y


# ---------------------------------------------------------------- containers


def _within(element: _Element, place: _Place, by_id: dict[str, _Element]) -> list[tuple[_Element, _Place]]:
    """What an element that is no shape draws, and where."""
    tag = local_name(element)
    if tag == "use":
        return _used(element, place, by_id)
    if tag in ("svg", "symbol"):
        inner = _in_viewport(element, place)
    else:
        inner = replace(place, asked=None) if tag in ("g", "a", "switch") else None
    if inner is None:
        return []
    children = [child for child in element.iterchildren(f"{{{SVG}}}*") if local_name(child) != "symbol"]
    if tag == "switch":
        children = [child for child in children if _applies(child)][:1]
    return [(child, inner) for child in children]


def _applies(element: _Element) -> bool:
    """The conditions under which <switch> takes a child, for an English reader without extensions."""
    languages = element.get("systemLanguage")
    speaks = languages is None or any(each.strip().split("-")[0] == "en" for each in languages.split(","))
    return speaks and not element.get("requiredExtensions")


def _used(use: _Element, place: _Place, by_id: dict[str, _Element]) -> list[tuple[_Element, _Place]]:
    href = (use.get("href") or use.get(XLINK_HREF) or "").strip()
    target = by_id.get(href[1:]) if href.startswith("#") and len(href) > 1 else None
    uses = (*place.uses, use)
    # SVG 2, section 5.6: what is drawn inside itself is not drawn.
    if target is None or any(target is each or target in each.iterancestors() for each in uses):
        return []
    lengths = _Lengths(use, place)
    matrix = place.matrix @ transforms.translation(lengths.x("x"), lengths.y("y"))
    return [(target, replace(place, matrix=matrix, uses=uses, asked=use))]


def _in_viewport(element: _Element, place: _Place) -> _Place | None:
    """The place inside an <svg> or <symbol>, or None where it has no room."""
    box, matrix = view_box(element), place.matrix
    if element.getparent() is None:
        size = size_of(element)
        if size is None:
            return place
    else:
        lengths = _Lengths(element, place)
        size = _side("width", 0, lengths), _side("height", 1, lengths)
        if min(size) <= 0:
            return None
        if local_name(element) == "svg":
            matrix = matrix @ transforms.translation(lengths.x("x"), lengths.y("y"))
    if box is not None:
        matrix = matrix @ transforms.fitted(box, size, element.get("preserveAspectRatio", ""))
    return replace(place, matrix=matrix, viewport=size if box is None else box[2:], asked=None)


def _side(name: str, axis: int, lengths: _Lengths) -> float:
    """The width or height of a viewport: the <use> decides, then the element, then all there is."""
    whole = lengths.place.viewport[axis]
    asked = None if lengths.place.asked is None else lengths.place.asked.get(name)
    own = lengths.element.get(name) if local_name(lengths.element) == "svg" else None
    side = lengths.of(asked, whole)
    side = lengths.of(own, whole) if side is None else side
    return whole if side is None else side


# ---------------------------------------------------------------- shapes


def _path(lengths: _Lengths) -> tuple[Subpath, ...]:
    return read_d(lengths.element.get("d", ""))


def _rect(lengths: _Lengths) -> tuple[Subpath, ...]:
    left, top, width, height = lengths.x("x"), lengths.y("y"), lengths.x("width"), lengths.y("height")
    if width <= 0 or height <= 0:
        return ()
    right, bottom = left + width, top + height
    rx, ry = lengths.radii()
    rx, ry = min(rx, width / 2), min(ry, height / 2)
    if rx <= 0 or ry <= 0:
        return _polygon([complex(left, top), complex(right, top), complex(right, bottom), complex(left, bottom)])
    pen = Pen()
    pen.move_to(complex(left + rx, top))
    for x, y, corner in (
        (right - rx, top, complex(right, top + ry)),
        (right, bottom - ry, complex(right - rx, bottom)),
        (left + rx, bottom, complex(left, bottom - ry)),
        (left, top + ry, complex(left + rx, top)),
    ):
        if pen.at != complex(x, y):
            pen.line_to(complex(x, y))
        pen.arc_to(rx, ry, 0, large=False, clockwise=True, end=corner)
    pen.close()
    return pen.finished()


def _circle(lengths: _Lengths) -> tuple[Subpath, ...]:
    radius = lengths.of(lengths.element.get("r")) or 0.0
    return _oval(lengths, radius, radius)


def _ellipse(lengths: _Lengths) -> tuple[Subpath, ...]:
    return _oval(lengths, *lengths.radii())


def _oval(lengths: _Lengths, rx: float, ry: float) -> tuple[Subpath, ...]:
    if rx <= 0 or ry <= 0:
        return ()
    center = complex(lengths.x("cx"), lengths.y("cy"))
    pen = Pen()
    pen.move_to(center + rx)
    for end in (1j * ry, -rx, -1j * ry, rx):
        pen.arc_to(rx, ry, 0, large=False, clockwise=True, end=center + end)
    pen.close()
    return pen.finished()


def _line(lengths: _Lengths) -> tuple[Subpath, ...]:
    start, end = complex(lengths.x("x1"), lengths.y("y1")), complex(lengths.x("x2"), lengths.y("y2"))
    return _polygon([start, end], closed=False)


def _polyline(lengths: _Lengths) -> tuple[Subpath, ...]:
    values = numbers(lengths.element.get("points", ""))
    points = [complex(*pair) for pair in zip(values[::2], values[1::2], strict=False)]
    return _polygon(points, closed=local_name(lengths.element) == "polygon")


def _polygon(points: list[complex], *, closed: bool = True) -> tuple[Subpath, ...]:
    if len(points) < 2:
        return ()
    pen = Pen()
    pen.move_to(points[0])
    for point in points[1:]:
        pen.line_to(point)
    if closed:
        pen.close()
    return pen.finished()


_OUTLINES: dict[str, Callable[[_Lengths], tuple[Subpath, ...]]] = {
    "path": _path,
    "rect": _rect,
    "circle": _circle,
    "ellipse": _ellipse,
    "line": _line,
    "polyline": _polyline,
    "polygon": _polyline,
}
