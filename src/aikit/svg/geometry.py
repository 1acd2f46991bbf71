"""Where elements lie: transforms, and boxes that surely hold what an element draws.

A box is (left, top, right, bottom). Nothing here draws; a box may be too large, and is None where it could be
anything, but it is never too small.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from .size import NUMBER, Box, Size, numbers, to_pixels, view_box
from .source import XLINK_HREF, local_name

if TYPE_CHECKING:
    from lxml import etree

__all__ = [
    "IDENTITY",
    "Boxes",
    "Matrix",
    "area",
    "fit_viewport",
    "intersection",
    "parse_transform",
    "scales",
    "target_of",
    "times",
    "transform_box",
]  # fmt: skip

# a, b, c, d, e, f of SVG's matrix(): x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
EMPTY: Box = (math.inf, math.inf, -math.inf, -math.inf)
EVERYTHING: Box = (-math.inf, -math.inf, math.inf, math.inf)


def times(first: Matrix, second: Matrix) -> Matrix:
    """The transform that does `second` and then `first`."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f


def scales(matrix: Matrix) -> tuple[float, float]:
    """Measure how much a transform stretches along x and y."""
    a, b, c, d, _, _ = matrix
    return math.hypot(a, b), math.hypot(c, d)


def parse_transform(text: str) -> Matrix:
    """The matrix of a transform attribute; what cannot be read leaves it as it is, as in the renderers."""
    matrix = IDENTITY
    for part in text.split(")")[:-1]:
        name, _, arguments = part.rpartition("(")
        matrix = times(matrix, _one_transform(name.strip(" ,\t\r\n"), numbers(arguments)))
    return matrix


def _one_transform(name: str, values: list[float]) -> Matrix:
    if not values or not all(map(math.isfinite, values)):
        return IDENTITY
    first, second = values[0], values[1] if len(values) > 1 else None
    if name == "matrix" and len(values) >= 6:
        a, b, c, d, e, f = values[:6]
        return a, b, c, d, e, f
    if name == "translate":
        return 1.0, 0.0, 0.0, 1.0, first, second or 0.0
    if name == "scale":
        return first, 0.0, 0.0, first if second is None else second, 0.0, 0.0
    if name == "rotate":
        sine, cosine = math.sin(math.radians(first)), math.cos(math.radians(first))
        turn: Matrix = (cosine, sine, -sine, cosine, 0.0, 0.0)
        if len(values) < 3:
            return turn
        x, y = values[1:3]
        return times(times((1.0, 0.0, 0.0, 1.0, x, y), turn), (1.0, 0.0, 0.0, 1.0, -x, -y))
    if name == "skewX":
        return 1.0, 0.0, math.tan(math.radians(first)), 1.0, 0.0, 0.0
    if name == "skewY":
        return 1.0, math.tan(math.radians(first)), 0.0, 1.0, 0.0, 0.0
    return IDENTITY


def transform_box(box: Box, matrix: Matrix) -> Box:
    """Transform a box and give the box around it; everything where the numbers go beyond what floats hold."""
    if box[0] > box[2]:
        return box
    a, b, c, d, e, f = matrix
    xs = [a * x + c * y + e for x in box[::2] for y in box[1::2]]
    ys = [b * x + d * y + f for x in box[::2] for y in box[1::2]]
    return (min(xs), min(ys), max(xs), max(ys)) if all(map(math.isfinite, xs + ys)) else EVERYTHING


def union(boxes: Iterable[Box]) -> Box:
    """The box around boxes."""
    left, top, right, bottom = EMPTY
    for box in boxes:
        left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
    return left, top, right, bottom


def intersection(first: Box, second: Box) -> Box:
    """Intersect two boxes; possibly nothing, with the edges in the wrong order."""
    return max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3])


def area(box: Box) -> float:
    """Width times height; 0 for an empty box."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def target_of(element: etree._Element, ids: dict[str, etree._Element]) -> etree._Element | None:
    """The element that href names, or None."""
    reference: str = element.get("href") or element.get(XLINK_HREF) or ""
    return ids.get(reference[1:])


def fit_viewport(element: etree._Element, use: etree._Element | None, viewport: Size | None) -> Matrix | None:
    """Map the content of an <svg> or <symbol> to its coordinates; None where an unknown % decides.

    Args:
        element: the element whose content is drawn.
        use: the <use> that refers to it, whose width and height take the place of its own.
        viewport: what 100% is across and down.
    """
    sides: list[float | None] = []
    for name, at in (("x", 0), ("y", 1), ("width", 0), ("height", 1)):
        text = use.get(name) if use is not None and at + 2 == len(sides) else None
        text = text or element.get(name) or ("0" if len(sides) < 2 else "100%")
        sides.append(to_pixels(text, full=viewport and viewport[at]))
    x, y, width, height = sides if local_name(element) == "svg" else [0.0, 0.0, *sides[2:]]
    box = view_box(element)
    if x is None or y is None:
        return None
    if box is None:
        return 1.0, 0.0, 0.0, 1.0, x, y
    if width is None or height is None:
        return None
    across, down = width / box[2], height / box[3]
    fit = element.get("preserveAspectRatio", "")
    if "none" not in fit:
        across = down = max(across, down) if "slice" in fit else min(across, down)
    # How far alignment moves it, from none to all of what is left over, is in the middle as good as anywhere.
    left, top = (width - box[2] * across) / 2, (height - box[3] * down) / 2
    return across, 0.0, 0.0, down, x + left - box[0] * across, y + top - box[1] * down


# ---------------------------------------------------------------- boxes of elements


_GROUPS = frozenset("g a switch svg symbol defs".split())
_UNDRAWN = frozenset(
    "defs symbol pattern marker mask clipPath filter linearGradient radialGradient style title desc".split()
)
Point = tuple[float, float]
_COMMAND = re.compile(r"([MmZzLlHhVvCcSsQqTtAa])([^MmZzLlHhVvCcSsQqTtAa]*)")
_WIDTHS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "a": 7}
# The widest letters are about twice as wide as their size says.
_LETTER = 2.0


class Boxes:
    """The boxes of a document's elements, each in its own coordinates and worked out once.

    Args:
        ids: the element of each id.
        transform_of: the transform of an element, from its attribute or its style.
        viewport: what 100% is across and down; None where it is not the same everywhere.
        reach: how far the widest stroke of the document reaches.
        font_size: the largest in the document.
        in_rows: whether all text runs from side to side.
    """

    def __init__(
        self,
        ids: dict[str, etree._Element],
        transform_of: Callable[[etree._Element], Matrix],
        viewport: Size | None,
        reach: float,
        font_size: float,
        in_rows: bool,
    ) -> None:
        self._ids = ids
        self._transform_of = transform_of
        self._viewport = viewport
        self._reach = reach
        self._font_size = font_size
        self._in_rows = in_rows
        self._known: dict[etree._Element, Box | None] = {}
        self._lengths: dict[etree._Element, float] = {}

    def of(self, element: etree._Element) -> Box | None:
        """The box that surely holds the shape of an element and its content, without strokes; None for anything."""
        if element not in self._known:
            self._known[element] = EMPTY  # an element inside itself adds nothing
            self._known[element] = self._work_out(element)
        return self._known[element]

    def with_strokes(self, element: etree._Element) -> Box | None:
        """The box with strokes."""
        box = self.of(element)
        if box is None or box[0] > box[2]:
            return box
        reach = self._reach
        return box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach

    def length(self, shape: etree._Element) -> float:
        """The greatest length that the outline of a shape can have; NaN where nobody knows."""
        if shape not in self._lengths:
            self._lengths[shape] = self._measure(shape)
        return self._lengths[shape]

    def _measure(self, shape: etree._Element) -> float:
        kind = local_name(shape)
        if kind in _TRACES:
            points = _TRACES[kind](shape)
            return sum(math.dist(*pair) for pair in pairwise([*points, *points[:1]]))
        box = self.of(shape)
        return math.nan if box is None else 2 * (box[2] - box[0] + box[3] - box[1])

    def _work_out(self, element: etree._Element) -> Box | None:
        kind = local_name(element)
        if kind == "use":
            return self._of_use(element)
        if kind in _GROUPS:
            return self._of_group(element)
        if kind in _TRACES:
            box: Box | None = _around(_TRACES[kind](element))
        else:
            box = self._text(element) if kind == "text" else self._shape(element)
        return box if box is None or all(map(math.isfinite, box)) or box == EMPTY else None

    def _of_group(self, group: etree._Element) -> Box | None:
        boxes = []
        for child in group:
            if local_name(child) in _UNDRAWN:
                continue
            box = self.of(child)
            inner = fit_viewport(child, None, self._viewport) if local_name(child) == "svg" else IDENTITY
            if box is None or inner is None:
                return None
            boxes.append(transform_box(transform_box(box, inner), self._transform_of(child)))
        return union(boxes)

    def _of_use(self, use: etree._Element) -> Box | None:
        target = target_of(use, self._ids)
        if target is None:
            return EMPTY
        box = self.of(target)
        inner = fit_viewport(target, use, self._viewport) if local_name(target) in ("svg", "symbol") else IDENTITY
        x, y = to_pixels(use.get("x", "0")), to_pixels(use.get("y", "0"))
        if box is None or inner is None or x is None or y is None:
            return None
        box = transform_box(transform_box(box, inner), self._transform_of(target))
        return transform_box(box, (1.0, 0.0, 0.0, 1.0, x, y))

    def _shape(self, shape: etree._Element) -> Box | None:
        """The box of a rectangle, a circle, an ellipse, a line or an image; EMPTY for what is no shape."""
        kind = local_name(shape)
        if kind not in _GEOMETRY or (kind == "image" and not (shape.get("width") and shape.get("height"))):
            return None if kind == "image" else EMPTY
        values = []
        for name in _GEOMETRY[kind]:
            # Of a radius, 100% is a mean of the two sides; the larger is enough.
            full = self._viewport and (
                max(self._viewport) if "r" in name else self._viewport["y" in name or name[0] == "h"]
            )
            values.append(to_pixels(shape.get(name, "0"), full=full))
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        one, two, three, four = (*known, known[-1])[:4]
        if kind in ("circle", "ellipse"):
            return one - three, two - four, one + three, two + four
        if kind == "line":
            return min(one, three), min(two, four), max(one, three), max(two, four)
        return one, two, one + three, two + four

    def _text(self, text: etree._Element) -> Box | None:
        """Text reaches at most as far as its letters, all of the largest size, laid in a row to either side."""
        sides: dict[str, list[float]] = {"x": [0.0], "y": [0.0], "dx": [], "dy": []}
        letters = 0
        for part in text.iter():
            if any(part.get(name) for name in _SPACING) or "spacing" in part.get("style", ""):
                return None
            if local_name(part) in ("textPath", "tref"):
                return None
            for name, found in sides.items():
                lengths = part.get(name, "")
                if "%" in lengths or "e" in lengths:
                    return None
                found += numbers(lengths)
            letters += len(part.text or "") + len(part.tail or "")
        high = _LETTER * self._font_size
        across = (letters + 1) * high + sum(map(abs, sides["dx"]))
        down = (high if self._in_rows else across) + sum(map(abs, sides["dy"]))
        return (
            min(sides["x"]) - across,
            min(sides["y"]) - down,
            max(sides["x"]) + across,
            max(sides["y"]) + down,
        )


_SPACING = ("textLength", "letter-spacing", "word-spacing", "rotate")
_GEOMETRY = {
    "rect": ("x", "y", "width", "height"),
    "image": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "line": ("x1", "y1", "x2", "y2"),
}


def _corners(shape: etree._Element) -> list[Point]:
    values = numbers(shape.get("points", ""))
    return list(zip(values[::2], values[1::2], strict=False))


def _around(points: list[Point]) -> Box:
    return union((x, y, x, y) for x, y in points)


def _path(path: etree._Element) -> list[Point]:
    """The control points of a path, between which its curves lie, and the corners around its arcs."""
    points: list[Point] = []
    here = start = control = (0.0, 0.0)
    for command, text in _COMMAND.findall(path.get("d", "")):
        kind = command.lower()
        if kind == "z":
            here = control = start
            continue
        for number, part in enumerate(_parts(kind, text)):
            base = here if command.islower() else (0.0, 0.0)
            if kind == "h":
                ends = [(base[0] + part[0], here[1])]
            elif kind == "v":
                ends = [(here[0], base[1] + part[0])]
            elif kind == "a":
                ends = [(base[0] + part[5], base[1] + part[6])]
                reach = _arc_reach(here, ends[0], part)
                points += [(here[0] - reach, here[1] - reach), (here[0] + reach, here[1] + reach)]
            else:
                ends = [(base[0] + x, base[1] + y) for x, y in zip(part[::2], part[1::2], strict=True)]
            if kind in "st":  # the control point that they leave out mirrors the one before
                ends.insert(0, (2 * here[0] - control[0], 2 * here[1] - control[1]))
            here, control = ends[-1], ends[-2] if kind in "cstq" else ends[-1]
            if kind == "m" and number == 0:
                start = here
            points += ends
    return points


def _parts(kind: str, text: str) -> list[list[float]]:
    """The arguments of a path command, a list for each time it is carried out."""
    values, width = _arc_numbers(text) if kind == "a" else numbers(text), _WIDTHS[kind]
    return [values[at : at + width] for at in range(0, len(values) - width + 1, width)]


_NEXT_NUMBER, _NEXT_FLAG = re.compile(rf"[\s,]*({NUMBER})"), re.compile(r"[\s,]*([01])")


def _arc_numbers(text: str) -> list[float]:
    """The numbers of arcs, whose two flags may stand together with the number behind them: "a1 1 0 0110 5"."""
    values: list[float] = []
    at = 0
    while match := (_NEXT_FLAG if len(values) % 7 in (3, 4) else _NEXT_NUMBER).match(text, at):
        values.append(float(match[1]))
        at = match.end()
    return values


def _arc_reach(start: Point, end: Point, part: list[float]) -> float:
    """Bound how far an elliptic arc gets from its start: a diameter, of radii that are scaled up to join its ends."""
    small, large = sorted(map(abs, part[:2]))
    distance = math.hypot(end[0] - start[0], end[1] - start[1])
    # SVG 2, appendix B.2.5. Without a radius it is a straight line.
    return 2 * large * max(1.0, distance / 2 / small) if small else distance


_TRACES: dict[str, Callable[[etree._Element], list[Point]]] = {"path": _path, "polyline": _corners, "polygon": _corners}
