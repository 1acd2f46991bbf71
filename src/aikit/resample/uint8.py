"""Fast paths of a resize for opaque 8-bit pictures: Pillow's and torch's own integer kernels, and matrices for a box."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .._adapters.numpy import Array
from .._pixels import Opened, adapter, in_threads, thread_count
from ..convert import to_numpy, to_pil
from ..types import AnyImage
from .passes import KERNELS, WORTH_A_THREAD, Resizing, combine_rows, order_passes, resize_runs
from .whole_factors import by_sums, has_whole_factors

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .._pixels.contracts import OwnImage


def fast_path(opened: Opened[AnyImage], how: Resizing) -> OwnImage | None:
    """Resize an opaque 8-bit image; None where only floats serve."""
    spec, own = opened.spec, adapter(opened.spec.kind)
    if own.on_accelerators:
        from .._adapters.torch import in_subclass

        tensor = opened.pixels.image
        of_torch = None if how.box else by_torch(tensor, how)
        resampled = by_integers(tensor, how) if of_torch is None else of_torch
        return None if resampled is None else in_subclass(resampled, spec)
    if spec.channels not in (1, 3):
        return None
    if own.has_modes:
        picture = _resize_picture(opened.pixels.image, how)
        picture.info = dict(spec.info)
        return picture
    # The order of the channels makes no difference.
    array = opened.pixels.image
    pictures = array.reshape(-1, *array.shape[-3:])
    axes = [axis for axis, _ in order_passes((spec.height, spec.width), how)]
    parts = [_resize_array(one, how, axes) for one in pictures]
    resized = (np.stack(parts) if spec.batch else parts[0]).reshape(*spec.batch, *how.size, spec.channels)
    return resized[..., 0] if spec.flat else resized


def _resize_array(picture: Array, how: Resizing, axes: Sequence[int]) -> Array:
    """Resize one picture (H, W, C)."""
    if has_whole_factors(picture.shape[:2], how):
        return by_sums(picture, how, axes)
    return to_numpy(_resize_picture(to_pil(picture), how))


def _resize_picture(picture: Image.Image, how: Resizing) -> Image.Image:
    from PIL import Image

    shape = picture.size[::-1]
    axes = [axis for axis, _ in order_passes(shape, how)]
    if has_whole_factors(shape, how):
        return to_pil(by_sums(to_numpy(picture), how, axes))
    if how.box is None:
        return by_pillow(picture, how)
    return Image.fromarray(by_matrices(np.asarray(picture), how, axes))


def by_pillow(picture: Image.Image, how: Resizing) -> Image.Image:
    """Do both passes by Pillow, whose bits these are, large pictures cut into strips for the threads."""
    for axis, new in order_passes(picture.size[::-1], how):
        picture = _pass(picture, axis, new, how.method)
    return picture


def _pass(picture: Image.Image, axis: int, new: int, method: str) -> Image.Image:
    from PIL import Image

    width, height = picture.size
    across = height if axis == -1 else width
    resampling = Image.Resampling[KERNELS[method].pillow]
    strips = max(1, min(thread_count(), width * height // WORTH_A_THREAD, across))

    def one(start: int, stop: int) -> Image.Image:
        box, size = (
            ((0, start, width, stop), (new, stop - start))
            if axis == -1
            else ((start, 0, stop, height), (stop - start, new))
        )
        return (picture.crop(box) if strips > 1 else picture).resize(size, resampling)

    edges = [across * strip // strips for strip in range(strips + 1)]
    parts: list[Image.Image] = in_threads(one, edges[:-1], edges[1:])
    if len(parts) == 1:
        return parts[0]
    result = Image.new(picture.mode, (new, height) if axis == -1 else (width, new))
    for part, start in zip(parts, edges[:-1], strict=True):
        result.paste(part, (0, start) if axis == -1 else (start, 0))
    return result


# Results that share one matrix: 8 take a tenth less than 16 where a pass shrinks by two or more.
_RESULTS = 8

_COLUMNS = 512


# Of Pillow's weights behind the point, Resample.c, PRECISION_BITS: 32 bits less 8 of a code and 2 for sums beyond it.
_PILLOW_BITS = 22


def by_matrices(codes: Array, how: Resizing, axes: Sequence[int] = (-2, -1), *, exact: bool = False) -> Array:
    """Resize a box of codes (H, W) or (H, W, C), one axis after the other, as in Pillow: within one code, in a third of its time.

    `exact` takes Pillow's own weights and sums that float64 holds exactly: its bits, in half its time.
    """
    how = how.of_uint8()
    for axis in axes:
        # A pass works on whole rows; for the columns the picture is turned over.
        codes = (
            _resize_rows(codes, how, axis, exact)
            if axis == -2
            else cv2.transpose(_resize_rows(cv2.transpose(codes), how, axis, exact))
        )
    return codes


def _resize_rows(codes: Array, how: Resizing, axis: int, exact: bool) -> Array:
    """Resize the rows of a picture as `how` wants this axis, by matrix products."""
    new = how.size[axis]
    dtype, bits = (np.dtype(np.float64), _PILLOW_BITS) if exact else (np.dtype(np.float32), None)
    runs = resize_runs(len(codes), new, how.method, how.antialias, how.part(axis), dtype.name, _RESULTS, bits)
    rows = codes.reshape(len(codes), -1)
    result = np.empty((new, rows.shape[1]), np.uint8)
    # Some columns at a time, which stay in the cache.
    for start in range(0, rows.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        old = rows[:, columns].astype(dtype)
        sums = np.empty((new, old.shape[1]), dtype)
        combine_rows(runs, old, sums)
        sums += 0.5
        result[:, columns] = np.clip(sums, 0, 255.5, out=sums)
    return result.reshape(new, *codes.shape[1:])


def by_torch(tensor: torch.Tensor, how: Resizing) -> torch.Tensor | None:
    """Do both passes by torch's kernel for bytes; it begins horizontally, which shows where Lanczos or bicubic overshoots."""
    import torch

    height, width = tensor.shape[-2:]
    passes = order_passes((height, width), how)
    overshoots = how.method == "bicubic" or (how.method == "lanczos" and torch_has_lanczos())
    # A picture that gets much lower and wider would be a huge one between the passes.
    any_order = how.method == "bilinear" and how.size[1] <= width
    as_in_torch = any_order or ((overshoots or how.method == "bilinear") and passes[0][0] == -1)
    # Its weights have 16 bits: about one code in a thousand differs by one after the first pass. Where the second gives
    # such a pixel a weight near 1, or a negative one, two codes come of it, once in a million.
    old = {-1: width, -2: height}
    as_in_torch &= all(2 * new <= old[axis] or (how.method == "bilinear" and new > old[axis]) for axis, new in passes)
    # To a single pixel of color, torch 2.15 stops with an assertion of its own.
    if tensor.device.type != "cpu" or not as_in_torch or how.size == (1, 1):
        return None
    pictures = tensor.reshape(-1, *tensor.shape[-3:])
    small = torch.nn.functional.interpolate(pictures, how.size, mode=how.method, antialias=True)
    return small.reshape(*tensor.shape[:-2], *how.size)


def by_integers(tensor: torch.Tensor, how: Resizing) -> torch.Tensor | None:
    """Do both passes as Pillow does, plane by plane, where the tensor lies in host memory."""
    import torch

    from .._adapters import torch as tensors

    array = tensors.on_host(tensor)
    if array is None:
        return None
    height, width = tensor.shape[-2:]
    axes = [axis for axis, _ in order_passes((height, width), how)]
    planes = array.reshape(-1, height, width)
    is_whole = has_whole_factors((height, width), how)

    def resize_plane(plane: Array) -> Array:
        return by_sums(plane, how, axes) if is_whole else by_matrices(plane, how, axes, exact=True)

    small = in_threads(resize_plane, list(planes))
    return torch.from_numpy(np.stack(small)).reshape(*tensor.shape[:-2], *how.size)


@cache
def torch_has_lanczos() -> bool:
    """Whether this torch has Lanczos at all: 2.15 has, on the host."""
    import torch

    try:
        torch.nn.functional.interpolate(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), 4, mode="lanczos", antialias=True)
    except (NotImplementedError, ValueError):  # what versions say to a mode they do not know
        return False
    return True
