"""One pass along one axis: every output pixel is a weighted sum of input pixels. And what to do about alpha."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .._adapters.numpy import Array, namespace
from .._pixels import Namespace, Plane, Planes, in_threads, is_exported, is_traced
from ..alpha.premultiplied import clip_alpha, divide_alpha, split_alpha_plane
from ..color import rgb

if TYPE_CHECKING:
    import torch

    # Of one pass in torch: what embedding bags add up, and with what weights; both (new, taps).
    Bags = tuple[torch.Tensor, torch.Tensor]

# Of one pass: how long the axis is and shall be, the method, whether it antialiases, and what part becomes the result.
PassKey = tuple[int, int, str, bool, tuple[float, float] | None]

# Of one pass: for each tap, which input pixel every output pixel takes, and with what weight; both (taps, new).
Taps = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A resampling kernel: its weights at distances in pixels, how far it reaches, and Pillow's name for it."""

    weight: Callable[[Array], Array]
    reach: float
    pillow: str


def _triangle(x: Array) -> Array:
    tent: Array = np.maximum(0, 1 - np.abs(x))
    return tent


def _cubic(x: Array) -> Array:
    # Keys, "Cubic convolution interpolation", 1981, with his a = -0.5; OpenCV and torch without antialias have -0.75.
    x, a = abs(x), -0.5
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: Array) -> Array:
    return np.where((x >= -3) & (x < 3), np.sinc(x) * np.sinc(x / 3), 0)


def _box(x: Array) -> Array:
    return np.where((x > -0.5) & (x <= 0.5), 1.0, 0.0)


KERNELS = {
    "bilinear": Kernel(_triangle, 1, "BILINEAR"),
    "bicubic": Kernel(_cubic, 2, "BICUBIC"),
    "lanczos": Kernel(_lanczos, 3, "LANCZOS"),
    "box": Kernel(_box, 0.5, "BOX"),
}


@lru_cache(maxsize=32)
def resize_taps(old: int, new: int, method: str, antialias: bool, part: tuple[float, float] | None = None) -> Taps:
    """List which pixels count, with what weights: Pillow's precompute_coeffs, its alignment and its edges.

    `part` is where the new pixels begin and end, in old ones: Pillow's box.
    """
    begin, end = part or (0, old)
    step = (end - begin) / new
    if method == "nearest":
        # Pillow adds up its steps, and so decides ties by its rounding errors: so do we.
        at = np.add.accumulate(np.r_[begin + 0.5 * step, np.full(new - 1, step)])
        return np.minimum(at.astype(np.int32), old - 1)[None], np.ones((1, new))
    if method == "area" and (antialias or step <= 1):
        return _cover(old, new, begin, step)
    kernel = KERNELS["box" if method == "area" else method]
    stretch = max(step, 1.0) if antialias else 1.0
    centers = begin + (np.arange(new) + 0.5) * step
    first = np.maximum((centers - kernel.reach * stretch + 0.5).astype(np.int32), 0)
    last = np.minimum((centers + kernel.reach * stretch + 0.5).astype(np.int32), old)
    positions = first + np.arange(max(1, int((last - first).max())), dtype=np.int32)[:, None]
    weights = np.where(positions < last, kernel.weight((positions - centers + 0.5) * (1 / stretch)), 0.0)
    total = weights.sum(0)
    # Past its last pixel a row repeats it with weight 0, so that NaN reaches no further than the kernel does.
    return np.minimum(positions, last - 1), weights / total


def _cover(old: int, new: int, begin: float, step: float) -> Taps:
    """List which pixels lie under each new one, by how much of it they fill: a mean, also of parts of pixels."""
    start = begin + np.arange(new) * step
    # The edge of a pixel, but for rounding: the next one is not touched, whose NaN would else come in with weight 1e-16.
    start, stop = (
        np.where(abs(edge - np.rint(edge)) < 1e-9 * old, np.rint(edge), edge) for edge in (start, start + step)
    )
    first, last = np.floor(start).astype(np.int32), np.minimum(np.ceil(stop), old).astype(np.int32)
    positions = first + np.arange(int((last - first).max()), dtype=np.int32)[:, None]
    weights = np.maximum(np.minimum(positions + 1, stop) - np.maximum(positions, start), 0.0)
    return np.minimum(positions, last - 1), weights / weights.sum(0)


def pass_by_indexing(xp: Namespace, plane: Plane, taps: Taps, axis: int) -> Plane:
    """Do one pass as a weighted sum of the taps, elementwise, so that TF32 and autocast cannot touch it."""
    total: Plane = None
    for positions, weights in zip(*taps, strict=True):
        index = xp.asarray(positions, device=plane.device)
        weight = xp.asarray(weights, dtype=plane.dtype, device=plane.device)
        part = plane[..., index] * weight if axis == -1 else plane[..., index, :] * weight[:, None]
        total = part if total is None else total + part
    return total


def pick_pixels(xp: Namespace, plane: Plane, positions: Array, axis: int) -> Plane:
    """Do one pass of "nearest": pixels, unchanged."""
    index = xp.asarray(positions, device=plane.device)
    return plane[..., index] if axis == -1 else plane[..., index, :]


# ---------------------------------------------------------------- on the host: small matrices


# About how many results share one matrix: more of them waste multiplications by 0, fewer leave the matrix too small to be
# fast.
_BLOCK = 16

# A product of fewer multiplications stays in one thread of OpenBLAS; its own threads wait for each other in a loop, which
# takes ten times longer once another program needs a core.
_ONE_THREAD = 1 << 18


class Run(NamedTuple):
    """Neighboring blocks of results whose pixels lie at equal distances, so that one call makes all of their products."""

    results: slice
    first: int  # pixel of the first block
    step: int  # from a block's first pixel to the next one's
    weights: Array  # (blocks, results of a block, pixels of a block)


@lru_cache(maxsize=32)
def resize_runs(
    old: int,
    new: int,
    method: str,
    antialias: bool,
    part: tuple[float, float] | None = None,
    dtype: str = "float32",
    size: int = _BLOCK,
    bits: int | None = None,
) -> list[Run]:
    """Arrange the taps of a resize as small dense matrices of about `size` results, weights rounded to so many bits."""
    positions, weights = resize_taps(old, new, method, antialias, part)
    if bits is not None:
        weights = np.copysign(np.floor(np.abs(weights) * 2.0**bits + 0.5) / 2.0**bits, weights)
    # The size whose blocks come closest to a whole number of pixels apart has the longest runs.
    step = old / new if part is None else (part[1] - part[0]) / new
    sizes = sorted(range(size - size // 4, size + size // 4 + 1), key=lambda each: abs(each - size))
    size = min(sizes, key=lambda each: round(abs(each * step - round(each * step)), 9))
    runs = []
    for start, stop in ((0, new - new % size), (new - new % size, new)):
        if start < stop:
            count = min(size, stop - start)
            at, share = (taps[:, start:stop].reshape(len(taps), -1, count) for taps in (positions, weights))
            runs += _runs_of(at, share, start, old, dtype)
    return runs


def _runs_of(positions: Array, weights: Array, start: int, old: int, dtype: str) -> list[Run]:
    """Arrange blocks of one size, as taps (taps, blocks, results), as runs; their first result is `start`."""
    first, last = positions.min((0, 2)), positions.max((0, 2)) + 1
    width = int((last - first).max())
    first = np.minimum(first, old - width)
    count, size = positions.shape[1:]
    matrices = np.zeros((count, size, width))
    np.add.at(matrices, (*np.ogrid[:count, :size], positions - first[:, None]), weights)
    runs, at = [], 0
    while at < count:
        steps = np.diff(first[at:])
        same = int(np.argmin(steps == steps[0])) if len(steps) and (steps != steps[0]).any() else len(steps)
        results = slice(start + at * size, start + (at + same + 1) * size)
        step = int(steps[0]) if len(steps) else 0
        runs.append(Run(results, int(first[at]), step, matrices[at : at + same + 1].astype(dtype)))
        at += same + 1
    return runs


def combine_rows(runs: list[Run], rows: Array, into: Array) -> None:
    """Make rows that are sums of rows, a call a run.

    Few calls, each with much to do and without the interpreter's lock: threads that asked for it every 20 microseconds
    would take twice the time of one.
    """
    down, across = rows.strides
    for run in runs:
        blocks, size, pixels = run.weights.shape
        width = min(rows.shape[1], max(1, _ONE_THREAD // (size * pixels)))
        whole = rows.shape[1] - rows.shape[1] % width
        for columns, each in ((slice(0, whole), width), (slice(whole, None), rows.shape[1] - whole)):
            if each:
                part, sums = rows[run.first :, columns], into[run.results, columns]
                shape = blocks, part.shape[1] // each, pixels, each
                windows = as_strided(part, shape, (run.step * down, each * across, down, across), writeable=False)
                targets = sums.reshape(blocks, size, -1, each).swapaxes(1, 2)
                np.matmul(run.weights[:, None], windows, out=targets)


def pass_by_matmul(plane: Array, axis: int, key: PassKey) -> Array:
    """Do one pass over an array, by BLAS: three times faster than Pillow's floats.

    A matrix spreads NaN and infinity over its whole block, so a picture with any of them goes the slow way.
    """
    runs = resize_runs(*key, plane.dtype.name)
    shape = list(plane.shape)
    shape[axis] = key[1]
    result = np.empty(shape, plane.dtype)
    with np.errstate(all="ignore"):
        for index in np.ndindex(plane.shape[:-2]):
            picture, into = plane[index], result[index]
            if axis == -1:
                combine_rows(runs, picture.T, into.T)
            else:
                combine_rows(runs, picture, into)
            if not np.isfinite(into.max() + into.min()):
                into[:] = pass_by_indexing(namespace, picture, resize_taps(*key), axis)
    return result


# ---------------------------------------------------------------- torch: one kernel a pass


def pass_by_embedding_bag(plane: torch.Tensor, bags: Bags, axis: int) -> torch.Tensor:
    """Do the pass of `pass_by_indexing` in one kernel of torch: an embedding bag is a weighted sum of rows.

    1080p to half its width takes 12 ms where indexing takes 117 and `interpolate` 24. It accumulates in float32,
    uses no matrix product, and has a gradient (but no second one).
    """
    import torch

    index, weight = bags
    rows = plane.movedim(axis, 0)
    flat = rows.reshape(rows.shape[0], -1).contiguous()
    sums = torch.nn.functional.embedding_bag(index, flat, per_sample_weights=weight, mode="sum")
    return sums.reshape(-1, *rows.shape[1:]).movedim(0, axis)


def make_bags(taps: Taps, plane: torch.Tensor) -> Bags:
    """Make tensors (new, taps) of taps, where a plane is."""
    import torch

    # Outside inference mode: tensors made inside could serve no gradient later, and these are kept.
    with torch.inference_mode(False):
        index, weight = (torch.from_numpy(np.array(part.T, order="C")).to(plane.device) for part in taps)
        return index, weight.to(plane.dtype)


_BAGS: dict[tuple[PassKey, torch.dtype, torch.device], Bags] = {}


def _resize_bags(xp: Namespace, plane: torch.Tensor, key: PassKey) -> Bags:
    """Make tensors of the taps of a resize; the last few are kept on their device."""
    if is_traced(xp, plane):  # what is kept belongs to no trace, and what a trace makes to no other
        return make_bags(resize_taps(*key), plane)
    place = (key, plane.dtype, plane.device)
    bags = _BAGS.get(place)
    if bags is None:
        bags = make_bags(resize_taps(*key), plane)
        for old in list(_BAGS)[:-15]:
            _BAGS.pop(old, None)
        _BAGS[place] = bags
    return bags


def has_bags(plane: torch.Tensor) -> bool:
    """Whether there is a kernel for embedding bags where a tensor is; the rest indexes."""
    return plane.device.type in ("cpu", "cuda")


def apply_taps(xp: Namespace, plane: Plane, taps: Taps, axis: int) -> Plane:
    """Do one pass by the fastest way that every dtype and device has."""
    if xp.__name__ == "torch" and has_bags(plane):
        return pass_by_embedding_bag(plane, make_bags(taps, plane), axis)
    return pass_by_indexing(xp, plane, taps, axis)


# ---------------------------------------------------------------- torch, compiled


def has_kernel(xp: Namespace, plane: Plane) -> bool:
    """Whether a pass is a kernel of ours: on CUDA, in a function that is compiled, where no gradient is wanted."""
    return bool(is_traced(xp, plane) and plane.is_cuda and not plane.requires_grad and not is_exported())


def pass_by_kernel(plane: torch.Tensor, taps: Taps, axis: int) -> torch.Tensor:
    """Do one pass of a resize by a kernel of ours."""
    import torch

    from .cuda import resample

    positions, weights = taps
    first, last, shares = (torch.from_numpy(np.array(part)).to(plane.device) for part in (*positions[[0, -1]], weights))
    result: torch.Tensor = resample(plane, first, last, shares.to(plane.dtype), axis)
    return result


# ---------------------------------------------------------------- both passes


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a plane, or a box in it, is to be resized: (left, top, right, bottom)."""

    size: tuple[int, int]
    method: str
    antialias: bool = True
    clamp: bool = False  # after each pass, as Pillow does with integers
    box: tuple[float, float, float, float] | None = None

    def part(self, axis: int) -> tuple[float, float] | None:
        """Tell where the box begins and ends along an axis."""
        return None if self.box is None else (self.box[-1 - axis], self.box[1 - axis])

    def old_size(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Give the height and width of what becomes the new picture, of planes of this shape."""
        return shape if self.box is None else (self.box[3] - self.box[1], self.box[2] - self.box[0])

    def of_uint8(self) -> Resizing:
        """How 8 bits are resized, as Pillow does it: where pixels count in part, its box takes them whole or not at all."""
        return replace(self, method="box") if self.method == "area" else self

    def is_cut(self, shape: tuple[int, int]) -> bool:
        """Whether all pixels stay as they are."""
        return all(_is_cut(self.part(axis) or (0, shape[axis]), self.size[axis]) for axis in (-1, -2))


def _is_cut(part: tuple[float, float], new: int) -> bool:
    return part[0] == int(part[0]) and part[1] - part[0] == new


def order_passes(shape: tuple[int, int], how: Resizing) -> list[tuple[int, int]]:
    """List the passes to do, as (axis, new length): horizontally first, but for pictures that get much lower.

    The order shows where integers are clamped between the passes. This is Pillow 13's rule, found by experiment;
    Pillow up to 12 always begins horizontally.
    """
    old, new = how.old_size(shape), how.size
    passes = [(-1, new[1]), (-2, new[0])]
    # Of a part of a picture too it asks for the whole.
    if new[0] < shape[0] and shape[0] - new[0] > 2 * (shape[1] - new[1]):
        passes.reverse()
    return [(axis, length) for axis, length in passes if how.box is not None or old[axis] != length]


def resample_plane(xp: Namespace, plane: Plane, how: Resizing) -> Plane:
    """Resize a plane along one axis, then the other."""
    height, width = plane.shape[-2:]
    passes = order_passes((height, width), how)
    # Without clamping the order shows in the rounding alone, and columns are faster, unless a huge picture lay between.
    columns_first = how.size[0] * width <= max(height * width, how.size[0] * how.size[1])
    if xp.__name__ == "numpy" and not how.clamp and columns_first:
        passes.sort(reverse=True, key=lambda step: step[0] == -2)
    for axis, new in passes:
        part = how.part(axis)
        if part is not None and _is_cut(part, new):
            kept = slice(int(part[0]), int(part[1]))
            plane = plane[..., kept] if axis == -1 else plane[..., kept, :]
            continue
        key = (plane.shape[axis], new, how.method, how.antialias, part)
        if has_kernel(xp, plane):
            plane = pass_by_kernel(plane, resize_taps(*key), axis)
        elif how.method == "nearest":
            plane = pick_pixels(xp, plane, resize_taps(*key)[0][0], axis)
        elif xp.__name__ == "numpy":
            plane = pass_by_matmul(plane, axis, key)
        elif has_bags(plane):
            plane = pass_by_embedding_bag(plane, _resize_bags(xp, plane, key), axis)
        else:
            plane = pass_by_indexing(xp, plane, resize_taps(*key), axis)
        plane = xp.clip(plane, 0, 1) if how.clamp else plane
    return plane


# ---------------------------------------------------------------- alpha, light, and planes together


# Pixels.
WORTH_A_THREAD = 1 << 16


def map_in_threads(work: Callable[[Plane], Plane], planes: Sequence[Plane]) -> Planes:
    """Work on arrays, large ones in threads: NumPy and OpenCV let go of the interpreter."""
    if planes[0].size < WORTH_A_THREAD:
        return [work(plane) for plane in planes]
    # Each thread gets the caller's context, in which NumPy has been told not to warn of NaN.
    contexts = [contextvars.copy_context() for _ in planes]
    return in_threads(lambda context, plane: context.run(work, plane), contexts, planes)


def stack_planes(xp: Namespace, planes: Sequence[Plane]) -> Planes:
    """Make one tensor of all planes where that takes fewer kernels of torch; else a list of them."""
    if xp.__name__ != "torch" or len(planes) < 2 or has_kernel(xp, planes[0]):
        return list(planes)
    return [xp.stack(list(planes))]


def unstack_planes(planes: Planes, count: int) -> Planes:
    """List the planes that `stack_planes` joined."""
    return list(planes[0].unbind(0)) if len(planes) < count else planes


def run_premultiplied(
    xp: Namespace, planes: Sequence[Plane], work: Callable[[Plane], Plane], *, linear: bool = False
) -> Planes:
    """Apply work to planes whose color is premultiplied, and in light if asked; undo both afterwards."""
    color, alpha = split_alpha_plane(planes)
    colors, alpha = len(color), None if alpha is None else clip_alpha(xp, alpha)
    map_planes = map_in_threads if xp.__name__ == "numpy" else _each_in_turn

    def forth(plane: Plane) -> Plane:
        if plane is alpha:
            return work(plane)
        plane = rgb.decode(xp, [plane], None)[0] if linear else plane
        return work(plane if alpha is None else plane * alpha)

    # Color and alpha together: an even number of planes for the threads.
    color = map_planes(forth, [*stack_planes(xp, color), *([] if alpha is None else [alpha])])
    if alpha is not None:
        alpha = clip_alpha(xp, color.pop())
        color = divide_alpha(xp, color, alpha)
    if linear:
        color = map_planes(lambda plane: rgb.encode(xp, [plane], None)[0], color)
    return [*unstack_planes(color, colors), *([] if alpha is None else [alpha])]


def _each_in_turn(work: Callable[[Plane], Plane], planes: Sequence[Plane]) -> Planes:
    return [work(plane) for plane in planes]
