"""SvgPath: one path in pixels, to measure, move and combine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from numbers import Integral, Real
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Protocol

from ..errors import InputTypeError, InputValueError, MissingDependencyError, quoted
from . import transform as transforms
from .curves import at_distances, bounds, measure, signed_area
from .size import numbers, to_pixels
from .subpaths import Pen, Subpath, read_d, write_d
from .values import number, to_attributes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .curves import Curves
    from .transform import Matrix

    Array = NDArray[np.float64]

__all__ = ["SvgPath"]

Point = tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class SvgPath:
    """One path of an SVG in pixels: x to the right, y down. Nothing changes it; every verb gives a new one.

    Curves are cubic: arcs become such, eight to a turn, before anything moves them, so that they stay right under every
    transform. Areas, unions, intersections and differences are Skia's, in 24-bit floats.

    Made by `svg_paths`, or by `SvgPath.from_d("M0 0L10 0L10 10Z", fill="red")`. An `Svg` takes it back:
    `svg.add(path)`.

    Attributes:
        subpaths: the curves, each subpath's as an array (N, 4, 2) of control points; `split()` gives them as paths.
        attributes: what it is drawn with, by SVG's names: id, fill, stroke, stroke-width, fill-rule, ...
    """

    subpaths: tuple[Subpath, ...]
    attributes: Mapping[str, str]

    @classmethod
    def from_d(cls, d: str, **attributes: object) -> SvgPath:
        """A path from the text of a `d` attribute.

        Args:
            d: such as "M0 0L10 0A5 5 0 0 1 20 0Z". Arcs become cubic curves, eight to a turn, which are within
                4.2e-6 of the radius.
            attributes: what it is drawn with, with _ for -: `stroke_width=2`.
        """
        if not isinstance(d, str):
            raise InputTypeError("d", 'text such as "M0 0L10 10"', quoted(d), "pass a str")
        return cls(read_d(d), to_attributes(attributes))

    def __post_init__(self) -> None:
        for subpath in self.subpaths:
            subpath.curves.flags.writeable = False
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __reduce__(self) -> tuple[object, ...]:  # a MappingProxyType does not pickle
        return SvgPath, (self.subpaths, dict(self.attributes))

    def __repr__(self) -> str:
        shown = "".join(f" {name}={value!r}" for name, value in self.attributes.items() if name in ("id", "fill"))
        return f"<SvgPath{shown} bbox={self.bbox}>"

    # ------------------------------------------------------------ what it is

    @property
    def id(self) -> str | None:
        """The id of the element it was, or None."""
        return self.attributes.get("id")

    @property
    def fill(self) -> str:
        """The paint inside, as SVG writes it; black where nothing was said."""
        return self.attributes.get("fill", "black")

    @property
    def stroke(self) -> str:
        """The paint of the line, as SVG writes it; "none" where nothing was said."""
        return self.attributes.get("stroke", "none")

    @property
    def d(self) -> str:
        """The path as the text of a `d` attribute: M, L, C and Z."""
        return write_d(self.subpaths)

    @property
    def closed(self) -> bool:
        """Whether every subpath ends where it began, by a Z."""
        return bool(self.subpaths) and all(subpath.closed for subpath in self.subpaths)

    def tostring(self) -> str:
        """The path as a <path> element."""
        written = {"d": self.d, **self.attributes}
        return " ".join(["<path", *(f'{name}="{escape(text)}"' for name, text in written.items())]) + "/>"

    def split(self) -> list[SvgPath]:
        """Every subpath as a path of its own."""
        return [replace(self, subpaths=(subpath,)) for subpath in self.subpaths]

    # ------------------------------------------------------------ measures

    @property
    def _curves(self) -> Curves:
        import numpy as np

        return np.concatenate([subpath.curves for subpath in self.subpaths] or [np.empty((0, 4, 2))])

    @cached_property
    def _measured(self) -> tuple[Curves, Array]:
        return measure(self._curves)

    @property
    def length(self) -> float:
        """The length of what is drawn, in pixels, closing lines included and the moves between subpaths not."""
        return float(self._measured[1].sum())

    @property
    def bbox(self) -> tuple[float, float, float, float] | None:
        """(left, top, right, bottom) of the outline, in pixels, without the width of its line; None for nothing."""
        return bounds(self._curves) if self.subpaths else None

    @property
    def center(self) -> Point:
        """The middle of `bbox`, to turn and scale a path about."""
        if self.bbox is None:
            raise InputValueError("center", "a path that draws something", "an empty one", "check bbox for None")
        left, top, right, bottom = self.bbox
        return (left + right) / 2, (top + bottom) / 2

    @property
    def area(self) -> float:
        """The area that a fill covers, in square pixels, by the path's own fill rule; open subpaths count as closed."""
        skia = _to_skia(self)
        with _refusals(self):
            skia.simplify()
        return abs(math.fsum(signed_area(subpath.curves) for subpath in _from_skia(skia)))

    def points(self, count: int | None = None, *, spacing: float | None = None) -> Array:
        """Points at equal distances along the path.

        Args:
            count: how many. A closed path has them all around, an open one has its first and last point among them.
            spacing: instead of a count, the distance from one to the next in pixels, from the start on.

        Returns:
            float64 array (count, 2) of x and y. The points run over all subpaths one after the other, as if they
            joined; take each apart with `split()`.
        """
        import numpy as np

        distances = self._distances(count, spacing)
        if not self.subpaths:
            return np.empty((0, 2))
        return at_distances(*self._measured, distances)

    def _distances(self, count: object, spacing: object) -> Array:
        import numpy as np

        if (count is None) == (spacing is None):
            raise InputTypeError(
                "count",
                "either count or spacing",
                f"count={quoted(count)} and spacing={quoted(spacing)}",
                "pass one of them",
            )
        if count is not None:
            if isinstance(count, bool) or not isinstance(count, Integral):
                raise InputTypeError("count", "an integer", quoted(count), "for a distance pass spacing=")
            if count < 1:
                raise InputValueError("count", "at least 1", str(count), "pass a positive number")
            return np.linspace(0, self.length, int(count), endpoint=not self.closed)
        step = _finite("spacing", spacing)
        if step <= 0:
            raise InputValueError("spacing", "a positive distance in pixels", quoted(spacing), "pass one")
        # A point that rounding puts a hair beyond the end is meant; on a closed path it is the first one again.
        steps = math.floor(self.length / step + 1e-9)
        again = self.closed and steps > 0 and steps * step > self.length * (1 - 1e-9)
        distances: Array = np.minimum(np.arange(steps + 1 - again) * step, self.length)
        return distances

    # ------------------------------------------------------------ moves

    def transform(self, transform: str | Sequence[float] | Array) -> SvgPath:
        """The path under any affine transform.

        Args:
            transform: text as in a transform attribute, "rotate(30) scale(2)"; the six numbers of SVG's
                matrix(a, b, c, d, e, f); or a matrix (2, 3) or (3, 3), as OpenCV and NumPy have it.

        Returns:
            A new path. Its line grows with it, as SVG's does: by the mean of the two scales where they differ.
        """
        matrix = transforms.parse_transform(transform) if isinstance(transform, str) else _affine(transform)
        if matrix is None:
            raise InputValueError(
                "transform",
                'text such as "rotate(30)", six finite numbers or a matrix (2, 3) or (3, 3)',
                quoted(transform),
                "write it as one of these",
            )
        subpaths = tuple(
            subpath._replace(curves=_transform_curves(subpath.curves, matrix)) for subpath in self.subpaths
        )
        return SvgPath(subpaths, _scale_line(self.attributes, transforms.scale_of(matrix)))

    def translate(self, x: float, y: float) -> SvgPath:
        """The path moved by x pixels to the right and y down."""
        return self.transform(transforms.translation(_finite("x", x), _finite("y", y)))

    def scale(self, x: float, y: float | None = None, *, about: Point = (0.0, 0.0)) -> SvgPath:
        """The path made x times as wide and y times as high, about a point that stays; y is x where left out."""
        center = _point(about)
        factors = _finite("x", x), _finite("y", x if y is None else y)
        return self.transform(
            transforms.translation(*center)
            @ transforms.scaling(*factors)
            @ transforms.translation(-center[0], -center[1])
        )

    def rotate(self, degrees: float, *, about: Point = (0.0, 0.0)) -> SvgPath:
        """The path turned clockwise about a point, `about=path.center` for its own middle."""
        return self.transform(transforms.rotation(_finite("degrees", degrees), *_point(about)))

    def mirror(self, *, x: float | None = None, y: float | None = None) -> SvgPath:
        """The path mirrored: left and right exchanged at the upright line x, or top and bottom at the level line y."""
        if (x is None) == (y is None):
            raise InputTypeError("x", "either x or y", f"x={quoted(x)} and y={quoted(y)}", "pass one of them")
        if x is not None:
            return self.transform(transforms.matrix(-1, 0, 0, 1, 2 * _finite("x", x), 0))
        return self.transform(transforms.matrix(1, 0, 0, -1, 0, 2 * _finite("y", y)))

    def reverse(self) -> SvgPath:
        """The path drawn from its end to its beginning."""
        return replace(self, subpaths=tuple(subpath.reverse() for subpath in reversed(self.subpaths)))

    # ------------------------------------------------------------ filled shapes together

    def union(self, other: SvgPath) -> SvgPath:
        """What either path fills, as a path with this one's attributes."""
        return self._combine(other, "UNION")

    def intersection(self, other: SvgPath) -> SvgPath:
        """What both paths fill, as a path with this one's attributes; empty (`bbox` is None) where they do not meet."""
        return self._combine(other, "INTERSECTION")

    def difference(self, other: SvgPath) -> SvgPath:
        """What this path fills and the other does not, as a path with this one's attributes."""
        return self._combine(other, "DIFFERENCE")

    def _combine(self, other: SvgPath, operation: str) -> SvgPath:
        pathops = _pathops()
        if not isinstance(other, SvgPath):
            raise InputTypeError("other", "an SvgPath", type(other).__name__, "take it from svg_paths")
        with _refusals(self, other):
            result = pathops.op(_to_skia(self), _to_skia(other), getattr(pathops.PathOp, operation))
        attributes = {name: text for name, text in self.attributes.items() if name != "fill-rule"}
        return SvgPath(_from_skia(result), attributes)


def _finite(subject: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(subject, "a number", quoted(value), "pass a float")
    if not math.isfinite(value):
        raise InputValueError(subject, "a finite number", quoted(value), "check where it comes from")
    return float(value)


def _point(about: object) -> Point:
    if not isinstance(about, (tuple, list)) or len(about) != 2:
        raise InputTypeError("about", "a point (x, y)", quoted(about), "pass for instance path.center")
    return _finite("about", about[0]), _finite("about", about[1])


def _affine(transform: object) -> Matrix | None:
    import numpy as np

    try:
        given = np.asarray(transform, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if given.shape == (6,):
        given = transforms.matrix(*given.tolist())
    elif given.shape == (2, 3):
        given = np.vstack([given, (0, 0, 1)])
    fits = given.shape == (3, 3) and np.isfinite(given).all() and (given[2] == (0, 0, 1)).all()
    return given if fits else None


def _transform_curves(curves: Curves, matrix: Matrix) -> Curves:
    import numpy as np

    with np.errstate(all="ignore"):
        moved = curves @ matrix[:2, :2].T + matrix[:2, 2]
    if not np.isfinite(moved).all():
        raise InputValueError("transform", "a result that floats can hold", str(moved.max()), "scale by less")
    return moved


def _scale_line(attributes: Mapping[str, str], factor: float) -> dict[str, str]:
    """The attributes of a path that grows: the line it is drawn with grows too."""
    scaled = dict(attributes)
    if attributes.get("stroke", "none") == "none" or "vector-effect" in attributes or math.isclose(factor, 1):
        return scaled
    width = to_pixels(attributes.get("stroke-width", "1"))
    if width is not None:
        scaled["stroke-width"] = number(width * factor)
    for name in ("stroke-dasharray", "stroke-dashoffset"):
        if parts := numbers(attributes.get(name, "")):
            scaled[name] = " ".join(number(part * factor) for part in parts)
    return scaled


def _pathops() -> ModuleType:
    try:
        import pathops
    except ImportError as error:
        raise MissingDependencyError(
            "path",
            "the package skia-pathops for areas, unions, intersections and differences",
            "none installed",
            "run: pip install skia-pathops",
        ) from error
    module: ModuleType = pathops
    return module


@contextmanager
def _refusals(*paths: SvgPath) -> Iterator[None]:
    """Turn what Skia gives up on into an error of ours."""
    try:
        yield
    except _pathops().PathOpsError as error:
        raise InputValueError(
            "path",
            "outlines that Skia can work on",
            f"{', '.join(map(repr, paths))} ({error})",
            "scale them to some thousand pixels, or move one by a thousandth of a pixel",
        ) from error


class _SkiaPath(Protocol):
    """What is used of a path of skia-pathops, which has no types."""

    def moveTo(self, x: float, y: float) -> None: ...  # noqa: N802 - Skia's names
    def lineTo(self, x: float, y: float) -> None: ...  # noqa: N802
    def cubicTo(self, *points: float) -> None: ...  # noqa: N802
    def close(self) -> None: ...
    def simplify(self) -> None: ...
    def __iter__(self) -> Iterator[tuple[object, tuple[Point, ...]]]: ...


def _to_skia(path: SvgPath) -> _SkiaPath:
    pathops = _pathops()
    rule = pathops.FillType.EVEN_ODD if path.attributes.get("fill-rule") == "evenodd" else pathops.FillType.WINDING
    skia: _SkiaPath = pathops.Path(fillType=rule)
    for curves, straight, _ in path.subpaths:
        skia.moveTo(*curves[0, 0])
        for curve, is_line in zip(curves, straight, strict=True):
            if is_line:
                skia.lineTo(*curve[3])
            else:
                skia.cubicTo(*curve[1:].ravel())
        skia.close()
    return skia


def _from_skia(skia: _SkiaPath) -> tuple[Subpath, ...]:
    pen, verbs = Pen(), _pathops().PathVerb
    draw: dict[object, Callable[..., None]] = {
        verbs.MOVE: pen.move_to, verbs.LINE: pen.line_to, verbs.QUAD: pen.quadratic_to, verbs.CUBIC: pen.cubic_to,
        verbs.CLOSE: pen.close,
    }  # fmt: skip
    for verb, points in skia:
        draw[verb](*(complex(*point) for point in points))
    return pen.finish()
