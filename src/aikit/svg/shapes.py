"""The shapes of SVG as subpaths, and the lengths in their attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .size import Size, numbers, to_pixels
from .source import local_name
from .subpaths import Pen, Subpath, read_d

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["OUTLINES", "Lengths"]


class Lengths:
    """The lengths in an element's attributes, in the pixels of its own coordinates.

    Args:
        element: whose attributes these are.
        viewport: the width and height of which percentages are.
        properties: those that count for the element, of which the size of the font matters.
    """

    def __init__(self, element: _Element, viewport: Size, properties: Mapping[str, str]) -> None:
        self.element, self.viewport, self.font_size = element, viewport, to_pixels(properties.get("font-size")) or 16.0
        width, height = viewport
        # SVG 2, section 8.9: of what a percentage is, for what is neither a width nor a height.
        self.diagonal = math.hypot(width, height) / math.sqrt(2)

    def of(self, text: str | None, full: float | None = None) -> float | None:
        """A length; a percentage of it is one of `full`, or of the viewport's diagonal."""
        return to_pixels(text, full=self.diagonal if full is None else full, font_size=self.font_size)

    def x(self, name: str) -> float:
        """An attribute that lies or reaches to the right; 0 where it is none."""
        return self.of(self.element.get(name), self.viewport[0]) or 0.0

    def y(self, name: str) -> float:
        """An attribute that lies or reaches down; 0 where it is none."""
        return self.of(self.element.get(name), self.viewport[1]) or 0.0

    def radii(self) -> tuple[float, float]:
        """The radii rx and ry; one that is missing is as the other."""
        rx, ry = (self.of(self.element.get(name), full) for name, full in zip(("rx", "ry"), self.viewport, strict=True))
        return (ry if rx is None else rx) or 0.0, (rx if ry is None else ry) or 0.0

    def point(self, text: str) -> tuple[float, float]:
        """A transform-origin."""
        words = {"left": "0%", "top": "0%", "center": "50%", "right": "100%", "bottom": "100%"}
        parts = [words.get(part, part) for part in text.split()] or ["0", "0"]
        parts += ["50%"] * (len(parts) == 1)
        x, y = (self.of(part, full) or 0.0 for part, full in zip(parts[:2], self.viewport, strict=True))
        return x, y


def _path(lengths: Lengths) -> tuple[Subpath, ...]:
    return read_d(lengths.element.get("d", ""))


def _rect(lengths: Lengths) -> tuple[Subpath, ...]:
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
    return pen.finish()


def _circle(lengths: Lengths) -> tuple[Subpath, ...]:
    radius = lengths.of(lengths.element.get("r")) or 0.0
    return _oval(lengths, radius, radius)


def _ellipse(lengths: Lengths) -> tuple[Subpath, ...]:
    return _oval(lengths, *lengths.radii())


def _oval(lengths: Lengths, rx: float, ry: float) -> tuple[Subpath, ...]:
    if rx <= 0 or ry <= 0:
        return ()
    center = complex(lengths.x("cx"), lengths.y("cy"))
    pen = Pen()
    pen.move_to(center + rx)
    for end in (1j * ry, -rx, -1j * ry, rx):
        pen.arc_to(rx, ry, 0, large=False, clockwise=True, end=center + end)
    pen.close()
    return pen.finish()


def _line(lengths: Lengths) -> tuple[Subpath, ...]:
    start, end = complex(lengths.x("x1"), lengths.y("y1")), complex(lengths.x("x2"), lengths.y("y2"))
    return _polygon([start, end], closed=False)


def _polyline(lengths: Lengths) -> tuple[Subpath, ...]:
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
    return pen.finish()


OUTLINES: dict[str, Callable[[Lengths], tuple[Subpath, ...]]] = {
    "path": _path,
    "rect": _rect,
    "circle": _circle,
    "ellipse": _ellipse,
    "line": _line,
    "polyline": _polyline,
    "polygon": _polyline,
}
