"""Subpaths as arrays of cubic curves: the pen that draws them, and the text of a path's `d`, read and written."""

from __future__ import annotations

import cmath
import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .values import number

if TYPE_CHECKING:
    from .curves import Curves, Points

__all__ = ["Pen", "Subpath", "path_commands", "read_d", "write_d"]

_log = logging.getLogger("aikit")

# Cubic curves to a full turn of an arc. Eight stay within 4.2e-6 of the radius.
_CURVES_A_TURN = 8


class Subpath(NamedTuple):
    """What is drawn without lifting the pen: N curves that join, and which of them are straight lines."""

    curves: Curves
    straight: tuple[bool, ...]
    closed: bool

    def reverse(self) -> Subpath:
        """Turn it round: from its end to its beginning."""
        return Subpath(self.curves[::-1, ::-1], self.straight[::-1], self.closed)


class Pen:
    """Draws subpaths; lines and curves begin where the one before ended. Points are complex numbers, x + y i."""

    def __init__(self) -> None:
        self.at: complex | None = None
        self._done: list[Subpath] = []
        self._curves: list[tuple[complex, ...]] = []
        self._straight: list[bool] = []

    def move_to(self, point: complex) -> None:
        """Begin a subpath."""
        self._finish(closed=False)
        self.at = point

    def line_to(self, end: complex) -> None:
        """Draw a straight line, as a curve run through at constant speed."""
        assert self.at is not None
        third = (end - self.at) / 3
        self._add((self.at, self.at + third, end - third, end), straight=True)

    def quadratic_to(self, control: complex, end: complex) -> None:
        """Draw a quadratic curve, which is exactly a cubic one."""
        assert self.at is not None
        self._add((self.at, (self.at + 2 * control) / 3, (end + 2 * control) / 3, end))

    def cubic_to(self, first: complex, second: complex, end: complex) -> None:
        """Draw a cubic curve."""
        assert self.at is not None
        self._add((self.at, first, second, end))

    def arc_to(self, rx: float, ry: float, rotation: float, large: bool, clockwise: bool, end: complex) -> None:
        """Draw an elliptical arc, with the arguments of `d`'s command A.

        Source: SVG 2, appendix B.2, worked out where the ellipse is the unit circle.
        """
        rx, ry, start = abs(rx), abs(ry), self.at
        assert start is not None
        if start == end:
            return
        if not rx or not ry:
            self.line_to(end)
            return
        turn = cmath.rect(1, math.radians(rotation))
        half = _squeeze((end - start) / turn / 2, rx, ry)
        if not cmath.isfinite(half):
            self.line_to(end)
            return
        side = 1 if large != clockwise else -1
        # From the middle of the chord to the center. Where the radii are too small to reach it is the center, and the
        # circle grows to what is drawn around it.
        offset = side * 1j * half / abs(half) * math.sqrt(max(0.0, 1 - min(abs(half), 2.0) ** 2))
        angle = cmath.phase((half - offset) / (-half - offset))
        angle += math.tau * (clockwise and angle < 0) - math.tau * (not clockwise and angle > 0)
        middle = (start + end) / 2
        for curve in _unit_arc(-half - offset, angle):
            first, second, last = (
                middle + turn * complex((point + offset).real * rx, (point + offset).imag * ry) for point in curve
            )
            self.cubic_to(first, second, last)
        # Rounding must not part the arc from what follows.
        self._curves[-1] = (*self._curves[-1][:3], end)
        self.at = end

    def close(self) -> None:
        """Go back to where the subpath began, by a line where it is not there yet."""
        if not self._curves:
            return
        first = self._curves[0][0]
        if self.at != first:
            self.line_to(first)
        self._finish(closed=True)

    def finish(self) -> tuple[Subpath, ...]:
        """End the drawing, and give all of it."""
        self._finish(closed=False)
        return tuple(self._done)

    def _add(self, curve: tuple[complex, ...], *, straight: bool = False) -> None:
        self._curves.append(curve)
        self._straight.append(straight)
        self.at = curve[3]

    def _finish(self, *, closed: bool) -> None:
        import numpy as np

        if self._curves:
            curves = np.array(self._curves).view(np.float64).reshape(-1, 4, 2)
            if np.isfinite(curves).all():
                self._done.append(Subpath(curves, tuple(self._straight), closed))
            else:
                _log.warning("a subpath is left out: its coordinates are beyond what a float holds")
        self._curves, self._straight = [], []


def _squeeze(point: complex, rx: float, ry: float) -> complex:
    return complex(point.real / rx, point.imag / ry)


def _unit_arc(start: complex, sweep: float) -> Iterator[tuple[complex, complex, complex]]:
    """The arc of the unit circle from a point on, as the last three points of cubic curves.

    Source: Goldapp, "Approximation of circular arcs by cubic polynomials", CAGD 8, 1991: handles of 4/3 tan(a/4).
    """
    count = max(1, math.ceil(abs(sweep) / math.tau * _CURVES_A_TURN - 1e-9))
    handle = 4 / 3 * math.tan(sweep / count / 4)
    for step in range(count):
        here, there = (start * cmath.rect(1, sweep * at / count) for at in (step, step + 1))
        yield here * complex(1, handle), there * complex(1, -handle), there


# ---------------------------------------------------------------- d

# Atomic, or the last number of an odd count would be cut in two: "20" into "2" and "0".
_NUMBER = r"((?>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))"
_GAP = r"\s*,?\s*"
_COUNTS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2}
_ARGUMENTS = {kind: re.compile(_GAP + _GAP.join([_NUMBER] * count)) for kind, count in _COUNTS.items()}
# The two flags may stand together with what follows: "a1 1 0 01.5.5".
_ARGUMENTS["a"] = re.compile(_GAP + _GAP.join([_NUMBER] * 3 + ["([01])"] * 2 + [_NUMBER] * 2))
_COMMAND = re.compile(r"\s*([MmZzLlHhVvCcSsQqTtAa])")


def path_commands(d: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with its arguments, repeated for each set of arguments; none from the first error on."""
    d, at = d.rstrip(), 0
    while at < len(d):
        match = _COMMAND.match(d, at)
        if match is None:
            break
        letter, at = match[1], match.end()
        if letter in "zZ":
            yield letter, []
            continue
        arguments = _ARGUMENTS[letter.lower()].match(d, at)
        if arguments is None:
            break
        while arguments is not None:
            yield letter, [float(text) for text in arguments.groups()]
            at = arguments.end()
            letter = {"M": "L", "m": "l"}.get(letter, letter)
            arguments = _ARGUMENTS[letter.lower()].match(d, at)
    else:
        return
    _log.warning("a path is drawn up to the error in its d at %.40r", d[at:])


@lru_cache(maxsize=256)  # <use> draws the same again
def read_d(d: str) -> tuple[Subpath, ...]:
    """The subpaths of a `d`, with arcs and quadratic curves as cubic ones.

    An error in `d` ends the path there, as the standard and every renderer have it.

    Source: SVG 2, section 9.3.
    """
    pen = Pen()
    control: tuple[str, complex] = "", 0  # the kind of the curve before and its last control point
    for letter, values in path_commands(d):
        kind = letter.lower()
        if pen.at is None and kind != "m":
            break  # nothing can be drawn before the pen is somewhere
        here = pen.at or 0j
        base = here if letter.islower() else 0j
        points = [base + complex(*pair) for pair in zip(values[::2], values[1::2], strict=False)]
        mirrored = 2 * here - control[1] if control[0] == _SMOOTH.get(kind) else here
        if kind == "a":
            rx, ry, rotation, large, clockwise, x, y = values
            pen.arc_to(rx, ry, rotation, bool(large), bool(clockwise), base + complex(x, y))
        elif kind == "h":
            pen.line_to(complex(base.real + values[0], here.imag))
        elif kind == "v":
            pen.line_to(complex(here.real, base.imag + values[0]))
        elif kind == "t":
            points.insert(0, mirrored)
            pen.quadratic_to(*points)
        elif kind == "s":
            pen.cubic_to(mirrored, *points)
        else:
            _PLAIN[kind](pen, *points)
        control = _SMOOTH.get(kind, kind), points[-2] if len(points) > 1 else here
    return pen.finish()


# Which curve a smooth one goes on from.
_SMOOTH = {"s": "c", "t": "q"}
_PLAIN: dict[str, Callable[..., None]] = {
    "m": Pen.move_to, "l": Pen.line_to, "c": Pen.cubic_to, "q": Pen.quadratic_to, "z": Pen.close
}  # fmt: skip


def write_d(subpaths: Sequence[Subpath]) -> str:
    """The `d` of subpaths: M, L, C and Z, with nine digits."""
    words: list[str] = []
    for curves, straight, closed in subpaths:
        words.append("M" + _numbers(curves[0, 0]))
        drawn = len(curves) - (closed and straight[-1] and len(curves) > 1)  # Z draws the last line
        words += [
            "L" + _numbers(curve[3]) if is_line else "C" + _numbers(curve[1:])
            for curve, is_line in zip(curves[:drawn], straight, strict=False)
        ]
        words += ["Z"] * closed
    return "".join(words)


def _numbers(points: Points) -> str:
    # A billionth of a pixel is rounding: what is left of 10 cos(90°) reads as 0.
    return " ".join(number(round(value, 9)) for value in points.ravel().tolist())
