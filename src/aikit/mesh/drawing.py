"""What is seen of triangles, sample by sample: the nearest opaque one, and all see-through ones before it.

Work goes in strips of rows, whose samples fit in memory, and in blocks: on the host a block is so small that torch works
on it in the thread that calls and never waits for others, and that it stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..limits import Limits
from .raster import Covered, Triangles, covered_samples, join, set_up
from .shading import Textures, alpha_at
from .soup import Points, Soup, depth_at, interpolate

if TYPE_CHECKING:
    import torch

    from .camera import View
    from .scene import AlphaMode, Surface

__all__ = ["Budget", "Paint", "paint_all", "paint_nearest"]

# Gives the channels (C, N) and the alpha (N,) of points of one surface.
Paint: TypeAlias = "Callable[[Surface, Points], tuple[torch.Tensor, torch.Tensor]]"

# torch hands more than 32768 values to other threads (at::internal::GRAIN_SIZE), and a vector has four.
_BLOCK_ON_HOST, _BLOCK_ON_DEVICE = 8192, 1 << 22
_STRIP = 1 << 22  # samples
# What see-through surfaces hide too little of what is behind to be what is nearest.
_HALF = 0.5


@dataclass(slots=True)
class Budget:
    """How many samples of triangles may be looked at, all in all."""

    name: str
    limits: Limits | None
    spent: int = field(default=0)

    def spend(self, count: int) -> None:
        """Count some more.

        Raises:
            LimitError: more than `max_fragments` of the limits.
        """
        self.spent += count
        if self.limits is not None:
            self.limits.check(self.name, "samples of triangles", "max_fragments", self.spent)


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that a strip needs."""

    view: View
    soup: Soup
    triangles: Triangles
    modes: torch.Tensor  # (T,), numbers of _MODES
    textures: Textures
    budget: Budget
    block: int

    def of_mode(self, mode: AlphaMode) -> torch.Tensor:
        """Which triangles are of a mode."""
        found: torch.Tensor = (self.modes == _MODES.index(mode)).nonzero()[:, 0]
        return found

    def covered(self, which: torch.Tensor, rows: tuple[int, int]) -> Iterator[Covered]:
        for covered in covered_samples(self.view, self.triangles, which, rows, self.block):
            self.budget.spend(len(covered.triangle))
            yield covered

    def by_surface(self, covered: Covered) -> Iterator[tuple[Surface, torch.Tensor, Points]]:
        """Samples in blocks of one surface: which of them, and where they meet their triangles."""
        import torch

        surface = self.soup.surface[self.triangles.source[covered.triangle]]
        if len(self.soup.surfaces) == 1:
            parts = [(self.soup.surfaces[0], torch.arange(len(surface), device=surface.device))]
        else:
            order = surface.argsort(stable=True)
            counts = torch.bincount(surface, minlength=len(self.soup.surfaces)).tolist()
            ends = np.cumsum(counts).tolist()
            parts = [
                (look, order[end - count : end])
                for look, count, end in zip(self.soup.surfaces, counts, ends, strict=True)
            ]
        for look, chosen in parts:
            for start in range(0, len(chosen), self.block):
                which = chosen[start : start + self.block]
                yield look, which, interpolate(self.soup, self.triangles, covered.pick(which))


_MODES: tuple[AlphaMode, ...] = ("OPAQUE", "MASK", "BLEND")


def _prepare(view: View, soup: Soup, textures: Textures, budget: Budget) -> _Job:
    import torch

    device = soup.positions.device
    block = _BLOCK_ON_HOST if device.type == "cpu" else _BLOCK_ON_DEVICE
    placed = view.place(soup.positions)
    parts = []
    for start in range(0, max(1, soup.corners.shape[1]), block):
        which = slice(start, start + block)
        parts.append(
            set_up(
                view, placed, soup.corners[:, which], soup.both_sides[which], dtype=soup.positions.dtype, first=start
            )
        )
    triangles = join(parts)
    modes = torch.tensor([_MODES.index(each.alpha_mode) for each in soup.surfaces], device=device)
    found = modes[soup.surface[triangles.source]] if len(triangles) else triangles.source
    return _Job(view, soup, triangles, found, textures, budget, block)


def _strips(view: View) -> Iterator[tuple[int, int]]:
    step = max(1, _STRIP // view.width)
    for start in range(0, view.height, step):
        yield start, min(view.height, start + step)


def paint_all(
    view: View, soup: Soup, textures: Textures, budget: Budget, paint: Paint, channels: int, merge: int
) -> torch.Tensor:
    """Paint what is seen, see-through surfaces over what is behind them, and take the means of squares of samples.

    Args:
        view: a grid of samples.
        soup: the triangles.
        textures: their textures.
        budget: what it may cost.
        paint: gives colors.
        channels: how many it gives.
        merge: samples a pixel in each direction; the sizes of the grid are multiples of it.

    Returns:
        (channels + 1, H, W), colors multiplied by their alpha, and the alpha.
    """
    import torch

    job = _prepare(view, soup, textures, budget)
    strips = []
    step = max(1, _STRIP // view.width // merge) * merge
    for start in range(0, view.height, step):
        rows = start, min(view.height, start + step)
        strip = _paint_strip(job, rows, paint, channels).view(channels + 1, -1, view.width)
        # A sum of strided planes takes a tenth of the time that `mean` takes over two axes.
        parts = [strip[:, down::merge, right::merge] for down in range(merge) for right in range(merge)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        strips.append(total / merge**2)
    return torch.cat(strips, 1)


def paint_nearest(
    view: View, soup: Soup, textures: Textures, budget: Budget, paint: Paint, channels: int, empty: float
) -> torch.Tensor:
    """Paint the nearest surface of each sample, (channels, H, W), and `empty` where there is none."""
    import torch

    job = _prepare(view, soup, textures, budget)
    strips = []
    for rows in _strips(view):
        covered = _nearest(job, _zbuffer(job, rows, blend=True), rows)
        strip = torch.full(
            (channels, (rows[1] - rows[0]) * view.width),
            empty,
            dtype=soup.positions.dtype,
            device=soup.positions.device,
        )
        for surface, which, points in job.by_surface(covered):
            strip = _put(strip, _number(view, rows, covered.pick(which)), paint(surface, points)[0])
        strips.append(strip.view(channels, -1, view.width))
    return torch.cat(strips, 1)


def _put(canvas: torch.Tensor, at: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return canvas.index_copy_(1, at, values)


def _number(view: View, rows: tuple[int, int], covered: Covered) -> torch.Tensor:
    """The numbers of samples in a strip."""
    return (covered.row - rows[0]) * view.width + covered.column


# ---------------------------------------------------------------- what is nearest

_SHIFT = 32
_NOTHING = (1 << 63) - 1


def _key(triangles: Triangles, covered: Covered) -> torch.Tensor:
    """Depth and triangle in one number: of two the nearer is less, then the earlier. Positive floats order as integers."""
    import torch

    bits = depth_at(triangles, covered).float().clamp(min=0).view(torch.int32).long()
    return (bits << _SHIFT) | covered.triangle


def _zbuffer(job: _Job, rows: tuple[int, int], *, blend: bool) -> torch.Tensor:
    """For each sample the least key of what is opaque there; of see-through surfaces too, where they hide half."""
    import torch

    device = job.soup.positions.device
    nearest = torch.full(((rows[1] - rows[0]) * job.view.width,), _NOTHING, device=device)
    with torch.no_grad():
        for covered in job.covered(job.of_mode("OPAQUE"), rows):
            _lower(nearest, job, rows, covered)
        for mode in ("MASK", "BLEND") if blend else ("MASK",):
            for covered in job.covered(job.of_mode(mode), rows):
                _lower(nearest, job, rows, covered.pick(_is_there(job, covered)))
    return nearest


def _lower(nearest: torch.Tensor, job: _Job, rows: tuple[int, int], covered: Covered) -> None:
    nearest.scatter_reduce_(0, _number(job.view, rows, covered), _key(job.triangles, covered), "amin")


def _is_there(job: _Job, covered: Covered) -> torch.Tensor:
    """Whether alpha reaches the cutoff of the surface, for each sample."""
    import torch

    there = torch.zeros(len(covered.triangle), dtype=torch.bool, device=covered.triangle.device)
    for surface, which, points in job.by_surface(covered):
        cutoff = surface.alpha_cutoff if surface.alpha_mode == "MASK" else _HALF
        there[which] = alpha_at(job.soup, surface, points, job.textures) >= cutoff
    return there


def _nearest(job: _Job, nearest: torch.Tensor, rows: tuple[int, int]) -> Covered:
    """What a z-buffer holds."""
    at = (nearest < _NOTHING).nonzero()[:, 0]
    triangle = nearest[at] & ((1 << _SHIFT) - 1)
    return Covered(triangle, at % job.view.width, at // job.view.width + rows[0])


# ---------------------------------------------------------------- colors


def _paint_strip(job: _Job, rows: tuple[int, int], paint: Paint, channels: int) -> torch.Tensor:
    """The samples of a strip, (channels + 1, N), colors multiplied by alpha."""
    import torch

    nearest = _zbuffer(job, rows, blend=False)
    like = job.soup.positions
    strip = torch.zeros((channels + 1, len(nearest)), dtype=like.dtype, device=like.device)
    covered = _nearest(job, nearest, rows)
    for surface, which, points in job.by_surface(covered):
        color, alpha = paint(surface, points)
        strip = _put(strip, _number(job.view, rows, covered.pick(which)), torch.cat((color * alpha, alpha[None])))
    return _blend_over(strip, *_see_through(job, rows, nearest, paint, channels))


def _see_through(
    job: _Job, rows: tuple[int, int], nearest: torch.Tensor, paint: Paint, channels: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples of see-through surfaces that nothing opaque hides: their numbers, keys and colors with alpha."""
    import torch

    like = job.soup.positions
    at, keys, colors = [nearest[:0]], [nearest[:0]], [like.new_zeros((channels + 1, 0))]
    for found in job.covered(job.of_mode("BLEND"), rows):
        with torch.no_grad():
            key = _key(job.triangles, found)
            number = _number(job.view, rows, found)
            seen = ((key >> _SHIFT) <= (nearest[number] >> _SHIFT)).nonzero()[:, 0]
        covered = found.pick(seen)
        for surface, which, points in job.by_surface(covered):
            color, alpha = paint(surface, points)
            at.append(number[seen][which])
            keys.append(key[seen][which])
            colors.append(torch.cat((color * alpha, alpha[None])))
    return torch.cat(at), torch.cat(keys), torch.cat(colors, 1)


def _blend_over(strip: torch.Tensor, at: torch.Tensor, keys: torch.Tensor, colors: torch.Tensor) -> torch.Tensor:
    """Lay see-through samples over a strip, the farthest first."""
    import torch

    if len(at) == 0:
        return strip
    order = keys.argsort(descending=True)
    order = order[at[order].argsort(stable=True)]
    at, colors = at[order], colors[:, order]
    number = torch.arange(len(at), device=at.device)
    begins = torch.cat((at.new_ones(1, dtype=torch.bool), at[1:] != at[:-1]))
    layer = number - torch.where(begins, number, 0).cummax(0).values
    # Samples of one layer are all different, so that a layer is laid on at once.
    by_layer = layer.argsort(stable=True)
    end = 0
    for count in torch.bincount(layer).tolist():
        which = by_layer[end : end + count]
        end += count
        below, above = strip.index_select(1, at[which]), colors[:, which]
        strip = _put(strip, at[which], above + below * (1 - above[-1]))
    return strip
