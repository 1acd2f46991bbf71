"""One pass of a resize or a blur as one kernel on CUDA, for functions that are compiled whole.

Inductor's own code for indexing reads an index, a weight and a value for every output pixel and tap. Here the pixels of
a tile share indices and weights. `passes.pass_by_indexing` is the definition, and what tensors elsewhere get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import torch

# Pixels of one tile, down and across.
_TILE = (8, 128)


@torch.library.custom_op("aikit::resample", mutates_args=())
def resample(
    plane: torch.Tensor, first: torch.Tensor, last: torch.Tensor, weights: torch.Tensor, axis: int
) -> torch.Tensor:
    """Do one pass over a plane (..., H, W), float32 or float64.

    Args:
        plane: the plane.
        first: for every output pixel, the input pixel of its first tap: (new,), int32.
        last: the input pixel that the taps do not go beyond, but repeat: (new,), int32.
        weights: of the taps, (taps, new), in the plane's dtype.
        axis: -1 along the rows, -2 along the columns.
    """
    result = _allocate(plane, first, axis)
    _fill(result, plane, first, last, weights, axis)
    return result


@resample.register_fake
def _(plane: torch.Tensor, first: torch.Tensor, last: torch.Tensor, weights: torch.Tensor, axis: int) -> torch.Tensor:
    return _allocate(plane, first, axis)


@torch.library.custom_op("aikit::resample_into", mutates_args={"out"})
def resample_into(
    out: torch.Tensor, plane: torch.Tensor, first: torch.Tensor, last: torch.Tensor, weights: torch.Tensor, axis: int
) -> None:
    """Do one pass into memory that is there."""
    _fill(out, plane, first, last, weights, axis)


def _allocate(plane: torch.Tensor, first: torch.Tensor, axis: int) -> torch.Tensor:
    shape = list(plane.shape)
    shape[axis] = first.shape[0]
    return plane.new_empty(shape)


def _fill(
    out: torch.Tensor, plane: torch.Tensor, first: torch.Tensor, last: torch.Tensor, weights: torch.Tensor, axis: int
) -> None:
    if plane.is_cuda:
        target = _pictures(out)
        with torch.cuda.device(plane.device):
            launch(target, _pictures(plane), first, last, weights, axis)
        if target.data_ptr() != out.data_ptr():  # its batch axes could not become one without a copy
            out.copy_(target.reshape(out.shape))
        return
    total = torch.zeros_like(out)
    for tap, weight in enumerate(weights):
        part = plane.index_select(axis, torch.minimum(first + tap, last))
        total += part * (weight if axis == -1 else weight[:, None])
    out.copy_(total)


def _pictures(plane: torch.Tensor) -> torch.Tensor:
    """Show a plane as (pictures, H, W), with columns side by side."""
    pictures = plane.reshape(-1, *plane.shape[-2:])
    return pictures if pictures.stride(-1) == 1 else pictures.contiguous()


def launch(
    target: torch.Tensor,
    source: torch.Tensor,
    first: torch.Tensor,
    last: torch.Tensor,
    weights: torch.Tensor,
    axis: int,
) -> None:
    """Run the kernel from (pictures, H, W) to (pictures, H, W)."""
    pictures, rows, columns = target.shape
    down, across = (-(-side // tile) for side, tile in zip((rows, columns), _TILE, strict=True))
    _kernel()[(pictures * down * across,)](
        target,
        source,
        first,
        last,
        weights,
        *(rows, columns, len(weights), 1),
        *(target.stride(0), target.stride(1), source.stride(0), source.stride(1)),
        along_rows=axis == -1,
        tile_down=_TILE[0],
        tile_across=_TILE[1],
    )


@lru_cache(maxsize=1)
def _kernel() -> Mapping[tuple[int, ...], Callable[..., object]]:
    """Make the kernel; Triton is loaded only where there is a GPU to use it."""
    import triton
    import triton.language as tl

    @triton.jit(do_not_specialize=["one"])  # type: ignore[untyped-decorator]
    def one_pass(  # type: ignore[no-untyped-def]
        target, source, first, last, weights,
        rows, columns, taps, one,
        target_picture, target_row, source_picture, source_row,
        along_rows: tl.constexpr, tile_down: tl.constexpr, tile_across: tl.constexpr,
    ):  # fmt: skip
        tiles_across, tiles_down = tl.cdiv(columns, tile_across), tl.cdiv(rows, tile_down)
        tile = tl.program_id(0)
        picture = (tile // (tiles_across * tiles_down)).to(tl.int64)
        row = (tile // tiles_across % tiles_down * tile_down + tl.arange(0, tile_down)).to(tl.int64)[:, None]
        # Along rows a thread takes one column of the tile, all the way down, which the compiler decides when it cannot see
        # that columns lie side by side, because `one` is 1. Otherwise it gives each thread four, so that a warp's reads
        # scatter over eight times as many cache lines, and passes weights between threads behind a barrier a tap.
        column = tl.arange(0, tile_across) * one if along_rows else tl.arange(0, tile_across)
        column = (tile % tiles_across * tile_across + column)[None, :]
        inside = (row < rows) & (column < columns)
        at, new = (column, columns) if along_rows else (row, rows)
        fits = at < new
        start, stop = tl.load(first + at, fits, 0), tl.load(last + at, fits, 0)
        source += picture * source_picture
        source += row * source_row if along_rows else column
        total = tl.zeros([tile_down, tile_across], target.dtype.element_ty)
        for tap in range(taps):
            index = tl.minimum(start + tap, stop)
            weight = tl.load(weights + tap * new + at, fits, 0)
            value = tl.load(source + (index if along_rows else index.to(tl.int64) * source_row), inside, 0)
            total += value * weight
        tl.store(target + picture * target_picture + row * target_row + column, total, inside)

    kernel: Mapping[tuple[int, ...], Callable[..., object]] = one_pass
    return kernel
