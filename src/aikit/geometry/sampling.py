"""Pictures sampled anywhere: the mathematics of a warp.

A picture lies on an endless plane of `fill`. A result pixel takes the value under its center, interpolated by the method's
kernel; where the matrix shrinks, it takes the weighted mean of values under points spread over the part of the picture
that it covers, so that nothing is skipped. The spread grows from nothing as the matrix begins to shrink, to the kernel
that `resize` has; where it shrinks much, the picture is reduced to whole fractions first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from .._pixels import Namespace, Plane, Planes
from ..alpha.premultiplied import clip_alpha, divide_alpha, split_alpha_plane
from ..resample import passes

Array: TypeAlias = np.ndarray[Any, Any]
Matrix = tuple[tuple[float, ...], ...]

__all__ = ["KERNELS", "Warp", "can_warp_codes", "take_nearest", "warp_codes", "warp_planes"]

# The kernels of `resize` that interpolate, and how many pixels each reaches to either side.
KERNELS = {name: passes.KERNELS[name] for name in ("bilinear", "bicubic")}

# A picture is reduced first where a result pixel covers more than this many of its pixels, and so far that it still covers
# this many. Pillow's `reducing_gap` advises 2 to 3.
_GAP = 3

# Points along one side of a result pixel's footprint: what is more stretched than that is softened.
_MOST_POINTS = 24

# Result pixels worked on at a time on the host: what is known of them stays in the cache.
_STRIP = 1 << 14


@dataclass(frozen=True, slots=True)
class Warp:
    """A matrix from (x, y, 1) of the picture to the result, the result's (height, width), and how pixels are mixed.

    `in_bytes` says that the result will have 8 bits, for which places in float32 are precise enough.
    """

    matrix: Matrix
    size: tuple[int, int]
    method: str
    antialias: bool = True
    in_bytes: bool = False

    def inverse(self, height: int, width: int) -> Array:
        """From the result to a picture of this size; the third number is positive where the picture is seen."""
        matrix = np.array(self.matrix)
        if matrix[2] @ (width / 2, height / 2, 1) < 0:
            matrix = -matrix
        return np.linalg.inv(matrix)


def warp_planes(warp: Warp, fill: Sequence[float], xp: Namespace, *planes: Plane) -> Planes:
    """Warp planes, with premultiplied color where they are mixed."""
    if warp.method == "nearest":
        return _sample(xp, planes, fill, warp)
    color, alpha = split_alpha_plane(planes)
    if alpha is None:
        return _sample(xp, planes, fill, warp)
    alpha = clip_alpha(xp, alpha)
    *shown, opacity = fill
    *color, alpha = _sample(
        xp, [*(plane * alpha for plane in color), alpha], [*(value * opacity for value in shown), opacity], warp
    )
    alpha = clip_alpha(xp, alpha)
    return [*divide_alpha(xp, color, alpha), alpha]


def take_nearest(warp: Warp, fill: Sequence[int], *planes: Plane) -> Planes:
    """The nearest pixels of 8-bit codes."""
    return _sample(np, planes, fill, warp)


def can_warp_codes(warp: Warp, height: int, width: int, channels: int) -> bool:
    """Whether OpenCV does the same on 8-bit codes: bilinear, affine, opaque, and nothing shrunk."""
    if (
        warp.method != "bilinear"
        or channels in (2, 4)
        or max(height, width, *warp.size) >= 1 << 15
        or not _is_precise()
    ):
        return False
    inverse = warp.inverse(height, width)
    if inverse[2, :2].any():
        return False
    (group,) = _groups(warp, inverse, height, width)
    return group.factor == 1 and group.points == (1, 1)


def warp_codes(warp: Warp, fill: Sequence[int], *planes: Plane) -> Planes:
    """Warp 8-bit codes: within a code of `warp_planes`, in a fifth of the time."""
    import cv2

    # OpenCV counts from the centers of pixels.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = (np.linalg.inv(half) @ np.array(warp.matrix) @ half)[:2]
    size = warp.size[::-1]
    return [
        cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=value)
        for plane, value in zip(planes, fill, strict=True)
    ]


def _sample(xp: Namespace, planes: Sequence[Plane], fill: Sequence[float], warp: Warp) -> Planes:
    height, width = planes[0].shape[-2:]
    inverse = warp.inverse(height, width)
    groups = _groups(warp, inverse, height, width)
    sampler = _sampler(xp, planes, warp)
    parts = [sampler(xp, planes, fill, group.factor).values(warp, inverse, group) for group in groups]
    if groups[0].at is None:
        return parts[0]
    order = np.argsort(np.concatenate([group.at for group in groups]))
    index = xp.asarray(order, device=planes[0].device)
    joined = [xp.concatenate(list(part), -1)[..., index] for part in zip(*parts, strict=True)]
    return [plane.reshape(*plane.shape[:-1], *warp.size) for plane in joined]


# ---------------------------------------------------------------- how far points are spread, and where


@dataclass(frozen=True, slots=True)
class _Group:
    """Result pixels that are worked on alike.

    `at` are their places in the flattened result, all of them where None; `spread` is how wide the kernel is in x and y, in
    result pixels, a number or one for each; `points` is how many there are along x and y.
    """

    at: Array | None
    factor: int
    spread: tuple[Any, Any]
    points: tuple[int, int]


def _groups(warp: Warp, inverse: Array, height: int, width: int) -> list[_Group]:
    """Pixels with one reduction of the picture: one group for an affine matrix, some for a perspective."""
    if warp.method == "nearest" or not warp.antialias:
        return [_Group(None, 1, (0.0, 0.0), (1, 1))]
    reach = KERNELS[warp.method].reach
    if not inverse[2, :2].any():
        across, down, least, most = (float(each) for each in _footprint(inverse, 0.0, 0.0))
        factor = int(_factor(least, most))
        spread = tuple(float(_spread(side, factor, warp.method)) for side in (across, down))
        points = tuple(_points(reach * each * side / factor) for each, side in zip(spread, (across, down), strict=True))
        return [_Group(None, factor, spread, points)]  # type: ignore[arg-type]
    x, y = np.meshgrid(np.arange(warp.size[1]) + 0.5, np.arange(warp.size[0]) + 0.5)
    x, y = x.ravel(), y.ravel()
    with np.errstate(all="ignore"):
        across, down, least, most = _footprint(inverse, x, y)
        u, v, w = (row[0] * x + row[1] * y + row[2] for row in inverse)
        u, v = u / w, v / w
        seen = (w > 0) & (abs(u - width / 2) < width / 2 + 2 * most) & (abs(v - height / 2) < height / 2 + 2 * most)
        factors = np.where(seen, 2 ** np.floor(np.log2(_factor(least, most))), 0)
    groups = []
    for each in np.unique(factors).astype(int).tolist():
        at = np.flatnonzero(factors == each)
        if not each:  # nothing of the picture is near
            groups.append(_Group(at, 1, (0.0, 0.0), (1, 1)))
            continue
        sides = across[at], down[at]
        spread = tuple(_spread(side, each, warp.method) for side in sides)
        points = tuple(_points(reach * (s * side).max() / each) for s, side in zip(spread, sides, strict=True))
        groups.append(_Group(at, each, spread, points))  # type: ignore[arg-type]
    return groups


def _footprint(inverse: Array, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    """How long a step in x and in y of the result is in the picture, and the least and most of any step, in its pixels."""
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in inverse)
    (a, b, _), (c, d, _), (g, h, _) = inverse
    ux, uy = (a * w - u * g) / w**2, (b * w - u * h) / w**2
    vx, vy = (c * w - v * g) / w**2, (d * w - v * h) / w**2
    half_sum, half_difference = np.hypot(ux + vy, vx - uy) / 2, np.hypot(ux - vy, vx + uy) / 2
    return np.hypot(ux, vx), np.hypot(uy, vy), abs(half_sum - half_difference), half_sum + half_difference


def _factor(least: Any, most: Any) -> Any:
    """To which fraction the picture is reduced first."""
    return np.maximum(1, np.maximum(np.floor(least / _GAP), np.ceil(2 * most / _MOST_POINTS)))


def _spread(side: Any, factor: int, method: str) -> Any:
    """How wide the points of a pixel are spread, in result pixels.

    Bilinear values are as soft as a triangle of one reduced pixel already, and a box of that: the rest is what is missing
    in the variance of the kernel that `resize` has. Bicubic ones are hardly soft, and are spread nearly all the way.
    """
    side = np.maximum(side, 1e-9)
    softness = 1.5 * factor**2 - 0.5 if method == "bilinear" else factor**4 / side**2
    return np.sqrt(np.maximum(0, side**2 - softness)) / side


def _points(radius: float) -> int:
    """How many points cover so many pixels to either side, no more than one pixel apart."""
    return 1 if radius < 1e-3 else min(_MOST_POINTS * 2, int(np.ceil(2 * radius)) + 1)


@cache
def _offsets(method: str, count: int) -> tuple[tuple[float, float], ...]:
    """Places of points over a kernel, in its own units, with their weights."""
    if count == 1:
        return ((0.0, 1.0),)
    kernel = KERNELS[method]
    places = ((np.arange(count) + 0.5) / count * 2 - 1) * kernel.reach
    weights = kernel.weight(places)
    return tuple(zip(places.tolist(), (weights / weights.sum()).tolist(), strict=True))


# ---------------------------------------------------------------- values


def _reduced(xp: Namespace, plane: Plane, factor: int, fill: float) -> Plane:
    """Means of squares of pixels; what is missing of the last ones is fill."""
    if factor == 1:
        return plane
    height, width = plane.shape[-2:]
    plane = _bordered(xp, plane, (0, -height % factor), (0, -width % factor), fill)
    rows, columns = plane.shape[-2] // factor, plane.shape[-1] // factor
    return plane.reshape(*plane.shape[:-2], rows, factor, columns, factor).mean((-3, -1))


def _bordered(xp: Namespace, plane: Plane, rows: tuple[int, int], columns: tuple[int, int], fill: float) -> Plane:
    def bar(height: int, width: int) -> Plane:
        return xp.full((*plane.shape[:-2], height, width), fill, dtype=plane.dtype, device=plane.device)

    height = plane.shape[-2]
    plane = xp.concatenate([bar(height, columns[0]), plane, bar(height, columns[1])], -1)
    return xp.concatenate([bar(rows[0], plane.shape[-1]), plane, bar(rows[1], plane.shape[-1])], -2)


def _sampler(xp: Namespace, planes: Sequence[Plane], warp: Warp) -> type[_OnTensors]:
    """The fastest way for some planes."""
    if xp.__name__ == "torch":
        return _OnTensors
    fits = max(planes[0].shape) < 1 << 15 and planes[0].dtype == np.float32
    return _InOpenCV if warp.method == "bilinear" and warp.in_bytes and fits and _is_precise() else _OnArrays


@cache
def _is_precise() -> bool:
    """Whether OpenCV places points as precisely as float32 can: up to version 4 it rounds them to 1/32 of a pixel."""
    import cv2

    return int(cv2.__version__.split(".")[0]) >= 5


class _OnTensors:
    """The definition: values of planes under points, by indexing; on any device, with gradients."""

    def __init__(self, xp: Namespace, planes: Sequence[Plane], fill: Sequence[float], factor: int) -> None:
        reduced = [_reduced(xp, plane, factor, value) for plane, value in zip(planes, fill, strict=True)]
        self.xp = xp
        self.height, self.width = reduced[0].shape[-2:]
        # A border of fill: whatever lies outside is on it.
        framed = [_bordered(xp, plane, (1, 1), (1, 1), value) for plane, value in zip(reduced, fill, strict=True)]
        self.planes = [plane.reshape(*plane.shape[:-2], -1) for plane in framed]
        self.device = planes[0].device

    def values(self, warp: Warp, inverse: Array, group: _Group) -> Planes:
        """The group's pixels, flat unless they are all."""
        x, y = self.centers(warp, group)
        return self.mean(warp, inverse, group, x, y)

    def centers(self, warp: Warp, group: _Group) -> tuple[Plane, Plane]:
        """Where the pixels' centers are in the result."""
        xp = self.xp
        if group.at is None:
            x = xp.arange(warp.size[1], dtype=xp.float64, device=self.device)[None] + 0.5
            y = xp.arange(warp.size[0], dtype=xp.float64, device=self.device)[:, None] + 0.5
            return x, y
        at = xp.asarray(group.at, device=self.device)
        return at % warp.size[1] + 0.5, at // warp.size[1] + 0.5

    def mean(self, warp: Warp, inverse: Array, group: _Group, x: Plane, y: Plane) -> Planes:
        """The weighted mean under the points of each pixel."""
        spread = [
            side if isinstance(side, float) else self.xp.asarray(side, device=self.device) for side in group.spread
        ]
        total: Planes | None = None
        for place_y, weight_y in _offsets(warp.method, group.points[1]):
            for place_x, weight_x in _offsets(warp.method, group.points[0]):
                u, v = self.source(inverse, x + place_x * spread[0], y + place_y * spread[1], group.factor)
                values = self.at(warp.method, u, v)
                weight = weight_x * weight_y
                if total is None:
                    total = values if weight == 1 else [value * weight for value in values]
                else:
                    total = [before + value * weight for before, value in zip(total, values, strict=True)]
        return total or []

    def source(self, inverse: Array, x: Plane, y: Plane, factor: int) -> tuple[Plane, Plane]:
        """Where points of the result lie in the reduced picture; those that nothing is near to, just outside."""
        xp = self.xp
        a, b, c, d, e, f, g, h, i = (float(value) for value in inverse.ravel())
        u, v = a * x + b * y + c, d * x + e * y + f
        if g or h:
            w = g * x + h * y + i
            seen = w > 1e-12
            w = xp.where(seen, w, 1.0)
            u, v = xp.where(seen, u / w, -1e9), xp.where(seen, v / w, -1e9)
        elif i != 1:
            u, v = u / i, v / i
        return xp.clip(u / factor, -2, self.width + 2), xp.clip(v / factor, -2, self.height + 2)

    def at(self, method: str, u: Plane, v: Plane) -> Planes:
        """The values of every plane under some points."""
        xp = self.xp
        if method == "nearest":
            index = self.index(xp.floor(u), xp.floor(v))
            return [plane[..., index] for plane in self.planes]
        across, down = (_weights(xp, method, each, self.planes[0].dtype) for each in (u - 0.5, v - 0.5))
        result: Planes | None = None
        for row, weight_y in down:
            for column, weight_x in across:
                index, weight = self.index(column, row), weight_x * weight_y
                parts = [plane[..., index] * weight for plane in self.planes]
                if result is None:
                    result = parts
                else:
                    result = [before + part for before, part in zip(result, parts, strict=True)]
        return result or []

    def index(self, column: Plane, row: Plane) -> Plane:
        """Where a pixel lies in the flattened planes with their border."""
        xp = self.xp
        rows, columns = xp.clip(row, -1, self.height) + 1, xp.clip(column, -1, self.width) + 1
        return xp.asarray(rows * (self.width + 2) + columns, dtype=xp.int64)


def _weights(xp: Namespace, method: str, at: Plane, dtype: Any) -> list[tuple[Plane, Plane]]:
    """The pixels under a kernel at some place, each with its weight."""
    first = xp.floor(at)
    t = xp.asarray(at - first, dtype=dtype)
    if method == "bilinear":
        return [(first, 1 - t), (first + 1, t)]
    # Keys with a = -0.5, as everywhere here.
    outer, inner = ((-0.5 * t + 1) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1
    after, last = ((-1.5 * t + 2) * t + 0.5) * t, (0.5 * t - 0.5) * t * t
    return [(first - 1, outer), (first, inner), (first + 1, after), (first + 2, last)]


class _OnArrays(_OnTensors):
    """The same in strips of pixels that fit the cache."""

    def values(self, warp: Warp, inverse: Array, group: _Group) -> Planes:
        """The group's pixels, flat unless they are all."""
        x, y = self.centers(warp, group)
        count = warp.size[0] if group.at is None else len(group.at)
        step = max(1, _STRIP // (warp.size[1] if group.at is None else 1))
        shape = warp.size if group.at is None else (count,)
        result = [np.empty(shape, plane.dtype) for plane in self.planes]
        for start in range(0, count, step):
            part = slice(start, start + step)
            at = None if group.at is None else group.at[part]
            spread = tuple(side if isinstance(side, float) else side[part] for side in group.spread)
            piece = _Group(at, group.factor, spread, group.points)  # type: ignore[arg-type]
            if group.at is None:
                strip = self.mean(warp, inverse, piece, x, y[part])
                place: Any = (..., part, slice(None))
            else:
                strip, place = self.mean(warp, inverse, piece, x[part], y[part]), (..., part)
            for plane, values in zip(result, strip, strict=True):
                plane[place] = values
        return result


class _InOpenCV(_OnArrays):
    """The same by OpenCV, for 8-bit pictures and bilinear values: an eighth of the time, within 1/20 of a code."""

    def __init__(self, xp: Namespace, planes: Sequence[Plane], fill: Sequence[float], factor: int) -> None:
        import cv2

        reduced = [_reduced(xp, plane, factor, value) for plane, value in zip(planes, fill, strict=True)]
        self.xp, self.planes, self.device, self.fill = xp, reduced, planes[0].device, fill
        self.height, self.width = reduced[0].shape
        # OpenCV is precise with one, three and four channels, not with two.
        self.picture = cv2.merge([*reduced, reduced[0]] if len(reduced) == 2 else reduced)

    def at(self, method: str, u: Array, v: Array) -> Planes:
        """The values of every plane under some points."""
        import cv2

        shape = np.broadcast_shapes(u.shape, v.shape)
        places = [np.empty(shape if len(shape) == 2 else (1, *shape), np.float32) for _ in (u, v)]
        for place, each in zip(places, (u, v), strict=True):
            np.subtract(each, 0.5, out=place, casting="unsafe")
        across, down = places
        border = cv2.BORDER_CONSTANT
        values = cv2.remap(
            self.picture, across, down, cv2.INTER_LINEAR, borderMode=border, borderValue=tuple(self.fill)
        )
        return [plane.reshape(shape) for plane in cv2.split(values)[: len(self.planes)]]
