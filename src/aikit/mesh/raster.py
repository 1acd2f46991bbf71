"""Triangles to samples: exact coverage by whole numbers, in torch on any device.

Corners are rounded to 1/256 of a sample. From there all is exact: a sample on an edge that two triangles share belongs to
one of them, by the top-left rule. Rows of a triangle are found first, then the samples of each row, so that only
what is covered is ever listed.

Source: Pineda, "A Parallel Algorithm for Polygon Rasterization", SIGGRAPH 1988; the fill rule of Direct3D 11.3, 3.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .camera import View
from .clipping import Parts, clip

if TYPE_CHECKING:
    import torch

__all__ = ["STEPS", "Covered", "Triangles", "covered_samples", "join", "set_up"]

STEPS = 256  # to a sample
_HALF = STEPS // 2


@dataclass(frozen=True, slots=True)
class Triangles:
    """Triangles over the samples of a view, T of them, each in front and of some area. Corners run counter-clockwise as seen.

    Args:
        source: (T,) numbers of the triangles that they are or are parts of.
        weights: (3, 3, T) as in `Parts`, or None where all are entire.
        x, y: (3, T) corners in steps, whole numbers.
        place: (2, 3, T) the same in samples, floats with the gradient of the positions.
        w: (3, T) the depth of the corners in perspective, else 1.
        depth: (3, T) in meters.
        back: (T,) whether the back is seen.
    """

    source: torch.Tensor
    weights: torch.Tensor | None
    x: torch.Tensor
    y: torch.Tensor
    place: torch.Tensor
    w: torch.Tensor
    depth: torch.Tensor
    back: torch.Tensor

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True)
class Covered:
    """Samples that triangles cover: (N,) each.

    Args:
        triangle: numbers among the `Triangles`.
        column, row: of the sample.
    """

    triangle: torch.Tensor
    column: torch.Tensor
    row: torch.Tensor

    def pick(self, which: torch.Tensor) -> Covered:
        """Some of them, by a mask or by their numbers."""
        return Covered(self.triangle[which], self.column[which], self.row[which])


def set_up(
    view: View,
    placed: torch.Tensor,
    corners: torch.Tensor,
    both_sides: torch.Tensor,
    *,
    dtype: torch.dtype,
    first: int = 0,
) -> Triangles:
    """Place triangles over the samples of a view; those that cannot be seen are left out.

    Args:
        view: whose samples.
        placed: (3, V), what `View.place` gives of all corners.
        corners: (3, T), numbers among these.
        both_sides: (T,), whether the back is seen too.
        dtype: of the floats in the result.
        first: the number of the first of these triangles.
    """
    import torch

    at = placed[:, corners]  # (3 of x w, y w and depth; 3 corners; T)
    parts = start = _entire(corners.shape[1], placed)
    for plane in _planes(view):
        parts = clip(parts, plane(_blend(at, parts, parts is start)))
    entire = parts is start
    across, down, depth = _blend(at, parts, entire)
    w = depth if view.perspective else torch.ones_like(depth)
    place = torch.stack((across / w, down / w))
    steps = (place.detach() * STEPS).round().to(torch.int64)
    x, y = steps
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    # y runs down: what runs counter-clockwise in the world has a negative area here.
    seen = ((area < 0) | both_sides[parts.source]) & (area != 0) & _is_over_samples(view, x, y)
    kept = seen.nonzero()[:, 0]
    back = area[kept] > 0
    # Gradients go to the positions as if they had not been rounded.
    place = (place - place.detach() + steps / STEPS)[:, :, kept]
    weights = None if entire else _order(parts.weights[:, :, kept], back)
    x, y, w, depth = (_order(each[:, kept], back) for each in (x, y, w, depth))
    place = torch.stack([_order(each, back) for each in place]).to(dtype)
    weights = None if weights is None else weights.to(dtype)
    return Triangles(parts.source[kept] + first, weights, x, y, place, w.to(dtype), depth.to(dtype), back)


def join(parts: Sequence[Triangles]) -> Triangles:
    """Triangles that were set up in pieces, as one."""
    import torch

    if len(parts) == 1:
        return parts[0]
    weights = None
    if any(part.weights is not None for part in parts):
        entire = [_entire(len(part), part.w).weights if part.weights is None else part.weights for part in parts]
        weights = torch.cat(entire, 2)
    source, x, y, place, w, depth, back = (
        torch.cat([getattr(part, name) for part in parts], -1)
        for name in ("source", "x", "y", "place", "w", "depth", "back")
    )
    return Triangles(source, weights, x, y, place, w, depth, back)


def _entire(count: int, like: torch.Tensor) -> Parts:
    import torch

    weights = torch.eye(3, dtype=like.dtype, device=like.device)[:, :, None].expand(-1, -1, count)
    return Parts(torch.arange(count, device=like.device), weights)


def _blend(at: torch.Tensor, parts: Parts, entire: bool) -> torch.Tensor:
    """Values at the corners of parts, of the values at those of the triangles: (..., 3, T)."""
    if entire:
        return at
    import torch

    a, b, c = at[..., parts.source].unbind(1)
    return torch.stack([a * weights[0] + b * weights[1] + c * weights[2] for weights in parts.weights], 1)


def _planes(view: View) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """The near plane, and four around the picture: each gives distances of (3, 3, T) corners.

    A picture's size around it little is cut, and yet no triangle is so large that shares of its corners lose precision.
    """
    guard = max(view.height, view.width)

    def w_of(at: torch.Tensor) -> torch.Tensor | float:
        return at[2] if view.perspective else 1.0

    yield lambda at: at[2] - view.near
    yield lambda at: at[0] + guard * w_of(at)
    yield lambda at: (view.width + guard) * w_of(at) - at[0]
    yield lambda at: at[1] + guard * w_of(at)
    yield lambda at: (view.height + guard) * w_of(at) - at[1]


def _is_over_samples(view: View, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Whether the box around a triangle has the center of a sample in it."""
    over = None
    for at, size in ((x, view.width), (y, view.height)):
        first = _ceil_div(at.amin(0) - _HALF, STEPS).clamp(min=0)
        last = _floor_div(at.amax(0) - _HALF, STEPS).clamp(max=size - 1)
        over = first <= last if over is None else over & (first <= last)
    assert over is not None
    return over


def _order(corners: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
    """Turn corners (3, ...) around where the back is seen."""
    import torch

    return torch.stack((corners[0], *(torch.where(back, corners[3 - k], corners[k]) for k in (1, 2))))


def _floor_div(a: torch.Tensor, b: torch.Tensor | int) -> torch.Tensor:
    import torch

    return torch.div(a, b, rounding_mode="floor")


def _ceil_div(a: torch.Tensor, b: torch.Tensor | int) -> torch.Tensor:
    return -_floor_div(-a, b)


def covered_samples(
    view: View, triangles: Triangles, which: torch.Tensor, rows: tuple[int, int], block: int
) -> Iterator[Covered]:
    """List the samples whose centers lie in triangles.

    Args:
        view: whose samples.
        triangles: all there are.
        which: (K,) the numbers of those asked for.
        rows: the first row and the one behind the last.
        block: about how many samples a piece of the list has; one triangle's rows are never parted.

    Yields:
        Pieces of the list, in the order of the triangles.
    """
    import torch

    for chosen, first, count in _rows_of(triangles, which, rows, block):
        total = int(count.sum())
        if total == 0:
            continue
        owner = torch.repeat_interleave(torch.arange(len(chosen), device=count.device), count, output_size=total)
        row = first[owner] + torch.arange(total, device=count.device) - (count.cumsum(0) - count)[owner]
        triangle = chosen[owner]
        start, length = _spans(view, triangles, triangle, row)
        for part in _pieces(length, block):
            yield _fill(triangle[part], row[part], start[part], length[part])


def _rows_of(
    triangles: Triangles, which: torch.Tensor, rows: tuple[int, int], block: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Triangles in pieces, with their first row and how many they have."""
    for start in range(0, len(which), block):
        chosen = which[start : start + block]
        y = triangles.y[:, chosen]
        first = _ceil_div(y.amin(0) - _HALF, STEPS).clamp(min=rows[0])
        last = _floor_div(y.amax(0) - _HALF, STEPS).clamp(max=rows[1] - 1)
        count = (last - first + 1).clamp(min=0)
        for part in _pieces(count, block):
            yield chosen[part], first[part], count[part]


def _pieces(count: torch.Tensor, block: int) -> Iterator[slice]:
    """Cut a list of counts into pieces that count to about a block each."""
    import torch

    ends = count.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    if total <= block:
        yield slice(0, len(count))
        return
    marks = torch.arange(block, total + block, block, device=ends.device)
    edges = sorted({*torch.searchsorted(ends, marks).add(1).clamp(max=len(count)).tolist()})
    for start, end in zip([0, *edges], edges, strict=False):
        yield slice(start, end)


def _spans(
    view: View, triangles: Triangles, triangle: torch.Tensor, row: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first column of a row of a triangle, and how many columns it has."""
    import torch

    x, y = triangles.x[:, triangle], triangles.y[:, triangle]
    center = row * STEPS + _HALF
    start = torch.zeros_like(row)
    end = torch.full_like(row, view.width - 1)
    for k in range(3):
        after = (k + 1) % 3
        step_x, step_y = x[after] - x[k], y[after] - y[k]
        # Inside slope * column + value is positive; samples on the edge itself count at the left and at the top.
        is_ours = (step_y > 0) | ((step_y == 0) & (step_x < 0))
        slope = step_y * STEPS
        value = step_y * (_HALF - x[k]) - step_x * (center - y[k]) - (~is_ours).to(x.dtype)
        rising, falling = slope > 0, slope < 0
        bound = _floor_div(value, slope.abs().clamp(min=1))
        start = torch.where(rising, torch.maximum(start, -bound), start)
        end = torch.where(falling, torch.minimum(end, bound), end)
        end = torch.where((slope == 0) & (value < 0), -1, end)
    return start, (end - start + 1).clamp(min=0)


def _fill(triangle: torch.Tensor, row: torch.Tensor, start: torch.Tensor, length: torch.Tensor) -> Covered:
    import torch

    total = int(length.sum())
    owner = torch.repeat_interleave(torch.arange(len(length), device=length.device), length, output_size=total)
    column = start[owner] + torch.arange(total, device=length.device) - (length.cumsum(0) - length)[owner]
    return Covered(triangle[owner], column, row[owner])
